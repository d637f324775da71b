/* aws_ini.c, aws_config.c, credentials*.c: files and variables as the AWS tools read them, and the
 * order in which they count. Every test starts with an empty environment and an empty home
 * directory. */
#include "aws_config.h"
#include "credentials.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sluice/common.h"
#include "sluice/file.h"
#include "aws_home.h"
#include "test.h"

/* Loads and asks; err says why not. */
static bool find(const char *profile, struct credentials *c, struct err *err)
{
    err_clear(err);
    return credentials_at_hand(profile, c, err);
}

TEST(keys_come_from_the_environment_first)
{
    struct credentials c SL_CLEANUP(credentials_clear) = {0};
    struct err err = {0};

    aws_home_put_file(
        "credentials",
        "[default]\naws_access_key_id = FILEKEY\naws_secret_access_key = filesecret\n");
    setenv("AWS_ACCESS_KEY_ID", "ENVKEY", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "envsecret", 1);
    setenv("AWS_SESSION_TOKEN", "token", 1);
    setenv("AWS_CREDENTIAL_EXPIRATION", "2027-01-01T00:00:00Z", 1);
    assert_true(find(NULL, &c, &err));
    assert_string_equal(c.key_id, "ENVKEY");
    assert_string_equal(c.secret_key, "envsecret");
    assert_string_equal(c.token, "token");
    assert_string_equal(c.source, "environment");
    assert_true(c.expires_ms == INT64_C(1798761600000));
}

TEST(a_named_profile_sets_the_environment_keys_aside_and_AWS_PROFILE_does_not)
{
    struct credentials c SL_CLEANUP(credentials_clear) = {0}, d SL_CLEANUP(credentials_clear) = {0};
    struct err err = {0};

    aws_home_put_file("credentials",
                      "[shop]\naws_access_key_id = FILEKEY\naws_secret_access_key = filesecret\n");
    setenv("AWS_ACCESS_KEY_ID", "ENVKEY", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "envsecret", 1);
    assert_true(find("shop", &c, &err));
    assert_string_equal(c.key_id, "FILEKEY");
    assert_null(c.token);
    setenv("AWS_PROFILE", "shop", 1);
    assert_true(find(NULL, &d, &err));
    assert_string_equal(d.key_id, "ENVKEY");
}

TEST(an_empty_variable_is_unset_and_half_a_pair_is_an_error)
{
    struct credentials c SL_CLEANUP(credentials_clear) = {0};
    struct err err = {0};

    aws_home_put_file(
        "credentials",
        "[default]\naws_access_key_id = FILEKEY\naws_secret_access_key = filesecret\n");
    setenv("AWS_ACCESS_KEY_ID", "", 1);
    assert_true(find(NULL, &c, &err));
    assert_string_equal(c.key_id, "FILEKEY");
    credentials_clear(&c);
    setenv("AWS_ACCESS_KEY_ID", "ENVKEY", 1);
    assert_false(find(NULL, &c, &err));
    assert_non_null(strstr(err.text, "AWS_SECRET_ACCESS_KEY is not"));
    unsetenv("AWS_ACCESS_KEY_ID");
    setenv("AWS_SECRET_ACCESS_KEY", "x", 1);
    assert_false(find(NULL, &c, &err));
    assert_non_null(strstr(err.text, "AWS_ACCESS_KEY_ID is not"));
    setenv("AWS_ACCESS_KEY_ID", "two words", 1);
    assert_false(find(NULL, &c, &err));
    assert_non_null(strstr(err.text, "blank"));
}

TEST(the_credentials_file_comes_before_the_config_file)
{
    struct credentials c SL_CLEANUP(credentials_clear) = {0};
    struct err err = {0};

    aws_home_put_file("config",
                      "[profile shop]\nregion = eu-central-1\nAWS_Access_Key_Id = CONFIGKEY\n"
                      "aws_secret_access_key = configsecret\naws_session_token = t\n");
    assert_true(find("shop", &c, &err));
    assert_string_equal(c.key_id, "CONFIGKEY");
    assert_string_equal(c.token, "t");
    assert_string_equal(c.source, "config file");
    credentials_clear(&c);
    aws_home_put_file(
        "credentials",
        "# ours\n\n [shop]\n  aws_access_key_id=FILEKEY\n  aws_secret_access_key=s=:ecret \r\n");
    assert_true(find("shop", &c, &err));
    assert_string_equal(c.key_id, "FILEKEY");
    assert_string_equal(c.secret_key, "s=:ecret");
    assert_null(c.token);
}

TEST(half_a_pair_in_a_file_is_an_error_with_its_place)
{
    struct credentials c SL_CLEANUP(credentials_clear) = {0};
    struct err err = {0};

    aws_home_put_file("credentials", "[default]\naws_access_key_id = FILEKEY\n");
    assert_false(find(NULL, &c, &err));
    assert_int_equal(err.kind, ERR_FILE);
    assert_int_equal(err.line, 2);
    assert_int_equal(err.col, 21);
    assert_non_null(strstr(err.file, "/.aws/credentials"));
    assert_non_null(strstr(err.text, "no aws_secret_access_key"));
}

