/* What is kept over a restart: fence_save.c. */
#include "fence_kit.h"
#include "fence_ramp.h"

static void restart(struct kit *k, json_t *baseline, json_t *kept)
{
    struct fence_config c = kit_config("run-a", 99);
    struct err err = {0};

    fence_free(k->f);
    memory_client_crash(k->router);
    k->router = memory_client_new(k->m, 1, kit_decide, k);
    k->f = fence_restore(&c, k->router, baseline, kept, &err);
    if (!k->f)
        fail_msg("%s", err.text);
    json_decref(baseline);
    json_decref(kept);
    k->n_ev = 0;
}

TEST(a_restart_reads_what_it_left_and_goes_on)
{
    struct kit *k = kit_new(2, 3);

    at_10_percent(k);
    restart(k, fence_save_baseline(k->f), fence_save(k->f));
    fence_read(k->f, 5, k->now);
    kit_want(k, 5, FENCE_READ);
    kit_apply(k, 6, 50);
    kit_free(k);
}

TEST(a_restart_in_the_middle_of_a_step_takes_either_half_for_its_own)
{
    struct kit *k = kit_new(1, 600);
    json_t *baseline, *kept;

    kit_take(k);
    baseline = fence_save_baseline(k->f);
    fence_apply(k->f, 2, 10, k->now);
    kept = fence_save(k->f);    /* the intent, before anything left */
    kit_run_to(k, k->now + 45); /* two chunks of three */
    restart(k, baseline, kept);
    fence_read(k->f, 5, k->now);
    kit_want(k, 5, FENCE_READ);
    kit_apply(k, 6, 10);
    kit_free(k);
}

TEST(a_batch_of_before_the_restart_that_lands_late_is_no_drift)
{
    struct kit *k = kit_new(1, 1);
    json_t *baseline, *kept;

    kit_take(k);
    baseline = fence_save_baseline(k->f);
    k->late_ms = 20000;
    KIT_SCRIPT(k, MEMORY_LATE);
    fence_apply(k->f, 2, 10, k->now);
    kit_run_to(k, k->now + 15);
    kept = fence_save(k->f);
    restart(k, baseline, kept);
    fence_read(k->f, 5, k->now);
    kit_want(k, 5, FENCE_READ);
    kit_run_to(k, k->now + 30000);
    fence_read(k->f, 6, k->now);
    kit_want(k, 6, FENCE_READ);
    kit_apply(k, 7, 10);
    kit_free(k);
}

TEST(a_reverting_lease_the_journal_does_not_know_decides)
{
    struct kit *k = kit_new(1, 1);
    json_t *baseline, *kept;

    at_10_percent(k);
    baseline = fence_save_baseline(k->f);
    kept = fence_save(k->f);
    fence_rollback(k->f, 3, 0, false, k->now);
    kit_run_to(k, k->now + 100); /* sent, and died before its line was written */
    restart(k, baseline, kept);
    fence_read(k->f, 5, k->now);
    kit_want(k, 5, FENCE_REVERTING);
    assert_int_equal(kit_event(k, FENCE_REVERTING)->lease.rollback_to, 0);
    fence_rollback(k->f, 6, 0, false, k->now);
    kit_want(k, 6, FENCE_BACK);
    all_back(k, 1, 1);
    kit_free(k);
}

/* Found by killing: renewed as `forward` before the rollback left, a second death forgot the
 * rollback and took its weights for somebody else's. */
TEST(a_reverting_lease_the_journal_does_not_know_is_not_renewed_before_the_rollback)
{
    struct kit *k = kit_new(1, 1);
    json_t *baseline, *kept, *again;
    struct lease l;

    at_10_percent(k);
    baseline = fence_save_baseline(k->f);
    kept = fence_save(k->f);
    fence_rollback(k->f, 3, 0, false, k->now);
    kit_run_to(k, k->now + 100);
    again = json_incref(baseline);
    restart(k, baseline, json_incref(kept));
    fence_read(k->f, 5, k->now);
    kit_want(k, 5, FENCE_REVERTING);
    kit_run_to(k, k->now + 300 * 1000); /* past a heartbeat, and no rollback: it dies again */
    assert_int_equal(kit_lease(k, 0, &l), LEASE_READ);
    assert_int_equal(l.state, LEASE_REVERTING);
    restart(k, again, kept);
    fence_read(k->f, 6, k->now);
    kit_want(k, 6, FENCE_REVERTING);
    kit_free(k);
}

