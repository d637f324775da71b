/* session.h: one run of the program smoke: what was asked for, the suites, what of them is chosen,
 * the engine that runs it, and the report that comes of it.
 *
 *     session_name  ─►  session_load  ─►  session_choose  ─►  session_open  ─►  sweep.h runs it  ─►
 * outlet.h
 *     (--check)                           (--list)            secrets, connections, an empty report
 */
#ifndef SLUICE_SMOKE_SESSION_H
#define SLUICE_SMOKE_SESSION_H

#include "opts.h"
#include "progress.h"
#include "report.h"
#include "tally.h"

struct session { /* zero before, but for signals: -1 */
    struct opts opts;
    struct suite *suites[OPTS_LIST_MAX];
    size_t suites_n;
    bool *chosen[OPTS_LIST_MAX];
    bool *needed[OPTS_LIST_MAX]; /* of the chosen: all rows run, whatever --only and --skip say */
    struct secret_set *secrets;
    struct http *http;
    struct pump *pump;
    struct compare *compare; /* --compare: then pump is the new side's; NULL without */
    struct pump *old_pump;
    struct suite *sides[SUITE_SIDES][OPTS_LIST_MAX]; /* NULL, or a suite with its side's base_url */
    struct report report;
    uint32_t *entry_of; /* stratum to report entry; RUN_NONE: not selected */
    struct progress progress;
    struct tally *tallies; /* of each entry, with --repeat and --for; else NULL */
    struct buf conclusion; /* report.conclusion points here */
    int64_t now_ms;        /* boot clock, of this turn of the loop */
    size_t exchanges;      /* of results that did not pass, kept so far */
    int signals;           /* signalfd */
    bool terminated;       /* by SIGTERM */
};

/* Which suites: smoke.yaml of the working directory when none was named. ERR_USAGE: there is none.
 */
bool session_name(struct session *s, struct err *err) SL_MUST_CHECK;

/* ERR_USAGE for a --var that no suite had. */
bool session_check_given(const struct session *s, struct err *err) SL_MUST_CHECK;

/* Reads the suites: ERR_FILE with the place, ERR_USAGE for a --var no suite has. */
bool session_load(struct session *s, struct err *err) SL_MUST_CHECK;

/* Which checks --only and --skip leave. ERR_REFUSED: none. */
bool session_choose(struct session *s, struct err *err) SL_MUST_CHECK;

/* Fetches secrets, makes the engine, watches signals, and lists what is selected in the report. */
bool session_open(struct session *s, struct err *err) SL_MUST_CHECK;

void session_clear(struct session *s);

#endif
