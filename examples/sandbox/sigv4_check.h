/* sigv4_check.h: does a request carry a good AWS Signature Version 4?
 *
 * Written from the published description (AWS General Reference, "Signature Version 4 signing
 * process"), not from any signer, so that a mistake is not made twice. */
#ifndef SANDBOX_SIGV4_CHECK_H
#define SANDBOX_SIGV4_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "web.h"

#define SIGV4_TOLERANCE_MS (5 * 60 * 1000)

struct sigv4_key {
    char *id, *secret;
    char *token;        /* NULL: a long-lived key */
    char *user;         /* for AccessDenied */
    int64_t expires_ms; /* sandbox wall clock; 0: never */
};

struct sigv4_verdict {
    int status; /* 0: good */
    const char *code;
    char message[512];
    const struct sigv4_key *key; /* whose request it is, also when it is refused; NULL: unknown */
    char key_id[64];             /* as claimed */
    char date[20];               /* X-Amz-Date as claimed */
};

/* now_ms is the sandbox's wall clock. */
bool sigv4_check(const struct web_request *rq, const struct sigv4_key *keys, size_t n_keys,
                 const char *region, const char *service, int64_t now_ms, struct sigv4_verdict *v);

#endif
