#include "fence.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "fence_int.h"
#include "plan.h"
#include "sluice/common.h"
#include "sluice/text.h"
#include "weights.h"

static const char *const event_names[] = {[FENCE_TAKEN] = "taken",
                                          [FENCE_BUSY] = "busy",
                                          [FENCE_DENIED] = "denied",
                                          [FENCE_INVALID] = "invalid",
                                          [FENCE_APPLIED] = "applied",
                                          [FENCE_INSYNC] = "insync",
                                          [FENCE_WAITING] = "waiting",
                                          [FENCE_DRIFT] = "drift",
                                          [FENCE_ABSENT] = "absent",
                                          [FENCE_DEPOSED] = "deposed",
                                          [FENCE_OURS_AGAIN] = "ours_again",
                                          [FENCE_DEPOSED_END] = "deposed_end",
                                          [FENCE_REVERTING] = "reverting",
                                          [FENCE_READ] = "read",
                                          [FENCE_UNREAD] = "unread",
                                          [FENCE_BACK_SENT] = "back_sent",
                                          [FENCE_BACK_LANDED] = "back_landed",
                                          [FENCE_BACK] = "back",
                                          [FENCE_UNSAFE] = "unsafe",
                                          [FENCE_RELEASED] = "released",
                                          [FENCE_BASELINE] = "baseline",
                                          [FENCE_WATCHING] = "watching",
                                          [FENCE_GONE] = "gone"};
_Static_assert(ARRAY_LEN(event_names) == FENCE_EVENT_COUNT, "a name for every event");

const char *fence_event_name(enum fence_event_kind kind)
{
    assert(kind < FENCE_EVENT_COUNT);
    return event_names[kind];
}

/* ---- Events
 * -------------------------------------------------------------------------------------------- */

struct fence_event *event_add(struct fence *f, enum fence_event_kind kind, uint32_t op, bool final)
{
    struct fence_event *e;

    if (f->n_events == f->cap_events) {
        f->cap_events = f->cap_events ? 2 * f->cap_events : 8;
        f->events = x_realloc(f->events, f->cap_events, sizeof *f->events);
    }
    e = &f->events[f->n_events++];
    *e = (struct fence_event){.kind = kind,
                              .op_id = op,
                              .final = final,
                              .zone = FENCE_NONE,
                              .record = FENCE_NONE,
                              .n_all = f->n_recs};
    return e;
}

void event_zone(struct fence_event *e, const struct fzone *z, const struct flv *lease)
{
    e->zone = z->index;
    if (lease && lv_gen(lease)) {
        e->has_lease = true;
        e->lease = lease->lease;
    }
}

void event_text(struct fence_event *e, const char *fmt, ...)
{
    char text[sizeof e->text];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    memcpy(e->text, text, sizeof text);
}

bool fence_next(struct fence *f, struct fence_event *out)
{
    if (f->head_events == f->n_events)
        return false;
    *out = f->events[f->head_events++];
    if (f->head_events == f->n_events)
        f->head_events = f->n_events = 0;
    return true;
}

/* The service's own words, made safe for terminals and logs. */
void safe_copy(char *out, size_t size, const char *text)
{
    struct buf b SL_CLEANUP(buf_clear) = {0};

    text_add_safe(&b, text, strlen(text), size);
    snprintf(out, size, "%s", buf_str(&b));
}

/* Who holds a lease, for people. */
const char *who(const struct flv *v, char out[160])
{
    switch (v->kind) {
    case LV_FOREIGN:
        snprintf(out, 160, "run %s of %s holds the lease", v->lease.run, v->lease.cutover);
        break;
    case LV_RELEASED:
        snprintf(out, 160, "run %s released the lease", v->lease.run);
        break;
    case LV_BROKEN:
        snprintf(out, 160, "%s",
                 v->other_version ? "the lease record is of another version of sluice"
                                  : "the lease record holds something that is no lease");
        break;
    case LV_OURS:
        snprintf(out, 160, "the lease is ours");
        break;
    case LV_UNKNOWN:
    case LV_ABSENT:
        snprintf(out, 160, "there is no lease record");
        break;
    }
    return out;
}

/* ---- Building
 * ------------------------------------------------------------------------------------------ */

struct fence *fence_new(const struct fence_config *cfg, struct router router)
{
    struct fence *f = x_zalloc(sizeof *f);
    struct lease *p = &f->proto;

