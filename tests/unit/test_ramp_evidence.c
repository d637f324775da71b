/* test_ramp_evidence.c: what probes make of a ramp. */
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

/* Seconds of this until the phase changes to what is asked; -1: never in a minute. */
static int seconds_to(enum ramp_phase phase, int new_bad, int old_bad)
{
    for (int i = 1; i <= 60; i++) {
        rig_second(&r, new_bad, old_bad);
        if (ramp_phase(&r.s) == phase)
            return i;
        if (ramp_over(&r.s))
            return -1;
    }
    return -1;
}

TEST(a_new_fleet_that_fails_altogether_is_rolled_back_in_about_five_seconds_in_every_phase)
{
    static const enum ramp_phase phases[] = {RAMP_APPLYING,  RAMP_VERIFYING, RAMP_DRAINING,
                                             RAMP_BAKING,    RAMP_PAUSED,    RAMP_HELD,
                                             RAMP_APPROVING, RAMP_SOAKING};

    for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
        int took;

        fresh();
        r.plan.steps[1].approve = true;
        if (phases[i] == RAMP_SOAKING)
            rig_walk(&r, RAMP_SOAKING, 3);
        else
            rig_walk(&r, phases[i] == RAMP_APPLYING ? RAMP_APPLYING : RAMP_VERIFYING, 1);
        if (phases[i] == RAMP_PAUSED)
            rig_operator(&r, RAMP_DO_PAUSE);
        else if (phases[i] == RAMP_HELD)
            rig_answer(&r, RAMP_FAILED);
        else
            rig_walk(&r, phases[i], -1);
        assert_phase(phases[i]);
        took = seconds_to(RAMP_REVERTING, 5, 0);
        assert_in_range(took, 4, phases[i] == RAMP_SOAKING ? 8 : 6);
        assert_int_equal(ramp_why(&r.s, NULL), RAMP_WHY_CUSUM);
    }
}

TEST(a_breach_rolled_back_and_confirmed_exits_with_1)
{
    at(RAMP_BAKING, 1);
    assert_true(seconds_to(RAMP_REVERTING, 5, 0) > 0);
    while (ramp_phase(&r.s) == RAMP_REVERTING) {
        if (r.s.core.op_done)
            rig_synced(&r);
        else
            rig_answer(&r, RAMP_OK);
    }
    assert_phase(RAMP_ROLLED_BACK);
    rig_answer(&r, RAMP_OK);
    assert_int_equal(ramp_exit_status(&r.s), 1);
}

TEST(both_fleets_failing_hold_and_never_roll_back_nor_promote)
{
    at(RAMP_BAKING, 1);
    assert_true(seconds_to(RAMP_HELD, 5, 5) > 0);
    assert_held(RAMP_WHY_BOTH_FLEETS);
    for (int i = 0; i < 7200; i++) /* far past max_hold */
        rig_second(&r, 5, 5);
    assert_held(RAMP_WHY_BOTH_FLEETS);
    assert_int_equal(r.rollbacks, 0);
    assert_int_equal(r.applies, 2);
}

TEST(when_the_old_fleet_recovers_and_the_new_does_not_it_goes_back_after_all)
{
    at(RAMP_BAKING, 1);
    for (int i = 0; i < 20; i++)
        rig_second(&r, 5, 5);
    assert_held(RAMP_WHY_BOTH_FLEETS);
    assert_in_range(seconds_to(RAMP_REVERTING, 5, 0), 1, 10);
}

TEST(the_old_fleet_failing_alone_stops_the_way_forward_and_is_no_rollback)
{
    at(RAMP_BAKING, 1);
    assert_true(seconds_to(RAMP_HELD, 0, 5) > 0);
    assert_held(RAMP_WHY_NO_WAY_BACK);
    assert_true(ramp_old_is_bad(&r.s));
    for (int i = 0; i < 3600; i++)
        rig_second(&r, 0, 5);
    assert_int_equal(r.rollbacks, 0);
    rig_operator(&r, RAMP_DO_ROLLBACK); /* a person may */
    assert_phase(RAMP_REVERTING);
}

static void resume(void)
{
    rig_operator(&r, RAMP_DO_RESUME);
    if (rig_find(&r, RAMP_ACT_READ))
        rig_answer(&r, RAMP_OK);
}

TEST(the_last_step_is_not_taken_while_the_old_fleet_is_bad)
{
    int before;

    at(RAMP_BAKING, 2);
    before = r.applies;
    assert_true(seconds_to(RAMP_HELD, 0, 5) > 0);
    assert_held(RAMP_WHY_NO_WAY_BACK);
    resume(); /* a person's yes does not make it well */
    for (int i = 0; i < 900; i++)
        rig_second(&r, 0, 5);
    assert_int_equal(r.applies, before);
    assert_int_equal(r.s.core.step, 2);
    for (int i = 0; i < 900; i++) /* it recovers */
        rig_second(&r, 0, 0);
    assert_false(ramp_old_is_bad(&r.s));
    resume();
    rig_walk(&r, RAMP_SOAKING, 3);
    assert_int_equal(r.applies, before + 1);
}

