/* Asking, in two rounds: every record at every server, then once more what did not agree. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "observe.h"
#include "sluice/crypto.h"
#include "sluice/text.h"

#define OPEN_MAX (2 * DNS_CLIENT_FDS_MAX) /* questions in the client at a time */
#define GIVE_UP                                                                                    \
    4 /* so many unanswered questions and no answer: the server is left alone this round */
#define SHOWN_BYTES 300

enum phase { ROUND_ONE, PAUSE, ROUND_TWO, OVER };

struct target {       /* one record, ready to be asked */
    const char *name; /* canonical */
    uint16_t type;
    const char **canonical; /* a set each */
    bool sampled, again;
    uint32_t each; /* questions to each server in this round */
};

struct observe {
    const struct observe_request *request;
    struct arena mem;
    struct dns_client *client;
    struct target *targets;
    struct observe_tally *tallies; /* record * servers_n + server */
    uint32_t answered[OBSERVE_SERVERS_MAX], unanswered[OBSERVE_SERVERS_MAX]; /* in this round */
    uint32_t open[OBSERVE_SERVERS_MAX]; /* questions on their way */
    bool ever[OBSERVE_SERVERS_MAX];
    char (*server)[DNS_SERVER_TEXT_MAX];
    double alpha;
    enum phase phase;
    int64_t again_ms;
    size_t at_record, at_server;
    uint32_t at_question;
    struct observe_result result;
};

/* -- what to ask ------------------------------------------------------------------------------- */

static uint64_t splitmix(uint64_t *state) /* Steele, Lea, Flood 2014 */
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Marks the records whose shares are sampled: a draw without putting back. */
static void pick_sampled(struct observe *o)
{
    size_t n = o->request->records_n, left, want = OBSERVE_SHARES_MAX, i;
    uint64_t state = o->request->seed;

    for (i = 0, left = n; i < n && want; i++, left--)
        if (splitmix(&state) % left < want) {
            o->targets[i].sampled = true;
            want--;
        }
    o->result.records_sampled = (uint32_t)(OBSERVE_SHARES_MAX - want);
}

bool observe_name(struct buf *out, const char *listed, struct err *err)
{
    struct buf name SL_CLEANUP(buf_clear) = {0};
    uint32_t random;

    if (!dns_name_canonical(&name, listed, true, err))
        return false;
    if (!text_starts_with(buf_str(&name), "*.")) {
        buf_add(out, name.data, name.len);
        return true;
    }
    crypto_random(&random, sizeof random);
    buf_addf(out, "sluice-%08" PRIx32 "%s", random, buf_str(&name) + 1);
    return true;
}

static bool load_target(struct observe *o, size_t i, struct err *err)
{
    const struct observe_record *r = &o->request->records[i];
    struct target *t = &o->targets[i];
    struct buf name SL_CLEANUP(buf_clear) = {0};
    size_t s;

    t->type = dns_type_parse(r->type);
    if (!t->type)
        return err_set(err, ERR_FILE, "%s: unknown type %s", r->name, r->type);
    if (!observe_name(&name, r->name, err))
        return false;
    t->name = arena_strdup(&o->mem, buf_str(&name));
    t->canonical = arena_array(&o->mem, r->sets_n, sizeof *t->canonical);
    for (s = 0; s < r->sets_n; s++) {
        struct buf values SL_CLEANUP(buf_clear) = {0};

        if (!observe_canonical(&values, t->type, r->sets[s].values, r->sets[s].values_n, err))
            return err_prefix(err, "%s %s, set %s: ", r->name, r->type, r->sets[s].set_id);
        t->canonical[s] = arena_strdup(&o->mem, buf_str(&values));
    }
    return true;
}

static void plan_round(struct observe *o)
{
    size_t i, servers = o->request->servers_n;

    for (i = 0; i < o->request->records_n; i++) {
        struct target *t = &o->targets[i];
        double share = observe_share(&o->request->records[i]);
        uint32_t n = t->sampled && share >= 0 ? observe_samples(share) : 1;

        t->each = t->sampled ? (n + (uint32_t)servers - 1) / (uint32_t)servers : 1;
        if (t->sampled && o->request->each)
            t->each = o->request->each;
        if (o->phase == ROUND_TWO)
            t->each *= 2;
    }
    memset(o->answered, 0, sizeof o->answered);
    memset(o->unanswered, 0, sizeof o->unanswered);
    o->at_record = o->at_server = o->at_question = 0;
}

