/* template.h: parsing with columns, expansion, taint, header bytes. */
#include "sluice/template.h"
#include "sluice/text.h"
#include "test.h"

static bool known(void *ctx, const char *name, const char **suggestion)
{
    static const char *const names[] = {"side", "user", "secret.password", "empty", "late"};

    (void)ctx;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (!strcmp(name, names[i]))
            return true;
    *suggestion = text_nearest(name, names, ARRAY_LEN(names));
    return false;
}

static bool lookup(void *ctx, const char *name, struct template_value *value)
{
    static const struct {
        const char *name;
        struct template_value value;
    } vars[] = {
        {"side", {"new", 3, false}},
        {"user", {"{{side}}", 8, false}},
        {"secret.password", {"p\0w", 3, true}},
        {"empty", {"", 0, false}},
    };

    (void)ctx;
    for (size_t i = 0; i < ARRAY_LEN(vars); i++)
        if (!strcmp(name, vars[i].name)) {
            *value = vars[i].value;
            return true;
        }
    return false;
}

static void expand(const char *text, struct buf *out, bool *tainted)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct template t;
    struct err err = {0};

    buf_reset(out);
    *tainted = false;
    assert_true(template_parse(&t, &mem, text, (struct pos){0}, known, NULL, &err));
    assert_true(template_expand(&t, lookup, NULL, out, tainted, &err));
}

TEST(names_are_replaced_once)
{
    static const struct {
        const char *text, *result;
    } cases[] = {
        {"", ""},
        {"plain { } }} \\ \\{", "plain { } }} \\ \\{"},
        {"{{side}}", "new"},
        {"a{{ side }}b{{side}}", "anewbnew"},
        {"{{user}}", "{{side}}"},
        {"\\{{side}} {{side}}", "{{side}} new"},
        {"x{{empty}}y", "xy"},
        {"\\\\{{side}}", "\\{{side}}"},
        {"{{side}}\\{{", "new{{"},
    };
    struct buf out SL_CLEANUP(buf_clear) = {0};
    bool tainted;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        expand(cases[i].text, &out, &tainted);
        assert_string_equal(buf_str(&out), cases[i].result);
        assert_false(tainted);
    }
}

TEST(a_secret_taints_and_goes_in_byte_for_byte)
{
    struct buf out SL_CLEANUP(buf_clear) = {0};
    bool tainted;

    expand("a{{secret.password}}", &out, &tainted);
    assert_int_equal(out.len, 4);
    assert_memory_equal(out.data, "ap\0w", 4);
    assert_true(tainted);
}

TEST(mistakes_are_found_when_parsing_with_their_column)
{
    static const struct {
        const char *text;
        uint32_t col;
        const char *part;
    } cases[] = {
        {"{{side", 10, "without }}"},
        {"ab{{side} }", 12, "without }}"},
        {"\xc3\xa4{{}}", 13, "one name"},
        {"{{ 1a }}", 13, "one name"},
        {"{{a b}}", 12, "one name"},
        {"{{side|upper}}", 12, "one name"},
        {"{{sied}}", 12, "did you mean {{side}}?"},
        {"{{nothing_like_it}}", 12, "unknown variable {{nothing_like_it}}"},
        {"x\n{{sied}}", 10, "did you mean"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena mem SL_CLEANUP(arena_clear) = {0};
        struct template t;
        struct err err = {0};
        struct pos pos = {"s.yaml", 3, 10};

        assert_false(template_parse(&t, &mem, cases[i].text, pos, known, NULL, &err));
        assert_int_equal(err.kind, ERR_FILE);
        assert_int_equal(err.line, 3);
        assert_int_equal(err.col, cases[i].col);
        assert_non_null(strstr(err.text, cases[i].part));
        assert_int_equal(t.parts_n, 0);
    }
}

TEST(without_a_place_the_message_names_the_column)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct template t;
    struct err err = {0};

    assert_false(template_parse(&t, &mem, "ab{{x y}}", (struct pos){0}, NULL, NULL, &err));
    assert_memory_equal(err.text, "column 5: ", 10);
}

TEST(a_variable_without_a_value_and_a_full_buffer_are_errors)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct buf out SL_CLEANUP(buf_clear) = {0};
    struct template t;
    struct err err = {0};

    assert_true(template_parse(&t, &mem, "{{late}}", (struct pos){0}, known, NULL, &err));
    assert_false(template_expand(&t, lookup, NULL, &out, NULL, &err));
    assert_string_equal(err.text, "{{late}} has no value here");
    err_clear(&err);
    buf_init(&out, 5);
    assert_true(template_parse(&t, &mem, "{{side}}{{side}}", (struct pos){0}, known, NULL, &err));
    assert_false(template_expand(&t, lookup, NULL, &out, NULL, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
}

TEST(too_many_names_are_refused)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct buf text SL_CLEANUP(buf_clear) = {0};
    struct template t;
    struct err err = {0};

    for (int i = 0; i < TEMPLATE_PARTS_MAX; i++)
        buf_add_str(&text, "{{side}}");
    assert_true(template_parse(&t, &mem, buf_str(&text), (struct pos){0}, known, NULL, &err));
    assert_int_equal(t.parts_n, TEMPLATE_PARTS_MAX);
    buf_add_str(&text, "{{side}}");
    assert_false(template_parse(&t, &mem, buf_str(&text), (struct pos){0}, known, NULL, &err));
}

TEST(it_tells_what_it_uses)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct template t;
    struct err err = {0};

    assert_true(template_parse(&t, &mem, "{{side}} x", (struct pos){0}, NULL, NULL, &err));
    assert_true(template_uses(&t, "side"));
    assert_false(template_uses(&t, " x"));
    assert_false(template_is_plain(&t));
    assert_true(template_parse(&t, &mem, "x", (struct pos){0}, NULL, NULL, &err));
    assert_true(template_is_plain(&t));
}

TEST(control_bytes_do_not_get_into_a_header)
{
    struct err err = {0};

    assert_true(template_check_header("X", "a\tb \xc3\xa4", 6, &err));
    assert_false(template_check_header("header X-A", "a\r\nb", 4, &err));
    assert_string_equal(err.text, "header X-A: byte 2 is the control byte 0x0d");
    err_clear(&err);
    assert_false(template_check_header("X", "a\0b", 3, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_replaced_once),
        cmocka_unit_test(a_secret_taints_and_goes_in_byte_for_byte),
        cmocka_unit_test(mistakes_are_found_when_parsing_with_their_column),
        cmocka_unit_test(without_a_place_the_message_names_the_column),
        cmocka_unit_test(a_variable_without_a_value_and_a_full_buffer_are_errors),
        cmocka_unit_test(too_many_names_are_refused),
        cmocka_unit_test(it_tells_what_it_uses),
        cmocka_unit_test(control_bytes_do_not_get_into_a_header),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
