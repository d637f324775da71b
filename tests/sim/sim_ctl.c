/* One controller: the shipped ramp, fence and journal format with a driver of the simulator's. It
 * does what controller/drive.c does, in the same order, and can die between any two of the things
 * it does. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "sluice/common.h"

#define DISK_HANG_MS 10000
#define TURNS_MAX    20000

/* A place where the process may die. False: it has. */
static bool point(struct sim_ctl *c)
{
    if (c->points_left > 0 && --c->points_left == 0)
        c->crashing = true;
    return !c->crashing;
}

static struct sim_timer *timer_add(struct sim_ctl *c, enum sim_timer_kind kind, int64_t in_ms,
                                   uint32_t op)
{
    for (uint32_t i = 0; i < SIM_TIMERS; i++)
        if (c->timer[i].kind == TIMER_NONE) {
            c->timer[i] = (struct sim_timer){.kind = kind, .at_ms = c->sim->now + in_ms, .op = op};
            return &c->timer[i];
        }
    check_wrong(c->sim, "more is asked at once than a prober can take");
    return &c->timer[0];
}

/* ---- Requests
 * ------------------------------------------------------------------------------------------ */

static enum memory_fault draw(struct sim *s, enum router_op op)
{
    const struct sim_chances *p = &s->chance;
    const struct {
        uint32_t chance;
        enum memory_fault fault;
        bool changes;
    } rows[] = {{p->lost, MEMORY_LOST, false},
                {p->reply, MEMORY_REPLY_LOST, false},
                {p->late, MEMORY_LATE, true},
                {p->twice, MEMORY_TWICE, true},
                {p->throttled, MEMORY_THROTTLED, false},
                {p->prior, MEMORY_PRIOR, true},
                {p->refused, MEMORY_REFUSED, true},
                {p->server, MEMORY_SERVER, false}};
    uint32_t r = (uint32_t)sim_random(s, 1000);

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (r < rows[i].chance)
            return rows[i].changes && op != ROUTER_OP_CHANGE ? MEMORY_NORMAL : rows[i].fault;
        r -= rows[i].chance;
    }
    return MEMORY_NORMAL;
}

struct memory_verdict ctl_decide(void *ctx, enum router_op op, const struct router_batch *b)
{
    struct sim_ctl *c = ctx;
    struct sim *s = c->sim;
    struct memory_verdict v = {.delay_ms = 5 + (int64_t)sim_random(s, 60),
                               .reply_ms = 1 + (int64_t)sim_random(s, 60),
                               .pending_ms = s->pending_ms / 2 +
                                             (int64_t)sim_random(s, (uint64_t)s->pending_ms + 1)};

    if (b)
        check_batch(c, b);
    v.late_ms = 100 + (int64_t)sim_random(s, sim_chance(s, 300) ? 290000 : 20000);
    if (s->now >= s->quiet_ms)
        return v;
    if (s->now >= s->outage_from_ms && s->now < s->outage_to_ms)
        v.fault = MEMORY_LOST;
    else if (b && s->now >= s->denied_from_ms && s->now < s->denied_to_ms)
        v.fault = MEMORY_DENIED;
    else
        v.fault = draw(s, op);
    if (v.fault == MEMORY_LOST || v.fault == MEMORY_LATE)
        v.reply_ms = 1000 + (int64_t)sim_random(s, 20000);
    return v;
}

/* ---- The machine
 * --------------------------------------------------------------------------------------- */

static void probes(struct sim_ctl *c, const struct ramp_action *a)
{
    c->percent = a->percent;
    c->mode = a->mode;
    c->rate_milli = a->rate_milli;
    if (a->mode == RAMP_PROBES_ONCE)
        timer_add(c, TIMER_ROUND, 80, a->op_id);
    if (a->mode == RAMP_PROBES_RUN && c->rate_milli)
        for (int side = 0; side < PLAN_SIDES; side++)
            c->probe_ms[side] = c->sim->now + 1 + (int64_t)sim_random(c->sim, 200);
}

