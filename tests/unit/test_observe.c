/* observe.h: what an answer is, whether shares fit, and whole observations of name servers that are
 * right, stale, silent, lame or tampered with. */
#include <math.h>
#include <poll.h>
#include <stdlib.h>

#include "dns_server.h"
#include "observe.h"
#include "test.h"

static const char *const old_values[] = {"192.0.2.1", "192.0.2.2"};
static const char *const new_values[] = {"198.51.100.1"};

#define RECORD(name_, old_weight, new_weight)                                                      \
    {                                                                                              \
        .name = (name_), .type = "A", .sets_n = 2, .sets = (const struct observe_set[])            \
        {                                                                                          \
            {.set_id = "heroku", .side = OBSERVE_OLD, .weight = (old_weight), .ttl = 60,           \
             .values = old_values, .values_n = 2},                                                 \
            {.set_id = "ec2", .side = OBSERVE_NEW, .weight = (new_weight), .ttl = 60,              \
             .values = new_values, .values_n = 1},                                                 \
        }                                                                                          \
    }

/* -- classifying ------------------------------------------------------------------------------- */

static enum observe_kind classify(const struct observe_record *r, const char *const *values,
                                  size_t n, uint32_t ttl, bool *ttl_wrong)
{
    struct buf text[4] = {{0}};
    const char *canonical[4];
    struct dns_record answers[8] = {{0}};
    enum observe_kind kind;
    struct err err = {0};

    for (size_t i = 0; i < r->sets_n; i++) {
        assert_true(observe_canonical(&text[i], DNS_TYPE_A, r->sets[i].values, r->sets[i].values_n,
                                      &err));
        canonical[i] = buf_str(&text[i]);
    }
    for (size_t i = 0; i < n; i++)
        answers[i] = (struct dns_record){.value = values[i], .type = DNS_TYPE_A, .ttl = ttl};
    *ttl_wrong = false;
    kind = observe_classify(r, canonical, answers, n, DNS_TYPE_A, ttl_wrong);
    for (size_t i = 0; i < r->sets_n; i++)
        buf_clear(&text[i]);
    return kind;
}

TEST(an_answer_is_a_sides_only_with_all_its_values)
{
    const struct observe_record r = RECORD("www.example.com.", 90, 10);
    static const struct {
        const char *values[3];
        size_t n;
        uint32_t ttl;
        enum observe_kind kind;
        bool ttl_wrong;
    } cases[] = {
        {{"192.0.2.1", "192.0.2.2"}, 2, 60, OBSERVE_IS_OLD, false},
        {{"192.0.2.2", "192.0.2.1"}, 2, 60, OBSERVE_IS_OLD, false},
        {{"192.0.2.2", "192.0.2.1"}, 2, 300, OBSERVE_IS_OLD, true},
        {{"198.51.100.1"}, 1, 60, OBSERVE_IS_NEW, false},
        {{"192.0.2.1"}, 1, 60, OBSERVE_IS_FOREIGN, false},
        {{"192.0.2.1", "192.0.2.2", "198.51.100.1"}, 3, 60, OBSERVE_IS_FOREIGN, false},
        {{"203.0.113.1"}, 1, 300, OBSERVE_IS_FOREIGN, false},
        {{NULL}, 0, 0, OBSERVE_IS_EMPTY, false},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool ttl_wrong;

        assert_int_equal(classify(&r, cases[i].values, cases[i].n, cases[i].ttl, &ttl_wrong),
                         cases[i].kind);
        assert_int_equal(ttl_wrong, cases[i].ttl_wrong);
    }
}