TEST(the_old_fleet_failing_in_the_soak_stops_nothing)
{
    at(RAMP_SOAKING, 3);
    for (int i = 0; i < 60; i++)
        rig_second(&r, 0, 5);
    assert_phase(RAMP_SOAKING);
}

TEST(no_automatic_policy_goes_back_to_an_old_fleet_that_is_bad)
{
    fresh();
    r.plan.on[PLAN_ON_TERMINATE] = PLAN_ROLLBACK;
    r.plan.on[PLAN_ON_INCONCLUSIVE] = PLAN_ROLLBACK;
    rig_walk(&r, RAMP_BAKING, 1);
    assert_true(seconds_to(RAMP_HELD, 0, 5) > 0);
    rig_signal(&r, RAMP_SIGTERM);
    assert_true(ramp_over(&r.s));
    assert_int_equal(r.rollbacks, 0);
    assert_int_equal(ramp_exit_status(&r.s), 10);
}

TEST(a_glitch_of_three_seconds_is_forgiven)
{
    at(RAMP_BAKING, 1);
    for (int i = 0; i < 3; i++)
        rig_second(&r, 5, 0);
    for (int i = 0; i < 20; i++)
        rig_second(&r, 0, 0);
    assert_int_equal(r.rollbacks, 0);
}

TEST(seconds_in_which_nobody_is_reached_do_not_count)
{
    at(RAMP_DRAINING, 1);
    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_REACH, .reachable = false});
    for (int i = 0; i < 30; i++)
        rig_second(&r, 5, 5);
    assert_phase(RAMP_DRAINING);
    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_REACH, .reachable = true});
    assert_int_equal(budget_cusum_value(&r.s.core.suite[0].cusum[PLAN_NEW]), 0);
    assert_true(seconds_to(RAMP_REVERTING, 5, 0) > 0);
}

TEST(on_breach_hold_holds_and_says_so_once)
{
    int notices = 0;

    fresh();
    r.plan.steps[1].on_breach = PLAN_HOLD;
    rig_walk(&r, RAMP_BAKING, 1);
    for (int i = 0; i < 50; i++) {
        r.now += 200;
        rig_probe(&r, 2 * (i % 3), RAMP_PASS, 0);
        for (uint32_t k = 0; k < 2; k++) {
            rig_probe(&r, 2 * (i % 3) + 1, RAMP_FAIL, 0);
            for (uint32_t j = 0; j < r.out.n; j++)
                notices += r.out.item[j].kind == RAMP_ACT_NOTIFY &&
                           r.out.item[j].notice == RAMP_NOTICE_BREACH;
        }
    }
    assert_held(RAMP_WHY_CUSUM);
    assert_int_equal(notices, 1);
    assert_int_equal(r.rollbacks, 0);
}

TEST(a_breach_while_half_a_step_is_taken_back_goes_the_whole_way)
{
    at(RAMP_APPLYING, 2);
    rig_answer_partly(&r, RAMP_FAILED);
    assert_int_equal(r.last_rollback.percent, 10);
    for (int i = 0; i < 10; i++)
        rig_second(&r, 5, 0);
    assert_int_equal(r.last_rollback.percent, 0);
    assert_int_equal(r.rollbacks, 2);
}

/* Answers asks until the phase changes: stratum on new says n, on old says o. Gives the asks
 * counted. */
static int ask_round(enum ramp_verdict o, enum ramp_verdict n, enum ramp_phase stay)
{
    int asks = 0;

    for (int i = 0; i < 60 && ramp_phase(&r.s) == stay; i++) {
        struct ramp_actions asked;

        rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_TICK});
        asked = r.out;
        for (uint32_t k = 0; k < asked.n; k++)
            if (asked.item[k].kind == RAMP_ACT_ASK) {
                asks++;
                rig_probe(&r, asked.item[k].stratum & ~1u, o, asked.item[k].op_id);
                rig_probe(&r, asked.item[k].stratum | 1u, n, asked.item[k].op_id);
            }
        for (uint32_t k = 2; k < 6; k++) /* the other checks pass all along */
            rig_probe(&r, k, RAMP_PASS, 0);
        r.now += 1000;
    }
    return asks;
}

