/* secret.h: loading from every source, finding values in every dress. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sluice/file.h"
#include "sluice/secret.h"
#include "sluice/text.h"
#include "test.h"

static void free_set(struct secret_set **set)
{
    secret_free(*set);
}

#define SET struct secret_set *set SL_CLEANUP(free_set) = secret_new()

static void add(struct secret_set *set, const char *name, const char *value)
{
    struct err err = {0};

    assert_true(secret_add(set, name, value, strlen(value), &err));
}

static void check(const struct secret_set *set, const char *text, const char *expected)
{
    struct buf b SL_CLEANUP(buf_clear) = {0};

    buf_add_str(&b, text);
    secret_redact(set, &b);
    assert_string_equal(buf_str(&b), expected);
}

TEST(a_value_is_found_as_it_stands)
{
    SET;

    add(set, "password", "hunter2!");
    check(set, "", "");
    check(set, "nothing here", "nothing here");
    check(set, "hunter2!", "[secret.password]");
    check(set, "a hunter2! b hunter2!hunter2! c",
          "a [secret.password] b "
          "[secret.password][secret.password] c");
    check(set, "hunter2", "hunter2");
    secret_redact(NULL, NULL);
}

TEST(a_value_is_found_in_every_dress)
{
    static const struct {
        const char *value, *text;
    } cases[] = {
        {"p w+d/\xc3\xa4\"x", "<p%20w%2Bd%2F%C3%A4%22x>"},
        {"p w+d/\xc3\xa4\"x", "<p+w%2bd%2f%c3%a4%22x>"},
        {"p w+d/\xc3\xa4\"x", "<%70%20%77%2b%64%2f%c3%a4%22%78>"},
        {"p w+d/\xc3\xa4\"x", "<p w+d/\\u00e4\\\"x>"},
        {"p w+d/\xc3\xa4\"x", "<p w+d\\/\xc3\xa4\\u0022x>"},
        {"p w+d/\xc3\xa4\"x", "<p w+d/&#228;&quot;x>"},
        {"p w+d/\xc3\xa4\"x", "<p w+d/&#xe4;\"x>"},
        {"p w+d/\xc3\xa4\"x", "<7020772b642fc3a42278>"},
        {"p w+d/\xc3\xa4\"x", "<7020772B642FC3A42278>"},
        {"line\ntab\tend\x01", "<line\\ntab\\tend\\x01>"},
        {"line\ntab\tend\x01", "<line\\ntab\\u0009end\\u0001>"},
        {"\xe2\x80\xaeword", "<\\u{202e}word>"},
        {"smile\xf0\x9f\x98\x80", "<smile\\ud83d\\ude00>"},
        {"smile\xf0\x9f\x98\x80", "<smile\\u{1f600}>"},
        {"back\\slash", "<back\\\\slash>"},
        {"back\\slash", "<back\\slash>"},
        {"back\\\x01slash", "<back\\\\x01slash>"},
        {"100%41sure", "<100%41sure>"},
        {"100%41sure", "<100%2541sure>"},
        {"a<b&c'd", "<a&lt;b&amp;c&apos;d>"},
        {"it's me", "<it'\\''s me>"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        SET;

        add(set, "s", cases[i].value);
        check(set, cases[i].text, "<[secret.s]>");
    }
}

TEST(a_value_is_found_in_base64_at_every_alignment)
{
    static const char *const before[] = {"", "u", "us", "use", "user:"};
    static const char *const after[] = {"", "x", "xy", "xyz"};
    static const char value[] = "s\xfb\xff"
                                "cr\xef\xbe"
                                "t?>~";
    SET;

    add(set, "s", value);
    for (size_t b = 0; b < ARRAY_LEN(before); b++)
        for (size_t a = 0; a < ARRAY_LEN(after); a++)
            for (int url = 0; url < 2; url++) {
                struct buf raw SL_CLEANUP(buf_clear) = {0}, text SL_CLEANUP(buf_clear) = {0};

                buf_addf(&raw, "%s%s%s", before[b], value, after[a]);
                buf_add_str(&text, "Basic ");
                (url ? text_add_base64url : text_add_base64)(&text, raw.data, raw.len);
                secret_redact(set, &text);
                assert_non_null(strstr(buf_str(&text), "[secret.s]"));
                /* What is left besides the mark is of the foreign bytes alone. */
                assert_true(text.len <= strlen("Basic [secret.s]==") + (strlen(before[b]) * 4) / 3 +
                                            (strlen(after[a]) * 4 + 2) / 3);
            }
}

