/* One controller's loop: the shipped ramp, fence and journal format with a driver of the
 * simulator's. It does what controller/drive.c does, in the same order, and can die before and
 * after each call of its shell: journal, router, clock. */
#include <assert.h>
#include <string.h>

#include "sim.h"
#include "sluice/common.h"

#define DISK_HANG_MS 10000
#define TURNS_MAX    20000

bool ctl_place(struct sim_ctl *c, enum sim_call call, bool after)
{
    if (c->crashing)
        return false;
    if (c->crash)
        c->crashing = crash_place(c, call, after);
    else if (c->points_left > 0 && --c->points_left == 0)
        c->crashing = true;
    return !c->crashing;
}

/* ---- The machine
 * --------------------------------------------------------------------------------------- */

static void probes(struct sim_ctl *c, const struct ramp_action *a)
{
    c->percent = a->percent;
    c->mode = a->mode;
    c->rate_milli = a->rate_milli;
    if (a->mode == RAMP_PROBES_ONCE)
        ctl_timer(c, TIMER_ROUND, 80, a->op_id, 0);
    if (a->mode == RAMP_PROBES_RUN && c->rate_milli)
        for (int side = 0; side < PLAN_SIDES; side++)
            c->probe_ms[side] = c->sim->now + 1 + (int64_t)sim_random(c->sim, 200);
}

static void verify(struct sim_ctl *c, const struct ramp_action *a)
{
    struct sim *s = c->sim;
    int64_t takes = 300;

    if (sim_in(&s->dns_slow, s->now)) {
        fault_met(s, FAULT_DNS_SLOW);
        takes = 60000 + (int64_t)sim_random(s, 240000);
    }
    ctl_timer(c, TIMER_VERIFY, takes, a->op_id, 0);
}

static void perform(struct sim_ctl *c, const struct ramp_action *a)
{
    struct sim *s = c->sim;

    if (c->crashing)
        return;
    sim_log(s, "%s: %s op %u percent %u", c->run, ramp_action_name(a->kind), a->op_id, a->percent);
    sim_hash(s, (uint64_t)a->kind << 32 | a->op_id);
    check_perform(c, a);
    if (a->kind == RAMP_ACT_TAKE && c->take_over && !a->take_over)
        fence_take(c->fence, a->op_id, FENCE_TAKE_OVER, s->now);
    else if (fence_ramp_perform(c->fence, a, s->now))
        return;
    if (a->kind == RAMP_ACT_PROBES)
        probes(c, a);
    else if (a->kind == RAMP_ACT_ASK)
        ctl_timer(c, TIMER_ASK, 60, a->op_id, a->stratum);
    else if (a->kind == RAMP_ACT_VERIFY)
        verify(c, a);
}

static void put_waiting(struct sim_ctl *c, const struct ramp_action *a, uint64_t seq)
{
    assert(c->n_waiting < SIM_WAITING);
    c->waiting[c->n_waiting].action = *a;
    c->waiting[c->n_waiting].since_ms = c->sim->now;
    c->waiting[c->n_waiting++].seq = seq;
}

void ctl_event(struct sim_ctl *c, const struct ramp_event *ev)
{
    struct ramp_actions acts; /* ramp_step() says how many: none of it needs to be cleared */
    enum ramp_phase before = ramp_phase(c->ramp);
    struct sim *s = c->sim;
    uint64_t seq = 0;
    bool new_phase;

    if (c->over || c->crashing)
        return;
    s->events++;
    ramp_step(c->ramp, &s->plan, ev, s->now, &acts);
    new_phase = ramp_phase(c->ramp) != before;
    if (new_phase || (ev->kind != RAMP_EV_PROBE && ev->kind != RAMP_EV_TICK))
        sim_log(s, "%s: event %s%s%s -> %s (%s)", c->run, ramp_event_name(ev->kind),
                ev->kind == RAMP_EV_DONE ? " " : "",
                ev->kind == RAMP_EV_DONE ? ramp_outcome_name(ev->done.outcome) : "",
                ramp_phase_name(ramp_phase(c->ramp)), ramp_why_name(ramp_why(c->ramp, NULL)));
    sim_hash(s, (uint64_t)ev->kind << 40 | (uint64_t)ramp_phase(c->ramp) << 32 | acts.n);
    for (uint32_t i = 0; i < acts.n; i++) {
        check_decided(c, &acts.item[i]);
        if (acts.item[i].kind == RAMP_ACT_ROLLBACK)
            c->n_waiting = 0;
        if (!acts.item[i].needs_sync)
            perform(c, &acts.item[i]);
        if (c->crashing)
            return;
    }
    if (acts.n || new_phase || (ev->kind != RAMP_EV_PROBE && ev->kind != RAMP_EV_TICK))
        seq = line_add(c, acts.n || new_phase, false);
    for (uint32_t i = 0; i < acts.n; i++)
        if (acts.item[i].needs_sync)
            put_waiting(c, &acts.item[i], seq);
    c->over = ramp_over(c->ramp);
}

