/* predicate.h: one test of one value, with a sentence when it does not hold. */
#ifndef SLUICE_SMOKE_PREDICATE_H
#define SLUICE_SMOKE_PREDICATE_H

#include <jansson.h>

#include "finding.h"
#include "scope.h"

/* Tests text (a header's value, a body); NULL: there is none. what names it in the sentence:
 * "header location". cut: text is only the beginning of the body. True when it holds; otherwise out
 * is filled. */
bool predicate_text(const struct suite_predicate *p, struct scope *scope, const char *what,
                    const char *text, size_t len, bool cut, struct finding *out) SL_MUST_CHECK;

/* Tests a JSON value; NULL: the pointer names nothing. */
bool predicate_json(const struct suite_predicate *p, struct scope *scope, const char *pointer,
                    const json_t *value, struct finding *out) SL_MUST_CHECK;

/* Tests what a target's pointer names in root: with "*" in it every value, of which there must be
 * one unless the test is that there is none. */
bool predicate_target(const struct suite_target *t, struct scope *scope, const json_t *root,
                      struct finding *out) SL_MUST_CHECK;

#endif