    f->cfg = *cfg;
    f->cfg.life_ms = cfg->life_ms ? cfg->life_ms : 10 * 60 * 1000;
    f->router = router;
    f->random = cfg->seed;
    f->offset_ms = cfg->wall_minus_boot_ms;
    lease_name_set(p->cutover, LEASE_CUTOVER_MAX, cfg->cutover);
    lease_name_set(p->run, LEASE_RUN_MAX, cfg->run);
    if (cfg->owner)
        snprintf(p->owner, sizeof p->owner, "%s", cfg->owner);
    else
        snprintf(p->owner, sizeof p->owner, "%016llx",
                 (unsigned long long)backoff_random(&f->random) | 1);
    snprintf(p->plan_hash, sizeof p->plan_hash, "%s",
             cfg->plan_hash && cfg->plan_hash[0] ? cfg->plan_hash : "0");
    p->rollback_to = cfg->rollback_to <= LEASE_PERCENT_MAX ? cfg->rollback_to : 0;
    p->ttl_was = cfg->ttl_was;
    p->not_before_s = cfg->not_before_s > 0 ? cfg->not_before_s : 0;
    p->nonce[0] = '0';
    f->percent = f->percent_to = PERCENT_BASE;
    f->cfg.cutover = f->cfg.run = f->cfg.owner = f->cfg.plan_hash = NULL; /* not ours to keep */
    return f;
}

static void zone_free(struct fzone *z)
{
    free(z->id);
    free(z->lease_name);
    free(z->recs);
    free(z->cuts);
    free(z->work);
    free(z->sync);
    free(z);
}

void fence_free(struct fence *f)
{
    if (!f)
        return;
    for (struct fbatch *b = f->batches, *next; b; b = next) {
        next = b->next;
        free(b->ch);
        free(b->sets);
        free(b);
    }
    for (uint32_t i = 0; i < f->n_zones; i++)
        zone_free(f->zones[i]);
    for (uint32_t i = 0; i < f->n_recs; i++) {
        free(f->recs[i]->sets);
        free(f->recs[i]);
    }
    free(f->recs);
    free(f->index);
    free(f->ops);
    free(f->events);
    arena_clear(&f->mem);
    free(f);
}

uint32_t fence_add_zone(struct fence *f, const char *zone_id, const char *lease_name)
{
    struct fzone *z = x_zalloc(sizeof *z);

    assert(!f->ready && f->n_zones < FENCE_ZONES_MAX);
    z->id = x_strdup(zone_id);
    z->lease_name = x_strdup(lease_name);
    z->index = f->n_zones;
    z->due_ms = z->watch_due_ms = z->sync_due_ms = z->beat_again_ms = NEVER;
    z->rd[RD_WRITE].due_ms = z->rd[RD_CMD].due_ms = NEVER;
    f->zones[f->n_zones] = z;
    return f->n_zones++;
}

uint32_t fence_add_record(struct fence *f, uint32_t zone, const struct rrset *sets,
                          const uint8_t *side, size_t n_sets)
{
    struct frec *r = x_zalloc(sizeof *r);

    assert(!f->ready && zone < f->n_zones && n_sets > 0 && n_sets <= WEIGHTS_SETS_MAX);
    assert(f->n_recs < FENCE_RECORDS_MAX);
    r->id = f->n_recs;
    r->zone = zone;
    r->n_sets = (uint32_t)n_sets;
    r->sets = x_calloc(n_sets, sizeof *r->sets);
    for (size_t i = 0; i < n_sets; i++) {
        struct rrset *copy = arena_alloc(&f->mem, sizeof *copy);

        *copy = rrset_copy(&f->mem, &sets[i]);
        r->sets[i].rr = copy;
        r->sets[i].side = side[i];
        r->sets[i].base = r->sets[i].weight = (uint8_t)(sets[i].weight & 255);
    }
    if (f->n_recs == f->cap_recs) {
        f->cap_recs = f->cap_recs ? 2 * f->cap_recs : 16;
        f->recs = x_realloc(f->recs, f->cap_recs, sizeof(struct frec *));
    }
    f->recs[f->n_recs++] = r;
    return r->id;
}

bool fence_ready(struct fence *f, struct err *err)
{
    assert(!f->ready);
    f->ready = records_ready(f, err);
    return f->ready;
}

/* ---- Commands
 * ------------------------------------------------------------------------------------------ */

static void all_go(struct fence *f, int64_t now)
{
    for (uint32_t i = 0; i < f->n_zones && !f->over; i++)
        zone_go(f, f->by_id[i], now);
    if (!f->over) {
        sync_check(f);
        back_check(f);
        release_check(f, now);
    }
}

static void command(struct fence *f, enum fgoal goal, uint32_t op_id)
{
    assert(f->ready && !f->over && op_id && !(op_id & FENCE_OP_BIT));
    f->goal = goal;
    f->op = op_id;
    f->went_back = false;
}

