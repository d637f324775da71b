/* log.h: lines, levels, redaction and masking at the sink, the decision on colour. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "sluice/log.h"
#include "sluice/secret.h"
#include "test.h"

TEST(a_line_has_the_programs_name_and_its_level)
{
    struct buf out SL_CLEANUP(buf_clear) = {0};

    log_init("smoke", LOG_LEVEL_INFO, LOG_COLOR_NEVER);
    log_set_capture(&out);
    log_error("no %s", "way");
    log_warn("careful");
    log_info("fine");
    log_detail("dropped");
    log_set_capture(NULL);
    assert_string_equal(buf_str(&out), "smoke: error: no way\nsmoke: warning: careful\n"
                                       "smoke: fine\n");
}

TEST(control_bytes_and_secrets_do_not_get_through)
{
    struct secret_set *set = secret_new();
    struct buf out SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    log_init("smoke", LOG_LEVEL_INFO, LOG_COLOR_NEVER);
    assert_true(secret_add(set, "p",
                           "se\x1b"
                           "cret",
                           7, &err));
    secret_set_sink(set);
    log_set_capture(&out);
    log_info("%s", "\x1b[2J se\x1b"
                   "cret se\\x1bcret");
    err_set(&err, ERR_NET,
            "body: se\x1b"
            "cret");
    log_failure(&err);
    log_set_capture(NULL);
    secret_free(set);
    assert_string_equal(buf_str(&out), "smoke: \\x1b[2J [secret.p] [secret.p]\n"
                                       "smoke: body: [secret.p]\n");
}

/* Standard error is a pipe that nobody reads until the end. */
TEST(what_finds_no_reader_waits_in_memory_and_comes_in_order)
{
    char full[512] = {0}, seen[600];
    int ends[2], kept_stderr = dup(STDERR_FILENO);
    bool behind, still;
    ssize_t n;

    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    while (write(ends[1], full, sizeof full) > 0)
        ;
    assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0); /* blocking, as a shell hands it over */
    dup2(ends[1], STDERR_FILENO);
    log_patience(0);
    log_write("one ", 4);
    log_write("two", 3);
    behind = log_is_behind();
    while (read(ends[0], full, sizeof full) == (ssize_t)sizeof full)
        ;
    log_flush();
    still = log_is_behind();
    log_patience(-1);
    dup2(kept_stderr, STDERR_FILENO);
    n = read(ends[0], seen, sizeof seen);
    assert_true(behind);
    assert_false(still);
    assert_int_equal(n, 7);
    assert_memory_equal(seen, "one two", 7);
    close(ends[0]);
    close(ends[1]);
    close(kept_stderr);
}

TEST(a_block_keeps_its_lines)
{
    struct buf out SL_CLEANUP(buf_clear) = {0}, text SL_CLEANUP(buf_clear) = {0};

    log_init("smoke", LOG_LEVEL_WARN, LOG_COLOR_NEVER);
    buf_add_str(&text, "one\n  two\n");
    log_set_capture(&out);
    log_block(LOG_LEVEL_WARN, &text);
    log_block(LOG_LEVEL_INFO, &text);
    log_set_capture(NULL);
    assert_string_equal(buf_str(&out), "one\n  two\n");
}

TEST(colour_follows_the_option_then_the_environment_then_the_terminal)
{
    static const struct {
        const char *no_color, *force, *clicolor;
        enum log_color option;
        bool expected;
    } cases[] = {
        {"1", "1", "1", LOG_COLOR_ALWAYS, true},   {NULL, "1", NULL, LOG_COLOR_NEVER, false},
        {"1", "1", NULL, LOG_COLOR_AUTO, false},   {"", "1", NULL, LOG_COLOR_AUTO, true},
        {NULL, "0", NULL, LOG_COLOR_AUTO, false},  {NULL, NULL, "0", LOG_COLOR_AUTO, false},
        {NULL, NULL, NULL, LOG_COLOR_AUTO, false}, /* no terminal */
    };
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    unsetenv("FORCE_COLOR");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cases[i].no_color ? setenv("NO_COLOR", cases[i].no_color, 1) : unsetenv("NO_COLOR");
        cases[i].force ? setenv("CLICOLOR_FORCE", cases[i].force, 1) : unsetenv("CLICOLOR_FORCE");
        cases[i].clicolor ? setenv("CLICOLOR", cases[i].clicolor, 1) : unsetenv("CLICOLOR");
        log_init("x", LOG_LEVEL_INFO, cases[i].option);
        assert_int_equal(log_use_color(fds[1]), cases[i].expected);
    }
    close(fds[0]);
    close(fds[1]);
}

TEST(the_words_of_the_color_option)
{
    enum log_color c;
    struct err err = {0};

    assert_true(log_parse_color("never", &c, &err));
    assert_int_equal(c, LOG_COLOR_NEVER);
    assert_true(log_parse_color("auto", &c, &err));
    assert_false(log_parse_color("yes", &c, &err));
    assert_int_equal(err.kind, ERR_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_the_programs_name_and_its_level),
        cmocka_unit_test(control_bytes_and_secrets_do_not_get_through),
        cmocka_unit_test(what_finds_no_reader_waits_in_memory_and_comes_in_order),
        cmocka_unit_test(a_block_keeps_its_lines),
        cmocka_unit_test(colour_follows_the_option_then_the_environment_then_the_terminal),
        cmocka_unit_test(the_words_of_the_color_option),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
