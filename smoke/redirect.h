/* redirect.h: where an answer leads, and whether to go there. */
#ifndef SLUICE_SMOKE_REDIRECT_H
#define SLUICE_SMOKE_REDIRECT_H

#include "answer.h"
#include "finding.h"
#include "request.h"

/* The redirects of one step so far. Zeroed: none; redirect_clear(). */
struct redirect {
    struct buf first; /* url of the step's own request: its origin keeps credentials */
    struct buf to;    /* where the next request goes; empty: not redirected */
    char *seen[SUITE_FOLLOW_MAX + 1]; /* "METHOD url" asked so far */
    uint32_t n;
    bool bare, no_body; /* of the next request: see struct request_around */
    const char *method; /* static; NULL: as it was */
};

/* True when the answer is a redirect (RFC 9110 section 15.4) that is to be followed: r says where
 * to. False: judge the answer as it is; or, with a finding that is not a pass, it may not be
 * followed: from https to http, to a link-local address, to where it came from, or too far. */
bool redirect_take(struct redirect *r, const struct suite_step *step, const struct request *request,
                   const struct answer *answer, const struct scope *scope,
                   struct finding *out) SL_MUST_CHECK;
void redirect_clear(struct redirect *r);

#endif
