/* warmup.h: --wait-for: until the service answers as it should, then the real run.
 *
 * Of each suite one check is asked: the first selected one that only reads in one step, else the
 * first selected. Every one of them must have passed once. Between two asks 0.25 s pass, then twice
 * as long each time up to 2 s. */
#ifndef SLUICE_SMOKE_WARMUP_H
#define SLUICE_SMOKE_WARMUP_H

#include "session.h"

#define WARMUP_FIRST_MS 250
#define WARMUP_MOST_MS  2000

/* *ready false: the time was over, or a signal came; the conclusion says what was waited for, and
 * the report's status is set. */
bool warmup_run(struct session *s, bool *ready, struct err *err) SL_MUST_CHECK;

#endif
