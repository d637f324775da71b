/* crypto.h: hashes, message authentication, random bytes, certificate fields. The only door to
 * OpenSSL.
 *
 * Nothing here can fail for reasons a caller could handle, except reading a foreign certificate: a
 * digest that OpenSSL refuses to compute, or a kernel without random bytes, ends the program. */
#ifndef SLUICE_CRYPTO_H
#define SLUICE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/common.h"
#include "sluice/err.h"

enum crypto_hash {
    CRYPTO_SHA1, /* only where a foreign protocol demands it (old webhook signatures) */
    CRYPTO_SHA256,
    CRYPTO_SHA512,
    CRYPTO_HASH_COUNT
};

#define CRYPTO_SHA1_BYTES     20
#define CRYPTO_SHA256_BYTES   32
#define CRYPTO_HASH_BYTES_MAX 64
#define CRYPTO_UUID_CHARS     36

/* Digest and HMAC (RFC 2104, FIPS 180-4). Both write crypto_hash_bytes() bytes to out and return
 * that number. key_len 0 is allowed. */
size_t crypto_hash_bytes(enum crypto_hash hash);
size_t crypto_digest(enum crypto_hash hash, const void *data, size_t len, uint8_t *out);
size_t crypto_hmac(enum crypto_hash hash, const void *key, size_t key_len, const void *data,
                   size_t len, uint8_t *out);

/* The common cases. The hex forms are lower case and NUL-terminated. */
void crypto_sha256(const void *data, size_t len, uint8_t out[CRYPTO_SHA256_BYTES]);
void crypto_sha256_hex(const void *data, size_t len, char out[2 * CRYPTO_SHA256_BYTES + 1]);
void crypto_sha1(const void *data, size_t len, uint8_t out[CRYPTO_SHA1_BYTES]);
void crypto_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                        uint8_t out[CRYPTO_SHA256_BYTES]);
void crypto_hmac_sha256_hex(const void *key, size_t key_len, const void *data, size_t len,
                            char out[2 * CRYPTO_SHA256_BYTES + 1]);

/* True when both are the same bytes; the time taken depends on the lengths alone. */
bool crypto_equal(const void *a, size_t a_len, const void *b, size_t b_len);

void crypto_random(void *out, size_t len);
/* RFC 9562 version 4, lower case, NUL-terminated. */
void crypto_uuid4(char out[CRYPTO_UUID_CHARS + 1]);

#define CRYPTO_CERT_BYTES_MAX (64 * 1024)
#define CRYPTO_CERT_SANS_MAX  500

/* What the checks and messages need of a leaf certificate (RFC 5280). Owned strings, foreign bytes:
 * show them through text_add_safe(). A zeroed struct is an empty one. */
struct crypto_cert {
    char *subject_cn; /* the last common name, UTF-8; NULL when there is none */
    char *issuer;     /* RFC 2253 form, e.g. "CN=R11,O=Let's Encrypt,C=US" */
    char **sans;      /* DNS names as they stand; IP addresses in text form */
    size_t sans_n;
    int64_t not_before_ms, not_after_ms;      /* Unix milliseconds */
    char sha256[2 * CRYPTO_SHA256_BYTES + 1]; /* of the DER form; "" = no certificate here */
    bool self_signed;                         /* subject and issuer are the same name */
    uint32_t chain_n;      /* certificates the peer sent, this one included; 0: read from a file */
    int64_t chain_ends_ms; /* the earliest end among them */
};

/* Reads the first certificate of a PEM text, or one in DER form. ERR_PROTOCOL when it is neither,
 * ERR_LIMIT past CRYPTO_CERT_BYTES_MAX. Clear cert also after a failure. */
bool crypto_cert_parse(struct crypto_cert *cert, const void *data, size_t len,
                       struct err *err) SL_MUST_CHECK;
void crypto_cert_clear(struct crypto_cert *cert);
/* True when it covers that host name (RFC 6125 section 6.4: one "*" as the whole leftmost label),
 * or that IP address. */
bool crypto_cert_covers(const struct crypto_cert *cert, const char *host);

/* For http.c: of a live TLS connection (an `SSL *` from libcurl). The version is a static string
 * like "TLSv1.3"; the certificate is the peer's leaf, false when there is none. */
const char *crypto_tls_version(const void *ssl);
bool crypto_tls_peer(struct crypto_cert *cert, const void *ssl);

#endif
