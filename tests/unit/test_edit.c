/* test_edit.c: one fenced change after another, against Route 53 in memory that loses, delays and
 * doubles requests, and other people in the zone. */
#include "edit.h"

#include <stdio.h>
#include <stdlib.h>

#include "fence.h"
#include "router_memory.h"
#include "test.h"

#define WALL  INT64_C(1800000000000)
#define LEASE "_sluice.example.com."
#define ZONE  "Z1"

struct bench {
    struct memory_service *m;
    struct router router;
    struct edit *e;
    int64_t now;
    enum memory_fault script[16]; /* of the change requests */
    uint32_t n_script, at;
    uint32_t changes; /* sent */
    bool all_lost;
    uint32_t waits_left; /* before a wait fails, as where curl cannot go on; 0: never */
    bool stopping;
    uint32_t stop_at_change; /* somebody asks to end when that many were sent; 0: never */
};

static struct memory_verdict decide(void *ctx, enum router_op op, const struct router_batch *batch)
{
    struct bench *b = ctx;
    struct memory_verdict v = {.delay_ms = 5, .reply_ms = 5, .pending_ms = 2000, .late_ms = 60000};

    (void)batch;
    if (op != ROUTER_OP_CHANGE)
        return v;
    b->changes++;
    b->stopping |= b->stop_at_change && b->changes >= b->stop_at_change;
    if (b->all_lost)
        v.fault = MEMORY_LOST;
    else if (b->at < b->n_script)
        v.fault = b->script[b->at++];
    return v;
}

static bool host_wait(void *ctx, int64_t timeout_ms, struct err *err)
{
    struct bench *b = ctx;
    int64_t wake = memory_wake_at(b->m);

    if (b->waits_left && --b->waits_left == 0)
        return err_set(err, ERR_IO, "no more");
    b->now = wake < b->now + timeout_ms ? (wake > b->now ? wake : b->now + 1) : b->now + timeout_ms;
    memory_tick(b->m, b->now);
    return true;
}

static int64_t host_boot(void *ctx)
{
    return ((struct bench *)ctx)->now;
}

static int64_t host_wall(void *ctx)
{
    return WALL + ((struct bench *)ctx)->now;
}

static bool host_stopping(void *ctx)
{
    return ((struct bench *)ctx)->stopping;
}

static struct edit *new_edit(struct bench *b, const char *run, bool take_over)
{
    const struct edit_config config = {.router = b->router,
                                       .host = {host_wait, host_stopping, host_boot, host_wall, b},
                                       .zone_id = ZONE,
                                       .lease_name = LEASE,
                                       .cutover = "shop",
                                       .run = run,
                                       .plan_hash = "abc",
                                       .life_ms = 600000,
                                       .seed = 7 + (uint64_t)run[0],
                                       .dead_runs = "dead-0\ndead-1\n",
                                       .take_over = take_over};

    return edit_new(&config);
}

static const char *const old_value[] = {"192.0.2.1"}, *const new_value[] = {"192.0.2.2"};
static const struct rrset simple = {.name = "www.example.com.",
                                    .type = "A",
                                    .has_ttl = true,
                                    .ttl = 60,
                                    .values = old_value,
                                    .n_values = 1};
static const struct rrset other = {.name = "www.example.com.",
                                   .type = "A",
                                   .has_ttl = true,
                                   .ttl = 60,
                                   .values = new_value,
                                   .n_values = 1};
static const struct router_change swap[] = {{.action = ROUTER_DELETE, .set = &simple},
                                            {.action = ROUTER_CREATE, .set = &other}};

static struct bench *set_up(uint32_t n, const enum memory_fault *script)
{
    struct bench *b = calloc(1, sizeof *b);

    b->m = memory_new();
    memory_set_wall(b->m, WALL);
    memory_add_zone(b->m, ZONE, "example.com.");
    memory_put(b->m, ZONE, &simple);
    b->router = memory_client_new(b->m, 1, decide, b);
    b->e = new_edit(b, "mine", false);
    b->n_script = n;
    for (uint32_t i = 0; i < n; i++)
        b->script[i] = script[i];
    return b;
}

