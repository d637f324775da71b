/* convert_kept.c: the batches of a way back, from the files that `finish` kept, more than one time
 * perhaps. */
#include "convert.h"

static bool share_a_record(const struct convert_batch *a, const struct convert_batch *b)
{
    if (a->zone != b->zone)
        return false;
    for (size_t i = 0; i < a->n; i++)
        for (size_t k = 0; k < b->n; k++)
            if (rrset_name_eq(a->changes[i].set->name, b->changes[k].set->name))
                return true;
    return false;
}

/* What it would CREATE is all there: it was never made, or has been taken back. */
static bool stands(const struct survey_zone *z, const struct convert_batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        const struct rrset *set = b->changes[i].set;
        bool found = b->changes[i].action != ROUTER_CREATE;

        for (size_t k = 0; k < z->n_sets && !found; k++)
            found = rrset_compare(&z->sets[k], set) == 0 && rrset_eq(&z->sets[k], set, true);
        if (!found)
            return false;
    }
    return true;
}

void convert_kept(struct convert *c, struct arena *mem, const struct survey *s,
                  const struct convert_batch *kept, size_t n)
{
    c->batches = arena_array(mem, n ? n : 1, sizeof *c->batches);
    c->n_batches = 0;
    for (size_t i = 0; i < n; i++) {
        bool newer = false;

        for (size_t k = 0; k < c->n_batches && !newer; k++)
            newer = share_a_record(&c->batches[k], &kept[i]);
        if (!newer && !stands(&s->zones[kept[i].zone], &kept[i]))
            c->batches[c->n_batches++] = kept[i];
    }
}
