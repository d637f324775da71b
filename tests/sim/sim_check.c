/* What must hold, whatever happens: design.md section 11, in the terms of a zone that changes and
 * of actions performed. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sim.h"

void check_wrong(struct sim *s, const char *fmt, ...)
{
    va_list ap;

    if (s->wrong[0])
        return;
    va_start(ap, fmt);
    vsnprintf(s->wrong, sizeof s->wrong, fmt, ap);
    va_end(ap);
    sim_log(s, "WRONG: %s", s->wrong);
}

uint32_t check_percent_bit(const struct sim *s, uint32_t percent)
{
    for (uint32_t i = 0; i < s->plan.steps_n; i++)
        if (s->plan.steps[i].percent == percent)
            return i;
    return percent == s->plan.rollback_to ? SIM_STEPS : SIM_STEPS + 1;
}

/* ---- A zone changed
 * ------------------------------------------------------------------------------------ */

static uint32_t zone_index(const char *zone_id)
{
    return (uint32_t)(zone_id[1] - '0');
}

static uint32_t record_of(const struct sim *s, uint32_t zone, const struct rrset *rr)
{
    for (uint32_t i = 0; i < s->n_records; i++)
        if (s->record_zone[i] == zone && strcmp(rr->type, "A") == 0 &&
            strcmp(rr->name, s->record_name[i]) == 0)
            return i;
    return UINT32_MAX;
}

static bool is_lease(const struct rrset *rr)
{
    return strcmp(rr->type, "TXT") == 0 && strncmp(rr->name, "_sluice.", 8) == 0;
}

void check_shadow(struct sim *s)
{
    arena_clear(&s->shadow_mem);
    for (uint32_t z = 0; z < s->n_zones; z++) {
        char id[4] = {'Z', (char)('0' + z), '\0'};
        size_t n;
        const struct rrset *const *sets = memory_sets(s->service, id, &n);

        s->shadow[z] = arena_array(&s->shadow_mem, n + 1, sizeof(struct rrset));
        s->n_shadow[z] = n;
        for (size_t i = 0; i < n; i++)
            s->shadow[z][i] = rrset_copy(&s->shadow_mem, sets[i]);
    }
}

/* Names come from one place here: equal ones are equal byte for byte. */
static bool same_set(const struct rrset *a, const struct rrset *b)
{
    if (strcmp(a->name, b->name) != 0 || strcmp(a->type, b->type) != 0 || !a->set_id != !b->set_id)
        return false;
    return !a->set_id || strcmp(a->set_id, b->set_id) == 0;
}

static const struct rrset *in_shadow(const struct sim *s, uint32_t z, const struct rrset *rr)
{
    for (size_t i = 0; i < s->n_shadow[z]; i++)
        if (same_set(&s->shadow[z][i], rr))
            return &s->shadow[z][i];
    return NULL;
}

static bool lease_of(const struct rrset *rr, struct lease *out)
{
    return rr && lease_parse(rr->values[0], out) == LEASE_READ;
}

/* The weights of one record: as one of the percentages this run was told to write. */
static void check_weights(struct sim *s, struct sim_ctl *c, uint32_t z, uint32_t r)
{
    char id[4] = {'Z', (char)('0' + z), '\0'};
    const struct rrset *old = memory_find(s->service, id, s->record_name[r], "A", "old");
    const struct rrset *new = memory_find(s->service, id, s->record_name[r], "A", "new");
    uint32_t a = old ? old->weight : 0, b = new ? new->weight : 0, told = c->commanded;

    /* A weight edited between the reading and the taking batch goes unseen where Weight is not
     * compared. */
    if (!s->compares_weight && s->foreign_touched)
        told |= 1u << (SIM_STEPS + 1);
    if (a + b == 0) {
        check_wrong(s, "all weights of %s are 0 after a change of %s", s->record_name[r], c->run);
        return;
    }
    for (uint32_t p = 0; p < SIM_PERCENTS; p++)
        if ((told >> p & 1) && (!old || a == c->weight[p][r][0]) &&
            (!new || b == c->weight[p][r][1]))
            return;
    check_wrong(s, "%s of %s weighs %u:%u, which is no percentage it was told to write (bits %x)",
                s->record_name[r], c->run, a, b, c->commanded);
}