static void perform(struct sim_ctl *c, const struct ramp_action *a)
{
    struct sim *s = c->sim;

    if (!point(c))
        return;
    sim_log(s, "%s: %s op %u percent %u", c->run, ramp_action_name(a->kind), a->op_id, a->percent);
    sim_hash(s, (uint64_t)a->kind << 32 | a->op_id);
    check_perform(c, a);
    if (fence_ramp_perform(c->fence, a, s->now)) {
        point(c);
        return;
    }
    if (a->kind == RAMP_ACT_PROBES)
        probes(c, a);
    else if (a->kind == RAMP_ACT_ASK)
        timer_add(c, TIMER_ASK, 60, a->op_id)->stratum = a->stratum;
    else if (a->kind == RAMP_ACT_VERIFY)
        timer_add(c, TIMER_VERIFY, 300, a->op_id);
    point(c);
}

static void put_waiting(struct sim_ctl *c, const struct ramp_action *a, uint64_t seq)
{
    assert(c->n_waiting < SIM_WAITING);
    c->waiting[c->n_waiting].action = *a;
    c->waiting[c->n_waiting].since_ms = c->sim->now;
    c->waiting[c->n_waiting++].seq = seq;
}

void ctl_event(struct sim_ctl *c, const struct ramp_event *ev)
{
    struct ramp_actions acts = {0};
    enum ramp_phase before = ramp_phase(c->ramp);
    struct sim *s = c->sim;
    uint64_t seq = 0;
    bool new_phase;

    if (c->over || !point(c))
        return;
    s->events++;
    ramp_step(c->ramp, &s->plan, ev, s->now, &acts);
    new_phase = ramp_phase(c->ramp) != before;
    if (new_phase || (ev->kind != RAMP_EV_PROBE && ev->kind != RAMP_EV_TICK))
        sim_log(s, "%s: event %s%s%s -> %s (%s)", c->run, ramp_event_name(ev->kind),
                ev->kind == RAMP_EV_DONE ? " " : "",
                ev->kind == RAMP_EV_DONE ? ramp_outcome_name(ev->done.outcome) : "",
                ramp_phase_name(ramp_phase(c->ramp)), ramp_why_name(ramp_why(c->ramp, NULL)));
    sim_hash(s, (uint64_t)ev->kind << 40 | (uint64_t)ramp_phase(c->ramp) << 32 | acts.n);
    for (uint32_t i = 0; i < acts.n; i++) {
        check_decided(c, &acts.item[i]);
        if (acts.item[i].kind == RAMP_ACT_ROLLBACK)
            c->n_waiting = 0;
        if (!acts.item[i].needs_sync)
            perform(c, &acts.item[i]);
        if (c->crashing)
            return;
    }
    if (acts.n || new_phase || (ev->kind != RAMP_EV_PROBE && ev->kind != RAMP_EV_TICK))
        seq = line_add(c, acts.n || new_phase);
    for (uint32_t i = 0; i < acts.n; i++)
        if (acts.item[i].needs_sync)
            put_waiting(c, &acts.item[i], seq);
    c->over = ramp_over(c->ramp);
    point(c);
}

void ctl_done(struct sim_ctl *c, uint32_t op, enum ramp_outcome outcome)
{
    struct ramp_event ev = {.kind = RAMP_EV_DONE};

    ev.done.op_id = op;
    ev.done.outcome = outcome;
    ctl_event(c, &ev);
}

static void disk(struct sim_ctl *c)
{
    uint64_t synced = line_synced(c);
    struct ramp_event dead = {.kind = RAMP_EV_JOURNAL_DEAD};

    while (c->n_waiting && c->waiting[0].seq <= synced && !c->crashing) {
        struct ramp_action a = c->waiting[0].action;

        memmove(c->waiting, c->waiting + 1, --c->n_waiting * sizeof *c->waiting);
        perform(c, &a);
    }
    if (!c->n_waiting || c->crashing || c->sim->now < c->waiting[0].since_ms + DISK_HANG_MS)
        return;
    while (c->n_waiting && !c->crashing) {
        uint32_t op = c->waiting[0].action.op_id;

        memmove(c->waiting, c->waiting + 1, --c->n_waiting * sizeof *c->waiting);
        ctl_done(c, op, RAMP_NOT_SENT);
    }
    if (!c->disk_told)
        ctl_event(c, &dead);
    c->disk_told = true;
}

