/* json: pointers after RFC 6901, strict parsing, shortest numbers, YAML values. */
#include "sluice/json.h"

#include <math.h>
#include <stdlib.h>

#include "test.h"

static json_t *parse(const char *text)
{
    struct err err = {0};
    json_t *v = json_parse(text, strlen(text), &err);

    if (!v)
        fail_msg("%s: %s", text, err.text);
    return v;
}

static void expect_bad(const char *text, size_t len, enum err_kind kind)
{
    struct err err = {0};
    json_t *v = json_parse(text, len, &err);

    if (v)
        fail_msg("accepted: %s", text);
    assert_int_equal(err.kind, kind);
    assert_true(err.text[0]);
}

TEST(the_pointers_of_rfc_6901_section_5_find_their_values)
{
    json_auto_t *doc = parse("{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,"
                             "\"i\\\\j\":5,\"k\\\"l\":6,\" \":7,\"m~n\":8}");
    static const struct {
        const char *pointer;
        int value;
    } rows[] = {{"/", 0},    {"/a~1b", 1},   {"/c%d", 2}, {"/e^f", 3}, {"/g|h", 4},
                {"/i\\j", 5}, {"/k\"l", 6}, {"/ ", 7},   {"/m~0n", 8}};

    assert_ptr_equal(json_pointer_get(doc, ""), doc);
    assert_int_equal(json_array_size(json_pointer_get(doc, "/foo")), 2);
    assert_string_equal(json_string_value(json_pointer_get(doc, "/foo/0")), "bar");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {0};

        assert_true(json_pointer_check(rows[i].pointer, &err));
        assert_int_equal(json_integer_value(json_pointer_get(doc, rows[i].pointer)), rows[i].value);
    }
}

TEST(pointers_that_lead_nowhere_give_null)
{
    json_auto_t *doc = parse("{\"a\":[1,2],\"s\":\"x\",\"n\":null}");
    static const char *const rows[] = {"/b",   "/a/2", "/a/-", "/a/01", "/a/", "/a/x", "/s/0",
                                       "/a/00", "/a/+1", "/a/99999999999999999999", "/s/x/y", "a"};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (json_pointer_get(doc, rows[i]))
            fail_msg("%s led somewhere", rows[i]);
    assert_true(json_is_null(json_pointer_get(doc, "/n")));
}

TEST(malformed_pointers_are_refused)
{
    static const char *const rows[] = {"a", "a/b", "/~", "/a~2b", "/x~", "#/a", "/items/*", "/*/id"};
    char longest[JSON_POINTER_BYTES_MAX + 2];
    struct err good = {0}, over = {0};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {0};

        if (json_pointer_check(rows[i], &err))
            fail_msg("%s was accepted", rows[i]);
        assert_int_equal(err.kind, ERR_FILE);
    }
    memset(longest, '/', sizeof longest);
    longest[JSON_POINTER_BYTES_MAX] = '\0';
    assert_true(json_pointer_check(longest, &good));
    longest[JSON_POINTER_BYTES_MAX] = '/';
    longest[JSON_POINTER_BYTES_MAX + 1] = '\0';
    assert_false(json_pointer_check(longest, &over));
}

TEST(only_one_whole_value_is_json)
{
    static const char *const rows[] = {"", " ", "{", "{}x", "{} {}", "[1,]", "{\"a\":1,\"a\":2}", "nul",
                                       "'a'", "01", "+1", ".5", "NaN", "1e999", "\"\x01\"", "\"\xff\"",
                                       "[1 2]", "\"\\ud800\"", "// x\n1"};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_bad(rows[i], strlen(rows[i]), ERR_PROTOCOL);
}

TEST(an_error_names_its_line_and_column)
{
    struct err err = {0};

    assert_null(json_parse("{\n \"a\": x}", 10, &err));
    assert_int_equal(err.line, 2);
    assert_string_equal(err.file, "");
}

TEST(depth_has_a_ceiling_that_texts_do_not_count_towards)
{
    char text[2 * JSON_DEPTH_MAX + 3];

    memset(text, '[', JSON_DEPTH_MAX);
    memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    text[2 * JSON_DEPTH_MAX] = '\0';
    json_decref(parse(text));
    memset(text, '[', JSON_DEPTH_MAX + 1);
    memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    expect_bad(text, 2 * JSON_DEPTH_MAX + 2, ERR_LIMIT);
    memset(text, '[', sizeof text);
    text[0] = text[sizeof text - 2] = '"';
    text[sizeof text - 1] = '\0';
    json_decref(parse(text));
}

TEST(a_text_past_the_ceiling_is_refused_unread)
{
    size_t len = JSON_BYTES_MAX + 1;
    char *text = x_malloc(len);

    memset(text, ' ', len);
    expect_bad(text, len, ERR_LIMIT);
    free(text);
}

TEST(whole_numbers_past_64_bits_become_reals)
{
    json_auto_t *v = parse("[9223372036854775807, 18446744073709551616, \"a\\u0000b\"]");

    assert_true(json_is_real(json_array_get(v, 1)));
    assert_int_equal(json_string_length(json_array_get(v, 2)), 3);
}

TEST(numbers_are_the_same_by_value)
{
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        {"1", "1.0", true},         {"1", "1e0", true},      {"1", "\"1\"", false},
        {"[1,{\"a\":2.0}]", "[1.0,{\"a\":2}]", true},        {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true},
        {"[1]", "[1,2]", false},    {"{\"a\":1}", "{\"b\":1}", false}, {"{\"a\":1}", "{\"a\":1,\"b\":1}", false},
        {"null", "false", false},   {"true", "true", true},
        {"9007199254740993", "9007199254740992", false},     {"\"x\"", "\"x\"", true},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *a = parse(rows[i].a), *b = parse(rows[i].b);

        if (json_same(a, b) != rows[i].same)
            fail_msg("%s and %s", rows[i].a, rows[i].b);
    }
}

