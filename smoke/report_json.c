/* report_json.c: for machines. Foreign bytes are escaped as for people, so the document is always
 * UTF-8 and safe to print. */
#include <string.h>

#include "config.h"
#include "report.h"
#include "report_runs.h"
#include "sluice/json.h"
#include "sluice/secret.h"
#include "sluice/text.h"

#define TEXT_MAX ((size_t)8 * 1024)

/* Lines stay lines; every other control byte is escaped. Secrets are taken out here, text by text:
 * in the whole document a secret such as "true" or "1234" would take more than itself away. */
static json_t *safe(const char *value)
{
    struct buf out SL_CLEANUP(buf_clear) = {0};
    struct buf raw SL_CLEANUP(buf_wipe) = {0};
    const char *s;
    json_t *text;

    if (!value)
        return NULL;
    buf_init(&raw, strlen(value) + 1);
    buf_add_str(&raw, value);
    secret_redact_sink(&raw);
    s = buf_str(&raw);
    while (*s && out.len < TEXT_MAX) {
        size_t len = strcspn(s, "\n");

        text_add_safe(&out, s, len, TEXT_MAX);
        s += len;
        if (*s == '\n') {
            buf_add_char(&out, '\n');
            s++;
        }
    }
    text = json_stringn(buf_str(&out), out.len);
    return text ? text : json_string("");
}

static void set(json_t *object, const char *key, json_t *value)
{
    if (value)
        json_object_set_new(object, key, value);
}

static void set_text(json_t *object, const char *key, const char *s)
{
    set(object, key, safe(s));
}

static void set_place(json_t *object, const struct doc_node *at)
{
    set_text(object, "file", at->pos.file);
    set(object, "line", json_integer(at->pos.line));
    set(object, "col", json_integer(at->pos.col));
}

static json_t *exchange(const struct probe_result *r)
{
    json_t *request = json_object(), *response = json_object(), *both = json_object();

    set_text(request, "method", r->method);
    set_text(request, "url", r->url);
    set_text(request, "head", r->request_head);
    set_text(request, "body", r->request_body);
    set_text(request, "curl", r->curl);
    set(both, "request", request);
    if (r->response_head) {
        set(response, "status", json_integer(r->status));
        set_text(response, "head", r->response_head);
        set_text(response, "body", r->response_body);
        set(response, "bytes", json_integer((json_int_t)r->response_bytes));
        set(both, "response", response);
    } else {
        json_decref(response);
    }
    return both;
}

static json_t *failure(const struct report *report, const struct probe_result *r)
{
    const struct suite_check *check = &report->suites[r->suite]->checks[r->check];
    json_t *f = json_object(), *both = exchange(r);

    set_text(f, "sentence", r->sentence ? r->sentence : "did not pass");
    set_text(f, "met", r->met);
    set_text(f, "expected", r->expected);
    set_place(f, r->at ? r->at : check->at);
    set(f, "step", json_integer(r->step + 1));
    set_text(f, "outcome", http_outcome_name(r->outcome));
    json_object_update(f, both);
    json_decref(both);
    return f;
}

static json_t *differences(const struct probe_result *r)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < r->differences_n; i++) {
        json_t *d = json_object();

        set(d, "step", json_integer(r->differences[i].step + 1));
        set_text(d, "what", r->differences[i].what);
        set_text(d, "old", r->differences[i].old);
        set_text(d, "new", r->differences[i].new);
        json_array_append_new(list, d);
    }
    return list;
}

static json_t *warning(const struct probe_result *r)
{
    json_t *w = json_object();

    set_text(w, "sentence", r->sentence);
    set_place(w, r->at);
    return w;
}

static json_t *row_of(const struct report *report, const struct pump_stratum *s)
{
    const struct suite *suite = report->suites[s->suite];
    json_t *row = json_object();

    for (size_t i = 0; i < suite->columns_n; i++) {
        const char *value = suite_column_value(suite, &suite->checks[s->check], s->row, i);

        if (value)
            set_text(row, suite->columns[i].name, value);
    }
    return row;
}

static const char *verdict_of(const struct report_entry *e)
{
    static const char *const names[] = {
        [RUN_PASS] = "pass", [RUN_FAIL] = "fail", [RUN_ERROR] = "error"};

    _Static_assert(ARRAY_LEN(names) == RUN_VERDICT_COUNT, "a name for every verdict");
    return e->done ? names[e->result.verdict] : "not_run";
}

