/* Mending a rollback: what a refusal means, records Route 53 will not have, a lease that is gone,
 * and the listing that must agree. The sending is fence_back.c. */
#include "backoff.h"
#include "fence_int.h"
#include "weights.h"

#define MEND_RECORDS_MAX 100 /* of a stretch that is written again */
#define FAULTY_RETRY_MS  5000

/* ---- Sorting
 * ------------------------------------------------------------------------------------------- */

static void fault(struct fence *f, struct fzone *z, int64_t now)
{
    struct fwork *w = work_next(z, now), old;

    z->phase = Z_BACK;
    z->due_ms = now;
    z->cand = z->n_tried = 0;
    if (!w)
        return;
    if (!w->listed) {
        w->listed = true;
        z->phase = Z_BACK_LIST;
        z->due_ms = NEVER;
        read_start(f, z, RD_WRITE, true, w->lo, w->hi, true, 0, now);
        return;
    }
    old = *w;
    if (old.hi - old.lo > 1) {
        uint32_t mid = old.lo + (old.hi - old.lo) / 2;

        work_remove(z, (uint32_t)(w - z->work));
        work_add(z, old.lo, mid, true, now);
        work_add(z, mid, old.hi, true, now);
        return;
    }
    w->faulty = true;
    w->listed = false;
    w->due_ms = now + FAULTY_RETRY_MS;
    back_fault(f, z, z->recs[w->lo], NULL, z->refusal);
}

static bool was_tried(const struct fzone *z, uint64_t gen)
{
    for (uint32_t i = 0; i < z->n_tried; i++)
        if (z->tried[i] == gen)
            return true;
    return false;
}

/* Our lease: true. Else it is told and the zone waits. */
static bool back_lease(struct fence *f, struct fzone *z, const struct flv *v, int64_t now)
{
    if (f->cfg.lease_off)
        return true;
    if (v->kind == LV_OURS) {
        lease_learn(f, z, v, now);
        z->absent_told = z->make_anew = false;
        return true;
    }
    lease_learn(f, z, v, now);
    if (v->kind == LV_ABSENT) {
        if (z->phase != Z_BACK_GONE && z->phase != Z_BACK_STUCK) {
            z->phase = Z_BACK_GONE;
            z->due_ms = now;
        }
        return false;
    }
    depose(f, z, v, now);
    return false;
}

void back_make_anew(struct fzone *z, int64_t now)
{
    if (z->lease.kind != LV_ABSENT)
        return;
    z->make_anew = true;
    if (z->phase == Z_BACK_GONE || z->phase == Z_BACK_STUCK) {
        z->phase = Z_BACK_GONE;
        z->due_ms = now;
    }
}

/* Nothing in the zone tells "somebody removed our lease" from "somebody removed that of a run that took
 * over from us": going on by ourselves could write under a newer run (decision 6). */
static void back_gone(struct fence *f, struct fzone *z, struct freading *rd, int64_t now)
{
    if (rd->lease.kind != LV_ABSENT) {
        if (back_lease(f, z, &rd->lease, now)) {
            z->phase = Z_BACK;
            z->due_ms = now;
        }
        return;
    }
    if (z->make_anew) {
        lone_send(f, z, LEASE_REVERTING, now);
        return;
    }
    z->phase = Z_BACK_STUCK;
    z->due_ms = now + WATCH_MS;
    if (!z->absent_told)
        back_unsafe(f, z, NULL, "lease",
                    "somebody removed the lease record; the weights stand as listed: look, then "
                    "`sluice rollback`");
    z->absent_told = true;
}

/* Without a lease nothing fences a late forward request: listings count only once none can land any
 * more. */
static bool back_settled(const struct fence *f, const struct fzone *z, int64_t now)
{
    return !f->cfg.lease_off || fence_route53_ms(f, now) >= z->signed_ms + FENCE_LATE_MS;
}

