/* fuzz_journal.c: any bytes as a journal: read without a fault, and what is read stands in whole
 * lines.
 *
 * seeds: tests/data/journal */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "journal.h"

static bool check_line(void *ctx, const struct journal_line *line)
{
    (void)ctx;
    assert(line->seq > 0 && json_is_object(line->event) && json_is_array(line->actions) &&
           json_is_object(line->state));
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Gives every line of the input the crc it should have, so that what is behind the crc is reached
 * too. */
static void with_crcs(const char *text, size_t size, struct buf *out)
{
    const char *end = text + size;

    for (const char *p = text; p < end;) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((newline ? newline : end) - p);

        buf_add(out, p, len);
        buf_addf(out, ",\"crc\":\"%08x\"}\n", (unsigned)journal_crc(p, len));
        p += len + (newline != NULL);
    }
}

static void read_all(const char *text, size_t size)
{
    struct journal_reading r, again;
    struct err err = {0};

    if (journal_read(text, size, NULL, check_line, NULL, &r, &err)) {
        assert(r.whole_bytes <= size && r.whole_bytes > 0 && text[r.whole_bytes - 1] == '\n');
        assert(r.n_lines > 0);
        assert((r.end == JOURNAL_WHOLE) == (r.bad_line == 0));
        /* What resume cuts off changes nothing. */
        if (r.end == JOURNAL_TORN) {
            assert(journal_read(text, r.whole_bytes, NULL, NULL, NULL, &again, NULL));
            assert(again.end == JOURNAL_WHOLE && again.last.seq == r.last.seq);
            journal_reading_clear(&again);
        }
    } else {
        assert(err.kind != ERR_NONE);
    }
    journal_reading_clear(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf fixed SL_CLEANUP(buf_clear) = {0};

    read_all((const char *)data, size);
    with_crcs((const char *)data, size, &fixed);
    read_all(buf_str(&fixed), fixed.len);
    return 0;
}
