/* compare.c: see compare.h. */
#include "compare.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "compare_answers.h"
#include "finding.h"
#include "loop.h"
#include "sluice/text.h"

enum { PAIR_IDLE, PAIR_FLYING, PAIR_DONE };

struct half {
    struct compare_answers answers;
    struct probe_result result;
    bool done;
};

struct pair { /* of a stratum */
    uint8_t state;
    struct half *halves;             /* SUITE_SIDES of them while flying */
    struct budget_latency *latencies; /* SUITE_SIDES; NULL with one round */
};

struct side_ctx {
    struct compare *compare;
    enum suite_side side;
};

struct compare {
    struct compare_headers headers;
    const struct secret_set *secrets;
    struct side_ctx sides[SUITE_SIDES];
    struct pair *pairs;
    uint32_t n, flying, differing, done;
    uint32_t *first[OPTS_LIST_MAX]; /* by suite and check: its first stratum */
    size_t suites_n;
    uint32_t from;      /* strata before it are not idle */
    int64_t next_ms;    /* --rate: when the next pair may start */
};

struct compare *compare_new(const char *list, const struct secret_set *secrets, struct err *err)
{
    struct compare *c = x_zalloc(sizeof *c);

    c->secrets = secrets;
    c->next_ms = INT64_MIN;
    for (int i = 0; i < SUITE_SIDES; i++)
        c->sides[i] = (struct side_ctx){c, (enum suite_side)i};
    if (compare_headers_parse(&c->headers, list, err))
        return c;
    compare_free(c);
    return NULL;
}

static void free_halves(struct pair *p)
{
    for (int i = 0; p->halves && i < SUITE_SIDES; i++) {
        compare_answers_clear(&p->halves[i].answers);
        probe_result_clear(&p->halves[i].result);
    }
    free(p->halves);
    p->halves = NULL;
}

void compare_free(struct compare *c)
{
    if (!c)
        return;
    for (uint32_t i = 0; i < c->n; i++) {
        free_halves(&c->pairs[i]);
        free(c->pairs[i].latencies);
    }
    free(c->pairs);
    for (size_t i = 0; i < c->suites_n; i++)
        free(c->first[i]);
    compare_headers_clear(&c->headers);
    free(c);
}

void compare_answer(void *ctx, const struct pump_answer *answer)
{
    const struct side_ctx *side = ctx;
    struct compare *c = side->compare;

    if (answer->stratum < c->n && c->pairs[answer->stratum].halves)
        compare_answers_take(&c->pairs[answer->stratum].halves[side->side].answers, &c->headers,
                             answer);
}

void *compare_answer_ctx(struct compare *compare, enum suite_side side)
{
    return &compare->sides[side];
}

/* ---- what a pair came to
 * --------------------------------------------------------------------------- */

static void add_difference(struct probe_result *r, uint32_t step, const char *what, const char *old,
                           const char *new)
{
    struct probe_difference *d;

    if (r->differences_n == COMPARE_DIFFERENCES_MAX)
        return;
    r->differences = x_realloc(r->differences, r->differences_n + 1, sizeof *r->differences);
    d = &r->differences[r->differences_n++];
    *d = (struct probe_difference){
        .step = step, .what = x_strdup(what), .old = x_strdup(old), .new = x_strdup(new)};
}

struct telling {
    struct compare *c;
    struct probe_result *result;
};

static void add_safe(const struct compare *c, const char *s, struct buf *out)
{
    finding_add_shown(out, c->secrets, s, strlen(s));
}

/* compare_differs_fn: what servers sent becomes safe here. */
static void tell(void *ctx, uint32_t step, const char *what, const char *old, const char *new)
{
    const struct telling *t = ctx;
    struct buf w SL_CLEANUP(buf_clear) = {0}, o SL_CLEANUP(buf_clear) = {0},
                                          n SL_CLEANUP(buf_clear) = {0};

    add_safe(t->c, what, &w);
    add_safe(t->c, old, &o);
    add_safe(t->c, new, &n);
    add_difference(t->result, step, buf_str(&w), buf_str(&o), buf_str(&n));
}

static const char *const verdict_words[] = {
    [RUN_PASS] = "passes", [RUN_FAIL] = "fails", [RUN_ERROR] = "could not be judged"};

/* "status is 404 on new, 200 on old; and 2 more differences" */
static void add_differences(const struct probe_result *r, struct buf *out)
{
    const struct probe_difference *d = r->differences;

    if (r->differences_n == 0)
        return;
    buf_addf(out, "%s is %s on new, %s on old", d->what, d->new, d->old);
    if (r->differences_n > 1)
        buf_addf(out, "; and %u more difference%s", r->differences_n - 1,
                 r->differences_n == 2 ? "" : "s");
}

