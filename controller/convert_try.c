/* convert_try.c: a change of TTL, tried on a throw-away group; see convert.h. */
#include "convert.h"

#include <string.h>

static const char *const try_value[] = {"\"sluice: tried, and removed again\""};

const char *convert_trial_name(struct arena *mem, const char *zone_name)
{
    return arena_printf(mem, "_sluice-try.%s", zone_name);
}

/* How much of it a trial must show: sets with a TTL, above all with health checks. */
static size_t weight_of(const struct survey_record *r, const struct plan *plan)
{
    size_t n = 0, checks = 0;
    bool lower = false;

    for (size_t k = 0; k < r->n_sets; k++) {
        n += r->sets[k].has_ttl;
        checks += r->sets[k].has_ttl && r->sets[k].health_check;
        lower |= r->sets[k].has_ttl && r->sets[k].ttl > plan->prepare_ttl_s;
    }
    return lower && n > 1 && convert_is_group(r) ? n + (checks ? ROUTER_BATCH_ELEMENTS_MAX : 0) : 0;
}

static const struct survey_record *hardest(const struct survey *s, const struct plan *plan,
                                           uint32_t zone)
{
    const struct survey_record *best = NULL;
    size_t most = 0;

    for (size_t i = 0; i < s->n_records; i++) {
        size_t weight = s->records[i].zone == zone ? weight_of(&s->records[i], plan) : 0;

        if (weight > most) {
            most = weight;
            best = &s->records[i];
        }
    }
    return best;
}

static void add(struct convert_batch *b, enum router_change_action action, const struct rrset *set)
{
    b->changes[b->n++] =
        (struct router_change){.action = action, .set = set, .weight = set->weight};
}

static struct convert_batch room(struct arena *mem, uint32_t zone, size_t n)
{
    return (struct convert_batch){.zone = zone,
                                  .changes = arena_array(mem, n + 1, sizeof(struct router_change))};
}

static const struct rrset *throw_away(struct arena *mem, const struct convert_try *t,
                                      const struct rrset *like, uint32_t ttl)
{
    struct rrset *set = arena_alloc(mem, sizeof *set);

    *set = (struct rrset){.name = t->name,
                          .type = "TXT",
                          .set_id = like->set_id,
                          .weighted = true,
                          .weight = like->weight,
                          .has_ttl = true,
                          .ttl = ttl,
                          .values = try_value,
                          .n_values = 1,
                          .health_check = like->health_check};
    return set;
}

static void try_like(struct convert_try *t, struct arena *mem, const struct survey_record *r,
                     const struct plan *plan)
{
    uint32_t before = 0;

    for (size_t k = 0; k < r->n_sets; k++)
        if (r->sets[k].has_ttl && r->sets[k].ttl > before)
            before = r->sets[k].ttl;
    for (size_t k = 0; k < r->n_sets; k++)
        if (r->sets[k].has_ttl) {
            const struct rrset *set = throw_away(mem, t, &r->sets[k], before);

            add(&t->make, ROUTER_CREATE, set);
            add(&t->change, ROUTER_DELETE, set);
            add(&t->drop_unchanged, ROUTER_DELETE, set);
        }
    for (size_t k = 0; k < r->n_sets; k++)
        if (r->sets[k].has_ttl) {
            const struct rrset *set = throw_away(mem, t, &r->sets[k], plan->prepare_ttl_s);

            add(&t->change, ROUTER_CREATE, set);
            add(&t->drop, ROUTER_DELETE, set);
        }
}

static size_t leftovers(const struct survey_zone *z, const char *name, struct convert_batch *b)
{
    size_t n = 0;

    for (size_t i = 0; i < z->n_sets; i++)
        if (strcmp(z->sets[i].type, "TXT") == 0 && rrset_name_eq(z->sets[i].name, name)) {
            n++;
            if (b)
                add(b, ROUTER_DELETE, &z->sets[i]);
        }
    return n;
}

size_t convert_try(struct convert_try *out, struct arena *mem, const struct survey *s,
                   const struct plan *plan)
{
    size_t n = 0;

    for (uint32_t z = 0; z < s->n_zones; z++) {
        const struct survey_record *r = hardest(s, plan, z);
        struct convert_try *t = &out[n];
        size_t sets = r ? r->n_sets : 0, left;

        *t = (struct convert_try){0};
        t->name = convert_trial_name(mem, s->zones[z].name);
        left = leftovers(&s->zones[z], t->name, NULL);
        if (!r && !left)
            continue;
        t->make = room(mem, z, sets + left);
        t->change = room(mem, z, 2 * sets);
        t->drop = room(mem, z, sets);
        t->drop_unchanged = room(mem, z, sets);
        leftovers(&s->zones[z], t->name, &t->make);
        if (r)
            try_like(t, mem, r, plan);
        n++;
    }
    return n;
}
