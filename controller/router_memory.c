/* The service: requests in the air, what they do when they arrive, and the answers. What a zone
 * does with a batch is memory_zone.c, who sends is memory_client.c. */
#include "router_memory.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory_inner.h"
#include "sluice/arena.h"
#include "sluice/common.h"

#define SIGNATURE_MS (5 * 60 * 1000)

/* ---- The service
 * --------------------------------------------------------------------------------------- */

struct memory_service *memory_new(void)
{
    struct memory_service *m = x_zalloc(sizeof *m);

    m->weights = true;
    m->wake_ms = INT64_MAX;
    return m;
}

void memory_free(struct memory_service *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->n_air; i++) {
        memory_request_free(m->air[i].request);
        if (m->air[i].answer.owner)
            memory_listing_free(m->air[i].answer.owner);
    }
    while (m->clients) {
        struct router r = {.self = m->clients};

        memory_client_crash(r);
    }
    for (size_t i = 0; i < m->n_zones; i++)
        memory_zone_free(m->zones[i]);
    free(m->zones);
    free(m->air);
    free(m->insync_ms);
    free(m);
}

void memory_on_change(struct memory_service *m, memory_watch *watch, void *ctx)
{
    m->watch = watch;
    m->watch_ctx = ctx;
}

void memory_compare_weight(struct memory_service *m, bool yes)
{
    m->weights = yes;
}

void memory_add_zone(struct memory_service *m, const char *zone_id, const char *zone_name)
{
    m->zones = x_realloc(m->zones, m->n_zones + 1, sizeof(struct memory_zone *));
    m->zones[m->n_zones++] = memory_zone_new(zone_id, zone_name);
}

void memory_set_wall(struct memory_service *m, int64_t wall_at_zero_ms)
{
    m->wall_ms = wall_at_zero_ms;
}

static struct memory_zone *zone_find(const struct memory_service *m, const char *id)
{
    for (size_t i = 0; i < m->n_zones; i++)
        if (strcmp(memory_zone_id(m->zones[i]), id) == 0)
            return m->zones[i];
    return NULL;
}

static void watched(struct memory_service *m, uint32_t tag, const char *zone_id)
{
    if (m->watch)
        m->watch(m->watch_ctx, tag, zone_id, m->now_ms);
}

void memory_put(struct memory_service *m, const char *zone_id, const struct rrset *set)
{
    memory_zone_put(zone_find(m, zone_id), set);
    m->foreign++;
    watched(m, 0, zone_id);
}

bool memory_remove(struct memory_service *m, const char *zone_id, const char *name,
                   const char *type, const char *set_id)
{
    bool there = memory_zone_remove(zone_find(m, zone_id), name, type, set_id);

    m->foreign += there;
    if (there)
        watched(m, 0, zone_id);
    return there;
}

const struct rrset *memory_find(const struct memory_service *m, const char *zone_id,
                                const char *name, const char *type, const char *set_id)
{
    return memory_zone_find(zone_find(m, zone_id), name, type, set_id);
}

const struct rrset *const *memory_sets(const struct memory_service *m, const char *zone_id,
                                       size_t *n)
{
    return memory_zone_sets(zone_find(m, zone_id), n);
}

struct memory_counts memory_counts(const struct memory_service *m)
{
    return m->counts;
}

/* ---- In the air
 * ---------------------------------------------------------------------------------------- */

struct flight *memory_air_add(struct memory_service *m, enum memory_what what, int64_t at_ms)
{
    if (m->n_air == m->cap_air) {
        m->cap_air = m->cap_air ? 2 * m->cap_air : 16;
        m->air = x_realloc(m->air, m->cap_air, sizeof *m->air);
    }
    m->wake_ms = at_ms < m->wake_ms ? at_ms : m->wake_ms;
    m->air[m->n_air] = (struct flight){.what = what, .at_ms = at_ms, .order = m->order++};
    return &m->air[m->n_air++];
}

void memory_answer(struct memory_service *m, const struct flight *f, const struct router_answer *a,
                   int64_t after)
{
    struct flight *r;

    if (!f->client || f->copy) {
        if (a->owner)
            memory_listing_free(a->owner);
        return;
    }
    r = memory_air_add(m, MEMORY_REPLY, m->now_ms + after);
    r->client = f->client;
    r->op_id = f->op_id;
    r->answer = *a;
}

