/* Taking a zone: fence.h, fence_take.c. */
#include "fence_kit.h"

TEST(takes_an_absent_lease_with_a_lone_create_first)
{
    struct kit *k = kit_new(1, 2);
    struct lease l;

    fence_take(k->f, 1, FENCE_TAKE_FREE, k->now);
    while (k->n_changes == 0) {
        k->now += 5;
        kit_turn(k);
    }
    assert_true(k->lone);
    kit_want(k, 1, FENCE_TAKEN);
    assert_int_equal(kit_lease(k, 0, &l), LEASE_READ);
    assert_string_equal(l.run, "run-a");
    assert_int_equal(l.state, LEASE_FORWARD);
    assert_int_equal(kit_weight(k, 0, 0, "old"), 255);
    assert_int_equal(kit_weight(k, 0, 0, "new"), 0);
    kit_free(k);
}

TEST(taking_changes_nothing_and_proves_both_ways)
{
    struct kit *k = kit_new(1, 2);

    kit_take(k);
    assert_int_equal(k->n_changes, 3); /* lone CREATE, taking batch, proof */
    assert_int_equal(k->deletes, 4);
    assert_int_equal(k->creates, 4);
    assert_int_equal(k->upserts, 4);
    assert_int_equal(memory_counts(k->m).applied, 2);
    kit_free(k);
}

TEST(the_lone_create_is_never_sent_twice)
{
    struct kit *k = kit_new(1, 1);
    struct lease l;
    uint64_t generation;

    KIT_SCRIPT(k, MEMORY_LOST);
    kit_take(k);
    assert_int_equal(k->n_changes, 4);
    assert_int_equal(kit_lease(k, 0, &l), LEASE_READ);
    generation = l.generation;
    assert_true(generation >= 1800000000ull + 3); /* lost, anew, taken: a generation each */
    kit_free(k);
}

TEST(a_lone_create_that_landed_without_an_answer_is_read_and_used)
{
    struct kit *k = kit_new(1, 1);

    KIT_SCRIPT(k, MEMORY_REPLY_LOST);
    kit_take(k);
    assert_int_equal(k->n_changes, 3);
    kit_free(k);
}

TEST(a_released_lease_goes_with_the_taking_batch)
{
    struct kit *k = kit_new(1, 1);
    struct lease l;

    kit_foreign(k, 0, "run-z", LEASE_RELEASED, 0, 1900000000);
    kit_take(k);
    assert_int_equal(k->n_changes, 2);
    assert_int_equal(kit_lease(k, 0, &l), LEASE_READ);
    assert_string_equal(l.run, "run-a");
    assert_true(l.generation > 1900000000);
    kit_free(k);
}

TEST(another_runs_live_lease_refuses_and_says_whose)
{
    struct kit *k = kit_new(1, 1);
    const struct fence_event *e;

    kit_foreign(k, 0, "run-z", LEASE_FORWARD, KIT_WALL / 1000 + 500, 1800000000);
    fence_take(k->f, 1, FENCE_TAKE_FREE, k->now);
    kit_want(k, 1, FENCE_BUSY);
    e = kit_event(k, FENCE_BUSY);
    assert_true(e->has_lease);
    assert_false(e->expired);
    assert_string_equal(e->lease.run, "run-z");
    assert_int_equal(k->n_changes, 0);
    kit_free(k);
}

#define LIFE_MS (10 * 60 * 1000)

TEST(an_expired_lease_is_taken_after_it_was_seen_for_a_whole_life)
{
    struct kit *k = kit_new(1, 1);
    const int64_t began = k->now;
    struct lease l;

    kit_foreign(k, 0, "run-z", LEASE_FORWARD, KIT_WALL / 1000 - 500, 1800000000);
    fence_take(k->f, 1, FENCE_TAKE_FREE, k->now);
    kit_run_to(k, began + LIFE_MS - 1);
    assert_int_equal(kit_count(k, FENCE_WATCHING), 1);
    assert_true(kit_event(k, FENCE_WATCHING)->expired);
    assert_string_equal(kit_event(k, FENCE_WATCHING)->lease.run, "run-z");
    assert_int_equal(k->n_changes, 0);
    assert_true(k->n_lists >= 30); /* it is watched, not waited for */
    kit_want(k, 1, FENCE_TAKEN);
    assert_true(k->now - began < LIFE_MS + 30000);
    assert_int_equal(kit_lease(k, 0, &l), LEASE_READ);
    assert_string_equal(l.run, "run-a");
    kit_free(k);
}

