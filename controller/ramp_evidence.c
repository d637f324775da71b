/* ramp_evidence.c: probes become counts, and counts become judgements. See ramp_inside.h. */
#include "ramp_inside.h"

#include <assert.h>
#include <string.h>

#define CHANCE_PPM       1000000.0 /* one failing probe in so many may be confirmed by chance */
#define OTHER_SURE       2         /* answers of the other side it takes to say how that is */
#define SLOW_SAMPLES_MIN 20u       /* of each side */

static const struct ramp_judgement nothing = {.kind = RAMP_JUDGED_NONE};

uint32_t ramp_reasks(uint32_t allowed_ppm)
{
    double chance = 1;
    uint32_t n = 0;

    while (n < RAMP_REASKS || (chance * CHANCE_PPM > 1.001 && n < RAMP_REASKS_MAX)) {
        chance *= allowed_ppm / 1e6;
        n++;
    }
    return n;
}

static int64_t limit(const struct ramp *s)
{
    return s->core.in_soak ? BUDGET_LIMIT_SOAK : BUDGET_LIMIT;
}

static bool above_limit(const struct ramp *s, enum plan_side side)
{
    for (int64_t i = 0; i < s->core.suites_n; i++)
        if (budget_cusum_value(&s->core.suite[i].cusum[side]) >= limit(s))
            return true;
    return false;
}

bool ramp_old_is_bad(const struct ramp *s)
{
    return s->core.old_stratum != 0 || above_limit(s, PLAN_OLD);
}

bool ramp_evidence_new_is_suspect(const struct ramp *s)
{
    return above_limit(s, PLAN_NEW);
}

/* ---- Asking again
 * ---------------------------------------------------------------------------------- */

static bool cell_has(const struct plan *plan, uint32_t cell, uint8_t side)
{
    for (uint32_t i = 0; i < plan->strata_n; i++)
        if (plan->strata[i].cell == cell && plan->strata[i].side == side)
            return true;
    return false;
}

bool ramp_evidence_asking(const struct ramp *s, uint32_t stratum)
{
    for (uint32_t i = 0; i < RAMP_ASKS_MAX; i++)
        if (s->ask[i].used && s->ask[i].stratum == stratum)
            return true;
    return false;
}

bool ramp_evidence_ask(struct ramp_turn *t, uint32_t stratum, int64_t at_ms)
{
    const struct plan_stratum *d = &t->plan->strata[stratum];

    for (uint32_t i = 0; i < RAMP_ASKS_MAX; i++) {
        if (t->s->ask[i].used)
            continue;
        t->s->ask[i] = (struct ramp_ask){
            .stratum = stratum,
            .used = 1,
            .at_ms = at_ms,
            .alone = !cell_has(t->plan, d->cell, d->side == PLAN_NEW ? PLAN_OLD : PLAN_NEW),
        };
        return true;
    }
    return false;
}

void ramp_evidence_drop_asks(struct ramp *s)
{
    memset(s->ask, 0, sizeof(s->ask));
}

void ramp_evidence_asks(struct ramp_turn *t)
{
    for (uint32_t i = 0; i < RAMP_ASKS_MAX; i++) {
        struct ramp_ask *a = &t->s->ask[i];
        struct ramp_action *act;

        if (!a->used || a->at_ms > t->now)
            continue;
        if (a->op_id != 0) { /* its answers never came */
            a->used = 0;
            continue;
        }
        a->op_id = ramp_op_next(t);
        a->at_ms = t->now + RAMP_ASK_LOST_MS;
        a->waiting = (uint8_t)(a->alone ? 1u << t->plan->strata[a->stratum].side
                                        : (1u << PLAN_OLD) | (1u << PLAN_NEW));
        act = ramp_push(t, RAMP_ACT_ASK);
        act->op_id = a->op_id;
        act->stratum = a->stratum;
    }
}

/* Old fails more than its budget explains, in the time that new has been under suspicion. */
static bool old_too(const struct ramp_turn *t, uint32_t suite)
{
    return budget_exceeds(&t->s->core.suite[suite].since_zero[PLAN_OLD],
                          t->plan->suites[suite].allowed_ppm, BUDGET_P_OLD_TOO);
}

