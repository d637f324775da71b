/* sign.h: signatures a webhook's sender puts on its body, and the forgeries a careful receiver must
 * refuse.
 *
 *   stripe    Stripe-Signature: t=SECONDS,v1=HEX over "SECONDS.BODY", the secret with its "whsec_"
 *             (Stripe's documentation, "Verify webhook signatures manually")
 *   github    X-Hub-Signature-256: sha256=HEX over the body (GitHub's documentation, "Validating
 *             webhook deliveries")
 *   slack     X-Slack-Request-Timestamp, X-Slack-Signature: v0=HEX over "v0:SECONDS:BODY" (Slack's
 *             documentation, "Verifying requests from Slack")
 *   standard  webhook-id, webhook-timestamp, webhook-signature: v1,BASE64 over "ID.SECONDS.BODY",
 *             the secret base64 behind "whsec_" (Standard Webhooks 1.0, "Signature scheme")
 *   hmac      by templates of the suite
 *
 * All but hmac are HMAC-SHA256 (RFC 2104). */
#ifndef SLUICE_SMOKE_SIGN_H
#define SLUICE_SMOKE_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/buf.h"
#include "sluice/err.h"
#include "sluice/suite.h"

#define SIGN_STALE_S 3600 /* receivers allow five minutes as a rule */

enum sign_forgery {
    SIGN_TRUE,     /* none: the signature is good */
    SIGN_UNSIGNED, /* no signature at all */
    SIGN_WRONG,    /* by another key */
    SIGN_STALE,    /* good, but SIGN_STALE_S old */
    SIGN_FORGERY_COUNT
};

struct sign_message {
    const void *secret;
    size_t secret_len;
    int64_t unix_s;
    const char *id; /* of this delivery */
    const void *body;
    size_t body_len;
};

struct sign_header {
    const char *name; /* static, or the suite's */
    struct buf value; /* owned */
};

struct sign_headers { /* sign_headers_clear() */
    struct sign_header list[SUITE_SIGN_HEADERS_MAX];
    size_t n;
};

/* Makes the headers; with SIGN_UNSIGNED there are none. ERR_REFUSED: the secret is none of the
 * scheme. */
bool sign_make(struct sign_headers *out, const struct suite_signing *signing,
               const struct sign_message *message, enum sign_forgery forgery,
               struct err *err) SL_MUST_CHECK;
void sign_headers_clear(struct sign_headers *headers);

/* The header names a scheme uses: for those who show requests without them. NULL past the last. */
const char *sign_header_name(const struct suite_signing *signing, size_t i);

/* True where a stale copy can be told from a fresh one. */
bool sign_is_stamped(const struct suite_signing *signing);

/* "unsigned", "wrongly signed", "stale". */
const char *sign_forgery_name(enum sign_forgery forgery);

/* Names that `over` and `headers` of the scheme hmac may use. */
bool sign_knows(const char *name);

#endif
