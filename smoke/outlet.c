/* outlet.c: see outlet.h. */
#include "outlet.h"

#include <unistd.h>

#include "sluice/file.h"

bool outlet_write(struct buf *text, struct err *err)
{
    if (!buf_ok(text))
        return err_set(err, ERR_LIMIT, "the report is larger than %zu bytes", OUTLET_BYTES_MAX);
    return file_write("-", buf_str(text), text->len, err);
}

bool outlet_reports(struct session *s, struct err *err)
{
    struct report_text_options text = {
        .color = log_use_color(STDOUT_FILENO), .quiet = s->opts.quiet, .verbose = s->opts.verbose};
    struct buf out SL_CLEANUP(buf_clear) = {0};
    struct buf json SL_CLEANUP(buf_clear) = {0};
    bool ok = true;

    buf_init(&out, OUTLET_BYTES_MAX);
    buf_init(&json, OUTLET_BYTES_MAX);
    if (s->opts.format == OPTS_FORMAT_JSON || s->opts.json_file)
        report_json(&s->report, &json);
    if (s->opts.json_file)
        ok = buf_ok(&json) ? file_write(s->opts.json_file, buf_str(&json), json.len, err)
                           : err_set(err, ERR_LIMIT, "the JSON report is too large");
    if (s->opts.format == OPTS_FORMAT_JSON)
        return outlet_write(&json, err) && ok;
    report_text(&s->report, &text, &out);
    return (out.len == 0 || outlet_write(&out, err)) && ok;
}
