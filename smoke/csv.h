/* csv.h: comma-separated values (RFC 4180): fields in double quotes may hold commas, newlines and,
 * doubled, quotes; LF ends a line as CRLF does; blank lines are left out. */
#ifndef SLUICE_SMOKE_CSV_H
#define SLUICE_SMOKE_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "sluice/buf.h"
#include "sluice/err.h"

#define CSV_FIELDS_MAX      64
#define CSV_FIELD_BYTES_MAX 4096

struct csv { /* csv_begin(), csv_clear() */
    const char *p, *end;
    size_t line; /* of the record last read, from 1 */
    size_t next_line;
    char *fields[CSV_FIELDS_MAX]; /* NUL-terminated, borrowed until the next record */
    size_t n;
    struct buf text;
};

/* data is borrowed. A byte order mark is passed over. */
void csv_begin(struct csv *csv, const char *data, size_t len);
/* The next record. False at the end, or with an error: an open quote, text behind a closing one, a
 * NUL byte, past the ceilings. */
bool csv_next(struct csv *csv, struct err *err) SL_MUST_CHECK;
void csv_clear(struct csv *csv);

#endif
