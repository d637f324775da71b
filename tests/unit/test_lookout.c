/* lookout.h, resolvers.h, screen's table: servers over several rounds, and a caching resolver whose TTLs
 * count down. */
#include <poll.h>
#include <stdlib.h>

#include "dns_server.h"
#include "lookout.h"
#include "sluice/json.h"
#include "test.h"

#define SERVERS 2
#define TTL     60

static const char *const old_values[] = {"192.0.2.1"};
static const char *const new_values[] = {"198.51.100.1"};
static const char *const newer_values[] = {"198.51.100.2"};

/* ---- Resolvers' answers, one by one --------------------------------------------------------------- */

static const char *const canonical[] = {"192.0.2.1\n", "198.51.100.1\n"};

static struct observe_record record(uint32_t old_weight, uint32_t new_weight)
{
    static struct observe_set both[2][2];
    struct observe_set *sets = both[!new_weight];

    sets[0] = (struct observe_set){.set_id = "heroku", .side = OBSERVE_OLD, .weight = old_weight, .ttl = TTL,
                                   .values = old_values, .values_n = 1};
    sets[1] = (struct observe_set){.set_id = "ec2", .side = OBSERVE_NEW, .weight = new_weight, .ttl = TTL,
                                   .values = new_values, .values_n = 1};
    return (struct observe_record){.name = "www.example.com.", .type = "A", .sets = sets, .sets_n = 2};
}

static void take(struct resolvers_seen *seen, const struct observe_record *r, const char *value, uint32_t ttl,
                 bool stale, int64_t now)
{
    struct dns_record records[] = {{.name = "www.example.com.", .value = value, .type = DNS_TYPE_A, .ttl = ttl},
                                   {.name = "elsewhere.example.", .value = "203.0.113.9", .type = DNS_TYPE_A, .ttl = 1}};
    const struct dns_answer answer = {.records = records, .records_n = 2, .served_stale = stale};

    resolvers_take(seen, r, canonical, "www.example.com.", DNS_TYPE_A, &answer, now);
}

TEST(what_is_left_counts_down_and_the_longest_of_each_side_is_kept)
{
    const struct observe_record r = record(90, 10);
    struct resolvers_seen seen = {0};

    assert_int_equal(resolvers_left_s(&seen, OBSERVE_OLD, 1000), 0);
    take(&seen, &r, "192.0.2.1", 43, false, 1000);
    assert_int_equal(seen.kind, OBSERVE_IS_OLD);
    assert_int_equal(seen.own_ttl, TTL);
    assert_string_equal(seen.values, "192.0.2.1");
    assert_int_equal(resolvers_left_s(&seen, OBSERVE_OLD, 1000), 43);
    assert_int_equal(resolvers_left_s(&seen, OBSERVE_OLD, 11500), 33);
    /* Another cache behind the same address holds new, and a third old for less long. */
    take(&seen, &r, "198.51.100.1", 50, false, 12000);
    take(&seen, &r, "192.0.2.1", 5, false, 13000);
    assert_int_equal(resolvers_left_s(&seen, OBSERVE_OLD, 13000), 31);
    assert_int_equal(resolvers_left_s(&seen, OBSERVE_NEW, 13000), 49);
    assert_int_equal(resolvers_left_s(&seen, OBSERVE_OLD, 44000), 0);
}