/* Another run's lease may be taken without being told to once its time is over and nobody has
 * written it for a whole life. */
static bool is_dead(const struct sim *s, uint32_t z, const struct lease *was)
{
    return was->expires_s * 1000 < SIM_WALL + s->now &&
           s->now - s->lease_written_ms[z] >= s->plan.lease_life_ms;
}

static void check_lease(struct sim *s, struct sim_ctl *c, uint32_t z, const struct lease *was,
                        bool was_there, const struct lease *is)
{
    bool foreign = was_there && was->state != LEASE_RELEASED && strcmp(was->run, c->run) != 0;

    if (was_there && is->generation <= was->generation)
        check_wrong(s, "a batch of %s put generation %llu over %llu", c->run,
                    (unsigned long long)is->generation, (unsigned long long)was->generation);
    if (foreign && !c->may_seize[z] && !is_dead(s, z, was))
        check_wrong(s, "%s changed a zone that %s holds", c->run, was->run);
}

static void check_forward(struct sim *s, struct sim_ctl *c, uint32_t z, const struct lease *is,
                          bool moved)
{
    if (is->state == LEASE_REVERTING) {
        c->back_landed_at[z] = c->applies_at_back + 1;
        return;
    }
    if (moved && is->state == LEASE_FORWARD && c->back_landed_at[z] == c->applies + 1)
        check_wrong(s, "a forward batch of %s landed behind its rollback", c->run);
}

/* After `rolled_back` nothing moves; and nothing lands at all once the lease was released. But
 * where somebody removed the record within the life of a signature, a late lone CREATE may land,
 * and on it the late copy of the taking batch that was built on it, which writes every set as it
 * stands: no answer changes. */
static void check_ended(struct sim *s, const struct sim_ctl *c, uint32_t z, const struct lease *is,
                        bool was_there, bool moved)
{
    bool orphan = s->lease_removed_ms[z] && s->now - s->lease_removed_ms[z] < FENCE_LATE_MS;
    bool lands = c->released && was_there && is->state != LEASE_RELEASED && !orphan;

    if (c->ended_back && (moved || lands))
        check_wrong(s, "a batch of %s landed after it had ended rolled back", c->run);
}

void check_change(void *ctx, uint32_t tag, const char *zone_id, int64_t now_ms)
{
    struct sim *s = ctx;
    uint32_t z = zone_index(zone_id);
    struct sim_ctl *c = tag ? &s->ctl[tag - 1] : NULL;
    const struct rrset *lease_was = NULL, *lease_is = NULL;
    struct lease was = {0}, is = {0};
    bool was_there, reverting, moved = false;
    size_t n;
    const struct rrset *const *sets = memory_sets(s->service, zone_id, &n);

    sim_hash(s, (uint64_t)now_ms * 8 + tag);
    if (!c) {
        check_shadow(s);
        return;
    }
    for (size_t i = 0; i < s->n_shadow[z]; i++)
        if (is_lease(&s->shadow[z][i]))
            lease_was = &s->shadow[z][i];
    for (size_t i = 0; i < n; i++)
        if (is_lease(sets[i]))
            lease_is = sets[i];
    was_there = lease_of(lease_was, &was);
    if (!lease_of(lease_is, &is)) {
        check_wrong(s, "a change of %s left the zone without a lease", c->run);
        return;
    }
    sim_log(s, "  zone %u changed by %s: gen %llu %s step %u", z, c->run,
            (unsigned long long)is.generation, lease_state_name(is.state), is.step);
    check_lease(s, c, z, &was, was_there, &is);
    s->lease_written_ms[z] = now_ms;
    reverting = is.state == LEASE_REVERTING;
    for (size_t i = 0; i < n; i++) {
        const struct rrset *before = in_shadow(s, z, sets[i]);
        uint32_t r = record_of(s, z, sets[i]);

        sim_hash(s, sets[i]->weight);
        if (is_lease(sets[i]) || (before && rrset_eq(before, sets[i], true)))
            continue;
        if (r == UINT32_MAX)
            check_wrong(s, "%s touched %s %s", c->run, sets[i]->name, sets[i]->type);
        else if ((!before || !rrset_eq(before, sets[i], false)) && !reverting)
            check_wrong(s, "%s changed more than a weight of %s", c->run, sets[i]->name);
        else
            check_weights(s, c, z, r);
        moved = true;
    }
    if (n < s->n_shadow[z])
        check_wrong(s, "a change of %s removed a set", c->run);
    check_forward(s, c, z, &is, moved);
    check_ended(s, c, z, &is, was_there, moved);
    check_shadow(s);
}

