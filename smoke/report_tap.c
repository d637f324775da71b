/* report_tap.c: the Test Anything Protocol, version 14, with a YAML block for what did not pass.
 * The same lines are good version 13, which is the last that Perl's TAP::Harness of Debian 12
 * knows. */
#include <string.h>

#include "report_words.h"

/* A description holds no newline, and '#' and '\' only escaped. */
static void add_description(struct buf *out, const char *s)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};

    report_add_safe(&text, s, false);
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '#' || text.data[i] == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, text.data[i]);
    }
}

static void add_key(struct buf *out, const char *key, const char *value)
{
    if (!value || !*value)
        return;
    buf_addf(out, "  %s: ", key);
    report_add_json_text(out, value);
    buf_add_char(out, '\n');
}

static void add_block(struct buf *out, const struct report *r, const struct report_entry *e)
{
    const struct doc_node *at = report_place(r, e);

    buf_add_str(out, "  ---\n");
    add_key(out, "message", report_sentence(e));
    add_key(out, "severity",
            e->result.verdict == RUN_PASS   ? "warning"
            : e->result.verdict == RUN_FAIL ? "fail"
                                            : "error");
    add_key(out, "found", e->result.met);
    add_key(out, "wanted", e->result.expected);
    buf_add_str(out, "  at:\n  ");
    add_key(out, "file", at->pos.file);
    buf_addf(out, "    line: %u\n    column: %u\n", at->pos.line, at->pos.col);
    add_key(out, "try", e->result.curl);
    add_key(out, "answer", e->result.response_head);
    add_key(out, "body", e->result.response_body);
    buf_add_str(out, "  ...\n");
}

static void add_point(struct buf *out, const struct report *r, const struct report_entry *e,
                      size_t number)
{
    enum report_kind kind = report_kind_of(r, e);
    struct buf title SL_CLEANUP(buf_clear) = {0};

    report_title(r, e, &title);
    buf_addf(out, "%sok %zu - ",
             kind == REPORT_FAILED || kind == REPORT_ERROR || kind == REPORT_WARNED ? "not " : "",
             number);
    add_description(out, buf_str(&title));
    if (kind == REPORT_NOT_RUN)
        buf_add_str(out, " # SKIP not run");
    if (kind == REPORT_WARNED) /* harnesses do not count it as a failure */
        buf_add_str(out, " # TODO it need not pass");
    buf_add_char(out, '\n');
    if (kind == REPORT_FLAKY)
        buf_addf(out,
                 "  ---\n  message: \"passed at attempt %u only\"\n  severity: \"flaky\"\n  ...\n",
                 e->result.attempts);
    else if (kind != REPORT_OK && kind != REPORT_NOT_RUN)
        add_block(out, r, e);
}

static void add_all(struct buf *out, const struct report *r, int version)
{
    buf_addf(out, "TAP version %d\n1..%zu\n", version, r->entries_n);
    for (size_t i = 0; i < r->entries_n; i++)
        add_point(out, r, &r->entries[i], i + 1);
    if (r->interrupted) /* skipped ones would pass otherwise */
        buf_add_str(out, "Bail out! interrupted: this is what was done so far\n");
    else if (r->offline)
        buf_add_str(out, "Bail out! no request reached a server\n");
}

void report_tap(const struct report *r, struct buf *out)
{
    add_all(out, r, 14);
}

void report_tap13(const struct report *r, struct buf *out)
{
    add_all(out, r, 13);
}
