/* sign.h: signatures a webhook's sender puts on its body. */
#ifndef SLUICE_SMOKE_SIGN_H
#define SLUICE_SMOKE_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "sluice/buf.h"

/* The value of Stripe-Signature: "t=SECONDS,v1=HEX", HEX = HMAC-SHA256 over "SECONDS.BODY" with the
 * endpoint's secret, byte for byte with its "whsec_" (Stripe's documentation, "Verify webhook
 * signatures manually"). */
void sign_stripe(struct buf *out, const char *secret, size_t secret_len, int64_t unix_s,
                 const void *body, size_t body_len);

#endif
