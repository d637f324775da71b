/* ramp.c: one event in, actions out. The diagram is in ramp.h; the parts are named in
 * ramp_inside.h.
 *
 * Each call does the event's own work and then whatever is due at `now`. A deadline is cleared
 * before it is acted on, so that a forgotten one means "wait for an event", never a loop. */
#include "ramp_inside.h"

#include <assert.h>
#include <string.h>

#define DEADLINES_MAX 16 /* phases that can follow each other at one instant (waits of 0) */

/* ---- What the parts use
 * ---------------------------------------------------------------------------- */

struct ramp_action *ramp_push(struct ramp_turn *t, enum ramp_action_kind kind)
{
    struct ramp_action *a;

    assert(t->out->n < RAMP_ACTIONS_MAX);
    a = &t->out->item[t->out->n++];
    *a = (struct ramp_action){.kind = kind};
    return a;
}

uint32_t ramp_op_next(struct ramp_turn *t)
{
    return (uint32_t)t->s->core.next_op++;
}

struct ramp_action *ramp_op(struct ramp_turn *t, enum ramp_action_kind kind)
{
    struct ramp_action *a = ramp_push(t, kind);

    a->op_id = ramp_op_next(t);
    t->s->core.op = a->op_id;
    t->s->core.op_kind = kind;
    t->s->core.op_done = 0;
    return a;
}

bool ramp_op_flies(const struct ramp *s, enum ramp_action_kind kind)
{
    return s->core.op != 0 && s->core.op_kind == kind && !s->core.op_done;
}

void ramp_notify(struct ramp_turn *t, enum ramp_notice notice)
{
    struct ramp_action *a = ramp_push(t, RAMP_ACT_NOTIFY);

    a->notice = notice;
    a->why = (enum ramp_why)t->s->core.why;
    a->index = (uint32_t)t->s->core.why_index;
}

/* The one place where the phase changes. What was in flight for the old one is forgotten, except
 * the APPLY or TAKE that the caller still waits for. */
void ramp_enter(struct ramp_turn *t, enum ramp_phase phase, enum ramp_why why, uint32_t index)
{
    struct ramp_core *c = &t->s->core;

    c->phase = phase;
    c->why = why;
    c->why_index = index;
    c->phase_at_ms = t->now;
    c->wait_until_ms = INT64_MAX;
    c->hold_until_ms = INT64_MAX;
    c->unsafe_at_ms = INT64_MAX;
    c->op = 0;
    c->op_done = 0;
    c->reading = RAMP_READING_NO;
    ramp_notify(t, RAMP_NOTICE_PHASE);
}

void ramp_read_later(struct ramp_turn *t)
{
    int64_t every = t->plan->read_every_ms;

    t->s->core.read_at_ms = every > 0 ? t->now + every : INT64_MAX;
}

void ramp_probes(struct ramp_turn *t, enum ramp_probes mode, uint32_t percent, uint32_t rate_milli)
{
    struct ramp_action *a =
        mode == RAMP_PROBES_ONCE ? ramp_op(t, RAMP_ACT_PROBES) : ramp_push(t, RAMP_ACT_PROBES);

    a->mode = mode;
    a->percent = percent;
    a->rate_milli = rate_milli;
}

/* ---- Events
 * ---------------------------------------------------------------------------------------- */

static void on_start(struct ramp_turn *t, const struct ramp_event *ev)
{
    t->s->core.start = ev->start;
    if (ev->start == RAMP_START_ROLLBACK) {
        ramp_back_take(t);
    } else if (ev->start == RAMP_START_FRESH) {
        ramp_notify(t, RAMP_NOTICE_PHASE);
        ramp_walk_preflight(t);
    } else {
        ramp_pick_up(t);
    }
}

static void on_tick(struct ramp_turn *t, const struct ramp_event *ev)
{
    (void)t;
    (void)ev;
}

static bool going_back(const struct ramp *s)
{
    return s->core.phase == RAMP_REVERTING || s->core.phase == RAMP_UNSAFE;
}

static bool ended(const struct ramp *s)
{
    return s->core.phase >= RAMP_COMPLETED || s->core.over;
}

