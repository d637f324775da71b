/* A controller's prober, and who asks the DNS servers for it. */
#include <string.h>

#include "sim.h"

void ctl_timer(struct sim_ctl *c, enum sim_timer_kind kind, int64_t in_ms, uint32_t op,
               uint32_t stratum)
{
    if (c->n_timers == SIM_TIMERS) {
        check_wrong(c->sim, "more is asked at once than a prober can take");
        return;
    }
    c->timer[c->n_timers++] = (struct sim_timer){
        .kind = kind, .at_ms = c->sim->now + in_ms, .op = op, .stratum = stratum};
}

static int64_t latency(struct sim *s, uint32_t stratum)
{
    int64_t us = 20000 + (int64_t)sim_random(s, 4000);

    if (s->strata[stratum].side == PLAN_NEW && sim_in(&s->new_slow, s->now)) {
        fault_met(s, FAULT_NEW_SLOW);
        us *= 5;
    }
    return us;
}

static void fleet_met(struct sim *s, uint32_t stratum)
{
    static const enum sim_fault kinds[FLEET_COUNT] = {
        [FLEET_NEW_BAD] = FAULT_NEW_BAD,   [FLEET_ONE_BAD] = FAULT_ONE_CHECK_BAD,
        [FLEET_BOTH_BAD] = FAULT_BOTH_BAD, [FLEET_OLD_BAD] = FAULT_OLD_BAD,
        [FLEET_FLAPPING] = FAULT_FLAPPING,
    };

    if (s->fleet != FLEET_GOOD && sim_failing_ppm(s, s->now, stratum) > 10000)
        fault_met(s, kinds[s->fleet]);
}

static void probe(struct sim_ctl *c, uint32_t stratum, uint32_t ask)
{
    struct sim *s = c->sim;
    struct ramp_event ev = {.kind = RAMP_EV_PROBE};
    uint32_t ppm = sim_failing_ppm(s, s->now, stratum);
    bool fails = sim_random(s, 1000000) < ppm;

    if (sim_in(&s->hung, s->now)) {
        fault_met(s, FAULT_PROBES_HANG);
        return;
    }
    s->probes++;
    if (fails)
        fleet_met(s, stratum);
    if (sim_in(&s->gone, s->now)) {
        fault_met(s, FAULT_NETWORK_GONE);
        fails = true;
    }
    ev.probe.stratum = stratum;
    ev.probe.ask_op = ask;
    ev.probe.verdict = fails ? RAMP_FAIL : RAMP_PASS;
    if (sim_in(&s->blind, s->now)) {
        fault_met(s, FAULT_PROBES_BLIND);
        ev.probe.verdict = RAMP_ERROR;
    }
    ev.probe.latency_us = ev.probe.verdict == RAMP_PASS ? latency(s, stratum) : -1;
    if (s->strata[stratum].side == PLAN_NEW && ev.probe.verdict == RAMP_PASS)
        c->passed |= 1u << stratum;
    ctl_event(c, &ev);
}

static void probe_side(struct sim_ctl *c, uint8_t side)
{
    const struct plan *p = &c->sim->plan;

    for (uint32_t k = 0; k < p->strata_n; k++) {
        uint32_t i = c->turn[side]++ % p->strata_n;

        if (p->strata[i].side != side || p->strata[i].from_percent > c->percent)
            continue;
        probe(c, i, 0);
        return;
    }
}

static void verified(struct sim_ctl *c, uint32_t op)
{
    struct sim *s = c->sim;
    bool wrong = s->now < s->quiet_ms && sim_chance(s, s->dns_wrong);

    if (wrong)
        fault_met(s, FAULT_DNS_DISAGREES);
    ctl_done(c, op, wrong ? RAMP_FAILED : RAMP_OK);
}

static void ask(struct sim_ctl *c, const struct sim_timer *t)
{
    const struct plan *p = &c->sim->plan;

    probe(c, t->stratum, t->op);
    for (uint32_t i = 0; i < p->strata_n && !c->crashing; i++)
        if (p->strata[i].cell == p->strata[t->stratum].cell &&
            p->strata[i].side != p->strata[t->stratum].side) {
            probe(c, i, t->op);
            break;
        }
}

static void fire(struct sim_ctl *c, struct sim_timer t)
{
    struct sim *s = c->sim;
    struct ramp_event round = {.kind = RAMP_EV_ROUND};

    switch (t.kind) {
    case TIMER_VERIFY:
        verified(c, t.op);
        break;
    case TIMER_ASK:
        ask(c, &t);
        break;
    case TIMER_ROUND:
        if (sim_in(&s->hung, s->now)) { /* it takes as long as they hang */
            fault_met(s, FAULT_PROBES_HANG);
            ctl_timer(c, TIMER_ROUND, s->hung.to_ms - s->now, t.op, 0);
            break;
        }
        for (uint32_t i = 0; i < s->plan.strata_n && !c->crashing; i++)
            probe(c, i, 0);
        round.op_id = t.op;
        ctl_event(c, &round);
        break;
    }
}

void ctl_probe(struct sim_ctl *c)
{
    for (uint32_t i = 0; i < c->n_timers && !c->crashing;) {
        struct sim_timer t = c->timer[i];

        if (t.at_ms > c->sim->now) {
            i++;
            continue;
        }
        memmove(&c->timer[i], &c->timer[i + 1], (--c->n_timers - i) * sizeof *c->timer);
        fire(c, t);
    }
    for (uint8_t side = 0; side < PLAN_SIDES; side++)
        while (c->mode == RAMP_PROBES_RUN && c->rate_milli && c->probe_ms[side] <= c->sim->now &&
               !c->crashing && !c->over) {
            c->probe_ms[side] += 1000000 / c->rate_milli;
            probe_side(c, side);
        }
}
