/* ramp_walk.c: forward. Preflight, the steps with their waits and gates, the soak.
 * See ramp_inside.h. */
#include "ramp_inside.h"

#include <assert.h>

/* What a refusal says, by the answer that made it one. */
static const enum ramp_why refusals[] = {
    [RAMP_OK] = RAMP_WHY_NONE,
    [RAMP_NOT_SENT] = RAMP_WHY_JOURNAL,
    [RAMP_DENIED] = RAMP_WHY_DENIED,
    [RAMP_BUSY] = RAMP_WHY_BUSY,
    [RAMP_REFUSED_RECORD] = RAMP_WHY_FINDING,
    [RAMP_DRIFTED] = RAMP_WHY_DRIFT,
    [RAMP_IS_DEPOSED] = RAMP_WHY_BUSY,
    [RAMP_IS_LEASE_ABSENT] = RAMP_WHY_LEASE_ABSENT,
    [RAMP_UNCONFIRMED] = RAMP_WHY_UNCONFIRMED,
    [RAMP_FAILED] = RAMP_WHY_READ_FAILED,
    [RAMP_IS_REVERTING] = RAMP_WHY_FINDING,
};
_Static_assert(sizeof(refusals) / sizeof(refusals[0]) == RAMP_OUTCOME_COUNT,
               "a reason for every outcome");

/* The same for a step of which nothing was written. */
static const enum ramp_why step_refusals[] = {
    [RAMP_OK] = RAMP_WHY_NONE,
    [RAMP_NOT_SENT] = RAMP_WHY_JOURNAL,
    [RAMP_DENIED] = RAMP_WHY_DENIED,
    [RAMP_BUSY] = RAMP_WHY_WRITE_REFUSED,
    [RAMP_REFUSED_RECORD] = RAMP_WHY_WRITE_REFUSED,
    [RAMP_DRIFTED] = RAMP_WHY_DRIFT,
    [RAMP_IS_DEPOSED] = RAMP_WHY_DEPOSED,
    [RAMP_IS_LEASE_ABSENT] = RAMP_WHY_LEASE_ABSENT,
    [RAMP_UNCONFIRMED] = RAMP_WHY_UNCONFIRMED,
    [RAMP_FAILED] = RAMP_WHY_WRITE_REFUSED,
    [RAMP_IS_REVERTING] = RAMP_WHY_WRITE_REFUSED,
};
_Static_assert(sizeof(step_refusals) / sizeof(step_refusals[0]) == RAMP_OUTCOME_COUNT,
               "a reason for every outcome");

static void begin_step(struct ramp_turn *t, uint32_t step);

void ramp_walk_probing(struct ramp_turn *t)
{
    const struct ramp_core *c = &t->s->core;

    ramp_probes(t, RAMP_PROBES_RUN,
                c->step >= 0 ? t->plan->steps[c->step].percent : (uint32_t)c->start_percent,
                c->in_soak ? t->plan->soak.rate_milli : t->plan->rate_milli);
}

/* A step held or paused before it was INSYNC is sent once more: that is what gives a change to wait
 * for. */
enum ramp_reading_for ramp_walk_next(const struct ramp_core *c)
{
    if (c->step > c->full_step || (c->step >= 0 && !c->in_sync && !c->in_soak))
        return RAMP_READING_THEN_APPLY;
    return c->in_soak ? RAMP_READING_THEN_SOAK : RAMP_READING_THEN_WAIT;
}

void ramp_walk_read(struct ramp_turn *t, enum ramp_reading_for then)
{
    t->s->core.wait_until_ms = INT64_MAX;
    t->s->core.reading = then;
    ramp_op(t, RAMP_ACT_READ);
}

/* ---- Preflight
 * ------------------------------------------------------------------------------------- */

