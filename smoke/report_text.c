/* report_text.c: for people, at a terminal or in a log. Nothing a server sent stands at the
 * beginning of a line: CI systems take orders from such lines. */
#include <string.h>

#include "report.h"
#include "report_runs.h"
#include "sluice/secret.h"
#include "sluice/text.h"

#define TITLE_WIDTH    44
#define BODY_LINES_MAX 12
#define LINE_BYTES_MAX ((size_t)200)

struct writer {
    const struct report *report;
    const struct report_text_options *options;
    struct buf *out;
    size_t details;
};

static const char *color_of(const char *word)
{
    static const char *const rows[][2] = {{"ok", "\x1b[32m"},     {"flaky", "\x1b[33m"},
                                          {"FAIL", "\x1b[1;31m"}, {"ERROR", "\x1b[1;35m"},
                                          {"warn", "\x1b[33m"},   {"not run", "\x1b[2m"}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(rows[i][0], word) == 0)
            return rows[i][1];
    return "";
}

static void add_word(struct writer *w, const char *word)
{
    if (w->options->color)
        buf_addf(w->out, "%s%-7s\x1b[0m ", color_of(word), word);
    else
        buf_addf(w->out, "%-7s ", word);
}

static size_t width_of(const char *s)
{
    size_t n = 0;

    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static void add_line(struct writer *w, const struct report_entry *e)
{
    struct buf title SL_CLEANUP(buf_clear) = {0};
    struct buf safe SL_CLEANUP(buf_clear) = {0};

    pump_title(w->report->pump, e->result.stratum, &title);
    text_add_safe(&safe, buf_str(&title), title.len, 300);
    add_word(w, report_word(w->report, e));
    buf_add_str(w->out, buf_str(&safe));
    if (e->done) {
        for (size_t n = width_of(buf_str(&safe)); n < TITLE_WIDTH; n++)
            buf_add_char(w->out, ' ');
        buf_addf(w->out, " %6lld ms", (long long)((e->result.latency_us + 500) / 1000));
        if (e->result.attempts > 1)
            buf_addf(w->out, "  (attempt %u)", e->result.attempts);
    }
    buf_add_char(w->out, '\n');
}

/* Foreign text of several lines, each behind a '>'. */
static void add_foreign(struct writer *w, const char *text, size_t max_lines)
{
    const char *line = text;
    size_t n = 0;

    while (*line) {
        size_t len = strcspn(line, "\n"), shown = len;

        if (++n > max_lines) {
            if (max_lines > 1)
                buf_add_str(w->out, "        > ...\n");
            return;
        }
        while (shown && line[shown - 1] == '\r')
            shown--;
        buf_add_str(w->out, "        > ");
        text_add_safe(w->out, line, shown, LINE_BYTES_MAX);
        buf_add_char(w->out, '\n');
        line += len + (line[len] == '\n');
    }
}

static void add_named(struct writer *w, const char *name, const char *text)
{
    if (!text)
        return;
    buf_addf(w->out, "        %-9s ", name);
    text_add_safe(w->out, text, strlen(text), 4 * 1024);
    buf_add_char(w->out, '\n');
}

/* file:line:col: sentence, the source line and a caret. */
static void add_place(struct writer *w, const struct probe_result *r)
{
    const struct suite_check *check = &w->report->suites[r->suite]->checks[r->check];
    const struct doc_node *at = r->at ? r->at : check->at;
    struct err e = {0};

    err_at(&e, ERR_FILE, at->pos, "%s", r->sentence ? r->sentence : "");
    err_add_snippet(&e, at->doc->text, at->doc->len);
    buf_addf(w->out, "        %s:%u:%u: ", e.file, e.line, e.col);
    if (check->steps_n > 1 && r->verdict != RUN_PASS)
        buf_addf(w->out, "step %u of %zu: ", r->step + 1, check->steps_n);
    buf_addf(w->out, "%s\n", r->sentence ? r->sentence : "did not pass");
    if (e.snippet[0]) {
        buf_add_str(w->out, "          ");
        text_add_safe(w->out, e.snippet, strlen(e.snippet), sizeof e.snippet);
        buf_add_str(w->out, "\n          ");
        for (uint32_t i = 1; i < e.snippet_col; i++)
            buf_add_char(w->out, ' ');
        buf_add_str(w->out, "^\n");
    }
}

/* "old 200, new 404: status (step 1)" */
static void add_differences(struct writer *w, const struct probe_result *r)
{
    const struct suite_check *check = &w->report->suites[r->suite]->checks[r->check];

    for (uint32_t i = 0; i < r->differences_n; i++) {
        const struct probe_difference *d = &r->differences[i];

        buf_addf(w->out, "        %s: old %s, new %s", d->what, d->old, d->new);
        if (check->steps_n > 1)
            buf_addf(w->out, " (step %u)", d->step + 1);
        buf_add_char(w->out, '\n');
    }
}

static void add_details(struct writer *w, const struct report_entry *e)
{
    const struct probe_result *r = &e->result;

    add_place(w, r);
    if (w->details++ >= REPORT_DETAILS_MAX && !w->options->verbose)
        return;
    add_differences(w, r);
    add_named(w, "met", r->met);
    add_named(w, "expected", r->expected);
    if (r->method && r->url) {
        struct buf line SL_CLEANUP(buf_clear) = {0};

        buf_addf(&line, "%s %s", r->method, r->url);
        if (r->remote)
            buf_addf(&line, "  (%s)", r->remote);
        add_named(w, "request", buf_str(&line));
    }
    add_named(w, "try", r->curl);
    if (r->response_head)
        add_foreign(w, r->response_head, w->options->verbose ? 50 : 1);
    if (r->response_body)
        add_foreign(w, r->response_body, w->options->verbose ? 100 : BODY_LINES_MAX);
}

static void add_count(struct buf *out, size_t n, const char *word)
{
    if (n)
        buf_addf(out, ", %zu %s", n, word);
}

static void add_summary(struct writer *w)
{
    const struct report *r = w->report;

    buf_addf(w->out, "%zu check%s: %zu passed", r->entries_n, r->entries_n == 1 ? "" : "s",
             r->passed);
    add_count(w->out, r->flaky, "of them after a retry");
    add_count(w->out, r->failed, "failed");
    add_count(w->out, r->errors, r->errors == 1 ? "error" : "errors");
    add_count(w->out, r->warned, r->warned == 1 ? "warning" : "warnings");
    add_count(w->out, r->not_run, "not run");
    buf_addf(w->out, "; %llu request%s in %lld.%02lld s\n", (unsigned long long)r->requests,
             r->requests == 1 ? "" : "s", (long long)(r->elapsed_ms / 1000),
             (long long)(r->elapsed_ms % 1000 / 10));
    if (r->interrupted)
        buf_add_str(w->out, "interrupted: this is what was done so far\n");
    if (r->offline)
        buf_add_str(w->out,
                    "no request reached a server: is this machine offline? Nothing was judged\n");
}

#define SLOWEST_N 5

/* With --verbose: the slowest checks, so that nobody has to sort them. */
static void add_slowest(struct writer *w)
{
    const struct report *r = w->report;
    const struct report_entry *top[SLOWEST_N] = {0};
    size_t n = 0;

    for (size_t i = 0; i < r->entries_n; i++) {
        const struct report_entry *e = &r->entries[i];
        size_t at = n;

        if (!e->done)
            continue;
        while (at > 0 && top[at - 1]->result.latency_us < e->result.latency_us)
            at--;
        if (at == SLOWEST_N)
            continue;
        n += n < SLOWEST_N;
        memmove(&top[at + 1], &top[at], (n - at - 1) * sizeof top[0]);
        top[at] = e;
    }
    if (n < 2)
        return;
    buf_add_str(w->out, "slowest:\n");
    for (size_t i = 0; i < n; i++)
        add_line(w, top[i]);
}

void report_text(const struct report *report, const struct report_text_options *options,
                 struct buf *out)
{
    struct writer w = {.report = report, .options = options, .out = out};
    bool bad = report->exit_status != 0;

    for (size_t i = 0; i < report->entries_n; i++) {
        const struct report_entry *e = &report->entries[i];
        bool warns = e->done && e->result.verdict == RUN_PASS && e->result.sentence;
        bool passed = e->done && e->result.verdict == RUN_PASS && !warns;

        if (options->quiet && (passed || !e->done))
            continue;
        add_line(&w, e);
        if (warns)
            add_place(&w, &e->result);
        else if (e->done && !passed)
            add_details(&w, e);
    }
    if (!options->quiet || bad) {
        if (options->verbose)
            add_slowest(&w);
        report_runs_text(report, options->quiet, out);
        add_summary(&w);
    }
    secret_redact_sink(out);
}
