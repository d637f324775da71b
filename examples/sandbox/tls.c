#include "tls.h"

#include <arpa/inet.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "sluice/buf.h"
#include "sluice/file.h"

#define DAY_S     86400
#define LIFE_DAYS 90 /* of the good leaf in all, unless more are left */

struct tls_store {
    EVP_PKEY *ca_key, *key;
    X509 *ca;
    X509 *leaves[TLS_CERTIFICATE_COUNT];
    SSL_CTX *contexts[TLS_CERTIFICATE_COUNT];
    long serial;
};

struct tls_conn {
    SSL *ssl;
};

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509_EXTENSION *ext;
    X509V3_CTX ctx;
    bool ok;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ok = ext && X509_add_ext(cert, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return ok;
}

/* from_s and to_s are relative to now. issuer NULL: signs itself with its own key. */
static X509 *make_cert(struct tls_store *s, const char *cn, long from_s, long to_s, EVP_PKEY *key,
                       X509 *issuer, EVP_PKEY *issuer_key, const char *sans)
{
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    bool ok;

    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), ++s->serial);
    X509_gmtime_adj(X509_getm_notBefore(cert), from_s);
    X509_gmtime_adj(X509_getm_notAfter(cert), to_s);
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const unsigned char *)"sluice sandbox", -1,
                               -1, 0);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0);
    X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : name);
    X509_set_pubkey(cert, key);
    if (sans)
        ok = add_extension(cert, issuer ? issuer : cert, NID_subject_alt_name, sans) &&
             add_extension(cert, issuer ? issuer : cert, NID_basic_constraints,
                           "critical,CA:FALSE") &&
             add_extension(cert, issuer ? issuer : cert, NID_ext_key_usage, "serverAuth");
    else
        ok = add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE") &&
             add_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign");
    ok = ok && add_extension(cert, issuer ? issuer : cert, NID_subject_key_identifier, "hash");
    if (ok && issuer)
        ok = add_extension(cert, issuer, NID_authority_key_identifier, "keyid");
    if (!ok || !X509_sign(cert, issuer_key ? issuer_key : key, EVP_sha256())) {
        X509_free(cert);
        return NULL;
    }
    return cert;
}

static void list_names(const char *const *names, size_t n, struct buf *out)
{
    unsigned char raw[16];

    buf_add_str(out, "DNS:localhost,IP:127.0.0.1");
    for (size_t i = 0; i < n; i++) {
        bool address =
            inet_pton(AF_INET, names[i], raw) == 1 || inet_pton(AF_INET6, names[i], raw) == 1;

        buf_addf(out, ",%s:%s", address ? "IP" : "DNS", names[i]);
    }
}

static int pick_http1(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                      const unsigned char *in, unsigned int in_len, void *arg)
{
    static const unsigned char http1[] = "\x08http/1.1";

    (void)ssl;
    (void)arg;
    return SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_len, http1, sizeof http1 - 1,
                                 in, in_len) == OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_NOACK;
}

static SSL_CTX *make_context(X509 *leaf, EVP_PKEY *key, X509 *ca)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    if (!ctx)
        return NULL;
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(ctx, pick_http1, NULL);
    if (SSL_CTX_use_certificate(ctx, leaf) != 1 || SSL_CTX_use_PrivateKey(ctx, key) != 1 ||
        (ca && SSL_CTX_add1_chain_cert(ctx, ca) != 1)) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

struct tls_store *tls_store_new(const char *const *names, size_t n, int days, struct err *err)
{
    struct buf sans SL_CLEANUP(buf_clear) = {0};
    struct tls_store *s = x_zalloc(sizeof *s);
    long end = (long)days * DAY_S;
    long begin = days < LIFE_DAYS ? end - (long)LIFE_DAYS * DAY_S : -DAY_S;
    bool ok;

