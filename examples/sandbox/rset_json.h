/* rset_json.h: record sets in the config, the control API and the log. */
#ifndef SANDBOX_RSET_JSON_H
#define SANDBOX_RSET_JSON_H

#include <jansson.h>

#include "rset.h"
#include "sluice/err.h"

/* {"name", "type", "set"?, "weight"?, "ttl"?, "values"?, "alias"?: {"zone", "name", "evaluate"?},
 *  "health_check"?, "region"?, "failover"?, "multivalue"?, "traffic_policy"?}
 * An unknown key is an error. The caller owns one reference; NULL on failure. */
struct rset *rset_from_json(json_t *json, struct err *err);
json_t *rset_to_json(const struct rset *s);

/* json_unpack_ex() with JSON_STRICT; `what` names the place in the message. */
bool json_take(json_t *json, const char *what, struct err *err, const char *fmt, ...) SL_MUST_CHECK;

#endif