void ramp_walk_preflight(struct ramp_turn *t)
{
    struct ramp_core *c = &t->s->core;

    c->op_kind = 0;
    c->step = -1;
    c->full_step = -1;
    if (c->journal_dead) {
        ramp_back_refuse(t, RAMP_WHY_JOURNAL, PLAN_WHOLE);
        return;
    }
    if (c->opens_at_ms > t->now) {
        c->wait_until_ms = c->opens_at_ms;
        return;
    }
    ramp_op(t, RAMP_ACT_READ);
}

/* Required and not passed although asked twice more: why that ends the preflight. */
static enum ramp_why failing(const struct ramp_turn *t, uint32_t stratum)
{
    const struct plan_stratum *d = &t->plan->strata[stratum];
    bool other_failed = false;

    if (t->s->stratum[stratum].last == 0)
        return RAMP_WHY_NO_EVIDENCE;
    for (uint32_t i = 0; i < t->plan->strata_n; i++) {
        if (t->plan->strata[i].cell != d->cell || t->plan->strata[i].side == d->side)
            continue;
        if (t->s->stratum[i].last == RAMP_PASS + 1)
            return d->side == PLAN_NEW ? RAMP_WHY_NEW_FAILS : RAMP_WHY_OLD_FAILS;
        other_failed = other_failed || t->s->stratum[i].last == RAMP_FAIL + 1;
    }
    if (other_failed)
        return RAMP_WHY_BOTH_FAIL;
    return d->side == PLAN_NEW ? RAMP_WHY_NEW_FAILS : RAMP_WHY_OLD_FAILS;
}

void ramp_walk_review(struct ramp_turn *t)
{
    bool evidence = false, pending = false;

    if (t->s->core.op != 0)
        return; /* the round is not over, or everything was judged and the lease is being taken */
    for (uint32_t i = 0; i < t->plan->strata_n; i++) {
        const struct ramp_stratum *e = &t->s->stratum[i];

        if (!t->plan->strata[i].required)
            continue;
        evidence = evidence || t->plan->strata[i].side == PLAN_NEW;
        if (e->last == RAMP_PASS + 1)
            continue;
        if (!ramp_evidence_asking(t->s, i)) {
            if (e->asks >= RAMP_PREFLIGHT_ASKS) {
                ramp_back_refuse(t, failing(t, i), i);
                return;
            }
            (void)ramp_evidence_ask(t, i, t->now); /* no slot: when one is free */
        }
        pending = true;
    }
    if (!evidence) {
        ramp_back_refuse(t, RAMP_WHY_NO_EVIDENCE, PLAN_WHOLE);
    } else if (!pending) {
        t->s->core.taken = 1; /* it may be, from now on, whoever dies before the answer */
        ramp_op(t, RAMP_ACT_TAKE)->needs_sync = true;
    }
}

static void learn(struct ramp_turn *t, const struct ramp_reading *r)
{
    struct ramp_core *c = &t->s->core;

    c->ttl_ms = r->ttl_max_ms > c->ttl_ms ? r->ttl_max_ms : c->ttl_ms;
    if (!c->written)
        c->start_percent = r->new_percent;
}

static void preflight_read(struct ramp_turn *t, const struct ramp_event *ev)
{
    struct ramp_core *c = &t->s->core;

    if (ev->done.outcome != RAMP_OK) {
        ramp_back_refuse(t, refusals[ev->done.outcome], PLAN_WHOLE);
        return;
    }
    learn(t, &ev->done.reading);
    if (c->start_percent > t->plan->rollback_to && !(c->options & RAMP_OPT_FROM_CURRENT)) {
        ramp_back_refuse(t, RAMP_WHY_ABOVE_TARGET, PLAN_WHOLE);
        return;
    }
    ramp_evidence_begin(t->s);
    ramp_probes(t, RAMP_PROBES_ONCE, 100, t->plan->rate_milli);
}

/* The first step above what new has already. */
static uint32_t first_step(const struct ramp_turn *t)
{
    uint32_t i = 0;

    if (t->s->core.options & RAMP_OPT_FROM_CURRENT)
        while (i < t->plan->steps_n && t->plan->steps[i].percent <= t->s->core.start_percent)
            i++;
    return i;
}