TEST(base64_is_found_over_line_breaks_and_escaped)
{
    SET;

    add(set, "s", "?>?>?>?>?>?>"); /* Pz4/Pj8+Pz4/Pj8+ */
    check(set, "<Pz4/Pj8\r\n+Pz4/Pj8+>", "<[secret.s]>");
    check(set, "<Pz4\\/Pj8+Pz4\\/Pj8+>", "<[secret.s]>");
    check(set, "<Pz4%2FPj8%2bPz4%2FPj8%2B>", "<[secret.s]>");
    check(set, "<Pz4_Pj8-Pz4_Pj8->", "<[secret.s]>");
    check(set, "\nPz4/Pj8+Pz4/Pj8+\n", "\n[secret.s]\n");
}

TEST(values_that_overlap_leave_nothing_between)
{
    SET;

    add(set, "a", "abcdef");
    add(set, "b", "defghi");
    add(set, "long", "abcdefxyz");
    check(set, "-abcdefghi-", "-[secret.a]-");
    check(set, "-abcdefxyz-", "-[secret.long]-");
}

TEST(a_derived_value_is_hidden_too_but_not_handed_out)
{
    SET;
    size_t len = 1;

    add(set, "key", "topsecret");
    secret_taint(set, "key", "0123456789signature", 19);
    secret_taint(set, "key", "abc", 3);
    check(set, "v1=0123456789signature abc", "v1=[secret.key] abc");
    assert_string_equal(secret_get(set, "key", &len), "topsecret");
    assert_int_equal(len, 9);
    assert_null(secret_get(set, "other", &len));
    assert_int_equal(len, 0);
}

TEST(many_derived_values_push_out_the_oldest_not_the_loaded)
{
    SET;
    char text[32];

    add(set, "key", "topsecret");
    for (int i = 0; i < 3 * SECRETS_MAX; i++) {
        snprintf(text, sizeof text, "derived-%05d", i);
        secret_taint(set, "key", text, strlen(text));
    }
    check(set, "topsecret derived-00000 derived-00767", "[secret.key] derived-00000 [secret.key]");
}

TEST(a_replaced_value_stays_hidden)
{
    SET;

    add(set, "token", "old-value");
    add(set, "token", "new-value");
    assert_string_equal(secret_get(set, "token", NULL), "new-value");
    check(set, "old-value new-value", "[secret.token] [secret.token]");
}

TEST(what_cannot_be_hidden_is_refused)
{
    SET;
    struct err err = {0};

    assert_false(secret_add(set, "pin", "123", 3, &err));
    assert_string_equal(err.text,
                        "secret pin has 3 bytes; less than 4 cannot be kept out of the output");
    err_clear(&err);
    assert_false(secret_add(set, "none", "", 0, &err));
    assert_string_equal(err.text, "secret none is empty");
    assert_int_equal(err.kind, ERR_FILE);
}

