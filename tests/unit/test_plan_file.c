/* plan_file: plan.yaml into struct plan, and every fault with its place. */
#include "plan_file.h"

#include <stdio.h>

#include "cases.h"
#include "sluice/json.h"

static bool load_fails(const char *path, struct err *err)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct plan *plan = arena_alloc(&mem, sizeof *plan);

    return plan_load(plan, &mem, path, err);
}

static bool decode(struct plan *plan, struct arena *mem, const char *path, const char *text,
                   struct schema_sink *sink, struct err *err)
{
    struct buf b SL_CLEANUP(buf_clear) = {0};
    const struct doc *doc;

    buf_add_str(&b, text);
    doc = doc_parse(mem, path, &b, err);
    return doc && plan_decode(plan, mem, doc, sink, NULL, err);
}

static const char smallest[] = "version: 1\ncutover: shop\nroute53: {zone: example.com}\n"
                               "sides: {old: {set: heroku}, new: {set: ec2}}\n"
                               "records: [{name: www.example.com, type: CNAME}]\n"
                               "steps: [1, 100]\nsmoke: {suites: shop.smoke.yaml}\n";

TEST(bad_plans_are_refused_with_place_line_and_caret)
{
    assert_true(cases_run("plan", load_fails) >= 40);
}

TEST(the_example_fills_every_member)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct plan *p = arena_alloc(&mem, sizeof *p);
    struct err err = {0};
    char path[CASES_PATH_MAX], suite[CASES_PATH_MAX];

    snprintf(path, sizeof path, "%s/examples/shop.plan.yaml", cases_srcdir());
    snprintf(suite, sizeof suite, "%s/examples/shop.smoke.yaml", cases_srcdir());
    if (!plan_load(p, &mem, path, &err))
        fail_msg("%u:%u: %s", err.line, err.col, err.text);
    assert_string_equal(p->cutover, "shop");
    assert_string_equal(p->path, path);
    assert_string_equal(p->route53.zone, "example.com");
    assert_int_equal(p->records_n, 4);
    assert_false(p->records_all);
    assert_string_equal(p->records[0].type, "CNAME");
    assert_string_equal(p->records[3].name, "*.shops.example.com");
    assert_string_equal(p->records[3].sets[PLAN_OLD].id[0], "heroku-shops");
    assert_int_equal(p->records[3].sets[PLAN_NEW].n, 0);
    assert_string_equal(p->sides[PLAN_NEW].id[0], "ec2");
    assert_int_equal(p->steps_n, 4);
    assert_int_equal(p->steps[0].percent, 1);
    assert_int_equal(p->steps[0].bake_ms, 5 * 60 * 1000);
    assert_int_equal(p->steps[1].bake_ms, 30 * 60 * 1000);
    assert_true(p->steps[2].approve);
    assert_int_equal(p->steps[3].on_breach, PLAN_ROLLBACK);
    assert_int_equal(p->soak.for_ms, 24 * 3600 * 1000);
    assert_int_equal(p->suites_n, 1);
    assert_string_equal(p->suites[0].file, suite);
    assert_int_equal(p->suites[0].allowed_ppm, 10000);
    assert_int_equal(p->suites[0].unacceptable_ppm, 50000);
    assert_int_equal(p->on[PLAN_ON_CRASH], PLAN_RESUME);
    assert_true(p->not_before_s == 1801616400);
    assert_true(p->not_after_s == 1801630800);
    assert_int_equal(p->notify_command_n, 2);
    assert_string_equal(p->notify_command[1], "shop");
    assert_int_equal(p->verify, PLAN_VERIFY_DNS);
    assert_int_equal(p->lease_life_ms, 600000);
}

/* The presets of the tables and plan_init() say the same twice: here they are held together. */
TEST(the_smallest_plan_is_at_every_default)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct plan *p = arena_alloc(&mem, sizeof *p), *d = arena_alloc(&mem, sizeof *d);
    struct err err = {0};

    plan_init(d);
    if (!decode(p, &mem, "plan.yaml", smallest, NULL, &err))
        fail_msg("%s", err.text);
    assert_int_equal(p->rollback_to, d->rollback_to);
    assert_int_equal(p->soak.for_ms, d->soak.for_ms);
    assert_int_equal(p->soak.rate_milli, d->soak.rate_milli);
    assert_int_equal(p->soak.on_breach, d->soak.on_breach);
    assert_int_equal(p->rate_milli, d->rate_milli);
    assert_memory_equal(p->on, d->on, sizeof d->on);
    assert_int_equal(p->max_hold_ms, d->max_hold_ms);
    assert_true(p->not_before_s == INT64_MIN && p->not_after_s == INT64_MAX);
    assert_int_equal(p->verify, d->verify);
    assert_int_equal(p->drain_factor_milli, d->drain_factor_milli);
    assert_int_equal(p->lease_off, d->lease_off);
    assert_int_equal(p->lease_life_ms, d->lease_life_ms);
    assert_int_equal(p->read_every_ms, d->read_every_ms);
    assert_int_equal(p->route53.rate_milli, d->route53.rate_milli);
    assert_int_equal(p->suites[0].allowed_ppm, 10000);
    assert_int_equal(p->suites[0].unacceptable_ppm, 50000);
    assert_string_equal(p->suites[0].file, "shop.smoke.yaml");
    assert_int_equal(p->steps[0].bake_ms, 5 * 60 * 1000);
    assert_null(p->lease_name);
}

