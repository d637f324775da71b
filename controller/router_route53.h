/* router_route53.h: struct router over the Route 53 client: listings page by page, changes, change ids.
 *
 * The loop that owns the http hands finished requests to router_route53_take() first; what is not the
 * router's comes back untouched. router.next() also sends what waited for its turn, so it is called
 * once a turn of the loop, and the loop wakes up by router_route53_wake_at(). */
#ifndef SLUICE_ROUTER_ROUTE53_H
#define SLUICE_ROUTER_ROUTE53_H

#include <stdbool.h>
#include <stdint.h>

#include "route53.h"
#include "router.h"
#include "sluice/http.h"

/* Takes ownership of client: router.ops->free() frees it. */
struct router router_route53_new(struct route53 *client);
/* self is router.self. True: it was an answer for us, and is consumed. */
bool router_route53_take(void *self, struct http_done *done);
/* Boottime ms; INT64_MAX when nothing waits for a time to come (answers of the network wake the loop by
 * themselves). */
int64_t router_route53_wake_at(const void *self);

#endif
