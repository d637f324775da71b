/* watch.c: see watch.h. */
#include "watch.h"

#include <stdlib.h>

#include "judge.h"
#include "loop.h"

static void prepare(struct session *s, struct judge *j, struct judge_suite *suites)
{
    for (uint32_t i = 0; i < pump_strata_n(s->pump); i++) {
        const struct pump_stratum *p = pump_stratum(s->pump, i);

        if (!loop_selected_main(s, i))
            pump_switch(s->pump, i, false);
        else if (p->required)
            suites[p->suite].required = true;
    }
    for (size_t i = 0; i < s->suites_n; i++)
        suites[i].name = s->suites[i]->path;
    judge_init(j, s->opts.allowed_ppm ? s->opts.allowed_ppm : WATCH_ALLOWED_PPM,
               s->opts.unacceptable_ppm ? s->opts.unacceptable_ppm : WATCH_UNACCEPTABLE_PPM, suites,
               s->suites_n);
}

/* True at a breach. */
static bool take_results(struct session *s, struct judge *j)
{
    struct probe_result result;
    bool breach = false;

    while (pump_next(s->pump, &result)) {
        if (pump_stratum(s->pump, result.stratum)->required && result.verdict != RUN_ERROR)
            breach |= judge_add(j, result.suite, result.verdict == RUN_FAIL, result.ended_ms);
        loop_take(s, &result);
    }
    return breach;
}

/* The required check whose last probes look worst; what passed last is excused: the budget speaks
 * for it. */
static const struct report_entry *unsettled(struct session *s, uint32_t *streak)
{
    const struct report_entry *worst = NULL;

    for (size_t i = 0; i < s->report.entries_n; i++) {
        struct report_entry *e = &s->report.entries[i];
        const struct tally *t = &s->tallies[i];

        if (!pump_stratum(s->pump, e->result.stratum)->required)
            continue;
        if (t->passed_last) {
            e->excused = true;
        } else if (!worst || t->in_a_row > *streak) {
            worst = e;
            *streak = t->in_a_row;
        }
    }
    return worst;
}

static void conclude(struct session *s, const struct judge *j, bool breach)
{
    struct buf title SL_CLEANUP(buf_clear) = {0};
    uint32_t streak = 0;
    const struct report_entry *e = unsettled(s, &streak);
    enum judge_verdict v;

    if (e)
        pump_title(s->pump, e->result.stratum, &title);
    v = judge_end(j, e ? buf_str(&title) : NULL, streak, &s->conclusion);
    if (breach || v == JUDGE_BREACH)
        for (size_t i = 0; i < s->report.entries_n; i++)
            s->report.entries[i].excused = false;
    s->report.judged = true;
    s->report.judged_status = judge_status(v);
}

/* True when every setup passed, or there is none. */
static bool set_up(struct session *s, bool *ok, struct err *err)
{
    struct probe_result result;
    bool passed = true;

    pump_sweep(s->pump, loop_selected_setup, s);
    while (*ok && !s->report.interrupted && !pump_idle(s->pump)) {
        *ok = loop_turn(s, INT64_MAX, err);
        while (pump_next(s->pump, &result)) {
            passed &= result.verdict == RUN_PASS;
            loop_take(s, &result);
        }
    }
    if (!passed)
        buf_add_str(&s->conclusion, "not watched: the setup did not pass");
    return passed && *ok && !s->report.interrupted;
}

bool watch_run(struct session *s, struct err *err)
{
    struct judge_suite *suites = x_calloc(s->suites_n, sizeof *suites);
    int64_t end;
    bool ok = true, breach = false;
    struct judge j;

    if (!set_up(s, &ok, err)) {
        free(suites);
        return ok;
    }
    end = s->now_ms + s->opts.for_ms;
    prepare(s, &j, suites);
    pump_percent(s->pump, 100);
    pump_rate(s->pump, s->opts.rate_milli ? s->opts.rate_milli : WATCH_RATE_MILLI, s->now_ms);
    while (ok && !breach && !s->report.interrupted && !pump_idle(s->pump)) {
        ok = loop_turn(s, s->now_ms < end ? end : INT64_MAX, err);
        breach = take_results(s, &j);
        if (s->now_ms >= end)
            pump_rate(s->pump, 0, s->now_ms); /* what flies is waited for */
    }
    if (ok)
        conclude(s, &j, breach);
    free(suites);
    return ok;
}
