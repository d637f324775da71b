/* regex.h: matches, captures, bad patterns and patterns that would never end. */
#include <stdio.h>
#include <stdlib.h>

#include "sluice/buf.h"
#include "sluice/regex.h"
#include "test.h"

static enum regex_result find(const char *pattern, const char *text, size_t len,
                              struct regex_span *spans, size_t n)
{
    struct err err = {0};
    struct regex *re = regex_new(pattern, &err);
    enum regex_result result;

    assert_non_null(re);
    result = regex_find(re, text, len, spans, n);
    regex_free(re);
    return result;
}

TEST(finds_a_match_and_its_groups)
{
    static const char text[] = "<meta name=\"csrf-token\" content=\"abc123\">";
    struct regex_span s[4];

    assert_int_equal(
        find("name=\"csrf-token\" content=\"([^\"]+)\"|(never)", text, strlen(text), s, 4),
        REGEX_MATCH);
    assert_int_equal(s[1].end - s[1].start, 6);
    assert_memory_equal(text + s[1].start, "abc123", 6);
    assert_true(s[2].start == SIZE_MAX && s[2].end == SIZE_MAX);
    assert_true(s[3].start == SIZE_MAX);
    assert_int_equal(find("x", text, 0, NULL, 0), REGEX_NO_MATCH);
    assert_int_equal(find("^$", NULL, 0, NULL, 0), REGEX_MATCH);
}

TEST(invalid_utf_8_is_searched_around)
{
    struct regex_span s[1];

    assert_int_equal(find("r.ady",
                          "\xff\xfe\x80 r\xc3\xa9"
                          "ady \xc3",
                          13, s, 1),
                     REGEX_MATCH);
    assert_int_equal(s[0].start, 4);
    assert_int_equal(find("a.b",
                          "a\xff"
                          "b",
                          3, NULL, 0),
                     REGEX_NO_MATCH);
}

TEST(a_match_crosses_nul_bytes)
{
    assert_int_equal(find("b$", "a\0b", 3, NULL, 0), REGEX_MATCH);
}

TEST(a_pattern_that_explodes_is_a_limit_not_a_miss)
{
    char text[64];

    memset(text, 'a', sizeof text);
    assert_int_equal(find("(a+)*\\d", text, sizeof text, NULL, 0), REGEX_LIMIT);
}

TEST(a_pattern_that_takes_the_square_of_a_body_is_a_limit)
{
    static const char *const patterns[] = {"a.*[bc]", "a.*a.*[bc]", "(a|a)*[bc]",
                                           "(?s)a(.*)\\1[bc]"};
    size_t len = 1024 * 1024;
    char *text = test_malloc(len);

    memset(text, 'a', len);
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++)
        assert_int_equal(find(patterns[i], text, len, NULL, 0), REGEX_LIMIT);
    /* These begin at one place only, or one a line. The ceiling is one of CPU time, of which valgrind takes
     * dozens of times as much. */
    if (getenv("SLUICE_VALGRIND"))
        len = 32 * 1024;
    assert_int_equal(find("(?s).*zz", text, len, NULL, 0), REGEX_NO_MATCH);
    assert_int_equal(find(".*zz", text, len, NULL, 0), REGEX_NO_MATCH);
    assert_int_equal(find("^a*[bc]", text, len, NULL, 0), REGEX_NO_MATCH);
    memcpy(text + len - 4, "\nazz", 4);
    assert_int_equal(find("(?m)^.*zz$", text, len, NULL, 0), REGEX_MATCH);
    assert_int_equal(find(".*zz", text, len, NULL, 0), REGEX_MATCH);
    test_free(text);
}

TEST(a_match_is_found_wherever_in_a_long_text_it_begins)
{
    struct regex_span span;
    size_t len = 5000;
    char *text = test_malloc(len);

    for (size_t at = 0; at + 4 <= len; at += at < 300 ? 1 : 97) {
        for (size_t i = 0; i < len; i++) /* two bytes, three, and one that is none */
            text[i] = "\xc3\xa4\xe2\x82\xac\xa4-"[i % 7];
        memcpy(text + at, "-xy-", 4);
        assert_int_equal(find("x(?<=-x)y", text, len, &span, 1), REGEX_MATCH);
        assert_int_equal(span.start, at + 1);
        assert_int_equal(find("x$", text, len, &span, 1), REGEX_NO_MATCH);
        assert_int_equal(find("^x", text, len, &span, 1), REGEX_NO_MATCH);
    }
    test_free(text);
}

TEST(a_harmless_pattern_on_a_body_of_the_greatest_size_is_no_limit)
{
    size_t len = getenv("SLUICE_VALGRIND") ? 32 * 1024 : 256 * 1024; /* as above */
    char *text = malloc(len);

    memset(text, 'x', len);
    memcpy(text + len - 5, "ready", 5);
    assert_int_equal(find("(?s).*ready", text, len, NULL, 0), REGEX_MATCH);
    assert_int_equal(find("(?s)^.*?ready.*$", text, len, NULL, 0), REGEX_MATCH);
    free(text);
}

TEST(bad_patterns_say_where)
{
    static const struct {
        const char *pattern, *text;
    } cases[] = {
        {"a(b", "pattern: missing closing parenthesis at offset 3"},
        {"[z-a]", "pattern: range out of order in character class at offset 3"},
        {"\\Cx", "pattern: using \\C is disabled by the application at offset 2"},
    };
    struct buf many SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};
    int i;

    for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
        struct err e = {0};

        assert_null(regex_new(cases[c].pattern, &e));
        assert_int_equal(e.kind, ERR_FILE);
        assert_string_equal(e.text, cases[c].text);
    }
    for (i = 0; i <= REGEX_GROUPS_MAX; i++)
        buf_add_str(&many, "(a)");
    assert_null(regex_new(buf_str(&many), &err));
    buf_reset(&many);
    for (i = 0; i <= REGEX_PATTERN_MAX; i++)
        buf_add_char(&many, 'a');
    err_clear(&err);
    assert_null(regex_new(buf_str(&many), &err));
    assert_int_equal(err.kind, ERR_FILE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_match_and_its_groups),
        cmocka_unit_test(invalid_utf_8_is_searched_around),
        cmocka_unit_test(a_match_crosses_nul_bytes),
        cmocka_unit_test(a_pattern_that_explodes_is_a_limit_not_a_miss),
        cmocka_unit_test(a_pattern_that_takes_the_square_of_a_body_is_a_limit),
        cmocka_unit_test(a_match_is_found_wherever_in_a_long_text_it_begins),
        cmocka_unit_test(a_harmless_pattern_on_a_body_of_the_greatest_size_is_no_limit),
        cmocka_unit_test(bad_patterns_say_where),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
