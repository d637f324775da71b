/* cmd_check.c: `sluice check PLAN`: reads the plan and its suites, asks nobody, changes nothing. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "plan_file.h"
#include "sluice/buf.h"
#include "sluice/pump.h"
#include "sluice/suite.h"
#include "sluice/text.h"

struct check {
    struct arena mem;
    struct plan *plan;
    const struct plan_file *file;
    struct suite suites[PLAN_SUITES_MAX];
    uint32_t suites_n; /* to be cleared; all of them loaded when there was no error */
    struct schema_sink sink;
    struct buf words; /* the errors for people */
    json_t *errors;   /* and for programs */
};

static void take_error(void *self, const struct err *err)
{
    struct check *c = self;

    err_format(err, "sluice", &c->words);
    json_array_append_new(c->errors,
                          json_pack("{s:s, s:i, s:i, s:s}", "file", err->file, "line",
                                    (int)err->line, "col", (int)err->col, "message", err->text));
}

static bool load_suites(struct check *c)
{
    for (uint32_t i = 0; i < c->plan->suites_n; i++) {
        const struct plan_suite *from = &c->plan->suites[i];
        struct err err = {0};
        bool ok;

        c->suites_n = i + 1;
        ok = from->file ? suite_load(&c->suites[i], from->file, NULL, &err)
                        : suite_decode(&c->suites[i], from->inline_doc, NULL, NULL, &err);
        if (ok)
            continue;
        if (!err.line) { /* the file itself: show who asked for it */
            struct err at = {0};

            doc_fail(plan_file_suite_node(c->file, i), &at, err.kind, "%s", err.text);
            err = at;
        }
        c->sink.n++;
        take_error(c, &err);
    }
    return c->sink.n == 0;
}

static uint32_t count_rows(const struct suite *suite)
{
    uint32_t n = 0;

    for (size_t i = 0; i < suite->checks_n; i++)
        n += suite->checks[i].rows_n;
    return n;
}

/* The plan's records as if each side had one address (RFC 5737), which is all it takes to see
 * whether every request has a record to be pinned to. Returns how many. */
static size_t stand_ins(struct check *c, struct pump_endpoint **out)
{
    static const char *const probed[] = {"A", "AAAA", "CNAME"};
    struct pump_endpoint *list =
        arena_array(&c->mem, PLAN_SIDES * c->plan->records_n + 1, sizeof *list);
    size_t n = 0;

    for (uint32_t i = 0; i < c->plan->records_n; i++) {
        const struct plan_record *r = &c->plan->records[i];
        size_t len = strlen(r->name);
        bool takes_requests = false;

        for (size_t k = 0; k < ARRAY_LEN(probed); k++)
            takes_requests = takes_requests || strcmp(r->type, probed[k]) == 0;
        len -= r->name[len - 1] == '.';
        for (int side = 0; takes_requests && side < PLAN_SIDES; side++)
            list[n++] =
                (struct pump_endpoint){.side = side == PLAN_OLD ? SUITE_OLD : SUITE_NEW,
                                       .host = arena_strndup(&c->mem, r->name, len),
                                       .address = side == PLAN_OLD ? "192.0.2.1" : "192.0.2.2"};
    }
    *out = list;
    return n;
}

/* Secrets are not read here: a check that has one in a url cannot be looked at. */
static bool url_has_secret(const struct suite *suite, const struct suite_check *check)
{
    for (size_t i = 0; i < check->steps_n; i++) {
        const struct template *t = &check->steps[i].request.url.tpl;

        for (size_t k = 0; k < t->parts_n; k++)
            if (t->parts[k].is_name && text_starts_with(t->parts[k].text, "secret."))
                return true;
    }
    return suite->base_url.text && strstr(suite->base_url.text, "secret.");
}

/* Every request is pinned by its host: to the record of that name, the wildcard above it, or the
 * check's own `pin:`. With `records: all` the records are not known before they are read. */
