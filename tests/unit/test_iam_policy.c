/* test_iam_policy.c: the least policy of a plan, whole; and names as IAM has them. */
#include "test.h"

#include <stdlib.h>

#include "iam_policy.h"
#include "sluice/common.h"

TEST(names_are_normalised_as_iam_compares_them)
{
    static const char *const rows[][2] = {
        {"www.example.com", "www.example.com"},
        {"WWW.Example.COM.", "www.example.com"},
        {"*.shops.example.com", "\\052.shops.example.com"},
        {"\\052.shops.example.com.", "\\052.shops.example.com"},
        {"_sluice.example.com.", "_sluice.example.com"},
        {"a\\056b.example.com.", "a\\056b.example.com"}, /* a dot inside a label stays escaped */
        {"\\101b.example.com", "ab.example.com"},        /* an escaped letter needs none */
        {"b\xc3\xbc.example.com", "b\\303\\274.example.com"},
        {"a\\b.example.com", "a\\134b.example.com"},
        {"a\\40", "a\\13440"}, /* no whole escape: the backslash is a byte of its own */
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out SL_CLEANUP(buf_clear) = {0};

        iam_policy_name(rows[i][0], &out);
        assert_string_equal(buf_str(&out), rows[i][1]);
    }
}

static void prints(const struct iam_policy *p, const char *want)
{
    json_t *got = iam_policy_json(p), *expected;
    char *quoted = strdup(want), *text = json_dumps(got, JSON_COMPACT);

    for (char *c = quoted; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    expected = json_loads(quoted, 0, NULL);
    assert_non_null(expected);
    if (!json_equal(got, expected))
        fail_msg("%s", text);
    json_decref(got);
    json_decref(expected);
    free(quoted);
    free(text);
}

#define NAMES "'route53:ChangeResourceRecordSetsNormalizedRecordNames'"
#define TYPES "'route53:ChangeResourceRecordSetsRecordTypes'"
#define VERBS "'route53:ChangeResourceRecordSetsActions'"
#define NULLS "'Null': {" NAMES ": 'false', " TYPES ": 'false', " VERBS ": 'false'}"
#define ALL   VERBS ": ['CREATE', 'DELETE', 'UPSERT']"
#define TAIL(partition)                                                                            \
    "{'Sid': 'SluicePreflight', 'Effect': 'Allow', 'Action': ['route53:GetHealthCheck', "          \
    "'route53:GetTrafficPolicyInstance'], 'Resource': ['arn:" partition                            \
    ":route53:::healthcheck/*', 'arn:" partition ":route53:::trafficpolicyinstance/*']}]}"

TEST(two_zones_are_two_statements_each_name_and_type_once)
{
    static const struct iam_policy_record first[] = {{"www.example.com", "A"},
                                                     {"www.example.com", "AAAA"},
                                                     {"*.shops.example.com", "CNAME"}},
                                          second[] = {{"www.example.net", "A"}};
    const struct iam_policy_zone zones[] = {
        {.id = "Z1", .records = first, .n_records = 3, .lease = "_sluice.example.com."},
        {.id = "Z2", .records = second, .n_records = 1}};

    prints(
        &(struct iam_policy){"aws", zones, 2, true, IAM_WALKS},
        "{'Version': '2012-10-17', 'Statement': ["
        "{'Sid': 'SluiceRead', 'Effect': 'Allow', 'Action': ['route53:GetHostedZone', "
        "'route53:ListResourceRecordSets'], 'Resource': ['arn:aws:route53:::hostedzone/Z1', "
        "'arn:aws:route53:::hostedzone/Z2']},"
        "{'Sid': 'SluiceSync', 'Effect': 'Allow', 'Action': 'route53:GetChange', 'Resource': "
        "'arn:aws:route53:::change/*'},"
        "{'Sid': 'SluiceChangeZ1', 'Effect': 'Allow', 'Action': "
        "'route53:ChangeResourceRecordSets', 'Resource': 'arn:aws:route53:::hostedzone/Z1', "
        "'Condition': {'ForAllValues:StringEquals': {" NAMES
        ": ['\\\\052.shops.example.com', '_sluice.example.com', 'www.example.com'], " TYPES
        ": ['A', 'AAAA', 'CNAME', 'TXT'], " ALL "}, " NULLS "}},"
        "{'Sid': 'SluiceChangeZ2', 'Effect': 'Allow', 'Action': "
        "'route53:ChangeResourceRecordSets', 'Resource': 'arn:aws:route53:::hostedzone/Z2', "
        "'Condition': {'ForAllValues:StringEquals': {" NAMES ": ['www.example.net'], " TYPES
        ": ['A'], " ALL "}, " NULLS "}},"
        "{'Sid': 'SluiceFindZone', 'Effect': 'Allow', 'Action': 'route53:ListHostedZonesByName', "
        "'Resource': '*'}," TAIL("aws"));
}

TEST(an_unknown_lease_name_is_a_pattern_and_zones_by_id_are_not_looked_up)
{
    static const struct iam_policy_record one[] = {{"www.example.com", "A"}};
    const struct iam_policy_zone zone = {
        .id = "Z1", .records = one, .n_records = 1, .lease_like = true};

    prints(&(struct iam_policy){"aws-cn", &zone, 1, false, IAM_WALKS},
           "{'Version': '2012-10-17', 'Statement': ["
           "{'Sid': 'SluiceRead', 'Effect': 'Allow', 'Action': ['route53:GetHostedZone', "
           "'route53:ListResourceRecordSets'], 'Resource': ['arn:aws-cn:route53:::hostedzone/Z1']},"
           "{'Sid': 'SluiceSync', 'Effect': 'Allow', 'Action': 'route53:GetChange', 'Resource': "
           "'arn:aws-cn:route53:::change/*'},"
           "{'Sid': 'SluiceChangeZ1', 'Effect': 'Allow', 'Action': "
           "'route53:ChangeResourceRecordSets', 'Resource': 'arn:aws-cn:route53:::hostedzone/Z1', "
           "'Condition': {'ForAllValues:StringLike': {" NAMES
           ": ['_sluice.*', 'www.example.com']}, "
           "'ForAllValues:StringEquals': {" TYPES ": ['A', 'TXT'], " ALL "}, " NULLS
           "}}," TAIL("aws-cn"));
}

#define READ                                                                                       \
    "{'Sid': 'SluiceRead', 'Effect': 'Allow', 'Action': ['route53:GetHostedZone', "                \
    "'route53:ListResourceRecordSets'], 'Resource': ['arn:aws:route53:::hostedzone/Z1']},"
#define CHANGE                                                                                     \
    "{'Sid': 'SluiceChangeZ1', 'Effect': 'Allow', 'Action': 'route53:ChangeResourceRecordSets', "  \
    "'Resource': 'arn:aws:route53:::hostedzone/Z1', 'Condition': {'ForAllValues:StringEquals': {"

TEST(each_command_is_allowed_what_it_does_and_no_more)
{
    static const struct iam_policy_record one[] = {{"www.example.com", "CNAME"}},
                                          helpers[] = {{"new-www.example.com", "A"}};
    const struct iam_policy_zone zone = {.id = "Z1",
                                         .records = one,
                                         .n_records = 1,
                                         .lease = "_sluice.example.com.",
                                         .helpers = helpers,
                                         .n_helpers = 1,
                                         .trial = "_sluice-try.example.com."};

    prints(&(struct iam_policy){"aws", &zone, 1, false, IAM_PREPARE},
           "{'Version': '2012-10-17', 'Statement': [" READ
           "{'Sid': 'SluiceSync', 'Effect': 'Allow', 'Action': 'route53:GetChange', 'Resource': "
           "'arn:aws:route53:::change/*'}," CHANGE NAMES
           ": ['_sluice-try.example.com', '_sluice.example.com', 'new-www.example.com', "
           "'www.example.com'], " TYPES ": ['A', 'CNAME', 'TXT'], " VERBS
           ": ['CREATE', 'DELETE']}, " NULLS "}}]}");
    prints(&(struct iam_policy){"aws", &zone, 1, false, IAM_FINISH},
           "{'Version': '2012-10-17', 'Statement': [" READ
           "{'Sid': 'SluiceSync', 'Effect': 'Allow', 'Action': 'route53:GetChange', 'Resource': "
           "'arn:aws:route53:::change/*'}," CHANGE NAMES
           ": ['_sluice.example.com', 'new-www.example.com', 'www.example.com'], " TYPES
           ": ['A', 'CNAME', 'TXT'], " VERBS ": ['CREATE', 'DELETE']}, " NULLS "}}]}");
    prints(&(struct iam_policy){"aws", &zone, 1, false, IAM_RELEASE},
           "{'Version': '2012-10-17', 'Statement': [" READ CHANGE NAMES
           ": ['_sluice.example.com'], " TYPES ": ['TXT'], " VERBS ": ['CREATE', 'DELETE']}, " NULLS
           "}}]}");
}

TEST(commands_are_read_from_a_list)
{
    struct err err = {0};
    unsigned bits;

    assert_true(iam_policy_commands("prepare,ramp", &bits, &err));
    assert_int_equal(bits, IAM_PREPARE | IAM_RAMP);
    assert_true(iam_policy_commands("all", &bits, &err));
    assert_int_equal(bits, IAM_WALKS | IAM_CONVERTS | IAM_RELEASE);
    assert_false(iam_policy_commands("ramp,", &bits, &err));
    assert_int_equal(err.kind, ERR_USAGE);
    err = (struct err){0};
    assert_false(iam_policy_commands("rampage", &bits, &err));
    assert_non_null(strstr(err.text, "not 'rampage'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_normalised_as_iam_compares_them),
        cmocka_unit_test(two_zones_are_two_statements_each_name_and_type_once),
        cmocka_unit_test(an_unknown_lease_name_is_a_pattern_and_zones_by_id_are_not_looked_up),
        cmocka_unit_test(each_command_is_allowed_what_it_does_and_no_more),
        cmocka_unit_test(commands_are_read_from_a_list),
    };

    return cmocka_run_group_tests_name("iam_policy", tests, NULL, NULL);
}
