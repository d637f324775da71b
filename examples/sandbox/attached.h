/* attached.h: what records hang on, by id: health checks and traffic policy instances. From the
 * config only; nothing makes or changes them. Source: Route 53 API reference, HealthCheckConfig and
 * TrafficPolicyInstance. */
#ifndef SANDBOX_ATTACHED_H
#define SANDBOX_ATTACHED_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "sluice/err.h"

#define ATTACHED_MAX    100
#define ATTACHED_ID_MAX 64 /* HealthCheckId; TrafficPolicyInstanceId has 36 */

/* Strings are borrowed from the config. */
struct attached_check {
    const char *id, *type, *address, *fqdn, *path;
    int port, interval_s, threshold; /* port 0: none */
    bool disabled, inverted;
};

struct attached_policy {
    const char *id, *zone, *name, *state, *message, *policy, *type;
    int version;
    json_int_t ttl;
};

struct attached {
    struct attached_check checks[ATTACHED_MAX];
    size_t n_checks;
    struct attached_policy policies[ATTACHED_MAX];
    size_t n_policies;
};

/* Either may be NULL. ERR_FILE for what Route 53 would not have: an unknown type or state, an
 * interval that is neither 10 nor 30, a threshold outside 1 to 10, an id twice. */
bool attached_load(struct attached *a, json_t *checks, json_t *policies,
                   struct err *err) SL_MUST_CHECK;

const struct attached_check *attached_check_find(const struct attached *a, const char *id);
const struct attached_policy *attached_policy_find(const struct attached *a, const char *id);

#endif
