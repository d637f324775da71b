/* check, predicate, capture, request, sign: answers made by hand, judged by suites in text. */
#include "check.h"

#include <stdio.h>

#include "capture.h"
#include "request.h"
#include "sign.h"
#include "sluice/text.h"
#include "test.h"

#define WALL_MS INT64_C(1800000000000)

struct bench {
    struct suite suite;
    struct scope scope;
    struct secret_set *secrets;
    struct http_response response;
    struct http_field fields[4];
    struct finding finding;
};

/* step: what stands under "- name: a"; two blanks are added before each of its lines by the caller.
 */
static void set_up(struct bench *b, const char *step)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};
    struct suite *list[] = {&b->suite};
    struct err err = {0};
    const struct doc *doc;

    memset(b, 0, sizeof *b);
    setenv("CHECK_TEST_KEY", "hunter22", 1);
    buf_addf(&text,
             "version: 1\nbase_url: https://h.example/api/\nsecrets: {key: {env: CHECK_TEST_KEY}}\n"
             "vars: {user: 'me-{{side}}'}\nchecks:\n  - name: a\n%s\n",
             step);
    doc = doc_parse(&b->suite.doc_mem, "t.yaml", &text, &err);
    if (!doc || !suite_decode(&b->suite, doc_root(doc), NULL, NULL, &err))
        fail_msg("%u:%u: %s", err.line, err.col, err.text);
    b->secrets = secret_new();
    if (!suite_secrets_load(list, NULL, 1, b->secrets, &err))
        fail_msg("%s", err.text);
    b->scope = (struct scope){.suite = &b->suite,
                              .check = b->suite.checks,
                              .side = "new",
                              .run = "r1",
                              .uuid = "u1",
                              .now = "1800000000",
                              .secrets = b->secrets};
    b->scope.values = x_calloc(8, sizeof *b->scope.values);
    b->response.outcome = HTTP_OK;
    b->response.status = 200;
    b->response.fields = b->fields;
}

static void tear_down(struct bench *b)
{
    finding_clear(&b->finding);
    scope_clear(&b->scope);
    suite_clear(&b->suite);
    secret_free(b->secrets);
    buf_clear(&b->response.body);
}

static void add_field(struct bench *b, const char *name, const char *value)
{
    b->fields[b->response.fields_n++] =
        (struct http_field){(char *)(uintptr_t)name, (char *)(uintptr_t)value};
}

static bool judge(struct bench *b)
{
    struct answer answer = {.response = &b->response, .wall_ms = WALL_MS};
    bool ok;

    finding_clear(&b->finding);
    ok = check_eval(b->suite.checks[0].steps, &b->scope, &answer, &b->finding);
    answer_clear(&answer);
    return ok;
}

/* One expectation against an answer with this status, header X and body. "" for a sentence: it
 * holds. */
static void row(const char *expect, uint16_t status, const char *header, const char *body,
                const char *sentence)
{
    struct bench b;
    char step[600];

    snprintf(step, sizeof step, "    request: {get: /}\n    expect: %s", expect);
    set_up(&b, step);
    b.response.status = status;
    if (header)
        add_field(&b, "X-Thing", header);
    buf_add_str(&b.response.body, body);
    b.response.body_bytes = b.response.body.len;
    assert_int_equal(judge(&b), sentence[0] == '\0');
    assert_string_equal(buf_str(&b.finding.sentence), sentence);
    if (sentence[0]) {
        assert_int_equal(b.finding.verdict, RUN_FAIL);
        assert_non_null(b.finding.at);
    }
    tear_down(&b);
}

TEST(statuses_are_values_classes_and_lists)
{
    row("{status: 200}", 200, NULL, "", "");
    row("{status: 200}", 201, NULL, "", "status is 201, expected 200");
    row("{status: 2xx}", 299, NULL, "", "");
    row("{status: 2xx}", 300, NULL, "", "status is 300, expected 2xx");
    row("{status: [200, 302, 4xx]}", 404, NULL, "", "");
    row("{status: [200, 302, 4xx]}", 500, NULL, "", "status is 500, expected 200, 302 or 4xx");
    row("{latency: 1s}", 503, NULL, "", "status is 503, expected 2xx");
}