/* The stratum failed every time. What did the other side say? Where old as a whole is failing,
 * three passes of one of its strata are luck, and the fast rule's control decides. */
static struct ramp_judgement conclude(struct ramp_turn *t, const struct ramp_ask *a)
{
    struct ramp_judgement j = {RAMP_JUDGED_HOLD, RAMP_WHY_NONE, a->stratum};
    bool of_new = t->plan->strata[a->stratum].side == PLAN_NEW;
    bool other_passes = a->other_fails == 0 && a->other_passes >= OTHER_SURE;

    if (a->other_fails >= OTHER_SURE) {
        j.why = RAMP_WHY_BOTH_FLEETS;
    } else if (of_new && a->alone) {
        j.why = RAMP_WHY_NO_CONTROL;
    } else if (of_new && other_passes && !old_too(t, t->plan->strata[a->stratum].suite)) {
        j.kind = RAMP_JUDGED_BREACH;
        j.why = RAMP_WHY_CONFIRMED;
    } else if (!of_new && (a->alone || other_passes)) {
        t->s->core.old_stratum = (int64_t)a->stratum + 1;
        j.why = RAMP_WHY_NO_WAY_BACK;
    } else {
        return nothing; /* the other side wavered: its next failure begins anew */
    }
    return j;
}

static uint32_t asks_needed(const struct ramp_turn *t, const struct ramp_ask *a)
{
    if (t->s->core.phase == RAMP_PREFLIGHT)
        return RAMP_PREFLIGHT_ASKS;
    return ramp_reasks(t->plan->suites[t->plan->strata[a->stratum].suite].allowed_ppm);
}

static struct ramp_judgement ask_answered(struct ramp_turn *t, struct ramp_ask *a, uint8_t side,
                                          enum ramp_verdict verdict)
{
    bool preflight = t->s->core.phase == RAMP_PREFLIGHT;
    uint8_t own_side = t->plan->strata[a->stratum].side;
    uint32_t rounds_max = preflight ? RAMP_PREFLIGHT_ASKS : RAMP_REASKS_MAX;

    a->waiting &= (uint8_t) ~(1u << side);
    if (side == own_side && verdict == RAMP_FAIL)
        a->own_fails++;
    if (side != own_side && verdict == RAMP_PASS)
        a->other_passes++;
    if (side != own_side && verdict == RAMP_FAIL)
        a->other_fails++;
    if (side == own_side && verdict == RAMP_PASS) {
        a->used = 0; /* "4 of 4": once passed, it was a flake */
        return nothing;
    }
    if (a->waiting)
        return nothing;
    a->op_id = 0;
    a->round++;
    if (preflight)
        t->s->stratum[a->stratum].asks = a->round;
    a->at_ms = t->now + (preflight ? RAMP_PREFLIGHT_ASK_MS : RAMP_REASK_MS);
    if (a->own_fails >= asks_needed(t, a)) {
        a->used = 0;
        return preflight ? nothing : conclude(t, a); /* preflight: ramp_walk_review() says it */
    }
    if (a->round >= rounds_max)
        a->used = 0;
    return nothing;
}

/* The ask this probe answers, or NULL: given up, or answered already. */
static struct ramp_ask *ask_of(struct ramp_turn *t, const struct ramp_probe *probe, uint8_t side)
{
    for (uint32_t i = 0; i < RAMP_ASKS_MAX; i++) {
        struct ramp_ask *a = &t->s->ask[i];

        if (a->used && a->op_id == probe->ask_op && (a->waiting & (1u << side)))
            return a;
    }
    return NULL;
}

static bool may_ask(enum ramp_phase phase)
{
    return phase >= RAMP_APPLYING && phase <= RAMP_SOAKING;
}

static void ask_on_failure(struct ramp_turn *t, uint32_t stratum)
{
    if (!may_ask(ramp_phase(t->s)))
        return;
    for (uint32_t i = 0; i < RAMP_ASKS_MAX; i++) {
        const struct ramp_ask *a = &t->s->ask[i];

        /* one ask asks both sides: another for the same cell would say the same */
        if (a->used && t->plan->strata[a->stratum].cell == t->plan->strata[stratum].cell)
            return;
    }
    (void)ramp_evidence_ask(t, stratum, t->now + RAMP_REASK_MS); /* no slot: its next failure */
}

