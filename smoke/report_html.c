/* report_html.c: one page, nothing fetched, no script: every check with its verdict, what was met,
 * and a bar for each of its requests. */
#include <string.h>

#include "report_words.h"
#include "sluice/text.h"

#define BARS_MAX 64 /* requests drawn of one check */

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'; img-src data:\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<link rel=\"icon\" href=\"data:,\">\n<title>smoke</title>\n<style>\n"
    ":root{color-scheme:light "
    "dark;--bg:#fff;--fg:#1a1c1e;--dim:#5c6168;--line:#d9dce1;--ok:#14713a;"
    "--bad:#b3261e;--warn:#8a5a00;--code:#f3f4f6;--dns:#7a5cc0;--con:#b0650a;--tls:#0b7a75;"
    "--wait:#2f6fd0;--recv:#3f8f3f}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#15171a;--fg:#e6e8eb;--dim:#a0a6ae;--line:#"
    "33383f;"
    "--ok:#5fce8b;--bad:#ff8a80;--warn:#f0bd5c;--code:#1f2328;--dns:#a78be8;--con:#e09a45;--tls:"
    "#4cc3bd;--wait:#7fb0ff;--recv:#7bcf7b}}\n"
    "body{margin:0 auto;max-width:70rem;padding:1.5rem;background:var(--bg);color:var(--fg);"
    "font:16px/1.5 system-ui,sans-serif}\n"
    "h1{font-size:1.5rem;margin:0 0 .25rem}p{margin:.25rem 0}.dim{color:var(--dim)}\n"
    "details,.row{border-bottom:1px solid var(--line);padding:.4rem 0}\n"
    "summary,.row{display:grid;grid-template-columns:5.5rem 1fr "
    "6rem;gap:.5rem;align-items:baseline;"
    "cursor:pointer}.row{cursor:default}\n"
    ".t{overflow-wrap:anywhere}.ms{text-align:right;font-variant-numeric:tabular-nums}\n"
    ".w{font-weight:600}.ok{color:var(--ok)}.bad{color:var(--bad)}.warn{color:var(--warn)}\n"
    "pre{background:var(--code);padding:.6rem;overflow:auto;white-space:pre-wrap;"
    "overflow-wrap:anywhere;border-radius:.3rem;margin:.4rem 0}\n"
    "dl{display:grid;grid-template-columns:6rem 1fr;gap:.1rem .5rem;margin:.4rem 0}dd{margin:0;"
    "overflow-wrap:anywhere}dt{color:var(--dim)}\n"
    "table{border-collapse:collapse;width:100%;margin:.4rem 0}th,td{text-align:left;padding:.15rem "
    ".5rem .15rem 0;font-weight:400;white-space:nowrap}td.bar{width:60%}\n"
    ".track{position:relative;height:.8rem;background:var(--code)}.track i{position:absolute;top:0;"
    "height:100%;min-width:1px}\n"
    ".dns{background:var(--dns)}.con{background:var(--con)}.tls{background:var(--tls)}.wait{"
    "background:var(--wait)}.recv{background:var(--recv)}\n"
    ".legend i{display:inline-block;width:.8rem;height:.8rem;margin:0 .3rem 0 .8rem}\n"
    "</style>\n</head>\n<body>\n";

static const char *class_of(enum report_kind kind)
{
    return kind == REPORT_OK                               ? "ok"
           : kind == REPORT_FAILED || kind == REPORT_ERROR ? "bad"
                                                           : "warn";
}

static void add_term(struct buf *out, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    buf_addf(out, "<dt>%s</dt><dd>", name);
    report_add_xml(out, value, false);
    buf_add_str(out, "</dd>");
}

static void add_pre(struct buf *out, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    buf_addf(out, "<p class=\"dim\">%s</p><pre>", name);
    report_add_xml(out, value, true);
    buf_add_str(out, "</pre>");
}

/* ---- bars
 * -------------------------------------------------------------------------------------- */

static void add_piece(struct buf *out, const char *class, int64_t from, int64_t len, int64_t scale)
{
    if (len > 0)
        buf_addf(out, "<i class=\"%s\" style=\"left:%.2f%%;width:%.2f%%\"></i>", class,
                 100.0 * (double)from / (double)scale, 100.0 * (double)len / (double)scale);
}

static void add_bar(struct buf *out, const struct probe_exchange *x, int64_t scale)
{
    int64_t at = x->begin_us, set_up = x->dns_us + x->connect_us + x->tls_us;
    int64_t first = x->first_byte_us ? x->first_byte_us : x->total_us;

    buf_add_str(out, "<td class=\"bar\"><div class=\"track\">");
    add_piece(out, "dns", at, x->dns_us, scale);
    add_piece(out, "con", at + x->dns_us, x->connect_us, scale);
    add_piece(out, "tls", at + x->dns_us + x->connect_us, x->tls_us, scale);
    add_piece(out, "wait", at + set_up, first - set_up, scale);
    add_piece(out, "recv", at + first, x->total_us - first, scale);
    buf_add_str(out, "</div></td>");
}

