/* aws_ini.h: the shared AWS files (config and credentials), read strictly.
 *
 * Sections, keys, one nested level: indented lines below a key without a value ("services" sections).
 * Keys are kept in lower case, section names as they stand. What botocore refuses is refused here, too
 * (a section or key twice, a line that is neither), but with file, line and column. Source: AWS SDKs and
 * Tools Reference Guide, "Shared config and credentials files"; botocore configloader.py. */
#ifndef SLUICE_AWS_INI_H
#define SLUICE_AWS_INI_H

#include <stdbool.h>
#include <stddef.h>

#include "sluice/err.h"

struct arena;

#define AWS_INI_BYTES_MAX    ((size_t)1024 * 1024)
#define AWS_INI_SECTIONS_MAX 4096
#define AWS_INI_KEYS_MAX     256 /* in one section */

struct aws_ini_key {
    const struct aws_ini_key *next;
    const char *name;  /* "region"; nested: "route_53.endpoint_url" */
    const char *value; /* without surrounding blanks; may be "" */
    struct pos pos;    /* of the value */
};

struct aws_ini_section {
    const struct aws_ini_section *next;
    const char *name; /* "default", "profile shop", "services local" (quotes around the name are gone) */
    struct pos pos;
    const struct aws_ini_key *keys;
};

struct aws_ini {
    const struct aws_ini_section *sections; /* NULL: no such file, or an empty one */
};

/* Reads path; a file that does not exist is an empty one. Everything lives in mem, path included. */
bool aws_ini_load(struct aws_ini *ini, struct arena *mem, const char *path, struct err *err)
    SL_MUST_CHECK;

/* kind NULL finds "name", otherwise "kind name". NULL when there is none. */
const struct aws_ini_section *aws_ini_find(const struct aws_ini *ini, const char *kind,
                                           const char *name);
/* NULL when section is NULL or has no such key. */
const struct aws_ini_key *aws_ini_get(const struct aws_ini_section *section, const char *name);

#endif
