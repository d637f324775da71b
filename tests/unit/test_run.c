/* run: the pure scheduler, driven with a clock made by hand. */
#include "sluice/run.h"

#include <stdlib.h>

#include "test.h"

#define MANY 4000

struct bench {
    struct run run;
    struct run_stratum strata[MANY];
    struct run_group groups[MANY];
    struct run_host hosts[300];
};

static struct bench *bench_new(uint32_t strata, uint32_t hosts, uint32_t jobs, int64_t every_ms)
{
    struct bench *b = calloc(1, sizeof *b);

    assert_non_null(b);
    for (uint32_t i = 0; i < strata; i++) {
        b->strata[i].host = i / (strata / hosts) % hosts;
        b->strata[i].group = i;
        b->strata[i].reads_only = true;
        b->groups[i].every_ms = every_ms;
    }
    run_init(&b->run, b->strata, strata, b->groups, strata, b->hosts, hosts, jobs);
    return b;
}

static bool answer(struct run *run, const struct run_order *order, enum run_verdict verdict,
                   bool throttled, int64_t now_ms)
{
    struct run_answer a = {.verdict = verdict, .throttled = throttled};

    return run_result(run, order, &a, now_ms);
}

TEST(a_sweep_asks_every_stratum_once_and_no_more_than_jobs_at_a_time)
{
    struct bench *b = bench_new(100, 1, 7, 0);
    uint8_t seen[100] = {0};
    struct run_order flying[7], o;
    uint32_t n = 0;

    assert_int_equal(run_sweep(&b->run, NULL, NULL), 100);
    assert_int_equal(run_sweep(&b->run, NULL, NULL), 0);
    while (!run_idle(&b->run)) {
        while (run_next(&b->run, 0, &o)) {
            assert_true(n < 7);
            flying[n++] = o;
            seen[o.stratum]++;
        }
        assert_int_equal(run_wake_at(&b->run, 0), INT64_MAX);
        n--;
        assert_true(answer(&b->run, &flying[n], RUN_PASS, false, 0));
    }
    for (int i = 0; i < 100; i++)
        assert_int_equal(seen[i], 1);
    free(b);
}

TEST(with_many_hosts_each_has_one_probe_in_flight)
{
    /* 2,000 strata of 200 hosts, those of a host side by side as files have them; answers in any
     * order */
    struct bench *b = bench_new(2000, 200, 20, 0);
    struct run_order flying[20], o;
    uint32_t n = 0, on_host[200] = {0}, most = 0;

    srand(1);
    run_sweep(&b->run, NULL, NULL);
    while (!run_idle(&b->run)) {
        uint32_t pick;

        while (run_next(&b->run, 0, &o)) {
            uint32_t h = b->strata[o.stratum].host;

            flying[n++] = o;
            if (++on_host[h] > most)
                most = on_host[h];
        }
        pick = (uint32_t)rand() % n;
        on_host[b->strata[flying[pick].stratum].host]--;
        answer(&b->run, &flying[pick], RUN_PASS, false, 0);
        flying[pick] = flying[--n];
    }
    assert_int_equal(most, 1);
    free(b);
}

TEST(one_host_takes_all_jobs)
{
    struct bench *b = bench_new(10, 1, 4, 0);
    struct run_order o;

    run_sweep(&b->run, NULL, NULL);
    for (int i = 0; i < 4; i++)
        assert_true(run_next(&b->run, 0, &o));
    assert_false(run_next(&b->run, 0, &o));
    free(b);
}

TEST(a_failed_stratum_is_tried_again_after_its_delay_and_then_final)
{
    struct bench *b = bench_new(1, 1, 2, 0);
    struct run_order o;

    b->strata[0].retries = 2;
    b->strata[0].retry_ms = 500;
    run_sweep(&b->run, NULL, NULL);
    assert_true(run_next(&b->run, 0, &o));
    assert_false(answer(&b->run, &o, RUN_FAIL, false, 100));
    assert_false(run_next(&b->run, 599, &o));
    assert_int_equal(run_wake_at(&b->run, 100), 600);
    assert_true(run_next(&b->run, 600, &o));
    assert_int_equal(o.attempt, 2);
    assert_false(answer(&b->run, &o, RUN_ERROR, false, 600));
    assert_true(run_next(&b->run, 1100, &o));
    assert_true(answer(&b->run, &o, RUN_FAIL, false, 1100));
    assert_true(run_idle(&b->run));
    free(b);
}

