/* regex.h: Perl-compatible patterns against foreign bytes, with bounds. The only door to PCRE2.
 *
 * The just-in-time compiler is off: it needs writable executable memory and ignores the heap limit.
 * Patterns and texts are UTF-8; a text that is not valid UTF-8 is still searched, its invalid bytes
 * match nothing. ^ and $ are the ends of the text unless the pattern says (?m). */
#ifndef SLUICE_REGEX_H
#define SLUICE_REGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/common.h"
#include "sluice/err.h"

#define REGEX_PATTERN_MAX 4096
#define REGEX_GROUPS_MAX  32
#define REGEX_STEPS_MIN   1000000u /* match limit; four times the text's length if that is more */
#define REGEX_HEAP_KIB    20480u
#define REGEX_CPU_MS      100 /* of one search; a step more or less beyond */

struct regex; /* opaque; used by one thread at a time */

enum regex_result {
    REGEX_MATCH,
    REGEX_NO_MATCH,
    REGEX_LIMIT, /* gave up: the check is in error, the text is neither good nor bad */
};

struct regex_span {
    size_t start, end; /* bytes; start == end == SIZE_MAX: the group took no part */
};

/* NULL with ERR_FILE and "... at offset N" counted in bytes from 0. */
struct regex *regex_new(const char *pattern, struct err *err) SL_MUST_CHECK;
void regex_free(struct regex *re); /* NULL is fine */

size_t regex_groups(const struct regex *re); /* capturing groups, without the whole match */

/* Fills spans[0] with the whole match and spans[1..] with the groups, as far as n reaches; spans
 * may be NULL with n 0. */
enum regex_result regex_find(struct regex *re, const char *text, size_t len,
                             struct regex_span *spans, size_t n);

#endif
