/* From landed to INSYNC to a listing that agrees: change ids are polled newest first, one at a time
 * a zone. */
#include <stdio.h>
#include <string.h>

#include "fence_int.h"
#include "sluice/common.h"

#define TOLD_TRIES 3  /* answers that are none, before people hear of it */
#define MISSES_MAX 10 /* NoSuchChange: not known yet; after so many it never will be */

void sync_add(struct fzone *z, const char *change_id, int64_t now)
{
    if (!change_id[0])
        return;
    if (z->n_sync == z->cap_sync) {
        z->cap_sync = z->cap_sync ? 2 * z->cap_sync : 8;
        z->sync = x_realloc(z->sync, z->cap_sync, sizeof *z->sync);
    }
    snprintf(z->sync[z->n_sync++], sizeof *z->sync, "%s", change_id);
    z->sync_tries = z->sync_misses = 0;
    z->sync_due_ms = now + SYNC_FIRST_MS / 2;
}

void sync_clear(struct fzone *z)
{
    z->n_sync = 0;
    z->sync_op = 0; /* an answer under way is not for us any more */
    z->sync_due_ms = NEVER;
}

void sync_go(struct fence *f, struct fzone *z, int64_t now)
{
    bool settled =
        z->phase == Z_MOVED || z->phase == Z_BACK; /* Z_BACK: with faulty work only, or none */

    if (!settled || z->n_sync == 0 || z->sync_op || z->sync_due_ms > now)
        return;
    z->sync_due_ms = NEVER;
    z->sync_op = op_add(f, z, ROUTER_OP_SYNC);
    f->router.ops->sync(f->router.self, z->sync_op, z->sync[z->n_sync - 1]);
}

static void sync_later(struct fzone *z, int64_t now)
{
    int64_t wait = SYNC_FIRST_MS << (z->sync_tries < 4 ? z->sync_tries : 4);

    z->sync_tries++;
    z->sync_due_ms = now + (wait < SYNC_CAP_MS ? wait : SYNC_CAP_MS);
}

void sync_answer(struct fence *f, struct fzone *z, const struct router_answer *a, int64_t now)
{
    if (a->op_id != z->sync_op || z->n_sync == 0)
        return;
    z->sync_op = 0;
    if ((a->outcome == ROUTER_OK && a->insync) ||
        (a->outcome == ROUTER_MISSING && ++z->sync_misses >= MISSES_MAX)) {
        z->n_sync--;
        z->sync_tries = z->sync_misses = 0;
        z->sync_due_ms = now;
        return;
    }
    sync_later(z, now);
    if (a->outcome != ROUTER_OK && a->outcome != ROUTER_MISSING && z->sync_tries == TOLD_TRIES) {
        struct fence_event *e = event_add(f, FENCE_WAITING, 0, false);

        event_zone(e, z, NULL);
        safe_copy(e->text, sizeof e->text, a->message[0] ? a->message : a->code);
    }
}

/* apply: when the last zone's last batch has landed, and when the last listing agrees. */
void sync_check(struct fence *f)
{
    bool moved = true, done = true;

    if (f->goal != G_APPLY)
        return;
    for (uint32_t i = 0; i < f->n_zones; i++) {
        enum zphase p = f->zones[i]->phase;

        moved &= p == Z_MOVED || p == Z_CONFIRM || p == Z_DONE;
        done &= p == Z_DONE;
    }
    if (moved && !f->applied_told) {
        struct fence_event *e = event_add(f, FENCE_APPLIED, f->op, false);

        e->n_done = e->n_all = f->n_recs;
        f->applied_told = true;
        f->percent = f->percent_to;
    }
    if (!done)
        return;
    event_add(f, FENCE_INSYNC, f->op, true)->n_done = f->n_recs;
    f->goal = G_IDLE;
    f->op = 0;
    for (uint32_t i = 0; i < f->n_zones; i++)
        f->zones[i]->phase = Z_IDLE;
}

void event_drift(struct fence *f, struct fzone *z, const struct freading *rd)
{
    struct fence_event *e = event_add(f, FENCE_DRIFT, 0, false);

    event_zone(e, z, NULL);
    e->record = rd->drift_rec;
    e->set_id = rd->drift_set;
    e->field = rd->drift_field;
    e->n_all = rd->n_drift;
}

/* After INSYNC: everything once more. Somebody else's change is told, and does not stop the step.
 */
void sync_read(struct fence *f, struct fzone *z, struct freading *rd, int64_t now)
{
    if (rd->failed) {
        z->phase = Z_MOVED;
        z->sync_due_ms = now + SYNC_CAP_MS;
        return;
    }
    if (rd->got_lease && !f->cfg.lease_off) {
        lease_learn(f, z, &rd->lease, now);
        if (rd->lease.kind == LV_ABSENT && !z->absent)
            event_zone(event_add(f, FENCE_ABSENT, 0, false), z, NULL);
        z->absent = rd->lease.kind == LV_ABSENT;
        if (rd->lease.kind != LV_ABSENT && rd->lease.kind != LV_OURS) {
            depose(f, z, &rd->lease, now);
            return;
        }
    }
    if (rd->n_drift)
        event_drift(f, z, rd);
    z->phase = Z_DONE;
    sync_check(f);
}
