/* web.h: a small HTTP/1.1 server that can also misbehave, over TCP or TLS.
 *
 * A handler gets a whole request and queues steps: bytes, slow bytes, endless bytes, waits, an
 * orderly end, a close in the middle, a reset. A handler that queues nothing holds the connection
 * open; an answer may follow later through web_find(). One thread; all calls from the loop's
 * callbacks. */
#ifndef SANDBOX_WEB_H
#define SANDBOX_WEB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop.h"
#include "sluice/arena.h"
#include "tls.h"

#define WEB_HEAD_MAX    (64 * 1024)
#define WEB_BODY_MAX    (8 * 1024 * 1024)
#define WEB_HEADERS_MAX 100

struct web_header {
    const char *name, *value; /* as received, blanks around the value removed */
};

/* Borrowed from the connection until the request is answered; web_request_copy() keeps one longer.
 */
struct web_request {
    const char *method;
    const char *target; /* as received */
    const char *path;   /* up to '?' */
    const char *query;  /* after it, "" when none */
    struct web_header *headers;
    size_t n_headers;
    const char *body; /* NUL-terminated behind body_len bytes */
    size_t body_len;
    bool tls;
    int64_t first_us, done_us; /* CLOCK_BOOTTIME: first byte seen, last byte seen */
};

struct web_conn;
struct web_server;

struct web_ops {
    void (*handle)(void *arg, struct web_conn *c, void *listener_user,
                   const struct web_request *rq);
    enum tls_certificate (*certificate)(void *arg, void *listener_user); /* NULL: the good one */
    int64_t (*date_ms)(void *arg); /* Unix milliseconds for the Date header; NULL: none is sent */
};

/* tls may be NULL where no listener wants it. All are borrowed. */
struct web_server *web_server_new(struct loop *l, const struct web_ops *ops, void *arg,
                                  struct tls_store *tls);
void web_server_free(struct web_server *s); /* closes every connection */

/* Listens on address (IPv4 or IPv6 text); *port 0 asks the kernel and is set. ERR_BUSY when the
 * port is taken, ERR_IO else. user is handed to the handler. */
bool web_listen(struct web_server *s, const char *address, uint16_t *port, bool tls, void *user,
                struct err *err) SL_MUST_CHECK;

/* How many listeners there are, and closing all but the first n: for trying a port on many
 * addresses. */
size_t web_listeners(const struct web_server *s);
void web_unlisten(struct web_server *s, size_t n);

/* The header's first value, or NULL. */
const char *web_header(const struct web_request *rq, const char *name);
/* The decoded value of a query or form field, from mem; NULL when missing. '+' is a blank. */
const char *web_field(struct arena *mem, const char *fields, const char *name);
/* Percent-decodes; '+' stays unless plus_is_blank. */
char *web_decode(struct arena *mem, const char *s, size_t len, bool plus_is_blank);
struct web_request *web_request_copy(struct arena *mem, const struct web_request *rq);

uint64_t web_conn_id(const struct web_conn *c);
struct web_conn *web_find(struct web_server *s, uint64_t id); /* NULL: gone */

/* Steps. Nothing is sent before web_end(), web_close() or web_reset() closes the list. */
void web_send(struct web_conn *c, const void *data, size_t len);
void web_send_slowly(struct web_conn *c, const void *data, size_t len, size_t chunk,
                     int64_t every_ms);
void web_send_pattern(struct web_conn *c, const void *pattern, size_t len, uint64_t total);
void web_wait(struct web_conn *c, int64_t ms);
void web_end(struct web_conn *c); /* the answer is whole: keep alive where the client wants it */
void web_close(struct web_conn *c);
void web_reset(struct web_conn *c); /* RST */

/* The head of an answer. headers: whole lines with CRLF. length < 0: no Content-Length. */
void web_send_head(struct web_conn *c, int status, const char *headers, int64_t length);
/* Head, body (left out for HEAD) and web_end(). */
void web_reply(struct web_conn *c, int status, const char *headers, const void *body, size_t len);
const char *web_reason(int status);

#endif
