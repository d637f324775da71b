/* A controller begins, dies, begins again, and ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "sluice/common.h"

#define RECOVERY_MS 10000 /* a death sooner than this is one in recovery */

void ctl_init(struct sim *s, uint32_t i)
{
    struct sim_ctl *c = &s->ctl[i];

    c->sim = s;
    c->tag = i + 1;
    snprintf(c->run, sizeof c->run, "run-%c", 'a' + (int)i);
    c->ramp = x_malloc(sizeof *c->ramp);
    c->start_ms = c->freeze_at_ms = c->operator_ms = c->back_ms = INT64_MAX;
    c->signal_ms = c->forced_ms = c->step_ms = c->disk_bad_ms = INT64_MAX;
    c->slow_from_ms = INT64_MAX;
    c->keys = (struct sim_span){.from_ms = INT64_MAX, .to_ms = INT64_MAX};
    c->points_left = -1;
    c->top_step = -1;
    c->fsync_ms = 2;
    c->start = RAMP_START_FRESH;
}

void ctl_free(struct sim_ctl *c)
{
    line_clear(c);
    fence_free(c->fence);
    free(c->ramp);
}

/* ---- Dying
 * ------------------------------------------------------------------------------------------ */

/* What it had sent is on its way without it, or dies with it. */
static void in_the_air(struct sim_ctl *c)
{
    struct sim *s = c->sim;
    uint32_t r = c->air == AIR_CHANCE ? (uint32_t)sim_random(s, 100) : 100, n = 0;

    if (c->air == AIR_DIES || r < 15)
        n = memory_client_air(c->router, true, 0);
    else if (c->air == AIR_LATE)
        n = memory_client_air(c->router, false,
                              2050 + 3000 * (int64_t)(c->crash->at[c->crash->died - 1].place % 3));
    else if (r < 25)
        n = memory_client_air(c->router, false, (int64_t)sim_random(s, 200000));
    if (n)
        fault_met(s, FAULT_REQUEST_DIES);
}

static void forget_process(struct sim_ctl *c)
{
    fence_free(c->fence);
    c->fence = NULL;
    memory_client_crash(c->router);
    c->n_timers = 0;
    c->n_waiting = 0;
    c->mode = RAMP_PROBES_OFF;
    c->crashing = c->alive = false;
    c->forced_ms = INT64_MAX;
}

void ctl_crash(struct sim_ctl *c)
{
    struct sim *s = c->sim;

    sim_log(s, "%s: dies", c->run);
    fault_met(s, FAULT_CRASH);
    if (c->reborn && s->now - c->born_ms < RECOVERY_MS)
        fault_met(s, FAULT_CRASH_IN_RECOVERY);
    in_the_air(c);
    forget_process(c);
    c->back_ms = INT64_MAX;
    c->back_again = false;
    c->may_write_forward = false;
    c->points_left = -1;
    if (c->crash) {
        scenario_reborn(c);
        return;
    }
    if (c->crashes_left > 0 && --c->crashes_left > 0)
        c->points_left = (int32_t)sim_random(s, sim_chance(s, 500) ? 60 : 4000) + 1;
    c->start_ms = s->now + 200 + (int64_t)sim_random(s, 60000);
    c->start = sim_chance(s, 700)   ? RAMP_START_RESUME
               : sim_chance(s, 700) ? RAMP_START_RECOVER
                                    : RAMP_START_ROLLBACK;
}

void ctl_leave(struct sim_ctl *c)
{
    struct sim *s = c->sim;
    enum ramp_phase phase = ramp_phase(c->ramp);

    sim_log(s, "%s: over, %s (%s), exit %d", c->run, ramp_phase_name(phase),
            ramp_why_name(ramp_why(c->ramp, NULL)), ramp_exit_status(c->ramp));
    line_settle(c);
    forget_process(c);
    c->start_ms = INT64_MAX;
    c->ended_back = phase == RAMP_ROLLED_BACK;
    if (c->crash) {
        scenario_left(c);
        return;
    }
    if ((phase == RAMP_HELD || phase == RAMP_INTERRUPTED) && c->crashes_left > 0 && c->applies) {
        c->crashes_left--;
        c->over = false;
        c->start = sim_chance(s, 600) ? RAMP_START_RESUME : RAMP_START_ROLLBACK;
        c->start_ms = s->now + 1000 + (int64_t)sim_random(s, 60000);
        c->slow_from_ms = INT64_MAX;
    }
}