/* ---- A turn of the loop
 * -------------------------------------------------------------------------------- */

static void fence_event(struct sim_ctl *c, const struct fence_event *fe)
{
    struct ramp_event ev;

    sim_log(c->sim, "%s: fence %s op %u%s zone %d %s %s", c->run, fence_event_name(fe->kind),
            fe->op_id, fe->final ? " final" : "", (int)fe->zone, fe->field ? fe->field : "",
            fe->text);
    sim_hash(c->sim, (uint64_t)fe->kind << 16 | fe->zone);
    if (fe->kind == FENCE_TAKEN || fe->kind == FENCE_BASELINE) {
        (void)line_add(c, false);
        c->line[c->n_lines - 1].baseline = fence_save_baseline(c->fence);
    }
    if (fe->kind == FENCE_ABSENT || fe->kind == FENCE_READ)
        c->knows_leases = fe->kind == FENCE_READ;
    if (fe->kind == FENCE_TAKEN) /* and from now on it takes nothing from anybody */
        memset(c->may_seize, 0, sizeof c->may_seize);
    if (fe->kind == FENCE_RELEASED)
        c->released = fe->n_done == fe->n_all;
    if (fe->kind == FENCE_INSYNC) {
        c->passed = 0;
        c->since_ms = c->sim->now;
    }
    if (fence_ramp_event(c->fence, fe, &ev))
        ctl_event(c, &ev);
}

static void answers(struct sim_ctl *c)
{
    struct router_answer a;
    struct fence_event fe;

    while (!c->crashing && c->router.ops->next(c->router.self, &a)) {
        if (!fence_answer(c->fence, &a, c->sim->now))
            check_wrong(c->sim, "an answer belongs to nobody");
        c->router.ops->release(c->router.self, &a);
        while (!c->crashing && fence_next(c->fence, &fe))
            fence_event(c, &fe);
        point(c);
    }
    while (!c->crashing && fence_next(c->fence, &fe))
        fence_event(c, &fe);
}

static void leave(struct sim_ctl *c)
{
    struct sim *s = c->sim;
    enum ramp_phase phase = ramp_phase(c->ramp);

    sim_log(s, "%s: over, %s (%s), exit %d", c->run, ramp_phase_name(phase),
            ramp_why_name(ramp_why(c->ramp, NULL)), ramp_exit_status(c->ramp));
    c->alive = false;
    c->start_ms = INT64_MAX;
    c->ended_back = phase == RAMP_ROLLED_BACK;
    fence_free(c->fence);
    c->fence = NULL;
    memory_client_crash(c->router);
    if ((phase == RAMP_HELD || phase == RAMP_INTERRUPTED) && c->crashes_left > 0 && c->applies) {
        c->crashes_left--;
        c->over = false;
        c->start = sim_chance(s, 600) ? RAMP_START_RESUME : RAMP_START_ROLLBACK;
        c->start_ms = s->now + 1000 + (int64_t)sim_random(s, 60000);
        c->fsync_ms = 2;
        c->disk_dead = false;
    }
}

static void watch_phase(struct sim_ctl *c)
{
    enum ramp_phase phase = ramp_phase(c->ramp);

    if (phase == c->seen_phase)
        return;
    c->seen_phase = phase;
    c->phase_ms = c->sim->now;
    if (phase == RAMP_HELD || phase == RAMP_PAUSED || phase == RAMP_APPROVING ||
        phase == RAMP_UNSAFE || phase == RAMP_REVERTING)
        c->operator_ms = c->sim->now + 5000 + (int64_t)sim_random(c->sim, 60000);
    if (phase != RAMP_REVERTING && phase != RAMP_UNSAFE)
        c->back_again = false;
}

