/* fence_kit.h: a fence, Route 53 in memory and a clock by hand, for the tests of the fence.
 *
 * Faults are scripted: kit.script is a list of verdicts for the change requests that come, one
 * each; after its end all is well. Lists and polls can be broken as a whole. */
#ifndef SLUICE_FENCE_KIT_H
#define SLUICE_FENCE_KIT_H

#include <stdio.h>
#include <stdlib.h>

#include "fence.h"
#include "plan.h"
#include "router_memory.h"
#include "sluice/arena.h"
#include "test.h"

#define KIT_WALL   1800000000000ll
#define KIT_EVENTS 512
#define KIT_LEASE  "_sluice.example.com."

struct kit {
    struct memory_service *m;
    struct router router;
    struct fence *f;
    int64_t now;
    enum memory_fault script[256]; /* of the change requests, in their order */
    uint32_t n_script, at_script;
    bool lists_lost, lists_denied, changes_lost, changes_denied;
    const char *deny_upserts_of; /* AccessDenied for batches with UPSERTs, in this zone */
    int64_t pending_ms, late_ms;
    uint32_t short_ranges;       /* so many records at the end of a range are not listed */
    bool uneven;                 /* lists overtake each other */
    uint32_t n_changes, n_lists; /* requests sent */
    uint32_t upserts, deletes, creates, lease_changes;
    bool lone; /* the last change was one CREATE alone */
    bool urgent;
    struct fence_event ev[KIT_EVENTS];
    uint32_t n_ev;
    int64_t change_at[256];
};

static inline struct memory_verdict kit_decide(void *ctx, enum router_op op,
                                               const struct router_batch *b)
{
    struct kit *k = ctx;
    struct memory_verdict v = {
        .pending_ms = k->pending_ms, .delay_ms = 5, .reply_ms = 5, .late_ms = k->late_ms};
    bool upserts = false;

    if (op != ROUTER_OP_CHANGE) {
        k->n_lists += op == ROUTER_OP_LIST;
        if (k->uneven)
            v.delay_ms += k->n_lists * 7 % 5 * 20;
        v.fault = k->lists_denied ? MEMORY_DENIED : k->lists_lost ? MEMORY_LOST : MEMORY_NORMAL;
        return v;
    }
    if (k->n_changes < ARRAY_LEN(k->change_at))
        k->change_at[k->n_changes] = k->now;
    k->n_changes++;
    k->lone = b->n_changes == 1;
    k->urgent = b->urgent;
    for (size_t i = 0; i < b->n_changes; i++) {
        bool txt = strcmp(b->changes[i].set->type, "TXT") == 0;

        k->lease_changes += txt;
        k->upserts += b->changes[i].action == ROUTER_UPSERT;
        k->deletes += b->changes[i].action == ROUTER_DELETE && !txt;
        k->creates += b->changes[i].action == ROUTER_CREATE && !txt;
        upserts |= b->changes[i].action == ROUTER_UPSERT;
    }
    if (k->deny_upserts_of && upserts && strcmp(k->deny_upserts_of, b->zone_id) == 0)
        v.fault = MEMORY_DENIED;
    else if (k->at_script < k->n_script)
        v.fault = k->script[k->at_script++];
    else
        v.fault = k->changes_denied ? MEMORY_DENIED : k->changes_lost ? MEMORY_LOST : MEMORY_NORMAL;
    return v;
}

static inline void kit_script(struct kit *k, uint32_t n, const enum memory_fault *faults)
{
    memcpy(k->script, faults, n * sizeof *faults);
    k->n_script = n;
    k->at_script = 0;
}
#define KIT_SCRIPT(k, ...)                                                                         \
    do {                                                                                           \
        const enum memory_fault kit_s[] = {__VA_ARGS__};                                           \
        kit_script(k, ARRAY_LEN(kit_s), kit_s);                                                    \
    } while (0)

static inline void kit_put(struct kit *k, const char *zone, const char *name, const char *id,
                           uint32_t weight, const char *value)
{
    const char *values[] = {value};
    struct rrset s = {.name = name,
                      .type = "A",
                      .set_id = id,
                      .weighted = true,
                      .weight = weight,
                      .has_ttl = true,
                      .ttl = 60,
                      .values = values,
                      .n_values = 1};

    memory_put(k->m, zone, &s);
}

/* n_zones zones Z0, Z1, …: the first is example.com with n records, the others zN.example.com with
 * one. */
