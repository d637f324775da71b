/* report_runs.h: the part of the reports that tells of many runs of each check. */
#ifndef SLUICE_SMOKE_REPORT_RUNS_H
#define SLUICE_SMOKE_REPORT_RUNS_H

#include "report.h"
#include "sluice/json.h"

/* A table, one line a check, and the conclusion; nothing where there is neither. */
void report_runs_text(const struct report *report, bool quiet, struct buf *out);

/* "runs" of one entry. report->tallies is not NULL. */
json_t *report_runs_json(const struct report *report, const struct report_entry *entry);

#endif
