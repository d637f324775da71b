/* screen.h: a table that stays where it is at a terminal, redrawn whole, on standard output; and the
 * signals of a program that looks on until it is told to end.
 *
 * The table has the terminal's other screen (as pagers do), so what stood there before comes back;
 * lines are overwritten, never wiped first, so nothing flickers. The terminal is put back on every
 * way out, also by Ctrl-Z and on a crash. One a process. Without a table only the signals are held. */
#ifndef SLUICE_SCREEN_H
#define SLUICE_SCREEN_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "sluice/buf.h"

/* SIGINT and SIGTERM are asked for by screen_stopped() from now on. */
void screen_open(bool table);
void screen_close(void);

size_t screen_columns(void);
size_t screen_rows(void);

/* Lines, each with its newline, at most screen_rows() of them, none as wide as the terminal. */
void screen_draw(const struct buf *lines);

/* Waits for a descriptor, a signal, a key or the time; ms below 0: without end. */
void screen_wait(struct pollfd *fds, size_t n, int ms);

int screen_stopped(void);  /* the signal, or 0 */
bool screen_quit(void);    /* "q" was typed */
bool screen_resized(void); /* since it was last asked: draw again */

/* While on: a signal ends the program at once, with its status; nothing must be half written. */
void screen_impatient(bool on);

#endif