/* ---- Actions and requests
 * ------------------------------------------------------------------------------ */

/* A request that is about to leave. */
void check_batch(struct sim_ctl *c, const struct router_batch *b)
{
    bool creates = false;

    for (size_t i = 0; i < b->n_changes; i++)
        creates |= b->changes[i].action == ROUTER_CREATE && b->changes[i].set->weighted;
    if (creates && !c->may_write_forward)
        check_wrong(c->sim, "%s writes forward and its intent is not on disk", c->run);
    if (b->urgent)
        c->urgent_sent++;
}

/* Was the new side bad enough, and long enough, that nobody may have promoted it? */
static bool surely_bad(const struct sim *s, int64_t from_ms)
{
    for (int64_t t = from_ms; t <= s->now; t += 1000)
        for (uint32_t i = 0; i < s->plan.strata_n; i++)
            if (s->strata[i].side == PLAN_NEW && sim_failing_ppm(s, t, i) < 300000)
                return false;
    return s->now - from_ms >= 10000;
}

/* The machine wants the next step: it must have seen every required stratum of new pass at this
 * one. */
void check_decided(struct sim_ctl *c, const struct ramp_action *a)
{
    struct sim *s = c->sim;
    uint32_t required = 0;

    if (a->kind != RAMP_ACT_APPLY)
        return;
    for (uint32_t i = 0; i < s->plan.strata_n; i++)
        if (s->strata[i].required && s->strata[i].side == PLAN_NEW)
            required |= 1u << i;
    if ((int64_t)a->step > c->top_step && c->top_step >= 0) {
        if ((c->passed & required) != required)
            check_wrong(s, "%s goes to %u %% without a pass of every stratum at the step before",
                        c->run, a->percent);
        if (surely_bad(s, c->since_ms))
            check_wrong(s, "%s promotes a fleet that fails everywhere", c->run);
    }
    if ((int64_t)a->step > c->top_step)
        c->top_step = a->step;
}

void check_perform(struct sim_ctl *c, const struct ramp_action *a)
{
    if (a->kind == RAMP_ACT_APPLY || (a->kind == RAMP_ACT_TAKE && !a->take_over))
        if (!line_tells(c, a->op_id))
            check_wrong(c->sim, "%s begins to write and its intent is not on disk", c->run);
    if (a->kind == RAMP_ACT_APPLY) {
        c->commanded |= 1u << check_percent_bit(c->sim, a->percent);
        c->applies++;
        c->may_write_forward = true;
    } else if (a->kind == RAMP_ACT_ROLLBACK) {
        c->commanded |= 1u << check_percent_bit(c->sim, a->percent);
        if (!c->back_again) {
            c->back_ms = c->sim->now;
            c->urgent_then = c->urgent_sent;
        }
        c->back_again = true;
        c->applies_at_back = c->applies; /* it may land when a later step is under way: a copy, of weights that
                                            stood */
        c->may_write_forward = false;
    } else if (a->kind == RAMP_ACT_TAKE) {
        c->may_write_forward = true;
        for (uint32_t z = 0; z < c->sim->n_zones; z++)
            c->may_seize[z] = a->take_over || c->take_over;
    }
}

static bool lease_in(const struct sim *s, uint32_t z, struct lease *out)
{
    const struct rrset *rr = NULL;

    for (size_t i = 0; i < s->n_shadow[z]; i++)
        if (is_lease(&s->shadow[z][i]))
            rr = &s->shadow[z][i];
    return lease_of(rr, out);
}