TEST(an_alias_takes_what_is_no_other_sets)
{
    static const struct observe_set one[] = {
        {.side = OBSERVE_OLD, .weight = 1, .alias = true},
        {.side = OBSERVE_NEW, .weight = 1, .ttl = 60, .values = new_values, .values_n = 1},
    };
    static const struct observe_set both[] = {
        {.side = OBSERVE_OLD, .weight = 1, .alias = true, .values = old_values, .values_n = 2},
        {.side = OBSERVE_NEW, .weight = 1, .alias = true},
    };
    static const char *const known[] = {"192.0.2.2"}, *const unknown[] = {"203.0.113.1"};
    struct observe_record r = {.type = "A", .sets = one, .sets_n = 2};
    bool ttl_wrong;

    assert_int_equal(classify(&r, unknown, 1, 5, &ttl_wrong), OBSERVE_IS_OLD);
    assert_false(ttl_wrong);
    assert_int_equal(classify(&r, new_values, 1, 60, &ttl_wrong), OBSERVE_IS_NEW);
    r.sets = both;
    assert_int_equal(classify(&r, known, 1, 60, &ttl_wrong), OBSERVE_IS_OLD);
    assert_int_equal(classify(&r, unknown, 1, 60, &ttl_wrong), OBSERVE_IS_UNSURE);
}

TEST(another_type_in_place_of_ours_is_foreign)
{
    const struct observe_record r = RECORD("www.example.com.", 90, 10);
    struct dns_record cname = {.value = "x.", .type = DNS_TYPE_CNAME, .ttl = 60};
    const char *canonical[] = {"", ""};

    assert_int_equal(observe_classify(&r, canonical, &cname, 1, DNS_TYPE_A, NULL),
                     OBSERVE_IS_FOREIGN);
}

/* -- shares ------------------------------------------------------------------------------------ */

TEST(shares_come_from_the_weights)
{
    const struct observe_record quarter = RECORD("a.", 192, 64), none = RECORD("a.", 0, 0);

    assert_true(fabs(observe_share(&quarter) - 0.25) < 1e-12);
    assert_true(observe_share(&none) < 0);
}

TEST(a_sample_holds_enough_of_the_rarer_side)
{
    assert_int_equal(observe_samples(0), OBSERVE_SAMPLES_MIN);
    assert_int_equal(observe_samples(0.5), OBSERVE_SAMPLES_MIN);
    assert_int_equal(observe_samples(0.05), 400);
    assert_int_equal(observe_samples(0.01), 2000);
    assert_int_equal(observe_samples(0.99), 2000);
    assert_int_equal(observe_samples(0.001), OBSERVE_SAMPLES_MAX);
}

TEST(the_binomial_test_is_exact)
{
    /* Reference values by summing exact fractions. */
    static const struct {
        uint32_t n, k;
        double share, p;
    } cases[] = {
        {10, 0, 0.5, 2.0 / 1024},         {10, 5, 0.5, 1},
        {10, 9, 0.5, 22.0 / 1024},        {20, 0, 0.01, 1},
        {200, 0, 0.1, 1.4110158217310665e-09},  {200, 35, 0.1, 0.001568693308134316},
        {0, 0, 0.5, 1},                   {5, 0, 0, 1},
        {5, 1, 0, 0},                     {5, 5, 1, 1},
        {5, 4, 1, 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        double p = observe_binomial_p(cases[i].n, cases[i].k, cases[i].share);

        if (fabs(p - cases[i].p) > 1e-6 * cases[i].p)
            print_message("# n %u k %u: %.12g\n", cases[i].n, cases[i].k, p);
        assert_true(fabs(p - cases[i].p) <= 1e-6 * cases[i].p + 1e-15);
    }
}

TEST(a_true_share_is_rejected_no_more_often_than_alpha)
{
    /* Over all outcomes, not by chance: the chance of a count whose p-value is below alpha. */
    static const double shares[] = {0.01, 0.1, 0.5, 0.9};

    for (size_t i = 0; i < ARRAY_LEN(shares); i++) {
        uint32_t n = observe_samples(shares[i]);
        double rejected = 0, alpha = OBSERVE_ALPHA_RUN / 20;

        for (uint32_t k = 0; k <= n; k++)
            if (observe_binomial_p(n, k, shares[i]) < alpha)
                rejected += exp(lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0) +
                                k * log(shares[i]) + (n - k) * log1p(-shares[i]));
        assert_true(rejected <= alpha);
    }
}

/* -- judging ----------------------------------------------------------------------------------- */

