/* judge and tally: a budget over many probes of one side. */
#include "judge.h"

#include <string.h>

#include "tally.h"
#include "test.h"

static struct judge_suite one;

static struct judge begin(void)
{
    struct judge j;

    one = (struct judge_suite){.name = "shop.yaml", .required = true};
    judge_init(&j, 10000, 50000, &one, 1);
    return j;
}

static enum judge_verdict end(const struct judge *j, const char *unsettled, uint32_t streak,
                              const char *says)
{
    struct buf why SL_CLEANUP(buf_clear) = {0};
    enum judge_verdict v = judge_end(j, unsettled, streak, &why);

    if (!strstr(buf_str(&why), says))
        print_message("# says: %s\n", buf_str(&why));
    assert_non_null(strstr(buf_str(&why), says));
    return v;
}

TEST(fifty_nine_clean_probes_keep_the_budget_and_fifty_eight_do_not_decide)
{
    struct judge j = begin();

    for (int i = 0; i < 58; i++)
        assert_false(judge_add(&j, 0, false, i * 200));
    assert_int_equal(end(&j, NULL, 0, "it takes 59 probes"), JUDGE_UNDECIDED);
    assert_false(judge_add(&j, 0, false, 58 * 200));
    assert_int_equal(end(&j, NULL, 0, "the budget is kept: shop.yaml: 0 of 59"), JUDGE_KEPT);
}

TEST(an_outage_is_a_breach_in_the_fifth_second_and_not_before)
{
    struct judge j = begin();
    int n = 0;

    while (!judge_add(&j, 0, true, n * 200))
        n++;
    assert_int_equal(n * 200 / 1000, 4);
    assert_int_equal(end(&j, NULL, 0, "the budget is broken: shop.yaml"), JUDGE_BREACH);
}

TEST(no_probe_is_no_data_and_no_data_is_never_a_pass)
{
    struct judge j = begin();

    assert_int_equal(end(&j, NULL, 0, "no data is never a pass"), JUDGE_NO_DATA);
    one.required = false;
    assert_int_equal(end(&j, NULL, 0, "no required check"), JUDGE_NO_DATA);
}

TEST(a_check_that_did_not_pass_last_decides_nothing_and_four_in_a_row_are_a_breach)
{
    struct judge j = begin();

    for (int i = 0; i < 300; i++)
        assert_false(judge_add(&j, 0, false, i * 200));
    assert_int_equal(end(&j, "sign in", 3, "undecided: 'sign in' did not pass last"),
                     JUDGE_UNDECIDED);
    assert_int_equal(end(&j, "sign in", 4, "'sign in' failed its last 4 probes"), JUDGE_BREACH);
}

TEST(verdicts_have_the_statuses_of_the_manual)
{
    assert_int_equal(judge_status(JUDGE_KEPT), 0);
    assert_int_equal(judge_status(JUDGE_BREACH), 1);
    assert_int_equal(judge_status(JUDGE_UNDECIDED), 10);
    assert_int_equal(judge_status(JUDGE_NO_DATA), 11);
}

TEST(a_tally_counts_verdicts_retries_and_failures_in_a_row)
{
    struct probe_result pass = {.verdict = RUN_PASS, .attempts = 1, .latency_us = 10000};
    struct probe_result late = {.verdict = RUN_PASS, .attempts = 2, .latency_us = 10000};
    struct probe_result fail = {.verdict = RUN_FAIL}, error = {.verdict = RUN_ERROR};
    struct tally t = {0};

    tally_add(&t, &pass);
    tally_add(&t, &fail);
    tally_add(&t, &error);
    tally_add(&t, &fail);
    assert_int_equal(t.in_a_row, 2);
    assert_false(t.passed_last);
    tally_add(&t, &late);
    assert_int_equal(t.runs, 5);
    assert_int_equal(t.passed, 2);
    assert_int_equal(t.failed, 2);
    assert_int_equal(t.errors, 1);
    assert_int_equal(t.flaky, 1);
    assert_int_equal(t.in_a_row, 0);
    assert_in_range(budget_latency_quantile_us(&t.latency, 50), 9000, 11000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fifty_nine_clean_probes_keep_the_budget_and_fifty_eight_do_not_decide),
        cmocka_unit_test(an_outage_is_a_breach_in_the_fifth_second_and_not_before),
        cmocka_unit_test(no_probe_is_no_data_and_no_data_is_never_a_pass),
        cmocka_unit_test(
            a_check_that_did_not_pass_last_decides_nothing_and_four_in_a_row_are_a_breach),
        cmocka_unit_test(verdicts_have_the_statuses_of_the_manual),
        cmocka_unit_test(a_tally_counts_verdicts_retries_and_failures_in_a_row),
    };

    return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
