/* ramp_start.c: a run begins, or is taken up from what its journal kept. See ramp_inside.h. */
#include "ramp_inside.h"

#include <assert.h>
#include <string.h>

static void work_out(struct ramp *s, const struct plan *plan)
{
    for (uint32_t i = 0; i < plan->suites_n; i++)
        s->rates[i] =
            budget_rates_of(plan->suites[i].allowed_ppm, plan->suites[i].unacceptable_ppm);
}

static void no_deadlines(struct ramp_core *c)
{
    c->wait_until_ms = INT64_MAX;
    c->hold_until_ms = INT64_MAX;
    c->unsafe_at_ms = INT64_MAX;
    c->read_at_ms = INT64_MAX;
    c->opens_at_ms = INT64_MIN;
    c->closes_at_ms = INT64_MAX;
}

void ramp_init(struct ramp *s, const struct plan *plan, const struct ramp_options *options)
{
    struct ramp_core *c = &s->core;

    assert(plan->steps_n > 0 && plan->steps_n <= PLAN_STEPS_MAX);
    assert(plan->suites_n <= PLAN_SUITES_MAX);
    assert(options->goal_percent >= 1 && options->goal_percent <= 100);
    memset(s, 0, sizeof(*s));
    no_deadlines(c);
    c->phase = RAMP_PREFLIGHT;
    c->step = -1;
    c->full_step = -1;
    c->goal_percent = options->goal_percent;
    for (uint32_t i = 0; i < plan->steps_n && plan->steps[i].percent <= options->goal_percent; i++)
        c->last_step = i;
    c->next_op = 1;
    c->options = options->options;
    c->seed = (int64_t)options->seed;
    c->suites_n = plan->suites_n;
    work_out(s, plan);
}

static bool is_state_of(const struct ramp_core *c, const struct plan *plan)
{
    int64_t steps = plan->steps_n;

    if (c->phase < 0 || c->phase >= RAMP_PHASE_COUNT || c->why < 0 || c->why >= RAMP_WHY_COUNT)
        return false;
    if (c->step < -1 || c->step >= steps || c->full_step < -1 || c->full_step > c->step)
        return false;
    if (c->last_step < 0 || c->last_step >= steps || c->step > c->last_step)
        return false;
    if (c->goal_percent < 1 || c->goal_percent > 100 || c->target < 0 ||
        c->target > RAMP_PERCENT_BASELINE)
        return false;
    if (c->suites_n != plan->suites_n || c->next_op < 1 || c->next_op >= UINT32_MAX)
        return false;
    if (c->after_revert < 0 || c->after_revert >= RAMP_PHASE_COUNT || c->start_percent < 0 ||
        c->start_percent > 100)
        return false;
    return c->phase == RAMP_PREFLIGHT || c->phase == RAMP_HELD || c->phase >= RAMP_REVERTING ||
           c->step >= 0 || c->phase == RAMP_PAUSED;
}

static bool suite_is_sound(const struct ramp_suite *e)
{
    for (int side = 0; side < PLAN_SIDES; side++)
        if (e->since_zero[side].x < 0 || e->since_zero[side].x > e->since_zero[side].n ||
            e->cusum[side].sum_micro < 0 || e->cusum[side].sum_micro > 2 * BUDGET_LIMIT_SOAK)
            return false;
    return true;
}

bool ramp_restore(struct ramp *s, const struct plan *plan, const struct ramp_core *core)
{
    struct ramp_core *c = &s->core;

    if (!is_state_of(core, plan))
        return false;
    for (int64_t i = 0; i < core->suites_n; i++)
        if (!suite_is_sound(&core->suite[i]))
            return false;
    memset(s, 0, sizeof(*s));
    s->core = *core;
    no_deadlines(c); /* times of another boot */
    c->op = 0;
    c->op_done = 0;
    c->read_op = 0;
    c->reading = RAMP_READING_NO;
    c->listing = 0;
    c->pend_phase = 0;
    c->signals = 0;
    c->attempts = 0;
    c->unreachable = 0;
    c->journal_dead = 0;
    c->credentials_short = 0;
    c->old_stratum = 0; /* strata may be numbered anew */
    for (uint32_t i = 0; i < PLAN_SUITES_MAX; i++)
        for (int side = 0; side < PLAN_SIDES; side++) {
            struct budget_cusum *q = &c->suite[i].cusum[side];

            *q = (struct budget_cusum){.sum_micro = budget_cusum_value(q)};
            c->suite[i].gate[side] = (struct budget_count){0};
        }
    work_out(s, plan);
    return true;
}

/* A process found a run under way. */
void ramp_pick_up(struct ramp_turn *t)
{
    struct ramp_core *c = &t->s->core;

    switch (c->phase) {
    case RAMP_PREFLIGHT:
        if (c->asked) { /* `sluice rollback` died while it took the lease: that is still meant */
            c->start = RAMP_START_ROLLBACK;
            ramp_back_take(t);
            return;
        }
        ramp_walk_preflight(t);
        return;
    case RAMP_REVERTING:
    case RAMP_UNSAFE:
        c->over = 0; /* stopped while unsafe, perhaps */
        ramp_back_begin(t, (uint32_t)c->target, (enum ramp_phase)c->after_revert,
                        (enum ramp_why)c->back_why, (uint32_t)c->back_index);
        return;
    case RAMP_HELD:
    case RAMP_PAUSED:
        if (c->over) { /* it was stopped while held */
            c->over = 0;
            c->exit_status = 0;
        }
        ramp_walk_read(t, RAMP_READING_THEN_STAY);
        return;
    case RAMP_INTERRUPTED:
        if (!c->written) {
            c->phase = RAMP_PREFLIGHT;
            ramp_walk_preflight(t);
            return;
        }
        c->over = 0;
        c->exit_status = 0;
        c->phase = c->step > c->full_step ? RAMP_APPLYING : RAMP_DRAINING;
        ramp_walk_read(t, ramp_walk_next(c));
        return;
    case RAMP_APPLYING:
        ramp_walk_read(t, RAMP_READING_THEN_APPLY);
        return;
    default:
        break;
    }
    if (c->phase >= RAMP_COMPLETED) {
        c->over = 0; /* its release may not have landed: once more */
        ramp_back_end(t, (enum ramp_phase)c->phase, (enum ramp_why)c->why, (uint32_t)c->why_index,
                      (int)c->exit_status);
        return;
    }
    ramp_walk_read(t, ramp_walk_next(c));
}