void ctl_done(struct sim_ctl *c, uint32_t op, enum ramp_outcome outcome)
{
    struct ramp_event ev = {.kind = RAMP_EV_DONE};

    ev.done.op_id = op;
    ev.done.outcome = outcome;
    ctl_event(c, &ev);
}

/* The journal failed, or does not answer: nothing that waits for it is done. */
static void disk_dies(struct sim_ctl *c)
{
    struct ramp_event dead = {.kind = RAMP_EV_JOURNAL_DEAD};

    while (c->n_waiting && !c->crashing) {
        uint32_t op = c->waiting[0].action.op_id;

        memmove(c->waiting, c->waiting + 1, --c->n_waiting * sizeof *c->waiting);
        ctl_done(c, op, RAMP_NOT_SENT);
    }
    if (!c->disk_told)
        ctl_event(c, &dead);
    c->disk_told = true;
}

static void synced(struct sim_ctl *c)
{
    uint64_t now = line_synced(c);

    if (now == c->synced || !ctl_place(c, CALL_SYNC, false))
        return;
    c->synced = now;
    (void)ctl_place(c, CALL_SYNC, true);
}

static void disk(struct sim_ctl *c)
{
    struct sim *s = c->sim;

    synced(c);
    while (c->n_waiting && c->waiting[0].seq <= c->synced && !c->crashing) {
        struct ramp_action a = c->waiting[0].action;

        if (s->now - c->waiting[0].since_ms >= 2000)
            fault_met(s, FAULT_FSYNC_SLOW);
        memmove(c->waiting, c->waiting + 1, --c->n_waiting * sizeof *c->waiting);
        perform(c, &a);
    }
    if (c->crashing)
        return;
    if (line_disk_bad(c) && line_unsynced(c) && !c->disk_told) { /* the writer says so at once */
        fault_met(s, c->disk_full ? FAULT_DISK_FULL : FAULT_FSYNC_FAILS);
        disk_dies(c);
    } else if (c->n_waiting && s->now >= c->waiting[0].since_ms + DISK_HANG_MS) {
        fault_met(s, FAULT_FSYNC_HANGS);
        disk_dies(c);
    }
}

/* ---- A turn of the loop
 * -------------------------------------------------------------------------------- */

static void fence_event(struct sim_ctl *c, const struct fence_event *fe)
{
    struct ramp_event ev;

    sim_log(c->sim, "%s: fence %s op %u%s zone %d %s %s", c->run, fence_event_name(fe->kind),
            fe->op_id, fe->final ? " final" : "", (int)fe->zone, fe->field ? fe->field : "",
            fe->text);
    sim_hash(c->sim, (uint64_t)fe->kind << 16 | fe->zone);
    if (fe->kind == FENCE_TAKEN || fe->kind == FENCE_BASELINE)
        (void)line_add(c, false, true);
    if (fe->kind == FENCE_ABSENT || fe->kind == FENCE_READ || fe->kind == FENCE_DEPOSED)
        c->knows_leases = fe->kind == FENCE_READ;
    if (fe->kind == FENCE_TAKEN) /* and from now on it takes nothing from anybody */
        memset(c->may_seize, 0, sizeof c->may_seize);
    if (fe->kind == FENCE_RELEASED)
        c->released = fe->n_done == fe->n_all;
    if (fe->kind == FENCE_INSYNC) {
        c->passed = 0;
        c->since_ms = c->sim->now;
    }
    if (fence_ramp_event(c->fence, fe, &ev))
        ctl_event(c, &ev);
}

static bool answers(struct sim_ctl *c)
{
    struct router_answer a;
    struct fence_event fe;
    bool any = false;

    while (!c->crashing && memory_client_ready(c->router) && ctl_place(c, CALL_ANSWER, false) &&
           c->router.ops->next(c->router.self, &a)) {
        if (!fence_answer(c->fence, &a, c->sim->now))
            check_wrong(c->sim, "an answer belongs to nobody");
        c->router.ops->release(c->router.self, &a);
        any = true;
        (void)ctl_place(c, CALL_ANSWER, true);
        while (!c->crashing && fence_next(c->fence, &fe))
            fence_event(c, &fe);
    }
    while (!c->crashing && fence_next(c->fence, &fe)) {
        fence_event(c, &fe);
        any = true;
    }
    return any;
}

/* A person is needed: sooner or later one looks. */
static int64_t somebody_at(struct sim_ctl *c)
{
    struct sim *s = c->sim;

    if (s->scenario)
        return scenario_person_at(c);
    if (s->nobody) {
        fault_met(s, FAULT_NOBODY_THERE);
        return s->now + 20 * 60 * 1000 + (int64_t)sim_random(s, 60000);
    }
    return s->now + 5000 + (int64_t)sim_random(s, 60000);
}

