/* curl_line.h: reads a curl(1) command line, as people paste it from documentation or from a
 * browser's "copy as cURL".
 *
 * What smoke cannot say is an error that names the option; what it need not say (-s, -o FILE) is
 * passed over; what it says otherwise (-k, -L) leaves a note. */
#ifndef SLUICE_SMOKE_CURL_LINE_H
#define SLUICE_SMOKE_CURL_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/arena.h"
#include "sluice/buf.h"
#include "sluice/err.h"

#define CURL_LINE_BYTES_MAX   ((size_t)128 * 1024)
#define CURL_LINE_WORDS_MAX   2000
#define CURL_LINE_HEADERS_MAX 100
#define CURL_LINE_NOTES_MAX   20

struct curl_line_header {
    const char *name, *value;
};

struct curl_line { /* zeroed before; strings live in mem */
    struct arena mem;
    const char *method; /* "GET" unless said or implied */
    const char *url;    /* with a scheme, without user name and fragment */
    struct curl_line_header headers[CURL_LINE_HEADERS_MAX];
    size_t headers_n;
    struct buf body;
    bool has_body;
    const char *user, *password;    /* NULL: none */
    int64_t timeout_ms, connect_ms; /* 0: not said */
    const char *notes[CURL_LINE_NOTES_MAX];
    size_t notes_n;
};

/* Splits text as a POSIX shell would (XCU section 2.2: quotes, backslashes; also $'…'), without
 * expanding anything. ERR_USAGE for an open quote, for "$NAME" and "`", and past the ceilings.
 * *words is an array in mem. */
bool curl_line_split(struct arena *mem, const char *text, size_t len, const char *const **words,
                     size_t *n, struct err *err) SL_MUST_CHECK;

/* Reads the words; the first is "curl". ERR_USAGE. */
bool curl_line_parse(struct curl_line *line, const char *const *words, size_t n,
                     struct err *err) SL_MUST_CHECK;

void curl_line_clear(struct curl_line *line);

#endif
