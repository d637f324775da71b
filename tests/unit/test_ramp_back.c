/* test_ramp_back.c: the ramp backwards: rollbacks from every state, half-applied steps, stops,
 * restarts. */
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

static void confirm(void)
{
    rig_answer(&r, RAMP_OK); /* Route 53 has it */
    rig_synced(&r);
    rig_answer(&r, RAMP_OK); /* the listing agrees */
}

static void end_of_release(int status)
{
    rig_answer(&r, RAMP_OK);
    assert_true(ramp_over(&r.s));
    assert_int_equal(ramp_exit_status(&r.s), status);
}

TEST(a_person_can_go_back_from_every_phase_and_exits_with_0)
{
    static const enum ramp_phase phases[] = {RAMP_APPLYING, RAMP_VERIFYING, RAMP_DRAINING,
                                             RAMP_BAKING,   RAMP_PAUSED,    RAMP_HELD,
                                             RAMP_SOAKING};

    for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
        at(phases[i] == RAMP_PAUSED || phases[i] == RAMP_HELD ? RAMP_VERIFYING : phases[i],
           phases[i] == RAMP_SOAKING ? 3 : 1);
        if (phases[i] == RAMP_PAUSED)
            rig_operator(&r, RAMP_DO_PAUSE);
        if (phases[i] == RAMP_HELD)
            rig_answer(&r, RAMP_FAILED);
        assert_phase(phases[i]);
        rig_operator(&r, RAMP_DO_ROLLBACK);
        assert_int_equal(r.out.item[0].kind, RAMP_ACT_ROLLBACK); /* first of all */
        assert_int_equal(r.last_rollback.percent, 0);
        confirm();
        assert_phase(RAMP_ROLLED_BACK);
        end_of_release(0);
    }
}

TEST(a_rollback_goes_to_rollback_to)
{
    fresh();
    r.plan.rollback_to = 5;
    r.plan.steps[0].percent = 6;
    rig_walk(&r, RAMP_BAKING, 1);
    rig_operator(&r, RAMP_DO_ROLLBACK);
    assert_int_equal(r.last_rollback.percent, 5);
}

TEST(a_rollback_without_an_answer_is_sent_again_from_a_quarter_to_five_seconds_and_called_unsafe)
{
    int64_t began;

    at(RAMP_BAKING, 1);
    rig_operator(&r, RAMP_DO_ROLLBACK);
    began = r.now;
    for (int i = 0; i < 20; i++) {
        int64_t before = r.now;

        rig_answer(&r, RAMP_UNCONFIRMED);
        while (!rig_find(&r, RAMP_ACT_ROLLBACK))
            rig_tick(&r);
        assert_in_range(r.now - before, 125, 5000);
        assert_int_equal(ramp_phase(&r.s) == RAMP_UNSAFE, r.now - began >= RAMP_UNSAFE_MS);
    }
    assert_phase(RAMP_UNSAFE);
    confirm(); /* it goes on trying, and ends well */
    assert_phase(RAMP_ROLLED_BACK);
    end_of_release(0);
}

TEST(a_rollback_is_confirmed_by_insync_and_a_listing_and_sent_again_when_that_disagrees)
{
    at(RAMP_BAKING, 1);
    rig_operator(&r, RAMP_DO_ROLLBACK);
    rig_answer(&r, RAMP_OK);
    assert_phase(RAMP_REVERTING);
    rig_synced(&r);
    assert_non_null(rig_find(&r, RAMP_ACT_READ));
    rig_answer(&r, RAMP_DRIFTED);
    rig_tick(&r);
    assert_non_null(rig_find(&r, RAMP_ACT_ROLLBACK));
    confirm();
    assert_phase(RAMP_ROLLED_BACK);
}

TEST(a_listing_that_fails_is_read_again_and_not_written_again)
{
    at(RAMP_BAKING, 1);
    rig_operator(&r, RAMP_DO_ROLLBACK);
    rig_answer(&r, RAMP_OK);
    rig_synced(&r);
    rig_answer(&r, RAMP_FAILED);
    rig_tick(&r);
    assert_non_null(rig_find(&r, RAMP_ACT_READ));
    assert_int_equal(r.rollbacks, 1);
}

