/* report_github.c: annotations on the lines of the suite, and a summary of the step (GitHub's
 * documentation, "Workflow commands for GitHub Actions"). */
#include <string.h>

#include "report_words.h"

#define ANNOTATIONS_MAX  10  /* of one kind; GitHub shows no more of one step */
#define SUMMARY_ROWS_MAX 500 /* a summary ends at 1 MiB */

static void add_annotation(struct buf *out, const struct report *r, const struct report_entry *e,
                           const char *command)
{
    const struct doc_node *at = report_place(r, e);
    struct buf title SL_CLEANUP(buf_clear) = {0};

    report_title(r, e, &title);
    buf_addf(out, "::%s file=", command);
    report_add_command(out, at->pos.file, true);
    buf_addf(out, ",line=%u,col=%u,title=", at->pos.line, at->pos.col);
    report_add_command(out, buf_str(&title), true);
    buf_add_str(out, "::");
    if (report_kind_of(r, e) == REPORT_FLAKY)
        buf_addf(out, "passed at attempt %u only", e->result.attempts);
    else
        report_add_command(out, report_sentence(e), false);
    buf_add_char(out, '\n');
}

static bool is_error(enum report_kind kind)
{
    return kind == REPORT_FAILED || kind == REPORT_ERROR;
}

static bool is_warning(enum report_kind kind)
{
    return kind == REPORT_WARNED || kind == REPORT_FLAKY;
}

static void add_kind(struct buf *out, const struct report *r, const char *command,
                     bool (*wanted)(enum report_kind kind))
{
    size_t n = 0;

    for (size_t i = 0; i < r->entries_n; i++)
        if (wanted(report_kind_of(r, &r->entries[i])) && n++ < ANNOTATIONS_MAX)
            add_annotation(out, r, &r->entries[i], command);
    if (n > ANNOTATIONS_MAX)
        buf_addf(out, "::notice::%zu more are not shown as annotations; the log has them all\n",
                 n - ANNOTATIONS_MAX);
}

void report_github(const struct report *r, struct buf *out)
{
    add_kind(out, r, "error", is_error);
    add_kind(out, r, "warning", is_warning);
}

static void add_row(struct buf *out, const struct report *r, const struct report_entry *e)
{
    const struct doc_node *at = report_place(r, e);
    struct buf title SL_CLEANUP(buf_clear) = {0};

    report_title(r, e, &title);
    buf_addf(out, "| %s | ", report_word(r, e));
    report_add_markdown(out, buf_str(&title));
    buf_add_str(out, " | ");
    if (report_kind_of(r, e) == REPORT_FLAKY)
        buf_addf(out, "passed at attempt %u only", e->result.attempts);
    else if (e->done)
        report_add_markdown(out, report_sentence(e));
    buf_add_str(out, " | ");
    report_add_markdown(out, at->pos.file);
    buf_addf(out, " line %u |\n", at->pos.line);
}

void report_github_summary(const struct report *r, struct buf *out)
{
    size_t n = 0;

    buf_addf(out,
             "### smoke: %s\n\n%zu checks: %zu passed, %zu failed, %zu errors, %zu warnings, "
             "%zu flaky, %zu not run; %llu requests in %lld.%02lld s\n\n",
             r->exit_status == 0   ? "passed"
             : r->exit_status == 1 ? "failed"
                                   : "not judged",
             r->entries_n, r->passed, r->failed, r->errors, r->warned, r->flaky, r->not_run,
             (unsigned long long)r->requests, (long long)(r->elapsed_ms / 1000),
             (long long)(r->elapsed_ms % 1000 / 10));
    for (size_t i = 0; i < r->entries_n; i++) {
        if (report_kind_of(r, &r->entries[i]) == REPORT_OK || n > SUMMARY_ROWS_MAX)
            continue;
        if (n++ == 0)
            buf_add_str(out, "| verdict | check | what was met | where |\n|---|---|---|---|\n");
        if (n > SUMMARY_ROWS_MAX)
            buf_add_str(out, "| | and more | | |\n");
        else
            add_row(out, r, &r->entries[i]);
    }
    if (n)
        buf_add_char(out, '\n');
}
