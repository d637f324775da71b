#include "sluice/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sluice/buf.h"
#include "sluice/text.h"

#define SNIPPET_BEFORE_MAX 60 /* characters shown before the caret: 4 bytes each leave room behind it */

static const struct {
    int exit_status;
    bool transient;
} kinds[] = {
    [ERR_NONE] = {0, false},     [ERR_USAGE] = {64, false},   [ERR_BUG] = {70, false},
    [ERR_BUSY] = {75, true},     [ERR_DENIED] = {77, false},  [ERR_FILE] = {78, false},
    [ERR_REFUSED] = {11, false}, [ERR_IO] = {11, false},      [ERR_NET] = {11, true},
    [ERR_TIMEOUT] = {11, true},  [ERR_PROTOCOL] = {11, false}, [ERR_LIMIT] = {11, false},
};
_Static_assert(ARRAY_LEN(kinds) == ERR_KIND_COUNT, "a row for every kind");

static SL_PRINTF(2, 0) void set_text(struct err *err, const char *fmt, va_list ap)
{
    vsnprintf(err->text, sizeof err->text, fmt, ap);
}

bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
    va_list ap;

    if (!err || err->kind != ERR_NONE)
        return false;
    err->kind = kind;
    va_start(ap, fmt);
    set_text(err, fmt, ap);
    va_end(ap);
    return false;
}

bool err_at(struct err *err, enum err_kind kind, struct pos pos, const char *fmt, ...)
{
    va_list ap;

    if (!err || err->kind != ERR_NONE)
        return false;
    err->kind = kind;
    err->line = pos.line;
    err->col = pos.col;
    snprintf(err->file, sizeof err->file, "%s", pos.file ? pos.file : "");
    va_start(ap, fmt);
    set_text(err, fmt, ap);
    va_end(ap);
    return false;
}

bool err_prefix(struct err *err, const char *fmt, ...)
{
    char old[ERR_TEXT_MAX];
    size_t used;
    va_list ap;

    if (!err)
        return false;
    memcpy(old, err->text, sizeof old);
    va_start(ap, fmt);
    set_text(err, fmt, ap);
    va_end(ap);
    used = strlen(err->text);
    snprintf(err->text + used, sizeof err->text - used, "%s", old);
    return false;
}

/* Goes n characters on in a line that ends at end; a byte that is not UTF-8 counts as one. */
static const char *skip_chars(const char *s, const char *end, size_t n)
{
    for (; s < end && n; n--)
        for (s++; s < end && ((unsigned char)*s & 0xc0) == 0x80;)
            s++;
    return s;
}

void err_add_snippet(struct err *err, const char *text, size_t len)
{
    const char *end = text + len, *cut;
    uint32_t line = 1;
    size_t width, from = 0;

    if (!err->line || err->snippet[0])
        return;
    while (line < err->line) {
        const char *nl = memchr(text, '\n', (size_t)(end - text));

        if (!nl)
            return;
        text = nl + 1;
        line++;
    }
    width = strcspn(text, "\r\n");
    if (width > (size_t)(end - text))
        width = (size_t)(end - text);
    end = text + width;
    /* A long line is shown around the place, not from its start. */
    if (err->col > SNIPPET_BEFORE_MAX)
        from = err->col - SNIPPET_BEFORE_MAX / 2;
    cut = skip_chars(text, end, from);
    if (cut == end && from)
        return;
    width = (size_t)(end - cut);
    if (width > ERR_SNIPPET_MAX - 1) {
        width = ERR_SNIPPET_MAX - 1;
        while (width && ((unsigned char)cut[width] & 0xc0) == 0x80)
            width--; /* not in the middle of a character */
    }
    memcpy(err->snippet, cut, width);
    err->snippet[width] = '\0';
    err->snippet_col = err->col > from ? err->col - (uint32_t)from : 1;
}

int err_exit_status(enum err_kind kind)
{
    return kind < ERR_KIND_COUNT ? kinds[kind].exit_status : 70;
}

bool err_is_transient(enum err_kind kind)
{
    return kind < ERR_KIND_COUNT && kinds[kind].transient;
}

/* The source line and a caret below it. Characters that are shown longer than they are move the caret
 * along. */
static void add_snippet(struct buf *out, const struct err *err)
{
    const char *s = err->snippet, *end = s + strlen(s);
    uint32_t col = 1, pad = 0;

    buf_add_str(out, "  | ");
    for (; s < end; col++) {
        const char *next = skip_chars(s, end, 1);
        size_t before = out->len;

        if (*s == '\t')
            buf_add_char(out, ' ');
        else if ((unsigned char)*s < 0x20)
            buf_add_char(out, '?');
        else
            text_add_safe(out, s, (size_t)(next - s), (size_t)(next - s));
        for (size_t i = before; col < err->snippet_col && i < out->len; i++)
            pad += ((unsigned char)out->data[i] & 0xc0) != 0x80;
        s = next;
    }
    buf_add_str(out, "\n  | ");
    while (pad--)
        buf_add_char(out, ' ');
    for (; col < err->snippet_col; col++) /* a place past the end of the line */
        buf_add_char(out, ' ');
    buf_add_str(out, "^\n");
}

void err_format(const struct err *err, const char *program, struct buf *out)
{
    buf_addf(out, "%s: ", program);
    if (err->file[0]) {
        text_add_safe(out, err->file, strlen(err->file), ERR_FILE_MAX);
        if (err->line)
            buf_addf(out, ":%u:%u", err->line, err->col);
        buf_add_str(out, ": ");
    }
    /* The message may quote what a file or a server held. */
    text_add_safe(out, err->text, strlen(err->text), ERR_TEXT_MAX);
    buf_add_char(out, '\n');
    if (err->snippet[0])
        add_snippet(out, err);
}

void err_clear(struct err *err)
{
    memset(err, 0, sizeof *err);
}