TEST(going_back_ignores_drift_gaps_pauses_and_probes)
{
    struct ramp_core before;

    at(RAMP_BAKING, 1);
    rig_operator(&r, RAMP_DO_ROLLBACK);
    before = r.s.core;
    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_DRIFT, .drift = RAMP_DRIFT_TTL});
    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_GAP, .gap_ms = 60000});
    rig_operator(&r, RAMP_DO_PAUSE);
    rig_operator(&r, RAMP_DO_RESUME);
    rig_operator(&r, RAMP_DO_APPROVE);
    rig_operator(&r, RAMP_DO_ROLLBACK);
    assert_memory_equal(&before, &r.s.core, sizeof(before));
    assert_int_equal(r.rollbacks, 1);
}

TEST(deposed_while_going_back_stops_writing)
{
    at(RAMP_BAKING, 1);
    rig_operator(&r, RAMP_DO_ROLLBACK);
    rig_answer(&r, RAMP_IS_DEPOSED);
    assert_phase(RAMP_DEPOSED);
    assert_true(ramp_over(&r.s));
    assert_int_equal(ramp_exit_status(&r.s), 10);
}

TEST(a_lease_that_is_gone_and_records_refused_are_unsafe_at_once_and_tried_on)
{
    static const struct {
        enum ramp_outcome outcome;
        enum ramp_why why;
    } rows[] = {{RAMP_IS_LEASE_ABSENT, RAMP_WHY_LEASE_ABSENT},
                {RAMP_REFUSED_RECORD, RAMP_WHY_RECORD_FAULT},
                {RAMP_DENIED, RAMP_WHY_DENIED}};

    for (size_t i = 0; i < 3; i++) {
        at(RAMP_BAKING, 1);
        rig_operator(&r, RAMP_DO_ROLLBACK);
        rig_answer(&r, rows[i].outcome);
        assert_phase(RAMP_UNSAFE);
        assert_int_equal(ramp_why(&r.s, NULL), rows[i].why);
        rig_tick(&r);
        assert_non_null(rig_find(&r, RAMP_ACT_ROLLBACK));
    }
}

TEST(a_person_who_asks_again_when_unsafe_has_decided_about_the_lease)
{
    at(RAMP_BAKING, 1);
    rig_operator(&r, RAMP_DO_ROLLBACK);
    assert_false(rig_find(&r, RAMP_ACT_ROLLBACK)->take_over);
    rig_operator(&r, RAMP_DO_ROLLBACK); /* not unsafe yet: once is enough */
    assert_null(rig_find(&r, RAMP_ACT_ROLLBACK));
    rig_answer(&r, RAMP_IS_LEASE_ABSENT);
    assert_phase(RAMP_UNSAFE);
    rig_tick(&r);
    assert_false(rig_find(&r, RAMP_ACT_ROLLBACK)->take_over);
    rig_operator(&r, RAMP_DO_ROLLBACK);
    assert_true(rig_find(&r, RAMP_ACT_ROLLBACK)->take_over);
    assert_phase(RAMP_UNSAFE);
    confirm();
    assert_phase(RAMP_ROLLED_BACK);
}

TEST(a_rollback_asked_for_while_held_for_a_lease_that_is_gone_may_make_it_anew)
{
    const struct ramp_action *last = NULL;

    at(RAMP_APPLYING, 1);
    rig_answer(&r, RAMP_IS_LEASE_ABSENT);
    assert_phase(RAMP_HELD);
    assert_int_equal(ramp_why(&r.s, NULL), RAMP_WHY_LEASE_ABSENT);
    rig_operator(&r, RAMP_DO_ROLLBACK);
    assert_phase(RAMP_REVERTING);
    for (uint32_t i = 0; i < r.out.n; i++)
        if (r.out.item[i].kind == RAMP_ACT_ROLLBACK)
            last = &r.out.item[i];
    assert_true(last && last->take_over);
    confirm();
    assert_phase(RAMP_ROLLED_BACK);
}

