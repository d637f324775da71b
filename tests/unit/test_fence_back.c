/* Going back: fence_back.c, fence_mend.c. */
#include "fence_kit.h"
#include "fence_ramp.h"

TEST(the_first_request_leaves_at_once_and_is_urgent)
{
    struct kit *k = kit_new(2, 3);
    uint32_t before;

    at_10_percent(k);
    before = k->n_changes;
    fence_rollback(k->f, 3, 0, false, k->now);
    assert_int_equal(k->n_changes, before + 2); /* both zones, without a turn of the loop */
    assert_true(k->urgent);
    kit_want(k, 3, FENCE_BACK);
    assert_int_equal(kit_event(k, FENCE_BACK)->n_done, 4);
    assert_int_equal(kit_count(k, FENCE_BACK_LANDED), 1);
    all_back(k, 2, 3);
    kit_free(k);
}

TEST(it_is_confirmed_by_insync_and_a_listing_that_agrees)
{
    struct kit *k = kit_new(1, 1);

    at_10_percent(k);
    k->pending_ms = 30000;
    fence_rollback(k->f, 3, 0, false, k->now);
    kit_run_to(k, k->now + 10000);
    assert_int_equal(kit_count(k, FENCE_BACK_LANDED), 1);
    assert_int_equal(kit_count(k, FENCE_BACK), 0);
    kit_put(k, "Z0", "w00000.example.com.", "new", 77, "192.0.2.2"); /* somebody, meanwhile */
    kit_want(k, 3, FENCE_BACK);
    all_back(k, 1, 1);
    kit_free(k);
}

TEST(with_a_forward_batch_open_the_older_value_is_tried_first_and_kills_it)
{
    struct kit *k = kit_new(1, 1);

    kit_take(k);
    k->late_ms = 60000;
    KIT_SCRIPT(k, MEMORY_LATE);
    fence_apply(k->f, 2, 10, k->now);
    kit_run_to(k, k->now + 30);
    fence_rollback(k->f, 3, 0, false, k->now);
    kit_want(k, 3, FENCE_BACK);
    assert_true(k->now < 20000);
    kit_run_to(k, k->now + 120000); /* the late one lands on nothing */
    all_back(k, 1, 1);
    kit_free(k);
}

TEST(when_the_open_batch_has_landed_the_newer_value_wins)
{
    struct kit *k = kit_new(1, 1);
    uint32_t before;

    kit_take(k);
    KIT_SCRIPT(k, MEMORY_REPLY_LOST);
    fence_apply(k->f, 2, 10, k->now);
    kit_run_to(k, k->now + 25);
    assert_int_not_equal(kit_weight(k, 0, 0, "new"), 0);
    before = k->n_changes;
    fence_rollback(k->f, 3, 0, false, k->now);
    kit_want(k, 3, FENCE_BACK);
    assert_int_equal(k->n_changes, before + 2);
    all_back(k, 1, 1);
    kit_free(k);
}

/* The next stretch would be told the same; hammering on only takes the account from others. */
TEST(throttled_it_sends_the_same_stretch_again_and_no_other_before)
{
    struct kit *k = kit_new(1, 600);
    uint32_t before;

    at_10_percent(k);
    before = k->n_changes;
    KIT_SCRIPT(k, MEMORY_THROTTLED, MEMORY_PRIOR);
    fence_rollback(k->f, 3, 0, false, k->now);
    kit_run_to(k, k->now + 100);
    assert_int_equal(k->n_changes, before + 1);
    kit_want(k, 3, FENCE_BACK);
    assert_int_equal(k->n_changes, before + 2 + 3); /* three stretches */
    all_back(k, 1, 600);
    kit_free(k);
}

TEST(it_overtakes_a_batch_whose_answer_is_still_awaited)
{
    struct kit *k = kit_new(1, 600);

    kit_take(k);
    fence_apply(k->f, 2, 10, k->now);
    kit_run_to(k, k->now + 21); /* between the first chunk and the next */
    fence_rollback(k->f, 3, 0, false, k->now);
    kit_want(k, 3, FENCE_BACK);
    assert_null(kit_event(k, FENCE_APPLIED));
    all_back(k, 1, 600);
    kit_free(k);
}

