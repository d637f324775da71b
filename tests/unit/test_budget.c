/* test_budget.c: budget.h against exact sums worked out here, and against published tables. */
#include "test.h"

#include "sluice/budget.h"

#include <math.h>

static void assert_near(double got, double want, double rel)
{
    if (fabs(got - want) > rel * fabs(want) + 1e-300)
        fail_msg("got %.17g, want %.17g", got, want);
}

/* P(X >= x) of a binomial, by adding up. */
static double binomial_tail(int n, double p, int x)
{
    double sum = 0;

    for (int k = n; k >= x; k--) {
        double term = 1;

        for (int i = 1; i <= k; i++)
            term *= p * (n - k + i) / i;
        for (int i = 0; i < n - k; i++)
            term *= 1 - p;
        sum += term;
    }
    return sum;
}

/* C(n, k) as a double; exact below 2^53. */
static double choose(int n, int k)
{
    double c = 1;

    for (int i = 1; i <= k; i++)
        c = c * (n - k + i) / i;
    return c;
}

static double fisher_sum(int x1, int n1, int x0, int n0)
{
    double sum = 0;
    int fails = x1 + x0;

    for (int k = x1; k <= fails && k <= n1; k++)
        if (fails - k <= n0)
            sum += choose(n1, k) * choose(n0, fails - k) / choose(n1 + n0, fails);
    return sum;
}

TEST(the_incomplete_beta_is_the_binomial_tail)
{
    static const double rates[] = {0.0001, 0.01, 0.05, 0.25, 0.5, 0.9};

    for (int n = 1; n <= 60; n++)
        for (int x = 1; x <= n; x++)
            for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
                assert_near(budget_beta_inc(x, n - x + 1, rates[i]), binomial_tail(n, rates[i], x),
                            1e-9);
}

TEST(fisher_is_the_hypergeometric_tail)
{
    static const int cases[][4] = {{1, 20, 0, 20},  {7, 60, 0, 60}, {10, 60, 0, 60}, {5, 25, 2, 30},
                                   {25, 25, 0, 25}, {3, 10, 2, 40}, {9, 60, 1, 55}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct budget_count a = {cases[i][1], cases[i][0]}, b = {cases[i][3], cases[i][2]};

        assert_near(budget_fisher(&a, &b),
                    fisher_sum(cases[i][0], cases[i][1], cases[i][2], cases[i][3]), 1e-9);
    }
}

TEST(fisher_with_a_clean_control_needs_seven_failures_at_one_percent_and_ten_at_a_thousandth)
{
    static const int64_t sizes[] = {60, 300, 600, 3000};

    for (size_t i = 0; i < 4; i++) {
        struct budget_count clean = {sizes[i], 0};

        for (int64_t x = 1; x <= 12; x++) {
            struct budget_count bad = {sizes[i], x};
            double p = budget_fisher(&bad, &clean);

            assert_int_equal(p < 0.01, x >= 7);
            assert_int_equal(p < 0.001, x >= 10);
        }
    }
}

TEST(fisher_says_nothing_without_probes_or_when_the_first_is_not_worse)
{
    struct budget_count none = {0, 0}, some = {50, 20}, more = {50, 30};

    assert_true(budget_fisher(&some, &none) == 1);
    assert_true(budget_fisher(&none, &some) == 1);
    assert_true(budget_fisher(&some, &more) == 1);
    assert_true(budget_fisher(&some, &some) == 1);
}

TEST(fisher_holds_for_long_outages_of_both)
{
    struct budget_count a = {100000, 60000}, b = {100000, 59900}, c = {100000, 50000};

    assert_true(budget_fisher(&a, &b) > 0.1);
    assert_true(budget_fisher(&a, &c) < 1e-50);
}

TEST(clopper_pearson_bounds_put_the_tails_at_alpha)
{
    static const int sizes[] = {1, 5, 20, 60};

    for (size_t i = 0; i < 4; i++)
        for (int x = 0; x <= sizes[i]; x++) {
            struct budget_count c = {sizes[i], x};
            double low = budget_lower(&c, 0.0005), high = budget_upper(&c, 0.05);

            if (x > 0)
                assert_near(binomial_tail(sizes[i], low, x), 0.0005, 1e-6);
            else
                assert_true(low == 0);
            if (x < sizes[i])
                assert_near(1 - binomial_tail(sizes[i], high, x + 1), 0.05, 1e-6);
            else
                assert_true(high == 1);
        }
}

