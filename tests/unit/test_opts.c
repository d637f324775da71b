/* test_opts.c: the command line of sluice. */
#include "test.h"

#include <stdlib.h>
#include <unistd.h>

#include "opts.h"

static int nothing(const struct opts *opts, struct err *err)
{
    (void)opts;
    (void)err;
    return 0;
}

static const struct command commands[] = {
    {"ramp", nothing, OPTS_RAMP | OPTS_TAKE_OVER, 1, 1, "PLAN", "walk", "Walks."},
    {"rollback", nothing, 0, 1, 1, "PLAN", "go back", "Goes back."},
    {"observe", nothing, OPTS_OBSERVE, 1, 1, "PLAN", "look", "Looks."},
    {"status", nothing, OPTS_RUN, 0, 1, "[PLAN]", "show", "Shows."},
};

static bool parse(struct opts *o, struct err *err, int argc, const char *const *argv)
{
    *err = (struct err){0};
    return opts_parse(o, argc, (char *const *)(uintptr_t)argv, commands, ARRAY_LEN(commands), err);
}

#define PARSE(o, err, ...)                                                                         \
    parse(o, err, (int)ARRAY_LEN(((const char *const[]){"sluice", __VA_ARGS__})),                  \
          (const char *const[]){"sluice", __VA_ARGS__, NULL})

TEST(options_stand_before_and_after_the_arguments)
{
    struct opts o;
    struct err err;

    assert_true(PARSE(&o, &err, "-y", "ramp", "--progress=plain", "plan.yaml", "--to", "50%", "-v",
                      "--format", "json"));
    assert_string_equal(o.command->name, "ramp");
    assert_int_equal(o.n_args, 1);
    assert_string_equal(o.args[0], "plan.yaml");
    assert_true(o.yes && o.verbose);
    assert_int_equal(o.progress, OPTS_PROGRESS_PLAIN);
    assert_int_equal(o.format, OPTS_FORMAT_JSON);
    assert_int_equal(o.to_percent, 50);
}

TEST(two_dashes_end_the_options)
{
    struct opts o;
    struct err err;

    assert_true(PARSE(&o, &err, "ramp", "--", "--to"));
    assert_string_equal(o.args[0], "--to");
}