static void taken(struct ramp_turn *t, const struct ramp_event *ev)
{
    struct ramp_core *c = &t->s->core;
    enum ramp_phase pend = (enum ramp_phase)c->pend_phase;

    c->taken = ev->done.outcome == RAMP_OK || ev->done.outcome == RAMP_UNCONFIRMED;
    if (pend == RAMP_INTERRUPTED) {
        ramp_back_end(t, pend, (enum ramp_why)c->pend_why, PLAN_WHOLE,
                      c->pend_why == RAMP_WHY_SIGTERM ? 143 : 130);
        return;
    }
    if (pend == RAMP_REFUSED || ev->done.outcome != RAMP_OK) {
        if (pend == RAMP_REFUSED)
            ramp_back_refuse(t, (enum ramp_why)c->pend_why, (uint32_t)c->pend_index);
        else
            ramp_back_refuse(t, refusals[ev->done.outcome], PLAN_WHOLE);
        return;
    }
    learn(t, &ev->done.reading);
    ramp_read_later(t);
    ramp_walk_wait(t);
}

static void preflight_done(struct ramp_turn *t, const struct ramp_event *ev)
{
    switch (t->s->core.op_kind) {
    case RAMP_ACT_READ:
        preflight_read(t, ev);
        break;
    case RAMP_ACT_TAKE:
        taken(t, ev);
        break;
    default: /* PROBES(once) answered with DONE: it could not be begun */
        ramp_back_refuse(t, RAMP_WHY_NO_EVIDENCE, PLAN_WHOLE);
        break;
    }
}

/* ---- A step
 * ---------------------------------------------------------------------------------------- */

static enum ramp_why blocked(const struct ramp_turn *t, const struct plan_step *step)
{
    const struct ramp_core *c = &t->s->core;
    int64_t need = plan_drain_ms(t->plan, c->ttl_ms) + step->bake_ms;

    if (c->journal_dead)
        return RAMP_WHY_JOURNAL;
    if (c->credentials_short)
        return RAMP_WHY_CREDENTIALS;
    if (ramp_old_is_bad(t->s))
        return RAMP_WHY_NO_WAY_BACK;
    if (ramp_evidence_new_is_suspect(t->s))
        return RAMP_WHY_INCONCLUSIVE;
    if (c->closes_at_ms != INT64_MAX && t->now + need > c->closes_at_ms)
        return RAMP_WHY_WINDOW;
    return RAMP_WHY_NONE;
}

static void apply(struct ramp_turn *t, uint32_t step)
{
    struct ramp_core *c = &t->s->core;
    struct ramp_action *a;

    ramp_enter(t, RAMP_APPLYING, RAMP_WHY_NONE, PLAN_WHOLE);
    c->step = step;
    c->in_sync = 0;
    c->written = 1;
    a = ramp_op(t, RAMP_ACT_APPLY);
    a->needs_sync = true;
    a->percent = t->plan->steps[step].percent;
    a->step = step;
    ramp_walk_probing(t);
}

static void begin_step(struct ramp_turn *t, uint32_t step)
{
    enum ramp_why why = blocked(t, &t->plan->steps[step]);

    if (why == RAMP_WHY_NONE)
        apply(t, step);
    else if (!t->s->core.written)
        ramp_back_refuse(t, why, PLAN_WHOLE);
    else if (why == RAMP_WHY_WINDOW)
        ramp_rest_policy(t, t->plan->on[PLAN_ON_WINDOW_END], why, PLAN_WHOLE);
    else
        ramp_rest_in(t, RAMP_HELD, why, PLAN_WHOLE);
}

static void take_pending(struct ramp_turn *t)
{
    struct ramp_core *c = &t->s->core;
    enum ramp_phase phase = (enum ramp_phase)c->pend_phase;
    enum ramp_why why = (enum ramp_why)c->pend_why;
    uint32_t index = (uint32_t)c->pend_index;

    c->pend_phase = 0;
    if (phase == RAMP_INTERRUPTED)
        ramp_back_end(t, phase, why, index, why == RAMP_WHY_SIGTERM ? 143 : 130);
    else
        ramp_rest_in(t, phase, why, index);
}

