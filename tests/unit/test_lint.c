/* test_lint.c: every lint with a scene in which it speaks and one in which it does not. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "health.h"
#include "lint.h"
#include "sluice/file.h"

#define MAX_SETS   40
#define MAX_PROBES 8

struct scene {
    struct plan plan;
    struct plan_record records[20];
    struct rrset sets[MAX_SETS];
    size_t n_sets;
    struct survey_zone zone;
    struct lint_facts facts;
    struct lint_probe probes[MAX_PROBES];
    struct plan_stratum strata[2];
    struct arena mem;
    struct survey survey;
};

static const char *const values[][1] = {
    {"192.0.2.1"},
    {"198.51.100.1"},
    {"203.0.113.9"},
    {"old.example.net."},
    {"new.example.net."},
    {"2001:db8::1"},
    {"10 old.example.net"},
    {"\"v=spf1 ip4:192.0.2.1 -all\""},
    {"\"v=spf1 ip4:192.0.2.10 -all\""},
    {"1 . alpn=h2 ipv4hint=192.0.2.77"},
    {"ns-1.example. host.example. 1 7200 900 1209600 300"},
    {"\"heritage=external-dns,external-dns/owner=blue,external-dns/resource=ingress/x/y\""},
    {"not-old.example.net."},
};
enum {
    OLD_A,
    NEW_A,
    OTHER_A,
    OLD_NAME,
    NEW_NAME,
    SIX,
    MX,
    SPF,
    SPF_OTHER,
    HINTS,
    SOA,
    HERITAGE,
    NOT_OLD
};

static struct rrset *put(struct scene *s, const char *name, const char *type, const char *set_id,
                         uint32_t weight, int value)
{
    struct rrset *set = &s->sets[s->n_sets++];

    assert_true(s->n_sets <= MAX_SETS);
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

static void want(struct scene *s, const char *name, const char *type)
{
    s->records[s->plan.records_n++] = (struct plan_record){.name = name, .type = type};
}

static void pair(struct scene *s, const char *name, const char *type, int old, int new)
{
    put(s, name, type, "ec2", 0, new);
    put(s, name, type, "heroku", 100, old);
}

static void step(struct scene *s, uint32_t percent)
{
    s->plan.steps[s->plan.steps_n++] =
        (struct plan_step){.percent = percent, .bake_ms = 300000, .on_breach = PLAN_ROLLBACK};
}

static void probe(struct scene *s, const char *host, bool https, bool certificate)
{
    s->probes[s->facts.n_probes++] = (struct lint_probe){.host = host,
                                                         .sides = {true, true},
                                                         .required = true,
                                                         .https = https,
                                                         .certificate = certificate};
}

/* A plan of one A record, whole and sound, with every check one could wish for. */
static struct scene *scene_new(void)
{
    struct scene *s = calloc(1, sizeof *s);

    plan_init(&s->plan);
    s->plan.cutover = "shop";
    s->plan.sides[PLAN_OLD] = (struct plan_sets){{"heroku"}, 1};
    s->plan.sides[PLAN_NEW] = (struct plan_sets){{"ec2"}, 1};
    s->plan.records = s->records;
    s->plan.suites_n = 1;
    s->plan.suites[0] = (struct plan_suite){
        .file = "shop.smoke.yaml", .allowed_ppm = 10000, .unacceptable_ppm = 50000};
    s->zone = (struct survey_zone){.asked = "example.com", .id = "Z1", .name = "example.com."};
    s->facts.probes = s->probes;
    s->facts.keys_left_ms = INT64_MAX;
    return s;
}

/* The same, with what every test but those of steps and probes has. */
static struct scene *plain_new(void)
{
    struct scene *s = scene_new();

    step(s, 10);
    step(s, 100);
    probe(s, "www.example.com", true, true);
    want(s, "www.example.com", "A");
    return s;
}

static void look(struct scene *s)
{
    static const uint32_t zone_of[20] = {0};

    s->zone.sets = s->sets;
    s->zone.n_sets = s->n_sets;
    survey_eval(&s->survey, &s->mem, &s->plan, &s->zone, 1, zone_of);
    lint_eval(&s->survey, &s->plan, &s->facts, LINT_RECORDS);
    lint_eval(&s->survey, &s->plan, &s->facts, LINT_STRATA);
    lint_eval(&s->survey, &s->plan, &s->facts, LINT_HANDSHAKES);
}