TEST(delays_of_retries_grow_up_to_a_ceiling_and_jitter_makes_them_shorter_only)
{
    struct bench *b = bench_new(1, 1, 1, 0);
    int64_t plain[] = {100, 250, 625, 1562}, now = 0, due, last = 0;
    bool differed = false;
    struct run_order o;

    b->strata[0].retries = 20;
    b->strata[0].retry_ms = 100;
    b->strata[0].retry_growth_percent = 250;
    run_sweep(&b->run, NULL, NULL);
    for (int i = 0; i < 20; i++) {
        assert_true(run_next(&b->run, now, &o));
        assert_false(answer(&b->run, &o, RUN_FAIL, false, now));
        due = run_wake_at(&b->run, now);
        if (i < 4)
            assert_int_equal(due - now, plain[i]);
        assert_true(due - now <= RUN_RETRY_MS_MAX);
        last = due - now;
        now = due;
    }
    assert_int_equal(last, RUN_RETRY_MS_MAX);
    free(b);
    b = bench_new(50, 1, 50, 0);
    for (int i = 0; i < 50; i++) {
        b->strata[i].retries = 1;
        b->strata[i].retry_ms = 1000;
        b->strata[i].retry_jitter_percent = 50;
    }
    run_sweep(&b->run, NULL, NULL);
    for (int i = 0; i < 50; i++) {
        assert_true(run_next(&b->run, 0, &o));
        assert_false(answer(&b->run, &o, RUN_FAIL, false, 0));
        differed |= b->strata[o.stratum].due_ms != b->strata[0].due_ms;
        assert_in_range(b->strata[o.stratum].due_ms, 500, 1000);
    }
    assert_true(differed);
    free(b);
}

TEST(a_final_answer_is_not_asked_again)
{
    struct bench *b = bench_new(1, 1, 1, 0);
    struct run_answer wrong = {.verdict = RUN_FAIL, .final = true};
    struct run_order o;

    b->strata[0].retries = 3;
    run_sweep(&b->run, NULL, NULL);
    assert_true(run_next(&b->run, 0, &o));
    assert_true(run_result(&b->run, &o, &wrong, 0));
    assert_true(run_idle(&b->run));
    free(b);
}

TEST(turns_come_at_the_rate_of_each_side_and_every_stratum_in_turn)
{
    struct bench *b = bench_new(10, 2, 100, 1000);
    uint32_t seen[10] = {0}, sides[2] = {0};
    struct run_order o;

    for (int i = 0; i < 10; i++)
        b->strata[i].side = (uint8_t)(i % 2);
    run_rate(&b->run, 3000, 0);
    for (int64_t now = 0; now < 10000; now++)
        while (run_next(&b->run, now, &o)) {
            assert_int_equal(o.source, RUN_TURN);
            seen[o.stratum]++;
            sides[b->strata[o.stratum].side]++;
            answer(&b->run, &o, RUN_PASS, false, now);
        }
    assert_int_equal(sides[0], 30);
    assert_int_equal(sides[1], 30);
    for (int i = 0; i < 10; i++)
        assert_int_equal(seen[i], 6);
    free(b);
}

TEST(every_is_kept_over_the_endpoints_of_a_row_and_the_slot_waits)
{
    struct bench *b = bench_new(2, 1, 10, 30000);
    struct run_order o;

    b->strata[1].group = 0; /* two endpoints of one row */
    run_rate(&b->run, 5000, 0);
    assert_true(run_next(&b->run, 0, &o));
    answer(&b->run, &o, RUN_PASS, false, 10);
    assert_false(run_next(&b->run, 29999, &o));
    assert_int_equal(run_wake_at(&b->run, 10), 30000);
    assert_true(run_next(&b->run, 30000, &o));
    assert_int_equal(o.stratum, 1);
    assert_false(run_next(&b->run, 30000, &o));
    free(b);
}

