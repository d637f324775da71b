/* test_ramp_walk.c: the ramp forward: preflight, steps, waits, gates, rests. */
#include "test.h"

#include "ramp_rig.h"

static struct rig r; /* large */

static void fresh(void)
{
    rig_init(&r);
    rig_begin(&r, 100, 0);
    rig_start(&r, RAMP_START_FRESH);
}

static void at(enum ramp_phase phase, int64_t step)
{
    fresh();
    rig_walk(&r, phase, step);
}

static void assert_phase(enum ramp_phase phase)
{
    assert_string_equal(ramp_phase_name(ramp_phase(&r.s)), ramp_phase_name(phase));
}

static void assert_held(enum ramp_why why)
{
    assert_phase(RAMP_HELD);
    assert_string_equal(ramp_why_name(ramp_why(&r.s, NULL)), ramp_why_name(why));
}

TEST(a_healthy_ramp_applies_every_step_once_soaks_and_completes)
{
    at(RAMP_COMPLETED, -1);
    assert_int_equal(r.applies, 4);
    assert_int_equal(r.rollbacks, 0);
    assert_int_equal(ramp_percent(&r.s, &r.plan), 100);
    rig_answer(&r, RAMP_OK); /* the release */
    assert_true(ramp_over(&r.s));
    assert_int_equal(ramp_exit_status(&r.s), 0);
    assert_non_null(rig_find(&r, RAMP_ACT_EXIT));
}

TEST(a_healthy_ramp_takes_no_less_than_its_waits)
{
    int64_t began;

    at(RAMP_APPLYING, 0);
    began = r.now;
    rig_walk(&r, RAMP_COMPLETED, -1);
    assert_true(r.now - began >= plan_earliest_ms(&r.plan, 60000, 0, 100));
    assert_true(r.now - began <= plan_earliest_ms(&r.plan, 60000, 0, 100) + 30000);
}

TEST(forward_writes_wait_for_the_journal_and_a_rollback_does_not)
{
    at(RAMP_APPLYING, 0);
    assert_true(rig_find(&r, RAMP_ACT_APPLY)->needs_sync);
    rig_operator(&r, RAMP_DO_ROLLBACK);
    assert_false(rig_find(&r, RAMP_ACT_ROLLBACK)->needs_sync);
    assert_int_equal(r.out.item[0].kind, RAMP_ACT_ROLLBACK);
}

TEST(draining_lasts_the_longest_ttl_from_insync_on)
{
    int64_t synced;

    fresh();
    r.plan.drain_factor_milli = 2000;
    rig_walk(&r, RAMP_VERIFYING, 0);
    synced = r.now;
    r.now += 7000;
    rig_answer(&r, RAMP_OK);
    assert_phase(RAMP_DRAINING);
    assert_int_equal(ramp_wake_at(&r.s), synced + 120000);
}

TEST(verify_api_goes_straight_to_draining)
{
    fresh();
    r.plan.verify = PLAN_VERIFY_API;
    rig_walk(&r, RAMP_DRAINING, 0);
    assert_null(rig_find(&r, RAMP_ACT_VERIFY));
}

TEST(a_share_that_dns_does_not_show_holds_and_warn_goes_on)
{
    at(RAMP_VERIFYING, 1);
    rig_answer(&r, RAMP_FAILED);
    assert_held(RAMP_WHY_VERIFY);
    fresh();
    r.plan.verify = PLAN_VERIFY_WARN;
    rig_walk(&r, RAMP_VERIFYING, 1);
    rig_answer(&r, RAMP_FAILED);
    assert_phase(RAMP_DRAINING);
}

TEST(to_a_percentage_completes_there_without_a_soak)
{
    rig_init(&r);
    rig_begin(&r, 10, 0);
    rig_start(&r, RAMP_START_FRESH);
    rig_walk(&r, RAMP_COMPLETED, -1);
    assert_int_equal(r.applies, 2);
    assert_int_equal(ramp_percent(&r.s, &r.plan), 10);
}

