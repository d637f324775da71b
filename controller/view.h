/* view.h: what a person sees of a run, on standard error.
 *
 * tty: lines as things happen, and below them one live line with a countdown and keys. plain: one
 * line an event with its time, never a carriage return. json: one object a line. quiet: nothing but
 * what goes wrong. Every byte goes through the redactor. The terminal is put back on every path
 * out, also on a crash. */
#ifndef SLUICE_VIEW_H
#define SLUICE_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "opts.h"
#include "plan.h"
#include "ramp.h"

#define VIEW_TICK_MS 250 /* of the live line */

struct view;

enum view_level { VIEW_DETAIL, VIEW_INFO, VIEW_GOOD, VIEW_BAD };

enum view_key {
    VIEW_KEY_NONE,
    VIEW_KEY_PAUSE,
    VIEW_KEY_RESUME,
    VIEW_KEY_APPROVE,
    VIEW_KEY_ROLLBACK
};

struct view_status {
    enum ramp_phase phase;
    uint32_t step, steps_n; /* step counts from 1; 0 before the first */
    uint32_t percent;
    int64_t until_ms;                                  /* boot clock; INT64_MAX: no end known */
    uint64_t probes[PLAN_SIDES], failures[PLAN_SIDES]; /* of the run */
};

/* run and cutover are borrowed. keys: read the keyboard where there is one. */
struct view *view_new(const struct opts *opts, const char *cutover, const char *run, bool keys);
void view_free(struct view *v); /* puts the terminal back; NULL is fine */

bool view_is_live(const struct view *v); /* wants view_draw() every VIEW_TICK_MS */
bool view_has_keys(const struct view *v);

/* One event: kind is a word for machines ("phase", "drift"), text one line for people, detail more
 * members for json (stolen; may be NULL). */
void view_event(struct view *v, enum view_level level, int64_t wall_ms, const char *kind,
                json_t *detail, const char *fmt, ...) SL_PRINTF(6, 7);
void view_draw(struct view *v, const struct view_status *status, int64_t now_ms);
void view_clear_line(struct view *v);

/* The keyboard's descriptor, or -1. */
int view_fd(const struct view *v);
/* Reads what was typed: the next meaningful key. A rollback is asked about first ("y"). */
enum view_key view_read_key(struct view *v);
/* Ctrl-Z: the terminal as it was, then stops the process; returns when it goes on. */
void view_stop(struct view *v);
/* After the process was stopped and continued: the terminal as we need it, once more. */
void view_resumed(struct view *v);

#endif
