/* Taking a zone: lease, the taking batches (every set deleted as listed and created the same), the
 * way back proven with batches that must fail, and the baseline read again. Zones one after
 * another, by id.
 *
 *   Z_LEASE ──┬─► absent: Z_CREATE ────────┬──► Z_READ ⇄ Z_MOVE (fence_forward.c) ──► Z_PROOF
 *     ▲  │    ├─► released, ours ───────────┤      ──► Z_BASELINE ──► taken
 *     └──┘    └─► another's: Z_SEIZE ───────┘      (or refused: busy)
 *   another's, past its time: read until a whole life has passed
 *
 * `sluice rollback` only seizes the lease. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "backoff.h"
#include "fence_int.h"

void take_start(struct fence *f, struct fzone *z, int64_t now)
{
    batch_detach(f, z);
    z->phase = Z_LEASE;
    z->due_ms = now;
}

static void zone_taken(struct fence *f, struct fzone *z, int64_t now);

void take_go(struct fence *f, struct fzone *z, int64_t now)
{
    if (z->phase == Z_LEASE && z->due_ms <= now && !z->rd[RD_WRITE].active) {
        z->due_ms = NEVER;
        z->asked_ms = now;
        if (f->cfg.lease_off && f->how == FENCE_TAKE_ROLLBACK)
            zone_taken(f, z, now);
        else if (f->cfg.lease_off)
            move_start(f, z, now);
        else
            read_start(f, z, RD_WRITE, true, 0, 0, f->how == FENCE_TAKE_ROLLBACK, READ_TRIES_MAX,
                       now);
    }
    if (z->phase == Z_READ || z->phase == Z_MOVE || z->phase == Z_SEIZE || z->phase == Z_PROOF)
        move_go(f, z, now);
}

/* Nothing there that could fence a late copy: it goes out alone, urgent so that it does not wait in
 * a bucket (signed within 30 s of the reading), and is never sent twice. */
void lone_send(struct fence *f, struct fzone *z, enum lease_state state, int64_t now)
{
    assert(!z->cur);
    z->cur = batch_new(f, z, B_LONE, 0, 0, f->goal == G_BACK ? f->percent_to : f->percent, NULL,
                       state, now);
    z->cur->urgent = true;
    z->phase = Z_CREATE;
    z->due_ms = NEVER;
    batch_send(f, z->cur, now);
}

static void seize_send(struct fence *f, struct fzone *z, int64_t now)
{
    enum lease_state state = f->how == FENCE_TAKE_ROLLBACK ? LEASE_REVERTING : LEASE_FORWARD;

    if (z->n_open >= OPEN_MAX) {
        z->due_ms = now + 5000;
        return;
    }
    z->cur = batch_new(f, z, B_SEIZE, 0, 0,
                       f->how == FENCE_TAKE_ROLLBACK ? f->cfg.rollback_to : f->percent, &z->lease,
                       state, now);
    z->cur->urgent = f->how == FENCE_TAKE_ROLLBACK;
    z->phase = Z_SEIZE;
    z->due_ms = NEVER;
    batch_send(f, z->cur, now);
}

static void zone_taken(struct fence *f, struct fzone *z, int64_t now)
{
    struct fence_event *e;

    batch_detach(f, z);
    z->taken = true;
    z->phase = Z_IDLE;
    z->due_ms = NEVER;
    z->batch_ms = now;
    if (++f->take_rank < f->n_zones) {
        take_start(f, f->by_id[f->take_rank], now);
        zone_go(f, f->by_id[f->take_rank], now);
        return;
    }
    e = event_add(f, FENCE_TAKEN, f->op, true);
    e->n_done = e->n_all = f->n_recs;
    f->goal = G_IDLE;
    f->op = 0;
}

/* The lease is ours now (or released, and goes with the first taking batch). */
static void lease_in_hand(struct fence *f, struct fzone *z, int64_t now)
{
    if (f->how == FENCE_TAKE_ROLLBACK)
        zone_taken(f, z, now);
    else
        move_start(f, z, now);
}

/* Past its time, in Route 53's. */
static bool is_past(const struct fence *f, const struct flv *v, int64_t now)
{
    return f->offset_known && v->lease.expires_s * 1000 < fence_route53_ms(f, now);
}

/* Another run's lease. A dead run's is taken by and by: its time must be over by Route 53's clock, and
 * nobody may have written it for a whole life by ours. Whoever writes is alive, whatever time the
 * lease tells. */