/* Found by the simulator: it waited for an INSYNC that nobody would say any more. */
TEST(a_rollback_that_had_landed_and_does_not_stand_any_more_is_unsafe_and_sent_again)
{
    at(RAMP_BAKING, 1);
    rig_operator(&r, RAMP_DO_ROLLBACK);
    rig_answer(&r, RAMP_OK);
    assert_phase(RAMP_REVERTING);
    rig_answer(&r, RAMP_IS_LEASE_ABSENT);
    assert_phase(RAMP_UNSAFE);
    rig_tick(&r);
    assert_non_null(rig_find(&r, RAMP_ACT_ROLLBACK));
    confirm();
    assert_phase(RAMP_ROLLED_BACK);
}

TEST(a_step_half_applied_goes_back_to_the_last_full_one_and_is_held)
{
    static const enum ramp_outcome outcomes[] = {RAMP_REFUSED_RECORD, RAMP_DRIFTED, RAMP_FAILED,
                                                 RAMP_DENIED};

    for (size_t i = 0; i < 4; i++) {
        at(RAMP_APPLYING, 2);
        rig_answer_partly(&r, outcomes[i]);
        assert_phase(RAMP_REVERTING);
        assert_int_equal(r.last_rollback.percent, 10);
        confirm();
        assert_phase(RAMP_HELD);
        assert_int_equal(ramp_why(&r.s, NULL), RAMP_WHY_HALF_APPLIED);
        assert_int_equal(ramp_percent(&r.s, &r.plan), 10);
        rig_operator(&r,
                     RAMP_DO_RESUME); /* the wait of step 1, from the start, then step 2 again */
        rig_walk(&r, RAMP_BAKING, 1);
        rig_walk(&r, RAMP_APPLYING, 2);
    }
}

TEST(the_first_step_half_applied_goes_back_to_the_baseline_exactly)
{
    at(RAMP_APPLYING, 0);
    rig_answer(&r, RAMP_UNCONFIRMED); /* it may have landed */
    assert_int_equal(r.last_rollback.percent, RAMP_PERCENT_BASELINE);
    confirm();
    assert_phase(RAMP_HELD);
    rig_operator(&r, RAMP_DO_RESUME);
    rig_walk(&r, RAMP_APPLYING, 0);
}

TEST(a_step_of_which_nothing_was_written_is_held_where_it_was)
{
    at(RAMP_APPLYING, 2);
    rig_answer(&r, RAMP_FAILED);
    assert_phase(RAMP_HELD);
    assert_int_equal(r.rollbacks, 0);
    assert_int_equal(ramp_percent(&r.s, &r.plan), 10);
}

TEST(a_rollback_asked_for_while_half_a_step_is_taken_back_goes_the_whole_way)
{
    at(RAMP_APPLYING, 2);
    rig_answer_partly(&r, RAMP_FAILED);
    rig_operator(&r, RAMP_DO_ROLLBACK);
    assert_int_equal(r.last_rollback.percent, 0);
    confirm();
    assert_phase(RAMP_ROLLED_BACK);
}

TEST(signals_hold_by_default_leave_the_weights_and_say_so_in_the_exit_status)
{
    for (int term = 0; term < 2; term++) {
        at(RAMP_BAKING, 1);
        rig_signal(&r, term ? RAMP_SIGTERM : RAMP_SIGINT);
        assert_phase(RAMP_INTERRUPTED);
        assert_true(ramp_over(&r.s));
        assert_int_equal(ramp_exit_status(&r.s), term ? 143 : 130);
        assert_int_equal(r.rollbacks + r.releases, 0);
    }
}

TEST(a_signal_while_applying_waits_for_the_answer_and_the_second_does_not)
{
    at(RAMP_APPLYING, 1);
    rig_signal(&r, RAMP_SIGINT);
    assert_phase(RAMP_APPLYING);
    rig_answer(&r, RAMP_OK);
    assert_phase(RAMP_INTERRUPTED);
    at(RAMP_APPLYING, 1);
    rig_signal(&r, RAMP_SIGINT);
    rig_signal(&r, RAMP_SIGINT);
    assert_true(ramp_over(&r.s));
}

TEST(a_signal_with_half_a_step_in_the_air_takes_it_back_first)
{
    at(RAMP_APPLYING, 2);
    rig_signal(&r, RAMP_SIGTERM);
    rig_answer_partly(&r, RAMP_FAILED);
    assert_phase(RAMP_REVERTING);
    confirm();
    assert_phase(RAMP_INTERRUPTED);
    assert_int_equal(ramp_exit_status(&r.s), 143);
}

