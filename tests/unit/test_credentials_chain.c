/* credentials_*.c, looking: what each provider reads, in which order they count, and what is wrong
 * with what; where STS and the SSO portal are. Fetching: test_credentials_fetch.c, and with peers
 * tests/e2e/test_credentials.py. */
#include <stdio.h>

#include "aws_home.h"
#include "credentials_inner.h"
#include "sluice/common.h"

#define ROLE "role_arn = arn:aws:iam::123456789012:role/"
#define KEYS "aws_access_key_id = K\naws_secret_access_key = secret\n"

struct found {
    struct aws_config config;
    struct credentials_recipe recipe;
};

static void found_clear(struct found *f)
{
    credentials_clear(&f->recipe.keys);
    aws_config_clear(&f->config);
}

static bool find(const char *profile, const char *role, struct found *f, struct err *err)
{
    err_clear(err);
    return aws_config_load(&f->config, profile, err) &&
           credentials_find(&f->config, role, &f->recipe, err);
}

/* ---- Order ---- */

TEST(the_first_provider_that_is_configured_answers)
{
    static const struct {
        const char *config, *variable, *value;
        const char *source; /* of the fetch, or of keys at hand */
    } rows[] = {
        {"[default]\n" ROLE "a\nsource_profile = default\n" KEYS, NULL, NULL, "config file"},
        {"[default]\ncredential_process = x\n" KEYS, NULL, NULL, "credential_process"},
        {"[default]\nsso_account_id = 1\nsso_role_name = r\nsso_region = us-east-1\n"
         "sso_start_url = https://x\ncredential_process = x\n",
         NULL, NULL, "SSO"},
        {"[default]\nweb_identity_token_file = t\n" ROLE "w\nsso_account_id = 1\n", NULL, NULL,
         "web identity"},
        {"[default]\n" KEYS, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x", "config file"},
        {"", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x", "container credentials"},
        {"[default]\ncredential_process = x\n", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x",
         "credential_process"},
        {"", "AWS_EC2_METADATA_DISABLED", "false", "instance metadata"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct found f SL_CLEANUP(found_clear) = {0};
        struct err err = {0};
        const char *source;

        aws_home_set_up(NULL);
        aws_home_put(rows[i].config);
        if (rows[i].variable)
            setenv(rows[i].variable, rows[i].value, 1);
        if (!find(NULL, NULL, &f, &err))
            fail_msg("row %zu: %s", i, err.text);
        source = f.recipe.base ? f.recipe.base->name : f.recipe.keys.source;
        assert_string_equal(source, rows[i].source);
    }
}

TEST(a_role_is_taken_from_the_profile_that_has_keys_up_to_the_one_that_was_asked_for)
{
    struct found f SL_CLEANUP(found_clear) = {0};
    struct err err = {0};

    aws_home_put(
        "[profile a]\n" ROLE "a\nsource_profile = b\nexternal_id = x 1\nduration_seconds = 900\n"
        "[profile b]\n" ROLE "b\nsource_profile = c\nrole_session_name = me@work\nmfa_serial = m\n"
        "[profile c]\n" ROLE "ignored\n" KEYS);
    if (!find("a", "arn:aws:iam::1:role/plan", &f, &err))
        fail_msg("%s", err.text);
    assert_null(f.recipe.base);
    assert_string_equal(f.recipe.keys.key_id, "K");
    assert_int_equal(f.recipe.n_roles, 3);
    assert_string_equal(f.recipe.roles[0].arn, "arn:aws:iam::1:role/plan");
    assert_string_equal(f.recipe.roles[1].external_id, "x 1");
    assert_int_equal(f.recipe.roles[1].duration_s, 900);
    assert_string_equal(f.recipe.roles[2].session_name, "me@work");
    assert_string_equal(f.recipe.roles[2].mfa_serial, "m");
}

TEST(a_source_by_name_counts_whatever_else_is_configured)
{
    static const struct {
        const char *name, *variable, *source;
    } rows[] = {{"EcsContainer", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "container credentials"},
                {"Ec2InstanceMetadata", "AWS_EC2_METADATA_DISABLED", "instance metadata"}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct found f SL_CLEANUP(found_clear) = {0};
        struct err err = {0};
        char text[256];

        setenv(rows[i].variable, "/no", 1);
        snprintf(text, sizeof text, "[default]\n" ROLE "a\ncredential_source = %s\n" KEYS,
                 rows[i].name);
        aws_home_put(text);
        if (!find(NULL, NULL, &f, &err))
            fail_msg("%s", err.text);
        assert_string_equal(f.recipe.base->name, rows[i].source);
        assert_false(f.recipe.last_resort);
        assert_int_equal(f.recipe.n_roles, 1);
    }
}

/* ---- Broken is an error, with a place and a way out ---- */

TEST(what_is_configured_but_broken_is_an_error)
{
    static const struct {
        const char *config, *says;
        unsigned line;
    } rows[] = {
        {"[default]\n" ROLE "a\n" KEYS, "neither source_profile nor credential_source", 2},
        {"[default]\n" ROLE "a\nsource_profile = x\ncredential_source = Environment\n", "both", 2},
        {"[default]\n" ROLE "a\nsource_profile = gone\n", "no profile 'gone'", 3},
        {"[default]\n" ROLE "a\nsource_profile = default\n", "leads back to profile 'default'", 3},
        {"[default]\n" ROLE "a\nsource_profile = b\n[profile b]\n" ROLE
         "b\nsource_profile = default\n",
         "leads back to profile 'default'", 6},
        {"[default]\n" ROLE "a\nsource_profile = b\n[profile b]\n" ROLE "b\nsource_profile = b\n",
         "leads back to profile 'b'", 6},
        {"[default]\n" ROLE "a\nsource_profile = b\n[profile b]\nregion = x\n",
         "'b' has no credentials", 3},
        {"[default]\n" ROLE "a\ncredential_source = environment\n", "may be Environment", 3},
        {"[default]\n" ROLE "a\ncredential_source = Environment\n", "AWS_ACCESS_KEY_ID is not set",
         3},
        {"[default]\n" ROLE "a\ncredential_source = Ec2InstanceMetadata\n",
         "AWS_EC2_METADATA_DISABLED is true", 3},
        {"[default]\n" ROLE "a\nsource_profile = b\nduration_seconds = 899\n[profile b]\n" KEYS,
         "duration_seconds: ", 4},
        {"[default]\n" ROLE "a\nsource_profile = b\nrole_session_name = a b\n[profile b]\n" KEYS,
         "role_session_name takes", 4},
        {"[default]\ncredential_process = \"x\n", "a \" without its end", 2},
        {"[default]\ncredential_process = ''\n", "no program", 2},
        {"[default]\nweb_identity_token_file = t\n", "no role: set AWS_ROLE_ARN", 0},
        {"[default]\nsso_account_id = 1\nsso_role_name = r\nsso_session = s\n",
         "no section [sso-session s]", 4},
        {"[default]\nsso_account_id = 1\nsso_role_name = r\nsso_region = us-east-1\n",
         "no sso_start_url", 0},
        {"[default]\nsso_account_id = 1\nsso_role_name = r\nsso_session = s\nsso_region = a\n"
         "[sso-session s]\nsso_region = b\nsso_start_url = https://x\n",
         "'b' in the sso-session", 5},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct found f SL_CLEANUP(found_clear) = {0};
        struct err err = {0};

        aws_home_put(rows[i].config);
        if (find(NULL, NULL, &f, &err))
            fail_msg("row %zu is found", i);
        if (err.kind != ERR_FILE || err.line != rows[i].line || !strstr(err.text, rows[i].says))
            fail_msg("row %zu: %u: %s", i, err.line, err.text);
    }
}

TEST(a_chain_of_roles_has_a_ceiling)
{
    struct found f SL_CLEANUP(found_clear) = {0};
    struct buf text SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    for (int i = 0; i <= CREDENTIALS_ROLES_MAX; i++)
        buf_addf(&text, "[profile p%d]\n" ROLE "r\nsource_profile = p%d\n", i, i + 1);
    buf_addf(&text, "[profile p%d]\n" KEYS, CREDENTIALS_ROLES_MAX + 1);
    aws_home_put(buf_str(&text));
    assert_true(find("p1", NULL, &f, &err));
    found_clear(&f);
    assert_false(find("p0", NULL, &f, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
}

TEST(variables_of_containers_and_instances_are_checked)
{
    static const struct {
        const char *variable, *value, *says;
    } rows[] = {
        {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "x", "must begin with a /"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/", "neither https nor this"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.169.254/", "neither https nor this"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "ftp://127.0.0.1/", "FULL_URI: "},
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT", "localhost", "SERVICE_ENDPOINT: "},
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ipv5", "neither IPv4 nor IPv6"},
        {"AWS_METADATA_SERVICE_TIMEOUT", "0", "AWS_METADATA_SERVICE_TIMEOUT: "},
        {"AWS_METADATA_SERVICE_NUM_ATTEMPTS", "21", "AWS_METADATA_SERVICE_NUM_ATTEMPTS: "},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct found f SL_CLEANUP(found_clear) = {0};
        struct err err = {0};

        aws_home_set_up(NULL);
        unsetenv("AWS_EC2_METADATA_DISABLED");
        setenv(rows[i].variable, rows[i].value, 1);
        if (find(NULL, NULL, &f, &err) || err.kind != ERR_FILE || !strstr(err.text, rows[i].says))
            fail_msg("row %zu: %s", i, err.text);
    }
}

TEST(plain_http_goes_to_this_machine_and_the_agents_only)
{
    static const char *const good[] = {"127.0.0.1",     "127.9.9.9",      "localhost",     "[::1]",
                                       "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};
    static const char *const bad[] = {
        "127.0.0.1.example.com", "10.0.0.1",        "169.254.169.254",       "127.1",
        "169.254.170.22",        "[fd00:ec2::254]", "localhost.example.com", ""};

    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        if (!credentials_is_container_host(good[i]))
            fail_msg("%s", good[i]);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (credentials_is_container_host(bad[i]))
            fail_msg("%s", bad[i]);
}

TEST(the_metadata_endpoint_is_chosen)
{
    static const struct {
        const char *endpoint, *mode, *url;
    } rows[] = {{NULL, NULL, "http://169.254.169.254"},
                {NULL, "IPv6", "http://[fd00:ec2::254]"},
                {"http://127.0.0.1:9/x/", "IPv6", "http://127.0.0.1:9/x"}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct found f SL_CLEANUP(found_clear) = {0};
        struct err err = {0};

        aws_home_set_up(NULL);
        unsetenv("AWS_EC2_METADATA_DISABLED");
        if (rows[i].endpoint)
            setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", rows[i].endpoint, 1);
        if (rows[i].mode)
            setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", rows[i].mode, 1);
        if (!find(NULL, NULL, &f, &err))
            fail_msg("%s", err.text);
        assert_string_equal(f.recipe.url, rows[i].url);
        assert_true(f.recipe.last_resort);
    }
}

TEST(the_sso_token_file_is_named_after_the_session_or_the_start_url)
{
    static const char common[] = "sso_account_id = 1\nsso_role_name = r\n";
    struct found f SL_CLEANUP(found_clear) = {0}, g SL_CLEANUP(found_clear) = {0};
    struct buf text SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    /* sha1sum of "my-sso" and of "https://d-1.awsapps.com/start" */
    buf_addf(&text,
             "[profile s]\n%ssso_session = my-sso\n[profile u]\n%ssso_region = eu-west-1\n"
             "sso_start_url = https://d-1.awsapps.com/start\n[sso-session my-sso]\n"
             "sso_region = us-east-1\nsso_start_url = https://x\n",
             common, common);
    aws_home_put(buf_str(&text));
    assert_true(find("s", NULL, &f, &err));
    assert_non_null(strstr(f.recipe.token_file,
                           "/.aws/sso/cache/0ad374308c5a4e22f723adf10145eafad7c4031c.json"));
    assert_string_equal(f.recipe.sso_region, "us-east-1");
    assert_true(find("u", NULL, &g, &err));
    assert_non_null(strstr(g.recipe.token_file,
                           "/.aws/sso/cache/0c54b6c27e90660baa89eaad85ac1d5dae26cb7d.json"));
}

/* ---- Endpoints ---- */

TEST(sts_is_asked_in_the_region_or_in_the_partition_of_the_role)
{
    static const struct {
        const char *region, *variable, *value, *arn, *endpoint, *signing;
    } rows[] = {
        {"", NULL, NULL, "arn:aws:iam::1:role/x", "https://sts.us-east-1.amazonaws.com",
         "us-east-1"},
        {"", NULL, NULL, "arn:aws-cn:iam::1:role/x", "https://sts.cn-northwest-1.amazonaws.com.cn",
         "cn-northwest-1"},
        {"eu-central-1", NULL, NULL, "arn:aws:iam::1:role/x",
         "https://sts.eu-central-1.amazonaws.com", "eu-central-1"},
        {"cn-north-1", NULL, NULL, "arn:aws-cn:iam::1:role/x",
         "https://sts.cn-north-1.amazonaws.com.cn", "cn-north-1"},
        {"us-gov-east-1", "AWS_USE_FIPS_ENDPOINT", "true", "arn:aws-us-gov:iam::1:role/x",
         "https://sts.us-gov-east-1.amazonaws.com", "us-gov-east-1"},
        {"us-west-2", "AWS_USE_FIPS_ENDPOINT", "true", "a",
         "https://sts-fips.us-west-2.amazonaws.com", "us-west-2"},
        {"us-west-2", "AWS_USE_DUALSTACK_ENDPOINT", "true", "a", "https://sts.us-west-2.api.aws",
         "us-west-2"},
        {"eu-west-1", "AWS_STS_REGIONAL_ENDPOINTS", "legacy", "a", "https://sts.amazonaws.com",
         "us-east-1"},
        {"eu-south-1", "AWS_STS_REGIONAL_ENDPOINTS", "legacy", "a",
         "https://sts.eu-south-1.amazonaws.com", "eu-south-1"},
        {"eu-west-1", "AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1/", "a", "http://127.0.0.1:1",
         "eu-west-1"},
        {"eu-west-1", "AWS_ENDPOINT_URL", "http://127.0.0.1:2", "a", "http://127.0.0.1:2",
         "eu-west-1"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct aws_config c SL_CLEANUP(aws_config_clear) = {0};
        struct aws_service s;
        struct err err = {0};

        aws_home_set_up(NULL);
        setenv("AWS_REGION", rows[i].region, 1);
        if (rows[i].variable)
            setenv(rows[i].variable, rows[i].value, 1);
        if (!aws_config_load(&c, NULL, &err) || !aws_config_sts(&c, rows[i].arn, &s, &err))
            fail_msg("row %zu: %s", i, err.text);
        assert_string_equal(s.endpoint, rows[i].endpoint);
        assert_string_equal(s.region, rows[i].signing);
    }
}

TEST(services_of_the_profile_name_their_endpoints)
{
    struct aws_config c SL_CLEANUP(aws_config_clear) = {0};
    struct aws_service s;
    struct err err = {0};

    aws_home_put("[default]\nservices = l\nendpoint_url = http://all:1\n[services l]\nsts =\n"
                 "  endpoint_url = http://sts:1\n");
    assert_true(aws_config_load(&c, NULL, &err));
    assert_true(aws_config_sts(&c, "a", &s, &err));
    assert_string_equal(s.endpoint, "http://sts:1");
    assert_true(aws_config_sso(&c, "eu-west-1", &s, &err));
    assert_string_equal(s.endpoint, "http://all:1");
    setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", 1);
    assert_true(aws_config_sso(&c, "us-gov-west-1", &s, &err));
    assert_string_equal(s.endpoint, "https://portal.sso.us-gov-west-1.amazonaws.com");
    assert_false(aws_config_sso(&c, "x.example.com/", &s, &err));
    assert_int_equal(err.kind, ERR_FILE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_first_provider_that_is_configured_answers, aws_home_set_up),
        cmocka_unit_test_setup(
            a_role_is_taken_from_the_profile_that_has_keys_up_to_the_one_that_was_asked_for,
            aws_home_set_up),
        cmocka_unit_test_setup(a_source_by_name_counts_whatever_else_is_configured,
                               aws_home_set_up),
        cmocka_unit_test_setup(what_is_configured_but_broken_is_an_error, aws_home_set_up),
        cmocka_unit_test_setup(a_chain_of_roles_has_a_ceiling, aws_home_set_up),
        cmocka_unit_test_setup(variables_of_containers_and_instances_are_checked, aws_home_set_up),
        cmocka_unit_test_setup(plain_http_goes_to_this_machine_and_the_agents_only,
                               aws_home_set_up),
        cmocka_unit_test_setup(the_metadata_endpoint_is_chosen, aws_home_set_up),
        cmocka_unit_test_setup(the_sso_token_file_is_named_after_the_session_or_the_start_url,
                               aws_home_set_up),
        cmocka_unit_test_setup(sts_is_asked_in_the_region_or_in_the_partition_of_the_role,
                               aws_home_set_up),
        cmocka_unit_test_setup(services_of_the_profile_name_their_endpoints, aws_home_set_up),
    };

    return aws_home_run("credentials_chain", tests, ARRAY_LEN(tests));
}
