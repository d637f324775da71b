/* spawn.h: captured output, ceilings, deadlines, environment, descriptors. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sluice/clock.h"
#include "sluice/spawn.h"
#include "test.h"

static struct spawn_result run_script(const char *script, struct spawn_request q)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    struct spawn_result r;
    struct err err = {0};

    q.argv = argv;
    assert_true(spawn_run(&q, &r, &err));
    return r;
}

#define RESULT struct spawn_result r SL_CLEANUP(spawn_result_clear)

TEST(output_and_status_are_captured)
{
    RESULT = run_script("echo out; echo err >&2; exit 3", (struct spawn_request){0});
    struct buf how SL_CLEANUP(buf_clear) = {0};

    assert_int_equal(r.outcome, SPAWN_EXITED);
    assert_int_equal(r.code, 3);
    assert_string_equal(buf_str(&r.out), "out\n");
    assert_string_equal(buf_str(&r.errors), "err\n");
    assert_false(r.out_cut);
    spawn_result_format(&r, &how);
    assert_string_equal(buf_str(&how), "exited with 3");
}

TEST(input_is_given_whole_and_none_is_empty)
{
    {
        RESULT = run_script("cat", (struct spawn_request){.input = "a\0b", .input_len = 3});
        assert_int_equal(r.out.len, 3);
        assert_memory_equal(r.out.data, "a\0b", 3);
    }
    {
        RESULT = run_script("cat", (struct spawn_request){0});
        assert_int_equal(r.out.len, 0);
        assert_int_equal(r.code, 0);
    }
}

TEST(a_flood_is_cut_and_does_not_stop_the_child)
{
    RESULT =
        run_script("head -c 1000000 /dev/zero; exit 4", (struct spawn_request){.output_max = 1000});

    assert_int_equal(r.out.len, 1000);
    assert_true(r.out_cut);
    assert_int_equal(r.code, 4);
}

TEST(past_the_deadline_the_whole_group_dies)
{
    int64_t before = clock_boot_us();
    RESULT = run_script("sleep 100 & sleep 100", (struct spawn_request){.deadline_ms = 50});

    assert_int_equal(r.outcome, SPAWN_DEADLINE);
    assert_true(clock_boot_us() - before < 5000000);
}

TEST(a_grandchild_that_keeps_the_pipes_does_not_keep_us)
{
    int64_t before = clock_boot_us();
    RESULT = run_script("sleep 20 & echo $!", (struct spawn_request){.deadline_ms = 15000});

    assert_int_equal(r.outcome, SPAWN_EXITED);
    assert_true(clock_boot_us() - before < 5000000);
    kill((pid_t)atol(buf_str(&r.out)), SIGKILL);
}

TEST(a_signal_is_told)
{
    RESULT = run_script("kill -9 $$", (struct spawn_request){0});

    assert_int_equal(r.outcome, SPAWN_SIGNALLED);
    assert_int_equal(r.code, 9);
}

TEST(only_allowed_variables_are_inherited)
{
    static const char *const pass[] = {"SL_TEST_ONE", "SL_P_*", NULL};
    static const char *const more[] = {"SL_MORE=m", NULL};

    setenv("SL_TEST_ONE", "1", 1);
    setenv("SL_TEST_ONE_MORE", "2", 1);
    setenv("SL_P_X", "3", 1);
    setenv("LC_TEST", "4", 1);
    {
        RESULT = run_script("echo $SL_TEST_ONE-$SL_TEST_ONE_MORE-$SL_P_X-$LC_TEST-$SL_MORE",
                            (struct spawn_request){.pass = pass, .env = more});
        assert_string_equal(buf_str(&r.out), "1--3-4-m\n");
    }
}

TEST(signals_and_descriptors_are_those_of_a_fresh_process)
{
    int leak = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */
    sigset_t set, old;
    unsigned long blocked = 1, ignored = 1;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, &old);
    signal(SIGPIPE, SIG_IGN);
    {
        RESULT = run_script("for f in 3 4 5 6 7 8 9; do test -e /proc/self/fd/$f && echo open $f; "
                            "done; grep -E '^Sig(Blk|Ign)' /proc/self/status",
                            (struct spawn_request){0});
        assert_int_equal(sscanf(buf_str(&r.out), "SigBlk: %lx SigIgn: %lx", &blocked, &ignored), 2);
        assert_int_equal(blocked, 0);
        assert_int_equal(ignored & 0x7fffffff, 0); /* 32 and 33 are the C library's own */
    }
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &old, NULL);
    close(leak);
}

