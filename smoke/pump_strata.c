/* pump_strata.c: which strata there are, and where each connects. */
#include <assert.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "names.h"
#include "pump_internal.h"

/* ---- endpoints
 * ------------------------------------------------------------------------------------- */

static char *lower(const char *s)
{
    char *copy = x_strdup(s);

    for (char *p = copy; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return copy;
}

static void copy_endpoints(struct pump *pump)
{
    const struct pump_options *o = &pump->options;

    pump->places = x_calloc(o->endpoints_n + 1, sizeof *pump->places);
    pump->records = x_calloc(o->endpoints_n + 1, sizeof *pump->records);
    for (size_t i = 0; i < o->endpoints_n; i++) {
        const struct pump_endpoint *e = &o->endpoints[i];
        struct pump_place *p = &pump->places[pump->places_n++];
        struct buf text = {0};
        struct pump_record *r = pump->records;

        p->side = e->side;
        p->host = lower(e->host);
        p->address = x_strdup(e->address);
        p->port = e->port;
        buf_addf(&text, strchr(e->address, ':') ? "[%s]" : "%s", e->address);
        p->connect_to = buf_take(&text);
        while (r < pump->records + pump->records_n && strcmp(r->host, p->host) != 0)
            r++;
        if (r == pump->records + pump->records_n) {
            r->host = p->host;
            pump->records_n++;
        }
        r->places[p->side] = x_realloc(r->places[p->side], r->n[p->side] + 1, sizeof(uint32_t));
        r->places[p->side][r->n[p->side]++] = (uint32_t)i;
    }
}

static const struct pump_record *record_named(const struct pump *pump, const char *name)
{
    for (size_t i = 0; i < pump->records_n; i++)
        if (strcasecmp(pump->records[i].host, name) == 0)
            return &pump->records[i];
    return NULL;
}

/* RFC 4592: the name itself, else the closest wildcard above it. */
static const struct pump_record *record_covering(const struct pump *pump, const char *host)
{
    const struct pump_record *exact = record_named(pump, host), *best = NULL;
    size_t best_len = 0, len = strlen(host);

    if (exact)
        return exact;
    for (size_t i = 0; i < pump->records_n; i++) {
        const char *name = pump->records[i].host;
        size_t n = strlen(name);

        if (name[0] != '*' || name[1] != '.' || n - 1 >= len)
            continue;
        if (strcasecmp(host + len - (n - 1), name + 1) == 0 && n > best_len) {
            best = &pump->records[i];
            best_len = n;
        }
    }
    return best;
}

static const struct pump_record *record_for(const struct pump *pump,
                                            const struct suite_check *check, const char *host)
{
    const struct pump_record *r = record_covering(pump, host);

    return r || !check->pin ? r : record_named(pump, check->pin);
}

/* ---- where a request goes
 * -------------------------------------------------------------------------- */

static void add_unpinned(const struct pump *pump, const struct http_url *url, struct buf *out)
{
    for (size_t i = 0; i < pump->connect_to_n; i++) {
        const struct pump_connect_to *c = &pump->connect_to[i];

        if ((c->host[0] && strcasecmp(c->host, url->host) != 0) ||
            (c->port && c->port != url->port))
            continue;
        buf_add_str(out, c->target);
        if (c->target[strlen(c->target) - 1] == ']' || !strchr(c->target, ':'))
            buf_addf(out, ":%u", url->port);
        return;
    }
}

bool pump_covers(const struct pump *pump, uint32_t stratum, const struct http_url *url)
{
    return pump->strata[stratum].endpoint == RUN_NONE || record_covering(pump, url->host);
}

static enum suite_side side_asked(enum suite_side own, bool other)
{
    return !other ? own : own == SUITE_OLD ? SUITE_NEW : SUITE_OLD;
}

bool pump_target(const struct pump *pump, uint32_t stratum, bool other, const struct http_url *url,
                 struct buf *connect_to, struct err *err)
{
    const struct pump_stratum *s = &pump->strata[stratum];
    const struct suite_check *check = &pump->suites[s->suite]->checks[s->check];
    const struct pump_record *r;
    const struct pump_place *p;
    enum suite_side side = side_asked(s->side, other);

    if (s->endpoint == RUN_NONE) {
        add_unpinned(pump, url, connect_to);
        return true;
    }
    r = record_for(pump, check, url->host);
    if (!r || r->n[side] == 0)
        return err_set(err, ERR_REFUSED, "no endpoint of the %s side takes requests to %s",
                       suite_side_names[side], url->host);
    p = &pump->places[r->places[side][pump->ordinals[stratum] % r->n[side]]];
    buf_addf(connect_to, "%s:%u", p->connect_to, p->port ? p->port : url->port);
    return true;
}

/* ---- strata
 * ---------------------------------------------------------------------------------------- */

void pump_scope(const struct pump *pump, const struct pump_stratum *s, struct scope *scope)
{
    const struct suite *suite = pump->suites[s->suite];

    *scope = (struct scope){.suite = suite,
                            .check = &suite->checks[s->check],
                            .row = s->row,
                            .side = suite_side_names[s->side],
                            .run = pump->run_id,
                            .uuid = "",
                            .now = "",
                            .secrets = pump->options.secrets};
    if (scope->check->slots_n)
        scope->values = x_calloc(scope->check->slots_n, sizeof *scope->values);
}

struct host_table { /* queues by origin and target */
    struct names names;
    struct http_url last; /* the origin last asked for, and its number */
    uint32_t last_number;
};

static void hosts_clear(struct host_table *t)
{
    names_clear(&t->names);
    http_url_clear(&t->last);
}

/* Captured values are not known yet. Where none of them stands in a url's origin, any will do to
 * see where it leads. */
void pump_assume_captures(struct scope *scope)
{
    for (uint32_t i = 0; i < scope->check->slots_n; i++) {
        buf_add_char(&scope->values[i].data, 'x');
        scope->values[i].set = true;
    }
}

static bool bad_url(const struct suite_step *step, const struct err *why, struct err *err)
{
    if (step->request.url.at)
        return doc_fail(step->request.url.at, err, ERR_FILE, "%s", why->text);
    return err_set(err, ERR_FILE, "%s", why->text);
}

/* The record of the cell's first request on this side, after looking that every request has one;
 * first gets that request's url, where it is known. */
static bool pin_cell(struct pump *pump, const struct pump_stratum *cell,
                     const struct pump_record **out, struct http_url *first, struct err *err)
{
    const struct suite_check *check = &pump->suites[cell->suite]->checks[cell->check];
    struct scope scope SL_CLEANUP(scope_clear) = {0};

    pump_scope(pump, cell, &scope);
    pump_assume_captures(&scope);
    *out = NULL;
    for (size_t i = 0; i < check->steps_n; i++) {
        const struct suite_step *step = &check->steps[i];
        struct request request SL_CLEANUP(request_clear) = {0};
        struct err why = {0};
        const struct pump_record *r;
        enum suite_side side;
        const char *host;

        if (step->request.url_foreign) /* its target is judged when it is known */
            continue;
        if (!request_build_url(&request, &scope, &step->request, "", &why))
            return bad_url(step, &why, err);
        if (i == 0) {
            *first = request.parts; /* taken */
            request.parts = (struct http_url){0};
        }
        if (pump->places_n == 0 || check->via_dns)
            continue;
        host = i == 0 ? first->host : request.parts.host;
        r = record_for(pump, check, host);
        if (!r)
            return doc_fail(
                step->request.url.at ? step->request.url.at : step->request.at, err, ERR_FILE,
                "no record of the plan covers %s; add 'pin: RECORD' or 'via: dns' to this check",
                host);
        if (step->request.proxy.text)
            return doc_fail(step->request.proxy.at, err, ERR_FILE,
                            "a request that is pinned to a side goes through no proxy; add 'via: "
                            "dns' to this check");
        side = side_asked(cell->side, step->other);
        if (r->n[side] == 0 || r->n[cell->side] == 0)
            return doc_fail(step->request.url.at ? step->request.url.at : step->request.at, err,
                            ERR_REFUSED, "%s has no endpoint on the %s side", r->host,
                            suite_side_names[r->n[side] ? cell->side : side]);
        if (!*out)
            *out = r;
    }
    if (*out || pump->places_n == 0 || check->via_dns)
        return true;
    *out = check->pin ? record_named(pump, check->pin) : NULL;
    return (*out && (*out)->n[cell->side] > 0) ||
           doc_fail(check->at, err, ERR_FILE,
                    "where the requests of this check go is known only once they are made; add "
                    "'pin: RECORD' or 'via: dns'");
}

static bool first_is_other(const struct pump *pump, uint32_t stratum)
{
    const struct pump_stratum *s = &pump->strata[stratum];

    return pump->suites[s->suite]->checks[s->check].steps[0].other;
}

/* The queue a stratum belongs to: origin and target of its first request; first NULL: not known
 * yet. */
static bool find_host(struct pump *pump, uint32_t stratum, const struct http_url *first,
                      struct host_table *hosts, struct err *err)
{
    struct buf key SL_CLEANUP(buf_clear) = {0};

    if (first && hosts->last.host && pump->places_n == 0 && first->port == hosts->last.port &&
        strcmp(first->scheme, hosts->last.scheme) == 0 &&
        strcmp(first->host, hosts->last.host) == 0) { /* as a rule: one origin, thousands of rows */
        pump->host_of[stratum] = hosts->last_number;
        return true;
    }
    if (first) {
        buf_add_str(&key, first->scheme);
        buf_add_str(&key, "://");
        buf_add_str(&key, first->host);
        buf_addf(&key, ":%u|", first->port);
        if (!pump_target(pump, stratum, first_is_other(pump, stratum), first, &key, err))
            return false;
    } else {
        buf_add_str(&key, "captured");
    }
    pump->host_of[stratum] = names_number(&hosts->names, buf_str(&key));
    if (first) {
        http_url_clear(&hosts->last);
        hosts->last.scheme = x_strdup(first->scheme);
        hosts->last.host = x_strdup(first->host);
        hosts->last.port = first->port;
        hosts->last_number = pump->host_of[stratum];
    }
    return true;
}

static bool add_stratum(struct pump *pump, const struct pump_stratum *s, uint32_t ordinal,
                        const struct http_url *first, struct host_table *hosts, struct err *err)
{
    if (pump->strata_n == PUMP_STRATA_MAX)
        return err_set(err, ERR_LIMIT, "more than %d checks times endpoints", PUMP_STRATA_MAX);
    if (pump->strata_n == pump->strata_cap) {
        pump->strata_cap = pump->strata_cap ? 2 * pump->strata_cap : 256;
        pump->strata = x_realloc(pump->strata, pump->strata_cap, sizeof *pump->strata);
        pump->ordinals = x_realloc(pump->ordinals, pump->strata_cap, sizeof *pump->ordinals);
        pump->host_of = x_realloc(pump->host_of, pump->strata_cap, sizeof *pump->host_of);
    }
    pump->strata[pump->strata_n] = *s;
    pump->ordinals[pump->strata_n++] = ordinal;
    return find_host(pump, pump->strata_n - 1, first, hosts, err);
}

static bool add_side(struct pump *pump, struct pump_stratum *cell, struct host_table *hosts,
                     struct err *err)
{
    struct http_url first SL_CLEANUP(http_url_clear) = {0};
    const struct http_url *known = &first;
    const struct pump_record *r;

    if (!pin_cell(pump, cell, &r, &first, err))
        return false;
    if (!first.host)
        known = NULL;
    cell->endpoint = RUN_NONE;
    if (!r)
        return add_stratum(pump, cell, 0, known, hosts, err);
    for (uint32_t i = 0; i < r->n[cell->side]; i++) {
        cell->endpoint = r->places[cell->side][i];
        if (!add_stratum(pump, cell, i, known, hosts, err))
            return false;
    }
    return true;
}

static bool add_cell(struct pump *pump, uint32_t suite, uint32_t check, uint32_t row,
                     struct host_table *hosts, struct err *err)
{
    const struct suite_check *c = &pump->suites[suite]->checks[check];
    struct pump_stratum cell = {.cell = pump->cells_n++,
                                .suite = suite,
                                .check = check,
                                .row = row,
                                .from_percent = c->from_percent,
                                .required =
                                    c->required && !c->known_bad && !c->via_dns && !c->crosses,
                                .crosses = c->crosses,
                                .reads_only = c->reads_only,
                                .every_ms = c->every_ms,
                                .twin = RUN_NONE};

    if (pump->places_n == 0) {
        cell.side = pump->options.side;
        cell.required = c->required && !c->known_bad;
        return add_side(pump, &cell, hosts, err);
    }
    if (c->via_dns) {
        cell.side = SUITE_NEW;
        return add_side(pump, &cell, hosts, err);
    }
    for (int side = 0; side < SUITE_SIDES; side++) {
        cell.side = (enum suite_side)side;
        if (c->sides[side] && !add_side(pump, &cell, hosts, err))
            return false;
    }
    return true;
}

static bool is_chosen(const struct pump *pump, uint32_t suite, uint32_t check)
{
    const struct pump_options *o = &pump->options;
    const struct suite_check *c = &pump->suites[suite]->checks[check];

    if (o->chosen && o->chosen[suite] && !o->chosen[suite][check])
        return false;
    return pump->places_n > 0 || !o->side_only || c->sides[o->side];
}

/* Strata of one cell stand together. */
static void find_twins(struct pump *pump)
{
    for (uint32_t begin = 0, end; begin < pump->strata_n; begin = end) {
        for (end = begin;
             end < pump->strata_n && pump->strata[end].cell == pump->strata[begin].cell;)
            end++;
        for (uint32_t i = begin; i < end; i++) {
            uint32_t first = RUN_NONE, n = 0;

            for (uint32_t k = begin; k < end; k++)
                if (pump->strata[k].side != pump->strata[i].side && n++ == 0)
                    first = k;
            if (n)
                pump->strata[i].twin = first + pump->ordinals[i] % n;
        }
    }
}

/* ---- the scheduler's tables
 * ------------------------------------------------------------------------ */

static void build_run(struct pump *pump, const struct names *names)
{
    uint32_t groups_n = SUITE_SIDES * pump->cells_n;

    pump->run_strata = x_calloc(pump->strata_n, sizeof *pump->run_strata);
    pump->groups = x_calloc(groups_n, sizeof *pump->groups);
    for (uint32_t i = 0; i < pump->strata_n; i++) {
        const struct pump_stratum *s = &pump->strata[i];
        const struct suite_check *check = &pump->suites[s->suite]->checks[s->check];
        struct run_stratum *r = &pump->run_strata[i];

        r->host = pump->host_of[i];
        r->group = SUITE_SIDES * s->cell + (uint32_t)s->side;
        r->side = (uint8_t)s->side;
        r->from_percent = s->from_percent;
        r->reads_only = s->reads_only;
        if (!pump->options.no_retries) {
            r->retries = (uint8_t)check->retries;
            r->retry_ms = (uint32_t)check->retry_ms;
            r->retry_growth_percent = (uint16_t)check->retry_growth_percent;
            r->retry_jitter_percent = (uint8_t)check->retry_jitter_percent;
        }
        pump->groups[r->group].every_ms = s->every_ms;
    }
    pump->hosts_n = names->n;
    pump->hosts = x_calloc(names->n, sizeof *pump->hosts);
    pump->fresh_ms = x_calloc(names->n, sizeof *pump->fresh_ms);
    pump->tls = x_calloc(names->n, sizeof *pump->tls);
    for (uint32_t i = 0; i < names->n; i++)
        pump->fresh_ms[i] = INT64_MIN;
    run_init(&pump->run, pump->run_strata, pump->strata_n, pump->groups, groups_n, pump->hosts,
             pump->hosts_n, pump->jobs);
    free(pump->host_of);
    pump->host_of = NULL;
}

bool pump_enumerate(struct pump *pump, struct err *err)
{
    struct host_table hosts SL_CLEANUP(hosts_clear) = {0};

    copy_endpoints(pump);
    pump->first_cell = x_calloc(pump->suites_n, sizeof *pump->first_cell);
    for (uint32_t s = 0; s < pump->suites_n; s++)
        pump->first_cell[s] = x_calloc(pump->suites[s]->checks_n + 1, sizeof **pump->first_cell);
    for (uint32_t s = 0; s < pump->suites_n; s++)
        for (uint32_t c = 0; c < pump->suites[s]->checks_n; c++) {
            const struct suite_check *check = &pump->suites[s]->checks[c];

            pump->first_cell[s][c] = RUN_NONE;
            if (!is_chosen(pump, s, c))
                continue;
            if (pump->places_n > 0 && check->stage != SUITE_MAIN)
                return doc_fail(check->at, err, ERR_FILE,
                                "setup and teardown are for the program smoke: a plan's checks run "
                                "on both sides, again and again; use 'needs'");
            pump->first_cell[s][c] = pump->cells_n;
            for (uint32_t row = 0; row < pump->suites[s]->checks[c].rows_n; row++)
                if (!add_cell(pump, s, c, row, &hosts, err))
                    return false;
        }
    if (pump->strata_n == 0)
        return err_set(err, ERR_REFUSED, "nothing selected: no check is left to run");
    find_twins(pump);
    build_run(pump, &hosts.names);
    return true;
}

void pump_free_strata(struct pump *pump)
{
    for (size_t i = 0; i < pump->places_n; i++) {
        free(pump->places[i].host);
        free(pump->places[i].address);
        free(pump->places[i].connect_to);
    }
    for (size_t i = 0; i < pump->records_n; i++)
        for (int side = 0; side < SUITE_SIDES; side++)
            free(pump->records[i].places[side]);
    free(pump->places);
    free(pump->records);
    free(pump->strata);
    free(pump->ordinals);
    free(pump->host_of);
    free(pump->run_strata);
    free(pump->groups);
    free(pump->hosts);
    free(pump->fresh_ms);
    for (uint32_t i = 0; pump->tls && i < pump->hosts_n; i++)
        free(pump->tls[i].reason);
    free(pump->tls);
}