TEST(a_signal_may_mean_rollback)
{
    fresh();
    r.plan.on[PLAN_ON_TERMINATE] = PLAN_ROLLBACK;
    rig_walk(&r, RAMP_BAKING, 1);
    rig_signal(&r, RAMP_SIGTERM);
    assert_phase(RAMP_REVERTING);
    confirm();
    end_of_release(143);
}

TEST(a_signal_in_preflight_ends_it_with_nothing_written_and_the_lease_given_back)
{
    fresh();
    rig_signal(&r, RAMP_SIGINT);
    assert_true(ramp_over(&r.s));
    assert_int_equal(r.releases, 0);
    fresh();
    while (!(r.s.core.op != 0 && r.s.core.op_kind == RAMP_ACT_TAKE)) {
        if (r.s.core.op_kind == RAMP_ACT_PROBES) {
            for (uint32_t k = 0; k < r.plan.strata_n; k++)
                rig_probe(&r, k, RAMP_PASS, 0);
            rig_event(&r,
                      &(struct ramp_event){.kind = RAMP_EV_ROUND, .op_id = (uint32_t)r.s.core.op});
        } else {
            rig_answer(&r, RAMP_OK);
        }
    }
    rig_signal(&r, RAMP_SIGINT);
    assert_false(ramp_over(&r.s));
    rig_answer(&r, RAMP_OK);
    assert_int_equal(r.releases, 1);
    end_of_release(130);
}

TEST(the_first_signal_while_going_back_only_warns_and_the_second_ends_unsafe)
{
    at(RAMP_BAKING, 1);
    rig_operator(&r, RAMP_DO_ROLLBACK);
    rig_signal(&r, RAMP_SIGINT);
    assert_phase(RAMP_REVERTING);
    assert_int_equal(rig_find(&r, RAMP_ACT_NOTIFY)->notice, RAMP_NOTICE_SIGNAL_AGAIN);
    rig_signal(&r, RAMP_SIGINT);
    assert_phase(RAMP_UNSAFE);
    assert_true(ramp_over(&r.s));
    assert_int_equal(ramp_exit_status(&r.s), 12);
}

TEST(stopping_while_held_ends_held_with_10)
{
    at(RAMP_VERIFYING, 1);
    rig_answer(&r, RAMP_FAILED);
    rig_operator(&r, RAMP_DO_QUIT);
    assert_phase(RAMP_HELD);
    assert_true(ramp_over(&r.s));
    assert_int_equal(ramp_exit_status(&r.s), 10);
}

TEST(ending_the_soak_early_is_completed)
{
    at(RAMP_SOAKING, 3);
    rig_operator(&r, RAMP_DO_QUIT);
    assert_phase(RAMP_COMPLETED);
    end_of_release(0);
}

TEST(a_release_that_fails_changes_no_end)
{
    at(RAMP_COMPLETED, -1);
    rig_answer(&r, RAMP_UNCONFIRMED);
    assert_true(ramp_over(&r.s));
    assert_int_equal(ramp_exit_status(&r.s), 0);
    assert_int_equal(rig_find(&r, RAMP_ACT_NOTIFY)->notice, RAMP_NOTICE_RELEASE_FAILED);
}

TEST(after_a_restart_every_wait_begins_again)
{
    static const enum ramp_phase phases[] = {RAMP_VERIFYING, RAMP_DRAINING, RAMP_BAKING,
                                             RAMP_APPROVING};

    for (size_t i = 0; i < 4; i++) {
        fresh();
        r.plan.steps[1].approve = true;
        rig_walk(&r, RAMP_VERIFYING, 1);
        rig_walk(&r, phases[i], 1);
        rig_crash(&r, RAMP_START_RESUME);
        assert_non_null(rig_find(&r, RAMP_ACT_READ));
        rig_answer(&r, RAMP_OK);
        assert_phase(RAMP_VERIFYING);
        rig_answer(&r, RAMP_OK);
        assert_true(ramp_wake_at(&r.s) >= r.now + 60000);
        r.plan.steps[1].approve = false;
        rig_walk(&r, RAMP_COMPLETED, -1);
    }
}