TEST(it_is_retried_from_a_quarter_of_a_second_to_five)
{
    struct kit *k = kit_new(1, 1);
    uint32_t first;

    at_10_percent(k);
    k->changes_lost = k->lists_lost = true;
    first = k->n_changes;
    fence_rollback(k->f, 3, 0, false, k->now);
    kit_run_to(k, k->now + 60000);
    assert_in_range(k->change_at[first + 1] - k->change_at[first], 100, 600);
    assert_in_range(k->change_at[k->n_changes - 1] - k->change_at[k->n_changes - 2], 2400, 5600);
    assert_in_range(k->n_changes - first, 12, 30);
    k->changes_lost = k->lists_lost = false;
    kit_want(k, 3, FENCE_BACK);
    all_back(k, 1, 1);
    kit_free(k);
}

TEST(a_batch_without_an_answer_does_not_stop_the_next)
{
    struct kit *k = kit_new(1, 600);
    uint32_t first;

    at_10_percent(k);
    k->lists_lost = true;
    KIT_SCRIPT(k, MEMORY_REPLY_LOST);
    first = k->n_changes;
    fence_rollback(k->f, 3, 0, false, k->now);
    kit_run_to(k, k->now + 150);
    assert_true(k->n_changes >=
                first + 3); /* before any retry: the second stretch, on both values */
    k->lists_lost = false;
    kit_want(k, 3, FENCE_BACK);
    all_back(k, 1, 600);
    kit_free(k);
}

TEST(a_record_at_fault_is_halved_out_and_the_others_are_confirmed)
{
    struct kit *k = kit_new(1, 100);
    const struct fence_event *e;
    const char *values[] = {"192.0.2.9"};
    struct rrset simple = {.name = "w00042.example.com.",
                           .type = "A",
                           .has_ttl = true,
                           .ttl = 60,
                           .values = values,
                           .n_values = 1};

    at_10_percent(k);
    kit_run_to(k, k->now + 1000);
    memory_remove(k->m, "Z0", "w00042.example.com.", "A", "old");
    memory_remove(k->m, "Z0", "w00042.example.com.", "A", "new");
    memory_put(k->m, "Z0", &simple);
    fence_rollback(k->f, 3, 0, false, k->now);
    kit_run_to(k, k->now + 30000);
    e = kit_event(k, FENCE_UNSAFE);
    assert_non_null(e);
    assert_string_equal(fence_record_name(k->f, e->record), "w00042.example.com.");
    assert_non_null(strstr(e->text, "finish --undo"));
    assert_null(kit_event(k, FENCE_BACK));
    for (uint32_t r = 0; r < 100; r++)
        if (r != 42)
            assert_int_equal(kit_weight(k, 0, r, "new"), 0);
    kit_free(k);
}

/* Something Route 53 refuses though the set is there: single records are found by halving. */
TEST(a_set_that_cannot_be_written_is_found_by_halving)
{
    struct kit *k = kit_new(1, 64);
    const char *values[] = {"192.0.2.9"};
    struct rrset third = {.name = "w00013.example.com.",
                          .type = "A",
                          .set_id = "third",
                          .weighted = true,
                          .weight = 1,
                          .has_ttl = true,
                          .ttl = 30,
                          .values = values,
                          .n_values = 1};
    const struct fence_event *e;

    at_10_percent(k);
    memory_put(k->m, "Z0", &third); /* unequal TTLs: every UPSERT of the group is refused */
    fence_rollback(k->f, 3, 0, false, k->now);
    kit_run_to(k, k->now + 20000);
    e = kit_event(k, FENCE_UNSAFE);
    assert_non_null(e);
    assert_string_equal(fence_record_name(k->f, e->record), "w00013.example.com.");
    assert_int_equal(e->n_done, 63);
    memory_remove(k->m, "Z0", "w00013.example.com.", "A", "third");
    kit_want(k, 3, FENCE_BACK); /* the person mended it: it had gone on trying */
    all_back(k, 1, 64);
    kit_free(k);
}

