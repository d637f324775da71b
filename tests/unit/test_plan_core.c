/* test_plan_core.c: plan.h's checks and figures, from outside. */
#include "test.h"

#include "plan.h"

static struct plan_record records[] = {
    {.name = "www.example.com", .type = "CNAME"},
    {.name = "files.example.com", .type = "A"},
};
static struct plan_stratum strata[6];

static struct plan sound(void)
{
    struct plan p;

    plan_init(&p);
    p.cutover = "shop";
    p.route53.zone = "example.com";
    p.sides[PLAN_OLD] = (struct plan_sets){{"heroku"}, 1};
    p.sides[PLAN_NEW] = (struct plan_sets){{"ec2"}, 1};
    p.records = records;
    p.records_n = 2;
    p.steps_n = 2;
    p.steps[0] = (struct plan_step){1, 60000, false, PLAN_ROLLBACK};
    p.steps[1] = (struct plan_step){100, 60000, false, PLAN_ROLLBACK};
    p.suites_n = 1;
    p.suites[0] = (struct plan_suite){.allowed_ppm = 10000, .unacceptable_ppm = 50000};
    for (uint32_t i = 0; i < 6; i++)
        strata[i] =
            (struct plan_stratum){.cell = i / 2, .side = (uint8_t)(i % 2), .required = true};
    p.strata = strata;
    p.strata_n = 6;
    return p;
}

static struct plan p;

static void expect(enum plan_fault fault, uint32_t index)
{
    struct plan_findings f;

    assert_false(plan_check(&p, &f));
    for (uint32_t i = 0; i < f.n; i++)
        if (f.item[i].fault == fault && f.item[i].index == index)
            return;
    fail_msg("no %s at %u", plan_fault_name(fault), index);
}

TEST(a_sound_plan_has_no_findings)
{
    struct plan_findings f;

    p = sound();
    assert_true(plan_check(&p, &f));
    assert_int_equal(f.n, 0);
}

/* One change a row. */
#define BREAKS(change, fault, index)                                                               \
    do {                                                                                           \
        p = sound();                                                                               \
        change;                                                                                    \
        expect(fault, index);                                                                      \
    } while (0)

TEST(every_fault_is_found_at_its_place)
{
    static const struct plan_record twice[] = {{.name = "www.example.com", .type = "A"},
                                               {.name = "WWW.example.com.", .type = "a"}};
    static const struct plan_record ns[] = {{.name = "example.com", .type = "NS"}};

    BREAKS(p.cutover = "", PLAN_FAULT_NO_CUTOVER, PLAN_WHOLE);
    BREAKS(p.route53.zone = NULL, PLAN_FAULT_NO_ZONE, 1);
    BREAKS(p.records_n = 0, PLAN_FAULT_NO_RECORDS, PLAN_WHOLE);
    BREAKS(p.records = twice, PLAN_FAULT_RECORD_TWICE, 1);
    BREAKS((p.records = ns, p.records_n = 1), PLAN_FAULT_RECORD_TYPE, 0);
    BREAKS(p.sides[PLAN_NEW].n = 0, PLAN_FAULT_NO_SETS, PLAN_NEW);
    BREAKS(p.sides[PLAN_NEW].id[0] = "heroku", PLAN_FAULT_SIDES_SHARE_SET, PLAN_WHOLE);
    BREAKS(p.steps_n = 0, PLAN_FAULT_NO_STEPS, PLAN_WHOLE);
    BREAKS(p.steps[1].percent = 101, PLAN_FAULT_STEP_RANGE, 1);
    BREAKS(p.steps[1].percent = 1, PLAN_FAULT_STEP_ORDER, 1);
    BREAKS(p.steps[0].bake_ms = 0, PLAN_FAULT_STEP_BAKE, 0);
    BREAKS(p.steps[0].on_breach = PLAN_RESUME, PLAN_FAULT_STEP_POLICY, 0);
    BREAKS(p.rollback_to = 1, PLAN_FAULT_ROLLBACK_TO, PLAN_WHOLE);
    BREAKS(p.suites_n = 0, PLAN_FAULT_NO_SUITES, PLAN_WHOLE);
    BREAKS(p.suites[0].allowed_ppm = 99, PLAN_FAULT_ALLOWED_RANGE, 0);
    BREAKS(p.suites[0].allowed_ppm = 25001, PLAN_FAULT_ALLOWED_HALF, 0);
    BREAKS(p.suites[0].unacceptable_ppm = 250001, PLAN_FAULT_UNACCEPTABLE_RANGE, 0);
    BREAKS(p.rate_milli = 0, PLAN_FAULT_RATE, PLAN_WHOLE);
    BREAKS(p.soak.rate_milli = 1000001, PLAN_FAULT_SOAK_RATE, PLAN_WHOLE);
    BREAKS(p.soak.on_breach = PLAN_IGNORE, PLAN_FAULT_SOAK_POLICY, PLAN_WHOLE);
    BREAKS(p.on[PLAN_ON_BREACH] = PLAN_RESUME, PLAN_FAULT_POLICY, PLAN_ON_BREACH);
    BREAKS((p.not_before_s = 100, p.not_after_s = 100), PLAN_FAULT_SCHEDULE_ORDER, PLAN_WHOLE);
    BREAKS((p.not_before_s = 100, p.not_after_s = 159), PLAN_FAULT_SCHEDULE_SHORT, PLAN_WHOLE);
    BREAKS(p.drain_factor_milli = 999, PLAN_FAULT_DRAIN_FACTOR, PLAN_WHOLE);
    BREAKS(p.lease_life_ms = 59999, PLAN_FAULT_LEASE_LIFE, PLAN_WHOLE);
    BREAKS(p.max_hold_ms = 0, PLAN_FAULT_MAX_HOLD, PLAN_WHOLE);
    BREAKS(p.strata_n = PLAN_STRATA_MAX + 1, PLAN_FAULT_TOO_MANY_STRATA, PLAN_WHOLE);
    BREAKS(strata[1].required = strata[3].required = strata[5].required = false,
           PLAN_FAULT_STRATUM_SIDE, 0);
    BREAKS(strata[1].every_ms = 60001, PLAN_FAULT_BAKE_SHORT, 0);
    BREAKS(p.suites[0].unacceptable_ppm = 200;
           p.suites[0].allowed_ppm = 100, PLAN_FAULT_GATE_BLIND, 0);
}