/* Found by the simulator: an approval overtook the reading, and with it the wait that begins again.
 */
TEST(after_a_restart_nothing_is_approved_before_it_was_read)
{
    fresh();
    r.plan.steps[1].approve = true;
    rig_walk(&r, RAMP_APPROVING, 1);
    rig_crash(&r, RAMP_START_RESUME);
    rig_operator(&r, RAMP_DO_APPROVE);
    assert_null(rig_find(&r, RAMP_ACT_APPLY));
    assert_phase(RAMP_APPROVING);
}

TEST(after_a_restart_while_applying_the_same_step_is_sent_again)
{
    at(RAMP_APPLYING, 2);
    rig_crash(&r, RAMP_START_RESUME);
    rig_answer(&r, RAMP_OK);
    assert_int_equal(rig_find(&r, RAMP_ACT_APPLY)->step, 2);
    assert_true(rig_find(&r, RAMP_ACT_APPLY)->needs_sync);
    rig_walk(&r, RAMP_COMPLETED, -1);
}

TEST(after_a_restart_with_a_dead_journal_a_step_under_way_is_taken_back)
{
    at(RAMP_APPLYING, 2);
    rig_crash(&r, RAMP_START_RESUME);
    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_JOURNAL_DEAD});
    rig_answer(&r, RAMP_OK);
    assert_phase(RAMP_REVERTING);
    assert_int_equal(r.last_rollback.percent, 10);
}

TEST(after_a_restart_a_rollback_goes_on_without_reading)
{
    at(RAMP_BAKING, 1);
    rig_operator(&r, RAMP_DO_ROLLBACK);
    rig_crash(&r, RAMP_START_RESUME);
    assert_int_equal(r.out.item[0].kind, RAMP_ACT_ROLLBACK);
    confirm();
    end_of_release(0);
}

TEST(a_lease_that_says_reverting_decides_after_a_restart_whatever_the_policy)
{
    fresh();
    r.plan.on[PLAN_ON_CRASH] = PLAN_HOLD;
    rig_walk(&r, RAMP_BAKING, 1);
    rig_crash(&r, RAMP_START_RECOVER);
    rig_answer(&r, RAMP_IS_REVERTING);
    assert_phase(RAMP_REVERTING);
}

/* The rollback's first request leaves before its line is written. When the process dies between the
 * two and the request lands late, the restarted run reads a lease that still says forward. */
TEST(a_lease_that_says_reverting_only_later_decides_too)
{
    at(RAMP_BAKING, 1);
    rig_crash(&r, RAMP_START_RESUME);
    rig_answer(&r, RAMP_OK);
    assert_phase(RAMP_VERIFYING);
    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_REVERTING});
    assert_phase(RAMP_REVERTING);
    assert_int_equal(ramp_why(&r.s, NULL), RAMP_WHY_CRASH);
    confirm();
    end_of_release(1);
}

TEST(a_step_refused_because_the_lease_says_reverting_goes_back_whole)
{
    at(RAMP_APPLYING, 1);
    rig_crash(&r, RAMP_START_RESUME);
    rig_answer(&r, RAMP_OK);
    rig_answer(&r, RAMP_IS_REVERTING);
    assert_phase(RAMP_REVERTING);
    confirm();
    end_of_release(1);
}

/* Found by a seed: a person paused between the restart and the answer of its reading. */
TEST(a_lease_that_says_reverting_decides_though_a_person_has_paused_meanwhile)
{
    uint32_t op;

    at(RAMP_BAKING, 1);
    rig_crash(&r, RAMP_START_RESUME);
    op = (uint32_t)r.s.core.op;
    rig_operator(&r, RAMP_DO_PAUSE);
    assert_phase(RAMP_PAUSED);
    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_DONE,
                                       .done = {.op_id = op, .outcome = RAMP_IS_REVERTING}});
    assert_phase(RAMP_REVERTING);
    confirm();
    end_of_release(1);
}

