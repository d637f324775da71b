/* test_convert.c: simple records to weighted groups and back: which changes, in which batches, and
 * what is in the way. */
#include "convert.h"

#include <stdlib.h>

#include "rrset_json.h"
#include "test.h"

#define MAX_SETS 3000

struct scene {
    struct plan plan;
    struct plan_record records[1200];
    struct plan_target target;
    struct rrset sets[MAX_SETS];
    size_t n_sets;
    struct survey_zone zone;
    struct arena mem;
    struct survey survey;
    struct convert c;
};

static struct scene *scene_new(void)
{
    struct scene *s = calloc(1, sizeof *s);

    plan_init(&s->plan);
    s->plan.sides[PLAN_OLD] = (struct plan_sets){{"heroku"}, 1};
    s->plan.sides[PLAN_NEW] = (struct plan_sets){{"ec2"}, 1};
    s->plan.records = s->records;
    s->target = (struct plan_target){.value = {"203.0.113.20", "2001:db8::20"}, .n = 2};
    s->plan.target = &s->target;
    s->zone = (struct survey_zone){.asked = "example.com", .id = "Z1", .name = "example.com."};
    return s;
}

static void scene_free(struct scene *s)
{
    arena_clear(&s->mem);
    free(s);
}

static void want(struct scene *s, const char *name, const char *type)
{
    s->records[s->plan.records_n++] = (struct plan_record){.name = name, .type = type};
}

/* set NULL: simple. value NULL: an alias. */
static struct rrset *put(struct scene *s, const char *name, const char *type, const char *set,
                         uint32_t weight, uint32_t ttl, const char *value)
{
    struct rrset *r = &s->sets[s->n_sets++];
    const char **values = arena_alloc(&s->mem, sizeof *values);

    *values = value;
    *r = (struct rrset){.name = name,
                        .type = type,
                        .set_id = set,
                        .weighted = set != NULL,
                        .weight = weight,
                        .has_ttl = value != NULL,
                        .ttl = ttl,
                        .values = value ? values : NULL,
                        .n_values = value != NULL};
    if (!value) {
        r->alias_name = "lb.example.net.";
        r->alias_zone = "Z35SXDOTRQ7X7K";
    }
    return r;
}

static void look(struct scene *s)
{
    uint32_t *zone_of = arena_array(&s->mem, s->plan.records_n + 1, sizeof *zone_of);

    s->zone.sets = s->sets;
    s->zone.n_sets = s->n_sets;
    survey_eval(&s->survey, &s->mem, &s->plan, &s->zone, 1, zone_of);
}

/* "-A www.example.com. 60 192.0.2.1|+A heroku:100 www..." of all batches, "||" between them. */
static void check_diff(struct scene *s, const char *expected)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};

    for (size_t i = 0; i < s->c.n_batches; i++) {
        if (i)
            buf_add_char(&text, '|');
        for (size_t k = 0; k < s->c.batches[i].n; k++) {
            const struct router_change *ch = &s->c.batches[i].changes[k];

            buf_addf(&text, "%c%s %s", ch->action == ROUTER_DELETE ? '-' : '+', ch->set->type,
                     ch->set->name);
            if (ch->set->set_id)
                buf_addf(&text, " %s:%u", ch->set->set_id, ch->set->weight);
            if (ch->set->has_ttl)
                buf_addf(&text, " %u", ch->set->ttl);
            if (ch->set->alias_name)
                buf_addf(&text, " alias %s", ch->set->alias_name);
            for (size_t v = 0; v < ch->set->n_values; v++)
                buf_addf(&text, " %s", ch->set->values[v]);
            buf_add_char(&text, '|');
        }
    }
    assert_string_equal(buf_str(&text), expected);
}

static void check_fault(struct scene *s, const char *words)
{
    assert_int_equal(s->c.n_faults, 1);
    assert_int_equal(s->c.n_batches, 0);
    if (!strstr(s->c.faults[0].what, words))
        fail_msg("%s", s->c.faults[0].what);
}

static void weigh(struct scene *s, enum convert_how how, uint32_t ttl)
{
    look(s);
    convert_weigh(&s->c, &s->mem, &s->survey, &s->plan, how, ttl);
}

/* ---- prepare
 * --------------------------------------------------------------------------------------- */

