/* report_words.c: one function a format. */
#include "report_words.h"

#include <string.h>

#include "sluice/json.h"
#include "sluice/secret.h"
#include "sluice/text.h"

void report_add_safe(struct buf *out, const char *s, bool lines)
{
    struct buf raw SL_CLEANUP(buf_wipe) = {0};

    if (!s)
        return;
    buf_init(&raw, strlen(s) + 1);
    buf_add_str(&raw, s);
    secret_redact_sink(&raw);
    s = buf_str(&raw);
    while (*s) {
        size_t len = lines ? strcspn(s, "\n") : strlen(s), shown = len;

        while (lines && shown && s[shown - 1] == '\r')
            shown--;
        if (lines && strncmp(s + strspn(s, " \t"), "::", 2) == 0)
            buf_add_char(out, '\\'); /* GitHub takes orders from lines that begin so */
        text_add_safe(out, s, shown, REPORT_WORDS_MAX);
        s += len;
        if (*s == '\n') {
            buf_add_char(out, '\n');
            s++;
        }
    }
}

static void add_escaped(struct buf *out, const struct buf *text,
                        const char *(*escape)(char c, char room[8]))
{
    char room[8];

    for (size_t i = 0; i < text->len; i++) {
        const char *instead = escape(text->data[i], room);

        if (instead)
            buf_add_str(out, instead);
        else
            buf_add_char(out, text->data[i]);
    }
}

static const char *xml_escape(char c, char room[8])
{
    (void)room;
    return c == '<'    ? "&lt;"
           : c == '>'  ? "&gt;"
           : c == '&'  ? "&amp;"
           : c == '"'  ? "&quot;"
           : c == '\'' ? "&#39;"
                       : NULL;
}

/* U+FFFE and U+FFFF are UTF-8 and yet no characters of XML (XML 1.0 section 2.2). */
static void drop_nonchars(struct buf *text)
{
    for (size_t i = 0; i + 2 < text->len; i++)
        if (memcmp(text->data + i, "\xef\xbf\xbe", 3) == 0 ||
            memcmp(text->data + i, "\xef\xbf\xbf", 3) == 0)
            memcpy(text->data + i, "\xef\xbf\xbd", 3);
}

void report_add_xml(struct buf *out, const char *s, bool lines)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};

    report_add_safe(&text, s, lines);
    drop_nonchars(&text);
    add_escaped(out, &text, xml_escape);
}

void report_add_json_text(struct buf *out, const char *s)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};
    json_t *value;

    report_add_safe(&text, s, true);
    value = json_stringn(buf_str(&text), text.len);
    if (value)
        json_add_compact(out, value);
    else
        buf_add_str(out, "\"\"");
    json_decref(value);
}

/* GitHub Flavored Markdown: what begins an emphasis, a link, code, a cell or HTML. */
static const char *markdown_escape(char c, char room[8])
{
    const char *entity = xml_escape(c, room);

    if (entity || !strchr("\\`*_{}[]()#+-.!|~@:", c) || !c)
        return entity;
    room[0] = '\\';
    room[1] = c;
    room[2] = '\0';
    return room;
}

void report_add_markdown(struct buf *out, const char *s)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};

    report_add_safe(&text, s, false);
    add_escaped(out, &text, markdown_escape);
}

/* actions/toolkit, "command": what stands in data and in properties is percent-escaped. */
static const char *data_escape(char c, char room[8])
{
    (void)room;
    return c == '%' ? "%25" : c == '\r' ? "%0D" : c == '\n' ? "%0A" : NULL;
}

static const char *property_escape(char c, char room[8])
{
    return c == ':' ? "%3A" : c == ',' ? "%2C" : data_escape(c, room);
}

void report_add_command(struct buf *out, const char *s, bool inside)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};

    report_add_safe(&text, s, !inside);
    add_escaped(out, &text, inside ? property_escape : data_escape);
}

/* Prometheus text format 0.0.4. */
static const char *label_escape(char c, char room[8])
{
    (void)room;
    return c == '\\' ? "\\\\" : c == '"' ? "\\\"" : c == '\n' ? "\\n" : NULL;
}

void report_add_label(struct buf *out, const char *s)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};

    report_add_safe(&text, s, true);
    add_escaped(out, &text, label_escape);
}

void report_title(const struct report *report, const struct report_entry *e, struct buf *out)
{
    pump_title(report->pump, e->result.stratum, out);
}

const struct doc_node *report_place(const struct report *report, const struct report_entry *e)
{
    const struct pump_stratum *s = pump_stratum(report->pump, e->result.stratum);

    return e->done && e->result.at ? e->result.at : report->suites[s->suite]->checks[s->check].at;
}

const char *report_sentence(const struct report_entry *e)
{
    return e->result.sentence ? e->result.sentence : "did not pass";
}

enum report_kind report_kind_of(const struct report *report, const struct report_entry *e)
{
    if (!e->done)
        return REPORT_NOT_RUN;
    if (e->result.verdict == RUN_PASS)
        return e->result.sentence       ? REPORT_WARNED
               : e->result.attempts > 1 ? REPORT_FLAKY
                                        : REPORT_OK;
    if (e->excused || !pump_stratum(report->pump, e->result.stratum)->required)
        return REPORT_WARNED;
    return e->result.verdict == RUN_FAIL ? REPORT_FAILED : REPORT_ERROR;
}
