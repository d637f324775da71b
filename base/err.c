#include "sluice/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sluice/buf.h"
#include "sluice/text.h"

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

void err_add_snippet(struct err *err, const char *text, size_t len)
{
    const char *end = text + len;
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
    /* A long line is shown around the place, not from its start. */
    if (err->col > ERR_SNIPPET_MAX - 40)
        from = err->col - (ERR_SNIPPET_MAX - 80);
    if (from > width)
        return;
    width -= from;
    if (width > ERR_SNIPPET_MAX - 1)
        width = ERR_SNIPPET_MAX - 1;
    memcpy(err->snippet, text + from, width);
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
    if (err->snippet[0]) {
        size_t i, caret = err->snippet_col ? err->snippet_col - 1 : 0;

        buf_add_str(out, "  | ");
        for (i = 0; err->snippet[i]; i++) /* a tab is shown as one blank, so that the caret fits */
            if (err->snippet[i] == '\t')
                buf_add_char(out, ' ');
            else if ((unsigned char)err->snippet[i] < 0x20)
                buf_add_char(out, '?');
            else
                text_add_safe(out, err->snippet + i, 1, 1);
        buf_add_str(out, "\n  | ");
        for (i = 0; i < caret; i++)
            buf_add_char(out, ' ');
        buf_add_str(out, "^\n");
    }
}

void err_clear(struct err *err)
{
    memset(err, 0, sizeof *err);
}