TEST(one_check_failing_four_of_four_on_new_while_old_passes_is_a_breach_found_in_fifteen_seconds)
{
    int64_t began;

    at(RAMP_DRAINING, 1);
    began = r.now;
    rig_probe(&r, 1, RAMP_FAIL, 0);
    assert_int_equal(ask_round(RAMP_PASS, RAMP_FAIL, RAMP_DRAINING), 3);
    assert_phase(RAMP_REVERTING);
    assert_int_equal(ramp_why(&r.s, NULL), RAMP_WHY_CONFIRMED);
    assert_in_range(r.now - began, 15000, 17000);
}

TEST(one_check_failing_on_both_sides_holds)
{
    at(RAMP_DRAINING, 1);
    rig_probe(&r, 1, RAMP_FAIL, 0);
    ask_round(RAMP_FAIL, RAMP_FAIL, RAMP_DRAINING);
    assert_held(RAMP_WHY_BOTH_FLEETS);
}

TEST(one_check_failing_on_old_alone_is_no_way_back)
{
    at(RAMP_DRAINING, 1);
    rig_probe(&r, 0, RAMP_FAIL, 0);
    ask_round(RAMP_FAIL, RAMP_PASS, RAMP_DRAINING);
    assert_held(RAMP_WHY_NO_WAY_BACK);
    assert_true(ramp_old_is_bad(&r.s));
    rig_probe(&r, 0, RAMP_PASS, 0);
    assert_false(ramp_old_is_bad(&r.s));
}

TEST(one_pass_among_the_asks_was_a_flake)
{
    at(RAMP_DRAINING, 1);
    rig_probe(&r, 1, RAMP_FAIL, 0);
    r.now += 5000;
    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_TICK});
    rig_probe(&r, 1, RAMP_PASS, rig_find(&r, RAMP_ACT_ASK)->op_id);
    r.now += 30000;
    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_TICK});
    assert_null(rig_find(&r, RAMP_ACT_ASK));
}

TEST(a_check_that_old_is_not_asked_has_no_control_and_holds)
{
    at(RAMP_DRAINING, 1);
    r.strata[0].cell = 99;
    rig_probe(&r, 1, RAMP_FAIL, 0);
    for (int i = 0; i < 3; i++) {
        r.now += 5000;
        rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_TICK});
        rig_probe(&r, 1, RAMP_FAIL, rig_find(&r, RAMP_ACT_ASK)->op_id);
    }
    assert_held(RAMP_WHY_NO_CONTROL);
}

TEST(an_ask_whose_answers_never_come_is_given_up)
{
    at(RAMP_DRAINING, 1);
    r.plan.steps[1].bake_ms = 3600000;
    rig_probe(&r, 1, RAMP_FAIL, 0);
    rig_tick(&r);
    assert_non_null(rig_find(&r, RAMP_ACT_ASK));
    r.now += RAMP_ASK_LOST_MS;
    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_TICK});
    for (uint32_t i = 0; i < RAMP_ASKS_MAX; i++)
        assert_int_equal(r.s.ask[i].used, 0);
}

TEST(a_flake_at_the_gate_is_waited_for_and_not_promoted_over)
{
    at(RAMP_BAKING, 1);
    while (r.s.core.wait_until_ms > r.now + 1000)
        rig_second(&r, 0, 0);
    r.now = r.s.core.wait_until_ms - 1;
    rig_probe(&r, 1, RAMP_FAIL, 0);
    rig_tick(&r);
    assert_phase(RAMP_BAKING);
    r.now += 2000;
    rig_probe(&r, 1, RAMP_PASS, 0);
    rig_event(&r, &(struct ramp_event){.kind = RAMP_EV_TICK});
    assert_phase(RAMP_APPLYING);
    assert_int_equal(r.s.core.step, 2);
}

TEST(from_a_step_on_a_stratum_is_not_asked_for_before)
{
    fresh();
    r.strata[5].from_percent = 50;
    r.strata[4].from_percent = 50;
    rig_walk(&r, RAMP_BAKING, 1);
    while (ramp_phase(&r.s) == RAMP_BAKING) {
        r.now += 500;
        for (uint32_t k = 0; k < 4; k++)
            rig_probe(&r, k, RAMP_PASS, 0);
    }
    assert_phase(RAMP_APPLYING);
}

TEST(a_slower_new_fleet_holds_at_the_gate_unless_told_to_ignore_it)
{
    for (int ignore = 0; ignore < 2; ignore++) {
        fresh();
        if (ignore)
            r.plan.on[PLAN_ON_SLOW] = PLAN_IGNORE;
        rig_walk(&r, RAMP_BAKING, 1);
        for (int i = 0; ramp_phase(&r.s) == RAMP_BAKING; i++) {
            r.now += 200;
            for (uint32_t k = 0; k < 6; k++)
                rig_event(&r, &(struct ramp_event){
                                  .kind = RAMP_EV_PROBE,
                                  .probe = {k, RAMP_PASS, (k % 2 ? 40000 : 20000) + i % 100, 0}});
        }
        if (ignore)
            assert_phase(RAMP_APPLYING);
        else
            assert_held(RAMP_WHY_SLOW);
    }
}

