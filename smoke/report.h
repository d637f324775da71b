/* report.h: a finished result, and the reporters that turn it into bytes. They know nothing of the
 * run.
 *
 * Every string of a result may hold foreign bytes; reporters pass them through text_add_safe(), and
 * what they made through secret_redact_sink(), before it is handed on. */
#ifndef SLUICE_SMOKE_REPORT_H
#define SLUICE_SMOKE_REPORT_H

#include "sluice/pump.h"

struct tally; /* tally.h */

#define REPORT_DETAILS_MAX 50 /* failures told in full, unless verbose */

struct report_entry {
    struct probe_result result; /* of one stratum; done false: not run */
    bool done;
    bool excused; /* failed at times, and a budget allows that: it need not have passed */
};

struct report {
    struct suite *const *suites;
    size_t suites_n;
    const struct pump *pump;      /* for titles and strata */
    struct report_entry *entries; /* selected strata in order */
    size_t entries_n;
    int64_t started_wall_ms, elapsed_ms;
    bool interrupted;
    bool fail_on_flaky;
    const struct tally *tallies; /* one for each entry; NULL: each ran once */
    const char *conclusion;      /* a sentence, made safe; NULL or "": the counts say all */
    bool judged;                 /* by a budget: the status is judged_status, not the counts' */
    int judged_status;
    const char *compared[SUITE_SIDES]; /* --compare: what was compared; NULL: nothing */
    bool offline; /* no request reached a server: nothing was judged */

    /* report_count() */
    size_t passed, flaky, failed, errors, warned, not_run;
    uint64_t requests;
    int exit_status;
};

/* Counts, decides `offline` and the exit status (docs: smoke(1)). warned: did not pass but need
 * not, or passed with something to warn of. flaky ones are among passed and warned. */
void report_count(struct report *report);

/* A reader's word for an entry: "ok", "flaky", "FAIL", "ERROR", "warn", "not run". */
const char *report_word(const struct report *report, const struct report_entry *entry);

struct report_text_options {
    bool color, quiet, verbose;
};
void report_text(const struct report *report, const struct report_text_options *options,
                 struct buf *out);

/* One JSON document, documented in smoke(1), "schema": 1. */
void report_json(const struct report *report, struct buf *out);

/* JUnit XML (docs/schema/smoke-junit.xsd), TAP 14, one HTML page, a shell script of curl lines, the
 * Prometheus text format. */
void report_junit(const struct report *report, struct buf *out);
void report_tap(const struct report *report, struct buf *out);
void report_tap13(const struct report *report, struct buf *out);
void report_html(const struct report *report, struct buf *out);
void report_curl(const struct report *report, struct buf *out);
void report_prometheus(const struct report *report, struct buf *out);

/* Workflow commands of GitHub Actions, and Markdown for the summary of the step. */
void report_github(const struct report *report, struct buf *out);
void report_github_summary(const struct report *report, struct buf *out);

/* One line of JSON for one result, for --progress json. */
void report_json_line(const struct report *report, const struct report_entry *entry,
                      struct buf *out);

#endif
