/* test_sse.c: events out of bytes, however these are cut. */
#include "../../smoke/sse.h"

#include "test.h"

struct seen {
    struct buf text; /* "event=data|" */
    size_t n, stop_at;
};

static bool take(void *ctx, const char *event, const char *data, size_t len)
{
    struct seen *s = ctx;

    buf_addf(&s->text, "%s=", event);
    buf_add(&s->text, data, len);
    buf_add_char(&s->text, '|');
    return ++s->n != s->stop_at;
}

static void feed(const char *stream, size_t len, size_t piece, struct seen *seen)
{
    struct sse sse = {0};

    for (size_t i = 0; i < len; i += piece)
        if (!sse_feed(&sse, stream + i, len - i < piece ? len - i : piece, take, seen))
            break;
    sse_clear(&sse);
}

TEST(events_are_the_same_however_the_stream_is_cut)
{
    static const struct {
        const char *stream, *events;
    } cases[] = {
        {"data: a\n\n", "message=a|"},
        {"data:a\r\ndata: b\r\n\r\n", "message=a\nb|"},
        {"data: a\r\rdata: b\r\r", "message=a|message=b|"},
        {": comment\nevent: delta\nid: 7\nretry: 10\ndata:  two blanks\n\n", "delta= two blanks|"},
        {"event: x\n\ndata: a\n\n", "message=a|"}, /* no data, no event; the name is forgotten */
        {"data\n\n", "message=|"},
        {"data:\ndata:\n\n", "message=\n|"},
        {"data: cut", ""},
        {"data: cut\n", ""},
        {"nonsense\n\ndata: a\n\n\n\n", "message=a|"},
        {"data: [DONE]\n\n", "message=[DONE]|"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t len = strlen(cases[i].stream);

        for (size_t piece = 1; piece <= len; piece++) {
            struct seen seen = {0};

            feed(cases[i].stream, len, piece, &seen);
            assert_string_equal(buf_str(&seen.text), cases[i].events);
            buf_clear(&seen.text);
        }
    }
}

TEST(a_byte_order_mark_is_passed_over)
{
    static const char stream[] = "\xef\xbb\xbf"
                                 "data: a\n\n";

    for (size_t piece = 1; piece < sizeof stream; piece++) {
        struct seen seen = {0};

        feed(stream, sizeof stream - 1, piece, &seen);
        assert_string_equal(buf_str(&seen.text), "message=a|");
        buf_clear(&seen.text);
    }
}

TEST(reading_stops_when_told_so)
{
    struct seen seen = {.stop_at = 2};

    feed("data: a\n\ndata: b\n\ndata: c\n\n", 27, 27, &seen);
    assert_string_equal(buf_str(&seen.text), "message=a|message=b|");
    buf_clear(&seen.text);
}

TEST(a_line_and_an_event_have_a_ceiling)
{
    struct sse sse = {0};
    struct seen seen = {0};
    char *big = x_zalloc(SSE_EVENT_BYTES_MAX + 1);

    memset(big, 'x', SSE_EVENT_BYTES_MAX + 1);
    assert_true(sse_feed(&sse, "data: ", 6, take, &seen));
    assert_false(sse_feed(&sse, big, SSE_EVENT_BYTES_MAX + 1, take, &seen));
    assert_true(sse.over);
    sse_clear(&sse);
    for (int i = 0; i < 1024; i++) { /* many lines of one event */
        bool more = sse_feed(&sse, "data: ", 6, take, &seen) &&
                    sse_feed(&sse, big, 300, take, &seen) && sse_feed(&sse, "\n", 1, take, &seen);

        if (!more)
            break;
    }
    assert_true(sse.over);
    assert_int_equal(seen.n, 0);
    sse_clear(&sse);
    free(big);
    buf_clear(&seen.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_the_same_however_the_stream_is_cut),
        cmocka_unit_test(a_byte_order_mark_is_passed_over),
        cmocka_unit_test(reading_stops_when_told_so),
        cmocka_unit_test(a_line_and_an_event_have_a_ceiling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