static const struct survey_finding *found(const struct scene *s, const char *id)
{
    for (size_t i = 0; i < s->survey.n_findings; i++)
        if (strcmp(s->survey.findings[i].id, id) == 0)
            return &s->survey.findings[i];
    return NULL;
}

static void scene_free(struct scene *s)
{
    arena_clear(&s->mem);
    free(s);
}

/* It speaks, with these words, at its level, with something to do about it; and the scene ends. */
static void speaks(struct scene *s, const char *id, enum survey_level level, const char *words)
{
    const struct survey_finding *f;

    look(s);
    f = found(s, id);
    if (!f)
        fail_msg("%s says nothing", id);
    assert_int_equal(f->level, level);
    assert_true(*f->where && *f->todo);
    if (!strstr(f->what, words))
        fail_msg("%s: '%s' does not say '%s'", id, f->what, words);
    scene_free(s);
}

static void is_silent(struct scene *s, const char *id)
{
    const struct survey_finding *f;

    look(s);
    f = found(s, id);
    if (f)
        fail_msg("%s says '%s'", id, f->what);
    scene_free(s);
}

/* ---- The zone ---- */

TEST(an_alias_beside_sets_of_another_ttl_is_told)
{
    for (int ttl = 60; ttl <= 300; ttl += 240) {
        struct scene *s = plain_new();

        put(s, "www.example.com.", "A", "ec2", 0, NEW_A)->ttl = (uint32_t)ttl;
        put(s, "www.example.com.", "A", "heroku", 100, OLD_A)->alias_name = "lb.example.net.";
        s->sets[1].has_ttl = false;
        s->sets[1].n_values = 0;
        if (ttl == 60)
            is_silent(s, "alias_ttl");
        else
            speaks(s, "alias_ttl", SURVEY_WARN, "sets of 300");
    }
}

TEST(a_missing_record_says_how_long_its_absence_is_cached)
{
    struct scene *s = plain_new();

    put(s, "example.com.", "SOA", NULL, 0, SOA)->ttl = 900;
    speaks(s, "negative_cache", SURVEY_WARN, "300 seconds");
    s = plain_new();
    put(s, "example.com.", "SOA", NULL, 0, SOA)->ttl = 40;
    speaks(s, "negative_cache", SURVEY_WARN, "40 seconds");
    s = plain_new();
    put(s, "example.com.", "SOA", NULL, 0, SOA)->ttl = 900;
    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    is_silent(s, "negative_cache");
}

TEST(a_cname_at_the_apex_is_refused_with_the_way_out)
{
    struct scene *s = plain_new();

    want(s, "example.com", "CNAME");
    speaks(s, "apex_cname", SURVEY_REFUSE, "cannot have a CNAME");
    s = plain_new();
    want(s, "shop.example.com", "CNAME");
    is_silent(s, "apex_cname");
}

TEST(a_cname_beside_other_records_is_refused)
{
    struct scene *s = plain_new();

    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    want(s, "shop.example.com", "CNAME");
    pair(s, "shop.example.com.", "CNAME", OLD_NAME, NEW_NAME);
    put(s, "shop.example.com.", "TXT", NULL, 0, SPF);
    speaks(s, "cname_beside", SURVEY_REFUSE, "one of type TXT");
    s = plain_new(); /* the other way round, at a wildcard */
    want(s, "*.shops.example.com", "A");
    pair(s, "\\052.shops.example.com.", "A", OLD_A, NEW_A);
    put(s, "\\052.shops.example.com.", "CNAME", NULL, 0, OLD_NAME);
    speaks(s, "cname_beside", SURVEY_REFUSE, "one of type CNAME");
    s = plain_new();
    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    put(s, "www.example.com.", "TXT", NULL, 0, SPF);
    put(s, "x.example.com.", "CNAME", NULL, 0, OLD_NAME);
    is_silent(s, "cname_beside");
}

TEST(a_cname_at_the_leases_name_is_refused)
{
    for (int i = 0; i < 3; i++) {
        struct scene *s = plain_new();

        put(s, i == 1 ? "lease.example.com." : "_sluice.example.com.", "CNAME", NULL, 0, OLD_NAME);
        pair(s, "www.example.com.", "A", OLD_A, NEW_A);
        s->plan.lease_name = i == 1 ? "lease.example.com" : NULL;
        s->plan.lease_off = i == 2;
        if (i < 2)
            speaks(s, "lease_beside", SURVEY_REFUSE, "nothing stands beside a CNAME");
        else
            is_silent(s, "lease_beside");
    }
}