void fence_take(struct fence *f, uint32_t op_id, enum fence_take_how how, int64_t now)
{
    assert(f->goal == G_IDLE);
    command(f, G_TAKE, op_id);
    f->how = how;
    f->take_rank = 0;
    f->giving_back = false;
    for (uint32_t i = 0; i < f->n_zones; i++) {
        batch_detach(f, f->zones[i]);
        read_cancel(&f->zones[i]->rd[RD_WRITE]);
        f->zones[i]->phase = Z_IDLE;
        f->zones[i]->refused = f->zones[i]->tries = 0;
        f->zones[i]->watched[0] = '\0';
        zone_cut(f, f->zones[i]);
    }
    take_start(f, f->by_id[0], now);
    all_go(f, now);
}

void fence_apply(struct fence *f, uint32_t op_id, uint32_t percent, int64_t now)
{
    assert(f->goal != G_TAKE && f->goal != G_RELEASE);
    command(f, G_APPLY, op_id);
    f->percent_to = percent;
    f->applied_told = false;
    for (uint32_t i = 0; i < f->n_zones; i++) {
        struct fzone *z = f->zones[i];

        if (z->cur && z->cur->kind != B_BEAT)
            batch_detach(f, z);
        if (!z->cur)
            read_cancel(&z->rd[RD_WRITE]);
        sync_clear(z);
        zone_cut(f, z);
        move_start(f, z, now);
    }
    all_go(f, now);
}

void fence_rollback(struct fence *f, uint32_t op_id, uint32_t percent, bool make_anew, int64_t now)
{
    bool same = f->goal == G_BACK && f->percent_to == percent;

    command(f, G_BACK, op_id);
    f->percent_to = percent;
    f->giving_back = false;
    f->landed_told = false;
    if (same) {
        for (uint32_t i = 0; i < f->n_recs; i++)
            f->recs[i]->told = false;
    } else {
        f->sent_told = false;
        for (uint32_t i = 0; i < f->n_zones; i++)
            back_start(f, f->zones[i], now);
    }
    for (uint32_t i = 0; make_anew && i < f->n_zones; i++)
        back_make_anew(f->zones[i], now);
    all_go(f, now);
}

/* A rollback was confirmed just now, by a listing of every zone: asked again at once it would cost a full
 * zone another thirty-five calls and say the same. */
static bool just_confirmed(const struct fence *f, int64_t now)
{
    bool fresh = f->went_back;

    for (uint32_t i = 0; i < f->n_zones; i++)
        fresh &= now - f->zones[i]->confirmed_ms <= CONFIRMED_MS;
    return fresh;
}

void fence_read(struct fence *f, uint32_t op_id, int64_t now)
{
    assert(f->ready && !f->over && op_id && !(op_id & FENCE_OP_BIT));
    f->read_op = op_id;
    f->read_left = f->n_zones;
    f->read_worst = (struct fence_event){.kind = FENCE_READ,
                                         .zone = FENCE_NONE,
                                         .record = FENCE_NONE,
                                         .n_done = f->n_recs,
                                         .n_all = f->n_recs};
    if (just_confirmed(f, now)) {
        f->went_back = false;
        f->read_op = f->read_left = 0;
        event_add(f, FENCE_READ, op_id, true)->n_done = f->n_recs;
        return;
    }
    for (uint32_t i = 0; i < f->n_zones; i++)
        read_start(f, f->zones[i], RD_CMD, true, 0, f->zones[i]->n_recs, f->goal == G_BACK,
                   READ_TRIES_MAX, now);
}

void fence_release(struct fence *f, uint32_t op_id, int64_t now)
{
    command(f, G_RELEASE, op_id);
    f->giving_back = false;
    release_start(f, now);
    all_go(f, now);
}

void fence_abandon(struct fence *f)
{
    f->over = true;
}

/* ---- The loop
 * ------------------------------------------------------------------------------------------ */

void zone_go(struct fence *f, struct fzone *z, int64_t now)
{
    if (f->over)
        return;
    if (z->n_open)
        lease_prune(f, z, now);
    read_due(f, z, RD_WRITE, now);
    read_due(f, z, RD_CMD, now);
    watch_go(f, z, now);
    if (f->goal == G_RELEASE || f->giving_back) {
        release_go(f, z, now);
        return;
    }
    if (f->goal == G_BACK)
        back_go(f, z, now);
    else if (f->goal == G_TAKE && z->rank == f->take_rank)
        take_go(f, z, now);
    else if (f->goal == G_APPLY)
        move_go(f, z, now);
    sync_go(f, z, now);
    if (f->goal == G_APPLY && z->phase == Z_MOVED && f->applied_told && z->n_sync == 0 &&
        !z->deposed && !z->cur && !z->rd[RD_WRITE].active &&
        (z->sync_due_ms <= now || z->sync_due_ms == NEVER)) {
        z->phase = Z_CONFIRM;
        read_start(f, z, RD_WRITE, true, 0, z->n_recs, false, 0, now);
    }
    beat_go(f, z, now);
}