static void set_text(char **to, struct buf *text)
{
    free(*to);
    *to = buf_take(text);
}

/* One sentence for both: who fails, and how they differ. */
static void add_sentence(const struct probe_result *old, const struct probe_result *new,
                         const struct probe_result *out, struct buf *text)
{
    const struct probe_result *told = new->verdict != RUN_PASS ? new : old;

    if (old->verdict != new->verdict)
        buf_addf(text, "old %s, new %s: ", verdict_words[old->verdict],
                 verdict_words[new->verdict]);
    else if (new->verdict != RUN_PASS)
        buf_addf(text, "both %s: ", new->verdict == RUN_FAIL ? "fail" : "could not be judged");
    if (told->verdict != RUN_PASS) {
        buf_add_str(text, told->sentence ? told->sentence : "did not pass");
        if (out->differences_n)
            buf_add_str(text, "; ");
    }
    add_differences(out, text);
}

static enum run_verdict worse(enum run_verdict a, enum run_verdict b)
{
    return a == RUN_FAIL || b == RUN_FAIL     ? RUN_FAIL
           : a == RUN_ERROR || b == RUN_ERROR ? RUN_ERROR
                                              : RUN_PASS;
}

/* What a pass carries only because it might have differed. */
static void drop_exchange(struct probe_result *r)
{
    char **const owned[] = {&r->method,       &r->url,           &r->request_head,
                            &r->request_body, &r->response_head, &r->response_body,
                            &r->remote,       &r->curl};

    for (size_t i = 0; i < ARRAY_LEN(owned); i++) {
        free(*owned[i]);
        *owned[i] = NULL;
    }
}

/* The report's result of a pair: NEW's, or OLD's where only that did not pass. */
static struct probe_result merge(struct compare *c, struct pair *p)
{
    struct half *old = &p->halves[SUITE_OLD], *new = &p->halves[SUITE_NEW];
    enum run_verdict verdict = worse(old->result.verdict, new->result.verdict);
    bool old_only = new->result.verdict == RUN_PASS && old->result.verdict != RUN_PASS;
    struct probe_result out = old_only ? old->result : new->result;
    struct telling t = {c, &out};
    struct buf text = {0};

    compare_answers(&old->answers, &new->answers, &c->headers,
                    old->result.verdict == RUN_PASS && new->result.verdict == RUN_PASS, tell, &t);
    c->differing += out.differences_n > 0 || old->result.verdict != new->result.verdict;
    out.requests = old->result.requests + new->result.requests;
    if (verdict == RUN_PASS && out.differences_n == 0) {
        if (!out.sentence) /* there is nothing to warn of */
            drop_exchange(&out);
    } else {
        add_sentence(&old->result, &new->result, &out, &text);
        set_text(&out.sentence, &text);
        out.verdict = out.differences_n && verdict == RUN_PASS ? RUN_FAIL : verdict;
        if (out.differences_n && verdict == RUN_PASS)
            out.at = NULL; /* the check's own place: no line of it is wrong */
    }
    if (old_only)
        old->result = (struct probe_result){0};
    else
        new->result = (struct probe_result){0};
    return out;
}

static void settle(struct session *s, uint32_t stratum)
{
    struct compare *c = s->compare;
    struct pair *p = &c->pairs[stratum];
    struct probe_result result;

    if (p->latencies && p->halves[SUITE_OLD].result.verdict == RUN_PASS &&
        p->halves[SUITE_NEW].result.verdict == RUN_PASS)
        for (int i = 0; i < SUITE_SIDES; i++)
            budget_latency_add(&p->latencies[i], p->halves[i].result.latency_us);
    result = merge(c, p);
    free_halves(p);
    p->state = PAIR_DONE;
    c->flying--;
    c->done++;
    loop_take(s, &result);
}

/* ---- which next
 * ------------------------------------------------------------------------------------ */

static const struct suite_check *check_of(const struct session *s, uint32_t stratum)
{
    const struct pump_stratum *p = pump_stratum(s->pump, stratum);

    return &s->suites[p->suite]->checks[p->check];
}

/* All that the stratum's check needs is done on both sides, or not part of this run. */
static bool may_start(const struct session *s, uint32_t stratum)
{
    const struct pump_stratum *p = pump_stratum(s->pump, stratum);
    const struct suite *suite = s->suites[p->suite];
    const struct suite_check *check = check_of(s, stratum);

    for (size_t k = 0; k < check->needs_n; k++) {
        uint32_t need = check->needs[k], first = s->compare->first[p->suite][need];
        uint32_t at = first == RUN_NONE
                          ? RUN_NONE
                          : first + suite_row_of(suite, check, p->row, &suite->checks[need]);

        if (at != RUN_NONE && s->entry_of[at] != RUN_NONE &&
            s->compare->pairs[at].state != PAIR_DONE)
            return false;
    }
    return true;
}

