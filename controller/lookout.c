#include "lookout_int.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define SIX_BY_PI2 0.6079271018540267 /* 1 / (1 + 1/4 + 1/9 + ...) */
#define FITS       0.01               /* p-value above which an old share explains the answers */

struct lookout *lookout_new(struct resolvers *resolvers, uint64_t seed)
{
    struct lookout *l = x_zalloc(sizeof *l);

    l->resolvers = resolvers;
    l->seed = seed;
    return l;
}

void lookout_free(struct lookout *l)
{
    if (!l)
        return;
    for (size_t z = 0; z < l->zones_n; z++)
        observe_free(l->zones[z].observe);
    arena_clear(&l->mem);
    free(l);
}

/* ---- What stands --------------------------------------------------------------------------------- */

static struct observe_record copy_record(struct arena *mem, const struct observe_record *from)
{
    struct observe_set *sets = arena_array(mem, from->sets_n + 1, sizeof *sets);
    struct observe_record to = *from;

    to.name = arena_strdup(mem, from->name);
    to.type = arena_strdup(mem, from->type);
    to.sets = sets;
    for (size_t i = 0; i < from->sets_n; i++) {
        const char **values = arena_array(mem, from->sets[i].values_n + 1, sizeof *values);

        for (size_t k = 0; k < from->sets[i].values_n; k++)
            values[k] = arena_strdup(mem, from->sets[i].values[k]);
        sets[i] = from->sets[i];
        sets[i].set_id = arena_strdup(mem, from->sets[i].set_id);
        sets[i].values = values;
    }
    return to;
}

static bool same_set(const struct observe_set *a, const struct observe_set *b)
{
    if (strcmp(a->set_id, b->set_id) != 0 || a->side != b->side || a->weight != b->weight ||
        a->ttl != b->ttl || a->alias != b->alias || a->values_n != b->values_n)
        return false;
    for (size_t i = 0; i < a->values_n; i++)
        if (strcmp(a->values[i], b->values[i]) != 0)
            return false;
    return true;
}

static bool same_record(const struct observe_record *a, const struct observe_record *b)
{
    if (a->sets_n != b->sets_n)
        return false;
    for (size_t i = 0; i < a->sets_n; i++)
        if (!same_set(&a->sets[i], &b->sets[i]))
            return false;
    return true;
}

static bool canonical_of(struct arena *mem, const struct observe_record *r, uint16_t type,
                         const char ***out, struct err *err)
{
    *out = arena_array(mem, r->sets_n + 1, sizeof **out);
    for (size_t i = 0; i < r->sets_n; i++) {
        struct buf values SL_CLEANUP(buf_clear) = {0};

        if (!observe_canonical(&values, type, r->sets[i].values, r->sets[i].values_n, err))
            return err_prefix(err, "%s %s: ", r->name, r->type);
        (*out)[i] = arena_strdup(mem, buf_str(&values));
    }
    return true;
}

static uint32_t longest_ttl(const struct observe_record *r)
{
    uint32_t ttl = 0;

    for (size_t i = 0; i < r->sets_n; i++)
        ttl = r->sets[i].ttl > ttl ? r->sets[i].ttl : ttl;
    return ttl;
}

static bool same_servers(const struct observe_request *a, const struct observe_request *b)
{
    if (a->servers_n != b->servers_n)
        return false;
    for (size_t i = 0; i < a->servers_n; i++)
        if (strcmp(a->servers[i], b->servers[i]) != 0)
            return false;
    return true;
}

/* The line of that record in the zone as it was watched until now. */
static const struct line *line_before(const struct lookout *l, size_t zone,
                                      const struct observe_record *r, size_t at)
{
    const struct watched_zone *z = &l->zones[zone];
    size_t n = z->request.records_n;

    for (size_t i = 0; i < n; i++) { /* nearly always at the same place */
        const struct line *line = &l->lines[z->first + (at + i) % n];

        if (strcmp(line->now.name, r->name) == 0 && strcmp(line->now.type, r->type) == 0)
            return line;
    }
    return NULL;
}

