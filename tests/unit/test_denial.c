/* test_denial.c: what a refused batch asked for, and what of it was allowed before. */
#include "test.h"

#include <stdio.h>

#include "denial.h"

static const struct rrset www = {.name = "www.example.com.", .type = "A"},
                          shop = {.name = "shop.example.com.", .type = "A"},
                          lease = {.name = "_sluice.example.com.", .type = "TXT"},
                          wild = {.name = "\\052.example.com.\x1b[31m", .type = "CNAME"};

static struct denial_asked ask(const struct router_change *changes, size_t n)
{
    const struct router_batch batch = {.changes = changes, .n_changes = n};
    struct denial_asked asked;

    denial_ask(&asked, &batch);
    return asked;
}

static void says(const struct denial_asked *asked, const struct denial_asked *allowed,
                 const char *want)
{
    struct buf out SL_CLEANUP(buf_clear) = {0};

    denial_format(asked, allowed, &out);
    assert_string_equal(buf_str(&out), want);
}

TEST(all_that_a_first_batch_asked_for_may_be_at_fault)
{
    const struct router_change changes[] = {{ROUTER_DELETE, &lease, 0}, {ROUTER_CREATE, &lease, 0},
                                            {ROUTER_DELETE, &www, 0},   {ROUTER_DELETE, &shop, 0},
                                            {ROUTER_CREATE, &www, 0},   {ROUTER_CREATE, &shop, 0}};
    const struct denial_asked asked = ask(changes, 6), none = {0};

    says(&asked, &none,
         "not allowed, at least one of: DELETE of _sluice.example.com TXT, CREATE of "
         "_sluice.example.com TXT, DELETE of www.example.com A (and 1 more), CREATE of "
         "www.example.com A (and 1 more)");
}

TEST(what_went_through_before_is_left_out)
{
    const struct router_change taking[] = {{ROUTER_DELETE, &lease, 0},
                                           {ROUTER_CREATE, &lease, 0},
                                           {ROUTER_DELETE, &www, 0},
                                           {ROUTER_CREATE, &www, 0}};
    const struct router_change back[] = {{ROUTER_DELETE, &lease, 0},
                                         {ROUTER_CREATE, &lease, 0},
                                         {ROUTER_UPSERT, &www, 0},
                                         {ROUTER_UPSERT, &www, 0}};
    const struct denial_asked took = ask(taking, 4), asked = ask(back, 4);
    struct denial_asked allowed = {0};

    denial_allow(&allowed, &took);
    denial_allow(&allowed, &took);
    says(&asked, &allowed, "not allowed: UPSERT of www.example.com A");
}

TEST(when_every_kind_was_allowed_a_name_is_at_fault)
{
    const struct router_change changes[] = {{ROUTER_UPSERT, &shop, 0}};
    const struct denial_asked asked = ask(changes, 1);
    struct denial_asked allowed = {0};

    denial_allow(&allowed, &asked);
    says(&asked, &allowed, "not allowed: UPSERT of shop.example.com A");
}

TEST(names_are_safe_and_kinds_have_a_ceiling)
{
    struct router_change changes[20];
    struct rrset sets[20];
    char types[20][8];
    const struct router_change one[] = {{ROUTER_CREATE, &wild, 0}};
    struct denial_asked asked = ask(one, 1), none = {0};

    says(&asked, &none, "not allowed: CREATE of *.example.com.\\x1b[31m CNAME");
    for (int i = 0; i < 20; i++) {
        snprintf(types[i], sizeof types[i], "T%d", i);
        sets[i] = (struct rrset){.name = "n.", .type = types[i]};
        changes[i] = (struct router_change){ROUTER_CREATE, &sets[i], 0};
    }
    asked = ask(changes, 20);
    assert_int_equal(asked.n, DENIAL_KINDS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_a_first_batch_asked_for_may_be_at_fault),
        cmocka_unit_test(what_went_through_before_is_left_out),
        cmocka_unit_test(when_every_kind_was_allowed_a_name_is_at_fault),
        cmocka_unit_test(names_are_safe_and_kinds_have_a_ceiling),
    };

    return cmocka_run_group_tests_name("denial", tests, NULL, NULL);
}
