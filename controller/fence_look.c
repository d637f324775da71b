/* What a fence knows, to be looked at, and what it would write, for people and for the AWS CLI. */
#include <assert.h>
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

/* ---- Looking ------------------------------------------------------------------------------------
 */

uint32_t fence_n_zones(const struct fence *f)
{
    return f->n_zones;
}

uint32_t fence_n_records(const struct fence *f)
{
    return f->n_recs;
}

const char *fence_zone_id(const struct fence *f, uint32_t zone)
{
    return f->zones[zone]->id;
}

uint32_t fence_record_zone(const struct fence *f, uint32_t record)
{
    return f->recs[record]->zone;
}

const char *fence_record_name(const struct fence *f, uint32_t record)
{
    return f->recs[record]->sets[0].rr->name;
}

const char *fence_record_type(const struct fence *f, uint32_t record)
{
    return f->recs[record]->sets[0].rr->type;
}

const struct rrset *fence_set(const struct fence *f, uint32_t record, size_t i,
                              struct fence_set *out)
{
    const struct frec *r = f->recs[record];

    if (i >= r->n_sets)
        return NULL;
    if (out)
        *out = (struct fence_set){.side = r->sets[i].side,
                                  .weight = r->sets[i].weight,
                                  .base = r->sets[i].base,
                                  .missing = r->sets[i].missing};
    return r->sets[i].rr;
}

uint32_t fence_weight_at(const struct fence *f, uint32_t record, size_t i, uint32_t percent)
{
    assert(i < f->recs[record]->n_sets);
    return record_weight(f->recs[record], (uint32_t)i, percent);
}

uint32_t fence_ttl_max(const struct fence *f)
{
    uint32_t max = 0;

    for (uint32_t k = 0; k < f->n_recs; k++)
        for (uint32_t i = 0; i < f->recs[k]->n_sets; i++) {
            const struct rrset *s = f->recs[k]->sets[i].rr;
            uint32_t ttl = s->has_ttl ? s->ttl : 60;

            max = ttl > max ? ttl : max;
        }
    return max;
}

int64_t fence_route53_ms(const struct fence *f, int64_t now)
{
    return now + f->offset_ms;
}

bool fence_in_flight(const struct fence *f)
{
    return f->n_ops > 0;
}

int64_t fence_open_signed_ms(const struct fence *f)
{
    int64_t at = 0;

    for (uint32_t i = 0; i < f->n_zones; i++)
        for (uint32_t k = 0; k < f->zones[i]->n_open; k++)
            if (f->zones[i]->open[k]->signed_ms > at)
                at = f->zones[i]->open[k]->signed_ms;
    return at;
}

bool fence_zone_is_unsafe(const struct fence *f, uint32_t zone)
{
    const struct fzone *z = f->zones[zone];

    return f->goal == G_BACK && !z->deposed && z->phase != Z_DONE;
}

/* As fence_read.c lists records [lo, hi): few one by one, more as a range. */
static uint32_t range_calls(const struct fzone *z, uint32_t lo, uint32_t hi)
{
    uint32_t sets = 0;

    if (hi - lo <= SINGLE_READ_MAX)
        return hi - lo;
    for (uint32_t k = lo; k < hi; k++)
        sets += z->recs[k]->n_sets;
    return (sets + ROUTER_PAGE_SETS_MAX - 1) / ROUTER_PAGE_SETS_MAX;
}

uint32_t fence_read_calls(const struct fence *f)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < f->n_zones; i++)
        n += range_calls(f->zones[i], 0, f->zones[i]->n_recs) + !f->cfg.lease_off;
    return n;
}

uint32_t fence_step_read_calls(const struct fence *f)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < f->n_zones; i++)
        for (uint32_t k = 0; k < f->zones[i]->n_chunks; k++)
            n += range_calls(f->zones[i], f->zones[i]->cuts[k], f->zones[i]->cuts[k + 1]);
    return n;
}

uint32_t fence_batches(const struct fence *f, uint32_t zone, bool back)
{
    (void)back; /* both ways are cut alike */
    return f->zones[zone]->n_chunks;
}
