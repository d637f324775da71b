/* Saving and restoring: the records once a run, the leases and what may still land with every line.
 *
 * What is restored is trusted for nothing but this: which values were ours, and what may stand in
 * the records. Bytes of open batches are not kept: they are "ghosts" that may land until they are
 * too old. */
#include <stdlib.h>
#include <string.h>

#include "fence_int.h"
#include "plan.h"
#include "sluice/common.h"
#include "weights.h"

#define SAVE_VERSION    1
#define GENERATION_STEP 1000 /* beyond what an unjournaled rollback may have used */

/* ---- The baseline
 * -------------------------------------------------------------------------------------- */

static json_t *set_json(const struct fset *s)
{
    const struct rrset *rr = s->rr;
    json_t *o = json_pack("{s:s, s:i, s:i}", "id", rr->set_id, "side", s->side, "weight", s->base);

    if (rr->has_ttl)
        json_object_set_new(o, "ttl", json_integer(rr->ttl));
    if (rr->n_values) {
        json_t *values = json_array();

        for (size_t i = 0; i < rr->n_values; i++)
            json_array_append_new(values, json_string(rr->values[i]));
        json_object_set_new(o, "values", values);
    }
    if (rr->alias_zone)
        json_object_set_new(o, "alias",
                            json_pack("{s:s, s:s, s:b}", "zone", rr->alias_zone, "name",
                                      rr->alias_name ? rr->alias_name : "", "health",
                                      (int)rr->alias_health));
    if (rr->health_check)
        json_object_set_new(o, "health_check", json_string(rr->health_check));
    return o;
}

json_t *fence_save_baseline(const struct fence *f)
{
    json_t *zones = json_array(), *records = json_array();

    for (uint32_t i = 0; i < f->n_zones; i++)
        json_array_append_new(zones, json_pack("{s:s, s:s}", "id", f->zones[i]->id, "lease",
                                               f->zones[i]->lease_name));
    for (uint32_t k = 0; k < f->n_recs; k++) {
        const struct frec *r = f->recs[k];
        json_t *sets = json_array();

        for (uint32_t i = 0; i < r->n_sets; i++)
            json_array_append_new(sets, set_json(&r->sets[i]));
        json_array_append_new(records, json_pack("{s:I, s:s, s:s, s:o}", "zone",
                                                 (json_int_t)r->zone, "name", r->sets[0].rr->name,
                                                 "type", r->sets[0].rr->type, "sets", sets));
    }
    return json_pack("{s:i, s:o, s:o}", "v", SAVE_VERSION, "zones", zones, "records", records);
}

static const char *text_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static bool whole(const json_t *o, const char *key, int64_t max, int64_t *out)
{
    const json_t *v = json_object_get(o, key);

    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > max)
        return false;
    *out = json_integer_value(v);
    return true;
}

static bool values_load(struct arena *mem, const json_t *values, struct rrset *rr)
{
    const char **out;

    rr->n_values = json_array_size(values);
    if (rr->n_values == 0)
        return values == NULL;
    if (rr->n_values > RRSET_VALUES_MAX)
        return false;
    out = arena_array(mem, rr->n_values, sizeof *out);
    for (size_t i = 0; i < rr->n_values; i++) {
        out[i] = json_string_value(json_array_get(values, i));
        if (!out[i])
            return false;
    }
    rr->values = out;
    return true;
}

static bool set_load(struct arena *mem, const json_t *o, const char *name, const char *type,
                     struct rrset *rr, uint8_t *side)
{
    const json_t *alias = json_object_get(o, "alias");
    int64_t n;

    *rr = (struct rrset){.name = name,
                         .type = type,
                         .set_id = text_of(o, "id"),
                         .weighted = true,
                         .health_check = text_of(o, "health_check")};
    if (!rr->set_id || !whole(o, "side", PLAN_SIDES - 1, &n))
        return false;
    *side = (uint8_t)n;
    if (!whole(o, "weight", WEIGHTS_MAX, &n))
        return false;
    rr->weight = (uint32_t)n;
    if (whole(o, "ttl", UINT32_MAX, &n)) {
        rr->has_ttl = true;
        rr->ttl = (uint32_t)n;
    }
    if (alias) {
        rr->alias_zone = text_of(alias, "zone");
        rr->alias_name = text_of(alias, "name");
        rr->alias_health = json_is_true(json_object_get(alias, "health"));
        if (!rr->alias_zone || !rr->alias_name)
            return false;
    }
    return values_load(mem, json_object_get(o, "values"), rr);
}