TEST(wrong_lines_are_refused_with_the_nearest_word)
{
    static const struct {
        const char *argv[6];
        const char *message;
    } cases[] = {
        {{"ramp", "plan.yaml", "--prog", "plain"}, "did you mean '--progress'"},
        {{"ramp", "plan.yaml", "--from-curent"}, "did you mean '--from-current'"},
        {{"rolback", "plan.yaml"}, "did you mean 'rollback'"},
        {{"ramp"}, "an argument is missing"},
        {{"ramp", "a", "b"}, "one argument too many"},
        {{"ramp", "a", "--to", "101"}, "--to:"},
        {{"ramp", "a", "--to", ""}, "--to:"},
        {{"ramp", "a", "--to"}, "--to needs a value"},
        {{"ramp", "a", "--at", "tomorrow"}, "--at:"},
        {{"ramp", "a", "--yes=1"}, "takes no value"},
        {{"ramp", "a", "--color=red"}, "is one of auto|always|never"},
        {{"ramp", "a", "--resolver", "192.0.2.1"}, "has no option --resolver"},
        {{"observe", "a", "--every", "5"}, "--every:"},
        {{"observe", "a", "--every", "999ms"}, "--every:"},
        {{"status", "a", "--to", "5"}, "has no option --to"},
        {{"ramp", "a", "-x"}, "there is no option '-x'"},
        {{"--yes"}, "no command"},
        {{"ramp", "a", "--\x1b[31m"}, "\\x1B"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *argv[8] = {"sluice"};
        struct opts o;
        struct err err;
        int argc = 1;

        while (argc < 7 && cases[i].argv[argc - 1]) {
            argv[argc] = cases[i].argv[argc - 1];
            argc++;
        }
        assert_false(parse(&o, &err, argc, argv));
        assert_int_equal(err.kind, ERR_USAGE);
        if (!strstr(err.text, cases[i].message) && i != ARRAY_LEN(cases) - 1)
            fail_msg("'%s' does not say '%s'", err.text, cases[i].message);
        assert_null(strchr(err.text, '\x1b'));
    }
}

TEST(an_option_may_be_given_several_times_but_not_without_end)
{
    const char *argv[3 + 2 * (OPTS_LIST_MAX + 1)] = {"sluice", "observe", "plan.yaml"};
    struct opts o;
    struct err err;

    for (int i = 0; i <= OPTS_LIST_MAX; i++) {
        argv[3 + 2 * i] = "--resolver";
        argv[4 + 2 * i] = i ? "192.0.2.2" : "192.0.2.1";
    }
    assert_true(parse(&o, &err, 3 + 2 * OPTS_LIST_MAX, argv));
    assert_int_equal(o.resolvers.n, OPTS_LIST_MAX);
    assert_string_equal(o.resolvers.item[0], "192.0.2.1");
    assert_string_equal(o.resolvers.item[OPTS_LIST_MAX - 1], "192.0.2.2");
    assert_false(parse(&o, &err, 5 + 2 * OPTS_LIST_MAX, argv));
    assert_non_null(strstr(err.text, "--resolver is given more than 8 times"));
}

TEST(help_wins_over_everything_else)
{
    struct opts o;
    struct err err;
    struct buf b = {0};

    assert_true(PARSE(&o, &err, "ramp", "--nonsense", "-h"));
    assert_true(o.help);
    assert_string_equal(o.command->name, "ramp");
    assert_true(PARSE(&o, &err, "help", "status"));
    assert_string_equal(o.command->name, "status");
    assert_true(PARSE(&o, &err, "--help"));
    assert_null(o.command);
    assert_false(PARSE(&o, &err, "help", "nonsense"));
    opts_format_help(&b, &commands[0], commands, ARRAY_LEN(commands));
    assert_non_null(strstr(buf_str(&b), "--from-current"));
    assert_null(strstr(buf_str(&b), "--run"));
    buf_clear(&b);
}

TEST(the_state_directory_comes_from_the_first_place_that_names_one)
{
    struct opts o = {0};
    struct err err = {0};
    struct buf b = {0};

    unsetenv("SLUICE_STATE_DIR");
    unsetenv("STATE_DIRECTORY");
    unsetenv("XDG_STATE_HOME");
    setenv("HOME", "/home/u", 1);
    assert_true(opts_state_dir(&o, &b, &err));
    assert_string_equal(buf_str(&b), "/home/u/.local/state/sluice");
    setenv("XDG_STATE_HOME", "/x", 1);
    assert_true(opts_state_dir(&o, &b, &err));
    assert_string_equal(buf_str(&b), "/x/sluice");
    setenv("STATE_DIRECTORY", "/var/lib/a:/var/lib/b", 1);
    assert_true(opts_state_dir(&o, &b, &err));
    assert_string_equal(buf_str(&b), "/var/lib/a");
    setenv("SLUICE_STATE_DIR", "/own", 1);
    assert_true(opts_state_dir(&o, &b, &err));
    assert_string_equal(buf_str(&b), "/own");
    o.state_dir = "here";
    assert_true(opts_state_dir(&o, &b, &err));
    assert_string_equal(buf_str(&b), "here");
    buf_clear(&b);
}

TEST(colour_follows_the_flag_then_the_environment)
{
    struct opts o = {0};

    setenv("NO_COLOR", "1", 1);
    setenv("CLICOLOR_FORCE", "1", 1);
    assert_false(opts_use_color(&o, STDERR_FILENO));
    setenv("NO_COLOR", "", 1);
    assert_true(opts_use_color(&o, STDERR_FILENO));
    o.color = OPTS_COLOR_NEVER;
    assert_false(opts_use_color(&o, STDERR_FILENO));
    o.color = OPTS_COLOR_ALWAYS;
    setenv("NO_COLOR", "1", 1);
    assert_true(opts_use_color(&o, STDERR_FILENO));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stand_before_and_after_the_arguments),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(wrong_lines_are_refused_with_the_nearest_word),
        cmocka_unit_test(an_option_may_be_given_several_times_but_not_without_end),
        cmocka_unit_test(help_wins_over_everything_else),
        cmocka_unit_test(the_state_directory_comes_from_the_first_place_that_names_one),
        cmocka_unit_test(colour_follows_the_flag_then_the_environment),
    };

    return cmocka_run_group_tests_name("opts", tests, NULL, NULL);
}
