/* rrset_json.c: see rrset_json.h. */
#include "rrset_json.h"

#include <stdlib.h>
#include <string.h>

#include "sluice/json.h"

/* ---- writing
 * --------------------------------------------------------------------------------------- */

json_t *rrset_to_json_as(const struct rrset *set, const char *set_id, uint32_t weight)
{
    json_t *o = json_pack("{s:s, s:s}", "Name", set->name, "Type", set->type);

    if (set_id) {
        json_object_set_new(o, "SetIdentifier", json_string(set_id));
        json_object_set_new(o, "Weight", json_integer(weight));
    }
    if (set->alias_name) {
        json_object_set_new(o, "AliasTarget",
                            json_pack("{s:s, s:s, s:b}", "HostedZoneId", set->alias_zone, "DNSName",
                                      set->alias_name, "EvaluateTargetHealth", set->alias_health));
    } else {
        json_t *values = json_array();

        for (size_t i = 0; i < set->n_values; i++)
            json_array_append_new(values, json_pack("{s:s}", "Value", set->values[i]));
        json_object_set_new(o, "TTL", json_integer(set->ttl));
        json_object_set_new(o, "ResourceRecords", values);
    }
    if (set->health_check)
        json_object_set_new(o, "HealthCheckId", json_string(set->health_check));
    return o;
}

json_t *rrset_to_json(const struct rrset *set)
{
    return rrset_to_json_as(set, set->set_id, set->weight);
}

static const char *const actions[] = {
    [ROUTER_CREATE] = "CREATE", [ROUTER_DELETE] = "DELETE", [ROUTER_UPSERT] = "UPSERT"};

json_t *rrset_change_json(enum router_change_action action, json_t *set)
{
    return json_pack("{s:s, s:o}", "Action", actions[action], "ResourceRecordSet", set);
}

void rrset_batch_format(struct buf *out, const char *comment, const struct router_change *changes,
                        size_t n)
{
    json_t *list = json_array(), *batch;
    char *text;

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list,
                              rrset_change_json(changes[i].action, rrset_to_json(changes[i].set)));
    batch = json_pack("{s:s, s:o}", "Comment", comment, "Changes", list);
    text = json_dumps(batch, JSON_INDENT(2));
    buf_add_str(out, text);
    buf_add_char(out, '\n');
    free(text);
    json_decref(batch);
}

/* ---- reading
 * --------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *o, const char *key, struct arena *mem)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? arena_strdup(mem, s) : NULL;
}

static bool number(const json_t *o, const char *key, uint32_t max, uint32_t *out)
{
    const json_t *v = json_object_get(o, key);

    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > max)
        return false;
    *out = (uint32_t)json_integer_value(v);
    return true;
}

static bool read_values(const json_t *list, struct arena *mem, struct rrset *out)
{
    size_t n = json_array_size(list);
    const char **values;

    if (n == 0 || n > RRSET_VALUES_MAX)
        return false;
    values = arena_array(mem, n, sizeof *values);
    for (size_t i = 0; i < n; i++) {
        values[i] = text_of(json_array_get(list, i), "Value", mem);
        if (!values[i])
            return false;
    }
    out->values = values;
    out->n_values = n;
    return true;
}

static bool read_set(const json_t *o, struct arena *mem, struct rrset *out)
{
    const json_t *alias = json_object_get(o, "AliasTarget");

    *out = (struct rrset){.name = text_of(o, "Name", mem),
                          .type = text_of(o, "Type", mem),
                          .set_id = text_of(o, "SetIdentifier", mem),
                          .health_check = text_of(o, "HealthCheckId", mem)};
    if (!out->name || !out->type)
        return false;
    if (out->set_id) {
        out->weighted = true;
        if (!number(o, "Weight", RRSET_WEIGHT_MAX, &out->weight))
            return false;
    }
    if (alias) {
        out->alias_zone = text_of(alias, "HostedZoneId", mem);
        out->alias_name = text_of(alias, "DNSName", mem);
        out->alias_health = json_is_true(json_object_get(alias, "EvaluateTargetHealth"));
        return out->alias_zone && out->alias_name;
    }
    out->has_ttl = true;
    return number(o, "TTL", INT32_MAX, &out->ttl) &&
           read_values(json_object_get(o, "ResourceRecords"), mem, out);
}

static bool read_change(const json_t *o, struct arena *mem, struct router_change *out)
{
    const char *action = json_string_value(json_object_get(o, "Action"));
    struct rrset *set = arena_array(mem, 1, sizeof *set);
    size_t a = 0;

    while (action && a < ARRAY_LEN(actions) && strcmp(action, actions[a]) != 0)
        a++;
    if (!action || a == ARRAY_LEN(actions) ||
        !read_set(json_object_get(o, "ResourceRecordSet"), mem, set))
        return false;
    *out = (struct router_change){
        .action = (enum router_change_action)a, .set = set, .weight = set->weight};
    return true;
}

bool rrset_batch_parse(const char *text, size_t len, struct arena *mem,
                       struct router_change **changes, size_t *n, struct err *err)
{
    json_t *batch = json_parse(text, len, err);
    const json_t *list;
    bool ok = true;

    if (!batch)
        return false;
    list = json_object_get(batch, "Changes");
    *n = json_array_size(list);
    ok = *n > 0 && *n <= RRSET_JSON_CHANGES_MAX;
    if (!ok)
        err_set(err, ERR_FILE, "no change batch: 'Changes' is a list of 1 to %d",
                RRSET_JSON_CHANGES_MAX);
    *changes = arena_array(mem, *n + 1, sizeof **changes);
    for (size_t i = 0; ok && i < *n; i++) {
        ok = read_change(json_array_get(list, i), mem, &(*changes)[i]);
        if (!ok)
            err_set(err, ERR_FILE, "change %zu is none that Route 53 knows", i + 1);
    }
    json_decref(batch);
    return ok;
}