TEST(one_that_is_written_while_it_is_watched_refuses)
{
    struct kit *k = kit_new(1, 1);

    kit_foreign(k, 0, "run-z", LEASE_FORWARD, KIT_WALL / 1000 - 500, 1800000000);
    fence_take(k->f, 1, FENCE_TAKE_FREE, k->now);
    kit_run_to(k, k->now + LIFE_MS - 20000);
    /* Even by an end that is past again: whoever writes is alive. */
    kit_foreign(k, 0, "run-z", LEASE_FORWARD, KIT_WALL / 1000 - 400, 1800000001);
    kit_want(k, 1, FENCE_BUSY);
    assert_true(kit_event(k, FENCE_BUSY)->expired);
    assert_string_equal(kit_event(k, FENCE_BUSY)->lease.run, "run-z");
    assert_int_equal(k->n_changes, 0);
    kit_free(k);
}

TEST(one_that_is_written_as_its_taking_is_on_the_way_refuses)
{
    struct kit *k = kit_new(1, 1);
    struct lease l;

    kit_foreign(k, 0, "run-z", LEASE_FORWARD, KIT_WALL / 1000 - 500, 1800000000);
    fence_take(k->f, 1, FENCE_TAKE_FREE, k->now);
    while (k->n_changes == 0) {
        k->now += 5;
        kit_turn(k);
        assert_true(k->now < 2 * LIFE_MS);
    }
    kit_foreign(k, 0, "run-z", LEASE_FORWARD, KIT_WALL / 1000 + 900, 1800000001); /* it comes first */
    kit_want(k, 1, FENCE_BUSY);
    assert_int_equal(k->n_changes, 1);
    assert_int_equal(kit_lease(k, 0, &l), LEASE_READ);
    assert_string_equal(l.run, "run-z");
    kit_free(k);
}

TEST(a_release_is_taken_at_once_also_while_it_is_watched)
{
    struct kit *k = kit_new(1, 1);

    kit_foreign(k, 0, "run-z", LEASE_FORWARD, KIT_WALL / 1000 - 500, 1800000000);
    fence_take(k->f, 1, FENCE_TAKE_FREE, k->now);
    kit_run_to(k, k->now + 60000);
    kit_foreign(k, 0, "run-z", LEASE_RELEASED, 0, 1800000001);
    kit_want(k, 1, FENCE_TAKEN);
    assert_true(k->now < 2 * 60000);
    kit_free(k);
}

/* The zone that is taken already must not expire while another one is watched. */
TEST(what_is_taken_is_kept_while_another_zone_is_watched)
{
    struct kit *k = kit_new(2, 1);
    struct lease l;

    kit_foreign(k, 1, "run-z", LEASE_FORWARD, KIT_WALL / 1000 - 500, 1800000000);
    fence_take(k->f, 1, FENCE_TAKE_FREE, k->now);
    kit_run_to(k, k->now + LIFE_MS - 1000);
    assert_int_equal(kit_lease(k, 0, &l), LEASE_READ);
    assert_string_equal(l.run, "run-a");
    assert_true(l.expires_s * 1000 > KIT_WALL + k->now + LIFE_MS / 3);
    kit_want(k, 1, FENCE_TAKEN);
    kit_free(k);
}

TEST(an_expired_lease_is_taken_over_at_once)
{
    struct kit *k = kit_new(1, 1);
    struct lease l;

    kit_foreign(k, 0, "run-z", LEASE_FORWARD, KIT_WALL / 1000 - 500, 1800000000);
    fence_take(k->f, 2, FENCE_TAKE_OVER, k->now);
    kit_want(k, 2, FENCE_TAKEN);
    assert_true(k->now < 10000);
    assert_int_equal(kit_lease(k, 0, &l), LEASE_READ);
    assert_string_equal(l.run, "run-a");
    kit_free(k);
}