static void thaw(struct sim_ctl *c)
{
    struct ramp_event gap = {.kind = RAMP_EV_GAP, .gap_ms = c->frozen_until_ms - c->freeze_at_ms};

    c->freeze_at_ms = INT64_MAX;
    c->frozen_until_ms = 0;
    c->back_ms = INT64_MAX;
    for (int side = 0; side < PLAN_SIDES; side++)
        if (c->probe_ms[side] < c->sim->now)
            c->probe_ms[side] = c->sim->now;
    c->passed = 0;
    c->since_ms = c->phase_ms = c->sim->now;
    ctl_event(c, &gap);
}

void ctl_turn(struct sim_ctl *c)
{
    struct sim *s = c->sim;
    struct ramp_event tick = {.kind = RAMP_EV_TICK};

    if (c->freeze_at_ms <= s->now && s->now < c->frozen_until_ms)
        return;
    if (c->freeze_at_ms <= s->now)
        thaw(c);
    answers(c);
    watch_phase(c);
    for (int i = 0; !c->crashing && !c->over && ctl_wake_at(c) <= s->now; i++) {
        if (i > TURNS_MAX) {
            check_wrong(s, "%s turns for ever (ramp %lld fence %lld)", c->run,
                        (long long)ramp_wake_at(c->ramp), (long long)fence_wake_at(c->fence));
            return;
        }
        answers(c);
        if (!c->crashing && fence_wake_at(c->fence) <= s->now)
            fence_tick(c->fence, s->now);
        answers(c);
        if (!c->crashing)
            disk(c);
        if (!c->crashing)
            ctl_probe(c);
        if (!c->crashing && c->operator_ms <= s->now)
            ctl_person(c);
        if (!c->crashing && !c->over && ramp_wake_at(c->ramp) <= s->now)
            ctl_event(c, &tick);
        watch_phase(c);
    }
    check_turn(c);
    if (c->crashing)
        ctl_crash(c);
    else if (c->over)
        leave(c);
}

int64_t ctl_wake_at(const struct sim_ctl *c)
{
    int64_t at = INT64_MAX;

#define SOONER(x) at = (x) < at ? (x) : at
    if (!c->alive)
        return c->start_ms;
    if (c->freeze_at_ms <= c->sim->now && c->sim->now < c->frozen_until_ms)
        return c->frozen_until_ms;
    if (c->freeze_at_ms != INT64_MAX)
        SOONER(c->freeze_at_ms > c->sim->now ? c->freeze_at_ms : c->sim->now);
    SOONER(ramp_wake_at(c->ramp));
    SOONER(fence_wake_at(c->fence));
    SOONER(c->operator_ms);
    if (c->mode == RAMP_PROBES_RUN && c->rate_milli) {
        SOONER(c->probe_ms[0]);
        SOONER(c->probe_ms[1]);
    }
    for (uint32_t i = 0; i < SIM_TIMERS; i++)
        if (c->timer[i].kind != TIMER_NONE)
            SOONER(c->timer[i].at_ms);
    for (uint32_t i = 0; i < c->n_waiting; i++) {
        SOONER(c->waiting[i].since_ms + DISK_HANG_MS);
        for (uint32_t k = 0; k < c->n_lines; k++)
            if (c->line[k].seq == c->waiting[i].seq)
                SOONER(c->line[k].durable_ms);
    }
#undef SOONER
    return at;
}

/* ---- Beginning and dying
 * ------------------------------------------------------------------------------- */