static bool load(struct observe *o, struct err *err)
{
    const struct observe_request *q = o->request;
    uint32_t tests;
    size_t i;

    if (!q->servers_n || q->servers_n > OBSERVE_SERVERS_MAX)
        return err_set(err, ERR_FILE, "%zu name servers; 1 to %u are taken", q->servers_n,
                       OBSERVE_SERVERS_MAX);
    if (q->records_n > OBSERVE_RECORDS_MAX)
        return err_set(err, ERR_LIMIT, "%zu records; at most %u are taken", q->records_n,
                       OBSERVE_RECORDS_MAX);
    for (i = 0; i < q->servers_n; i++) {
        struct buf address SL_CLEANUP(buf_clear) = {0};

        if (!dns_server_format(&address, q->servers[i], err))
            return false;
        snprintf(o->server[i], sizeof o->server[i], "%s", buf_str(&address));
    }
    for (i = 0; i < q->records_n; i++)
        if (!load_target(o, i, err))
            return false;
    pick_sampled(o);
    tests = o->result.records_sampled;
    if (q->tests_in_run > tests)
        tests = q->tests_in_run;
    o->alpha = OBSERVE_ALPHA_RUN / (tests ? tests : 1);
    return true;
}

static void feed(struct observe *o, int64_t now_ms);

struct observe *observe_start(const struct observe_request *request, int64_t now_ms,
                              struct err *err)
{
    struct observe *o = x_zalloc(sizeof *o);

    o->request = request;
    o->client = dns_client_new();
    o->targets = arena_array(&o->mem, request->records_n, sizeof *o->targets);
    o->tallies = arena_array(&o->mem, request->records_n * request->servers_n, sizeof *o->tallies);
    o->server = arena_array(&o->mem, request->servers_n, sizeof *o->server);
    if (!load(o, err)) {
        observe_free(o);
        return NULL;
    }
    plan_round(o);
    feed(o, now_ms);
    return o;
}

void observe_free(struct observe *o)
{
    if (!o)
        return;
    dns_client_free(o->client);
    arena_clear(&o->mem);
    free(o);
}

/* -- asking ------------------------------------------------------------------------------------ */

static struct observe_tally *tally_of(const struct observe *o, size_t record, size_t server)
{
    return &o->tallies[record * o->request->servers_n + server];
}

static uint32_t answers_in(const struct observe_tally *t)
{
    uint32_t n = 0;
    size_t k;

    for (k = 0; k < OBSERVE_KINDS; k++)
        n += t->count[k];
    return n;
}

static bool is_wanted(const struct observe *o, size_t record)
{
    return o->phase == ROUND_ONE || o->targets[record].again;
}

/* Servers take turns within a record, so that none gets a burst. False when the round has been
 * asked. */
static bool has_question(struct observe *o)
{
    while (o->at_record < o->request->records_n) {
        if (o->at_question < o->targets[o->at_record].each && is_wanted(o, o->at_record))
            return true;
        o->at_record++;
        o->at_question = 0;
    }
    return false;
}

static void advance(struct observe *o)
{
    o->at_server++;
    if (o->at_server < o->request->servers_n)
        return;
    o->at_server = 0;
    o->at_question++;
}

static bool is_away(const struct observe *o, size_t server)
{
    return !o->answered[server] &&
           (o->unanswered[server] >= GIVE_UP || (o->phase == ROUND_TWO && !o->ever[server]));
}

static void feed(struct observe *o, int64_t now_ms)
{
    for (; dns_client_open(o->client) < OPEN_MAX && has_question(o); advance(o)) {
        size_t s = o->at_server;
        struct observe_tally *t = tally_of(o, o->at_record, s);
        struct dns_question q = {.servers = {o->server[s]},
                                 .name = o->targets[o->at_record].name,
                                 .type = o->targets[o->at_record].type};

        if (is_away(o, s)) {
            t->silent++;
            continue;
        }
        /* Until a server has answered once it gets few questions: they would fill every place. */
        if (!o->answered[s] && o->open[s] >= GIVE_UP)
            break;
        o->open[s]++;
        o->result.queries++;
        dns_client_ask(o->client, &q, t, now_ms);
    }
}

