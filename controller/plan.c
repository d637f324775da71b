/* plan.c: see plan.h. */
#include "plan.h"

#include <assert.h>
#include <string.h>

#define RATE_MILLI_MAX       1000000u
#define ALLOWED_PPM_MIN      100u
#define UNACCEPTABLE_PPM_MAX 250000u
#define LEASE_LIFE_MIN_MS    60000
#define LEASE_LIFE_MAX_MS    86400000
#define MINUTE_MS            60000

#define POLICY_BIT(p)    (1u << (p))
#define HOLD_OR_ROLLBACK (POLICY_BIT(PLAN_HOLD) | POLICY_BIT(PLAN_ROLLBACK))

static const struct {
    const char *name;
    unsigned allowed; /* bits of enum plan_policy */
    enum plan_policy standard;
} ons[] = {
    [PLAN_ON_BREACH] = {"breach", HOLD_OR_ROLLBACK, PLAN_ROLLBACK},
    [PLAN_ON_INCONCLUSIVE] = {"inconclusive", HOLD_OR_ROLLBACK, PLAN_HOLD},
    [PLAN_ON_SLOW] = {"slow", HOLD_OR_ROLLBACK | POLICY_BIT(PLAN_IGNORE), PLAN_HOLD},
    [PLAN_ON_INTERRUPT] = {"interrupt", HOLD_OR_ROLLBACK, PLAN_HOLD},
    [PLAN_ON_TERMINATE] = {"terminate", HOLD_OR_ROLLBACK, PLAN_HOLD},
    [PLAN_ON_CRASH] = {"crash", HOLD_OR_ROLLBACK | POLICY_BIT(PLAN_RESUME), PLAN_RESUME},
    [PLAN_ON_WINDOW_END] = {"window_end", HOLD_OR_ROLLBACK, PLAN_HOLD},
    [PLAN_ON_HELD_TOO_LONG] = {"held_too_long", HOLD_OR_ROLLBACK, PLAN_ROLLBACK},
};
_Static_assert(sizeof(ons) / sizeof(ons[0]) == PLAN_ON_COUNT, "a row for every key of on");

static const char *const policies[] = {
    [PLAN_HOLD] = "hold",
    [PLAN_ROLLBACK] = "rollback",
    [PLAN_RESUME] = "resume",
    [PLAN_IGNORE] = "ignore",
};
_Static_assert(sizeof(policies) / sizeof(policies[0]) == PLAN_POLICY_COUNT,
               "a name for every policy");

/* Types Route 53 takes weights for, of which only the first three have endpoints to probe. */
static const char *const weighted_types[] = {"A",     "AAAA",  "CNAME", "CAA", "HTTPS",
                                             "MX",    "NAPTR", "PTR",   "SPF", "SRV",
                                             "SSHFP", "SVCB",  "TLSA",  "TXT"};

const char *plan_policy_name(enum plan_policy policy)
{
    return (size_t)policy < PLAN_POLICY_COUNT ? policies[policy] : "unknown";
}

const char *plan_on_name(enum plan_on on)
{
    return (size_t)on < PLAN_ON_COUNT ? ons[on].name : "unknown";
}

bool plan_on_allowed(enum plan_on on, enum plan_policy policy)
{
    return (size_t)on < PLAN_ON_COUNT && (size_t)policy < PLAN_POLICY_COUNT &&
           (ons[on].allowed & POLICY_BIT(policy)) != 0;
}

void plan_init(struct plan *plan)
{
    *plan = (struct plan){0};
    for (int i = 0; i < PLAN_ON_COUNT; i++)
        plan->on[i] = ons[i].standard;
    plan->soak.for_ms = 30 * MINUTE_MS;
    plan->soak.rate_milli = 1000;
    plan->soak.on_breach = PLAN_ROLLBACK;
    plan->rate_milli = 5000;
    plan->route53.rate_milli = 2000;
    plan->max_hold_ms = 30 * MINUTE_MS;
    plan->not_before_s = INT64_MIN;
    plan->not_after_s = INT64_MAX;
    plan->verify = PLAN_VERIFY_DNS;
    plan->drain_factor_milli = 1000;
    plan->lease_life_ms = 10 * MINUTE_MS;
    plan->prepare_ttl_s = 60;
    plan->read_every_ms = MINUTE_MS / 2;
}

