#include "survey_names.h"

#include <string.h>

/* Chains by hash: head[hash & mask] and next[i] are positions + 1, 0 ends. */
struct survey_names {
    uint32_t mask;
    uint32_t *head, *next;
};

static struct survey_names names_new(struct arena *mem, size_t n)
{
    struct survey_names t;
    uint32_t size = 16;

    while (size < 2 * n)
        size *= 2;
    t.mask = size - 1;
    t.head = arena_array(mem, size, sizeof *t.head);
    t.next = arena_array(mem, n ? n : 1, sizeof *t.next);
    memset(t.head, 0, size * sizeof *t.head);
    return t;
}

/* To be called from the last position to the first: what comes later stands in front. */
static void names_put(struct survey_names *t, size_t i, const char *name)
{
    uint32_t *head = &t->head[rrset_name_hash(name) & t->mask];

    t->next[i] = *head;
    *head = (uint32_t)i + 1;
}

void survey_index_sets(struct survey *s)
{
    s->set_names = arena_array(s->mem, s->n_zones ? s->n_zones : 1, sizeof *s->set_names);
    for (size_t z = 0; z < s->n_zones; z++) {
        s->set_names[z] = names_new(s->mem, s->zones[z].n_sets);
        for (size_t i = s->zones[z].n_sets; i-- > 0;)
            names_put(&s->set_names[z], i, s->zones[z].sets[i].name);
    }
}

void survey_index_records(struct survey *s)
{
    s->record_names = arena_alloc(s->mem, sizeof *s->record_names);
    *s->record_names = names_new(s->mem, s->n_records);
    for (size_t i = s->n_records; i-- > 0;)
        names_put(s->record_names, i, s->records[i].name);
}

static const struct rrset *set_from(const struct survey *s, uint32_t zone, uint32_t at,
                                    const char *name)
{
    const struct rrset *sets = s->zones[zone].sets;

    while (at && !rrset_name_eq(sets[at - 1].name, name))
        at = s->set_names[zone].next[at - 1];
    return at ? &sets[at - 1] : NULL;
}

const struct rrset *survey_first(const struct survey *s, uint32_t zone, const char *name)
{
    const struct survey_names *t = &s->set_names[zone];

    return set_from(s, zone, t->head[rrset_name_hash(name) & t->mask], name);
}

const struct rrset *survey_next(const struct survey *s, uint32_t zone, const struct rrset *set)
{
    return set_from(s, zone, s->set_names[zone].next[set - s->zones[zone].sets], set->name);
}

const struct survey_record *survey_record_of(const struct survey *s, const char *name,
                                             const char *type)
{
    const struct survey_names *t = s->record_names;
    uint32_t at = t->head[rrset_name_hash(name) & t->mask];

    while (at && (strcmp(s->records[at - 1].type, type) != 0 ||
                  !rrset_name_eq(s->records[at - 1].name, name)))
        at = t->next[at - 1];
    return at ? &s->records[at - 1] : NULL;
}
