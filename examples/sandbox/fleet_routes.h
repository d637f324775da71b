/* fleet_routes.h: the shop itself: what each page of a healthy fleet answers. */
#ifndef SANDBOX_FLEET_ROUTES_H
#define SANDBOX_FLEET_ROUTES_H

#include <jansson.h>

#include "web.h"

#define SHOP_STRIPE_TOLERANCE_S 300

struct shop {
    char *password, *api_token, *stripe_secret; /* api_token NULL: none is wanted */
    json_t *clients;                            /* names */
    int64_t token_ms;                           /* between two events of the assistant */
    bool mcp_sse;
    bool shared_sessions; /* else each fleet signs its own */
    uint64_t seed;        /* keys of cookies and tokens come from it */
    uint64_t sessions;    /* how many were begun */
};

bool shop_load(struct shop *s, json_t *section, uint64_t seed, struct err *err) SL_MUST_CHECK;
void shop_clear(struct shop *s);

/* Answers the request and returns the status. wall_ms is the sandbox's clock. */
int shop_handle(struct shop *s, const char *fleet, struct web_conn *c, const struct web_request *rq,
                int64_t wall_ms);

#endif