static bool check_pins(struct check *c)
{
    struct suite *suites[PLAN_SUITES_MAX];
    const bool *chosen[PLAN_SUITES_MAX];
    struct pump_endpoint *endpoints;
    struct pump_options options = {.run = "check", .chosen = chosen};
    struct pump *pump;
    struct err err = {0};

    if (c->plan->records_all)
        return true;
    for (uint32_t i = 0; i < c->suites_n; i++) {
        bool *row = arena_array(&c->mem, c->suites[i].checks_n + 1, sizeof *row);

        for (size_t k = 0; k < c->suites[i].checks_n; k++)
            row[k] = !url_has_secret(&c->suites[i], &c->suites[i].checks[k]);
        suites[i] = &c->suites[i];
        chosen[i] = row;
    }
    options.endpoints_n = stand_ins(c, &endpoints);
    options.endpoints = endpoints;
    pump = pump_new(suites, c->suites_n, NULL, &options, &err);
    if (!pump && err.line) {
        c->sink.n++;
        take_error(c, &err);
    }
    pump_free(pump);
    return c->sink.n == 0;
}

/* One stratum for every check, row and side: as if each side had a single endpoint. There may be
 * more, never fewer, so a bake that is too short for these is too short. */
static void add_strata(struct check *c)
{
    struct plan_stratum *strata;
    uint32_t n = 0, cell = 0;

    for (uint32_t i = 0; i < c->suites_n; i++)
        n += PLAN_SIDES * count_rows(&c->suites[i]);
    strata = arena_array(&c->mem, n ? n : 1, sizeof *strata);
    n = 0;
    for (uint32_t s = 0; s < c->suites_n; s++)
        for (size_t k = 0; k < c->suites[s].checks_n; k++) {
            const struct suite_check *check = &c->suites[s].checks[k];

            for (uint32_t row = 0; row < check->rows_n; row++, cell++)
                for (int side = 0; side < PLAN_SIDES; side++)
                    if (check->sides[side])
                        strata[n++] = (struct plan_stratum){
                            .cell = cell,
                            .check = (uint16_t)k,
                            .suite = (uint8_t)s,
                            .every_ms = check->every_ms > UINT32_MAX ? UINT32_MAX
                                                                     : (uint32_t)check->every_ms,
                            .side = (uint8_t)side,
                            .from_percent = check->from_percent,
                            .required = check->required && !check->known_bad && !check->via_dns};
        }
    c->plan->strata = strata;
    c->plan->strata_n = n;
}

static const char *suite_name(const struct check *c, uint32_t i)
{
    return c->plan->suites[i].file ? c->plan->suites[i].file : "(in the plan)";
}

static void add_steps(struct buf *out, const struct plan *plan)
{
    for (uint32_t i = 0; i < plan->steps_n; i++) {
        buf_addf(out, "%s%u %% for ", i ? ", " : "", plan->steps[i].percent);
        text_format_duration(out, plan->steps[i].bake_ms);
        if (plan->steps[i].approve)
            buf_add_str(out, " and a yes");
    }
    buf_add_str(out, "; soak ");
    text_format_duration(out, plan->soak.for_ms);
}

/* What the gate of the shortest evidence can tell: the first step of a suite that a clean bake
 * promotes. */
static void add_gate(struct buf *out, const struct plan *plan, uint32_t suite)
{
    struct plan_gate_figures g;

    plan_gate_figures(plan, suite, 0, &g);
    buf_addf(out, "           a bake of step 1 gives %u probes of it; %u without a failure promote",
             g.n, g.n_needed);
    if (g.failures_max != UINT32_MAX && g.failures_max > 0)
        buf_addf(out, ", up to %u may fail", g.failures_max);
    buf_add_char(out, '\n');
}

static void add_count(struct buf *out, uint32_t n, const char *what)
{
    buf_addf(out, "%u %s%s", n, what, n == 1 ? "" : "s");
}

