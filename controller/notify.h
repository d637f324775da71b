/* notify.h: telling people through a command of theirs.
 *
 * `notify: {command: [...]}` is run without a shell, with one JSON object on standard input, once
 * an event, one after another so that they arrive in order. It never holds anything up: what does
 * not keep up is counted and dropped, and its failure is only said. */
#ifndef SLUICE_NOTIFY_H
#define SLUICE_NOTIFY_H

#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan.h"

#define NOTIFY_QUEUE_MAX   64
#define NOTIFY_DEADLINE_MS 30000

struct notify;

/* NULL when the plan names no command. */
struct notify *notify_new(const struct plan *plan);
void notify_free(struct notify *n); /* kills what still runs; NULL is fine */

void notify_send(struct notify *n, const json_t *event); /* NULL is fine; event is only read */

size_t notify_fds(const struct notify *n, struct pollfd *fds); /* room for SPAWN_FDS_MAX */
int64_t notify_wake_at(const struct notify *n);                /* INT64_MAX when idle */
void notify_step(struct notify *n, int64_t now_ms);
bool notify_idle(const struct notify *n);

#endif
