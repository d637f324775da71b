/* Records and sets: the index, how they are cut into batches, and what a reading says about them.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fence_int.h"
#include "sluice/common.h"
#include "weights.h"

_Static_assert(PERCENT_BASE > 100 && PERCENT_AS_IS > PERCENT_BASE,
               "no percentage means two things");

/* ---- Weights
 * ------------------------------------------------------------------------------------------- */

/* What set i of a record weighs at a percentage. */
uint32_t record_weight(const struct frec *r, uint32_t i, uint32_t percent)
{
    uint8_t w[WEIGHTS_SETS_MAX];

    (void)record_targets(r, percent, w);
    return w[i];
}

/* The weights of all sets at a percentage. False when what is still there of the record would get a
 * sum of 0: Route 53 would then answer with every set at once, so such a record is never written.
 */
bool record_targets(const struct frec *r, uint32_t percent, uint8_t out[])
{
    struct weights base = {.n = r->n_sets}, w;
    uint32_t sum = 0;

    for (uint32_t i = 0; i < r->n_sets; i++) {
        base.side[i] = r->sets[i].side;
        base.weight[i] = r->sets[i].base;
    }
    w = base;
    if (percent <= 100)
        weights_for_percent(&base, percent, &w);
    for (uint32_t i = 0; i < r->n_sets; i++) {
        out[i] = percent == PERCENT_AS_IS ? r->sets[i].weight : w.weight[i];
        if (!r->sets[i].missing)
            sum += out[i];
    }
    return sum > 0;
}

/* ---- Index
 * --------------------------------------------------------------------------------------------- */

static uint32_t slot_of(const struct fence *f, uint32_t zone, const char *name, const char *type)
{
    uint32_t h = rrset_name_hash(name) ^ (zone * 2654435761u);

    for (; *type; type++)
        h = (h ^ (uint8_t)*type) * 16777619u;
    return h & f->index_mask;
}

static bool is_record(const struct frec *r, uint32_t zone, const char *name, const char *type)
{
    return r->zone == zone && strcmp(r->sets[0].rr->type, type) == 0 &&
           rrset_name_eq(r->sets[0].rr->name, name);
}

static struct frec *find(const struct fence *f, uint32_t zone, const char *name, const char *type)
{
    for (uint32_t i = slot_of(f, zone, name, type); f->index[i]; i = (i + 1) & f->index_mask)
        if (is_record(f->recs[f->index[i] - 1], zone, name, type))
            return f->recs[f->index[i] - 1];
    return NULL;
}

static bool index_build(struct fence *f, struct err *err)
{
    uint32_t size = 16;

    while (size < 2 * f->n_recs)
        size *= 2;
    f->index = x_calloc(size, sizeof *f->index);
    f->index_mask = size - 1;
    for (uint32_t k = 0; k < f->n_recs; k++) {
        const struct rrset *s = f->recs[k]->sets[0].rr;
        uint32_t i = slot_of(f, f->recs[k]->zone, s->name, s->type);

        if (find(f, f->recs[k]->zone, s->name, s->type))
            return err_set(err, ERR_REFUSED, "%s %s stands in the plan twice", s->name, s->type);
        while (f->index[i])
            i = (i + 1) & f->index_mask;
        f->index[i] = k + 1;
    }
    return true;
}

/* ---- Cutting into batches
 * ------------------------------------------------------------------------------ */

/* What one record takes of a batch. DELETE and CREATE count each value once, UPSERT counts it
 * twice: the same sum, so both ways are cut alike (Developer Guide, quotas on
 * ChangeResourceRecordSets). */
static void record_size(const struct frec *r, size_t *elements, size_t *characters)
{
    *elements = *characters = 0;
    for (uint32_t i = 0; i < r->n_sets; i++) {
        *elements += 2 * rrset_elements(r->sets[i].rr);
        *characters += 2 * rrset_characters(r->sets[i].rr);
    }
}