static void change_answer(struct fence *f, struct fbatch *b, const struct router_answer *a,
                          int64_t now)
{
    struct fzone *z = zone_of(f, b);
    bool mine = z->cur == b;

    if (b->kind == B_BACK && a->sent_boot_us && f->goal == G_BACK && f->sent_told) {
        struct fence_event *e = event_add(f, FENCE_BACK_SENT, f->op, false);

        event_zone(e, z, NULL);
        e->sent_boot_us = a->sent_boot_us;
    }
    f->answering = b;
    batch_answered(f, b, a, now);
    f->answering = NULL;
    if (b->dropped || !mine) {
        batch_drop(f, b);
        return;
    }
    if (f->goal == G_BACK && b->kind != B_BEAT)
        back_answer(f, z, b, a, now);
    else if (b->kind == B_RELEASE)
        release_answer(f, z, b, a, now);
    else
        forward_answer(f, z, b, a, now);
}

bool fence_answer(struct fence *f, const struct router_answer *a, int64_t now)
{
    struct fop op;
    uint32_t i = 0;

    if (!(a->op_id & FENCE_OP_BIT))
        return false;
    while (i < f->n_ops && f->ops[i].op_id != a->op_id)
        i++;
    if (i == f->n_ops)
        return true;
    op = f->ops[i];
    f->ops[i] = f->ops[--f->n_ops];
    if (a->date_ms) {
        f->offset_ms = a->date_ms - (a->done_boot_ms ? a->done_boot_ms : now);
        f->offset_known = true;
    }
    if (op.kind == ROUTER_OP_CHANGE)
        change_answer(f, op.batch, a, now);
    else if (f->over)
        return true;
    else if (op.kind == ROUTER_OP_LIST)
        read_answer(f, &op, a, now);
    else
        sync_answer(f, f->zones[op.zone], a, now);
    zone_go(f, f->zones[op.zone], now);
    if (!f->over) {
        sync_check(f);
        back_check(f);
        release_check(f, now);
        /* The zone that waited for the last of the others. */
        if (f->goal == G_APPLY && f->applied_told)
            all_go(f, now);
    }
    return true;
}

void fence_tick(struct fence *f, int64_t now)
{
    all_go(f, now);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Phases in which due_ms is a deadline of forward work. */
static bool zone_moves(const struct fzone *z)
{
    return z->phase == Z_LEASE || z->phase == Z_READ || z->phase == Z_MOVE || z->phase == Z_SEIZE ||
           z->phase == Z_PROOF;
}

static int64_t zone_wake(const struct fence *f, const struct fzone *z)
{
    int64_t at = NEVER;
    bool idle = z->cur == NULL || z->cur->op_id == 0;

    for (int i = 0; i < RD_COUNT; i++)
        if (z->rd[i].active && z->rd[i].pending == 0)
            at = earlier(at, z->rd[i].due_ms);
    if (z->deposed && !z->deposed_end)
        at = earlier(at, earlier(z->rd[RD_WRITE].active ? NEVER : z->watch_due_ms,
                                 z->deposed_ms + f->cfg.life_ms));
    if (f->goal == G_RELEASE || f->giving_back) {
        if (z->phase != Z_RELEASE && z->phase != Z_RELEASE_SORT)
            return at;
        at = earlier(at, f->release_until_ms);
        return idle && !z->lone_flight && z->phase == Z_RELEASE ? earlier(at, z->due_ms) : at;
    }
    if (z->n_sync && z->sync_op == 0 && (z->phase == Z_MOVED || z->phase == Z_BACK))
        at = earlier(at, z->sync_due_ms);
    if (f->goal == G_APPLY && z->phase == Z_MOVED && f->applied_told && !z->n_sync && !z->deposed &&
        !z->cur && !z->rd[RD_WRITE].active)
        at = earlier(at, z->sync_due_ms);
    if (f->goal == G_BACK)
        at = earlier(at, back_due(z));
    else if (idle && !z->deposed &&
             (f->goal == G_APPLY || (f->goal == G_TAKE && z->rank == f->take_rank)) &&
             !z->rd[RD_WRITE].active && (!z->cur || z->cur->kind != B_BEAT) && zone_moves(z))
        at = earlier(at, z->due_ms);
    if (idle)
        at = earlier(at, forward_due(f, z));
    return at;
}

int64_t fence_wake_at(const struct fence *f)
{
    int64_t at = NEVER;

    if (f->head_events < f->n_events)
        return 0;
    if (f->over)
        return NEVER;
    for (uint32_t i = 0; i < f->n_zones; i++)
        at = earlier(at, zone_wake(f, f->zones[i]));
    return at;
}
