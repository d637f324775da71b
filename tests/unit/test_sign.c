/* test_sign.c: signatures against the examples their inventors publish. */
#include "../../smoke/sign.h"

#include "test.h"

static void expect_headers(const struct suite_signing *signing, const struct sign_message *m,
                           enum sign_forgery forgery, const char *const *expected)
{
    struct sign_headers made SL_CLEANUP(sign_headers_clear) = {0};
    struct err err = {0};
    size_t n = 0;

    assert_true(sign_make(&made, signing, m, forgery, &err));
    for (; expected[n]; n++) {
        struct buf line SL_CLEANUP(buf_clear) = {0};

        assert_true(n < made.n);
        buf_addf(&line, "%s: %s", made.list[n].name, buf_str(&made.list[n].value));
        assert_string_equal(buf_str(&line), expected[n]);
        assert_string_equal(made.list[n].name, sign_header_name(signing, n));
    }
    assert_int_equal(made.n, n);
}

static struct sign_message message(const char *secret, int64_t unix_s, const char *id,
                                   const char *body)
{
    return (struct sign_message){.secret = secret,
                                 .secret_len = strlen(secret),
                                 .unix_s = unix_s,
                                 .id = id,
                                 .body = body,
                                 .body_len = strlen(body)};
}

TEST(stripe_signs_time_and_body)
{
    /* openssl dgst -sha256 -hmac whsec_test over "1492774577.{"id":1}" */
    const char *const want[] = {
        "Stripe-Signature: t=1492774577,"
        "v1=b164f0bdace395b683022343e6a251eaf36f4381d672f92874dcc6cb562c96ad",
        NULL};
    struct suite_signing s = {.scheme = SUITE_SIGN_STRIPE};
    struct sign_message m = message("whsec_test", 1492774577, "", "{\"id\":1}");

    expect_headers(&s, &m, SIGN_TRUE, want);
    assert_true(sign_is_stamped(&s));
}

TEST(github_signs_the_body_as_in_its_documentation)
{
    const char *const want[] = {
        "X-Hub-Signature-256: "
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        NULL};
    struct suite_signing s = {.scheme = SUITE_SIGN_GITHUB};
    struct sign_message m = message("It's a Secret to Everybody", 0, "", "Hello, World!");

    expect_headers(&s, &m, SIGN_TRUE, want);
    assert_false(sign_is_stamped(&s));
}

TEST(slack_signs_time_and_body_as_in_its_documentation)
{
    const char *const want[] = {
        "X-Slack-Request-Timestamp: 1531420618",
        "X-Slack-Signature: v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        NULL};
    struct suite_signing s = {.scheme = SUITE_SIGN_SLACK};
    struct sign_message m = message(
        "8f742231b10e8888abcd99yyyzzz85a5", 1531420618, "",
        "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id="
        "G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command="
        "%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2F"
        "T1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121."
        "803a0bc887a14d10d2c447fce8b6703c");

    expect_headers(&s, &m, SIGN_TRUE, want);
    assert_true(sign_is_stamped(&s));
}

TEST(standard_webhooks_signs_id_time_and_body_as_in_its_specification)
{
    const char *const want[] = {
        "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp: 1614265330",
        "webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", NULL};
    struct suite_signing s = {.scheme = SUITE_SIGN_STANDARD};
    struct sign_message m = message("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 1614265330,
                                    "msg_p5jXN8AQM9LWM0D4loKWxJek", "{\"test\": 2432232314}");
    struct sign_headers made SL_CLEANUP(sign_headers_clear) = {0};
    struct err err = {0};

    expect_headers(&s, &m, SIGN_TRUE, want);
    m.secret = "whsec_!!!!";
    m.secret_len = 10;
    assert_false(sign_make(&made, &s, &m, SIGN_TRUE, &err));
    assert_non_null(strstr(err.text, "no base64"));
}

TEST(forgeries_are_no_good_signatures)
{
    static const enum suite_sign schemes[] = {SUITE_SIGN_STRIPE, SUITE_SIGN_GITHUB,
                                              SUITE_SIGN_SLACK, SUITE_SIGN_STANDARD};
    const char *const none[] = {NULL};

    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        struct suite_signing s = {.scheme = schemes[i]};
        struct sign_message m =
            message("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 1614265330, "id", "{}");
        struct sign_headers good SL_CLEANUP(sign_headers_clear) = {0};
        struct sign_headers wrong SL_CLEANUP(sign_headers_clear) = {0};
        struct sign_headers stale SL_CLEANUP(sign_headers_clear) = {0};
        struct err err = {0};
        size_t last;

        expect_headers(&s, &m, SIGN_UNSIGNED, none);
        assert_true(sign_make(&good, &s, &m, SIGN_TRUE, &err));
        assert_true(sign_make(&wrong, &s, &m, SIGN_WRONG, &err));
        assert_true(sign_make(&stale, &s, &m, SIGN_STALE, &err));
        last = good.n - 1;
        assert_int_equal(wrong.n, good.n);
        assert_string_not_equal(buf_str(&good.list[last].value), buf_str(&wrong.list[last].value));
        if (sign_is_stamped(&s))
            assert_string_not_equal(buf_str(&good.list[last].value),
                                    buf_str(&stale.list[last].value));
        m.unix_s -= SIGN_STALE_S; /* stale is a good signature of an hour ago */
        sign_headers_clear(&good);
        assert_true(sign_make(&good, &s, &m, SIGN_TRUE, &err));
        assert_string_equal(buf_str(&good.list[last].value), buf_str(&stale.list[last].value));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stripe_signs_time_and_body),
        cmocka_unit_test(github_signs_the_body_as_in_its_documentation),
        cmocka_unit_test(slack_signs_time_and_body_as_in_its_documentation),
        cmocka_unit_test(standard_webhooks_signs_id_time_and_body_as_in_its_specification),
        cmocka_unit_test(forgeries_are_no_good_signatures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
