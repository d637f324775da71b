/* ramp_rest.c: what stops a ramp: held, paused, and the judgements that lead there or back.
 * See ramp_inside.h. */
#include "ramp_inside.h"

static bool going_back(const struct ramp *s)
{
    return s->core.phase == RAMP_REVERTING || s->core.phase == RAMP_UNSAFE;
}

/* ---- Held and paused
 * ------------------------------------------------------------------------------- */

void ramp_rest_in(struct ramp_turn *t, enum ramp_phase phase, enum ramp_why why, uint32_t index)
{
    struct ramp_core *c = &t->s->core;

    if (c->phase == RAMP_PREFLIGHT)
        return; /* nothing written: preflight refuses by itself */
    if (ramp_op_flies(t->s,
                      RAMP_ACT_APPLY)) { /* a step is whole or it goes back: never left half way */
        if (c->pend_phase != RAMP_INTERRUPTED &&
            (c->pend_phase != RAMP_HELD || phase != RAMP_PAUSED)) {
            c->pend_phase = phase;
            c->pend_why = why;
            c->pend_index = index;
        }
        return;
    }
    if (c->phase == RAMP_HELD &&
        (phase == RAMP_PAUSED || (c->why == (int64_t)why && c->why_index == index)))
        return;
    ramp_enter(t, phase, why, index);
    if (phase == RAMP_HELD) {
        c->hold_until_ms = t->now + t->plan->max_hold_ms;
        ramp_notify(t, RAMP_NOTICE_HELD);
    }
}

void ramp_rest_policy(struct ramp_turn *t, enum plan_policy policy, enum ramp_why why,
                      uint32_t index)
{
    if (policy == PLAN_ROLLBACK && t->s->core.written && !ramp_old_is_bad(t->s))
        ramp_back_rollback(t, why, index);
    else
        ramp_rest_in(t, RAMP_HELD, why, index);
}

void ramp_rest_held_too_long(struct ramp_turn *t)
{
    struct ramp_core *c = &t->s->core;
    bool inconclusive = c->why == RAMP_WHY_INCONCLUSIVE || c->why == RAMP_WHY_VERIFY;

    c->hold_until_ms = t->now + t->plan->max_hold_ms;
    if (inconclusive && !(c->options & RAMP_OPT_ATTENDED) && c->written && !ramp_old_is_bad(t->s) &&
        t->plan->on[PLAN_ON_HELD_TOO_LONG] == PLAN_ROLLBACK)
        ramp_back_rollback(t, RAMP_WHY_HELD_TOO_LONG, PLAN_WHOLE);
    else
        ramp_notify(t, RAMP_NOTICE_HELD);
}

/* ---- Judgements
 * ------------------------------------------------------------------------------------ */

static bool is_breach(int64_t why)
{
    return why >= RAMP_WHY_CUSUM && why <= RAMP_WHY_CONSECUTIVE;
}

static enum plan_policy breach_policy(const struct ramp_turn *t)
{
    const struct ramp_core *c = &t->s->core;

    if (c->in_soak)
        return t->plan->soak.on_breach;
    return c->step >= 0 ? t->plan->steps[c->step].on_breach : t->plan->on[PLAN_ON_BREACH];
}

static void judged_in_preflight(struct ramp_turn *t, const struct ramp_judgement *j)
{
    struct ramp_core *c = &t->s->core;

    if (!ramp_op_flies(t->s, RAMP_ACT_TAKE)) {
        ramp_back_refuse(t, j->why, j->index);
    } else if (!c->pend_phase) {
        c->pend_phase = RAMP_REFUSED;
        c->pend_why = j->why;
        c->pend_index = j->index;
    }
}

static void judged_bad(struct ramp_turn *t, const struct ramp_judgement *j)
{
    struct ramp_core *c = &t->s->core;

    if (going_back(t->s) && c->after_revert == RAMP_ROLLED_BACK)
        return;
    if (breach_policy(t) == PLAN_ROLLBACK) {
        c->breached = 1;
        ramp_back_rollback(t, j->why, j->index);
        ramp_notify(t, RAMP_NOTICE_BREACH);
        return;
    }
    if (going_back(t->s) || (c->phase == RAMP_HELD && is_breach(c->why)) ||
        (c->pend_phase == RAMP_HELD && is_breach(c->pend_why)))
        return; /* said already */
    c->breached = 1;
    ramp_rest_in(t, RAMP_HELD, j->why, j->index);
    ramp_notify(t, RAMP_NOTICE_BREACH);
}

void ramp_rest_judge(struct ramp_turn *t, const struct ramp_judgement *j)
{
    struct ramp_core *c = &t->s->core;

    if (j->kind == RAMP_JUDGED_NONE)
        return;
    if (c->phase == RAMP_PREFLIGHT) {
        judged_in_preflight(t, j);
        return;
    }
    if (j->kind == RAMP_JUDGED_BREACH) {
        judged_bad(t, j);
        return;
    }
    if (going_back(t->s) || (c->in_soak && j->why == RAMP_WHY_NO_WAY_BACK))
        return; /* in the soak there is no forward step to stop */
    if (c->phase == RAMP_HELD && c->why >= RAMP_WHY_CUSUM && c->why <= RAMP_WHY_NO_CONTROL &&
        !(c->why == RAMP_WHY_NO_WAY_BACK && j->why == RAMP_WHY_BOTH_FLEETS))
        return; /* evidence holds it already: no flapping between two names of it */
    ramp_rest_in(t, RAMP_HELD, j->why, j->index);
}