/* Found by crashing at every request: it was told as drift, and the run held by its own writing. */
TEST(a_rollback_that_lands_behind_the_reading_is_told_when_it_shows)
{
    struct kit *k = kit_new(1, 1);
    json_t *baseline, *kept;
    struct ramp_event ev;

    at_10_percent(k);
    baseline = fence_save_baseline(k->f);
    kept = fence_save(k->f);
    fence_rollback(k->f, 3, 0, false, k->now);
    assert_int_equal(memory_client_air(k->router, false, 20000), 1);
    restart(k, baseline, kept);
    fence_read(k->f, 5, k->now);
    kit_want(k, 5, FENCE_READ);
    kit_run_to(k, k->now + 300 * 1000);
    assert_non_null(kit_event(k, FENCE_REVERTING));
    assert_int_equal(kit_event(k, FENCE_REVERTING)->op_id, 0);
    assert_true(fence_ramp_event(k->f, kit_event(k, FENCE_REVERTING), &ev));
    assert_int_equal(ev.kind, RAMP_EV_REVERTING);
    fence_rollback(k->f, 6, 0, false, k->now);
    kit_want(k, 6, FENCE_BACK);
    all_back(k, 1, 1);
    kit_free(k);
}

/* Found by a seed: the step had landed before the restart, was refused after it, and the run was held
 * as if nothing of it stood. */
/* The lease and the records are two listings, and it may land between them. */
TEST(a_rollback_that_lands_in_the_middle_of_a_reading_is_no_drift)
{
    for (int64_t ms = 2; ms <= 200; ms += 2) {
        struct kit *k = kit_new(1, 1);
        json_t *baseline, *kept;

        at_10_percent(k);
        baseline = fence_save_baseline(k->f);
        kept = fence_save(k->f);
        fence_rollback(k->f, 3, 0, false, k->now);
        assert_int_equal(memory_client_air(k->router, false, ms), 1);
        k->uneven = true;
        restart(k, baseline, kept);
        fence_read(k->f, 5, k->now);
        kit_run_to(k, k->now + 2000);
        if (kit_event(k, FENCE_DRIFT))
            fail_msg("drift when it lands %d ms after the restart", (int)ms);
        kit_free(k);
    }
}

TEST(a_step_that_stands_already_and_is_refused_after_a_restart_was_written_in_part)
{
    struct kit *k = kit_new(1, 1);
    json_t *baseline, *kept;

    at_10_percent(k);
    baseline = fence_save_baseline(k->f);
    kept = fence_save(k->f);
    kit_apply(k, 3, 50);
    restart(k, baseline, kept);
    fence_expect(k->f, 50);
    fence_read(k->f, 5, k->now);
    kit_want(k, 5, FENCE_READ);
    k->changes_denied = true;
    fence_apply(k->f, 6, 50, k->now);
    kit_want(k, 6, FENCE_DENIED);
    assert_true(kit_event(k, FENCE_DENIED)->partly);
    kit_free(k);
}

TEST(after_a_restart_a_deleted_lease_is_always_left_to_a_person)
{
    struct kit *k = kit_new(1, 1);

    at_10_percent(k);
    restart(k, fence_save_baseline(k->f), fence_save(k->f));
    memory_remove(k->m, "Z0", KIT_LEASE, "TXT", NULL);
    fence_rollback(k->f, 3, 0, false, k->now);
    kit_run_to(k, k->now + 60000);
    assert_string_equal(kit_event(k, FENCE_UNSAFE)->field, "lease");
    kit_free(k);
}

TEST(a_rollback_after_a_restart_waits_for_no_reading)
{
    struct kit *k = kit_new(1, 1);
    uint32_t before;

    at_10_percent(k);
    restart(k, fence_save_baseline(k->f), fence_save(k->f));
    k->lists_lost = true;
    before = k->n_changes;
    fence_rollback(k->f, 3, 0, false, k->now);
    assert_int_equal(k->n_changes, before + 1);
    kit_run_to(k, k->now + 1000);
    all_back(k, 1, 1);
    k->lists_lost = false;
    kit_want(k, 3, FENCE_BACK);
    kit_free(k);
}

