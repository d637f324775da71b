/* The world of one seed: what stands in the zones, how the fleets fare, what goes wrong when, and
 * time. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "sim.h"
#include "sluice/common.h"

#define EVENTS_MAX 400000
#define LATE_MS    (7 * 60 * 1000) /* after the end: nothing is in the air any more */

uint64_t sim_random(struct sim *s, uint64_t bound)
{
    return bound ? backoff_below(&s->rng, bound) : 0;
}

bool sim_chance(struct sim *s, uint32_t thousandths)
{
    return sim_random(s, 1000) < thousandths;
}

bool sim_in(const struct sim_span *w, int64_t at)
{
    return at >= w->from_ms && at < w->to_ms;
}

void sim_hash(struct sim *s, uint64_t word)
{
    s->hash = (s->hash ^ word ^ (uint64_t)s->now << 20) * 1099511628211ull;
    s->hash ^= s->hash >> 29;
}

void sim_log(struct sim *s, const char *fmt, ...)
{
    va_list ap;

    if (!s->verbose)
        return;
    printf("%10.3f ", (double)s->now / 1000);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}

/* ---- The fleets
 * ---------------------------------------------------------------------------------------- */

/* How often this stratum fails at this time, in failures a million. */
uint32_t sim_failing_ppm(const struct sim *s, int64_t at, uint32_t stratum)
{
    const uint32_t flake = 500;
    bool is_new = s->strata[stratum].side == PLAN_NEW,
         bad = at >= s->bad_from_ms && at < s->bad_to_ms;

    if (s->fleet == FLEET_FLAPPING)
        bad = bad && (at - s->bad_from_ms) / 40000 % 2 == 0;
    if (!bad)
        return flake;
    switch (s->fleet) {
    case FLEET_NEW_BAD:
    case FLEET_FLAPPING:
        return is_new ? s->bad_ppm : flake;
    case FLEET_ONE_BAD:
        return is_new && s->strata[stratum].cell == 0 ? 1000000 : flake;
    case FLEET_BOTH_BAD:
        return s->bad_ppm;
    case FLEET_OLD_BAD:
        return is_new ? flake : s->bad_ppm;
    default:
        return flake;
    }
}

/* ---- Drawing a world
 * ----------------------------------------------------------------------------------- */

/* A set of one value, or of many that count up from 192.0.2.n. */
static void put(struct sim *s, uint32_t z, const char *name, const char *id, uint32_t weight,
                uint32_t n)
{
    static char text[SIM_VALUES][20];
    const char *values[SIM_VALUES];
    char zone[4] = {'Z', (char)('0' + z), '\0'};
    struct rrset rr = {.name = name,
                       .type = "A",
                       .set_id = id,
                       .weighted = id != NULL,
                       .weight = weight,
                       .has_ttl = true,
                       .ttl = 5,
                       .values = values,
                       .n_values = s->n_values};

    for (uint32_t i = 0; i < s->n_values; i++) {
        if (i == 0)
            snprintf(text[i], sizeof text[i], "192.0.2.%u", n);
        else
            snprintf(text[i], sizeof text[i], "198.51.%u.%u", n, i);
        values[i] = text[i];
    }
    memory_put(s->service, zone, &rr);
}

void sim_zones(struct sim *s, uint32_t n_zones, uint32_t n_records, uint32_t n_values)
{
    s->n_zones = n_zones;
    s->n_records = n_records;
    for (uint32_t z = 0; z < n_zones; z++) {
        char id[4] = {'Z', (char)('0' + z), '\0'}, name[40];

        s->n_values = 1;
        snprintf(name, sizeof name, "z%u.example.", z);
        memory_add_zone(s->service, id, name);
        snprintf(name, sizeof name, "mail.z%u.example.", z);
        put(s, z, name, NULL, 0, 9);
        snprintf(name, sizeof name, "other.z%u.example.", z);
        put(s, z, name, "old", 3, 10);
        put(s, z, name, "new", 4, 11);
    }
    s->n_values = n_values;
    for (uint32_t r = 0; r < n_records; r++) {
        uint32_t z = s->record_zone[r] = r % n_zones;

        snprintf(s->record_name[r], sizeof s->record_name[r], "w%u.z%u.example.", r, z);
        s->records[r] = (struct plan_record){.name = s->record_name[r], .type = "A"};
        s->weight_old[r] = sim_chance(s, 500) ? 255 : 1;
        put(s, z, s->record_name[r], "old", s->weight_old[r], 1);
        put(s, z, s->record_name[r], "new", 0, 2);
    }
    s->plan.records = s->records;
    s->plan.records_n = n_records;
}

