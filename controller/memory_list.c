/* Listings of a zone in memory: whole, in two pages between which it may change, or one record
 * short.
 */
#include <stdlib.h>
#include <string.h>

#include "memory_zone.h"
#include "sluice/common.h"

struct listing {
    struct arena mem;
};

void memory_listing_free(void *owner)
{
    struct listing *l = owner;

    arena_clear(&l->mem);
    free(l);
}

static bool past(const struct rrset *s, const struct router_list *q)
{
    struct rrset until;

    if (q->only_name && !rrset_name_eq(s->name, q->name))
        return true;
    if (q->only_type && strcmp(s->type, q->type) != 0)
        return true;
    if (!q->until_name)
        return false;
    until = (struct rrset){.name = q->until_name, .type = q->until_type ? q->until_type : ""};
    return rrset_compare(s, &until) > 0 &&
           !(rrset_name_eq(s->name, q->until_name) && strcmp(s->type, until.type) == 0);
}

/* The first set at or behind a key, or (after) behind it. */
static size_t place(const struct rrset *const *all, size_t n, const struct rrset *key, bool after)
{
    size_t lo = 0, hi = n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = rrset_compare(all[mid], key);

        if (c < 0 || (after && c == 0))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

void memory_zone_list(const struct memory_zone *z, const struct memory_request *r,
                      const struct router_answer *first, struct router_answer *a)
{
    struct listing *l = x_zalloc(sizeof *l);
    size_t n, from = 0, to, kept = first ? first->n_sets : 0;
    const struct rrset *const *all = memory_zone_sets(z, &n);
    struct rrset *sets;

    if (kept) {
        from = place(all, n, &first->sets[kept - 1], true);
    } else if (r->list.name) {
        struct rrset key = {.name = r->list.name, .type = r->list.type ? r->list.type : ""};

        from = place(all, n, &key, false);
    }
    for (to = from; to < n && !past(all[to], &r->list);)
        to++;
    sets = arena_array(&l->mem, kept + to - from + 1, sizeof *sets);
    for (size_t i = 0; i < kept; i++)
        sets[i] = rrset_copy(&l->mem, &first->sets[i]);
    for (size_t i = from; i < to; i++)
        sets[kept + i - from] = rrset_copy(&l->mem, all[i]);
    a->sets = sets;
    a->n_sets = kept + to - from;
    a->owner = l;
}

bool memory_zone_shorten(const struct memory_request *r, struct router_answer *a)
{
    const char *last;

    if (r->list.only_name || !r->list.until_name || a->n_sets == 0)
        return false;
    last = a->sets[a->n_sets - 1].name;
    while (a->n_sets && rrset_name_eq(a->sets[a->n_sets - 1].name, last))
        a->n_sets--;
    return true;
}