TEST(a_resolver_with_a_mind_of_its_own_is_known_by_its_ttl_its_word_or_the_time)
{
    const struct observe_record zero = record(100, 0), r = record(90, 10);
    struct resolvers_seen seen = {0};

    take(&seen, &r, "192.0.2.1", TTL, false, 1000);
    assert_false(seen.above || seen.stale);
    take(&seen, &r, "192.0.2.1", TTL + 1, false, 1000);
    assert_true(seen.above);
    take(&seen, &r, "203.0.113.1", 9999, false, 1000);
    assert_int_equal(seen.kind, OBSERVE_IS_FOREIGN);
    assert_false(seen.above); /* nobody knows what that should have */
    take(&seen, &r, "192.0.2.1", 30, true, 1000);
    assert_true(seen.stale);
    /* A side without weight may be there for as long as caches may hold it, and not longer. */
    take(&seen, &zero, "198.51.100.1", 10, false, 1000 + RESOLVERS_SYNC_MS + TTL * 1000);
    assert_false(resolvers_overdue(&seen, &zero, 1000, TTL));
    take(&seen, &zero, "198.51.100.1", 10, false, 1001 + RESOLVERS_SYNC_MS + TTL * 1000);
    assert_true(resolvers_overdue(&seen, &zero, 1000, TTL));
    assert_false(resolvers_overdue(&seen, &zero, 0, TTL));
    take(&seen, &zero, "192.0.2.1", 10, false, 9999999);
    assert_false(resolvers_overdue(&seen, &zero, 1000, TTL));
}

/* ---- A small world: two servers, and a resolver that caches -------------------------------------- */

struct world;

struct one {
    struct world *world;
    unsigned int new_percent, counter;
    uint32_t ttl;
    const char *new_value;
    bool drop;
};

struct world {
    struct one one[SERVERS];
    struct dns_server server[SERVERS], resolver;
    struct resolvers *resolvers;
    struct lookout *lookout;
    int64_t now, resolver_until; /* 0: nothing cached */
    bool resolver_new;
    unsigned int resolver_asked;
    int64_t resolver_last, resolver_least_gap;
};

static bool turn(struct one *s)
{
    s->counter++;
    return s->counter * s->new_percent / 100 != (s->counter - 1) * s->new_percent / 100;
}

static void answer(void *ctx, struct dns_reply *r)
{
    struct one *s = ctx;

    r->drop = s->drop;
    dns_put_a(r, s->ttl, turn(s) ? s->new_value : old_values[0]);
}

/* Fetches from the first server when it holds nothing, then hands that out with what is left. */
static void answer_from_cache(void *ctx, struct dns_reply *r)
{
    struct world *w = ctx;

    if (w->resolver_asked++ && w->now - w->resolver_last < w->resolver_least_gap)
        w->resolver_least_gap = w->now - w->resolver_last;
    w->resolver_last = w->now;
    assert_true(r->data[2] & 1 || r->data[2] == 0x84);
    if (w->now >= w->resolver_until) {
        w->resolver_new = turn(&w->one[0]);
        w->resolver_until = w->now + (int64_t)w->one[0].ttl * 1000;
    }
    dns_flags(r, 0x81, 0);
    r->data[3] = 0x80;
    dns_put_a(r, (uint32_t)((w->resolver_until - w->now) / 1000),
              w->resolver_new ? w->one[0].new_value : old_values[0]);
}

static void stand(struct world *w, uint32_t old_weight, uint32_t new_weight, uint32_t ttl, const char *const *value)
{
    static const char *servers[SERVERS];
    struct observe_set sets[] = {
        {.set_id = "heroku", .side = OBSERVE_OLD, .weight = old_weight, .ttl = ttl, .values = old_values, .values_n = 1},
        {.set_id = "ec2", .side = OBSERVE_NEW, .weight = new_weight, .ttl = ttl, .values = value, .values_n = 1}};
    const struct observe_record records[] = {{.name = "www.example.com.", .type = "A", .sets = sets, .sets_n = 2}};
    struct observe_request q = {.servers = servers, .servers_n = SERVERS, .records = records, .records_n = 1};
    struct err err = {0};

    for (int i = 0; i < SERVERS; i++)
        servers[i] = w->server[i].address;
    assert_true(lookout_stand(w->lookout, &q, 1, w->now, &err));
}

