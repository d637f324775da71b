/* credentials_*.c: what each provider reads, in which order they count, and what is wrong with
 * what; the parts of fetching that need no peer. With peers: tests/e2e/test_credentials.py. Every
 * test starts with an empty environment and an empty home directory. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "credentials_inner.h"
#include "credentials_keep.h"
#include "credentials_sts.h"
#include "sluice/clock.h"
#include "sluice/common.h"
#include "sluice/file.h"
#include "sluice/json.h"
#include "sts_xml.h"
#include "test.h"

#define ROLE "role_arn = arn:aws:iam::123456789012:role/"
#define KEYS "aws_access_key_id = K\naws_secret_access_key = secret\n"

static char home[] = "/tmp/sluice-chain-XXXXXX";

static int set_up(void **state)
{
    char path[128];

    (void)state;
    for (char **e = environ; *e;) {
        char name[64];

        snprintf(name, sizeof name, "%.*s", (int)strcspn(*e, "="), *e);
        if (strncmp(name, "AWS_", 4) == 0)
            unsetenv(name); /* the next one is at this place now */
        else
            e++;
    }
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    setenv("HOME", home, 1);
    snprintf(path, sizeof path, "%s/.aws/config", home);
    unlink(path);
    return 0;
}

static void put(const char *text)
{
    char path[128];
    struct err err = {0};

    snprintf(path, sizeof path, "%s/.aws/config", home);
    if (!file_write(path, text, strlen(text), &err))
        fail_msg("%s", err.text);
}

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

        set_up(NULL);
        put(rows[i].config);
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

    put("[profile a]\n" ROLE "a\nsource_profile = b\nexternal_id = x 1\nduration_seconds = 900\n"
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
        put(text);
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

        put(rows[i].config);
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
    put(buf_str(&text));
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

        set_up(NULL);
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

        set_up(NULL);
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
    put(buf_str(&text));
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

        set_up(NULL);
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

    put("[default]\nservices = l\nendpoint_url = http://all:1\n[services l]\nsts =\n"
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

/* ---- Parts ---- */

TEST(a_command_is_split_as_a_shell_would_without_being_one)
{
    static const struct {
        const char *command, *words; /* joined by | */
    } rows[] = {
        {"/opt/x --user helen", "/opt/x|--user|helen"},
        {"\"/with space/x\" \"a b\" c", "/with space/x|a b|c"},
        {"  x\t 'a \"b\" $HOME' ~", "x|a \"b\" $HOME|~"},
        {"x \"a\\\"b\\\\c\\d\" e\\ f", "x|a\"b\\c\\d|e f"},
        {"x ''  \"\"", "x||"},
        {"x a\"b\"'c'", "x|abc"},
        {"x; rm -rf $(y) `z` > w", "x;|rm|-rf|$(y)|`z`|>|w"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena mem SL_CLEANUP(arena_clear) = {0};
        struct buf joined SL_CLEANUP(buf_clear) = {0};
        const char *const *argv = credentials_split(&mem, rows[i].command, NULL);

        assert_non_null(argv);
        for (size_t k = 0; argv[k]; k++)
            buf_addf(&joined, "%s%s", k ? "|" : "", argv[k]);
        assert_string_equal(buf_str(&joined), rows[i].words);
    }
}

TEST(a_command_has_a_ceiling_of_words)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    struct buf text SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    for (int i = 0; i < CREDENTIALS_ARGS_MAX; i++)
        buf_add_str(&text, "x ");
    assert_non_null(credentials_split(&mem, buf_str(&text), &err));
    buf_add_str(&text, "x");
    assert_null(credentials_split(&mem, buf_str(&text), &err));
    assert_int_equal(err.kind, ERR_FILE);
}

TEST(keys_in_json_are_read_strictly)
{
    static const struct {
        const char *text, *says; /* NULL: good */
    } rows[] = {
        {"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\"}", NULL},
        {"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\",\"Token\":null,\"Expiration\":\"\"}",
         NULL},
        {"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\",\"Expiration\":\"2027-01-01T00:00:00."
         "5Z\"}",
         NULL},
        {"[]", "no JSON object"},
        {"{\"SecretAccessKey\":\"s\"}", "no AccessKeyId"},
        {"{\"AccessKeyId\":\"A\"}", "no SecretAccessKey"},
        {"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":7}", "SecretAccessKey"},
        {"{\"AccessKeyId\":\"\",\"SecretAccessKey\":\"s\"}", "AccessKeyId"},
        {"{\"AccessKeyId\":\"A\\u0000b\",\"SecretAccessKey\":\"s\"}", "AccessKeyId"},
        {"{\"AccessKeyId\":\"A\\n\",\"SecretAccessKey\":\"s\"}", "control character"},
        {"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\",\"Expiration\":\"soon\"}", "fields: "},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct credentials c SL_CLEANUP(credentials_clear) = {0};
        struct err err = {0};
        json_t *root = json_parse(rows[i].text, strlen(rows[i].text), &err);
        bool ok = credentials_from_json(&c, "test", root, "Token", &err);

        json_decref(root);
        if (ok != !rows[i].says ||
            (!ok && (err.kind != ERR_PROTOCOL || !strstr(err.text, rows[i].says))))
            fail_msg("row %zu: %s", i, err.text);
    }
}

#define STS_REPLY(inside)                                                                          \
    "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>"   \
    "<Credentials>" inside "</Credentials><AssumedRoleUser><Arn>a</Arn></AssumedRoleUser>"         \
    "</AssumeRoleResult></AssumeRoleResponse>"
#define STS_FIELDS                                                                                 \
    "<AccessKeyId>A</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"                             \
    "<SessionToken>t&amp;u</SessionToken>"

TEST(a_session_is_read_from_xml)
{
    static const char good[] =
        STS_REPLY(STS_FIELDS "<Expiration>2027-01-01T00:00:00Z</Expiration>");
    static const struct {
        const char *text;
        enum err_kind kind;
    } bad[] = {
        {"", ERR_PROTOCOL},
        {"{}", ERR_PROTOCOL},
        {"<html/>", ERR_PROTOCOL},
        {"<!DOCTYPE x [<!ENTITY a \"b\">]><AssumeRoleResponse/>", ERR_PROTOCOL},
        {STS_REPLY(STS_FIELDS), ERR_PROTOCOL},
        {STS_REPLY("<AccessKeyId>A</AccessKeyId>" STS_FIELDS), ERR_PROTOCOL},
        {"<AssumeRoleResponse><AccessKeyId>A</AccessKeyId></AssumeRoleResponse>", ERR_PROTOCOL},
        {"<AssumeRoleResponse><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a/>", ERR_LIMIT},
    };
    struct sts_keys k SL_CLEANUP(sts_xml_clear) = {0};
    struct err err = {0};

    if (!sts_xml_parse(good, sizeof good - 1, &k, &err))
        fail_msg("%s", err.text);
    assert_string_equal(buf_str(&k.token), "t&u");
    assert_string_equal(buf_str(&k.expiration), "2027-01-01T00:00:00Z");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct sts_keys none SL_CLEANUP(sts_xml_clear) = {0};

        err_clear(&err);
        if (sts_xml_parse(bad[i].text, strlen(bad[i].text), &none, &err) || err.kind != bad[i].kind)
            fail_msg("row %zu: %d %s", i, (int)err.kind, err.text);
    }
}

TEST(session_names_are_what_sts_takes)
{
    char longest[CREDENTIALS_SESSION_MAX + 2];

    memset(longest, 'a', sizeof longest - 1);
    longest[CREDENTIALS_SESSION_MAX + 1] = '\0';
    assert_false(credentials_sts_check_session(longest));
    longest[CREDENTIALS_SESSION_MAX] = '\0';
    assert_true(credentials_sts_check_session(longest));
    assert_true(credentials_sts_check_session("a@b+c=d,e.f-g_h"));
    assert_false(credentials_sts_check_session("a"));
    assert_false(credentials_sts_check_session("a/b"));
}

/* ---- Processes, and keeping ---- */

/* A program that prints text and ends with status. */
static void put_program(const char *text, int status, const char *errors)
{
    char path[128];
    struct buf script SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    snprintf(path, sizeof path, "%s/helper", home);
    buf_addf(&script, "#!/bin/sh\necho '%s' >&2\ncat <<'END'\n%s\nEND\nexit %d\n", errors, text,
             status);
    if (!file_write(path, buf_str(&script), script.len, &err) || chmod(path, 0700) < 0)
        fail_msg("%s", err.text);
    buf_clear(&script);
    buf_addf(&script, "[default]\ncredential_process = %s\n", path);
    put(buf_str(&script));
}

static bool get(struct http *http, struct secret_set *secrets, struct credentials *c,
                struct err *err)
{
    const struct credentials_ask ask = {.secrets = secrets};

    err_clear(err);
    return credentials_get(http, &ask, c, err);
}

#define PROCESS_KEYS "\"AccessKeyId\":\"AKID\",\"SecretAccessKey\":\"very-secret\""

TEST(a_process_prints_keys)
{
    struct err err = {0};
    struct credentials c SL_CLEANUP(credentials_clear) = {0};
    struct http *http = http_new(&(struct http_config){0}, &err);
    struct secret_set *secrets = secret_new();
    struct buf text SL_CLEANUP(buf_clear) = {0};

    put_program("{\"Version\":1," PROCESS_KEYS
                ",\"SessionToken\":\"token\",\"Expiration\":\"2099-01-01T00:00:00Z\"}",
                0, "");
    if (!get(http, secrets, &c, &err))
        fail_msg("%s", err.text);
    assert_string_equal(c.key_id, "AKID");
    assert_string_equal(c.token, "token");
    assert_string_equal(c.source, "credential_process");
    assert_true(c.expires_ms == INT64_C(4070908800000));
    buf_add_str(&text, "x very-secret y");
    secret_redact(secrets, &text);
    assert_null(strstr(buf_str(&text), "very-secret"));
    secret_free(secrets);
    http_free(http);
}

TEST(a_process_that_fails_is_an_error_and_its_complaint_is_not_shown)
{
    static const struct {
        const char *text;
        int status;
        enum err_kind kind;
        const char *says;
    } rows[] = {
        {"", 3, ERR_DENIED, "exited with 3"},
        {"words", 0, ERR_PROTOCOL, "no JSON"},
        {"{" PROCESS_KEYS "}", 0, ERR_PROTOCOL, "\"Version\": 1"},
        {"{\"Version\":2," PROCESS_KEYS "}", 0, ERR_PROTOCOL, "\"Version\": 1"},
        {"{\"Version\":\"1\"," PROCESS_KEYS "}", 0, ERR_PROTOCOL, "\"Version\": 1"},
        {"{\"Version\":1,\"AccessKeyId\":\"A\"}", 0, ERR_PROTOCOL, "no SecretAccessKey"},
        {"{\"Version\":1," PROCESS_KEYS ",\"Expiration\":\"2001-01-01T00:00:00Z\"}", 0, ERR_DENIED,
         "ended at 2001-01-01T00:00:00Z"},
    };
    struct err err = {0};
    struct http *http = http_new(&(struct http_config){0}, &err);

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct credentials c SL_CLEANUP(credentials_clear) = {0};

        put_program(rows[i].text, rows[i].status, "complaint");
        if (get(http, NULL, &c, &err) || err.kind != rows[i].kind ||
            !strstr(err.text, rows[i].says) || strstr(err.text, "complaint") ||
            strstr(err.text, "very-secret") ||
            strncmp(err.text, "credential_process: profile 'default': ", 39) != 0)
            fail_msg("row %zu: %d %s", i, (int)err.kind, err.text);
    }
    put("[default]\ncredential_process = /nonexistent/helper\n");
    {
        struct credentials c SL_CLEANUP(credentials_clear) = {0};

        assert_false(get(http, NULL, &c, &err));
        assert_non_null(strstr(err.text, "/nonexistent/helper"));
    }
    http_free(http);
}

