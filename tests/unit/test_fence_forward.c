/* Forward, the heartbeat, readings, and what stops them: fence_forward.c, fence_sync.c,
 * fence_leave.c. */
#include "fence_kit.h"

TEST(a_step_is_applied_when_its_last_batch_is_and_then_in_sync)
{
    struct kit *k = kit_new(2, 3);
    int64_t applied;

    kit_take(k);
    k->pending_ms = 20000;
    fence_apply(k->f, 2, 50, k->now);
    kit_run_to(k, k->now + 5000);
    assert_int_equal(kit_count(k, FENCE_APPLIED), 1);
    assert_int_equal(kit_count(k, FENCE_INSYNC), 0);
    applied = k->now;
    kit_want(k, 2, FENCE_INSYNC);
    assert_true(k->now - applied > 14000);
    assert_int_equal(kit_weight(k, 0, 2, "old"), kit_weight(k, 0, 2, "new"));
    assert_int_equal(kit_weight(k, 1, 0, "old"), kit_weight(k, 1, 0, "new"));
    kit_free(k);
}

TEST(an_open_batch_is_sent_again_byte_for_byte_and_lands_once)
{
    struct kit *k = kit_new(1, 1);
    uint64_t before;

    kit_take(k);
    before = memory_counts(k->m).applied;
    KIT_SCRIPT(k, MEMORY_LOST, MEMORY_THROTTLED, MEMORY_LOST);
    kit_apply(k, 2, 10);
    assert_int_equal(memory_counts(k->m).applied, before + 1);
    kit_free(k);
}

TEST(a_batch_that_landed_unheard_is_found_by_its_nonce_and_its_sets_sent_once_more)
{
    struct kit *k = kit_new(1, 1);
    uint64_t before;

    kit_take(k);
    before = memory_counts(k->m).applied;
    KIT_SCRIPT(k, MEMORY_REPLY_LOST);
    kit_apply(k, 2, 10);
    /* landed unheard; the copy was refused; the same sets once more for a change id */
    assert_int_equal(memory_counts(k->m).applied, before + 2);
    assert_null(kit_event(k, FENCE_DRIFT));
    kit_free(k);
}

TEST(a_late_copy_of_a_batch_that_landed_changes_nothing)
{
    struct kit *k = kit_new(1, 1);

    kit_take(k);
    k->late_ms = 60000;
    KIT_SCRIPT(k, MEMORY_TWICE);
    kit_apply(k, 2, 10);
    kit_apply(k, 3, 50);
    kit_run_to(k, k->now + 120000);
    assert_int_equal(kit_weight(k, 0, 0, "new"), fence_weight_at(k->f, 0, 0, 50));
    kit_free(k);
}

/* Every row: somebody edits a record before a step. */
TEST(a_foreign_edit_stops_the_step_and_is_named_by_record_and_field)
{
    static const struct {
        uint32_t weight;
        const char *value, *field;
    } rows[] = {{7, "192.0.2.1", "weight"}, {255, "192.0.2.77", "value"}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct kit *k = kit_new(1, 2);
        const struct fence_event *e;

        kit_take(k);
        kit_put(k, "Z0", "w00001.example.com.", "old", rows[i].weight, rows[i].value);
        fence_apply(k->f, 2, 10, k->now);
        kit_want(k, 2, FENCE_DRIFT);
        e = kit_event(k, FENCE_DRIFT);
        assert_string_equal(e->field, rows[i].field);
        assert_string_equal(e->set_id, "old");
        assert_false(e->partly);
        assert_int_equal(kit_weight(k, 0, 1, "old"), rows[i].weight);
        assert_int_equal(kit_count(k, FENCE_BASELINE), strcmp(rows[i].field, "value") == 0);
        /* a person looked and says: go on */
        kit_apply(k, 3, 10);
        assert_string_equal(memory_find(k->m, "Z0", "w00001.example.com.", "A", "old")->values[0],
                            rows[i].value);
        kit_free(k);
    }
}

