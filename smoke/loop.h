/* loop.h: one turn of the program smoke's loop, whatever the mode. */
#ifndef SLUICE_SMOKE_LOOP_H
#define SLUICE_SMOKE_LOOP_H

#include "session.h"

/* Moves the session's pump, or both of them: starts what is due, sleeps until something happens or wake_ms (boot clock; INT64_MAX: never),
 * and takes answers; results wait in the pump. Sets s->now_ms, and report.interrupted when a signal
 * came. False: ERR_IO. */
bool loop_turn(struct session *s, int64_t wake_ms, struct err *err) SL_MUST_CHECK;

/* Puts a final result into the report (ownership moves), its tally and the progress line. With many
 * runs of one stratum the worst is kept; of equally bad ones the first, of passes the last. */
void loop_take(struct session *s, struct probe_result *result);

/* For pump_sweep() and its like: what --only and --skip left. ctx: the session. */
bool loop_selected(void *ctx, uint32_t stratum);

/* The same, without setup and teardown; and each of these two alone. */
bool loop_selected_main(void *ctx, uint32_t stratum);
bool loop_selected_setup(void *ctx, uint32_t stratum);
bool loop_selected_teardown(void *ctx, uint32_t stratum);

/* Runs what is left of `finally:` steps and the teardown of all suites, also after an interruption;
 * a second signal ends it. */
bool loop_teardown(struct session *s, struct err *err) SL_MUST_CHECK;

#endif
