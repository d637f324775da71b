/* Event streams: however the bytes are cut, the events are the same, and none is past its ceiling.
 *
 * seeds: tests/data/sse */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool take(void *ctx, const char *event, const char *data, size_t len)
{
    struct buf *seen = ctx;

    if (len > SSE_EVENT_BYTES_MAX || data[len] != '\0')
        abort();
    buf_add_str(seen, event);
    buf_add_char(seen, '\1');
    buf_add(seen, data, len);
    buf_add_char(seen, '\2');
    return true;
}

static void feed(const uint8_t *data, size_t size, size_t piece, struct buf *seen)
{
    struct sse sse = {0};

    for (size_t i = 0; i < size; i += piece)
        if (!sse_feed(&sse, (const char *)data + i, size - i < piece ? size - i : piece, take,
                      seen))
            break;
    sse_clear(&sse);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole = {0}, cut = {0};
    size_t piece;

    if (size < 2 || size > 8192)
        return 0;
    piece = 1 + data[0] % 7;
    feed(data + 1, size - 1, size, &whole);
    feed(data + 1, size - 1, piece, &cut);
    if (whole.len != cut.len || memcmp(buf_str(&whole), buf_str(&cut), whole.len) != 0)
        abort();
    buf_clear(&whole);
    buf_clear(&cut);
    return 0;
}
