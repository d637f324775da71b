/* ramp_back.c: back, and every end. Reverting is one path: a breach, a person, a policy and a
 * half-applied step differ only in the target and in what follows. See ramp_inside.h. */
#include "backoff.h"
#include "ramp_inside.h"

#include <assert.h>

#define EXIT_JUDGED_BAD 1
#define EXIT_HELD       10
#define EXIT_REFUSED    11
#define EXIT_UNSAFE     12
#define EXIT_BUSY       75
#define EXIT_DENIED     77
#define EXIT_SIGINT     130
#define EXIT_SIGTERM    143

/* ---- Ends
 * ------------------------------------------------------------------------------------------ */

void ramp_back_over(struct ramp_turn *t)
{
    t->s->core.over = 1;
    t->s->core.op = 0;
    ramp_push(t, RAMP_ACT_EXIT);
}

/* Which ends give the lease back. Held, interrupted and unsafe leave it: somebody will go on from
 * there. */
static bool releases(const struct ramp_core *c)
{
    if (!c->taken)
        return false;
    return c->phase == RAMP_COMPLETED || c->phase == RAMP_ROLLED_BACK || c->phase == RAMP_REFUSED ||
           (c->phase == RAMP_INTERRUPTED && !c->written);
}

void ramp_back_end(struct ramp_turn *t, enum ramp_phase phase, enum ramp_why why, uint32_t index,
                   int exit_status)
{
    struct ramp_core *c = &t->s->core;

    ramp_evidence_drop_asks(t->s);
    ramp_enter(t, phase, why, index);
    c->pend_phase = 0;
    c->exit_status = exit_status;
    ramp_probes(t, RAMP_PROBES_OFF, 0, 0);
    if (releases(c))
        ramp_op(t, RAMP_ACT_RELEASE);
    else
        ramp_back_over(t);
}

void ramp_back_refuse(struct ramp_turn *t, enum ramp_why why, uint32_t index)
{
    int status = why == RAMP_WHY_DENIED ? EXIT_DENIED
                 : why == RAMP_WHY_BUSY ? EXIT_BUSY
                                        : EXIT_REFUSED;

    ramp_back_end(t, RAMP_REFUSED, why, index, status);
}

static int signal_status(int64_t why)
{
    return why == RAMP_WHY_SIGTERM ? EXIT_SIGTERM : EXIT_SIGINT;
}

static bool going_back(const struct ramp *s)
{
    return s->core.phase == RAMP_REVERTING || s->core.phase == RAMP_UNSAFE;
}

void ramp_back_stop(struct ramp_turn *t, enum ramp_why why)
{
    struct ramp_core *c = &t->s->core;

    if (going_back(t->s)) {
        if (c->signals++ == 0) {
            ramp_notify(t, RAMP_NOTICE_SIGNAL_AGAIN);
            return;
        }
        ramp_back_end(t, RAMP_UNSAFE, why, PLAN_WHOLE, EXIT_UNSAFE);
        return;
    }
    if (c->phase == RAMP_HELD) {
        ramp_back_end(t, RAMP_HELD, (enum ramp_why)c->why, (uint32_t)c->why_index, EXIT_HELD);
        return;
    }
    if (c->phase == RAMP_SOAKING && why == RAMP_WHY_OPERATOR) { /* ending it early is completed */
        ramp_back_end(t, RAMP_COMPLETED, RAMP_WHY_GOAL, PLAN_WHOLE, 0);
        return;
    }
    /* What is in the air is waited for, once; a second time is meant. */
    if ((ramp_op_flies(t->s, RAMP_ACT_APPLY) || ramp_op_flies(t->s, RAMP_ACT_TAKE)) &&
        c->pend_phase != RAMP_INTERRUPTED && c->start != RAMP_START_ROLLBACK) {
        c->pend_phase = RAMP_INTERRUPTED;
        c->pend_why = why;
        c->pend_index = PLAN_WHOLE;
        return;
    }
    ramp_back_end(t, RAMP_INTERRUPTED, why, PLAN_WHOLE, signal_status(why));
}

/* ---- Going back
 * ------------------------------------------------------------------------------------ */

static void send(struct ramp_turn *t)
{
    t->s->core.listing = 0;
    ramp_op(t, RAMP_ACT_ROLLBACK)->percent = (uint32_t)t->s->core.target;
}

