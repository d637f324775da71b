/* http_internal.h: one transfer, as the files of the libcurl door share it: http.c (its life),
 * http_request.c (what is sent), http_receive.c (what comes), http_outcome.c (what it means). With
 * http_url.c they are one door; nobody else includes this. */
#ifndef SLUICE_HTTP_INTERNAL_H
#define SLUICE_HTTP_INTERNAL_H

#include <curl/curl.h>

#include "sluice/http.h"

/* What a handle was last told, so that it is not told again. */
enum http_long {
    HTTP_LONG_VERSION,
    HTTP_LONG_CONNECT_MS,
    HTTP_LONG_TOTAL_MS,
    HTTP_LONG_FRESH,
    HTTP_LONG_AS_IS,
    HTTP_LONG_COUNT
};
enum http_text { /* options that are mostly NULL: only that is remembered */
                 HTTP_TEXT_ENCODING,
                 HTTP_TEXT_CERT,
                 HTTP_TEXT_KEY,
                 HTTP_TEXT_METHOD,
                 HTTP_TEXT_CONNECT_TO,
                 HTTP_TEXT_RESOLVE,
                 HTTP_TEXT_COUNT
};
struct http_told {
    bool ready;                  /* the handle has the options that never change */
    bool plain;                  /* it makes GET requests without a body */
    bool direct;                 /* it uses no proxy */
    long longs[HTTP_LONG_COUNT]; /* -1: not known */
    bool nulls[HTTP_TEXT_COUNT];
};

struct http_transfer {
    CURL *easy;
    struct http *http;
    const struct http_config *config;
    struct http_transfer *next, *prev; /* in the pool, the active or the finished list */
    uint64_t id;
    void *ctx;
    struct buf body; /* of the request; libcurl reads it in place */
    struct curl_slist *headers, *connect_to, *resolve;
    http_body_fn *on_body;
    size_t keep, max;
    uint32_t connect_ms, total_ms;
    int64_t started_us;
    size_t header_bytes;
    bool in_multi;
    uint8_t renewed; /* how often it was tried again on a new connection */
    struct http_told told;
    bool has_body;    /* of the request */
    bool sent;        /* connected; the request could leave */
    bool header_done; /* the final header is whole */
    bool switching;   /* its status is 101 */
    bool want_certificate, link_local, once, upgrade, handshake;
    enum http_outcome fault; /* why a callback of ours ended it; HTTP_OK: it did not */
    int socket_errno;        /* of a socket(2) that failed */
    char where[300];         /* what we connect to, for sentences */
    char error[CURL_ERROR_SIZE];
    struct http_response response;
};

/* Gives libcurl all of the request; false when it cannot be sent (outcome and reason are set). */
bool http_transfer_load(struct http_transfer *t, const struct http_request *q);
/* Takes back and wipes what the request lent; the response stays. The handle
 * keeps what load() sets anew every time. */
void http_transfer_unload(struct http_transfer *t);

/* What libcurl calls. */
size_t http_transfer_on_header(char *line, size_t size, size_t n, void *ctx);
size_t http_transfer_on_body(char *data, size_t size, size_t n, void *ctx);
int http_transfer_on_connected(void *ctx, char *ip, char *local_ip, int port, int local_port);
curl_socket_t http_transfer_on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *addr);
void http_response_drop_fields(struct http_response *r);

/* Fills the response's outcome, reason, timing and what else libcurl knows once it is over. */
void http_transfer_judge(struct http_transfer *t, CURLcode code);
/* Sets outcome and reason, for a request that never reached libcurl too. */
void http_transfer_say(struct http_transfer *t, enum http_outcome outcome, const char *fmt, ...)
    SL_PRINTF(3, 4);

#endif