static void foreign_lease(struct fence *f, struct fzone *z, const struct flv *v, int64_t now)
{
    char text[160];
    bool first = !z->watched[0], same = strcmp(z->watched, v->text) == 0;
    struct fence_event *e;

    if (!is_past(f, v, now) || (!first && !same)) {
        forward_fail(f, z, FENCE_BUSY, NULL, who(v, text), now);
        return;
    }
    if (same && z->asked_ms - z->watched_ms >= f->cfg.life_ms) {
        z->former = *v;
        seize_send(f, z, now);
        return;
    }
    z->due_ms = now + WATCH_MS;
    if (!first) {
        if (z->watched_ms + f->cfg.life_ms < z->due_ms)
            z->due_ms = z->watched_ms + f->cfg.life_ms;
        return;
    }
    snprintf(z->watched, sizeof z->watched, "%s", v->text);
    z->watched_ms = now;
    e = event_add(f, FENCE_WATCHING, f->op, false);
    event_zone(e, z, v);
    e->expired = true;
}

static void take_lease(struct fence *f, struct fzone *z, const struct flv *v, int64_t now)
{
    char text[160];

    lease_learn(f, z, v, now);
    z->lease =
        *v; /* what was read decides here, also when its generation is lower than one before */
    switch (v->kind) {
    case LV_UNKNOWN:
    case LV_ABSENT:
        lone_send(f, z, f->how == FENCE_TAKE_ROLLBACK ? LEASE_REVERTING : LEASE_FORWARD, now);
        break;
    case LV_OURS:
        lease_in_hand(f, z, now);
        break;
    case LV_RELEASED:
        if (f->how == FENCE_TAKE_ROLLBACK)
            seize_send(f, z, now);
        else
            move_start(f, z, now);
        break;
    case LV_FOREIGN:
    case LV_BROKEN:
        if (f->how != FENCE_TAKE_FREE) {
            z->former = *v;
            seize_send(f, z, now);
        } else if (v->kind == LV_FOREIGN) {
            foreign_lease(f, z, v, now);
        } else {
            forward_fail(f, z, FENCE_INVALID, NULL, who(v, text), now);
        }
        break;
    }
}

void take_moved(struct fence *f, struct fzone *z, int64_t now)
{
    if (z->chunk < z->n_chunks) {
        z->phase = Z_PROOF;
        z->due_ms = NEVER;
        z->cur = batch_new(f, z, B_PROOF, z->cuts[z->chunk], z->cuts[z->chunk + 1],
                           f->cfg.rollback_to, NULL, LEASE_REVERTING, now);
        batch_send(f, z->cur, now);
        return;
    }
    z->phase = Z_BASELINE;
    z->due_ms = NEVER;
    read_start(f, z, RD_WRITE, true, 0, z->n_recs, false, READ_TRIES_MAX, now);
}

void take_answer(struct fence *f, struct fzone *z, struct fbatch *b, const struct router_answer *a,
                 int64_t now)
{
    bool ok = a->outcome == ROUTER_OK;

    z->tries = 0;
    if (b->kind == B_PROOF) {
        if (ok) {
            forward_fail(
                f, z, FENCE_INVALID, NULL,
                "a batch that had to be refused was accepted: this is not Route 53 as documented",
                now);
            return;
        }
        batch_detach(f, z);
        z->chunk++;
        take_moved(f, z, now);
        return;
    }
    batch_detach(f, z);
    if (ok) {
        lease_in_hand(f, z, now);
        return;
    }
    z->phase = Z_LEASE; /* refused, or a lone CREATE without an answer: read, never send it again */
    z->due_ms = now + 200 + backoff_full_ms(&f->random, ++z->refused, 500, 5000);
}

void take_read(struct fence *f, struct fzone *z, struct freading *rd, int64_t now)
{
    char text[160];

    if (rd->failed) {
        forward_fail(f, z,
                     rd->outcome == ROUTER_DENIED ? FENCE_DENIED
                     : rd->hard                   ? FENCE_INVALID
                                                  : FENCE_UNREAD,
                     NULL, rd->message, now);
        return;
    }
    if (z->phase == Z_LEASE) {
        take_lease(f, z, &rd->lease, now);
        return;
    }
    if (!f->cfg.lease_off) {
        lease_learn(f, z, &rd->lease, now);
        if (rd->lease.kind != LV_OURS) {
            forward_fail(f, z, rd->lease.kind == LV_FOREIGN ? FENCE_BUSY : FENCE_ABSENT, NULL,
                         who(&rd->lease, text), now);
            return;
        }
    }
    if (rd->n_drift)
        forward_fail(f, z, FENCE_DRIFT, rd, "", now);
    else
        zone_taken(f, z, now);
}