void ctl_crash(struct sim_ctl *c)
{
    sim_log(c->sim, "%s: dies", c->run);
    fence_free(c->fence);
    c->fence = NULL;
    memory_client_crash(c->router);
    memset(c->timer, 0, sizeof c->timer);
    c->n_waiting = 0;
    c->mode = RAMP_PROBES_OFF;
    c->crashing = c->alive = false;
    c->back_ms = INT64_MAX;
    c->back_again = false;
    c->may_write_forward = false;
    c->points_left = -1;
    if (c->crashes_left > 0 && --c->crashes_left > 0)
        c->points_left = (int32_t)sim_random(c->sim, sim_chance(c->sim, 500) ? 60 : 4000) + 1;
    c->start_ms = c->sim->now + 200 + (int64_t)sim_random(c->sim, 60000);
    c->start = sim_chance(c->sim, 700)   ? RAMP_START_RESUME
               : sim_chance(c->sim, 700) ? RAMP_START_RECOVER
                                         : RAMP_START_ROLLBACK;
}

static void config(const struct sim_ctl *c, struct fence_config *cfg)
{
    struct sim *s = c->sim;

    *cfg = (struct fence_config){.cutover = "shop",
                                 .run = c->run,
                                 .plan_hash = "0123456789ab",
                                 .seed = sim_random(s, UINT64_MAX),
                                 .wall_minus_boot_ms = SIM_WALL,
                                 .life_ms = s->plan.lease_life_ms,
                                 .rollback_to = s->plan.rollback_to};
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
        for (uint32_t p = 0; p < SIM_PERCENTS; p++) {
            uint32_t percent = p < s->plan.steps_n ? s->plan.steps[p].percent
                               : p == SIM_STEPS    ? s->plan.rollback_to
                                                   : RAMP_PERCENT_BASELINE;

            c->weight[p][r][0] = (uint8_t)fence_weight_at(c->fence, n, 1, percent);
            c->weight[p][r][1] = (uint8_t)fence_weight_at(c->fence, n, 0, percent);
        }
        n++;
    }
    return n == s->n_records && fence_ready(c->fence, &err);
}

static void give_up(struct sim_ctl *c)
{
    fence_free(c->fence);
    c->fence = NULL;
    memory_client_crash(c->router);
    c->alive = false;
    c->over = true;
    c->start_ms = INT64_MAX;
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
        c->knows_leases &= json_is_string(json_object_get(zone, "lease"));
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

void ctl_start(struct sim_ctl *c)
{
    struct sim *s = c->sim;
    struct ramp_options options = {.goal_percent = 100, .seed = sim_random(s, UINT64_MAX)};
    struct ramp_event window = {.kind = RAMP_EV_WINDOW}, start = {.kind = RAMP_EV_START};
    struct ramp_core core;
    json_t *state = NULL;
    bool again = c->used && line_recover(c, &core, &state);

    c->router = memory_client_new(s->service, c->tag, ctl_decide, c);
    c->start_ms = INT64_MAX;
    c->alive = true;
    c->since_ms = c->phase_ms = s->now;
    c->passed = 0;
    c->seen_phase = RAMP_PHASE_COUNT;
    if (again) {
        if (!restore(c, &core, state)) {
            give_up(c);
            return;
        }
    } else {
        c->used = c->knows_leases = true;
        if (c->start != RAMP_START_ROLLBACK)
            c->start = RAMP_START_FRESH;
        if (!survey(c)) {
            give_up(c);
            return;
        }
        ramp_init(c->ramp, &s->plan, &options);
        (void)line_add(c, true);
        c->line[c->n_lines - 1].baseline = fence_save_baseline(c->fence);
    }
    sim_log(s, "%s: starts (%d)%s", c->run, (int)c->start, again ? " again" : "");
    window.window.opens_at_ms = INT64_MIN;
    window.window.closes_at_ms = INT64_MAX;
    ctl_event(c, &window);
    start.start = c->start;
    if (!c->crashing)
        ctl_event(c, &start);
    if (c->crashing)
        ctl_crash(c);
    else if (c->over)
        leave(c);
}

void ctl_free(struct sim_ctl *c)
{
    line_clear(c);
    fence_free(c->fence);
    free(c->ramp);
}