/* The drift reading that runs beside everything else. */
static void on_reading(struct ramp_turn *t, const struct ramp_event *ev)
{
    struct ramp_core *c = &t->s->core;

    c->read_op = 0;
    if (going_back(t->s) || ended(t->s))
        return;
    switch (ev->done.outcome) {
    case RAMP_OK:
        if (ev->done.reading.ttl_max_ms > c->ttl_ms)
            c->ttl_ms = ev->done.reading.ttl_max_ms;
        break;
    case RAMP_DRIFTED:
        ramp_rest_in(t, RAMP_HELD, RAMP_WHY_DRIFT, ev->done.drift);
        break;
    case RAMP_IS_DEPOSED:
        ramp_back_end(t, RAMP_DEPOSED, RAMP_WHY_DEPOSED, PLAN_WHOLE, 10);
        break;
    case RAMP_IS_LEASE_ABSENT:
        ramp_rest_in(t, RAMP_HELD, RAMP_WHY_LEASE_ABSENT, PLAN_WHOLE);
        break;
    default:
        break; /* the next one is due anyway, and every write reads first */
    }
}

/* A rollback that had landed and does not stand: somebody removed the lease, a record is refused.
 */
static bool undone(const struct ramp_core *c, const struct ramp_event *ev)
{
    return c->op_kind == RAMP_ACT_ROLLBACK && ev->done.outcome != RAMP_OK;
}

/* The process before this one had begun to go back, and died before its line was written: that is
 * news to whoever does not go back himself. */
static bool is_news(const struct ramp *s)
{
    return s->core.phase > RAMP_PREFLIGHT && !going_back(s) && !ended(s);
}

static void on_reverting(struct ramp_turn *t, const struct ramp_event *ev)
{
    (void)ev;
    if (is_news(t->s))
        ramp_back_rollback(t, RAMP_WHY_CRASH, PLAN_WHOLE);
}

static void on_done(struct ramp_turn *t, const struct ramp_event *ev)
{
    struct ramp_core *c = &t->s->core;
    uint32_t op_id = ev->done.op_id;

    if (ev->done.outcome == RAMP_IS_REVERTING && is_news(t->s)) {
        if (op_id == c->read_op)
            c->read_op = 0;
        on_reverting(t, ev); /* whoever asked, and whether that still matters */
        return;
    }
    if (op_id != 0 && op_id == c->read_op) {
        on_reading(t, ev);
        return;
    }
    if (op_id == 0 || op_id != c->op || (c->op_done && !undone(c, ev)))
        return; /* of an operation no longer in flight: here, and nowhere else */
    if (c->op_kind == RAMP_ACT_APPLY || c->op_kind == RAMP_ACT_ROLLBACK)
        c->op_done = ev->done.outcome == RAMP_OK; /* then INSYNC is still to come */
    if (!c->op_done)
        c->op = 0;
    if (c->op_kind == RAMP_ACT_RELEASE) {
        if (ev->done.outcome != RAMP_OK)
            ramp_notify(t, RAMP_NOTICE_RELEASE_FAILED);
        ramp_back_over(t);
    } else if (going_back(t->s) || c->start == RAMP_START_ROLLBACK) {
        ramp_back_done(t, ev);
    } else {
        ramp_walk_done(t, ev);
    }
}

static void on_synced(struct ramp_turn *t, const struct ramp_event *ev)
{
    struct ramp_core *c = &t->s->core;

    if (ev->op_id == 0 || ev->op_id != c->op || !c->op_done)
        return;
    c->op = 0;
    c->op_done = 0;
    c->in_sync = 1;
    c->synced_at_ms = t->now;
    c->wait_until_ms = INT64_MAX;
    if (going_back(t->s))
        ramp_back_synced(t);
    else
        ramp_walk_synced(t);
}

static void on_probe(struct ramp_turn *t, const struct ramp_event *ev)
{
    struct ramp_judgement j;

    if (ended(t->s))
        return;
    j = ramp_evidence_probe(t, &ev->probe);
    ramp_rest_judge(t, &j);
    if (t->s->core.phase == RAMP_PREFLIGHT && ev->probe.ask_op != 0)
        ramp_walk_review(t);
}

static void on_round(struct ramp_turn *t, const struct ramp_event *ev)
{
    if (t->s->core.phase != RAMP_PREFLIGHT || !ramp_op_flies(t->s, RAMP_ACT_PROBES) ||
        ev->op_id != t->s->core.op)
        return;
    t->s->core.op = 0;
    ramp_walk_review(t);
}