static void world_start(struct world *w)
{
    const char *address[1];
    struct err err = {0};

    memset(w, 0, sizeof *w);
    w->now = 5000;
    w->resolver_least_gap = INT64_MAX;
    for (int i = 0; i < SERVERS; i++) {
        w->one[i] = (struct one){.world = w, .new_percent = 10, .ttl = TTL, .new_value = new_values[0]};
        dns_server_start(&w->server[i], answer, &w->one[i]);
    }
    dns_server_start(&w->resolver, answer_from_cache, w);
    address[0] = w->resolver.address;
    w->resolvers = resolvers_new(address, 1, &err);
    assert_non_null(w->resolvers);
    w->lookout = lookout_new(w->resolvers, 7);
    stand(w, 90, 10, TTL, new_values);
}

static void world_stop(struct world *w)
{
    lookout_free(w->lookout);
    resolvers_free(w->resolvers);
    for (int i = 0; i < SERVERS; i++)
        dns_server_stop(&w->server[i]);
    dns_server_stop(&w->resolver);
}

/* The clock goes on only when nothing moves. */
static void go_round(struct world *w)
{
    struct err err = {0};
    int idle = 0;

    assert_true(lookout_begin(w->lookout, false, w->now, &err));
    while (!lookout_step(w->lookout, w->now)) {
        struct pollfd fds[LOOKOUT_FDS_MAX];
        size_t n = lookout_fds(w->lookout, fds, LOOKOUT_FDS_MAX);

        for (int i = 0; i < SERVERS; i++)
            dns_server_step(&w->server[i]);
        dns_server_step(&w->resolver);
        if (n && poll(fds, (nfds_t)n, 5) > 0)
            idle = 0;
        else if (++idle > 1) {
            int64_t wake = lookout_wake_at(w->lookout);

            w->now = wake > w->now ? wake : w->now + 1;
            idle = 0;
        }
        assert_true(w->now < 100000000);
    }
}

static json_t *report(struct world *w)
{
    return lookout_report(w->lookout, w->now, INT64_C(1800000000000));
}

static const json_t *server(const json_t *doc, size_t i)
{
    return json_array_get(json_object_get(json_array_get(json_object_get(doc, "records"), 0), "servers"), i);
}

static const json_t *first(const json_t *doc)
{
    return json_array_get(json_object_get(doc, "records"), 0);
}