/* It may have been that of a run that took over a moment ago and changed no weight yet. */
TEST(a_deleted_lease_is_made_anew_only_when_a_person_asks_again)
{
    struct kit *k = kit_new(1, 1);

    at_10_percent(k);
    kit_run_to(k, k->now + 60000);
    memory_remove(k->m, "Z0", KIT_LEASE, "TXT", NULL);
    fence_rollback(k->f, 3, 0, false, k->now);
    kit_run_to(k, k->now + 60000);
    assert_non_null(kit_event(k, FENCE_UNSAFE));
    assert_string_equal(kit_event(k, FENCE_UNSAFE)->field, "lease");
    assert_int_not_equal(kit_weight(k, 0, 0, "new"), 0);
    assert_null(memory_find(k->m, "Z0", KIT_LEASE, "TXT", NULL));
    fence_rollback(k->f, 4, 0, false, k->now); /* by itself, after an error: nobody has decided */
    kit_run_to(k, k->now + 60000);
    assert_null(memory_find(k->m, "Z0", KIT_LEASE, "TXT", NULL));
    fence_rollback(k->f, 5, 0, true, k->now);
    kit_want(k, 5, FENCE_BACK);
    all_back(k, 1, 1);
    kit_free(k);
}

/* What the model found: run B takes the zone over, its TXT is deleted by hand, run A comes back. */
TEST(the_deleted_lease_of_a_run_that_took_over_is_not_written_under)
{
    struct kit *k = kit_new(1, 1);

    at_10_percent(k);
    kit_foreign(k, 0, "run-b", LEASE_FORWARD, KIT_WALL / 1000 + 900, 1900000000);
    memory_remove(k->m, "Z0", KIT_LEASE, "TXT", NULL);
    fence_rollback(k->f, 3, 0, false, k->now);
    kit_run_to(k, k->now + 60000);
    assert_int_not_equal(kit_weight(k, 0, 0, "new"), 0);
    assert_null(memory_find(k->m, "Z0", KIT_LEASE, "TXT", NULL));
    kit_free(k);
}

TEST(asking_again_takes_no_lease_that_is_there)
{
    struct kit *k = kit_new(1, 1);

    at_10_percent(k);
    memory_remove(k->m, "Z0", KIT_LEASE, "TXT", NULL);
    fence_rollback(k->f, 3, 0, false, k->now);
    kit_run_to(k, k->now + 60000);
    kit_foreign(k, 0, "run-b", LEASE_FORWARD, KIT_WALL / 1000 + 900, 1900000000);
    fence_rollback(k->f, 4, 0, true, k->now);
    kit_run_to(k, k->now + 60000);
    assert_non_null(kit_event(k, FENCE_DEPOSED));
    assert_int_not_equal(kit_weight(k, 0, 0, "new"), 0);
    kit_free(k);
}

TEST(another_runs_lease_is_not_overwritten)
{
    struct kit *k = kit_new(1, 1);

    at_10_percent(k);
    kit_foreign(k, 0, "run-b", LEASE_FORWARD, KIT_WALL / 1000 + 900, 1900000000);
    fence_rollback(k->f, 3, 0, false, k->now);
    kit_run_to(k, k->now + 60000);
    assert_non_null(kit_event(k, FENCE_DEPOSED));
    assert_int_not_equal(kit_weight(k, 0, 0, "new"), 0);
    kit_free(k);
}

TEST(released_by_another_is_deposed_not_absent)
{
    struct kit *k = kit_new(1, 1);

    at_10_percent(k);
    kit_foreign(k, 0, "run-b", LEASE_RELEASED, 0, 1900000000);
    fence_rollback(k->f, 3, 0, false, k->now);
    kit_run_to(k, k->now + 60000);
    assert_non_null(kit_event(k, FENCE_DEPOSED));
    assert_int_not_equal(kit_weight(k, 0, 0, "new"), 0);
    kit_free(k);
}

TEST(sluice_rollback_takes_whatever_lease_there_is)
{
    static const char *const cases[] = {"alive", "absent", "broken", "released"};

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct kit *k = kit_new(1, 1);
        const char *values[] = {"\"rubbish\""};
        struct rrset txt = {.name = KIT_LEASE,
                            .type = "TXT",
                            .has_ttl = true,
                            .ttl = 5,
                            .values = values,
                            .n_values = 1};

        kit_put(k, "Z0", "w00000.example.com.", "new", 50, "192.0.2.2");
        if (i == 0)
            kit_foreign(k, 0, "run-b", LEASE_FORWARD, KIT_WALL / 1000 + 900, 1900000000);
        if (i == 2)
            memory_put(k->m, "Z0", &txt);
        if (i == 3)
            kit_foreign(k, 0, "run-b", LEASE_RELEASED, 0, 1900000000);
        fence_take(k->f, 2, FENCE_TAKE_ROLLBACK, k->now);
        kit_want(k, 2, FENCE_TAKEN);
        fence_rollback(k->f, 3, 0, false, k->now);
        kit_want(k, 3, FENCE_BACK);
        all_back(k, 1, 1);
        kit_free(k);
    }
}

