/* test_compare.c: what is kept of answers, and where two sides' differ. */
#include "../../smoke/compare_answers.h"

#include <stdio.h>

#include "../../smoke/compare.h"
#include "test.h"

static void take(void *ctx, uint32_t step, const char *what, const char *old, const char *new)
{
    buf_addf(ctx, "%u %s: %s, %s|", step, what, old, new);
}

/* One answer; header lines "name: value\n" one after another. */
static void give(struct compare_answers *answers, const struct compare_headers *headers,
                 uint32_t step, const char *role, uint16_t status, const char *fields,
                 const char *body)
{
    struct http_field list[8] = {{0}};
    struct http_response r = {
        .outcome = status ? HTTP_OK : HTTP_REFUSED, .status = status, .fields = list};
    char *copy = x_strdup(fields), *rest = copy, *line;
    struct pump_answer a = {
        .step = step, .role = role, .url = "https://old.example.com/at/here", .response = &r};

    while ((line = strsep(&rest, "\n")) && *line) {
        char *colon = strchr(line, ':');

        *colon = '\0';
        list[r.fields_n].name = line;
        list[r.fields_n++].value = colon + 2;
    }
    buf_add_str(&r.body, body);
    compare_answers_take(answers, headers, &a);
    buf_clear(&r.body);
    free(copy);
}

static void differ(const char *fields_a, const char *fields_b, const char *body_a,
                   const char *body_b, const char *expected)
{
    struct compare_headers headers = {0};
    struct compare_answers a = {0}, b = {0};
    struct buf said SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    assert_true(compare_headers_parse(&headers, NULL, &err));
    give(&a, &headers, 0, NULL, 200, fields_a, body_a);
    give(&b, &headers, 0, NULL, 200, fields_b, body_b);
    compare_answers(&a, &b, &headers, true, take, &said);
    assert_string_equal(buf_str(&said), expected);
    compare_answers_clear(&a);
    compare_answers_clear(&b);
    compare_headers_clear(&headers);
}

TEST(headers_and_bodies_are_compared_by_what_they_mean)
{
    differ("Content-Type: a/b\nX-Other: 1\n", "content-type: a/b\nX-Other: 2\n", "", "", "");
    differ("Content-Type: a/b\n", "", "", "", "0 header content-type: a/b, missing|");
    differ("Vary: \n", "", "", "", "0 header vary: empty, missing|");
    differ("Vary: a\nVary: b\n", "Vary: a, b\n", "", "", "");
    differ("Location: https://old.example.com/x?y\n", "Location: /x?y\n", "", "", "");
    differ("Location: x\n", "Location: /at/x\n", "", "", "");
    differ("Location: /x\n", "Location: http://old.example.com/x\n", "", "",
           "0 header location: /x, http://old.example.com/x|");
    differ("Set-Cookie: b=1; Path=/; Expires=Mon\nSet-Cookie: a=2\n",
           "Set-Cookie: a=3\nSet-Cookie: b=9; path=/; Expires=Tue\n", "", "", "");
    differ("Set-Cookie: a=2; SameSite=Lax\n", "Set-Cookie: a=3\n", "", "",
           "0 header set-cookie: a; samesite=lax, a|");
    differ("Set-Cookie: a=2; Max-Age=3\n", "Set-Cookie: a=3\n", "", "",
           "0 header set-cookie: a; max-age, a|");
    differ("", "", "{\"a\":1}", "{\"a\":2}", "");
    differ("", "", "{\"a\":1}", "{\"a\":\"\"}", "0 JSON /a: integer, string|");
    differ("", "", "{\"a\":1}", "<p>", "0 the body: JSON, no JSON|");
    differ("", "", "[1]", "{}", "0 JSON: list, object|");
    differ("", "", "one", "two", "");
}

TEST(the_last_answer_to_each_request_of_a_step_counts)
{
    struct compare_headers headers = {0};
    struct compare_answers a = {0}, b = {0};
    struct buf said SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    assert_true(compare_headers_parse(&headers, "x-a", &err));
    give(&a, &headers, 0, NULL, 503, "", "");
    give(&a, &headers, 0, NULL, 503, "", "");
    give(&a, &headers, 0, NULL, 200, "", ""); /* polled three times */
    give(&a, &headers, 1, NULL, 302, "", "");
    give(&a, &headers, 1, "redirect", 200, "X-A: 1\n", "");
    give(&a, &headers, 2, "initialize", 200, "", "{}");
    give(&a, &headers, 2, "tools/call", 200, "", "{\"r\":1}");
    give(&b, &headers, 0, NULL, 200, "", "");
    give(&b, &headers, 1, NULL, 200, "X-A: 2\n", "");
    give(&b, &headers, 2, "initialize", 200, "", "{}");
    give(&b, &headers, 2, "tools/call", 200, "", "{\"r\":null}");
    compare_answers(&a, &b, &headers, true, take, &said);
    assert_string_equal(buf_str(&said), "1 header x-a: 1, 2|2 tools/call: JSON /r: integer, null|");
    compare_answers_clear(&a);
    compare_answers_clear(&b);
    compare_headers_clear(&headers);
}

TEST(a_flow_that_ended_early_lacks_no_answers)
{
    struct compare_headers headers = {0};
    struct compare_answers a = {0}, b = {0};
    struct buf said SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    assert_true(compare_headers_parse(&headers, NULL, &err));
    give(&a, &headers, 0, NULL, 200, "", "");
    give(&a, &headers, 1, NULL, 200, "", "");
    give(&b, &headers, 0, NULL, 0, "", "");
    compare_answers(&a, &b, &headers, false, take, &said);
    assert_string_equal(buf_str(&said), "0 status: 200, none (refused)|");
    buf_reset(&said);
    compare_answers(&b, &a, &headers, true, take, &said);
    assert_string_equal(buf_str(&said),
                        "0 status: none (refused), 200|1 the answer: missing, there|");
    compare_answers_clear(&a);
    compare_answers_clear(&b);
    compare_headers_clear(&headers);
}

TEST(no_more_answers_are_kept_than_the_limit)
{
    struct compare_headers headers = {0};
    struct compare_answers a = {0};
    struct err err = {0};

    assert_true(compare_headers_parse(&headers, NULL, &err));
    for (uint32_t i = 0; i <= COMPARE_ANSWERS_MAX; i++)
        give(&a, &headers, i, NULL, 200, "", "");
    assert_int_equal(a.n, COMPARE_ANSWERS_MAX);
    compare_answers_clear(&a);
    compare_headers_clear(&headers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_and_bodies_are_compared_by_what_they_mean),
        cmocka_unit_test(the_last_answer_to_each_request_of_a_step_counts),
        cmocka_unit_test(a_flow_that_ended_early_lacks_no_answers),
        cmocka_unit_test(no_more_answers_are_kept_than_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