static const char *word(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

TEST(rounds_add_up_and_a_healthy_watch_is_never_doubted)
{
    struct world w;
    json_t *doc;

    world_start(&w);
    doc = report(&w);
    assert_string_equal(word(server(doc, 0), "state"), "not_asked");
    json_decref(doc);
    for (int i = 0; i < 30; i++) {
        w.now += 5000;
        go_round(&w);
        assert_true(lookout_agrees(w.lookout));
    }
    doc = report(&w);
    assert_int_equal(json_integer_value(json_object_get(server(doc, 0), "answers")), 30 * LOOKOUT_EACH);
    assert_int_equal(json_integer_value(json_object_get(first(doc), "answers")), 2 * 30 * LOOKOUT_EACH);
    assert_true(json_real_value(json_object_get(first(doc), "low")) < 10);
    assert_true(json_real_value(json_object_get(first(doc), "high")) > 10);
    json_decref(doc);
    world_stop(&w);
}

TEST(a_resolver_is_asked_politely_and_what_it_holds_counts_down)
{
    struct world w;
    json_t *doc;
    json_int_t left, before = 0;

    world_start(&w);
    for (int i = 0; i < 4; i++) {
        go_round(&w);
        doc = report(&w);
        left = json_integer_value(
            json_object_get(json_array_get(json_object_get(first(doc), "resolvers"), 0), "left_s"));
        assert_true(i ? left <= before : left == TTL);
        assert_in_range(left, (w.resolver_until - w.now) / 1000, (w.resolver_until - w.now + 999) / 1000);
        before = left;
        json_decref(doc);
        w.now += 300; /* rounds follow each other faster than a resolver may be asked */
    }
    assert_true(w.resolver_asked < 4);
    w.now += 10000;
    go_round(&w);
    assert_true(w.resolver_least_gap >= RESOLVERS_GAP_MS);
    world_stop(&w);
}

TEST(a_server_is_stale_when_it_answers_what_stood_before)
{
    static const struct {
        uint32_t old_weight, new_weight, ttl;
        const char *const *value;
        const char *state;
    } cases[] = {
        {100, 0, TTL, new_values, "opposing"},
        {90, 10, 2 * TTL, new_values, "ttl"},
        {90, 10, TTL, newer_values, "foreign"},
        {10, 90, TTL, new_values, "share"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        json_t *doc;

        world_start(&w);
        go_round(&w);
        w.now += 5000;
        stand(&w, cases[i].old_weight, cases[i].new_weight, cases[i].ttl, cases[i].value);
        w.one[0].new_percent = 100 * cases[i].new_weight / (cases[i].old_weight + cases[i].new_weight);
        w.one[0].ttl = cases[i].ttl;
        w.one[0].new_value = cases[i].value[0];
        for (int k = 0; k < 10; k++) {
            w.now += 5000;
            go_round(&w);
        }
        doc = report(&w);
        assert_string_equal(word(server(doc, 0), "state"), "agrees");
        assert_string_equal(word(server(doc, 1), "state"), cases[i].state);
        assert_true(json_is_true(json_object_get(server(doc, 1), "stale")));
        assert_false(lookout_agrees(w.lookout));
        assert_true(json_integer_value(json_object_get(first(doc), "changed_s")) >= 50);
        json_decref(doc);
        world_stop(&w);
    }
}

TEST(what_never_stood_is_wrong_and_not_stale)
{
    struct world w;
    json_t *doc;

    world_start(&w);
    w.one[1].new_value = "203.0.113.66";
    for (int i = 0; i < 3; i++)
        go_round(&w);
    doc = report(&w);
    assert_string_equal(word(server(doc, 1), "state"), "foreign");
    assert_false(json_is_true(json_object_get(server(doc, 1), "stale")));
    json_decref(doc);
    w.one[1].new_value = new_values[0];
    w.one[1].drop = true;
    go_round(&w);
    doc = report(&w);
    assert_string_equal(word(server(doc, 1), "state"), "silent");
    assert_true(lookout_agrees(w.lookout)); /* as in verifying: another server told */
    json_decref(doc);
    w.one[0].drop = true;
    go_round(&w);
    assert_false(lookout_agrees(w.lookout));
    world_stop(&w);
}

TEST(reading_the_same_again_changes_nothing)
{
    struct world w;
    json_t *doc;

    world_start(&w);
    go_round(&w);
    stand(&w, 90, 10, TTL, new_values);
    doc = report(&w);
    assert_int_equal(json_integer_value(json_object_get(server(doc, 0), "answers")), LOOKOUT_EACH);
    assert_null(json_object_get(first(doc), "changed_s"));
    json_decref(doc);
    stand(&w, 80, 20, TTL, new_values);
    /* Two servers, ten questions about the one record: a tenth of a second's worth. */
    assert_int_equal(lookout_least_ms(w.lookout), 100);
    doc = report(&w);
    assert_int_equal(json_integer_value(json_object_get(server(doc, 0), "answers")), 0);
    assert_non_null(json_object_get(first(doc), "changed_s"));
    json_decref(doc);
    world_stop(&w);
}

/* ---- Words ----------------------------------------------------------------------------------------- */

static json_t *told(void)
{
    return json_pack(
        "{s:s, s:i, s:b, s:[{s:s, s:s, s:f, s:f, s:i, s:b, s:[{s:s, s:s, s:b, s:s, s:s, s:i, s:f, s:f, s:f},"
        "{s:s, s:s, s:b, s:s, s:s, s:i, s:f, s:f, s:f}],"
        "s:[{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:b, s:b, s:b}], s:{s:i, s:i}}]}",
        "time", "2027-02-03T02:00:00Z", "round", 7, "agrees", 0, "records", "name", "www.\x1b[31mexample.com", "type", "A",
        "written_percent", 100.0, "before_percent", 50.0, "changed_s", 12, "no_answer", 0, "servers", "server",
        "192.0.2.53:53", "state", "agrees", "stale", 0, "side", "new", "values", "198.51.100.1", "ttl", 60, "percent",
        98.0, "low", 90.0, "high", 100.0, "server", "192.0.2.54:53", "state", "opposing", "stale", 1, "side", "old",
        "values", "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4", "ttl", 60, "percent", 50.0, "low", 40.0, "high", 60.0,
        "resolvers", "resolver", "9.9.9.9:53", "state", "answered", "side", "old", "values", "192.0.2.1", "left_s", 43,
        "ttl", 43, "record_ttl", 60, "above_ttl", 0, "says_stale", 0, "overdue", 0, "left_s", "old", 43, "new", 12);
}

TEST(no_line_of_a_table_is_wider_than_it_may_be_and_none_too_many)
{
    json_t *doc = told();
    static const size_t columns[] = {20, 39, 60, 79, 100, 120, 200}, rows[] = {2, 3, 4, 7, 50};

    assert_non_null(doc);
    for (size_t c = 0; c < ARRAY_LEN(columns); c++)
        for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
            struct buf out SL_CLEANUP(buf_clear) = {0};
            size_t lines = 0;

            lookout_table(doc, "shop", columns[c], rows[r], &out);
            for (const char *p = buf_str(&out); *p; p += strcspn(p, "\n") + 1, lines++)
                assert_true(strcspn(p, "\n") <= columns[c]);
            assert_true(lines <= rows[r]);
            assert_null(strchr(buf_str(&out), '\x1b'));
        }
    json_decref(doc);
}

TEST(a_table_names_the_stale_server_and_the_last_cache)
{
    json_t *doc = told();
    struct buf out SL_CLEANUP(buf_clear) = {0}, lines SL_CLEANUP(buf_clear) = {0};

    lookout_table(doc, "shop", 199, 50, &out);
    assert_non_null(strstr(buf_str(&out), "DNS DOES NOT AGREE"));
    assert_non_null(strstr(buf_str(&out), "  192.0.2.54:53"));
    assert_non_null(strstr(buf_str(&out), "STALE: a side that has no weight, as before; the change was seen 12 s ago"));
    assert_non_null(strstr(buf_str(&out), "old, 43 s left"));
    assert_non_null(strstr(buf_str(&out), "last known cache to let go of old: in 43 s"));
    assert_non_null(strstr(buf_str(&out), "98.0 % (90.0-100.0)"));
    lookout_lines(doc, true, &lines);
    assert_non_null(strstr(buf_str(&lines), "; 192.0.2.54:53 STALE: "));
    assert_null(strchr(buf_str(&lines), '\x1b'));
    json_decref(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_counts_down_and_the_longest_of_each_side_is_kept),
        cmocka_unit_test(a_resolver_with_a_mind_of_its_own_is_known_by_its_ttl_its_word_or_the_time),
        cmocka_unit_test(rounds_add_up_and_a_healthy_watch_is_never_doubted),
        cmocka_unit_test(a_resolver_is_asked_politely_and_what_it_holds_counts_down),
        cmocka_unit_test(a_server_is_stale_when_it_answers_what_stood_before),
        cmocka_unit_test(what_never_stood_is_wrong_and_not_stale),
        cmocka_unit_test(reading_the_same_again_changes_nothing),
        cmocka_unit_test(no_line_of_a_table_is_wider_than_it_may_be_and_none_too_many),
        cmocka_unit_test(a_table_names_the_stale_server_and_the_last_cache),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
