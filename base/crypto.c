#include "sluice/crypto.h"

#include <arpa/inet.h>
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static const struct {
    const EVP_MD *(*md)(void);
    size_t bytes;
} hashes[] = {
    [CRYPTO_SHA1] = {EVP_sha1, CRYPTO_SHA1_BYTES},
    [CRYPTO_SHA256] = {EVP_sha256, CRYPTO_SHA256_BYTES},
    [CRYPTO_SHA512] = {EVP_sha512, 64},
};
_Static_assert(ARRAY_LEN(hashes) == CRYPTO_HASH_COUNT, "a row for every hash");

/* Without digests or random bytes nothing in here can be trusted, and no caller could go on. */
static SL_NORETURN void die(const char *what)
{
    fprintf(stderr, "sluice: OpenSSL cannot compute %s\n", what);
    abort();
}

static void to_hex(const uint8_t *data, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    size_t i;

    for (i = 0; i < len; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
    out[2 * len] = '\0';
}

size_t crypto_hash_bytes(enum crypto_hash hash)
{
    assert((size_t)hash < ARRAY_LEN(hashes));
    return hashes[hash].bytes;
}

size_t crypto_digest(enum crypto_hash hash, const void *data, size_t len, uint8_t *out)
{
    unsigned int n = 0;

    assert((size_t)hash < ARRAY_LEN(hashes));
    if (EVP_Digest(data ? data : "", len, out, &n, hashes[hash].md(), NULL) != 1)
        die("a digest");
    assert(n == hashes[hash].bytes);
    return n;
}

size_t crypto_hmac(enum crypto_hash hash, const void *key, size_t key_len, const void *data,
                   size_t len, uint8_t *out)
{
    unsigned int n = 0;

    assert((size_t)hash < ARRAY_LEN(hashes));
    assert(key_len <= INT32_MAX);
    if (!HMAC(hashes[hash].md(), key ? key : "", (int)key_len, data ? data : (const void *)"", len,
              out, &n))
        die("an HMAC");
    assert(n == hashes[hash].bytes);
    return n;
}

void crypto_sha256(const void *data, size_t len, uint8_t out[CRYPTO_SHA256_BYTES])
{
    crypto_digest(CRYPTO_SHA256, data, len, out);
}

void crypto_sha256_hex(const void *data, size_t len, char out[2 * CRYPTO_SHA256_BYTES + 1])
{
    uint8_t raw[CRYPTO_SHA256_BYTES];

    crypto_digest(CRYPTO_SHA256, data, len, raw);
    to_hex(raw, sizeof raw, out);
}

void crypto_sha1(const void *data, size_t len, uint8_t out[CRYPTO_SHA1_BYTES])
{
    crypto_digest(CRYPTO_SHA1, data, len, out);
}

void crypto_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                        uint8_t out[CRYPTO_SHA256_BYTES])
{
    crypto_hmac(CRYPTO_SHA256, key, key_len, data, len, out);
}

void crypto_hmac_sha256_hex(const void *key, size_t key_len, const void *data, size_t len,
                            char out[2 * CRYPTO_SHA256_BYTES + 1])
{
    uint8_t raw[CRYPTO_SHA256_BYTES];

    crypto_hmac(CRYPTO_SHA256, key, key_len, data, len, raw);
    to_hex(raw, sizeof raw, out);
}

bool crypto_equal(const void *a, size_t a_len, const void *b, size_t b_len)
{
    return a_len == b_len && CRYPTO_memcmp(a, b, a_len) == 0;
}

void crypto_random(void *out, size_t len)
{
    assert(len <= INT32_MAX);
    if (RAND_bytes(out, (int)len) != 1)
        die("random bytes");
}

#define UUIDS_AHEAD 64

/* OpenSSL's generator takes longer for one request than for one of a kilobyte. A child of fork()
 * would share what is left; nothing here forks without exec. */
static void uuid_bytes(uint8_t raw[16])
{
    static uint8_t ahead[UUIDS_AHEAD][16];
    static size_t left;
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

    pthread_mutex_lock(&lock);
    if (left == 0) {
        crypto_random(ahead, sizeof ahead);
        left = UUIDS_AHEAD;
    }
    left--;
    memcpy(raw, ahead[left], 16);
    explicit_bzero(ahead[left], 16);
    pthread_mutex_unlock(&lock);
}

void crypto_uuid4(char out[CRYPTO_UUID_CHARS + 1])
{
    static const uint8_t dash_before[] = {4, 6, 8, 10};
    uint8_t raw[16];
    char hex[33], *p = out;

    uuid_bytes(raw);
    raw[6] = (uint8_t)((raw[6] & 0x0f) | 0x40);
    raw[8] = (uint8_t)((raw[8] & 0x3f) | 0x80);
    to_hex(raw, sizeof raw, hex);
    for (size_t i = 0, dash = 0; i < sizeof raw; i++) {
        if (dash < ARRAY_LEN(dash_before) && dash_before[dash] == i) {
            *p++ = '-';
            dash++;
        }
        *p++ = hex[2 * i];
        *p++ = hex[2 * i + 1];
    }
    *p = '\0';
}

/* A certificate may hold NUL bytes in its names, to make C programs stop reading early. */
static char *foreign_text(const void *data, size_t len)
{
    char *s = x_strndup(data, len);
    size_t i;

    for (i = 0; i < len; i++)
        if (!s[i])
            s[i] = '?';
    return s;
}

static char *name_text(const X509_NAME *name)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL, *text;
    long len;

    if (!bio)
        die("a name");
    X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    len = BIO_get_mem_data(bio, &data);
    text = foreign_text(len > 0 ? data : "", len > 0 ? (size_t)len : 0);
    BIO_free(bio);
    return text;
}