static void tell(const struct observe *o, size_t record, size_t server,
                 const struct dns_answer *answer, enum observe_kind kind, bool ttl_wrong)
{
    if (o->request->on_answer)
        o->request->on_answer(o->request->ctx, record, server, answer, kind, ttl_wrong);
}

static void count(struct observe *o, const struct dns_done *done)
{
    struct observe_tally *t = done->ctx;
    size_t at = (size_t)(t - o->tallies), r = at / o->request->servers_n,
           s = at % o->request->servers_n;
    enum observe_kind kind = OBSERVE_IS_LAME;
    bool ttl_wrong = false;

    o->open[s]--;
    if (done->outcome != DNS_ANSWERED && done->outcome != DNS_FAILED) {
        t->silent++;
        o->unanswered[s]++;
        tell(o, r, s, NULL, OBSERVE_KINDS, false);
        return;
    }
    o->answered[s]++;
    o->ever[s] = true;
    if (done->outcome == DNS_ANSWERED && done->answer.authoritative)
        kind = observe_classify(&o->request->records[r],
                                (const char *const *)o->targets[r].canonical, done->answer.records,
                                done->answer.records_n, o->targets[r].type, &ttl_wrong);
    t->count[kind]++;
    t->ttl_wrong += ttl_wrong;
    tell(o, r, s, &done->answer, kind, ttl_wrong);
}

/* -- judging ----------------------------------------------------------------------------------- */

static size_t judge(const struct observe *o, size_t r, struct observe_finding *out)
{
    return observe_judge(&o->request->records[r], (uint32_t)r, tally_of(o, r, 0),
                         o->request->servers_n, o->targets[r].sampled, o->alpha, out);
}

/* Marks what is asked again, and forgets what was counted there. True when there is any. */
static bool mark_again(struct observe *o)
{
    struct observe_finding found[6 * OBSERVE_SERVERS_MAX + 2];
    size_t r, s, servers = o->request->servers_n;
    bool any = false;

    for (r = 0; r < o->request->records_n; r++) {
        struct target *t = &o->targets[r];

        t->again = judge(o, r, found) > 0;
        for (s = 0; s < servers && !t->again; s++) /* lost on the way; not: a server that is away */
            t->again = o->ever[s] && !answers_in(tally_of(o, r, s));
        if (t->again)
            memset(tally_of(o, r, 0), 0, servers * sizeof *o->tallies);
        any = any || t->again;
    }
    return any;
}

static void keep(struct observe_result *result, const struct observe_finding *f)
{
    result->findings_all++;
    if (result->findings_n < OBSERVE_FINDINGS_MAX)
        result->findings[result->findings_n++] = *f;
    if (f->server != UINT32_MAX && f->fault != OBSERVE_SERVER_SILENT && f->fault != OBSERVE_LAME &&
        !f->warning)
        result->stale[f->server] = true;
    if (!f->warning && f->fault != OBSERVE_SERVER_SILENT)
        result->verdict = OBSERVE_INCONCLUSIVE;
}

static void conclude(struct observe *o)
{
    struct observe_finding found[6 * OBSERVE_SERVERS_MAX + 2];
    struct observe_result *result = &o->result;
    size_t r, s, i, n, silent = 0;

    result->verdict = OBSERVE_PASS;
    for (s = 0; s < o->request->servers_n; s++) {
        struct observe_finding f = {.fault = OBSERVE_SERVER_SILENT, .record = UINT32_MAX};

        if (o->ever[s] || !o->request->records_n)
            continue;
        f.server = (uint32_t)s;
        f.warning = true;
        keep(result, &f);
        result->silent[s] = true;
        silent++;
    }
    for (r = 0; r < o->request->records_n; r++)
        for (i = 0, n = judge(o, r, found); i < n; i++)
            keep(result, &found[i]);
    if (silent == o->request->servers_n)
        result->verdict = OBSERVE_NO_SERVER;
    o->phase = OVER;
}

