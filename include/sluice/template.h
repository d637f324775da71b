/* template.h: {{name}} in strings, parsed when the file is read, expanded at every use.
 *
 * Names are letters, digits, "_", "-" and ".", begin with a letter or "_", and may have blanks
 * around:
 * {{user}}, {{ secret.password }}. \{{ stands for {{ itself. Anything else between the braces, an
 * open
 * {{ without its }}, and a name that nobody knows are errors with a column when the file is read,
 * not surprises in the middle of a run. A value is inserted byte for byte and not expanded again.
 */
#ifndef SLUICE_TEMPLATE_H
#define SLUICE_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "sluice/arena.h"
#include "sluice/buf.h"
#include "sluice/common.h"
#include "sluice/err.h"

#define TEMPLATE_PARTS_MAX 1000
#define TEMPLATE_NAME_MAX  64

struct template_part {
    const char *text; /* NUL-terminated; a name when is_name, else bytes to copy */
    size_t len;
    bool is_name;
};

/* All borrowed from the arena. A zeroed struct expands to nothing. */
struct template
{
    const struct template_part *parts;
    size_t parts_n;
};

/* True when a variable of that name will exist. suggestion may be set to a borrowed word for "did
 * you mean". */
typedef bool template_known_fn(void *ctx, const char *name, const char **suggestion);

/* pos: where the text begins in its file; the column of an error is counted on from there. With
 * line 0 the message itself names the column. known NULL: any name is taken. ERR_FILE. */
bool template_parse(struct template *out, struct arena *mem, const char *text, struct pos pos,
                    template_known_fn *known, void *ctx, struct err *err) SL_MUST_CHECK;

struct template_value {
    const char *data; /* borrowed until the lookup's next call */
    size_t len;
    bool secret;
};

/* False when the variable has no value (a capture that was not made). */
typedef bool template_lookup_fn(void *ctx, const char *name, struct template_value *value);

/* Appends the expansion. *tainted (may be NULL) becomes true when a secret went in, and is left
 * alone otherwise. ERR_REFUSED names a variable without a value; ERR_LIMIT when out is full. */
bool template_expand(const struct template *t, template_lookup_fn *lookup, void *ctx,
                     struct buf *out, bool *tainted, struct err *err) SL_MUST_CHECK;

bool template_is_plain(const struct template *t); /* no names in it */
bool template_uses(const struct template *t, const char *name);

/* False (ERR_REFUSED) when the bytes cannot stand in a header field: CR, LF, NUL (RFC 9110
 * section 5.5) and other control bytes except tab. what names the field in the message; the value
 * is not shown. */
bool template_check_header(const char *what, const char *value, size_t len,
                           struct err *err) SL_MUST_CHECK;

#endif
