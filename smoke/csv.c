/* csv.c: see csv.h. */
#include "csv.h"

#include <string.h>

void csv_begin(struct csv *csv, const char *data, size_t len)
{
    *csv = (struct csv){.p = data, .end = data + len, .next_line = 1};
    if (len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0)
        csv->p += 3;
}

void csv_clear(struct csv *csv)
{
    buf_clear(&csv->text);
    *csv = (struct csv){0};
}

/* Behind the opening quote; *p goes behind the closing one. */
static bool take_quoted(struct csv *csv, struct err *err)
{
    for (; csv->p < csv->end; csv->p++) {
        if (*csv->p == '"' && csv->p + 1 < csv->end && csv->p[1] == '"') {
            csv->p++;
        } else if (*csv->p == '"') {
            csv->p++;
            return csv->p == csv->end || strchr(",\r\n", *csv->p) ||
                   err_set(err, ERR_FILE, "text behind a closing quote");
        }
        csv->next_line += *csv->p == '\n';
        buf_add_char(&csv->text, *csv->p);
    }
    return err_set(err, ERR_FILE, "a quote is opened and not closed");
}

static bool take_field(struct csv *csv, struct err *err)
{
    size_t begin = csv->text.len;

    if (csv->p < csv->end && *csv->p == '"') {
        csv->p++;
        if (!take_quoted(csv, err))
            return false;
    } else {
        while (csv->p < csv->end && !strchr(",\r\n", *csv->p))
            buf_add_char(&csv->text, *csv->p++);
    }
    if (csv->p < csv->end && *csv->p == '\0')
        return err_set(err, ERR_FILE, "a NUL byte: is it text?");
    if (csv->text.len - begin > CSV_FIELD_BYTES_MAX)
        return err_set(err, ERR_FILE, "a field of more than %d bytes", CSV_FIELD_BYTES_MAX);
    if (memchr(buf_str(&csv->text) + begin, 0, csv->text.len - begin))
        return err_set(err, ERR_FILE, "a NUL byte: is it text?");
    buf_add_char(&csv->text, '\0');
    return true;
}

static void skip_blank_lines(struct csv *csv)
{
    for (; csv->p < csv->end && (*csv->p == '\n' || *csv->p == '\r'); csv->p++)
        csv->next_line += *csv->p == '\n';
}

/* The text may move while it grows: pointers are made once it is whole. */
static void point(struct csv *csv)
{
    char *at = csv->text.data;

    for (size_t i = 0; i < csv->n; i++) {
        csv->fields[i] = at;
        at += strlen(at) + 1;
    }
}

bool csv_next(struct csv *csv, struct err *err)
{
    skip_blank_lines(csv);
    csv->line = csv->next_line;
    csv->n = 0;
    buf_reset(&csv->text);
    if (csv->p == csv->end)
        return false;
    for (;;) {
        if (csv->n == CSV_FIELDS_MAX)
            return err_set(err, ERR_FILE, "more than %d fields", CSV_FIELDS_MAX);
        if (!take_field(csv, err))
            return false;
        csv->n++;
        if (csv->p == csv->end || *csv->p != ',')
            break;
        csv->p++;
    }
    point(csv);
    return true;
}