static void applied(struct ramp_turn *t, const struct ramp_event *ev)
{
    struct ramp_core *c = &t->s->core;

    if (ev->done.outcome == RAMP_OK) {
        c->full_step = c->step;
        c->wait_until_ms = t->now + RAMP_SYNC_ALERT_MS;
        ramp_read_later(t); /* every batch read its records, and a listing ends the step */
        if (c->pend_phase)
            take_pending(t);
        return;
    }
    if (ev->done.outcome == RAMP_IS_DEPOSED) {
        ramp_back_end(t, RAMP_DEPOSED, RAMP_WHY_DEPOSED, PLAN_WHOLE, 10);
        return;
    }
    if (ev->done.partly || ev->done.outcome == RAMP_UNCONFIRMED) {
        ramp_back_half(t, step_refusals[ev->done.outcome]);
        return;
    }
    c->step = c->full_step;
    if (c->pend_phase == RAMP_INTERRUPTED)
        take_pending(t);
    else
        ramp_rest_in(t, RAMP_HELD, step_refusals[ev->done.outcome],
                     ev->done.outcome == RAMP_DRIFTED ? ev->done.drift : PLAN_WHOLE);
    c->pend_phase = 0;
}

static void drain(struct ramp_turn *t)
{
    int64_t from = t->s->core.synced_at_ms;

    ramp_enter(t, RAMP_DRAINING, RAMP_WHY_NONE, PLAN_WHOLE);
    t->s->core.wait_until_ms = from + plan_drain_ms(t->plan, t->s->core.ttl_ms);
}

static void verify(struct ramp_turn *t)
{
    struct ramp_core *c = &t->s->core;
    struct ramp_action *a;

    if (t->plan->verify == PLAN_VERIFY_API) {
        drain(t);
        return;
    }
    ramp_enter(t, RAMP_VERIFYING, RAMP_WHY_NONE, PLAN_WHOLE);
    a = ramp_op(t, RAMP_ACT_VERIFY);
    a->percent = t->plan->steps[c->step].percent;
    a->step = (uint32_t)c->step;
}

void ramp_walk_synced(struct ramp_turn *t)
{
    ramp_read_later(t);
    if (t->s->core.phase == RAMP_APPLYING)
        verify(t);
}

static void verified(struct ramp_turn *t, const struct ramp_event *ev)
{
    switch (ev->done.outcome) {
    case RAMP_OK:
        drain(t);
        break;
    case RAMP_IS_DEPOSED:
        ramp_back_end(t, RAMP_DEPOSED, RAMP_WHY_DEPOSED, PLAN_WHOLE, 10);
        break;
    case RAMP_DRIFTED:
        ramp_rest_in(t, RAMP_HELD, RAMP_WHY_DRIFT, ev->done.drift);
        break;
    default:
        if (t->plan->verify == PLAN_VERIFY_WARN)
            drain(t);
        else
            ramp_rest_policy(t, t->plan->on[PLAN_ON_INCONCLUSIVE], RAMP_WHY_VERIFY, PLAN_WHOLE);
        break;
    }
}

void ramp_walk_wait(struct ramp_turn *t)
{
    struct ramp_core *c = &t->s->core;
    uint32_t first;

    if (c->full_step < 0) {
        first = first_step(t);
        if (first <= c->last_step) {
            begin_step(t, first);
            return;
        }
        c->full_step = c->last_step; /* --from-current, and it is there already */
    }
    c->step = c->full_step;
    c->synced_at_ms = t->now;
    ramp_walk_probing(t);
    verify(t);
}

static void soak(struct ramp_turn *t)
{
    t->s->core.in_soak = 1;
    ramp_enter(t, RAMP_SOAKING, RAMP_WHY_NONE, PLAN_WHOLE);
    t->s->core.wait_until_ms = t->now + t->plan->soak.for_ms;
    ramp_walk_probing(t);
}

