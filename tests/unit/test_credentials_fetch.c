/* credentials_*.c, fetching: the parts that need no peer, processes, and renewing ahead of the end.
 * With peers: tests/e2e/test_credentials.py. */
#include <stdio.h>
#include <sys/stat.h>

#include "aws_home.h"
#include "credentials_inner.h"
#include "credentials_keep.h"
#include "credentials_sts.h"
#include "sluice/clock.h"
#include "sluice/common.h"
#include "sluice/json.h"
#include "sts_xml.h"

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

    snprintf(path, sizeof path, "%s/helper", aws_home);
    buf_addf(&script, "#!/bin/sh\necho '%s' >&2\ncat <<'END'\n%s\nEND\nexit %d\n", errors, text,
             status);
    if (!file_write(path, buf_str(&script), script.len, &err) || chmod(path, 0700) < 0)
        fail_msg("%s", err.text);
    buf_clear(&script);
    buf_addf(&script, "[default]\ncredential_process = %s\n", path);
    aws_home_put(buf_str(&script));
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
    aws_home_put("[default]\ncredential_process = /nonexistent/helper\n");
    {
        struct credentials c SL_CLEANUP(credentials_clear) = {0};

        assert_false(get(http, NULL, &c, &err));
        /* Under valgrind a program that is not there looks like one that exits with 127. */
        assert_non_null(strstr(err.text, getenv("SLUICE_VALGRIND") ? "exited with 127"
                                                                   : "/nonexistent/helper"));
    }
    http_free(http);
}

TEST(a_process_has_a_ceiling_of_output)
{
    struct credentials c SL_CLEANUP(credentials_clear) = {0};
    struct err err = {0};
    struct http *http = http_new(&(struct http_config){0}, &err);

    aws_home_put("[default]\ncredential_process = head -c 65537 /dev/zero\n");
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
    assert_int_equal(keep(k, http, now + CREDENTIALS_HURRY_MS, end, &err), CREDENTIALS_NO_NEWS);
    assert_string_equal(credentials_keep_keys(k)->key_id, "OLD");
    /* … and asked for every few seconds, whatever pause the last answer had earned. */
    credentials_keep_hurry(k);
    assert_int_equal(keep(k, http, now + CREDENTIALS_HURRY_MS - 1, end, &err), CREDENTIALS_NO_NEWS);
    assert_int_equal(keep(k, http, now + CREDENTIALS_HURRY_MS, end, &err), CREDENTIALS_RENEWED);
    credentials_keep_free(k);
    credentials_clear(&old);
    http_free(http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_command_is_split_as_a_shell_would_without_being_one,
                               aws_home_set_up),
        cmocka_unit_test_setup(a_command_has_a_ceiling_of_words, aws_home_set_up),
        cmocka_unit_test_setup(keys_in_json_are_read_strictly, aws_home_set_up),
        cmocka_unit_test_setup(a_session_is_read_from_xml, aws_home_set_up),
        cmocka_unit_test_setup(session_names_are_what_sts_takes, aws_home_set_up),
        cmocka_unit_test_setup(a_process_prints_keys, aws_home_set_up),
        cmocka_unit_test_setup(a_process_that_fails_is_an_error_and_its_complaint_is_not_shown,
                               aws_home_set_up),
        cmocka_unit_test_setup(a_process_has_a_ceiling_of_output, aws_home_set_up),
        cmocka_unit_test_setup(credentials_are_renewed_ahead_of_their_end_and_kept_while_that_fails,
                               aws_home_set_up),
        cmocka_unit_test_setup(the_same_again_or_sooner_ending_ones_are_no_gain, aws_home_set_up),
    };

    return aws_home_run("credentials_fetch", tests, ARRAY_LEN(tests));
}
