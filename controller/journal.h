/* journal.h: the lines of a run's journal, as bytes in memory. journal_file.h keeps them on disk.
 *
 * One line of JSON an event:
 * {"v":1,"seq":N,"synced":M,"time":"...","event":{...},"actions":[...],"state":{...},
 * "crc":"xxxxxxxx"}. The crc (CRC-32, IEEE 802.3) covers everything before its own comma. The last
 * whole line is the state of the run: resume, `status` and the audit trail are the same bytes.
 *
 * Not every line waits for the disk, and when the power goes the disk may have kept later bytes and
 * not the earlier ones. So each line says which one was the last known to be durable when it was
 * made. From the first bad line on nothing counts, as long as no good line says that it had been
 * durable: that is damage, and nobody may step forward on a journal that was damaged. Pure: no
 * file, no clock. */
#ifndef SLUICE_JOURNAL_H
#define SLUICE_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/buf.h"
#include "sluice/err.h"

#define JOURNAL_VERSION   1
#define JOURNAL_LINE_MAX  ((size_t)12 * 1024 * 1024) /* ten thousand records with long names */
#define JOURNAL_BYTES_MAX ((size_t)4 * 1024 * 1024 * 1024)

struct journal_line {
    uint64_t seq;    /* from 1, without gaps */
    int64_t time_ms; /* Unix milliseconds */
    json_t *event;   /* object with "kind"; owned, like the next two */
    json_t *actions; /* array, empty where nothing was to be done */
    json_t *state;   /* object: what resume needs */
};

enum journal_end {
    JOURNAL_WHOLE,   /* every byte belongs to a good line */
    JOURNAL_TORN,    /* what follows had not been durable yet, is torn and counts for nothing */
    JOURNAL_DAMAGED, /* a line that had been durable is bad or missing */
};

struct journal_reading {
    struct journal_line last; /* the last good line that counts; see journal_reading_clear() */
    uint64_t n_lines;         /* good ones that count */
    size_t whole_bytes;       /* up to the end of the last of them */
    enum journal_end end;
    uint64_t bad_line; /* the first bad one, from 1; 0 when there is none */
};

/* Called for every good line that counts, in order; false: it has seen enough. */
typedef bool journal_visit(void *ctx, const struct journal_line *line);

/* Appends one line with its newline. synced: the number of the last line known to be durable, below
 * seq. False (ERR_BUG) when a value cannot be written as JSON,
 * ERR_LIMIT when the line is longer than JOURNAL_LINE_MAX; out is then as it was. */
bool journal_format(struct buf *out, uint64_t seq, uint64_t synced, int64_t time_ms,
                    const json_t *event, const json_t *actions, const json_t *state,
                    struct err *err) SL_MUST_CHECK;

/* Reads one line (len bytes, without the newline). The caller clears out. ERR_PROTOCOL: not a good
 * line; ERR_REFUSED: written by another version. */
bool journal_parse_line(const char *text, size_t len, struct journal_line *out,
                        struct err *err) SL_MUST_CHECK;

/* Reads a whole journal. False when another version wrote it (ERR_REFUSED, names it) or it has no
 * good line (ERR_REFUSED). visit may be NULL: then only the last line is decoded, the others are
 * checked by their crc. With needle, visit sees only lines that hold these bytes. */
bool journal_read(const char *data, size_t len, const char *needle, journal_visit *visit, void *ctx,
                  struct journal_reading *out, struct err *err) SL_MUST_CHECK;

void journal_line_clear(struct journal_line *line);
void journal_reading_clear(struct journal_reading *r);

/* CRC-32 as zlib's crc32() counts it. */
uint32_t journal_crc(const void *data, size_t len);

#endif
