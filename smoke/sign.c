/* sign.c: one function a scheme. */
#include "sign.h"

#include "sluice/crypto.h"

void sign_stripe(struct buf *out, const char *secret, size_t secret_len, int64_t unix_s,
                 const void *body, size_t body_len)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};
    char hex[2 * CRYPTO_SHA256_BYTES + 1];

    buf_addf(&text, "%lld.", (long long)unix_s);
    if (body_len)
        buf_add(&text, body, body_len);
    crypto_hmac_sha256_hex(secret, secret_len, text.data, text.len, hex);
    buf_addf(out, "t=%lld,v1=%s", (long long)unix_s, hex);
}
