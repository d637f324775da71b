/* The sandbox's health checks and traffic policy instances: what its config may say. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "attached.h"
#include "sluice/common.h"

/* JSON with ' for ". */
static json_t *json(const char *text)
{
    char *copy = strdup(text);
    json_t *o;

    for (char *p = copy; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    o = json_loads(copy, 0, NULL);
    assert_non_null(o);
    free(copy);
    return o;
}

TEST(what_is_left_out_is_as_route_53_has_it)
{
    json_t *checks = json("[{'id': 'h-1', 'type': 'HTTPS', 'fqdn': 'new.example.net'}]"),
           *policies = json("[{'id': 't-1', 'zone': 'Z1', 'name': 'www.example.com.', 'policy': "
                            "'p-1'}]");
    struct attached a;
    struct err err = {0};

    assert_true(attached_load(&a, checks, policies, &err));
    assert_int_equal(attached_check_find(&a, "h-1")->interval_s, 30);
    assert_int_equal(attached_check_find(&a, "h-1")->threshold, 3);
    assert_false(attached_check_find(&a, "h-1")->disabled);
    assert_string_equal(attached_policy_find(&a, "t-1")->state, "Applied");
    assert_null(attached_check_find(&a, "t-1"));
    assert_null(attached_policy_find(&a, "h-1"));
    json_decref(checks);
    json_decref(policies);
}

TEST(what_route_53_would_not_have_is_refused)
{
    static const struct {
        const char *checks, *policies, *words;
    } rows[] = {
        {"[{'id': 'h', 'type': 'PING'}]", "[]", "no type PING"},
        {"[{'id': 'h', 'type': 'TCP', 'interval': 20}]", "[]", "10 or 30"},
        {"[{'id': 'h', 'type': 'TCP', 'threshold': 11}]", "[]", "1 to 10"},
        {"[{'id': 'h', 'type': 'TCP', 'threshold': 0}]", "[]", "1 to 10"},
        {"[{'id': '', 'type': 'TCP'}]", "[]", "1 to 64"},
        {"[{'id': 'h', 'type': 'TCP'}, {'id': 'h', 'type': 'TCP'}]", "[]", "twice"},
        {"[{'id': 'h', 'type': 'TCP', 'odd': 1}]", "[]", "odd"},
        {"[]", "[{'id': 't', 'zone': 'Z', 'name': 'n', 'policy': 'p', 'state': 'Odd'}]",
         "no state"},
        {"[]", "[{'id': 't', 'zone': 'Z', 'name': 'n', 'policy': 'p', 'version': 0}]", "1 to 1000"},
        {"[{'id': 'x', 'type': 'TCP'}]", "[{'id': 'x', 'zone': 'Z', 'name': 'n', 'policy': 'p'}]",
         "twice"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *checks = json(rows[i].checks), *policies = json(rows[i].policies);
        struct attached a;
        struct err err = {0};

        assert_false(attached_load(&a, checks, policies, &err));
        if (!strstr(err.text, rows[i].words))
            fail_msg("row %zu: '%s'", i, err.text);
        json_decref(checks);
        json_decref(policies);
    }
}

TEST(there_is_a_ceiling)
{
    json_t *checks = json_array();
    struct attached a;
    struct err err = {0};

    for (int i = 0; i <= ATTACHED_MAX; i++)
        json_array_append_new(checks,
                              json_pack("{s:o, s:s}", "id", json_sprintf("h%d", i), "type", "TCP"));
    assert_false(attached_load(&a, checks, NULL, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    json_array_remove(checks, 0);
    err = (struct err){0};
    assert_true(attached_load(&a, checks, NULL, &err));
    json_decref(checks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_out_is_as_route_53_has_it),
        cmocka_unit_test(what_route_53_would_not_have_is_refused),
        cmocka_unit_test(there_is_a_ceiling),
    };

    return cmocka_run_group_tests_name("sandbox_attached", tests, NULL, NULL);
}