#define ELEMENTS_FREE   (ROUTER_BATCH_ELEMENTS_MAX - 2)
#define CHARACTERS_FREE (ROUTER_BATCH_CHARACTERS_MAX - 2 * LEASE_VALUE_SIZE)

void zone_cut(struct fence *f, struct fzone *z)
{
    size_t elements = 0, characters = 0;

    (void)f;
    z->cuts = x_realloc(z->cuts, z->n_recs + 2, sizeof *z->cuts);
    z->n_chunks = 0;
    z->cuts[0] = 0;
    for (uint32_t i = 0; i < z->n_recs; i++) {
        size_t e, c;

        record_size(z->recs[i], &e, &c);
        if (i > z->cuts[z->n_chunks] &&
            (elements + e > ELEMENTS_FREE || characters + c > CHARACTERS_FREE)) {
            z->cuts[++z->n_chunks] = i;
            elements = characters = 0;
        }
        elements += e;
        characters += c;
    }
    if (z->n_recs)
        z->cuts[++z->n_chunks] = z->n_recs;
}

/* ---- Making ready
 * -------------------------------------------------------------------------------------- */

static bool record_check(const struct frec *r, struct err *err)
{
    const struct rrset *s = r->sets[0].rr;
    bool side[2] = {false, false};
    uint32_t sum = 0;
    size_t e, c;

    for (uint32_t i = 0; i < r->n_sets; i++) {
        const struct fset *set = &r->sets[i];

        if (!set->rr->weighted || set->rr->routing)
            return err_set(err, ERR_REFUSED, "%s %s is not weighted", s->name, s->type);
        if (set->rr->traffic_policy)
            return err_set(err, ERR_REFUSED, "%s %s belongs to a traffic policy", s->name, s->type);
        side[set->side & 1] = true;
        sum += set->base;
    }
    if (!side[0] || !side[1])
        return err_set(err, ERR_REFUSED, "%s %s has no set of the %s side", s->name, s->type,
                       side[0] ? "new" : "old");
    if (sum == 0)
        return err_set(err, ERR_REFUSED, "%s %s: every weight is 0, so all sets are answered alike",
                       s->name, s->type);
    record_size(r, &e, &c);
    if (e > ELEMENTS_FREE || c > CHARACTERS_FREE)
        return err_set(err, ERR_LIMIT, "%s %s does not fit into one change batch", s->name,
                       s->type);
    return true;
}

static int by_listing(const void *a, const void *b)
{
    struct rrset x = *(*(struct frec *const *)a)->sets[0].rr,
                 y = *(*(struct frec *const *)b)->sets[0].rr;

    x.set_id = y.set_id = NULL;
    return rrset_compare(&x, &y);
}

static int by_zone_id(const void *a, const void *b)
{
    return strcmp((*(struct fzone *const *)a)->id, (*(struct fzone *const *)b)->id);
}

bool records_ready(struct fence *f, struct err *err)
{
    if (f->n_recs == 0)
        return err_set(err, ERR_REFUSED, "there is no record to move");
    for (uint32_t i = 0; i < f->n_recs; i++) {
        struct fzone *z = f->zones[f->recs[i]->zone];

        if (!record_check(f->recs[i], err))
            return false;
        z->recs = x_realloc(z->recs, z->n_recs + 1, sizeof(struct frec *));
        z->recs[z->n_recs++] = f->recs[i];
    }
    if (!index_build(f, err))
        return false;
    for (uint32_t i = 0; i < f->n_zones; i++) {
        struct fzone *z = f->zones[i];

        if (z->n_recs)
            qsort(z->recs, z->n_recs, sizeof(struct frec *), by_listing);
        for (uint32_t k = 0; k < z->n_recs; k++)
            z->recs[k]->pos = k;
        zone_cut(f, z);
        f->by_id[i] = z;
    }
    qsort(f->by_id, f->n_zones, sizeof(struct fzone *), by_zone_id);
    for (uint32_t i = 0; i < f->n_zones; i++)
        f->by_id[i]->rank = i;
    return true;
}

/* ---- What a reading says
 * ------------------------------------------------------------------------------- */

