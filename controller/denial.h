/* denial.h: what a refused change batch asked for, in words.
 *
 * AWS says which call is not allowed, but not which record or action of the batch it was. The batch
 * knows what it asked for, and what went through before is known to be allowed: what is left is
 * what the policy lacks, or one of it. Pure. */
#ifndef SLUICE_DENIAL_H
#define SLUICE_DENIAL_H

#include <stdbool.h>
#include <stddef.h>

#include "router.h"
#include "sluice/buf.h"

#define DENIAL_KINDS_MAX 16 /* different pairs of action and type: 3 x the types of a plan */
#define DENIAL_TYPE_MAX  12

/* Changes of one action and type. */
struct denial_kind {
    enum router_change_action action;
    char type[DENIAL_TYPE_MAX];
    char name[256]; /* of the first, as listed */
    size_t n;       /* records */
};

struct denial_asked {
    struct denial_kind kinds[DENIAL_KINDS_MAX];
    size_t n;
};

/* What a batch asks for. Copies; what is past the ceiling is left out. */
void denial_ask(struct denial_asked *asked, const struct router_batch *batch);
/* AWS let this batch through: its kinds are added to those allowed (names are not looked at). */
void denial_allow(struct denial_asked *allowed, const struct denial_asked *asked);
/* "not allowed: UPSERT of www.example.com A (and 3 more)". Kinds that were allowed before are left
 * out, unless all were: then a name is at fault, and all are said. Safe for a terminal. Appends. */
void denial_format(const struct denial_asked *asked, const struct denial_asked *allowed,
                   struct buf *out);

#endif