TEST(half_a_value_at_the_end_of_a_cut_text_is_hidden)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"x hunter2", "x [secret.password]"},
        {"x hun", "x [secret.password]"},
        {"x hu", "x hu"}, /* too short to give anything away */
        {"x hun y", "x hun y"},
        {"x hunter2!", "x [secret.password]"},
        {"x hunter2!/\xc3", "x [secret.password]"},
        {"x hunter2%", "x [secret.password]"},
        {"x hunter2\\u0", "x [secret.password]"},
        {"x 68756e7465", "x [secret.password]"},
        {"x aHVudGVy", "x [secret.password]"},
        {"x hunter2!/\xc3\xa4 z", "x [secret.password] z"},
    };
    SET;

    add(set, "password", "hunter2!/\xc3\xa4");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf b SL_CLEANUP(buf_clear) = {0};

        buf_add_str(&b, cases[i].text);
        secret_redact_cut(set, &b);
        assert_string_equal(buf_str(&b), cases[i].expected);
    }
}

TEST(the_ceiling_of_a_buffer_does_not_cut_a_redacted_text)
{
    SET;
    struct buf b SL_CLEANUP(buf_clear) = {0};

    add(set, "a-long-name-of-a-secret", "abcd");
    buf_init(&b, 8);
    buf_add_str(&b, "abcdabcd");
    secret_redact(set, &b);
    assert_string_equal(buf_str(&b),
                        "[secret.a-long-name-of-a-secret][secret.a-long-name-of-a-secret]");
    assert_true(buf_ok(&b));
}

static void write_file(const char *path, const char *data, size_t len)
{
    struct err err = {0};

    assert_true(file_write(path, data, len, &err));
}

static bool load(struct secret_set *set, struct secret_spec spec, struct err *err)
{
    return secret_load(set, &spec, 1, err);
}

TEST(every_source_gives_the_value_byte_for_byte)
{
    static const char *const argv[] = {"printf", "%s\n", "$HOME `id` \"quoted\"", NULL};
    SET;
    char dir[] = "/tmp/sluice-test-XXXXXX", path[64];
    struct err err = {0};
    size_t len;

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/value", dir);
    write_file(path, "from\0 file \n\n", 13);
    setenv("SLUICE_TEST_SECRET", " from env\n", 1);
    setenv("CREDENTIALS_DIRECTORY", dir, 1);
    assert_true(load(
        set, (struct secret_spec){.name = "e", .source = SECRET_ENV, .from = "SLUICE_TEST_SECRET"},
        &err));
    assert_true(
        load(set, (struct secret_spec){.name = "f", .source = SECRET_FILE, .from = path}, &err));
    assert_true(
        load(set, (struct secret_spec){.name = "c", .source = SECRET_CREDENTIAL, .from = "value"},
             &err));
    assert_true(
        load(set, (struct secret_spec){.name = "x", .source = SECRET_COMMAND, .argv = argv}, &err));
    assert_string_equal(secret_get(set, "e", &len), " from env\n");
    assert_memory_equal(secret_get(set, "f", &len), "from\0 file \n", 12);
    assert_int_equal(len, 12);
    assert_memory_equal(secret_get(set, "c", &len), "from\0 file \n", 12);
    assert_string_equal(secret_get(set, "x", &len), "$HOME `id` \"quoted\"");
    unlink(path);
    rmdir(dir);
}

TEST(a_source_without_a_value_says_which_and_where)
{
    static const char *const false_argv[] = {"sh", "-c", "echo not signed in >&2; exit 6", NULL};
    static const char *const none_argv[] = {"/nonexistent/program", NULL};
    static const struct {
        struct secret_spec spec;
        const char *text;
    } cases[] = {
        {{.name = "a", .source = SECRET_ENV, .from = "SLUICE_NOT_SET"},
         "secret a: environment variable SLUICE_NOT_SET is not set"},
        {{.name = "a", .source = SECRET_FILE, .from = "/nonexistent"},
         "secret a: cannot open /nonexistent: No such file or directory"},
        {{.name = "a", .source = SECRET_CREDENTIAL, .from = "../x"},
         "secret a: \"../x\" is no name of a credential"},
        {{.name = "a", .source = SECRET_COMMAND, .argv = false_argv},
         "secret a: sh exited with 6: not signed in\n"},
        {{.name = "a", .source = SECRET_COMMAND, .argv = none_argv},
         "secret a: cannot run /nonexistent/program: No such file or directory"},
    };

    setenv("CREDENTIALS_DIRECTORY", "/tmp", 1);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        SET;
        struct secret_spec spec = cases[i].spec;
        struct err err = {0};

        /* valgrind turns vfork into fork, and a child's failure to start cannot reach its parent.
         */
        if (getenv("SLUICE_VALGRIND") && spec.argv == none_argv)
            continue;
        if (spec.argv == none_argv && getenv("SLUICE_VALGRIND"))
            continue; /* its vfork() is a fork(): the child's errno does not come back */
        spec.pos = (struct pos){"s.yaml", 7, 3};
        assert_false(load(set, spec, &err));
        assert_int_equal(err.kind, ERR_FILE);
        assert_int_equal(err.line, 7);
        assert_string_equal(err.text, cases[i].text);
    }
}

