#include "attached.h"

#include <string.h>

#include "rset_json.h"
#include "sluice/common.h"

#define INTERVAL_DEFAULT_S 30
#define THRESHOLD_DEFAULT  3
#define THRESHOLD_MAX      10

static bool one_of(const char *word, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
}

static bool id_is_free(const struct attached *a, const char *id, struct err *err)
{
    if (!*id || strlen(id) > ATTACHED_ID_MAX)
        return err_set(err, ERR_FILE, "'%.80s': an id has 1 to %d characters", id, ATTACHED_ID_MAX);
    if (attached_check_find(a, id) || attached_policy_find(a, id))
        return err_set(err, ERR_FILE, "'%s': the id is used twice", id);
    return true;
}

static bool load_check(struct attached *a, json_t *json, struct err *err)
{
    static const char *const types[] = {"HTTP",
                                        "HTTPS",
                                        "HTTP_STR_MATCH",
                                        "TCP",
                                        "HTTPS_STR_MATCH",
                                        "CALCULATED",
                                        "CLOUDWATCH_METRIC",
                                        "RECOVERY_CONTROL"};
    struct attached_check c = {.interval_s = INTERVAL_DEFAULT_S, .threshold = THRESHOLD_DEFAULT};
    int disabled = 0, inverted = 0;

    if (!json_take(json, "health check", err, "{s:s, s:s, s?s, s?s, s?s, s?i, s?i, s?i, s?b, s?b}",
                   "id", &c.id, "type", &c.type, "address", &c.address, "fqdn", &c.fqdn, "path",
                   &c.path, "port", &c.port, "interval", &c.interval_s, "threshold", &c.threshold,
                   "disabled", &disabled, "inverted", &inverted) ||
        !id_is_free(a, c.id, err))
        return false;
    if (!one_of(c.type, types, ARRAY_LEN(types)))
        return err_set(err, ERR_FILE, "health check %s: there is no type %s", c.id, c.type);
    if (c.interval_s != 10 && c.interval_s != INTERVAL_DEFAULT_S)
        return err_set(err, ERR_FILE, "health check %s: the interval is 10 or 30", c.id);
    if (c.threshold < 1 || c.threshold > THRESHOLD_MAX || c.port < 0 || c.port > 65535)
        return err_set(err, ERR_FILE,
                       "health check %s: the threshold is 1 to %d, a port at most "
                       "65535",
                       c.id, THRESHOLD_MAX);
    c.disabled = disabled != 0;
    c.inverted = inverted != 0;
    a->checks[a->n_checks++] = c;
    return true;
}

static bool load_policy(struct attached *a, json_t *json, struct err *err)
{
    static const char *const states[] = {"Applied", "Creating", "Failed"};
    struct attached_policy p = {
        .state = "Applied", .message = "", .type = "A", .version = 1, .ttl = 60};

    if (!json_take(json, "traffic policy instance", err,
                   "{s:s, s:s, s:s, s:s, s?s, s?s, s?s, s?i, s?I}", "id", &p.id, "zone", &p.zone,
                   "name", &p.name, "policy", &p.policy, "state", &p.state, "message", &p.message,
                   "type", &p.type, "version", &p.version, "ttl", &p.ttl) ||
        !id_is_free(a, p.id, err))
        return false;
    if (!one_of(p.state, states, ARRAY_LEN(states)))
        return err_set(err, ERR_FILE, "traffic policy instance %s: there is no state %s", p.id,
                       p.state);
    if (p.version < 1 || p.version > 1000)
        return err_set(err, ERR_FILE, "traffic policy instance %s: the version is 1 to 1000", p.id);
    a->policies[a->n_policies++] = p;
    return true;
}

bool attached_load(struct attached *a, json_t *checks, json_t *policies, struct err *err)
{
    json_t *one;
    size_t i;

    *a = (struct attached){0};
    if (json_array_size(checks) > ATTACHED_MAX || json_array_size(policies) > ATTACHED_MAX)
        return err_set(err, ERR_LIMIT, "more than %d health checks or policy instances",
                       ATTACHED_MAX);
    json_array_foreach(checks, i, one)
    {
        if (!load_check(a, one, err))
            return false;
    }
    json_array_foreach(policies, i, one)
    {
        if (!load_policy(a, one, err))
            return false;
    }
    return true;
}

const struct attached_check *attached_check_find(const struct attached *a, const char *id)
{
    for (size_t i = 0; i < a->n_checks; i++)
        if (strcmp(a->checks[i].id, id) == 0)
            return &a->checks[i];
    return NULL;
}

const struct attached_policy *attached_policy_find(const struct attached *a, const char *id)
{
    for (size_t i = 0; i < a->n_policies; i++)
        if (strcmp(a->policies[i].id, id) == 0)
            return &a->policies[i];
    return NULL;
}
