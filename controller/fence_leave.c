/* Leaving a zone: released by us, taken by another, or its lease gone. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "backoff.h"
#include "fence_int.h"

/* ---- Deposed, absent
 * ----------------------------------------------------------------------------------- */

/* Another run's lease stands there: nothing more is written, the lease is read until it is ours
 * again or a whole life has passed. */
void depose(struct fence *f, struct fzone *z, const struct flv *by, int64_t now)
{
    char text[160];

    if (f->goal == G_TAKE) {
        forward_fail(f, z, by->kind == LV_FOREIGN ? FENCE_BUSY : FENCE_INVALID, NULL, who(by, text),
                     now);
        return;
    }
    batch_detach(f, z);
    read_cancel(&z->rd[RD_WRITE]);
    if (z->phase == Z_READ || z->phase == Z_MOVE || z->phase == Z_SORT)
        z->phase = Z_READ;
    else if (f->goal == G_BACK)
        z->phase = Z_BACK;
    else if (z->phase == Z_CONFIRM)
        z->phase = Z_MOVED;
    if (!z->deposed) {
        struct fence_event *e = event_add(f, FENCE_DEPOSED, 0, false);

        z->deposed = true;
        z->deposed_end = false;
        z->deposed_ms = now;
        event_zone(e, z, by);
        safe_copy(e->text, sizeof e->text, who(by, text));
    }
    z->watch_due_ms = now + WATCH_MS;
}

/* Forward and waiting only: a rollback has its own way (fence_back.c). */
void absent(struct fence *f, struct fzone *z, int64_t now)
{
    bool told = z->absent;

    z->absent = true;
    if (f->goal == G_APPLY || f->goal == G_TAKE)
        forward_fail(f, z, FENCE_ABSENT, NULL, "somebody removed the lease record", now);
    else if (!told)
        event_zone(event_add(f, FENCE_ABSENT, 0, false), z, NULL);
}

void watch_go(struct fence *f, struct fzone *z, int64_t now)
{
    if (!z->deposed || z->deposed_end)
        return;
    if (now - z->deposed_ms >= f->cfg.life_ms) {
        z->deposed_end = true;
        read_cancel(&z->rd[RD_WRITE]);
        event_zone(event_add(f, FENCE_DEPOSED_END, 0, false), z, &z->lease);
        if (f->goal == G_APPLY)
            forward_fail(f, z, FENCE_DEPOSED, NULL, "", now);
        back_check(f);
    } else if (z->watch_due_ms <= now && !z->rd[RD_WRITE].active) {
        z->watch_due_ms = NEVER;
        read_start(f, z, RD_WRITE, true, 0, 0, false, 1, now);
    }
}

void watch_read(struct fence *f, struct fzone *z, struct freading *rd, int64_t now)
{
    z->watch_due_ms = now + WATCH_MS;
    if (rd->failed)
        return;
    lease_learn(f, z, &rd->lease, now);
    if (rd->lease.kind != LV_OURS)
        return;
    z->deposed = false;
    z->watch_due_ms = NEVER;
    z->due_ms = now;
    event_zone(event_add(f, FENCE_OURS_AGAIN, 0, false), z, &rd->lease);
}

/* ---- fence_read()
 * -------------------------------------------------------------------------------------- */

/* Which of two findings is told. */
static uint32_t gravity(const struct fence_event *e)
{
    switch (e->kind) {
    case FENCE_DRIFT:
        return e->has_lease ? 6 : 2;
    case FENCE_ABSENT:
        return 5;
    case FENCE_REVERTING:
        return 4;
    case FENCE_UNREAD:
        return 3;
    default:
        return 1;
    }
}

static void worst(struct fence *f, const struct fence_event *e)
{
    if (gravity(e) > gravity(&f->read_worst))
        f->read_worst = *e;
}