/* ---- Beginning
 * -------------------------------------------------------------------------------------- */

static void config(const struct sim_ctl *c, struct fence_config *cfg)
{
    struct sim *s = c->sim;

    if (s->clock_wrong_ms)
        fault_met(s, FAULT_CLOCK_WRONG);
    *cfg = (struct fence_config){.cutover = "shop",
                                 .run = c->run,
                                 .plan_hash = "0123456789ab",
                                 .seed = sim_random(s, UINT64_MAX),
                                 .wall_minus_boot_ms = SIM_WALL + s->clock_wrong_ms,
                                 .life_ms = s->plan.lease_life_ms,
                                 .rollback_to = s->plan.rollback_to};
}

static void keep_weights(struct sim_ctl *c, uint32_t r, uint32_t n)
{
    const struct plan *p = &c->sim->plan;

    for (uint32_t i = 0; i < SIM_PERCENTS; i++) {
        uint32_t percent = i < p->steps_n   ? p->steps[i].percent
                           : i == SIM_STEPS ? p->rollback_to
                                            : RAMP_PERCENT_BASELINE;

        c->weight[i][r][0] = (uint8_t)fence_weight_at(c->fence, n, 1, percent);
        c->weight[i][r][1] = (uint8_t)fence_weight_at(c->fence, n, 0, percent);
    }
}

/* What stands in the zones now is the baseline. False: there is nothing this program would touch.
 */
static bool survey(struct sim_ctl *c)
{
    static const uint8_t side[] = {PLAN_NEW, PLAN_OLD};
    struct sim *s = c->sim;
    struct fence_config cfg;
    struct err err = {0};
    uint32_t n = 0;

    config(c, &cfg);
    c->fence = fence_new(&cfg, c->router);
    for (uint32_t z = 0; z < s->n_zones; z++) {
        char id[4] = {'Z', (char)('0' + z), '\0'}, lease[40];

        snprintf(lease, sizeof lease, "_sluice.z%u.example.", z);
        fence_add_zone(c->fence, id, lease);
    }
    for (uint32_t r = 0; r < s->n_records; r++) {
        char id[4] = {'Z', (char)('0' + s->record_zone[r]), '\0'};
        const struct rrset *new = memory_find(s->service, id, s->record_name[r], "A", "new");
        const struct rrset *old = memory_find(s->service, id, s->record_name[r], "A", "old");
        struct rrset pair[2];

        c->known[r] = new &&old &&new->weight + old->weight > 0;
        if (!c->known[r])
            continue;
        pair[0] = *new;
        pair[1] = *old;
        fence_add_record(c->fence, s->record_zone[r], pair, side, 2);
        keep_weights(c, r, n);
        n++;
    }
    return n == s->n_records && fence_ready(c->fence, &err);
}

static void give_up(struct sim_ctl *c)
{
    forget_process(c);
    c->over = true;
    c->start_ms = INT64_MAX;
}

/* Its journal is damaged: no step can rest on it. `sluice rollback` reads the zones instead, and is
 * a run of its own. */
static void succeed(struct sim_ctl *c)
{
    struct sim *s = c->sim;
    struct sim_ctl *heir = &s->ctl[SIM_CTLS - 1];

    sim_log(s, "%s: its journal is damaged", c->run);
    give_up(c);
    c->damaged = true;
    if (heir->used || heir->start_ms != INT64_MAX)
        return;
    heir->start = RAMP_START_ROLLBACK;
    heir->start_ms = s->now + 5000;
}

