/* sigv4.c: every stage against the signing example of the AWS General Reference, and the rules by
 * which paths, queries and headers become canonical. */
#include "sluice/sigv4.h"

#include <stdio.h>

#include "sluice/common.h"
#include "test.h"

#define EXAMPLE_SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

/* The documented example: IAM ListUsers, 2015-08-30T12:36:00Z. */
static const struct sigv4_pair example_query[] = {{"Version", "2010-05-08"},
                                                  {"Action", "ListUsers"}};
static const struct sigv4_pair example_headers[] = {
    {"Host", "iam.amazonaws.com"},
    {"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"},
    {"X-Amz-Date", "20150830T123600Z"},
};
static const struct sigv4_request example = {
    .method = "GET",
    .path = "/",
    .query = example_query,
    .n_query = 2,
    .headers = example_headers,
    .n_headers = 3,
};
static const struct sigv4_scope example_scope = {"20150830T123600Z", "us-east-1", "iam"};

TEST(dates_are_basic_iso_8601)
{
    char date[SIGV4_DATE_SIZE];

    sigv4_date(INT64_C(1440938160000), date);
    assert_string_equal(date, "20150830T123600Z");
    sigv4_date(INT64_C(1440938160999), date);
    assert_string_equal(date, "20150830T123600Z");
    sigv4_date(-5, date);
    assert_string_equal(date, "19700101T000000Z");
    sigv4_date(INT64_MAX, date);
    assert_string_equal(date, "99991231T235959Z");
}

