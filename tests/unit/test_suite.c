/* suite: files into compiled checks, every fault with its place. */
#include "sluice/suite.h"

#include <stdio.h>

#include "cases.h"
#include "sluice/json.h"
#include "sluice/text.h"

static bool load_fails(const char *path, struct err *err)
{
    struct suite suite = {0};
    bool ok = suite_load(&suite, path, NULL, err);

    suite_clear(&suite);
    return ok;
}

/* Text into a suite; the document lives in the suite's own arena. */
static bool decode(struct suite *suite, const char *text, const struct suite_options *options,
                   struct err *err)
{
    struct buf b SL_CLEANUP(buf_clear) = {0};
    const struct doc *doc;

    buf_add_str(&b, text);
    doc = doc_parse(&suite->doc_mem, "t.yaml", &b, err);
    return doc && suite_decode(suite, doc_root(doc), NULL, options, err);
}

static void must_decode(struct suite *suite, const char *text, const struct suite_options *options)
{
    struct err err = {0};

    if (!decode(suite, text, options, &err))
        fail_msg("%u:%u: %s", err.line, err.col, err.text);
}

TEST(bad_suites_are_refused_with_place_line_and_caret)
{
    assert_true(cases_run("suite", load_fails) >= 80);
}

TEST(the_example_fills_every_member)
{
    struct suite s SL_CLEANUP(suite_clear) = {0};
    struct err err = {0};
    char path[CASES_PATH_MAX];
    const struct suite_check *c;

    snprintf(path, sizeof path, "%s/examples/shop.smoke.yaml", cases_srcdir());
    if (!suite_load(&s, path, NULL, &err))
        fail_msg("%u:%u: %s", err.line, err.col, err.text);
    c = &s.checks[0];
    assert_string_equal(c->name.text, "sign in");
    assert_int_equal(c->steps_n, 2);
    assert_int_equal(c->every_ms, 30000);
    assert_int_equal(c->steps[0].captures[0].kind, SUITE_CAPTURE_REGEX);
    assert_string_equal(c->slots[0], "csrf");
    assert_int_equal(c->steps[0].request.timeout_ms, 5000);
    assert_int_equal(c->steps[1].request.body, SUITE_BODY_FORM);
    assert_int_equal(c->steps[1].expect.status[0].low, 302);
    assert_int_equal(c->steps[1].expect.headers[0].predicates[0].op, SUITE_ENDS_WITH);
    assert_false(c->reads_only);
    assert_int_equal(c->rows_n, 1);
    assert_true(s.checks[1].reads_only);
}

static const char two_columns[] = "version: 1\nbase_url: https://h\n"
                                  "matrix: {a: [1, 2, 3], b: [x, y]}\n"
                                  "vars: {both: '{{a}}-{{b}}'}\n"
                                  "checks:\n"
                                  "  - {name: 'none', request: {get: /}}\n"
                                  "  - {name: 'one {{a}}', request: {get: /}}\n"
                                  "  - {name: 'via {{b}}', request: {get: '/{{both}}'}}\n";

TEST(a_check_has_a_row_for_every_combination_of_the_columns_it_uses)
{
    struct suite s SL_CLEANUP(suite_clear) = {0};
    struct buf title SL_CLEANUP(buf_clear) = {0};

    must_decode(&s, two_columns, NULL);
    assert_int_equal(s.checks[0].rows_n, 1);
    assert_int_equal(s.checks[1].rows_n, 3);
    assert_int_equal(s.checks[2].rows_n, 6);
    assert_string_equal(suite_column_value(&s, &s.checks[2], 0, 0), "1");
    assert_string_equal(suite_column_value(&s, &s.checks[2], 1, 1), "y");
    assert_string_equal(suite_column_value(&s, &s.checks[2], 5, 0), "3");
    assert_null(suite_column_value(&s, &s.checks[1], 0, 1));
    suite_title(&s, &s.checks[2], 3, &title);
    assert_string_equal(buf_str(&title), "via y (a=2)");
}

