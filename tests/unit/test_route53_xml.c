/* route53_xml.c and route53_batch.c: what Route 53 answers, read from samples, and what it is sent. */
#include "route53_batch.h"
#include "route53_xml.h"

#include <stdio.h>

#include "sluice/arena.h"
#include "sluice/buf.h"
#include "sluice/common.h"
#include "sluice/file.h"
#include "test.h"

static struct buf sample(const char *name)
{
    struct buf text = {0};
    struct err err = {0};
    const char *top = getenv("srcdir");
    char path[512];

    snprintf(path, sizeof path, "%s/tests/data/route53/%s", top ? top : "..", name);
    if (!file_read(&text, path, 1024 * 1024, &err))
        fail_msg("%s", err.text);
    return text;
}

TEST(zones_are_read_with_their_kind_and_owner)
{
    struct buf text SL_CLEANUP(buf_clear) = sample("zones.xml");
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct route53_zones z;
    struct err err = {0};

    assert_true(route53_xml_parse_zones(&mem, text.data, text.len, &z, &err));
    assert_int_equal(z.n, 2);
    assert_string_equal(z.zones[0].id, "Z1PUBLIC");
    assert_string_equal(z.zones[0].name, "example.com.");
    assert_false(z.zones[0].private_zone);
    assert_int_equal(z.zones[0].n_sets, 17);
    assert_null(z.zones[0].owner);
    assert_string_equal(z.zones[1].id, "Z2PRIVATE");
    assert_true(z.zones[1].private_zone);
    assert_string_equal(z.zones[1].owner, "servicediscovery.amazonaws.com");
    assert_true(z.truncated);
    assert_string_equal(z.next_name, "example.net.");
    assert_string_equal(z.next_id, "Z3");
}

TEST(a_zone_is_read_with_its_name_servers)
{
    struct buf text SL_CLEANUP(buf_clear) = sample("zone.xml");
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct route53_zone z;
    struct err err = {0};

    assert_true(route53_xml_parse_zone(&mem, text.data, text.len, &z, &err));
    assert_string_equal(z.id, "Z1PUBLIC");
    assert_int_equal(z.n_servers, 4);
    assert_string_equal(z.servers[3], "ns-4.awsdns-04.co.uk");
}

TEST(sets_are_read_field_by_field)
{
    struct buf text SL_CLEANUP(buf_clear) = sample("sets.xml");
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct route53_sets s SL_CLEANUP(route53_sets_clear) = {0};
    struct err err = {0};

    assert_true(route53_xml_parse_sets(&mem, text.data, text.len, &s, &err));
    assert_int_equal(s.n, 6);
    assert_string_equal(s.sets[0].values[0], "\"v=spf1 a:<x> -all\"");
    assert_string_equal(s.sets[0].values[1], "\"two\" \"strings\"");
    assert_int_equal(s.sets[0].n_values, 2);
    assert_null(s.sets[0].set_id);
    assert_false(s.sets[0].weighted);
    assert_string_equal(s.sets[1].name, "\\052.shops.example.com.");
    assert_string_equal(s.sets[1].set_id, "heroku & co");
    assert_true(s.sets[1].weighted);
    assert_int_equal(s.sets[1].weight, 0);
    assert_true(s.sets[1].has_ttl);
    assert_int_equal(s.sets[1].ttl, 60);
    assert_string_equal(s.sets[1].health_check, "abcdef11-2222-3333-4444-555555fedcba");
    assert_int_equal(s.sets[2].weight, 255);
    assert_null(s.sets[2].health_check);
    assert_false(s.sets[3].has_ttl);
    assert_string_equal(s.sets[3].alias_zone, "Z35SXDOTRQ7X7K");
    assert_string_equal(s.sets[3].alias_name, "lb-1.us-east-1.elb.amazonaws.com.");
    assert_true(s.sets[3].alias_health);
    assert_int_equal(s.sets[3].n_values, 0);
    assert_string_equal(s.sets[4].routing, "GeoLocation");
    assert_non_null(s.sets[5].traffic_policy);
    assert_true(s.truncated);
    assert_string_equal(s.next_name, "www.example.com.");
    assert_string_equal(s.next_type, "A");
    assert_string_equal(s.next_id, "zz");
}

