/* The foreign hand: a person in the console, or a tool that knows nothing of sluice. It follows no
 * rule and waits for nobody. */
#include <stdio.h>

#include "sim.h"
#include "sluice/common.h"

struct hand { /* what it is about to touch */
    struct sim *s;
    struct arena mem;
    char zone[4];
    uint32_t z, r;
    struct rrset set, other; /* copies; other: the set beside it, or as set when there is none */
    bool there, both;
};

static void put(struct hand *h, struct rrset set)
{
    memory_put(h->s->service, h->zone, &set);
}

static void remove_set(struct hand *h, const struct rrset *set)
{
    (void)memory_remove(h->s->service, h->zone, set->name, set->type, set->set_id);
}

static bool weight(struct hand *h)
{
    h->set.weight = (uint32_t)sim_random(h->s, 250) + 1;
    put(h, h->set);
    return true;
}

static bool value(struct hand *h)
{
    static const char *const elsewhere[] = {"192.0.2.99"};

    h->set.values = elsewhere;
    h->set.n_values = 1;
    put(h, h->set);
    return true;
}

/* Of the whole group: Route 53 would have it no other way. */
static bool ttl(struct hand *h)
{
    h->set.ttl = h->other.ttl = h->set.ttl == 5 ? 30 : 5;
    put(h, h->set);
    if (h->both)
        put(h, h->other);
    return true;
}

static bool health_check(struct hand *h)
{
    h->set.health_check = "hc-1";
    put(h, h->set);
    return true;
}

static bool removed(struct hand *h)
{
    remove_set(h, &h->set);
    return true;
}

static bool added(struct hand *h)
{
    h->set.set_id = "extra";
    h->set.weight = 1 + (uint32_t)sim_random(h->s, 100);
    put(h, h->set);
    return true;
}

static bool simple(struct hand *h)
{
    struct rrset one = h->set;

    if (h->both)
        remove_set(h, &h->other);
    remove_set(h, &h->set);
    one.set_id = NULL;
    one.weighted = false;
    one.weight = 0;
    put(h, one);
    return true;
}

static void lease_name(const struct hand *h, char name[40])
{
    snprintf(name, 40, "_sluice.z%u.example.", h->z);
}

/* After it the lease may be taken by whoever finds the name free, or with --take-over. */
static void lease_touched(struct hand *h)
{
    for (uint32_t i = 0; i < SIM_CTLS; i++)
        h->s->ctl[i].may_seize[h->z] |= h->s->ctl[i].start == RAMP_START_ROLLBACK;
}

static bool lease_removed(struct hand *h)
{
    char name[40];

    lease_name(h, name);
    h->s->lease_removed_ms[h->z] = h->s->now;
    lease_touched(h);
    return memory_remove(h->s->service, h->zone, name, "TXT", NULL);
}

static bool lease_set(struct hand *h, struct rrset *out)
{
    const struct rrset *rr;
    char name[40];

    lease_name(h, name);
    rr = memory_find(h->s->service, h->zone, name, "TXT", NULL);
    if (rr)
        *out = rrset_copy(&h->mem, rr);
    return rr != NULL;
}

static bool lease_unreadable(struct hand *h)
{
    static const char *const words[] = {"\"v=spf1 -all\""};
    struct rrset lease;

    if (!lease_set(h, &lease))
        return false;
    lease.values = words;
    h->s->lease_removed_ms[h->z] = h->s->now;
    lease_touched(h);
    put(h, lease);
    return true;
}

static bool lease_ttl(struct hand *h)
{
    struct rrset lease;

    if (!lease_set(h, &lease))
        return false;
    lease.ttl = lease.ttl == 60 ? 300 : 60;
    put(h, lease);
    return true;
}

static void record_put(struct hand *h, uint32_t r, const char *set_id, uint32_t w)
{
    const char *const values[] = {set_id[0] == 'o' ? "192.0.2.1" : "192.0.2.2"};
    struct rrset rr = {.name = h->s->record_name[r],
                       .type = "A",
                       .set_id = set_id,
                       .weighted = true,
                       .weight = w,
                       .has_ttl = true,
                       .ttl = 5,
                       .values = values,
                       .n_values = 1};
    const struct rrset *now = memory_find(h->s->service, h->zone, rr.name, "A", set_id);
    struct rrset copy;

    if (now && now->n_values > 1) { /* a wide one keeps its values */
        copy = rrset_copy(&h->mem, now);
        rr.values = copy.values;
        rr.n_values = copy.n_values;
    }
    put(h, rr);
}

static bool reapplied(struct hand *h)
{
    for (uint32_t r = 0; r < h->s->n_records; r++) {
        h->zone[1] = (char)('0' + h->s->record_zone[r]);
        (void)memory_remove(h->s->service, h->zone, h->s->record_name[r], "A", NULL);
        record_put(h, r, "old", h->s->weight_old[r]);
        record_put(h, r, "new", 0);
    }
    return true;
}

static const struct {
    enum sim_fault kind;
    uint32_t share; /* of 100 */
    bool needs_set;
    bool (*act)(struct hand *h);
} acts[] = {
    {FAULT_EDITED_WEIGHT, 24, true, weight},
    {FAULT_EDITED_VALUE, 10, true, value},
    {FAULT_EDITED_TTL, 8, true, ttl},
    {FAULT_EDITED_HEALTH_CHECK, 8, true, health_check},
    {FAULT_SET_REMOVED, 8, true, removed},
    {FAULT_SET_ADDED, 7, true, added},
    {FAULT_RECORD_SIMPLE, 5, true, simple},
    {FAULT_REAPPLIED, 8, false, reapplied},
    {FAULT_LEASE_REMOVED, 12, false, lease_removed},
    {FAULT_LEASE_UNREADABLE, 5, false, lease_unreadable},
    {FAULT_LEASE_TTL, 5, false, lease_ttl},
};

void foreign_act(struct sim *s)
{
    struct hand h = {.s = s, .r = (uint32_t)sim_random(s, s->n_records)};
    bool old = sim_chance(s, 500);
    const struct rrset *set, *other;
    uint64_t n = sim_random(s, 100);
    size_t i = 0;

    h.z = s->record_zone[h.r];
    h.zone[0] = 'Z';
    h.zone[1] = (char)('0' + h.z);
    set = memory_find(s->service, h.zone, s->record_name[h.r], "A", old ? "old" : "new");
    other = memory_find(s->service, h.zone, s->record_name[h.r], "A", old ? "new" : "old");
    h.there = set != NULL;
    h.both = set && other;
    if (set)
        h.set = rrset_copy(&h.mem, set);
    h.other = other ? rrset_copy(&h.mem, other) : h.set;
    while (i < ARRAY_LEN(acts) - 1 && n >= acts[i].share)
        n -= acts[i++].share;
    s->foreign_touched = true;
    s->last_foreign_ms = s->now;
    sim_log(s, "a foreign hand, %s %s: %s", s->record_name[h.r], old ? "old" : "new",
            sim_faults[acts[i].kind].name);
    if ((h.there || !acts[i].needs_set) && acts[i].act(&h))
        fault_met(s, acts[i].kind);
    arena_clear(&h.mem);
}