TEST(what_a_step_does_not_say_comes_from_defaults_and_then_from_the_program)
{
    struct suite s SL_CLEANUP(suite_clear) = {0};

    must_decode(&s,
                "version: 1\nbase_url: https://h\n"
                "defaults: {timeout: 3s, headers: {A: 1, B: 2}, retries: 2, expect: {status: [200, "
                "3xx], latency: 1s}}\n"
                "checks:\n"
                "  - {name: a, request: {get: /, headers: {b: own}}}\n"
                "  - {name: b, request: {post: /, timeout: 9s, sign: {scheme: stripe, secret: k}}, "
                "expect: {status: 201}, retries: {times: 1, delay: 2s}, every: 5s}\n",
                NULL);
    assert_int_equal(s.checks[0].steps[0].request.timeout_ms, 3000);
    assert_int_equal(s.checks[0].steps[0].request.headers_n, 2);
    assert_string_equal(s.checks[0].steps[0].request.headers[0].value.text, "own");
    assert_int_equal(s.checks[0].steps[0].expect.status_n, 2);
    assert_int_equal(s.checks[0].steps[0].expect.status[1].high, 399);
    assert_null(s.checks[0].steps[0].expect.status_at);
    assert_int_equal(s.checks[0].retries, 2);
    assert_int_equal(s.checks[0].retry_ms, 1000);
    assert_int_equal(s.checks[0].every_ms, 1000);
    assert_int_equal(s.checks[1].steps[0].request.timeout_ms, 9000);
    assert_int_equal(s.checks[1].steps[0].expect.status[0].low, 201);
    assert_int_equal(s.checks[1].steps[0].expect.latency_ms, 1000);
    assert_int_equal(s.checks[1].retry_ms, 2000);
    assert_int_equal(s.checks[1].every_ms, 5000);
}

TEST(without_a_word_about_it_a_check_is_asked_by_what_it_does)
{
    static const struct {
        const char *request;
        int64_t every_ms;
    } rows[] = {{"{get: /}", 1000},
                {"{head: /}", 1000},
                {"{post: /, body: x}", 30000},
                {"{delete: /}", 30000},
                {"{post: /, body: x, sign: {scheme: stripe, secret: k}}", 60000}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct suite s SL_CLEANUP(suite_clear) = {0};
        char text[300];

        snprintf(text, sizeof text,
                 "version: 1\nbase_url: https://h\nchecks: [{name: a, request: %s}]\n",
                 rows[i].request);
        must_decode(&s, text, NULL);
        assert_int_equal(s.checks[0].every_ms, rows[i].every_ms);
        assert_int_equal(s.checks[0].steps[0].expect.status[0].low, 200);
        assert_int_equal(s.checks[0].steps[0].expect.status[0].high, 299);
    }
}

TEST(the_command_line_replaces_base_url_and_variables)
{
    struct suite s SL_CLEANUP(suite_clear) = {0};
    struct suite_given given[] = {{.name = "v", .value = "{{not a template}}"},
                                  {.name = "w", .value = "x"}};
    struct suite_options options = {.base_url = "https://other", .given = given, .given_n = 2};

    must_decode(&s, "version: 1\nvars: {v: old}\nchecks: [{name: a, request: {get: '/{{v}}'}}]\n",
                &options);
    assert_string_equal(s.base_url.text, "https://other");
    assert_string_equal(s.vars[0].given, "{{not a template}}");
    assert_true(given[0].used);
    assert_false(given[1].used);
}

TEST(secrets_are_loaded_only_for_the_checks_that_run)
{
    struct suite s SL_CLEANUP(suite_clear) = {0};
    struct suite *list[] = {&s};
    bool used[] = {true, false};
    const bool *const chosen[] = {used};
    struct secret_set *set = secret_new();
    struct err err = {0};
    size_t len;

    setenv("SUITE_TEST_HERE", "hunter22", 1);
    unsetenv("SUITE_TEST_GONE");
    must_decode(&s,
                "version: 1\nbase_url: https://h\n"
                "secrets: {here: {env: SUITE_TEST_HERE}, gone: {env: SUITE_TEST_GONE}}\n"
                "vars: {v: '{{secret.here}}'}\n"
                "checks:\n"
                "  - {name: a, request: {get: '/{{v}}'}}\n"
                "  - {name: b, request: {get: '/{{secret.gone}}'}}\n",
                NULL);
    assert_true(suite_secrets_load(list, chosen, 1, set, &err));
    assert_string_equal(secret_get(set, "here", &len), "hunter22");
    assert_null(secret_get(set, "gone", &len));
    assert_false(suite_secrets_load(list, NULL, 1, set, &err));
    assert_int_equal(err.kind, ERR_FILE);
    assert_int_equal(err.line, 3);
    assert_true(err.snippet[0]);
    secret_free(set);
}

TEST(two_suites_may_call_different_secrets_by_one_name)
{
    struct suite a SL_CLEANUP(suite_clear) = {0}, b SL_CLEANUP(suite_clear) = {0},
                   c SL_CLEANUP(suite_clear) = {0};
    struct suite *list[] = {&a, &b, &c};
    struct secret_set *set = secret_new();
    struct err err = {0};
    size_t len;
    static const char form[] = "version: 1\nbase_url: https://h\nsecrets: {p: {env: %s}}\n"
                               "checks: [{name: a, request: {get: '/{{secret.p}}'}}]\n";
    char text[300];

    setenv("SUITE_TEST_ONE", "first-one", 1);
    setenv("SUITE_TEST_TWO", "second-one", 1);
    snprintf(text, sizeof text, form, "SUITE_TEST_ONE");
    must_decode(&a, text, NULL);
    must_decode(&b, text, NULL);
    snprintf(text, sizeof text, form, "SUITE_TEST_TWO");
    must_decode(&c, text, NULL);
    assert_true(suite_secrets_load(list, NULL, 3, set, &err));
    assert_string_equal(secret_get(set, a.secret_keys[0], &len), "first-one");
    assert_string_equal(a.secret_keys[0], b.secret_keys[0]);
    assert_string_equal(secret_get(set, c.secret_keys[0], &len), "second-one");
    secret_free(set);
}