TEST(pages_of_sets_are_appended)
{
    static const char last[] = "<ListResourceRecordSetsResponse><ResourceRecordSets><ResourceRecordSet>"
                               "<Name>zz.</Name><Type>A</Type></ResourceRecordSet></ResourceRecordSets>"
                               "<IsTruncated>false</IsTruncated></ListResourceRecordSetsResponse>";
    struct buf text SL_CLEANUP(buf_clear) = sample("sets.xml");
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct route53_sets s SL_CLEANUP(route53_sets_clear) = {0};
    struct err err = {0};

    assert_true(route53_xml_parse_sets(&mem, text.data, text.len, &s, &err));
    assert_true(route53_xml_parse_sets(&mem, last, sizeof last - 1, &s, &err));
    assert_int_equal(s.n, 7);
    assert_string_equal(s.sets[6].name, "zz.");
    assert_false(s.truncated);
    assert_null(s.next_name);
}

TEST(changes_are_pending_or_insync)
{
    static const struct {
        const char *file;
        bool insync;
    } rows[] = {{"change-pending.xml", false}, {"change-insync.xml", true}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf text SL_CLEANUP(buf_clear) = sample(rows[i].file);
        struct route53_change c;
        struct err err = {0};

        assert_true(route53_xml_parse_change(text.data, text.len, &c, &err));
        assert_string_equal(c.id, "C2682N5HXP0BZ4");
        assert_int_equal(c.insync, rows[i].insync);
    }
}

TEST(every_shape_of_error_gives_a_code_and_a_message)
{
    static const struct {
        const char *file, *code, *message;
        bool known;
    } rows[] = {
        {"error-current.xml", "InvalidChangeBatch",
         "[Tried to delete resource record set [name='www.example.com.', type='CNAME'] but the values "
         "provided do not match the current values]", true},
        {"error-older.xml", "InvalidChangeBatch", "the first; the second", true},
        {"error-bare.xml", "InvalidSignatureException",
         "The request signature we calculated does not match", true},
        {"error-html.txt", "HTTP 503",
         "<html><head><title>503</title></head><body>Service Unavailable</body></html>", false},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf text SL_CLEANUP(buf_clear) = sample(rows[i].file);
        struct route53_error e;

        route53_xml_parse_error(text.data, text.len, 503, &e);
        assert_string_equal(e.code, rows[i].code);
        assert_string_equal(e.message, rows[i].message);
        assert_int_equal(e.known, rows[i].known);
    }
}

TEST(an_empty_or_cut_error_still_says_something)
{
    struct route53_error e;

    route53_xml_parse_error(NULL, 0, 502, &e);
    assert_string_equal(e.code, "HTTP 502");
    route53_xml_parse_error("<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Mess", 70,
                            400, &e);
    assert_string_equal(e.code, "HTTP 400");
    route53_xml_parse_error("<ErrorResponse><Error><Code>Throttling</Code><Message>Rate</Message></Err", 72,
                            400, &e);
    assert_string_equal(e.code, "Throttling");
}

/* Route 53 writes a complaint for each change of a batch into one Message: of 500 changes it is far longer
 * than any field that is kept. */
TEST(an_error_of_any_length_is_known_for_what_it_is)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};
    struct route53_error e;

    buf_add_str(&text, "<ErrorResponse><Error><Code>InvalidChangeBatch</Code><Message>[");
    for (int i = 0; i < 1000; i++)
        buf_addf(&text, "Tried to delete resource record set [name='r%03d.example.com.', type='A'] but it was not found, ", i);
    buf_add_str(&text, "]</Message></Error><RequestId>r-1</RequestId></ErrorResponse>");
    assert_true(text.len > 4 * (size_t)ROUTE53_XML_TEXT_MAX);
    route53_xml_parse_error(text.data, text.len, 400, &e);
    assert_true(e.known);
    assert_string_equal(e.code, "InvalidChangeBatch");
    assert_string_equal(e.request_id, "r-1");
    assert_memory_equal(e.message, "[Tried to delete resource record set [name='r000.", 49);
    assert_int_equal(strlen(e.message), sizeof e.message - 1);
}

TEST(a_document_type_is_refused_before_anything_expands)
{
    struct buf text SL_CLEANUP(buf_clear) = sample("error-doctype.xml");
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct route53_sets s SL_CLEANUP(route53_sets_clear) = {0};
    struct route53_error e;
    struct err err = {0};

    route53_xml_parse_error(text.data, text.len, 400, &e);
    assert_string_equal(e.code, "HTTP 400");
    assert_false(route53_xml_parse_sets(&mem, text.data, text.len, &s, &err));
    assert_int_equal(err.kind, ERR_PROTOCOL);
    assert_non_null(strstr(err.text, "document type"));
}