/* The edit comes between the reading of a batch and its landing. */
TEST(a_record_that_changes_under_the_batch_is_refused_and_told)
{
    struct kit *k = kit_new(1, 1);

    kit_take(k);
    fence_apply(k->f, 2, 10, k->now);
    while (k->n_changes < 4) {
        k->now++;
        kit_turn(k);
    }
    kit_put(k, "Z0", "w00000.example.com.", "old", 99, "192.0.2.1");
    kit_want(k, 2, FENCE_DRIFT);
    assert_int_equal(kit_weight(k, 0, 0, "old"), 99);
    kit_free(k);
}

TEST(a_weight_edit_is_seen_after_the_write_when_route_53_does_not_compare_weights)
{
    struct kit *k = kit_new(1, 1);

    memory_compare_weight(k->m, false);
    kit_take(k);
    k->pending_ms = 10000;
    fence_apply(k->f, 2, 10, k->now);
    kit_run_to(k, k->now + 5000);
    kit_put(k, "Z0", "w00000.example.com.", "new", 99, "192.0.2.2");
    kit_want(k, 2, FENCE_INSYNC);
    assert_string_equal(kit_event(k, FENCE_DRIFT)->field, "weight");
    assert_int_equal(kit_event(k, FENCE_DRIFT)->op_id, 0);
    kit_free(k);
}

/* A range begins and ends where we think the service puts names; if it thinks otherwise, nothing is
 * missing. */
TEST(what_a_range_does_not_show_is_asked_for_by_name)
{
    struct kit *k = kit_new(1, 30);

    kit_take(k);
    k->short_ranges = 3;
    k->n_lists = 0;
    fence_read(k->f, 2, k->now);
    kit_want(k, 2, FENCE_READ);
    assert_int_equal(k->n_lists, 2 + 3); /* the lease, the range, and three by name */
    memory_remove(k->m, "Z0", "w00029.example.com.", "A", "new");
    fence_read(k->f, 3, k->now);
    kit_want(k, 3, FENCE_DRIFT);
    assert_string_equal(kit_event(k, FENCE_DRIFT)->field, "missing");
    kit_free(k);
}

TEST(sets_that_vanish_or_appear_are_drift)
{
    struct kit *k = kit_new(1, 2);

    kit_take(k);
    memory_remove(k->m, "Z0", "w00000.example.com.", "A", "new");
    fence_read(k->f, 2, k->now);
    kit_want(k, 2, FENCE_DRIFT);
    assert_string_equal(kit_event(k, FENCE_DRIFT)->field, "missing");
    fence_read(k->f, 3, k->now);
    kit_want(k, 3, FENCE_READ); /* told once */
    kit_put(k, "Z0", "w00001.example.com.", "third", 5, "192.0.2.9");
    fence_read(k->f, 4, k->now);
    kit_want(k, 4, FENCE_DRIFT);
    assert_string_equal(kit_event(k, FENCE_DRIFT)->field, "added");
    kit_free(k);
}

/* Found by the simulator: each of two readings took the sets the other had seen last for missing.
 */
TEST(two_readings_of_a_zone_side_by_side_do_not_disturb_each_other)
{
    struct kit *k = kit_new(1, 3);

    kit_take(k);
    k->uneven = true;
    for (uint32_t op = 2; op < 60; op += 2) {
        fence_apply(k->f, op, op % 4 ? 10 : 50, k->now);
        kit_run_to(k, k->now + 480 + op * 7); /* while its last listing is under way */
        fence_read(k->f, op + 1, k->now);
        kit_want(k, op + 1, FENCE_READ);
        kit_want(k, op, FENCE_INSYNC);
    }
    assert_null(kit_event(k, FENCE_DRIFT));
    kit_free(k);
}

TEST(a_refusal_that_nothing_explains_ends_the_step)
{
    struct kit *k = kit_new(1, 1);

    kit_take(k);
    KIT_SCRIPT(k, MEMORY_REFUSED, MEMORY_REFUSED, MEMORY_REFUSED);
    fence_apply(k->f, 2, 10, k->now);
    kit_want(k, 2, FENCE_INVALID);
    kit_free(k);
}

