/* The sandbox's zone rules: one table row a rule, and one past each limit. Records are written as
 * in the sandbox's JSON, with ' for ". */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "batch.h"
#include "domain.h"
#include "rset_json.h"
#include "zone.h"

#define ZONE_ID   "Z1"
#define STEPS_MAX 6

static struct rset *record(const char *text)
{
    char *json = strdup(text);
    struct err err = {0};
    struct rset *s;
    json_t *o;

    for (char *p = json; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    o = json_loads(json, 0, NULL);
    assert_non_null(o);
    s = rset_from_json(o, &err);
    if (!s)
        fail_msg("%s: %s", text, err.text);
    json_decref(o);
    free(json);
    return s;
}

/* "CREATE {...}" */
static void add_change(struct batch *b, const char *text)
{
    enum change_action action;
    char verb[16];

    assert_int_equal(sscanf(text, "%15s", verb), 1);
    assert_true(change_action_parse(verb, &action));
    batch_add(b, action, record(strchr(text, '{')));
}

static const struct batch_rules rules = {"example.com.", ZONE_ID, true, false};

/* The table after the batch, or NULL with the verdict. */
static struct rtable *apply(const struct rtable *t, const char *const *changes, size_t n,
                            const struct batch_rules *with, struct batch_verdict *v)
{
    struct batch b = {0};
    struct rtable *after = NULL;

    for (size_t i = 0; i < n && changes[i]; i++)
        add_change(&b, changes[i]);
    if (batch_check(&b, v))
        after = batch_apply(&b, t, with, v);
    batch_clear(&b);
    return after;
}

#define WWW(set, weight, ttl, value)                                                               \
    "{'name':'www.example.com','type':'CNAME','set':'" set "','weight':" weight ",'ttl':" ttl      \
    ",'values':['" value "']}"
#define OLD            WWW("old", "100", "60", "old.test")
#define NEW            WWW("new", "0", "60", "new.test")
#define TXT            "{'name':'t.example.com','type':'TXT','ttl':60,'values':['\\\"gen 1\\\"']}"
#define A(name, value) "{'name':'" name "','type':'A','ttl':60,'values':['" value "']}"

static const char *const zone_now[] = {
    "CREATE " OLD,
    "CREATE " NEW,
    "CREATE " TXT,
    "CREATE " A("a.example.com", "192.0.2.1"),
    "CREATE {'name':'l.example.com','type':'A','set':'eu','region':'eu-west-1','ttl':60,"
    "'values':['192.0.2.9']}",
    "CREATE {'name':'hc.example.com','type':'A','set':'old','weight':1,'ttl':60,"
    "'values':['192.0.2.7'],'health_check':'hc-1'}",
};

static struct rtable *start(void)
{
    struct zone *z = zone_new(ZONE_ID, "example.com.", 1);
    struct batch_verdict v = {0};
    struct rtable *t = apply(zone_table(z), zone_now, ARRAY_LEN(zone_now), &rules, &v);

