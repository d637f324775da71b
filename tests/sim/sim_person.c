/* Who talks to a controller beside Route 53: its prober, and a person at its keyboard. */
#include "sim.h"

/* ---- Probing
 * ------------------------------------------------------------------------------------------- */

static void probe(struct sim_ctl *c, uint32_t stratum, uint32_t ask)
{
    struct sim *s = c->sim;
    struct ramp_event ev = {.kind = RAMP_EV_PROBE};
    uint32_t ppm = sim_failing_ppm(s, s->now, stratum);

    s->probes++;
    ev.probe.stratum = stratum;
    ev.probe.ask_op = ask;
    ev.probe.verdict = sim_random(s, 1000000) < ppm ? RAMP_FAIL : RAMP_PASS;
    ev.probe.latency_us = ev.probe.verdict == RAMP_PASS ? 20000 + (int64_t)sim_random(s, 4000) : -1;
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

static void timer_fire(struct sim_ctl *c, struct sim_timer t)
{
    const struct plan *p = &c->sim->plan;
    struct ramp_event ev = {.kind = RAMP_EV_ROUND};

    if (t.kind == TIMER_VERIFY) {
        ctl_done(c, t.op,
                 c->sim->now < c->sim->quiet_ms && sim_chance(c->sim, 20) ? RAMP_FAILED : RAMP_OK);
    } else if (t.kind == TIMER_ASK) {
        probe(c, t.stratum, t.op);
        for (uint32_t i = 0; i < p->strata_n && !c->crashing; i++)
            if (p->strata[i].cell == p->strata[t.stratum].cell &&
                p->strata[i].side != p->strata[t.stratum].side) {
                probe(c, i, t.op);
                break;
            }
    } else {
        for (uint32_t i = 0; i < p->strata_n && !c->crashing; i++)
            probe(c, i, 0);
        ev.op_id = t.op;
        ctl_event(c, &ev);
    }
}

void ctl_probe(struct sim_ctl *c)
{
    for (uint32_t i = 0; i < SIM_TIMERS && !c->crashing; i++)
        if (c->timer[i].kind != TIMER_NONE && c->timer[i].at_ms <= c->sim->now) {
            struct sim_timer t = c->timer[i];

            c->timer[i].kind = TIMER_NONE;
            timer_fire(c, t);
        }
    for (uint8_t side = 0; side < PLAN_SIDES; side++)
        while (c->mode == RAMP_PROBES_RUN && c->rate_milli && c->probe_ms[side] <= c->sim->now &&
               !c->crashing && !c->over) {
            c->probe_ms[side] += 1000000 / c->rate_milli;
            probe_side(c, side);
        }
}

/* ---- The person
 * ---------------------------------------------------------------------------------------- */

static void signal_twice(struct sim_ctl *c)
{
    struct ramp_event ev = {.kind = RAMP_EV_SIGNAL, .signal = RAMP_SIGTERM};

    ctl_event(c, &ev);
    if (!c->crashing)
        ctl_event(c, &ev);
}

static void operate(struct sim_ctl *c, enum ramp_operator op)
{
    struct ramp_event ev = {.kind = RAMP_EV_OPERATOR, .op = op};
    enum ramp_why why = ramp_why(c->ramp, NULL);

    sim_log(c->sim, "%s: a person: %s", c->run, ramp_operator_name(op));
    if (op == RAMP_DO_RESUME && (why == RAMP_WHY_DRIFT || why == RAMP_WHY_LEASE_ABSENT))
        c->accepted_drift = true;
    if (op == RAMP_DO_RESUME) {
        c->passed = 0;
        c->since_ms = c->sim->now;
    }
    ctl_event(c, &ev);
}

void ctl_person(struct sim_ctl *c)
{
    struct sim *s = c->sim;
    bool late = s->now > s->quiet_ms + 600 * 1000;
    uint64_t r = sim_random(s, 100);

    c->operator_ms = s->now + 20000 + (int64_t)sim_random(s, 120000);
    c->operators++;
    switch (ramp_phase(c->ramp)) {
    case RAMP_APPROVING:
        operate(c, r < 85 ? RAMP_DO_APPROVE : RAMP_DO_ROLLBACK);
        break;
    case RAMP_PAUSED:
        operate(c, r < 80 ? RAMP_DO_RESUME : RAMP_DO_ROLLBACK);
        break;
    case RAMP_HELD:
        if (c->operators > 20)
            operate(c, RAMP_DO_QUIT);
        else
            operate(c, r < 60 && c->operators < 8 ? RAMP_DO_RESUME
                       : r < 88                   ? RAMP_DO_ROLLBACK
                                                  : RAMP_DO_QUIT);
        break;
    case RAMP_UNSAFE:
    case RAMP_REVERTING:
        if (late && !s->foreign_touched && check_holds_all(c) &&
            s->now > c->phase_ms + 900 * 1000 + 2 * s->pending_ms)
            check_wrong(s, "%s cannot go back though all is well", c->run);
        if (late && s->now > c->phase_ms + 1000 * 1000 + 2 * s->pending_ms)
            signal_twice(c);
        break;
    default:
        if (s->now < s->quiet_ms && r < 12)
            operate(c, r < 6 ? RAMP_DO_PAUSE : r < 10 ? RAMP_DO_ROLLBACK : RAMP_DO_QUIT);
        else if (r == 50)
            signal_twice(c);
        break;
    }
}