TEST(something_that_is_no_lease_is_left_alone)
{
    struct kit *k = kit_new(1, 1);
    const char *values[] = {"\"v=spf1 -all\""};
    struct rrset s = {.name = KIT_LEASE,
                      .type = "TXT",
                      .has_ttl = true,
                      .ttl = 5,
                      .values = values,
                      .n_values = 1};

    memory_put(k->m, "Z0", &s);
    fence_take(k->f, 1, FENCE_TAKE_FREE, k->now);
    kit_want(k, 1, FENCE_INVALID);
    assert_int_equal(k->n_changes, 0);
    fence_take(k->f, 2, FENCE_TAKE_OVER, k->now);
    kit_want(k, 2, FENCE_TAKEN);
    kit_free(k);
}

TEST(a_denied_way_forward_ends_with_77_and_gives_the_lease_back)
{
    struct kit *k = kit_new(1, 1);
    struct lease l;

    KIT_SCRIPT(k, MEMORY_NORMAL, MEMORY_DENIED);
    fence_take(k->f, 1, FENCE_TAKE_FREE, k->now);
    kit_want(k, 1, FENCE_DENIED);
    assert_int_equal(kit_lease(k, 0, &l), LEASE_READ);
    assert_int_equal(l.state, LEASE_RELEASED);
    kit_free(k);
}

TEST(a_denied_way_back_ends_with_77_before_anything_moved)
{
    struct kit *k = kit_new(1, 1);
    struct lease l;

    k->deny_upserts_of = "Z0";
    fence_take(k->f, 1, FENCE_TAKE_FREE, k->now);
    kit_want(k, 1, FENCE_DENIED);
    assert_int_equal(kit_weight(k, 0, 0, "old"), 255);
    assert_int_equal(kit_lease(k, 0, &l), LEASE_READ);
    assert_int_equal(l.state, LEASE_RELEASED);
    kit_free(k);
}

TEST(zones_are_taken_by_id_and_given_back_when_one_fails)
{
    struct kit *k = kit_new(3, 1);
    struct lease l;

    kit_foreign(k, 1, "run-z", LEASE_FORWARD, KIT_WALL / 1000 + 500, 1800000000);
    fence_take(k->f, 1, FENCE_TAKE_FREE, k->now);
    kit_want(k, 1, FENCE_BUSY);
    assert_int_equal(kit_event(k, FENCE_BUSY)->zone, 1);
    assert_int_equal(kit_lease(k, 0, &l), LEASE_READ);
    assert_int_equal(l.state, LEASE_RELEASED);
    assert_int_equal(kit_lease(k, 2, &l), LEASE_DAMAGED); /* never touched: not there */
    kit_free(k);
}

TEST(a_lease_taken_over_goes_back_to_its_former_owner_when_taking_fails)
{
    struct kit *k = kit_new(2, 1);
    struct lease l;

    kit_foreign(k, 0, "run-z", LEASE_FORWARD, KIT_WALL / 1000 + 500, 1900000000);
    k->deny_upserts_of = "Z1";
    fence_take(k->f, 1, FENCE_TAKE_OVER, k->now);
    kit_want(k, 1, FENCE_DENIED);
    assert_int_equal(kit_lease(k, 0, &l), LEASE_READ);
    assert_string_equal(l.run, "run-z");
    assert_string_equal(l.owner, "abcd");
    assert_true(l.generation > 1900000000);
    assert_int_equal(kit_lease(k, 1, &l), LEASE_READ);
    assert_int_equal(l.state, LEASE_RELEASED);
    kit_free(k);
}

TEST(a_record_that_changed_since_it_was_listed_refuses)
{
    struct kit *k = kit_new(1, 2);
    const struct fence_event *e;

    kit_put(k, "Z0", "w00001.example.com.", "old", 200, "192.0.2.1");
    fence_take(k->f, 1, FENCE_TAKE_FREE, k->now);
    kit_want(k, 1, FENCE_DRIFT);
    e = kit_event(k, FENCE_DRIFT);
    assert_string_equal(e->field, "weight");
    assert_string_equal(e->set_id, "old");
    assert_string_equal(fence_record_name(k->f, e->record), "w00001.example.com.");
    kit_free(k);
}