TEST(nothing_anywhere_says_what_to_do)
{
    struct credentials c SL_CLEANUP(credentials_clear) = {0};
    struct err err = {0};

    assert_false(find(NULL, &c, &err));
    assert_int_equal(err.kind, ERR_DENIED);
    assert_non_null(strstr(err.text, "AWS_ACCESS_KEY_ID"));
    assert_false(find("shop", &c, &err));
    assert_int_equal(err.kind, ERR_FILE);
    assert_non_null(strstr(err.text, "'shop' is neither in"));
}

TEST(what_has_to_be_fetched_is_never_signed_with_the_keys_behind_it)
{
    static const struct {
        const char *text;
        enum err_kind kind;
        const char *says;
    } rows[] = {
        {"role_arn = arn:aws:iam::1:role/x\nsource_profile = default\n", ERR_REFUSED, "fetched"},
        {"role_arn = arn:aws:iam::1:role/x\n", ERR_FILE, "neither source_profile nor"},
        {"role_arn = r\nweb_identity_token_file = x\n", ERR_REFUSED, "fetched"},
        {"sso_account_id = 1\n", ERR_FILE, "no sso_role_name"},
        {"login_session = x\n", ERR_FILE, "login_session"},
    };
    struct credentials c SL_CLEANUP(credentials_clear) = {0};
    struct err err = {0};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[256];

        snprintf(text, sizeof text,
                 "[default]\n%saws_access_key_id = K\naws_secret_access_key = s\n", rows[i].text);
        aws_home_put_file("config", text);
        assert_false(find(NULL, &c, &err));
        if (err.kind != rows[i].kind || !strstr(err.text, rows[i].says))
            fail_msg("row %zu: %d %s", i, (int)err.kind, err.text);
    }
}

TEST(a_broken_file_is_an_error_with_line_and_column)
{
    static const struct {
        const char *text, *says;
        unsigned line, col;
    } rows[] = {
        {"key = 1\n", "before the first", 1, 1},
        {"[default\n", "closing ]", 1, 9},
        {"[default] x\n", "nothing may follow", 1, 11},
        {"[]\n", "without a name", 1, 1},
        {"[a]\nwords\n", "neither", 2, 1},
        {"[a]\n= 1\n", "without a name", 2, 1},
        {"[a]\nx = 1\n[a]\n", "is there twice", 3, 1},
        {"[a]\nx = 1\n\n X = 2\n", "indented line", 4, 2},
        {"[a]\nx = 1\nX = 2\n", "x is there twice", 3, 1},
    };
    struct credentials c SL_CLEANUP(credentials_clear) = {0};
    struct err err = {0};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        aws_home_put_file("config", rows[i].text);
        assert_false(find(NULL, &c, &err));
        if (err.line != rows[i].line || err.col != rows[i].col || !strstr(err.text, rows[i].says))
            fail_msg("%s: %u:%u %s", rows[i].text, err.line, err.col, err.text);
    }
}

static struct aws_route53 endpoint(const char *profile, const char *url, struct aws_config *c)
{
    struct aws_route53 out = {0};
    struct err err = {0};

    if (!aws_config_load(c, profile, &err) || !aws_config_route53(c, url, &out, &err))
        fail_msg("%s", err.text);
    return out;
}