static void operator_resume(struct ramp_turn *t)
{
    struct ramp_core *c = &t->s->core;

    if (c->pend_phase == RAMP_PAUSED)
        c->pend_phase = 0;
    if (c->phase == RAMP_HELD || c->phase == RAMP_PAUSED)
        ramp_walk_read(t, ramp_walk_next(c));
}

static void operator_approve(struct ramp_turn *t)
{
    if (t->s->core.phase == RAMP_APPROVING && t->s->core.reading == RAMP_READING_NO)
        ramp_walk_advance(t); /* not while a restart is still to look at what stands there */
    else if (t->s->core.phase == RAMP_SOAKING) /* ending it early is completed */
        ramp_back_end(t, RAMP_COMPLETED, RAMP_WHY_GOAL, PLAN_WHOLE, 0);
}

static void operator_rollback(struct ramp_turn *t)
{
    struct ramp_core *c = &t->s->core;

    if (going_back(t->s) && c->after_revert == RAMP_ROLLED_BACK) {
        if (c->phase == RAMP_UNSAFE)
            ramp_back_anew(t);
        return;
    }
    if (c->phase == RAMP_PREFLIGHT) {
        ramp_back_stop(t, RAMP_WHY_OPERATOR); /* nothing to go back from */
        return;
    }
    c->asked = 1;
    if (c->phase == RAMP_HELD && c->why == RAMP_WHY_LEASE_ABSENT)
        ramp_back_anew(t);
    else
        ramp_back_rollback(t, RAMP_WHY_OPERATOR, PLAN_WHOLE);
}

static void on_operator(struct ramp_turn *t, const struct ramp_event *ev)
{
    enum ramp_phase phase = ramp_phase(t->s);

    if (ended(t->s))
        return;
    switch (ev->op) {
    case RAMP_DO_PAUSE:
        if (phase >= RAMP_APPLYING && phase <= RAMP_SOAKING && phase != RAMP_PAUSED &&
            phase != RAMP_HELD)
            ramp_rest_in(t, RAMP_PAUSED, RAMP_WHY_OPERATOR, PLAN_WHOLE);
        break;
    case RAMP_DO_RESUME:
        operator_resume(t);
        break;
    case RAMP_DO_APPROVE:
        operator_approve(t);
        break;
    case RAMP_DO_ROLLBACK:
        operator_rollback(t);
        break;
    case RAMP_DO_QUIT:
        ramp_back_stop(t, RAMP_WHY_OPERATOR);
        break;
    default:
        assert(ev->op < RAMP_DO_COUNT);
        break;
    }
}

static void on_signal(struct ramp_turn *t, const struct ramp_event *ev)
{
    bool term = ev->signal == RAMP_SIGTERM;
    enum ramp_why why = term ? RAMP_WHY_SIGTERM : RAMP_WHY_SIGINT;
    enum ramp_phase phase = ramp_phase(t->s);

    if (t->s->core.phase >= RAMP_COMPLETED) { /* waiting for the release: enough */
        ramp_back_over(t);
        return;
    }
    if (t->plan->on[term ? PLAN_ON_TERMINATE : PLAN_ON_INTERRUPT] == PLAN_ROLLBACK &&
        phase != RAMP_PREFLIGHT && t->s->core.written && !going_back(t->s) &&
        !ramp_old_is_bad(t->s))
        ramp_back_rollback(t, why, PLAN_WHOLE);
    else
        ramp_back_stop(t, why);
}

/* The loop slept. What spans the gap is gone; how the records stand is not known until they are
 * read. */
