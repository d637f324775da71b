#include "memory_zone.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sluice/common.h"
#include "sluice/text.h"

/* One set; its strings live in its own arena. */
struct held {
    struct rrset rr;
    struct arena mem;
};

struct memory_zone {
    char *id, *name;
    struct held **sets; /* in listing order */
    size_t n, cap;
    const struct rrset **view; /* for memory_zone_sets() */
};

/* ---- Requests
 * ------------------------------------------------------------------------------------------ */

struct memory_request *memory_request_change(const struct router_batch *batch)
{
    struct memory_request *r = x_zalloc(sizeof *r);

    r->zone_id = arena_strdup(&r->mem, batch->zone_id);
    r->n_changes = batch->n_changes;
    r->changes = arena_array(&r->mem, batch->n_changes, sizeof *r->changes);
    for (size_t i = 0; i < batch->n_changes; i++) {
        r->changes[i].action = batch->changes[i].action;
        r->changes[i].set = rrset_copy(&r->mem, batch->changes[i].set);
        if (r->changes[i].set.weighted)
            r->changes[i].set.weight = batch->changes[i].weight;
    }
    return r;
}

struct memory_request *memory_request_list(const struct router_list *list)
{
    struct memory_request *r = x_zalloc(sizeof *r);

    r->list = *list;
    r->zone_id = r->list.zone_id = arena_strdup(&r->mem, list->zone_id);
    r->list.name = arena_strdup(&r->mem, list->name);
    r->list.type = arena_strdup(&r->mem, list->type);
    r->list.until_name = arena_strdup(&r->mem, list->until_name);
    r->list.until_type = arena_strdup(&r->mem, list->until_type);
    return r;
}

struct memory_request *memory_request_sync(const char *change_id)
{
    struct memory_request *r = x_zalloc(sizeof *r);

    r->change_id = arena_strdup(&r->mem, change_id);
    return r;
}

void memory_request_free(struct memory_request *r)
{
    if (!r)
        return;
    arena_clear(&r->mem);
    free(r);
}

/* ---- Storage
 * ------------------------------------------------------------------------------------------- */

static struct held *held_new(const struct rrset *rr)
{
    struct held *h = x_zalloc(sizeof *h);

    h->rr = rrset_copy(&h->mem, rr);
    return h;
}

static void held_free(struct held *h)
{
    arena_clear(&h->mem);
    free(h);
}

struct memory_zone *memory_zone_new(const char *id, const char *name)
{
    struct memory_zone *z = x_zalloc(sizeof *z);

    z->id = x_strdup(id);
    z->name = x_strdup(name);
    return z;
}

void memory_zone_free(struct memory_zone *z)
{
    for (size_t i = 0; i < z->n; i++)
        held_free(z->sets[i]);
    free(z->sets);
    free(z->view);
    free(z->id);
    free(z->name);
    free(z);
}

const char *memory_zone_id(const struct memory_zone *z)
{
    return z->id;
}

