/* watch.h: --for: probes at a rate for a time, judged by a budget (judge.h). */
#ifndef SLUICE_SMOKE_WATCH_H
#define SLUICE_SMOKE_WATCH_H

#include "session.h"

#define WATCH_RATE_MILLI       5000u
#define WATCH_ALLOWED_PPM      10000u
#define WATCH_UNACCEPTABLE_PPM 50000u

/* Fills entries, tallies, the conclusion and the status it comes to. A breach ends it at once. */
bool watch_run(struct session *s, struct err *err) SL_MUST_CHECK;

#endif