TEST(the_region_chooses_the_partition)
{
    static const struct {
        const char *region, *endpoint, *signing, *partition;
    } rows[] = {
        {"", "https://route53.amazonaws.com", "us-east-1", "aws"},
        {"eu-central-1", "https://route53.amazonaws.com", "us-east-1", "aws"},
        {"aws-global", "https://route53.amazonaws.com", "us-east-1", "aws"},
        {"cn-north-1", "https://route53.amazonaws.com.cn", "cn-northwest-1", "aws-cn"},
        {"us-gov-east-1", "https://route53.us-gov.amazonaws.com", "us-gov-west-1", "aws-us-gov"},
        {"eusc-de-east-1", "https://route53.amazonaws.eu", "eusc-de-east-1", "aws-eusc"},
        {"us-isob-east-1", "https://route53.sc2s.sgov.gov", "us-isob-east-1", "aws-iso-b"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct aws_config c SL_CLEANUP(aws_config_clear) = {0};
        struct aws_route53 r;

        setenv("AWS_REGION", rows[i].region, 1);
        r = endpoint(NULL, NULL, &c);
        assert_string_equal(r.endpoint, rows[i].endpoint);
        assert_string_equal(r.signing_region, rows[i].signing);
        assert_string_equal(r.partition, rows[i].partition);
        assert_null(r.ca_file);
    }
}

TEST(fips_and_dual_stack_have_endpoints_of_their_own)
{
    struct aws_config a SL_CLEANUP(aws_config_clear) = {0}, b SL_CLEANUP(aws_config_clear) = {0};
    struct aws_config c SL_CLEANUP(aws_config_clear) = {0};
    struct aws_route53 r;
    struct err err = {0};

    setenv("AWS_USE_FIPS_ENDPOINT", "true", 1);
    assert_string_equal(endpoint(NULL, NULL, &a).endpoint, "https://route53-fips.amazonaws.com");
    setenv("AWS_REGION", "cn-north-1", 1);
    assert_true(aws_config_load(&c, NULL, &err));
    assert_false(aws_config_route53(&c, NULL, &r, &err));
    unsetenv("AWS_REGION");
    unsetenv("AWS_USE_FIPS_ENDPOINT");
    setenv("AWS_USE_DUALSTACK_ENDPOINT", "true", 1);
    assert_string_equal(endpoint(NULL, NULL, &b).endpoint, "https://route53.global.api.aws");
}

TEST(endpoint_overrides_have_an_order)
{
    static const char config[] =
        "[default]\nendpoint_url = http://profile:1\nservices = local\n"
        "ca_bundle = /from/profile.pem\n[services local]\nroute_53 =\n"
        "  endpoint_url = http://services:1/\ns3 =\n  endpoint_url = http://s3:1\n";
    struct aws_config c[6];

    aws_home_put_file("config", config);
    assert_string_equal(endpoint(NULL, NULL, &c[0]).endpoint, "http://services:1");
    assert_string_equal(endpoint(NULL, NULL, &c[1]).ca_file, "/from/profile.pem");
    setenv("AWS_ENDPOINT_URL", "http://all:1", 1);
    setenv("AWS_CA_BUNDLE", "/from/env.pem", 1);
    assert_string_equal(endpoint(NULL, NULL, &c[2]).endpoint, "http://all:1");
    setenv("AWS_ENDPOINT_URL_ROUTE_53", "http://[::1]:53", 1);
    assert_string_equal(endpoint(NULL, NULL, &c[3]).endpoint, "http://[::1]:53");
    setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", 1);
    assert_string_equal(endpoint(NULL, NULL, &c[4]).endpoint, "https://route53.amazonaws.com");
    assert_string_equal(endpoint(NULL, "http://plan:1", &c[5]).endpoint, "http://plan:1");
    for (size_t i = 0; i < ARRAY_LEN(c); i++)
        aws_config_clear(&c[i]);
}

TEST(an_endpoint_that_is_no_origin_is_refused)
{
    static const char *const urls[] = {"ftp://x",    "localhost:80", "http://", "http://x/path",
                                       "http://u@x", "https://x?y",  ""};

    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct aws_config c SL_CLEANUP(aws_config_clear) = {0};
        struct aws_route53 r;
        struct err err = {0};

        assert_true(aws_config_load(&c, NULL, &err));
        assert_false(aws_config_route53(&c, urls[i], &r, &err));
        assert_int_equal(err.kind, ERR_FILE);
    }
}

TEST(files_may_live_elsewhere_and_names_may_be_quoted)
{
    struct credentials c SL_CLEANUP(credentials_clear) = {0};
    struct err err = {0};

    aws_home_put_file("config",
                      "[profile \"my shop\"]\naws_access_key_id = K\naws_secret_access_key = s\n");
    assert_true(find("my shop", &c, &err));
    credentials_clear(&c);
    setenv("AWS_CONFIG_FILE", "~/.aws/other", 1);
    assert_false(find("my shop", &c, &err));
    aws_home_put_file("other",
                      "[profile my shop]\naws_access_key_id = OTHER\naws_secret_access_key = s\n");
    assert_true(find("my shop", &c, &err));
    assert_string_equal(c.key_id, "OTHER");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(keys_come_from_the_environment_first, aws_home_set_up),
        cmocka_unit_test_setup(
            a_named_profile_sets_the_environment_keys_aside_and_AWS_PROFILE_does_not,
            aws_home_set_up),
        cmocka_unit_test_setup(an_empty_variable_is_unset_and_half_a_pair_is_an_error,
                               aws_home_set_up),
        cmocka_unit_test_setup(the_credentials_file_comes_before_the_config_file, aws_home_set_up),
        cmocka_unit_test_setup(half_a_pair_in_a_file_is_an_error_with_its_place, aws_home_set_up),
        cmocka_unit_test_setup(nothing_anywhere_says_what_to_do, aws_home_set_up),
        cmocka_unit_test_setup(what_has_to_be_fetched_is_never_signed_with_the_keys_behind_it,
                               aws_home_set_up),
        cmocka_unit_test_setup(a_broken_file_is_an_error_with_line_and_column, aws_home_set_up),
        cmocka_unit_test_setup(the_region_chooses_the_partition, aws_home_set_up),
        cmocka_unit_test_setup(fips_and_dual_stack_have_endpoints_of_their_own, aws_home_set_up),
        cmocka_unit_test_setup(endpoint_overrides_have_an_order, aws_home_set_up),
        cmocka_unit_test_setup(an_endpoint_that_is_no_origin_is_refused, aws_home_set_up),
        cmocka_unit_test_setup(files_may_live_elsewhere_and_names_may_be_quoted, aws_home_set_up),
    };

    return aws_home_run("credentials", tests, ARRAY_LEN(tests));
}
