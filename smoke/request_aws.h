/* request_aws.h: signs a finished request with AWS Signature Version 4 (sluice/sigv4.h). */
#ifndef SLUICE_SMOKE_REQUEST_AWS_H
#define SLUICE_SMOKE_REQUEST_AWS_H

#include "request.h"

/* Rewrites the url's query into its canonical form and adds X-Amz-Date, X-Amz-Security-Token where
 * there is a token, and Authorization. After this nothing of the request may change. ERR_LIMIT past
 * what sigv4.h allows, ERR_REFUSED for a key that no header can hold. */
bool request_sign_aws(struct request *out, struct scope *scope, const struct suite_sigv4 *keys,
                      int64_t wall_ms, struct err *err) SL_MUST_CHECK;

#endif
