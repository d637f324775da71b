/* Drift: every kind of foreign edit at every moment of a run. The shipped ramp and the shipped fence over Route 53
 * in memory, on a clock by hand. Forward: held within one reading, said by its kind, and not written over. On the
 * way back: it waits for nothing, and the other records are confirmed whatever was done to one. */
#include "fence_kit.h"
#include "fence_ramp.h"
#include "ramp_rig.h"

#define QUEUE     256
#define NAME      "w00000.example.com."
#define READ_MS   30000
#define PROBE_MS  200

struct run {
    struct rig r; /* plan and ramp; its clock and answers are not used */
    struct kit *k;
    struct ramp_event queue[QUEUE];
    uint32_t head, tail;
    bool probing, verify_waits, verify_fails, new_fails;
    uint32_t verify_op, gone, drift_told;
    int64_t probe_ms;
    uint32_t turn;
    bool (*before)(struct run *, const struct ramp_action *); /* looks at an action before it is done */
    const struct edit *edit;
};

static void push(struct run *d, const struct ramp_event *ev)
{
    assert_true(d->tail - d->head < QUEUE);
    d->queue[d->tail++ % QUEUE] = *ev;
}

static void push_probe(struct run *d, uint32_t stratum, enum ramp_verdict verdict, uint32_t ask_op)
{
    const struct ramp_event ev = {.kind = RAMP_EV_PROBE, .probe = {stratum, verdict, 20000, ask_op}};

    push(d, &ev);
}

static enum ramp_verdict verdict_of(const struct run *d, uint32_t stratum)
{
    return d->new_fails && stratum % 2 ? RAMP_FAIL : RAMP_PASS;
}

static void push_done(struct run *d, uint32_t op, enum ramp_outcome outcome)
{
    struct ramp_event ev = {.kind = RAMP_EV_DONE};

    ev.done.op_id = op;
    ev.done.outcome = outcome;
    push(d, &ev);
}

static void perform(struct run *d, const struct ramp_action *a)
{
    if (d->before && d->before(d, a))
        d->before = NULL;
    if (fence_ramp_perform(d->k->f, a, d->k->now))
        return;
    if (a->kind == RAMP_ACT_PROBES) {
        const struct ramp_event round = {.kind = RAMP_EV_ROUND, .op_id = a->op_id};

        d->probing = a->mode == RAMP_PROBES_RUN;
        d->probe_ms = d->k->now + PROBE_MS;
        for (uint32_t i = 0; i < 2 * RIG_CHECKS && a->mode == RAMP_PROBES_ONCE; i++)
            push_probe(d, i, verdict_of(d, i), 0);
        if (a->mode == RAMP_PROBES_ONCE)
            push(d, &round);
    } else if (a->kind == RAMP_ACT_ASK) {
        push_probe(d, a->stratum & ~1u, RAMP_PASS, a->op_id);
        push_probe(d, a->stratum | 1u, verdict_of(d, a->stratum | 1u), a->op_id);
    } else if (a->kind == RAMP_ACT_VERIFY && d->verify_waits) {
        d->verify_op = a->op_id;
    } else if (a->kind == RAMP_ACT_VERIFY) {
        push_done(d, a->op_id, d->verify_fails ? RAMP_FAILED : RAMP_OK);
    }
}

static void settle(struct run *d)
{
    while (d->head != d->tail) {
        struct ramp_event ev = d->queue[d->head++ % QUEUE];
        struct ramp_actions out = {0};

        if (ramp_over(&d->r.s))
            continue;
        ramp_step(&d->r.s, &d->r.plan, &ev, d->k->now, &out);
        for (uint32_t i = 0; i < out.n; i++)
            perform(d, &out.item[i]);
    }
}

static void fence_says(struct run *d)
{
    struct fence_event e;
    struct ramp_event ev;

    while (fence_next(d->k->f, &e)) {
        d->gone += e.kind == FENCE_GONE;
        d->drift_told += e.kind == FENCE_DRIFT;
        if (fence_ramp_event(d->k->f, &e, &ev))
            push(d, &ev);
    }
    settle(d);
}

