/* check.h: judges one answer by one step's expectations. */
#ifndef SLUICE_SMOKE_CHECK_H
#define SLUICE_SMOKE_CHECK_H

#include "answer.h"
#include "finding.h"
#include "scope.h"

/* True when all hold. Otherwise out tells the first that does not, in the order status, headers,
 * body, JSON, latency, certificate. A transfer that failed is a fail, except where this machine
 * could not ask (no route: error). A 429, or an unexpected status with Retry-After, is an error and
 * marked throttled. */
bool check_eval(const struct suite_step *step, struct scope *scope, struct answer *answer,
                struct finding *out) SL_MUST_CHECK;

/* Parts of check_eval(), in check_more.c: the certificate, and what few steps expect. */
bool check_certificate(const struct suite_step *step, struct scope *scope, struct answer *answer,
                       struct finding *out) SL_MUST_CHECK;
bool check_more(const struct suite_step *step, struct scope *scope, struct answer *answer,
                struct finding *out) SL_MUST_CHECK;

/* Only whether there is a whole answer; otherwise out tells why not. */
bool check_outcome(const struct suite_step *step, const struct http_response *response,
                   struct finding *out) SL_MUST_CHECK;

/* Statuses of a list: "200, 201 or 3xx", and whether one is among them. */
void check_add_statuses(struct buf *out, const struct suite_status *list, size_t n);
bool check_has_status(const struct suite_status *list, size_t n, uint16_t status);

#endif
