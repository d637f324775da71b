/* buf.h: a growing byte string with a ceiling.
 *
 * The caller owns it. A zeroed struct is an empty buffer with the default ceiling. The first append
 * past the ceiling marks the buffer, later ones do nothing, and buf_ok() tells once at the end: ten
 * appends, one check. data is always NUL-terminated once anything was appended; use buf_str() where
 * it may be empty. */
#ifndef SLUICE_BUF_H
#define SLUICE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "sluice/common.h"

#define BUF_MAX_DEFAULT ((size_t)16 * 1024 * 1024)

struct buf {
    char *data;
    size_t len;
    size_t cap;
    size_t max; /* ceiling in bytes; 0 means BUF_MAX_DEFAULT */
    bool over;  /* an append was refused */
};

void buf_init(struct buf *b, size_t max);
void buf_add(struct buf *b, const void *data, size_t len);
void buf_add_str(struct buf *b, const char *s);
void buf_add_char(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) SL_PRINTF(2, 3);
void buf_vaddf(struct buf *b, const char *fmt, va_list ap) SL_PRINTF(2, 0);
bool buf_ok(const struct buf *b);
const char *buf_str(const struct buf *b); /* borrowed; "" when empty */
char *buf_take(struct buf *b);            /* ownership moves to the caller; the buffer is empty after */
void buf_reset(struct buf *b);            /* length 0, storage and ceiling kept, mark removed */
void buf_cut(struct buf *b, size_t len);  /* shortens to len; longer is a bug */
void buf_wipe(struct buf *b);             /* explicit_bzero of all storage, then as buf_clear */
void buf_clear(struct buf *b);            /* frees; {0} and twice are fine */

#endif