TEST(headers_are_tested_by_name_in_any_case)
{
    row("{header: {x-thing: abc}}", 200, "abc", "", "");
    row("{header: {x-thing: abc}}", 200, "abd", "", "header x-thing is 'abd', expected 'abc'");
    row("{header: {x-thing: {contains: b, starts_with: a, ends_with: c, matches: '^a.c$'}}}", 200,
        "abc", "", "");
    row("{header: {x-thing: {ends_with: /dash}}}", 200, "/login", "",
        "header x-thing is '/login', expected it to end with '/dash'");
    row("{header: {x-thing: {starts_with: z}}}", 200, "abc", "",
        "header x-thing is 'abc', expected it to start with 'z'");
    row("{header: {x-thing: {exists: true}}}", 200, NULL, "", "header x-thing is missing");
    row("{header: {x-thing: {exists: false}}}", 200, "a", "",
        "header x-thing is there, expected none");
    row("{header: {x-thing: {exists: false}}}", 200, NULL, "", "");
    row("{header: {x-thing: 'me-{{side}}'}}", 200, "me-new", "", "");
    row("{header: {x-thing: abc}}", 200, NULL, "", "header x-thing is missing");
}

TEST(bodies_contain_equal_and_match)
{
    row("{body: {contains: [one, two]}}", 200, NULL, "two and one", "");
    row("{body: {contains: [one, three]}}", 200, NULL, "two and one",
        "body is 'two and one', expected it to contain 'three'");
    row("{body: {equals: ''}}", 200, NULL, "", "");
    row("{body: {equals: a}}", 200, NULL, "", "body is empty, expected 'a'");
    row("{body: {matches: 'Results for \\w+'}}", 200, NULL, "<p>Results for acme</p>", "");
    row("{body: {matches: ['a', '^b']}}", 200, NULL, "ab",
        "body is 'ab', expected it to match '^b'");
    row("{body: {contains: x}}", 200, NULL,
        "\x1b[31m\n::error::", "body is '\\x1b[31m\\n::error::', expected it to contain 'x'");
}

TEST(json_is_tested_by_pointer)
{
    static const char body[] =
        "{\"data\":[{\"name\":\"Acme\"}],\"n\":3,\"z\":null,\"b\":false,\"t\":\"h\xc3\xa9\"}";

    row("{json: {/data/0/name: Acme, /n: 3, /z: null, /b: false}}", 200, NULL, body, "");
    row("{json: {/n: 3.0}}", 200, NULL, body, "");
    row("{json: {/n: '3'}}", 200, NULL, body, "/n is 3, expected \"3\"");
    row("{json: {/n: {at_least: 3, at_most: 3}}}", 200, NULL, body, "");
    row("{json: {/n: {at_least: 4}}}", 200, NULL, body, "/n is 3, expected at least 4");
    row("{json: {/n: {at_most: 2.5}}}", 200, NULL, body, "/n is 3, expected at most 2.5");
    row("{json: {/t: {at_least: 1}}}", 200, NULL, body,
        "/t is \"h\xc3\xa9\", expected a number of at least 1");
    row("{json: {/data: {length: 1}, /t: {length: 2}, '': {length: {at_least: 5}}}}", 200, NULL,
        body, "");
    row("{json: {/data: {length: {at_least: 2, at_most: 9}}}}", 200, NULL, body,
        "/data has length 1, expected 2 to 9");
    row("{json: {/n: {length: 1}}}", 200, NULL, body, "/n is a number, which has no length");
    row("{json: {/gone: {exists: false}, /z: {exists: true}}}", 200, NULL, body, "");
    row("{json: {/gone: {exists: true}}}", 200, NULL, body, "/gone is missing");
    row("{json: {/gone: 1}}", 200, NULL, body, "/gone is missing");
    row("{json: {/t: {matches: '^h'}, /data: {contains: Acme}}}", 200, NULL, body, "");
    row("{json: {/data: [{name: Acme}]}}", 200, NULL, body, "");
    row("{json: {/data: {equals: [{name: 'me-{{side}}'}]}}}", 200, NULL, body,
        "/data is [{\"name\":\"Acme\"}], expected [{\"name\":\"me-new\"}]");
}

