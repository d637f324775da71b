/* survey_cli.c: what a survey found, as files for the AWS CLI. */
#include <jansson.h>
#include <stdlib.h>

#include "survey.h"

/* One set as the AWS CLI writes it. */
static json_t *cli_set(const struct rrset *set, const char *set_id, int weight)
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

size_t survey_make_weighted(const struct survey *s, const struct plan *plan, uint32_t zone,
                            struct buf *out)
{
    json_t *changes = json_array(), *batch;
    size_t n = 0;

    for (size_t i = 0; i < s->n_records; i++) {
        const struct survey_record *r = &s->records[i];
        const struct plan_record *pr = plan->records_all ? NULL : &plan->records[i];
        const struct plan_sets *old = survey_sets_of(plan, pr, PLAN_OLD);

        if (r->zone != zone || !r->simple || !old->n)
            continue;
        json_array_append_new(changes,
                              json_pack("{s:s, s:o}", "Action", "DELETE", "ResourceRecordSet",
                                        cli_set(&r->sets[0], NULL, 0)));
        json_array_append_new(changes,
                              json_pack("{s:s, s:o}", "Action", "CREATE", "ResourceRecordSet",
                                        cli_set(&r->sets[0], old->id[0], 100)));
        n++;
    }
    batch =
        json_pack("{s:s, s:o}", "Comment",
                  "sluice: simple records made weighted, all on the old side", "Changes", changes);
    if (n) {
        char *text = json_dumps(batch, JSON_INDENT(2));

        buf_add_str(out, text);
        buf_add_char(out, '\n');
        free(text);
    }
    json_decref(batch);
    return n;
}
