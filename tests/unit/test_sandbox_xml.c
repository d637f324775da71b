/* What the sandbox takes as a ChangeResourceRecordSetsRequest: the order of elements, above all. */
#include "test.h"

#include <stdio.h>

#include "batch_xml.h"

#define WRAP(set)                                                                                  \
    "<ChangeResourceRecordSetsRequest xmlns=\"" ROUTE53_NS "\"><ChangeBatch><Changes><Change>"     \
    "<Action>CREATE</Action><ResourceRecordSet>" set "</ResourceRecordSet></Change></Changes>"     \
    "</ChangeBatch></ChangeResourceRecordSetsRequest>"
#define NAME "<Name>www.example.com</Name>"
#define RECORDS                                                                                    \
    "<ResourceRecords><ResourceRecord><Value>192.0.2.1</Value></ResourceRecord></ResourceRecords>"

struct row {
    const char *body;
    const char *code;    /* NULL: taken */
    const char *message; /* a part */
};

static const struct row rows[] = {
    {WRAP(NAME "<Type>A</Type><TTL>60</TTL>" RECORDS), NULL, NULL},
    {WRAP("\n  " NAME
          "\n<Type>A</Type> <SetIdentifier>&lt;a&amp;b></SetIdentifier><Weight>0</Weight><TTL>60"
          "</TTL>" RECORDS "<HealthCheckId>h</HealthCheckId>"),
     NULL, NULL},
    {WRAP(NAME "<Type>A</Type><AliasTarget><HostedZoneId>Z</HostedZoneId><DNSName>x.test</DNSName>"
               "<EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget>"),
     NULL, NULL},
    {WRAP(NAME "<Type>A</Type>" RECORDS "<TTL>60</TTL>"), "InvalidInput",
     "cvc-complex-type.2.4.a: Invalid content was found starting with element 'TTL'"},
    {WRAP(NAME
          "<Type>A</Type><Weight>1</Weight><SetIdentifier>x</SetIdentifier><TTL>60</TTL>" RECORDS),
     "InvalidInput", "'SetIdentifier'"},
    {WRAP("<Type>A</Type>" NAME "<TTL>60</TTL>" RECORDS), "InvalidInput",
     "starting with element 'Type'"},
    {WRAP(NAME "<Type>A</Type><TTL>60</TTL><TTL>60</TTL>" RECORDS), "InvalidInput", "'TTL'"},
    {WRAP(NAME "<Type>A</Type><Colour>red</Colour><TTL>60</TTL>" RECORDS), "InvalidInput",
     "'Colour'"},
    {WRAP(NAME "<TTL>60</TTL>" RECORDS), "InvalidInput", "'TTL'"},
    {WRAP(NAME "<Type>A</Type><TTL>60</TTL><ResourceRecords></ResourceRecords>"), "InvalidInput",
     "The content of element 'ResourceRecords' is not complete"},
    {WRAP(NAME "<Type>A</Type><TTL>soon</TTL>" RECORDS), "InvalidInput",
     "'soon' is not a valid value"},
    {WRAP(NAME "<Type>A</Type><TTL>-1</TTL>" RECORDS), "InvalidInput", "'-1' is not a valid value"},
    {WRAP(NAME "<Type>a</Type><TTL>60</TTL>" RECORDS), "InvalidInput",
     "Value 'a' is not facet-valid"},
    {WRAP("<Name>a..b</Name><Type>A</Type><TTL>60</TTL>" RECORDS), "InvalidChangeBatch",
     "DomainLabelEmpty"},
    {"<ChangeBatch xmlns=\"" ROUTE53_NS "\"/>", "MalformedInput",
     "ChangeBatch is not valid, expected ChangeResourceRecordSetsRequest"},
    {"<ChangeResourceRecordSetsRequest/>", "", "Cannot find the declaration of element"},
    {"<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2012-12-12/\"/>",
     "", "Cannot find the declaration of element 'ChangeResourceRecordSetsRequest'"},
    {"<!DOCTYPE x [<!ENTITY a \"b\">]><x/>", "", "a document type is not allowed"},
    {"<x", "", "lineNumber: 1"},
    {"", "", "no element found"},
};

TEST(bodies_are_taken_or_refused_as_the_table_says)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena mem = {0};
        struct buf why = {0};
        struct batch b = {0};
        struct batch_verdict v = {0};
        const struct xml_node *root =
            xml_tree_parse(&mem, rows[i].body, strlen(rows[i].body), ROUTE53_NS, &why);
        bool taken = root && batch_from_xml(&b, root, &v);
        const char *message = root ? buf_str(&v.message) : buf_str(&why);

        if (taken != !rows[i].code)
            fail_msg("row %zu: taken %d: %s", i, taken, message);
        if (rows[i].code &&
            (strcmp(root ? v.code : "", rows[i].code) != 0 || !strstr(message, rows[i].message)))
            fail_msg("row %zu: %s: %s", i, root ? v.code : "", message);
        batch_clear(&b);
        batch_verdict_clear(&v);
        buf_clear(&why);
        arena_clear(&mem);
    }
}

TEST(texts_are_taken_as_they_are_escaped)
{
    struct arena mem = {0};
    struct buf why = {0}, out = {0};
    struct batch b = {0};
    struct batch_verdict v = {0};
    const struct xml_node *root =
        xml_tree_parse(&mem, rows[1].body, strlen(rows[1].body), ROUTE53_NS, &why);

    assert_true(root && batch_from_xml(&b, root, &v));
    assert_string_equal(b.changes[0].set->set_id, "<a&b>");
    assert_int_equal(b.changes[0].set->weight, 0);
    xml_add_escaped(&out, b.changes[0].set->set_id);
    assert_string_equal(buf_str(&out), "&lt;a&amp;b&gt;");
    buf_clear(&out);
    batch_clear(&b);
    arena_clear(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_are_taken_or_refused_as_the_table_says),
        cmocka_unit_test(texts_are_taken_as_they_are_escaped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