TEST(a_step_denied_half_way_says_that_some_of_it_landed)
{
    struct kit *k = kit_new(1, 600);
    const struct fence_event *e;

    kit_take(k);
    KIT_SCRIPT(k, MEMORY_NORMAL, MEMORY_DENIED);
    fence_apply(k->f, 2, 10, k->now);
    kit_want(k, 2, FENCE_DENIED);
    e = kit_event(k, FENCE_DENIED);
    assert_true(e->partly);
    assert_int_equal(e->n_done, 249);
    assert_int_equal(e->n_all, 600);
    kit_free(k);
}

TEST(no_answer_for_long_is_told_and_waited_for)
{
    struct kit *k = kit_new(1, 1);

    kit_take(k);
    k->changes_lost = true;
    fence_apply(k->f, 2, 10, k->now);
    kit_run_to(k, k->now + 120000);
    assert_int_equal(kit_count(k, FENCE_WAITING), 1);
    k->changes_lost = false;
    kit_want(k, 2, FENCE_INSYNC);
    kit_free(k);
}

TEST(the_lease_is_renewed_a_third_of_its_life_after_the_last_batch)
{
    struct kit *k = kit_new(1, 1);
    struct lease a, b;

    kit_take(k);
    kit_lease(k, 0, &a);
    kit_run_to(k, k->now + 190 * 1000);
    kit_lease(k, 0, &b);
    assert_true(lease_eq(&a, &b));
    kit_run_to(k, k->now + 20 * 1000);
    kit_lease(k, 0, &b);
    assert_true(b.generation > a.generation);
    assert_true(b.expires_s > a.expires_s + 190);
    kit_run_to(k, k->now + 24 * 3600 * 1000);
    kit_lease(k, 0, &b);
    assert_true(b.expires_s * 1000 > KIT_WALL + k->now);
    kit_free(k);
}

TEST(a_lost_heartbeat_does_not_disturb_the_next_step)
{
    struct kit *k = kit_new(1, 1);

    kit_take(k);
    KIT_SCRIPT(k, MEMORY_REPLY_LOST, MEMORY_LOST);
    kit_run_to(k, k->now + 201 * 1000);
    kit_apply(k, 2, 10);
    kit_free(k);
}

TEST(a_deleted_lease_stops_going_forward)
{
    struct kit *k = kit_new(1, 1);

    kit_take(k);
    memory_remove(k->m, "Z0", KIT_LEASE, "TXT", NULL);
    fence_apply(k->f, 2, 10, k->now);
    kit_want(k, 2, FENCE_ABSENT);
    assert_int_equal(kit_weight(k, 0, 0, "new"), 0);
    fence_read(k->f, 3, k->now);
    kit_want(k, 3, FENCE_ABSENT);
    kit_free(k);
}

/* Found by the simulator: a lone CREATE came late where somebody had removed the lease; its
 * generation is below the one we know, and it is what stands there. */
TEST(an_old_lease_of_ours_that_came_back_is_built_on)
{
    struct kit *k = kit_new(1, 1);
    struct lease l;

    k->late_ms = 60000;
    KIT_SCRIPT(k, MEMORY_LATE);
    kit_take(k);
    kit_apply(k, 2, 10);
    memory_remove(k->m, "Z0", KIT_LEASE, "TXT", NULL);
    kit_run_to(k, k->now + 60000);
    assert_int_equal(kit_lease(k, 0, &l), LEASE_READ);
    kit_apply(k, 3, 50);
    memory_remove(k->m, "Z0", KIT_LEASE, "TXT", NULL);
    kit_free(k);
}

TEST(a_newer_run_deposes_and_nothing_more_is_written)
{
    struct kit *k = kit_new(1, 1);
    uint64_t before;

    kit_take(k);
    kit_foreign(k, 0, "run-b", LEASE_FORWARD, KIT_WALL / 1000 + 900, 1900000000);
    before = memory_counts(k->m).applied;
    fence_apply(k->f, 2, 10, k->now);
    kit_run_to(k, k->now + 60000);
    assert_int_equal(kit_count(k, FENCE_DEPOSED), 1);
    assert_string_equal(kit_event(k, FENCE_DEPOSED)->lease.run, "run-b");
    kit_want(k, 2, FENCE_DEPOSED); /* a whole life later */
    assert_int_equal(kit_count(k, FENCE_DEPOSED_END), 1);
    assert_true(k->now >= 600 * 1000);
    fence_rollback(k->f, 3, 0, false, k->now); /* not even a rollback */
    kit_want(k, 3, FENCE_DEPOSED);
    assert_int_equal(memory_counts(k->m).applied, before);
    kit_free(k);
}