/* One thing that is due: an answer, a deadline, a probe. */
static void turn(struct run *d)
{
    int64_t at = memory_wake_at(d->k->m), fence = fence_wake_at(d->k->f), ramp = ramp_wake_at(&d->r.s);
    struct router_answer a;

    at = fence < at ? fence : at;
    at = ramp < at ? ramp : at;
    if (d->probing && d->probe_ms < at)
        at = d->probe_ms;
    assert_true(at < INT64_MAX);
    d->k->now = at > d->k->now ? at : d->k->now;
    memory_tick(d->k->m, d->k->now);
    while (d->k->router.ops->next(d->k->router.self, &a)) {
        assert_true(fence_answer(d->k->f, &a, d->k->now));
        d->k->router.ops->release(d->k->router.self, &a);
        fence_says(d);
    }
    if (fence_wake_at(d->k->f) <= d->k->now)
        fence_tick(d->k->f, d->k->now);
    fence_says(d);
    if (d->probing && d->probe_ms <= d->k->now) {
        uint32_t check = d->turn++ % RIG_CHECKS;

        d->probe_ms = d->k->now + PROBE_MS;
        push_probe(d, 2 * check, RAMP_PASS, 0);
        push_probe(d, 2 * check + 1, verdict_of(d, 2 * check + 1), 0);
    }
    if (ramp_wake_at(&d->r.s) <= d->k->now)
        push(d, &(struct ramp_event){.kind = RAMP_EV_TICK});
    settle(d);
}

static void until_phase(struct run *d, enum ramp_phase phase, int64_t step)
{
    int64_t end = d->k->now + 24ll * 3600 * 1000;

    while (ramp_phase(&d->r.s) != phase || d->r.s.core.step < step) {
        if (ramp_over(&d->r.s) || d->k->now > end)
            fail_msg("%s instead of %s (%s)", ramp_phase_name(ramp_phase(&d->r.s)), ramp_phase_name(phase),
                     ramp_why_name(ramp_why(&d->r.s, NULL)));
        turn(d);
    }
}

static void until(struct run *d, int64_t ms)
{
    int64_t end = d->k->now + ms;

    while (!ramp_over(&d->r.s) && d->k->now < end)
        turn(d);
}

static struct run *run_new(void)
{
    struct run *d = x_zalloc(sizeof *d);

    rig_init(&d->r);
    d->k = kit_new(1, 3);
    d->r.plan.read_every_ms = READ_MS;
    d->r.plan.max_hold_ms = 24ll * 3600 * 1000;
    rig_begin(&d->r, 100, 0);
    return d;
}

static void run_start(struct run *d)
{
    push(d, &(struct ramp_event){.kind = RAMP_EV_WINDOW, .window = {INT64_MIN, INT64_MAX}});
    push(d, &(struct ramp_event){.kind = RAMP_EV_START, .start = RAMP_START_FRESH});
    settle(d);
}

static void run_free(struct run *d)
{
    kit_free(d->k);
    free(d);
}

/* ---- Foreign hands -------------------------------------------------------------------------------- */

enum how { WEIGHT, TTL, VALUE, HEALTH, ADDED, REMOVED_NEW, REMOVED_OLD, SIMPLE, LEAVES };

struct edit {
    const char *name;
    enum how how;
    uint32_t bit;
};

static const struct edit edits[] = {
    {"weight", WEIGHT, RAMP_DRIFT_WEIGHT},
    {"ttl", TTL, RAMP_DRIFT_TTL},
    {"value", VALUE, RAMP_DRIFT_VALUE},
    {"health check", HEALTH, RAMP_DRIFT_HEALTH_CHECK},
    {"added", ADDED, RAMP_DRIFT_SET_ADDED},
    {"new removed", REMOVED_NEW, RAMP_DRIFT_SET_GONE},
    {"old removed", REMOVED_OLD, RAMP_DRIFT_SET_GONE},
    {"made simple", SIMPLE, RAMP_DRIFT_SET_GONE},
    {"leaves", LEAVES, RAMP_DRIFT_SET_GONE},
};

static const char *const ids[] = {"new", "old"};