/* Every zone's lease is this run's: then a rollback has something to build on. */
bool check_holds_all(const struct sim_ctl *c)
{
    struct lease l;

    for (uint32_t z = 0; z < c->sim->n_zones; z++)
        if (!lease_in(c->sim, z, &l) || strcmp(l.run, c->run) != 0)
            return false;
    return true;
}

/* Some zone's lease is this run's, and not released. */
bool check_holds_any(const struct sim_ctl *c)
{
    struct lease l;

    for (uint32_t z = 0; z < c->sim->n_zones; z++)
        if (lease_in(c->sim, z, &l) && l.state != LEASE_RELEASED && strcmp(l.run, c->run) == 0)
            return true;
    return false;
}

/* Nobody else wrote: then nothing may be called drift. */
static void check_held(const struct sim_ctl *c)
{
    struct sim *s = c->sim;

    if (s->foreign_touched || ramp_phase(c->ramp) != RAMP_HELD)
        return;
    for (uint32_t i = 0; i < SIM_CTLS; i++)
        if (&s->ctl[i] != c && s->ctl[i].used)
            return;
    if (ramp_why(c->ramp, NULL) == RAMP_WHY_DRIFT ||
        ramp_why(c->ramp, NULL) == RAMP_WHY_LEASE_ABSENT)
        check_wrong(s, "%s is held by what it wrote itself: %s", c->run,
                    ramp_why_name(ramp_why(c->ramp, NULL)));
}

void check_turn(struct sim_ctl *c)
{
    check_held(c);
    if (c->back_ms == INT64_MAX || c->sim->now < c->back_ms)
        return;
    if (c->urgent_sent > c->urgent_then) {
        c->back_ms = INT64_MAX;
    } else if (c->sim->now > c->back_ms + 1000) {
        if (check_holds_all(c) && c->knows_leases)
            check_wrong(c->sim, "%s has sent nothing a second after its breach", c->run);
        c->back_ms = INT64_MAX;
    }
}

/* ---- The end
 * ------------------------------------------------------------------------------------------- */

static void check_live(struct sim *s, const struct sim_ctl *c)
{
    uint32_t percent = ramp_percent(c->ramp, &s->plan), p = check_percent_bit(s, percent);

    for (uint32_t r = 0; r < s->n_records; r++) {
        char id[4] = {'Z', (char)('0' + s->record_zone[r]), '\0'};
        const struct rrset *old = memory_find(s->service, id, s->record_name[r], "A", "old");
        const struct rrset *new = memory_find(s->service, id, s->record_name[r], "A", "new");

        if (!old || !new || !c->known[r])
            continue;
        if (old->weight != c->weight[p][r][0] || new->weight != c->weight[p][r][1])
            check_wrong(s, "%s ended %s at %u %%, but %s weighs %u:%u", c->run,
                        ramp_phase_name(ramp_phase(c->ramp)), percent, s->record_name[r],
                        old->weight, new->weight);
    }
}

/* The last run that says where the weights are must be right. */
void check_end(struct sim *s)
{
    const struct sim_ctl *last = NULL;

    for (uint32_t i = 0; i < SIM_CTLS; i++) {
        const struct sim_ctl *c = &s->ctl[i];

        if (c->used && !c->over)
            check_wrong(s, "%s never ended: %s", c->run,
                        c->ramp ? ramp_phase_name(ramp_phase(c->ramp)) : "not running");
        if (!c->used || !c->ramp || !c->over || c->accepted_drift)
            continue;
        if (ramp_phase(c->ramp) == RAMP_COMPLETED || ramp_phase(c->ramp) == RAMP_ROLLED_BACK)
            last = last && last->applies + last->commanded ? last : c;
    }
    if (s->wrong[0] || !last || s->foreign_touched)
        return;
    for (uint32_t i = 0; i < SIM_CTLS; i++)
        if (&s->ctl[i] != last && s->ctl[i].used && s->ctl[i].commanded)
            return; /* two runs wrote: each was checked batch by batch */
    if (last->commanded)
        check_live(s, last);
}