static void tear_down(struct bench *b)
{
    edit_free(b->e);
    b->router.ops->free(b->router.self);
    memory_free(b->m);
    free(b);
}

static const struct rrset *stands(struct bench *b)
{
    return memory_find(b->m, ZONE, "www.example.com.", "A", NULL);
}

static bool lease_of(struct bench *b, struct lease *out)
{
    const struct rrset *s = memory_find(b->m, ZONE, LEASE, "TXT", NULL);

    return s && lease_parse(s->values[0], out) == LEASE_READ;
}

/* Somebody else's lease, written by hand. */
static void put_lease(struct bench *b, const char *run, enum lease_state state, uint64_t generation,
                      int64_t left_s)
{
    struct lease l = {.generation = generation,
                      .state = state,
                      .expires_s = (WALL + b->now) / 1000 + left_s,
                      .ttl_was = 3600,
                      .not_before_s = 1800000500};
    static char text[LEASE_VALUE_SIZE];
    static const char *values[1] = {text};
    struct rrset set = {
        .name = LEASE, .type = "TXT", .has_ttl = true, .ttl = 60, .values = values, .n_values = 1};

    lease_name_set(l.cutover, LEASE_CUTOVER_MAX, "shop");
    lease_name_set(l.run, LEASE_RUN_MAX, run);
    if (state != LEASE_RELEASED)
        snprintf(l.owner, sizeof l.owner, "00112233445566ff");
    snprintf(l.plan_hash, sizeof l.plan_hash, "abc");
    snprintf(l.nonce, sizeof l.nonce, "00112233445566aa");
    lease_format(&l, text);
    memory_put(b->m, ZONE, &set);
}

static void open_ok(struct bench *b)
{
    struct err err = {0};

    if (!edit_open(b->e, &err))
        fail_msg("%s", err.text);
}

static void change_ok(struct bench *b)
{
    struct err err = {0};
    int64_t insync_s = 0;

    if (!edit_change(b->e, swap, ARRAY_LEN(swap), &insync_s, &err))
        fail_msg("%s", err.text);
    assert_string_equal(stands(b)->values[0], "192.0.2.2");
    assert_true(insync_s >= WALL / 1000 + 2);
}

TEST(a_change_is_made_once_and_the_lease_grows_with_every_batch)
{
    struct bench *b = set_up(0, NULL);
    struct err err = {0};
    struct lease l;
    uint64_t first;

    open_ok(b);
    assert_true(lease_of(b, &l));
    assert_int_equal(l.state, LEASE_FORWARD);
    first = l.generation;
    change_ok(b);
    assert_true(lease_of(b, &l));
    assert_true(l.generation > first);
    assert_true(edit_release(b->e, &err));
    assert_true(lease_of(b, &l));
    assert_int_equal(l.state, LEASE_RELEASED);
    assert_int_equal(memory_counts(b->m).applied, 3);
    tear_down(b);
}

TEST(whatever_becomes_of_a_request_the_change_is_made_exactly_once)
{
    static const enum memory_fault faults[] = {MEMORY_LOST,  MEMORY_REPLY_LOST, MEMORY_LATE,
                                               MEMORY_TWICE, MEMORY_THROTTLED,  MEMORY_PRIOR,
                                               MEMORY_SERVER};

    for (size_t i = 0; i < ARRAY_LEN(faults); i++)
        for (size_t k = 0; k < ARRAY_LEN(faults); k++) {
            /* the lone lease in peace, then two faults */
            const enum memory_fault script[] = {MEMORY_NORMAL, faults[i], faults[k]};
            struct bench *b = set_up(3, script);
            struct err err = {0};
            struct lease l;

            open_ok(b);
            change_ok(b);
            assert_true(edit_release(b->e, &err));
            b->now += 10 * 60000; /* whatever was in the air has come by now */
            memory_tick(b->m, b->now);
            assert_string_equal(stands(b)->values[0], "192.0.2.2");
            assert_true(lease_of(b, &l));
            assert_int_equal(l.state, LEASE_RELEASED);
            tear_down(b);
        }
}

