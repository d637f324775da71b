/* report_junit.c: JUnit XML in the form docs/schema/smoke-junit.xsd describes: a testsuite for each
 * suite file, a testcase for each check and row. */
#include <string.h>

#include "report_words.h"
#include "sluice/text.h"

struct counts {
    size_t tests, failures, errors, skipped;
    int64_t latency_us;
};

static bool of_suite(const struct report *r, const struct report_entry *e, size_t suite)
{
    return pump_stratum(r->pump, e->result.stratum)->suite == suite;
}

static struct counts count(const struct report *r, size_t suite, bool all)
{
    struct counts c = {0};

    for (size_t i = 0; i < r->entries_n; i++) {
        const struct report_entry *e = &r->entries[i];
        enum report_kind kind = report_kind_of(r, e);

        if (!all && !of_suite(r, e, suite))
            continue;
        c.tests++;
        c.failures += kind == REPORT_FAILED;
        c.errors += kind == REPORT_ERROR;
        c.skipped += kind == REPORT_NOT_RUN;
        c.latency_us += e->result.latency_us;
    }
    return c;
}

static void add_counts(struct buf *out, const struct counts *c, int64_t ms)
{
    buf_addf(out,
             " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" time=\"%lld.%03lld\"",
             c->tests, c->failures, c->errors, c->skipped, (long long)(ms / 1000),
             (long long)(ms % 1000));
}

static void add_attribute(struct buf *out, const char *name, const char *value)
{
    buf_addf(out, " %s=\"", name);
    report_add_xml(out, value, false);
    buf_add_char(out, '"');
}

static void add_line(struct buf *out, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    buf_addf(out, "\n%s: ", name);
    report_add_xml(out, value, true);
}

static void add_problem(struct buf *out, const struct report *r, const struct report_entry *e,
                        const char *element)
{
    const struct probe_result *p = &e->result;
    const struct doc_node *at = report_place(r, e);

    buf_addf(out, "      <%s", element);
    add_attribute(out, "message", report_sentence(e));
    add_attribute(out, "type",
                  p->outcome == HTTP_OK ? "expectation" : http_outcome_name(p->outcome));
    buf_add_char(out, '>');
    report_add_xml(out, at->pos.file, false);
    buf_addf(out, ":%u:%u", at->pos.line, at->pos.col);
    add_line(out, "met", p->met);
    add_line(out, "expected", p->expected);
    add_line(out, "try", p->curl);
    add_line(out, "answer", p->response_head);
    add_line(out, "body", p->response_body);
    buf_addf(out, "</%s>\n", element);
}

static void add_inside(struct buf *out, const struct report *r, const struct report_entry *e)
{
    switch (report_kind_of(r, e)) {
    case REPORT_FAILED:
        add_problem(out, r, e, "failure");
        break;
    case REPORT_ERROR:
        add_problem(out, r, e, "error");
        break;
    case REPORT_NOT_RUN:
        buf_add_str(out, "      <skipped message=\"not run\"/>\n");
        break;
    case REPORT_FLAKY:
        buf_addf(out,
                 "      <flakyFailure message=\"passed at attempt %u only\" type=\"flaky\"/>\n",
                 e->result.attempts);
        break;
    case REPORT_WARNED:
        buf_add_str(out, "      <system-out>warning: ");
        report_add_xml(out, report_sentence(e), false);
        buf_add_str(out, "</system-out>\n");
        break;
    case REPORT_OK:
        break;
    }
}

static void add_case(struct buf *out, const struct report *r, const struct report_entry *e)
{
    const struct pump_stratum *s = pump_stratum(r->pump, e->result.stratum);
    const struct doc_node *at = r->suites[s->suite]->checks[s->check].at;
    struct buf title SL_CLEANUP(buf_clear) = {0};
    enum report_kind kind = report_kind_of(r, e);

    report_title(r, e, &title);
    buf_add_str(out, "    <testcase");
    add_attribute(out, "name", buf_str(&title));
    add_attribute(out, "classname", r->suites[s->suite]->path);
    add_attribute(out, "file", at->pos.file);
    buf_addf(out, " line=\"%u\" time=\"%lld.%06lld\"", at->pos.line,
             (long long)(e->result.latency_us / 1000000),
             (long long)(e->result.latency_us % 1000000));
    if (kind == REPORT_OK) {
        buf_add_str(out, "/>\n");
        return;
    }
    buf_add_str(out, ">\n");
    add_inside(out, r, e);
    buf_add_str(out, "    </testcase>\n");
}

void report_junit(const struct report *r, struct buf *out)
{
    struct counts all = count(r, 0, true);
    struct buf started SL_CLEANUP(buf_clear) = {0};

    text_format_time(&started, r->started_wall_ms, false);
    buf_add_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"smoke\"");
    add_counts(out, &all, r->elapsed_ms);
    buf_add_str(out, ">\n");
    for (size_t i = 0; i < r->suites_n; i++) {
        struct counts c = count(r, i, false);

        buf_add_str(out, "  <testsuite");
        add_attribute(out, "name", r->suites[i]->path);
        add_counts(out, &c, c.latency_us / 1000);
        buf_addf(out, " timestamp=\"%s\">\n", buf_str(&started));
        for (size_t k = 0; k < r->entries_n; k++)
            if (of_suite(r, &r->entries[k], i))
                add_case(out, r, &r->entries[k]);
        buf_add_str(out, "  </testsuite>\n");
    }
    buf_add_str(out, "</testsuites>\n");
}