TEST(opt_in_limits_breach_by_themselves)
{
    fresh();
    r.plan.suites[0].consecutive_failures = 3;
    rig_walk(&r, RAMP_DRAINING, 1);
    for (int i = 0; i < 3; i++)
        rig_probe(&r, 1, RAMP_FAIL, 0);
    assert_int_equal(ramp_why(&r.s, NULL), RAMP_WHY_CONSECUTIVE);
    fresh();
    r.plan.suites[0].failure_limit = 2;
    rig_walk(&r, RAMP_DRAINING, 1);
    rig_probe(&r, 1, RAMP_FAIL, 0);
    rig_probe(&r, 1, RAMP_PASS, 0);
    rig_probe(&r, 1, RAMP_FAIL, 0);
    assert_int_equal(ramp_why(&r.s, NULL), RAMP_WHY_FAILURE_LIMIT);
}

TEST(checks_that_are_not_required_are_no_evidence)
{
    at(RAMP_DRAINING, 1);
    r.strata[1].required = false;
    for (int i = 0; i < 1000; i++) {
        r.now += 10;
        rig_probe(&r, 1, RAMP_FAIL, 0);
    }
    assert_phase(RAMP_DRAINING);
    assert_int_equal(r.asks, 0);
}

TEST(what_the_fast_rule_has_seen_outlives_a_restart_and_the_step)
{
    int64_t before;

    at(RAMP_BAKING, 1);
    for (int i = 0; i < 3; i++)
        rig_second(&r, 5, 0);
    before = budget_cusum_value(&r.s.core.suite[0].cusum[PLAN_NEW]);
    assert_true(before > 0);
    rig_crash(&r, RAMP_START_RESUME);
    assert_int_equal(budget_cusum_value(&r.s.core.suite[0].cusum[PLAN_NEW]), before);
    rig_answer(&r, RAMP_OK);
    assert_in_range(seconds_to(RAMP_REVERTING, 5, 0), 1, 3);
}

TEST(a_looser_budget_asks_more_often)
{
    assert_int_equal(ramp_reasks(100), 3);
    assert_int_equal(ramp_reasks(10000), 3);
    assert_int_equal(ramp_reasks(50000), 5);
    assert_int_equal(ramp_reasks(125000), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_new_fleet_that_fails_altogether_is_rolled_back_in_about_five_seconds_in_every_phase),
        cmocka_unit_test(a_breach_rolled_back_and_confirmed_exits_with_1),
        cmocka_unit_test(both_fleets_failing_hold_and_never_roll_back_nor_promote),
        cmocka_unit_test(when_the_old_fleet_recovers_and_the_new_does_not_it_goes_back_after_all),
        cmocka_unit_test(the_old_fleet_failing_alone_stops_the_way_forward_and_is_no_rollback),
        cmocka_unit_test(the_last_step_is_not_taken_while_the_old_fleet_is_bad),
        cmocka_unit_test(the_old_fleet_failing_in_the_soak_stops_nothing),
        cmocka_unit_test(no_automatic_policy_goes_back_to_an_old_fleet_that_is_bad),
        cmocka_unit_test(a_glitch_of_three_seconds_is_forgiven),
        cmocka_unit_test(seconds_in_which_nobody_is_reached_do_not_count),
        cmocka_unit_test(on_breach_hold_holds_and_says_so_once),
        cmocka_unit_test(a_breach_while_half_a_step_is_taken_back_goes_the_whole_way),
        cmocka_unit_test(
            one_check_failing_four_of_four_on_new_while_old_passes_is_a_breach_found_in_fifteen_seconds),
        cmocka_unit_test(one_check_failing_on_both_sides_holds),
        cmocka_unit_test(one_check_failing_on_old_alone_is_no_way_back),
        cmocka_unit_test(one_pass_among_the_asks_was_a_flake),
        cmocka_unit_test(a_check_that_old_is_not_asked_has_no_control_and_holds),
        cmocka_unit_test(an_ask_whose_answers_never_come_is_given_up),
        cmocka_unit_test(a_flake_at_the_gate_is_waited_for_and_not_promoted_over),
        cmocka_unit_test(from_a_step_on_a_stratum_is_not_asked_for_before),
        cmocka_unit_test(a_slower_new_fleet_holds_at_the_gate_unless_told_to_ignore_it),
        cmocka_unit_test(opt_in_limits_breach_by_themselves),
        cmocka_unit_test(checks_that_are_not_required_are_no_evidence),
        cmocka_unit_test(what_the_fast_rule_has_seen_outlives_a_restart_and_the_step),
        cmocka_unit_test(a_looser_budget_asks_more_often),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