TEST(what_cannot_be_started_is_an_error)
{
    static const char *const argv[] = {"sluice-no-such-program", NULL};
    struct spawn_request q = {.argv = argv};
    struct spawn_result r SL_CLEANUP(spawn_result_clear) = {0};
    struct err err = {0};

    /* valgrind turns vfork into fork, and the child's failure to start cannot reach its parent. */
    if (getenv("SLUICE_VALGRIND"))
        return;
    assert_false(spawn_run(&q, &r, &err));
    assert_int_equal(err.kind, ERR_IO);
    assert_string_equal(err.text, "cannot run sluice-no-such-program: No such file or directory");
}

TEST(the_asynchronous_form_never_blocks_and_is_watched_by_poll)
{
    static const char *const argv[] = {"sh", "-c", "read x; echo got $x; sleep 100", NULL};
    struct spawn_request q = {.argv = argv, .input = "it\n", .input_len = 3, .deadline_ms = 1000};
    struct pollfd fds[SPAWN_FDS_MAX];
    struct err err = {0};
    struct spawn *s = spawn_start(&q, 5000, &err);
    int rounds = 0;
    bool pidfd;

    assert_non_null(s);
    pidfd = spawn_fds(s, fds) == 3; /* valgrind and some containers have none */
    assert_int_equal(spawn_wake_at(s), pidfd ? 6000 : 5020);
    while (!spawn_result(s)->out.len && rounds++ < 100) {
        assert_int_equal(spawn_fds(s, fds), pidfd ? 3 : 2);
        poll(fds, (nfds_t)spawn_fds(s, fds), 1000);
        assert_false(spawn_step(s, 5500));
    }
    assert_string_equal(buf_str(&spawn_result(s)->out), "got it\n");
    while (!spawn_step(s, 6000) && rounds++ < 200)
        poll(fds, (nfds_t)spawn_fds(s, fds), pidfd ? 1000 : 20);
    assert_int_equal(spawn_result(s)->outcome, SPAWN_DEADLINE);
    assert_int_equal(spawn_fds(s, fds), 0);
    assert_int_equal(spawn_wake_at(s), INT64_MAX);
    spawn_free(s);
}

TEST(freeing_ends_what_runs)
{
    static const char *const argv[] = {"sleep", "100", NULL};
    struct spawn_request q = {.argv = argv};
    struct err err = {0};

    spawn_free(spawn_start(&q, 0, &err));
    spawn_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_and_status_are_captured),
        cmocka_unit_test(input_is_given_whole_and_none_is_empty),
        cmocka_unit_test(a_flood_is_cut_and_does_not_stop_the_child),
        cmocka_unit_test(past_the_deadline_the_whole_group_dies),
        cmocka_unit_test(a_grandchild_that_keeps_the_pipes_does_not_keep_us),
        cmocka_unit_test(a_signal_is_told),
        cmocka_unit_test(only_allowed_variables_are_inherited),
        cmocka_unit_test(signals_and_descriptors_are_those_of_a_fresh_process),
        cmocka_unit_test(what_cannot_be_started_is_an_error),
        cmocka_unit_test(the_asynchronous_form_never_blocks_and_is_watched_by_poll),
        cmocka_unit_test(freeing_ends_what_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