static void preflight_with(uint32_t percent, uint32_t options)
{
    struct ramp_event ev = {.kind = RAMP_EV_DONE};

    rig_init(&r);
    rig_begin(&r, 100, options);
    rig_start(&r, RAMP_START_FRESH);
    ev.done.op_id = (uint32_t)r.s.core.op;
    ev.done.reading = (struct ramp_reading){60000, percent};
    rig_event(&r, &ev);
}

TEST(a_new_side_above_rollback_to_is_refused_unless_from_current)
{
    preflight_with(10, 0);
    assert_phase(RAMP_REFUSED);
    assert_int_equal(ramp_exit_status(&r.s), 11);
    preflight_with(10, RAMP_OPT_FROM_CURRENT);
    rig_walk(&r, RAMP_APPLYING, -1);
    assert_int_equal(r.s.core.step, 2);
}

TEST(from_current_where_everything_is_there_already_writes_nothing_and_soaks)
{
    preflight_with(100, RAMP_OPT_FROM_CURRENT);
    rig_walk(&r, RAMP_SOAKING, -1);
    assert_int_equal(r.applies, 0);
}

TEST(refusals_of_preflight_have_their_exit_statuses_and_write_nothing)
{
    static const struct {
        enum ramp_outcome outcome;
        int status;
    } rows[] = {{RAMP_DENIED, 77},
                {RAMP_REFUSED_RECORD, 11},
                {RAMP_FAILED, 11},
                {RAMP_BUSY, 75},
                {RAMP_NOT_SENT, 11}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (int take = 0; take < 2; take++) {
            fresh();
            while (r.s.core.op_kind != (take ? RAMP_ACT_TAKE : RAMP_ACT_READ) || r.s.core.op == 0) {
                assert_phase(RAMP_PREFLIGHT);
                if (r.s.core.op_kind == RAMP_ACT_PROBES) {
                    for (uint32_t k = 0; k < r.plan.strata_n; k++)
                        rig_probe(&r, k, RAMP_PASS, 0);
                    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_ROUND,
                                                       .op_id = (uint32_t)r.s.core.op});
                } else {
                    rig_answer(&r, RAMP_OK);
                }
            }
            rig_answer(&r, rows[i].outcome);
            assert_phase(RAMP_REFUSED);
            assert_int_equal(ramp_exit_status(&r.s), rows[i].status);
            assert_int_equal(r.applies + r.rollbacks, 0);
        }
}

/* Preflight with stratum 1 (check 0 on new) and maybe 0 (on old) failing always. */
static void preflight_failing(enum ramp_verdict old_says, enum ramp_verdict new_says)
{
    fresh();
    rig_answer(&r, RAMP_OK);
    for (uint32_t i = 0; i < r.plan.strata_n; i++)
        rig_probe(&r, i, i == 0 ? old_says : i == 1 ? new_says : RAMP_PASS, 0);
    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_ROUND, .op_id = (uint32_t)r.s.core.op});
    for (int i = 0; i < 20 && ramp_phase(&r.s) == RAMP_PREFLIGHT && r.s.core.op == 0; i++) {
        struct ramp_actions asked = r.out;

        for (uint32_t k = 0; k < asked.n; k++)
            if (asked.item[k].kind == RAMP_ACT_ASK) {
                rig_probe(&r, 0, old_says, asked.item[k].op_id);
                rig_probe(&r, 1, new_says, asked.item[k].op_id);
            }
        if (ramp_phase(&r.s) == RAMP_PREFLIGHT && r.s.core.op == 0)
            rig_tick(&r);
    }
}

TEST(a_check_failing_in_preflight_is_asked_twice_more_and_refused_by_side)
{
    static const struct {
        enum ramp_verdict o, n;
        enum ramp_why why;
    } rows[] = {
        {RAMP_PASS, RAMP_FAIL, RAMP_WHY_NEW_FAILS},
        {RAMP_FAIL, RAMP_FAIL, RAMP_WHY_BOTH_FAIL},
        {RAMP_FAIL, RAMP_PASS, RAMP_WHY_OLD_FAILS},
        {RAMP_PASS, RAMP_ERROR, RAMP_WHY_NO_EVIDENCE},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        preflight_failing(rows[i].o, rows[i].n);
        assert_phase(RAMP_REFUSED);
        assert_string_equal(ramp_why_name(ramp_why(&r.s, NULL)), ramp_why_name(rows[i].why));
        assert_int_equal(ramp_exit_status(&r.s), 11);
        assert_int_equal(r.applies + r.releases, 0);
        assert_true(r.asks >= 2);
    }
}

