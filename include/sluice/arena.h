/* arena.h: memory that dies together.
 *
 * A parsed document, a plan, a suite: nodes and strings borrow from one arena and are freed by one
 * arena_clear(). A zeroed struct is an empty arena. Nothing is freed alone. */
#ifndef SLUICE_ARENA_H
#define SLUICE_ARENA_H

#include <stddef.h>

#include "sluice/common.h"

struct arena_block;

struct arena {
    struct arena_block *head;
    size_t used; /* bytes handed out, for reports and tests */
};

void *arena_alloc(struct arena *a, size_t size); /* zeroed, aligned for any type, never NULL */
void *arena_array(struct arena *a, size_t n, size_t size);
char *arena_strdup(struct arena *a, const char *s); /* NULL gives NULL */
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) SL_PRINTF(2, 3);
void arena_clear(struct arena *a);

#endif