static struct observe_tally tally(uint32_t old, uint32_t new)
{
    return (struct observe_tally){.count = {[OBSERVE_IS_OLD] = old, [OBSERVE_IS_NEW] = new}};
}

TEST(every_fault_is_found_and_names_its_server)
{
    const struct observe_record ten = RECORD("a.", 90, 10), zero = RECORD("a.", 1, 0),
                                       all = RECORD("a.", 0, 1);
    const struct {
        const struct observe_record *record;
        struct observe_tally second; /* the first server is fine */
        enum observe_fault fault;
    } cases[] = {
        {&ten, {.count = {[OBSERVE_IS_LAME] = 1}}, OBSERVE_LAME},
        {&ten, {.count = {[OBSERVE_IS_EMPTY] = 1}}, OBSERVE_EMPTY},
        {&ten, {.count = {[OBSERVE_IS_FOREIGN] = 1}}, OBSERVE_FOREIGN},
        {&ten, {.count = {[OBSERVE_IS_OLD] = 1}, .ttl_wrong = 1}, OBSERVE_TTL},
        {&zero, {.count = {[OBSERVE_IS_NEW] = 1}}, OBSERVE_OPPOSING},
        {&all, {.count = {[OBSERVE_IS_OLD] = 1}}, OBSERVE_OPPOSING},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct observe_tally t[2] = {tally(9, 0), cases[i].second};
        struct observe_finding f[14];

        if (cases[i].record == &all)
            t[0] = tally(0, 9);
        assert_int_equal(observe_judge(cases[i].record, 7, t, 2, false, 0.001, f), 1);
        assert_int_equal(f[0].fault, cases[i].fault);
        assert_int_equal(f[0].record, 7);
        assert_int_equal(f[0].server, 1);
        assert_false(f[0].warning);
    }
}

TEST(a_share_that_does_not_fit_names_the_stale_server)
{
    const struct observe_record ten = RECORD("a.", 90, 10);
    struct observe_tally t[3] = {tally(60, 7), tally(61, 6), tally(67, 0)};
    struct observe_finding f[20];

    assert_int_equal(observe_judge(&ten, 0, t, 3, true, 0.001, f), 0);
    t[2] = tally(20, 47);
    assert_int_equal(observe_judge(&ten, 0, t, 3, false, 0.001, f), 0);
    assert_int_equal(observe_judge(&ten, 0, t, 3, true, 0.001, f), 2);
    assert_int_equal(f[0].fault, OBSERVE_SHARE);
    assert_int_equal(f[0].n, 201);
    assert_int_equal(f[0].k, 60);
    assert_int_equal(f[1].fault, OBSERVE_SHARE_SERVER);
    assert_int_equal(f[1].server, 2);
}

TEST(with_health_checks_shares_are_warnings_and_values_are_not)
{
    const struct observe_record plain = RECORD("a.", 90, 10);
    struct observe_record checked = plain;
    struct observe_tally t = {.count = {[OBSERVE_IS_OLD] = 0, [OBSERVE_IS_NEW] = 200}};
    struct observe_finding f[8];

    checked.health_checked = true;
    assert_int_equal(observe_judge(&checked, 0, &t, 1, true, 0.001, f), 2);
    assert_true(f[0].warning && f[1].warning);
    t = (struct observe_tally){.count = {[OBSERVE_IS_FOREIGN] = 1}};
    assert_int_equal(observe_judge(&checked, 0, &t, 1, true, 0.001, f), 1);
    assert_false(f[0].warning);
}

TEST(answers_that_cannot_be_told_apart_leave_the_share_alone)
{
    const struct observe_record ten = RECORD("a.", 90, 10);
    struct observe_tally t = {.count = {[OBSERVE_IS_NEW] = 50, [OBSERVE_IS_UNSURE] = 50}};
    struct observe_finding f[8];

    assert_int_equal(observe_judge(&ten, 0, &t, 1, true, 0.001, f), 0);
}