/* The place of a set: where it is, or where it would go. */
static size_t place(const struct memory_zone *z, const struct rrset *rr, bool *there)
{
    size_t lo = 0, hi = z->n;

    *there = false;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = rrset_compare(&z->sets[mid]->rr, rr);

        if (c == 0) {
            *there = true;
            return mid;
        }
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static struct rrset key(const char *name, const char *type, const char *set_id)
{
    struct rrset k = {.name = name, .type = type, .set_id = set_id};

    return k;
}

static void insert(struct memory_zone *z, size_t at, struct held *h)
{
    if (z->n == z->cap) {
        z->cap = z->cap ? 2 * z->cap : 16;
        z->sets = x_realloc(z->sets, z->cap, sizeof(struct held *));
    }
    memmove(&z->sets[at + 1], &z->sets[at], (z->n - at) * sizeof(struct held *));
    z->sets[at] = h;
    z->n++;
}

void memory_zone_put(struct memory_zone *z, const struct rrset *set)
{
    bool there;
    size_t at = place(z, set, &there);
    struct held *h = held_new(set);

    if (there) {
        held_free(z->sets[at]);
        z->sets[at] = h;
    } else {
        insert(z, at, h);
    }
}

bool memory_zone_remove(struct memory_zone *z, const char *name, const char *type,
                        const char *set_id)
{
    struct rrset k = key(name, type, set_id);
    bool there;
    size_t at = place(z, &k, &there);

    if (!there)
        return false;
    held_free(z->sets[at]);
    memmove(&z->sets[at], &z->sets[at + 1], (--z->n - at) * sizeof(struct held *));
    return true;
}

const struct rrset *memory_zone_find(const struct memory_zone *z, const char *name,
                                     const char *type, const char *set_id)
{
    struct rrset k = key(name, type, set_id);
    bool there;
    size_t at = place(z, &k, &there);

    return there ? &z->sets[at]->rr : NULL;
}

const struct rrset *const *memory_zone_sets(const struct memory_zone *z, size_t *n)
{
    struct memory_zone *w = (struct memory_zone *)(uintptr_t)z; /* the view is a cache */

    w->view = x_realloc(w->view, z->n + 1, sizeof(struct rrset *));
    for (size_t i = 0; i < z->n; i++)
        w->view[i] = &z->sets[i]->rr;
    *n = z->n;
    return w->view;
}

/* ---- A batch
 * ------------------------------------------------------------------------------------------- */

/* What a batch makes of one set. */
struct pending {
    size_t order; /* of the change that named it first */
    const struct rrset *was, *is;
    bool deleted, created;
};

static bool refuse(char *why, size_t size, const struct rrset *s, const char *what)
{
    snprintf(why, size, "[%s resource record set [name='%s', type='%s', SetIdentifier '%s'] %s]",
             strncmp(what, "but the", 7) == 0 ? "Tried to delete" : "RRSet:", s->name, s->type,
             s->set_id ? s->set_id : "", what);
    return false;
}

static bool limits(const struct memory_request *r, char *why, size_t size)
{
    size_t elements = 0, characters = 0;

    for (size_t i = 0; i < r->n_changes; i++) {
        size_t times = r->changes[i].action == ROUTER_UPSERT ? 2 : 1;

        elements += times * rrset_elements(&r->changes[i].set);
        characters += times * rrset_characters(&r->changes[i].set);
    }
    if (elements > ROUTER_BATCH_ELEMENTS_MAX || characters > ROUTER_BATCH_CHARACTERS_MAX) {
        snprintf(why, size, "Number of records limit exceeded (%zu elements, %zu characters)",
                 elements, characters);
        return false;
    }
    return true;
}

static bool set_valid(const struct memory_zone *z, const struct rrset *s, char *why, size_t size)
{
    bool alias = s->alias_zone != NULL;
    size_t n = strlen(s->name), k = strlen(z->name);

    if (n < k || !rrset_name_eq(s->name + n - k, z->name))
        return refuse(why, size, s, "is not permitted in this zone");
    if (alias == (s->has_ttl && s->n_values > 0))
        return refuse(why, size, s, "needs exactly one of an alias target, or a TTL and values");
    if (s->weighted && (!s->set_id || s->weight > RRSET_WEIGHT_MAX))
        return refuse(why, size, s, "has no set identifier or a weight above 255");
    if (s->set_id && !s->weighted && !s->routing)
        return refuse(why, size, s, "has a set identifier and no routing policy");
    return true;
}

static int by_set(const void *a, const void *b)
{
    const struct pending *x = a, *y = b;

    return rrset_compare(x->is ? x->is : x->was, y->is ? y->is : y->was);
}

/* The changes in their order, one pending entry a set. */
static bool gather(const struct memory_zone *z, const struct memory_request *r, bool weights,
                   struct pending *p, size_t *n_out, char *why, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n_changes; i++) {
        const struct rrset *s = &r->changes[i].set;
        struct pending *e = NULL;

        /* DELETE and CREATE of one set stand near each other: look back a group's worth. */
        for (size_t k = n; k-- > 0 && n - k <= RRSET_GROUP_SETS_MAX + 1;)
            if (rrset_compare(p[k].is ? p[k].is : p[k].was, s) == 0) {
                e = &p[k];
                break;
            }
        if (!e) {
            e = &p[n++];
            *e = (struct pending){.order = i,
                                  .was = memory_zone_find(z, s->name, s->type, s->set_id)};
            e->is = e->was;
        }
        switch (r->changes[i].action) {
        case ROUTER_DELETE:
            if (e->deleted || e->created || !e->was || !rrset_eq(e->was, s, weights))
                return refuse(why, size, s,
                              e->was ? "but the values provided do not match the current values"
                                     : "but the set was not found");
            e->deleted = true;
            e->is = NULL;
            break;
        case ROUTER_CREATE:
            if (e->is)
                return refuse(why, size, s, "already exists");
            break;
        case ROUTER_UPSERT:
            break;
        }
        if (r->changes[i].action == ROUTER_DELETE)
            continue;
        if (!set_valid(z, s, why, size))
            return false;
        e->created = true;
        e->is = s;
    }
    *n_out = n;
    return true;
}