static void put(struct kit *k, const char *id, void (*change)(struct rrset *))
{
    const struct rrset *s = memory_find(k->m, "Z0", NAME, "A", id);
    struct rrset copy;

    assert_non_null(s);
    copy = *s;
    change(&copy);
    memory_put(k->m, "Z0", &copy);
}

static void other_weight(struct rrset *s)
{
    s->weight = s->weight == 99 ? 98 : 99;
}

static void other_ttl(struct rrset *s)
{
    s->ttl = 77;
}

static void other_value(struct rrset *s)
{
    static const char *const values[] = {"203.0.113.7"};

    s->values = values;
    s->n_values = 1;
}

static void other_check(struct rrset *s)
{
    s->health_check = "11111111-2222-3333-4444-555555555555";
}

static void do_edit(struct run *d)
{
    static const char *const value[] = {"203.0.113.9"};
    const struct rrset simple = {.name = NAME, .type = "A", .has_ttl = true, .ttl = 60, .values = value, .n_values = 1};

    switch (d->edit->how) {
    case WEIGHT:
        put(d->k, "old", other_weight);
        break;
    case TTL:
        for (size_t i = 0; i < ARRAY_LEN(ids); i++)
            put(d->k, ids[i], other_ttl);
        break;
    case VALUE:
        put(d->k, "new", other_value);
        break;
    case HEALTH:
        put(d->k, "new", other_check);
        break;
    case ADDED:
        kit_put(d->k, "Z0", NAME, "third", 5, "203.0.113.5");
        break;
    case REMOVED_NEW:
    case REMOVED_OLD:
        assert_true(memory_remove(d->k->m, "Z0", NAME, "A", ids[d->edit->how == REMOVED_OLD]));
        break;
    case LEAVES:
    case SIMPLE:
        for (size_t i = 0; i < ARRAY_LEN(ids); i++)
            assert_true(memory_remove(d->k->m, "Z0", NAME, "A", ids[i]));
        if (d->edit->how == SIMPLE)
            memory_put(d->k->m, "Z0", &simple);
        break;
    }
}

/* All sets of the record, as text: whether anybody wrote to it. */
static void dump(const struct run *d, struct buf *out)
{
    size_t n;
    const struct rrset *const *sets = memory_sets(d->k->m, "Z0", &n);

    for (size_t i = 0; i < n; i++)
        if (rrset_name_eq(sets[i]->name, NAME))
            buf_addf(out, "%s %u %u %s %s\n", sets[i]->set_id ? sets[i]->set_id : "-", sets[i]->weight, sets[i]->ttl,
                     sets[i]->n_values ? sets[i]->values[0] : "", sets[i]->health_check ? sets[i]->health_check : "");
}

static void assert_weights(const struct run *d, uint32_t record, uint32_t new, uint32_t old)
{
    assert_int_equal(kit_weight(d->k, 0, record, "new"), new);
    assert_int_equal(kit_weight(d->k, 0, record, "old"), old);
}

/* Promise 1: no request of ours leaves a record with all weights 0. What somebody else left so is theirs. */
static void never_all_zero(void *ctx, uint32_t tag, const char *zone_id, int64_t now_ms)
{
    static uint32_t theirs;
    struct kit *k = ctx;
    size_t n, at = 0;
    const struct rrset *const *sets = memory_sets(k->m, zone_id, &n);
    uint32_t zero = 0;

    (void)now_ms;
    while (at < n) {
        uint32_t sum = 0, weighted = 0;
        const char *name = sets[at]->name;

        for (; at < n && rrset_name_eq(sets[at]->name, name); at++) {
            sum += sets[at]->weighted ? sets[at]->weight : 0;
            weighted += sets[at]->weighted;
        }
        zero += weighted && !sum;
    }
    if (tag && zero > theirs)
        fail_msg("a batch of ours left a record with all weights 0");
    theirs = zero;
}

/* ---- Forward -------------------------------------------------------------------------------------- */

static bool at_apply(struct run *d, const struct ramp_action *a)
{
    if (a->kind != RAMP_ACT_APPLY || a->step != 2)
        return false;
    do_edit(d);
    return true;
}