static void on_gap(struct ramp_turn *t, const struct ramp_event *ev)
{
    struct ramp_core *c = &t->s->core;

    if (going_back(t->s) || ended(t->s))
        return; /* going back reads nothing first: the fence decides */
    ramp_evidence_drop_asks(t->s);
    switch (c->phase) {
    case RAMP_PREFLIGHT:
        if (c->op == 0 && c->op_kind == RAMP_ACT_PROBES)
            ramp_walk_review(t); /* asks were dropped: ask again */
        break;
    case RAMP_VERIFYING:
    case RAMP_DRAINING:
    case RAMP_BAKING:
    case RAMP_APPROVING:
        ramp_enter(t, RAMP_DRAINING, RAMP_WHY_NONE, PLAN_WHOLE);
        ramp_walk_read(t, RAMP_READING_THEN_WAIT);
        break;
    case RAMP_SOAKING:
        if (c->wait_until_ms < INT64_MAX - ev->gap_ms)
            c->wait_until_ms +=
                ev->gap_ms > 0 ? ev->gap_ms : 0; /* what was not watched does not count */
        if (c->read_at_ms != INT64_MAX)
            c->read_at_ms = t->now;
        break;
    default: /* applying: the fence reads before it writes; held and paused: the next reading, now
              */
        if (c->read_at_ms != INT64_MAX)
            c->read_at_ms = t->now;
        break;
    }
}

static void on_drift(struct ramp_turn *t, const struct ramp_event *ev)
{
    if (t->s->core.phase > RAMP_PREFLIGHT && !going_back(t->s) && !ended(t->s))
        ramp_rest_in(t, RAMP_HELD, RAMP_WHY_DRIFT, ev->drift);
}

static void on_deposed(struct ramp_turn *t, const struct ramp_event *ev)
{
    (void)ev;
    if (!ended(t->s))
        ramp_back_end(t, RAMP_DEPOSED, RAMP_WHY_DEPOSED, PLAN_WHOLE, 10);
}

static void on_journal_dead(struct ramp_turn *t, const struct ramp_event *ev)
{
    struct ramp_core *c = &t->s->core;

    (void)ev;
    if (c->journal_dead)
        return;
    c->journal_dead = 1;
    ramp_notify(t, RAMP_NOTICE_JOURNAL);
    if (c->phase == RAMP_PREFLIGHT && c->start != RAMP_START_ROLLBACK &&
        !ramp_op_flies(t->s, RAMP_ACT_TAKE))
        ramp_back_refuse(t, RAMP_WHY_JOURNAL, PLAN_WHOLE);
}

static void on_reach(struct ramp_turn *t, const struct ramp_event *ev)
{
    t->s->core.unreachable = !ev->reachable;
    if (!ev->reachable)
        for (int64_t i = 0; i < t->s->core.suites_n; i++)
            for (int side = 0; side < PLAN_SIDES; side++)
                budget_cusum_drop_second(&t->s->core.suite[i].cusum[side]);
}

static void on_credentials(struct ramp_turn *t, const struct ramp_event *ev)
{
    struct ramp_core *c = &t->s->core;

    c->credentials_short = ev->credentials_short;
    if (ended(t->s) || going_back(t->s))
        return;
    if (c->credentials_short && c->phase > RAMP_PREFLIGHT && c->phase != RAMP_HELD &&
        c->phase != RAMP_PAUSED)
        ramp_rest_in(t, RAMP_HELD, RAMP_WHY_CREDENTIALS, PLAN_WHOLE);
    else if (!c->credentials_short && c->phase == RAMP_HELD && c->why == RAMP_WHY_CREDENTIALS)
        operator_resume(t);
}

static void on_window(struct ramp_turn *t, const struct ramp_event *ev)
{
    struct ramp_core *c = &t->s->core;

    c->opens_at_ms = ev->window.opens_at_ms;
    c->closes_at_ms = ev->window.closes_at_ms;
    if (c->phase == RAMP_PREFLIGHT && c->op == 0 && c->op_kind == 0 &&
        c->wait_until_ms != INT64_MAX)
        c->wait_until_ms = c->opens_at_ms; /* still waiting for it to open */
}

typedef void handler(struct ramp_turn *t, const struct ramp_event *ev);

static handler *const handlers[] = {
    [RAMP_EV_START] = on_start,       [RAMP_EV_TICK] = on_tick,
    [RAMP_EV_DONE] = on_done,         [RAMP_EV_SYNCED] = on_synced,
    [RAMP_EV_PROBE] = on_probe,       [RAMP_EV_ROUND] = on_round,
    [RAMP_EV_OPERATOR] = on_operator, [RAMP_EV_SIGNAL] = on_signal,
    [RAMP_EV_GAP] = on_gap,           [RAMP_EV_DRIFT] = on_drift,
    [RAMP_EV_DEPOSED] = on_deposed,   [RAMP_EV_JOURNAL_DEAD] = on_journal_dead,
    [RAMP_EV_REACH] = on_reach,       [RAMP_EV_CREDENTIALS] = on_credentials,
    [RAMP_EV_WINDOW] = on_window,     [RAMP_EV_REVERTING] = on_reverting,
};
_Static_assert(sizeof(handlers) / sizeof(handlers[0]) == RAMP_EV_COUNT,
               "a handler for every event");

