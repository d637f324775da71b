/* stop.h: SIGINT, SIGTERM and SIGHUP for commands that wait in place (prepare, finish, release):
 * the first one asks to end, and STOP_MS later, or with a second one, the process is gone. A ramp
 * has its own way (drive.c).
 *
 * One process has one set of signals, so this is the state of the process and not of an object. */
#ifndef SLUICE_STOP_H
#define SLUICE_STOP_H

#include <poll.h>
#include <stdint.h>

#define STOP_MS       5000 /* from the first signal to the end, whatever happens */
#define STOP_GRACE_MS 4000 /* of it, for what is in the air and for giving the zones back */

/* From now on. words: one line with its newline, for an end that waits for nothing more; borrowed
 * until stop_unwatch(). Signals that are ignored (nohup) stay so. */
void stop_watch(const char *words);
void stop_unwatch(void);

/* The first signal, also after stop_unwatch(); 0: none came. */
int stop_signal(void);

/* Of STOP_GRACE_MS; INT64_MAX while no signal came. */
int64_t stop_left_ms(void);

/* Becomes ready with the first signal, and is none (fd -1) before stop_watch() and once it came. */
struct pollfd stop_pollfd(void);

#endif
