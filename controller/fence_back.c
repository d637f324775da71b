/* Going back. Waits for nothing: no reading, no journal, no answer to what is still in the air.
 *
 * The zone's records stand in a list of stretches (struct fwork). One batch a time: the next
 * stretch on the oldest lease value that may be there. Landed: the stretch is done. Refused: the
 * next value at once; refused on all: read the lease and sort. No answer: the next stretch
 * meanwhile, later the same bytes again. What Route 53 refuses although the lease is right is
 * listed, then halved, down to single records.
 *
 *   Z_BACK ──► (landed, INSYNC) ──► Z_CONFIRM ──► Z_DONE
 *     │ ▲                              │ a listing that does not agree
 *     ▼ │◄─────────────────────────────┘
 *   Z_BACK_SORT ──► Z_BACK_LIST          a record is at fault
 *              ├──► Z_BACK_GONE ──► Z_CREATE (ours seen < 6 min ago, all as we wrote it), else
 * Z_BACK_STUCK └──► deposed */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "fence_int.h"
#include "sluice/common.h"
#include "weights.h"

/* ---- The list of stretches
 * ----------------------------------------------------------------------------- */

void work_add(struct fzone *z, uint32_t lo, uint32_t hi, bool listed, int64_t due)
{
    if (z->n_work == z->cap_work) {
        z->cap_work = z->cap_work ? 2 * z->cap_work : 8;
        z->work = x_realloc(z->work, z->cap_work, sizeof *z->work);
    }
    z->work[z->n_work++] = (struct fwork){.lo = lo, .hi = hi, .listed = listed, .due_ms = due};
}

void work_remove(struct fzone *z, uint32_t i)
{
    memmove(&z->work[i], &z->work[i + 1], (--z->n_work - i) * sizeof *z->work);
}

struct fwork *work_find(struct fzone *z, uint32_t lo, uint32_t hi)
{
    for (uint32_t i = 0; i < z->n_work; i++)
        if (z->work[i].lo == lo && z->work[i].hi == hi)
            return &z->work[i];
    return NULL;
}

struct fwork *work_next(struct fzone *z, int64_t now)
{
    for (uint32_t i = 0; i < z->n_work; i++)
        if (z->work[i].due_ms <= now)
            return &z->work[i];
    return NULL;
}

/* True while a stretch that may still go through is not done. */
bool work_left(const struct fzone *z)
{
    for (uint32_t i = 0; i < z->n_work; i++)
        if (!z->work[i].faulty)
            return true;
    return false;
}

static bool work_mending(const struct fzone *z)
{
    return z->phase == Z_BACK_SORT || z->phase == Z_BACK_LIST || z->phase == Z_BACK_GONE ||
           z->phase == Z_CREATE || z->phase == Z_BACK_STUCK;
}

/* ---- Telling
 * ------------------------------------------------------------------------------------------- */

void back_unsafe(struct fence *f, struct fzone *z, const struct frec *r, const char *field,
                 const char *text)
{
    struct fence_event *e = event_add(f, FENCE_UNSAFE, f->op, false);

    event_zone(e, z, NULL);
    e->record = r ? r->id : FENCE_NONE;
    e->field = field;
    e->n_all = f->n_recs;
    for (uint32_t i = 0; i < f->n_recs; i++)
        e->n_done += f->recs[i]->landed;
    safe_copy(e->text, sizeof e->text, text);
}

/* AWS says no: told once a rollback, for it is tried on. */
void back_denied(struct fence *f, struct fzone *z, const char *text)
{
    if (z->denied_told)
        return;
    z->denied_told = true;
    back_unsafe(f, z, NULL, NULL, text);
    f->events[f->n_events - 1].denied = true;
}

void back_fault(struct fence *f, struct fzone *z, struct frec *r, const char *field,
                const char *text)
{
    r->fault = true;
    if (!r->told)
        back_unsafe(f, z, r, field, text);
    r->told = true;
}

static void back_landed_told(struct fence *f)
{
    struct fence_event *e;

    if (f->landed_told)
        return;
    for (uint32_t i = 0; i < f->n_zones; i++) {
        const struct fzone *z = f->zones[i];

        if (!z->deposed && (z->n_work || work_mending(z)))
            return;
    }
    f->landed_told = true;
    e = event_add(f, FENCE_BACK_LANDED, f->op, false);
    e->n_all = f->n_recs;
    for (uint32_t i = 0; i < f->n_recs; i++)
        e->n_done += f->recs[i]->landed;
}

