/* fuzz_journal.c: any bytes as a journal: read without a fault, and what is read stands in whole lines.
 *
 * seeds: tests/data/journal */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "journal.h"

static bool check_line(void *ctx, const struct journal_line *line)
{
    (void)ctx;
    assert(line->seq > 0 && json_is_object(line->event) && json_is_array(line->actions) && json_is_object(line->state));
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
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
    return 0;
}
