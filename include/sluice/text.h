/* text.h: strict reading of numbers, durations, percentages and times, and safe writing of foreign
 * text.
 *
 * Every parser takes the whole string or fails; none accepts leading blanks, signs where the type has
 * none, or trailing bytes. Errors are ERR_FILE without a place; the caller knows where the text stood
 * and calls err_prefix() or err_at() itself. */
#ifndef SLUICE_TEXT_H
#define SLUICE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/buf.h"
#include "sluice/err.h"

bool text_parse_u32(const char *s, uint32_t min, uint32_t max, uint32_t *out, struct err *err)
    SL_MUST_CHECK;
bool text_parse_i64(const char *s, int64_t min, int64_t max, int64_t *out, struct err *err)
    SL_MUST_CHECK;
/* JSON's number grammar; NaN and infinities refused. */
bool text_parse_double(const char *s, double min, double max, double *out, struct err *err)
    SL_MUST_CHECK;

/* "250ms", "5s", "1.5s" (no), "10m", "24h", "7d", and sums with falling units: "1h30m". A bare number
 * is refused: the unit is part of the value. Result in milliseconds, 0 to 366 days. */
bool text_parse_duration_ms(const char *s, int64_t min_ms, int64_t max_ms, int64_t *out,
                            struct err *err) SL_MUST_CHECK;

/* "1%", "0.01%", "12.5%": parts per million, 0 to 1,000,000; at most four decimals. */
bool text_parse_percent_ppm(const char *s, uint32_t min_ppm, uint32_t max_ppm, uint32_t *out,
                            struct err *err) SL_MUST_CHECK;

/* "5/s", "0.5/s", "90/m": thousandths of an event a second, 1 to max. */
bool text_parse_rate_milli(const char *s, uint32_t max_milli, uint32_t *out, struct err *err)
    SL_MUST_CHECK;

/* RFC 3339 with an offset ("2027-02-03T02:00:00+01:00", "...Z"): Unix milliseconds. */
bool text_parse_time_ms(const char *s, int64_t *out, struct err *err) SL_MUST_CHECK;
/* RFC 9110 IMF-fixdate, "Sun, 06 Nov 1994 08:49:37 GMT": Unix milliseconds. */
bool text_parse_http_date_ms(const char *s, int64_t *out, struct err *err) SL_MUST_CHECK;

/* "90ms", "5s", "1m30s", "2h": the shortest exact form text_parse_duration_ms() reads back. */
void text_format_duration(struct buf *out, int64_t ms);
/* "1%", "0.25%". */
void text_format_ppm(struct buf *out, uint32_t ppm);
/* UTC, "2027-02-03T01:00:00Z"; with_ms adds ".123". */
void text_format_time(struct buf *out, int64_t unix_ms, bool with_ms);

/* Appends foreign bytes so that no control byte reaches a terminal or a log: C0 (with tab and newline),
 * DEL, C1, bidi controls and invalid UTF-8 become \n, \t, \xNN or \u{NNNN}. At most max bytes of input
 * are taken; what is cut is said as "... (N more bytes)". */
void text_add_safe(struct buf *out, const char *s, size_t len, size_t max);

bool text_is_utf8(const char *s, size_t len);
bool text_starts_with(const char *s, const char *prefix);
bool text_ends_with(const char *s, const char *suffix);
bool text_eq_nocase(const char *a, const char *b); /* ASCII only */

void text_add_base64(struct buf *out, const void *data, size_t len);
void text_add_base64url(struct buf *out, const void *data, size_t len); /* no padding */
bool text_parse_base64(const char *s, size_t len, struct buf *out, struct err *err) SL_MUST_CHECK;
void text_add_hex(struct buf *out, const void *data, size_t len); /* lower case */
/* RFC 3986 unreserved stay, all else becomes %XX in upper case; `keep` lists further bytes that stay. */
void text_add_percent(struct buf *out, const char *s, size_t len, const char *keep);
/* Adds s as a POSIX shell word, quoted where needed. */
void text_add_shell(struct buf *out, const char *s);

/* The nearest of n words by edit distance, for "did you mean"; NULL when none is near (distance over
 * a third of its length, at least 1). Words are borrowed. */
const char *text_nearest(const char *word, const char *const *words, size_t n);

#endif