TEST(a_zone_of_the_same_name_is_told)
{
    struct scene *s = plain_new();

    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    s->facts.twins[0] = "Z2 (private)";
    speaks(s, "zone_twin", SURVEY_WARN, "Z2 (private)");
    s = plain_new();
    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    is_silent(s, "zone_twin");
}

TEST(a_private_zone_that_is_to_be_verified_in_dns_is_refused)
{
    for (int i = 0; i < 4; i++) {
        struct scene *s = plain_new();

        pair(s, "www.example.com.", "A", OLD_A, NEW_A);
        s->zone.private_zone = i != 1;
        s->plan.verify = i == 2 ? PLAN_VERIFY_API : PLAN_VERIFY_DNS;
        s->plan.route53.servers_n = i == 3;
        if (i == 0)
            speaks(s, "private_unseen", SURVEY_REFUSE, "no name server answers for");
        else
            is_silent(s, "private_unseen");
    }
}

TEST(a_twin_that_the_plan_moves_too_is_not_told)
{
    static const uint32_t zone_of[] = {0, 1};
    struct scene *s = plain_new();
    struct survey_zone zones[2];

    want(s, "shop.example.com", "A");
    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    zones[0] = zones[1] = s->zone;
    zones[0].sets = s->sets;
    zones[0].n_sets = s->n_sets;
    zones[1].id = "Z2";
    s->facts.twins[0] = "Z2 (private)";
    s->facts.twins[1] = "Z1 (public)";
    survey_eval(&s->survey, &s->mem, &s->plan, zones, 2, zone_of);
    lint_eval(&s->survey, &s->plan, &s->facts, LINT_RECORDS);
    assert_null(found(s, "zone_twin"));
    scene_free(s);
}

TEST(addresses_of_the_other_family_outside_the_plan_are_told)
{
    struct scene *s = plain_new();

    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    put(s, "www.example.com.", "AAAA", NULL, 0, SIX);
    speaks(s, "family_alone", SURVEY_WARN, "AAAA");
    s = plain_new();
    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    put(s, "xyz.example.com.", "AAAA", NULL, 0, SIX);
    is_silent(s, "family_alone");
    s = plain_new(); /* refused by the survey: not said twice */
    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    pair(s, "www.example.com.", "AAAA", SIX, SIX);
    is_silent(s, "family_alone");
}

TEST(https_records_beside_the_plan_are_told)
{
    struct scene *s = plain_new();

    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    put(s, "www.example.com.", "HTTPS", NULL, 0, HINTS);
    speaks(s, "service_hints", SURVEY_WARN, "HTTPS");
    s = plain_new();
    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    put(s, "www.example.com.", "MX", NULL, 0, MX);
    is_silent(s, "service_hints");
}

TEST(records_that_name_the_old_side_are_listed)
{
    struct scene *s = plain_new();

    want(s, "shop.example.com", "CNAME");
    put(s, "example.com.", "MX", NULL, 0, MX);
    put(s, "example.com.", "TXT", NULL, 0, SPF);
    put(s, "mail.example.com.", "A", NULL, 0, OLD_A);
    pair(s, "shop.example.com.", "CNAME", OLD_NAME, NEW_NAME);
    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    speaks(s, "old_named", SURVEY_WARN,
           "3 record sets outside the plan name an address or target of the old side: example.com "
           "MX, example.com TXT, mail.example.com A");
    s = plain_new(); /* 192.0.2.10 and not-old.example.net are others */
    want(s, "shop.example.com", "CNAME");
    put(s, "example.com.", "TXT", NULL, 0, SPF_OTHER);
    put(s, "ftp.example.com.", "CNAME", NULL, 0, NOT_OLD);
    pair(s, "shop.example.com.", "CNAME", OLD_NAME, NEW_NAME);
    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    is_silent(s, "old_named");
}

TEST(a_wildcard_without_its_parent_is_told)
{
    struct scene *s = plain_new();

    want(s, "*.shops.example.com", "A");
    put(s, "shops.example.com.", "A", NULL, 0, OTHER_A);
    pair(s, "\\052.shops.example.com.", "A", OLD_A, NEW_A);
    speaks(s, "wildcard_parent", SURVEY_WARN, "shops.example.com itself");
    s = plain_new();
    want(s, "*.shops.example.com", "A");
    pair(s, "\\052.shops.example.com.", "A", OLD_A, NEW_A);
    is_silent(s, "wildcard_parent");
}