TEST(a_flake_in_preflight_passes_when_asked_again)
{
    fresh();
    rig_answer(&r, RAMP_OK);
    for (uint32_t i = 0; i < r.plan.strata_n; i++)
        rig_probe(&r, i, i == 1 ? RAMP_FAIL : RAMP_PASS, 0);
    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_ROUND, .op_id = (uint32_t)r.s.core.op});
    rig_probe(&r, 1, RAMP_PASS, rig_find(&r, RAMP_ACT_ASK)->op_id);
    assert_non_null(rig_find(&r, RAMP_ACT_TAKE));
}

TEST(a_plan_without_required_strata_on_new_is_refused)
{
    fresh();
    for (uint32_t i = 1; i < r.plan.strata_n; i += 2)
        r.strata[i].required = false;
    rig_walk(&r, RAMP_REFUSED, -1);
    assert_int_equal(ramp_why(&r.s, NULL), RAMP_WHY_NO_EVIDENCE);
}

TEST(waits_for_not_before_and_then_begins)
{
    rig_init(&r);
    rig_begin(&r, 100, 0);
    rig_event(&r,
              &(struct ramp_event){.kind = RAMP_EV_WINDOW, .window = {r.now + 5000, INT64_MAX}});
    rig_start(&r, RAMP_START_FRESH);
    assert_null(rig_find(&r, RAMP_ACT_READ));
    rig_tick(&r);
    assert_non_null(rig_find(&r, RAMP_ACT_READ));
}

TEST(no_step_begins_whose_drain_and_bake_would_end_after_the_window)
{
    at(RAMP_BAKING, 1);
    rig_event(&r,
              &(struct ramp_event){.kind = RAMP_EV_WINDOW, .window = {INT64_MIN, r.now + 150000}});
    rig_walk(&r, RAMP_HELD, -1);
    assert_held(RAMP_WHY_WINDOW);
    assert_int_equal(r.applies, 2);
    at(RAMP_BAKING, 1);
    r.plan.on[PLAN_ON_WINDOW_END] = PLAN_ROLLBACK;
    rig_event(&r,
              &(struct ramp_event){.kind = RAMP_EV_WINDOW, .window = {INT64_MIN, r.now + 150000}});
    rig_walk(&r, RAMP_REVERTING, -1);
}

TEST(a_gate_without_evidence_extends_to_three_bakes_and_holds)
{
    int64_t began;

    at(RAMP_BAKING, 0);
    began = r.now;
    while (ramp_phase(&r.s) == RAMP_BAKING)
        rig_tick(&r);
    assert_held(RAMP_WHY_INCONCLUSIVE);
    assert_int_equal(r.now - began, 180000);
}

TEST(probes_that_could_not_be_judged_are_no_evidence)
{
    at(RAMP_BAKING, 0);
    while (ramp_phase(&r.s) == RAMP_BAKING) {
        for (uint32_t i = 0; i < 6; i++)
            rig_probe(&r, i, RAMP_ERROR, 0);
        rig_tick(&r);
    }
    assert_held(RAMP_WHY_INCONCLUSIVE);
}

TEST(one_required_stratum_that_did_not_run_keeps_the_gate_shut)
{
    at(RAMP_BAKING, 0);
    for (int i = 0; i < 400 && ramp_phase(&r.s) == RAMP_BAKING; i++) {
        r.now += 500;
        for (uint32_t k = 0; k < 5; k++) /* all but check 2 on new */
            rig_probe(&r, k, RAMP_PASS, 0);
    }
    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_TICK});
    assert_held(RAMP_WHY_INCONCLUSIVE);
}

