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

static void put(struct sim *s, uint32_t z, const char *name, const char *type, const char *id,
                uint32_t weight, const char *value)
{
    const char *values[] = {value};
    char zone[4] = {'Z', (char)('0' + z), '\0'};
    struct rrset rr = {.name = name,
                       .type = type,
                       .set_id = id,
                       .weighted = id != NULL,
                       .weight = weight,
                       .has_ttl = true,
                       .ttl = 5,
                       .values = values,
                       .n_values = 1};

    memory_put(s->service, zone, &rr);
}

static void draw_zones(struct sim *s)
{
    s->n_zones = 1 + (uint32_t)sim_chance(s, 350);
    s->n_records = s->n_zones + (uint32_t)sim_random(s, SIM_RECORDS - s->n_zones + 1);
    for (uint32_t z = 0; z < s->n_zones; z++) {
        char id[4] = {'Z', (char)('0' + z), '\0'}, name[40];

        snprintf(name, sizeof name, "z%u.example.", z);
        memory_add_zone(s->service, id, name);
        snprintf(name, sizeof name, "mail.z%u.example.", z);
        put(s, z, name, "A", NULL, 0, "192.0.2.9");
        snprintf(name, sizeof name, "other.z%u.example.", z);
        put(s, z, name, "A", "old", 3, "192.0.2.10");
        put(s, z, name, "A", "new", 4, "192.0.2.11");
    }
    for (uint32_t r = 0; r < s->n_records; r++) {
        s->record_zone[r] = r % s->n_zones;
        snprintf(s->record_name[r], sizeof s->record_name[r], "w%u.z%u.example.", r,
                 s->record_zone[r]);
        s->records[r] = (struct plan_record){.name = s->record_name[r], .type = "A"};
        put(s, s->record_zone[r], s->record_name[r], "A", "old", sim_chance(s, 500) ? 255 : 1,
            "192.0.2.1");
        put(s, s->record_zone[r], s->record_name[r], "A", "new", 0, "192.0.2.2");
    }
}

static void draw_strata(struct sim *s)
{
    uint32_t cells = 1 + (uint32_t)sim_random(s, 3);

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

    plan_init(p);
    p->cutover = "shop";
    p->path = "plan.yaml";
    p->records = s->records;
    p->records_n = s->n_records;
    for (uint32_t i = 0; i < SIM_STEPS && walk[i]; i++)
        p->steps[p->steps_n++] = (struct plan_step){.percent = walk[i],
                                                    .bake_ms = 25000,
                                                    .approve = sim_chance(s, 50),
                                                    .on_breach = PLAN_ROLLBACK};
    p->soak.for_ms = 30000;
    p->soak.rate_milli = 2000;
    p->suites_n = 1;
    p->suites[0] =
        (struct plan_suite){.file = "s.yaml", .allowed_ppm = 10000, .unacceptable_ppm = 50000};
    p->rate_milli = 4000;
    p->max_hold_ms = 15 * 60 * 1000;
    p->lease_life_ms = 60000ll * (1 + (int64_t)sim_random(s, 10));
    p->verify = sim_chance(s, 500) ? PLAN_VERIFY_DNS : PLAN_VERIFY_API;
    if (sim_chance(s, 300))
        p->on[PLAN_ON_CRASH] = sim_chance(s, 500) ? PLAN_ROLLBACK : PLAN_HOLD;
    if (sim_chance(s, 200))
        p->on[PLAN_ON_TERMINATE] = PLAN_ROLLBACK;
    draw_strata(s);
}

