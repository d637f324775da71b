/* report: counting, exit statuses, and text and JSON compared whole. The pump gives titles only:
 * nothing is sent. */
#include "report.h"

#include "cases.h"
#include "sluice/text.h"

struct bench {
    struct suite suite;
    struct suite *list[1];
    struct http *http;
    struct pump *pump;
    struct secret_set *secrets;
    struct report_entry entries[4];
    struct report report;
};

static void set_up(struct bench *b)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};
    struct pump_options options = {0};
    struct err err = {0};
    const struct doc *doc;

    memset(b, 0, sizeof *b);
    b->list[0] = &b->suite;
    buf_add_str(&text,
                "version: 1\nbase_url: https://h.example\nmatrix: {t: [x, \"y\\u202e\"]}\nchecks:\n"
                "  - name: sign in\n    tags: [auth]\n    request: {get: /login}\n    expect: "
                "{status: 200}\n"
                "  - {name: 'tenant {{t}}', request: {get: /}}\n"
                "  - {name: soft, severity: warn, request: {get: /soft}}\n");
    doc = doc_parse(&b->suite.doc_mem, "shop.yaml", &text, &err);
    assert_non_null(doc);
    assert_true(suite_decode(&b->suite, doc_root(doc), NULL, NULL, &err));
    b->http = http_new(&(struct http_config){0}, &err);
    b->pump = pump_new(b->list, 1, b->http, &options, &err);
    assert_non_null(b->pump);
    b->secrets = secret_new();
    assert_true(secret_add(b->secrets, "key", "hunter22", 8, &err));
    secret_set_sink(b->secrets);
    b->report = (struct report){.suites = b->list,
                                .suites_n = 1,
                                .pump = b->pump,
                                .entries = b->entries,
                                .entries_n = 4,
                                .started_wall_ms = INT64_C(1800000000000),
                                .elapsed_ms = 1234};
    for (uint32_t i = 0; i < 4; i++) {
        b->entries[i].done = true;
        b->entries[i].result = (struct probe_result){.stratum = i,
                                                     .suite = 0,
                                                     .check = i == 0   ? 0
                                                              : i == 3 ? 2
                                                                       : 1,
                                                     .attempts = 1,
                                                     .requests = 1,
                                                     .status = 200,
                                                     .latency_us = 12345};
    }
}

static void tear_down(struct bench *b)
{
    for (size_t i = 0; i < 4; i++)
        probe_result_clear(&b->entries[i].result);
    pump_free(b->pump);
    http_free(b->http);
    suite_clear(&b->suite);
    secret_free(b->secrets);
}

static void fail_first(struct bench *b)
{
    struct probe_result *r = &b->entries[0].result;

    r->verdict = RUN_FAIL;
    r->status = 502;
    r->at = b->suite.checks[0].steps[0].expect.status_at;
    r->sentence = x_strdup("status is 502, expected 200");
    r->met = x_strdup("502");
    r->expected = x_strdup("200");
    r->method = x_strdup("GET");
    r->url = x_strdup("https://h.example/login?k=hunter22");
    r->remote = x_strdup("203.0.113.5:443");
    r->curl = x_strdup("curl -sS -i 'https://h.example/login?k='\"$KEY\"");
    r->request_head = x_strdup("GET /login?k=hunter22\nHost: h.example\n");
    r->response_head = x_strdup("HTTP/1.1 502\nX: \x1b[31m\n");
    r->response_body = x_strdup("::error::pwned\r\n\x07hunter22 and aHVudGVyMjI=\n");
    r->response_bytes = 40;
}

TEST(the_exit_status_is_the_worst_of_all)
{
    struct bench b;

    set_up(&b);
    report_count(&b.report);
    assert_int_equal(b.report.exit_status, 0);
    b.entries[3].result.verdict = RUN_FAIL; /* severity: warn */
    report_count(&b.report);
    assert_int_equal(b.report.exit_status, 0);
    assert_int_equal(b.report.warned, 1);
    b.entries[1].result.verdict = RUN_ERROR;
    report_count(&b.report);
    assert_int_equal(b.report.exit_status, 11);
    b.report.interrupted = true;
    report_count(&b.report);
    assert_int_equal(b.report.exit_status, 130);
    b.entries[2].result.verdict = RUN_FAIL;
    report_count(&b.report);
    assert_int_equal(b.report.exit_status, 1);
    tear_down(&b);
}