/* Brings the run there and has the edit done. */
static void edit_in(struct run *d, enum ramp_phase phase)
{
    if (phase == RAMP_APPLYING) {
        d->before = at_apply;
        run_start(d);
        until_phase(d, RAMP_APPLYING, 2);
        while (d->before)
            turn(d);
        return;
    }
    run_start(d);
    if (phase == RAMP_VERIFYING || phase == RAMP_HELD) {
        until_phase(d, RAMP_BAKING, 0);
        d->verify_waits = phase == RAMP_VERIFYING;
        d->verify_fails = phase == RAMP_HELD;
    }
    if (phase == RAMP_PAUSED) {
        until_phase(d, RAMP_BAKING, 1);
        push(d, &(struct ramp_event){.kind = RAMP_EV_OPERATOR, .op = RAMP_DO_PAUSE});
        settle(d);
    }
    if (phase == RAMP_APPROVING)
        d->r.plan.steps[1].approve = d->r.plan.steps[2].approve = true;
    until_phase(d, phase, phase == RAMP_SOAKING ? 3 : 1);
    do_edit(d);
}

TEST(every_foreign_edit_in_every_forward_phase_holds_within_one_reading_and_stays)
{
    static const enum ramp_phase phases[] = {RAMP_APPLYING, RAMP_VERIFYING, RAMP_DRAINING, RAMP_BAKING,
                                             RAMP_APPROVING, RAMP_PAUSED, RAMP_HELD, RAMP_SOAKING};

    for (size_t p = 0; p < ARRAY_LEN(phases); p++)
        for (size_t e = 0; e < ARRAY_LEN(edits); e++) {
            struct run *d = run_new();
            struct buf edited SL_CLEANUP(buf_clear) = {0}, later SL_CLEANUP(buf_clear) = {0};
            uint32_t bits = 0, new, old;
            int64_t begun;

            d->edit = &edits[e];
            edit_in(d, phases[p]);
            new = kit_weight(d->k, 0, 1, "new");
            old = kit_weight(d->k, 0, 1, "old");
            dump(d, &edited);
            begun = d->k->now;
            while ((ramp_phase(&d->r.s) != RAMP_HELD || ramp_why(&d->r.s, &bits) != RAMP_WHY_DRIFT) &&
                   d->k->now <= begun + READ_MS + 5000 && !ramp_over(&d->r.s))
                turn(d);
            if (ramp_phase(&d->r.s) != RAMP_HELD || ramp_why(&d->r.s, &bits) != RAMP_WHY_DRIFT)
                fail_msg("%s in %s: %s (%s) after %lld ms", edits[e].name, ramp_phase_name(phases[p]),
                         ramp_phase_name(ramp_phase(&d->r.s)), ramp_why_name(ramp_why(&d->r.s, NULL)),
                         (long long)(d->k->now - begun));
            if (!(bits & edits[e].bit))
                fail_msg("%s in %s: said to be %u", edits[e].name, ramp_phase_name(phases[p]), bits);
            until(d, 10 * 60 * 1000);
            assert_int_equal(ramp_phase(&d->r.s), RAMP_HELD);
            dump(d, &later);
            assert_string_equal(buf_str(&later), buf_str(&edited));
            assert_weights(d, 1, new, old); /* nor is any other record moved */
            run_free(d);
        }
}

/* ---- Back ----------------------------------------------------------------------------------------- */

static bool at_rollback(struct run *d, const struct ramp_action *a)
{
    if (a->kind != RAMP_ACT_ROLLBACK)
        return false;
    do_edit(d);
    return true;
}

static bool is_gone(enum how how)
{
    return how >= REMOVED_NEW;
}