TEST(taking_survives_lost_answers_and_throttling)
{
    struct kit *k = kit_new(2, 3);

    KIT_SCRIPT(k, MEMORY_THROTTLED, MEMORY_REPLY_LOST, MEMORY_LOST, MEMORY_REPLY_LOST, MEMORY_PRIOR,
               MEMORY_SERVER, MEMORY_LOST, MEMORY_REPLY_LOST, MEMORY_REPLY_LOST, MEMORY_THROTTLED);
    kit_take(k);
    kit_apply(k, 2, 10);
    kit_free(k);
}

TEST(taking_gives_up_when_nothing_can_be_read)
{
    struct kit *k = kit_new(1, 1);

    k->lists_lost = true;
    fence_take(k->f, 1, FENCE_TAKE_FREE, k->now);
    kit_want(k, 1, FENCE_UNREAD);
    assert_int_equal(k->n_changes, 0);
    kit_free(k);
}

TEST(a_full_zone_is_taken_in_as_few_batches_as_the_limits_allow)
{
    /* valgrind is fifty times as slow: a quarter of a zone goes the same ways */
    const uint32_t n = getenv("SLUICE_VALGRIND") ? 1200 : 4990, batches = getenv("SLUICE_VALGRIND") ? 5 : 21;
    struct kit *k = kit_new(1, n);

    assert_int_equal(fence_batches(k->f, 0, false), batches);
    kit_take(k);
    assert_int_equal(k->n_changes, 1 + batches + batches);
    k->n_changes = 0;
    kit_apply(k, 2, 10);
    assert_int_equal(k->n_changes, batches);
    assert_int_equal(kit_weight(k, 0, n - 1, "new"), fence_weight_at(k->f, n - 1, 0, 10));
    assert_int_not_equal(kit_weight(k, 0, n - 1, "new"), 0);
    k->n_changes = 0;
    fence_rollback(k->f, 3, 0, false, k->now);
    kit_want(k, 3, FENCE_BACK);
    assert_int_equal(k->n_changes, batches);
    assert_int_equal(kit_weight(k, 0, n - 1, "new"), 0);
    kit_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_an_absent_lease_with_a_lone_create_first),
        cmocka_unit_test(taking_changes_nothing_and_proves_both_ways),
        cmocka_unit_test(the_lone_create_is_never_sent_twice),
        cmocka_unit_test(a_lone_create_that_landed_without_an_answer_is_read_and_used),
        cmocka_unit_test(a_released_lease_goes_with_the_taking_batch),
        cmocka_unit_test(another_runs_live_lease_refuses_and_says_whose),
        cmocka_unit_test(an_expired_lease_is_taken_after_it_was_seen_for_a_whole_life),
        cmocka_unit_test(one_that_is_written_while_it_is_watched_refuses),
        cmocka_unit_test(one_that_is_written_as_its_taking_is_on_the_way_refuses),
        cmocka_unit_test(a_release_is_taken_at_once_also_while_it_is_watched),
        cmocka_unit_test(what_is_taken_is_kept_while_another_zone_is_watched),
        cmocka_unit_test(an_expired_lease_is_taken_over_at_once),
        cmocka_unit_test(something_that_is_no_lease_is_left_alone),
        cmocka_unit_test(a_denied_way_forward_ends_with_77_and_gives_the_lease_back),
        cmocka_unit_test(a_denied_way_back_ends_with_77_before_anything_moved),
        cmocka_unit_test(zones_are_taken_by_id_and_given_back_when_one_fails),
        cmocka_unit_test(a_lease_taken_over_goes_back_to_its_former_owner_when_taking_fails),
        cmocka_unit_test(a_record_that_changed_since_it_was_listed_refuses),
        cmocka_unit_test(taking_survives_lost_answers_and_throttling),
        cmocka_unit_test(taking_gives_up_when_nothing_can_be_read),
        cmocka_unit_test(a_full_zone_is_taken_in_as_few_batches_as_the_limits_allow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