TEST(what_may_stand_apart_is_no_fault)
{
    static const struct plan_record apart[] = {
        {.name = "www.example.com", .type = "A", .zone = "a.example.com"},
        {.name = "www.example.com", .type = "A", .zone = "b.example.com"},
    };
    struct plan_findings f;

    p = sound();
    p.records = apart;
    p.lease_off = true;
    p.lease_life_ms = 0;
    assert_true(plan_check(&p, &f));
}

TEST(findings_have_a_ceiling)
{
    struct plan_findings f;

    p = sound();
    p.steps_n = PLAN_STEPS_MAX;
    memset(p.steps, 0, sizeof(p.steps));
    assert_false(plan_check(&p, &f));
    assert_int_equal(f.n, PLAN_FINDINGS_MAX);
}

TEST(faults_policies_and_keys_have_names)
{
    for (int i = 0; i < PLAN_FAULT_COUNT; i++) {
        assert_non_null(plan_fault_name((enum plan_fault)i));
        assert_non_null(plan_fault_text((enum plan_fault)i));
    }
    for (int i = 0; i < PLAN_ON_COUNT; i++) {
        assert_non_null(plan_on_name((enum plan_on)i));
        assert_true(plan_on_allowed((enum plan_on)i, PLAN_HOLD));
    }
    assert_true(plan_on_allowed(PLAN_ON_CRASH, PLAN_RESUME));
    assert_false(plan_on_allowed(PLAN_ON_SLOW, PLAN_RESUME));
    assert_string_equal(plan_policy_name(PLAN_ROLLBACK), "rollback");
}

TEST(the_gates_figures_are_those_of_the_published_tables)
{
    struct plan_gate_figures g;

    p = sound();
    plan_gate_figures(&p, 0, 0, &g);
    assert_int_equal(g.strata, 3);
    assert_in_range(g.n, 299, 300);
    assert_int_equal(g.n_needed, 59);
    assert_int_equal(g.failures_max, 8);
    assert_in_range(g.shown_ppm, 9900, 10000);
    p.rate_milli = 500;
    plan_gate_figures(&p, 0, 0, &g);
    assert_in_range(g.n, 29, 30);
    assert_int_equal(g.failures_max, UINT32_MAX);
}

TEST(every_limits_what_a_stratum_gives_and_others_take_its_share)
{
    struct plan_gate_figures g;

    p = sound();
    strata[1].every_ms = 30000; /* 2 a minute; the other two share the rest */
    plan_gate_figures(&p, 0, 0, &g);
    assert_in_range(g.n, 298, 300);
    strata[3].every_ms = strata[5].every_ms = 30000;
    plan_gate_figures(&p, 0, 0, &g);
    assert_in_range(g.n, 5, 6);
}

TEST(detection_times_are_about_those_of_the_published_table)
{
    p = sound();
    assert_in_range(plan_detect_ms(&p, 0, 1000000), 4800, 5000);
    assert_in_range(plan_detect_ms(&p, 0, 250000), 6000, 9000);
    assert_in_range(plan_detect_ms(&p, 0, 100000), 15000, 25000);
    assert_true(plan_detect_ms(&p, 0, 1000) == INT64_MAX);
}

TEST(waits_add_up)
{
    p = sound();
    assert_int_equal(plan_drain_ms(&p, 60000), 60000);
    assert_int_equal(plan_earliest_ms(&p, 60000, 0, 100), 2 * 120000 + 1800000);
    assert_int_equal(plan_earliest_ms(&p, 60000, 0, 1), 120000);
    assert_int_equal(plan_round_ms(300, 5000), 60000);
    assert_int_equal(plan_step_find(&p, 100), 1);
    assert_int_equal(plan_step_find(&p, 50), PLAN_WHOLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_plan_has_no_findings),
        cmocka_unit_test(every_fault_is_found_at_its_place),
        cmocka_unit_test(what_may_stand_apart_is_no_fault),
        cmocka_unit_test(findings_have_a_ceiling),
        cmocka_unit_test(faults_policies_and_keys_have_names),
        cmocka_unit_test(the_gates_figures_are_those_of_the_published_tables),
        cmocka_unit_test(every_limits_what_a_stratum_gives_and_others_take_its_share),
        cmocka_unit_test(detection_times_are_about_those_of_the_published_table),
        cmocka_unit_test(waits_add_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
