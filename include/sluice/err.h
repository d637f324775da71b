/* err.h: one failure, with its place in a file.
 *
 * A function that can fail returns bool and takes `struct err *err` last. The first failure stays:
 * err_set() on an err that already holds one does nothing. Who knows more adds context in front
 * with err_prefix(). The code that finds a fault never prints it; main does, once, with
 * err_format(). Nobody parses messages: `kind` decides the exit status. */
#ifndef SLUICE_ERR_H
#define SLUICE_ERR_H

#include <stdbool.h>
#include <stdint.h>

#include "sluice/common.h"

struct buf;

enum err_kind {
    ERR_NONE,
    ERR_USAGE,    /* the command line is wrong: exit 64 */
    ERR_BUG,      /* sluice is wrong: exit 70 */
    ERR_BUSY,     /* try again, e.g. another run holds the lease: exit 75 */
    ERR_DENIED,   /* AWS refuses us: exit 77 */
    ERR_FILE,     /* a file a person wrote is wrong or cannot be read: exit 78 */
    ERR_REFUSED,  /* cannot or will not judge, nothing changed: exit 11 */
    ERR_IO,       /* the local system: disk, descriptors: exit 11 */
    ERR_NET,      /* a connection failed or broke: exit 11 */
    ERR_TIMEOUT,  /* a deadline passed: exit 11 */
    ERR_PROTOCOL, /* the peer answered what it should not: exit 11 */
    ERR_LIMIT,    /* a named ceiling was met: exit 11 */
    ERR_KIND_COUNT
};

/* A place in a text file. file is borrowed; line and col count from 1 (col in characters), 0 = unknown. */
struct pos {
    const char *file;
    uint32_t line;
    uint32_t col;
};

#define ERR_TEXT_MAX    1024
#define ERR_FILE_MAX    256
#define ERR_SNIPPET_MAX 200

struct err {
    enum err_kind kind;
    uint32_t line, col;          /* 0 = no place */
    char file[ERR_FILE_MAX];     /* "" = no place */
    char text[ERR_TEXT_MAX];     /* lower case, no full stop */
    char snippet[ERR_SNIPPET_MAX]; /* the source line, "" when unknown */
    uint32_t snippet_col;        /* where the caret goes in snippet, from 1 */
};

/* All three return false, so that a failure is one `return`. */
bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...) SL_PRINTF(3, 4);
bool err_at(struct err *err, enum err_kind kind, struct pos pos, const char *fmt, ...)
    SL_PRINTF(4, 5);
bool err_prefix(struct err *err, const char *fmt, ...) SL_PRINTF(2, 3);

/* Adds the line that err points at, cut out of `text` (the whole file, len bytes), when the err has
 * a place in that file and no snippet yet. */
void err_add_snippet(struct err *err, const char *text, size_t len);

/* The exit status for a failure of this kind (design.md section 3). ERR_NONE gives 0. */
int err_exit_status(enum err_kind kind);

/* True where asking again can help: net, timeout, busy. */
bool err_is_transient(enum err_kind kind);

/* Appends "PROGRAM: FILE:LINE:COL: text\n", and below it the source line and a caret. */
void err_format(const struct err *err, const char *program, struct buf *out);

void err_clear(struct err *err);

#endif