static void add_bars(struct buf *out, const struct probe_result *r)
{
    int64_t scale = 1;

    if (r->exchanges_n == 0)
        return;
    for (uint32_t i = 0; i < r->exchanges_n; i++)
        if (r->exchanges[i].begin_us + r->exchanges[i].total_us > scale)
            scale = r->exchanges[i].begin_us + r->exchanges[i].total_us;
    buf_add_str(out,
                "<table><thead><tr><th scope=\"col\">request</th><th scope=\"col\">status</th>"
                "<th scope=\"col\">time</th><th scope=\"col\">waterfall</th></tr></thead><tbody>");
    for (uint32_t i = 0; i < r->exchanges_n && i < BARS_MAX; i++) {
        const struct probe_exchange *x = &r->exchanges[i];

        buf_addf(out, "<tr><td>step %u%s%s</td><td>", x->step + 1, x->role ? ": " : "",
                 x->role ? x->role : "");
        if (x->status)
            buf_addf(out, "%u", x->status);
        else
            buf_add_str(out, http_outcome_name(x->outcome));
        buf_addf(out, "</td><td>%.1f ms</td>", (double)x->total_us / 1000);
        add_bar(out, x, scale);
        buf_add_str(out, "</tr>");
    }
    buf_add_str(out, "</tbody></table>\n");
}

/* ---- checks
 * ------------------------------------------------------------------------------------ */

static void add_line(struct buf *out, const struct report *r, const struct report_entry *e)
{
    struct buf title SL_CLEANUP(buf_clear) = {0};

    report_title(r, e, &title);
    buf_addf(out, "<span class=\"w %s\">%s</span><span class=\"t\">",
             class_of(report_kind_of(r, e)), report_word(r, e));
    report_add_xml(out, buf_str(&title), false);
    buf_add_str(out, "</span><span class=\"ms\">");
    if (e->done)
        buf_addf(out, "%.1f ms", (double)e->result.latency_us / 1000);
    buf_add_str(out, "</span>");
}

static void add_details(struct buf *out, const struct report *r, const struct report_entry *e)
{
    const struct probe_result *p = &e->result;
    const struct doc_node *at = report_place(r, e);
    struct buf place SL_CLEANUP(buf_clear) = {0};

    buf_addf(&place, "%s:%u:%u", at->pos.file, at->pos.line, at->pos.col);
    buf_add_str(out, "<dl>");
    if (p->verdict != RUN_PASS || p->sentence) {
        add_term(out, "what", report_sentence(e));
        add_term(out, "met", p->met);
        add_term(out, "expected", p->expected);
    }
    for (uint32_t i = 0; i < p->differences_n; i++) {
        const struct probe_difference *d = &p->differences[i];
        struct buf text SL_CLEANUP(buf_clear) = {0};

        buf_addf(&text, "%s: old %s, new %s (step %u)", d->what, d->old, d->new, d->step + 1);
        add_term(out, "differs", buf_str(&text));
    }
    add_term(out, "where", buf_str(&place));
    add_term(out, "url", p->url);
    add_term(out, "server", p->remote);
    buf_add_str(out, "</dl>\n");
    add_bars(out, p);
    add_pre(out, "Try it", p->curl);
    add_pre(out, "Request", p->request_head);
    add_pre(out, "Answer", p->response_head);
    add_pre(out, "Body", p->response_body);
}

static void add_entry(struct buf *out, const struct report *r, const struct report_entry *e)
{
    bool bad = e->done && e->result.verdict != RUN_PASS;

    if (!e->done) {
        buf_add_str(out, "<div class=\"row\">");
        add_line(out, r, e);
        buf_add_str(out, "</div>\n");
        return;
    }
    buf_addf(out, "<details%s><summary>", bad ? " open" : "");
    add_line(out, r, e);
    buf_add_str(out, "</summary>\n");
    add_details(out, r, e);
    buf_add_str(out, "</details>\n");
}

static void add_summary(struct buf *out, const struct report *r)
{
    struct buf started SL_CLEANUP(buf_clear) = {0};

    text_format_time(&started, r->started_wall_ms, false);
    buf_addf(out, "<h1>smoke: <span class=\"%s\">%s</span></h1>\n",
             r->exit_status == 0 ? "ok" : "bad",
             r->exit_status == 0   ? "passed"
             : r->exit_status == 1 ? "failed"
                                   : "not judged");
    buf_addf(out,
             "<p>%zu checks: %zu passed, %zu failed, %zu errors, %zu warnings, %zu flaky, %zu not "
             "run</p>\n<p class=\"dim\">%s, %llu requests in %lld.%02lld s, exit status %d</p>\n",
             r->entries_n, r->passed, r->failed, r->errors, r->warned, r->flaky, r->not_run,
             buf_str(&started), (unsigned long long)r->requests, (long long)(r->elapsed_ms / 1000),
             (long long)(r->elapsed_ms % 1000 / 10), r->exit_status);
    if (r->conclusion && r->conclusion[0]) {
        buf_add_str(out, "<p>");
        report_add_xml(out, r->conclusion, false);
        buf_add_str(out, "</p>\n");
    }
    if (r->interrupted)
        buf_add_str(out, "<p class=\"warn\">interrupted: this is what was done so far</p>\n");
    if (r->offline)
        buf_add_str(out, "<p class=\"bad\">no request reached a server: nothing was judged</p>\n");
    buf_add_str(
        out, "<p class=\"dim legend\">a request: <i class=\"dns\"></i>look-up<i class=\"con\"></i>"
             "connect<i class=\"tls\"></i>TLS<i class=\"wait\"></i>wait<i class=\"recv\"></i>"
             "receive</p>\n");
}

void report_html(const struct report *r, struct buf *out)
{
    buf_add_str(out, head);
    buf_add_str(out, "<main>\n");
    add_summary(out, r);
    for (size_t i = 0; i < r->suites_n; i++) {
        buf_add_str(out, "<h2 class=\"dim\">");
        report_add_xml(out, r->suites[i]->path, false);
        buf_add_str(out, "</h2>\n");
        for (size_t k = 0; k < r->entries_n; k++)
            if (pump_stratum(r->pump, r->entries[k].result.stratum)->suite == i)
                add_entry(out, r, &r->entries[k]);
    }
    buf_add_str(out, "</main>\n</body>\n</html>\n");
}
