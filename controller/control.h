/* control.h: talking to a running ramp from another terminal: a unix socket in the state directory.
 *
 * One request a connection: one word and a newline ("pause", "resume", "approve", "rollback",
 * "status"), answered by one line that begins with "ok " or "no ". Only the same user can reach it:
 * the directory is 0700. Whoever connects and says nothing is cut off, and never more than
 * CONTROL_CLIENTS_MAX are heard at a time. */
#ifndef SLUICE_CONTROL_H
#define SLUICE_CONTROL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/buf.h"
#include "sluice/err.h"

#define CONTROL_CLIENTS_MAX 8
#define CONTROL_WORD_MAX    64
#define CONTROL_FDS_MAX     (CONTROL_CLIENTS_MAX + 1)
#define CONTROL_IDLE_MS     5000

struct control;

/* Listens on dirfd/CUTOVER.sock; what a dead run left there is replaced (the caller holds the
 * cutover's lock). NULL with ERR_IO. */
struct control *control_new(int dirfd, const char *cutover, struct err *err) SL_MUST_CHECK;
void control_free(struct control *c); /* removes the socket; NULL is fine */

/* Fills fds (room for CONTROL_FDS_MAX) and returns how many. */
size_t control_fds(const struct control *c, struct pollfd *fds);
/* Moves what can move; never blocks. */
void control_step(struct control *c, int64_t now_ms);
/* The next whole request, borrowed until control_answer(); NULL when there is none. */
const char *control_next(struct control *c);
/* Answers the request control_next() gave and closes. text is one line without its newline. */
void control_answer(struct control *c, const char *text);

/* The client's side, blocking, at most wait_ms. ERR_REFUSED when nobody listens. */
bool control_ask(int dirfd, const char *cutover, const char *word, int64_t wait_ms,
                 struct buf *answer, struct err *err) SL_MUST_CHECK;

#endif