#define REPLY(inside) "<ListResourceRecordSetsResponse>" inside "</ListResourceRecordSetsResponse>"
#define SET(inside)                                                                                    \
    REPLY("<ResourceRecordSets><ResourceRecordSet>" inside "</ResourceRecordSet></ResourceRecordSets>")

TEST(malformed_replies_are_refused)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"", "no element found"},
        {"<ListResourceRecordSetsResponse>", "no element found"},
        {"<GetChangeResponse/>", "not the reply"},
        {REPLY("<IsTruncated>perhaps</IsTruncated>"), "neither true nor false"},
        {REPLY("<IsTruncated>true</IsTruncated>"), "where it goes on"},
        {SET("<Name>a.</Name>"), "without a name or a type"},
        {SET("<Name>a.</Name><Type>A</Type><Weight>256</Weight>"), "above 255"},
        {SET("<Name>a.</Name><Type>A</Type><Weight></Weight>"), "not a whole number"},
        {SET("<Name>a.</Name><Type>A</Type><TTL>-1</TTL>"), "below 0"},
        {SET("<Name>a.</Name></Type>"), "mismatched tag"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena mem SL_CLEANUP(arena_clear) = {0};
        struct route53_sets s SL_CLEANUP(route53_sets_clear) = {0};
        struct err err = {0};

        assert_false(route53_xml_parse_sets(&mem, rows[i].text, strlen(rows[i].text), &s, &err));
        assert_int_equal(err.kind, ERR_PROTOCOL);
        if (!strstr(err.text, rows[i].says))
            fail_msg("%s: %s", rows[i].text, err.text);
    }
}

TEST(unknown_elements_are_skipped_with_what_they_hold)
{
    static const char text[] =
        SET("<New><Name>wrong.</Name></New><Name>a.</Name><Type>A</Type>"
            "<AliasTarget><New>x</New><DNSName>d.</DNSName></AliasTarget><Newer a=\"b\"/>");
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct route53_sets s SL_CLEANUP(route53_sets_clear) = {0};
    struct err err = {0};

    assert_true(route53_xml_parse_sets(&mem, text, sizeof text - 1, &s, &err));
    assert_string_equal(s.sets[0].name, "a.");
    assert_string_equal(s.sets[0].alias_name, "d.");
}

static void assert_over_a_limit(struct buf *text)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct route53_sets s SL_CLEANUP(route53_sets_clear) = {0};
    struct err err = {0};

    assert_false(route53_xml_parse_sets(&mem, text->data, text->len, &s, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
}

TEST(one_past_each_ceiling_is_refused)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};

    for (int i = 0; i <= ROUTE53_XML_DEPTH_MAX; i++)
        buf_add_str(&text, i ? "<a>" : "<ListResourceRecordSetsResponse>");
    assert_over_a_limit(&text);

    buf_reset(&text);
    buf_add_str(&text, "<ListResourceRecordSetsResponse><NextRecordName>");
    for (int i = 0; i <= ROUTE53_XML_TEXT_MAX; i++)
        buf_add_char(&text, 'a');
    assert_over_a_limit(&text);

    buf_reset(&text);
    buf_add_str(&text, "<ListResourceRecordSetsResponse><ResourceRecordSets><ResourceRecordSet>"
                       "<ResourceRecords>");
    for (int i = 0; i <= RRSET_VALUES_MAX; i++)
        buf_add_str(&text, "<ResourceRecord><Value>v</Value></ResourceRecord>");
    assert_over_a_limit(&text);

    buf_reset(&text);
    buf_add_str(&text, "<ListResourceRecordSetsResponse><ResourceRecordSets>");
    for (int i = 0; i <= ROUTER_ZONE_SETS_MAX; i++)
        buf_add_str(&text, "<ResourceRecordSet><Name>a.</Name><Type>A</Type></ResourceRecordSet>");
    assert_over_a_limit(&text);
}

#define BODY_HEAD                                                                                      \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ChangeResourceRecordSetsRequest "                    \
    "xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch>"
#define BODY_TAIL "</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>\n"