    if (!t)
        fail_msg("%s", buf_str(&v.message));
    zone_free(z);
    batch_verdict_clear(&v);
    return t;
}

struct rule {
    const char *what;
    const char *code;    /* NULL: applied */
    const char *message; /* a part of it */
    const char *changes[STEPS_MAX];
};

static const struct rule rule_list[] = {
    {"create of what exists",
     "InvalidChangeBatch",
     "[Tried to create resource record set [name='a.example.com.', type='A'] but it already "
     "exists]",
     {"CREATE " A("a.example.com", "192.0.2.2")}},
    {"delete of what is not there",
     "InvalidChangeBatch",
     "[Tried to delete resource record set [name='b.example.com.', type='A'] but it was not found]",
     {"DELETE " A("b.example.com", "192.0.2.2")}},
    {"delete with another value",
     "InvalidChangeBatch",
     "the values provided do not match the current values",
     {"DELETE " A("a.example.com", "192.0.2.2")}},
    {"delete with another TTL",
     "InvalidChangeBatch",
     "do not match",
     {"DELETE {'name':'a.example.com','type':'A','ttl':61,'values':['192.0.2.1']}"}},
    {"delete with another weight",
     "InvalidChangeBatch",
     "set identifier='old'] but the values",
     {"DELETE " WWW("old", "99", "60", "old.test")}},
    {"delete without its health check",
     "InvalidChangeBatch",
     "do not match",
     {"DELETE {'name':'hc.example.com','type':'A','set':'old','weight':1,'ttl':60,"
      "'values':['192.0.2.7']}"}},
    {"delete of an unknown set of a known group",
     "InvalidChangeBatch",
     "it was not found",
     {"DELETE " WWW("other", "0", "60", "old.test")}},
    {"delete and create, the swap",
     NULL,
     NULL,
     {"DELETE " OLD, "CREATE " WWW("old", "90", "60", "old.test"), "DELETE " NEW,
      "CREATE " WWW("new", "10", "60", "new.test")}},
    {"a CNAME's dot and case do not matter in a delete",
     NULL,
     NULL,
     {"DELETE " WWW("old", "100", "60", "OLD.test.")}},
    {"create before the delete that makes room",
     "InvalidChangeBatch",
     "already exists",
     {"CREATE " WWW("old", "90", "60", "old.test"), "DELETE " OLD}},
    {"two faults, one message",
     "InvalidChangeBatch",
     "[Tried to delete resource record set [name='a.example.com.', type='A'] but the values "
     "provided do "
     "not match the current values, Tried to create resource record set [name='a.example.com.', "
     "type='A'] but it already exists]",
     {"DELETE " A("a.example.com", "192.0.2.3"), "CREATE " A("a.example.com", "192.0.2.2")}},
    {"a set deleted twice",
     "InvalidChangeBatch",
     "contains an invalid set of changes for a resource record "
     "set 'TXT t.example.com.'",
     {"DELETE " TXT, "DELETE " TXT}},
    {"a set upserted twice",
     "InvalidChangeBatch",
     "invalid set of changes",
     {"UPSERT " A("n.example.com", "192.0.2.1"), "UPSERT " A("n.example.com", "192.0.2.2")}},
    {"an upsert of a weight", NULL, NULL, {"UPSERT " WWW("old", "1", "60", "old.test")}},
    {"an upsert with another TTL than its group",
     "InvalidChangeBatch",
     "RRSet with DNS name www.example.com., type CNAME, SetIdentifier old cannot be created as "
     "weighted "
     "sets must contain the same TTL.",
     {"UPSERT " WWW("old", "100", "30", "old.test")}},
    {"a whole group's TTL, all deleted and then all created",
     NULL,
     NULL,
     {"DELETE " OLD, "DELETE " NEW, "CREATE " WWW("old", "100", "30", "old.test"),
      "CREATE " WWW("new", "0", "30", "new.test")}},
    {"a whole group's TTL, one after the other",
     "InvalidChangeBatch",
     "the same TTL",
     {"DELETE " OLD, "CREATE " WWW("old", "100", "30", "old.test"), "DELETE " NEW,
      "CREATE " WWW("new", "0", "30", "new.test")}},
    {"a weighted set beside a simple one",
     "InvalidChangeBatch",
     "cannot be created as a non-weighted set exists with the same name and type.",
     {"UPSERT "
      "{'name':'a.example.com','type':'A','set':'x','weight':1,'ttl':60,'values':['192.0.2.2']}"}},
    {"a simple set beside weighted ones",
     "InvalidChangeBatch",
     "cannot be created as other RRSets exist with the same name and type.",
     {"CREATE {'name':'www.example.com','type':'CNAME','ttl':60,'values':['x.test']}"}},
    {"a weighted set beside a latency one",
     "InvalidChangeBatch",
     "a non-weighted set exists",
     {"CREATE "
      "{'name':'l.example.com','type':'A','set':'x','weight':1,'ttl':60,'values':['192.0.2.2']}"}},
    {"a latency set beside weighted ones",
     "InvalidChangeBatch",
     "a weighted set exists",
     {"CREATE {'name':'www.example.com','type':'CNAME','set':'x','region':'eu-west-1','ttl':60,"
      "'values':['x.test']}"}},
    {"simple becomes weighted in one batch",
     NULL,
     NULL,
     {"DELETE " A("a.example.com", "192.0.2.1"),
      "CREATE "
      "{'name':'a.example.com','type':'A','set':'o','weight':1,'ttl':60,'values':['192.0.2.1']}",
      "CREATE "
      "{'name':'a.example.com','type':'A','set':'n','weight':0,'ttl':60,'values':['192.0.2.2']}"}},
    {"an address beside a CNAME",
     "InvalidChangeBatch",
     "RRSet of type A with DNS name www.example.com. is not permitted because a conflicting RRSet "
     "of type "
     "CNAME with the same DNS name already exists in zone example.com.",
     {"CREATE " A("www.example.com", "192.0.2.1")}},
    {"a CNAME beside an address",
     "InvalidChangeBatch",
     "is not permitted as it conflicts with other records",
     {"CREATE {'name':'a.example.com','type':'CNAME','ttl':60,'values':['x.test']}"}},
    {"a CNAME at the apex",
     "InvalidChangeBatch",
     "RRSet of type CNAME with DNS name example.com. is not permitted at apex in zone example.com.",
     {"CREATE {'name':'example.com','type':'CNAME','ttl':60,'values':['x.test']}"}},
    {"a CNAME with two values",
     "InvalidChangeBatch",
     "only one resource record",
     {"CREATE {'name':'c.example.com','type':'CNAME','ttl':60,'values':['x.test','y.test']}"}},
    {"a name outside the zone",
     "InvalidChangeBatch",
     "RRSet with DNS name a.example.org. is not permitted in zone example.com.",
     {"CREATE " A("a.example.org", "192.0.2.1")}},
    {"a name that only ends like the zone",
     "InvalidChangeBatch",
     "is not permitted in zone",
     {"CREATE " A("badexample.com", "192.0.2.1")}},
    {"the last NS of the apex",
     "InvalidChangeBatch",
     "at least one NS record",
     {"DELETE {'name':'example.com','type':'NS','ttl':172800,'values':['ns-1.sandbox.test',"
      "'ns-2.sandbox.test','ns-3.sandbox.test','ns-4.sandbox.test']}"}},
    {"no IPv4 address",
     "InvalidChangeBatch",
     "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) "
     "encountered with '192.0.2.256'",
     {"CREATE " A("b.example.com", "192.0.2.256")}},
    {"no IPv6 address",
     "InvalidChangeBatch",
     "AAAARRDATAIllegalIPv6Address",
     {"CREATE {'name':'b.example.com','type':'AAAA','ttl':60,'values':['192.0.2.1']}"}},
    {"text without quotes",
     "InvalidChangeBatch",
     "InvalidCharacterString (Value should be enclosed in "
     "quotation marks)",
     {"CREATE {'name':'b.example.com','type':'TXT','ttl':60,'values':['gen 1']}"}},
    {"the same value twice",
     "InvalidChangeBatch",
     "Duplicate Resource Record",
     {"CREATE {'name':'b.example.com','type':'A','ttl':60,'values':['192.0.2.1','192.0.2.1']}"}},
    {"weight 255", NULL, NULL, {"UPSERT " WWW("old", "255", "60", "old.test")}},
    {"weight 256",
     "InvalidInput",
     "Member must have value less than or equal to 255",
     {"UPSERT " WWW("old", "256", "60", "old.test")}},
    {"the greatest TTL",
     NULL,
     NULL,
     {"CREATE {'name':'b.example.com','type':'A','ttl':2147483647,'values':['192.0.2.1']}"}},
    {"one past the greatest TTL",
     "InvalidInput",
     "2147483647",
     {"CREATE {'name':'b.example.com','type':'A','ttl':2147483648,'values':['192.0.2.1']}"}},
    {"a weight without a set identifier",
     "InvalidInput",
     "Invalid request: Missing field 'SetIdentifier' in Change with [Action=CREATE, "
     "Name=b.example.com., "
     "Type=A, SetIdentifier=null]",
     {"CREATE {'name':'b.example.com','type':'A','weight':1,'ttl':60,'values':['192.0.2.1']}"}},
    {"a set identifier without a policy",
     "InvalidInput",
     "Expected exactly one of [Weight",
     {"CREATE {'name':'b.example.com','type':'A','set':'x','ttl':60,'values':['192.0.2.1']}"}},
    {"two policies",
     "InvalidInput",
     "found more than one",
     {"CREATE "
      "{'name':'b.example.com','type':'A','set':'x','weight':1,'region':'eu-west-1','ttl':60,"
      "'values':['192.0.2.1']}"}},
    {"no TTL",
     "InvalidInput",
     "Missing field 'TTL'",
     {"CREATE {'name':'b.example.com','type':'A','values':['192.0.2.1']}"}},
    {"no values",
     "InvalidInput",
     "Missing field 'ResourceRecords'",
     {"CREATE {'name':'b.example.com','type':'A','ttl':60}"}},
    {"neither values nor alias, also in a delete",
     "InvalidInput",
     "Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or "
     "TrafficPolicyInstanceId], but found none",
     {"DELETE {'name':'a.example.com','type':'A'}"}},
    {"values and alias",
     "InvalidInput",
     "found more than one",
     {"CREATE {'name':'b.example.com','type':'A','ttl':60,'values':['192.0.2.1'],"
      "'alias':{'zone':'Z1','name':'a.example.com'}}"}},
    {"an alias to what is there",
     NULL,
     NULL,
     {"CREATE {'name':'b.example.com','type':'A','alias':{'zone':'Z1','name':'a.example.com'}}"}},
    {"an alias to what is not",
     "InvalidChangeBatch",
     "Tried to create an alias that targets nope.example.com., type A in zone Z1, but that target "
     "was not "
     "found",
     {"CREATE "
      "{'name':'b.example.com','type':'A','alias':{'zone':'Z1','name':'nope.example.com'}}"}},
    {"an alias and, behind it, its target",
     "InvalidChangeBatch",
     "that target was not found",
     {"CREATE {'name':'b.example.com','type':'A','alias':{'zone':'Z1','name':'n.example.com'}}",
      "CREATE " A("n.example.com", "192.0.2.1")}},
    {"a target and, behind it, its alias",
     NULL,
     NULL,
     {"CREATE " A("n.example.com", "192.0.2.1"),
      "CREATE {'name':'b.example.com','type':'A','alias':{'zone':'Z1','name':'n.example.com'}}"}},
    {"an alias to another zone",
     NULL,
     NULL,
     {"CREATE {'name':'b.example.com','type':'A','alias':{'zone':'Z2','name':'lb.example.net'}}"}},
    {"a wildcard in either spelling is one set",
     "InvalidChangeBatch",
     "invalid set of changes for a resource record set 'A \\052.example.com.'",
     {"CREATE " A("*.example.com", "192.0.2.1"), "CREATE " A("\\\\052.example.com", "192.0.2.2")}},
};

TEST(every_rule_is_kept_and_a_refused_batch_changes_nothing)
{
    for (size_t i = 0; i < ARRAY_LEN(rule_list); i++) {
        const struct rule *r = &rule_list[i];
        struct batch_verdict v = {0};
        struct rtable *before = start(), *as_it_was = rtable_copy(before);
        struct rtable *after = apply(before, r->changes, STEPS_MAX, &rules, &v);

        if (!r->code && !after)
            fail_msg("%s: refused: %s", r->what, buf_str(&v.message));
        if (r->code && after)
            fail_msg("%s: not refused", r->what);
        if (r->code && (strcmp(v.code, r->code) != 0 || !strstr(buf_str(&v.message), r->message)))
            fail_msg("%s: %s: %s", r->what, v.code, buf_str(&v.message));
        assert_int_equal(before->n, as_it_was->n);
        for (size_t k = 0; k < before->n; k++)
            assert_ptr_equal(before->sets[k], as_it_was->sets[k]);
        rtable_unref(after);
        rtable_unref(as_it_was);
        rtable_unref(before);
        batch_verdict_clear(&v);
    }
}

TEST(delete_compares_the_weight_only_where_the_switch_says_so)
{
    static const char *const stale[] = {"DELETE " WWW("old", "99", "60", "old.test")};
    struct batch_rules lax = rules;
    struct batch_verdict v = {0};
    struct rtable *t = start(), *after;

    lax.delete_compares_weight = false;
    after = apply(t, stale, 1, &lax, &v);
    assert_non_null(after);
    rtable_unref(after);
    rtable_unref(t);
    batch_verdict_clear(&v);
}

TEST(a_group_changes_its_ttl_in_one_batch_only_where_the_switch_says_so)
{
    static const char *const whole[] = {"DELETE " OLD, "DELETE " NEW,
                                        "CREATE " WWW("old", "90", "30", "old.test"),
                                        "CREATE " WWW("new", "10", "30", "new.test")};
    struct batch_rules strict = rules;
    struct batch_verdict v = {0};
    struct rtable *t = start(), *after = apply(t, whole, 4, &rules, &v);

    assert_non_null(after);
    rtable_unref(after);
    batch_verdict_clear(&v);
    strict.group_ttl_fixed = true;
    v = (struct batch_verdict){0};
    assert_null(apply(t, whole, 4, &strict, &v));
    assert_non_null(strstr(buf_str(&v.message), "weighted sets must contain the same TTL."));
    rtable_unref(t);
    batch_verdict_clear(&v);
}

TEST(a_trailing_dot_alone_leaves_the_old_spelling)
{
    static const char *const dots[] = {"DELETE " OLD,
                                       "CREATE " WWW("old", "90", "60", "old.test.")};
    struct batch_verdict v = {0};
    struct rtable *t = start(), *after = apply(t, dots, 2, &rules, &v);
    struct rset *like = record(OLD);

    assert_non_null(after);
    assert_string_equal(rtable_find(after, like)->values[0], "old.test");
    assert_int_equal(rtable_find(after, like)->weight, 90);
    rset_unref(like);
    rtable_unref(after);
    rtable_unref(t);
    batch_verdict_clear(&v);
}

/* n sets of k values with len bytes each, by one action; the verdict's code or NULL. */
static const char *many(enum change_action action, size_t n, size_t k, size_t len)
{
    struct zone *z = zone_new(ZONE_ID, "example.com.", 1);
    struct batch_verdict v = {0};
    struct rtable *after = NULL;
    struct batch b = {0};
    const char *code, *why;

    for (size_t i = 0; i < n; i++) {
        struct rset *s = rset_new();
        char text[512];

        snprintf(text, sizeof text, "n%zu.example.com", i);
        assert_true(rset_set_name(s, text, &why));
        s->type = RTYPE_TXT;
        s->ttl = 60;
        for (size_t j = 0; j < k; j++) {
            snprintf(text, sizeof text, "\"%0*zu\"", (int)len - 2, j);
            rset_add_value(s, text);
        }
        batch_add(&b, action, s);
    }
    if (batch_check(&b, &v))
        after = batch_apply(&b, zone_table(z), &rules, &v);
    code = v.code;
    assert_true((after != NULL) == (code == NULL));
    rtable_unref(after);
    batch_clear(&b);
    batch_verdict_clear(&v);
    zone_free(z);
    return code;
}

TEST(a_batch_holds_1000_elements_and_an_upsert_counts_twice)
{
    assert_null(many(CHANGE_CREATE, 1000, 1, 10));
    assert_string_equal(many(CHANGE_CREATE, 1001, 1, 10), "InvalidChangeBatch");
    assert_null(many(CHANGE_CREATE, 500, 2, 10));
    assert_string_equal(many(CHANGE_CREATE, 501, 2, 10), "InvalidChangeBatch");
    assert_null(many(CHANGE_UPSERT, 500, 1, 10));
    assert_string_equal(many(CHANGE_UPSERT, 501, 1, 10), "InvalidChangeBatch");
}

TEST(a_batch_holds_32000_characters_and_an_upsert_counts_twice)
{
    assert_null(many(CHANGE_CREATE, 320, 1, 100));
    assert_string_equal(many(CHANGE_CREATE, 321, 1, 100), "InvalidChangeBatch");
    assert_null(many(CHANGE_UPSERT, 160, 1, 100));
    assert_string_equal(many(CHANGE_UPSERT, 161, 1, 100), "InvalidChangeBatch");
}

TEST(a_record_holds_400_values)
{
    assert_null(many(CHANGE_CREATE, 1, 400, 10));
    assert_string_equal(many(CHANGE_CREATE, 1, 401, 10), "InvalidInput");
}

TEST(a_text_string_holds_255_bytes)
{
    assert_null(many(CHANGE_CREATE, 1, 1, 257));
    assert_string_equal(many(CHANGE_CREATE, 1, 1, 258), "InvalidChangeBatch");
}

TEST(a_group_holds_100_sets_and_an_identifier_128_bytes)
{
    for (size_t n = 100; n <= 101; n++) {
        struct zone *z = zone_new(ZONE_ID, "example.com.", 1);
        struct batch_verdict v = {0};
        struct batch b = {0};
        struct rtable *after;

        for (size_t i = 0; i < n; i++) {
            struct rset *s = record(WWW("x", "1", "60", "x.test"));

            free(s->set_id);
            s->set_id = calloc(1, RSET_ID_MAX + 1);
            snprintf(s->set_id, RSET_ID_MAX + 1, "%0128zu", i);
            batch_add(&b, CHANGE_CREATE, s);
        }
        assert_true(batch_check(&b, &v));
        after = batch_apply(&b, zone_table(z), &rules, &v);
        assert_true((after != NULL) == (n == 100));
        if (n == 101)
            assert_non_null(strstr(buf_str(&v.message), "limit of 100 sets"));
        free(b.changes[0].set->set_id);
        b.changes[0].set->set_id = calloc(1, RSET_ID_MAX + 2);
        memset(b.changes[0].set->set_id, 'x', RSET_ID_MAX + 1);
        assert_false(batch_check(&b, &v));
        rtable_unref(after);
        batch_clear(&b);
        batch_verdict_clear(&v);
        zone_free(z);
    }
}

TEST(a_comment_holds_256_bytes)
{
    struct batch b = {0};
    struct batch_verdict v = {0};

    batch_add(&b, CHANGE_CREATE, record(OLD));
    b.comment = calloc(1, 258);
    memset(b.comment, 'c', 256);
    assert_true(batch_check(&b, &v));
    b.comment[256] = 'c';
    assert_false(batch_check(&b, &v));
    assert_string_equal(v.code, "InvalidInput");
    batch_clear(&b);
    batch_verdict_clear(&v);
    assert_false(batch_check(&b, &v)); /* and a batch holds at least one change */
    batch_verdict_clear(&v);
}

TEST(names_are_kept_in_lower_case_with_octal_escapes)
{
    static const char *const names[][2] = {
        {"WWW.Example.com", "www.example.com."},
        {"www.example.com.", "www.example.com."},
        {"*.example.com", "\\052.example.com."},
        {"\\052.example.com", "\\052.example.com."},
        {"a_b-c.example.com", "a_b-c.example.com."},
        {"a\\056b.example.com", "a\\056b.example.com."},
        {"\\101.example.com", "a.example.com."},
        {"caf\xc3\xa9.test", "caf\\303\\251.test."},
    };
    const char *why;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct buf out = {0};

        assert_true(domain_canonical(names[i][0], &out, &why));
        assert_string_equal(buf_str(&out), names[i][1]);
        buf_clear(&out);
    }
}

