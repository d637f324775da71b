/* log.h: the one way to write words on standard error.
 *
 * Data goes to standard output by the reporters; everything said to a person goes through here,
 * where secrets are redacted (secret_redact_sink) and foreign control bytes masked (text_add_safe).
 * One call is one line: "PROGRAM: warning: text". A live progress line registers a hook that wipes
 * it first. */
#ifndef SLUICE_LOG_H
#define SLUICE_LOG_H

#include <stdbool.h>

#include "sluice/buf.h"
#include "sluice/common.h"
#include "sluice/err.h"

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DETAIL, /* --verbose */
    LOG_LEVEL_COUNT
};

enum log_color {
    LOG_COLOR_AUTO,
    LOG_COLOR_ALWAYS,
    LOG_COLOR_NEVER,
};

/* program is borrowed. Lines above `level` are dropped (--quiet: LOG_LEVEL_ERROR). */
void log_init(const char *program, enum log_level level, enum log_color color);
/* "auto", "always", "never"; ERR_USAGE. */
bool log_parse_color(const char *s, enum log_color *out, struct err *err) SL_MUST_CHECK;

/* Whether to colour what goes to this descriptor: --color, then NO_COLOR (not empty),
 * CLICOLOR_FORCE or FORCE_COLOR (not "" or "0"), CLICOLOR=0, TERM=dumb, then whether it is a
 * terminal. */
bool log_use_color(int fd);
enum log_level log_level(void);

void log_error(const char *fmt, ...) SL_PRINTF(1, 2);
void log_warn(const char *fmt, ...) SL_PRINTF(1, 2);
void log_info(const char *fmt, ...) SL_PRINTF(1, 2);
void log_detail(const char *fmt, ...) SL_PRINTF(1, 2);
/* An error as err_format() writes it, with its place, line and caret. */
void log_failure(const struct err *err);
/* Several lines of our own making, without the program's name: tables, hints, plans of what to
 * type. Newlines stay; other control bytes but our own colour sequences are the caller's to mask.
 */
void log_block(enum log_level level, const struct buf *text);

/* clear() is called before a line is written, redraw() after; either may be NULL. */
void log_set_hook(void (*clear)(void *ctx), void (*redraw)(void *ctx), void *ctx);
/* Bytes to standard error as they are: the caller has redacted and masked them. */
void log_write(const char *data, size_t len);
/* How long a write may wait for a reader, ms: -1 (the beginning) as long as it takes; 0 never: what
 * finds no room is kept, up to 64 KiB, and written by later calls or log_flush(). */
void log_patience(int ms);
void log_flush(void);
bool log_is_behind(void); /* something is kept */

/* For tests: lines go here instead of standard error. NULL: back again. */
void log_set_capture(struct buf *out);

#endif
