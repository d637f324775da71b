/* ramp_state.h: the machine's numbers as JSON, for the journal's "state".
 *
 * {"phase": "baking", "why": "none", "core": {"phase": 4, ...}}: names for people, numbers for
 * resume. */
#ifndef SLUICE_RAMP_STATE_H
#define SLUICE_RAMP_STATE_H

#include <jansson.h>
#include <stdbool.h>

#include "ramp.h"
#include "sluice/err.h"

/* A new reference to {"phase", "why", "percent", "core"}. */
json_t *ramp_state_save(const struct ramp *s, const struct plan *plan);

/* Fills *out from what ramp_state_save() gave. Members that this version does not know are an
 * error: they could mean something (ERR_REFUSED); so is a missing one. */
bool ramp_state_load(const json_t *state, struct ramp_core *out, struct err *err) SL_MUST_CHECK;

/* An event and an action as JSON objects with "kind", for the journal and --progress json. */
json_t *ramp_state_event(const struct ramp_event *ev);
json_t *ramp_state_actions(const struct ramp_actions *acts);

#endif
