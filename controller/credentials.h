/* credentials.h: the keys requests are signed with, from the documented AWS chain.
 *
 * Two halves. Looking is pure but for files and variables: providers are asked in order, the first
 * that is configured answers with keys or with a recipe (whom to ask, which roles to take after
 * that). One that is configured but broken is an error, never a skip: signing as somebody else is
 * worse than not signing. Fetching carries a recipe out: one request or one process at a time,
 * never blocking, so that a refresh in the middle of a run holds up nothing. One provider a file:
 * credentials_env.c, _files.c, _process.c, _container.c, _metadata.c, _role.c, _web_identity.c,
 * _sso.c. Source: AWS SDKs and Tools Reference Guide, "Standardized credential providers"; order as
 * in botocore credentials.py. */
#ifndef SLUICE_CREDENTIALS_H
#define SLUICE_CREDENTIALS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/err.h"
#include "sluice/http.h"
#include "sluice/secret.h"

#define CREDENTIALS_BYTES_MAX 16384 /* of one field; session tokens have no documented bound */
#define CREDENTIALS_FDS_MAX   3     /* of one fetch: a process's */

struct credentials {
    char *key_id;       /* owned */
    char *secret_key;   /* owned */
    char *token;        /* owned; NULL without a session */
    int64_t expires_ms; /* Unix ms; 0: not known to expire */
    const char *source; /* static: "environment", "shared credentials file", ... */
};

/* Whose credentials. Borrowed until the fetch is over. */
struct credentials_ask {
    const char *profile;        /* NULL: as AWS_PROFILE says, and the environment's keys count */
    const char *role_arn;       /* taken with what the chain gives; NULL: none */
    struct secret_set *secrets; /* everything secret that is met is hidden in it; may be NULL */
    bool may_prompt;            /* a role may ask for an MFA code where there is a terminal */
};

/* What the environment and the files hold themselves, without asking anybody. Nothing found is
 * ERR_DENIED and says where it looked; credentials that have to be fetched are ERR_REFUSED. Clear
 * out also after a failure. */
bool credentials_at_hand(const char *profile, struct credentials *out,
                         struct err *err) SL_MUST_CHECK;

/* The whole chain, in place, for before a run: needs nobody else's requests in flight on http.
 * Takes as long as the slowest provider may (a process 60 s). ERR_FILE: a file or variable is
 * wrong; ERR_DENIED: there are none, or whoever gives them refuses; ERR_NET, ERR_PROTOCOL: it did
 * not answer, or oddly. */
bool credentials_get(struct http *http, const struct credentials_ask *ask, struct credentials *out,
                     struct err *err) SL_MUST_CHECK;

/* The same without waiting. Files and variables are read anew by every start. */
struct credentials_fetch; /* opaque */

struct credentials_fetch *
credentials_fetch_start(struct http *http, const struct credentials_ask *ask, int64_t now_ms);
/* True when the answer was to its request: then it is consumed. */
bool credentials_fetch_take(struct credentials_fetch *f, struct http_done *done, int64_t now_ms);
/* Fills fds (room for CREDENTIALS_FDS_MAX) with what to watch and returns how many. */
size_t credentials_fetch_fds(const struct credentials_fetch *f, struct pollfd *fds);
int64_t
credentials_fetch_wake_at(const struct credentials_fetch *f); /* boottime ms, or INT64_MAX */
/* Moves what can move. True once it is over; then credentials_fetch_end() tells how, once. */
bool credentials_fetch_step(struct credentials_fetch *f, int64_t now_ms);
bool credentials_fetch_end(struct credentials_fetch *f, struct credentials *out,
                           struct err *err) SL_MUST_CHECK;
void credentials_fetch_free(struct credentials_fetch *f); /* gives up what is open; NULL is fine */

/* Keeps secret key and token out of every sink. */
bool credentials_conceal(const struct credentials *c, struct secret_set *secrets,
                         struct err *err) SL_MUST_CHECK;

bool credentials_eq(const struct credentials *a, const struct credentials *b);
struct credentials credentials_copy(const struct credentials *from);
void credentials_clear(struct credentials *c); /* wipes; {0} and twice are fine */

/* Copies the three fields after checking that none holds a blank, a control byte or too much, which
 * no real one does and which would break the request's header. NULL token is none. */
bool credentials_set(struct credentials *out, const char *source, const char *key_id,
                     const char *secret_key, const char *token, struct err *err) SL_MUST_CHECK;

#endif