TEST(a_body_that_is_no_json_fails_the_check)
{
    struct bench b;

    set_up(&b, "    request: {get: /}\n    expect: {json: {/a: 1}}");
    buf_add_str(&b.response.body, "<html>");
    assert_false(judge(&b));
    assert_int_equal(b.finding.verdict, RUN_FAIL);
    assert_true(text_starts_with(buf_str(&b.finding.sentence), "body is not JSON: "));
    tear_down(&b);
}

TEST(too_many_requests_is_an_error_unless_somebody_expects_it)
{
    struct bench b;

    set_up(&b, "    request: {get: /}\n    expect: {status: 200}");
    b.response.status = 429;
    assert_false(judge(&b));
    assert_int_equal(b.finding.verdict, RUN_ERROR);
    assert_true(b.finding.throttled);
    b.response.status = 503;
    assert_false(judge(&b));
    assert_int_equal(b.finding.verdict, RUN_FAIL);
    add_field(&b, "Retry-After", "120");
    assert_false(judge(&b));
    assert_int_equal(b.finding.verdict, RUN_ERROR);
    assert_true(b.finding.throttled);
    tear_down(&b);
    row("{status: [200, 429]}", 429, NULL, "", "");
    row("{status: 4xx}", 429, NULL, "", "");
}

TEST(what_keeps_an_answer_from_coming_is_a_fail_unless_it_is_our_own_fault)
{
    for (int o = 1; o < HTTP_OUTCOME_COUNT; o++) {
        struct bench b;
        bool own = o == HTTP_NO_ROUTE || o == HTTP_CANCELLED || o == HTTP_INVALID;

        set_up(&b, "    request: {get: /}");
        b.response.outcome = (enum http_outcome)o;
        b.response.status = 0;
        snprintf(b.response.reason, sizeof b.response.reason, "it is so");
        assert_false(judge(&b));
        assert_int_equal(b.finding.verdict, own ? RUN_ERROR : RUN_FAIL);
        assert_string_equal(buf_str(&b.finding.sentence), "it is so");
        tear_down(&b);
    }
}

TEST(a_pattern_that_needs_too_many_steps_is_an_error_and_no_fail)
{
    struct bench b;

    set_up(&b, "    request: {get: /}\n    expect: {body: {matches: '^(a+)+$'}}");
    for (int i = 0; i < 5000; i++)
        buf_add_char(&b.response.body, 'a');
    buf_add_char(&b.response.body, 'b');
    assert_false(judge(&b));
    assert_int_equal(b.finding.verdict, RUN_ERROR);
    tear_down(&b);
}

TEST(latency_is_judged_to_the_microsecond)
{
    struct bench b;

    set_up(&b, "    request: {get: /}\n    expect: {latency: 400ms}");
    b.response.timing.total_us = 400000;
    assert_true(judge(&b));
    b.response.timing.total_us = 400001;
    assert_false(judge(&b));
    assert_string_equal(buf_str(&b.finding.sentence),
                        "the answer took 401ms, expected at most 400ms");
    tear_down(&b);
}

TEST(certificates_have_days_left)
{
    struct bench b;

    set_up(&b, "    request: {get: /}\n    expect: {certificate: {days_left: 14}}");
    assert_false(judge(&b));
    assert_string_equal(buf_str(&b.finding.sentence),
                        "there is no certificate: the connection is not TLS");
    snprintf(b.response.certificate.sha256, sizeof b.response.certificate.sha256, "00");
    b.response.certificate.not_after_ms = WALL_MS + 14 * INT64_C(86400000);
    assert_true(judge(&b));
    b.response.certificate.not_after_ms--;
    assert_false(judge(&b));
    assert_string_equal(buf_str(&b.finding.sentence),
                        "the certificate ends in 13 days, expected at least 14 days");
    tear_down(&b);
}

