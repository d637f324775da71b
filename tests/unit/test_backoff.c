/* test_backoff.c: backoff.h, from outside. */
#include "test.h"

#include "backoff.h"

TEST(full_jitter_stays_under_the_doubling_cap_and_reaches_both_ends)
{
    uint64_t seed = 7;
    int64_t low = INT64_MAX, high = -1;

    for (int i = 0; i < 20000; i++) {
        int64_t d = backoff_full_ms(&seed, 3, 100, 5000);

        assert_in_range(d, 0, 800);
        low = d < low ? d : low;
        high = d > high ? d : high;
    }
    assert_in_range(low, 0, 5);
    assert_in_range(high, 795, 800);
    for (uint32_t attempt = 0; attempt < 200; attempt++)
        assert_in_range(backoff_full_ms(&seed, attempt, 100, 5000), 0, 5000);
}

TEST(a_rollback_waits_a_quarter_of_a_second_doubling_to_five)
{
    static const int64_t most[] = {250, 500, 1000, 2000, 4000, 5000, 5000, 5000};
    uint64_t seed = 9;

    for (uint32_t attempt = 0; attempt < 8; attempt++)
        for (int i = 0; i < 500; i++)
            assert_in_range(backoff_rollback_ms(&seed, attempt), most[attempt] / 2, most[attempt]);
    assert_in_range(backoff_rollback_ms(&seed, UINT32_MAX), 2500, 5000);
}

TEST(the_same_seed_gives_the_same_numbers)
{
    uint64_t a = 42, b = 42, c = 43;

    for (int i = 0; i < 100; i++)
        assert_true(backoff_random(&a) == backoff_random(&b));
    assert_true(backoff_random(&a) != backoff_random(&c));
}

TEST(the_generator_is_splitmix64)
{
    uint64_t seed = 1234567;

    assert_true(backoff_random(&seed) == 6457827717110365317u);
    assert_true(backoff_random(&seed) == 3203168211198807973u);
}

TEST(numbers_below_a_bound_come_evenly)
{
    uint64_t seed = 3;
    int seen[7] = {0};

    for (int i = 0; i < 70000; i++)
        seen[backoff_below(&seed, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_in_range(seen[i], 9500, 10500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_jitter_stays_under_the_doubling_cap_and_reaches_both_ends),
        cmocka_unit_test(a_rollback_waits_a_quarter_of_a_second_doubling_to_five),
        cmocka_unit_test(the_same_seed_gives_the_same_numbers),
        cmocka_unit_test(the_generator_is_splitmix64),
        cmocka_unit_test(numbers_below_a_bound_come_evenly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
