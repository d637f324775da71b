/* fence_ramp.h: what the fence tells, in the words of the ramp.
 *
 * One translation for the program and for the simulator, so that what is simulated is what is
 * shipped. */
#ifndef SLUICE_FENCE_RAMP_H
#define SLUICE_FENCE_RAMP_H

#include "fence.h"
#include "ramp.h"

/* Performs a READ (once the fence has its records), TAKE, APPLY, ROLLBACK or RELEASE. False when
 * the action is none of the fence's. */
bool fence_ramp_perform(struct fence *f, const struct ramp_action *action, int64_t now_ms);

/* The ramp's event for a fence event. False when the ramp has no use for it (notices for people).
 */
bool fence_ramp_event(const struct fence *f, const struct fence_event *event,
                      struct ramp_event *out);

/* After fence_restore() and ramp_restore(): the step that was under way by the journal is no drift.
 */
void fence_ramp_expect(struct fence *f, const struct plan *plan, const struct ramp_core *core);

/* Bit of enum ramp_drift for a field word of rrset_difference() or of a fence event. */
uint32_t fence_ramp_drift(const char *field);

/* Where the records stand, as last read or written. */
struct ramp_reading fence_ramp_reading(const struct fence *f);

#endif