/* ---- Counting
 * -------------------------------------------------------------------------------------- */

static void count(struct ramp_turn *t, const struct ramp_probe *probe, const struct plan_stratum *d)
{
    struct ramp_suite *e = &t->s->core.suite[d->suite];
    bool failed = probe->verdict == RAMP_FAIL;

    budget_cusum_add(&e->cusum[d->side], &t->s->rates[d->suite], failed, t->now);
    e->since_zero[d->side].n++;
    e->since_zero[d->side].x += failed;
    if (budget_cusum_value(&e->cusum[PLAN_NEW]) == 0)
        memset(e->since_zero, 0, sizeof(e->since_zero));
    if (d->side == PLAN_NEW) {
        e->failures += failed;
        e->in_a_row = failed ? e->in_a_row + 1 : 0;
    }
    t->s->stratum[probe->stratum].last = (uint8_t)(probe->verdict + 1);
    if (!failed && t->s->core.old_stratum == (int64_t)probe->stratum + 1)
        t->s->core.old_stratum = 0;
    if (t->s->core.phase != RAMP_BAKING || probe->ask_op != 0)
        return; /* asks pick the strata that failed: they would bend the gate's sample */
    e->gate[d->side].n++;
    e->gate[d->side].x += failed;
    if (!failed && probe->latency_us >= 0 && d->check < RAMP_CHECKS_MAX)
        budget_latency_add(&t->s->latency[d->side][d->check], probe->latency_us);
}

/* New is too bad to be chance. Is old as bad? Asked at the breach and at every probe after it: once
 * held as "both fleets" for as long as that lasts, so the level is stricter then. */
static struct ramp_judgement control(const struct ramp_turn *t,
                                     const struct budget_count c[PLAN_SIDES], enum ramp_why why,
                                     uint32_t suite)
{
    struct ramp_judgement j = {RAMP_JUDGED_HOLD, RAMP_WHY_BOTH_FLEETS, suite};
    bool held = t->s->core.phase == RAMP_HELD && t->s->core.why == RAMP_WHY_BOTH_FLEETS;

    if (c[PLAN_OLD].n == 0) {
        j.why = RAMP_WHY_NO_CONTROL;
    } else if (budget_fisher(&c[PLAN_NEW], &c[PLAN_OLD]) <
               (held ? BUDGET_P_CONTROL_HELD : BUDGET_P_CONTROL)) {
        j.kind = RAMP_JUDGED_BREACH;
        j.why = why;
    } else if (!budget_exceeds(&c[PLAN_OLD], t->plan->suites[suite].allowed_ppm,
                               BUDGET_P_OLD_TOO)) {
        return nothing; /* old is well, a few more probes will tell; no gate opens meanwhile */
    }
    return j;
}

static struct ramp_judgement judge_suite(const struct ramp_turn *t, uint32_t suite)
{
    const struct plan_suite *p = &t->plan->suites[suite];
    const struct ramp_suite *e = &t->s->core.suite[suite];

    if (p->failure_limit > 0 && e->failures >= p->failure_limit)
        return (struct ramp_judgement){RAMP_JUDGED_BREACH, RAMP_WHY_FAILURE_LIMIT, suite};
    if (p->consecutive_failures > 0 && e->in_a_row >= p->consecutive_failures)
        return (struct ramp_judgement){RAMP_JUDGED_BREACH, RAMP_WHY_CONSECUTIVE, suite};
    if (budget_cusum_value(&e->cusum[PLAN_NEW]) >= limit(t->s))
        return control(t, e->since_zero, RAMP_WHY_CUSUM, suite);
    if (budget_cusum_value(&e->cusum[PLAN_OLD]) >= limit(t->s))
        return (struct ramp_judgement){RAMP_JUDGED_HOLD, RAMP_WHY_NO_WAY_BACK, suite};
    return nothing;
}

struct ramp_judgement ramp_evidence_probe(struct ramp_turn *t, const struct ramp_probe *probe)
{
    struct ramp_judgement j = nothing, s;
    struct ramp_probe p = *probe;
    const struct plan_stratum *d;
    struct ramp_ask *a;

