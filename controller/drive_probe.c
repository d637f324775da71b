/* drive_probe.c: probes started for the machine, and their results told to it one by one. */
#include <string.h>

#include "drive_inner.h"

#define REACH_MS 1000

void drive_probes_init(struct drive *d)
{
    d->strata_n = d->s.pump ? pump_strata_n(d->s.pump) : 0;
    d->strata = x_calloc(d->strata_n ? d->strata_n : 1, sizeof *d->strata);
    d->reached_ms[PLAN_OLD] = d->reached_ms[PLAN_NEW] = d->now_ms;
    d->drop_before_ms = INT64_MIN;
}

void drive_probes_clear(struct drive *d)
{
    for (uint32_t i = 0; i < d->strata_n; i++)
        free(d->strata[i].sentence);
    free(d->strata);
}

static void tell_round(struct drive *d)
{
    struct ramp_event ev = {.kind = RAMP_EV_ROUND, .op_id = d->round_op};

    d->round_op = 0;
    drive_later(d, &ev);
}

void drive_probes_act(struct drive *d, const struct ramp_action *a)
{
    if (!d->s.pump) {
        d->round_op = a->op_id;
        if (a->mode == RAMP_PROBES_ONCE)
            tell_round(d);
        return;
    }
    switch (a->mode) {
    case RAMP_PROBES_OFF:
        pump_rate(d->s.pump, 0, d->now_ms);
        d->rate_milli = 0;
        break;
    case RAMP_PROBES_ONCE:
        d->round_op = a->op_id;
        d->round_left = pump_sweep(d->s.pump, NULL, NULL);
        if (!d->round_left)
            tell_round(d);
        break;
    case RAMP_PROBES_RUN:
        pump_percent(d->s.pump, a->percent);
        pump_rate(d->s.pump, a->rate_milli, d->now_ms);
        d->rate_milli = a->rate_milli;
        break;
    }
}

static void ask_one(struct drive *d, uint32_t stratum, uint32_t op_id)
{
    struct ramp_event ev = {.kind = RAMP_EV_PROBE};

    if (stratum < d->strata_n && pump_ask(d->s.pump, stratum, d->now_ms, op_id))
        return;
    ev.probe = (struct ramp_probe){
        .stratum = stratum, .verdict = RAMP_ERROR, .latency_us = -1, .ask_op = op_id};
    drive_later(d, &ev);
}

void drive_ask(struct drive *d, const struct ramp_action *a)
{
    uint32_t twin = d->s.pump && a->stratum < d->strata_n
                        ? pump_stratum(d->s.pump, a->stratum)->twin
                        : RUN_NONE;

    ask_one(d, a->stratum, a->op_id);
    if (twin != RUN_NONE)
        ask_one(d, twin, a->op_id);
}

/* Probes of a moment in which nothing at all can be reached from here say nothing of the fleets. */
static void watch_reach(struct drive *d, const struct probe_result *r)
{
    struct ramp_event ev = {.kind = RAMP_EV_REACH};
    int64_t window = d->rate_milli && d->rate_milli < 2000 ? 2000 * 1000 / d->rate_milli : REACH_MS;
    bool none;

    if (!r->unreached)
        d->reached_ms[r->side] = d->now_ms;
    none = r->unreached && d->rate_milli && d->now_ms - d->reached_ms[PLAN_OLD] > window &&
           d->now_ms - d->reached_ms[PLAN_NEW] > window && d->now_ms - d->aws_ms > window;
    if (d->unreachable == none || (d->unreachable && r->unreached))
        return;
    d->unreachable = none;
    ev.reachable = !none;
    view_event(d->s.view, VIEW_BAD, d->wall_ms, "reach", json_pack("{s:b}", "reachable", !none),
               none ? "nothing can be reached from here: probes are not counted"
                    : "the network is back");
    drive_event(d, &ev);
}

static enum ramp_verdict verdict_of(const struct drive *d, const struct probe_result *r)
{
    static const enum ramp_verdict verdicts[] = {
        [RUN_PASS] = RAMP_PASS, [RUN_FAIL] = RAMP_FAIL, [RUN_ERROR] = RAMP_ERROR};

    /* What was under way while the machine slept was measured by a stopped clock. */
    if (r->started_ms < d->drop_before_ms || r->no_route)
        return RAMP_ERROR;
    return verdicts[r->verdict];
}

static void count(struct drive_counts *c, enum ramp_verdict verdict)
{
    if (verdict == RAMP_ERROR) {
        c->errors++;
        return;
    }
    c->n++;
    c->fails += verdict == RAMP_FAIL;
}

void drive_result(struct drive *d, const struct probe_result *r)
{
    struct ramp_event ev = {.kind = RAMP_EV_PROBE};

    if (r->no_route && d->now_ms >= d->drop_before_ms)
        pump_switch(d->s.pump, r->stratum, false);
    watch_reach(d, r);
    ev.probe.stratum = r->stratum;
    ev.probe.verdict = verdict_of(d, r);
    ev.probe.latency_us = ev.probe.verdict == RAMP_PASS ? r->latency_us : -1;
    ev.probe.ask_op = r->source == RUN_ASK ? r->tag : 0;
    count(&d->second[r->side], ev.probe.verdict);
    count(&d->total[r->side], ev.probe.verdict);
    drive_say_result(d, r, ev.probe.verdict);
    drive_event(d, &ev);
    if (r->source == RUN_SWEEP && d->round_op && d->round_left && !--d->round_left)
        tell_round(d);
}

static json_t *counts_json(const struct drive_counts *c)
{
    return json_pack("{s:I, s:I, s:I}", "n", (json_int_t)c->n, "failed", (json_int_t)c->fails,
                     "errors", (json_int_t)c->errors);
}

/* One line a second for all probes of it. */
void drive_summary(struct drive *d)
{
    bool any = false;

    for (int side = 0; side < PLAN_SIDES; side++)
        any = any || d->second[side].n || d->second[side].errors;
    if (any)
        drive_journal(d,
                      json_pack("{s:s, s:o, s:o}", "kind", "probes", "old",
                                counts_json(&d->second[PLAN_OLD]), "new",
                                counts_json(&d->second[PLAN_NEW])),
                      NULL, false);
    memset(d->second, 0, sizeof d->second);
    d->second_at_ms = d->now_ms;
}