static void watch_phase(struct sim_ctl *c)
{
    enum ramp_phase phase = ramp_phase(c->ramp);

    if (phase == c->seen_phase)
        return;
    c->seen_phase = phase;
    c->phase_ms = c->sim->now;
    if (phase == RAMP_HELD || phase == RAMP_PAUSED || phase == RAMP_APPROVING ||
        phase == RAMP_UNSAFE || phase == RAMP_REVERTING)
        c->operator_ms = somebody_at(c);
    if (phase != RAMP_REVERTING && phase != RAMP_UNSAFE)
        c->back_again = false;
}

static void thaw(struct sim_ctl *c)
{
    struct ramp_event gap = {.kind = RAMP_EV_GAP, .gap_ms = c->frozen_until_ms - c->freeze_at_ms};

    fault_met(c->sim,
              gap.gap_ms > c->sim->plan.lease_life_ms ? FAULT_FROZEN_PAST_LEASE : FAULT_FROZEN);
    c->freeze_at_ms = INT64_MAX;
    c->frozen_until_ms = 0;
    c->back_ms = INT64_MAX;
    for (int side = 0; side < PLAN_SIDES; side++)
        if (c->probe_ms[side] < c->sim->now)
            c->probe_ms[side] = c->sim->now;
    c->passed = 0;
    c->since_ms = c->phase_ms = c->sim->now;
    ctl_event(c, &gap);
}

/* One thing that is due, in the order of controller/drive.c. */
static void turn(struct sim_ctl *c)
{
    struct sim *s = c->sim;
    struct ramp_event tick = {.kind = RAMP_EV_TICK};
    bool any = answers(c);

    if (!c->crashing && (any ? fence_wake_at(c->fence) : c->fence_at) <= s->now) {
        fence_tick(c->fence, s->now);
        (void)answers(c);
    }
    if (!c->crashing)
        disk(c);
    if (!c->crashing)
        ctl_probe(c);
    if (!c->crashing && ctl_signals_at(c) <= s->now)
        ctl_signals(c);
    if (!c->crashing && c->operator_ms <= s->now)
        ctl_person(c);
    if (!c->crashing && !c->over && ramp_wake_at(c->ramp) <= s->now)
        ctl_event(c, &tick);
    watch_phase(c);
}

void ctl_turn(struct sim_ctl *c)
{
    struct sim *s = c->sim;

    if (c->freeze_at_ms <= s->now && s->now < c->frozen_until_ms) {
        c->wake_ms = c->frozen_until_ms;
        return;
    }
    if (c->freeze_at_ms <= s->now)
        thaw(c);
    (void)answers(c);
    watch_phase(c);
    for (int i = 0; !c->crashing && !c->over && (c->wake_ms = ctl_wake_at(c)) <= s->now; i++) {
        if (i > TURNS_MAX) {
            check_wrong(s, "%s turns for ever (ramp %lld fence %lld)", c->run,
                        (long long)ramp_wake_at(c->ramp), (long long)fence_wake_at(c->fence));
            return;
        }
        if (!ctl_place(c, CALL_TIMER, false))
            break;
        turn(c);
        (void)ctl_place(c, CALL_TIMER, true);
    }
    check_turn(c);
    if (c->crashing)
        ctl_crash(c);
    else if (c->over)
        ctl_leave(c);
}

int64_t ctl_wake_at(struct sim_ctl *c)
{
    const struct sim *s = c->sim;
    int64_t at;

    if (!c->alive)
        return INT64_MAX;
    if (c->freeze_at_ms <= s->now && s->now < c->frozen_until_ms)
        return c->frozen_until_ms;
    at = ctl_signals_at(c);
#define SOONER(x) at = (x) < at ? (x) : at
    if (c->freeze_at_ms != INT64_MAX)
        SOONER(c->freeze_at_ms > s->now ? c->freeze_at_ms : s->now);
    SOONER(ramp_wake_at(c->ramp));
    c->fence_at = fence_wake_at(c->fence);
    SOONER(c->fence_at);
    SOONER(c->operator_ms);
    if (c->mode == RAMP_PROBES_RUN && c->rate_milli) {
        SOONER(c->probe_ms[0]);
        SOONER(c->probe_ms[1]);
    }
    for (uint32_t i = 0; i < c->n_timers; i++)
        SOONER(c->timer[i].at_ms);
    for (uint32_t i = 0; i < c->n_waiting; i++)
        SOONER(c->waiting[i].since_ms + DISK_HANG_MS);
    for (uint32_t i = 0; i < c->n_lines; i++)
        if (c->line[i].seq > c->synced)
            SOONER(c->line[i].durable_ms);
    if (line_disk_bad(c) && !c->disk_told && line_unsynced(c))
        SOONER(s->now);
#undef SOONER
    return at;
}