TEST(a_lone_lease_without_an_answer_is_looked_for_and_never_sent_again_blindly)
{
    static const enum memory_fault faults[] = {MEMORY_LOST, MEMORY_REPLY_LOST, MEMORY_THROTTLED,
                                               MEMORY_SERVER};

    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        struct bench *b = set_up(1, &faults[i]);
        struct lease l;

        open_ok(b);
        assert_true(lease_of(b, &l));
        assert_string_equal(l.run, "mine");
        assert_int_equal(l.generation, edit_lease(b->e)->generation);
        change_ok(b);
        tear_down(b);
    }
}

TEST(another_runs_lease_is_refused_and_nothing_is_written)
{
    static const struct {
        int64_t left_s;
        const char *words;
    } cases[] = {{300, "until"}, {-300, "let its lease expire"}};

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = set_up(0, NULL);
        struct err err = {0};

        put_lease(b, "theirs", LEASE_FORWARD, 1, cases[i].left_s);
        assert_false(edit_open(b->e, &err));
        assert_int_equal(err.kind, ERR_BUSY);
        assert_non_null(strstr(err.text, "theirs"));
        assert_non_null(strstr(err.text, cases[i].words));
        assert_int_equal(b->changes, 0);
        tear_down(b);
    }
}

TEST(a_released_lease_and_with_take_over_any_is_replaced_and_what_it_remembers_is_kept)
{
    for (int over = 0; over < 2; over++) {
        struct bench *b = set_up(0, NULL);
        struct lease l;

        edit_free(b->e);
        b->e = new_edit(b, "mine", over);
        put_lease(b, "theirs", over ? LEASE_FORWARD : LEASE_RELEASED, 4000000000ull, 300);
        open_ok(b);
        assert_true(lease_of(b, &l));
        assert_string_equal(l.run, "mine");
        assert_int_equal(l.ttl_was, 3600);
        assert_int_equal(l.not_before_s, 1800000500);
        assert_true(l.generation > 4000000000ull);
        edit_remember(b->e, 7, 8);
        change_ok(b);
        assert_true(lease_of(b, &l));
        assert_int_equal(l.ttl_was, 7);
        assert_int_equal(l.not_before_s, 8);
        tear_down(b);
    }
}

TEST(the_lease_of_a_run_that_died_here_is_taken_and_of_no_other)
{
    static const struct {
        const char *run;
        bool taken;
    } cases[] = {{"dead-0", true}, {"dead-1", true}, {"dead-", false}, {"dead-10", false}};

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = set_up(0, NULL);
        struct err err = {0};
        struct lease l;

        put_lease(b, cases[i].run, LEASE_FORWARD, 1, 300);
        assert_int_equal(edit_open(b->e, &err), cases[i].taken);
        assert_true(lease_of(b, &l));
        assert_string_equal(l.run, cases[i].taken ? "mine" : cases[i].run);
        assert_int_equal(l.ttl_was, 3600);
        tear_down(b);
    }
}

/* Whenever somebody asks to end: what was begun is known in the end, and the zone can be given
 * back. */