TEST(a_batch_is_written_in_the_order_the_api_wants)
{
    static const char *const values[] = {"\"a <b> & c\"", "second"};
    struct rrset plain = {.name = "\\052.example.com.", .type = "TXT", .set_id = "x&y", .weighted = true,
                          .weight = 200, .has_ttl = true, .ttl = 60, .values = values, .n_values = 2,
                          .health_check = "hc"};
    struct rrset alias = {.name = "www.example.com.", .type = "A", .set_id = "lb", .weighted = true,
                          .alias_zone = "Z35", .alias_name = "lb.example.", .alias_health = true};
    struct rrset simple = {.name = "_sluice.example.com.", .type = "TXT", .has_ttl = true, .ttl = 0,
                           .values = values + 1, .n_values = 1};
    struct router_change changes[] = {{ROUTER_DELETE, &plain, 200}, {ROUTER_CREATE, &plain, 0},
                                      {ROUTER_UPSERT, &alias, 3}, {ROUTER_CREATE, &simple, 9}};
    struct router_batch batch = {.comment = "to 10%", .changes = changes, .n_changes = 4};
    struct buf out SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    assert_true(route53_batch_format(&batch, &out, &err));
    assert_string_equal(
        buf_str(&out),
        BODY_HEAD "<Comment>to 10%</Comment><Changes>"
        "<Change><Action>DELETE</Action><ResourceRecordSet><Name>\\052.example.com.</Name><Type>TXT</Type>"
        "<SetIdentifier>x&amp;y</SetIdentifier><Weight>200</Weight><TTL>60</TTL><ResourceRecords>"
        "<ResourceRecord><Value>\"a &lt;b&gt; &amp; c\"</Value></ResourceRecord>"
        "<ResourceRecord><Value>second</Value></ResourceRecord></ResourceRecords>"
        "<HealthCheckId>hc</HealthCheckId></ResourceRecordSet></Change>"
        "<Change><Action>CREATE</Action><ResourceRecordSet><Name>\\052.example.com.</Name><Type>TXT</Type>"
        "<SetIdentifier>x&amp;y</SetIdentifier><Weight>0</Weight><TTL>60</TTL><ResourceRecords>"
        "<ResourceRecord><Value>\"a &lt;b&gt; &amp; c\"</Value></ResourceRecord>"
        "<ResourceRecord><Value>second</Value></ResourceRecord></ResourceRecords>"
        "<HealthCheckId>hc</HealthCheckId></ResourceRecordSet></Change>"
        "<Change><Action>UPSERT</Action><ResourceRecordSet><Name>www.example.com.</Name><Type>A</Type>"
        "<SetIdentifier>lb</SetIdentifier><Weight>3</Weight><AliasTarget><HostedZoneId>Z35</HostedZoneId>"
        "<DNSName>lb.example.</DNSName><EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget>"
        "</ResourceRecordSet></Change>"
        "<Change><Action>CREATE</Action><ResourceRecordSet><Name>_sluice.example.com.</Name>"
        "<Type>TXT</Type><TTL>0</TTL><ResourceRecords><ResourceRecord><Value>second</Value>"
        "</ResourceRecord></ResourceRecords></ResourceRecordSet></Change>" BODY_TAIL);
}

TEST(what_was_listed_is_sent_back_byte_for_byte)
{
    struct buf text SL_CLEANUP(buf_clear) = sample("sets.xml");
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct route53_sets s SL_CLEANUP(route53_sets_clear) = {0}, again SL_CLEANUP(route53_sets_clear) = {0};
    struct buf out SL_CLEANUP(buf_clear) = {0}, reply SL_CLEANUP(buf_clear) = {0};
    struct router_change changes[4];
    struct router_batch batch = {.changes = changes, .n_changes = 4};
    const char *at;
    struct err err = {0};

    assert_true(route53_xml_parse_sets(&mem, text.data, text.len, &s, &err));
    for (size_t i = 0; i < 4; i++)
        changes[i] = (struct router_change){ROUTER_UPSERT, &s.sets[i], s.sets[i].weight};
    assert_true(route53_batch_format(&batch, &out, &err));
    /* Our own writing, wrapped as a listing, reads back the same. */
    buf_add_str(&reply, "<ListResourceRecordSetsResponse><ResourceRecordSets>");
    at = buf_str(&out);
    while ((at = strstr(at, "<ResourceRecordSet>"))) {
        const char *end = strstr(at, "</Change>");

        buf_add(&reply, at, (size_t)(end - at));
        at = end;
    }
    buf_add_str(&reply, "</ResourceRecordSets></ListResourceRecordSetsResponse>");
    assert_true(route53_xml_parse_sets(&mem, reply.data, reply.len, &again, &err));
    assert_int_equal(again.n, 4);
    for (size_t i = 0; i < 4; i++)
        assert_true(rrset_eq(&s.sets[i], &again.sets[i], true));
}