TEST(targets_that_nobody_watches_are_told)
{
    struct scene *s = scene_new();

    want(s, "shop.example.com", "CNAME");
    pair(s, "shop.example.com.", "CNAME", OLD_NAME, NEW_NAME);
    speaks(s, "target_unwatched", SURVEY_NOTE, "2 sets of the plan lead to a name");
    s = plain_new();
    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    is_silent(s, "target_unwatched");
}

/* ---- Owners ---- */

TEST(a_record_that_external_dns_keeps_is_asked_about)
{
    static const char *const names[] = {"www.example.com.", "a-www.example.com.",
                                        "dns.www.example.com.", "own_a-www.example.com."};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct scene *s = plain_new();

        pair(s, "www.example.com.", "A", OLD_A, NEW_A);
        put(s, names[i], "TXT", NULL, 0, HERITAGE);
        speaks(s, "external_dns", SURVEY_ASK, "owner blue");
    }
}

TEST(external_dns_elsewhere_in_the_zone_is_a_note)
{
    struct scene *s = plain_new();

    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    put(s, "notwww.example.com.", "TXT", NULL, 0, HERITAGE);
    is_silent(s, "external_dns");
    s = plain_new();
    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    put(s, "notwww.example.com.", "TXT", NULL, 0, HERITAGE);
    speaks(s, "external_dns_zone", SURVEY_NOTE, "1 heritage record");
    s = plain_new();
    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    put(s, "example.com.", "TXT", NULL, 0, SPF);
    is_silent(s, "external_dns_zone");
}

TEST(terraform_is_named_unless_somebody_else_owns_all)
{
    struct scene *s = plain_new();

    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    look(s);
    assert_non_null(strstr(found(s, "terraform")->todo, "ignore_changes"));
    scene_free(s);
    s = plain_new();
    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    put(s, "www.example.com.", "TXT", NULL, 0, HERITAGE);
    is_silent(s, "terraform");
}

TEST(a_policy_instance_is_told_with_its_state)
{
    struct scene *s = plain_new();

    put(s, "www.example.com.", "A", NULL, 0, OLD_A)->traffic_policy = "t-1";
    s->facts.policies[s->facts.n_policies++] =
        (struct route53_policy){.id = "t-1", .policy = "p-9", .version = 4, .state = "Applied"};
    speaks(s, "policy_instance", SURVEY_WARN, "p-9, version 4, state Applied");
    s = plain_new();
    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    is_silent(s, "policy_instance");
}

/* ---- Health checks ---- */

static struct scene *checked_new(bool old, bool new)
{
    struct scene *s = plain_new();

    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    s->sets[0].health_check = new ? "h-new" : NULL;
    s->sets[1].health_check = old ? "h-old" : NULL;
    return s;
}

static void told(struct scene *s, const char *id, struct route53_check told, bool gone)
{
    s->facts.checks[s->facts.n_checks++] =
        (struct lint_health){.id = id, .gone = gone, .told = told};
}

TEST(what_users_get_when_checks_fail_is_the_table_of_route_53)
{
    static const struct {
        bool old_checked, new_checked;
        uint32_t percent;
        bool old_fails, new_fails;
        uint32_t new_ppm;
    } rows[] = {
        /* Both checked: the failing side is left out, at every percentage. */
        {true, true, 10, true, false, 1000000},
        {true, true, 10, false, true, 0},
        {true, true, 0, true, false, 1000000}, /* weight 0 comes alive */
        {true, true, 100, false, true, 0},     /* and so does old */
        /* Both fail: all count as healthy, and the weights hold. */
        {true, true, 0, true, true, 0},
        {true, true, 10, true, true, 100000},
        {true, true, 100, true, true, 1000000},
        /* Only one checked: the other is always healthy. */
        {true, false, 10, true, false, 1000000},
        {true, false, 10, false, true, 100000},
        {false, true, 10, true, false, 100000},
        {false, true, 100, false, true, 0},
        /* Nothing fails, or nothing is checked. */
        {true, true, 10, false, false, 100000},
        {false, false, 10, true, true, 100000},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scene *s = checked_new(rows[i].old_checked, rows[i].new_checked);
        const bool failing[] = {rows[i].old_fails, rows[i].new_fails};
        uint32_t ppm;

        look(s);
        ppm = health_new_ppm(&s->survey.records[0], rows[i].percent, failing);
        if (ppm != rows[i].new_ppm)
            fail_msg("row %zu: %u", i, ppm);
        scene_free(s);
    }
}

