/* test_redirect.c: where a redirect leads, how it goes on there, and which are not followed. */
#include "../../smoke/redirect.h"

#include "test.h"

struct bench {
    struct suite_step step;
    struct request request;
    struct http_field location;
    struct http_response response;
    struct redirect redirect;
    struct finding finding;
};

static void ask(struct bench *b, const char *method, const char *url)
{
    struct err err = {0};

    request_clear(&b->request);
    b->request.method = method;
    buf_add_str(&b->request.url, url);
    assert_true(http_url_parse(&b->request.parts, url, &err));
}

static bool answer(struct bench *b, uint16_t status, const char *location)
{
    struct answer answer = {.response = &b->response};
    struct scope scope = {0};

    b->step.request.follow = 5;
    b->location = (struct http_field){(char *)"Location", (char *)(uintptr_t)location};
    b->response = (struct http_response){
        .outcome = HTTP_OK, .status = status, .fields = &b->location, .fields_n = location != NULL};
    return redirect_take(&b->redirect, &b->step, &b->request, &answer, &scope, &b->finding);
}

static void tear_down(struct bench *b)
{
    request_clear(&b->request);
    redirect_clear(&b->redirect);
    finding_clear(&b->finding);
}

TEST(method_body_and_credentials_follow_the_rules)
{
    static const struct {
        const char *method;
        uint16_t status;
        const char *location, *to, *next; /* next NULL: as it was */
        bool bare, no_body;
    } cases[] = {
        {"GET", 302, "/b", "https://a.example/b", NULL, false, false},
        {"GET", 301, "b?c#d", "https://a.example/x/b?c", NULL, false, false},
        {"HEAD", 303, "/b", "https://a.example/b", NULL, false, false},
        {"POST", 301, "/b", "https://a.example/b", "GET", false, true},
        {"POST", 302, "/b", "https://a.example/b", "GET", false, true},
        {"POST", 303, "/b", "https://a.example/b", "GET", false, true},
        {"PUT", 303, "/b", "https://a.example/b", "GET", false, true},
        {"POST", 307, "/b", "https://a.example/b", NULL, false, false},
        {"PUT", 308, "/b", "https://a.example/b", NULL, false, false},
        {"GET", 302, "https://b.example/", "https://b.example/", NULL, true, false},
        {"GET", 302, "//b.example/", "https://b.example/", NULL, true, false},
        {"GET", 302, "https://a.example:8443/", "https://a.example:8443/", NULL, true, false},
        {"POST", 307, "https://b.example/", "https://b.example/", "GET", true, true},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench b = {0};

        ask(&b, cases[i].method, "https://a.example/x/y");
        assert_true(answer(&b, cases[i].status, cases[i].location));
        assert_string_equal(buf_str(&b.redirect.to), cases[i].to);
        assert_int_equal(b.redirect.bare, cases[i].bare);
        assert_int_equal(b.redirect.no_body, cases[i].no_body);
        if (cases[i].next)
            assert_string_equal(b.redirect.method, cases[i].next);
        else
            assert_null(b.redirect.method);
        tear_down(&b);
    }
}

TEST(what_must_not_be_followed_is_told)
{
    static const struct {
        const char *location, *words;
    } cases[] = {
        {"http://a.example/", "from https to http"},
        {"https://169.254.169.254/latest", "link-local"},
        {"https://[fe80::1]/", "link-local"},
        {"https://[FEBF::1]/", "link-local"},
        {"https://[::ffff:169.254.169.254]/", "link-local"},
        {"https://[fd00:ec2::254]/", "link-local"},
        {"https://a.example/x/y", "a loop"},
        {"ftp://a.example/", "Location is no url"},
        {"https://user:pw@a.example/", "Location is no url"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench b = {0};

        ask(&b, "GET", "https://a.example/x/y");
        assert_false(answer(&b, 302, cases[i].location));
        assert_int_equal(b.finding.verdict, RUN_FAIL);
        if (!strstr(buf_str(&b.finding.sentence), cases[i].words))
            fail_msg("%s: %s", cases[i].location, buf_str(&b.finding.sentence));
        tear_down(&b);
    }
}

TEST(a_loop_that_begins_with_a_post_is_one)
{
    struct bench b = {0};

    ask(&b, "POST", "https://a.example/a");
    assert_true(answer(&b, 303, "/b"));
    ask(&b, "GET", "https://a.example/b");
    assert_true(answer(&b, 302, "/c"));
    ask(&b, "GET", "https://a.example/c");
    assert_false(answer(&b, 302, "/b"));
    assert_non_null(strstr(buf_str(&b.finding.sentence), "a loop"));
    tear_down(&b);
}

TEST(what_is_no_redirect_is_judged_as_it_is)
{
    struct bench b = {0};

    ask(&b, "GET", "https://a.example/a");
    assert_false(answer(&b, 200, "/b"));
    assert_false(answer(&b, 304, "/b"));
    assert_false(answer(&b, 302, NULL));
    assert_int_equal(b.finding.verdict, RUN_PASS);
    tear_down(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(method_body_and_credentials_follow_the_rules),
        cmocka_unit_test(what_must_not_be_followed_is_told),
        cmocka_unit_test(a_loop_that_begins_with_a_post_is_one),
        cmocka_unit_test(what_is_no_redirect_is_judged_as_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