static void draw_faults(struct sim *s)
{
    struct sim_chances *p = &s->chance;
    uint32_t *const each[] = {&p->lost,      &p->reply, &p->late,    &p->twice,
                              &p->throttled, &p->prior, &p->refused, &p->server};

    s->quiet_ms = 60000 + (int64_t)sim_random(s, 15 * 60 * 1000);
    if (sim_chance(s, 700))
        for (size_t i = 0; i < ARRAY_LEN(each); i++)
            *each[i] =
                sim_chance(s, 500) ? (uint32_t)sim_random(s, each[i] == &p->refused ? 20 : 120) : 0;
    s->outage_from_ms = s->denied_from_ms = INT64_MAX;
    if (sim_chance(s, 200)) {
        s->outage_from_ms = (int64_t)sim_random(s, 400000);
        s->outage_to_ms = s->outage_from_ms + (int64_t)sim_random(s, 180000);
    }
    if (sim_chance(s, 60)) {
        s->denied_from_ms = (int64_t)sim_random(s, 300000);
        s->denied_to_ms = s->denied_from_ms + (int64_t)sim_random(s, 120000);
    }
    s->pending_ms = sim_chance(s, 100) ? 200000 : (int64_t)sim_random(s, 20000);
    s->fleet =
        sim_chance(s, 450) ? FLEET_GOOD : (enum sim_fleet)(1 + sim_random(s, FLEET_COUNT - 1));
    s->bad_from_ms = (int64_t)sim_random(s, 300000);
    s->bad_to_ms = s->fleet == FLEET_BOTH_BAD || s->fleet == FLEET_OLD_BAD || sim_chance(s, 300)
                       ? s->bad_from_ms + 20000 + (int64_t)sim_random(s, 300000)
                       : INT64_MAX;
    s->bad_ppm = sim_chance(s, 600) ? 1000000 : 100000 + (uint32_t)sim_random(s, 700000);
    s->foreign_ms = INT64_MAX;
    if (sim_chance(s, 250)) {
        s->foreign_left = 1 + (uint32_t)sim_random(s, 3);
        s->foreign_ms = (int64_t)sim_random(s, 400000);
    }
}

static void draw_ctl(struct sim *s, uint32_t i)
{
    struct sim_ctl *c = &s->ctl[i];

    c->sim = s;
    c->tag = i + 1;
    snprintf(c->run, sizeof c->run, "run-%c", 'a' + (int)i);
    c->ramp = x_malloc(sizeof *c->ramp);
    c->start_ms = c->freeze_at_ms = c->operator_ms = c->back_ms = INT64_MAX;
    c->points_left = -1;
    c->top_step = -1;
    c->fsync_ms = 1 + (int64_t)sim_random(s, 20);
    if (sim_chance(s, 450)) {
        c->crashes_left = 1 + (int32_t)sim_random(s, 5);
        c->points_left = (int32_t)sim_random(s, sim_chance(s, 400) ? 400 : 6000) + 1;
    }
    if (sim_chance(s, 100)) {
        c->freeze_at_ms = (int64_t)sim_random(s, 400000);
        c->frozen_until_ms = c->freeze_at_ms + 2500 + (int64_t)sim_random(s, 900000);
    }
    if (sim_chance(s, 30))
        c->fsync_ms = 4000 + (int64_t)sim_random(s, 20000);
    c->disk_dead = sim_chance(s, 20);
    if (sim_chance(s, 200))
        c->operator_ms = (int64_t)sim_random(s, 400000);
    c->start = RAMP_START_FRESH;
}

static void draw_ctls(struct sim *s)
{
    for (uint32_t i = 0; i < SIM_CTLS; i++)
        draw_ctl(s, i);
    s->ctl[0].start_ms = 1000;
    for (uint32_t i = 1; i < SIM_CTLS; i++) {
        if (!sim_chance(s, 200))
            continue;
        s->ctl[i].start_ms = 1000 + (int64_t)sim_random(s, 500000);
        s->ctl[i].start = sim_chance(s, 500) ? RAMP_START_ROLLBACK : RAMP_START_FRESH;
    }
}