TEST(compact_bytes_are_short_and_read_back)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {" { \"b\" : 1 , \"a\" : [ ] } ", "{\"b\":1,\"a\":[]}"},
        {"[0.1, 1.0, 1e300, -0.5, 3.141592653589793]", "[0.1,1.0,1e+300,-0.5,3.141592653589793]"},
        {"\"\\u0001\\n\\\"\\\\/\\u007f\\u00e9\"", "\"\\u0001\\n\\\"\\\\/\\u007f\xc3\xa9\""},
        {"[true,false,null,-9223372036854775808]", "[true,false,null,-9223372036854775808]"},
        {"\"a\\u0000b\"", "\"a\\u0000b\""},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_auto_t *v = parse(rows[i].in);
        struct buf b SL_CLEANUP(buf_clear) = {0};

        json_add_compact(&b, v);
        assert_string_equal(buf_str(&b), rows[i].out);
        json_auto_t *again = parse(buf_str(&b));
        assert_true(json_same(v, again));
    }
}

TEST(a_full_buffer_ends_the_dump)
{
    json_auto_t *v = parse("[1,2,3,4,5,6,7,8,9]");
    struct buf b SL_CLEANUP(buf_clear) = {.max = 5};

    json_add_compact(&b, v);
    assert_false(buf_ok(&b));
}

TEST(what_people_see_is_one_safe_capped_line)
{
    json_auto_t *v = parse("{\"a\":\"\\u001b[31m\\u202e\",\"b\":\"0123456789\"}");
    struct buf b SL_CLEANUP(buf_clear) = {0};

    json_add_shown(&b, v, 200);
    assert_null(strchr(buf_str(&b), 0x1b));
    assert_null(strstr(buf_str(&b), "\xe2\x80\xae"));
    buf_reset(&b);
    json_add_shown(&b, v, 10);
    assert_true(b.len < 60);
}

static json_t *from_yaml(struct arena *mem, const char *yaml, struct err *err)
{
    struct buf b SL_CLEANUP(buf_clear) = {0};
    const struct doc *doc;

    buf_add_str(&b, yaml);
    doc = doc_parse(mem, "x.yaml", &b, err);
    return doc ? json_from_doc(doc_root(doc), err) : NULL;
}

TEST(plain_scalars_follow_the_json_schema_and_quoted_ones_are_text)
{
    static const struct {
        const char *yaml, *json;
    } rows[] = {
        {"{a: 1, b: '1', c: -5, d: 1.5, e: 1e3, f: 1.50}", "{\"a\":1,\"b\":\"1\",\"c\":-5,\"d\":1.5,\"e\":1000.0,\"f\":1.5}"},
        {"[true, false, null, True, yes, no, ~, '', \"null\"]",
         "[true,false,null,\"True\",\"yes\",\"no\",\"~\",\"\",\"null\"]"},
        {"[010, 0x10, 0o7, .5, 5., 1_000, +1, .inf, 12:30, 1e, -]",
         "[\"010\",\"0x10\",\"0o7\",\".5\",\"5.\",\"1_000\",\"+1\",\".inf\",\"12:30\",\"1e\",\"-\"]"},
        {"a:\nb: sluice.smoke\nc: [{d: []}, {}]\n", "{\"a\":null,\"b\":\"sluice.smoke\",\"c\":[{\"d\":[]},{}]}"},
        {"-0", "0"},
        {"- 0\n- 0.0\n- |\n  5\n", "[0,0.0,\"5\\n\"]"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena mem SL_CLEANUP(arena_clear) = {0};
        struct buf b SL_CLEANUP(buf_clear) = {0};
        struct err err = {0};
        json_auto_t *v = from_yaml(&mem, rows[i].yaml, &err);

        assert_non_null(v);
        json_add_compact(&b, v);
        assert_string_equal(buf_str(&b), rows[i].json);
    }
}

TEST(numbers_that_do_not_fit_are_refused_in_place)
{
    static const char *const rows[] = {"a: [1, 9223372036854775808]", "a: [1, 1e999]"};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena mem SL_CLEANUP(arena_clear) = {0};
        struct err err = {0};

        assert_null(from_yaml(&mem, rows[i], &err));
        assert_int_equal(err.line, 1);
        assert_int_equal(err.col, 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_pointers_of_rfc_6901_section_5_find_their_values),
        cmocka_unit_test(pointers_that_lead_nowhere_give_null),
        cmocka_unit_test(malformed_pointers_are_refused),
        cmocka_unit_test(only_one_whole_value_is_json),
        cmocka_unit_test(an_error_names_its_line_and_column),
        cmocka_unit_test(depth_has_a_ceiling_that_texts_do_not_count_towards),
        cmocka_unit_test(a_text_past_the_ceiling_is_refused_unread),
        cmocka_unit_test(whole_numbers_past_64_bits_become_reals),
        cmocka_unit_test(numbers_are_the_same_by_value),
        cmocka_unit_test(compact_bytes_are_short_and_read_back),
        cmocka_unit_test(a_full_buffer_ends_the_dump),
        cmocka_unit_test(what_people_see_is_one_safe_capped_line),
        cmocka_unit_test(plain_scalars_follow_the_json_schema_and_quoted_ones_are_text),
        cmocka_unit_test(numbers_that_do_not_fit_are_refused_in_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
