/* rrset.c: names compare as DNS does, sets differ by a named field, listing order is Route 53's. */
#include "rrset.h"

#include "sluice/arena.h"
#include "test.h"

TEST(names_compare_without_case_dot_and_escapes)
{
    static const struct {
        const char *a, *b;
        int eq;
    } rows[] = {
        {"www.example.com", "WWW.example.com.", 1}, {"*.example.com", "\\052.example.com.", 1},
        {"a.example.com", "b.example.com", 0},      {"a\\056b.com", "a.b.com", 0},
        {"example.com.", "example.com..", 0},       {"example.com", "example.co", 0}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(rrset_name_eq(rows[i].a, rows[i].b), rows[i].eq);
}

TEST(listing_order_goes_from_the_right_label)
{
    static const char *const order[] = {"com.",           "example.com.",     "\\052.example.com.",
                                        "a.example.com.", "z.a.example.com.", "b.example.com.",
                                        "a.example.org."};

    for (size_t i = 0; i + 1 < ARRAY_LEN(order); i++) {
        struct rrset a = {.name = order[i], .type = "A"}, b = {.name = order[i + 1], .type = "A"};

        assert_true(rrset_compare(&a, &b) < 0);
        assert_true(rrset_compare(&b, &a) > 0);
        assert_int_equal(rrset_compare(&a, &a), 0);
    }
}

/* The end of a label counts as a dot, and '-' stands before it. */
TEST(listing_order_takes_dots_for_characters)
{
    static const char *const order[] = {"\\052.example.com.", "foo-bar.example.com.",
                                        "foo.example.com.",   "a-b.foo.example.com.",
                                        "a.foo.example.com.", "foo0.example.com."};

    for (size_t i = 0; i + 1 < ARRAY_LEN(order); i++) {
        struct rrset a = {.name = order[i], .type = "A"}, b = {.name = order[i + 1], .type = "A"};

        assert_true(rrset_compare(&a, &b) < 0);
        assert_true(rrset_compare(&b, &a) > 0);
    }
}

TEST(a_difference_is_named_by_its_field)
{
    static const char *const one[] = {"192.0.2.1"}, *const two[] = {"192.0.2.2"};
    struct rrset a = {.name = "w.",
                      .type = "A",
                      .set_id = "x",
                      .weighted = true,
                      .weight = 1,
                      .has_ttl = true,
                      .ttl = 60,
                      .values = one,
                      .n_values = 1};
    struct rrset b = a;

    assert_null(rrset_difference(&a, &b));
    b.weight = 2;
    assert_string_equal(rrset_difference(&a, &b), "weight");
    assert_true(rrset_eq(&a, &b, false));
    assert_false(rrset_eq(&a, &b, true));
    b = a;
    b.values = two;
    assert_string_equal(rrset_difference(&a, &b), "value");
    b = a;
    b.ttl = 300;
    assert_string_equal(rrset_difference(&a, &b), "ttl");
    b = a;
    b.health_check = "hc";
    assert_string_equal(rrset_difference(&a, &b), "health check");
}

TEST(a_copy_owns_its_strings)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    char name[] = "www.example.com.", value[] = "192.0.2.1";
    const char *values[] = {value};
    struct rrset a = {.name = name, .type = "A", .values = values, .n_values = 1}, b;

    b = rrset_copy(&mem, &a);
    name[0] = value[0] = 'X';
    assert_string_equal(b.name, "www.example.com.");
    assert_string_equal(b.values[0], "192.0.2.1");
    assert_int_equal(rrset_characters(&b), 9);
    assert_int_equal(rrset_elements(&b), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_compare_without_case_dot_and_escapes),
        cmocka_unit_test(listing_order_goes_from_the_right_label),
        cmocka_unit_test(listing_order_takes_dots_for_characters),
        cmocka_unit_test(a_difference_is_named_by_its_field),
        cmocka_unit_test(a_copy_owns_its_strings),
    };

    return cmocka_run_group_tests_name("rrset", tests, NULL, NULL);
}
