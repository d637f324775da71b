/* progress.h: the line that moves while checks run, on standard error. */
#ifndef SLUICE_SMOKE_PROGRESS_H
#define SLUICE_SMOKE_PROGRESS_H

#include "opts.h"
#include "report.h"

struct progress {
    bool live, json, plain, shown;
    size_t told; /* plain: entries told so far, in file order */
    const struct report *report;
    size_t done, bad;
    int64_t started_ms, drawn_ms;
    struct buf last; /* title of the last one that ended */
};

/* Decides by options and terminal. report is borrowed until progress_end(). */
void progress_begin(struct progress *p, const struct opts *opts, const struct report *report,
                    int64_t now_ms);
void progress_result(struct progress *p, const struct report_entry *entry);
/* After the report has the result: plain progress tells, in file order, what is complete. */
void progress_settle(struct progress *p);
/* Draws when it is time. Returns when it wants to be called next, INT64_MAX: never. */
int64_t progress_tick(struct progress *p, int64_t now_ms);
void progress_end(struct progress *p);

#endif
