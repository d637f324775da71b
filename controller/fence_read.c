/* Readings: lists started together, collected, tried again, and told to whom they are for. A
 * rollback's are urgent: outside the token bucket, and tried for ever. */
#include <assert.h>
#include <string.h>

#include "backoff.h"
#include "fence_int.h"
#include "sluice/common.h"

#define READ_FIRST_MS 500
#define READ_CAP_MS   10000

static void list_one(struct fence *f, struct fzone *z, uint8_t slot, const struct router_list *list,
                     bool lease)
{
    struct freading *rd = &z->rd[slot];
    uint32_t id = op_add(f, z, ROUTER_OP_LIST);

    op_last(f)->slot = slot;
    op_last(f)->stamp = rd->stamp;
    op_last(f)->for_lease = lease;
    rd->pending++;
    f->router.ops->list(f->router.self, id, list);
}

static void list_records(struct fence *f, struct fzone *z, uint8_t slot)
{
    struct freading *rd = &z->rd[slot];
    uint32_t n = rd->hi - rd->lo;
    struct router_list list = {.zone_id = z->id, .urgent = rd->urgent};

    if (n == 0)
        return;
    if (n > SINGLE_READ_MAX) {
        list.name = z->recs[rd->lo]->sets[0].rr->name;
        list.type = z->recs[rd->lo]->sets[0].rr->type;
        list.until_name = z->recs[rd->hi - 1]->sets[0].rr->name;
        list.until_type = z->recs[rd->hi - 1]->sets[0].rr->type;
        list_one(f, z, slot, &list, false);
        return;
    }
    list.only_name = list.only_type = true;
    for (uint32_t k = rd->lo; k < rd->hi; k++) {
        list.name = z->recs[k]->sets[0].rr->name;
        list.type = z->recs[k]->sets[0].rr->type;
        list_one(f, z, slot, &list, false);
    }
}

/* Where a range begins and ends rests on the service's order of names. What it did not show is
 * asked for by name before it is called missing. True when something was asked. */
static bool list_unseen(struct fence *f, struct fzone *z, uint8_t slot)
{
    struct freading *rd = &z->rd[slot];
    struct router_list list = {
        .zone_id = z->id, .only_name = true, .only_type = true, .urgent = rd->urgent};
    uint32_t n = 0;

    if (rd->asked_again || rd->hi - rd->lo <= SINGLE_READ_MAX)
        return false;
    rd->asked_again = true;
    for (uint32_t k = records_unseen(z, rd, rd->lo); k < rd->hi; k = records_unseen(z, rd, k + 1))
        n++;
    if (n > AGAIN_READ_MAX) {
        list_one(f, z, slot, &(struct router_list){.zone_id = z->id, .urgent = rd->urgent}, false);
        return true;
    }
    for (uint32_t k = records_unseen(z, rd, rd->lo); k < rd->hi; k = records_unseen(z, rd, k + 1)) {
        list.name = z->recs[k]->sets[0].rr->name;
        list.type = z->recs[k]->sets[0].rr->type;
        list_one(f, z, slot, &list, false);
    }
    return n > 0;
}

/* Every try is a new reading: half of one and half of another prove nothing. (Doubted: the records are
 * through, the lease alone is asked for.) */
static void read_again(struct fence *f, struct fzone *z, uint8_t slot)
{
    struct freading *rd = &z->rd[slot];
    struct router_list list = {.zone_id = z->id,
                               .name = z->lease_name,
                               .type = "TXT",
                               .only_name = true,
                               .only_type = true,
                               .urgent = rd->urgent};

    rd->stamp = ++f->stamp;
    rd->seq = f->seq;
    rd->pending = 0;
    rd->failed = rd->hard = rd->got_lease = rd->asked_again = false;
    rd->due_ms = NEVER;
    if (rd->want_lease)
        list_one(f, z, slot, &list, true);
    if (rd->doubted)
        return;
    rd->n_drift = 0;
    list_records(f, z, slot);
}

/* tries_max 0: for ever. */
void read_start(struct fence *f, struct fzone *z, uint8_t slot, bool lease, uint32_t lo,
                uint32_t hi, bool urgent, uint32_t tries_max, int64_t now)
{
    struct freading *rd = &z->rd[slot];

    (void)now;
    *rd = (struct freading){.active = true,
                            .want_lease = lease && !f->cfg.lease_off,
                            .urgent = urgent,
                            .slot = slot,
                            .lo = lo,
                            .hi = hi,
                            .tries_max = tries_max,
                            .due_ms = NEVER};
    if (!rd->want_lease && lo == hi)
        rd->want_lease = true; /* a reading of nothing would never end */
    read_again(f, z, slot);
}