static void command_lease(struct fence *f, struct fzone *z, struct freading *rd, int64_t now)
{
    struct fence_event e = {.record = FENCE_NONE};
    const struct flv *v = &rd->lease;
    bool known = lv_known(z, v) != NULL, held = z->taken || z->touched;
    char text[160];

    if (f->cfg.lease_off)
        return;
    if (f->goal == G_BACK || f->goal == G_TAKE || f->goal == G_RELEASE) {
        if (v->kind == LV_OURS) /* they look for themselves */
            lease_learn(f, z, v, now);
        return;
    }
    lease_learn(f, z, v, now);
    event_zone(&e, z, v);
    safe_copy(e.text, sizeof e.text, who(v, text));
    if (v->kind == LV_OURS && !known && v->lease.state == LEASE_REVERTING) {
        e.kind = FENCE_REVERTING;
        z->back_unsaid = true;
        worst(f, &e);
    } else if (v->kind == LV_OURS && z->deposed) {
        watch_read(f, z, rd, now);
    } else if (v->kind == LV_ABSENT && f->went_back) {
        z->absent = true; /* somebody removed it behind the rollback: the weights decide */
    } else if (v->kind == LV_ABSENT && held) {
        e.kind = FENCE_ABSENT;
        e.has_lease = false;
        z->absent = true;
        worst(f, &e);
    } else if (v->kind != LV_OURS && held) {
        e.kind = FENCE_DRIFT;
        e.field = "lease";
        depose(f, z, v, now);
        worst(f, &e);
    }
}

void command_read(struct fence *f, struct fzone *z, struct freading *rd, int64_t now)
{
    struct fence_event e = {.record = FENCE_NONE};

    event_zone(&e, z, NULL);
    if (rd->failed) {
        e.kind = FENCE_UNREAD;
        safe_copy(e.text, sizeof e.text, rd->message);
        worst(f, &e);
    } else {
        if (rd->n_drift && f->goal != G_BACK) {
            e.kind = FENCE_DRIFT;
            e.record = rd->drift_rec;
            e.set_id = rd->drift_set;
            e.field = rd->drift_field;
            e.n_all = rd->n_drift;
            worst(f, &e);
        }
        command_lease(f, z, rd, now);
    }
    if (f->read_left && --f->read_left == 0 && f->read_op) {
        f->read_worst.op_id = f->read_op;
        f->read_worst.final = true;
        f->read_op = 0;
        f->went_back = f->went_back && f->read_worst.kind == FENCE_UNREAD;
        *event_add(f, f->read_worst.kind, 0, true) = f->read_worst;
    }
}

/* ---- Release
 * ------------------------------------------------------------------------------------------- */

void release_start(struct fence *f, int64_t now)
{
    f->release_until_ms = now + RELEASE_MAX_MS;
    for (uint32_t i = 0; i < f->n_zones; i++) {
        struct fzone *z = f->zones[i];

        batch_detach(f, z);
        read_cancel(&z->rd[RD_WRITE]);
        sync_clear(z);
        z->phase = (z->touched || z->taken) && !f->cfg.lease_off ? Z_RELEASE : Z_DONE;
        z->due_ms = now;
        z->cand = z->tries = 0;
        z->release_failed = false;
    }
}

static void release_done(struct fence *f, struct fzone *z, bool failed)
{
    batch_detach(f, z);
    z->phase = Z_DONE;
    z->due_ms = NEVER;
    z->release_failed = failed;
    z->taken = z->taken && failed;
    z->absent = z->deposed = false;
    z->former.kind = LV_UNKNOWN;
}

/* Giving back what was taken over: the former owner's own lease at a newer generation. */
static void to_former(struct fbatch *b, const struct flv *former)
{
    struct lease l = former->lease;

    l.generation = b->crt.lease.generation;
    snprintf(l.nonce, sizeof l.nonce, "%s", b->crt.lease.nonce);
    b->crt.lease = l;
    b->crt.kind = LV_FOREIGN;
    lease_format(&l, b->crt.text);
}

static void release_sort(struct fence *f, struct fzone *z, int64_t now)
{
    z->phase = Z_RELEASE_SORT;
    z->due_ms = NEVER;
    read_start(f, z, RD_WRITE, true, 0, 0, false, 0, now);
}