TEST(a_label_holds_63_bytes_and_a_name_255)
{
    char label[65] = {0}, name[300] = "";
    struct buf out = {0};
    const char *why;

    memset(label, 'a', 63);
    assert_true(domain_canonical(label, &out, &why));
    label[63] = 'a';
    assert_false(domain_canonical(label, &out, &why));
    assert_string_equal(why, "DomainLabelTooLong (Domain label is too long)");
    for (int i = 0; i < 126; i++)
        strcat(name, "a.");
    assert_true(domain_canonical(name, &out, &why)); /* 126 * 2 + 1 */
    strcat(name, "aa");
    assert_false(domain_canonical(name, &out, &why)); /* 256 */
    name[strlen(name) - 1] = '\0';
    assert_true(domain_canonical(name, &out, &why)); /* 255 */
    assert_false(domain_canonical("a..b", &out, &why));
    assert_false(domain_canonical("", &out, &why));
    buf_clear(&out);
}

TEST(a_listing_is_ordered_by_reversed_labels_then_type_then_identifier)
{
    static const char *const in[] = {
        "CREATE " A("z.example.com", "192.0.2.1"), "CREATE " A("a.b.example.com", "192.0.2.1"),
        "CREATE " A("*.example.com", "192.0.2.1"), "CREATE " A("b.example.com", "192.0.2.1"),
        "CREATE " WWW("old", "1", "60", "x.test"), "CREATE " WWW("new", "1", "60", "y.test"),
    };
    static const char *const want[] = {"example.com. NS -",          "example.com. SOA -",
                                       "\\052.example.com. A -",     "b.example.com. A -",
                                       "a.b.example.com. A -",       "www.example.com. CNAME new",
                                       "www.example.com. CNAME old", "z.example.com. A -"};
    struct zone *z = zone_new(ZONE_ID, "example.com.", 1);
    struct batch_verdict v = {0};
    struct rtable *t = apply(zone_table(z), in, ARRAY_LEN(in), &rules, &v);

    assert_non_null(t);
    assert_int_equal(t->n, ARRAY_LEN(want));
    for (size_t i = 0; i < t->n; i++) {
        char have[128];

        snprintf(have, sizeof have, "%s %s %s", t->sets[i]->name, rtype_name(t->sets[i]->type),
                 t->sets[i]->set_id ? t->sets[i]->set_id : "-");
        assert_string_equal(have, want[i]);
    }
    rtable_unref(t);
    batch_verdict_clear(&v);
    zone_free(z);
}