static char *common_name(const X509_NAME *name)
{
    int at = -1, last = -1, len;
    unsigned char *utf8 = NULL;
    char *text;

    while ((at = X509_NAME_get_index_by_NID(name, NID_commonName, at)) >= 0)
        last = at;
    if (last < 0)
        return NULL;
    len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, last)));
    if (len < 0)
        return NULL;
    text = foreign_text(utf8, (size_t)len);
    OPENSSL_free(utf8);
    return text;
}

static char *alt_name_text(const GENERAL_NAME *gn)
{
    const ASN1_STRING *s;
    char ip[INET6_ADDRSTRLEN];
    int len;

    if (gn->type == GEN_DNS) {
        s = gn->d.dNSName;
        return foreign_text(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
    }
    if (gn->type != GEN_IPADD)
        return NULL;
    s = gn->d.iPAddress;
    len = ASN1_STRING_length(s);
    if ((len != 4 && len != 16) ||
        !inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(s), ip, sizeof ip))
        return NULL;
    return x_strdup(ip);
}

static void read_sans(struct crypto_cert *cert, X509 *x)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    int i, n = sk_GENERAL_NAME_num(names); /* -1 for NULL */

    if (n > CRYPTO_CERT_SANS_MAX)
        n = CRYPTO_CERT_SANS_MAX;
    if (n > 0)
        cert->sans = x_calloc((size_t)n, sizeof *cert->sans);
    for (i = 0; i < n; i++) {
        char *text = alt_name_text(sk_GENERAL_NAME_value(names, i));

        if (text)
            cert->sans[cert->sans_n++] = text;
    }
    GENERAL_NAMES_free(names);
}

static bool read_time(const ASN1_TIME *t, int64_t *out)
{
    struct tm tm = {0};

    if (!t || ASN1_TIME_to_tm(t, &tm) != 1)
        return false;
    *out = (int64_t)timegm(&tm) * 1000;
    return true;
}

static bool read_cert(struct crypto_cert *cert, X509 *x)
{
    uint8_t raw[EVP_MAX_MD_SIZE];
    unsigned int n = 0;

    memset(cert, 0, sizeof *cert);
    cert->subject_cn = common_name(X509_get_subject_name(x));
    cert->issuer = name_text(X509_get_issuer_name(x));
    cert->self_signed = X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) == 0;
    read_sans(cert, x);
    ERR_clear_error(); /* a strange extension leaves notes that libcurl would find */
    if (!read_time(X509_get0_notBefore(x), &cert->not_before_ms) ||
        !read_time(X509_get0_notAfter(x), &cert->not_after_ms))
        return false;
    if (X509_digest(x, EVP_sha256(), raw, &n) != 1)
        die("a fingerprint");
    to_hex(raw, CRYPTO_SHA256_BYTES, cert->sha256);
    return true;
}

static int no_password(char *buf, int size, int writing, void *ctx)
{
    (void)buf, (void)size, (void)writing, (void)ctx;
    return 0; /* OpenSSL's own callback would ask at the terminal */
}

bool crypto_cert_parse(struct crypto_cert *cert, const void *data, size_t len, struct err *err)
{
    const unsigned char *der = data;
    X509 *x = NULL;
    bool ok;

    memset(cert, 0, sizeof *cert);
    if (len > CRYPTO_CERT_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "certificate of %zu bytes is above %d", len,
                       CRYPTO_CERT_BYTES_MAX);
    if (len && *der == 0x30) { /* SEQUENCE: DER; no PEM text begins with a '0' */
        x = d2i_X509(NULL, &der, (long)len);
    } else if (len) {
        BIO *bio = BIO_new_mem_buf(data, (int)len);

        if (!bio)
            die("a certificate");
        x = PEM_read_bio_X509(bio, NULL, no_password, NULL);
        BIO_free(bio);
    }
    ERR_clear_error();
    if (!x)
        return err_set(err, ERR_PROTOCOL, "not a certificate in PEM or DER form");
    ok = read_cert(cert, x);
    X509_free(x);
    return ok || err_set(err, ERR_PROTOCOL, "certificate with a broken time in it");
}

void crypto_cert_clear(struct crypto_cert *cert)
{
    size_t i;

    for (i = 0; i < cert->sans_n; i++)
        free(cert->sans[i]);
    free(cert->sans);
    free(cert->subject_cn);
    free(cert->issuer);
    memset(cert, 0, sizeof *cert);
}

const char *crypto_tls_version(const void *ssl)
{
    return SSL_get_version(ssl);
}

static void read_chain(struct crypto_cert *cert, const void *ssl)
{
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
    int64_t ends;

    cert->chain_ends_ms = cert->not_after_ms;
    for (int i = 0; chain && i < sk_X509_num(chain); i++) {
        cert->chain_n++;
        if (read_time(X509_get0_notAfter(sk_X509_value(chain, i)), &ends) &&
            ends < cert->chain_ends_ms)
            cert->chain_ends_ms = ends;
    }
}

bool crypto_tls_peer(struct crypto_cert *cert, const void *ssl)
{
    X509 *x = SSL_get0_peer_certificate(ssl);

    memset(cert, 0, sizeof *cert);
    if (!x)
        return false;
    if (read_cert(cert, x)) {
        read_chain(cert, ssl);
        return true;
    }
    crypto_cert_clear(cert);
    return false;
}

bool crypto_cert_covers(const struct crypto_cert *cert, const char *host)
{
    const char *dot = strchr(host, '.');

    for (size_t i = 0; i < cert->sans_n; i++) {
        const char *san = cert->sans[i];

        if (strcasecmp(san, host) == 0)
            return true;
        if (san[0] == '*' && san[1] == '.' && dot && dot > host && strcasecmp(san + 1, dot) == 0)
            return true;
    }
    return false;
}