void ramp_back_begin(struct ramp_turn *t, uint32_t target, enum ramp_phase after, enum ramp_why why,
                     uint32_t index)
{
    struct ramp_core *c = &t->s->core;
    int64_t op;

    c->target = target;
    c->after_revert = after;
    c->back_why = why;
    c->back_index = index;
    c->attempts = 0;
    c->pend_phase = 0;
    c->written = 1;
    send(t); /* before anything is told to anybody */
    op = c->op;
    ramp_enter(t, RAMP_REVERTING, why, index);
    c->op = op;
    c->unsafe_at_ms = t->now + RAMP_UNSAFE_MS;
    ramp_evidence_drop_asks(t->s);
}

void ramp_back_rollback(struct ramp_turn *t, enum ramp_why why, uint32_t index)
{
    const struct ramp_core *c = &t->s->core;

    if (!c->written && c->start_percent <= t->plan->rollback_to)
        ramp_back_end(t, RAMP_ROLLED_BACK, why, index, 0); /* it stands where it would go */
    else
        ramp_back_begin(t, t->plan->rollback_to, RAMP_ROLLED_BACK, why, index);
}

void ramp_back_anew(struct ramp_turn *t)
{
    struct ramp_core *c = &t->s->core;
    struct ramp_action *a;

    if (!going_back(t->s))
        ramp_back_rollback(t, RAMP_WHY_OPERATOR, PLAN_WHOLE);
    if (!going_back(t->s))
        return;
    c->listing = 0;
    a = ramp_op(t, RAMP_ACT_ROLLBACK);
    a->percent = (uint32_t)c->target;
    a->take_over = true;
}

void ramp_back_half(struct ramp_turn *t, enum ramp_why why)
{
    struct ramp_core *c = &t->s->core;
    enum ramp_phase after = c->pend_phase == RAMP_INTERRUPTED ? RAMP_INTERRUPTED : RAMP_HELD;
    uint32_t target =
        c->full_step >= 0 ? t->plan->steps[c->full_step].percent : RAMP_PERCENT_BASELINE;

    if (after == RAMP_INTERRUPTED)
        ramp_back_begin(t, target, after, (enum ramp_why)c->pend_why, PLAN_WHOLE);
    else
        ramp_back_begin(t, target, after, RAMP_WHY_HALF_APPLIED, why);
}

void ramp_back_take(struct ramp_turn *t)
{
    struct ramp_core *c = &t->s->core;

    c->over = 0;
    c->asked = 1;
    ramp_enter(t, RAMP_PREFLIGHT, RAMP_WHY_OPERATOR, PLAN_WHOLE);
    ramp_op(t, RAMP_ACT_TAKE)->take_over = true;
}

void ramp_back_unsafe(struct ramp_turn *t, enum ramp_why why)
{
    struct ramp_core *c = &t->s->core;

    c->unsafe_at_ms = INT64_MAX;
    if (c->phase == RAMP_UNSAFE && c->why == (int64_t)why)
        return;
    c->phase = RAMP_UNSAFE; /* not ramp_enter(): the operation in flight and the retry go on */
    c->why = why;
    c->why_index = c->back_index;
    c->phase_at_ms = t->now;
    ramp_notify(t, RAMP_NOTICE_UNSAFE);
}

static void again(struct ramp_turn *t)
{
    struct ramp_core *c = &t->s->core;
    uint64_t seed = (uint64_t)c->seed;

    c->wait_until_ms = t->now + backoff_rollback_ms(&seed, (uint32_t)c->attempts);
    c->seed = (int64_t)seed;
    c->attempts++;
    if (c->phase == RAMP_REVERTING && c->unsafe_at_ms == INT64_MAX)
        c->unsafe_at_ms = t->now + RAMP_UNSAFE_MS; /* it had been applied, and is not any more */
}

static void took_over(struct ramp_turn *t, const struct ramp_event *ev)
{
    struct ramp_core *c = &t->s->core;

    switch (ev->done.outcome) {
    case RAMP_OK:
        c->taken = 1;
        c->start_percent = ev->done.reading.new_percent;
        ramp_back_begin(t, t->plan->rollback_to, RAMP_ROLLED_BACK, RAMP_WHY_OPERATOR, PLAN_WHOLE);
        break;
    case RAMP_UNCONFIRMED:
    case RAMP_FAILED:
        again(t);
        break;
    case RAMP_DENIED:
        ramp_back_refuse(t, RAMP_WHY_DENIED, PLAN_WHOLE);
        break;
    case RAMP_BUSY:
    case RAMP_IS_DEPOSED:
        ramp_back_refuse(t, RAMP_WHY_BUSY, PLAN_WHOLE);
        break;
    case RAMP_IS_LEASE_ABSENT:
        ramp_back_refuse(t, RAMP_WHY_LEASE_ABSENT, PLAN_WHOLE);
        break;
    default:
        ramp_back_refuse(t, RAMP_WHY_FINDING, PLAN_WHOLE);
        break;
    }
}

