/* The clients: requests in the air and the answers they get. What a zone does with a batch is
 * memory_zone.c. */
#include "router_memory.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory_zone.h"
#include "sluice/arena.h"
#include "sluice/common.h"

#define CHANGES_KEPT 4096 /* change ids that SYNC still knows */
#define SIGNATURE_MS (5 * 60 * 1000)

enum what { ARRIVE, REPLY };

/* One request or reply in the air. */
struct flight {
    enum what what;
    int64_t at_ms;
    uint64_t order;               /* ties: first sent, first there */
    struct memory_client *client; /* NULL: nobody waits for the answer */
    uint32_t tag;
    struct memory_verdict verdict;
    uint32_t op_id;
    enum router_op op;
    struct memory_request *request; /* ARRIVE */
    struct router_answer answer;    /* REPLY */
    bool copy;                      /* a late copy: no answer */
};

struct change {
    char id[ROUTER_CHANGE_ID_MAX];
    int64_t insync_ms;
};

struct memory_client {
    struct memory_client *next;
    struct memory_service *service;
    uint32_t tag;
    memory_decide *decide;
    void *ctx;
    struct router_answer *ready;
    size_t n_ready, cap_ready, head_ready;
};

struct memory_service {
    struct memory_zone **zones;
    size_t n_zones;
    struct memory_client *clients;
    struct flight *air; /* unordered: few at a time */
    size_t n_air, cap_air;
    uint64_t order, changes;
    struct change *change;
    int64_t now_ms, wall_ms;
    bool weights;
    memory_watch *watch;
    void *watch_ctx;
    struct memory_counts counts;
};

/* ---- The service
 * --------------------------------------------------------------------------------------- */

struct memory_service *memory_new(void)
{
    struct memory_service *m = x_zalloc(sizeof *m);

    m->weights = true;
    m->change = x_calloc(CHANGES_KEPT, sizeof *m->change);
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
    free(m->change);
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
    watched(m, 0, zone_id);
}