static void start(struct session *s, uint32_t stratum)
{
    struct pair *p = &s->compare->pairs[stratum];

    p->state = PAIR_FLYING;
    p->halves = x_calloc(SUITE_SIDES, sizeof *p->halves);
    s->compare->flying++;
    if (!pump_ask(s->old_pump, stratum, s->now_ms, 0) || !pump_ask(s->pump, stratum, s->now_ms, 0))
        assert(false); /* jobs are fewer than RUN_ASKS_MAX */
}

/* True when a pair may start at now; else *wake_ms is lowered to when. */
static bool in_pace(struct session *s, int64_t *wake_ms)
{
    struct compare *c = s->compare;

    if (!s->opts.rate_milli)
        return true;
    if (c->next_ms > s->now_ms) {
        *wake_ms = c->next_ms < *wake_ms ? c->next_ms : *wake_ms;
        return false;
    }
    c->next_ms = s->now_ms + 1000000 / s->opts.rate_milli;
    return true;
}

/* Starts what may be started of a stage. Returns when to look again; *left: whether anything is left
 * to start. */
static int64_t start_some(struct session *s, run_filter *wanted, bool *left)
{
    struct compare *c = s->compare;
    uint32_t jobs = s->opts.jobs ? s->opts.jobs : COMPARE_JOBS_DEFAULT;
    int64_t wake_ms = INT64_MAX;

    if (s->opts.host_jobs && s->opts.host_jobs < jobs)
        jobs = s->opts.host_jobs;
    while (c->from < c->n && (c->pairs[c->from].state != PAIR_IDLE || !wanted(s, c->from)))
        c->from++;
    *left = c->from < c->n;
    for (uint32_t i = c->from; i < c->n && c->flying < jobs; i++) {
        if (c->pairs[i].state != PAIR_IDLE || !wanted(s, i) || !may_start(s, i))
            continue;
        if (!in_pace(s, &wake_ms))
            break;
        start(s, i);
    }
    return wake_ms;
}

static void take_results(struct session *s, struct pump *pump, enum suite_side side)
{
    struct probe_result result;

    while (pump_next(pump, &result)) {
        struct pair *p = &s->compare->pairs[result.stratum];

        if (p->state != PAIR_FLYING || p->halves[side].done) { /* the warm-up's */
            probe_result_clear(&result);
            continue;
        }
        p->halves[side].result = result;
        p->halves[side].done = true;
        if (p->halves[SUITE_OLD].done && p->halves[SUITE_NEW].done)
            settle(s, result.stratum);
    }
}

/* Every wanted stratum once. */
static bool run_stage(struct session *s, run_filter *wanted, struct err *err)
{
    struct compare *c = s->compare;
    bool left = true;

    c->from = 0;
    while (!s->report.interrupted) {
        int64_t wake_ms = start_some(s, wanted, &left);

        if (!left && c->flying == 0)
            break;
        if (!loop_turn(s, wake_ms, err))
            return false;
        take_results(s, s->old_pump, SUITE_OLD);
        take_results(s, s->pump, SUITE_NEW);
        if (s->opts.fail_fast && c->differing)
            break;
    }
    return true;
}

/* ---- the run
 * --------------------------------------------------------------------------------------- */

static void prepare(struct session *s)
{
    struct compare *c = s->compare;

    assert(pump_strata_n(s->old_pump) == pump_strata_n(s->pump));
    c->n = pump_strata_n(s->pump);
    c->pairs = x_calloc(c->n, sizeof *c->pairs);
    c->suites_n = s->suites_n;
    for (size_t i = 0; i < s->suites_n; i++) {
        c->first[i] = x_calloc(s->suites[i]->checks_n, sizeof **c->first);
        for (size_t k = 0; k < s->suites[i]->checks_n; k++)
            c->first[i][k] = RUN_NONE;
    }
    for (uint32_t i = 0; i < c->n; i++) {
        const struct pump_stratum *p = pump_stratum(s->pump, i);

        if (c->first[p->suite][p->check] == RUN_NONE)
            c->first[p->suite][p->check] = i;
        if (s->opts.repeat > 1 && loop_selected_main(s, i))
            c->pairs[i].latencies = x_calloc(SUITE_SIDES, sizeof *c->pairs[i].latencies);
    }
}