TEST(health_checks_are_told_with_what_they_do)
{
    speaks(checked_new(true, true), "health_check", SURVEY_WARN,
           "at 0 %: old fails 100%, new fails 0%, both 0%; at 10 %: old fails 100%, new fails 0%, "
           "both 10%; at 100 %: old fails 100%, new fails 0%, both 100%");
    is_silent(checked_new(false, false), "health_check");
}

TEST(a_check_that_is_gone_is_refused)
{
    struct scene *s = checked_new(true, true);

    told(s, "h-new", (struct route53_check){0}, true);
    speaks(s, "health_gone", SURVEY_REFUSE, "h-new");
    s = checked_new(true, true);
    told(s, "h-new", (struct route53_check){.id = "h-new", .type = "TCP"}, false);
    is_silent(s, "health_gone");
}

TEST(a_disabled_check_is_told_with_what_it_counts_as)
{
    struct scene *s = checked_new(true, true);

    told(s, "h-new", (struct route53_check){.disabled = true}, false);
    speaks(s, "health_disabled", SURVEY_WARN, "counts as healthy");
    s = checked_new(true, true);
    told(s, "h-new", (struct route53_check){.disabled = true, .inverted = true}, false);
    speaks(s, "health_disabled", SURVEY_WARN, "counts as unhealthy");
    s = checked_new(true, true);
    told(s, "h-new", (struct route53_check){.id = "h-new"}, false);
    is_silent(s, "health_disabled");
}

TEST(a_check_of_the_shared_name_is_told)
{
    struct scene *s = checked_new(true, true);

    told(s, "h-new", (struct route53_check){.fqdn = "WWW.example.com"}, false);
    speaks(s, "health_name", SURVEY_WARN, "looks up the record's own name");
    s = checked_new(true, true);
    told(s, "h-new", (struct route53_check){.fqdn = "www.example.com", .address = "198.51.100.1"},
         false);
    is_silent(s, "health_name");
}

TEST(going_back_without_the_controller_is_armed_by_fit_checks_only)
{
    struct scene *s;

    speaks(checked_new(false, false), "not_armed", SURVEY_NOTE, "not armed for 1 record");
    speaks(checked_new(true, false), "not_armed", SURVEY_NOTE, "not armed");
    is_silent(checked_new(true, true), "not_armed");
    s = checked_new(true, true);
    told(s, "h-new", (struct route53_check){.fqdn = "www.example.com"}, false);
    speaks(s, "not_armed", SURVEY_NOTE, "not armed");
    s = checked_new(true, true);
    told(s, "h-new", (struct route53_check){.disabled = true}, false);
    speaks(s, "not_armed", SURVEY_NOTE, "not armed");
}

/* ---- The plan and its suites ---- */

static struct scene *of_text(void)
{
    struct scene *s = scene_new();

    step(s, 10);
    want(s, "www.example.com", "TXT");
    pair(s, "www.example.com.", "TXT", SPF, SPF_OTHER);
    return s;
}

static struct scene *in_one_step(void)
{
    struct scene *s = scene_new();

    step(s, 100);
    want(s, "www.example.com", "A");
    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    return s;
}

static struct scene *usual(void)
{
    struct scene *s = plain_new();

    pair(s, "www.example.com.", "A", OLD_A, NEW_A);
    return s;
}

TEST(what_dns_does_not_move_is_noted_where_clients_move)
{
    speaks(usual(), "pools", SURVEY_NOTE, "connection pools");
    is_silent(of_text(), "pools");
    speaks(usual(), "share_of_answers", SURVEY_NOTE, "10 % of answers");
    is_silent(in_one_step(), "share_of_answers");
    speaks(usual(), "sessions", SURVEY_NOTE, "the one, then the other");
    is_silent(in_one_step(), "sessions");
}

