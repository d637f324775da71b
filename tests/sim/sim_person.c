/* Who talks to a controller beside Route 53 and its prober: a person at its keyboard, the machine
 * it runs on. */
#include "drive.h"
#include "sim.h"

#define REACH_LATE_MS 1000 /* until the driver believes that nothing can be reached */

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- The machine it runs on
 * ----------------------------------------------------------------------------- */

static void reach(struct sim_ctl *c, bool reachable)
{
    struct ramp_event ev = {.kind = RAMP_EV_REACH, .reachable = reachable};

    ctl_event(c, &ev);
}

static void keys(struct sim_ctl *c, bool are_short)
{
    struct ramp_event ev = {.kind = RAMP_EV_CREDENTIALS, .credentials_short = are_short};

    if (are_short)
        fault_met(c->sim, FAULT_CREDENTIALS_SHORT);
    ctl_event(c, &ev);
}

static void terminate(struct sim_ctl *c)
{
    struct ramp_event ev = {.kind = RAMP_EV_SIGNAL, .signal = RAMP_SIGTERM};

    fault_met(c->sim, FAULT_TERMINATED);
    sim_log(c->sim, "%s: SIGTERM", c->run);
    c->signal_ms = INT64_MAX;
    ctl_event(c, &ev);
    c->forced_ms = c->sim->now + DRIVE_STOP_MS;
}

/* The driver has waited long enough for the machine: the journal is closed, the process gone. */
static void forced(struct sim_ctl *c)
{
    enum ramp_phase phase = ramp_phase(c->ramp);

    c->forced_ms = INT64_MAX;
    if (phase == RAMP_REVERTING || phase == RAMP_UNSAFE)
        return;
    fault_met(c->sim, FAULT_FORCED_OUT);
    line_settle(c);
    c->crashing = true;
}

static void steps(struct sim_ctl *c)
{
    struct sim *s = c->sim;
    struct ramp_event ev = {.kind = RAMP_EV_WINDOW};

    fault_met(s, FAULT_CLOCK_STEPS);
    c->step_ms = INT64_MAX;
    s->closes_ms -= c->step_by_ms; /* in boot time, which did not step */
    ev.window.opens_at_ms = INT64_MIN;
    ev.window.closes_at_ms = s->closes_ms;
    ctl_event(c, &ev);
}

int64_t ctl_signals_at(const struct sim_ctl *c)
{
    const struct sim *s = c->sim;
    int64_t at = sooner(sooner(c->signal_ms, c->forced_ms), c->step_ms);

    if (c->keys.from_ms != INT64_MAX)
        at = sooner(at, c->keys_told ? c->keys.to_ms : c->keys.from_ms);
    if (c->reach_told)
        at = sooner(at, s->gone.to_ms);
    else if (s->gone.from_ms != INT64_MAX && s->now < s->gone.to_ms)
        at = sooner(at, s->gone.from_ms + REACH_LATE_MS);
    return at;
}

void ctl_signals(struct sim_ctl *c)
{
    struct sim *s = c->sim;
    bool are_short = sim_in(&c->keys, s->now);
    bool gone = sim_in(&s->gone, s->now) && s->now >= s->gone.from_ms + REACH_LATE_MS;

    if (c->keys.from_ms != INT64_MAX && s->now >= c->keys.from_ms && are_short != c->keys_told) {
        c->keys_told = are_short;
        keys(c, are_short);
    }
    if (c->keys.to_ms <= s->now)
        c->keys.from_ms = c->keys.to_ms = INT64_MAX;
    if (gone != c->reach_told && !c->crashing) {
        c->reach_told = gone;
        reach(c, !gone);
    }
    if (c->step_ms <= s->now && !c->crashing)
        steps(c);
    if (c->signal_ms <= s->now && !c->crashing && !c->over)
        terminate(c);
    if (c->forced_ms <= s->now && !c->crashing && !c->over)
        forced(c);
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

void person_does(struct sim_ctl *c, enum ramp_operator op)
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

static void held(struct sim_ctl *c, uint64_t r)
{
    if (c->operators > 20)
        person_does(c, RAMP_DO_QUIT);
    else
        person_does(c, r < 60 && c->operators < 8 ? RAMP_DO_RESUME
                       : r < 88                   ? RAMP_DO_ROLLBACK
                                                  : RAMP_DO_QUIT);
}

void person_waits(struct sim_ctl *c)
{
    struct sim *s = c->sim;
    int64_t since = s->now - c->phase_ms - 2 * s->pending_ms;
    bool late = s->now > s->quiet_ms + 600 * 1000;

    if (late && !s->foreign_touched && check_holds_all(c) && since > 900 * 1000)
        check_wrong(s, "%s cannot go back though all is well", c->run);
    if (late && since > 1000 * 1000)
        signal_twice(c);
}

void ctl_person(struct sim_ctl *c)
{
    struct sim *s = c->sim;
    uint64_t r = sim_random(s, 100);

    if (s->scenario) {
        scenario_person(c);
        return;
    }
    c->operator_ms = s->now + 20000 + (int64_t)sim_random(s, 120000);
    c->operators++;
    switch (ramp_phase(c->ramp)) {
    case RAMP_APPROVING:
        person_does(c, r < 85 ? RAMP_DO_APPROVE : RAMP_DO_ROLLBACK);
        break;
    case RAMP_PAUSED:
        person_does(c, r < 80 ? RAMP_DO_RESUME : RAMP_DO_ROLLBACK);
        break;
    case RAMP_HELD:
        held(c, r);
        break;
    case RAMP_UNSAFE:
    case RAMP_REVERTING:
        person_waits(c);
        break;
    default:
        if (s->now < s->quiet_ms && r < 12)
            person_does(c, r < 6 ? RAMP_DO_PAUSE : r < 10 ? RAMP_DO_ROLLBACK : RAMP_DO_QUIT);
        else if (r == 50)
            signal_twice(c);
        break;
    }
}