/* A mend of the above had swallowed the answer that the rollback itself waits for. */
TEST(a_listing_that_says_reverting_is_answered_while_going_back)
{
    at(RAMP_BAKING, 1);
    rig_operator(&r, RAMP_DO_ROLLBACK);
    rig_answer(&r, RAMP_OK);
    rig_synced(&r);
    assert_int_equal(r.s.core.op_kind, RAMP_ACT_READ);
    rig_answer(&r, RAMP_IS_REVERTING);
    assert_int_equal(r.s.core.op, 0); /* not as confirmed: sent again */
    assert_true(r.s.core.wait_until_ms < INT64_MAX);
}

/* Found by a seed: it stayed in preflight for ever; had nothing been written, it would have ramped. */
TEST(a_rollback_that_died_while_it_took_the_lease_is_taken_up_as_one)
{
    static const enum ramp_start starts[] = {RAMP_START_RESUME, RAMP_START_RECOVER};

    for (size_t i = 0; i < 2; i++) {
        at(RAMP_BAKING, 1);
        rig_crash(&r, RAMP_START_ROLLBACK);
        assert_int_equal(r.out.item[r.out.n - 1].kind, RAMP_ACT_TAKE);
        rig_crash(&r, starts[i]);
        assert_int_equal(r.out.item[r.out.n - 1].kind, RAMP_ACT_TAKE);
        assert_true(r.out.item[r.out.n - 1].take_over);
        rig_answer(&r, RAMP_OK);
        assert_phase(RAMP_REVERTING);
        confirm();
        end_of_release(0);
    }
}

TEST(a_lease_that_says_reverting_is_no_news_to_who_goes_back)
{
    at(RAMP_BAKING, 1);
    rig_operator(&r, RAMP_DO_ROLLBACK);
    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_REVERTING});
    assert_phase(RAMP_REVERTING);
    assert_int_equal(r.out.n, 0);
    confirm();
    end_of_release(0);
}

TEST(recover_follows_the_policy_for_crashes)
{
    static const struct {
        enum plan_policy policy;
        enum ramp_phase phase, applying;
    } rows[] = {{PLAN_RESUME, RAMP_VERIFYING, RAMP_APPLYING},
                {PLAN_HOLD, RAMP_HELD, RAMP_REVERTING},
                {PLAN_ROLLBACK, RAMP_REVERTING, RAMP_REVERTING}};

    for (size_t i = 0; i < 3; i++) {
        at(RAMP_BAKING, 1);
        r.plan.on[PLAN_ON_CRASH] = rows[i].policy;
        rig_crash(&r, RAMP_START_RECOVER);
        rig_answer(&r, RAMP_OK);
        assert_phase(rows[i].phase);
        at(RAMP_APPLYING, 2);
        r.plan.on[PLAN_ON_CRASH] = rows[i].policy;
        rig_crash(&r, RAMP_START_RECOVER);
        rig_answer(&r, RAMP_OK);
        assert_phase(rows[i].applying);
        if (rows[i].applying == RAMP_REVERTING)
            assert_int_equal(r.last_rollback.percent, rows[i].policy == PLAN_HOLD ? 10 : 0);
    }
}

TEST(held_and_paused_stay_so_over_a_restart)
{
    at(RAMP_BAKING, 1);
    rig_operator(&r, RAMP_DO_PAUSE);
    rig_crash(&r, RAMP_START_RESUME);
    rig_answer(&r, RAMP_OK);
    assert_phase(RAMP_PAUSED);
    at(RAMP_VERIFYING, 1);
    rig_answer(&r, RAMP_FAILED);
    rig_operator(&r, RAMP_DO_QUIT);
    rig_crash(&r, RAMP_START_RESUME);
    rig_answer(&r, RAMP_OK);
    assert_phase(RAMP_HELD);
    assert_false(ramp_over(&r.s));
}

TEST(an_interrupted_run_goes_on_with_the_wait_of_its_step)
{
    at(RAMP_BAKING, 1);
    rig_signal(&r, RAMP_SIGTERM);
    rig_crash(&r, RAMP_START_RESUME);
    rig_answer(&r, RAMP_OK);
    assert_phase(RAMP_VERIFYING);
    rig_walk(&r, RAMP_COMPLETED, -1);
    assert_int_equal(r.applies, 4);
}