void sim_init(struct sim *s, uint64_t seed, bool verbose)
{
    memset(s, 0, sizeof *s);
    s->seed = seed;
    s->rng = seed * 0x9e3779b97f4a7c15ull + 1;
    s->hash = 14695981039346656037ull;
    s->verbose = verbose;
    s->service = memory_new();
    memory_set_wall(s->service, SIM_WALL);
    s->compares_weight = !sim_chance(s, 200);
    memory_compare_weight(s->service, s->compares_weight);
    draw_zones(s);
    draw_plan(s);
    draw_faults(s);
    draw_ctls(s);
    check_shadow(s);
    memory_on_change(s->service, check_change, s);
}

void sim_clear(struct sim *s)
{
    for (uint32_t i = 0; i < SIM_CTLS; i++)
        ctl_free(&s->ctl[i]);
    memory_free(s->service);
    arena_clear(&s->shadow_mem);
}

/* ---- The foreign hand
 * ---------------------------------------------------------------------------------- */

static void foreign_edit(struct sim *s, uint32_t r, bool lease)
{
    char id[4] = {'Z', (char)('0' + s->record_zone[r]), '\0'}, name[40];
    const char *set = sim_chance(s, 500) ? "old" : "new", *values[] = {"192.0.2.99"};
    const struct rrset *rr = memory_find(s->service, id, s->record_name[r], "A", set);
    struct arena mem = {0};
    struct rrset copy;

    snprintf(name, sizeof name, "_sluice.z%u.example.", s->record_zone[r]);
    if (lease) {
        sim_log(s, "a foreign hand removes the lease of zone %u", s->record_zone[r]);
        (void)memory_remove(s->service, id, name, "TXT", NULL);
        s->lease_removed_ms[s->record_zone[r]] = s->now;
        for (uint32_t i = 0; i < SIM_CTLS; i++) /* `sluice rollback` may find it taken again */
            s->ctl[i].may_seize[s->record_zone[r]] |= s->ctl[i].start == RAMP_START_ROLLBACK;
        return;
    }
    if (!rr)
        return;
    copy = rrset_copy(&mem, rr);
    sim_log(s, "a foreign hand edits %s %s", s->record_name[r], set);
    switch (sim_random(s, 8)) {
    case 0:
        (void)memory_remove(s->service, id, s->record_name[r], "A", set);
        break;
    case 1:
    case 2:
        copy.values = values;
        memory_put(s->service, id, &copy);
        break;
    case 3:
        copy.health_check = "hc-1";
        memory_put(s->service, id, &copy);
        break;
    default:
        copy.weight = (uint32_t)sim_random(s, 250) + 1;
        memory_put(s->service, id, &copy);
        break;
    }
    arena_clear(&mem);
}

static void foreign(struct sim *s)
{
    s->foreign_touched = true;
    s->last_foreign_ms = s->now;
    foreign_edit(s, (uint32_t)sim_random(s, s->n_records), sim_chance(s, 250));
    s->foreign_ms = --s->foreign_left && s->now < s->quiet_ms
                        ? s->now + (int64_t)sim_random(s, 120000)
                        : INT64_MAX;
}

/* ---- Time
 * ---------------------------------------------------------------------------------------------- */

static int64_t next_time(const struct sim *s)
{
    int64_t at = memory_wake_at(s->service);

    at = s->foreign_ms < at ? s->foreign_ms : at;
    for (uint32_t i = 0; i < SIM_CTLS; i++) {
        int64_t t = ctl_wake_at(&s->ctl[i]);

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

static void step(struct sim *s)
{
    memory_tick(s->service, s->now);
    if (s->foreign_ms <= s->now)
        foreign(s);
    for (uint32_t i = 0; i < SIM_CTLS && !s->wrong[0]; i++) {
        struct sim_ctl *c = &s->ctl[i];

        if (!c->alive && c->start_ms <= s->now)
            ctl_start(c);
        else if (c->alive)
            ctl_turn(c);
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
    if (!s->wrong[0])
        check_end(s);
    return !s->wrong[0];
}

enum sim_end sim_end(const struct sim *s)
{
    const struct sim_ctl *c = &s->ctl[0];

    switch (ramp_phase(c->ramp)) {
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