bool memory_remove(struct memory_service *m, const char *zone_id, const char *name,
                   const char *type, const char *set_id)
{
    bool there = memory_zone_remove(zone_find(m, zone_id), name, type, set_id);

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

static struct flight *air_add(struct memory_service *m, enum what what, int64_t at_ms)
{
    if (m->n_air == m->cap_air) {
        m->cap_air = m->cap_air ? 2 * m->cap_air : 16;
        m->air = x_realloc(m->air, m->cap_air, sizeof *m->air);
    }
    m->air[m->n_air] = (struct flight){.what = what, .at_ms = at_ms, .order = m->order++};
    return &m->air[m->n_air++];
}

static void answer(struct memory_service *m, const struct flight *f, const struct router_answer *a,
                   int64_t after)
{
    struct flight *r;

    if (!f->client || f->copy) {
        if (a->owner)
            memory_listing_free(a->owner);
        return;
    }
    r = air_add(m, REPLY, m->now_ms + after);
    r->client = f->client;
    r->op_id = f->op_id;
    r->answer = *a;
}

static void code(struct router_answer *a, enum router_outcome outcome, const char *name,
                 const char *message)
{
    a->outcome = outcome;
    snprintf(a->code, sizeof a->code, "%s", name);
    snprintf(a->message, sizeof a->message, "%s", message);
}

static void change_made(struct memory_service *m, const struct flight *f, struct router_answer *a)
{
    struct change *c = &m->change[m->changes % CHANGES_KEPT];

    snprintf(c->id, sizeof c->id, "C%llu", (unsigned long long)++m->changes);
    c->insync_ms = m->now_ms + f->verdict.pending_ms;
    snprintf(a->change_id, sizeof a->change_id, "%s", c->id);
    m->counts.applied++;
    watched(m, f->tag, f->request->zone_id);
}

static void do_change(struct memory_service *m, const struct flight *f, struct router_answer *a)
{
    struct memory_zone *z = zone_find(m, f->request->zone_id);

    m->counts.arrived++;
    if (!z)
        code(a, ROUTER_MISSING, "NoSuchHostedZone", "no hosted zone found with this id");
    else if (!memory_zone_apply(z, f->request, m->weights, a->message, sizeof a->message))
        code(a, ROUTER_REFUSED, "InvalidChangeBatch", a->message);
    else
        change_made(m, f, a);
}

static void do_sync(struct memory_service *m, const struct flight *f, struct router_answer *a)
{
    m->counts.syncs++;
    for (size_t i = 0; i < CHANGES_KEPT; i++)
        if (strcmp(m->change[i].id, f->request->change_id) == 0) {
            a->insync = m->change[i].insync_ms <= m->now_ms;
            return;
        }
    code(a, ROUTER_MISSING, "NoSuchChange", "no such change");
}

static void do_list(struct memory_service *m, const struct flight *f, struct router_answer *a)
{
    struct memory_zone *z = zone_find(m, f->request->zone_id);

    m->counts.lists++;
    if (z)
        memory_zone_list(z, f->request, a);
    else
        code(a, ROUTER_MISSING, "NoSuchHostedZone", "no hosted zone found with this id");
}

/* A verdict that needs no zone. */
static bool turned_away(const struct flight *f, struct router_answer *a)
{
    switch (f->verdict.fault) {
    case MEMORY_THROTTLED:
        code(a, ROUTER_BUSY, "Throttling", "Rate exceeded");
        return true;
    case MEMORY_PRIOR:
        code(a, ROUTER_BUSY, "PriorRequestNotComplete", "a previous request is still in process");
        return true;
    case MEMORY_REFUSED:
        code(a, ROUTER_REFUSED, "InvalidChangeBatch", "no reason at all");
        return true;
    case MEMORY_DENIED:
        code(a, ROUTER_DENIED, "AccessDenied", "not authorized to perform this");
        return true;
    case MEMORY_SERVER:
        code(a, ROUTER_UNKNOWN, "503", "Service Unavailable");
        return true;
    default:
        return false;
    }
}

static void arrive(struct memory_service *m, struct flight f)
{
    struct router_answer a = {.op_id = f.op_id,
                              .op = f.op,
                              .signed_ms = f.request->signed_ms,
                              .sent_boot_us = f.request->sent_us};
    bool late = f.copy && m->now_ms + m->wall_ms > f.request->signed_ms + SIGNATURE_MS;

    a.date_ms = (m->now_ms + m->wall_ms) / 1000 * 1000;
    if (!turned_away(&f, &a) && !late) {
        if (f.op == ROUTER_OP_CHANGE)
            do_change(m, &f, &a);
        else if (f.op == ROUTER_OP_LIST)
            do_list(m, &f, &a);
        else
            do_sync(m, &f, &a);
    }
    if (f.verdict.fault == MEMORY_REPLY_LOST && a.outcome != ROUTER_BUSY) {
        if (a.owner)
            memory_listing_free(a.owner);
        a = (struct router_answer){.op_id = f.op_id,
                                   .op = f.op,
                                   .signed_ms = f.request->signed_ms,
                                   .sent_boot_us = f.request->sent_us};
        code(&a, ROUTER_UNKNOWN, "timeout", "no reply");
    }
    answer(m, &f, &a, f.verdict.reply_ms);
    if (f.verdict.fault == MEMORY_TWICE && !f.copy) {
        struct flight *again = air_add(m, ARRIVE, m->now_ms + f.verdict.late_ms);
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

static size_t air_first(const struct memory_service *m)
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
    while (m->n_air) {
        size_t i = air_first(m);
        struct flight f = m->air[i];

        if (f.at_ms > now_ms)
            break;
        m->now_ms = f.at_ms > m->now_ms ? f.at_ms : m->now_ms;
        m->air[i] = m->air[--m->n_air];
        if (f.what == ARRIVE)
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
    return m->n_air ? m->air[air_first(m)].at_ms : INT64_MAX;
}

/* ---- A client
 * ------------------------------------------------------------------------------------------ */

static void send(struct memory_client *c, uint32_t op_id, enum router_op op,
                 struct memory_request *request, const struct router_batch *batch)
{
    struct memory_service *m = c->service;
    struct memory_verdict v = {0};
    struct flight *f;

    if (c->decide)
        v = c->decide(c->ctx, op, batch);
    request->signed_ms = m->now_ms + m->wall_ms;
    request->sent_us = m->now_ms * 1000 + 1;
    if (v.fault == MEMORY_LOST || v.fault == MEMORY_LATE) {
        struct router_answer a = {.op_id = op_id,
                                  .op = op,
                                  .signed_ms = request->signed_ms,
                                  .sent_boot_us = request->sent_us};
        struct flight gone = {.client = c, .op_id = op_id};

        code(&a, ROUTER_UNKNOWN, "timeout", "no reply");
        answer(m, &gone, &a, v.delay_ms + v.reply_ms);
        if (v.fault == MEMORY_LOST || op != ROUTER_OP_CHANGE) {
            memory_request_free(request);
            return;
        }
    }
    f = air_add(m, ARRIVE, m->now_ms + (v.fault == MEMORY_LATE ? v.late_ms : v.delay_ms));
    f->client = c;
    f->tag = c->tag;
    f->verdict = v;
    f->op_id = op_id;
    f->op = op;
    f->request = request;
    f->copy = v.fault == MEMORY_LATE;
}

static void client_change(void *self, uint32_t op_id, const struct router_batch *batch)
{
    send(self, op_id, ROUTER_OP_CHANGE, memory_request_change(batch), batch);
}

static void client_list(void *self, uint32_t op_id, const struct router_list *list)
{
    send(self, op_id, ROUTER_OP_LIST, memory_request_list(list), NULL);
}

static void client_sync(void *self, uint32_t op_id, const char *change_id)
{
    send(self, op_id, ROUTER_OP_SYNC, memory_request_sync(change_id), NULL);
}

static bool client_next(void *self, struct router_answer *out)
{
    struct memory_client *c = self;

    if (c->head_ready == c->n_ready)
        return false;
    *out = c->ready[c->head_ready++];
    if (c->head_ready == c->n_ready)
        c->head_ready = c->n_ready = 0;
    return true;
}

static void client_release(void *self, struct router_answer *a)
{
    (void)self;
    if (a->owner)
        memory_listing_free(a->owner);
    a->owner = NULL;
}

static void client_free(void *self)
{
    struct memory_client *c = self;
    struct memory_service *m = c->service;

    for (size_t i = 0; i < m->n_air; i++)
        if (m->air[i].client == c)
            m->air[i].client = NULL;
    for (; c->head_ready < c->n_ready; c->head_ready++)
        client_release(c, &c->ready[c->head_ready]);
    for (struct memory_client **at = &m->clients; *at; at = &(*at)->next)
        if (*at == c) {
            *at = c->next;
            break;
        }
    free(c->ready);
    free(c);
}

void memory_client_crash(struct router r)
{
    client_free(r.self);
}

struct router memory_client_new(struct memory_service *m, uint32_t tag, memory_decide *decide,
                                void *ctx)
{
    static const struct router_ops ops = {.change = client_change,
                                          .list = client_list,
                                          .sync = client_sync,
                                          .next = client_next,
                                          .release = client_release,
                                          .free = client_free};
    struct memory_client *c = x_zalloc(sizeof *c);

    c->service = m;
    c->tag = tag;
    c->decide = decide;
    c->ctx = ctx;
    c->next = m->clients;
    m->clients = c;
    return (struct router){.ops = &ops, .self = c};
}