TEST(no_answer_at_all_is_a_fault_of_the_record)
{
    const struct observe_record ten = RECORD("a.", 90, 10);
    struct observe_tally t[2] = {{.silent = 1}, {.silent = 1}};
    struct observe_finding f[14];

    assert_int_equal(observe_judge(&ten, 0, t, 2, true, 0.001, f), 1);
    assert_int_equal(f[0].fault, OBSERVE_NO_ANSWER);
}

/* -- whole observations ------------------------------------------------------------------------ */

#define SERVERS 3

struct world {
    struct dns_server server[SERVERS];
    struct one {
        struct world *world;
        uint32_t new_percent, ttl, counter;
        const char *tamper; /* a value of nobody's */
        bool drop, lame, empty, heals;
    } one[SERVERS];
    char asked[256]; /* the last name */
    bool second_round;
};

/* Weighted round robin: exact shares, so that no test depends on chance. */
static void answer(void *ctx, struct dns_reply *r)
{
    struct one *s = ctx;
    bool well = s->heals && s->world->second_round;
    uint32_t percent = well ? 10 : s->new_percent;
    bool is_new = (s->counter + 1) * percent / 100 > s->counter * percent / 100;

    s->counter++;
    snprintf(s->world->asked, sizeof s->world->asked, "%s", r->name);
    r->drop = s->drop;
    if (s->lame)
        dns_flags(r, 0x80, DNS_REFUSED);
    else if (s->tamper)
        dns_put_a(r, s->ttl, s->tamper);
    else if (is_new)
        dns_put_a(r, s->ttl, new_values[0]);
    else if (!s->empty)
        dns_put_a(r, s->ttl, old_values[s->counter % 2]),
            dns_put_a(r, s->ttl, old_values[(s->counter + 1) % 2]);
}

static void world_start(struct world *w)
{
    memset(w, 0, sizeof *w);
    for (int i = 0; i < SERVERS; i++) {
        w->one[i] = (struct one){.world = w, .new_percent = 10, .ttl = 60};
        dns_server_start(&w->server[i], answer, &w->one[i]);
    }
}

/* The observation's clock goes on only when nothing moves, so that waits cost no time. */
static struct observe *watch(struct world *w, struct observe_request *q)
{
    static const char *servers[SERVERS];
    struct err err = {0};
    struct observe *o;
    int64_t now = 5000;
    int idle = 0;

    for (int i = 0; i < SERVERS; i++)
        servers[i] = w->server[i].address;
    q->servers = servers;
    q->servers_n = SERVERS;
    o = observe_start(q, now, &err);
    assert_non_null(o);
    while (!observe_step(o, now)) {
        struct pollfd fds[DNS_CLIENT_FDS_MAX];
        size_t n = observe_fds(o, fds, DNS_CLIENT_FDS_MAX);

        for (int i = 0; i < SERVERS; i++)
            dns_server_step(&w->server[i]);
        if (n && poll(fds, (nfds_t)n, 5) > 0) {
            idle = 0;
        } else if (!n || ++idle > 1) {
            now = observe_wake_at(o);
            w->second_round = w->second_round || !n;
            idle = 0;
        }
        assert_true(now < 1000000);
    }
    for (int i = 0; i < SERVERS; i++)
        dns_server_stop(&w->server[i]);
    assert_int_equal(observe_wake_at(o), INT64_MAX);
    return o;
}

static const struct observe_record ten_percent[] = {RECORD("www.example.com.", 90, 10)};

TEST(what_is_as_written_passes)
{
    struct world w;
    struct observe_request q = {.records = ten_percent, .records_n = 1, .tests_in_run = 20};
    struct observe *o;

    world_start(&w);
    o = watch(&w, &q);
    assert_int_equal(observe_result(o)->verdict, OBSERVE_PASS);
    assert_int_equal(observe_result(o)->findings_n, 0);
    assert_int_equal(observe_result(o)->records_sampled, 1);
    assert_int_equal(observe_result(o)->queries, 3 * 67); /* 200 over three servers */
    assert_int_equal(observe_tally(o, 0, 2)->count[OBSERVE_IS_NEW], 6);
    assert_false(w.second_round);
    observe_free(o);
}

