/* sse.h: reads server-sent events (WHATWG HTML, section 9.2 "Server-sent events") as their bytes
 * come, in pieces of any size. Pure: no clock, no socket.
 *
 * What a browser ignores is ignored: comments, unknown fields, an id with a NUL in it, an event
 * without data, and what stands behind the last blank line when the stream ends. */
#ifndef SLUICE_SMOKE_SSE_H
#define SLUICE_SMOKE_SSE_H

#include <stdbool.h>
#include <stddef.h>

#include "sluice/buf.h"

#define SSE_EVENT_BYTES_MAX ((size_t)256 * 1024) /* of one event's data, and of one line */

struct sse { /* zeroed: at the beginning of a stream; sse_clear() */
    struct buf line, data, event;
    bool cr; /* the last byte was a CR: an LF now is its second half */
    bool begun;
    bool past_mark; /* the first line is over, and with it a byte order mark */
    bool has_data;
    bool over; /* a line or an event was longer than SSE_EVENT_BYTES_MAX */
};

/* One event. event is "message" unless the stream named it; both are borrowed for the call, data
 * is NUL-terminated. False: no more events are wanted. */
typedef bool sse_event_fn(void *ctx, const char *event, const char *data, size_t len);

/* False when fn said so, or when the stream went past its ceiling (sse->over). */
bool sse_feed(struct sse *sse, const char *bytes, size_t len, sse_event_fn *fn, void *ctx);
void sse_clear(struct sse *sse);

#endif