TEST(a_check_that_signs_in_is_named_with_the_check_to_add)
{
    struct scene *s = usual();
    const struct survey_finding *f;

    s->probes[0].name = "sign in";
    s->probes[0].flow = "/dashboard";
    look(s);
    f = found(s, "sessions");
    assert_non_null(f);
    assert_non_null(strstr(
        f->todo,
        "{name: sessions cross, needs: ['sign in'], request: {get: '/dashboard'}, side: other}"));
    scene_free(s);
    s = usual();
    s->probes[0].flow = "/dashboard";
    probe(s, "www.example.com", true, true);
    s->probes[1].crosses = true;
    is_silent(s, "sessions");
}

TEST(names_without_a_check_over_https_are_told)
{
    struct scene *s = usual();

    want(s, "*.shops.example.com", "A");
    pair(s, "\\052.shops.example.com.", "A", OTHER_A, NEW_A);
    speaks(s, "certificate_unseen", SURVEY_WARN, "1 of 2 records has no check over https");
    s = usual();
    want(s, "*.shops.example.com", "A");
    pair(s, "\\052.shops.example.com.", "A", OTHER_A, NEW_A);
    probe(s, "{{tenant}}.shops.example.com", true, false);
    is_silent(s, "certificate_unseen");
    s = usual(); /* pin: says whose it is */
    want(s, "shop.example.com", "A");
    pair(s, "shop.example.com.", "A", OTHER_A, NEW_A);
    probe(s, "elsewhere.example.com", true, false);
    s->probes[1].pin = "shop.example.com";
    is_silent(s, "certificate_unseen");
    s = usual(); /* a template stands for a part */
    want(s, "eu.example.com", "A");
    pair(s, "eu.example.com.", "A", OTHER_A, NEW_A);
    probe(s, "{{region}}.example.com", true, false);
    is_silent(s, "certificate_unseen");
    s = usual();
    s->probes[0].https = false;
    speaks(s, "certificate_unseen", SURVEY_WARN, "1 of 1");
}

TEST(a_certificate_whose_end_nobody_looks_at_is_told)
{
    struct scene *s = usual();

    s->probes[0].certificate = false;
    speaks(s, "certificate_days", SURVEY_WARN, "www.example.com");
    is_silent(usual(), "certificate_days");
}

static struct scene *shaken(int64_t life_days, int64_t left_ms, int64_t chain_left_ms)
{
    static struct lint_shake k;
    struct scene *s = usual();
    const int64_t now = INT64_C(1800000000000), day = 86400000;

    k = (struct lint_shake){.host = "www.example.com",
                            .at = "198.51.100.1:443",
                            .begins_ms = now + left_ms - life_days * day,
                            .ends_ms = now + left_ms,
                            .chain_ends_ms = now + chain_left_ms};
    s->facts.shakes = &k;
    s->facts.n_shakes = 1;
    s->facts.now_ms = now;
    return s;
}

TEST(a_certificate_that_ends_within_a_week_is_refused)
{
    const int64_t day = 86400000;

    speaks(shaken(90, 7 * day, 7 * day), "certificate_ends", SURVEY_REFUSE, "in less than 7d");
    is_silent(shaken(90, 7 * day + 1, 7 * day + 1), "certificate_ends");
    is_silent(shaken(6, 3 * day, 3 * day), "certificate_ends"); /* made for six days */
    speaks(shaken(6, 2 * day, 2 * day), "certificate_ends", SURVEY_REFUSE, "in less than 2d");
    is_silent(usual(), "certificate_ends");
}

TEST(a_chain_that_ends_before_its_leaf_is_told)
{
    const int64_t day = 86400000;

    speaks(shaken(90, 60 * day, 3 * day), "certificate_chain", SURVEY_WARN, "before its own does");
    is_silent(shaken(90, 60 * day, 60 * day), "certificate_chain");
    is_silent(shaken(90, 60 * day, -day), "certificate_chain"); /* trusted without it */
    is_silent(shaken(90, 60 * day, 8 * day), "certificate_chain");
}

TEST(a_failed_handshake_is_refused_with_when_and_why)
{
    struct scene *s = usual();

    s->facts.shake_failed = (struct lint_shake_failed){.host = "www.example.com",
                                                       .at = "198.51.100.1:443",
                                                       .reason = "it has expired",
                                                       .wall_s = 1800000000};
    speaks(s, "certificate_failed", SURVEY_REFUSE, "it has expired");
    s = usual();
    s->facts.shake_failed = (struct lint_shake_failed){.host = "www.example.com",
                                                       .at = "198.51.100.1:443",
                                                       .reason = "it has expired",
                                                       .wall_s = 1800000000,
                                                       .remembered = true};
    speaks(s, "certificate_failed", SURVEY_REFUSE, "failed at 2027-01-15T08:00:00Z");
    is_silent(usual(), "certificate_failed");
}

