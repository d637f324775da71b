/* sweep.h: the loop of the program smoke: every selected check once, results into the report. */
#ifndef SLUICE_SMOKE_SWEEP_H
#define SLUICE_SMOKE_SWEEP_H

#include "session.h"

/* Runs what is selected and fills the report's entries; a signal ends it early with
 * report.interrupted set. False: the loop itself failed (ERR_IO). */
bool sweep_run(struct session *s, struct err *err) SL_MUST_CHECK;

#endif