/* The set that will stand in a place of the listing, before and beside the batch. */
static const struct rrset *after_batch(const struct rrset *now, const struct pending *p, size_t n)
{
    size_t lo = 0, hi = n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = rrset_compare(p[mid].is ? p[mid].is : p[mid].was, now);

        if (c == 0)
            return p[mid].is;
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return now;
}

static bool pair_valid(const struct rrset *a, const struct rrset *b, char *why, size_t size)
{
    if (strcmp(a->type, b->type) != 0) {
        if (strcmp(a->type, "CNAME") == 0 || strcmp(b->type, "CNAME") == 0)
            return refuse(why, size, a,
                          "is not permitted because a conflicting RRSet of type CNAME exists");
        return true;
    }
    if (a->weighted != b->weighted || !a->set_id || !b->set_id)
        return refuse(why, size, a,
                      "cannot be created as a non-weighted set exists with the same name and type");
    if (a->has_ttl && b->has_ttl && a->ttl != b->ttl)
        return refuse(why, size, a, "cannot be created as weighted sets must contain the same TTL");
    return true;
}

/* Rules over a name, for every set the batch makes: against what stands there afterwards. */
static bool groups_valid(const struct memory_zone *z, const struct pending *p, size_t n, char *why,
                         size_t size)
{
    for (size_t i = 0; i < n; i++) {
        const struct rrset *s = p[i].is;
        struct rrset first;
        bool there;

        if (!s)
            continue;
        for (size_t k = i + 1; k < n; k++) {
            if (!p[k].is)
                continue;
            if (!rrset_name_eq(p[k].is->name, s->name))
                break;
            if (!pair_valid(s, p[k].is, why, size))
                return false;
        }
        first = key(s->name, "", NULL);
        for (size_t k = place(z, &first, &there);
             k < z->n && rrset_name_eq(z->sets[k]->rr.name, s->name); k++) {
            const struct rrset *other = after_batch(&z->sets[k]->rr, p, n);

            if (other == &z->sets[k]->rr && !pair_valid(s, other, why, size))
                return false;
        }
    }
    return true;
}

bool memory_zone_apply(struct memory_zone *z, const struct memory_request *r, bool compare_weight,
                       char *why, size_t size)
{
    struct pending *p;
    size_t n = 0;
    bool ok;

    if (!limits(r, why, size))
        return false;
    p = x_calloc(r->n_changes + 1, sizeof *p);
    ok = gather(z, r, compare_weight, p, &n, why, size);
    if (ok) {
        qsort(p, n, sizeof *p, by_set);
        ok = groups_valid(z, p, n, why, size);
    }
    for (size_t i = 0; i < n && ok; i++) {
        if (p[i].is == p[i].was)
            continue;
        if (p[i].is)
            memory_zone_put(z, p[i].is);
        else
            (void)memory_zone_remove(z, p[i].was->name, p[i].was->type, p[i].was->set_id);
    }
    free(p);
    return ok;
}