static void print_text(const struct check *c)
{
    const struct plan *plan = c->plan;
    struct buf out SL_CLEANUP(buf_clear) = {0};

    text_add_safe(&out, plan->path, strlen(plan->path), 1000);
    buf_addf(&out, ": cutover %s\n  records  ", plan->cutover);
    if (plan->records_all)
        buf_add_str(&out, "all of the zone with sets of both sides\n  steps    ");
    else
        buf_addf(&out, "%u, moved together\n  steps    ", plan->records_n);
    add_steps(&out, plan);
    buf_add_char(&out, '\n');
    for (uint32_t i = 0; i < plan->suites_n; i++) {
        const char *name = suite_name(c, i);

        buf_add_str(&out, "  suite    ");
        text_add_safe(&out, name, strlen(name), 1000);
        buf_add_str(&out, ": ");
        add_count(&out, (uint32_t)c->suites[i].checks_n, "check");
        buf_add_str(&out, ", ");
        add_count(&out, count_rows(&c->suites[i]), "row");
        buf_add_str(&out, "; allowed ");
        text_format_ppm(&out, plan->suites[i].allowed_ppm);
        buf_add_str(&out, ", unacceptable ");
        text_format_ppm(&out, plan->suites[i].unacceptable_ppm);
        buf_add_char(&out, '\n');
        add_gate(&out, plan, i);
    }
    buf_add_str(&out, "  at least ");
    text_format_duration(&out, plan_earliest_ms(plan, 0, 0, 100));
    buf_add_str(&out, ", and the drain of every step\nno fault found; nobody was asked\n");
    fputs(buf_str(&out), stdout);
}

static json_t *describe(const struct check *c)
{
    const struct plan *plan = c->plan;
    json_t *steps = json_array(), *suites = json_array();

    for (uint32_t i = 0; i < plan->steps_n; i++)
        json_array_append_new(steps,
                              json_pack("{s:i, s:I, s:b}", "percent", (int)plan->steps[i].percent,
                                        "bake_ms", (json_int_t)plan->steps[i].bake_ms, "approve",
                                        plan->steps[i].approve));
    for (uint32_t i = 0; i < plan->suites_n; i++)
        json_array_append_new(suites,
                              json_pack("{s:s, s:I, s:I, s:I, s:I}", "file", suite_name(c, i),
                                        "checks", (json_int_t)c->suites[i].checks_n, "rows",
                                        (json_int_t)count_rows(&c->suites[i]), "allowed_ppm",
                                        (json_int_t)plan->suites[i].allowed_ppm, "unacceptable_ppm",
                                        (json_int_t)plan->suites[i].unacceptable_ppm));
    return json_pack("{s:s, s:s, s:b, s:I, s:o, s:o, s:O}", "plan", plan->path, "cutover",
                     plan->cutover, "records_all", plan->records_all, "records",
                     (json_int_t)plan->records_n, "steps", steps, "suites", suites, "errors",
                     c->errors);
}

static void print_json(const struct check *c, const char *path)
{
    json_t *out =
        c->sink.n ? json_pack("{s:s, s:O}", "plan", path, "errors", c->errors) : describe(c);

    json_dumpf(out, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(out);
}

static void clear(struct check *c)
{
    for (uint32_t i = 0; i < c->suites_n; i++)
        suite_clear(&c->suites[i]);
    json_decref(c->errors);
    buf_clear(&c->words);
    arena_clear(&c->mem);
    free(c);
}

int cmd_check(const struct opts *opts, struct err *err)
{
    struct check *c = x_zalloc(sizeof *c);
    struct err first = {0};
    bool ok;

    (void)err; /* everything found is told here, not only the first */
    c->errors = json_array();
    c->sink = (struct schema_sink){.add = take_error, .self = c};
    c->plan = arena_alloc(&c->mem, sizeof *c->plan);
    ok = plan_load_all(c->plan, &c->mem, opts->args[0], &c->sink, &c->file, &first);
    if (ok)
        ok = load_suites(c) && check_pins(c);
    if (ok) {
        add_strata(c);
        ok = plan_file_check(c->plan, c->file, &c->sink, &first);
    }
    fputs(buf_str(&c->words), stderr);
    if (opts->format == OPTS_FORMAT_JSON)
        print_json(c, opts->args[0]);
    else if (ok)
        print_text(c);
    clear(c);
    return ok ? 0 : err_exit_status(ERR_FILE);
}
