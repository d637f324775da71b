/* scope.h: what the names in a flow's templates stand for.
 *
 * With `marks` on, secrets and captured values come out as "\x01NAME\x02" (upper case) instead: the
 * curl line of a report is made from the same templates, but holds no value that must not be seen.
 */
#ifndef SLUICE_SMOKE_SCOPE_H
#define SLUICE_SMOKE_SCOPE_H

#include "sluice/buf.h"
#include "sluice/suite.h"

#define SCOPE_MARK_BEGIN '\x01'
#define SCOPE_MARK_END   '\x02'

struct scope_value { /* one captured value */
    struct buf data;
    bool set;
};

struct scope {
    const struct suite *suite;
    const struct suite_check *check;
    uint32_t row;
    const char *side, *run, *uuid, *now; /* built in */
    const struct secret_set *secrets;
    struct scope_value *values; /* check->slots_n of them */
    bool marks;
    bool missing;    /* set when a template wanted a value that was not captured */
    struct buf work; /* the value last looked up */
};

/* Appends the expansion of text; *secret (may be NULL) becomes true when a secret went in.
 * ERR_REFUSED names a value that was not captured. */
bool scope_expand(struct scope *scope, const struct template *tpl, struct buf *out, bool *secret,
                  struct err *err) SL_MUST_CHECK;

/* A JSON value with its templates expanded, as text. */
bool scope_expand_json(struct scope *scope, const struct suite_json *json, struct buf *out,
                       struct err *err) SL_MUST_CHECK;

void scope_clear(struct scope *scope); /* wipes the captured values; values itself is freed too */

#endif