TEST(asked_to_end_it_waits_for_what_is_in_the_air_and_begins_nothing_new)
{
    static const enum memory_fault faults[] = {MEMORY_NORMAL, MEMORY_REPLY_LOST, MEMORY_THROTTLED,
                                               MEMORY_SERVER};

    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        const enum memory_fault script[] = {MEMORY_NORMAL, faults[i]};
        struct bench *b = set_up(2, script);
        struct err err = {0};
        struct lease l;
        int64_t insync_s = 7, begun;
        bool known;
        uint32_t sent;

        open_ok(b);
        b->stop_at_change = b->changes + 1; /* while the next one is in the air */
        begun = b->now;
        assert_false(edit_change(b->e, swap, ARRAY_LEN(swap), &insync_s, &err));
        assert_true(b->now - begun < 4000);
        assert_int_equal(insync_s, 0);
        assert_int_equal(edit_made(b->e, &known), strcmp(stands(b)->values[0], "192.0.2.2") == 0);
        assert_true(known);
        assert_int_equal(edit_made(b->e, &known), faults[i] != MEMORY_THROTTLED);
        sent = b->changes;
        assert_false(edit_change(b->e, swap, ARRAY_LEN(swap), &insync_s, &err));
        assert_int_equal(b->changes, sent);
        err = (struct err){0};
        if (!edit_release(b->e, &err))
            fail_msg("%s", err.text);
        assert_true(lease_of(b, &l));
        assert_int_equal(l.state, LEASE_RELEASED);
        tear_down(b);
    }
}

TEST(who_lost_the_zone_changes_nothing)
{
    struct bench *b = set_up(0, NULL);
    struct err err = {0};
    int64_t insync_s;

    open_ok(b);
    put_lease(b, "theirs", LEASE_FORWARD, 5000000000ull, 300);
    assert_false(edit_change(b->e, swap, ARRAY_LEN(swap), &insync_s, &err));
    assert_int_equal(err.kind, ERR_BUSY);
    assert_string_equal(stands(b)->values[0], "192.0.2.1");
    err = (struct err){0};
    assert_false(edit_release(b->e, &err));
    assert_int_equal(err.kind, ERR_BUSY);
    memory_remove(b->m, ZONE, LEASE, "TXT", NULL);
    err = (struct err){0};
    assert_false(edit_change(b->e, swap, ARRAY_LEN(swap), &insync_s, &err));
    assert_non_null(strstr(err.text, "removed the lease"));
    assert_string_equal(stands(b)->values[0], "192.0.2.1");
    tear_down(b);
}