static inline struct kit *kit_service(uint32_t n_zones, uint32_t n)
{
    struct kit *k = x_zalloc(sizeof *k);

    k->m = memory_new();
    memory_set_wall(k->m, KIT_WALL);
    k->now = 1000;
    memory_tick(k->m, k->now);
    for (uint32_t i = 0; i < n_zones; i++) {
        char id[8], name[40];

        snprintf(id, sizeof id, "Z%u", i);
        snprintf(name, sizeof name, i ? "z%u.example.com." : "example.com.", i);
        memory_add_zone(k->m, id, name);
        for (uint32_t r = 0; r < (i ? 1 : n); r++) {
            char rec[80];

            snprintf(rec, sizeof rec, "w%05u.%s", r, name);
            kit_put(k, id, rec, "new", 0, "192.0.2.2");
            kit_put(k, id, rec, "old", 255, "192.0.2.1");
        }
    }
    return k;
}

/* Gives a fence every weighted record that stands there. */
static inline void kit_records(struct kit *k, struct fence *f, uint32_t n_zones)
{
    struct err err = {0};

    for (uint32_t i = 0; i < n_zones; i++) {
        char id[8], lease[60];
        size_t n;
        const struct rrset *const *sets = NULL;
        uint32_t z;

        snprintf(id, sizeof id, "Z%u", i);
        snprintf(lease, sizeof lease, i ? "_sluice.z%u.example.com." : KIT_LEASE, i);
        z = fence_add_zone(f, id, lease);
        sets = memory_sets(k->m, id, &n);
        for (size_t s = 0; s + 1 < n; s++)
            if (sets[s]->weighted && sets[s + 1]->weighted &&
                rrset_name_eq(sets[s]->name, sets[s + 1]->name)) {
                const struct rrset pair[] = {*sets[s], *sets[s + 1]};
                const uint8_t side[] = {PLAN_NEW, PLAN_OLD};

                fence_add_record(f, z, pair, side, 2);
                s++;
            }
    }
    if (!fence_ready(f, &err))
        fail_msg("%s", err.text);
}

static inline struct fence_config kit_config(const char *run, uint64_t seed)
{
    struct fence_config c = {.cutover = "shop",
                             .run = run,
                             .plan_hash = "0123456789ab",
                             .seed = seed,
                             .wall_minus_boot_ms = KIT_WALL};

    return c;
}

static inline struct kit *kit_new(uint32_t n_zones, uint32_t n)
{
    struct kit *k = kit_service(n_zones, n);
    struct fence_config c = kit_config("run-a", 7);

    k->router = memory_client_new(k->m, 1, kit_decide, k);
    k->f = fence_new(&c, k->router);
    kit_records(k, k->f, n_zones);
    return k;
}

static inline void kit_free(struct kit *k)
{
    fence_free(k->f);
    memory_free(k->m);
    free(k);
}

/* What has happened by now; true when something did. */
static inline bool kit_turn(struct kit *k)
{
    struct router_answer a;
    struct fence_event e;
    bool any = false;

    memory_tick(k->m, k->now);
    while (k->router.ops->next(k->router.self, &a)) {
        if (k->short_ranges && a.n_sets > 2 * k->short_ranges)
            a.n_sets -= 2 * k->short_ranges;
        assert_true(fence_answer(k->f, &a, k->now));
        k->router.ops->release(k->router.self, &a);
        any = true;
    }
    if (fence_wake_at(k->f) <= k->now) {
        fence_tick(k->f, k->now);
        any = true;
    }
    while (fence_next(k->f, &e)) {
        assert_true(k->n_ev < KIT_EVENTS);
        k->ev[k->n_ev++] = e;
    }
    return any;
}

/* Goes on until time, or until nothing is left to happen before it. */
static inline void kit_run_to(struct kit *k, int64_t until)
{
    int turns = 0;

    for (;;) {
        int64_t a = memory_wake_at(k->m), b = fence_wake_at(k->f), next = a < b ? a : b;

        if (next > until)
            break;
        if (next > k->now)
            k->now = next;
        kit_turn(k);
        if (++turns > 200000)
            fail_msg("it turns for ever at %lld", (long long)k->now);
    }
    k->now = until > k->now ? until : k->now;
    memory_tick(k->m, k->now);
    kit_turn(k);
}