TEST(seizing_the_lease_alone_touches_no_record)
{
    struct kit *k = kit_new(1, 1);

    kit_foreign(k, 0, "run-b", LEASE_FORWARD, KIT_WALL / 1000 + 900, 1900000000);
    fence_take(k->f, 1, FENCE_TAKE_ROLLBACK, k->now);
    kit_want(k, 1, FENCE_TAKEN);
    assert_int_equal(k->n_changes, 1);
    assert_int_equal(k->creates + k->upserts, 0);
    fence_rollback(k->f, 2, 0, false, k->now);
    kit_want(k, 2, FENCE_BACK);
    kit_free(k);
}

TEST(every_field_but_weight_goes_back_as_read)
{
    struct kit *k = kit_new(1, 1);
    const struct rrset *s;

    at_10_percent(k);
    kit_put(k, "Z0", "w00000.example.com.", "old", kit_weight(k, 0, 0, "old"), "192.0.2.66");
    fence_read(k->f, 4, k->now);
    kit_want(k, 4, FENCE_DRIFT);
    fence_rollback(k->f, 3, 0, false, k->now);
    kit_want(k, 3, FENCE_BACK);
    s = memory_find(k->m, "Z0", "w00000.example.com.", "A", "old");
    assert_string_equal(s->values[0], "192.0.2.66");
    kit_free(k);
}

/* A run held for a lease that is gone is told to go back: asked and, in the same moment, asked to make it
 * anew, while the zone is being read for the first. */
TEST(a_person_who_asks_twice_at_once_does_not_make_it_turn_for_ever)
{
    struct kit *k = kit_new(1, 1);

    at_10_percent(k);
    memory_remove(k->m, "Z0", KIT_LEASE, "TXT", NULL);
    fence_read(k->f, 4, k->now);
    kit_want(k, 4, FENCE_ABSENT);
    fence_rollback(k->f, 5, 0, false, k->now);
    fence_rollback(k->f, 6, 0, true, k->now);
    assert_true(fence_wake_at(k->f) > k->now);
    kit_want(k, 6, FENCE_BACK);
    all_back(k, 1, 1);
    kit_free(k);
}

TEST(no_record_is_ever_left_with_a_sum_of_zero)
{
    struct kit *k = kit_new(1, 2);

    at_10_percent(k);
    memory_remove(k->m, "Z0", "w00001.example.com.", "A", "old");
    fence_read(k->f, 4, k->now);
    kit_want(k, 4, FENCE_DRIFT);
    fence_rollback(k->f, 3, 0, false, k->now);
    kit_run_to(k, k->now + 30000);
    assert_int_equal(kit_weight(k, 0, 0, "new"), 0);
    assert_int_not_equal(kit_weight(k, 0, 1, "new"), 0);
    assert_non_null(kit_event(k, FENCE_UNSAFE));
    kit_free(k);
}

TEST(denied_is_unsafe_and_tried_until_allowed)
{
    struct kit *k = kit_new(1, 1);
    struct ramp_event ev;

    at_10_percent(k);
    k->changes_denied = true;
    fence_rollback(k->f, 3, 0, false, k->now);
    kit_run_to(k, k->now + 60000);
    assert_non_null(kit_event(k, FENCE_UNSAFE));
    assert_true(fence_ramp_event(k->f, kit_event(k, FENCE_UNSAFE), &ev));
    assert_int_equal(ev.done.outcome, RAMP_DENIED);
    assert_true(fence_zone_is_unsafe(k->f, 0));
    k->changes_denied = false;
    kit_want(k, 3, FENCE_BACK);
    assert_false(fence_zone_is_unsafe(k->f, 0));
    all_back(k, 1, 1);
    kit_free(k);
}

TEST(asked_again_it_goes_on_where_it_is)
{
    struct kit *k = kit_new(1, 1);

    at_10_percent(k);
    k->changes_lost = true;
    fence_rollback(k->f, 3, 0, false, k->now);
    kit_run_to(k, k->now + 3000);
    fence_rollback(k->f, 4, 0, false, k->now);
    k->changes_lost = false;
    kit_want(k, 4, FENCE_BACK);
    kit_free(k);
}