    assert(probe->stratum < t->plan->strata_n && probe->stratum < PLAN_STRATA_MAX);
    d = &t->plan->strata[probe->stratum];
    assert(d->side < PLAN_SIDES && d->suite < t->s->core.suites_n);
    if (t->s->core.unreachable)
        p.verdict = RAMP_ERROR;
    if (d->required && p.verdict != RAMP_ERROR)
        count(t, &p, d);
    if (p.ask_op != 0) {
        a = ask_of(t, &p, d->side);
        if (a)
            j = ask_answered(t, a, d->side, p.verdict);
    } else if (d->required && p.verdict == RAMP_FAIL) {
        ask_on_failure(t, p.stratum);
    }
    if (!d->required || p.verdict == RAMP_ERROR)
        return j;
    s = judge_suite(t, d->suite);
    return s.kind > j.kind ? s : j;
}

/* ---- The gate
 * -------------------------------------------------------------------------------------- */

void ramp_evidence_begin(struct ramp *s)
{
    memset(s->stratum, 0, sizeof(s->stratum));
    memset(s->latency, 0, sizeof(s->latency));
    for (uint32_t i = 0; i < PLAN_SUITES_MAX; i++)
        memset(s->core.suite[i].gate, 0, sizeof(s->core.suite[i].gate));
}

/* Every required stratum of this step, on both sides, ran since the drain and passed last. `suites`
 * gets a bit for each suite that has a required stratum on the new side. */
static bool covered(const struct ramp_turn *t, uint32_t *suites)
{
    uint32_t percent = t->plan->steps[t->s->core.step].percent;
    bool all = true;

    *suites = 0;
    for (uint32_t i = 0; i < t->plan->strata_n; i++) {
        const struct plan_stratum *d = &t->plan->strata[i];

        if (!d->required || d->from_percent > percent)
            continue;
        if (d->side == PLAN_NEW)
            *suites |= 1u << d->suite;
        all = all && t->s->stratum[i].last == RAMP_PASS + 1;
    }
    return all;
}

static bool slower(const struct ramp_turn *t, uint32_t *check)
{
    for (uint32_t i = 0; i < RAMP_CHECKS_MAX; i++) {
        const struct budget_latency *n = &t->s->latency[PLAN_NEW][i],
                                    *o = &t->s->latency[PLAN_OLD][i];

        if (budget_latency_n(n) >= SLOW_SAMPLES_MIN && budget_latency_n(o) >= SLOW_SAMPLES_MIN &&
            budget_slower(n, o)) {
            *check = i;
            return true;
        }
    }
    return false;
}

enum ramp_gate ramp_evidence_gate(struct ramp_turn *t, bool look, struct ramp_judgement *j)
{
    uint32_t suites, check;
    bool promote, all = covered(t, &suites);

    promote = suites != 0; /* nothing to judge by is never a pass */
    *j = (struct ramp_judgement){RAMP_JUDGED_NONE, RAMP_WHY_INCONCLUSIVE, PLAN_WHOLE};
    for (uint32_t i = 0; i < (uint32_t)t->s->core.suites_n; i++) {
        const struct budget_count *c = t->s->core.suite[i].gate;
        enum budget_gate g;

        if (!(suites & (1u << i)))
            continue;
        g = budget_gate_eval(&c[PLAN_NEW], t->plan->suites[i].allowed_ppm,
                             t->plan->suites[i].unacceptable_ppm);
        if (g == BUDGET_BREACH && look) {
            *j = control(t, c, RAMP_WHY_GATE, i);
            if (j->kind != RAMP_JUDGED_NONE)
                return RAMP_GATE_JUDGED;
        }
        if (g != BUDGET_PROMOTE) {
            promote = false;
            j->why = RAMP_WHY_INCONCLUSIVE;
            j->index = i;
        }
    }
    if (!promote || ramp_old_is_bad(t->s) || ramp_evidence_new_is_suspect(t->s))
        return RAMP_GATE_EXTEND;
    if (!all)
        return RAMP_GATE_WAIT;
    if (t->plan->on[PLAN_ON_SLOW] != PLAN_IGNORE && slower(t, &check)) {
        *j = (struct ramp_judgement){RAMP_JUDGED_HOLD, RAMP_WHY_SLOW, check};
        return RAMP_GATE_JUDGED;
    }
    return RAMP_GATE_PROMOTE;
}