/* Now and then so many records that a range is listed, or so wide that a step takes two batches. */
static void draw_zones(struct sim *s)
{
    uint32_t n = 1 + (uint32_t)sim_chance(s, 350);

    if (sim_chance(s, 80))
        sim_zones(s, 1, SIM_RECORDS, 1);
    else if (sim_chance(s, 20))
        sim_zones(s, n, 4, SIM_VALUES);
    else
        sim_zones(s, n, n + (uint32_t)sim_random(s, 5 - n), 1);
}

void sim_strata(struct sim *s, uint32_t cells)
{
    for (uint32_t i = 0; i < 2 * cells; i++)
        s->strata[i] = (struct plan_stratum){
            .cell = i / 2, .check = (uint16_t)(i / 2), .side = (uint8_t)(i % 2), .required = true};
    s->plan.strata = s->strata;
    s->plan.strata_n = 2 * cells;
}

static void draw_plan(struct sim *s)
{
    static const uint32_t walks[][SIM_STEPS] = {
        {1, 10, 50, 100}, {10, 100}, {50, 100}, {100}, {5, 25, 100}};
    struct plan *p = &s->plan;
    const uint32_t *walk = walks[sim_random(s, ARRAY_LEN(walks))];

    for (uint32_t i = 0; i < SIM_STEPS && walk[i]; i++)
        p->steps[p->steps_n++] = (struct plan_step){.percent = walk[i],
                                                    .bake_ms = 25000,
                                                    .approve = sim_chance(s, 50),
                                                    .on_breach = PLAN_ROLLBACK};
    p->soak.for_ms = 30000;
    p->soak.rate_milli = 2000;
    p->rate_milli = 4000;
    p->max_hold_ms = 15 * 60 * 1000;
    p->lease_life_ms = 60000ll * (1 + (int64_t)sim_random(s, 10));
    p->verify = sim_chance(s, 500) ? PLAN_VERIFY_DNS : PLAN_VERIFY_API;
    if (sim_chance(s, 300))
        p->on[PLAN_ON_CRASH] = sim_chance(s, 500) ? PLAN_ROLLBACK : PLAN_HOLD;
    if (sim_chance(s, 200))
        p->on[PLAN_ON_TERMINATE] = PLAN_ROLLBACK;
    sim_strata(s, 1 + (uint32_t)sim_random(s, 3));
}

void sim_init_blank(struct sim *s, uint64_t seed, bool verbose)
{
    memset(s, 0, sizeof *s);
    s->seed = seed;
    s->rng = seed * 0x9e3779b97f4a7c15ull + 1;
    s->hash = 14695981039346656037ull;
    s->verbose = verbose;
    s->service = memory_new();
    memory_set_wall(s->service, SIM_WALL);
    s->outage = s->denied = s->expired = s->faulty = s->gone = s->blind = s->hung = s->dns_slow =
        s->new_slow = (struct sim_span){.from_ms = INT64_MAX, .to_ms = INT64_MAX};
    s->denied_zone = s->faulty_record = UINT32_MAX;
    s->foreign_ms = s->closes_ms = s->bad_to_ms = INT64_MAX;
    s->compares_weight = true;
    plan_init(&s->plan);
    s->plan.cutover = "shop";
    s->plan.path = "plan.yaml";
    s->plan.suites_n = 1;
    s->plan.suites[0] =
        (struct plan_suite){.file = "s.yaml", .allowed_ppm = 10000, .unacceptable_ppm = 50000};
    for (uint32_t i = 0; i < SIM_CTLS; i++)
        ctl_init(s, i);
}

void sim_begin(struct sim *s)
{
    if (!s->compares_weight)
        fault_met(s, FAULT_WEIGHT_NOT_COMPARED);
    memory_compare_weight(s->service, s->compares_weight);
    check_shadow(s);
    memory_on_change(s->service, check_change, s);
}

void sim_init(struct sim *s, uint64_t seed, bool verbose)
{
    sim_init_blank(s, seed, verbose);
    s->compares_weight = !sim_chance(s, 200);
    draw_zones(s);
    draw_plan(s);
    faults_draw(s);
    sim_begin(s);
}