static void drift(struct freading *rd, struct frec *r, const char *set_id, const char *field)
{
    r->foreign = true;
    if (rd->n_drift++ == 0) {
        rd->drift_rec = r->id;
        rd->drift_set = set_id;
        rd->drift_field = field;
    }
}

/* Remembers a weight that would be ours; the oldest goes when there are too many. */
void set_alt(struct fset *s, uint8_t weight)
{
    for (uint32_t i = 0; i < s->n_alt; i++)
        if (s->alt[i] == weight)
            return;
    if (s->n_alt == ALT_MAX)
        memmove(s->alt, s->alt + 1, --s->n_alt);
    s->alt[s->n_alt++] = weight;
}

/* True when the weight is one we wrote or may have written. */
static bool weight_ours(const struct fzone *z, const struct freading *rd, struct fset *s,
                        uint32_t weight)
{
    bool ours = weight == s->weight;

    for (uint32_t i = 0; i < s->n_alt; i++)
        ours |= weight == s->alt[i];
    if (!ours)
        return false;
    if (weight != s->weight) {
        set_alt(s, s->weight);
        s->weight = (uint8_t)weight;
    }
    if (z->n_open == 0 && rd->seq >= z->settled_seq)
        s->n_alt = 0;
    return true;
}

static void set_listed(struct fence *f, struct fzone *z, struct freading *rd, struct frec *r,
                       struct fset *s, const struct rrset *rr)
{
    struct rrset same_weight = *rr;
    const char *field;

    same_weight.weight = s->rr->weight;
    field = rrset_difference(s->rr, &same_weight);
    if (field) {
        s->rr = arena_alloc(&f->mem, sizeof *s->rr);
        *(struct rrset *)(uintptr_t)s->rr = rrset_copy(&f->mem, rr);
        f->baseline_dirty = true;
        drift(rd, r, s->rr->set_id, field);
    }
    /* A write of ours that ended after this reading began may not be in it yet. */
    if (r->touched > rd->seq || !rr->weighted || rr->weight > WEIGHTS_MAX)
        return;
    if (!weight_ours(z, rd, s, rr->weight)) {
        s->weight = (uint8_t)rr->weight;
        drift(rd, r, s->rr->set_id, "weight");
    }
}

/* One set of a listing. Sets of other records are none of our business. */
void record_listed(struct fence *f, struct fzone *z, struct freading *rd, const struct rrset *rr)
{
    struct frec *r = find(f, z->index, rr->name, rr->type);

    if (!r || r->pos < rd->lo || r->pos >= rd->hi)
        return;
    for (uint32_t i = 0; i < r->n_sets; i++)
        if (rr->set_id && strcmp(r->sets[i].rr->set_id, rr->set_id) == 0) {
            r->sets[i].seen[rd->slot] = rd->stamp;
            set_listed(f, z, rd, r, &r->sets[i], rr);
            return;
        }
    r->added_seen[rd->slot] = rd->stamp;
}

/* The first record at or behind `from` of which a set was not listed that was there before; rd->hi:
 * none. */
uint32_t records_unseen(const struct fzone *z, const struct freading *rd, uint32_t from)
{
    for (uint32_t k = from; k < rd->hi; k++)
        for (uint32_t i = 0; i < z->recs[k]->n_sets; i++)
            if (!z->recs[k]->sets[i].missing && z->recs[k]->sets[i].seen[rd->slot] != rd->stamp)
                return k;
    return rd->hi;
}

static bool was_listed(const struct frec *r, const struct freading *rd)
{
    bool listed = r->added_seen[rd->slot] == rd->stamp;

    for (uint32_t i = 0; i < r->n_sets; i++)
        listed |= r->sets[i].seen[rd->slot] == rd->stamp;
    return listed;
}

