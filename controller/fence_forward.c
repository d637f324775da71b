/* Forward: chunk after chunk, each read right before it is written, each built on the lease value
 * the one before is known to have left. And the heartbeat, a batch of the lease alone.
 *
 *   Z_READ ──► Z_MOVE ──► (next chunk) ──► Z_MOVED
 *                 │ refused
 *                 └──► Z_SORT ──► Z_READ again (it had landed; or somebody of ours wrote between)
 *                             └─► failed: drift, absent, deposed, or Route 53 will not have it */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "backoff.h"
#include "fence_int.h"
#include "weights.h"
#include "sluice/common.h"

#define RETRY_FIRST_MS 500
#define RETRY_CAP_MS   10000
#define REFUSED_MAX    2 /* refusals nothing explains before it is called a fault */

static uint32_t move_percent(const struct fence *f)
{
    return f->goal == G_TAKE ? PERCENT_AS_IS : f->percent_to;
}

void move_start(struct fence *f, struct fzone *z, int64_t now)
{
    (void)f;
    z->chunk = 0;
    z->refused = z->tries = 0;
    z->due_ms = now;
    z->phase = z->n_chunks ? Z_READ : Z_MOVED;
    if (!z->n_chunks)
        z->due_ms = NEVER;
}

/* The same chunk from the start: what stands there was or is being read anew. */
void move_again(struct fence *f, struct fzone *z, int64_t now)
{
    batch_detach(f, z);
    z->tries = 0;
    z->due_ms = now;
    z->phase = Z_READ;
}

/* ---- Failing
 * ------------------------------------------------------------------------------------------- */

/* A record that stands where this step would bring it, and not where the step before left it: a
 * process before this one had written it. */
static bool stands_ahead(const struct fence *f, const struct frec *r)
{
    uint8_t from[WEIGHTS_SETS_MAX], to[WEIGHTS_SETS_MAX];
    bool ahead = false;

    if (r->foreign || !record_targets(r, f->percent, from) || !record_targets(r, f->percent_to, to))
        return false;
    for (uint32_t i = 0; i < r->n_sets; i++) {
        if (r->sets[i].missing || r->sets[i].weight != to[i])
            return false;
        ahead |= to[i] != from[i];
    }
    return ahead;
}

static uint32_t moved_records(const struct fence *f, bool *partly)
{
    uint32_t n = 0;

    *partly = false;
    for (uint32_t i = 0; i < f->n_zones; i++) {
        const struct fzone *z = f->zones[i];

        n += z->phase == Z_MOVED ? z->n_recs : z->n_chunks ? z->cuts[z->chunk] : 0;
        for (uint32_t k = 0; k < z->n_open; k++)
            *partly |= z->open[k]->kind == B_MOVE;
    }
    *partly |= n > 0;
    for (uint32_t i = 0; i < f->n_recs && !*partly; i++)
        *partly = stands_ahead(f, f->recs[i]);
    return n;
}

/* Ends the command: nothing more is sent forward. What is in the air stays there, and stays
 * reckoned with. */
void forward_fail(struct fence *f, struct fzone *z, enum fence_event_kind kind,
                  const struct freading *rd, const char *text, int64_t now)
{
    bool taking = f->goal == G_TAKE, partly;
    struct fence_event local = {.kind = kind}, *e = &local;
    uint32_t moved = moved_records(f, &partly);

    if (!taking)
        e = event_add(f, kind, f->op, true);
    e->op_id = f->op;
    e->final = true;
    event_zone(e, z,
               kind == FENCE_BUSY || kind == FENCE_DEPOSED || kind == FENCE_REVERTING ? &z->lease
                                                                                      : NULL);
    e->record = FENCE_NONE;
    if (rd && kind == FENCE_DRIFT) {
        e->record = rd->drift_rec;
        e->set_id = rd->drift_set;
        e->field = rd->drift_field;
        e->n_all = rd->n_drift;
    } else {
        e->n_all = f->n_recs;
    }
    e->n_done = taking ? 0 : moved;
    e->partly = !taking && partly;
    safe_copy(e->text, sizeof e->text, text ? text : "");
    if (taking)
        e->expired =
            kind == FENCE_BUSY && z->lease.lease.expires_s * 1000 < fence_route53_ms(f, now);
    for (uint32_t i = 0; i < f->n_zones; i++) {
        batch_detach(f, f->zones[i]);
        read_cancel(&f->zones[i]->rd[RD_WRITE]);
        f->zones[i]->phase = Z_IDLE;
        f->zones[i]->due_ms = NEVER;
    }
    if (taking) {
        f->failure = local;
        f->giving_back = true;
        release_start(f, now);
        return;
    }
    f->goal = G_IDLE;
    f->op = 0;
}