void memory_code(struct router_answer *a, enum router_outcome outcome, const char *name,
                 const char *message)
{
    a->outcome = outcome;
    snprintf(a->code, sizeof a->code, "%s", name);
    snprintf(a->message, sizeof a->message, "%s", message);
}

static void change_made(struct memory_service *m, const struct flight *f, struct router_answer *a)
{
    if (m->changes == m->cap_insync) {
        m->cap_insync = m->cap_insync ? 2 * m->cap_insync : 64;
        m->insync_ms = x_realloc(m->insync_ms, m->cap_insync, sizeof *m->insync_ms);
    }
    m->insync_ms[m->changes++] = m->now_ms + f->verdict.pending_ms;
    snprintf(a->change_id, sizeof a->change_id, "C%llu", (unsigned long long)m->changes);
    m->counts.applied++;
    watched(m, f->tag, f->request->zone_id);
}

static void do_change(struct memory_service *m, const struct flight *f, struct router_answer *a)
{
    struct memory_zone *z = zone_find(m, f->request->zone_id);

    m->counts.arrived++;
    if (!z)
        memory_code(a, ROUTER_MISSING, "NoSuchHostedZone", "no hosted zone found with this id");
    else if (!memory_zone_apply(z, f->request, m->weights, a->message, sizeof a->message))
        memory_code(a, ROUTER_REFUSED, "InvalidChangeBatch", a->message);
    else
        change_made(m, f, a);
}

static void do_sync(struct memory_service *m, const struct flight *f, struct router_answer *a)
{
    const char *id = f->request->change_id;
    uint64_t n = id[0] == 'C' ? strtoull(id + 1, NULL, 10) : 0;

    m->counts.syncs++;
    if (n >= 1 && n <= m->changes && f->verdict.fault != MEMORY_FORGOTTEN)
        a->insync = m->insync_ms[n - 1] <= m->now_ms;
    else
        memory_code(a, ROUTER_MISSING, "NoSuchChange", "no such change");
}

static void do_list(struct memory_service *m, const struct flight *f, struct router_answer *a)
{
    struct memory_zone *z = zone_find(m, f->request->zone_id);

    m->counts.lists++;
    if (!z) {
        memory_code(a, ROUTER_MISSING, "NoSuchHostedZone", "no hosted zone found with this id");
        return;
    }
    memory_zone_list(z, f->request, f->second ? &f->answer : NULL, a);
    if (f->second)
        m->counts.torn += f->changes != m->changes + m->foreign;
    if (f->verdict.fault == MEMORY_SHORT)
        m->counts.shortened += memory_zone_shorten(f->request, a);
}

/* The first page of a listing is in hand; the other is asked for, and the zone may change between.
 */
static bool torn(struct memory_service *m, const struct flight *f, const struct router_answer *a)
{
    struct flight *second;
    uint64_t order;

    if (f->verdict.fault != MEMORY_TORN || f->op != ROUTER_OP_LIST || f->second || a->n_sets < 2)
        return false;
    second = memory_air_add(m, MEMORY_ARRIVE, m->now_ms + f->verdict.page_ms);
    order = second->order;
    *second = *f;
    second->order = order;
    second->at_ms = m->now_ms + f->verdict.page_ms;
    second->answer = *a;
    second->answer.n_sets = a->n_sets / 2;
    second->changes = m->changes + m->foreign;
    second->second = true;
    return true;
}

/* A verdict that needs no zone. */
static bool turned_away(const struct flight *f, struct router_answer *a)
{
    switch (f->verdict.fault) {
    case MEMORY_THROTTLED:
        memory_code(a, ROUTER_BUSY, "Throttling", "Rate exceeded");
        return true;
    case MEMORY_PRIOR:
        memory_code(a, ROUTER_BUSY, "PriorRequestNotComplete",
                    "a previous request is still in process");
        return true;
    case MEMORY_REFUSED:
        memory_code(a, ROUTER_REFUSED, "InvalidChangeBatch", "no reason at all");
        return true;
    case MEMORY_DENIED:
        memory_code(a, ROUTER_DENIED, "AccessDenied", "not authorized to perform this");
        return true;
    case MEMORY_SERVER:
        memory_code(a, ROUTER_UNKNOWN, "503", "Service Unavailable");
        return true;
    case MEMORY_EXPIRED:
        memory_code(a, ROUTER_DENIED, "ExpiredToken", "the security token is expired");
        return true;
    default:
        return false;
    }
}

