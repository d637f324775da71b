/* http.h: many HTTP requests at once on one thread. The only door to libcurl.
 *
 * One `struct http` holds one connection pool. http_start() queues a request and returns its
 * number; http_wait() is the one place where the program sleeps: it moves all transfers and watches
 * foreign descriptors (signals, keyboard, DNS and control sockets) in the same wait; http_next()
 * hands over finished requests one at a time. Every started request is answered exactly once,
 * whatever happened to it; http_start() itself never fails. How many requests run at once, and
 * against which host, is the caller's decision: nothing queues in here, so no deadline is spent
 * waiting for a place.
 *
 *     while (http_wait(http, fds, n, timeout_ms, &err))
 *         while (http_next(http, &done)) {
 *             ... done.id, done.ctx, done.response ...
 *             http_response_clear(&done.response);
 *         }
 *
 * What is always so: http and https only; redirects are results; certificates and names are
 * verified; proxies, .netrc, cookies and credentials of the environment are ignored; link-local
 * addresses (cloud metadata) are refused unless the request allows them. */
#ifndef SLUICE_HTTP_H
#define SLUICE_HTTP_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/buf.h"
#include "sluice/common.h"
#include "sluice/crypto.h"
#include "sluice/err.h"

#define HTTP_HEADER_BYTES_MAX   ((size_t)64 * 1024)  /* of one response, all fields together */
#define HTTP_BODY_KEEP_DEFAULT  ((size_t)256 * 1024) /* kept; what follows is read and dropped */
#define HTTP_BODY_MAX_DEFAULT   ((size_t)16 * 1024 * 1024) /* past this the transfer is aborted */
#define HTTP_TOTAL_MS_DEFAULT   30000
#define HTTP_CONNECT_MS_DEFAULT 10000
#define HTTP_REASON_MAX         256
#define HTTP_REMOTE_MAX         64

struct http; /* opaque */

struct http_config {
    const char *ca_file;    /* PEM bundle; NULL: $SSL_CERT_FILE, else the system's. Borrowed */
    const char *user_agent; /* NULL: "sluice/VERSION". Borrowed until http_free() */
    size_t connections_max; /* kept open for reuse: at least the number of hosts; 0: 256 */
};

enum http_version {
    HTTP_VERSION_AUTO, /* HTTP/2 where TLS offers it, else 1.1 */
    HTTP_VERSION_1_1,
    HTTP_VERSION_2, /* over TLS as AUTO (look at response.version); over http: prior knowledge */
};

struct http_header {
    const char *name;
    const char *value;
};

/* Called for each piece of decoded body as it comes, e.g. for server-sent events. at_us:
 * microseconds since the request was started. Returning false ends the transfer with outcome
 * HTTP_OK and response.stopped set. */
typedef bool http_body_fn(void *ctx, const char *data, size_t len, int64_t at_us);

/* A zeroed request with method and url is a good one: GET, 10 s to connect, 30 s in all. Everything
 * is copied by http_start(); copies are wiped when the request ends. */
struct http_request {
    const char *method;                /* NULL: GET */
    const char *url;                   /* absolute, http or https, no user name in it */
    const struct http_header *headers; /* a control byte in one makes the request HTTP_INVALID */
    size_t headers_n;
    const void *body; /* NULL and 0: none. POST and PUT without one say Content-Length: 0 */
    size_t body_len;
    const char *connect_to; /* "address:port", "[v6]:port" or "name:port" to connect to instead of
                               the url's; Host and SNI stay the url's. NULL: as the url says */
    const char *const *resolve; /* CURLOPT_RESOLVE lines, "host:port:address[,address]"; they hold
                                   for all later requests too */
    size_t resolve_n;
    const char *ca_file;              /* NULL: as in http_config */
    const char *cert_file, *key_file; /* PEM, shown to a server that asks; NULL: none. key_file
                                         NULL: the key stands in cert_file */
    const char *proxy;   /* "http://[user:password@]host:port"; NULL: none, whatever the environment
                            says. Through it https goes in a tunnel, http does not */
    uint32_t connect_ms; /* name look-up, TCP and TLS; 0: HTTP_CONNECT_MS_DEFAULT */
    uint32_t total_ms;   /* 0: HTTP_TOTAL_MS_DEFAULT */
    enum http_version version;
    size_t body_keep; /* 0: HTTP_BODY_KEEP_DEFAULT */
    size_t body_max;  /* decoded bytes; 0: HTTP_BODY_MAX_DEFAULT */
    bool fresh;       /* a connection of its own */
    bool gzip;        /* offer gzip and decode it; otherwise no encoding is offered */
    bool exact;       /* for signed requests: path as is, and no header but Host, Content-Length and
                         User-Agent that the caller did not give */
    bool once;    /* never a second time by itself: libcurl repeats a request, whatever its method,
                     when a    kept connection breaks before any answer. HTTP_RESET then */
    bool upgrade; /* HTTP/1.1, and a 101 ends the transfer with its header, as whole */
    bool handshake; /* TCP and TLS on a connection of its own, then no request: HTTP_OK, status 0 */
    bool certificate;      /* fill response.certificate */
    bool link_local;       /* allow 169.254.0.0/16 and fe80::/10 */
    http_body_fn *on_body; /* NULL: none; gets the ctx of http_start() */
};