TEST(captures_take_json_regex_and_header)
{
    struct bench b;
    struct answer answer = {0};
    const struct suite_step *step;
    static const char *const want[] = {"7", "tok", "name=\"csrf\"", "/next"};

    set_up(&b, "    request: {get: /}\n    capture:\n      id: {json: /id}\n"
               "      tok: {regex: 'csrf\\\\\" c=\\\\\"([a-z]+)'}\n      all: {regex: "
               "'name=\\\\\"csrf\\\\\"'}\n"
               "      loc: {header: X-Thing}\n      gone: {json: /nothing}");
    add_field(&b, "x-thing", "/next");
    buf_add_str(&b.response.body, "{\"id\":7,\"html\":\"name=\\\"csrf\\\" c=\\\"tok\\\"\"}");
    answer.response = &b.response;
    step = b.suite.checks[0].steps;
    for (size_t i = 0; i < 4; i++) {
        if (!capture_take(&step->captures[i], &answer, &b.scope.values[i], &b.finding))
            fail_msg("%s", buf_str(&b.finding.sentence));
        if (i != 2)
            assert_string_equal(buf_str(&b.scope.values[i].data), want[i]);
    }
    assert_false(capture_take(&step->captures[4], &answer, &b.scope.values[4], &b.finding));
    assert_string_equal(buf_str(&b.finding.sentence),
                        "'gone' could not be captured: nothing is there");
    answer_clear(&answer);
    tear_down(&b);
}

static void built(const char *request, const char *url, const char *headers, const char *body,
                  const char *curl)
{
    struct bench b;
    struct request r = {0};
    struct request_around around = {.previous = "", .wall_ms = WALL_MS};
    struct buf text SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};
    char step[600];

    snprintf(step, sizeof step, "    request: %s", request);
    set_up(&b, step);
    if (!request_build(&r, &b.scope, &b.suite.checks[0].steps[0].request, &around, &err))
        fail_msg("%s", err.text);
    assert_string_equal(buf_str(&r.url), url);
    for (size_t i = 0; i < r.headers_n; i++)
        buf_addf(&text, "%s: %s\n", r.headers[i].name, r.headers[i].value);
    assert_string_equal(buf_str(&text), headers);
    assert_string_equal(buf_str(&r.body), body);
    buf_reset(&text);
    request_add_curl(&text, &b.scope, &b.suite.checks[0].steps[0].request, "", NULL, false);
    assert_string_equal(buf_str(&text), curl);
    request_clear(&r);
    tear_down(&b);
}

TEST(requests_are_built_from_templates_and_their_curl_lines_name_secrets)
{
    built("{get: /x, query: {q: 'a b&c', s: '{{secret.key}}'}}",
          "https://h.example/api/x?q=a%20b%26c&s=hunter22", "", "",
          "curl -sS -i 'https://h.example/api/x?q=a%20b%26c&s='\"$KEY\"");
    built("{get: '/x?a=1', query: {b: 2}}", "https://h.example/api/x?a=1&b=2", "", "",
          "curl -sS -i 'https://h.example/api/x?a=1&b=2'");
    built("{post: /x, json: {who: '{{user}} \"q\"', k: '{{secret.key}}'}}",
          "https://h.example/api/x", "Content-Type: application/json\n",
          "{\"who\":\"me-new \\\"q\\\"\",\"k\":\"hunter22\"}",
          "curl -sS -i -H 'Content-Type: application/json' --data-raw '{\"who\":\"me-new "
          "\\\"q\\\"\",\"k\":\"'\"$KEY\"'\"}' "
          "https://h.example/api/x");
    built("{put: /x, form: {a: 'x y', b: '{{secret.key}}&'}}", "https://h.example/api/x",
          "Content-Type: application/x-www-form-urlencoded\n", "a=x%20y&b=hunter22%26",
          "curl -sS -i -X PUT -H 'Content-Type: application/x-www-form-urlencoded' --data-raw "
          "'a=x%20y&b='\"$KEY\"%26 "
          "https://h.example/api/x");
    built("{delete: /x, auth: {bearer: '{{secret.key}}'}}", "https://h.example/api/x",
          "Authorization: Bearer hunter22\n", "",
          "curl -sS -i -X DELETE -H 'Authorization: Bearer '\"$KEY\" https://h.example/api/x");
    built("{get: /x, auth: {basic: {user: me, password: '{{secret.key}}'}}}",
          "https://h.example/api/x", "Authorization: Basic bWU6aHVudGVyMjI=\n", "",
          "curl -sS -i -u me:\"$KEY\" https://h.example/api/x");
    built(
        "{post: 'https://o.example/', body: 'raw {{now}}', headers: {Content-Type: text/plain}}",
        "https://o.example/", "Content-Type: text/plain\n", "raw 1800000000",
        "curl -sS -i -H 'Content-Type: text/plain' --data-raw 'raw 1800000000' https://o.example/");
    built("{head: /x}", "https://h.example/api/x", "", "",
          "curl -sS -i -I https://h.example/api/x");
}