TEST(a_matrix_file_gives_one_value_a_line)
{
    struct suite s SL_CLEANUP(suite_clear) = {0};
    char dir[] = "/tmp/suite-XXXXXX", path[100];
    struct err err = {0};
    FILE *f;

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/t.txt", dir);
    f = fopen(path, "w");
    fputs("# tenants\nacme\n\n  \nglobex \r\n", f);
    fclose(f);
    snprintf(path, sizeof path, "%s/s.yaml", dir);
    f = fopen(path, "w");
    fputs("version: 1\nbase_url: https://h\nmatrix: {t: {file: t.txt}}\n"
          "checks: [{name: 'a {{t}}', request: {get: /}}]\n",
          f);
    fclose(f);
    if (!suite_load(&s, path, NULL, &err))
        fail_msg("%s", err.text);
    assert_int_equal(s.checks[0].rows_n, 2);
    assert_string_equal(s.columns[0].values[1], "globex");
    unlink(path);
    snprintf(path, sizeof path, "%s/t.txt", dir);
    unlink(path);
    rmdir(dir);
}

TEST(json_values_without_templates_are_made_once)
{
    struct suite s SL_CLEANUP(suite_clear) = {0};
    struct buf text SL_CLEANUP(buf_clear) = {0};

    must_decode(&s,
                "version: 1\nbase_url: https://h\nchecks:\n  - name: a\n"
                "    request: {post: /, json: {n: 1, t: '1', b: true, z: null, esc: '\\{{x}}', l: "
                "[1.5, no]}}\n"
                "    expect: {json: {/a: '{{uuid}}'}}\n",
                NULL);
    assert_non_null(s.checks[0].steps[0].request.json.fixed);
    json_add_compact(&text, s.checks[0].steps[0].request.json.fixed);
    assert_string_equal(
        buf_str(&text),
        "{\"n\":1,\"t\":\"1\",\"b\":true,\"z\":null,\"esc\":\"{{x}}\",\"l\":[1.5,\"no\"]}");
    assert_null(s.checks[0].steps[0].expect.json[0].predicates[0].json.fixed);
}

TEST(an_inline_suite_decodes_inside_another_document)
{
    struct suite s SL_CLEANUP(suite_clear) = {0};
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct buf b SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};
    const struct doc *doc;

    buf_add_str(&b, "smoke:\n  suite:\n    version: 1\n    checks: [{name: a, request: {get: "
                    "'https://h/'}}]\n");
    doc = doc_parse(&mem, "plan.yaml", &b, &err);
    assert_non_null(doc);
    assert_true(
        suite_decode(&s, doc_get(doc_get(doc_root(doc), "smoke"), "suite"), NULL, NULL, &err));
    assert_string_equal(s.path, "plan.yaml");
}

TEST(the_json_schema_in_docs_is_what_the_tables_say)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};
    json_t *schema = suite_schema_json();
    char *dump = json_dumps(schema, JSON_INDENT(2));

    buf_addf(&text, "%s\n", dump);
    free(dump);
    json_decref(schema);
    cases_same_file("docs/schema/smoke.schema.json", &text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_suites_are_refused_with_place_line_and_caret),
        cmocka_unit_test(the_example_fills_every_member),
        cmocka_unit_test(a_check_has_a_row_for_every_combination_of_the_columns_it_uses),
        cmocka_unit_test(what_a_step_does_not_say_comes_from_defaults_and_then_from_the_program),
        cmocka_unit_test(without_a_word_about_it_a_check_is_asked_by_what_it_does),
        cmocka_unit_test(the_command_line_replaces_base_url_and_variables),
        cmocka_unit_test(secrets_are_loaded_only_for_the_checks_that_run),
        cmocka_unit_test(two_suites_may_call_different_secrets_by_one_name),
        cmocka_unit_test(a_matrix_file_gives_one_value_a_line),
        cmocka_unit_test(json_values_without_templates_are_made_once),
        cmocka_unit_test(an_inline_suite_decodes_inside_another_document),
        cmocka_unit_test(the_json_schema_in_docs_is_what_the_tables_say),
    };

    return cmocka_run_group_tests_name("suite", tests, NULL, NULL);
}
