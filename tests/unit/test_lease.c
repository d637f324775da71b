/* lease.c: the TXT value that says who is ramping. */
#include "lease.h"

#include "test.h"

#include <stdio.h>

static struct lease sample(void)
{
    struct lease l = {.cutover = "shop",
                      .run = "20270203T010000Z-k3v9",
                      .owner = "0123456789abcdef",
                      .generation = 1801616400,
                      .state = LEASE_FORWARD,
                      .expires_s = 1801617000,
                      .rollback_to = 0,
                      .step = 10,
                      .plan_hash = "9c1185a5c5e9",
                      .ttl_was = 300,
                      .not_before_s = 0,
                      .nonce = "fedcba9876543210"};

    return l;
}

static const char text[] =
    "\"sluice1 cutover=shop run=20270203T010000Z-k3v9 owner=0123456789abcdef "
    "gen=1801616400 state=forward exp=1801617000 back=0 step=10 plan=9c1185a5c5e9 "
    "ttl=300 nb=0 nonce=fedcba9876543210\"";

TEST(a_lease_is_one_quoted_string)
{
    struct lease l = sample();
    char out[LEASE_VALUE_SIZE];

    lease_format(&l, out);
    assert_string_equal(out, text);
}

TEST(what_was_written_is_read)
{
    struct lease want = sample(), got;

    assert_int_equal(lease_parse(text, &got), LEASE_READ);
    assert_true(lease_eq(&got, &want));
    want.nonce[0] = '0';
    assert_false(lease_eq(&got, &want));
}

TEST(the_longest_lease_fits_into_one_txt_string)
{
    struct lease l = sample(), back;
    char out[LEASE_VALUE_SIZE];

    memset(l.cutover, 'x', LEASE_CUTOVER_MAX);
    memset(l.run, 'x', LEASE_RUN_MAX);
    memset(l.plan_hash, 'f', LEASE_HASH_MAX);
    l.generation = LEASE_GENERATION_MAX;
    l.expires_s = l.not_before_s = LEASE_TIME_MAX;
    l.rollback_to = l.step = LEASE_PERCENT_MAX;
    l.ttl_was = UINT32_MAX;
    l.state = LEASE_REVERTING;
    lease_format(&l, out);
    assert_true(strlen(out) <= LEASE_TEXT_MAX + 2);
    assert_int_equal(lease_parse(out, &back), LEASE_READ);
    assert_true(lease_eq(&l, &back));
}

TEST(a_released_lease_has_no_owner)
{
    struct lease l = sample(), back;
    char out[LEASE_VALUE_SIZE];

    l.state = LEASE_RELEASED;
    assert_false(lease_check(&l));
    l.owner[0] = '\0';
    lease_format(&l, out);
    assert_non_null(strstr(out, "owner=- "));
    assert_int_equal(lease_parse(out, &back), LEASE_READ);
    assert_string_equal(back.owner, "");
    assert_false(lease_same_owner(&l, &back));
}

TEST(another_version_is_told_apart_from_damage)
{
    static const struct {
        const char *value;
        enum lease_reading want;
    } rows[] = {
        {"\"sluice2 anything at all\"", LEASE_VERSION_OTHER},
        {"\"sluice10 cutover=shop\"", LEASE_VERSION_OTHER},
        {"\"sluice1 cutover=shop\"", LEASE_DAMAGED},
        {"\"sluice1\"", LEASE_DAMAGED},
        {"\"sluice\"", LEASE_DAMAGED},
        {"\"v=spf1 -all\"", LEASE_DAMAGED},
        {"", LEASE_DAMAGED},
        {"\"", LEASE_DAMAGED},
        {"sluice1 cutover=shop", LEASE_DAMAGED},
    };
    struct lease l;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(lease_parse(rows[i].value, &l), rows[i].want);
}

/* Every row changes one word of a good value into one that must not be read. */
TEST(reading_is_strict)
{
    static const struct {
        const char *from, *to;
    } rows[] = {
        {"gen=1801616400", "gen=01801616400"},
        {"gen=1801616400", "gen=-1"},
        {"gen=1801616400", "gen=1e3"},
        {"gen=1801616400", "gen=9999999999999"},
        {"state=forward", "state=sideways"},
        {"exp=1801617000", "exp="},
        {"back=0", "back=-0"},
        {"back=0", "back=102"},
        {"step=10", "step=10 step=10"},
        {" ttl=300", "  ttl=300"},
        {" nb=0", ""},
        {"nonce=f", "nonce=g"},
        {"nonce=fedcba9876543210", "nonce=fedcba98765432101"},
        {"owner=0123456789abcdef", "owner=-"},
        {"cutover=shop", "cutover=sh/op"},
        {"sluice1 cutover", "sluice1  cutover"},
        {"3210\"", "3210 \""},
        {"3210\"", "3210\" \"more\""},
        {"run=2", "run= 2"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char changed[2 * LEASE_VALUE_SIZE];
        const char *at = strstr(text, rows[i].from);
        struct lease l;

        assert_non_null(at);
        snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, rows[i].to,
                 at + strlen(rows[i].from));
        if (lease_parse(changed, &l) != LEASE_DAMAGED)
            fail_msg("read: %s", changed);
    }
}

TEST(a_name_that_cannot_stand_in_a_lease_is_made_to)
{
    char field[LEASE_CUTOVER_MAX + 1];

    lease_name_set(field, LEASE_CUTOVER_MAX, "my shop/2");
    assert_string_equal(field, "my_shop_2");
    lease_name_set(field, 4, "abcdefgh");
    assert_string_equal(field, "abcd");
    lease_name_set(field, 4, "");
    assert_string_equal(field, "_");
}

TEST(the_record_stands_in_front_of_the_zone)
{
    char *a = lease_record_name("example.com"), *b = lease_record_name("example.com.");

    assert_string_equal(a, "_sluice.example.com.");
    assert_string_equal(b, a);
    free(a);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lease_is_one_quoted_string),
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(the_longest_lease_fits_into_one_txt_string),
        cmocka_unit_test(a_released_lease_has_no_owner),
        cmocka_unit_test(another_version_is_told_apart_from_damage),
        cmocka_unit_test(reading_is_strict),
        cmocka_unit_test(a_name_that_cannot_stand_in_a_lease_is_made_to),
        cmocka_unit_test(the_record_stands_in_front_of_the_zone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