TEST(many_names_over_https_may_burn_orders)
{
    struct scene *s = usual();

    probe(s, "{{tenant}}.shops.example.com", true, true);
    speaks(s, "certificate_orders", SURVEY_NOTE, "burns an order");
    is_silent(usual(), "certificate_orders");
}

TEST(a_point_of_no_return_is_noted_and_a_way_back_behind_it_told)
{
    struct scene *s = usual();

    s->plan.steps[1].on_breach = PLAN_HOLD;
    s->plan.soak.on_breach = PLAN_HOLD;
    speaks(s, "no_return", SURVEY_NOTE, "from 100 % on");
    s = usual();
    s->plan.steps[1].on_breach = PLAN_HOLD;
    s->plan.soak.on_breach = PLAN_HOLD;
    is_silent(s, "no_return_broken");
    is_silent(usual(), "no_return");
    s = usual();
    s->plan.steps[0].on_breach = PLAN_HOLD;
    speaks(s, "no_return_broken", SURVEY_WARN, "holds at 10 % and goes back at 100 %");
    s = usual();
    s->plan.steps[1].on_breach = PLAN_HOLD;
    s->plan.soak.on_breach = PLAN_ROLLBACK;
    speaks(s, "no_return_broken", SURVEY_WARN, "in the soak it goes back");
    is_silent(usual(), "no_return_broken");
}

TEST(a_wrong_clock_is_told)
{
    struct scene *s = usual();

    s->facts.skew_ms = -120000;
    speaks(s, "clock", SURVEY_WARN, "2m ahead of");
    s = usual();
    s->facts.skew_ms = 61000;
    speaks(s, "clock", SURVEY_WARN, "1m1s behind");
    s = usual();
    s->facts.skew_ms = 59000;
    is_silent(s, "clock");
}

TEST(keys_that_end_before_the_run_could_are_told)
{
    struct scene *s = usual();

    s->facts.keys_left_ms = 20 * 60 * 1000;
    speaks(s, "keys_end", SURVEY_WARN, "end in 20m, the run with its way back needs at least 57m");
    s = usual();
    s->facts.keys_left_ms = 57 * 60 * 1000;
    is_silent(s, "keys_end");
}

TEST(an_old_side_that_nobody_probes_is_told)
{
    struct scene *s = usual();

    s->probes[0].sides[PLAN_OLD] = false;
    speaks(s, "old_unprobed", SURVEY_WARN, "looks at the old side");
    is_silent(usual(), "old_unprobed");
}

TEST(the_smallest_rate_that_can_be_seen_is_told)
{
    struct scene *s = usual();

    s->strata[0] = (struct plan_stratum){.side = PLAN_NEW, .required = true, .every_ms = 1000};
    s->plan.strata = s->strata;
    s->plan.strata_n = 1;
    s->plan.suites[0].allowed_ppm = 1000;
    speaks(s, "smallest_rate", SURVEY_NOTE, "300 probes");
    s = usual();
    s->strata[0] = (struct plan_stratum){.side = PLAN_NEW, .required = true, .every_ms = 1000};
    s->plan.strata = s->strata;
    s->plan.strata_n = 1;
    is_silent(s, "smallest_rate"); /* 1 % allowed, 300 probes rule out 0.99 % */
}

TEST(what_could_not_be_read_is_noted)
{
    struct scene *s = usual();

    s->facts.unread[s->facts.n_unread++] = "route53:GetHealthCheck: AccessDenied";
    speaks(s, "unread", SURVEY_NOTE, "route53:GetHealthCheck");
    is_silent(usual(), "unread");
}

/* ---- The table ---- */

TEST(a_lint_that_speaks_of_many_records_is_cut_short)
{
    struct scene *s = plain_new();
    static char names[14][32];
    size_t n = 0;

    s->plan.records_n = 0;
    put(s, "example.com.", "SOA", NULL, 0, SOA);
    for (int i = 0; i < 14; i++) {
        snprintf(names[i], sizeof names[i], "n%d.example.com", i);
        want(s, names[i], "A");
    }
    look(s);
    for (size_t i = 0; i < s->survey.n_findings; i++)
        n += strcmp(s->survey.findings[i].id, "negative_cache") == 0;
    assert_int_equal(n, LINT_EACH_MAX + 1);
    for (size_t i = 0; i < s->survey.n_findings; i++)
        if (strcmp(s->survey.findings[i].id, "negative_cache") == 0 && ++n == 2 * LINT_EACH_MAX + 2)
            assert_string_equal(s->survey.findings[i].what, "and 4 more like these");
    scene_free(s);
}