TEST(the_documented_example_gives_the_documented_canonical_request)
{
    struct buf out SL_CLEANUP(buf_clear) = {0}, names SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    assert_true(sigv4_canonical_request(&example, &out, &names, &err));
    assert_string_equal(buf_str(&out),
                        "GET\n/\nAction=ListUsers&Version=2010-05-08\n"
                        "content-type:application/x-www-form-urlencoded; charset=utf-8\n"
                        "host:iam.amazonaws.com\nx-amz-date:20150830T123600Z\n\n"
                        "content-type;host;x-amz-date\n"
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_string_equal(buf_str(&names), "content-type;host;x-amz-date");
}

TEST(the_documented_example_gives_the_documented_string_to_sign_and_signature)
{
    struct buf first SL_CLEANUP(buf_clear) = {0}, names SL_CLEANUP(buf_clear) = {0};
    struct buf second SL_CLEANUP(buf_clear) = {0};
    char hex[SIGV4_HEX_SIZE];
    struct err err = {0};

    assert_true(sigv4_canonical_request(&example, &first, &names, &err));
    sigv4_string_to_sign(&example_scope, first.data, first.len, &second);
    assert_string_equal(buf_str(&second),
                        "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/iam/aws4_request\n"
                        "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59");
    sigv4_signature(&example_scope, EXAMPLE_SECRET, second.data, second.len, hex);
    assert_string_equal(hex, "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
}

TEST(all_stages_in_a_row_give_the_header)
{
    struct buf out SL_CLEANUP(buf_clear) = {0}, canonical SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    assert_true(sigv4_sign(&example, &example_scope, "AKIDEXAMPLE", EXAMPLE_SECRET, &canonical,
                           &out, &err));
    assert_string_equal(
        buf_str(&out),
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
    assert_true(strncmp(buf_str(&canonical), "GET\n/\n", 6) == 0);
}

TEST(paths_lose_dots_and_double_slashes_and_are_encoded_once_more)
{
    static const struct {
        const char *path, *canonical;
    } rows[] = {
        {"", "/"},
        {"/", "/"},
        {"//", "/"},
        {"/a//b", "/a/b"},
        {"/a/./b/../c", "/a/c"},
        {"/../..", "/"},
        {"/a/", "/a/"},
        {"/a/..", "/"},
        {"/a/../", "/"},
        {"/a/.", "/a"},
        {"/a%20b", "/a%2520b"},
        {"/2013-04-01/hostedzone/Z1/rrset/", "/2013-04-01/hostedzone/Z1/rrset/"},
        {"/\xc3\xa9~", "/%C3%A9~"},
        {"/...", "/..."},
        {"/a b+c=d", "/a%20b%2Bc%3Dd"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out SL_CLEANUP(buf_clear) = {0}, names SL_CLEANUP(buf_clear) = {0};
        struct sigv4_request request = {.method = "get", .path = rows[i].path};
        struct err err = {0};
        char want[256];

        snprintf(want, sizeof want, "GET\n%s\n\n", rows[i].canonical);
        assert_true(sigv4_canonical_request(&request, &out, &names, &err));
        assert_memory_equal(buf_str(&out), want, strlen(want));
    }
}

TEST(queries_are_encoded_and_sorted_by_encoded_name_then_value)
{
    static const struct sigv4_pair query[] = {
        {"type", "CNAME"}, {"name", "\\052.example.com"},
        {"b", "2"},        {"b", "10"},
        {"empty", NULL},   {"A", "a b+c/d~e"},
        {"\xc3\xa9", "x"},
    };
    struct buf out SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    assert_true(sigv4_query(query, ARRAY_LEN(query), &out, &err));
    assert_string_equal(buf_str(&out), "%C3%A9=x&A=a%20b%2Bc%2Fd~e&b=10&b=2&empty=&"
                                       "name=%5C052.example.com&type=CNAME");
}

TEST(no_pairs_are_no_query)
{
    struct buf out SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    assert_true(sigv4_query(NULL, 0, &out, &err));
    assert_string_equal(buf_str(&out), "");
}

TEST(headers_are_lowered_trimmed_sorted_and_joined)
{
    static const struct sigv4_pair headers[] = {
        {"X-B", "  two   blanks\there  "},
        {"Host", "h:8080"},
        {"x-a-b", "3"},
        {"X-A", "1"},
        {"x-a", " 2 "},
        {"Expect", "100-continue"},
        {"User-Agent", "sluice"},
        {"Connection", "close"},
        {"X-Amzn-Trace-Id", "t"},
        {"Authorization", "old"},
        {"X-Empty", "  "},
    };
    struct sigv4_request request = {.method = "POST",
                                    .path = "/",
                                    .headers = headers,
                                    .n_headers = ARRAY_LEN(headers),
                                    .body = "x",
                                    .body_len = 1};
    struct buf out SL_CLEANUP(buf_clear) = {0}, names SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    assert_true(sigv4_canonical_request(&request, &out, &names, &err));
    assert_string_equal(
        buf_str(&out), "POST\n/\n\nhost:h:8080\nx-a:1,2\nx-a-b:3\nx-b:two blanks here\nx-empty:\n\n"
                       "host;x-a;x-a-b;x-b;x-empty\n"
                       "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881");
}

TEST(what_is_past_a_ceiling_is_refused)
{
    struct sigv4_pair pairs[SIGV4_PAIRS_MAX + 1];
    struct buf out SL_CLEANUP(buf_clear) = {0}, names SL_CLEANUP(buf_clear) = {0};
    char path[2 * (SIGV4_SEGMENTS_MAX + 1) + 1];
    struct sigv4_request request = {.method = "GET", .path = path};
    struct err err = {0};

    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        pairs[i] = (struct sigv4_pair){"a", "b"};
    assert_true(sigv4_query(pairs, SIGV4_PAIRS_MAX, &out, &err));
    assert_false(sigv4_query(pairs, SIGV4_PAIRS_MAX + 1, &out, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    err_clear(&err);
    for (size_t i = 0; i <= SIGV4_SEGMENTS_MAX; i++)
        memcpy(path + 2 * i, "/a", 3);
    assert_false(sigv4_canonical_request(&request, &out, &names, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_are_basic_iso_8601),
        cmocka_unit_test(the_documented_example_gives_the_documented_canonical_request),
        cmocka_unit_test(the_documented_example_gives_the_documented_string_to_sign_and_signature),
        cmocka_unit_test(all_stages_in_a_row_give_the_header),
        cmocka_unit_test(paths_lose_dots_and_double_slashes_and_are_encoded_once_more),
        cmocka_unit_test(queries_are_encoded_and_sorted_by_encoded_name_then_value),
        cmocka_unit_test(no_pairs_are_no_query),
        cmocka_unit_test(headers_are_lowered_trimmed_sorted_and_joined),
        cmocka_unit_test(what_is_past_a_ceiling_is_refused),
    };

    return cmocka_run_group_tests_name("sigv4", tests, NULL, NULL);
}
