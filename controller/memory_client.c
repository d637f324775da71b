/* A client of the service in memory: what it sends, and the answers it can take. */
#include <stdlib.h>

#include "memory_inner.h"
#include "sluice/common.h"

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

        memory_code(&a, ROUTER_UNKNOWN, "timeout", "no reply");
        memory_answer(m, &gone, &a, v.delay_ms + v.reply_ms);
        if (v.fault == MEMORY_LOST || op != ROUTER_OP_CHANGE) {
            memory_request_free(request);
            return;
        }
    }
    f = memory_air_add(m, MEMORY_ARRIVE,
                       m->now_ms + (v.fault == MEMORY_LATE ? v.late_ms : v.delay_ms));
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

uint32_t memory_client_air(struct router r, bool lose, int64_t later_ms)
{
    struct memory_client *c = r.self;
    struct memory_service *m = c->service;
    uint32_t n = 0;

    for (size_t i = 0; i < m->n_air; i++) {
        struct flight *f = &m->air[i];

        if (f->client != c || f->what != MEMORY_ARRIVE || f->copy || f->second)
            continue;
        n++;
        if (lose)
            f->verdict.fault = MEMORY_SERVER; /* never processed; nobody hears of it */
        else
            f->at_ms += later_ms;
        f->copy = true;
    }
    m->wake_ms = m->n_air ? m->air[memory_air_first(m)].at_ms : INT64_MAX;
    return n;
}

uint32_t memory_client_flying(struct router r)
{
    const struct memory_client *c = r.self;
    uint32_t n = 0;

    for (size_t i = 0; i < c->service->n_air; i++) {
        const struct flight *f = &c->service->air[i];

        n += f->client == c && f->what == MEMORY_ARRIVE && f->op == ROUTER_OP_CHANGE && !f->copy;
    }
    return n;
}

bool memory_client_ready(struct router r)
{
    const struct memory_client *c = r.self;

    return c->head_ready < c->n_ready;
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