/* Found by the simulator: the line with the intent is older than the batch; what the batch left was
 * taken for somebody else's. */
TEST(a_step_that_landed_after_its_intent_was_written_down_is_no_drift)
{
    struct kit *k = kit_new(1, 1);
    json_t *baseline, *kept;

    kit_take(k);
    baseline = fence_save_baseline(k->f);
    kept = fence_save(k->f);
    kit_apply(k, 2, 10);
    restart(k, baseline, kept);
    fence_expect(k->f, 10);
    fence_read(k->f, 5, k->now);
    kit_want(k, 5, FENCE_READ);
    kit_free(k);
}

/* The same, and it lands only after the first look: it may until a batch of this process has. */
TEST(a_step_that_lands_after_the_first_reading_of_a_restart_is_no_drift)
{
    struct kit *k = kit_new(1, 1);
    json_t *baseline, *kept;

    kit_take(k);
    baseline = fence_save_baseline(k->f);
    kept = fence_save(k->f);
    k->late_ms = 30000;
    KIT_SCRIPT(k, MEMORY_LATE);
    fence_apply(k->f, 2, 10, k->now);
    kit_run_to(k, k->now + 15);
    restart(k, baseline, kept);
    fence_expect(k->f, 10);
    fence_read(k->f, 5, k->now);
    kit_want(k, 5, FENCE_READ);
    k->changes_lost = true; /* no heartbeat comes between */
    kit_run_to(k, k->now + 60000);
    k->changes_lost = false;
    fence_read(k->f, 6, k->now);
    kit_want(k, 6, FENCE_READ);
    kit_apply(k, 7, 10);
    kit_put(k, "Z0", "w00000.example.com.", "new", 0,
            "192.0.2.2"); /* as before the step: now it is drift */
    fence_read(k->f, 8, k->now);
    kit_want(k, 8, FENCE_DRIFT);
    kit_free(k);
}

/* Found by the simulator: deposed, died, restored with the other run's lease in memory, and built
 * on it. */
TEST(a_restart_does_not_build_on_another_runs_lease_it_remembers)
{
    struct kit *k = kit_new(1, 1);
    struct lease l;

    at_10_percent(k);
    kit_foreign(k, 0, "run-b", LEASE_FORWARD, KIT_WALL / 1000 + 900, 1900000000);
    fence_read(k->f, 3, k->now);
    kit_want(k, 3, FENCE_DRIFT);
    restart(k, fence_save_baseline(k->f), fence_save(k->f));
    fence_rollback(k->f, 4, 0, false, k->now);
    kit_run_to(k, k->now + 60000);
    assert_int_equal(kit_lease(k, 0, &l), LEASE_READ);
    assert_string_equal(l.run, "run-b");
    assert_non_null(kit_event(k, FENCE_DEPOSED));
    kit_free(k);
}

/* Found by the simulator: the release had landed, its line had not. */
TEST(a_restart_takes_its_own_release_for_its_own)
{
    struct kit *k = kit_new(1, 1);
    json_t *baseline, *kept;

    at_10_percent(k);
    baseline = fence_save_baseline(k->f);
    kept = fence_save(k->f);
    fence_release(k->f, 3, k->now);
    kit_want(k, 3, FENCE_RELEASED);
    restart(k, baseline, kept);
    fence_rollback(k->f, 4, 0, false, k->now);
    kit_want(k, 4, FENCE_BACK);
    all_back(k, 1, 1);
    kit_free(k);
}

/* Found by the simulator: an unanswered batch of one's own was counted as a value to try, for ever.
 */