TEST(too_few_probes_hold_although_all_passed)
{
    at(RAMP_BAKING, 0);
    for (int i = 0; i < 9; i++) { /* 27 on new: 59 are needed */
        r.now += 10000;
        for (uint32_t k = 0; k < 6; k++)
            rig_probe(&r, k, RAMP_PASS, 0);
    }
    while (ramp_phase(&r.s) == RAMP_BAKING)
        rig_tick(&r);
    assert_held(RAMP_WHY_INCONCLUSIVE);
}

TEST(a_step_with_approve_waits_for_a_person_and_a_timer_is_none)
{
    fresh();
    r.plan.steps[1].approve = true;
    while (ramp_phase(&r.s) != RAMP_APPROVING) {
        rig_walk(&r, r.s.core.step < 1 ? RAMP_BAKING : RAMP_APPROVING, r.s.core.step < 1 ? 1 : -1);
        assert_true(r.s.core.step <= 1);
    }
    for (int i = 0; i < 5000; i++)
        rig_second(&r, 0, 0);
    assert_phase(RAMP_APPROVING);
    rig_operator(&r, RAMP_DO_APPROVE);
    assert_phase(RAMP_APPLYING);
    assert_int_equal(r.s.core.step, 2);
}

TEST(pause_and_resume_restart_the_wait_of_the_step)
{
    static const enum ramp_phase phases[] = {RAMP_VERIFYING, RAMP_DRAINING, RAMP_BAKING};

    for (size_t i = 0; i < 3; i++) {
        at(phases[i], 1);
        rig_operator(&r, RAMP_DO_PAUSE);
        assert_phase(RAMP_PAUSED);
        r.now += 3600000;
        rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_TICK});
        assert_phase(RAMP_PAUSED);
        rig_operator(&r, RAMP_DO_RESUME);
        assert_non_null(rig_find(&r, RAMP_ACT_READ)); /* an hour passed: look before going on */
        rig_answer(&r, RAMP_OK);
        assert_phase(RAMP_VERIFYING);
        rig_answer(&r, RAMP_OK);
        assert_true(ramp_wake_at(&r.s) >= r.now + 60000);
        assert_int_equal(r.applies, 2);
    }
}

/* Found by the simulator: the wait of a step began again without its INSYNC. */
TEST(a_step_held_before_it_was_in_sync_is_sent_once_more_when_resumed)
{
    at(RAMP_APPLYING, 1);
    rig_answer(&r, RAMP_OK);
    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_DRIFT, .drift = RAMP_DRIFT_TTL});
    assert_phase(RAMP_HELD);
    rig_operator(&r, RAMP_DO_RESUME);
    rig_answer(&r, RAMP_OK);
    assert_phase(RAMP_APPLYING);
    assert_int_equal(rig_find(&r, RAMP_ACT_APPLY)->percent, 10);
    rig_answer(&r, RAMP_OK);
    assert_phase(RAMP_APPLYING);
    rig_synced(&r);
    assert_phase(RAMP_VERIFYING);
}

TEST(a_pause_while_applying_waits_for_the_answer)
{
    at(RAMP_APPLYING, 1);
    rig_operator(&r, RAMP_DO_PAUSE);
    assert_phase(RAMP_APPLYING);
    rig_answer(&r, RAMP_OK);
    assert_phase(RAMP_PAUSED);
    assert_int_equal(ramp_percent(&r.s, &r.plan), 10);
}

TEST(a_gap_drops_everything_reads_first_and_restarts_the_wait)
{
    at(RAMP_BAKING, 1);
    r.now += 50000;
    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_GAP, .gap_ms = 50000});
    assert_phase(RAMP_DRAINING);
    assert_non_null(rig_find(&r, RAMP_ACT_READ));
    rig_answer(&r, RAMP_FAILED); /* no network yet */
    rig_tick(&r);
    assert_non_null(rig_find(&r, RAMP_ACT_READ));
    rig_answer(&r, RAMP_OK);
    rig_answer(&r, RAMP_OK); /* verify */
    assert_int_equal(ramp_wake_at(&r.s), r.now + 60000);
}