/* It was done, and whoever asked does not hear so. */
static void unheard(const struct flight *f, struct router_answer *a)
{
    bool server = f->verdict.fault == MEMORY_SERVER_DONE;

    if (a->owner)
        memory_listing_free(a->owner);
    *a = (struct router_answer){.op_id = f->op_id,
                                .op = f->op,
                                .signed_ms = f->request->signed_ms,
                                .sent_boot_us = f->request->sent_us};
    memory_code(a, ROUTER_UNKNOWN, server ? "500" : "timeout",
                server ? "InternalFailure" : "no reply");
}

static void arrive(struct memory_service *m, struct flight f)
{
    struct router_answer a = {.op_id = f.op_id,
                              .op = f.op,
                              .signed_ms = f.request->signed_ms,
                              .sent_boot_us = f.request->sent_us};
    bool late = f.copy && m->now_ms + m->wall_ms > f.request->signed_ms + SIGNATURE_MS;

    if (!f.verdict.no_date)
        a.date_ms = (m->now_ms + m->wall_ms) / 1000 * 1000;
    if (!turned_away(&f, &a) && !late) {
        if (f.op == ROUTER_OP_CHANGE)
            do_change(m, &f, &a);
        else if (f.op == ROUTER_OP_LIST)
            do_list(m, &f, &a);
        else
            do_sync(m, &f, &a);
    }
    if (torn(m, &f, &a))
        return;
    if (f.second && f.answer.owner)
        memory_listing_free(f.answer.owner);
    if ((f.verdict.fault == MEMORY_REPLY_LOST || f.verdict.fault == MEMORY_SERVER_DONE) &&
        a.outcome != ROUTER_BUSY)
        unheard(&f, &a);
    memory_answer(m, &f, &a, f.verdict.reply_ms);
    if (f.verdict.fault == MEMORY_TWICE && !f.copy) {
        struct flight *again = memory_air_add(m, MEMORY_ARRIVE, m->now_ms + f.verdict.late_ms);
        uint64_t order = again->order;

        *again = f;
        again->order = order;
        again->at_ms = m->now_ms + f.verdict.late_ms;
        again->copy = true;
        return;
    }
    memory_request_free(f.request);
}

static void ready_add(struct memory_client *c, const struct router_answer *a, int64_t now)
{
    if (c->n_ready == c->cap_ready) {
        c->cap_ready = c->cap_ready ? 2 * c->cap_ready : 8;
        c->ready = x_realloc(c->ready, c->cap_ready, sizeof *c->ready);
    }
    c->ready[c->n_ready] = *a;
    c->ready[c->n_ready++].done_boot_ms = now;
}

size_t memory_air_first(const struct memory_service *m)
{
    size_t best = 0;

    for (size_t i = 1; i < m->n_air; i++)
        if (m->air[i].at_ms < m->air[best].at_ms ||
            (m->air[i].at_ms == m->air[best].at_ms && m->air[i].order < m->air[best].order))
            best = i;
    return best;
}

void memory_tick(struct memory_service *m, int64_t now_ms)
{
    while (m->wake_ms <= now_ms) {
        size_t i = memory_air_first(m);
        struct flight f = m->air[i];

        m->now_ms = f.at_ms > m->now_ms ? f.at_ms : m->now_ms;
        m->air[i] = m->air[--m->n_air];
        m->wake_ms = m->n_air ? m->air[memory_air_first(m)].at_ms : INT64_MAX;
        if (f.what == MEMORY_ARRIVE)
            arrive(m, f);
        else if (f.client)
            ready_add(f.client, &f.answer, m->now_ms);
        else if (f.answer.owner)
            memory_listing_free(f.answer.owner);
    }
    m->now_ms = now_ms > m->now_ms ? now_ms : m->now_ms;
}

int64_t memory_wake_at(const struct memory_service *m)
{
    return m->wake_ms;
}
