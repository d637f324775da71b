/* Batches, lease values, and which of them may be in the zone now. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "fence_int.h"
#include "sluice/common.h"

/* ---- Operations at the router
 * -------------------------------------------------------------------------- */

uint32_t op_add(struct fence *f, struct fzone *z, enum router_op kind)
{
    if (f->n_ops == f->cap_ops) {
        f->cap_ops = f->cap_ops ? 2 * f->cap_ops : 16;
        f->ops = x_realloc(f->ops, f->cap_ops, sizeof *f->ops);
    }
    f->next_op = (f->next_op + 1) & ~FENCE_OP_BIT;
    f->ops[f->n_ops] =
        (struct fop){.op_id = f->next_op | FENCE_OP_BIT, .zone = z->index, .kind = (uint8_t)kind};
    return f->ops[f->n_ops++].op_id;
}

struct fop *op_last(struct fence *f)
{
    return &f->ops[f->n_ops - 1];
}

/* ---- Lease values
 * -------------------------------------------------------------------------------------- */

uint64_t lv_gen(const struct flv *v)
{
    return v->kind == LV_OURS || v->kind == LV_FOREIGN || v->kind == LV_RELEASED
               ? v->lease.generation
               : 0;
}

bool lv_same(const struct flv *a, const struct flv *b)
{
    return a->kind == b->kind &&
           (a->kind == LV_BROKEN ? a->broken == b->broken : strcmp(a->text, b->text) == 0);
}

static void hex_random(struct fence *f, char *out, size_t n)
{
    uint64_t r = backoff_random(&f->random);

    for (size_t i = 0; i < n; i++, r >>= 4)
        out[i] = "0123456789abcdef"[r & 15];
    out[n] = '\0';
}

/* The next lease of this run: a generation and a nonce no batch had before. */
static void lease_next(struct fence *f, struct fzone *z, enum lease_state state, uint32_t percent,
                       int64_t now, struct flv *out)
{
    int64_t now_s = fence_route53_ms(f, now) / 1000;
    struct lease *l = &out->lease;

    /* Unix seconds to begin with: then generations grow even when somebody removes the record. */
    if (z->top_gen == 0)
        z->top_gen = (uint64_t)(now_s > 0 ? now_s : 1);
    *l = f->proto;
    l->generation = ++z->top_gen;
    l->state = state;
    l->expires_s = now_s + f->cfg.life_ms / 1000;
    if (l->expires_s < 0 || l->expires_s > LEASE_TIME_MAX)
        l->expires_s = 0;
    if (percent <= LEASE_PERCENT_MAX)
        l->step = percent;
    if (state == LEASE_REVERTING && percent <= LEASE_PERCENT_MAX)
        l->rollback_to = percent;
    if (state == LEASE_RELEASED)
        l->owner[0] = '\0';
    hex_random(f, l->nonce, LEASE_NONCE_MAX);
    out->kind = LV_OURS;
    out->ttl = FENCE_LEASE_TTL_S;
    out->broken = NULL;
    lease_format(l, out->text);
}

/* Whose a lease is. What this very run released is still its own as long as nobody took it: a
 * restart may not have known that it was done. */
enum lv_kind lv_kind(const struct fence *f, const struct lease *l)
{
    if (l->state == LEASE_RELEASED)
        return strcmp(l->run, f->proto.run) == 0 ? LV_OURS : LV_RELEASED;
    return lease_same_owner(l, &f->proto) ? LV_OURS : LV_FOREIGN;
}

/* What a listing of the lease's name says. */
void lv_from_list(struct fence *f, struct fzone *z, const struct rrset *sets, size_t n,
                  struct flv *out)
{
    const struct rrset *s = NULL;
    enum lease_reading got;

    *out = (struct flv){.kind = LV_ABSENT};
    for (size_t i = 0; i < n; i++)
        if (strcmp(sets[i].type, "TXT") == 0 && rrset_name_eq(sets[i].name, z->lease_name))
            s = &sets[i];
    if (!s)
        return;
    out->kind = LV_BROKEN;
    got = s->n_values == 1 && !s->set_id ? lease_parse(s->values[0], &out->lease) : LEASE_DAMAGED;
    if (got != LEASE_READ) {
        out->other_version = got == LEASE_VERSION_OTHER;
        if (z->lease.kind == LV_BROKEN && rrset_eq(z->lease.broken, s, true)) {
            out->broken = z->lease.broken;
        } else {
            struct rrset *copy = arena_alloc(&f->mem, sizeof *copy);

            *copy = rrset_copy(&f->mem, s);
            out->broken = copy;
        }
        return;
    }
    snprintf(out->text, sizeof out->text, "%s", s->values[0]);
    out->ttl = s->ttl;
    out->kind = lv_kind(f, &out->lease);
}

/* The value of this text that we know of: what is certain, or what an open batch makes. NULL: new
 * to us. */
const struct flv *lv_known(const struct fzone *z, const struct flv *v)
{
    if (lv_same(&z->lease, v))
        return &z->lease;
    for (uint32_t i = 0; i < z->n_open; i++)
        if (lv_same(&z->open[i]->crt, v))
            return &z->open[i]->crt;
    return NULL;
}