/* Some record of ours stands in the zone, by this reading or, where it did not look, by what is known. */
static bool any_stands(const struct fzone *z, const struct freading *rd)
{
    for (uint32_t k = 0; k < z->n_recs; k++) {
        const struct frec *r = z->recs[k];
        bool stands = k >= rd->lo && k < rd->hi && was_listed(r, rd);

        for (uint32_t i = 0; i < r->n_sets && (k < rd->lo || k >= rd->hi); i++)
            stands |= !r->sets[i].missing;
        if (stands)
            return true;
    }
    return false;
}

/* With `records: all` records come and go with their owners: one that left whole is said and left out. When
 * nothing of ours is left it was no owner. True when that is all there is to it. */
static bool has_left(struct fence *f, struct fzone *z, struct freading *rd, struct frec *r)
{
    bool news = false;

    r->left = f->cfg.all && !was_listed(r, rd) && any_stands(z, rd);
    if (!r->left)
        return false;
    for (uint32_t i = 0; i < r->n_sets; i++) {
        news |= !r->sets[i].missing;
        r->sets[i].missing = true;
    }
    r->added = false;
    if (news) {
        struct fence_event *e = event_add(f, FENCE_GONE, 0, false);

        event_zone(e, z, NULL);
        e->record = r->id;
    }
    return true;
}

/* The listing is whole: what was not in it is gone. */
void records_finish(struct fence *f, struct fzone *z, struct freading *rd)
{
    for (uint32_t k = rd->lo; k < rd->hi; k++) {
        struct frec *r = z->recs[k];
        bool added = r->added_seen[rd->slot] == rd->stamp;

        if (has_left(f, z, rd, r))
            continue;
        for (uint32_t i = 0; i < r->n_sets; i++) {
            struct fset *s = &r->sets[i];
            bool missing = s->seen[rd->slot] != rd->stamp;

            if (missing && !s->missing)
                drift(rd, r, s->rr->set_id, "missing");
            s->missing = missing;
        }
        if (added && !r->added)
            drift(rd, r, NULL, "added");
        r->added = added;
    }
}

void records_alt_clear(struct fzone *z, uint32_t lo, uint32_t hi)
{
    for (uint32_t k = lo; k < hi; k++)
        for (uint32_t i = 0; i < z->recs[k]->n_sets; i++)
            z->recs[k]->sets[i].n_alt = 0;
}

/* A batch of ours has certainly landed: its sets weigh what it wrote. */
void records_landed(struct fence *f, struct fzone *z, const struct fbatch *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->sets[i])
            b->sets[i]->weight = (uint8_t)b->ch[i].weight;
    for (uint32_t k = b->lo; k < b->hi; k++)
        z->recs[k]->touched = f->seq, z->recs[k]->foreign = false;
    records_alt_clear(z, b->lo, b->hi);
}

static void set_change(struct fbatch *b, enum router_change_action action, struct fset *s,
                       uint8_t weight)
{
    b->ch[b->n].action = action;
    b->ch[b->n].set = s->rr;
    b->ch[b->n].weight = weight;
    b->sets[b->n++] = action == ROUTER_DELETE ? NULL : s;
}

/* Adds the sets of records [lo, hi) to a batch: as listed and anew, or UPSERTed as last read. Sets
 * that are gone are left out, and so is a record that would be left with a sum of 0. */
void records_add(struct fzone *z, struct fbatch *b)
{
    bool back = b->kind == B_BACK || b->kind == B_PROOF;
    uint8_t w[WEIGHTS_SETS_MAX];

    for (uint32_t k = b->lo; k < b->hi; k++) {
        struct frec *r = z->recs[k];

        if (!record_targets(r, b->percent, w))
            continue;
        for (uint32_t i = 0; i < r->n_sets && !back; i++)
            if (!r->sets[i].missing)
                set_change(b, ROUTER_DELETE, &r->sets[i], r->sets[i].weight);
        for (uint32_t i = 0; i < r->n_sets; i++) {
            struct fset *s = &r->sets[i];

            if (s->missing)
                continue;
            set_change(b, back ? ROUTER_UPSERT : ROUTER_CREATE, s, w[i]);
            if (b->kind != B_PROOF)
                set_alt(s, w[i]);
        }
    }
}
