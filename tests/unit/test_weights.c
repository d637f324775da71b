/* test_weights.c: weights.h, from outside. */
#include "test.h"

#include "plan.h"
#include "weights.h"

#include <stdlib.h>

static struct weights pair(uint8_t old_weight, uint8_t new_weight)
{
    return (struct weights){
        .n = 2, .side = {PLAN_OLD, PLAN_NEW}, .weight = {old_weight, new_weight}};
}

static uint32_t sum_of(const struct weights *w, int side)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < w->n; i++)
        if (w->side[i] == side)
            sum += w->weight[i];
    return sum;
}

TEST(two_sets_read_as_percent)
{
    struct weights base = pair(255, 0), out;

    for (uint32_t p = 1; p < 100; p++) {
        weights_for_percent(&base, p, &out);
        assert_int_equal(out.weight[1], p);
        assert_int_equal(out.weight[0], 100 - p);
    }
}

TEST(nothing_and_everything_are_exact_and_keep_the_weights_of_the_baseline)
{
    struct weights base = pair(37, 0), out;

    weights_for_percent(&base, 0, &out);
    assert_int_equal(out.weight[0], 37);
    assert_int_equal(out.weight[1], 0);
    weights_for_percent(&base, 100, &out);
    assert_int_equal(out.weight[0], 0);
    assert_int_equal(out.weight[1], 100); /* the baseline gave it nothing */
}

TEST(the_result_may_go_where_the_baseline_stands)
{
    struct weights w = pair(10, 0);

    weights_for_percent(&w, 25, &w);
    assert_int_equal(weights_new_ppm(&w), 250000);
}

TEST(several_sets_of_a_side_keep_their_shares)
{
    struct weights base = {
        .n = 4, .side = {PLAN_OLD, PLAN_OLD, PLAN_NEW, PLAN_NEW}, .weight = {30, 10, 0, 0}};
    struct weights out;

    weights_for_percent(&base, 50, &out);
    assert_int_equal(weights_new_ppm(&out), 500000);
    assert_int_equal(out.weight[0], 3 * out.weight[1]);
    assert_int_equal(out.weight[2], out.weight[3]);
}

TEST(one_percent_of_two_new_sets_finds_a_scale_that_gives_both_something)
{
    struct weights base = {
        .n = 4, .side = {PLAN_OLD, PLAN_OLD, PLAN_NEW, PLAN_NEW}, .weight = {50, 50, 50, 50}};
    struct weights out;

    weights_for_percent(&base, 1, &out);
    assert_int_equal(weights_new_ppm(&out), 10000);
    assert_int_equal(out.weight[2], 1);
    assert_int_equal(out.weight[3], 1);
    assert_int_equal(out.weight[0], 99);
    assert_int_equal(out.weight[1], 99);
}

TEST(a_set_that_was_taken_out_stays_out)
{
    struct weights base = {.n = 3, .side = {PLAN_OLD, PLAN_OLD, PLAN_NEW}, .weight = {100, 0, 0}};
    struct weights out;

    for (uint32_t p = 0; p < 100; p++) {
        weights_for_percent(&base, p, &out);
        assert_int_equal(out.weight[1], 0);
    }
}

/* Every percentage, many shapes: the share is as near as a sum of 100 allows, no side with a share
 * is empty, nothing is 0 in all. */
static void walk_shape(const struct weights *base)
{
    struct weights out;

    for (uint32_t p = 0; p <= 100; p++) {
        int64_t off;

        weights_for_percent(base, p, &out);
        assert_int_equal(out.n, base->n);
        assert_memory_equal(out.side, base->side, sizeof(out.side));
        assert_true(weights_ok(&out));
        assert_int_equal(sum_of(&out, PLAN_NEW) == 0, p == 0);
        assert_int_equal(sum_of(&out, PLAN_OLD) == 0, p == 100);
        off = (int64_t)weights_new_ppm(&out) - (int64_t)p * 10000;
        assert_int_equal(off, 0); /* a sum of 100 always fits, so every whole percent is exact */
    }
}

TEST(every_percentage_of_many_shapes_is_exact_and_never_sums_to_nothing)
{
    const int shapes = getenv("SLUICE_VALGRIND") ? 20 : 200;
    uint32_t seed = 1;

    for (int shape = 0; shape < shapes; shape++) {
        struct weights base = {.n = 2};

        seed = seed * 1664525u + 1013904223u;
        base.n = 2 + (seed >> 16) % (shape < 3 ? WEIGHTS_SETS_MAX - 1 : 5);
        for (uint32_t i = 0; i < base.n; i++) {
            seed = seed * 1664525u + 1013904223u;
            base.side[i] = i < 2 ? (uint8_t)i : (seed >> 8) & 1;
            base.weight[i] = (seed >> 20) & 3 ? (uint8_t)(seed >> 24) : 0;
        }
        walk_shape(&base);
    }
}

TEST(a_share_of_a_group_of_zeros_is_nothing)
{
    struct weights base = pair(0, 0);

    assert_int_equal(weights_new_ppm(&base), 0);
    assert_false(weights_ok(&base));
    weights_for_percent(&base, 0, &base);
    assert_true(weights_ok(&base));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_sets_read_as_percent),
        cmocka_unit_test(nothing_and_everything_are_exact_and_keep_the_weights_of_the_baseline),
        cmocka_unit_test(the_result_may_go_where_the_baseline_stands),
        cmocka_unit_test(several_sets_of_a_side_keep_their_shares),
        cmocka_unit_test(one_percent_of_two_new_sets_finds_a_scale_that_gives_both_something),
        cmocka_unit_test(a_set_that_was_taken_out_stays_out),
        cmocka_unit_test(every_percentage_of_many_shapes_is_exact_and_never_sums_to_nothing),
        cmocka_unit_test(a_share_of_a_group_of_zeros_is_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