void ramp_walk_advance(struct ramp_turn *t)
{
    struct ramp_core *c = &t->s->core;

    if (c->step < c->last_step)
        begin_step(t, (uint32_t)c->step + 1);
    else if (t->plan->steps[c->step].percent == 100)
        soak(t);
    else
        ramp_back_end(t, RAMP_COMPLETED, RAMP_WHY_GOAL, PLAN_WHOLE, 0);
}

/* ---- The gate
 * -------------------------------------------------------------------------------------- */

static void bake(struct ramp_turn *t)
{
    ramp_enter(t, RAMP_BAKING, RAMP_WHY_NONE, PLAN_WHOLE);
    ramp_evidence_begin(t->s);
    t->s->core.looks = 0;
    t->s->core.wait_until_ms = t->now + t->plan->steps[t->s->core.step].bake_ms;
}

/* Looks come at 1, 1.5, 2, 2.5 and 3 bakes: each is a chance of an error, so they are few. A step
 * that only waits for a stratum to run or to pass again is seen between them. */
static void gate(struct ramp_turn *t)
{
    struct ramp_core *c = &t->s->core;
    const struct plan_step *step = &t->plan->steps[c->step];
    int64_t next = c->phase_at_ms + step->bake_ms + c->looks * step->bake_ms / 2;
    int64_t last = c->phase_at_ms + RAMP_EXTEND_MAX * step->bake_ms;
    struct ramp_judgement j;
    bool look = t->now >= next;
    enum ramp_gate g = ramp_evidence_gate(t, look, &j);

    if (look)
        c->looks++;
    next = c->phase_at_ms + step->bake_ms + c->looks * step->bake_ms / 2;
    if (g == RAMP_GATE_PROMOTE && step->approve) {
        ramp_enter(t, RAMP_APPROVING, RAMP_WHY_NONE, PLAN_WHOLE);
        ramp_notify(t, RAMP_NOTICE_HELD);
        return;
    }
    if (g == RAMP_GATE_PROMOTE) {
        ramp_walk_advance(t);
        return;
    }
    if (g == RAMP_GATE_JUDGED) {
        if (j.why == RAMP_WHY_SLOW)
            ramp_rest_policy(t, t->plan->on[PLAN_ON_SLOW], j.why, j.index);
        else
            ramp_rest_judge(t, &j);
        return;
    }
    if (t->now >= last) {
        ramp_rest_policy(t, t->plan->on[PLAN_ON_INCONCLUSIVE], RAMP_WHY_INCONCLUSIVE, j.index);
        return;
    }
    if (g == RAMP_GATE_WAIT && t->now + RAMP_COVERAGE_MS < next)
        next = t->now + RAMP_COVERAGE_MS;
    if (next > last)
        next = last;
    c->wait_until_ms = next > t->now ? next : t->now + 1;
}

static void soaked(struct ramp_turn *t)
{
    for (uint32_t i = 0; i < RAMP_ASKS_MAX; i++)
        if (t->s->ask[i].used) {
            t->s->core.wait_until_ms =
                t->now + RAMP_COVERAGE_MS; /* not while a failure is being looked at */
            return;
        }
    if (ramp_evidence_new_is_suspect(t->s))
        t->s->core.wait_until_ms = t->now + RAMP_COVERAGE_MS;
    else
        ramp_back_end(t, RAMP_COMPLETED, RAMP_WHY_GOAL, PLAN_WHOLE, 0);
}

/* ---- Answers and deadlines
 * ------------------------------------------------------------------------- */

/* After a restart, what the plan says about crashes; true when it decided. */
static bool crash_policy(struct ramp_turn *t, enum ramp_reading_for then)
{
    struct ramp_core *c = &t->s->core;
    enum plan_policy policy = t->plan->on[PLAN_ON_CRASH];

    if (c->start != RAMP_START_RECOVER)
        return false;
    c->start = RAMP_START_RESUME; /* once */
    if (policy == PLAN_ROLLBACK && c->written && !ramp_old_is_bad(t->s)) {
        ramp_back_rollback(t, RAMP_WHY_CRASH, PLAN_WHOLE);
        return true;
    }
    if (policy == PLAN_RESUME || then == RAMP_READING_THEN_STAY)
        return false;
    if (then == RAMP_READING_THEN_APPLY)
        ramp_back_half(t, RAMP_WHY_CRASH);
    else
        ramp_rest_in(t, RAMP_HELD, RAMP_WHY_CRASH, PLAN_WHOLE);
    return true;
}

