/* sweep.h: every selected check once, or --repeat times, one sweep after another. */
#ifndef SLUICE_SMOKE_SWEEP_H
#define SLUICE_SMOKE_SWEEP_H

#include "session.h"

/* Runs what is selected and fills the report's entries. A signal ends it early with
 * report.interrupted set, with --fail-fast the first required failure with report.conclusion set;
 * what has no result then was not run. False: the loop itself failed (ERR_IO). */
bool sweep_run(struct session *s, struct err *err) SL_MUST_CHECK;

#endif