TEST(slots_missed_are_lost_and_make_no_burst)
{
    struct bench *b = bench_new(50, 1, 100, 0);
    struct run_order o;
    int n = 0;

    run_rate(&b->run, 5000, 0);
    assert_true(run_next(&b->run, 0, &o));
    while (run_next(&b->run, 60000, &o))
        n++;
    assert_int_equal(n, 1);
    assert_int_equal(run_wake_at(&b->run, 60000), 60200);
    free(b);
}

TEST(from_holds_turns_back_until_the_step_is_reached)
{
    struct bench *b = bench_new(1, 1, 1, 0);
    struct run_order o;

    b->strata[0].from_percent = 10;
    run_rate(&b->run, 1000, 0);
    run_percent(&b->run, 1);
    assert_false(run_next(&b->run, 0, &o));
    assert_int_equal(run_wake_at(&b->run, 0), INT64_MAX);
    run_percent(&b->run, 10);
    assert_true(run_next(&b->run, 0, &o));
    free(b);
}

TEST(an_ask_comes_out_of_turn_with_its_tag_and_only_a_write_waits_for_every)
{
    struct bench *b = bench_new(2, 1, 10, 30000);
    struct run_order o;

    b->strata[1].reads_only = false;
    run_sweep(&b->run, NULL, NULL);
    for (int i = 0; i < 2; i++) {
        assert_true(run_next(&b->run, 0, &o));
        answer(&b->run, &o, RUN_FAIL, false, 0);
    }
    assert_true(run_ask(&b->run, 0, 5000, 7));
    assert_true(run_ask(&b->run, 1, 5000, 8));
    assert_int_equal(run_wake_at(&b->run, 0), 5000);
    assert_true(run_next(&b->run, 5000, &o));
    assert_int_equal(o.source, RUN_ASK);
    assert_int_equal(o.tag, 7);
    assert_false(run_next(&b->run, 5000, &o));
    assert_int_equal(run_wake_at(&b->run, 5000), 30000);
    assert_true(run_next(&b->run, 30000, &o));
    assert_int_equal(o.tag, 8);
    free(b);
}

TEST(a_throttled_check_slows_by_half_up_to_a_ceiling)
{
    struct bench *b = bench_new(1, 1, 1, 1000);
    struct run_order o;
    int64_t now = 0;

    run_rate(&b->run, 1000000, 0);
    for (int i = 0; i < 20; i++) {
        assert_true(run_next(&b->run, now, &o));
        answer(&b->run, &o, RUN_ERROR, true, now);
        assert_false(run_next(&b->run, now + 1000, &o));
        now = run_wake_at(&b->run, now);
    }
    assert_int_equal(b->groups[0].every_ms, RUN_SLOW_MS_MAX);
    free(b);
}

TEST(stopping_drops_what_waits_and_takes_answers_still)
{
    struct bench *b = bench_new(10, 2, 3, 0);
    struct run_order flying[3], o;
    uint32_t n = 0;

    b->strata[5].retries = 5;
    run_sweep(&b->run, NULL, NULL);
    run_rate(&b->run, 1000, 0);
    assert_true(run_ask(&b->run, 1, 99999, 1));
    while (run_next(&b->run, 0, &o))
        flying[n++] = o;
    assert_int_equal(n, 3);
    run_stop(&b->run);
    assert_false(run_idle(&b->run));
    for (uint32_t i = 0; i < n; i++)
        assert_true(answer(&b->run, &flying[i], RUN_FAIL, false, 1)); /* no retry any more */
    assert_true(run_idle(&b->run));
    assert_false(run_next(&b->run, 100000, &o));
    free(b);
}

TEST(too_many_asks_are_refused)
{
    struct bench *b = bench_new(1, 1, 1, 0);

    for (uint32_t i = 0; i < RUN_ASKS_MAX; i++)
        assert_true(run_ask(&b->run, 0, 0, i));
    assert_false(run_ask(&b->run, 0, 0, 0));
    free(b);
}

static bool only_odd(void *ctx, uint32_t stratum)
{
    (void)ctx;
    return stratum % 2;
}