TEST(a_gap_does_not_shorten_the_soak)
{
    int64_t end;

    at(RAMP_SOAKING, -1);
    end = ramp_wake_at(&r.s);
    r.now += 300000;
    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_GAP, .gap_ms = 300000});
    assert_int_equal(ramp_wake_at(&r.s), end + 300000);
}

TEST(drift_holds_in_every_forward_phase_and_says_what_changed)
{
    static const enum ramp_phase phases[] = {RAMP_VERIFYING, RAMP_DRAINING, RAMP_BAKING,
                                             RAMP_SOAKING};

    for (size_t i = 0; i < 4; i++) {
        uint32_t bits;

        at(phases[i], phases[i] == RAMP_SOAKING ? 3 : 1);
        rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_DRIFT, .drift = RAMP_DRIFT_TTL});
        assert_held(RAMP_WHY_DRIFT);
        ramp_why(&r.s, &bits);
        assert_int_equal(bits, RAMP_DRIFT_TTL);
    }
}

TEST(the_drift_reading_comes_round_and_what_it_finds_holds)
{
    struct ramp_event ev = {.kind = RAMP_EV_DONE,
                            .done = {.outcome = RAMP_DRIFTED, .drift = RAMP_DRIFT_WEIGHT}};

    fresh();
    r.plan.read_every_ms = 30000;
    rig_walk(&r, RAMP_DRAINING, 0);
    while (!rig_find(&r, RAMP_ACT_READ))
        rig_tick(&r);
    assert_phase(RAMP_DRAINING);
    ev.done.op_id = rig_find(&r, RAMP_ACT_READ)->op_id;
    rig_event(&r, &ev);
    assert_held(RAMP_WHY_DRIFT);
}

/* The step's batches and its last listing are a reading; a second one at once would only keep others
 * from the API. One that stays PENDING for long does not blind the run. */
TEST(a_step_that_was_just_read_is_not_read_for_drift_at_once)
{
    fresh();
    r.plan.read_every_ms = 30000;
    rig_walk(&r, RAMP_APPLYING, 0);
    r.now += 60000; /* a full zone takes its time */
    rig_answer(&r, RAMP_OK);
    assert_null(rig_find(&r, RAMP_ACT_READ));
    r.now += 29000;
    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_TICK});
    assert_null(rig_find(&r, RAMP_ACT_READ));
    r.now += 1000;
    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_TICK});
    assert_non_null(rig_find(&r, RAMP_ACT_READ));

    fresh();
    r.plan.read_every_ms = 30000;
    rig_walk(&r, RAMP_APPLYING, 0);
    rig_answer(&r, RAMP_OK);
    r.now += 29000;
    rig_synced(&r);
    r.now += 29000;
    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_TICK});
    assert_null(rig_find(&r, RAMP_ACT_READ));
}

TEST(another_runs_lease_ends_the_run_without_a_write)
{
    static const enum ramp_phase phases[] = {RAMP_APPLYING, RAMP_VERIFYING, RAMP_DRAINING,
                                             RAMP_BAKING, RAMP_SOAKING};

    for (size_t i = 0; i < 5; i++) {
        at(phases[i], phases[i] == RAMP_SOAKING ? 3 : 1);
        rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_DEPOSED});
        assert_phase(RAMP_DEPOSED);
        assert_true(ramp_over(&r.s));
        assert_int_equal(ramp_exit_status(&r.s), 10);
        assert_int_equal(r.rollbacks + r.releases, 0);
    }
}

TEST(a_dead_journal_stops_the_next_step_and_not_the_rollback)
{
    at(RAMP_BAKING, 1);
    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_JOURNAL_DEAD});
    rig_walk(&r, RAMP_HELD, -1);
    assert_held(RAMP_WHY_JOURNAL);
    assert_int_equal(r.applies, 2);
    rig_operator(&r, RAMP_DO_ROLLBACK);
    assert_phase(RAMP_REVERTING);
}

TEST(a_step_never_sent_because_the_journal_died_leaves_the_step_before)
{
    at(RAMP_APPLYING, 2);
    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_JOURNAL_DEAD});
    rig_answer(&r, RAMP_NOT_SENT);
    assert_held(RAMP_WHY_JOURNAL);
    assert_int_equal(ramp_percent(&r.s, &r.plan), 10);
    assert_int_equal(r.rollbacks, 0);
}