TEST(what_is_wrong_is_asked_again_and_then_told)
{
    static const struct {
        struct one one;
        enum observe_fault fault;
    } cases[] = {
        {{.new_percent = 80, .ttl = 60}, OBSERVE_SHARE},
        {{.new_percent = 10, .ttl = 300}, OBSERVE_TTL},
        {{.new_percent = 10, .ttl = 60, .tamper = "203.0.113.1"}, OBSERVE_FOREIGN},
        {{.new_percent = 10, .ttl = 60, .lame = true}, OBSERVE_LAME},
        {{.new_percent = 10, .ttl = 60, .empty = true}, OBSERVE_EMPTY},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        struct observe_request q = {.records = ten_percent, .records_n = 1};
        struct buf text SL_CLEANUP(buf_clear) = {0};
        const struct observe_result *r;
        struct observe *o;

        world_start(&w);
        w.one[1] = cases[i].one;
        w.one[1].world = &w;
        o = watch(&w, &q);
        r = observe_result(o);
        assert_true(w.second_round);
        assert_int_equal(r->verdict, OBSERVE_INCONCLUSIVE);
        assert_int_equal(r->findings[0].fault, cases[i].fault);
        assert_int_equal(r->stale[1], cases[i].fault != OBSERVE_LAME);
        assert_false(r->stale[0] || r->stale[2]);
        observe_finding_format(&q, &r->findings[0], &text);
        assert_non_null(strstr(buf_str(&text), "www.example.com A"));
        observe_free(o);
    }
}

TEST(what_heals_before_the_second_round_passes)
{
    struct world w;
    struct observe_request q = {.records = ten_percent, .records_n = 1};
    struct observe *o;

    world_start(&w);
    w.one[0].new_percent = 100;
    w.one[0].heals = true;
    o = watch(&w, &q);
    assert_true(w.second_round);
    assert_int_equal(observe_result(o)->verdict, OBSERVE_PASS);
    observe_free(o);
}

TEST(a_silent_server_is_named_and_does_not_decide)
{
    struct world w;
    struct observe_request q = {.records = ten_percent, .records_n = 1};
    const struct observe_result *r;
    struct observe *o;

    world_start(&w);
    w.one[2].drop = true;
    o = watch(&w, &q);
    r = observe_result(o);
    assert_int_equal(r->verdict, OBSERVE_PASS);
    assert_int_equal(r->findings_n, 1);
    assert_int_equal(r->findings[0].fault, OBSERVE_SERVER_SILENT);
    assert_int_equal(r->findings[0].server, 2);
    assert_true(r->silent[2] && !r->silent[0] && !r->stale[2]);
    observe_free(o);
}

TEST(without_any_server_there_is_no_verdict)
{
    struct world w;
    struct observe_request q = {.records = ten_percent, .records_n = 1};
    struct observe *o;

    world_start(&w);
    for (int i = 0; i < SERVERS; i++)
        w.one[i].drop = true;
    o = watch(&w, &q);
    assert_int_equal(observe_result(o)->verdict, OBSERVE_NO_SERVER);
    observe_free(o);
}

TEST(a_side_without_weight_must_not_appear_once)
{
    const struct observe_record zero[] = {RECORD("www.example.com.", 255, 0)};
    struct world w;
    struct observe_request q = {.records = zero, .records_n = 1};
    struct observe *o;

    world_start(&w);
    for (int i = 0; i < SERVERS; i++)
        w.one[i].new_percent = i == 1 ? 2 : 0;
    o = watch(&w, &q);
    assert_int_equal(observe_result(o)->verdict, OBSERVE_INCONCLUSIVE);
    assert_int_equal(observe_result(o)->findings[0].fault, OBSERVE_OPPOSING);
    assert_true(observe_result(o)->stale[1]);
    observe_free(o);
}

TEST(a_wildcard_is_asked_below_its_star)
{
    const struct observe_record star[] = {RECORD("\\052.shops.example.com.", 90, 10)};
    struct world w;
    struct observe_request q = {.records = star, .records_n = 1};
    struct observe *o;

    world_start(&w);
    o = watch(&w, &q);
    assert_int_equal(observe_result(o)->verdict, OBSERVE_PASS);
    assert_memory_equal(w.asked, "sluice-", 7);
    assert_string_equal(w.asked + 15, ".shops.example.com.");
    observe_free(o);
}