static void fail_answer(struct fence *f, struct fzone *z, const struct router_answer *a,
                        int64_t now)
{
    forward_fail(f, z, a->outcome == ROUTER_DENIED ? FENCE_DENIED : FENCE_INVALID, NULL,
                 a->message[0] ? a->message : a->code, now);
}

static void fail_read(struct fence *f, struct fzone *z, const struct freading *rd, int64_t now)
{
    forward_fail(f, z,
                 rd->outcome == ROUTER_DENIED ? FENCE_DENIED
                 : rd->hard                   ? FENCE_INVALID
                                              : FENCE_UNREAD,
                 NULL, rd->message, now);
}

/* ---- Sending
 * ------------------------------------------------------------------------------------------- */

static void move_send(struct fence *f, struct fzone *z, int64_t now)
{
    assert(!z->cur);
    if (z->n_open >= OPEN_MAX) { /* waits until one is known dead */
        z->due_ms = now + RETRY_CAP_MS;
        z->phase = Z_READ;
        return;
    }
    z->cur = batch_new(f, z, B_MOVE, z->cuts[z->chunk], z->cuts[z->chunk + 1], move_percent(f),
                       f->cfg.lease_off ? NULL : &z->lease, LEASE_FORWARD, now);
    z->phase = Z_MOVE;
    z->due_ms = NEVER;
    batch_send(f, z->cur, now);
}

void move_go(struct fence *f, struct fzone *z, int64_t now)
{
    bool lease = !z->lease_certain || (z->lease.kind != LV_OURS && f->goal != G_TAKE);

    if (z->deposed || z->due_ms > now)
        return;
    if (z->phase == Z_READ && !z->rd[RD_WRITE].active && !z->cur) {
        z->due_ms = NEVER;
        read_start(f, z, RD_WRITE, lease, z->cuts[z->chunk], z->cuts[z->chunk + 1], false, 0, now);
    } else if ((z->phase == Z_MOVE || z->phase == Z_SEIZE || z->phase == Z_PROOF) && z->cur &&
               z->cur->op_id == 0) {
        z->due_ms = NEVER;
        batch_send(f, z->cur, now);
    }
}

/* No definite answer: the very same bytes again, later. */
static void again_later(struct fence *f, struct fzone *z, const struct router_answer *a,
                        int64_t now)
{
    z->tries++;
    z->due_ms = now + 100 + backoff_full_ms(&f->random, z->tries, RETRY_FIRST_MS, RETRY_CAP_MS);
    if (z->tries == WAITING_TRIES) {
        struct fence_event *e = event_add(f, FENCE_WAITING, f->op, false);

        event_zone(e, z, NULL);
        safe_copy(e->text, sizeof e->text, a->message[0] ? a->message : a->code);
    }
}

static void move_landed(struct fence *f, struct fzone *z, const struct router_answer *a,
                        int64_t now)
{
    if (f->goal == G_APPLY)
        sync_add(z, a->change_id, now);
    batch_detach(f, z);
    z->tries = z->refused = 0;
    z->due_ms = now;
    if (++z->chunk < z->n_chunks) {
        z->phase = Z_READ;
        return;
    }
    z->chunk = 0;
    z->phase = Z_MOVED;
    z->due_ms = NEVER;
    if (f->goal == G_TAKE)
        take_moved(f, z, now);
}