TEST(the_sink_uses_the_set_it_was_given_until_that_is_freed)
{
    struct secret_set *set = secret_new();
    struct buf b SL_CLEANUP(buf_clear) = {0};

    add(set, "s", "value");
    secret_set_sink(set);
    buf_add_str(&b, "value");
    secret_redact_sink(&b);
    assert_string_equal(buf_str(&b), "[secret.s]");
    secret_free(set);
    buf_reset(&b);
    buf_add_str(&b, "value");
    secret_redact_sink(&b);
    assert_string_equal(buf_str(&b), "value");
}

TEST(dumps_can_be_forbidden)
{
    secret_forbid_dumps();
    assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
}

TEST(a_value_that_is_escaped_twice_is_found)
{
    static const struct {
        const char *value, *text;
    } cases[] = {
        {"quote\"secret0123", "{\"got\": \"{\\\"k\\\": \\\"quote\\\\\\\"secret0123\\\"}\"}"},
        {"quote\"secret0123", "<p>{&quot;k&quot;: &quot;quote\\&quot;secret0123&quot;}"},
        {"back\\secret0123", "\"back\\\\\\\\secret0123\""},
        {"two lines\nsecret0123", "\"two lines\\\\nsecret0123\""},
        {"sp ace/secret0123", "/?u=%2Fx%3Fq%3Dsp%2520ace%252Fsecret0123"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct secret_set *set = secret_new();
        struct buf text SL_CLEANUP(buf_clear) = {0};
        struct err err = {0};

        assert_true(secret_add(set, "k", cases[i].value, strlen(cases[i].value), &err));
        buf_add_str(&text, cases[i].text);
        secret_redact(set, &text);
        if (strstr(buf_str(&text), "secret0123"))
            fail_msg("%s", buf_str(&text));
        secret_free(set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_that_is_escaped_twice_is_found),
        cmocka_unit_test(a_value_is_found_as_it_stands),
        cmocka_unit_test(a_value_is_found_in_every_dress),
        cmocka_unit_test(a_value_is_found_in_base64_at_every_alignment),
        cmocka_unit_test(base64_is_found_over_line_breaks_and_escaped),
        cmocka_unit_test(values_that_overlap_leave_nothing_between),
        cmocka_unit_test(a_derived_value_is_hidden_too_but_not_handed_out),
        cmocka_unit_test(many_derived_values_push_out_the_oldest_not_the_loaded),
        cmocka_unit_test(a_replaced_value_stays_hidden),
        cmocka_unit_test(what_cannot_be_hidden_is_refused),
        cmocka_unit_test(half_a_value_at_the_end_of_a_cut_text_is_hidden),
        cmocka_unit_test(the_ceiling_of_a_buffer_does_not_cut_a_redacted_text),
        cmocka_unit_test(every_source_gives_the_value_byte_for_byte),
        cmocka_unit_test(a_source_without_a_value_says_which_and_where),
        cmocka_unit_test(the_sink_uses_the_set_it_was_given_until_that_is_freed),
        cmocka_unit_test(dumps_can_be_forbidden),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