static bool record_load(struct fence *f, const json_t *o)
{
    struct arena mem SL_CLEANUP(arena_clear) = {0};
    const json_t *sets = json_object_get(o, "sets");
    const char *name = text_of(o, "name"), *type = text_of(o, "type");
    size_t n = json_array_size(sets);
    struct rrset rr[WEIGHTS_SETS_MAX];
    uint8_t side[WEIGHTS_SETS_MAX];
    int64_t zone;

    if (!name || !type || n == 0 || n > WEIGHTS_SETS_MAX || f->n_recs >= FENCE_RECORDS_MAX ||
        !whole(o, "zone", (int64_t)f->n_zones - 1, &zone))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!set_load(&mem, json_array_get(sets, i), name, type, &rr[i], &side[i]))
            return false;
    fence_add_record(f, (uint32_t)zone, rr, side, n);
    return true;
}

static bool baseline_load(struct fence *f, const json_t *o)
{
    const json_t *zones = json_object_get(o, "zones"), *records = json_object_get(o, "records"), *v;
    size_t i;

    if (json_integer_value(json_object_get(o, "v")) != SAVE_VERSION ||
        json_array_size(zones) == 0 || json_array_size(zones) > FENCE_ZONES_MAX)
        return false;
    json_array_foreach(zones, i, v)
    {
        if (!text_of(v, "id") || !text_of(v, "lease"))
            return false;
        fence_add_zone(f, text_of(v, "id"), text_of(v, "lease"));
    }
    json_array_foreach(records, i, v)
    {
        if (!record_load(f, v))
            return false;
    }
    return true;
}

/* ---- The rest
 * ------------------------------------------------------------------------------------------ */

static json_t *lv_json(const struct flv *v)
{
    return lv_gen(v) ? json_string(v->text) : json_null();
}

static json_t *zone_json(const struct fzone *z)
{
    json_t *open = json_array();

    for (uint32_t i = 0; i < z->n_open; i++)
        json_array_append_new(open, json_pack("{s:o, s:o, s:I}", "del", lv_json(&z->open[i]->del),
                                              "crt", lv_json(&z->open[i]->crt), "signed",
                                              (json_int_t)z->open[i]->signed_ms));
    return json_pack("{s:s, s:b, s:I, s:o, s:I, s:o}", "id", z->id, "taken", (int)z->taken, "gen",
                     (json_int_t)z->top_gen, "lease", lv_json(&z->lease), "ttl",
                     (json_int_t)z->lease.ttl, "open", open);
}

json_t *fence_save(const struct fence *f)
{
    json_t *zones = json_array();

    for (uint32_t i = 0; i < f->n_zones; i++)
        json_array_append_new(zones, zone_json(f->zones[i]));
    return json_pack("{s:i, s:s, s:s, s:i, s:i, s:o}", "v", SAVE_VERSION, "owner", f->proto.owner,
                     "run", f->proto.run, "percent", (int)f->percent, "percent_to",
                     (int)f->percent_to, "zones", zones);
}

static bool lv_load(const struct fence *f, const json_t *v, uint32_t ttl, struct flv *out)
{
    const char *text = json_string_value(v);

    *out = (struct flv){.kind = LV_UNKNOWN, .ttl = ttl};
    if (json_is_null(v))
        return true;
    if (!text || lease_parse(text, &out->lease) != LEASE_READ)
        return false;
    memcpy(out->text, text, strlen(text) + 1);
    out->kind = lv_kind(f, &out->lease);
    return true;
}

