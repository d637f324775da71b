/* tls.h: the sandbox's door to OpenSSL: a certificate authority made at start, and server
 * connections.
 *
 * The authority and its leaf live for one run and are written into the state directory so that
 * clients can trust them: ca.pem, and server.pem with server.key for other servers in a test. */
#ifndef SANDBOX_TLS_H
#define SANDBOX_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/err.h"

enum tls_certificate {
    TLS_GOOD,
    TLS_EXPIRED,     /* ended yesterday */
    TLS_WRONG_NAME,  /* for wrong.invalid only */
    TLS_SELF_SIGNED, /* the right names, from nobody */
    TLS_CERTIFICATE_COUNT
};

#define TLS_WANT_READ  (-2)
#define TLS_WANT_WRITE (-3)
#define TLS_FAILED     (-1)

struct tls_store;
struct tls_conn;

/* names are DNS names (wildcards allowed) or addresses; days is the life left of the good
 * leaf, which was made for 90 (or more, if more are left). */
struct tls_store *tls_store_new(const char *const *names, size_t n, int days, struct err *err);
void tls_store_free(struct tls_store *s);
bool tls_store_write(const struct tls_store *s, int dirfd, struct err *err) SL_MUST_CHECK;

struct tls_conn *tls_conn_new(struct tls_store *s, enum tls_certificate which, int fd);
void tls_conn_free(struct tls_conn *c); /* sends no close_notify; tls_conn_close() does */
void tls_conn_close(struct tls_conn *c);
/* Both do the handshake first. > 0 bytes, 0 the peer ended, or one of the three above. */
int tls_conn_read(struct tls_conn *c, void *out, size_t len);
int tls_conn_write(struct tls_conn *c, const void *data, size_t len);

#endif