TEST(ours_again_goes_on_where_it_was)
{
    struct kit *k = kit_new(1, 1);
    const struct rrset *s;
    struct rrset own;
    struct arena mem = {0};
    struct lease l;
    char text[LEASE_VALUE_SIZE];
    const char *values[] = {text};

    kit_take(k);
    s = memory_find(k->m, "Z0", KIT_LEASE, "TXT", NULL);
    own = rrset_copy(&mem, s);
    kit_foreign(k, 0, "run-b", LEASE_FORWARD, KIT_WALL / 1000 + 900, 1900000000);
    fence_apply(k->f, 2, 10, k->now);
    kit_run_to(k, k->now + 30000);
    assert_int_equal(lease_parse(own.values[0], &l), LEASE_READ);
    l.generation = 1900000001; /* given back by the other */
    lease_format(&l, text);
    own.values = values;
    memory_put(k->m, "Z0", &own);
    kit_want(k, 2, FENCE_INSYNC);
    assert_int_equal(kit_count(k, FENCE_OURS_AGAIN), 1);
    arena_clear(&mem);
    kit_free(k);
}

/* Found by the simulator: it came back while only INSYNC was awaited, and the loop spun. */
TEST(ours_again_while_insync_is_awaited_goes_on_waiting)
{
    struct kit *k = kit_new(1, 1);
    struct arena mem = {0};
    struct lease l;
    struct rrset own;
    char text[LEASE_VALUE_SIZE];
    const char *values[] = {text};

    kit_take(k);
    k->pending_ms = 60000;
    fence_apply(k->f, 2, 10, k->now);
    kit_run_to(k, k->now + 2000);
    own = rrset_copy(&mem, memory_find(k->m, "Z0", KIT_LEASE, "TXT", NULL));
    assert_int_equal(lease_parse(own.values[0], &l), LEASE_READ);
    kit_foreign(k, 0, "run-b", LEASE_FORWARD, KIT_WALL / 1000 + 900, 1900000000);
    fence_read(k->f, 3, k->now);
    kit_want(k, 3, FENCE_DRIFT);
    l.generation = 1900000001;
    lease_format(&l, text);
    own.values = values;
    memory_put(k->m, "Z0", &own);
    kit_want(k, 2, FENCE_INSYNC);
    assert_int_equal(kit_count(k, FENCE_OURS_AGAIN), 1);
    arena_clear(&mem);
    kit_free(k);
}

TEST(one_deposed_zone_does_not_stop_the_others)
{
    struct kit *k = kit_new(2, 1);

    kit_take(k);
    kit_foreign(k, 1, "run-b", LEASE_FORWARD, KIT_WALL / 1000 + 900, 1900000000);
    fence_apply(k->f, 2, 50, k->now);
    kit_run_to(k, k->now + 30000);
    assert_int_equal(kit_weight(k, 0, 0, "new"), fence_weight_at(k->f, 0, 0, 50));
    assert_int_equal(kit_weight(k, 1, 0, "new"), 0);
    assert_null(kit_event(k, FENCE_APPLIED));
    kit_free(k);
}

TEST(released_leaves_the_record_without_an_owner)
{
    struct kit *k = kit_new(2, 1);
    struct lease a, b;

    kit_take(k);
    kit_lease(k, 0, &a);
    KIT_SCRIPT(k, MEMORY_REPLY_LOST, MEMORY_LOST, MEMORY_THROTTLED);
    fence_release(k->f, 2, k->now);
    kit_want(k, 2, FENCE_RELEASED);
    assert_int_equal(kit_event(k, FENCE_RELEASED)->n_done, 2);
    for (uint32_t z = 0; z < 2; z++) {
        assert_int_equal(kit_lease(k, z, &b), LEASE_READ);
        assert_int_equal(b.state, LEASE_RELEASED);
        assert_string_equal(b.run, "run-a");
    }
    assert_true(b.generation > a.generation);
    kit_free(k);
}