static bool ghost_load(struct fence *f, struct fzone *z, const json_t *o)
{
    struct fbatch *b = x_zalloc(sizeof *b);
    int64_t at = 0;

    b->next = f->batches;
    f->batches = b;
    b->kind = B_GHOST;
    b->zone = z->index;
    b->dropped = b->loose = true;
    if (!lv_load(f, json_object_get(o, "del"), FENCE_LEASE_TTL_S, &b->del) ||
        !lv_load(f, json_object_get(o, "crt"), FENCE_LEASE_TTL_S, &b->crt) ||
        !whole(o, "signed", INT64_MAX, &at) || z->n_open == OPEN_MAX)
        return false;
    b->signed_ms = at;
    b->open = true;
    z->open[z->n_open++] = b;
    return true;
}

static bool zone_load(struct fence *f, struct fzone *z, const json_t *o)
{
    const json_t *open = json_object_get(o, "open"), *v;
    int64_t gen, ttl;
    size_t i;

    if (!text_of(o, "id") || strcmp(text_of(o, "id"), z->id) != 0 ||
        !whole(o, "gen", (int64_t)LEASE_GENERATION_MAX - GENERATION_STEP, &gen) ||
        !whole(o, "ttl", UINT32_MAX, &ttl) ||
        !lv_load(f, json_object_get(o, "lease"), (uint32_t)ttl, &z->lease))
        return false;
    z->top_gen = gen ? (uint64_t)gen + GENERATION_STEP : 0;
    z->taken = json_is_true(json_object_get(o, "taken"));
    z->touched = gen != 0;
    json_array_foreach(open, i, v)
    {
        if (!ghost_load(f, z, v))
            return false;
    }
    return true;
}

/* What the last process may have left in the records: the last whole step, or what was being
 * written. */
static void expect(struct fence *f)
{
    for (uint32_t k = 0; k < f->n_recs; k++)
        for (uint32_t i = 0; i < f->recs[k]->n_sets; i++) {
            struct fset *s = &f->recs[k]->sets[i];

            s->weight = (uint8_t)record_weight(f->recs[k], i, f->percent);
            set_alt(s, (uint8_t)record_weight(f->recs[k], i, f->percent_to));
        }
}

static bool state_load(struct fence *f, const json_t *o)
{
    const json_t *zones = json_object_get(o, "zones");
    const char *owner = text_of(o, "owner"), *run = text_of(o, "run");
    int64_t percent, to;

    if (json_integer_value(json_object_get(o, "v")) != SAVE_VERSION || !owner || !run ||
        !owner[0] || strlen(owner) > LEASE_OWNER_MAX || strcmp(run, f->proto.run) != 0 ||
        !whole(o, "percent", PERCENT_BASE, &percent) ||
        !whole(o, "percent_to", PERCENT_BASE, &to) || json_array_size(zones) != f->n_zones)
        return false;
    memcpy(f->proto.owner, owner, strlen(owner) + 1);
    if (strspn(owner, "0123456789abcdef") != strlen(owner))
        return false;
    f->percent = (uint32_t)percent;
    f->percent_to = (uint32_t)to;
    for (uint32_t i = 0; i < f->n_zones; i++)
        if (!zone_load(f, f->zones[i], json_array_get(zones, i)))
            return false;
    return true;
}

struct fence *fence_restore(const struct fence_config *cfg, struct router router,
                            const json_t *baseline, const json_t *state, struct err *err)
{
    struct fence *f = fence_new(cfg, router);

    f->restored = true;
    if (!baseline_load(f, baseline)) {
        err_set(err, ERR_PROTOCOL, "the saved records of the run are damaged");
    } else if (fence_ready(f, err)) {
        if (!state || json_is_null(state) || state_load(f, state)) {
            expect(f);
            for (uint32_t i = 0; i < f->n_zones; i++)
                f->zones[i]->settled_seq = UINT32_MAX;
            return f;
        }
        err_set(err, ERR_PROTOCOL, "the saved leases of the run are damaged");
    }
    fence_free(f);
    return NULL;
}

void fence_expect(struct fence *f, uint32_t percent)
{
    if (f->percent != f->percent_to)
        return; /* it knew itself what was under way */
    f->percent_to = percent;
    expect(f);
}