/* Answers of lists still under way are not for it any more: the stamp differs. */
void read_cancel(struct freading *rd)
{
    *rd = (struct freading){.due_ms = NEVER};
}

static void read_done(struct fence *f, struct fzone *z, uint8_t slot, int64_t now)
{
    struct freading rd = z->rd[slot];

    read_cancel(&z->rd[slot]);
    if (slot == RD_CMD)
        command_read(f, z, &rd, now);
    else if (z->deposed)
        watch_read(f, z, &rd, now);
    else if (f->goal == G_BACK)
        back_read(f, z, &rd, now);
    else if (f->goal == G_RELEASE || f->giving_back)
        release_read(f, z, &rd, now);
    else
        forward_read(f, z, &rd, now);
}

static void read_ended(struct fence *f, struct fzone *z, uint8_t slot, int64_t now)
{
    struct freading *rd = &z->rd[slot];

    if (rd->failed) {
        rd->tries++;
        if ((rd->hard && !rd->urgent) || (rd->tries_max && rd->tries >= rd->tries_max)) {
            read_done(f, z, slot, now);
            return;
        }
        rd->due_ms =
            now + (rd->urgent
                       ? backoff_rollback_ms(&f->random, rd->tries)
                       : backoff_full_ms(&f->random, rd->tries, READ_FIRST_MS, READ_CAP_MS) + 100);
        if (f->goal == G_BACK && slot == RD_WRITE)
            back_read_failed(f, z, rd, now);
        return;
    }
    /* A lower generation than we know of, and nothing of ours landed meanwhile: somebody removed
     * the record, and a lone CREATE of ours from long ago came late. It is what stands there. */
    if (rd->want_lease && rd->seq == f->seq && lv_gen(&rd->lease) > 0 &&
        lv_gen(&rd->lease) < lv_gen(&z->lease)) {
        z->lease.kind = LV_UNKNOWN;
        z->lease_certain = false;
    }
    /* Something of ours landed meanwhile: "absent" may be from before. */
    if (rd->want_lease && rd->lease.kind == LV_ABSENT && rd->seq != f->seq) {
        read_again(f, z, slot);
        return;
    }
    if (!rd->doubted && list_unseen(f, z, slot))
        return;
    if (rd->hi > rd->lo && !rd->doubted)
        records_finish(f, z, rd);
    /* The lease and the records are two listings. A rollback of the process before us that landed between
     * them looks like drift, until the lease is read behind it. */
    if (slot == RD_CMD && rd->n_drift && f->goal != G_BACK && rd->want_lease && !rd->doubted) {
        rd->doubted = true;
        read_again(f, z, slot);
        return;
    }
    if (f->baseline_dirty) {
        f->baseline_dirty = false;
        event_add(f, FENCE_BASELINE, 0, false);
    }
    read_done(f, z, slot, now);
}

void read_answer(struct fence *f, const struct fop *op, const struct router_answer *a, int64_t now)
{
    struct fzone *z = f->zones[op->zone];
    struct freading *rd = &z->rd[op->slot];

    if (!rd->active || rd->stamp != op->stamp)
        return;
    assert(rd->pending > 0);
    rd->pending--;
    if (a->outcome != ROUTER_OK) {
        rd->failed = true;
        rd->hard |= a->outcome == ROUTER_DENIED || a->outcome == ROUTER_MISSING ||
                    a->outcome == ROUTER_INVALID || a->outcome == ROUTER_REFUSED;
        rd->outcome = a->outcome;
        safe_copy(rd->message, sizeof rd->message, a->message[0] ? a->message : a->code);
    } else if (op->for_lease) {
        lv_from_list(f, z, a->sets, a->n_sets, &rd->lease);
        rd->got_lease = true;
    } else {
        for (size_t i = 0; i < a->n_sets; i++)
            record_listed(f, z, rd, &a->sets[i]);
    }
    if (rd->pending == 0)
        read_ended(f, z, op->slot, now);
}

void read_due(struct fence *f, struct fzone *z, uint8_t slot, int64_t now)
{
    struct freading *rd = &z->rd[slot];

    if (rd->active && rd->pending == 0 && rd->due_ms <= now)
        read_again(f, z, slot);
}
