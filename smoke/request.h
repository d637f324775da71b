/* request.h: from a step and its scope to bytes that can be sent, and to a curl line that can be
 * pasted. */
#ifndef SLUICE_SMOKE_REQUEST_H
#define SLUICE_SMOKE_REQUEST_H

#include "cookie.h"
#include "sign.h"
#include "scope.h"
#include "sluice/http.h"

#define REQUEST_HEADERS_MAX 128
#define REQUEST_BODY_MAX    ((size_t)1024 * 1024)
#define REQUEST_CURL_MAX    ((size_t)16 * 1024)

struct request {        /* owned; request_clear() */
    const char *method; /* static */
    struct buf url;
    struct http_url parts;
    struct http_header headers[REQUEST_HEADERS_MAX]; /* strings in storage */
    bool hidden[REQUEST_HEADERS_MAX]; /* a credential or signature: its value is shown to nobody */
    size_t headers_n;
    struct arena storage;
    struct buf body;
    bool has_body;
    struct buf proxy; /* empty: none */
    bool upgrade;     /* as in struct http_request */
    bool exact;       /* signed as it stands: as in struct http_request */
};

/* Where a request's url is seen from, and what else it needs beside its scope. */
struct request_around {
    const char *previous; /* the flow's last url, "" at first: for a url that a capture gave */
    const struct cookie_jar *jar;    /* NULL: none */
    int64_t wall_ms;                 /* for signatures and cookies */
    enum sign_forgery forgery;       /* how the signature is to be wrong */
    const char *token;               /* for auth by oauth2; NULL: none yet */
    const char *method;              /* instead of the suite's; static; NULL: the suite's */
    const struct buf *json;          /* the body, instead of the suite's; NULL: the suite's */
    const struct http_header *extra; /* where the suite does not name them itself */
    size_t extra_n;
    const char *url; /* absolute, instead of the suite's: a redirect; NULL: the suite's */
    bool bare;       /* with url: another origin, so no headers, credentials or signature */
    bool no_body;    /* with url: it has become a GET */
};

/* Expands a step's request. ERR_REFUSED: a value was not captured, holds bytes a header cannot, or
 * a captured url leads to another origin. ERR_FILE: the url is none. */
bool request_build(struct request *out, struct scope *scope, const struct suite_request *from,
                   const struct request_around *around, struct err *err) SL_MUST_CHECK;

/* Only the url and its parts: to see where a check goes before anything is sent. */
bool request_build_url(struct request *out, struct scope *scope, const struct suite_request *from,
                       const char *previous, struct err *err) SL_MUST_CHECK;

/* Adds a header; name is borrowed, the value copied. ERR_LIMIT past REQUEST_HEADERS_MAX. */
bool request_add_header(struct request *out, const char *name, const char *value, size_t len,
                        bool hidden, struct err *err) SL_MUST_CHECK;

/* For request.c and request_show.c: headers and body as the suite has them, without credentials. */
bool request_build_plain(struct request *out, struct scope *scope, const struct suite_request *from,
                         struct err *err) SL_MUST_CHECK;

/* Appends a curl command line; connect_to as in struct http_request, or NULL; url is what was sent,
 * for a line without templates in it. Secrets, captured values, cookies and signatures appear as
 * "$NAME". */
void request_add_curl(struct buf *out, struct scope *scope, const struct suite_request *from,
                      const char *previous, const char *connect_to, bool cookies);

/* Appends "POST /path HTTP/1.1", Host and the headers, one a line; values of Authorization, Cookie
 * and signatures are left out. */
void request_add_head(struct buf *out, const struct request *request);

void request_clear(struct request *request); /* wipes */

#endif