TEST(credentials_too_short_hold_and_longer_ones_go_on_by_themselves)
{
    at(RAMP_BAKING, 1);
    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_CREDENTIALS, .credentials_short = true});
    assert_held(RAMP_WHY_CREDENTIALS);
    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_CREDENTIALS, .credentials_short = false});
    rig_walk(&r, RAMP_COMPLETED, -1);
}

TEST(held_too_long_goes_back_only_when_inconclusive_and_nobody_sits_there)
{
    for (int attended = 0; attended < 2; attended++) {
        rig_init(&r);
        rig_begin(&r, 100, attended ? RAMP_OPT_ATTENDED : 0);
        rig_start(&r, RAMP_START_FRESH);
        rig_walk(&r, RAMP_BAKING, 1);
        while (ramp_phase(&r.s) == RAMP_BAKING)
            rig_tick(&r);
        assert_held(RAMP_WHY_INCONCLUSIVE);
        rig_tick(&r); /* max_hold */
        assert_phase(attended ? RAMP_HELD : RAMP_REVERTING);
    }
    at(RAMP_BAKING, 1);
    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_DRIFT, .drift = RAMP_DRIFT_TTL});
    rig_tick(&r);
    assert_held(RAMP_WHY_DRIFT);
    assert_int_equal(rig_find(&r, RAMP_ACT_NOTIFY)->notice, RAMP_NOTICE_HELD);
}

TEST(an_answer_to_an_operation_no_longer_in_flight_changes_nothing)
{
    struct ramp_event late = {.kind = RAMP_EV_DONE,
                              .done = {.outcome = RAMP_UNCONFIRMED, .partly = true}};
    struct ramp before;

    at(RAMP_APPLYING, 1);
    late.done.op_id = (uint32_t)r.s.core.op;
    rig_walk(&r, RAMP_BAKING, 1);
    before = r.s;
    rig_event(&r, &late);
    assert_memory_equal(&before.core, &r.s.core, sizeof(before.core));
    assert_int_equal(r.out.n, 0);
    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_SYNCED, .op_id = late.done.op_id});
    assert_memory_equal(&before.core, &r.s.core, sizeof(before.core));
}