/* -- the loop ---------------------------------------------------------------------------------- */

size_t observe_fds(const struct observe *o, struct pollfd *fds, size_t max)
{
    return dns_client_fds(o->client, fds, max);
}

int64_t observe_wake_at(const struct observe *o)
{
    if (o->phase == OVER)
        return INT64_MAX;
    return o->phase == PAUSE ? o->again_ms : dns_client_wake_at(o->client);
}

bool observe_step(struct observe *o, int64_t now_ms)
{
    struct dns_done done;

    if (o->phase == PAUSE && now_ms >= o->again_ms) {
        o->phase = ROUND_TWO;
        plan_round(o);
    }
    if (o->phase == PAUSE || o->phase == OVER)
        return o->phase == OVER;
    dns_client_step(o->client, now_ms);
    while (dns_client_next(o->client, &done)) {
        count(o, &done);
        dns_answer_clear(&done.answer);
    }
    feed(o, now_ms);
    if (dns_client_open(o->client))
        return false;
    if (o->phase == ROUND_ONE && !o->request->once && mark_again(o)) {
        o->phase = PAUSE;
        o->again_ms = now_ms + OBSERVE_AGAIN_MS;
        return false;
    }
    conclude(o);
    return true;
}

const struct observe_result *observe_result(const struct observe *o)
{
    return &o->result;
}

const struct observe_tally *observe_tally(const struct observe *o, size_t record, size_t server)
{
    return tally_of(o, record, server);
}

/* -- words ------------------------------------------------------------------------------------- */

static const char *const sentences[] = {
    [OBSERVE_FINE] = "is as written",
    [OBSERVE_SERVER_SILENT] = "does not answer",
    [OBSERVE_NO_ANSWER] = "was answered by no server",
    [OBSERVE_LAME] = "refuses, fails or is no authority for",
    [OBSERVE_EMPTY] = "has no record for",
    [OBSERVE_FOREIGN] = "answers with values of none of its sets:",
    [OBSERVE_TTL] = "answers with another TTL than written:",
    [OBSERVE_OPPOSING] = "still answers with a side that has no weight:",
    [OBSERVE_SHARE] = "the shares do not fit the weights:",
    [OBSERVE_SHARE_SERVER] = "answers with shares that do not fit the weights:",
};
_Static_assert(ARRAY_LEN(sentences) == OBSERVE_FAULT_COUNT, "words for every fault");

static void add_record(const struct observe_record *r, struct buf *out)
{
    const char *name = r->name;
    size_t len;

    if (text_starts_with(name, "\\052")) { /* Route 53's way of writing "*" */
        buf_add_char(out, '*');
        name += 4;
    }
    len = strlen(name);
    text_add_safe(out, name, len && name[len - 1] == '.' ? len - 1 : len, SHOWN_BYTES);
    buf_add_char(out, ' ');
    text_add_safe(out, r->type, strlen(r->type), SHOWN_BYTES);
}

void observe_finding_format(const struct observe_request *request, const struct observe_finding *f,
                            struct buf *out)
{
    bool with_record = f->record != UINT32_MAX;
    size_t before = out->len;
    const char *server = f->server != UINT32_MAX ? request->servers[f->server] : NULL;

    if (server)
        text_add_safe(out, server, strlen(server), SHOWN_BYTES);
    else if (f->fault == OBSERVE_NO_ANSWER)
        add_record(&request->records[f->record], out), with_record = false;
    buf_addf(out, "%s%s", out->len > before ? " " : "", sentences[f->fault]);
    if (with_record) {
        buf_add_char(out, ' ');
        add_record(&request->records[f->record], out);
    }
    if (f->n)
        buf_addf(out, " (new %u of %u, expected %.1f %%, p = %.2g)", f->k, f->n, 100 * f->share,
                 f->p);
    if (f->warning && f->fault != OBSERVE_SERVER_SILENT)
        buf_add_str(out, "; it has health checks, so this is a warning");
}
