/* sigv4.h: AWS Signature Version 4 for header-signed requests, as four pure stages.
 *
 * Each stage takes plain data and appends plain text, so each can be compared with published vectors
 * and with other signers. Nothing here reads a clock or the environment: the date is an input, which is
 * what makes clock skew correctable. What is signed must be what goes on the wire: take the query
 * string from sigv4_query() and send path and headers unaltered.
 * Source: AWS General Reference, "Signature Version 4 signing process" (Create a signed AWS API
 * request), all services but S3: the path is normalised and percent-encoded once more. */
#ifndef SLUICE_SIGV4_H
#define SLUICE_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/buf.h"
#include "sluice/err.h"

#define SIGV4_DATE_SIZE    17 /* "20150830T123600Z" and its NUL */
#define SIGV4_HEX_SIZE     65 /* a SHA-256 or a signature in hexadecimal, and its NUL */
#define SIGV4_PAIRS_MAX    64 /* query pairs or headers of one request */
#define SIGV4_SEGMENTS_MAX 128

struct sigv4_pair {
    const char *name;
    const char *value; /* NULL is the same as "" */
};

/* Where a signature is good: a day, a region, a service. */
struct sigv4_scope {
    char date[SIGV4_DATE_SIZE]; /* from sigv4_date(); its first eight characters name the day */
    const char *region;
    const char *service;
};

struct sigv4_request {
    const char *method;
    const char *path; /* as it goes on the wire, already percent-encoded where it has to be; "" is "/" */
    const struct sigv4_pair *query; /* names and values as meant, not encoded; in any order */
    size_t n_query;
    const struct sigv4_pair *headers; /* all that are sent, Host and X-Amz-Date among them */
    size_t n_headers;
    const void *body; /* NULL when body_len is 0 */
    size_t body_len;
};

/* The basic ISO 8601 form of a time in Unix milliseconds, "20150830T123600Z". Times outside the years
 * 1970 to 9999 are clamped. */
void sigv4_date(int64_t unix_ms, char out[SIGV4_DATE_SIZE]);

/* Appends the query string for the wire, which is also the canonical one: names and values
 * percent-encoded (unreserved characters stay, a blank is %20), sorted by encoded name, then value;
 * an empty value keeps its "=". Nothing is appended for no pairs. More than SIGV4_PAIRS_MAX pairs are
 * ERR_LIMIT. */
bool sigv4_query(const struct sigv4_pair *query, size_t n, struct buf *out, struct err *err)
    SL_MUST_CHECK;

/* Stage 1: appends the canonical request to out and the list of signed header names to signed_headers
 * ("host;x-amz-date"). Headers that proxies and transports change (Connection, Expect, User-Agent, ...)
 * are left out. ERR_LIMIT past SIGV4_PAIRS_MAX or SIGV4_SEGMENTS_MAX. */
bool sigv4_canonical_request(const struct sigv4_request *request, struct buf *out,
                             struct buf *signed_headers, struct err *err) SL_MUST_CHECK;

/* Stage 2: appends the string to sign. */
void sigv4_string_to_sign(const struct sigv4_scope *scope, const char *canonical_request, size_t len,
                          struct buf *out);

/* Stage 3: derives the day's key from the secret key and signs; the key is wiped. */
void sigv4_signature(const struct sigv4_scope *scope, const char *secret_key,
                     const char *string_to_sign, size_t len, char hex[SIGV4_HEX_SIZE]);

/* Stage 4: appends the value of the Authorization header. */
void sigv4_authorization(const struct sigv4_scope *scope, const char *key_id,
                         const char *signed_headers, const char *signature, struct buf *out);

/* All four in a row; out gets the Authorization value. canonical may be NULL; otherwise it receives the
 * canonical request, for a message when the service disagrees. */
bool sigv4_sign(const struct sigv4_request *request, const struct sigv4_scope *scope,
                const char *key_id, const char *secret_key, struct buf *canonical, struct buf *out,
                struct err *err) SL_MUST_CHECK;

#endif