TEST(a_sweep_leaves_out_what_is_off_and_what_the_filter_refuses)
{
    struct bench *b = bench_new(10, 1, 1, 0);

    b->strata[1].off = true;
    assert_int_equal(run_sweep(&b->run, only_odd, NULL), 4);
    free(b);
}

TEST(a_host_has_no_more_in_flight_than_it_may)
{
    struct bench *b = bench_new(40, 4, 20, 0);
    struct run_order flying[20], o;
    uint32_t n = 0, on_host[4] = {0}, done = 0;

    run_bounds(&b->run, 3, 0);
    run_sweep(&b->run, NULL, NULL);
    while (!run_idle(&b->run)) {
        while (run_next(&b->run, 0, &o)) {
            flying[n++] = o;
            assert_true(++on_host[b->strata[o.stratum].host] <= 3);
        }
        assert_true(n > 0);
        on_host[b->strata[flying[--n].stratum].host]--;
        answer(&b->run, &flying[n], RUN_PASS, false, 0);
        done++;
    }
    assert_int_equal(done, 40);
    free(b);
}

TEST(a_paced_sweep_starts_no_more_than_its_rate)
{
    struct bench *b = bench_new(100, 1, 100, 0);
    struct run_order o;
    int64_t now = 5000, wake;
    uint32_t n = 0;

    run_bounds(&b->run, 0, 20000);
    run_sweep(&b->run, NULL, NULL);
    while (n < 100) {
        while (run_next(&b->run, now, &o)) {
            answer(&b->run, &o, RUN_PASS, false, now);
            n++;
        }
        wake = run_wake_at(&b->run, now);
        if (n < 100)
            assert_int_equal(wake, now + 50);
        now = wake;
    }
    assert_true(run_idle(&b->run));
    free(b);
}

TEST(a_second_sweep_waits_until_every_is_over)
{
    struct bench *b = bench_new(3, 1, 3, 1000);
    struct run_order o;

    for (int sweep = 0; sweep < 2; sweep++) {
        int64_t now = sweep ? 1000 : 0;

        assert_int_equal(run_sweep_due(&b->run, NULL, NULL, 10), 3);
        if (sweep) {
            assert_false(run_next(&b->run, 999, &o));
            assert_int_equal(run_wake_at(&b->run, 10), 1000);
        }
        for (int i = 0; i < 3; i++) {
            assert_true(run_next(&b->run, now, &o));
            answer(&b->run, &o, RUN_PASS, false, now);
        }
        assert_true(run_idle(&b->run));
    }
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sweep_asks_every_stratum_once_and_no_more_than_jobs_at_a_time),
        cmocka_unit_test(with_many_hosts_each_has_one_probe_in_flight),
        cmocka_unit_test(one_host_takes_all_jobs),
        cmocka_unit_test(a_failed_stratum_is_tried_again_after_its_delay_and_then_final),
        cmocka_unit_test(delays_of_retries_grow_up_to_a_ceiling_and_jitter_makes_them_shorter_only),
        cmocka_unit_test(a_final_answer_is_not_asked_again),
        cmocka_unit_test(turns_come_at_the_rate_of_each_side_and_every_stratum_in_turn),
        cmocka_unit_test(every_is_kept_over_the_endpoints_of_a_row_and_the_slot_waits),
        cmocka_unit_test(slots_missed_are_lost_and_make_no_burst),
        cmocka_unit_test(from_holds_turns_back_until_the_step_is_reached),
        cmocka_unit_test(an_ask_comes_out_of_turn_with_its_tag_and_only_a_write_waits_for_every),
        cmocka_unit_test(a_throttled_check_slows_by_half_up_to_a_ceiling),
        cmocka_unit_test(stopping_drops_what_waits_and_takes_answers_still),
        cmocka_unit_test(too_many_asks_are_refused),
        cmocka_unit_test(a_sweep_leaves_out_what_is_off_and_what_the_filter_refuses),
        cmocka_unit_test(a_host_has_no_more_in_flight_than_it_may),
        cmocka_unit_test(a_paced_sweep_starts_no_more_than_its_rate),
        cmocka_unit_test(a_second_sweep_waits_until_every_is_over),
    };

    return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
