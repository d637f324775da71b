/* test_shape.c: shapes that fit, shapes read off values, and where two of them differ. */
#include "../../smoke/shape.h"

#include "sluice/json.h"
#include "test.h"

static json_t *parse(const char *text)
{
    struct err err = {0};
    json_t *value = json_parse(text, strlen(text), &err);

    assert_non_null(value);
    return value;
}

/* ---- fitting
 * --------------------------------------------------------------------------------------- */

static struct suite suite;

/* The shape of the only expectation of a suite that holds it. */
static const struct shape *compiled(const char *yaml)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};
    const struct doc *doc;

    buf_addf(&text,
             "version: 1\nbase_url: http://h\nchecks:\n- name: a\n  request: {get: /}\n  expect: "
             "{shape: %s}\n",
             yaml);
    suite_clear(&suite);
    doc = doc_parse(&suite.doc_mem, "s.yaml", &text, &err);
    assert_non_null(doc);
    if (!suite_decode(&suite, doc_root(doc), NULL, NULL, &err))
        fail_msg("%s", err.text);
    return suite.checks[0].steps[0].expect.json[0].predicates[0].shape;
}

TEST(a_value_fits_or_the_first_place_is_told)
{
    static const struct {
        const char *shape, *value, *where, *wanted;
    } cases[] = {
        {"{id: integer, name: string}", "{\"id\":1,\"name\":\"a\",\"more\":[]}", NULL, NULL},
        {"{id: integer}", "{\"id\":1.5}", "/id", "integer"},
        {"{id: number}", "{\"id\":1}", NULL, NULL},
        {"{id: number}", "{\"id\":\"1\"}", "/id", "number"},
        {"{id: string|null}", "{\"id\":null}", NULL, NULL},
        {"{id: string|null}", "{}", "/id", "string or null"},
        {"{id?: string}", "{}", NULL, NULL},
        {"{id?: string}", "{\"id\":null}", NULL, NULL},
        {"{id?: string}", "{\"id\":3}", "/id", "string"},
        {"[string]", "[]", NULL, NULL},
        {"[string]", "[\"a\",\"b\"]", NULL, NULL},
        {"[string]", "[\"a\",2]", "/1", "string"},
        {"[{a: {b: boolean}}]", "[{\"a\":{\"b\":true}},{\"a\":{\"b\":0}}]", "/1/a/b", "boolean"},
        {"[{a: {b: boolean}}]", "{}", "", "list"},
        {"list", "[1,\"a\"]", NULL, NULL},
        {"object", "{\"x\":1}", NULL, NULL},
        {"any", "null", NULL, NULL},
        {"{'a/b~c': integer}", "{\"a/b~c\":\"\"}", "/a~1b~0c", "integer"},
        {"{a: {b: any}}", "{\"a\":{}}", "/a/b", "any"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct shape *shape = compiled(cases[i].shape), *wanted = NULL;
        struct buf where SL_CLEANUP(buf_clear) = {0}, types SL_CLEANUP(buf_clear) = {0};
        json_t *value = parse(cases[i].value);
        const json_t *met = NULL;
        bool ok = shape_fits(shape, value, "", &where, &met, &wanted);

        assert_int_equal(ok, cases[i].wanted == NULL);
        if (!ok) {
            shape_add_types(&types, wanted->types);
            assert_string_equal(buf_str(&where), cases[i].where);
            assert_string_equal(buf_str(&types), cases[i].wanted);
        }
        json_decref(value);
    }
    suite_clear(&suite);
}

/* ---- comparing
 * ------------------------------------------------------------------------------------- */

static bool add_difference(void *ctx, const char *pointer, const char *a, const char *b)
{
    buf_addf(ctx, "%s: %s, %s|", pointer, a, b);
    return true;
}

TEST(two_values_differ_by_their_types_and_keys_only)
{
    static const struct {
        const char *a, *b, *differences;
    } cases[] = {
        {"{\"id\":1,\"t\":\"x\"}", "{\"t\":\"yy\",\"id\":77}", ""},
        {"{\"id\":1}", "{\"id\":\"1\"}", "/id: integer, string|"},
        {"{\"id\":1}", "{\"id\":1.5}", "/id: integer, number|"},
        {"{\"id\":1}", "{}", "/id: integer, missing|"},
        {"{}", "{\"id\":null}", "/id: missing, null|"},
        {"[1,2,3]", "[4]", ""},
        {"[1,2]", "[1,\"a\"]", "/*: integer, string or integer|"},
        {"[]", "[1]", ""},
        {"{\"l\":[]}", "{\"l\":[{\"a\":1}]}", ""},
        {"[{\"a\":1},{\"a\":2,\"b\":1}]", "[{\"a\":1,\"b\":2}]",
         "/*/b: sometimes missing, integer|"},
        {"[{\"a\":1},{\"b\":1}]", "[{\"b\":1},{\"a\":2}]", ""},
        {"[1]", "{\"a\":1}", ": list, object|"},
        {"[[{\"a\":true}]]", "[[{\"a\":\"\"}],[]]", "/*/*/a: boolean, string|"},
        {"{\"a/b\":1}", "{\"a/b\":null}", "/a~1b: integer, null|"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena mem = {0};
        struct buf said SL_CLEANUP(buf_clear) = {0};
        json_t *a = parse(cases[i].a), *b = parse(cases[i].b);

        shape_compare(shape_of(&mem, a), shape_of(&mem, b), add_difference, &said);
        assert_string_equal(buf_str(&said), cases[i].differences);
        arena_clear(&mem);
        json_decref(a);
        json_decref(b);
    }
}

static bool stop_at_once(void *ctx, const char *pointer, const char *a, const char *b)
{
    (void)pointer;
    (void)a;
    (void)b;
    (*(int *)ctx)++;
    return false;
}

TEST(the_listener_ends_a_comparison)
{
    struct arena mem = {0};
    json_t *a = parse("{\"a\":1,\"b\":1,\"c\":1}"), *b = parse("{\"d\":1,\"e\":1}");
    int n = 0;

    shape_compare(shape_of(&mem, a), shape_of(&mem, b), stop_at_once, &n);
    assert_int_equal(n, 1);
    arena_clear(&mem);
    json_decref(a);
    json_decref(b);
}

TEST(a_value_past_the_limit_has_no_shape)
{
    struct arena mem = {0};
    json_t *list = json_array();

    for (int i = 0; i < SHAPE_NODES_MAX - 1; i++)
        json_array_append_new(list, json_integer(i));
    assert_non_null(shape_of(&mem, list));
    json_array_append_new(list, json_integer(0));
    assert_null(shape_of(&mem, list));
    arena_clear(&mem);
    json_decref(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_fits_or_the_first_place_is_told),
        cmocka_unit_test(two_values_differ_by_their_types_and_keys_only),
        cmocka_unit_test(the_listener_ends_a_comparison),
        cmocka_unit_test(a_value_past_the_limit_has_no_shape),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