TEST(a_rollback_whose_zone_was_taken_meanwhile_finds_out_although_answers_were_lost)
{
    struct kit *k = kit_new(1, 1);

    at_10_percent(k);
    KIT_SCRIPT(k, MEMORY_LOST);
    k->lists_lost = true;
    fence_rollback(k->f, 3, 0, false, k->now);
    kit_run_to(k, k->now + 100);
    kit_foreign(k, 0, "run-b", LEASE_FORWARD, KIT_WALL / 1000 + 900, 1900000000);
    k->lists_lost = false;
    kit_run_to(k, k->now + 20000);
    assert_non_null(kit_event(k, FENCE_DEPOSED));
    kit_free(k);
}

/* Found by the simulator: all stood as it should, and only the lease was missing. */
TEST(a_lease_removed_behind_a_rollback_that_stands_does_not_matter)
{
    struct kit *k = kit_new(1, 1);

    at_10_percent(k);
    k->pending_ms = 10000;
    fence_rollback(k->f, 3, 0, false, k->now);
    kit_run_to(k, k->now + 2000);
    memory_remove(k->m, "Z0", KIT_LEASE, "TXT", NULL);
    kit_want(k, 3, FENCE_BACK);
    fence_read(k->f, 4, k->now);
    kit_want(k, 4, FENCE_READ);
    all_back(k, 1, 1);
    kit_free(k);
}

TEST(what_was_damaged_is_not_restored)
{
    static const char *const rows[] = {
        "{\"v\":2,\"zones\":[],\"records\":[]}",
        "{\"v\":1,\"zones\":[{\"id\":\"Z0\"}],\"records\":[]}",
        "{\"v\":1,\"zones\":[{\"id\":\"Z0\",\"lease\":\"x\"}],\"records\":[]}",
        "{\"v\":1,\"zones\":[{\"id\":\"Z0\",\"lease\":\"x\"}],\"records\":[{\"zone\":1,\"name\":"
        "\"a\",\"type\":\"A\","
        "\"sets\":[{\"id\":\"o\",\"side\":0,\"weight\":1}]}]}",
        "{\"v\":1,\"zones\":[{\"id\":\"Z0\",\"lease\":\"x\"}],\"records\":[{\"zone\":0,\"name\":"
        "\"a\",\"type\":\"A\","
        "\"sets\":[{\"id\":\"o\",\"side\":3,\"weight\":1}]}]}",
        "[]",
        "null"};
    struct fence_config c = kit_config("run-a", 1);
    struct router none = {0};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_t *o = json_loads(rows[i], JSON_DECODE_ANY, NULL);
        struct err err = {0};

        assert_non_null(o);
        assert_null(fence_restore(&c, none, o, NULL, &err));
        assert_int_not_equal(err.kind, ERR_NONE);
        json_decref(o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restart_reads_what_it_left_and_goes_on),
        cmocka_unit_test(a_restart_in_the_middle_of_a_step_takes_either_half_for_its_own),
        cmocka_unit_test(a_batch_of_before_the_restart_that_lands_late_is_no_drift),
        cmocka_unit_test(a_reverting_lease_the_journal_does_not_know_decides),
        cmocka_unit_test(
            a_reverting_lease_the_journal_does_not_know_is_not_renewed_before_the_rollback),
        cmocka_unit_test(a_rollback_that_lands_behind_the_reading_is_told_when_it_shows),
        cmocka_unit_test(a_rollback_that_lands_in_the_middle_of_a_reading_is_no_drift),
        cmocka_unit_test(
            a_step_that_stands_already_and_is_refused_after_a_restart_was_written_in_part),
        cmocka_unit_test(after_a_restart_a_deleted_lease_is_always_left_to_a_person),
        cmocka_unit_test(a_rollback_after_a_restart_waits_for_no_reading),
        cmocka_unit_test(a_step_that_landed_after_its_intent_was_written_down_is_no_drift),
        cmocka_unit_test(a_step_that_lands_after_the_first_reading_of_a_restart_is_no_drift),
        cmocka_unit_test(a_restart_does_not_build_on_another_runs_lease_it_remembers),
        cmocka_unit_test(a_restart_takes_its_own_release_for_its_own),
        cmocka_unit_test(
            a_rollback_whose_zone_was_taken_meanwhile_finds_out_although_answers_were_lost),
        cmocka_unit_test(a_lease_removed_behind_a_rollback_that_stands_does_not_matter),
        cmocka_unit_test(what_was_damaged_is_not_restored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
