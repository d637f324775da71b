/* secret_internal.h: one secret, as secret.c (which keeps it) and secret_redact.c (which finds it)
 * share it. */
#ifndef SLUICE_SECRET_INTERNAL_H
#define SLUICE_SECRET_INTERNAL_H

#include <stdint.h>

#include "sluice/secret.h"

#define SECRET_CORES 3 /* base64 at each alignment */

struct secret {
    char *name;
    char *value; /* NUL-terminated besides */
    size_t len;
    bool tainted;             /* derived: not to be had by name */
    bool former;              /* replaced: not to be had by name any more */
    char *core[SECRET_CORES]; /* the base64 characters that depend on the value alone */
    bool starts[256];         /* bytes that any form of it may begin with */
    bool tail[SECRET_CORES];  /* a further character holds the last bits of it */
};

struct secret_set {
    struct secret item[SECRETS_MAX];
    size_t n;
    bool starts[256]; /* of any of them */
};

void secret_prepare(struct secret_set *set, struct secret *s);

#endif