/* How it may end: back, or unsafe for that record alone; the others stand at rollback_to in any case. */
static void assert_back(struct run *d, const char *when)
{
    enum how how = d->edit->how;

    until(d, 5 * 60 * 1000);
    assert_weights(d, 1, 0, 255);
    assert_weights(d, 2, 0, 255);
    if (ramp_phase(&d->r.s) != RAMP_ROLLED_BACK && ramp_phase(&d->r.s) != RAMP_UNSAFE)
        fail_msg("%s %s: %s (%s)", d->edit->name, when, ramp_phase_name(ramp_phase(&d->r.s)),
                 ramp_why_name(ramp_why(&d->r.s, NULL)));
    if (!is_gone(how)) {
        assert_int_equal(ramp_phase(&d->r.s), RAMP_ROLLED_BACK);
        assert_int_equal(ramp_exit_status(&d->r.s), 1);
        assert_weights(d, 0, 0, 255);
    }
    if (how == SIMPLE) { /* the record is simple, Route 53 will have no weighted set beside it */
        assert_int_equal(ramp_phase(&d->r.s), RAMP_UNSAFE);
        assert_int_equal(ramp_why(&d->r.s, NULL), RAMP_WHY_RECORD_FAULT);
        push(d, &(struct ramp_event){.kind = RAMP_EV_SIGNAL, .signal = RAMP_SIGTERM});
        push(d, &(struct ramp_event){.kind = RAMP_EV_SIGNAL, .signal = RAMP_SIGTERM});
        settle(d);
        assert_true(ramp_over(&d->r.s));
        assert_int_equal(ramp_exit_status(&d->r.s), 12);
        assert_non_null(memory_find(d->k->m, "Z0", NAME, "A", NULL));
    }
}

TEST(on_the_way_back_no_foreign_edit_holds_up_any_other_record)
{
    for (size_t e = 0; e < ARRAY_LEN(edits); e++) {
        struct run *d = run_new();

        memory_on_change(d->k->m, never_all_zero, d->k);
        d->edit = &edits[e];
        run_start(d);
        until_phase(d, RAMP_BAKING, 2);
        d->before = at_rollback;
        d->new_fails = true;
        until_phase(d, RAMP_REVERTING, 2);
        assert_null(d->before);
        assert_back(d, "as it goes back");
        run_free(d);
    }
}

TEST(after_the_rollback_landed_and_before_it_is_confirmed)
{
    for (size_t e = 0; e < ARRAY_LEN(edits); e++) {
        struct run *d = run_new();

        memory_on_change(d->k->m, never_all_zero, d->k);
        d->edit = &edits[e];
        run_start(d);
        until_phase(d, RAMP_BAKING, 2);
        d->new_fails = true;
        d->k->pending_ms = 5000;
        until_phase(d, RAMP_REVERTING, 2);
        while (kit_weight(d->k, 0, 0, "new") != 0)
            turn(d);
        do_edit(d);
        d->drift_told = 0;
        assert_back(d, "before it is confirmed");
        assert_int_not_equal(d->drift_told, 0); /* the listing after the rollback says so */
        run_free(d);
    }
}

TEST(edits_that_were_seen_before_a_breach_go_back_as_read)
{
    for (size_t e = 0; e < ARRAY_LEN(edits); e++) {
        struct run *d = run_new();
        const struct rrset *new;

        memory_on_change(d->k->m, never_all_zero, d->k);
        d->edit = &edits[e];
        edit_in(d, RAMP_BAKING);
        until_phase(d, RAMP_HELD, 1);
        d->new_fails = true;
        until_phase(d, RAMP_REVERTING, 1);
        assert_back(d, "after it was seen");
        new = memory_find(d->k->m, "Z0", NAME, "A", "new");
        if (edits[e].how == TTL)
            assert_int_equal(new->ttl, 77);
        if (edits[e].how == VALUE)
            assert_string_equal(new->values[0], "203.0.113.7");
        if (edits[e].how == HEALTH)
            assert_non_null(new->health_check);
        if (edits[e].how == ADDED)
            assert_int_equal(kit_weight(d->k, 0, 0, "third"), 5);
        if (edits[e].how == REMOVED_NEW)
            assert_null(new); /* left out: nobody asked for it again */
        run_free(d);
    }
}

/* ---- Records that come and go ----------------------------------------------------------------------- */

/* With `records: all` the list is frozen at preflight. */
static struct run *run_all(void)
{
    struct run *d = run_new();
    struct fence_config c = kit_config("run-a", 7);