    list_names(names, n, &sans);
    s->serial = (long)time(NULL) * 16;
    s->ca_key = EVP_EC_gen("P-256");
    s->key = EVP_EC_gen("P-256");
    ok = s->ca_key && s->key &&
         (s->ca = make_cert(s, "sluice sandbox authority", -2 * DAY_S, 365L * DAY_S, s->ca_key,
                            NULL, NULL, NULL)) != NULL;
    if (ok) {
        s->leaves[TLS_GOOD] =
            make_cert(s, "sandbox", begin, end, s->key, s->ca, s->ca_key, buf_str(&sans));
        s->leaves[TLS_EXPIRED] =
            make_cert(s, "sandbox", -30L * DAY_S, -DAY_S, s->key, s->ca, s->ca_key, buf_str(&sans));
        s->leaves[TLS_WRONG_NAME] =
            make_cert(s, "sandbox", -DAY_S, end, s->key, s->ca, s->ca_key, "DNS:wrong.invalid");
        s->leaves[TLS_SELF_SIGNED] =
            make_cert(s, "sandbox", -DAY_S, end, s->key, NULL, NULL, buf_str(&sans));
    }
    for (int i = 0; ok && i < TLS_CERTIFICATE_COUNT; i++) {
        ok = s->leaves[i] && (s->contexts[i] = make_context(s->leaves[i], s->key,
                                                            i == TLS_SELF_SIGNED ? NULL : s->ca));
    }
    if (ok)
        return s;
    err_set(err, ERR_FILE, "cannot make certificates for %s: %s", buf_str(&sans),
            ERR_reason_error_string(ERR_peek_last_error()));
    tls_store_free(s);
    return NULL;
}

void tls_store_free(struct tls_store *s)
{
    if (!s)
        return;
    for (int i = 0; i < TLS_CERTIFICATE_COUNT; i++) {
        SSL_CTX_free(s->contexts[i]);
        X509_free(s->leaves[i]);
    }
    X509_free(s->ca);
    EVP_PKEY_free(s->ca_key);
    EVP_PKEY_free(s->key);
    free(s);
}

static bool write_bio(BIO *bio, int dirfd, const char *name, struct err *err)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);

    return file_replace(dirfd, name, data, (size_t)len, err);
}

bool tls_store_write(const struct tls_store *s, int dirfd, struct err *err)
{
    BIO *ca = BIO_new(BIO_s_mem()), *leaf = BIO_new(BIO_s_mem()), *key = BIO_new(BIO_s_mem());
    bool ok;

    PEM_write_bio_X509(ca, s->ca);
    PEM_write_bio_X509(leaf, s->leaves[TLS_GOOD]);
    PEM_write_bio_PrivateKey(key, s->key, NULL, NULL, 0, NULL, NULL);
    ok = write_bio(ca, dirfd, "ca.pem", err) && write_bio(leaf, dirfd, "server.pem", err) &&
         write_bio(key, dirfd, "server.key", err);
    BIO_free(ca);
    BIO_free(leaf);
    BIO_free(key);
    return ok;
}

struct tls_conn *tls_conn_new(struct tls_store *s, enum tls_certificate which, int fd)
{
    struct tls_conn *c = x_zalloc(sizeof *c);

    c->ssl = SSL_new(s->contexts[which]);
    if (!c->ssl || SSL_set_fd(c->ssl, fd) != 1) {
        tls_conn_free(c);
        return NULL;
    }
    SSL_set_accept_state(c->ssl);
    return c;
}

void tls_conn_free(struct tls_conn *c)
{
    if (!c)
        return;
    SSL_free(c->ssl);
    free(c);
}

void tls_conn_close(struct tls_conn *c)
{
    ERR_clear_error();
    if (SSL_is_init_finished(c->ssl))
        SSL_shutdown(c->ssl);
}

static int result(struct tls_conn *c, int n)
{
    switch (SSL_get_error(c->ssl, n)) {
    case SSL_ERROR_NONE:
        return n;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_WANT_READ:
        return TLS_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANT_WRITE;
    default:
        return TLS_FAILED;
    }
}

int tls_conn_read(struct tls_conn *c, void *out, size_t len)
{
    ERR_clear_error();
    return result(c, SSL_read(c->ssl, out, len > INT32_MAX ? INT32_MAX : (int)len));
}

int tls_conn_write(struct tls_conn *c, const void *data, size_t len)
{
    ERR_clear_error();
    return result(c, SSL_write(c->ssl, data, len > INT32_MAX ? INT32_MAX : (int)len));
}