TEST(a_record_that_is_not_as_it_was_is_refused_in_the_services_words)
{
    struct bench *b = set_up(0, NULL);
    struct err err = {0};
    struct lease l;
    int64_t insync_s;
    uint64_t before;

    open_ok(b);
    before = edit_lease(b->e)->generation;
    memory_put(b->m, ZONE, &other);
    assert_false(edit_change(b->e, swap, ARRAY_LEN(swap), &insync_s, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    assert_true(lease_of(b, &l));
    assert_int_equal(l.generation, before);
    err = (struct err){0};
    assert_true(edit_release(b->e, &err)); /* and it can still be left */
    tear_down(b);
}

TEST(a_denial_is_told_as_such)
{
    const enum memory_fault script[] = {MEMORY_NORMAL, MEMORY_DENIED};
    struct bench *b = set_up(2, script);
    struct err err = {0};
    int64_t insync_s;

    open_ok(b);
    assert_false(edit_change(b->e, swap, ARRAY_LEN(swap), &insync_s, &err));
    assert_int_equal(err.kind, ERR_DENIED);
    assert_string_equal(stands(b)->values[0], "192.0.2.1");
    tear_down(b);
}

TEST(a_service_that_never_answers_is_given_up_and_said_not_to_be_known)
{
    struct bench *b = set_up(0, NULL);
    struct err err = {0};
    int64_t insync_s, begun;

    open_ok(b);
    b->all_lost = true;
    begun = b->now;
    assert_false(edit_change(b->e, swap, ARRAY_LEN(swap), &insync_s, &err));
    assert_int_equal(err.kind, ERR_TIMEOUT);
    assert_non_null(strstr(err.text, "not known whether"));
    assert_true(b->now - begun >= EDIT_PATIENCE_MS && b->now - begun < 2 * EDIT_PATIENCE_MS);
    tear_down(b);
}

TEST(the_lease_is_removed_six_minutes_after_its_last_writing_and_no_sooner)
{
    struct bench *b = set_up(0, NULL);
    struct err err = {0};
    struct lease l;

    open_ok(b);
    assert_true(edit_release(b->e, &err));
    assert_false(edit_remove(b->e, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    assert_true(lease_of(b, &l));
    b->now = (edit_removable_s(b->e) - WALL / 1000) * 1000 + 1000;
    assert_true(edit_now_s(b->e) - l.expires_s + 600 >= FENCE_LATE_MS / 1000);
    err = (struct err){0};
    assert_true(edit_remove(b->e, &err));
    assert_false(lease_of(b, &l));
    assert_true(edit_remove(b->e, &err)); /* gone is gone */
    tear_down(b);
}

TEST(a_lease_that_another_process_released_is_dated_by_its_plans_life)
{
    struct bench *b = set_up(0, NULL);
    struct err err = {0};

    put_lease(b, "theirs", LEASE_RELEASED, 5, 600); /* just written, of a life of ten minutes */
    assert_true(edit_look(b->e, &err));
    assert_int_equal(edit_removable_s(b->e), WALL / 1000 + FENCE_LATE_MS / 1000);
    put_lease(b, "theirs", LEASE_FORWARD, 5, 600);
    assert_true(edit_look(b->e, &err));
    b->now += 60 * 60000;
    assert_false(edit_remove(b->e, &err)); /* not given back */
    assert_int_equal(err.kind, ERR_BUSY);
    tear_down(b);
}

/* The answer to what was given up must not be taken for the next one's. */
TEST(an_answer_to_an_operation_that_was_given_up_is_not_taken_for_the_next_ones)
{
    for (uint32_t waits = 1; waits < 12; waits++) {
        struct bench *b = set_up(0, NULL);
        struct err err = {0};
        struct lease l;
        int64_t insync_s;

        open_ok(b);
        b->waits_left = waits;
        if (edit_change(b->e, swap, ARRAY_LEN(swap), &insync_s, &err)) {
            tear_down(b);
            break;
        }
        assert_int_equal(err.kind, ERR_IO);
        b->waits_left = 0;
        err = (struct err){0};
        if (!edit_release(b->e, &err))
            fail_msg("after %u waits: %s", waits, err.text);
        assert_true(lease_of(b, &l));
        assert_int_equal(l.state, LEASE_RELEASED);
        assert_int_equal(l.generation, edit_lease(b->e)->generation);
        b->now += 10 * 60000; /* whatever was in the air has come by now */
        memory_tick(b->m, b->now);
        assert_true(lease_of(b, &l));
        assert_int_equal(l.state, LEASE_RELEASED);
        tear_down(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_is_made_once_and_the_lease_grows_with_every_batch),
        cmocka_unit_test(whatever_becomes_of_a_request_the_change_is_made_exactly_once),
        cmocka_unit_test(a_lone_lease_without_an_answer_is_looked_for_and_never_sent_again_blindly),
        cmocka_unit_test(another_runs_lease_is_refused_and_nothing_is_written),
        cmocka_unit_test(
            a_released_lease_and_with_take_over_any_is_replaced_and_what_it_remembers_is_kept),
        cmocka_unit_test(the_lease_of_a_run_that_died_here_is_taken_and_of_no_other),
        cmocka_unit_test(asked_to_end_it_waits_for_what_is_in_the_air_and_begins_nothing_new),
        cmocka_unit_test(who_lost_the_zone_changes_nothing),
        cmocka_unit_test(a_record_that_is_not_as_it_was_is_refused_in_the_services_words),
        cmocka_unit_test(a_denial_is_told_as_such),
        cmocka_unit_test(a_service_that_never_answers_is_given_up_and_said_not_to_be_known),
        cmocka_unit_test(the_lease_is_removed_six_minutes_after_its_last_writing_and_no_sooner),
        cmocka_unit_test(a_lease_that_another_process_released_is_dated_by_its_plans_life),
        cmocka_unit_test(
            an_answer_to_an_operation_that_was_given_up_is_not_taken_for_the_next_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