TEST(an_a_record_and_its_aaaa_twin_are_converted_in_one_batch)
{
    struct scene *s = scene_new();

    want(s, "files.example.com", "AAAA");
    want(s, "files.example.com", "A");
    put(s, "files.example.com.", "A", NULL, 0, 60, "192.0.2.1");
    put(s, "files.example.com.", "AAAA", NULL, 0, 30, "2001:db8::1");
    weigh(s, CONVERT_PREPARE, 0);
    check_diff(s, "-A files.example.com. 60 192.0.2.1|"
                  "+A files.example.com. heroku:100 60 192.0.2.1|"
                  "+A files.example.com. ec2:0 60 203.0.113.20|"
                  "-AAAA files.example.com. 30 2001:db8::1|"
                  "+AAAA files.example.com. heroku:100 30 2001:db8::1|"
                  "+AAAA files.example.com. ec2:0 30 2001:db8::20|");
    scene_free(s);
}

TEST(a_cname_whose_new_side_is_addresses_gets_a_helper_name)
{
    struct scene *s = scene_new();

    want(s, "www.example.com", "CNAME");
    want(s, "*.shops.example.com", "CNAME");
    put(s, "\\052.shops.example.com.", "CNAME", NULL, 0, 60, "old.example.net");
    put(s, "www.example.com.", "CNAME", NULL, 0, 60, "old.example.net");
    s->target.n = 1;
    weigh(s, CONVERT_PREPARE, 0);
    check_diff(s, "+A new-wildcard.shops.example.com. 60 203.0.113.20|"
                  "-CNAME \\052.shops.example.com. 60 old.example.net|"
                  "+CNAME \\052.shops.example.com. heroku:100 60 old.example.net|"
                  "+CNAME \\052.shops.example.com. ec2:0 60 new-wildcard.shops.example.com.|"
                  "+A new-www.example.com. 60 203.0.113.20|"
                  "-CNAME www.example.com. 60 old.example.net|"
                  "+CNAME www.example.com. heroku:100 60 old.example.net|"
                  "+CNAME www.example.com. ec2:0 60 new-www.example.com.|");
    scene_free(s);
}

TEST(a_helper_that_is_there_already_is_used_and_one_that_differs_is_in_the_way)
{
    struct scene *s = scene_new();
    struct rrset *helper;

    want(s, "www.example.com", "CNAME");
    s->target.n = 1;
    helper = put(s, "new-www.example.com.", "A", NULL, 0, 9, "203.0.113.20");
    put(s, "www.example.com.", "CNAME", NULL, 0, 60, "old.example.net");
    weigh(s, CONVERT_PREPARE, 0);
    check_diff(s, "-CNAME www.example.com. 60 old.example.net|"
                  "+CNAME www.example.com. heroku:100 60 old.example.net|"
                  "+CNAME www.example.com. ec2:0 60 new-www.example.com.|");
    ((const char **)(uintptr_t)helper->values)[0] = "192.0.2.77";
    weigh(s, CONVERT_PREPARE, 0);
    check_fault(s, "has another A record");
    helper->type = "CNAME";
    weigh(s, CONVERT_PREPARE, 0);
    check_fault(s, "is a CNAME, and nothing stands beside one");
    scene_free(s);
}

TEST(aliases_are_weighted_as_they_stand_and_made_where_the_plan_says)
{
    struct scene *s = scene_new();

    want(s, "example.com", "A");
    put(s, "example.com.", "A", NULL, 0, 0, NULL);
    s->target =
        (struct plan_target){.alias_name = "new-lb.example.net", .alias_zone = "ZNEW", .n = 0};
    weigh(s, CONVERT_PREPARE, 0);
    check_diff(s, "-A example.com. alias lb.example.net.|"
                  "+A example.com. heroku:100 alias lb.example.net.|"
                  "+A example.com. ec2:0 alias new-lb.example.net|");
    scene_free(s);
}

