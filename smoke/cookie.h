/* cookie.h: the cookie jar of one flow, a subset of RFC 6265: domain, path, Secure, Expires,
 * Max-Age.
 *
 * A jar lives as long as its flow, seconds, and sees only the hosts the flow itself names; a list
 * of public suffixes would guard nothing here. Domain must still cover the host that sets it, and
 * have a dot in it. */
#ifndef SLUICE_SMOKE_COOKIE_H
#define SLUICE_SMOKE_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/buf.h"
#include "sluice/http.h"

#define COOKIE_JAR_MAX                                                                             \
    50 /* cookies of one jar: the oldest gives way (RFC 6265 section 6.1 asks for 50) */
#define COOKIE_BYTES_MAX 4096 /* of name and value together; longer ones are dropped */

struct cookie { /* owned strings */
    char *name, *value, *domain, *path;
    bool host_only, secure;
    int64_t expires_ms; /* INT64_MAX: with the flow */
};

struct cookie_jar {
    struct cookie *list;
    size_t n;
};

/* Takes one Set-Cookie value received from url at wall time now_ms. What RFC 6265 section 5.2 says
 * to ignore is ignored. */
void cookie_store(struct cookie_jar *jar, const struct http_url *url, const char *set_cookie,
                  int64_t now_ms);

/* Appends the jar's part of a Cookie header for url ("a=1; b=2"), behind what stands in out
 * already; nothing when no cookie belongs there. Longer paths first, then the older (section 5.4).
 * Cookies of the names in `without` are left out. */
void cookie_format(const struct cookie_jar *jar, const struct http_url *url, int64_t now_ms,
                   const char *const *without, size_t without_n, struct buf *out);

/* The value of the last Set-Cookie of that name in an answer, borrowed. False: there is none. */
bool cookie_find_set(const struct http_response *response, const char *name, const char **value,
                     size_t *len);
/* Its attribute's value, borrowed; "" for one without. False: it has no such attribute. */
bool cookie_find_attribute(const struct http_response *response, const char *name,
                           const char *attribute, const char **value, size_t *len);

/* Copies the cookies of another jar into this one; those of the same name, domain and path give
 * way. */
void cookie_jar_add(struct cookie_jar *jar, const struct cookie_jar *from);

void cookie_jar_clear(struct cookie_jar *jar); /* wipes values */

#endif