TEST(samples_without_a_failure_that_a_promotion_needs)
{
    static const struct {
        uint32_t unacceptable_ppm;
        int64_t n;
    } rows[] = {{50000, 59}, {20000, 149}, {10000, 299}, {5000, 598}, {1000, 2995}};

    for (size_t i = 0; i < 5; i++) {
        struct budget_count enough = {rows[i].n, 0}, short_by_one = {rows[i].n - 1, 0};

        assert_int_equal(budget_gate_eval(&enough, 100, rows[i].unacceptable_ppm), BUDGET_PROMOTE);
        assert_int_equal(budget_gate_eval(&short_by_one, 100, rows[i].unacceptable_ppm),
                         BUDGET_EXTEND);
    }
}

/* allowed 1 %, unacceptable 5 %: most failures that promote, and fewest that breach at 99.95 %. */
TEST(the_gate_says_promote_extend_and_breach_where_exact_sums_put_them)
{
    static const int64_t sizes[] = {60, 120, 300, 600, 1500, 3000};
    static const int64_t promote_max[] = {0, 1, 8, -1, -1, -1}; /* -1: all that do not breach */

    for (size_t i = 0; i < 6; i++) {
        bool breached = false;

        for (int64_t x = 0; x <= sizes[i] / 10; x++) {
            struct budget_count c = {sizes[i], x};
            enum budget_gate g = budget_gate_eval(&c, 10000, 50000);
            bool low = x > 0 && budget_lower(&c, BUDGET_P_GATE_BREACH) > 0.01;

            assert_int_equal(g == BUDGET_BREACH, low);
            if (low)
                assert_true(breached || x > 0);
            if (!low && promote_max[i] >= 0)
                assert_int_equal(g == BUDGET_PROMOTE, x <= promote_max[i]);
            else if (!low)
                assert_int_equal(g, BUDGET_PROMOTE);
            assert_false(breached && !low);
            breached = low;
        }
        assert_true(breached);
    }
}

TEST(no_data_extends_and_only_failures_never_promote)
{
    struct budget_count none = {0, 0}, all = {1, 1};

    assert_int_equal(budget_gate_eval(&none, 10000, 50000), BUDGET_EXTEND);
    assert_int_not_equal(budget_gate_eval(&all, 10000, 50000), BUDGET_PROMOTE);
}

TEST(increments_are_the_log_likelihood_ratio)
{
    struct budget_rates r = budget_rates_of(10000, 50000);

    assert_int_equal(r.fail_micro, 2302585);
    assert_int_equal(r.pass_micro, -95310);
}

TEST(a_total_outage_breaches_in_five_seconds_and_four_are_forgiven)
{
    struct budget_rates r = budget_rates_of(10000, 50000);
    struct budget_cusum c = {0};

    for (int second = 0; second < 5; second++) {
        int64_t s = 0;

        assert_true(budget_cusum_value(&c) < BUDGET_LIMIT);
        for (int i = 0; i < 5; i++)
            s = budget_cusum_add(&c, &r, true, second * 1000 + i * 200);
        assert_int_equal(s, (second + 1) * BUDGET_CLAMP);
    }
    assert_true(budget_cusum_value(&c) >= BUDGET_LIMIT);
}

TEST(passes_bring_the_sum_back_to_nothing_and_not_below)
{
    struct budget_rates r = budget_rates_of(10000, 50000);
    struct budget_cusum c = {0};

    budget_cusum_add(&c, &r, true, 0);
    for (int i = 1; i < 100; i++)
        budget_cusum_add(&c, &r, false, i * 200);
    assert_int_equal(budget_cusum_value(&c), 0);
    assert_int_equal(budget_cusum_add(&c, &r, true, 50000), r.fail_micro);
}

TEST(the_sum_has_a_ceiling_so_that_a_fleet_that_recovered_is_believed)
{
    struct budget_rates r = budget_rates_of(10000, 50000);
    struct budget_cusum c = {0};
    int seconds = 0;

    for (int i = 0; i < 100000; i++)
        budget_cusum_add(&c, &r, true, i * 200);
    assert_int_equal(budget_cusum_value(&c), 2 * BUDGET_LIMIT_SOAK);
    while (budget_cusum_value(&c) > 0 && seconds++ < 1000)
        for (int i = 0; i < 5; i++)
            budget_cusum_add(&c, &r, false, 100000000 + seconds * 1000 + i * 200);
    assert_in_range(seconds, 60, 70);
}