static bool restore(struct sim_ctl *c, const struct ramp_core *core, json_t *state)
{
    struct fence_config cfg;
    struct err err = {0};
    json_t *zone;
    size_t i;

    config(c, &cfg);
    c->knows_leases = true;
    json_array_foreach(json_object_get(state, "zones"), i, zone)
    {
        const char *text = json_string_value(json_object_get(zone, "lease"));
        struct lease l;

        c->knows_leases &=
            text && lease_parse(text, &l) == LEASE_READ && strcmp(l.run, c->run) == 0;
    }
    c->fence = fence_restore(&cfg, c->router, c->baseline, state, &err);
    json_decref(state);
    if (!c->fence) {
        check_wrong(c->sim, "%s cannot be restored: %s", c->run, err.text);
        return false;
    }
    if (!ramp_restore(c->ramp, &c->sim->plan, core)) {
        check_wrong(c->sim, "the ramp of %s cannot be restored", c->run);
        return false;
    }
    fence_ramp_expect(c->fence, &c->sim->plan, &c->ramp->core);
    c->top_step = core->step; /* above full_step: its gate was passed and written down */
    return true;
}

static void rival_met(const struct sim_ctl *c)
{
    struct sim *s = c->sim;

    if (c->tag == 1 || c->tag == SIM_CTLS)
        return;
    fault_met(s, c->start == RAMP_START_ROLLBACK ? FAULT_RIVAL_ROLLBACK
                 : c->take_over                  ? FAULT_RIVAL_TAKES_OVER
                                                 : FAULT_RIVAL_RAMP);
}

/* A run that has not been before. */
static bool begin(struct sim_ctl *c)
{
    struct sim *s = c->sim;
    struct ramp_options options = {.goal_percent = 100,
                                   .options = c->take_over ? RAMP_OPT_FROM_CURRENT : 0,
                                   .seed = sim_random(s, UINT64_MAX)};

    c->used = c->knows_leases = true;
    if (c->start != RAMP_START_ROLLBACK)
        c->start = RAMP_START_FRESH;
    ramp_init(c->ramp, &s->plan, &options);
    rival_met(c);
    if (!survey(c))
        return false;
    (void)line_add(c, true, true);
    return true;
}

static void born(struct sim_ctl *c)
{
    struct sim *s = c->sim;

    c->router = memory_client_new(s->service, c->tag, ctl_decide, c);
    c->start_ms = INT64_MAX;
    c->alive = true;
    c->since_ms = c->phase_ms = c->born_ms = s->now;
    c->passed = 0;
    c->seen_phase = RAMP_PHASE_COUNT;
    c->synced = line_synced(c);
    c->keys_told = c->reach_told = c->disk_told = false;
    if (c->reborn)
        c->disk_bad_ms = INT64_MAX; /* whoever starts it again has made room */
}

void ctl_start(struct sim_ctl *c)
{
    struct sim *s = c->sim;
    struct ramp_event window = {.kind = RAMP_EV_WINDOW}, start = {.kind = RAMP_EV_START};
    struct ramp_core core;
    json_t *state = NULL;
    enum line_found found;

    c->reborn = c->used;
    found = c->used ? line_recover(c, &core, &state) : LINES_NONE;
    born(c);
    if (found == LINES_DAMAGED) {
        succeed(c);
        return;
    }
    if (found == LINES_GOOD ? !restore(c, &core, state) : !begin(c)) {
        give_up(c);
        return;
    }
    sim_log(s, "%s: starts (%d)%s", c->run, (int)c->start, found == LINES_GOOD ? " again" : "");
    window.window.opens_at_ms = INT64_MIN;
    window.window.closes_at_ms = s->closes_ms;
    ctl_event(c, &window);
    c->over = false; /* a run that was stopped while held or interrupted begins again with START */
    start.start = c->start;
    if (!c->crashing)
        ctl_event(c, &start);
    if (s->scenario)
        c->operator_ms = scenario_person_at(c);
    if (c->crashing)
        ctl_crash(c);
    else if (c->over)
        ctl_leave(c);
    c->wake_ms = ctl_wake_at(c);
}