static inline const struct fence_event *kit_event(const struct kit *k, enum fence_event_kind kind)
{
    for (uint32_t i = k->n_ev; i-- > 0;)
        if (k->ev[i].kind == kind)
            return &k->ev[i];
    return NULL;
}

static inline uint32_t kit_count(const struct kit *k, enum fence_event_kind kind)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < k->n_ev; i++)
        n += k->ev[i].kind == kind;
    return n;
}

/* Runs until a final event for op comes; at most max_ms. */
static inline const struct fence_event *kit_until(struct kit *k, uint32_t op, int64_t max_ms)
{
    int64_t end = k->now + max_ms;
    int turns = 0;

    kit_turn(k);
    for (;;) {
        int64_t a, b, next;

        for (uint32_t i = 0; i < k->n_ev; i++)
            if (k->ev[i].op_id == op && k->ev[i].final)
                return &k->ev[i];
        a = memory_wake_at(k->m);
        b = fence_wake_at(k->f);
        next = a < b ? a : b;
        if (next > end || ++turns > 200000)
            return NULL;
        if (next > k->now)
            k->now = next;
        kit_turn(k);
    }
}

static inline void kit_want(struct kit *k, uint32_t op, enum fence_event_kind kind)
{
    const struct fence_event *e = kit_until(k, op, 30 * 60 * 1000);

    if (!e)
        fail_msg("no answer to %u by %lld", op, (long long)k->now);
    else if (e->kind != kind)
        fail_msg("%s instead of %s: %s", fence_event_name(e->kind), fence_event_name(kind),
                 e->text);
}

static inline void kit_take(struct kit *k)
{
    fence_take(k->f, 1, FENCE_TAKE_FREE, k->now);
    kit_want(k, 1, FENCE_TAKEN);
}

static inline void kit_apply(struct kit *k, uint32_t op, uint32_t percent)
{
    fence_apply(k->f, op, percent, k->now);
    kit_want(k, op, FENCE_INSYNC);
}

static inline uint32_t kit_weight(const struct kit *k, uint32_t zone, uint32_t record,
                                  const char *set)
{
    char id[8], name[80];
    const struct rrset *s;

    snprintf(id, sizeof id, "Z%u", zone);
    snprintf(name, sizeof name, zone ? "w%05u.z%u.example.com." : "w%05u.example.com.", record,
             zone);
    s = memory_find(k->m, id, name, "A", set);
    return s ? s->weight : 999;
}

static inline enum lease_reading kit_lease(const struct kit *k, uint32_t zone, struct lease *out)
{
    char id[8], name[60];
    const struct rrset *s;

    snprintf(id, sizeof id, "Z%u", zone);
    snprintf(name, sizeof name, zone ? "_sluice.z%u.example.com." : KIT_LEASE, zone);
    s = memory_find(k->m, id, name, "TXT", NULL);
    if (!s)
        return LEASE_DAMAGED;
    return lease_parse(s->values[0], out);
}

/* Somebody else's lease, as another run would have left it. */
static inline void kit_foreign(struct kit *k, uint32_t zone, const char *run,
                               enum lease_state state, int64_t expires_s, uint64_t generation)
{
    struct lease l = {.cutover = "other",
                      .generation = generation,
                      .state = state,
                      .expires_s = expires_s,
                      .plan_hash = "ff",
                      .nonce = "1234"};
    char id[8], name[60], text[LEASE_VALUE_SIZE];
    const char *values[] = {text};
    struct rrset s = {
        .name = name, .type = "TXT", .has_ttl = true, .ttl = 60, .values = values, .n_values = 1};

    snprintf(l.run, sizeof l.run, "%s", run);
    if (state != LEASE_RELEASED)
        snprintf(l.owner, sizeof l.owner, "abcd");
    lease_format(&l, text);
    snprintf(id, sizeof id, "Z%u", zone);
    snprintf(name, sizeof name, zone ? "_sluice.z%u.example.com." : KIT_LEASE, zone);
    memory_put(k->m, id, &s);
}

static inline void at_10_percent(struct kit *k)
{
    kit_take(k);
    kit_apply(k, 2, 10);
    k->n_ev = 0;
}

static inline void all_back(struct kit *k, uint32_t zones, uint32_t n)
{
    for (uint32_t z = 0; z < zones; z++)
        for (uint32_t r = 0; r < (z ? 1 : n); r++) {
            assert_int_equal(kit_weight(k, z, r, "new"), 0);
            assert_int_equal(kit_weight(k, z, r, "old"), 255);
        }
}

#endif