TEST(the_rollback_command_takes_the_lease_over_and_goes_back_without_any_journal)
{
    rig_init(&r);
    rig_begin(&r, 100, 0);
    rig_start(&r, RAMP_START_ROLLBACK);
    assert_true(rig_find(&r, RAMP_ACT_TAKE)->take_over);
    assert_false(rig_find(&r, RAMP_ACT_TAKE)->needs_sync);
    rig_answer(&r, RAMP_UNCONFIRMED);
    rig_tick(&r);
    assert_non_null(rig_find(&r, RAMP_ACT_TAKE));
    rig_answer(&r, RAMP_OK);
    assert_int_equal(r.last_rollback.percent, 0);
    confirm();
    end_of_release(0);
}

TEST(numbers_that_are_no_state_are_not_restored)
{
    static const int64_t bad[] = {-2, 1 << 20, INT64_MAX};
    struct ramp s;

    at(RAMP_BAKING, 1);
    for (size_t i = 0; i < 3; i++) {
        struct ramp_core c = r.s.core;

        c.phase = bad[i];
        assert_false(ramp_restore(&s, &r.plan, &c));
        c = r.s.core;
        c.step = bad[i];
        assert_false(ramp_restore(&s, &r.plan, &c));
        c = r.s.core;
        c.target = bad[i];
        assert_false(ramp_restore(&s, &r.plan, &c));
        c = r.s.core;
        c.next_op = i == 1 ? 0 : bad[i];
        assert_false(ramp_restore(&s, &r.plan, &c));
        c = r.s.core;
        c.suite[0].cusum[0].sum_micro = i == 1 ? -1 : bad[i];
        assert_false(ramp_restore(&s, &r.plan, &c));
    }
}

TEST(the_journals_table_names_every_number_of_the_state_once)
{
    static bool seen[sizeof(struct ramp_core) / sizeof(int64_t)];
    size_t n = 0;

    for (uint32_t i = 0; i < ramp_fields_n; i++) {
        assert_int_equal(ramp_fields[i].offset % sizeof(int64_t), 0);
        for (uint32_t k = 0; k < ramp_fields[i].count; k++) {
            size_t at_index = ramp_fields[i].offset / sizeof(int64_t) + k;

            assert_true(at_index < sizeof(seen) / sizeof(seen[0]));
            assert_false(seen[at_index]);
            seen[at_index] = true;
            n++;
        }
        for (uint32_t k = 0; k < i; k++)
            assert_string_not_equal(ramp_fields[i].name, ramp_fields[k].name);
    }
    assert_int_equal(n, sizeof(seen) / sizeof(seen[0]));
}