TEST(values_a_header_cannot_hold_stop_the_request)
{
    struct bench b;
    struct request r = {0};
    struct request_around around = {.previous = "", .wall_ms = WALL_MS};
    struct err err = {0};

    set_up(&b, "    steps:\n      - request: {get: /}\n        capture: {v: {header: X}}\n"
               "      - request: {get: /, headers: {A: '{{v}}'}}");
    assert_false(request_build(&r, &b.scope, &b.suite.checks[0].steps[1].request, &around, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    request_clear(&r);
    err_clear(&err);
    buf_add_str(&b.scope.values[0].data, "a\r\nEvil: 1");
    b.scope.values[0].set = true;
    assert_false(request_build(&r, &b.scope, &b.suite.checks[0].steps[1].request, &around, &err));
    assert_null(strstr(err.text, "Evil"));
    request_clear(&r);
    tear_down(&b);
}

TEST(a_captured_url_may_not_lead_elsewhere)
{
    static const struct {
        const char *captured, *previous, *url; /* NULL: refused */
    } rows[] = {{"/next", "https://h.example/a/b", "https://h.example/next"},
                {"next", "https://h.example/a/b", "https://h.example/a/next"},
                {"https://h.example/x", "https://h.example/a", "https://h.example/x"},
                {"https://w.example/x", "https://w.example/a", "https://w.example/x"},
                {"https://evil.example/x", "https://w.example/a", NULL},
                {"//evil.example/x", "https://h.example/a", NULL},
                {"http://h.example/x", "https://h.example/a", NULL},
                {"https://h.example:444/x", "https://h.example/a", NULL},
                {"file:///etc/passwd", "https://h.example/a", NULL}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;
        struct request r = {0};
        struct request_around around = {.previous = rows[i].previous, .wall_ms = WALL_MS};
        struct err err = {0};
        bool ok;

        set_up(&b, "    steps:\n      - request: {get: /}\n        capture: {v: {header: X}}\n     "
                   " - request: {get: '{{v}}'}");
        buf_add_str(&b.scope.values[0].data, rows[i].captured);
        b.scope.values[0].set = true;
        ok = request_build(&r, &b.scope, &b.suite.checks[0].steps[1].request, &around, &err);
        assert_int_equal(ok, rows[i].url != NULL);
        if (ok)
            assert_string_equal(buf_str(&r.url), rows[i].url);
        request_clear(&r);
        tear_down(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses_are_values_classes_and_lists),
        cmocka_unit_test(headers_are_tested_by_name_in_any_case),
        cmocka_unit_test(bodies_contain_equal_and_match),
        cmocka_unit_test(json_is_tested_by_pointer),
        cmocka_unit_test(a_body_that_is_no_json_fails_the_check),
        cmocka_unit_test(too_many_requests_is_an_error_unless_somebody_expects_it),
        cmocka_unit_test(what_keeps_an_answer_from_coming_is_a_fail_unless_it_is_our_own_fault),
        cmocka_unit_test(a_pattern_that_needs_too_many_steps_is_an_error_and_no_fail),
        cmocka_unit_test(latency_is_judged_to_the_microsecond),
        cmocka_unit_test(certificates_have_days_left),
        cmocka_unit_test(captures_take_json_regex_and_header),
        cmocka_unit_test(requests_are_built_from_templates_and_their_curl_lines_name_secrets),
        cmocka_unit_test(values_a_header_cannot_hold_stop_the_request),
        cmocka_unit_test(a_captured_url_may_not_lead_elsewhere),
    };

    return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