TEST(every_lint_has_an_id_of_its_own_and_its_place_in_the_docs)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};
    const char *top = getenv("srcdir");
    char path[512];
    struct err err = {0};

    snprintf(path, sizeof path, "%s/docs/preflight.md", top ? top : "..");
    if (!file_read(&text, path, 1024 * 1024, &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; lint_row(i); i++) {
        char entry[64];

        snprintf(entry, sizeof entry, "| `%s` | %s |", lint_row(i)->id,
                 survey_level_name(lint_row(i)->level));
        if (!strstr(buf_str(&text), entry))
            fail_msg("docs/preflight.md has no line '%s'", entry);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(lint_row(i)->id, lint_row(k)->id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_alias_beside_sets_of_another_ttl_is_told),
        cmocka_unit_test(a_missing_record_says_how_long_its_absence_is_cached),
        cmocka_unit_test(a_cname_at_the_apex_is_refused_with_the_way_out),
        cmocka_unit_test(a_cname_beside_other_records_is_refused),
        cmocka_unit_test(a_cname_at_the_leases_name_is_refused),
        cmocka_unit_test(a_zone_of_the_same_name_is_told),
        cmocka_unit_test(a_private_zone_that_is_to_be_verified_in_dns_is_refused),
        cmocka_unit_test(a_twin_that_the_plan_moves_too_is_not_told),
        cmocka_unit_test(addresses_of_the_other_family_outside_the_plan_are_told),
        cmocka_unit_test(https_records_beside_the_plan_are_told),
        cmocka_unit_test(records_that_name_the_old_side_are_listed),
        cmocka_unit_test(a_wildcard_without_its_parent_is_told),
        cmocka_unit_test(targets_that_nobody_watches_are_told),
        cmocka_unit_test(a_record_that_external_dns_keeps_is_asked_about),
        cmocka_unit_test(external_dns_elsewhere_in_the_zone_is_a_note),
        cmocka_unit_test(terraform_is_named_unless_somebody_else_owns_all),
        cmocka_unit_test(a_policy_instance_is_told_with_its_state),
        cmocka_unit_test(what_users_get_when_checks_fail_is_the_table_of_route_53),
        cmocka_unit_test(health_checks_are_told_with_what_they_do),
        cmocka_unit_test(a_check_that_is_gone_is_refused),
        cmocka_unit_test(a_disabled_check_is_told_with_what_it_counts_as),
        cmocka_unit_test(a_check_of_the_shared_name_is_told),
        cmocka_unit_test(going_back_without_the_controller_is_armed_by_fit_checks_only),
        cmocka_unit_test(what_dns_does_not_move_is_noted_where_clients_move),
        cmocka_unit_test(a_check_that_signs_in_is_named_with_the_check_to_add),
        cmocka_unit_test(names_without_a_check_over_https_are_told),
        cmocka_unit_test(a_certificate_whose_end_nobody_looks_at_is_told),
        cmocka_unit_test(a_certificate_that_ends_within_a_week_is_refused),
        cmocka_unit_test(a_chain_that_ends_before_its_leaf_is_told),
        cmocka_unit_test(a_failed_handshake_is_refused_with_when_and_why),
        cmocka_unit_test(many_names_over_https_may_burn_orders),
        cmocka_unit_test(a_point_of_no_return_is_noted_and_a_way_back_behind_it_told),
        cmocka_unit_test(a_wrong_clock_is_told),
        cmocka_unit_test(keys_that_end_before_the_run_could_are_told),
        cmocka_unit_test(an_old_side_that_nobody_probes_is_told),
        cmocka_unit_test(the_smallest_rate_that_can_be_seen_is_told),
        cmocka_unit_test(what_could_not_be_read_is_noted),
        cmocka_unit_test(a_lint_that_speaks_of_many_records_is_cut_short),
        cmocka_unit_test(every_lint_has_an_id_of_its_own_and_its_place_in_the_docs),
    };

    return cmocka_run_group_tests_name("lint", tests, NULL, NULL);
}