static json_t *exchanges(const struct probe_result *r)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < r->exchanges_n; i++) {
        const struct probe_exchange *x = &r->exchanges[i];
        json_t *o =
            json_pack("{s:i, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "step",
                      (int)x->step + 1, "outcome", http_outcome_name(x->outcome), "reused",
                      x->reused, "begin_us", (json_int_t)x->begin_us, "dns_us",
                      (json_int_t)x->dns_us, "connect_us", (json_int_t)x->connect_us, "tls_us",
                      (json_int_t)x->tls_us, "first_byte_us", (json_int_t)x->first_byte_us,
                      "total_us", (json_int_t)x->total_us, "body_bytes", (json_int_t)x->body_bytes);

        if (x->role)
            set(o, "role", json_string(x->role));
        if (x->status)
            set(o, "status", json_integer(x->status));
        if (x->version)
            set(o, "http", json_integer(x->version));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *entry(const struct report *report, const struct report_entry *e)
{
    const struct pump_stratum *s = pump_stratum(report->pump, e->result.stratum);
    const struct suite_check *check = &report->suites[s->suite]->checks[s->check];
    struct buf title SL_CLEANUP(buf_clear) = {0};
    json_t *o = json_object(), *tags = json_array();

    pump_title(report->pump, e->result.stratum, &title);
    set_text(o, "name", buf_str(&title));
    set_text(o, "check", check->name.text);
    set_text(o, "suite", report->suites[s->suite]->path);
    set_place(o, check->at);
    for (size_t i = 0; i < check->tags_n; i++)
        json_array_append_new(tags, safe(check->tags[i]));
    set(o, "tags", tags);
    set(o, "row", row_of(report, s));
    set(o, "verdict", json_string(verdict_of(e)));
    set(o, "required", json_boolean(s->required));
    if (!e->done)
        return o;
    set(o, "flaky", json_boolean(e->result.verdict == RUN_PASS && e->result.attempts > 1));
    set(o, "attempts", json_integer(e->result.attempts));
    set(o, "requests", json_integer(e->result.requests));
    set(o, "latency_us", json_integer(e->result.latency_us));
    if (e->result.status)
        set(o, "status", json_integer(e->result.status));
    set_text(o, "remote", e->result.remote);
    if (e->result.exchanges_n)
        set(o, "exchanges", exchanges(&e->result));
    if (report->tallies && e >= report->entries && e < report->entries + report->entries_n)
        set(o, "runs", report_runs_json(report, e));
    if (e->result.differences_n)
        set(o, "differences", differences(&e->result));
    if (e->result.verdict != RUN_PASS)
        set(o, "failure", failure(report, &e->result));
    else if (e->result.sentence)
        set(o, "warning", warning(&e->result));
    return o;
}

static void add_value(struct buf *out, json_t *value)
{
    json_add_compact(out, value);
    json_decref(value);
}

static json_t *totals(const struct report *r)
{
    json_t *t = json_object();

    set(t, "selected", json_integer((json_int_t)r->entries_n));
    set(t, "passed", json_integer((json_int_t)r->passed));
    set(t, "flaky", json_integer((json_int_t)r->flaky));
    set(t, "failed", json_integer((json_int_t)r->failed));
    set(t, "errors", json_integer((json_int_t)r->errors));
    set(t, "warned", json_integer((json_int_t)r->warned));
    set(t, "not_run", json_integer((json_int_t)r->not_run));
    set(t, "requests", json_integer((json_int_t)r->requests));
    return t;
}

void report_json(const struct report *report, struct buf *out)
{
    struct buf started SL_CLEANUP(buf_clear) = {0};
    json_t *head = json_object();

    text_format_time(&started, report->started_wall_ms, true);
    set(head, "schema", json_integer(1));
    set(head, "program", json_string("smoke"));
    set(head, "version", json_string(PACKAGE_VERSION));
    set(head, "started", json_string(buf_str(&started)));
    set(head, "elapsed_ms", json_integer(report->elapsed_ms));
    set(head, "exit_status", json_integer(report->exit_status));
    set(head, "interrupted", json_boolean(report->interrupted));
    set(head, "offline", json_boolean(report->offline));
    if (report->conclusion && report->conclusion[0])
        set_text(head, "conclusion", report->conclusion);
    if (report->compared[SUITE_OLD]) {
        json_t *sides = json_object();

        set_text(sides, "old", report->compared[SUITE_OLD]);
        set_text(sides, "new", report->compared[SUITE_NEW]);
        set(head, "compared", sides);
    }
    set(head, "totals", totals(report));
    add_value(out, head);
    buf_cut(out, out->len - 1); /* the closing brace: the checks are still to come, one at a time */
    buf_add_str(out, ",\"checks\":[");
    for (size_t i = 0; i < report->entries_n; i++) {
        buf_add_str(out, i ? ",\n" : "\n");
        add_value(out, entry(report, &report->entries[i]));
    }
    buf_add_str(out, "]}\n");
}

void report_json_line(const struct report *report, const struct report_entry *e, struct buf *out)
{
    add_value(out, entry(report, e));
    buf_add_char(out, '\n');
}
