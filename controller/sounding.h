/* sounding.h: probes sent before a run's loop turns, each once; it waits in place. */
#ifndef SLUICE_SOUNDING_H
#define SLUICE_SOUNDING_H

#include "walk.h"

/* Borrowed for the call. */
typedef void sounding_fn(void *ctx, const struct probe_result *result);

/* True when neither the stratum nor a check that it needs sends anything but GET and HEAD. */
bool sounding_reads_only(const struct walk *w, uint32_t stratum);
/* One sweep of w->pump over the strata that filter takes (NULL: all that are not switched off), to
 * its last answer. False only when nothing can be waited for. */
bool sounding_take(struct walk *w, run_filter *filter, void *filter_ctx, sounding_fn *tell,
                   void *ctx, struct err *err) SL_MUST_CHECK;
/* Lets the HTTP pool turn for so long. */
bool sounding_pause(struct walk *w, int64_t ms, struct err *err) SL_MUST_CHECK;

#endif