TEST(a_check_that_did_not_run_is_no_success)
{
    struct bench b;

    set_up(&b);
    b.entries[2].done = false;
    report_count(&b.report);
    assert_int_equal(b.report.exit_status, 11);
    tear_down(&b);
}

TEST(when_no_request_reaches_a_server_nothing_was_judged)
{
    struct bench b;

    set_up(&b);
    for (int i = 0; i < 4; i++) {
        b.entries[i].result.verdict = RUN_FAIL;
        b.entries[i].result.outcome = i % 2 ? HTTP_DNS : HTTP_NO_ROUTE;
    }
    report_count(&b.report);
    assert_true(b.report.offline);
    assert_int_equal(b.report.exit_status, 11);
    b.entries[2].result.outcome = HTTP_REFUSED;
    report_count(&b.report);
    assert_int_equal(b.report.exit_status, 1);
    tear_down(&b);
}

TEST(the_text_report_is_as_expected)
{
    struct bench b;
    struct buf out SL_CLEANUP(buf_clear) = {0};

    set_up(&b);
    fail_first(&b);
    b.entries[1].result.attempts = 3;
    b.entries[3].done = false;
    b.report.interrupted = true;
    report_count(&b.report);
    report_text(&b.report, &(struct report_text_options){.verbose = true}, &out);
    cases_same_file("tests/data/report/text", &out);
    tear_down(&b);
}

TEST(the_json_report_is_as_expected)
{
    struct bench b;
    struct buf out SL_CLEANUP(buf_clear) = {0};
    json_t *back;

    set_up(&b);
    fail_first(&b);
    b.entries[3].done = false;
    report_count(&b.report);
    report_json(&b.report, &out);
    cases_same_file("tests/data/report/json", &out);
    back = json_loads(buf_str(&out), 0, NULL);
    assert_int_equal(json_array_size(json_object_get(back, "checks")), 4);
    json_decref(back);
    tear_down(&b);
}

TEST(the_other_reports_are_as_expected)
{
    static const struct {
        void (*make)(const struct report *report, struct buf *out);
        const char *file;
    } kinds[] = {
        {report_junit, "junit"},
        {report_tap, "tap"},
        {report_github, "github"},
        {report_html, "html"},
        {report_curl, "curl"},
        {report_prometheus, "prometheus"},
        {report_github_summary, "summary"},
    };
    struct bench b;

    set_up(&b);
    fail_first(&b);
    b.entries[1].result.attempts = 3;
    b.entries[3].done = false;
    report_count(&b.report);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct buf out SL_CLEANUP(buf_clear) = {0};
        char path[100];

        kinds[i].make(&b.report, &out);
        snprintf(path, sizeof path, "tests/data/report/%s", kinds[i].file);
        cases_same_file(path, &out);
    }
    tear_down(&b);
}

TEST(colours_are_only_ours)
{
    struct bench b;
    struct buf out SL_CLEANUP(buf_clear) = {0};

    set_up(&b);
    fail_first(&b);
    report_count(&b.report);
    report_text(&b.report, &(struct report_text_options){.color = true, .quiet = true}, &out);
    assert_non_null(strstr(buf_str(&out), "\x1b[1;31mFAIL   \x1b[0m sign in"));
    assert_null(strstr(buf_str(&out), "\x07"));
    assert_null(strstr(buf_str(&out), "tenant"));
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_exit_status_is_the_worst_of_all),
        cmocka_unit_test(a_check_that_did_not_run_is_no_success),
        cmocka_unit_test(when_no_request_reaches_a_server_nothing_was_judged),
        cmocka_unit_test(the_text_report_is_as_expected),
        cmocka_unit_test(the_json_report_is_as_expected),
        cmocka_unit_test(the_other_reports_are_as_expected),
        cmocka_unit_test(colours_are_only_ours),
    };

    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