/* ---- What may be in the zone
 * --------------------------------------------------------------------------- */

void batch_close(struct fzone *z, struct fbatch *b)
{
    for (uint32_t i = 0; i < z->n_open; i++)
        if (z->open[i] == b) {
            z->open[i] = z->open[--z->n_open];
            b->open = false;
            if (z->n_open == 0 && b->kind != B_GHOST && z->settled_seq == 0)
                records_alt_clear(z, 0, z->n_recs);
            return;
        }
}

/* The lease was certainly this value: so the open batch that makes it has landed, and before it the
 * one that makes what that one DELETEs. */
static void landed_chain(struct fence *f, struct fzone *z, const struct flv *v, uint32_t depth)
{
    for (uint32_t i = 0; i < z->n_open && depth < OPEN_MAX; i++)
        if (lv_same(&z->open[i]->crt, v)) {
            landed_chain(f, z, &z->open[i]->del, depth + 1);
            records_landed(f, z, z->open[i]);
            return;
        }
}

/* An open batch DELETEs one lease value; once the lease is past it, no copy can land any more. Nor
 * can one whose newest signature is older than any signature lives. */
void lease_prune(struct fence *f, struct fzone *z, int64_t now)
{
    int64_t late = fence_route53_ms(f, now) - FENCE_LATE_MS;

    for (uint32_t i = z->n_open; i-- > 0;) {
        struct fbatch *b = z->open[i];
        bool dead = z->lease_certain && lv_gen(&z->lease) > lv_gen(&b->del) &&
                    lv_gen(&b->del) > 0 && b->op_id == 0;
        bool old = b->op_id == 0 && b != z->cur && b->signed_ms && b->signed_ms < late;

        if (!dead && !old)
            continue;
        batch_close(z, b);
        if (b->dropped && b != f->answering)
            batch_drop(f, b);
    }
}

/* What prepare left in the lease goes on with it, whoever writes it next: `prepare --undo` and finish
 * need it. */
static void remember(struct fence *f, const struct lease *l)
{
    if (l->ttl_was > f->proto.ttl_was)
        f->proto.ttl_was = l->ttl_was;
    if (l->not_before_s > f->proto.not_before_s)
        f->proto.not_before_s = l->not_before_s;
}

/* A definite sight of the lease, by reading or by a batch of ours that landed. Generations only
 * grow, so a lower one of ours is an old sight. */
void lease_learn(struct fence *f, struct fzone *z, const struct flv *v, int64_t now)
{
    uint64_t gen = lv_gen(v);

    if (z->lease_certain && gen && gen < lv_gen(&z->lease))
        return;
    if (gen > lv_gen(&z->lease)) {
        f->seq++;
        landed_chain(f, z, v, 0);
    }
    if (v != &z->lease)
        z->lease = *v;
    z->lease_certain = true;
    if (gen > z->top_gen)
        z->top_gen = gen;
    if (v->kind == LV_OURS || v->kind == LV_RELEASED)
        remember(f, &v->lease);
    if (v->kind == LV_OURS) {
        z->absent = false;
        z->touched = true; /* perhaps by the process before us */
    }
    lease_prune(f, z, now);
}

/* The values that may be in the zone now, older first: the certain one, and what open batches make
 * of it, and others of that. */
uint32_t lease_candidates(const struct fzone *z, const struct flv *out[OPEN_MAX + 1])
{
    uint32_t n = 0;
    bool used[OPEN_MAX] = {false};

    if (z->lease.kind == LV_UNKNOWN || z->lease.kind == LV_ABSENT)
        return 0;
    out[n++] = &z->lease;
    for (uint32_t at = 0; at < n; at++)
        for (uint32_t i = 0; i < z->n_open; i++)
            if (!used[i] && lv_same(&z->open[i]->del, out[at])) {
                used[i] = true;
                out[n++] = &z->open[i]->crt;
            }
    for (uint32_t i = 2; i < n; i++)
        for (uint32_t k = i; k > 1 && lv_gen(out[k]) < lv_gen(out[k - 1]); k--) {
            const struct flv *t = out[k];

            out[k] = out[k - 1];
            out[k - 1] = t;
        }
    return n;
}

/* ---- Batches
 * ------------------------------------------------------------------------------------------- */

static void lease_change(struct fbatch *b, enum router_change_action action, struct fzone *z,
                         const struct flv *v, struct rrset *rr, const char **value)
{
    *value = v->text;
    *rr = (struct rrset){.name = z->lease_name,
                         .type = "TXT",
                         .has_ttl = true,
                         .ttl = v->ttl,
                         .values = value,
                         .n_values = 1};
    b->ch[b->n].action = action;
    b->ch[b->n].set = v->kind == LV_BROKEN ? v->broken : rr;
    b->sets[b->n++] = NULL;
}

static void comment_set(const struct fence *f, struct fbatch *b)
{
    static const char *const words[] = {
        [B_MOVE] = "forward",    [B_BACK] = "rollback", [B_LONE] = "lease",
        [B_SEIZE] = "take over", [B_PROOF] = "proof",   [B_BEAT] = "renew",
        [B_RELEASE] = "release", [B_GHOST] = ""};

    snprintf(b->comment, sizeof b->comment, "sluice %s %s %s", f->proto.cutover, f->proto.run,
             words[b->kind]);
}

