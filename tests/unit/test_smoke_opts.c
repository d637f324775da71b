/* opts and select: the command line of smoke. */
#include "opts.h"

#include "select.h"
#include "test.h"

static bool parse(struct opts *o, struct err *err, const char *const *argv)
{
    int argc = 0;

    while (argv[argc])
        argc++;
    return opts_parse(o, argc, (char **)(uintptr_t)argv, err);
}

#define ARGV(...) ((const char *const[]){"smoke", __VA_ARGS__, NULL})

TEST(options_and_suites_stand_in_any_order)
{
    struct opts o = {0};
    struct err err = {0};

    assert_true(
        parse(&o, &err,
              ARGV("a.yaml", "--base-url=https://h", "-j", "5", "--only", "auth", "b.yaml", "-qj7",
                   "--var", "v=a=b", "--var=side=old", "--timeout", "2s", "--connect-to",
                   "h:443:127.0.0.1:8443", "--connect-to", "::[::1]", "--format", "json", "--json",
                   "out.json", "--progress", "plain", "--", "-c.yaml")));
    assert_int_equal(o.suites_n, 3);
    assert_string_equal(o.suites[2], "-c.yaml");
    assert_int_equal(o.jobs, 7);
    assert_true(o.quiet);
    assert_string_equal(o.given[0].name, "v");
    assert_string_equal(o.given[0].value, "a=b");
    assert_int_equal(o.given_n, 1);
    assert_true(o.side_given);
    assert_int_equal(o.side, SUITE_OLD);
    assert_int_equal(o.timeout_ms, 2000);
    assert_int_equal(o.connect_to_n, 2);
    assert_string_equal(o.connect_to[0].host, "h");
    assert_int_equal(o.connect_to[0].port, 443);
    assert_string_equal(o.connect_to[0].target, "127.0.0.1:8443");
    assert_string_equal(o.connect_to[1].host, "");
    assert_int_equal(o.connect_to[1].port, 0);
    assert_string_equal(o.connect_to[1].target, "[::1]");
    assert_int_equal(o.format, OPTS_FORMAT_JSON);
    opts_clear(&o);
}

TEST(help_wins_over_everything_else)
{
    struct opts o = {0};
    struct err err = {0};

    assert_true(parse(&o, &err, ARGV("--nonsense", "-j", "0", "-h")));
    assert_true(o.help);
}

