/* common.h: the handful of macros and allocators every module uses.
 *
 * A failed allocation ends the program: all state is on disk before each forward action, so a
 * restart is the recovery. This holds only because every input has a ceiling. */
#ifndef SLUICE_COMMON_H
#define SLUICE_COMMON_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define SL_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define SL_MUST_CHECK        __attribute__((warn_unused_result))
#define SL_NORETURN          __attribute__((noreturn))
#define SL_CLEANUP(fn)       __attribute__((cleanup(fn)))

/* Never return NULL; end the program with a message when memory is out. `n * size` is checked.
 * The caller owns the result and frees it with free(). x_zalloc() and x_calloc() zero it. */
void *x_malloc(size_t size);
void *x_zalloc(size_t size);
void *x_calloc(size_t n, size_t size);
void *x_realloc(void *p, size_t n, size_t size);
char *x_strdup(const char *s);                /* NULL gives NULL */
char *x_strndup(const char *s, size_t len);   /* copies exactly len bytes and adds a NUL */

#endif
