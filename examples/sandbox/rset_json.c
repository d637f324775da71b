#include "rset_json.h"

#include <stdarg.h>
#include <string.h>

bool json_take(json_t *json, const char *what, struct err *err, const char *fmt, ...)
{
    json_error_t why;
    va_list ap;
    int bad;

    va_start(ap, fmt);
    bad = json_vunpack_ex(json, &why, JSON_STRICT, fmt, ap);
    va_end(ap);
    return !bad || err_set(err, ERR_FILE, "%s: %s", what, why.text);
}

static bool take_values(struct rset *s, json_t *values, struct err *err)
{
    json_t *value;
    size_t i;

    if (!json_is_array(values))
        return err_set(err, ERR_FILE, "values must be a list of texts");
    json_array_foreach(values, i, value)
    {
        if (!json_is_string(value))
            return err_set(err, ERR_FILE, "values must be a list of texts");
        rset_add_value(s, json_string_value(value));
    }
    return true;
}

static bool take_alias(struct rset *s, json_t *alias, struct err *err)
{
    const char *zone, *name;
    int evaluate = 0;

    if (!json_take(alias, "alias", err, "{s:s, s:s, s?b}", "zone", &zone, "name", &name, "evaluate",
                   &evaluate))
        return false;
    s->alias_zone = x_strdup(zone);
    s->alias_name = x_strdup(name);
    s->alias_evaluate = evaluate != 0;
    return true;
}

static bool fill(struct rset *s, json_t *json, struct err *err)
{
    const char *name, *type, *set_id = NULL, *health = NULL, *region = NULL, *failover = NULL;
    const char *policy = NULL, *why;
    json_t *values = NULL, *alias = NULL;
    json_int_t ttl = -1;
    int multivalue = -1;

    if (!json_take(json, "record", err,
                   "{s:s, s:s, s?s, s?i, s?I, s?o, s?o, s?s, s?s, s?s, s?b, s?s}", "name", &name,
                   "type", &type, "set", &set_id, "weight", &s->weight, "ttl", &ttl, "values",
                   &values, "alias", &alias, "health_check", &health, "region", &region, "failover",
                   &failover, "multivalue", &multivalue, "traffic_policy", &policy))
        return false;
    s->ttl = ttl;
    s->multivalue = multivalue;
    s->set_id = x_strdup(set_id);
    s->health_check = x_strdup(health);
    s->region = x_strdup(region);
    s->failover = x_strdup(failover);
    s->traffic_policy = x_strdup(policy);
    if (!rtype_parse(type, &s->type))
        return err_set(err, ERR_FILE, "unknown record type '%s'", type);
    if (!rset_set_name(s, name, &why))
        return err_set(err, ERR_FILE, "name '%s': %s", name, why);
    return (!values || take_values(s, values, err)) && (!alias || take_alias(s, alias, err));
}

struct rset *rset_from_json(json_t *json, struct err *err)
{
    struct rset *s = rset_new();

    if (fill(s, json, err))
        return s;
    rset_unref(s);
    return NULL;
}

static void put_text(json_t *o, const char *key, const char *value)
{
    if (value)
        json_object_set_new(o, key, json_stringn_nocheck(value, strlen(value)));
}

json_t *rset_to_json(const struct rset *s)
{
    json_t *o = json_object();

    put_text(o, "name", s->name);
    put_text(o, "type", rtype_name(s->type));
    put_text(o, "set", s->set_id);
    if (s->weight >= 0)
        json_object_set_new(o, "weight", json_integer(s->weight));
    if (s->ttl >= 0)
        json_object_set_new(o, "ttl", json_integer(s->ttl));
    if (s->n_values) {
        json_t *values = json_array();

        for (size_t i = 0; i < s->n_values; i++)
            json_array_append_new(values, json_string(s->values[i]));
        json_object_set_new(o, "values", values);
    }
    if (s->alias_zone)
        json_object_set_new(o, "alias",
                            json_pack("{s:s, s:s, s:b}", "zone", s->alias_zone, "name",
                                      s->alias_name, "evaluate", s->alias_evaluate));
    put_text(o, "health_check", s->health_check);
    put_text(o, "region", s->region);
    put_text(o, "failover", s->failover);
    if (s->multivalue >= 0)
        json_object_set_new(o, "multivalue", json_boolean(s->multivalue));
    put_text(o, "traffic_policy", s->traffic_policy);
    return o;
}