TEST(every_event_in_every_phase_leaves_a_machine_that_waits_for_something_or_is_over)
{
    for (int phase = RAMP_PREFLIGHT; phase <= RAMP_REVERTING; phase++)
        for (int kind = 1; kind < RAMP_EV_COUNT; kind++)
            for (int variant = 0; variant < 5; variant++) {
                struct ramp_event ev = {.kind = (enum ramp_event_kind)kind};

                fresh();
                r.plan.steps[1].approve = true;
                rig_walk(&r, phase == RAMP_PREFLIGHT ? RAMP_PREFLIGHT : RAMP_VERIFYING,
                         phase == RAMP_PREFLIGHT ? -1 : 1);
                if (phase == RAMP_APPROVING)
                    rig_walk(&r, RAMP_APPROVING, 1);
                else if (phase == RAMP_APPLYING || phase == RAMP_SOAKING)
                    rig_walk(&r, (enum ramp_phase)phase, phase == RAMP_APPLYING ? 2 : 3);
                else if (phase == RAMP_PAUSED)
                    rig_operator(&r, RAMP_DO_PAUSE);
                else if (phase == RAMP_HELD)
                    rig_answer(&r, RAMP_FAILED);
                else if (phase == RAMP_REVERTING)
                    rig_operator(&r, RAMP_DO_ROLLBACK);
                else if (phase != RAMP_PREFLIGHT)
                    rig_walk(&r, (enum ramp_phase)phase, 1);
                assert_phase((enum ramp_phase)phase);
                if (kind == RAMP_EV_DONE || kind == RAMP_EV_SYNCED || kind == RAMP_EV_ROUND)
                    ev.op_id = (uint32_t)r.s.core.op;
                if (kind == RAMP_EV_OPERATOR)
                    ev.op = (enum ramp_operator)variant;
                if (kind == RAMP_EV_SIGNAL)
                    ev.signal = variant & 1 ? RAMP_SIGTERM : RAMP_SIGINT;
                if (kind == RAMP_EV_PROBE)
                    ev.probe = (struct ramp_probe){1, (enum ramp_verdict)(variant % 3), -1, 0};
                if (kind == RAMP_EV_DONE)
                    ev.done.outcome = (enum ramp_outcome)(2 * variant);
                rig_event(&r, &ev);
                if (!ramp_over(&r.s))
                    assert_true(r.s.core.op != 0 || ramp_wake_at(&r.s) != INT64_MAX ||
                                ramp_phase(&r.s) == RAMP_PAUSED ||
                                ramp_phase(&r.s) == RAMP_APPROVING ||
                                ramp_phase(&r.s) == RAMP_PREFLIGHT);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_healthy_ramp_applies_every_step_once_soaks_and_completes),
        cmocka_unit_test(a_healthy_ramp_takes_no_less_than_its_waits),
        cmocka_unit_test(forward_writes_wait_for_the_journal_and_a_rollback_does_not),
        cmocka_unit_test(draining_lasts_the_longest_ttl_from_insync_on),
        cmocka_unit_test(verify_api_goes_straight_to_draining),
        cmocka_unit_test(a_share_that_dns_does_not_show_holds_and_warn_goes_on),
        cmocka_unit_test(to_a_percentage_completes_there_without_a_soak),
        cmocka_unit_test(a_new_side_above_rollback_to_is_refused_unless_from_current),
        cmocka_unit_test(from_current_where_everything_is_there_already_writes_nothing_and_soaks),
        cmocka_unit_test(refusals_of_preflight_have_their_exit_statuses_and_write_nothing),
        cmocka_unit_test(a_check_failing_in_preflight_is_asked_twice_more_and_refused_by_side),
        cmocka_unit_test(a_flake_in_preflight_passes_when_asked_again),
        cmocka_unit_test(a_plan_without_required_strata_on_new_is_refused),
        cmocka_unit_test(waits_for_not_before_and_then_begins),
        cmocka_unit_test(no_step_begins_whose_drain_and_bake_would_end_after_the_window),
        cmocka_unit_test(a_gate_without_evidence_extends_to_three_bakes_and_holds),
        cmocka_unit_test(probes_that_could_not_be_judged_are_no_evidence),
        cmocka_unit_test(one_required_stratum_that_did_not_run_keeps_the_gate_shut),
        cmocka_unit_test(too_few_probes_hold_although_all_passed),
        cmocka_unit_test(a_step_with_approve_waits_for_a_person_and_a_timer_is_none),
        cmocka_unit_test(pause_and_resume_restart_the_wait_of_the_step),
        cmocka_unit_test(a_step_held_before_it_was_in_sync_is_sent_once_more_when_resumed),
        cmocka_unit_test(a_pause_while_applying_waits_for_the_answer),
        cmocka_unit_test(a_gap_drops_everything_reads_first_and_restarts_the_wait),
        cmocka_unit_test(a_gap_does_not_shorten_the_soak),
        cmocka_unit_test(drift_holds_in_every_forward_phase_and_says_what_changed),
        cmocka_unit_test(the_drift_reading_comes_round_and_what_it_finds_holds),
        cmocka_unit_test(a_step_that_was_just_read_is_not_read_for_drift_at_once),
        cmocka_unit_test(another_runs_lease_ends_the_run_without_a_write),
        cmocka_unit_test(a_dead_journal_stops_the_next_step_and_not_the_rollback),
        cmocka_unit_test(a_step_never_sent_because_the_journal_died_leaves_the_step_before),
        cmocka_unit_test(credentials_too_short_hold_and_longer_ones_go_on_by_themselves),
        cmocka_unit_test(held_too_long_goes_back_only_when_inconclusive_and_nobody_sits_there),
        cmocka_unit_test(an_answer_to_an_operation_no_longer_in_flight_changes_nothing),
        cmocka_unit_test(
            every_event_in_every_phase_leaves_a_machine_that_waits_for_something_or_is_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