TEST(a_release_that_cannot_be_made_ends_and_says_so)
{
    struct kit *k = kit_new(1, 1);

    kit_take(k);
    k->changes_lost = true;
    fence_release(k->f, 2, k->now);
    kit_want(k, 2, FENCE_RELEASED);
    assert_int_equal(kit_event(k, FENCE_RELEASED)->n_done, 0);
    assert_true(k->now < 200 * 1000);
    kit_free(k);
}

TEST(a_take_batch_that_lands_after_the_release_is_refused)
{
    struct kit *k = kit_new(1, 1);
    uint64_t applied;

    k->late_ms = 240 * 1000;
    KIT_SCRIPT(k, MEMORY_NORMAL, MEMORY_TWICE);
    kit_take(k);
    fence_release(k->f, 2, k->now);
    kit_want(k, 2, FENCE_RELEASED);
    applied = memory_counts(k->m).applied;
    kit_run_to(k, k->now + 300 * 1000);
    assert_int_equal(memory_counts(k->m).applied, applied);
    kit_free(k);
}

TEST(without_a_lease_a_step_is_written_and_read_all_the_same)
{
    struct kit *k = kit_service(1, 2);
    struct fence_config c = kit_config("run-a", 7);

    c.lease_off = true;
    k->router = memory_client_new(k->m, 1, kit_decide, k);
    k->f = fence_new(&c, k->router);
    kit_records(k, k->f, 1);
    kit_take(k);
    KIT_SCRIPT(k, MEMORY_REPLY_LOST, MEMORY_LOST);
    kit_apply(k, 2, 10);
    fence_rollback(k->f, 3, 0, false, k->now);
    kit_want(k, 3, FENCE_BACK);
    assert_true(k->now >
                FENCE_LATE_MS); /* nothing fences a late request: it waits until none can come */
    assert_int_equal(kit_weight(k, 0, 0, "new"), 0);
    assert_null(memory_find(k->m, "Z0", KIT_LEASE, "TXT", NULL));
    kit_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_is_applied_when_its_last_batch_is_and_then_in_sync),
        cmocka_unit_test(an_open_batch_is_sent_again_byte_for_byte_and_lands_once),
        cmocka_unit_test(
            a_batch_that_landed_unheard_is_found_by_its_nonce_and_its_sets_sent_once_more),
        cmocka_unit_test(a_late_copy_of_a_batch_that_landed_changes_nothing),
        cmocka_unit_test(a_foreign_edit_stops_the_step_and_is_named_by_record_and_field),
        cmocka_unit_test(a_record_that_changes_under_the_batch_is_refused_and_told),
        cmocka_unit_test(
            a_weight_edit_is_seen_after_the_write_when_route_53_does_not_compare_weights),
        cmocka_unit_test(what_a_range_does_not_show_is_asked_for_by_name),
        cmocka_unit_test(sets_that_vanish_or_appear_are_drift),
        cmocka_unit_test(two_readings_of_a_zone_side_by_side_do_not_disturb_each_other),
        cmocka_unit_test(a_refusal_that_nothing_explains_ends_the_step),
        cmocka_unit_test(a_step_denied_half_way_says_that_some_of_it_landed),
        cmocka_unit_test(no_answer_for_long_is_told_and_waited_for),
        cmocka_unit_test(the_lease_is_renewed_a_third_of_its_life_after_the_last_batch),
        cmocka_unit_test(a_lost_heartbeat_does_not_disturb_the_next_step),
        cmocka_unit_test(a_deleted_lease_stops_going_forward),
        cmocka_unit_test(an_old_lease_of_ours_that_came_back_is_built_on),
        cmocka_unit_test(a_newer_run_deposes_and_nothing_more_is_written),
        cmocka_unit_test(ours_again_goes_on_where_it_was),
        cmocka_unit_test(ours_again_while_insync_is_awaited_goes_on_waiting),
        cmocka_unit_test(one_deposed_zone_does_not_stop_the_others),
        cmocka_unit_test(released_leaves_the_record_without_an_owner),
        cmocka_unit_test(a_release_that_cannot_be_made_ends_and_says_so),
        cmocka_unit_test(a_take_batch_that_lands_after_the_release_is_refused),
        cmocka_unit_test(without_a_lease_a_step_is_written_and_read_all_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