TEST(wrong_lines_are_usage_errors_that_say_what_was_meant)
{
    static const struct {
        const char *argv[5];
        const char *text;
    } rows[] = {
        {{"smoke", "--base"}, "unknown option '--base'; did you mean '--base-url'?"},
        {{"smoke", "--olny=x"}, "unknown option '--olny'; did you mean '--only'?"},
        {{"smoke", "--wibble"}, "unknown option '--wibble'"},
        {{"smoke", "-x"}, "unknown option '-x'"},
        {{"smoke", "--jobs"}, "--jobs needs a value: N"},
        {{"smoke", "-j"}, "-j needs a value: N"},
        {{"smoke", "--quiet=yes"}, "--quiet takes no value"},
        {{"smoke", "--var", "x"}, "--var expects NAME=VALUE, not 'x'"},
        {{"smoke", "--var", "side=left"}, "--var side cannot be 'left'"},
        {{"smoke", "--connect-to", "a:b"},
         "--connect-to expects HOST:PORT:TARGET[:PORT], not 'a:b'"},
        {{"smoke", "--connect-to", "a:x:b"}, "--connect-to: the port in 'a:x:b' is none"},
        {{"smoke", "--list", "--check"}, "--list and --check exclude each other"},
        {{"smoke", "-q", "-v"}, "--quiet and --verbose exclude each other"},
        {{"smoke", "--format", "xml"}, "text or json: --format cannot be 'xml'"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct opts o = {0};
        struct err err = {0};

        assert_false(parse(&o, &err, rows[i].argv));
        assert_int_equal(err.kind, ERR_USAGE);
        assert_string_equal(err.text, rows[i].text);
        opts_clear(&o);
    }
}

TEST(numbers_out_of_range_and_bad_urls_are_usage_errors)
{
    static const char *const rows[][2] = {{"--jobs", "0"},      {"--jobs", "1001"},
                                          {"--timeout", "5"},   {"--base-url", "h.example"},
                                          {"--color", "maybe"}, {"--only", ""}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct opts o = {0};
        struct err err = {0};

        assert_false(parse(&o, &err, ARGV(rows[i][0], rows[i][1])));
        assert_int_equal(err.kind, ERR_USAGE);
        opts_clear(&o);
    }
}

TEST(help_names_every_option)
{
    struct buf out SL_CLEANUP(buf_clear) = {0};

    opts_add_help(&out);
    assert_non_null(strstr(buf_str(&out), "-j, --jobs N"));
    assert_non_null(strstr(buf_str(&out), "--connect-to HOST:PORT:TARGET[:PORT]"));
}

TEST(words_select_by_tag_name_row_and_pattern)
{
    static const struct {
        const char *only, *skip;
        const char *rows; /* one letter a row of: s, a0, a1 */
    } cases[] = {{NULL, NULL, "s01"},     {"auth", NULL, "s"},  {"tenant *", NULL, "01"},
                 {"tenant y", NULL, "1"}, {NULL, "auth", "01"}, {"tenant {{t}}", NULL, "01"},
                 {"*", "tenant x", "s1"}, {"nothing", NULL, ""}};
    struct suite s SL_CLEANUP(suite_clear) = {0};
    struct buf text SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};
    const struct doc *doc;

    buf_add_str(&text, "version: 1\nbase_url: https://h\nmatrix: {t: [x, y]}\nchecks:\n"
                       "  - {name: sign in, tags: auth, request: {get: /}}\n  - {name: 'tenant "
                       "{{t}}', request: {get: /}}\n");
    doc = doc_parse(&s.doc_mem, "t.yaml", &text, &err);
    assert_true(suite_decode(&s, doc_root(doc), NULL, NULL, &err));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct opts o = {0};
        char got[8] = "";

        if (cases[i].only)
            o.only[o.only_n++] = cases[i].only;
        if (cases[i].skip)
            o.skip[o.skip_n++] = cases[i].skip;
        if (select_row(&o, &s, &s.checks[0], 0))
            strcat(got, "s");
        if (select_row(&o, &s, &s.checks[1], 0))
            strcat(got, "0");
        if (select_row(&o, &s, &s.checks[1], 1))
            strcat(got, "1");
        assert_string_equal(got, cases[i].rows);
    }
}

TEST(a_word_that_names_nothing_is_refused)
{
    struct suite s SL_CLEANUP(suite_clear) = {0}, *list[] = {&s};
    struct buf text SL_CLEANUP(buf_clear) = {0};
    struct opts o = {0};
    struct err err = {0};
    const struct doc *doc;

    buf_add_str(&text, "version: 1\nbase_url: https://h\nchecks: [{name: sign in, tags: [auth], "
                       "request: {get: /}}]\n");
    doc = doc_parse(&s.doc_mem, "t.yaml", &text, &err);
    assert_true(suite_decode(&s, doc_root(doc), NULL, NULL, &err));
    o.skip[o.skip_n++] = "auht";
    assert_false(select_check_words(&o, list, 1, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    assert_non_null(strstr(err.text, "did you mean 'auth'?"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_suites_stand_in_any_order),
        cmocka_unit_test(help_wins_over_everything_else),
        cmocka_unit_test(wrong_lines_are_usage_errors_that_say_what_was_meant),
        cmocka_unit_test(numbers_out_of_range_and_bad_urls_are_usage_errors),
        cmocka_unit_test(help_names_every_option),
        cmocka_unit_test(words_select_by_tag_name_row_and_pattern),
        cmocka_unit_test(a_word_that_names_nothing_is_refused),
    };

    return cmocka_run_group_tests_name("smoke_opts", tests, NULL, NULL);
}
