/* report.c: counting, and what the whole comes to. */
#include "report.h"

#include "tally.h"

/* No name server or no way out: what a machine without a network sees. */
static bool unreached(const struct probe_result *r)
{
    return r->outcome == HTTP_DNS || r->outcome == HTTP_NO_ROUTE;
}

/* An earlier request of the flow has an answer, or the last one met with a server. */
static bool reached(const struct probe_result *r)
{
    return r->step > 0 || (!unreached(r) && r->outcome != HTTP_INVALID);
}

/* The worst wins (design: 1 before 130; without a verdict nobody may call it good). */
static int status_of(const struct report *r)
{
    if (r->offline)
        return r->interrupted ? 130 : 11;
    if (r->judged)
        return r->interrupted && r->judged_status != 1 ? 130 : r->judged_status;
    if (r->failed || (r->fail_on_flaky && r->flaky))
        return 1;
    if (r->interrupted)
        return 130;
    if (r->errors || r->entries_n == 0 || r->not_run)
        return 11;
    return 0;
}

/* Whether a failure of this entry counts. */
static bool required(const struct report *report, const struct report_entry *e)
{
    return pump_stratum(report->pump, e->result.stratum)->required && !e->excused;
}

void report_count(struct report *report)
{
    bool any_reached = false, any_unreached = false;

    report->passed = report->flaky = report->failed = report->errors = report->warned =
        report->not_run = 0;
    report->requests = 0;
    for (size_t i = 0; i < report->entries_n; i++) {
        const struct report_entry *e = &report->entries[i];

        if (!e->done) {
            report->not_run++;
            continue;
        }
        report->requests += report->tallies ? report->tallies[i].requests : e->result.requests;
        any_reached |= reached(&e->result);
        any_unreached |= unreached(&e->result);
        report->flaky += e->result.verdict == RUN_PASS && e->result.attempts > 1;
        if (e->result.verdict == RUN_PASS && !e->result.sentence) {
            report->passed++;
        } else if (e->result.verdict == RUN_PASS || !required(report, e)) {
            report->warned++;
        } else if (e->result.verdict == RUN_FAIL) {
            report->failed++;
        } else {
            report->errors++;
        }
    }
    report->offline = any_unreached && !any_reached;
    report->exit_status = status_of(report);
}

const char *report_word(const struct report *report, const struct report_entry *entry)
{
    if (!entry->done)
        return "not run";
    if (entry->result.verdict == RUN_PASS && !entry->result.sentence)
        return entry->result.attempts > 1 ? "flaky" : "ok";
    if (entry->result.verdict == RUN_PASS || !required(report, entry))
        return "warn";
    return entry->result.verdict == RUN_FAIL ? "FAIL" : "ERROR";
}
