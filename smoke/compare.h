/* compare.h: --compare OLD,NEW: every selected check against both at the same instant, and what
 * differs between their answers: verdict, status, chosen headers, the shape of JSON bodies, and, with
 * enough rounds, latency.
 *
 *     pump of OLD ──answers──► half ─┐
 *                                    ├─► differences ─► one result a check ─► the report
 *     pump of NEW ──answers──► half ─┘
 *
 * Both pumps have the same strata. A check goes to both in one turn of the loop; a flow's later steps
 * follow when their own side has answered. What needs another check waits until that one is done on
 * both sides. The report knows NEW's pump; a check that differs is a failure, whose sentence says
 * how. */
#ifndef SLUICE_SMOKE_COMPARE_H
#define SLUICE_SMOKE_COMPARE_H

#include "session.h"

#define COMPARE_HEADERS_MAX     50
#define COMPARE_DIFFERENCES_MAX 50 /* told of one check */

/* What of NAME,NAME... is compared; NULL: content-type, cache-control, content-encoding, location,
 * set-cookie, www-authenticate, vary, access-control-allow-origin, strict-transport-security. Names
 * are borrowed from list. ERR_USAGE. Never NULL without an error. */
struct compare *compare_new(const char *list, const struct secret_set *secrets,
                            struct err *err) SL_MUST_CHECK;
void compare_free(struct compare *compare);

/* For struct pump_options of a side: its on_answer, and the ctx to go with it. */
pump_answer_fn compare_answer;
void *compare_answer_ctx(struct compare *compare, enum suite_side side);

/* Setup, the checks, --repeat times, and teardown, on both sides. Fills the report's entries and the
 * conclusion. False: ERR_IO of the loop itself. */
bool compare_run(struct session *s, struct err *err) SL_MUST_CHECK;

#endif