TEST(what_cannot_be_converted_is_said_and_nothing_is_changed)
{
    static const struct {
        const char *name, *type, *value, *target;
        bool alias, none;
        const char *words;
    } cases[] = {
        {"www.example.com", "A", "192.0.2.1", "lb.example.net", false, false, "no IPv4 address"},
        {"www.example.com", "AAAA", "2001:db8::1", "192.0.2.9", false, false, "no IPv6 address"},
        {"www.example.com", "CNAME", "old.example.net", NULL, true, false,
         "nothing stands beside a CNAME"},
        {"www.example.com", "A", "192.0.2.1", NULL, false, true, "where the new side is"},
        {"gone.example.com", "A", NULL, "192.0.2.9", false, false, "no such record"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene *s = scene_new();

        want(s, cases[i].name, cases[i].type);
        if (cases[i].value)
            put(s, "www.example.com.", cases[i].type, NULL, 0, 60, cases[i].value);
        s->target = (struct plan_target){.value = {cases[i].target}, .n = cases[i].target != NULL};
        if (cases[i].alias)
            s->target.alias_name = s->target.alias_zone = "x.example.net";
        if (cases[i].none)
            s->plan.target = NULL;
        weigh(s, CONVERT_PREPARE, 0);
        check_fault(s, cases[i].words);
        scene_free(s);
    }
}

TEST(what_is_weighted_already_is_done)
{
    struct scene *s = scene_new();

    want(s, "www.example.com", "A");
    put(s, "www.example.com.", "A", "ec2", 0, 60, "203.0.113.20");
    put(s, "www.example.com.", "A", "heroku", 100, 60, "192.0.2.1");
    weigh(s, CONVERT_PREPARE, 0);
    assert_int_equal(s->c.n_batches + s->c.n_faults, 0);
    assert_int_equal(s->c.done, 1);
    scene_free(s);
}

TEST(long_ttls_are_lowered_whole_groups_at_once_and_the_longest_is_remembered)
{
    struct scene *s = scene_new();

    want(s, "a.example.com", "A");
    want(s, "b.example.com", "A");
    want(s, "c.example.com", "A");
    put(s, "a.example.com.", "A", NULL, 0, 3600, "192.0.2.1");
    put(s, "b.example.com.", "A", "ec2", 0, 300, "192.0.2.2");
    put(s, "b.example.com.", "A", "heroku", 5, 300, "192.0.2.3");
    put(s, "c.example.com.", "A", NULL, 0, 60, "192.0.2.4");
    look(s);
    convert_lower(&s->c, &s->mem, &s->survey, &s->plan);
    check_diff(s, "-A a.example.com. 3600 192.0.2.1|+A a.example.com. 60 192.0.2.1|"
                  "-A b.example.com. ec2:0 300 192.0.2.2|-A b.example.com. heroku:5 300 192.0.2.3|"
                  "+A b.example.com. ec2:0 60 192.0.2.2|+A b.example.com. heroku:5 60 192.0.2.3|");
    assert_int_equal(s->c.ttl_was, 3600);
    assert_int_equal(s->c.lower, 2);
    scene_free(s);
}

TEST(a_group_with_a_set_of_neither_side_is_lowered_whole)
{
    struct scene *s = scene_new();

    want(s, "b.example.com", "A");
    put(s, "b.example.com.", "A", "ec2", 0, 300, "192.0.2.2");
    put(s, "b.example.com.", "A", "heroku", 5, 300, "192.0.2.3");
    put(s, "b.example.com.", "A", "other", 7, 300, "192.0.2.4");
    look(s);
    convert_lower(&s->c, &s->mem, &s->survey, &s->plan);
    check_diff(s,
               "-A b.example.com. ec2:0 300 192.0.2.2|-A b.example.com. heroku:5 300 192.0.2.3|"
               "-A b.example.com. other:7 300 192.0.2.4|+A b.example.com. ec2:0 60 192.0.2.2|"
               "+A b.example.com. heroku:5 60 192.0.2.3|+A b.example.com. other:7 60 192.0.2.4|");
    convert_weigh(&s->c, &s->mem, &s->survey, &s->plan, CONVERT_PREPARE, 0);
    assert_int_equal(s->c.n_faults, 0);
    assert_int_equal(s->c.done, 1);
    scene_free(s);
}

/* All four batches, as check_diff() shows them; *t lives as long as the scene. */
static void check_try(struct scene *s, struct convert_try *t, const char *expected)
{
    look(s);
    assert_int_equal(convert_try(t, &s->mem, &s->survey, &s->plan), 1);
    assert_string_equal(t->name, "_sluice-try.example.com.");
    s->c.batches = (struct convert_batch[]){t->make, t->change, t->drop, t->drop_unchanged};
    s->c.n_batches = 4;
    check_diff(s, expected);
    s->c = (struct convert){0}; /* the list ends here */
}

#define TRY   "TXT _sluice-try.example.com. "
#define VALUE " \"sluice: tried, and removed again\"|"

TEST(a_change_of_a_groups_ttl_is_tried_on_a_group_like_it)
{
    struct scene *s = scene_new();
    struct convert_try t;

    want(s, "a.example.com", "A");
    want(s, "b.example.com", "A");
    want(s, "c.example.com", "A");
    put(s, "a.example.com.", "A", NULL, 0, 3600, "192.0.2.1");
    put(s, "b.example.com.", "A", "ec2", 0, 300, "192.0.2.2");
    put(s, "b.example.com.", "A", "heroku", 5, 300, "192.0.2.3")->health_check = "h-1";
    put(s, "c.example.com.", "A", "ec2", 0, 900, "192.0.2.4");
    put(s, "c.example.com.", "A", "heroku", 1, 900, "192.0.2.5");
    put(s, "c.example.com.", "A", "other", 2, 900, "192.0.2.6");
    check_try(s, &t, "+" TRY "ec2:0 300" VALUE "+" TRY "heroku:5 300" VALUE "|"
                 "-" TRY "ec2:0 300" VALUE "-" TRY "heroku:5 300" VALUE "+" TRY "ec2:0 60" VALUE
                 "+" TRY "heroku:5 60" VALUE "|"
                 "-" TRY "ec2:0 60" VALUE "-" TRY "heroku:5 60" VALUE "|"
                 "-" TRY "ec2:0 300" VALUE "-" TRY "heroku:5 300" VALUE);
    assert_string_equal(t.change.changes[3].set->health_check, "h-1");
    scene_free(s);
    s = scene_new(); /* short already, or simple: nothing to try */
    want(s, "a.example.com", "A");
    want(s, "b.example.com", "A");
    put(s, "a.example.com.", "A", NULL, 0, 3600, "192.0.2.1");
    put(s, "b.example.com.", "A", "ec2", 0, 60, "192.0.2.2");
    put(s, "b.example.com.", "A", "heroku", 5, 60, "192.0.2.3");
    look(s);
    assert_int_equal(convert_try(&t, &s->mem, &s->survey, &s->plan), 0);
    scene_free(s);
}

TEST(what_an_earlier_trial_left_is_removed_first)
{
    struct scene *s = scene_new();
    struct convert_try t;

    want(s, "b.example.com", "A");
    put(s, "_sluice-try.example.com.", "TXT", "ec2", 0, 300, "\"left\"");
    put(s, "b.example.com.", "A", "ec2", 0, 60, "192.0.2.2");
    put(s, "b.example.com.", "A", "heroku", 5, 60, "192.0.2.3");
    check_try(s, &t, "-" TRY "ec2:0 300 \"left\"||||");
    scene_free(s);
}

/* ---- back, and to the end
 * ----------------------------------------------------------------------------- */

static void weighted(struct scene *s, uint32_t old, uint32_t new)
{
    want(s, "www.example.com", "CNAME");
    put(s, "new-www.example.com.", "A", NULL, 0, 60, "203.0.113.20");
    put(s, "www.example.com.", "CNAME", "ec2", new, 60, "new-www.example.com.");
    put(s, "www.example.com.", "CNAME", "heroku", old, 60, "old.example.net");
}

TEST(undo_makes_the_old_side_simple_and_takes_the_helper_away)
{
    struct scene *s = scene_new();

    weighted(s, 100, 0);
    weigh(s, CONVERT_UNDO, 0);
    check_diff(s, "-CNAME www.example.com. ec2:0 60 new-www.example.com.|"
                  "-CNAME www.example.com. heroku:100 60 old.example.net|"
                  "-A new-www.example.com. 60 203.0.113.20|"
                  "+CNAME www.example.com. 60 old.example.net|");
    scene_free(s);
}

TEST(finish_makes_the_new_side_simple_its_helpers_addresses_in_the_names_own_place)
{
    struct scene *s = scene_new();

    weighted(s, 0, 100);
    weigh(s, CONVERT_FINISH, 3600);
    check_diff(s, "-CNAME www.example.com. ec2:100 60 new-www.example.com.|"
                  "-CNAME www.example.com. heroku:0 60 old.example.net|"
                  "-A new-www.example.com. 60 203.0.113.20|"
                  "+A www.example.com. 3600 203.0.113.20|");
    scene_free(s);
}

TEST(neither_is_done_while_the_other_side_gets_traffic)
{
    for (int finish = 0; finish < 2; finish++) {
        struct scene *s = scene_new();

        weighted(s, 50, 50);
        weigh(s, finish ? CONVERT_FINISH : CONVERT_UNDO, 0);
        check_fault(s, "still gets traffic");
        scene_free(s);
    }
}

TEST(addresses_of_several_sets_are_joined_and_names_are_not)
{
    struct scene *s = scene_new();

    s->plan.sides[PLAN_NEW] = (struct plan_sets){{"ec2-a", "ec2-b"}, 2};
    want(s, "www.example.com", "A");
    put(s, "www.example.com.", "A", "ec2-a", 50, 60, "203.0.113.1");
    put(s, "www.example.com.", "A", "ec2-b", 50, 60, "203.0.113.2");
    put(s, "www.example.com.", "A", "heroku", 0, 60, "192.0.2.1");
    weigh(s, CONVERT_FINISH, 0);
    check_diff(s, "-A www.example.com. ec2-a:50 60 203.0.113.1|"
                  "-A www.example.com. ec2-b:50 60 203.0.113.2|"
                  "-A www.example.com. heroku:0 60 192.0.2.1|"
                  "+A www.example.com. 60 203.0.113.1 203.0.113.2|");
    for (size_t i = 0; i < s->n_sets; i++)
        s->sets[i].type = "CNAME";
    s->records[0].type = "CNAME";
    weigh(s, CONVERT_FINISH, 0);
    check_fault(s, "several sets");
    scene_free(s);
}

/* ---- batches
 * --------------------------------------------------------------------------------------- */

TEST(batches_stay_within_route_53s_limits_and_never_part_one_name)
{
    struct scene *s = scene_new();
    size_t total = 0;

    for (int i = 0; i < 500; i++) {
        const char *listed = arena_printf(&s->mem, "n%04d.example.com.", i);

        want(s, listed, "A");
        want(s, listed, "AAAA");
        put(s, listed, "A", NULL, 0, 60, "192.0.2.1");
        put(s, listed, "AAAA", NULL, 0, 60, "2001:db8::1");
    }
    weigh(s, CONVERT_PREPARE, 0);
    assert_true(s->c.n_batches > 1);
    for (size_t i = 0; i < s->c.n_batches; i++) {
        const struct convert_batch *b = &s->c.batches[i];

        assert_true(b->n + 2 <= ROUTER_BATCH_ELEMENTS_MAX);
        assert_string_equal(b->changes[0].set->type, "A");
        assert_string_equal(b->changes[b->n - 1].set->type, "AAAA");
        total += b->n;
    }
    assert_int_equal(total, 3000);
    scene_free(s);
}

TEST(the_opposite_of_a_batch_deletes_first_and_its_file_reads_back)
{
    struct scene *s = scene_new();
    struct convert_batch back;
    struct buf text SL_CLEANUP(buf_clear) = {0};
    struct router_change *read;
    struct err err = {0};
    size_t n;

    weighted(s, 0, 100);
    put(s, "mail.example.com.", "A", NULL, 0, 0, NULL);
    weigh(s, CONVERT_FINISH, 0);
    back = convert_opposite(&s->mem, &s->c.batches[0]);
    assert_int_equal(back.changes[0].action, ROUTER_DELETE);
    assert_string_equal(back.changes[0].set->type, "A");
    for (size_t i = 1; i < back.n; i++)
        assert_int_equal(back.changes[i].action, ROUTER_CREATE);
    rrset_batch_format(&text, "c", back.changes, back.n);
    if (!rrset_batch_parse(buf_str(&text), text.len, &s->mem, &read, &n, &err))
        fail_msg("%s", err.text);
    assert_int_equal(n, back.n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(read[i].action, back.changes[i].action);
        assert_true(rrset_eq(read[i].set, back.changes[i].set, true));
    }
    scene_free(s);
}

TEST(a_file_that_is_no_batch_is_refused)
{
    static const char *const cases[] = {
        "",
        "[]",
        "{}",
        "{\"Changes\": []}",
        "{\"Changes\": [1]}",
        "{\"Changes\": [{\"Action\": \"DROP\", \"ResourceRecordSet\": {}}]}",
        "{\"Changes\": [{\"Action\": \"CREATE\", \"ResourceRecordSet\": {\"Name\": \"a.\", "
        "\"Type\": "
        "\"A\"}}]}",
        "{\"Changes\": [{\"Action\": \"CREATE\", \"ResourceRecordSet\": {\"Name\": \"a.\", "
        "\"Type\": "
        "\"A\", \"TTL\": -1, \"ResourceRecords\": [{\"Value\": \"x\"}]}}]}",
        "{\"Changes\": [{\"Action\": \"CREATE\", \"ResourceRecordSet\": {\"Name\": \"a.\", "
        "\"Type\": "
        "\"A\", \"SetIdentifier\": \"s\", \"Weight\": 256, \"TTL\": 1, \"ResourceRecords\": "
        "[{\"Value\": \"x\"}]}}]}",
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena mem = {0};
        struct router_change *changes;
        struct err err = {0};
        size_t n;

        assert_false(rrset_batch_parse(cases[i], strlen(cases[i]), &mem, &changes, &n, &err));
        assert_true(err.text[0]);
        arena_clear(&mem);
    }
}

TEST(of_kept_ways_back_the_newest_of_a_name_counts_and_none_that_stands)
{
    struct scene *s = scene_new();
    struct convert_batch kept[3];
    struct convert c = {0};

    weighted(s, 0, 100);
    weigh(s, CONVERT_FINISH, 3600);
    assert_int_equal(s->c.n_batches, 1);
    kept[0] = kept[1] = convert_opposite(&s->mem, &s->c.batches[0]);
    /* The groups stand: it was kept, and never made. */
    convert_kept(&c, &s->mem, &s->survey, kept, 1);
    assert_int_equal(c.n_batches, 0);
    /* It was made; what an attempt before had kept of the same names is older. */
    s->n_sets = 0;
    put(s, "www.example.com.", "A", NULL, 0, 3600, "203.0.113.20");
    look(s);
    convert_kept(&c, &s->mem, &s->survey, kept, 2);
    assert_int_equal(c.n_batches, 1);
    assert_ptr_equal(c.batches[0].changes, kept[0].changes);
    /* Neither as before nor as after: tried, for Route 53 to refuse. */
    s->sets[0].ttl = 5;
    look(s);
    convert_kept(&c, &s->mem, &s->survey, kept, 1);
    assert_int_equal(c.n_batches, 1);
    scene_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_a_record_and_its_aaaa_twin_are_converted_in_one_batch),
        cmocka_unit_test(a_cname_whose_new_side_is_addresses_gets_a_helper_name),
        cmocka_unit_test(a_helper_that_is_there_already_is_used_and_one_that_differs_is_in_the_way),
        cmocka_unit_test(aliases_are_weighted_as_they_stand_and_made_where_the_plan_says),
        cmocka_unit_test(what_cannot_be_converted_is_said_and_nothing_is_changed),
        cmocka_unit_test(what_is_weighted_already_is_done),
        cmocka_unit_test(a_group_with_a_set_of_neither_side_is_lowered_whole),
        cmocka_unit_test(a_change_of_a_groups_ttl_is_tried_on_a_group_like_it),
        cmocka_unit_test(what_an_earlier_trial_left_is_removed_first),
        cmocka_unit_test(long_ttls_are_lowered_whole_groups_at_once_and_the_longest_is_remembered),
        cmocka_unit_test(undo_makes_the_old_side_simple_and_takes_the_helper_away),
        cmocka_unit_test(
            finish_makes_the_new_side_simple_its_helpers_addresses_in_the_names_own_place),
        cmocka_unit_test(neither_is_done_while_the_other_side_gets_traffic),
        cmocka_unit_test(addresses_of_several_sets_are_joined_and_names_are_not),
        cmocka_unit_test(batches_stay_within_route_53s_limits_and_never_part_one_name),
        cmocka_unit_test(the_opposite_of_a_batch_deletes_first_and_its_file_reads_back),
        cmocka_unit_test(of_kept_ways_back_the_newest_of_a_name_counts_and_none_that_stands),
        cmocka_unit_test(a_file_that_is_no_batch_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