TEST(short_forms_mean_the_long_ones)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct plan *p = arena_alloc(&mem, sizeof *p);
    struct err err = {0};

    if (!decode(p, &mem, "/etc/sluice/plan.yaml",
                "version: 1\ncutover: shop\nroute53: {zone: Z123ABC, servers: 192.0.2.1:53}\n"
                "sides: {old: [heroku, heroku-eu], new: ec2}\nrecords: all\nsteps: [{percent: 100}]\n"
                "smoke: {suites: [/srv/a.yaml, {suite: {version: 1, checks: []}}]}\nlease: off\n"
                "on: {slow: ignore, breach: hold}\ndrain_factor: 1.5\n",
                NULL, &err))
        fail_msg("%u:%u: %s", err.line, err.col, err.text);
    assert_true(p->records_all);
    assert_int_equal(p->records_n, 0);
    assert_int_equal(p->sides[PLAN_OLD].n, 2);
    assert_string_equal(p->sides[PLAN_OLD].id[1], "heroku-eu");
    assert_string_equal(p->route53.server[0], "192.0.2.1:53");
    assert_string_equal(p->suites[0].file, "/srv/a.yaml");
    assert_null(p->suites[1].file);
    assert_int_equal(((const struct doc_node *)p->suites[1].inline_doc)->kind, DOC_MAP);
    assert_true(p->lease_off);
    assert_int_equal(p->on[PLAN_ON_SLOW], PLAN_IGNORE);
    assert_int_equal(p->steps[0].on_breach, PLAN_HOLD);
    assert_int_equal(p->drain_factor_milli, 1500);
}

static void collect(void *self, const struct err *err)
{
    buf_addf(self, "%u:%u: %s\n", err->line, err->col, err->text);
}

TEST(a_sink_gets_the_tables_errors_or_the_plans_findings_all_at_once)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct plan *p = arena_alloc(&mem, sizeof *p);
    struct buf got SL_CLEANUP(buf_clear) = {0};
    struct schema_sink sink = {.add = collect, .self = &got};
    struct err err = {0};

    assert_false(decode(p, &mem, "plan.yaml",
                        "version: 1\ncutover: shop\nroute53: {zone: example.com}\n"
                        "sides: {old: {set: heroku}, new: {set: ec2}}\n"
                        "records: [{name: www.example.org, type: CNAME}]\n"
                        "steps: [10, 1]\nrollback_to: 20\nsmoke: {suites: shop.smoke.yaml}\n",
                        &sink, &err));
    assert_string_equal(buf_str(&got), "6:13: steps must grow: 1 comes after 10\n"
                                       "7:14: 'rollback_to' 20 must be below the first step, 10\n"
                                       "5:18: 'www.example.org' is not in the zone 'example.com'\n");
    assert_int_equal(err.line, 6);
}

TEST(names_of_records_are_dns_names)
{
    static const char *const good[] = {"example.com", "a.b", "*.example.com", "*", "_sip._tcp.x.org.", "x-1.y", "com"};
    static const char *const bad[] = {"", ".", "a..b", ".a", "a b", "*a.com", "a.*.com", "**.com", "a/b", "caf\xc3\xa9.fr", "a.b.."};
    char longest[PLAN_STEPS_MAX * 4];

    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        if (!plan_name_ok(good[i]))
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (plan_name_ok(bad[i]))
            fail_msg("accepted: %s", bad[i]);
    for (size_t i = 0; i < 254; i++)
        longest[i] = i % 64 == 63 ? '.' : 'a';
    longest[253] = '\0';
    assert_true(plan_name_ok(longest));
    longest[253] = 'a';
    longest[254] = '\0';
    assert_false(plan_name_ok(longest));
}

/* The words of `on:` stand in the core; the JSON Schema must not promise others. */
TEST(the_json_schema_offers_the_policies_the_core_allows)
{
    json_auto_t *schema = plan_schema_json();

    for (int on = 0; on < PLAN_ON_COUNT; on++) {
        struct buf pointer SL_CLEANUP(buf_clear) = {0}, want SL_CLEANUP(buf_clear) = {0};
        struct buf got SL_CLEANUP(buf_clear) = {0};

        buf_addf(&pointer, "/definitions/on/properties/%s/enum", plan_on_name((enum plan_on)on));
        buf_add_char(&want, '[');
        for (int p = 0; p < PLAN_POLICY_COUNT; p++)
            if (plan_on_allowed((enum plan_on)on, (enum plan_policy)p))
                buf_addf(&want, "%s\"%s\"", want.len > 1 ? "," : "", plan_policy_name((enum plan_policy)p));
        buf_add_char(&want, ']');
        assert_non_null(json_pointer_get(schema, buf_str(&pointer)));
        json_add_compact(&got, json_pointer_get(schema, buf_str(&pointer)));
        assert_string_equal(buf_str(&got), buf_str(&want));
    }
    assert_non_null(json_pointer_get(schema, "/definitions/record"));
    assert_non_null(json_pointer_get(schema, "/definitions/lease"));
}

TEST(the_published_json_schema_is_what_the_tables_say)
{
    json_auto_t *schema = plan_schema_json();
    struct buf text SL_CLEANUP(buf_clear) = {0};
    char *dump = json_dumps(schema, JSON_INDENT(2));

    buf_addf(&text, "%s\n", dump);
    free(dump);
    cases_same_file("docs/schema/plan.schema.json", &text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_plans_are_refused_with_place_line_and_caret),
        cmocka_unit_test(the_example_fills_every_member),
        cmocka_unit_test(the_smallest_plan_is_at_every_default),
        cmocka_unit_test(short_forms_mean_the_long_ones),
        cmocka_unit_test(a_sink_gets_the_tables_errors_or_the_plans_findings_all_at_once),
        cmocka_unit_test(names_of_records_are_dns_names),
        cmocka_unit_test(the_json_schema_offers_the_policies_the_core_allows),
        cmocka_unit_test(the_published_json_schema_is_what_the_tables_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