enum http_outcome {
    HTTP_OK,              /* a whole answer, whatever its status */
    HTTP_DNS,             /* the name has no address, or the look-up failed or took too long */
    HTTP_NO_ROUTE,        /* this machine has no route to that address (family) */
    HTTP_REFUSED,         /* connection refused */
    HTTP_CONNECT_TIMEOUT, /* TCP or TLS not ready by the connect deadline */
    HTTP_TLS_UNTRUSTED,   /* the chain does not lead to a CA we trust */
    HTTP_TLS_EXPIRED,     /* expired or not yet valid */
    HTTP_TLS_NAME,        /* a good certificate for another name */
    HTTP_TLS_HANDSHAKE,   /* no TLS came about */
    HTTP_TIMEOUT,         /* connected, but no whole answer by the total deadline */
    HTTP_RESET,           /* closed or reset before the header was whole */
    HTTP_PARTIAL,         /* closed or reset within the body */
    HTTP_PROTOCOL,        /* not HTTP, or broken encoding */
    HTTP_TOO_LARGE,       /* header or body past its ceiling */
    HTTP_CANCELLED,       /* by http_cancel() or http_free() */
    HTTP_INVALID, /* never sent: bad url or header, unreadable CA file, no descriptors left */
    HTTP_OUTCOME_COUNT
};

struct http_timing {                    /* microseconds */
    int64_t dns_us, connect_us, tls_us; /* length of each phase; 0 on a reused connection */
    int64_t first_byte_us; /* from the start to the first byte of the answer; 0: none came */
    int64_t total_us;      /* from the start to the end */
    int64_t
        sent_at_us; /* clock_boot_us() when the first byte of the request could leave; 0: never */
    int64_t done_at_us; /* clock_boot_us() when it was known to be over */
};

struct http_field { /* owned by the response, both in one piece of memory that name begins */
    char *name;     /* as received (lower case in HTTP/2) */
    char *value;    /* without surrounding blanks */
};

/* Foreign bytes in every string: show them through text_add_safe(). */
struct http_response {
    enum http_outcome outcome;
    char
        reason[HTTP_REASON_MAX]; /* one plain sentence, lower case, no full stop; "" when HTTP_OK */
    uint16_t status;             /* 0: none came */
    uint16_t version;            /* 10, 11, 20; 0: none came */
    struct http_field
        *fields; /* the final header, in order; interim answers and trailers dropped */
    size_t fields_n;
    struct buf body;     /* decoded, at most body_keep bytes; NUL-terminated when not empty */
    uint64_t body_bytes; /* decoded bytes received in all */
    bool truncated;      /* body_bytes > body.len */
    bool stopped;        /* on_body ended it */
    struct http_timing timing;
    char remote[HTTP_REMOTE_MAX];   /* "203.0.113.5:443", "[2001:db8::1]:443"; "" never connected */
    uint32_t connects;              /* new connections made: 0 = reused */
    const char *tls_version;        /* static, "TLSv1.3"; NULL without TLS */
    struct crypto_cert certificate; /* when asked; sha256 "" otherwise */
};

struct http_done {
    uint64_t id; /* as http_start() returned */
    void *ctx;
    struct http_response response; /* the caller's now: http_response_clear() */
};

/* NULL with ERR_IO when libcurl cannot start. */
struct http *http_new(const struct http_config *config, struct err *err) SL_MUST_CHECK;
/* Ends everything; requests still open are dropped without an answer. NULL is fine. */
void http_free(struct http *http);

/* Allocates handles so that n more requests can start without asking for them (a rollback's). */
void http_prepare(struct http *http, size_t n);

/* Never 0, never used twice. The request begins to move with the next http_wait(). */
uint64_t http_start(struct http *http, const struct http_request *request, void *ctx);
/* Its answer is HTTP_CANCELLED, unless it was finished already. An unknown id does nothing. */
void http_cancel(struct http *http, uint64_t id);
/* True once the first bytes of its answer are here; false for an unknown id. */
bool http_begun(const struct http *http, uint64_t id);
size_t http_active(const struct http *http); /* started and not yet handed over */

/* Moves transfers and sleeps until one is finished, a descriptor of `extra` is ready or timeout_ms
 * has passed (0: do not sleep, negative: no limit). May also return early with nothing to tell.
 * Returns at once while answers wait. revents are as poll(2) gives them, POLLHUP and POLLERR
 * included; a negative fd is skipped. False (ERR_IO) only when the wait itself is impossible. */
bool http_wait(struct http *http, struct pollfd *extra, size_t n, int timeout_ms,
               struct err *err) SL_MUST_CHECK;
/* False when no more is finished. */
bool http_next(struct http *http, struct http_done *out);

void http_response_clear(struct http_response *response);
/* The value of the first field of that name (any case), borrowed; NULL when there is none. */
const char *http_response_find(const struct http_response *response, const char *name);

/* "ok", "dns", "no_route", "refused", "connect_timeout", "tls_untrusted", ...: for machines. */
const char *http_outcome_name(enum http_outcome outcome);

/* A url in pieces; owned strings. */
struct http_url {
    char *scheme; /* "http" or "https" */
    char *host;   /* lower case, IPv6 in brackets */
    uint16_t port;
    char *path;  /* at least "/" */
    char *query; /* without "?"; NULL when there is none */
};

#define HTTP_URL_MAX 8192

/* Absolute http and https only; a user name, a control byte or a blank is refused (ERR_FILE). */
bool http_url_parse(struct http_url *out, const char *url, struct err *err) SL_MUST_CHECK;
void http_url_clear(struct http_url *url);
/* Scheme, host and port are the same (RFC 6454 section 5). */
bool http_url_same_origin(const struct http_url *a, const struct http_url *b);
/* RFC 3986 section 5: ref ("/login", "?q=1", "https://other/") seen from base; the fragment is
 * dropped. ERR_FILE when the result is no http url. */
bool http_url_resolve(struct buf *out, const char *base, const char *ref,
                      struct err *err) SL_MUST_CHECK;

#endif
