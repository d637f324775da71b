/* cmd_observe.c: `sluice observe`: what the zones' own name servers answer now, beside what Route 53 lists,
 * and what resolvers have cached; once, or as a table that goes on. Writes nothing, needs no lease. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "lookout.h"
#include "screen.h"
#include "sluice/clock.h"
#include "sluice/crypto.h"
#include "sluice/json.h"
#include "sluice/log.h"
#include "sluice/secret.h"
#include "sluice/text.h"
#include "walk.h"

#define FINDINGS_SAID_MAX 50
#define EXIT_DISAGREES    10
#define EVERY_MS          5000
#define READ_MS           60000 /* what stands is read again this often, ... */
#define READ_DOUBT_MS     2000  /* ... and so soon where DNS does not agree, then twice as late each time */
#define DRAW_MS           1000
#define TURN_MS           1000

enum look_mode { LOOK_TABLE, LOOK_LINES, LOOK_QUIET, LOOK_JSON };

struct look {
    struct walk *w;
    struct arena survey_mem; /* of the newest reading; the first one is the rig's */
    struct resolvers *resolvers;
    struct lookout *lookout;
    enum look_mode mode;
    int64_t every_ms, end_at, read_at, doubt_ms;
    char note[200]; /* what went wrong meanwhile; "" nothing */
};

_Static_assert(FENCE_ZONES_MAX <= LOOKOUT_ZONES_MAX, "a plan's zones can be watched");

/* Tells the lookout what stands by the survey. */
static bool stand(struct look *k, int64_t now_ms, struct err *err)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct observe_request zones[FENCE_ZONES_MAX];

    k->w->fence = rig_fence(&k->w->rig, &k->w->survey, "observe", err);
    return k->w->fence && verify_requests(k->w->fence, &k->w->servers, &mem, zones, err) &&
           lookout_stand(k->lookout, zones, fence_n_zones(k->w->fence), now_ms, err);
}

/* Answers of one record, all servers together. */
static struct observe_tally sum(const struct observe *o, size_t record, size_t servers)
{
    struct observe_tally all = {0};

    for (size_t s = 0; s < servers; s++) {
        const struct observe_tally *t = observe_tally(o, record, s);

        for (size_t k = 0; k < OBSERVE_KINDS; k++)
            all.count[k] += t->count[k];
        all.ttl_wrong += t->ttl_wrong;
        all.silent += t->silent;
    }
    return all;
}

static json_t *record_json(const struct observe_request *q, const struct observe *o, size_t record)
{
    const struct observe_record *r = &q->records[record];
    struct observe_tally t = sum(o, record, q->servers_n);
    uint32_t told = t.count[OBSERVE_IS_OLD] + t.count[OBSERVE_IS_NEW];
    struct buf name SL_CLEANUP(buf_clear) = {0};
    double share = observe_share(r);
    json_t *out;

    survey_plain_name(r->name, &name);
    out = json_pack("{s:s, s:s, s:i, s:i, s:i, s:i}", "name", buf_str(&name), "type", r->type, "old",
                    (int)t.count[OBSERVE_IS_OLD], "new", (int)t.count[OBSERVE_IS_NEW], "other",
                    (int)(t.count[OBSERVE_IS_FOREIGN] + t.count[OBSERVE_IS_EMPTY] + t.count[OBSERVE_IS_UNSURE] +
                          t.count[OBSERVE_IS_LAME]),
                    "silent", (int)t.silent);
    if (share >= 0)
        json_object_set_new(out, "written_percent", json_real(share * 100));
    if (told)
        json_object_set_new(out, "answered_percent", json_real(100.0 * t.count[OBSERVE_IS_NEW] / told));
    return out;
}

static json_t *report(const struct verify *v)
{
    json_t *records = json_array();
    const struct observe_request *q;
    const struct observe *o;
    struct buf findings SL_CLEANUP(buf_clear) = {0};
    json_t *out;

    for (size_t z = 0; verify_part(v, z, &q, &o); z++)
        for (size_t r = 0; o && r < q->records_n; r++)
            json_array_append_new(records, record_json(q, o, r));
    verify_findings(v, &findings, FINDINGS_SAID_MAX);
    out = json_pack("{s:i, s:b, s:o}", "schema", 1, "agrees", verify_verdict(v) == OBSERVE_PASS, "records", records);
    if (findings.len)
        json_object_set_new(out, "findings", json_string(buf_str(&findings)));
    return out;
}