/* The command is answered when every zone is confirmed, or lost to another run for good. */
void back_check(struct fence *f)
{
    bool deposed = false;
    struct fence_event *e;

    if (f->goal != G_BACK)
        return;
    back_landed_told(f);
    for (uint32_t i = 0; i < f->n_zones; i++) {
        const struct fzone *z = f->zones[i];

        if (z->deposed ? !z->deposed_end : z->phase != Z_DONE)
            return;
        deposed |= z->deposed;
    }
    for (uint32_t i = 0; i < f->n_recs; i++)
        if (f->recs[i]->fault && !f->zones[f->recs[i]->zone]->deposed)
            return;
    e = event_add(f, deposed ? FENCE_DEPOSED : FENCE_BACK, f->op, true);
    e->n_all = f->n_recs;
    for (uint32_t i = 0; i < f->n_recs; i++)
        e->n_done += f->recs[i]->landed;
    for (uint32_t i = 0; i < f->n_zones; i++) {
        if (f->zones[i]->deposed && deposed)
            event_zone(e, f->zones[i], &f->zones[i]->lease);
        f->zones[i]->phase = Z_IDLE;
        f->zones[i]->due_ms = NEVER;
    }
    f->goal = G_IDLE;
    f->op = 0;
    f->went_back = !deposed;
    f->percent = f->percent_to;
}

/* ---- Beginning
 * ----------------------------------------------------------------------------------------- */

/* Records whose traffic could not be sent where it belongs: what should carry it is gone. */
void back_left_out(struct fence *f, struct fzone *z, uint32_t lo, uint32_t hi)
{
    uint8_t w[WEIGHTS_SETS_MAX];

    for (uint32_t k = lo; k < hi; k++) {
        struct frec *r = z->recs[k];
        bool whole = record_targets(r, f->percent_to, w);

        for (uint32_t i = 0; i < r->n_sets; i++)
            whole &= !(r->sets[i].missing && w[i]);
        if (!whole && !r->left)
            back_fault(f, z, r, "missing",
                       r->added
                           ? "the record is no longer weighted: `sluice finish --undo`"
                           : "a set that should carry traffic is gone: `sluice finish --undo`");
        else if (r->fault && !(work_find(z, k, k + 1) && work_find(z, k, k + 1)->faulty))
            r->fault = r->told = false;
    }
}

void back_start(struct fence *f, struct fzone *z, int64_t now)
{
    batch_detach(f, z);
    read_cancel(&z->rd[RD_WRITE]);
    sync_clear(z);
    zone_cut(f, z);
    z->n_work = 0;
    for (uint32_t k = 0; k < z->n_chunks; k++)
        work_add(z, z->cuts[k], z->cuts[k + 1], false, now);
    z->sync_due_ms = now;
    z->cand = z->n_tried = z->tries = 0;
    z->absent_told = z->denied_told = z->back_unsaid = z->make_anew = false;
    z->phase = Z_BACK;
    z->due_ms = now;
    for (uint32_t k = 0; k < z->n_recs; k++)
        z->recs[k]->fault = z->recs[k]->told = z->recs[k]->landed = false;
    if (!z->deposed)
        back_left_out(f, z, 0, z->n_recs);
}

/* ---- Sending
 * ------------------------------------------------------------------------------------------- */

static struct fbatch *same_attempt(const struct fzone *z, const struct flv *del,
                                   const struct fwork *w, uint32_t percent)
{
    for (uint32_t i = 0; i < z->n_open; i++) {
        struct fbatch *b = z->open[i];

        if (b->kind == B_BACK && b->lo == w->lo && b->hi == w->hi && b->percent == percent &&
            b->op_id == 0 && lv_same(&b->del, del))
            return b;
    }
    return NULL;
}

/* What this stretch's own unanswered batch would leave is no value to try: then it has landed. */
static bool made_by(const struct fzone *z, const struct flv *v, const struct fwork *w)
{
    for (uint32_t i = 0; i < z->n_open; i++) {
        const struct fbatch *b = z->open[i];

        if (&b->crt == v)
            return b->kind == B_BACK && b->lo == w->lo && b->hi == w->hi;
    }
    return false;
}