/* ---- Semantic checks
 * ------------------------------------------------------------------------------- */

static void found(struct plan_findings *out, enum plan_fault fault, uint32_t index)
{
    if (out->n < PLAN_FINDINGS_MAX)
        out->item[out->n++] = (struct plan_finding){fault, index};
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Without a last dot: names are the same with and without. */
static size_t name_len(const char *s)
{
    size_t n = strlen(s);

    return n > 1 && s[n - 1] == '.' ? n - 1 : n;
}

static bool same_name(const char *a, const char *b)
{
    size_t n = name_len(a);

    if (n != name_len(b))
        return false;
    for (size_t i = 0; i < n; i++)
        if (lower(a[i]) != lower(b[i]))
            return false;
    return true;
}

static const char *zone_of(const struct plan *plan, const struct plan_record *r)
{
    return r->zone ? r->zone : plan->route53.zone;
}

static uint32_t hash_name(const char *s, uint32_t h)
{
    size_t n = name_len(s);

    for (size_t i = 0; i < n; i++)
        h = (h ^ (uint8_t)lower(s[i])) * 16777619u; /* FNV-1a */
    return h;
}

static bool same_record(const struct plan *plan, const struct plan_record *a,
                        const struct plan_record *b)
{
    const char *za = zone_of(plan, a), *zb = zone_of(plan, b);

    return same_name(a->name, b->name) && same_name(a->type, b->type) &&
           (!za || !zb || same_name(za, zb));
}

#define SLOTS 32768u /* a power of two, well above PLAN_RECORDS_MAX */
_Static_assert(SLOTS > 3 * PLAN_RECORDS_MAX && PLAN_RECORDS_MAX < UINT16_MAX,
               "an open table with room");

static void check_twice(const struct plan *plan, struct plan_findings *out)
{
    uint16_t slot[SLOTS] = {0}; /* index + 1 */

    for (uint32_t i = 0; i < plan->records_n; i++) {
        const struct plan_record *r = &plan->records[i];
        uint32_t at = hash_name(r->type, hash_name(r->name, 2166136261u)) % SLOTS;

        while (slot[at] && !same_record(plan, r, &plan->records[slot[at] - 1]))
            at = (at + 1) % SLOTS;
        if (slot[at])
            found(out, PLAN_FAULT_RECORD_TWICE, i);
        else
            slot[at] = (uint16_t)(i + 1);
    }
}

static bool type_ok(const char *type)
{
    for (size_t i = 0; i < sizeof(weighted_types) / sizeof(weighted_types[0]); i++)
        if (same_name(weighted_types[i], type))
            return true;
    return false;
}

/* An id that stands on both sides, or twice on one. */
static bool shares(const struct plan_sets *a, const struct plan_sets *b, bool same)
{
    for (uint32_t i = 0; i < a->n; i++)
        for (uint32_t k = same ? i + 1 : 0; k < b->n; k++)
            if (strcmp(a->id[i], b->id[k]) == 0)
                return true;
    return false;
}

static bool sides_share(const struct plan_sets *o, const struct plan_sets *n)
{
    return shares(o, n, false) || shares(o, o, true) || shares(n, n, true);
}

static const struct plan_sets *sets_of(const struct plan *plan, const struct plan_record *r,
                                       int side)
{
    return r->sets[side].n > 0 ? &r->sets[side] : &plan->sides[side];
}

static void check_records(const struct plan *plan, struct plan_findings *out)
{
    for (uint32_t i = 0; i < plan->records_n; i++)
        if (!zone_of(plan, &plan->records[i]))
            found(out, PLAN_FAULT_NO_ZONE, i);
    if (plan->records_all && !plan->route53.zone)
        found(out, PLAN_FAULT_NO_ZONE, PLAN_WHOLE);
    if (!plan->records_all && plan->records_n == 0)
        found(out, PLAN_FAULT_NO_RECORDS, PLAN_WHOLE);
    if (plan->records_n > PLAN_RECORDS_MAX) {
        found(out, PLAN_FAULT_TOO_MANY_RECORDS, PLAN_WHOLE);
        return;
    }
    check_twice(plan, out);
    for (uint32_t i = 0; i < plan->records_n; i++)
        if (!type_ok(plan->records[i].type))
            found(out, PLAN_FAULT_RECORD_TYPE, i);
}

static void check_sets(const struct plan *plan, struct plan_findings *out)
{
    for (int side = 0; side < PLAN_SIDES; side++) {
        bool missing = plan->records_all && plan->sides[side].n == 0;

        for (uint32_t i = 0; i < plan->records_n; i++)
            missing = missing || sets_of(plan, &plan->records[i], side)->n == 0;
        if (missing)
            found(out, PLAN_FAULT_NO_SETS, (uint32_t)side);
    }
    if (sides_share(&plan->sides[PLAN_OLD], &plan->sides[PLAN_NEW]))
        found(out, PLAN_FAULT_SIDES_SHARE_SET, PLAN_WHOLE);
    for (uint32_t i = 0; i < plan->records_n; i++) {
        const struct plan_record *r = &plan->records[i];

        if ((r->sets[PLAN_OLD].n > 0 || r->sets[PLAN_NEW].n > 0) &&
            sides_share(sets_of(plan, r, PLAN_OLD), sets_of(plan, r, PLAN_NEW)))
            found(out, PLAN_FAULT_SIDES_SHARE_SET, i);
    }
}

static bool two_ways(enum plan_policy p)
{
    return p == PLAN_HOLD || p == PLAN_ROLLBACK;
}

static void check_steps(const struct plan *plan, struct plan_findings *out)
{
    if (plan->steps_n == 0)
        found(out, PLAN_FAULT_NO_STEPS, PLAN_WHOLE);
    for (uint32_t i = 0; i < plan->steps_n; i++)
        if (plan->steps[i].percent < 1 || plan->steps[i].percent > 100)
            found(out, PLAN_FAULT_STEP_RANGE, i);
    for (uint32_t i = 1; i < plan->steps_n; i++)
        if (plan->steps[i].percent <= plan->steps[i - 1].percent)
            found(out, PLAN_FAULT_STEP_ORDER, i);
    for (uint32_t i = 0; i < plan->steps_n; i++)
        if (plan->steps[i].bake_ms <= 0)
            found(out, PLAN_FAULT_STEP_BAKE, i);
    for (uint32_t i = 0; i < plan->steps_n; i++)
        if (!two_ways(plan->steps[i].on_breach))
            found(out, PLAN_FAULT_STEP_POLICY, i);
    if (plan->steps_n > 0 && plan->rollback_to >= plan->steps[0].percent)
        found(out, PLAN_FAULT_ROLLBACK_TO, PLAN_WHOLE);
}

static void check_suites(const struct plan *plan, struct plan_findings *out)
{
    if (plan->suites_n == 0)
        found(out, PLAN_FAULT_NO_SUITES, PLAN_WHOLE);
    for (uint32_t i = 0; i < plan->suites_n; i++)
        if (plan->suites[i].allowed_ppm < ALLOWED_PPM_MIN)
            found(out, PLAN_FAULT_ALLOWED_RANGE, i);
    for (uint32_t i = 0; i < plan->suites_n; i++)
        if (plan->suites[i].allowed_ppm > plan->suites[i].unacceptable_ppm / 2)
            found(out, PLAN_FAULT_ALLOWED_HALF, i);
    for (uint32_t i = 0; i < plan->suites_n; i++)
        if (plan->suites[i].unacceptable_ppm > UNACCEPTABLE_PPM_MAX)
            found(out, PLAN_FAULT_UNACCEPTABLE_RANGE, i);
    if (plan->rate_milli == 0 || plan->rate_milli > RATE_MILLI_MAX)
        found(out, PLAN_FAULT_RATE, PLAN_WHOLE);
    if (plan->soak.rate_milli == 0 || plan->soak.rate_milli > RATE_MILLI_MAX)
        found(out, PLAN_FAULT_SOAK_RATE, PLAN_WHOLE);
    if (!two_ways(plan->soak.on_breach))
        found(out, PLAN_FAULT_SOAK_POLICY, PLAN_WHOLE);
}

static void check_rest(const struct plan *plan, struct plan_findings *out)
{
    for (uint32_t i = 0; i < PLAN_ON_COUNT; i++)
        if (!plan_on_allowed((enum plan_on)i, plan->on[i]))
            found(out, PLAN_FAULT_POLICY, i);
    if (plan->not_before_s != INT64_MIN && plan->not_after_s != INT64_MAX) {
        if (plan->not_after_s <= plan->not_before_s)
            found(out, PLAN_FAULT_SCHEDULE_ORDER, PLAN_WHOLE);
        else if (plan->steps_n > 0 &&
                 plan->not_after_s - plan->not_before_s < plan->steps[0].bake_ms / 1000)
            found(out, PLAN_FAULT_SCHEDULE_SHORT, PLAN_WHOLE);
    }
    if (plan->drain_factor_milli < 1000 || plan->drain_factor_milli > 100000)
        found(out, PLAN_FAULT_DRAIN_FACTOR, PLAN_WHOLE);
    if (!plan->lease_off &&
        (plan->lease_life_ms < LEASE_LIFE_MIN_MS || plan->lease_life_ms > LEASE_LIFE_MAX_MS))
        found(out, PLAN_FAULT_LEASE_LIFE, PLAN_WHOLE);
    if (plan->max_hold_ms <= 0)
        found(out, PLAN_FAULT_MAX_HOLD, PLAN_WHOLE);
}

/* The longest time until each stratum of one side at this step has run once more, whenever it ran
 * last. */
static int64_t cover_ms(const struct plan *plan, uint32_t percent, int side)
{
    uint32_t n = 0, every = 0;
    int64_t round;

    for (uint32_t i = 0; i < plan->strata_n; i++) {
        const struct plan_stratum *d = &plan->strata[i];

        if (d->side != side || d->from_percent > percent)
            continue;
        n++;
        if (d->required && d->every_ms > every)
            every = d->every_ms;
    }
    round = plan_round_ms(n, plan->rate_milli);
    return round > every ? round : every;
}

static void check_step_strata(const struct plan *plan, struct plan_findings *out)
{
    for (uint32_t i = 0; i < plan->steps_n; i++)
        for (int side = 0; side < PLAN_SIDES; side++)
            if (cover_ms(plan, plan->steps[i].percent, side) > plan->steps[i].bake_ms) {
                found(out, PLAN_FAULT_BAKE_SHORT, i);
                break;
            }
    for (uint32_t i = 0; i < plan->steps_n; i++)
        for (uint32_t k = 0; k < plan->suites_n; k++) {
            struct plan_gate_figures f;

            plan_gate_figures(plan, k, i, &f);
            if (f.strata > 0 && 3 * (uint64_t)f.n < f.n_needed) {
                found(out, PLAN_FAULT_GATE_BLIND, i);
                break;
            }
        }
}

static void check_strata(const struct plan *plan, struct plan_findings *out)
{
    if (plan->strata_n > PLAN_STRATA_MAX) {
        found(out, PLAN_FAULT_TOO_MANY_STRATA, PLAN_WHOLE);
        return;
    }
    for (uint32_t k = 0; k < plan->suites_n; k++) {
        bool any = false;

        for (uint32_t i = 0; i < plan->strata_n; i++)
            any = any || (plan->strata[i].suite == k && plan->strata[i].side == PLAN_NEW &&
                          plan->strata[i].required);
        if (!any)
            found(out, PLAN_FAULT_STRATUM_SIDE, k);
    }
    check_step_strata(plan, out);
}

bool plan_check(const struct plan *plan, struct plan_findings *out)
{
    out->n = 0;
    if (!plan->cutover || !plan->cutover[0])
        found(out, PLAN_FAULT_NO_CUTOVER, PLAN_WHOLE);
    check_records(plan, out);
    check_sets(plan, out);
    check_steps(plan, out);
    check_suites(plan, out);
    check_rest(plan, out);
    if (plan->strata && out->n == 0) /* its figures need sound numbers */
        check_strata(plan, out);
    return out->n == 0;
}

static const struct {
    const char *name, *text;
} faults[] = {
    [PLAN_FAULT_NO_CUTOVER] = {"no_cutover", "a plan needs a name: cutover"},
    [PLAN_FAULT_NO_ZONE] = {"no_zone", "this record names no zone and the plan names none"},
    [PLAN_FAULT_NO_RECORDS] = {"no_records", "no record to move"},
    [PLAN_FAULT_TOO_MANY_RECORDS] = {"too_many_records", "more than 10000 records"},
    [PLAN_FAULT_RECORD_TWICE] = {"record_twice", "this record is there twice"},
    [PLAN_FAULT_RECORD_TYPE] = {"record_type", "records of this type cannot be weighted"},
    [PLAN_FAULT_NO_SETS] = {"no_sets", "no SetIdentifier for this side"},
    [PLAN_FAULT_SIDES_SHARE_SET] =
        {"sides_share_set", "a SetIdentifier is named twice: the sides cannot be told apart"},
    [PLAN_FAULT_NO_STEPS] = {"no_steps", "no steps"},
    [PLAN_FAULT_STEP_RANGE] = {"step_range", "a step is 1 to 100 percent"},
    [PLAN_FAULT_STEP_ORDER] = {"step_order", "steps must grow"},
    [PLAN_FAULT_STEP_BAKE] = {"step_bake", "a step needs a bake above 0"},
    [PLAN_FAULT_STEP_POLICY] = {"step_policy", "on_breach is rollback or hold"},
    [PLAN_FAULT_ROLLBACK_TO] = {"rollback_to", "rollback_to must be below the first step"},
    [PLAN_FAULT_NO_SUITES] = {"no_suites", "no suite: nothing would be evidence"},
    [PLAN_FAULT_ALLOWED_RANGE] = {"allowed_range", "allowed is at least 0.01%"},
    [PLAN_FAULT_ALLOWED_HALF] = {"allowed_half", "allowed is at most half of unacceptable"},
    [PLAN_FAULT_UNACCEPTABLE_RANGE] = {"unacceptable_range", "unacceptable is at most 25%"},
    [PLAN_FAULT_RATE] = {"rate", "rate must be above 0 and at most 1000/s"},
    [PLAN_FAULT_SOAK_RATE] = {"soak_rate", "the soak's rate must be above 0 and at most 1000/s"},
    [PLAN_FAULT_SOAK_POLICY] = {"soak_policy", "the soak's on_breach is rollback or hold"},
    [PLAN_FAULT_POLICY] = {"policy", "this policy cannot be chosen here"},
    [PLAN_FAULT_SCHEDULE_ORDER] = {"schedule_order", "not_after must be after not_before"},
    [PLAN_FAULT_SCHEDULE_SHORT] =
        {"schedule_short", "not even the first step's bake fits between not_before and not_after"},
    [PLAN_FAULT_DRAIN_FACTOR] = {"drain_factor",
                                 "drain_factor is 1 to 100: a wait may only get longer"},
    [PLAN_FAULT_LEASE_LIFE] = {"lease_life", "the lease's life is 1m to 24h"},
    [PLAN_FAULT_MAX_HOLD] = {"max_hold", "max_hold must be above 0"},
    [PLAN_FAULT_TOO_MANY_STRATA] = {"too_many_strata", "more than 8192 checks x rows x endpoints"},
    [PLAN_FAULT_STRATUM_SIDE] = {"stratum_side",
                                 "this suite has no required check on the new side"},
    [PLAN_FAULT_BAKE_SHORT] = {"bake_short", "this bake is too short to run every check once"},
    [PLAN_FAULT_GATE_BLIND] = {"gate_blind",
                               "even without a failure three bakes hold too few probes to go on"},
};
_Static_assert(sizeof(faults) / sizeof(faults[0]) == PLAN_FAULT_COUNT, "words for every fault");

const char *plan_fault_name(enum plan_fault fault)
{
    return (size_t)fault < PLAN_FAULT_COUNT ? faults[fault].name : "unknown";
}

const char *plan_fault_text(enum plan_fault fault)
{
    return (size_t)fault < PLAN_FAULT_COUNT ? faults[fault].text : "unknown";
}

uint32_t plan_step_find(const struct plan *plan, uint32_t percent)
{
    for (uint32_t i = 0; i < plan->steps_n; i++)
        if (plan->steps[i].percent == percent)
            return i;
    return PLAN_WHOLE;
}
