/* fleet.h: the shops behind the zone: two or more fleets over HTTP and HTTPS.
 *
 * Every fleet has loopback addresses of its own; all share one HTTP and one HTTPS port, since
 * whoever pins a request to a fleet keeps the port of the URL. */
#ifndef SANDBOX_FLEET_H
#define SANDBOX_FLEET_H

#include <jansson.h>

#include "api.h"

struct fleets;

/* fleets: [{"name", "addresses", "certificate"?}], shop: see README.md; both may be NULL. */
struct fleets *fleets_new(struct sandbox *sb, json_t *fleets, json_t *shop, struct tls_store *tls,
                          bool log_requests, struct err *err);
void fleets_free(struct fleets *f);
bool fleets_listen(struct fleets *f, uint16_t *http_port, uint16_t *https_port,
                   struct err *err) SL_MUST_CHECK;
json_t *fleets_state(const struct fleets *f);

#endif