static void round_over(struct fence *f, struct fzone *z, struct fwork *w, int64_t now)
{
    struct fwork moved = *w;
    bool others;

    moved.due_ms = now + backoff_rollback_ms(&f->random, z->tries++);
    work_remove(z, (uint32_t)(w - z->work));
    others = work_next(z, now) != NULL;
    work_add(z, moved.lo, moved.hi, moved.listed, moved.due_ms);
    z->work[z->n_work - 1].faulty = moved.faulty;
    z->cand = z->n_tried = 0;
    z->due_ms = others ? now : moved.due_ms;
}

static void sort_start(struct fence *f, struct fzone *z, int64_t now)
{
    z->phase = Z_BACK_SORT;
    z->due_ms = NEVER;
    read_start(f, z, RD_WRITE, true, 0, 0, true, 0, now);
}

static void attempt(struct fence *f, struct fzone *z, struct fwork *w, const struct flv *del,
                    int64_t now)
{
    struct fbatch *b = same_attempt(z, del, w, f->percent_to);

    if (!b && z->n_open >= OPEN_MAX) {
        round_over(f, z, w, now);
        if (!z->rd[RD_WRITE].active)
            sort_start(f, z, now);
        return;
    }
    if (!b) {
        struct flv from = *del;

        b = batch_new(f, z, B_BACK, w->lo, w->hi, f->percent_to, f->cfg.lease_off ? NULL : &from,
                      LEASE_REVERTING, now);
        b->urgent = true;
    }
    z->cur = b;
    b->dropped = false;
    z->due_ms = NEVER;
    batch_send(f, b, now);
    if (!f->sent_told) {
        f->sent_told = true;
        event_zone(event_add(f, FENCE_BACK_SENT, f->op, false), z, NULL);
    }
}

static void back_send(struct fence *f, struct fzone *z, int64_t now)
{
    static const struct flv none = {.kind = LV_UNKNOWN};
    const struct flv *cand[OPEN_MAX + 1];
    struct fwork *w = work_next(z, now);
    uint32_t n = lease_candidates(z, cand);

    if (f->cfg.lease_off) {
        cand[0] = &none;
        n = 1;
    }
    if (!w)
        return;
    /* Another's lease, by a memory from before a restart: read first, it may be ours by now. */
    if (n && !f->cfg.lease_off && z->lease.kind != LV_OURS) {
        if (!z->rd[RD_WRITE].active)
            sort_start(f, z, now);
        return;
    }
    if (n == 0) {
        if (z->lease.kind == LV_ABSENT) {
            z->phase = Z_BACK_GONE;
            z->due_ms = now;
        } else if (!z->rd[RD_WRITE].active) {
            sort_start(f, z, now);
        }
        return;
    }
    while (z->cand < n && z->cand > 0 && made_by(z, cand[z->cand], w))
        z->cand++;
    if (z->cand >= n)
        round_over(f, z, w, now);
    else
        attempt(f, z, w, cand[z->cand], now);
}

static void gone_go(struct fence *f, struct fzone *z, int64_t now)
{
    if (z->rd[RD_WRITE].active)
        return;
    z->due_ms = NEVER;
    read_start(f, z, RD_WRITE, true, 0, z->n_recs, true, 0, now);
}

void back_go(struct fence *f, struct fzone *z, int64_t now)
{
    if (z->deposed || z->cur)
        return;
    if (z->phase == Z_BACK && work_next(z, now) && z->due_ms <= now)
        back_send(f, z, now);
    if (z->phase == Z_BACK && !work_left(z) && z->n_sync == 0 && !z->cur &&
        !z->rd[RD_WRITE].active && z->sync_due_ms <= now) {
        z->phase = Z_CONFIRM;
        z->due_ms = NEVER;
        read_start(f, z, RD_WRITE, true, 0, z->n_recs, true, 0, now);
    }
    if ((z->phase == Z_BACK_GONE || z->phase == Z_BACK_STUCK) && z->due_ms <= now)
        gone_go(f, z, now);
    back_check(f);
}

int64_t back_due(const struct fzone *z)
{
    int64_t due = NEVER;

    if (z->deposed || z->cur)
        return NEVER;
    if (z->phase == Z_BACK_GONE || z->phase == Z_BACK_STUCK)
        return z->rd[RD_WRITE].active ? NEVER : z->due_ms; /* the answer will move it */
    if (z->phase != Z_BACK)
        return NEVER;
    for (uint32_t i = 0; i < z->n_work; i++)
        if (z->work[i].due_ms < due)
            due = z->work[i].due_ms;
    if (due < z->due_ms && z->due_ms != NEVER)
        due = z->due_ms;
    if (!work_left(z) && z->n_sync == 0 && z->sync_due_ms < due && !z->rd[RD_WRITE].active)
        due = z->sync_due_ms;
    return due;
}