/* Fills a line from what stands and from what was known of it. */
static bool take_line(struct line *line, struct arena *mem, const struct line *known,
                      const struct observe_record *r, size_t servers_n, size_t resolvers_number,
                      int64_t now_ms, struct err *err)
{
    struct buf name SL_CLEANUP(buf_clear) = {0};
    bool changed = known && !same_record(&known->now, r);

    line->now = copy_record(mem, r);
    line->type = dns_type_parse(r->type);
    if (!line->type)
        return err_set(err, ERR_FILE, "%s: unknown type %s", r->name, r->type);
    if (!known && !observe_name(&name, r->name, err))
        return false;
    /* The name made up for a wildcard stays: a resolver counts down what it holds of that one. */
    line->name = arena_strdup(mem, known ? known->name : buf_str(&name));
    line->cells = arena_array(mem, servers_n, sizeof *line->cells);
    line->seen = arena_array(mem, resolvers_number + 1, sizeof *line->seen);
    if (known) {
        line->since_ms = changed ? now_ms : known->since_ms;
        line->before = copy_record(mem, changed ? &known->now : &known->before);
        line->before_ttl = changed ? longest_ttl(&known->now) : known->before_ttl;
        memcpy(line->seen, known->seen, resolvers_number * sizeof *line->seen);
        memcpy(line->cells, known->cells, servers_n * sizeof *line->cells);
        for (size_t s = 0; changed && s < servers_n; s++) {
            memset(line->cells[s].n, 0, sizeof line->cells[s].n);
            memset(line->cells[s].k, 0, sizeof line->cells[s].k);
            line->cells[s].share_off = line->cells[s].share_before = false;
        }
    }
    return canonical_of(mem, &line->now, line->type, &line->canonical, err) &&
           canonical_of(mem, &line->before, line->type, &line->canonical_before, err);
}

static void on_answer(void *ctx, size_t record, size_t server, const struct dns_answer *answer,
                      enum observe_kind kind, bool ttl_wrong);

bool lookout_stand(struct lookout *l, const struct observe_request *zones, size_t n, int64_t now_ms,
                   struct err *err)
{
    struct lookout next = {.resolvers = l->resolvers, .seed = l->seed, .rounds = l->rounds,
                           .agrees = l->agrees, .zones_n = n};
    size_t lines_n = 0;

    assert(!l->in_round && n <= LOOKOUT_ZONES_MAX);
    for (size_t z = 0; z < n; z++)
        lines_n += zones[z].records_n;
    next.lines = arena_array(&next.mem, lines_n + 1, sizeof *next.lines);
    for (size_t z = 0; z < n; z++) {
        struct watched_zone *to = &next.zones[z];
        struct observe_record *records =
            arena_array(&next.mem, zones[z].records_n + 1, sizeof *records);
        const char **servers = arena_array(&next.mem, zones[z].servers_n + 1, sizeof *servers);
        bool known = z < l->zones_n && same_servers(&zones[z], &l->zones[z].request);

        for (size_t s = 0; s < zones[z].servers_n; s++)
            servers[s] = arena_strdup(&next.mem, zones[z].servers[s]);
        to->first = next.lines_n;
        for (size_t i = 0; i < zones[z].records_n; i++) {
            struct line *line = &next.lines[next.lines_n++];
            const struct observe_record *r = &zones[z].records[i];

            if (!take_line(line, &next.mem, known ? line_before(l, z, r, i) : NULL, r,
                           zones[z].servers_n, resolvers_n(l->resolvers), now_ms, err)) {
                arena_clear(&next.mem);
                return false;
            }
            records[i] = line->now;
        }
        to->of = l;
        to->request = (struct observe_request){.servers = servers,
                                               .servers_n = zones[z].servers_n,
                                               .records = records,
                                               .records_n = zones[z].records_n,
                                               .seed = l->seed + z,
                                               .each = LOOKOUT_EACH,
                                               .once = true,
                                               .on_answer = on_answer,
                                               .ctx = NULL};
    }
    for (size_t z = 0; z < l->zones_n; z++)
        observe_free(l->zones[z].observe);
    arena_clear(&l->mem);
    *l = next;
    for (size_t z = 0; z < n; z++)
        l->zones[z].request.ctx = &l->zones[z];
    return true;
}

/* ---- A round -------------------------------------------------------------------------------------- */

