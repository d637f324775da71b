/* cookie: the jar of a flow against RFC 6265. */
#include "cookie.h"

#include <stdio.h>

#include "test.h"

#define NOW INT64_C(1800000000000)

static void check(const char *from, const char *const *set, const char *to, const char *want)
{
    struct cookie_jar jar = {0};
    struct http_url a = {0}, b = {0};
    struct buf out SL_CLEANUP(buf_clear) = {0};
    struct err err = {0};

    assert_true(http_url_parse(&a, from, &err));
    assert_true(http_url_parse(&b, to, &err));
    for (; *set; set++)
        cookie_store(&jar, &a, *set, NOW);
    cookie_format(&jar, &b, NOW, NULL, 0, &out);
    assert_string_equal(buf_str(&out), want);
    cookie_jar_clear(&jar);
    http_url_clear(&a);
    http_url_clear(&b);
}

TEST(cookies_go_back_where_they_belong)
{
    static const struct {
        const char *from, *set, *to, *want;
    } rows[] = {
        {"https://a.example.com/x/y", "s=1", "https://a.example.com/x/z", "s=1"},
        {"https://a.example.com/x/y", "s=1", "https://a.example.com/", ""},
        {"https://a.example.com/x/y", "s=1; Path=/", "https://a.example.com/", "s=1"},
        {"https://a.example.com/", "s=1; path=/ab", "https://a.example.com/abc", ""},
        {"https://a.example.com/", "s=1; path=/ab", "https://a.example.com/ab/c", "s=1"},
        {"https://a.example.com/", "s=1", "https://b.example.com/", ""},
        {"https://a.example.com/", "s=1", "https://x.a.example.com/", ""},
        {"https://a.example.com/", "s=1; Domain=example.com", "https://b.example.com/", "s=1"},
        {"https://a.example.com/", "s=1; Domain=.EXAMPLE.com", "https://b.example.com/", "s=1"},
        {"https://a.example.com/", "s=1; Domain=other.com", "https://a.example.com/", ""},
        {"https://a.example.com/", "s=1; Domain=com", "https://a.example.com/", ""},
        {"https://127.0.0.1/", "s=1; Domain=0.0.1", "https://127.0.0.1/", ""},
        {"https://badexample.com/", "s=1; Domain=example.com", "https://example.com/", ""},
        {"https://a.example.com/", "s=1; Secure", "http://a.example.com/", ""},
        {"https://a.example.com/", "s=1; Secure; HttpOnly; SameSite=Lax", "https://a.example.com/",
         "s=1"},
        {"https://a.example.com/", "s=1; Max-Age=0", "https://a.example.com/", ""},
        {"https://a.example.com/", "s=1; Max-Age=-1", "https://a.example.com/", ""},
        {"https://a.example.com/", "s=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
         "https://a.example.com/", "s=1"},
        {"https://a.example.com/", "s=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
         "https://a.example.com/", ""},
        {"https://a.example.com/", "s=1; Expires=Thu, 01-Jan-1970 00:00:00 GMT",
         "https://a.example.com/", ""},
        {"https://a.example.com/", "s=1; Max-Age=soon", "https://a.example.com/", "s=1"},
        {"https://a.example.com/", "s=a=b; x", "https://a.example.com/", "s=a=b"},
        {"https://a.example.com/", " s = \"q\" ", "https://a.example.com/", "s=\"q\""},
        {"https://a.example.com/", "=nameless", "https://a.example.com/", ""},
        {"https://a.example.com/", "nothing", "https://a.example.com/", ""},
        {"https://a.example.com/", "s=1\x01", "https://a.example.com/", ""},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(rows[i].from, (const char *const[]){rows[i].set, NULL}, rows[i].to, rows[i].want);
}

TEST(a_cookie_set_again_replaces_the_first_and_max_age_0_removes_it)
{
    check("https://h.example/", (const char *const[]){"a=1", "b=2", "a=3", NULL},
          "https://h.example/", "b=2; a=3");
    check("https://h.example/", (const char *const[]){"a=1", "b=2", "a=; Max-Age=0", NULL},
          "https://h.example/", "b=2");
}

TEST(longer_paths_go_first)
{
    check("https://h.example/a/b", (const char *const[]){"x=1; Path=/", "y=2; Path=/a", NULL},
          "https://h.example/a/b", "y=2; x=1");
}

TEST(a_full_jar_gives_up_its_oldest)
{
    struct cookie_jar jar = {0};
    struct http_url url = {0};
    struct err err = {0};

    assert_true(http_url_parse(&url, "https://h.example/", &err));
    for (int i = 0; i < COOKIE_JAR_MAX + 5; i++) {
        char text[40];

        snprintf(text, sizeof text, "c%d=v", i);
        cookie_store(&jar, &url, text, NOW);
    }
    assert_int_equal(jar.n, COOKIE_JAR_MAX);
    assert_string_equal(jar.list[0].name, "c5");
    cookie_jar_clear(&jar);
    http_url_clear(&url);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cookies_go_back_where_they_belong),
        cmocka_unit_test(a_cookie_set_again_replaces_the_first_and_max_age_0_removes_it),
        cmocka_unit_test(longer_paths_go_first),
        cmocka_unit_test(a_full_jar_gives_up_its_oldest),
    };

    return cmocka_run_group_tests_name("cookie", tests, NULL, NULL);
}