TEST(a_process_has_a_ceiling_of_output)
{
    struct credentials c SL_CLEANUP(credentials_clear) = {0};
    struct err err = {0};
    struct http *http = http_new(&(struct http_config){0}, &err);

    put("[default]\ncredential_process = head -c 65537 /dev/zero\n");
    assert_false(get(http, NULL, &c, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    http_free(http);
}

/* Steps until it has news or has nothing to do. */
static enum credentials_news keep(struct credentials_keeper *k, struct http *http, int64_t now_ms,
                                  int64_t wall_ms, struct err *why)
{
    const struct credentials_ask ask = {0};
    enum credentials_news news;

    err_clear(why);
    for (;;) {
        struct pollfd fds[CREDENTIALS_FDS_MAX];

        news = credentials_keep_step(k, &ask, now_ms, wall_ms, 1000, why);
        if (news != CREDENTIALS_NO_NEWS || credentials_keep_wake_at(k) == INT64_MAX)
            return news;
        if (!http_wait(http, fds, credentials_keep_fds(k, fds), 20, why))
            fail_msg("%s", why->text);
    }
}

TEST(credentials_are_renewed_ahead_of_their_end_and_kept_while_that_fails)
{
    struct err err = {0};
    struct http *http = http_new(&(struct http_config){0}, &err);
    struct credentials old = {.key_id = x_strdup("OLD"), .secret_key = x_strdup("oldsecret")};
    const int64_t end = INT64_C(4070908800000), now = clock_boot_ms(&clock_real);
    struct credentials_keeper *k;

    old.expires_ms = end;
    k = credentials_keep(http, &old);
    put_program("", 1, "");
    assert_int_equal(keep(k, http, now, end - 1000 - CREDENTIALS_EARLY_MS, &err),
                     CREDENTIALS_NO_NEWS);
    assert_int_equal(keep(k, http, now, end - 999 - CREDENTIALS_EARLY_MS, &err),
                     CREDENTIALS_NOT_RENEWED);
    assert_non_null(strstr(err.text, "exited with 1"));
    assert_string_equal(credentials_keep_keys(k)->key_id, "OLD");
    put_program("{\"Version\":1," PROCESS_KEYS ",\"Expiration\":\"2100-01-01T00:00:00Z\"}", 0, "");
    assert_int_equal(keep(k, http, now + CREDENTIALS_RETRY_MS - 1, end, &err), CREDENTIALS_NO_NEWS);
    assert_int_equal(keep(k, http, now + CREDENTIALS_RETRY_MS, end, &err), CREDENTIALS_RENEWED);
    assert_string_equal(credentials_keep_keys(k)->key_id, "AKID");
    assert_true(credentials_keep_until(k) > end);
    credentials_keep_free(k);
    credentials_clear(&old);
    http_free(http);
}

TEST(the_same_again_or_sooner_ending_ones_are_no_gain)
{
    struct err err = {0};
    struct http *http = http_new(&(struct http_config){0}, &err);
    struct credentials old = {.key_id = x_strdup("OLD"), .secret_key = x_strdup("oldsecret")};
    const int64_t end = INT64_C(4070908800000), now = clock_boot_ms(&clock_real);
    struct credentials_keeper *k;

    old.expires_ms = end;
    k = credentials_keep(http, &old);
    put_program("{\"Version\":1," PROCESS_KEYS ",\"Expiration\":\"2098-12-31T23:59:00Z\"}", 0, "");
    assert_int_equal(keep(k, http, now, end, &err), CREDENTIALS_NO_NEWS);
    assert_string_equal(credentials_keep_keys(k)->key_id, "OLD");
    /* Refused by the service: whatever is other is better. */
    credentials_keep_hurry(k);
    assert_int_equal(keep(k, http, now + CREDENTIALS_PAUSE_MS, end, &err), CREDENTIALS_RENEWED);
    credentials_keep_free(k);
    credentials_clear(&old);
    http_free(http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_first_provider_that_is_configured_answers, set_up),
        cmocka_unit_test_setup(
            a_role_is_taken_from_the_profile_that_has_keys_up_to_the_one_that_was_asked_for,
            set_up),
        cmocka_unit_test_setup(a_source_by_name_counts_whatever_else_is_configured, set_up),
        cmocka_unit_test_setup(what_is_configured_but_broken_is_an_error, set_up),
        cmocka_unit_test_setup(a_chain_of_roles_has_a_ceiling, set_up),
        cmocka_unit_test_setup(variables_of_containers_and_instances_are_checked, set_up),
        cmocka_unit_test_setup(plain_http_goes_to_this_machine_and_the_agents_only, set_up),
        cmocka_unit_test_setup(the_metadata_endpoint_is_chosen, set_up),
        cmocka_unit_test_setup(the_sso_token_file_is_named_after_the_session_or_the_start_url,
                               set_up),
        cmocka_unit_test_setup(sts_is_asked_in_the_region_or_in_the_partition_of_the_role, set_up),
        cmocka_unit_test_setup(services_of_the_profile_name_their_endpoints, set_up),
        cmocka_unit_test_setup(a_command_is_split_as_a_shell_would_without_being_one, set_up),
        cmocka_unit_test_setup(a_command_has_a_ceiling_of_words, set_up),
        cmocka_unit_test_setup(keys_in_json_are_read_strictly, set_up),
        cmocka_unit_test_setup(a_session_is_read_from_xml, set_up),
        cmocka_unit_test_setup(session_names_are_what_sts_takes, set_up),
        cmocka_unit_test_setup(a_process_prints_keys, set_up),
        cmocka_unit_test_setup(a_process_that_fails_is_an_error_and_its_complaint_is_not_shown,
                               set_up),
        cmocka_unit_test_setup(a_process_has_a_ceiling_of_output, set_up),
        cmocka_unit_test_setup(credentials_are_renewed_ahead_of_their_end_and_kept_while_that_fails,
                               set_up),
        cmocka_unit_test_setup(the_same_again_or_sooner_ending_ones_are_no_gain, set_up),
    };
    char path[128];
    int failed;

    if (!mkdtemp(home))
        return 99;
    snprintf(path, sizeof path, "%s/.aws", home);
    if (mkdir(path, 0700) < 0)
        return 99;
    failed = cmocka_run_group_tests_name("credentials_chain", tests, NULL, NULL);
    set_up(NULL);
    rmdir(path);
    snprintf(path, sizeof path, "%s/helper", home);
    unlink(path);
    rmdir(home);
    return failed;
}