static int number(const json_t *record, const char *key)
{
    return (int)json_integer_value(json_object_get(record, key));
}

static void print(const struct opts *opts, const json_t *doc)
{
    const json_t *records = json_object_get(doc, "records"), *r;
    struct buf out SL_CLEANUP(buf_clear) = {0};
    size_t i;

    if (opts->format == OPTS_FORMAT_JSON) {
        json_add_compact(&out, doc);
        buf_add_char(&out, '\n');
    } else {
        json_array_foreach(records, i, r)
        {
            buf_addf(&out, "%-36s %-5s new %5.1f %% written, ", json_string_value(json_object_get(r, "name")),
                     json_string_value(json_object_get(r, "type")),
                     json_number_value(json_object_get(r, "written_percent")));
            if (json_object_get(r, "answered_percent"))
                buf_addf(&out, "%5.1f %% of %d answers", json_number_value(json_object_get(r, "answered_percent")),
                         number(r, "old") + number(r, "new"));
            else
                buf_add_str(&out, "no answer of either side");
            if (number(r, "other") + number(r, "silent"))
                buf_addf(&out, "; %d other, %d silent", number(r, "other"), number(r, "silent"));
            buf_add_char(&out, '\n');
            lookout_resolver_lines(r, "  ", &out);
        }
        if (json_object_get(doc, "findings"))
            buf_addf(&out, "%s\n", json_string_value(json_object_get(doc, "findings")));
    }
    secret_redact_sink(&out);
    fputs(buf_str(&out), stdout);
}

/* ---- Looking once -------------------------------------------------------------------------------- */

/* The resolvers of the line, else of the plan. */
static struct resolvers *resolvers_of(const struct walk *w, struct err *err)
{
    const struct opts *o = w->rig.opts;

    if (o->resolvers.n)
        return resolvers_new(o->resolvers.item, o->resolvers.n, err);
    return resolvers_new(w->rig.plan.observe.resolver, w->rig.plan.observe.resolvers_n, err);
}

static void say_passed_over(const struct walk *w)
{
    for (size_t i = 0; i < w->rig.n_zones; i++) {
        const struct survey_zone *z = &w->rig.zones[i];

        if (z->passed_over)
            log_info("%s: the public zone %s is looked at; passed over: %s", z->asked, z->id,
                     z->passed_over);
        if (z->private_zone && !w->rig.plan.route53.servers_n)
            log_warn("%s: passed over: a private zone answers inside its VPCs only; from there, name "
                     "a resolver under `route53: {servers: [...]}`",
                     z->asked);
    }
}

static struct verify *ask(struct walk *w, struct err *err)
{
    uint64_t seed;

    crypto_random(&seed, sizeof seed);
    return verify_start(w->fence, &w->servers, 0, seed, clock_boot_ms(&clock_real), err);
}

/* What the resolvers hold, into the report of the same records. */
static bool ask_resolvers(struct look *k, json_t *records, struct err *err)
{
    int64_t now = clock_boot_ms(&clock_real);

    if (!resolvers_n(k->resolvers))
        return true;
    if (!lookout_begin(k->lookout, true, now, err))
        return false;
    while (!lookout_step(k->lookout, now)) {
        struct pollfd fds[LOOKOUT_FDS_MAX];
        size_t n = lookout_fds(k->lookout, fds, LOOKOUT_FDS_MAX);
        int64_t wake = lookout_wake_at(k->lookout);

        if (wake > now)
            poll(fds, (nfds_t)n, wake - now > TURN_MS ? TURN_MS : (int)(wake - now));
        now = clock_boot_ms(&clock_real);
    }
    for (size_t r = 0; r < json_array_size(records); r++)
        lookout_report_resolvers(k->lookout, r, json_array_get(records, r), now);
    if (json_array_size(records) > RESOLVERS_NAMES_MAX)
        log_info("resolvers are asked about the first %d of %zu records", RESOLVERS_NAMES_MAX,
                 json_array_size(records));
    return true;
}