static void release_send(struct fence *f, struct fzone *z, int64_t now)
{
    const struct flv *cand[OPEN_MAX + 1];
    uint32_t n = lease_candidates(z, cand);
    struct flv del;

    if (z->lone_loose || n == 0 || z->n_open >= OPEN_MAX || !z->lease_certain) {
        z->lone_loose = false;
        release_sort(f, z, now);
        return;
    }
    if (z->cand >= n) {
        z->cand = 0;
        release_sort(f, z, now);
        return;
    }
    del = *cand[z->cand];
    if (del.kind != LV_OURS || del.lease.state == LEASE_RELEASED) {
        /* As found: nothing of ours stands there, unless it comes yet. */
        if (n == 1)
            release_done(f, z, false);
        else
            z->cand++;
        return;
    }
    z->cur = batch_new(f, z, B_RELEASE, 0, 0, f->percent, &del, LEASE_RELEASED, now);
    if (z->former.kind == LV_FOREIGN && f->giving_back)
        to_former(z->cur, &z->former);
    z->due_ms = NEVER;
    batch_send(f, z->cur, now);
}

void release_go(struct fence *f, struct fzone *z, int64_t now)
{
    if (z->phase != Z_RELEASE && z->phase != Z_RELEASE_SORT)
        return;
    if (now >= f->release_until_ms) {
        read_cancel(&z->rd[RD_WRITE]);
        release_done(f, z, true);
        return;
    }
    if (z->phase != Z_RELEASE || z->due_ms > now || z->lone_flight || z->rd[RD_WRITE].active)
        return;
    if (!z->cur)
        release_send(f, z, now);
    else if (z->cur->op_id == 0)
        batch_send(f, z->cur, now);
}

void release_answer(struct fence *f, struct fzone *z, struct fbatch *b,
                    const struct router_answer *a, int64_t now)
{
    (void)b;
    switch (a->outcome) {
    case ROUTER_OK:
        release_done(f, z, false);
        break;
    case ROUTER_REFUSED:
        batch_detach(f, z);
        z->cand++;
        z->due_ms = now;
        break;
    case ROUTER_BUSY:
    case ROUTER_UNKNOWN:
    case ROUTER_OUTCOME_COUNT:
        z->due_ms = now + 100 + backoff_full_ms(&f->random, ++z->tries, 500, 10000);
        break;
    case ROUTER_DENIED:
    case ROUTER_MISSING:
    case ROUTER_INVALID:
        safe_copy(z->refusal, sizeof z->refusal, a->message[0] ? a->message : a->code);
        release_done(f, z, true);
        break;
    }
}

void release_read(struct fence *f, struct fzone *z, struct freading *rd, int64_t now)
{
    if (z->phase != Z_RELEASE_SORT)
        return;
    if (rd->failed) {
        safe_copy(z->refusal, sizeof z->refusal, rd->message);
        release_done(f, z, true);
        return;
    }
    lease_learn(f, z, &rd->lease, now);
    if (rd->lease.kind != LV_OURS || rd->lease.lease.state == LEASE_RELEASED) {
        release_done(f, z, false);
        return;
    }
    z->phase = Z_RELEASE;
    z->cand = 0;
    z->due_ms = now + (++z->tries > 3 ? 1000 : 0);
}

void release_check(struct fence *f, int64_t now)
{
    struct fence_event *e;
    uint32_t failed = 0;
    const char *why = "";

    (void)now;
    if (f->goal != G_RELEASE && !f->giving_back)
        return;
    for (uint32_t i = 0; i < f->n_zones; i++) {
        if (f->zones[i]->phase != Z_DONE)
            return;
        if (f->zones[i]->release_failed) {
            failed++;
            why = f->zones[i]->refusal;
        }
    }
    if (f->giving_back) {
        e = event_add(f, f->failure.kind, f->op, true);
        *e = f->failure;
        if (failed)
            event_text(e, "%s%sthe lease of %u zone%s is left", e->text, e->text[0] ? "; " : "",
                       failed, failed == 1 ? "" : "s");
    } else {
        e = event_add(f, FENCE_RELEASED, f->op, true);
        e->n_all = f->n_zones;
        e->n_done = f->n_zones - failed;
        safe_copy(e->text, sizeof e->text, why);
    }
    f->giving_back = false;
    f->goal = G_IDLE;
    f->op = 0;
    for (uint32_t i = 0; i < f->n_zones; i++)
        f->zones[i]->phase = Z_IDLE;
}