TEST(every_record_is_asked_and_at_most_five_are_sampled)
{
    struct observe_record records[40];
    char names[40][32];
    struct world w;
    struct observe_request q = {.records = records, .records_n = 40, .seed = 7};
    struct observe *o;
    uint32_t sampled = 0;

    for (int i = 0; i < 40; i++) {
        records[i] = ten_percent[0];
        snprintf(names[i], sizeof names[i], "r%d.example.com.", i);
        records[i].name = names[i];
    }
    world_start(&w);
    o = watch(&w, &q);
    assert_int_equal(observe_result(o)->records_sampled, OBSERVE_SHARES_MAX);
    for (size_t r = 0; r < 40; r++)
        for (size_t s = 0; s < SERVERS; s++) {
            const struct observe_tally *t = observe_tally(o, r, s);
            uint32_t n = t->count[OBSERVE_IS_OLD] + t->count[OBSERVE_IS_NEW];

            assert_true(n == 1 || n >= 67);
            sampled += s == 0 && n > 1;
        }
    assert_int_equal(sampled, OBSERVE_SHARES_MAX);
    observe_free(o);
}

TEST(what_cannot_be_asked_is_an_error_at_the_start)
{
    static const char *const server[] = {"127.0.0.1:53"}, *const name[] = {"ns-1.example.com"};
    const struct observe_record bad_name[] = {RECORD("a..b", 1, 1)};
    static const char *const no_address[] = {"x"};
    static const struct observe_set bad_set[] = {{.set_id = "s", .values = no_address,
                                                  .values_n = 1, .weight = 1}};
    static const struct observe_record bad_value[] = {
        {.name = "a.", .type = "A", .sets = bad_set, .sets_n = 1}};
    const struct observe_request bad[] = {
        {.servers = server, .servers_n = 1, .records = bad_name, .records_n = 1},
        {.servers = server, .servers_n = 1, .records = bad_value, .records_n = 1},
        {.servers = name, .servers_n = 1, .records = ten_percent, .records_n = 1},
        {.servers = server, .servers_n = 0, .records = ten_percent, .records_n = 1},
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = {0};

        assert_null(observe_start(&bad[i], 0, &err));
        assert_int_equal(err.kind, ERR_FILE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_a_sides_only_with_all_its_values),
        cmocka_unit_test(an_alias_takes_what_is_no_other_sets),
        cmocka_unit_test(another_type_in_place_of_ours_is_foreign),
        cmocka_unit_test(shares_come_from_the_weights),
        cmocka_unit_test(a_sample_holds_enough_of_the_rarer_side),
        cmocka_unit_test(the_binomial_test_is_exact),
        cmocka_unit_test(a_true_share_is_rejected_no_more_often_than_alpha),
        cmocka_unit_test(every_fault_is_found_and_names_its_server),
        cmocka_unit_test(a_share_that_does_not_fit_names_the_stale_server),
        cmocka_unit_test(with_health_checks_shares_are_warnings_and_values_are_not),
        cmocka_unit_test(answers_that_cannot_be_told_apart_leave_the_share_alone),
        cmocka_unit_test(no_answer_at_all_is_a_fault_of_the_record),
        cmocka_unit_test(what_is_as_written_passes),
        cmocka_unit_test(what_is_wrong_is_asked_again_and_then_told),
        cmocka_unit_test(what_heals_before_the_second_round_passes),
        cmocka_unit_test(a_silent_server_is_named_and_does_not_decide),
        cmocka_unit_test(without_any_server_there_is_no_verdict),
        cmocka_unit_test(a_side_without_weight_must_not_appear_once),
        cmocka_unit_test(a_wildcard_is_asked_below_its_star),
        cmocka_unit_test(every_record_is_asked_and_at_most_five_are_sampled),
        cmocka_unit_test(what_cannot_be_asked_is_an_error_at_the_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