TEST(nothing_of_the_run_lands_after_it_was_rolled_back_and_released)
{
    struct kit *k = kit_new(1, 300);
    uint64_t applied;

    kit_take(k);
    k->late_ms = 200 * 1000;
    KIT_SCRIPT(k, MEMORY_TWICE, MEMORY_LATE);
    fence_apply(k->f, 2, 10, k->now);
    kit_run_to(k, k->now + 40);
    KIT_SCRIPT(k, MEMORY_LATE, MEMORY_TWICE, MEMORY_TWICE);
    fence_rollback(k->f, 3, 0, false, k->now);
    kit_want(k, 3, FENCE_BACK);
    fence_release(k->f, 4, k->now);
    kit_want(k, 4, FENCE_RELEASED);
    applied = memory_counts(k->m).applied;
    kit_run_to(k, k->now + 400 * 1000);
    assert_int_equal(memory_counts(k->m).applied, applied);
    all_back(k, 1, 300);
    kit_free(k);
}

TEST(the_rollback_file_upserts_every_set_as_listed)
{
    struct kit *k = kit_new(1, 300);
    struct buf out = {0};
    json_t *o;

    at_10_percent(k);
    assert_true(fence_rollback_file(k->f, 0, 0, &out));
    o = json_loads(buf_str(&out), 0, NULL);
    assert_non_null(o);
    assert_int_equal(json_array_size(json_object_get(o, "Changes")), 498);
    assert_non_null(strstr(buf_str(&out), "\"Action\": \"UPSERT\""));
    assert_null(strstr(buf_str(&out), "DELETE"));
    assert_null(strstr(buf_str(&out), "_sluice"));
    json_decref(o);
    buf_reset(&out);
    assert_true(fence_rollback_file(k->f, 0, 1, &out));
    assert_false(fence_rollback_file(k->f, 0, 2, &out));
    buf_reset(&out);
    fence_diff(k->f, 0, &out);
    assert_non_null(strstr(buf_str(&out), "w00000.example.com. A new: weight "));
    buf_clear(&out);
    kit_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_request_leaves_at_once_and_is_urgent),
        cmocka_unit_test(it_is_confirmed_by_insync_and_a_listing_that_agrees),
        cmocka_unit_test(with_a_forward_batch_open_the_older_value_is_tried_first_and_kills_it),
        cmocka_unit_test(when_the_open_batch_has_landed_the_newer_value_wins),
        cmocka_unit_test(it_overtakes_a_batch_whose_answer_is_still_awaited),
        cmocka_unit_test(throttled_it_sends_the_same_stretch_again_and_no_other_before),
        cmocka_unit_test(it_is_retried_from_a_quarter_of_a_second_to_five),
        cmocka_unit_test(a_batch_without_an_answer_does_not_stop_the_next),
        cmocka_unit_test(a_record_at_fault_is_halved_out_and_the_others_are_confirmed),
        cmocka_unit_test(a_set_that_cannot_be_written_is_found_by_halving),
        cmocka_unit_test(a_deleted_lease_is_made_anew_only_when_a_person_asks_again),
        cmocka_unit_test(the_deleted_lease_of_a_run_that_took_over_is_not_written_under),
        cmocka_unit_test(asking_again_takes_no_lease_that_is_there),
        cmocka_unit_test(another_runs_lease_is_not_overwritten),
        cmocka_unit_test(released_by_another_is_deposed_not_absent),
        cmocka_unit_test(sluice_rollback_takes_whatever_lease_there_is),
        cmocka_unit_test(seizing_the_lease_alone_touches_no_record),
        cmocka_unit_test(every_field_but_weight_goes_back_as_read),
        cmocka_unit_test(a_person_who_asks_twice_at_once_does_not_make_it_turn_for_ever),
        cmocka_unit_test(no_record_is_ever_left_with_a_sum_of_zero),
        cmocka_unit_test(denied_is_unsafe_and_tried_until_allowed),
        cmocka_unit_test(asked_again_it_goes_on_where_it_is),
        cmocka_unit_test(nothing_of_the_run_lands_after_it_was_rolled_back_and_released),
        cmocka_unit_test(the_rollback_file_upserts_every_set_as_listed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