static void confirmed(struct ramp_turn *t)
{
    struct ramp_core *c = &t->s->core;
    enum ramp_why why = (enum ramp_why)c->back_why;
    uint32_t index = (uint32_t)c->back_index;
    int status = EXIT_JUDGED_BAD;

    c->listing = 0;
    if (c->after_revert == RAMP_ROLLED_BACK) {
        c->step = -1;
        c->full_step = -1;
        c->in_soak = 0;
        if (c->asked)
            status = 0;
        else if (why == RAMP_WHY_SIGINT || why == RAMP_WHY_SIGTERM)
            status = signal_status(why);
        ramp_back_end(t, RAMP_ROLLED_BACK, why, index, status);
        return;
    }
    c->step = c->full_step;
    c->in_sync = 1;
    if (c->after_revert == RAMP_INTERRUPTED) {
        ramp_back_end(t, RAMP_INTERRUPTED, why, index, signal_status(why));
        return;
    }
    ramp_enter(t, RAMP_DRAINING, RAMP_WHY_NONE,
               PLAN_WHOLE); /* leaves reverting, so that it can rest */
    ramp_rest_in(t, RAMP_HELD, why, index);
    ramp_read_later(t);
    ramp_walk_probing(t);
}

/* What an answer that is no confirmation makes of it; RAMP_WHY_NONE: try again and say nothing yet.
 */
static const enum ramp_why troubles[] = {
    [RAMP_OK] = RAMP_WHY_NONE,
    [RAMP_NOT_SENT] = RAMP_WHY_NONE,
    [RAMP_DENIED] = RAMP_WHY_DENIED,
    [RAMP_BUSY] = RAMP_WHY_NONE,
    [RAMP_REFUSED_RECORD] = RAMP_WHY_RECORD_FAULT,
    [RAMP_DRIFTED] = RAMP_WHY_NONE,
    [RAMP_IS_DEPOSED] = RAMP_WHY_NONE,
    [RAMP_IS_LEASE_ABSENT] = RAMP_WHY_LEASE_ABSENT,
    [RAMP_UNCONFIRMED] = RAMP_WHY_NONE,
    [RAMP_FAILED] = RAMP_WHY_NONE,
    [RAMP_IS_REVERTING] = RAMP_WHY_NONE,
};
_Static_assert(sizeof(troubles) / sizeof(troubles[0]) == RAMP_OUTCOME_COUNT,
               "a row for every outcome");

void ramp_back_done(struct ramp_turn *t, const struct ramp_event *ev)
{
    struct ramp_core *c = &t->s->core;
    enum ramp_outcome outcome = ev->done.outcome;

    if (c->phase == RAMP_PREFLIGHT) {
        took_over(t, ev);
        return;
    }
    if (outcome == RAMP_IS_DEPOSED) {
        ramp_back_end(t, RAMP_DEPOSED, RAMP_WHY_DEPOSED, PLAN_WHOLE, EXIT_HELD);
        return;
    }
    if (outcome == RAMP_OK && c->op_kind == RAMP_ACT_READ) {
        confirmed(t);
        return;
    }
    if (outcome == RAMP_OK) { /* in Route 53; INSYNC and the listing are still to come */
        c->unsafe_at_ms = INT64_MAX;
        c->wait_until_ms = t->now + RAMP_SYNC_ALERT_MS;
        return;
    }
    if (outcome == RAMP_DRIFTED)
        c->listing = 0; /* the listing disagrees: send it again */
    if (troubles[outcome] != RAMP_WHY_NONE)
        ramp_back_unsafe(t, troubles[outcome]);
    again(t);
}

void ramp_back_synced(struct ramp_turn *t)
{
    t->s->core.listing = 1;
    ramp_op(t, RAMP_ACT_READ);
}

void ramp_back_deadline(struct ramp_turn *t)
{
    struct ramp_core *c = &t->s->core;

    if (c->phase == RAMP_PREFLIGHT) {
        ramp_op(t, RAMP_ACT_TAKE)->take_over = true;
    } else if (c->op != 0) { /* applied, not INSYNC */
        ramp_notify(t, RAMP_NOTICE_PENDING);
        c->wait_until_ms = t->now + RAMP_SYNC_ALERT_MS;
    } else if (c->listing) {
        ramp_op(t, RAMP_ACT_READ);
    } else {
        send(t);
    }
}
