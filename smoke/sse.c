/* sse.c: a line at a time. */
#include "sse.h"

#include <string.h>

static void begin(struct sse *sse)
{
    sse->begun = true;
    buf_init(&sse->line, SSE_EVENT_BYTES_MAX);
    buf_init(&sse->data, SSE_EVENT_BYTES_MAX);
    buf_init(&sse->event, SSE_EVENT_BYTES_MAX);
}

static bool dispatch(struct sse *sse, sse_event_fn *fn, void *ctx)
{
    bool more = true;

    if (sse->has_data) {
        if (sse->data.len)
            buf_cut(&sse->data, sse->data.len - 1); /* the newline of the last data line */
        more = fn(ctx, sse->event.len ? buf_str(&sse->event) : "message", buf_str(&sse->data),
                  sse->data.len);
    }
    buf_reset(&sse->data);
    buf_reset(&sse->event);
    sse->has_data = false;
    return more;
}

static void take_field(struct sse *sse, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    size_t name = colon ? (size_t)(colon - line) : len;
    const char *value = colon ? colon + 1 : line + len;
    size_t n = len - name - (colon != NULL);

    if (n && *value == ' ') {
        value++;
        n--;
    }
    if (name == 4 && memcmp(line, "data", 4) == 0) {
        buf_add(&sse->data, value, n);
        buf_add_char(&sse->data, '\n');
        sse->has_data = true;
    } else if (name == 5 && memcmp(line, "event", 5) == 0) {
        buf_reset(&sse->event);
        buf_add(&sse->event, value, n);
    }
}

static bool end_line(struct sse *sse, sse_event_fn *fn, void *ctx)
{
    const char *line = buf_str(&sse->line);
    size_t len = sse->line.len;
    bool more = true;

    if (!buf_ok(&sse->line))
        return false;
    if (!sse->past_mark && len >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
        line += 3;
        len -= 3;
    }
    sse->past_mark = true;
    if (len == 0)
        more = dispatch(sse, fn, ctx);
    else if (line[0] != ':')
        take_field(sse, line, len);
    buf_reset(&sse->line);
    return more;
}

bool sse_feed(struct sse *sse, const char *bytes, size_t len, sse_event_fn *fn, void *ctx)
{
    const char *p = bytes, *end = bytes + len;

    if (!sse->begun)
        begin(sse);
    while (p < end) {
        size_t n = 0;

        if (sse->cr && *p == '\n') {
            sse->cr = false;
            p++;
            continue;
        }
        sse->cr = false;
        while (p + n < end && p[n] != '\n' && p[n] != '\r')
            n++;
        buf_add(&sse->line, p, n);
        p += n;
        if (p == end)
            break;
        sse->cr = *p == '\r';
        p++;
        if (!end_line(sse, fn, ctx)) {
            sse->over |= !buf_ok(&sse->line);
            return false;
        }
        if (!buf_ok(&sse->data) || !buf_ok(&sse->event))
            break;
    }
    sse->over |= !buf_ok(&sse->line) || !buf_ok(&sse->data) || !buf_ok(&sse->event);
    return !sse->over;
}

void sse_clear(struct sse *sse)
{
    buf_clear(&sse->line);
    buf_clear(&sse->data);
    buf_clear(&sse->event);
    *sse = (struct sse){0};
}
