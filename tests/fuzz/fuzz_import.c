/* Files and lines that people hand over: a curl command line becomes a suite that loads or one
 * clear error; a CSV file has as many fields as it says.
 *
 * seeds: tests/data/import */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "csv.h"
#include "draft.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_curl(const char *text, size_t len)
{
    struct curl_line line = {0};
    struct buf out = {0}, needed = {0};
    struct err err = {0};
    const char *const *words;
    size_t n;

    if (curl_line_split(&line.mem, text, len, &words, &n, &err) &&
        curl_line_parse(&line, words, n, &err)) {
        draft_curl(&out, &line, &needed);
        if (!draft_check(&out, &err) && err.kind != ERR_BUG)
            abort();
    } else if (err.kind != ERR_USAGE) {
        abort();
    }
    buf_clear(&out);
    buf_clear(&needed);
    curl_line_clear(&line);
}

static void read_csv(const char *text, size_t len)
{
    struct csv csv = {0};
    struct err err = {0};

    csv_begin(&csv, text, len);
    while (csv_next(&csv, &err)) {
        if (csv.n == 0 || csv.n > CSV_FIELDS_MAX)
            abort();
        for (size_t i = 0; i < csv.n; i++)
            if (strlen(csv.fields[i]) > CSV_FIELD_BYTES_MAX)
                abort();
    }
    csv_clear(&csv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 8192)
        return 0;
    read_curl((const char *)data, size);
    read_csv((const char *)data, size);
    return 0;
}