static void move_answer(struct fence *f, struct fzone *z, const struct router_answer *a,
                        int64_t now)
{
    switch (a->outcome) {
    case ROUTER_OK:
        move_landed(f, z, a, now);
        break;
    case ROUTER_REFUSED:
        safe_copy(z->refusal, sizeof z->refusal, a->message);
        z->phase = Z_SORT;
        read_start(f, z, RD_WRITE, true, z->cur->lo, z->cur->hi, false, 0, now);
        break;
    case ROUTER_BUSY:
    case ROUTER_UNKNOWN:
    case ROUTER_OUTCOME_COUNT:
        again_later(f, z, a, now);
        break;
    case ROUTER_DENIED:
    case ROUTER_MISSING:
    case ROUTER_INVALID:
        fail_answer(f, z, a, now);
        break;
    }
}

/* ---- The heartbeat
 * ------------------------------------------------------------------------------------- */

static int64_t beat_due(const struct fence *f, const struct fzone *z)
{
    bool idle = z->phase == Z_IDLE || z->phase == Z_MOVED || z->phase == Z_DONE;
    bool waits = f->goal == G_TAKE && z->rank < f->take_rank; /* for a zone that is watched */

    /* A lease that says `reverting` is all that remembers a rollback no journal knows: it stays. */
    if (f->cfg.no_heartbeat || f->cfg.lease_off || !z->taken || !idle || z->deposed || z->cur ||
        z->back_unsaid || z->rd[RD_WRITE].active || !z->lease_certain || z->lease.kind != LV_OURS ||
        z->n_open >= OPEN_MAX || f->goal == G_RELEASE || (f->goal == G_TAKE && !waits) ||
        (f->goal == G_BACK && z->phase != Z_DONE))
        return NEVER;
    return z->batch_ms + f->cfg.life_ms / 3;
}

int64_t forward_due(const struct fence *f, const struct fzone *z)
{
    if (z->cur && z->cur->kind == B_BEAT)
        return z->beat_again_ms;
    return beat_due(f, z);
}

void beat_go(struct fence *f, struct fzone *z, int64_t now)
{
    if (z->cur && z->cur->kind == B_BEAT) {
        if (z->cur->op_id == 0 && z->beat_again_ms <= now && !z->rd[RD_WRITE].active) {
            z->beat_again_ms = NEVER;
            batch_send(f, z->cur, now);
        }
        return;
    }
    if (beat_due(f, z) > now)
        return;
    z->cur = batch_new(f, z, B_BEAT, 0, 0, f->goal == G_BACK ? f->percent_to : f->percent,
                       &z->lease, f->goal == G_BACK ? LEASE_REVERTING : LEASE_FORWARD, now);
    z->beat_again_ms = NEVER;
    batch_send(f, z->cur, now);
}

static void beat_answer(struct fence *f, struct fzone *z, const struct router_answer *a,
                        int64_t now)
{
    switch (a->outcome) {
    case ROUTER_OK:
        batch_detach(f, z);
        break;
    case ROUTER_REFUSED:
        read_start(f, z, RD_WRITE, true, 0, 0, false, 0, now);
        break;
    default:
        z->cur->tries++;
        z->beat_again_ms = now + 1000 + backoff_full_ms(&f->random, z->cur->tries, 1000, 30000);
        break;
    }
}

/* Ours, in whatever way: true. Else what it is has been told. */
static bool lease_ours(struct fence *f, struct fzone *z, const struct flv *v, int64_t now)
{
    bool known = lv_known(z, v) != NULL;

    lease_learn(f, z, v, now);
    if (v->kind == LV_OURS) {
        if (known || v->lease.state != LEASE_REVERTING)
            return true;
        z->back_unsaid = true;
        if (f->goal == G_APPLY)
            forward_fail(f, z, FENCE_REVERTING, NULL, "", now);
        else
            event_zone(event_add(f, FENCE_REVERTING, 0, false), z, v);
        return false;
    }
    if (v->kind == LV_ABSENT)
        absent(f, z, now);
    else
        depose(f, z, v, now);
    return false;
}

