/* text.c: strict parsers take the whole string or fail; writers never let a control byte through. */
#include "sluice/text.h"

#include "test.h"

TEST(durations_need_a_unit_and_falling_units)
{
    static const struct {
        const char *in;
        int64_t ms; /* -1 = refused */
    } rows[] = {{"250ms", 250}, {"5s", 5000},   {"1h30m", 5400000}, {"7d", 604800000}, {"0s", 0},
                {"5", -1},      {"", -1},       {"5 s", -1},        {"1m1h", -1},      {"1m1m", -1},
                {"-5s", -1},    {"1.5s", -1},   {"400d", -1},       {"5sx", -1},       {"s", -1},
                {"99999999999999999999s", -1}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {0};
        int64_t ms = -1;
        bool ok = text_parse_duration_ms(rows[i].in, 0, INT64_C(366) * 86400000, &ms, &err);

        assert_int_equal(ok, rows[i].ms >= 0);
        if (ok)
            assert_int_equal(ms, rows[i].ms);
        else
            assert_int_equal(err.kind, ERR_FILE);
    }
}

TEST(durations_are_written_so_that_they_read_back)
{
    static const int64_t rows[] = {0, 1, 999, 1000, 61001, 3600000, 86400000, 90061001};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b SL_CLEANUP(buf_clear) = {0};
        struct err err = {0};
        int64_t back = -1;

        text_format_duration(&b, rows[i]);
        assert_true(text_parse_duration_ms(buf_str(&b), 0, INT64_MAX, &back, &err));
        assert_int_equal(back, rows[i]);
    }
}

TEST(numbers_are_whole_and_in_range)
{
    static const struct {
        const char *in;
        bool ok;
    } rows[] = {{"0", true},  {"255", true},  {"256", false}, {"-1", false}, {"", false}, {" 1", false},
                {"1 ", false}, {"010", false}, {"0x10", false}, {"+1", false}, {"1e2", false},
                {"18446744073709551617", false}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {0};
        uint32_t v;

        assert_int_equal(text_parse_u32(rows[i].in, 0, 255, &v, &err), rows[i].ok);
    }
}

TEST(doubles_follow_json)
{
    static const struct {
        const char *in;
        bool ok;
    } rows[] = {{"0", true},     {"-1.5e3", true}, {"1E+2", true}, {"inf", false}, {"nan", false},
                {"0x1p3", false}, {".5", false},    {"5.", false},  {"01", false},  {"1e999", false},
                {"-", false}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {0};
        double v;

        assert_int_equal(text_parse_double(rows[i].in, -1e9, 1e9, &v, &err), rows[i].ok);
    }
}

TEST(percentages_are_exact_parts_per_million)
{
    struct err err = {0};
    uint32_t ppm;

    assert_true(text_parse_percent_ppm("0.01%", 0, 1000000, &ppm, &err));
    assert_int_equal(ppm, 100);
    assert_true(text_parse_percent_ppm("100%", 0, 1000000, &ppm, &err));
    assert_int_equal(ppm, 1000000);
    assert_false(text_parse_percent_ppm("1", 0, 1000000, &ppm, &err));
    err_clear(&err);
    assert_false(text_parse_percent_ppm("0.00001%", 0, 1000000, &ppm, &err));
    err_clear(&err);
    assert_false(text_parse_percent_ppm("101%", 0, 1000000, &ppm, &err));
}

TEST(rates_are_thousandths_a_second)
{
    struct err err = {0};
    uint32_t milli;

    assert_true(text_parse_rate_milli("5/s", 1000000, &milli, &err));
    assert_int_equal(milli, 5000);
    assert_true(text_parse_rate_milli("30/m", 1000000, &milli, &err));
    assert_int_equal(milli, 500);
    assert_false(text_parse_rate_milli("5", 1000000, &milli, &err));
}

TEST(times_need_an_offset_and_real_days)
{
    struct err err = {0};
    int64_t ms;

    assert_true(text_parse_time_ms("2027-02-03T02:00:00+01:00", &ms, &err));
    assert_int_equal(ms, INT64_C(1801616400000));
    assert_true(text_parse_time_ms("2027-02-03T01:00:00.250Z", &ms, &err));
    assert_int_equal(ms, INT64_C(1801616400250));
    assert_false(text_parse_time_ms("2027-02-03T02:00:00", &ms, &err));
    err_clear(&err);
    assert_false(text_parse_time_ms("2027-02-30T02:00:00Z", &ms, &err));
    err_clear(&err);
    assert_true(text_parse_http_date_ms("Sun, 06 Nov 1994 08:49:37 GMT", &ms, &err));
    assert_int_equal(ms, INT64_C(784111777000));
    assert_false(text_parse_http_date_ms("Sun, 06 Nov 1994 08:49:37 UTC", &ms, &err));
}

TEST(foreign_text_loses_its_control_bytes)
{
    static const struct {
        const char *in, *out;
    } rows[] = {{"plain \xc3\xa9", "plain \xc3\xa9"}, {"\x1b[31m", "\\x1b[31m"}, {"a\nb", "a\\nb"},
                {"\xc2\x9b", "\\u{9b}"},              {"\xff", "\\xff"},         {"\xe2\x80\xae", "\\u{202e}"},
                {"\x7f", "\\x7f"}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b SL_CLEANUP(buf_clear) = {0};

        text_add_safe(&b, rows[i].in, strlen(rows[i].in), 100);
        assert_string_equal(buf_str(&b), rows[i].out);
    }
}

TEST(base64_goes_there_and_back)
{
    static const char *const rows[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b SL_CLEANUP(buf_clear) = {0}, back SL_CLEANUP(buf_clear) = {0};
        struct err err = {0};

        text_add_base64(&b, rows[i][0], strlen(rows[i][0]));
        assert_string_equal(buf_str(&b), rows[i][1]);
        assert_true(text_parse_base64(buf_str(&b), b.len, &back, &err));
        assert_string_equal(buf_str(&back), rows[i][0]);
    }
}

TEST(the_nearest_word_is_offered_only_when_near)
{
    static const char *const words[] = {"rollback", "resume", "ramp"};

    assert_string_equal(text_nearest("rolback", words, 3), "rollback");
    assert_string_equal(text_nearest("rmap", words, 3), "ramp");
    assert_null(text_nearest("kubernetes", words, 3));
}

TEST(shell_words_are_quoted_where_needed)
{
    struct buf b SL_CLEANUP(buf_clear) = {0};

    text_add_shell(&b, "a b'c");
    assert_string_equal(buf_str(&b), "'a b'\\''c'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_need_a_unit_and_falling_units),
        cmocka_unit_test(durations_are_written_so_that_they_read_back),
        cmocka_unit_test(numbers_are_whole_and_in_range),
        cmocka_unit_test(doubles_follow_json),
        cmocka_unit_test(percentages_are_exact_parts_per_million),
        cmocka_unit_test(rates_are_thousandths_a_second),
        cmocka_unit_test(times_need_an_offset_and_real_days),
        cmocka_unit_test(foreign_text_loses_its_control_bytes),
        cmocka_unit_test(base64_goes_there_and_back),
        cmocka_unit_test(the_nearest_word_is_offered_only_when_near),
        cmocka_unit_test(shell_words_are_quoted_where_needed),
    };

    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
