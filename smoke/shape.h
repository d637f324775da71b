/* shape.h: the shape of a JSON value: which types, which keys, what the items of lists are like;
 * no values. A suite writes one down (`shape:`), and one is read off an answer to be compared with
 * another's.
 *
 * In a suite (suite_build_shape()):
 *     integer                  a type: string number integer boolean null list object any
 *     string|null              one of several
 *     [string]                 a list, every item of which is like this
 *     {id: integer, note?: string}   an object with these keys; those with ? may be missing or null
 * Keys that a shape does not name are allowed: an answer may grow. */
#ifndef SLUICE_SMOKE_SHAPE_H
#define SLUICE_SMOKE_SHAPE_H

#include <jansson.h>

#include "sluice/arena.h"
#include "sluice/buf.h"
#include "sluice/suite.h"

#define SHAPE_NODES_MAX 5000 /* values inside one that is read */

struct shape_key;

struct shape {
    uint32_t types; /* bit i: enum suite_type i; observed shapes never have SUITE_TYPE_NUMBER alone
                       with SUITE_TYPE_INTEGER: 1 is an integer, 1.5 a number */
    const struct shape_key *keys; /* of an object, in the order met */
    size_t keys_n;
    const struct shape *item; /* of a list's items; NULL: not known (it was empty), or any */
};

struct shape_key {
    const char *name;
    bool optional; /* some objects have it, some do not */
    const struct shape *shape;
};

/* Whether value is of that shape. Otherwise where gets the pointer (below `pointer`) of the first
 * place that is not, *met the value there, NULL when it is missing, and *wanted what it should have
 * been. */
bool shape_fits(const struct shape *shape, const json_t *value, const char *pointer,
                struct buf *where, const json_t **met, const struct shape **wanted);

/* The shape of a value, all of it in mem. Items of a list are laid over each other. NULL: it holds
 * more than SHAPE_NODES_MAX values. */
const struct shape *shape_of(struct arena *mem, const json_t *value);

/* Tells every place where two observed shapes differ, as a pointer with "*" for items, "" for the
 * whole, and a word or two for each: "string", "integer or null", "missing", "sometimes missing".
 * What one side does not know (the items of an empty list) is no difference. Stops when fn returns
 * false. */
typedef bool shape_differs_fn(void *ctx, const char *pointer, const char *a, const char *b);
void shape_compare(const struct shape *a, const struct shape *b, shape_differs_fn *fn, void *ctx);

/* "string or null". */
void shape_add_types(struct buf *out, uint32_t types);

#endif
