/* test_draft.c: curl command lines to suites, and pages to suites. */
#include "../../smoke/draft.h"

#include "sluice/text.h"
#include "test.h"

static void import(const char *text, struct buf *out, struct buf *needed, struct err *err)
{
    struct curl_line line = {0};
    const char *const *words;
    size_t n;

    if (curl_line_split(&line.mem, text, strlen(text), &words, &n, err) &&
        curl_line_parse(&line, words, n, err)) {
        draft_curl(out, &line, needed);
        assert_true(draft_check(out, err));
    }
    curl_line_clear(&line);
}

TEST(a_command_line_becomes_a_suite_that_loads)
{
    static const struct {
        const char *line, *holds[4];
    } cases[] = {
        {"curl https://www.example.com", {"base_url: \"https://www.example.com\"", "get: \"/\""}},
        {"curl 'https://a.example/x?q=1#part'", {"get: \"/x?q=1\"\n", "name: \"GET /x\""}},
        {"curl 'a.example/x?u=http://b.example/#://'", {"get: \"/x?u=http://b.example/\""}},
        {"curl a.example/up", {"# the url had no scheme", "\"http://a.example\""}},
        {"curl -X DELETE https://a.example/v1/9", {"delete: \"/v1/9\""}},
        {"curl -sSI https://a.example/", {"head: \"/\""}},
        {"curl https://a.example/v1 \\\n  -H 'Content-Type: application/json' \\\n  --data-raw "
         "'{\"a\": [1, \"two\"]}' \\\n  --compressed",
         {"post: \"/v1\"", "json: {\"a\":[1,\"two\"]}", "Content-Type: \"application/json\""}},
        {"curl --json '{\"a\":1}' https://a.example/", {"Accept: \"application/json\"", "json: {"}},
        {"curl -d a=1 -d b=2 https://a.example/",
         {"body: \"a=1&b=2\"", "application/x-www-form-urlencoded"}},
        {"curl -G -d q=two --data-urlencode 'w=a b&c' https://a.example/s",
         {"get: \"/s?q=two&w=a%20b%26c\""}},
        {"curl --data-raw $'it\\'s\\n\\u0041' -H 'Content-Type: text/plain' https://a.example/",
         {"body: \"it's\\nA\""}},
        {"curl -d '{{name}}' https://a.example/", {"body: \"\\\\{{name}}\""}},
        {"curl -kL https://a.example/", {"# -k is left out", "# -L is left out"}},
        {"curl -m 2.5 --connect-timeout 1 https://a.example/",
         {"timeout: 2s500ms", "connect_timeout: 1s"}},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out SL_CLEANUP(buf_clear) = {0}, needed SL_CLEANUP(buf_clear) = {0};
        struct err err = {0};

        import(cases[i].line, &out, &needed, &err);
        assert_string_equal(err.text, "");
        for (size_t k = 0; k < ARRAY_LEN(cases[i].holds) && cases[i].holds[k]; k++)
            if (!strstr(buf_str(&out), cases[i].holds[k]))
                fail_msg("'%s' is not in:\n%s", cases[i].holds[k], buf_str(&out));
    }
}

TEST(credentials_become_secrets_of_the_environment)
{
    static const char *const lines[] = {
        "curl -H 'Authorization: Bearer s3cr3t-value' https://a.example/",
        "curl -u 'bob:s3cr3t-value' https://a.example/",
        "curl https://bob:s3cr3t-value@a.example/",
        "curl -H 'x-api-key: s3cr3t-value' https://a.example/",
        "curl -b 'sid=s3cr3t-value' https://a.example/",
        "curl --oauth2-bearer s3cr3t-value https://a.example/",
    };

    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct buf out SL_CLEANUP(buf_clear) = {0}, needed SL_CLEANUP(buf_clear) = {0};
        struct err err = {0};

        import(lines[i], &out, &needed, &err);
        assert_string_equal(err.text, "");
        assert_null(strstr(buf_str(&out), "s3cr3t"));
        assert_non_null(strstr(buf_str(&out), "{env: SMOKE_"));
        assert_true(text_starts_with(buf_str(&needed), "SMOKE_"));
    }
}

