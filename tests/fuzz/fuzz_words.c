/* What reports make of foreign text: no control byte, nothing that a format or a CI runner takes
 * for more than text.
 *
 * seeds: tests/data/redact tests/data/report */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "report_words.h"
#include "sluice/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_bytes(const struct buf *b, bool lines)
{
    if (!text_is_utf8(buf_str(b), b->len))
        abort();
    for (size_t i = 0; i < b->len; i++) {
        unsigned char c = (unsigned char)b->data[i];

        if ((c < 0x20 && !(lines && c == '\n')) || c == 0x7f)
            abort();
    }
}

static void check_lines(const struct buf *b)
{
    const char *p = buf_str(b);

    while (*p) { /* GitHub looks behind blanks */
        if (p != buf_str(b) && strncmp(p + strspn(p, " \t"), "::", 2) == 0)
            abort();
        p = strchrnul(p, '\n');
        p += *p != '\0';
    }
}

static void check_none(const struct buf *b, const char *bytes)
{
    if (strpbrk(buf_str(b), bytes))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf out = {0};
    char *text;

    if (size > 4096)
        return 0;
    text = x_strndup((const char *)data, size);
    report_add_safe(&out, text, true);
    check_bytes(&out, true);
    check_lines(&out);
    buf_reset(&out);
    report_add_xml(&out, text, true);
    check_bytes(&out, true);
    check_none(&out, "<>\"'");
    if (memmem(buf_str(&out), out.len, "\xef\xbf\xbe", 3) ||
        memmem(buf_str(&out), out.len, "\xef\xbf\xbf", 3))
        abort();
    buf_reset(&out);
    report_add_command(&out, text, true);
    check_bytes(&out, false);
    check_none(&out, ":,\r\n");
    buf_reset(&out);
    report_add_command(&out, text, false);
    check_none(&out, "\r\n");
    buf_reset(&out);
    report_add_markdown(&out, text);
    check_bytes(&out, false);
    check_none(&out, "<>\r\n");
    buf_reset(&out);
    report_add_label(&out, text);
    check_bytes(&out, false);
    buf_reset(&out);
    report_add_json_text(&out, text);
    check_bytes(&out, false);
    buf_clear(&out);
    free(text);
    return 0;
}