TEST(a_second_in_which_nobody_could_be_reached_is_forgotten)
{
    struct budget_rates r = budget_rates_of(10000, 50000);
    struct budget_cusum c = {0};

    budget_cusum_add(&c, &r, true, 100);
    budget_cusum_add(&c, &r, true, 1100);
    budget_cusum_drop_second(&c);
    assert_int_equal(budget_cusum_value(&c), r.fail_micro);
}

TEST(medians_and_quantiles_are_good_to_a_few_percent)
{
    struct budget_latency h = {{0}};

    for (int us = 1000; us < 101000; us += 100)
        budget_latency_add(&h, us);
    assert_int_equal(budget_latency_n(&h), 1000);
    assert_in_range(budget_latency_quantile_us(&h, 50), 49000, 53000);
    assert_in_range(budget_latency_quantile_us(&h, 95), 92000, 100000);
}

TEST(latencies_outside_the_table_go_to_its_ends)
{
    struct budget_latency h = {{0}};

    budget_latency_add(&h, 0);
    budget_latency_add(&h, -5);
    budget_latency_add(&h, INT64_MAX);
    assert_int_equal(h.count[0], 2);
    assert_int_equal(h.count[BUDGET_LATENCY_BUCKETS - 1], 1);
}

TEST(slower_needs_significance_and_a_quarter_more)
{
    static const struct {
        int percent;
        bool slow;
    } rows[] = {{100, false}, {110, false}, {140, true}, {200, true}};

    for (size_t k = 0; k < 4; k++) {
        struct budget_latency o = {{0}}, n = {{0}};

        for (int i = 0; i < 300; i++) {
            int us = 20000 + (i * 7919) % 20000;

            budget_latency_add(&o, us);
            budget_latency_add(&n, us * rows[k].percent / 100);
        }
        assert_int_equal(budget_slower(&n, &o), rows[k].slow);
    }
}

/* Ten against ten without ties within buckets far apart: U = 100, the extreme; normal approximation
 * with continuity: z = (100 - 50 - 0.5) / sqrt(10*10*21/12) = 3.742. */
TEST(mann_whitney_of_two_disjoint_samples)
{
    struct budget_latency a = {{0}}, b = {{0}};

    for (uint32_t i = 0; i < 10; i++) {
        b.count[i] = 1;
        a.count[i + 20] = 1;
    }
    assert_near(budget_mann_whitney(&a, &b), 0.5 * erfc(49.5 / sqrt(175.0) / sqrt(2.0)), 1e-9);
    assert_true(budget_mann_whitney(&b, &a) > 0.999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_incomplete_beta_is_the_binomial_tail),
        cmocka_unit_test(fisher_is_the_hypergeometric_tail),
        cmocka_unit_test(
            fisher_with_a_clean_control_needs_seven_failures_at_one_percent_and_ten_at_a_thousandth),
        cmocka_unit_test(fisher_says_nothing_without_probes_or_when_the_first_is_not_worse),
        cmocka_unit_test(fisher_holds_for_long_outages_of_both),
        cmocka_unit_test(clopper_pearson_bounds_put_the_tails_at_alpha),
        cmocka_unit_test(samples_without_a_failure_that_a_promotion_needs),
        cmocka_unit_test(the_gate_says_promote_extend_and_breach_where_exact_sums_put_them),
        cmocka_unit_test(no_data_extends_and_only_failures_never_promote),
        cmocka_unit_test(increments_are_the_log_likelihood_ratio),
        cmocka_unit_test(a_total_outage_breaches_in_five_seconds_and_four_are_forgiven),
        cmocka_unit_test(passes_bring_the_sum_back_to_nothing_and_not_below),
        cmocka_unit_test(the_sum_has_a_ceiling_so_that_a_fleet_that_recovered_is_believed),
        cmocka_unit_test(a_second_in_which_nobody_could_be_reached_is_forgotten),
        cmocka_unit_test(medians_and_quantiles_are_good_to_a_few_percent),
        cmocka_unit_test(latencies_outside_the_table_go_to_its_ends),
        cmocka_unit_test(slower_needs_significance_and_a_quarter_more),
        cmocka_unit_test(mann_whitney_of_two_disjoint_samples),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