    c.all = true;
    fence_free(d->k->f);
    d->k->f = fence_new(&c, d->k->router);
    kit_records(d->k, d->k->f, 1);
    return d;
}

static void leave(struct run *d, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        assert_true(memory_remove(d->k->m, "Z0", name, "A", ids[i]));
}

TEST(with_all_records_one_that_leaves_or_comes_holds_nothing)
{
    static const enum ramp_phase phases[] = {RAMP_APPLYING, RAMP_VERIFYING, RAMP_DRAINING, RAMP_BAKING, RAMP_SOAKING};

    for (size_t p = 0; p < ARRAY_LEN(phases); p++) {
        struct run *d = run_all();

        d->edit = &edits[ARRAY_LEN(edits) - 1];
        assert_string_equal(d->edit->name, "leaves");
        edit_in(d, phases[p]);
        kit_put(d->k, "Z0", "w00001a.example.com.", "new", 0, "192.0.2.2");
        kit_put(d->k, "Z0", "w00001a.example.com.", "old", 255, "192.0.2.1");
        d->verify_waits = false;
        if (d->verify_op)
            push_done(d, d->verify_op, RAMP_OK);
        until_phase(d, RAMP_COMPLETED, 3);
        assert_int_equal(d->gone, 1); /* said, once */
        assert_int_equal(kit_weight(d->k, 0, 1, "old"), 0);
        assert_int_equal(kit_weight(d->k, 0, 2, "old"), 0);
        assert_null(memory_find(d->k->m, "Z0", NAME, "A", "new")); /* and not made again */
        assert_int_equal(memory_find(d->k->m, "Z0", "w00001a.example.com.", "A", "old")->weight, 255);
        run_free(d);
    }
}

TEST(with_all_records_what_is_no_coming_or_going_still_holds)
{
    for (size_t e = 0; e + 1 < ARRAY_LEN(edits); e++) {
        struct run *d = run_all();

        d->edit = &edits[e];
        edit_in(d, RAMP_BAKING);
        until_phase(d, RAMP_HELD, 1);
        assert_int_equal(ramp_why(&d->r.s, NULL), RAMP_WHY_DRIFT);
        assert_int_equal(d->gone, 0);
        run_free(d);
    }
}

/* Everything gone at once is no tenant who left. */
TEST(with_all_records_nothing_left_is_drift)
{
    struct run *d = run_all();

    d->edit = &edits[ARRAY_LEN(edits) - 1];
    edit_in(d, RAMP_BAKING);
    leave(d, "w00001.example.com.");
    leave(d, "w00002.example.com.");
    until_phase(d, RAMP_HELD, 1);
    assert_int_equal(ramp_why(&d->r.s, NULL), RAMP_WHY_DRIFT);
    run_free(d);
}

TEST(a_record_that_left_does_not_disturb_the_way_back)
{
    struct run *d = run_all();

    memory_on_change(d->k->m, never_all_zero, d->k);
    d->edit = &edits[ARRAY_LEN(edits) - 1];
    edit_in(d, RAMP_BAKING);
    until(d, 2 * READ_MS);
    assert_int_equal(d->gone, 1);
    d->new_fails = true;
    until_phase(d, RAMP_ROLLED_BACK, -1);
    assert_weights(d, 1, 0, 255);
    assert_weights(d, 2, 0, 255);
    assert_null(memory_find(d->k->m, "Z0", NAME, "A", "old"));
    run_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_foreign_edit_in_every_forward_phase_holds_within_one_reading_and_stays),
        cmocka_unit_test(on_the_way_back_no_foreign_edit_holds_up_any_other_record),
        cmocka_unit_test(after_the_rollback_landed_and_before_it_is_confirmed),
        cmocka_unit_test(edits_that_were_seen_before_a_breach_go_back_as_read),
        cmocka_unit_test(with_all_records_one_that_leaves_or_comes_holds_nothing),
        cmocka_unit_test(with_all_records_what_is_no_coming_or_going_still_holds),
        cmocka_unit_test(with_all_records_nothing_left_is_drift),
        cmocka_unit_test(a_record_that_left_does_not_disturb_the_way_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