/* ---- Answers
 * ------------------------------------------------------------------------------------------- */

static void back_ok(struct fence *f, struct fzone *z, struct fbatch *b,
                    const struct router_answer *a, int64_t now)
{
    struct fwork *w = work_find(z, b->lo, b->hi);

    z->cand = z->n_tried = z->tries = 0;
    z->taken = true;
    z->due_ms = now;
    for (uint32_t k = b->lo; k < b->hi; k++)
        z->recs[k]->landed = true;
    if (w) {
        if (w->faulty)
            z->recs[w->lo]->fault = z->recs[w->lo]->told = false;
        work_remove(z, (uint32_t)(w - z->work));
    }
    for (uint32_t i = 0; i < z->n_work; i++)
        if (!z->work[i].faulty)
            z->work[i].due_ms = now;
    back_left_out(f, z, b->lo, b->hi);
    sync_add(z, a->change_id, now);
    if (z->n_sync == 0)
        z->sync_due_ms = now;
}

/* The next value that may be there; what this stretch's own unanswered batch would leave is none.
 */
static void next_candidate(struct fzone *z, const struct flv *const *cand, uint32_t n,
                           const struct fwork *w)
{
    z->cand++;
    while (z->cand < n && made_by(z, cand[z->cand], w))
        z->cand++;
}

/* Too many calls, or a change of the zone under way: the next stretch would be told the same. So this
 * one again, a little later, and nothing else in this zone before it. */
static void hold_on(struct fence *f, struct fzone *z, struct fwork *w, int64_t now)
{
    z->cand = 0;
    z->due_ms = w->due_ms = now + backoff_rollback_ms(&f->random, z->tries++);
}

static void back_refused(struct fence *f, struct fzone *z, const struct fbatch *b, uint32_t n,
                         int64_t now)
{
    if (z->n_tried < ARRAY_LEN(z->tried))
        z->tried[z->n_tried++] = lv_gen(&b->del);
    z->due_ms = now;
    if (z->cand >= n || f->cfg.lease_off)
        sort_start(f, z, now);
}

void back_answer(struct fence *f, struct fzone *z, struct fbatch *b, const struct router_answer *a,
                 int64_t now)
{
    const struct flv *cand[OPEN_MAX + 1];
    uint32_t n = lease_candidates(z, cand);
    struct fwork *w = work_find(z, b->lo, b->hi);

    if (b->kind == B_LONE) {
        batch_detach(f, z);
        z->phase = a->outcome == ROUTER_OK ? Z_BACK : Z_BACK_GONE; /* never sent again: read */
        z->due_ms =
            a->outcome == ROUTER_OK ? now : now + backoff_rollback_ms(&f->random, z->tries++);
        z->taken |= a->outcome == ROUTER_OK;
        return;
    }
    if (b->kind != B_BACK)
        return;
    if (a->outcome != ROUTER_OK)
        safe_copy(z->refusal, sizeof z->refusal, a->message[0] ? a->message : a->code);
    switch (a->outcome) {
    case ROUTER_OK:
        back_ok(f, z, b, a, now);
        break;
    case ROUTER_REFUSED:
    case ROUTER_INVALID:
    case ROUTER_MISSING:
        if (!w)
            break;
        next_candidate(z, cand, n, w);
        back_refused(f, z, b, n, now);
        break;
    case ROUTER_DENIED:
        back_denied(f, z, z->refusal);
        if (w)
            round_over(f, z, w, now);
        break;
    case ROUTER_BUSY:
        if (w)
            hold_on(f, z, w, now);
        break;
    case ROUTER_UNKNOWN:
    case ROUTER_OUTCOME_COUNT:
        z->due_ms = now;
        if (!w)
            break;
        next_candidate(z, cand, n, w);
        if (z->cand >= n)
            round_over(f, z, w, now);
        break;
    }
    batch_detach(f, z);
    /* Without an answer the lease is asked for meanwhile: it narrows down what to try. */
    if ((a->outcome == ROUTER_UNKNOWN) && !f->cfg.lease_off && z->phase == Z_BACK &&
        !z->rd[RD_WRITE].active)
        read_start(f, z, RD_WRITE, true, 0, 0, true, 1, now);
}
