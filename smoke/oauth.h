/* oauth.h: access tokens by client credentials (RFC 6749 section 4.4), fetched once and shared by
 * all checks of a pump that ask for the same. */
#ifndef SLUICE_SMOKE_OAUTH_H
#define SLUICE_SMOKE_OAUTH_H

#include "answer.h"
#include "finding.h"
#include "request.h"

#define OAUTH_TOKENS_MAX      64 /* kept; the one that ends first gives way */
#define OAUTH_TOKEN_BYTES_MAX ((size_t)16 * 1024)
#define OAUTH_MARGIN_MS       30000  /* a token that ends sooner is fetched anew */
#define OAUTH_LIFE_MS_DEFAULT 300000 /* where the answer does not say (RFC 6749 section 5.1) */

struct oauth_token { /* owned */
    char *key;       /* hash of url, client and scope */
    struct buf value;
    int64_t until_ms; /* boot clock */
};

struct oauth { /* zeroed: empty; oauth_clear() */
    struct oauth_token list[OAUTH_TOKENS_MAX];
    size_t n;
};

/* The token for this request, borrowed until the next oauth_take(); NULL: fetch one. */
const char *oauth_find(const struct oauth *oauth, struct scope *scope,
                       const struct suite_oauth2 *from, int64_t now_ms);

/* The request that fetches it. ERR_FILE: token_url is no url. */
bool oauth_build(struct request *out, struct scope *scope, const struct suite_oauth2 *from,
                 struct err *err) SL_MUST_CHECK;

/* Keeps what the answer gave, and taints secrets (NULL: none) with it. False: there is none, and
 * out says why, as an error: the check itself was not asked. */
bool oauth_take(struct oauth *oauth, struct scope *scope, const struct suite_oauth2 *from,
                struct answer *answer, struct secret_set *secrets, int64_t now_ms,
                struct finding *out) SL_MUST_CHECK;

void oauth_clear(struct oauth *oauth); /* wipes */

#endif
