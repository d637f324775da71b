/* crossing.h: does each side take the other's sessions?
 *
 * While both sides have a share a user may meet the one, then the other. A check with a step of
 * `side: other` begins a session on its own side and goes on on the other, in both directions: for
 * each side there is a stratum. What it finds is of the pair, not of a side: it is no evidence in
 * the run, is not sent there, and can only keep one from being begun. */
#ifndef SLUICE_CROSSING_H
#define SLUICE_CROSSING_H

#include "sounding.h"

#define CROSSING_ASKS     2    /* one that fails is asked twice more, ... */
#define CROSSING_PAUSE_MS 2000 /* ... this far apart */
#define CROSSING_SAID_MAX 10

/* Sends the crossing checks (reads_only: those of GET and HEAD alone) and adds what does not hold
 * to w->survey: what is required refuses, the rest is a warning. tell gets the last result of each,
 * and those of checks that they need; NULL: nobody. False only when nothing can be waited for. */
bool crossing_try(struct walk *w, bool reads_only, sounding_fn *tell, void *ctx,
                  struct err *err) SL_MUST_CHECK;
/* True when there is a crossing check that crossing_try() would not send with reads_only. */
bool crossing_writes(const struct walk *w);

#endif
