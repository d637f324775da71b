/* err, buf, arena, clock, file: the ground the rest stands on. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sluice/arena.h"
#include "sluice/buf.h"
#include "sluice/clock.h"
#include "sluice/err.h"
#include "sluice/file.h"
#include "test.h"

static int make_dir(char *path)
{
    struct err err = {0};

    strcpy(path, "/tmp/sluice-test-XXXXXX");
    assert_non_null(mkdtemp(path));
    return file_open_dir(path, &err);
}

TEST(the_first_failure_stays_and_context_goes_in_front)
{
    struct err err = {0};

    assert_false(err_set(&err, ERR_NET, "connection refused"));
    err_set(&err, ERR_BUG, "later");
    err_prefix(&err, "zone %s: ", "example.com");
    assert_int_equal(err.kind, ERR_NET);
    assert_string_equal(err.text, "zone example.com: connection refused");
}

TEST(an_error_shows_its_line_and_a_caret)
{
    static const char text[] = "version: 1\nsteps: [1, 300]\n";
    struct err err = {0};
    struct buf b SL_CLEANUP(buf_clear) = {0};

    err_at(&err, ERR_FILE, (struct pos){"plan.yaml", 2, 12}, "300 is above 100");
    err_add_snippet(&err, text, strlen(text));
    err_format(&err, "sluice", &b);
    assert_string_equal(buf_str(&b), "sluice: plan.yaml:2:12: 300 is above 100\n"
                                     "  | steps: [1, 300]\n"
                                     "  |            ^\n");
}

TEST(a_control_byte_in_a_message_is_masked)
{
    struct err err = {0};
    struct buf b SL_CLEANUP(buf_clear) = {0};

    err_set(&err, ERR_PROTOCOL, "AWS says \x1b[2J");
    err_format(&err, "sluice", &b);
    assert_string_equal(buf_str(&b), "sluice: AWS says \\x1b[2J\n");
}

TEST(every_kind_has_an_exit_status)
{
    for (int k = ERR_NONE + 1; k < ERR_KIND_COUNT; k++)
        assert_int_not_equal(err_exit_status((enum err_kind)k), 0);
}

TEST(one_byte_past_the_ceiling_marks_a_buffer)
{
    struct buf b;

    buf_init(&b, 4);
    buf_add_str(&b, "abcd");
    assert_true(buf_ok(&b));
    buf_add_char(&b, 'e');
    buf_addf(&b, "%d", 1);
    assert_false(buf_ok(&b));
    assert_string_equal(buf_str(&b), "abcd");
    buf_clear(&b);
    buf_clear(&b);
}

TEST(arena_memory_is_zeroed_and_aligned)
{
    struct arena a SL_CLEANUP(arena_clear) = {0};

    for (size_t n = 1; n < 40000; n = n * 3 + 1) {
        unsigned char *p = arena_alloc(&a, n);

        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xAA, n);
    }
    assert_string_equal(arena_printf(&a, "%s-%d", "x", 7), "x-7");
}

TEST(a_manual_clock_moves_only_by_hand)
{
    struct clock c = {.manual = true, .wall_ms = 1000};

    clock_advance(&c, 250);
    assert_int_equal(clock_boot_ms(&c), 250);
    assert_int_equal(clock_wall_ms(&c), 1250);
}

TEST(files_are_replaced_whole_and_private)
{
    struct buf b SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};
    struct stat st;
    char dir[64], path[128];
    int fd = make_dir(dir);

    assert_true(fd >= 0);
    assert_true(file_replace(fd, "state", "one", 3, &err));
    assert_true(file_replace(fd, "state", "two!", 4, &err));
    snprintf(path, sizeof path, "%s/state", dir);
    assert_true(file_read(&b, path, 100, &err));
    assert_string_equal(buf_str(&b), "two!");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_false(file_read(&b, path, 3, &err));
    assert_int_equal(err.kind, ERR_FILE);
    unlink(path);
    close(fd);
    rmdir(dir);
}

TEST(missing_files_and_directories_are_told_apart)
{
    struct buf b SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    assert_false(file_read(&b, "/nonexistent/x", 10, &err));
    assert_non_null(strstr(err.text, "No such file"));
    err_clear(&err);
    assert_false(file_read(&b, "/tmp", 10, &err));
    assert_non_null(strstr(err.text, "is a directory"));
}

TEST(a_lock_is_held_once_and_says_by_whom)
{
    struct err err = {0};
    char dir[64], path[128];
    int fd = make_dir(dir), one, two;

    one = file_lock(fd, "lock", "pid 7", &err);
    assert_true(one >= 0);
    two = file_lock(fd, "lock", "pid 8", &err);
    assert_int_equal(two, -1);
    assert_int_equal(err.kind, ERR_BUSY);
    assert_non_null(strstr(err.text, "pid 7"));
    file_close(&one);
    err_clear(&err);
    two = file_lock(fd, "lock", "pid 8", &err);
    assert_true(two >= 0);
    file_close(&two);
    snprintf(path, sizeof path, "%s/lock", dir);
    unlink(path);
    close(fd);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_failure_stays_and_context_goes_in_front),
        cmocka_unit_test(an_error_shows_its_line_and_a_caret),
        cmocka_unit_test(a_control_byte_in_a_message_is_masked),
        cmocka_unit_test(every_kind_has_an_exit_status),
        cmocka_unit_test(one_byte_past_the_ceiling_marks_a_buffer),
        cmocka_unit_test(arena_memory_is_zeroed_and_aligned),
        cmocka_unit_test(a_manual_clock_moves_only_by_hand),
        cmocka_unit_test(files_are_replaced_whole_and_private),
        cmocka_unit_test(missing_files_and_directories_are_told_apart),
        cmocka_unit_test(a_lock_is_held_once_and_says_by_whom),
    };

    return cmocka_run_group_tests_name("ground", tests, NULL, NULL);
}