TEST(every_number_has_a_name)
{
    for (int i = 0; i < RAMP_PHASE_COUNT; i++) {
        assert_string_not_equal(ramp_phase_name((enum ramp_phase)i), "unknown");
        assert_int_equal(ramp_phase_find(ramp_phase_name((enum ramp_phase)i)), i);
    }
    for (int i = 0; i < RAMP_WHY_COUNT; i++) {
        assert_non_null(ramp_why_name((enum ramp_why)i));
        assert_non_null(ramp_why_text((enum ramp_why)i));
    }
    for (int i = 0; i < RAMP_EV_COUNT; i++)
        assert_string_not_equal(ramp_event_name((enum ramp_event_kind)i), "unknown");
    for (int i = 0; i < RAMP_ACT_COUNT; i++)
        assert_string_not_equal(ramp_action_name((enum ramp_action_kind)i), "unknown");
    for (int i = 0; i < RAMP_OUTCOME_COUNT; i++)
        assert_string_not_equal(ramp_outcome_name((enum ramp_outcome)i), "unknown");
    for (int i = 0; i < RAMP_NOTICE_COUNT; i++)
        assert_string_not_equal(ramp_notice_name((enum ramp_notice)i), "unknown");
    for (int i = 0; i < RAMP_DO_COUNT; i++)
        assert_string_not_equal(ramp_operator_name((enum ramp_operator)i), "unknown");
    assert_string_equal(ramp_phase_name((enum ramp_phase)99), "unknown");
    assert_int_equal(ramp_phase_find("no such phase"), RAMP_PHASE_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_person_can_go_back_from_every_phase_and_exits_with_0),
        cmocka_unit_test(a_rollback_goes_to_rollback_to),
        cmocka_unit_test(
            a_rollback_without_an_answer_is_sent_again_from_a_quarter_to_five_seconds_and_called_unsafe),
        cmocka_unit_test(
            a_rollback_is_confirmed_by_insync_and_a_listing_and_sent_again_when_that_disagrees),
        cmocka_unit_test(a_listing_that_fails_is_read_again_and_not_written_again),
        cmocka_unit_test(going_back_ignores_drift_gaps_pauses_and_probes),
        cmocka_unit_test(deposed_while_going_back_stops_writing),
        cmocka_unit_test(a_lease_that_is_gone_and_records_refused_are_unsafe_at_once_and_tried_on),
        cmocka_unit_test(a_rollback_asked_for_while_held_for_a_lease_that_is_gone_may_make_it_anew),
        cmocka_unit_test(a_person_who_asks_again_when_unsafe_has_decided_about_the_lease),
        cmocka_unit_test(
            a_rollback_that_had_landed_and_does_not_stand_any_more_is_unsafe_and_sent_again),
        cmocka_unit_test(a_step_half_applied_goes_back_to_the_last_full_one_and_is_held),
        cmocka_unit_test(the_first_step_half_applied_goes_back_to_the_baseline_exactly),
        cmocka_unit_test(a_step_of_which_nothing_was_written_is_held_where_it_was),
        cmocka_unit_test(a_rollback_asked_for_while_half_a_step_is_taken_back_goes_the_whole_way),
        cmocka_unit_test(signals_hold_by_default_leave_the_weights_and_say_so_in_the_exit_status),
        cmocka_unit_test(a_signal_while_applying_waits_for_the_answer_and_the_second_does_not),
        cmocka_unit_test(a_signal_with_half_a_step_in_the_air_takes_it_back_first),
        cmocka_unit_test(a_signal_may_mean_rollback),
        cmocka_unit_test(
            a_signal_in_preflight_ends_it_with_nothing_written_and_the_lease_given_back),
        cmocka_unit_test(the_first_signal_while_going_back_only_warns_and_the_second_ends_unsafe),
        cmocka_unit_test(stopping_while_held_ends_held_with_10),
        cmocka_unit_test(ending_the_soak_early_is_completed),
        cmocka_unit_test(a_release_that_fails_changes_no_end),
        cmocka_unit_test(after_a_restart_every_wait_begins_again),
        cmocka_unit_test(after_a_restart_nothing_is_approved_before_it_was_read),
        cmocka_unit_test(after_a_restart_while_applying_the_same_step_is_sent_again),
        cmocka_unit_test(after_a_restart_with_a_dead_journal_a_step_under_way_is_taken_back),
        cmocka_unit_test(after_a_restart_a_rollback_goes_on_without_reading),
        cmocka_unit_test(a_lease_that_says_reverting_decides_after_a_restart_whatever_the_policy),
        cmocka_unit_test(a_lease_that_says_reverting_only_later_decides_too),
        cmocka_unit_test(a_step_refused_because_the_lease_says_reverting_goes_back_whole),
        cmocka_unit_test(a_lease_that_says_reverting_decides_though_a_person_has_paused_meanwhile),
        cmocka_unit_test(a_listing_that_says_reverting_is_answered_while_going_back),
        cmocka_unit_test(a_rollback_that_died_while_it_took_the_lease_is_taken_up_as_one),
        cmocka_unit_test(a_lease_that_says_reverting_is_no_news_to_who_goes_back),
        cmocka_unit_test(recover_follows_the_policy_for_crashes),
        cmocka_unit_test(held_and_paused_stay_so_over_a_restart),
        cmocka_unit_test(an_interrupted_run_goes_on_with_the_wait_of_its_step),
        cmocka_unit_test(
            the_rollback_command_takes_the_lease_over_and_goes_back_without_any_journal),
        cmocka_unit_test(numbers_that_are_no_state_are_not_restored),
        cmocka_unit_test(the_journals_table_names_every_number_of_the_state_once),
        cmocka_unit_test(every_number_has_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