TEST(what_cannot_be_imported_is_told)
{
    static const struct {
        const char *line, *error;
    } cases[] = {
        {"wget https://a.example/", "this is no curl command: it begins with 'wget'"},
        {"", "this is no curl command: it begins with ''"},
        {"curl", "the curl command names no url"},
        {"curl https://a.example/ https://b.example/", "two urls"},
        {"curl 'https://a.example/", "a ' is opened and not closed"},
        {"curl \"https://a.example/", "a \" is opened and not closed"},
        {"curl $'https://a.example/", "a $' is opened and not closed"},
        {"curl https://a.example/ | jq .", "goes on after curl ('|')"},
        {"curl -H \"Authorization: Bearer $(op read x)\" https://a.example/", "a shell would"},
        {"curl https://a.example/$ID", "a shell would"},
        {"curl -F file=@a.txt https://a.example/", "'-F' cannot be imported"},
        {"curl -d @body.json https://a.example/", "a body from a file (@body.json)"},
        {"curl --frobnicate https://a.example/", "'--frobnicate' is not known"},
        {"curl https://a.example/ -H", "'-H' needs a value"},
        {"curl -H nonsense https://a.example/", "'nonsense' is no header"},
        {"curl -X FROB https://a.example/", "'FROB' is none that a suite has"},
        {"curl -X GET -d a=1 https://a.example/", "a GET request with a body"},
        {"curl 'https://a.example/a b'", "'https://a.example/a b': "},
        {"curl -m soon https://a.example/", "'soon' is no time in seconds"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out SL_CLEANUP(buf_clear) = {0}, needed SL_CLEANUP(buf_clear) = {0};
        struct err err = {0};

        import(cases[i].line, &out, &needed, &err);
        if (err.kind != ERR_USAGE || !strstr(err.text, cases[i].error))
            fail_msg("%s: met '%s', expected '%s'", cases[i].line, err.text, cases[i].error);
    }
}

TEST(too_many_words_and_too_long_a_line_are_refused)
{
    struct buf text SL_CLEANUP(buf_clear) = {0}, out SL_CLEANUP(buf_clear) = {0};
    struct buf needed SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    buf_add_str(&text, "curl");
    for (int i = 0; i < CURL_LINE_WORDS_MAX; i++)
        buf_add_str(&text, " -s");
    import(buf_str(&text), &out, &needed, &err);
    assert_non_null(strstr(err.text, "more than 2000 words"));
    err = (struct err){0};
    while (text.len <= CURL_LINE_BYTES_MAX)
        buf_add_char(&text, 'x');
    import(buf_str(&text), &out, &needed, &err);
    assert_non_null(strstr(err.text, "longer than 131072 bytes"));
}

static struct http_response page(uint16_t status, struct http_field *fields, size_t n,
                                 const char *body)
{
    struct http_response r = {.outcome = HTTP_OK,
                              .status = status,
                              .fields = fields,
                              .fields_n = n,
                              .timing = {.total_us = 30000}};

    buf_add_str(&r.body, body);
    return r;
}

TEST(pages_become_a_suite_that_loads)
{
    struct http_field html[] = {{(char *)"Content-Type", (char *)"text/html; charset=utf-8"}};
    struct http_field json[] = {{(char *)"content-type", (char *)"application/json"}};
    struct http_field moved[] = {{(char *)"Location", (char *)"/login?a={{b}}"}};
    struct http_response a = page(200, html, 1, "<html><Title>\n Shop \"one\"</title>");
    struct http_response b = page(200, json, 1, "{\"status\": \"ok\", \"odd key\": 1}");
    struct http_response c = page(302, moved, 1, "");
    const struct draft_page pages[] = {{"home", "/", &a}, {"health", "/up", &b}, {"in", "/in", &c}};
    struct buf out SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    draft_pages(&out, "https://a.example", pages, 3, 0);
    assert_true(draft_check(&out, &err));
    assert_non_null(strstr(buf_str(&out), "body: {contains: \"Shop \\\"one\\\"\"}"));
    assert_non_null(strstr(buf_str(&out), "content-type: {starts_with: \"text/html\"}"));
    assert_non_null(strstr(buf_str(&out), "        /status: {exists: true}\n      latency: 1s"));
    assert_non_null(strstr(buf_str(&out), "header: {location: \"/login?a=\\\\{{b}}\"}"));
    buf_clear(&a.body);
    buf_clear(&b.body);
    buf_clear(&c.body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_line_becomes_a_suite_that_loads),
        cmocka_unit_test(credentials_become_secrets_of_the_environment),
        cmocka_unit_test(what_cannot_be_imported_is_told),
        cmocka_unit_test(too_many_words_and_too_long_a_line_are_refused),
        cmocka_unit_test(pages_become_a_suite_that_loads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
