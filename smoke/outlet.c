/* outlet.c: see outlet.h. */
#include "outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sluice/file.h"
#include "sluice/secret.h"

#define SUMMARY_BYTES_MAX ((size_t)1024 * 1024) /* GitHub drops a larger one */

bool outlet_write(struct buf *text, struct err *err)
{
    if (!buf_ok(text))
        return err_set(err, ERR_LIMIT, "the report is larger than %zu bytes", OUTLET_BYTES_MAX);
    return file_write("-", buf_str(text), text->len, err);
}

/* "##[" is an order to GitHub's and Azure's runners wherever it stands in a line. */
static void spoil_orders(struct buf *text)
{
    for (size_t i = 0; i + 2 < text->len; i++)
        if (memcmp(text->data + i, "##", 2) == 0 &&
            (text->data[i + 2] == '[' || text->data[i + 2] == 'v'))
            text->data[i + 1] = ' ';
}

static void make_text(const struct session *s, bool to_terminal, struct buf *out)
{
    const struct report_text_options options = {.color =
                                                    to_terminal && log_use_color(STDOUT_FILENO),
                                                .quiet = s->opts.quiet,
                                                .verbose = s->opts.verbose};

    report_text(&s->report, &options, out);
}

static void make(const struct session *s, enum opts_report kind, bool to_terminal, struct buf *out)
{
    static void (*const makers[])(const struct report *report, struct buf *out) = {
        [OPTS_REPORT_JSON] = report_json,     [OPTS_REPORT_JUNIT] = report_junit,
        [OPTS_REPORT_TAP] = report_tap,       [OPTS_REPORT_TAP13] = report_tap13,
        [OPTS_REPORT_GITHUB] = report_github, [OPTS_REPORT_HTML] = report_html,
        [OPTS_REPORT_CURL] = report_curl,     [OPTS_REPORT_PROMETHEUS] = report_prometheus,
    };

    _Static_assert(ARRAY_LEN(makers) == OPTS_REPORT_COUNT, "a maker for every report but text");
    buf_init(out, OUTLET_BYTES_MAX);
    if (kind == OPTS_REPORT_TEXT)
        make_text(s, to_terminal, out);
    else
        makers[kind](&s->report, out);
    if (kind != OPTS_REPORT_JSON) /* there it is done text by text */
        secret_redact_sink(out);
    if (kind != OPTS_REPORT_JSON && kind != OPTS_REPORT_HTML && kind != OPTS_REPORT_CURL)
        spoil_orders(out);
}

/* $GITHUB_STEP_SUMMARY names a file that steps add to. */
static bool add_summary(const struct session *s, struct err *err)
{
    const char *path = getenv("GITHUB_STEP_SUMMARY");
    struct buf out SL_CLEANUP(buf_clear) = {0};
    int fd;
    bool ok;

    if (!path || !*path)
        return true;
    buf_init(&out, SUMMARY_BYTES_MAX);
    report_github_summary(&s->report, &out);
    secret_redact_sink(&out);
    fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    ok = fd >= 0 && write(fd, buf_str(&out), out.len) == (ssize_t)out.len;
    if (!ok)
        err_set(err, ERR_IO, "cannot add to GITHUB_STEP_SUMMARY %s: %s", path, strerror(errno));
    file_close(&fd);
    return ok;
}

static bool write_one(const struct session *s, enum opts_report kind, const char *file,
                      struct err *err)
{
    struct buf out SL_CLEANUP(buf_clear) = {0};
    bool out_there = strcmp(file, "-") == 0, ok = true;

    make(s, kind, out_there, &out);
    if (!buf_ok(&out))
        ok = err_set(err, ERR_LIMIT, "the %s report is larger than %zu bytes",
                     opts_report_name(kind), OUTLET_BYTES_MAX);
    else if (!out_there || out.len > 0)
        ok = file_write(file, buf_str(&out), out.len, err);
    return (kind != OPTS_REPORT_GITHUB || add_summary(s, err)) && ok;
}

/* All are written, whatever became of the others; err tells the first that could not be. */
bool outlet_reports(struct session *s, struct err *err)
{
    const struct opts *o = &s->opts;
    bool taken = o->format == OPTS_FORMAT_JSON, ok = true;

    if (o->json_file)
        ok &= write_one(s, OPTS_REPORT_JSON, o->json_file, err);
    for (size_t i = 0; i < o->outputs_n; i++) {
        taken |= strcmp(o->outputs[i].file, "-") == 0;
        ok &= write_one(s, o->outputs[i].kind, o->outputs[i].file, err);
    }
    if (o->format == OPTS_FORMAT_JSON)
        ok &= write_one(s, OPTS_REPORT_JSON, "-", err);
    else if (!taken)
        ok &= write_one(s, OPTS_REPORT_TEXT, "-", err);
    return ok;
}