/* ---- Deadlines
 * ------------------------------------------------------------------------------------- */

/* The drift reading: in every phase with records of ours, while nothing else reads or writes. */
static bool may_read(const struct ramp_core *c)
{
    return c->phase > RAMP_PREFLIGHT && c->phase <= RAMP_SOAKING && c->read_op == 0 &&
           c->reading == RAMP_READING_NO &&
           !(c->op != 0 && c->op_kind == RAMP_ACT_APPLY && !c->op_done);
}

static void due(struct ramp_turn *t)
{
    struct ramp_core *c = &t->s->core;

    for (int i = 0; i < DEADLINES_MAX && c->wait_until_ms <= t->now && !ended(t->s); i++) {
        c->wait_until_ms = INT64_MAX;
        if (going_back(t->s) || c->start == RAMP_START_ROLLBACK)
            ramp_back_deadline(t);
        else
            ramp_walk_deadline(t);
    }
    if (c->phase == RAMP_HELD && c->hold_until_ms <= t->now && !ended(t->s))
        ramp_rest_held_too_long(t);
    if (c->phase == RAMP_REVERTING && c->unsafe_at_ms <= t->now)
        ramp_back_unsafe(t, RAMP_WHY_UNCONFIRMED);
    if (!ended(t->s) && !going_back(t->s))
        ramp_evidence_asks(t);
    if (t->plan->read_every_ms > 0 && may_read(c) && c->read_at_ms <= t->now) {
        struct ramp_action *a = ramp_push(t, RAMP_ACT_READ);

        a->op_id = ramp_op_next(t);
        c->read_op = a->op_id;
        c->read_at_ms = t->now + t->plan->read_every_ms;
    }
}

void ramp_step(struct ramp *s, const struct plan *plan, const struct ramp_event *ev, int64_t now_ms,
               struct ramp_actions *out)
{
    struct ramp_turn t = {s, plan, now_ms, out};

    out->n = 0;
    assert(ev->kind >= 0 && ev->kind < RAMP_EV_COUNT);
    if (s->core.over && ev->kind != RAMP_EV_START)
        return;
    handlers[ev->kind](&t, ev);
    due(&t);
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t ramp_wake_at(const struct ramp *s)
{
    const struct ramp_core *c = &s->core;
    int64_t at = c->wait_until_ms;

    if (ended(s))
        return INT64_MAX;
    if (c->phase == RAMP_HELD)
        at = sooner(at, c->hold_until_ms);
    if (c->phase == RAMP_REVERTING)
        at = sooner(at, c->unsafe_at_ms);
    if (may_read(c))
        at = sooner(at, c->read_at_ms);
    if (!going_back(s))
        for (uint32_t i = 0; i < RAMP_ASKS_MAX; i++)
            if (s->ask[i].used)
                at = sooner(at, s->ask[i].at_ms);
    return at;
}

bool ramp_over(const struct ramp *s)
{
    return s->core.over != 0;
}

int ramp_exit_status(const struct ramp *s)
{
    return (int)s->core.exit_status;
}

enum ramp_phase ramp_phase(const struct ramp *s)
{
    return (enum ramp_phase)s->core.phase;
}

enum ramp_why ramp_why(const struct ramp *s, uint32_t *index)
{
    if (index)
        *index = (uint32_t)s->core.why_index;
    return (enum ramp_why)s->core.why;
}

uint32_t ramp_percent(const struct ramp *s, const struct plan *plan)
{
    const struct ramp_core *c = &s->core;

    if (going_back(s) || c->phase == RAMP_ROLLED_BACK)
        return c->target == RAMP_PERCENT_BASELINE ? (uint32_t)c->start_percent
                                                  : (uint32_t)c->target;
    return c->full_step >= 0 ? plan->steps[c->full_step].percent : (uint32_t)c->start_percent;
}