void sim_clear(struct sim *s)
{
    for (uint32_t i = 0; i < SIM_CTLS; i++)
        ctl_free(&s->ctl[i]);
    memory_free(s->service);
    arena_clear(&s->shadow_mem);
}

/* ---- Time
 * ---------------------------------------------------------------------------------------------- */

static int64_t next_time(const struct sim *s)
{
    int64_t at = memory_wake_at(s->service);

    at = s->foreign_ms < at ? s->foreign_ms : at;
    for (uint32_t i = 0; i < SIM_CTLS; i++) {
        const struct sim_ctl *c = &s->ctl[i];
        int64_t t = c->alive ? c->wake_ms : c->start_ms;

        at = t < at ? t : at;
    }
    return at;
}

static bool all_over(const struct sim *s)
{
    for (uint32_t i = 0; i < SIM_CTLS; i++)
        if (s->ctl[i].alive || s->ctl[i].start_ms != INT64_MAX)
            return false;
    return true;
}

/* While it sleeps, answers wait for it. */
static bool has_answers(const struct sim_ctl *c, int64_t now)
{
    return memory_client_ready(c->router) && !(c->freeze_at_ms <= now && now < c->frozen_until_ms);
}

static void step(struct sim *s)
{
    memory_tick(s->service, s->now);
    if (s->foreign_ms <= s->now) {
        foreign_act(s);
        s->foreign_ms = --s->foreign_left && s->now < s->quiet_ms
                            ? s->now + (int64_t)sim_random(s, 120000)
                            : INT64_MAX;
    }
    for (uint32_t i = 0; i < SIM_CTLS && !s->wrong[0]; i++) {
        struct sim_ctl *c = &s->ctl[i];

        if (c->alive ? c->wake_ms <= s->now || has_answers(c, s->now) : c->start_ms <= s->now)
            (c->alive ? ctl_turn : ctl_start)(c);
    }
}

bool sim_run(struct sim *s)
{
    for (uint64_t n = 0; !s->wrong[0]; n++) {
        int64_t at = next_time(s);

        if (all_over(s))
            break;
        if (at == INT64_MAX || at > SIM_END_MS) {
            check_wrong(s, at == INT64_MAX ? "everybody sleeps for ever" : "it goes on for hours");
            break;
        }
        if (n > EVENTS_MAX)
            check_wrong(s, "too many events");
        s->now = at > s->now ? at : s->now;
        step(s);
    }
    for (int64_t until = s->now + LATE_MS; !s->wrong[0] && memory_wake_at(s->service) <= until;) {
        s->now = memory_wake_at(s->service) > s->now ? memory_wake_at(s->service) : s->now;
        memory_tick(s->service, s->now);
    }
    if (memory_counts(s->service).torn)
        fault_met(s, FAULT_READING_TORN);
    if (memory_counts(s->service).shortened)
        fault_met(s, FAULT_READING_SHORT);
    if (!s->wrong[0])
        check_end(s);
    return !s->wrong[0];
}

const char *const sim_end_names[END_COUNT] = {
    [END_COMPLETED] = "completed", [END_ROLLED_BACK] = "rolled back",
    [END_REFUSED] = "refused",     [END_INTERRUPTED] = "interrupted",
    [END_DEPOSED] = "deposed",     [END_HELD] = "held",
    [END_UNSAFE] = "unsafe",       [END_BUSY] = "busy",
    [END_DENIED] = "denied"};

/* One whose journal is damaged ended as the rollback did that took its place. */
enum sim_end sim_end(const struct sim *s, uint32_t i)
{
    const struct sim_ctl *c = &s->ctl[i];

    if (c->damaged && s->ctl[SIM_CTLS - 1].used)
        c = &s->ctl[SIM_CTLS - 1];
    switch (ramp_phase(c->ramp)) {
    case RAMP_PREFLIGHT: /* nothing there that it would touch */
        return END_REFUSED;
    case RAMP_COMPLETED:
        return END_COMPLETED;
    case RAMP_ROLLED_BACK:
        return END_ROLLED_BACK;
    case RAMP_REFUSED:
        return ramp_exit_status(c->ramp) == 75   ? END_BUSY
               : ramp_exit_status(c->ramp) == 77 ? END_DENIED
                                                 : END_REFUSED;
    case RAMP_INTERRUPTED:
        return END_INTERRUPTED;
    case RAMP_DEPOSED:
        return END_DEPOSED;
    case RAMP_UNSAFE:
        return END_UNSAFE;
    default:
        return END_HELD;
    }
}