static void beat_read(struct fence *f, struct fzone *z, struct freading *rd, int64_t now)
{
    struct flv v = rd->lease;

    batch_detach(f, z);
    z->batch_ms = now; /* whatever it was: not again at once */
    if (!rd->failed)
        (void)lease_ours(f, z, &v, now);
}

/* ---- Readings
 * ------------------------------------------------------------------------------------------ */

/* A refusal is sorted by reading the lease, never by its text. */
static void move_sort(struct fence *f, struct fzone *z, struct freading *rd, int64_t now)
{
    bool deleted = lv_same(&rd->lease, &z->cur->del), created = lv_same(&rd->lease, &z->cur->crt);

    if (!f->cfg.lease_off && !deleted) {
        if (created) { /* it had landed: the same sets once more, for a change id to poll */
            lease_learn(f, z, &rd->lease, now);
            move_again(f, z, now);
        } else if (f->goal == G_TAKE) {
            take_start(f, z, now);
        } else if (lease_ours(f, z, &rd->lease, now)) {
            move_again(f, z, now);
        } else if (z->deposed) {
            move_again(f, z, now);
        }
        return;
    }
    if (rd->n_drift) {
        forward_fail(f, z, FENCE_DRIFT, rd, "", now);
    } else if (++z->refused >= REFUSED_MAX) {
        char text[sizeof z->refusal];

        memcpy(text, z->refusal, sizeof text);
        forward_fail(f, z, FENCE_INVALID, NULL, text, now);
    } else {
        move_again(f, z, now);
    }
}

void forward_read(struct fence *f, struct fzone *z, struct freading *rd, int64_t now)
{
    if (z->cur && z->cur->kind == B_BEAT) {
        beat_read(f, z, rd, now);
        return;
    }
    if (z->phase == Z_LEASE || z->phase == Z_BASELINE) {
        take_read(f, z, rd, now);
        return;
    }
    if (z->phase == Z_CONFIRM) {
        sync_read(f, z, rd, now);
        return;
    }
    if (z->phase != Z_READ && z->phase != Z_SORT)
        return;
    if (rd->failed) {
        fail_read(f, z, rd, now);
        return;
    }
    if (z->phase == Z_SORT) {
        move_sort(f, z, rd, now);
        return;
    }
    if (rd->got_lease && !f->cfg.lease_off && !lease_ours(f, z, &rd->lease, now)) {
        if (z->deposed)
            z->due_ms = now;
        return;
    }
    if (rd->n_drift)
        forward_fail(f, z, FENCE_DRIFT, rd, "", now);
    else
        move_send(f, z, now);
}

void forward_answer(struct fence *f, struct fzone *z, struct fbatch *b,
                    const struct router_answer *a, int64_t now)
{
    switch (b->kind) {
    case B_BEAT:
        beat_answer(f, z, a, now);
        break;
    case B_MOVE:
        move_answer(f, z, a, now);
        break;
    case B_LONE:
    case B_SEIZE:
    case B_PROOF:
        if ((b->kind == B_SEIZE || b->kind == B_PROOF) &&
            (a->outcome == ROUTER_BUSY || a->outcome == ROUTER_UNKNOWN))
            again_later(f, z, a, now);
        else if (a->outcome == ROUTER_DENIED || a->outcome == ROUTER_MISSING ||
                 a->outcome == ROUTER_INVALID)
            fail_answer(f, z, a, now);
        else
            take_answer(f, z, b, a, now);
        break;
    case B_BACK:
    case B_RELEASE:
    case B_GHOST:
        break;
    }
}