/* Puts what the listing shows otherwise back on the list of work. */
static void back_disagree(struct fence *f, struct fzone *z, int64_t now)
{
    uint8_t w[WEIGHTS_SETS_MAX];

    for (uint32_t k = 0; k < z->n_recs; k++) {
        struct frec *r = z->recs[k];
        struct fwork *last = z->n_work ? &z->work[z->n_work - 1] : NULL;
        bool same = true;

        if (!record_targets(r, f->percent_to, w) || work_find(z, k, k + 1))
            continue;
        for (uint32_t i = 0; i < r->n_sets; i++)
            same &= r->sets[i].missing || r->sets[i].weight == w[i];
        if (same)
            continue;
        r->landed = false;
        if (last && last->hi == k && !last->faulty && k - last->lo < MEND_RECORDS_MAX)
            last->hi = k + 1;
        else
            work_add(z, k, k + 1, false, now);
    }
}

/* INSYNC was seen; this listing must agree. What does not is written again. A lease that is gone by
 * now does not matter when all stands as it should: nothing of ours that DELETEs it can land any
 * more. */
static void back_confirm(struct fence *f, struct fzone *z, struct freading *rd, int64_t now)
{
    bool gone = rd->lease.kind == LV_ABSENT && !f->cfg.lease_off;

    z->phase = Z_BACK;
    z->due_ms = now;
    z->sync_due_ms = now + FAULTY_RETRY_MS;
    if (gone)
        lease_learn(f, z, &rd->lease, now);
    else if (!back_lease(f, z, &rd->lease, now))
        return;
    if (rd->n_drift) /* said, and waited for by nobody */
        event_drift(f, z, rd);
    back_left_out(f, z, 0, z->n_recs);
    back_disagree(f, z, now);
    if (z->n_work == 0 && back_settled(f, z, now)) {
        z->phase = Z_DONE;
        z->confirmed_ms = now;
    } else if (gone && z->n_work) {
        z->phase = Z_BACK_GONE;
    }
}

void back_read(struct fence *f, struct fzone *z, struct freading *rd, int64_t now)
{
    if (rd->failed)
        return; /* a look that was not needed */
    switch (z->phase) {
    case Z_BACK_SORT:
        z->phase = Z_BACK;
        z->due_ms = now;
        if (!back_lease(f, z, &rd->lease, now))
            return;
        if (f->cfg.lease_off || was_tried(z, lv_gen(&z->lease)))
            fault(f, z, now);
        else
            z->cand = z->n_tried = 0;
        return;
    case Z_BACK_LIST:
        z->phase = Z_BACK;
        z->due_ms = now;
        back_left_out(f, z, rd->lo, rd->hi);
        (void)back_lease(f, z, &rd->lease, now);
        return;
    case Z_BACK_GONE:
    case Z_BACK_STUCK:
        back_gone(f, z, rd, now);
        return;
    case Z_CONFIRM:
        back_confirm(f, z, rd, now);
        return;
    default:
        if (rd->got_lease && rd->lease.kind != LV_UNKNOWN && !z->cur)
            (void)back_lease(f, z, &rd->lease, now);
        else if (rd->got_lease && rd->lease.kind == LV_OURS)
            lease_learn(f, z, &rd->lease, now);
        return;
    }
}

/* A reading that fails must not stop the writing. */
void back_read_failed(struct fence *f, struct fzone *z, const struct freading *rd, int64_t now)
{
    if (rd->outcome == ROUTER_DENIED)
        back_denied(f, z, rd->message);
    else if (rd->hard && !z->denied_told) {
        back_unsafe(f, z, NULL, NULL, rd->message);
        z->denied_told = true;
    }
    if (z->phase == Z_BACK_SORT && rd->tries >= 2 && z->lease.kind != LV_UNKNOWN) {
        z->phase = Z_BACK;
        z->cand = z->n_tried = 0;
        z->due_ms = now + backoff_rollback_ms(&f->random, z->tries++);
        read_cancel(&z->rd[RD_WRITE]);
    }
}