TEST(what_must_not_be_sent_is_a_bug)
{
    static const char *const values[] = {"\x01"}, *const broken[] = {"\xff"};
    struct rrset rows[] = {
        {.name = "a.", .type = "A", .routing = "Region"},
        {.name = "a.", .type = "A", .traffic_policy = "p"},
        {.name = "a.", .type = "A", .values = values, .n_values = 1},
        {.name = "a.", .type = "A", .values = broken, .n_values = 1},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct router_change change = {ROUTER_UPSERT, &rows[i], 0};
        struct router_batch batch = {.changes = &change, .n_changes = 1};
        struct buf out SL_CLEANUP(buf_clear) = {0};
        struct err err = {0};

        assert_false(route53_batch_format(&batch, &out, &err));
        assert_int_equal(err.kind, ERR_BUG);
    }
}

TEST(a_health_check_is_read_with_what_matters_to_a_record)
{
    static const char text[] =
        "<?xml version=\"1.0\"?><GetHealthCheckResponse "
        "xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><HealthCheck><Id>h-1</Id>"
        "<CallerReference>r</CallerReference><HealthCheckConfig><IPAddress>192.0.2.1</IPAddress>"
        "<Port>443</Port><Type>HTTPS</Type><FullyQualifiedDomainName>www.example.com"
        "</FullyQualifiedDomainName><RequestInterval>10</RequestInterval><FailureThreshold>3"
        "</FailureThreshold><Inverted>false</Inverted><Disabled>true</Disabled>"
        "</HealthCheckConfig><HealthCheckVersion>1</HealthCheckVersion></HealthCheck>"
        "</GetHealthCheckResponse>";
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct route53_check c;
    struct err err = {0};

    assert_true(route53_xml_parse_check(&mem, text, sizeof text - 1, &c, &err));
    assert_string_equal(c.id, "h-1");
    assert_string_equal(c.type, "HTTPS");
    assert_string_equal(c.address, "192.0.2.1");
    assert_string_equal(c.fqdn, "www.example.com");
    assert_true(c.disabled);
    assert_false(c.inverted);
    assert_int_equal(c.interval_s, 10);
    assert_int_equal(c.threshold, 3);
    assert_false(route53_xml_parse_check(&mem, text, sizeof text / 2, &c, &err));
    assert_int_equal(err.kind, ERR_PROTOCOL);
}

TEST(a_traffic_policy_instance_is_read)
{
    static const char text[] =
        "<GetTrafficPolicyInstanceResponse><TrafficPolicyInstance><Id>t-1</Id><HostedZoneId>Z1"
        "</HostedZoneId><Name>www.example.com.</Name><TTL>60</TTL><State>Applied</State><Message/>"
        "<TrafficPolicyId>p-1</TrafficPolicyId><TrafficPolicyVersion>4</TrafficPolicyVersion>"
        "<TrafficPolicyType>A</TrafficPolicyType></TrafficPolicyInstance>"
        "</GetTrafficPolicyInstanceResponse>";
    static const char empty[] = "<GetTrafficPolicyInstanceResponse/>";
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct route53_policy p;
    struct err err = {0};

    assert_true(route53_xml_parse_policy(&mem, text, sizeof text - 1, &p, &err));
    assert_string_equal(p.id, "t-1");
    assert_string_equal(p.policy, "p-1");
    assert_string_equal(p.state, "Applied");
    assert_int_equal(p.version, 4);
    assert_false(route53_xml_parse_policy(&mem, empty, sizeof empty - 1, &p, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zones_are_read_with_their_kind_and_owner),
        cmocka_unit_test(a_zone_is_read_with_its_name_servers),
        cmocka_unit_test(sets_are_read_field_by_field),
        cmocka_unit_test(pages_of_sets_are_appended),
        cmocka_unit_test(changes_are_pending_or_insync),
        cmocka_unit_test(every_shape_of_error_gives_a_code_and_a_message),
        cmocka_unit_test(an_empty_or_cut_error_still_says_something),
        cmocka_unit_test(an_error_of_any_length_is_known_for_what_it_is),
        cmocka_unit_test(a_document_type_is_refused_before_anything_expands),
        cmocka_unit_test(malformed_replies_are_refused),
        cmocka_unit_test(unknown_elements_are_skipped_with_what_they_hold),
        cmocka_unit_test(one_past_each_ceiling_is_refused),
        cmocka_unit_test(a_batch_is_written_in_the_order_the_api_wants),
        cmocka_unit_test(what_was_listed_is_sent_back_byte_for_byte),
        cmocka_unit_test(what_must_not_be_sent_is_a_bug),
        cmocka_unit_test(a_health_check_is_read_with_what_matters_to_a_record),
        cmocka_unit_test(a_traffic_policy_instance_is_read),
    };

    return cmocka_run_group_tests_name("route53_xml", tests, NULL, NULL);
}