static int look_once(struct look *k, struct err *err)
{
    struct verify *v = ask(k->w, err);
    int status = EXIT_DISAGREES;
    json_t *doc;

    if (!v)
        return 0;
    verify_wait(v);
    doc = report(v);
    if (ask_resolvers(k, json_object_get(doc, "records"), err)) {
        print(k->w->rig.opts, doc);
        if (verify_verdict(v) == OBSERVE_PASS)
            status = 0;
    }
    json_decref(doc);
    verify_free(v);
    return status;
}

/* ---- Looking on ----------------------------------------------------------------------------------- */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A record's weights move while one looks on: they are read again every minute, and where DNS does not
 * agree sooner, for it may be the reading that is old. */
static void read_again(struct look *k, int64_t now)
{
    struct err why = {0};
    bool ok;

    k->read_at = now;
    fence_free(k->w->fence);
    k->w->fence = NULL;
    arena_clear(&k->survey_mem);
    screen_impatient(true);
    ok = rig_read_again(&k->w->rig, &k->survey_mem, &k->w->survey, &why);
    screen_impatient(false);
    if (!ok)
        snprintf(k->note, sizeof k->note, "the records could not be read again: %.120s", why.text);
    else if (!stand(k, clock_boot_ms(&clock_real), &why))
        snprintf(k->note, sizeof k->note, "the records as read again cannot be watched: %.110s", why.text);
    else
        k->note[0] = '\0';
}

static bool is_reading_due(struct look *k, int64_t now)
{
    bool doubt = lookout_rounds(k->lookout) && !lookout_agrees(k->lookout);

    if (!doubt)
        k->doubt_ms = READ_DOUBT_MS;
    if (now - k->read_at < (doubt ? k->doubt_ms : READ_MS))
        return false;
    if (doubt)
        k->doubt_ms = least(2 * k->doubt_ms, READ_MS);
    return true;
}

static void put(struct buf *out)
{
    secret_redact_sink(out);
    fwrite(out->data ? out->data : "", 1, out->len, stdout);
    fflush(stdout);
}

static void draw(const struct look *k, int64_t now)
{
    json_t *doc = lookout_report(k->lookout, now, clock_wall_ms(&clock_real));
    struct buf out SL_CLEANUP(buf_clear) = {0};
    size_t rows = screen_rows() - (k->note[0] ? 1 : 0);

    lookout_table(doc, k->w->rig.plan.cutover, screen_columns(), rows, &out);
    if (k->note[0]) {
        text_add_safe(&out, k->note, strlen(k->note), screen_columns());
        buf_add_char(&out, '\n');
    }
    secret_redact_sink(&out);
    screen_draw(&out);
    json_decref(doc);
}

/* A round is over, for those who read lines. */
static void say_round(struct look *k, int64_t now)
{
    json_t *doc = lookout_report(k->lookout, now, clock_wall_ms(&clock_real));
    struct buf out SL_CLEANUP(buf_clear) = {0};

    if (k->mode == LOOK_JSON) {
        json_add_compact(&out, doc);
        buf_add_char(&out, '\n');
    } else {
        lookout_lines(doc, k->mode == LOOK_QUIET, &out);
    }
    put(&out);
    if (k->note[0] && k->mode != LOOK_JSON)
        log_warn("%s", k->note);
    json_decref(doc);
}

/* What a table showed last stays, where the terminal scrolls. */
static void leave_table(const struct look *k)
{
    json_t *doc = lookout_report(k->lookout, clock_boot_ms(&clock_real), clock_wall_ms(&clock_real));
    struct buf out SL_CLEANUP(buf_clear) = {0};
    size_t columns = screen_columns();

    screen_close();
    lookout_table(doc, k->w->rig.plan.cutover, columns, SIZE_MAX, &out);
    put(&out);
    json_decref(doc);
}