TEST(each_server_sees_a_version_in_its_own_time)
{
    static const int64_t delay[2] = {100, 300};
    struct zone *z = zone_new(ZONE_ID, "example.com.", 2);
    struct rtable *first = zone_table(z), *second = rtable_copy(first), *third = rtable_copy(first);

    assert_int_equal(zone_publish(z, second, "C1", delay, 1000), 1300);
    assert_int_equal(zone_publish(z, third, "C2", delay, 1050), 1350);
    assert_ptr_equal(zone_view(z, 0, 1099), first);
    assert_ptr_equal(zone_view(z, 0, 1100), second);
    assert_ptr_equal(zone_view(z, 0, 1150), third);
    assert_ptr_equal(zone_view(z, 1, 1299), first);
    assert_ptr_equal(zone_view(z, 1, 1300), second);
    zone_sync_now(z, "C2", 1310);
    assert_ptr_equal(zone_view(z, 1, 1310), third);
    assert_ptr_equal(z->oldest->table, third); /* what no server needs is gone */
    zone_free(z);
}

TEST(a_stale_server_stays_until_thawed_and_a_change_may_stay_pending)
{
    static const int64_t delay[2] = {0, 0}, never[2] = {ZONE_NEVER_US, ZONE_NEVER_US};
    struct zone *z = zone_new(ZONE_ID, "example.com.", 2);
    struct rtable *first = zone_table(z), *second = rtable_copy(first), *third = rtable_copy(first);

    zone_freeze(z, 1, 10);
    zone_publish(z, second, "C1", delay, 20);
    assert_ptr_equal(zone_view(z, 0, 20), second);
    assert_ptr_equal(zone_view(z, 1, 20), first);
    zone_thaw(z, 1);
    assert_ptr_equal(zone_view(z, 1, 20), second);
    assert_true(zone_publish(z, third, "C2", never, 30) == ZONE_NEVER_US);
    assert_ptr_equal(zone_view(z, 0, INT64_C(1) << 60), second);
    zone_sync_now(z, "C2", 40);
    assert_ptr_equal(zone_view(z, 0, 40), third);
    zone_free(z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule_is_kept_and_a_refused_batch_changes_nothing),
        cmocka_unit_test(delete_compares_the_weight_only_where_the_switch_says_so),
        cmocka_unit_test(a_group_changes_its_ttl_in_one_batch_only_where_the_switch_says_so),
        cmocka_unit_test(a_trailing_dot_alone_leaves_the_old_spelling),
        cmocka_unit_test(a_batch_holds_1000_elements_and_an_upsert_counts_twice),
        cmocka_unit_test(a_batch_holds_32000_characters_and_an_upsert_counts_twice),
        cmocka_unit_test(a_record_holds_400_values),
        cmocka_unit_test(a_text_string_holds_255_bytes),
        cmocka_unit_test(a_group_holds_100_sets_and_an_identifier_128_bytes),
        cmocka_unit_test(a_comment_holds_256_bytes),
        cmocka_unit_test(names_are_kept_in_lower_case_with_octal_escapes),
        cmocka_unit_test(a_label_holds_63_bytes_and_a_name_255),
        cmocka_unit_test(a_listing_is_ordered_by_reversed_labels_then_type_then_identifier),
        cmocka_unit_test(each_server_sees_a_version_in_its_own_time),
        cmocka_unit_test(a_stale_server_stays_until_thawed_and_a_change_may_stay_pending),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