/* Again: all but setup. */
static void wind_back(struct session *s)
{
    for (uint32_t i = 0; i < s->compare->n; i++)
        if (loop_selected_main(s, i))
            s->compare->pairs[i].state = PAIR_IDLE;
}

static bool first_time(void *ctx, uint32_t stratum)
{
    return loop_selected_main(ctx, stratum) || loop_selected_setup(ctx, stratum);
}

/* After all rounds: who has become slower, by the ramp's own measure. */
static void compare_latencies(struct session *s)
{
    for (size_t i = 0; i < s->report.entries_n; i++) {
        struct report_entry *e = &s->report.entries[i];
        const struct budget_latency *l = s->compare->pairs[e->result.stratum].latencies;
        struct buf old SL_CLEANUP(buf_clear) = {0}, new SL_CLEANUP(buf_clear) = {0};
        struct buf text = {0};

        if (!e->done || !l || !budget_slower(&l[SUITE_NEW], &l[SUITE_OLD]))
            continue;
        buf_addf(&old, "%.1f ms", (double)budget_latency_quantile_us(&l[SUITE_OLD], 50) / 1000);
        buf_addf(&new, "%.1f ms", (double)budget_latency_quantile_us(&l[SUITE_NEW], 50) / 1000);
        s->compare->differing += e->result.verdict == RUN_PASS;
        add_difference(&e->result, 0, "the median latency", buf_str(&old), buf_str(&new));
        if (e->result.verdict != RUN_PASS)
            continue;
        e->result.verdict = RUN_FAIL;
        e->result.at = NULL;
        add_differences(&e->result, &text);
        set_text(&e->result.sentence, &text);
    }
}

static void conclude(struct session *s)
{
    size_t differ = 0, done = 0;

    for (size_t i = 0; i < s->report.entries_n; i++) {
        const struct report_entry *e = &s->report.entries[i];

        done += e->done;
        differ += e->done && e->result.differences_n > 0;
    }
    buf_add_str(&s->conclusion, "compared old ");
    text_add_safe(&s->conclusion, s->opts.compare[SUITE_OLD], strlen(s->opts.compare[SUITE_OLD]),
                  300);
    buf_add_str(&s->conclusion, " with new ");
    text_add_safe(&s->conclusion, s->opts.compare[SUITE_NEW], strlen(s->opts.compare[SUITE_NEW]),
                  300);
    buf_addf(&s->conclusion, ": %zu of %zu check%s differ%s", differ, done, done == 1 ? "" : "s",
             differ == 1 ? "s" : "");
    if (s->opts.fail_fast && s->compare->differing)
        buf_add_str(&s->conclusion, "; stopped at the first: --fail-fast");
    else if (s->opts.repeat < COMPARE_ROUNDS_MIN)
        buf_addf(&s->conclusion, "; latency is compared with --repeat %d or more",
                 COMPARE_ROUNDS_MIN);
}

/* Cancels what flies; `finally:` steps are waited for. */
static bool drain(struct session *s, struct err *err)
{
    uint32_t cleaning = pump_stop(s->old_pump) + pump_stop(s->pump);
    bool interrupted = s->report.interrupted, ok = true;

    (void)cleaning; /* without any, one turn is enough for all to end */
    s->report.interrupted = false;
    while (ok && !s->report.interrupted && pump_flying(s->old_pump) + pump_flying(s->pump) > 0) {
        ok = loop_turn(s, INT64_MAX, err);
        take_results(s, s->old_pump, SUITE_OLD);
        take_results(s, s->pump, SUITE_NEW);
    }
    for (uint32_t i = 0; i < s->compare->n; i++)
        if (s->compare->pairs[i].state == PAIR_FLYING) {
            free_halves(&s->compare->pairs[i]);
            s->compare->pairs[i].state = PAIR_IDLE;
            s->compare->flying--;
        }
    if (ok && !s->report.interrupted)
        ok = run_stage(s, loop_selected_teardown, err);
    s->report.interrupted |= interrupted;
    return ok;
}

bool compare_run(struct session *s, struct err *err)
{
    uint32_t rounds = s->opts.repeat ? s->opts.repeat : 1;
    bool ok;

    prepare(s);
    ok = run_stage(s, first_time, err);
    for (uint32_t i = 1; ok && i < rounds && !s->report.interrupted &&
                         !(s->opts.fail_fast && s->compare->differing);
         i++) {
        wind_back(s);
        ok = run_stage(s, loop_selected_main, err);
    }
    if (!ok || !drain(s, err))
        return false;
    compare_latencies(s);
    conclude(s);
    return true;
}