static bool over(const struct look *k, int64_t now, bool in_round)
{
    return screen_stopped() || screen_quit() || ferror(stdout) ||
           (!in_round && k->end_at != INT64_MAX && now >= k->end_at);
}

static int look_on(struct look *k, struct err *err)
{
    int64_t now = clock_boot_ms(&clock_real), next_round = now, next_draw = now;
    bool in_round = false, table = k->mode == LOOK_TABLE;

    screen_open(table);
    k->read_at = now;
    while (!over(k, now, in_round)) {
        struct pollfd fds[LOOKOUT_FDS_MAX];
        int64_t wake;
        size_t n;

        if (!in_round && now >= next_round) {
            if (is_reading_due(k, now))
                read_again(k, now);
            now = clock_boot_ms(&clock_real);
            if (!lookout_begin(k->lookout, false, now, err))
                break;
            in_round = true;
            next_round = now + k->every_ms;
            if (lookout_least_ms(k->lookout) > k->every_ms)
                next_round = now + lookout_least_ms(k->lookout);
        }
        if (in_round && lookout_step(k->lookout, now)) {
            in_round = false;
            next_draw = now;
            if (!table)
                say_round(k, now);
        }
        if (table && (now >= next_draw || screen_resized())) {
            draw(k, now);
            next_draw = now + DRAW_MS;
        }
        wake = in_round ? lookout_wake_at(k->lookout) : least(next_round, k->end_at);
        if (table)
            wake = least(wake, next_draw);
        n = lookout_fds(k->lookout, fds, LOOKOUT_FDS_MAX);
        if (!over(k, now, in_round))
            screen_wait(fds, n, wake <= now ? 0 : (int)least(wake - now, TURN_MS));
        now = clock_boot_ms(&clock_real);
    }
    if (table)
        leave_table(k);
    screen_close();
    if (screen_stopped())
        return 128 + screen_stopped();
    return lookout_agrees(k->lookout) ? 0 : EXIT_DISAGREES;
}

static enum look_mode mode_of(const struct opts *o)
{
    const char *term = getenv("TERM");
    bool tty = isatty(STDOUT_FILENO) && (!term || strcmp(term, "dumb") != 0);

    if (o->format == OPTS_FORMAT_JSON || o->progress == OPTS_PROGRESS_JSON)
        return LOOK_JSON;
    if (o->quiet || o->progress == OPTS_PROGRESS_QUIET)
        return LOOK_QUIET;
    if (o->progress == OPTS_PROGRESS_TTY)
        return LOOK_TABLE;
    return tty && o->progress == OPTS_PROGRESS_AUTO ? LOOK_TABLE : LOOK_LINES;
}

/* ---- The command ---------------------------------------------------------------------------------- */

static int look(struct look *k, struct err *err)
{
    const struct opts *o = k->w->rig.opts;
    uint64_t seed;

    crypto_random(&seed, sizeof seed);
    k->resolvers = resolvers_of(k->w, err);
    if (!k->resolvers || !rig_survey(&k->w->rig, &k->w->survey, 0, err))
        return 0;
    walk_say_findings(k->w, SURVEY_REFUSE, 0);
    say_passed_over(k->w);
    rig_servers(&k->w->rig, &k->w->servers);
    k->lookout = lookout_new(k->resolvers, seed);
    if (!stand(k, clock_boot_ms(&clock_real), err))
        return 0;
    if (!o->watch && !o->every_ms && !o->for_ms)
        return look_once(k, err);
    k->mode = mode_of(o);
    k->every_ms = o->every_ms ? o->every_ms : EVERY_MS;
    k->end_at = o->for_ms ? clock_boot_ms(&clock_real) + o->for_ms : INT64_MAX;
    return look_on(k, err);
}

int cmd_observe(const struct opts *opts, struct err *err)
{
    struct look k = {.w = walk_new()};
    int status = 0;

    if (rig_load(&k.w->rig, opts, opts->args[0], false, err) && rig_connect(&k.w->rig, err))
        status = look(&k, err);
    lookout_free(k.lookout);
    resolvers_free(k.resolvers);
    walk_free(k.w, err);
    arena_clear(&k.survey_mem); /* the fence borrowed from it */
    return status;
}