static void count(struct cell *c, enum observe_kind kind)
{
    if (kind != OBSERVE_IS_OLD && kind != OBSERVE_IS_NEW)
        return;
    if (c->n[1] >= LOOKOUT_KEEP) {
        c->n[0] = c->n[1];
        c->k[0] = c->k[1];
        c->n[1] = c->k[1] = 0;
    }
    c->n[1]++;
    c->k[1] += kind == OBSERVE_IS_NEW;
}

/* What an answer that is not as written now was before. */
static bool was_before(const struct line *line, const struct dns_answer *a, enum observe_kind kind,
                       bool ttl_wrong)
{
    double share = observe_share(&line->before);
    bool wrong_then = false;
    enum observe_kind then;

    if (!line->before.sets_n || kind == OBSERVE_IS_LAME)
        return false;
    then = observe_classify(&line->before, line->canonical_before, a->records, a->records_n,
                            line->type, &wrong_then);
    if (wrong_then || (then != OBSERVE_IS_OLD && then != OBSERVE_IS_NEW))
        return false;
    if (kind == OBSERVE_IS_FOREIGN || ttl_wrong)
        return true;
    /* A side that has lost its weight, and had some. */
    return kind == then && (then == OBSERVE_IS_NEW ? share > 0 : share >= 0 && share < 1);
}

static bool is_opposing(const struct observe_record *r, enum observe_kind kind)
{
    double share = observe_share(r);

    return (share == 0 && kind == OBSERVE_IS_NEW) || (share == 1 && kind == OBSERVE_IS_OLD);
}

static void on_answer(void *ctx, size_t record, size_t server, const struct dns_answer *answer,
                      enum observe_kind kind, bool ttl_wrong)
{
    struct watched_zone *z = ctx;
    struct line *line = &z->of->lines[z->first + record];
    struct cell *c = &line->cells[server];

    if (!answer)
        return;
    c->heard = c->answered = true;
    c->kind = kind;
    count(c, kind);
    c->values[0] = '\0';
    c->ttl = 0;
    for (size_t i = 0; i < answer->records_n; i++) {
        resolvers_values(c->values, sizeof c->values, answer, answer->records[i].name, line->type);
        if (answer->records[i].type == line->type) {
            c->ttl = answer->records[i].ttl;
            break;
        }
    }
    if (ttl_wrong || kind == OBSERVE_IS_FOREIGN || is_opposing(&line->now, kind))
        c->before = c->before || was_before(line, answer, kind, ttl_wrong);
}

bool lookout_begin(struct lookout *l, bool resolvers_only, int64_t now_ms, struct err *err)
{
    size_t asked = l->lines_n < RESOLVERS_NAMES_MAX ? l->lines_n : RESOLVERS_NAMES_MAX;

    assert(!l->in_round);
    for (size_t z = 0; z < l->zones_n && !resolvers_only; z++) {
        struct watched_zone *w = &l->zones[z];

        observe_free(w->observe);
        w->observe = NULL;
        for (size_t i = 0; i < w->request.records_n; i++)
            for (size_t s = 0; s < w->request.servers_n; s++) {
                l->lines[w->first + i].cells[s].answered = false;
                l->lines[w->first + i].cells[s].before = false;
            }
        if (!w->request.records_n)
            continue;
        w->observe = observe_start(&w->request, now_ms, err);
        if (!w->observe)
            return false;
    }
    for (size_t i = 0; i < resolvers_n(l->resolvers); i++)
        for (size_t r = 0; r < asked; r++) {
            struct line *line = &l->lines[r];

            resolvers_ask(l->resolvers, i, &line->now, (const char *const *)line->canonical,
                          line->name, line->type, &line->seen[i], now_ms);
        }
    l->with_servers = !resolvers_only;
    l->in_round = true;
    return true;
}

/* Shares of one record whose answers are enough for it, at this round's level. */
static void judge_share(struct lookout *l, struct line *line, size_t servers_n)
{
    double tests = (double)l->sampled * (double)servers_n, k = l->rounds,
           alpha = OBSERVE_ALPHA_RUN / (tests > 0 ? tests : 1) * SIX_BY_PI2 / (k * k),
           share = observe_share(&line->now), then = observe_share(&line->before);

    for (size_t s = 0; s < servers_n; s++) {
        struct cell *c = &line->cells[s];
        uint32_t n = c->n[0] + c->n[1], new = c->k[0] + c->k[1];

        c->share_off = share > 0 && share < 1 && observe_binomial_p(n, new, share) < alpha;
        c->share_before = c->share_off && line->before.sets_n && then >= 0 &&
                          observe_binomial_p(n, new, then) > FITS;
    }
}