/* A batch on the lease value `del` (NULL: there is none) that makes the next. It is not sent yet.
 */
struct fbatch *batch_new(struct fence *f, struct fzone *z, enum bkind kind, uint32_t lo,
                         uint32_t hi, uint32_t percent, const struct flv *del,
                         enum lease_state state, int64_t now)
{
    struct fbatch *b = x_zalloc(sizeof *b);
    size_t max = 2;

    for (uint32_t k = lo; k < hi; k++)
        max += 2 * z->recs[k]->n_sets;
    b->ch = x_calloc(max, sizeof *b->ch);
    b->sets = x_calloc(max, sizeof(struct fset *));
    b->kind = kind;
    b->zone = z->index;
    b->lo = lo;
    b->hi = hi;
    b->percent = percent;
    b->next = f->batches;
    f->batches = b;
    comment_set(f, b);
    lease_next(f, z, state, percent, now, &b->crt);
    if (kind == B_PROOF)
        lease_next(f, z, state, percent, now, &b->del); /* a value that never was */
    else if (del)
        b->del = *del;
    if (!f->cfg.lease_off || kind == B_PROOF) {
        if (b->del.kind != LV_UNKNOWN)
            lease_change(b, ROUTER_DELETE, z, &b->del, &b->del_rr, &b->del_value);
        if (kind != B_PROOF)
            lease_change(b, ROUTER_CREATE, z, &b->crt, &b->crt_rr, &b->crt_value);
    }
    records_add(z, b);
    return b;
}

static void batch_free(struct fbatch *b)
{
    free(b->ch);
    free(b->sets);
    free(b);
}

/* Nobody waits for it any more. It stays as long as its bytes are at the router, or it may land. */
void batch_drop(struct fence *f, struct fbatch *b)
{
    b->dropped = true;
    if (b->op_id || b->open)
        return;
    for (struct fbatch **at = &f->batches; *at; at = &(*at)->next)
        if (*at == b) {
            *at = b->next;
            batch_free(b);
            return;
        }
}

void batch_send(struct fence *f, struct fbatch *b, int64_t now)
{
    struct fzone *z = zone_of(f, b);
    struct router_batch rb = {.zone_id = z->id,
                              .comment = b->comment,
                              .changes = b->ch,
                              .n_changes = b->n,
                              .urgent = b->urgent};

    assert(b->op_id == 0);
    b->op_id = op_add(f, z, ROUTER_OP_CHANGE);
    op_last(f)->batch = b;
    if (b->kind != B_PROOF && b->kind != B_LONE && !b->open) {
        assert(z->n_open < OPEN_MAX);
        z->open[z->n_open++] = b;
        b->open = true;
    }
    z->touched = true;
    z->lone_flight += b->kind == B_LONE;
    if (b->signed_ms == 0)
        b->signed_ms = fence_route53_ms(f, now); /* at the earliest */
    f->router.ops->change(f->router.self, b->op_id, &rb);
}

/* The forward batch in hand is left to itself: what overtakes it reckons with it. */
void batch_detach(struct fence *f, struct fzone *z)
{
    struct fbatch *b = z->cur;

    z->cur = NULL;
    if (b)
        batch_drop(f, b);
}

/* What every answer to a batch means for the lease; what it means for the zone's work is the
 * caller's. */
void batch_answered(struct fence *f, struct fbatch *b, const struct router_answer *a, int64_t now)
{
    struct fzone *z = zone_of(f, b);

    b->op_id = 0;
    if (b->kind == B_LONE) {
        z->lone_flight--;
        z->lone_loose |= a->outcome == ROUTER_UNKNOWN;
    }
    if (a->signed_ms) {
        b->signed_ms = a->signed_ms;
        if (a->signed_ms > z->signed_ms)
            z->signed_ms = a->signed_ms;
    }
    switch (a->outcome) {
    case ROUTER_OK:
        f->seq++;
        if (b->kind == B_PROOF)
            break;
        if (z->settled_seq == UINT32_MAX && b->kind != B_LONE)
            z->settled_seq = f->seq;
        z->batch_ms = now;
        /* An answer that comes after the lease moved on says nothing about the records any more. */
        if (f->cfg.lease_off || lv_gen(&b->crt) >= lv_gen(&z->lease)) {
            landed_chain(f, z, &b->del, 0);
            records_landed(f, z, b);
        }
        batch_close(z, b);
        if (!f->cfg.lease_off)
            lease_learn(f, z, &b->crt, now);
        break;
    case ROUTER_UNKNOWN:
    case ROUTER_BUSY:
    case ROUTER_OUTCOME_COUNT:
        b->loose = true;
        break;
    case ROUTER_REFUSED:
    case ROUTER_DENIED:
    case ROUTER_MISSING:
    case ROUTER_INVALID:
        if (!b->loose)
            batch_close(z, b);
        break;
    }
    lease_prune(f, z, now);
}