static void go_on(struct ramp_turn *t, enum ramp_reading_for then)
{
    struct ramp_core *c = &t->s->core;

    ramp_read_later(t);
    if (crash_policy(t, then))
        return;
    switch (then) {
    case RAMP_READING_THEN_WAIT:
        ramp_walk_wait(t);
        break;
    case RAMP_READING_THEN_SOAK:
        soak(t);
        break;
    case RAMP_READING_THEN_APPLY:
        if (c->journal_dead)
            ramp_back_half(t, RAMP_WHY_JOURNAL);
        else
            apply(t, (uint32_t)c->step);
        break;
    default:
        if (c->phase == RAMP_HELD)
            c->hold_until_ms = t->now + t->plan->max_hold_ms;
        ramp_walk_probing(t);
        break;
    }
}

static void reading_done(struct ramp_turn *t, const struct ramp_event *ev)
{
    struct ramp_core *c = &t->s->core;
    enum ramp_reading_for then = (enum ramp_reading_for)c->reading;

    switch (ev->done.outcome) {
    case RAMP_OK:
        c->reading = RAMP_READING_NO;
        learn(t, &ev->done.reading);
        go_on(t, then);
        break;
    case RAMP_IS_REVERTING: /* our lease says so and the journal does not: the rollback went out
                               first */
        ramp_back_rollback(t, RAMP_WHY_CRASH, PLAN_WHOLE);
        break;
    case RAMP_DRIFTED:
        c->reading = RAMP_READING_NO;
        ramp_rest_in(t, RAMP_HELD, RAMP_WHY_DRIFT, ev->done.drift);
        break;
    case RAMP_IS_DEPOSED:
    case RAMP_BUSY:
        ramp_back_end(t, RAMP_DEPOSED, RAMP_WHY_DEPOSED, PLAN_WHOLE, 10);
        break;
    case RAMP_IS_LEASE_ABSENT:
    case RAMP_DENIED:
    case RAMP_REFUSED_RECORD:
        c->reading = RAMP_READING_NO;
        ramp_rest_in(t, RAMP_HELD, step_refusals[ev->done.outcome], PLAN_WHOLE);
        break;
    default:
        c->wait_until_ms = t->now + RAMP_RETRY_MS;
        break;
    }
}

void ramp_walk_done(struct ramp_turn *t, const struct ramp_event *ev)
{
    struct ramp_core *c = &t->s->core;

    if (c->phase == RAMP_PREFLIGHT)
        preflight_done(t, ev);
    else if (c->reading != RAMP_READING_NO)
        reading_done(t, ev);
    else if (c->phase == RAMP_APPLYING)
        applied(t, ev);
    else if (c->phase == RAMP_VERIFYING)
        verified(t, ev);
}

void ramp_walk_deadline(struct ramp_turn *t)
{
    struct ramp_core *c = &t->s->core;

    if (c->reading != RAMP_READING_NO) {
        ramp_walk_read(t, (enum ramp_reading_for)c->reading);
        return;
    }
    switch (c->phase) {
    case RAMP_PREFLIGHT:
        ramp_walk_preflight(t);
        break;
    case RAMP_APPLYING: /* applied, not INSYNC */
        ramp_notify(t, RAMP_NOTICE_PENDING);
        c->wait_until_ms = t->now + RAMP_SYNC_ALERT_MS;
        break;
    case RAMP_DRAINING:
        bake(t);
        break;
    case RAMP_BAKING:
        gate(t);
        break;
    case RAMP_SOAKING:
        soaked(t);
        break;
    default:
        break;
    }
}