static bool judge_line(struct lookout *l, const struct watched_zone *z, size_t i)
{
    struct observe_finding found[6 * OBSERVE_SERVERS_MAX + 2];
    struct line *line = &l->lines[z->first + i];
    size_t servers_n = z->request.servers_n;
    bool agrees = true;
    size_t n = observe_judge(&line->now, 0, observe_tally(z->observe, i, 0), servers_n, false, 0, found);

    for (size_t s = 0; s < servers_n; s++) {
        line->cells[s].fault = line->cells[s].answered ? OBSERVE_FINE : OBSERVE_SERVER_SILENT;
        line->cells[s].warning = false;
        line->cells[s].judged = true;
    }
    line->no_answer = false;
    for (size_t k = 0; k < n; k++) {
        struct cell *c = found[k].server != UINT32_MAX ? &line->cells[found[k].server] : NULL;

        line->no_answer = line->no_answer || found[k].fault == OBSERVE_NO_ANSWER;
        agrees = agrees && found[k].warning;
        if (c && c->fault == OBSERVE_FINE) {
            c->fault = found[k].fault;
            c->warning = found[k].warning;
        }
    }
    judge_share(l, line, servers_n);
    for (size_t s = 0; s < servers_n; s++) {
        struct cell *c = &line->cells[s];

        if (c->share_off && c->fault == OBSERVE_FINE) {
            c->fault = OBSERVE_SHARE_SERVER;
            c->warning = line->now.health_checked;
            agrees = agrees && c->warning;
        }
    }
    return agrees;
}

static void conclude(struct lookout *l)
{
    l->in_round = false;
    if (!l->with_servers)
        return;
    l->rounds++;
    l->sampled = 0;
    for (size_t z = 0; z < l->zones_n; z++)
        l->sampled += (uint32_t)l->zones[z].request.records_n;
    l->agrees = true;
    for (size_t z = 0; z < l->zones_n; z++)
        for (size_t i = 0; i < l->zones[z].request.records_n; i++)
            l->agrees = judge_line(l, &l->zones[z], i) && l->agrees;
}

size_t lookout_fds(const struct lookout *l, struct pollfd *fds, size_t max)
{
    size_t n = 0;

    for (size_t z = 0; z < l->zones_n && l->in_round && l->with_servers; z++)
        if (l->zones[z].observe)
            n += observe_fds(l->zones[z].observe, fds + n, max - n);
    return n + resolvers_fds(l->resolvers, fds + n, max - n);
}

int64_t lookout_wake_at(const struct lookout *l)
{
    int64_t at = l->in_round ? resolvers_wake_at(l->resolvers) : INT64_MAX;

    for (size_t z = 0; z < l->zones_n && l->in_round && l->with_servers; z++)
        if (l->zones[z].observe && observe_wake_at(l->zones[z].observe) < at)
            at = observe_wake_at(l->zones[z].observe);
    return at;
}

bool lookout_step(struct lookout *l, int64_t now_ms)
{
    bool over;

    if (!l->in_round)
        return true;
    over = resolvers_step(l->resolvers, now_ms);
    for (size_t z = 0; z < l->zones_n && l->with_servers; z++)
        if (l->zones[z].observe)
            over = observe_step(l->zones[z].observe, now_ms) && over;
    if (over)
        conclude(l);
    return over;
}

int64_t lookout_least_ms(const struct lookout *l)
{
    int64_t questions = 0;

    for (size_t z = 0; z < l->zones_n; z++) {
        const struct observe_request *q = &l->zones[z].request;
        size_t sampled = q->records_n < OBSERVE_SHARES_MAX ? q->records_n : OBSERVE_SHARES_MAX;

        questions += (int64_t)(q->servers_n * (q->records_n + sampled * (LOOKOUT_EACH - 1)));
    }
    return questions * 1000 / LOOKOUT_RATE;
}

uint32_t lookout_rounds(const struct lookout *l)
{
    return l->rounds;
}

bool lookout_agrees(const struct lookout *l)
{
    return l->agrees;
}
