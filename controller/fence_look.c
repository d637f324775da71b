/* What a fence would write, for people and for the AWS CLI. */
#include <string.h>

#include "fence_int.h"
#include "weights.h"

static json_t *values_json(const struct rrset *rr)
{
    json_t *values = json_array();

    for (size_t i = 0; i < rr->n_values; i++)
        json_array_append_new(values, json_pack("{s:s}", "Value", rr->values[i]));
    return values;
}

/* One set as the CLI wants it: every field as listed, with another Weight. */
static json_t *upsert_json(const struct rrset *rr, uint8_t weight)
{
    json_t *o = json_pack("{s:s, s:s, s:s, s:i}", "Name", rr->name, "Type", rr->type,
                          "SetIdentifier", rr->set_id, "Weight", (int)weight);

    if (rr->has_ttl)
        json_object_set_new(o, "TTL", json_integer(rr->ttl));
    if (rr->n_values)
        json_object_set_new(o, "ResourceRecords", values_json(rr));
    if (rr->alias_zone)
        json_object_set_new(o, "AliasTarget",
                            json_pack("{s:s, s:s, s:b}", "HostedZoneId", rr->alias_zone, "DNSName",
                                      rr->alias_name ? rr->alias_name : "", "EvaluateTargetHealth",
                                      (int)rr->alias_health));
    if (rr->health_check)
        json_object_set_new(o, "HealthCheckId", json_string(rr->health_check));
    return json_pack("{s:s, s:o}", "Action", "UPSERT", "ResourceRecordSet", o);
}

static void record_upserts(const struct frec *r, uint32_t percent, json_t *changes)
{
    uint8_t w[WEIGHTS_SETS_MAX];

    if (!record_targets(r, percent, w))
        return;
    for (uint32_t i = 0; i < r->n_sets; i++)
        if (!r->sets[i].missing)
            json_array_append_new(changes, upsert_json(r->sets[i].rr, w[i]));
}

bool fence_rollback_file(const struct fence *f, uint32_t zone, uint32_t k, struct buf *out)
{
    const struct fzone *z = f->zones[zone];
    json_t *changes, *o;
    char *text;

    if (k >= z->n_chunks)
        return false;
    changes = json_array();
    for (uint32_t i = z->cuts[k]; i < z->cuts[k + 1]; i++)
        record_upserts(z->recs[i], f->cfg.rollback_to, changes);
    o = json_pack("{s:s, s:o}", "Comment", "sluice: the way back, good at any time", "Changes",
                  changes);
    text = json_dumps(o, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    buf_add_str(out, text ? text : "");
    buf_add_char(out, '\n');
    free(text);
    json_decref(o);
    return true;
}

void fence_diff(const struct fence *f, uint32_t percent, struct buf *out)
{
    for (uint32_t zi = 0; zi < f->n_zones; zi++) {
        const struct fzone *z = f->zones[zi];

        for (uint32_t k = 0; k < z->n_recs; k++) {
            const struct frec *r = z->recs[k];
            uint8_t w[WEIGHTS_SETS_MAX];

            (void)record_targets(r, percent, w);
            for (uint32_t i = 0; i < r->n_sets; i++)
                if (r->sets[i].weight != w[i])
                    buf_addf(out, "%s %s %s: weight %u -> %u\n", r->sets[i].rr->name,
                             r->sets[i].rr->type, r->sets[i].rr->set_id, r->sets[i].weight, w[i]);
        }
    }
}
