/* test_survey.c: what stands in the zones, held against the plan; and where the probes go. */
#include "test.h"

#include <stdlib.h>

#include "endpoints.h"
#include "survey.h"

#define MAX_SETS 16

struct scene {
    struct plan plan;
    struct plan_record records[4];
    struct rrset sets[MAX_SETS];
    size_t n_sets;
    struct survey_zone zone;
    struct arena mem;
    struct survey survey;
};

static const char *const values[][1] = {{"192.0.2.1"},        {"198.51.100.1"}, {"old.example.net"},
                                        {"NEW.example.com."}, {"203.0.113.9"},  {"2001:db8::1"}};
enum { OLD_A, NEW_A, OLD_NAME, NEW_NAME, HELPER_A, SIX };

static struct scene *scene_new(void)
{
    struct scene *s = calloc(1, sizeof *s);

    plan_init(&s->plan);
    s->plan.sides[PLAN_OLD] = (struct plan_sets){{"heroku"}, 1};
    s->plan.sides[PLAN_NEW] = (struct plan_sets){{"ec2"}, 1};
    s->plan.records = s->records;
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

static struct rrset *put(struct scene *s, const char *name, const char *type, const char *set_id,
                         uint32_t weight, int value)
{
    struct rrset *set = &s->sets[s->n_sets++];

    *set = (struct rrset){.name = name,
                          .type = type,
                          .set_id = set_id,
                          .weighted = set_id != NULL,
                          .weight = weight,
                          .has_ttl = true,
                          .ttl = 60,
                          .values = values[value],
                          .n_values = 1};
    return set;
}

static void pair(struct scene *s, const char *name, const char *type, int old, int new)
{
    put(s, name, type, "heroku", 100, old);
    put(s, name, type, "ec2", 0, new);
}

static void look(struct scene *s)
{
    static const uint32_t zone_of[4] = {0};

    s->zone.sets = s->sets;
    s->zone.n_sets = s->n_sets;
    survey_eval(&s->survey, &s->mem, &s->plan, &s->zone, 1, zone_of);
}

static const struct survey_finding *found(const struct scene *s, enum survey_code code)
{
    for (size_t i = 0; i < s->survey.n_findings; i++)
        if (s->survey.findings[i].code == code)
            return &s->survey.findings[i];
    return NULL;
}

/* Exactly this refusal, with something to do about it, and the record is not used. */
static void refused(struct scene *s, enum survey_code code, const char *words)
{
    const struct survey_finding *f;

    look(s);
    f = found(s, code);
    assert_non_null(f);
    assert_int_equal(f->level, SURVEY_REFUSE);
    assert_true(*f->todo);
    if (!strstr(f->what, words))
        fail_msg("'%s' does not say '%s'", f->what, words);
    assert_false(s->survey.records[0].usable);
    assert_false(survey_clear_of(&s->survey, SURVEY_REFUSE));
    scene_free(s);
}

TEST(a_sound_group_has_no_finding_and_its_sides_are_told_apart)
{
    struct scene *s = scene_new();

    want(s, "WWW.example.com", "A");
    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    look(s);
    assert_int_equal(s->survey.n_findings, 0);
    assert_true(s->survey.records[0].usable);
    assert_int_equal(s->survey.records[0].n_sets, 2);
    assert_int_equal(s->survey.records[0].side[0], PLAN_OLD);
    assert_int_equal(s->survey.records[0].side[1], PLAN_NEW);
    assert_int_equal(s->survey.records[0].new_ppm, 0);
    scene_free(s);
}

TEST(a_missing_record_is_refused_and_the_type_there_is_named)
{
    struct scene *s = scene_new();

    want(s, "www.example.com", "CNAME");
    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    refused(s, SURVEY_MISSING, "one of type A");
}

TEST(a_simple_record_beside_weighted_ones_is_refused)
{
    struct scene *s = scene_new();
    const struct survey_finding *f;

    want(s, "www.example.com", "A");
    put(s, "www.example.com.", "A", NULL, 0, OLD_A);
    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    look(s);
    f = found(s, SURVEY_SIMPLE);
    assert_non_null(f);
    assert_non_null(strstr(f->what, "beside weighted sets"));
    assert_false(s->survey.records[0].usable);
    assert_false(s->survey.records[0].simple); /* no batch would turn it */
    scene_free(s);
}

TEST(a_simple_record_is_refused_and_its_batch_can_be_written)
{
    struct scene *s = scene_new();
    struct buf out = {0};
    const struct survey_finding *f;

    want(s, "www.example.com", "A");
    put(s, "www.example.com.", "A", NULL, 0, OLD_A);
    look(s);
    f = found(s, SURVEY_SIMPLE);
    assert_non_null(f);
    assert_non_null(strstr(f->todo, "--make-weighted"));
    assert_int_equal(survey_make_weighted(&s->survey, &s->plan, 0, &out), 1);
    assert_non_null(strstr(buf_str(&out), "\"Action\": \"DELETE\""));
    assert_non_null(strstr(buf_str(&out), "\"SetIdentifier\": \"heroku\""));
    assert_non_null(strstr(buf_str(&out), "\"Weight\": 100"));
    assert_true(strstr(buf_str(&out), "DELETE") < strstr(buf_str(&out), "CREATE"));
    buf_clear(&out);
    scene_free(s);
}

TEST(a_third_set_is_refused_by_name)
{
    struct scene *s = scene_new();

    want(s, "www.example.com", "A");
    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    put(s, "www.example.com.", "A", "canary\x1b[31m", 5, HELPER_A);
    look(s);
    assert_null(strchr(found(s, SURVEY_THIRD_SET)->what, '\x1b'));
    refused(s, SURVEY_THIRD_SET, "canary");
}

TEST(a_set_that_is_not_there_is_refused)
{
    struct scene *s = scene_new();

    want(s, "www.example.com", "A");
    put(s, "www.example.com.", "A", "heroku", 100, OLD_A);
    refused(s, SURVEY_SET_MISSING, "'ec2'");
}

TEST(unequal_ttls_are_refused)
{
    struct scene *s = scene_new();

    want(s, "www.example.com", "A");
    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    s->sets[1].ttl = 300;
    refused(s, SURVEY_TTL_UNEQUAL, "60 and 300");
}

TEST(a_group_of_zeros_is_refused)
{
    struct scene *s = scene_new();

    want(s, "www.example.com", "A");
    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    s->sets[0].weight = 0;
    refused(s, SURVEY_ALL_ZERO, "all its weights are 0");
}

TEST(sides_with_one_address_are_refused)
{
    struct scene *s = scene_new();

    want(s, "www.example.com", "A");
    pair(s, "www.example.com.", "A", OLD_A, OLD_A);
    refused(s, SURVEY_SIDES_ALIKE, "same place");
}

TEST(other_routing_and_traffic_policies_are_refused)
{
    struct scene *s = scene_new();

    want(s, "www.example.com", "A");
    put(s, "www.example.com.", "A", "heroku", 0, OLD_A)->routing = "Region";
    refused(s, SURVEY_ROUTING, "Region");
    s = scene_new();
    want(s, "www.example.com", "A");
    put(s, "www.example.com.", "A", NULL, 0, OLD_A)->traffic_policy = "tp-1";
    refused(s, SURVEY_TRAFFIC_POLICY, "tp-1");
}

TEST(an_aaaa_group_left_behind_is_refused_and_one_in_the_plan_is_not)
{
    struct scene *s = scene_new();

    want(s, "www.example.com", "A");
    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    pair(s, "www.example.com.", "AAAA", SIX, SIX);
    refused(s, SURVEY_AAAA_LEFT, "AAAA");
}

TEST(a_share_above_rollback_to_is_asked_about)
{
    struct scene *s = scene_new();

    want(s, "www.example.com", "A");
    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    s->sets[1].weight = 100;
    look(s);
    assert_int_equal(found(s, SURVEY_ABOVE_TARGET)->level, SURVEY_ASK);
    assert_int_equal(s->survey.records[0].new_ppm, 500000);
    assert_true(survey_clear_of(&s->survey, SURVEY_REFUSE));
    scene_free(s);
}

TEST(a_wildcard_says_who_does_not_follow_it)
{
    struct scene *s = scene_new();

    want(s, "*.shops.example.com", "A");
    pair(s, "\\052.shops.example.com.", "A", OLD_A, NEW_A);
    put(s, "acme.shops.example.com.", "A", NULL, 0, HELPER_A);
    look(s);
    assert_non_null(strstr(found(s, SURVEY_WILDCARD)->what, "acme.shops.example.com"));
    assert_true(s->survey.records[0].usable);
    scene_free(s);
}

TEST(all_takes_every_group_with_sets_of_both_sides)
{
    struct scene *s = scene_new();

    s->plan.records_all = true;
    pair(s, "a.example.com.", "A", OLD_A, NEW_A);
    put(s, "b.example.com.", "A", "heroku", 1, OLD_A);
    put(s, "c.example.com.", "A", NULL, 0, HELPER_A);
    pair(s, "d.example.com.", "CNAME", OLD_NAME, NEW_NAME);
    look(s);
    assert_int_equal(s->survey.n_records, 2);
    assert_string_equal(s->survey.records[1].name, "d.example.com.");
    scene_free(s);
    s = scene_new();
    s->plan.records_all = true;
    look(s);
    assert_non_null(found(s, SURVEY_NONE_OF_BOTH));
    scene_free(s);
}

/* ---- Endpoints ---- */

TEST(targets_are_followed_through_the_zone_and_others_left_to_the_resolver)
{
    struct scene *s = scene_new();
    struct endpoints e;
    struct err err = {0};

    want(s, "www.example.com", "CNAME");
    put(s, "new.example.com.", "A", NULL, 0, HELPER_A);
    pair(s, "www.example.com.", "CNAME", OLD_NAME, NEW_NAME);
    look(s);
    assert_true(endpoints_from_survey(&e, &s->survey, NULL, NULL, &err));
    assert_int_equal(e.n, 2);
    assert_string_equal(e.list[0].host, "www.example.com");
    assert_string_equal(e.list[0].address, "old.example.net");
    assert_int_equal(e.list[0].side, SUITE_OLD);
    assert_string_equal(e.list[1].address, "203.0.113.9");
    endpoints_clear(&e);
    scene_free(s);
}

static size_t to_helper(void *ctx, struct arena *mem, const char *name, const char **out,
                        size_t max)
{
    (void)ctx;
    (void)mem;
    (void)max;
    assert_string_equal(name, "old.example.net");
    out[0] = "203.0.113.9";
    return 1;
}

TEST(sides_that_meet_behind_their_names_are_refused)
{
    struct scene *s = scene_new();
    struct endpoints e;
    struct err err = {0};

    want(s, "www.example.com", "CNAME");
    put(s, "new.example.com.", "A", NULL, 0, HELPER_A);
    pair(s, "www.example.com.", "CNAME", OLD_NAME, NEW_NAME);
    look(s);
    assert_false(endpoints_from_survey(&e, &s->survey, to_helper, NULL, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    assert_non_null(strstr(err.text, "203.0.113.9"));
    endpoints_clear(&e);
    scene_free(s);
}

TEST(a_cname_loop_in_the_zone_ends)
{
    static const char *const loop[] = {"a.example.com."};
    struct scene *s = scene_new();
    struct endpoints e;
    struct err err = {0};

    want(s, "www.example.com", "CNAME");
    put(s, "a.example.com.", "CNAME", NULL, 0, OLD_NAME)->values = loop;
    put(s, "www.example.com.", "CNAME", "heroku", 1, OLD_NAME)->values = loop;
    put(s, "www.example.com.", "CNAME", "ec2", 0, NEW_NAME);
    look(s);
    assert_false(endpoints_from_survey(&e, &s->survey, NULL, NULL, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    endpoints_clear(&e);
    scene_free(s);
}

TEST(endpoints_come_back_from_the_journal_as_they_were)
{
    struct scene *s = scene_new();
    struct endpoints e, back;
    struct err err = {0};
    json_t *saved;

    want(s, "www.example.com", "A");
    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    look(s);
    assert_true(endpoints_from_survey(&e, &s->survey, NULL, NULL, &err));
    saved = endpoints_save(&e);
    assert_true(endpoints_load(&back, saved, &err));
    assert_int_equal(back.n, e.n);
    for (size_t i = 0; i < e.n; i++) {
        assert_string_equal(back.list[i].address, e.list[i].address);
        assert_int_equal(back.list[i].side, e.list[i].side);
    }
    json_decref(saved);
    endpoints_clear(&e);
    endpoints_clear(&back);
    scene_free(s);
}

TEST(octal_names_become_plain)
{
    struct buf b = {0};

    survey_plain_name("\\052.shops.example.com.", &b);
    assert_string_equal(buf_str(&b), "*.shops.example.com");
    buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_group_has_no_finding_and_its_sides_are_told_apart),
        cmocka_unit_test(a_missing_record_is_refused_and_the_type_there_is_named),
        cmocka_unit_test(a_simple_record_beside_weighted_ones_is_refused),
        cmocka_unit_test(a_simple_record_is_refused_and_its_batch_can_be_written),
        cmocka_unit_test(a_third_set_is_refused_by_name),
        cmocka_unit_test(a_set_that_is_not_there_is_refused),
        cmocka_unit_test(unequal_ttls_are_refused),
        cmocka_unit_test(a_group_of_zeros_is_refused),
        cmocka_unit_test(sides_with_one_address_are_refused),
        cmocka_unit_test(other_routing_and_traffic_policies_are_refused),
        cmocka_unit_test(an_aaaa_group_left_behind_is_refused_and_one_in_the_plan_is_not),
        cmocka_unit_test(a_share_above_rollback_to_is_asked_about),
        cmocka_unit_test(a_wildcard_says_who_does_not_follow_it),
        cmocka_unit_test(all_takes_every_group_with_sets_of_both_sides),
        cmocka_unit_test(targets_are_followed_through_the_zone_and_others_left_to_the_resolver),
        cmocka_unit_test(sides_that_meet_behind_their_names_are_refused),
        cmocka_unit_test(a_cname_loop_in_the_zone_ends),
        cmocka_unit_test(endpoints_come_back_from_the_journal_as_they_were),
        cmocka_unit_test(octal_names_become_plain),
    };

    return cmocka_run_group_tests_name("survey", tests, NULL, NULL);
}
