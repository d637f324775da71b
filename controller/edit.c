/* edit.c: see edit.h. */
#include "edit_inner.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "fence.h"
#include "sluice/common.h"
#include "sluice/text.h"

#define SYNC_FIRST_MS 1000
#define SYNC_CAP_MS   10000
#define STOP_PAUSE_MS 300 /* between two copies, once somebody asked to end */

struct edit *edit_new(const struct edit_config *c)
{
    struct edit *e = x_zalloc(sizeof *e);

    e->cfg = *c;
    e->zone_id = x_strdup(c->zone_id);
    e->lease_name = x_strdup(c->lease_name);
    e->random = c->seed;
    e->next_op = c->first_op;
    e->offset_ms = c->host.wall_ms(c->host.ctx) - c->host.boot_ms(c->host.ctx);
    lease_name_set(e->proto.cutover, LEASE_CUTOVER_MAX, c->cutover);
    lease_name_set(e->proto.run, LEASE_RUN_MAX, c->run);
    snprintf(e->proto.owner, sizeof e->proto.owner, "%016llx",
             (unsigned long long)backoff_random(&e->random) | 1);
    snprintf(e->proto.plan_hash, sizeof e->proto.plan_hash, "%s",
             c->plan_hash && c->plan_hash[0] ? c->plan_hash : "0");
    e->cfg.zone_id = e->cfg.lease_name = e->cfg.cutover = e->cfg.run = e->cfg.plan_hash = NULL;
    return e;
}

void edit_free(struct edit *e)
{
    if (!e)
        return;
    free(e->zone_id);
    free(e->lease_name);
    free(e);
}

const struct lease *edit_lease(const struct edit *e)
{
    return &e->now.lease;
}

void edit_remember(struct edit *e, uint32_t ttl_was, int64_t not_before_s)
{
    e->proto.ttl_was = ttl_was;
    e->proto.not_before_s = not_before_s;
}

void edit_step(struct edit *e, uint32_t percent)
{
    e->proto.step = percent;
}

static int64_t now_ms(const struct edit *e)
{
    return e->cfg.host.boot_ms(e->cfg.host.ctx) + e->offset_ms;
}

int64_t edit_now_s(const struct edit *e)
{
    return now_ms(e) / 1000;
}

/* ---- one operation
 * --------------------------------------------------------------------------------- */

bool edit_stopping(const struct edit *e)
{
    return e->cfg.host.stopping && e->cfg.host.stopping(e->cfg.host.ctx);
}

bool edit_say_stopped(struct err *err, const char *what)
{
    return err_set(err, ERR_IO, "stopped: %s", what);
}

bool edit_wait_ms(struct edit *e, int64_t ms, struct err *err)
{
    int64_t start = e->cfg.host.boot_ms(e->cfg.host.ctx);

    for (;;) {
        int64_t left = start + ms - e->cfg.host.boot_ms(e->cfg.host.ctx);

        if (edit_stopping(e) && ms > STOP_PAUSE_MS)
            left -= ms - STOP_PAUSE_MS;
        if (left <= 0)
            return true;
        if (!e->cfg.host.wait(e->cfg.host.ctx, left, err))
            return false;
    }
}

/* The answer to the one operation in flight. One that was given up may be answered late: dropped.
 */
static bool answer(struct edit *e, struct router_answer *a, struct err *err)
{
    for (;;) {
        while (!e->cfg.router.ops->next(e->cfg.router.self, a))
            if (!e->cfg.host.wait(e->cfg.host.ctx, EDIT_RETRY_CAP_MS, err))
                return false;
        if (a->op_id == e->next_op)
            break;
        e->cfg.router.ops->release(e->cfg.router.self, a);
    }
    if (a->date_ms)
        e->offset_ms = a->date_ms - e->cfg.host.boot_ms(e->cfg.host.ctx);
    if (a->op == ROUTER_OP_CHANGE && a->signed_ms > e->signed_ms)
        e->signed_ms = a->signed_ms;
    return true;
}

static uint32_t op(struct edit *e)
{
    return ++e->next_op;
}

/* Why Route 53 did not do it; its own words made safe. */
bool edit_refused(const struct router_answer *a, struct err *err)
{
    static const enum err_kind kinds[ROUTER_OUTCOME_COUNT] = {
        [ROUTER_REFUSED] = ERR_REFUSED, [ROUTER_DENIED] = ERR_DENIED,   [ROUTER_BUSY] = ERR_NET,
        [ROUTER_MISSING] = ERR_REFUSED, [ROUTER_INVALID] = ERR_REFUSED, [ROUTER_UNKNOWN] = ERR_NET};
    struct buf safe SL_CLEANUP(buf_clear) = {0};

    text_add_safe(&safe, a->message, strlen(a->message), 600);
    return err_set(err, kinds[a->outcome], "Route 53: %s: %s", a->code, buf_str(&safe));
}

static bool is_definite(enum router_outcome o)
{
    return o != ROUTER_UNKNOWN && o != ROUTER_BUSY;
}

/* A reading, tried until it is answered. The caller releases a. */
static bool list(struct edit *e, const struct router_list *what, struct router_answer *a,
                 struct err *err)
{
    int64_t until = e->cfg.host.boot_ms(e->cfg.host.ctx) + EDIT_PATIENCE_MS;

    for (uint32_t i = 0;; i++) {
        e->cfg.router.ops->list(e->cfg.router.self, op(e), what);
        if (!answer(e, a, err))
            return false;
        if (a->outcome == ROUTER_OK)
            return true;
        if (is_definite(a->outcome) || edit_stopping(e) ||
            e->cfg.host.boot_ms(e->cfg.host.ctx) > until) {
            edit_refused(a, err);
            e->cfg.router.ops->release(e->cfg.router.self, a);
            return err_prefix(err, "the records cannot be read: ");
        }
        e->cfg.router.ops->release(e->cfg.router.self, a);
        if (!edit_wait_ms(e, backoff_full_ms(&e->random, i, EDIT_RETRY_FIRST_MS, EDIT_RETRY_CAP_MS),
                          err))
            return false;
    }
}

bool edit_list(struct edit *e, struct arena *mem, const struct rrset **sets, size_t *n,
               struct err *err)
{
    const struct router_list whole = {.zone_id = e->zone_id};
    struct router_answer a = {0};
    struct rrset *copy;

    if (!list(e, &whole, &a, err))
        return false;
    copy = arena_array(mem, a.n_sets + 1, sizeof *copy);
    for (size_t i = 0; i < a.n_sets; i++)
        copy[i] = rrset_copy(mem, &a.sets[i]);
    *sets = copy;
    *n = a.n_sets;
    e->cfg.router.ops->release(e->cfg.router.self, &a);
    return true;
}

/* ---- the lease
 * ------------------------------------------------------------------------------------- */

bool edit_read_lease(struct edit *e, struct seen *out, struct err *err)
{
    const struct router_list where = {.zone_id = e->zone_id,
                                      .name = e->lease_name,
                                      .type = "TXT",
                                      .only_name = true,
                                      .only_type = true};
    struct router_answer a = {0};

    *out = (struct seen){0};
    if (!list(e, &where, &a, err))
        return false;
    for (size_t i = 0; i < a.n_sets; i++) {
        const struct rrset *s = &a.sets[i];
        enum lease_reading got;

        if (strcmp(s->type, "TXT") != 0 || !rrset_name_eq(s->name, e->lease_name))
            continue;
        got =
            s->n_values == 1 && !s->set_id ? lease_parse(s->values[0], &out->lease) : LEASE_DAMAGED;
        out->kind = got == LEASE_READ            ? SEEN_LEASE
                    : got == LEASE_VERSION_OTHER ? SEEN_VERSION
                                                 : SEEN_DAMAGED;
        out->ttl = s->ttl;
        if (got == LEASE_READ)
            snprintf(out->text, sizeof out->text, "%s", s->values[0]);
    }
    e->cfg.router.ops->release(e->cfg.router.self, &a);
    if (out->kind == SEEN_LEASE && out->lease.generation > e->top_gen)
        e->top_gen = out->lease.generation;
    return true;
}

/* The next lease of this run: a generation and a nonce that no batch had before. */
void edit_next_lease(struct edit *e, enum lease_state state, struct seen *out)
{
    int64_t now_s = edit_now_s(e);
    uint64_t r = backoff_random(&e->random);

    if (e->top_gen < (uint64_t)now_s)
        e->top_gen = (uint64_t)now_s;
    *out = (struct seen){.kind = SEEN_LEASE, .lease = e->proto, .ttl = FENCE_LEASE_TTL_S};
    out->lease.generation = ++e->top_gen;
    out->lease.state = state;
    out->lease.expires_s = now_s + e->cfg.life_ms / 1000;
    if (state == LEASE_RELEASED)
        out->lease.owner[0] = '\0';
    for (int i = 0; i < LEASE_NONCE_MAX; i++, r >>= 4)
        out->lease.nonce[i] = "0123456789abcdef"[r & 15];
    lease_format(&out->lease, out->text);
}

bool edit_seen_same(const struct seen *a, const struct seen *b)
{
    return a->kind == b->kind && strcmp(a->text, b->text) == 0;
}

bool edit_say_held(const struct edit *e, const struct seen *by, struct err *err)
{
    struct buf until SL_CLEANUP(buf_clear) = {0};

    if (by->kind == SEEN_VERSION)
        return err_set(err, ERR_BUSY, "%s is the lease of another version of sluice: use that one",
                       e->lease_name);
    if (by->kind == SEEN_DAMAGED)
        return err_set(err, ERR_BUSY,
                       "%s is no lease of sluice: look at it, and remove it if nobody needs it",
                       e->lease_name);
    text_format_time(&until, by->lease.expires_s * 1000, false);
    return err_set(
        err, ERR_BUSY,
        "run %s of %s holds the zone (%s) %s %s; --take-over takes it from a run that is "
        "dead",
        by->lease.run, by->lease.cutover, e->lease_name,
        by->lease.expires_s > edit_now_s(e) ? "until" : "and let its lease expire at",
        buf_str(&until));
}

struct rrset edit_lease_set(const struct edit *e, const struct seen *s, const char **value)
{
    *value = s->text;
    return (struct rrset){.name = e->lease_name,
                          .type = "TXT",
                          .has_ttl = true,
                          .ttl = s->ttl,
                          .values = value,
                          .n_values = 1};
}

/* ---- a batch
 * --------------------------------------------------------------------------------------- */

/* Sends the same bytes until there is a definite answer. *loose: a copy got none and may have
 * landed. False: err, and nothing is known. */
bool edit_send(struct edit *e, const struct router_batch *batch, bool again,
               struct router_answer *a, bool *loose, struct err *err)
{
    int64_t until = e->cfg.host.boot_ms(e->cfg.host.ctx) + EDIT_PATIENCE_MS;

    *loose = false;
    for (uint32_t i = 0;; i++) {
        e->cfg.router.ops->change(e->cfg.router.self, op(e), batch);
        if (!answer(e, a, err))
            return false;
        *loose |= a->outcome == ROUTER_UNKNOWN;
        if (is_definite(a->outcome) || !again || (edit_stopping(e) && !*loose))
            return true;
        if (e->cfg.host.boot_ms(e->cfg.host.ctx) > until) {
            edit_refused(a, err);
            err->kind = ERR_TIMEOUT;
            return err_prefix(err, "it is not known whether the change was made; look at the zone, "
                                   "or give the same command again: ");
        }
        e->cfg.router.ops->release(e->cfg.router.self, a);
        if (!edit_wait_ms(
                e, 100 + backoff_full_ms(&e->random, i, EDIT_RETRY_FIRST_MS, EDIT_RETRY_CAP_MS),
                err))
            return false;
    }
}

/* Which lease stands, after a refusal. True: *landed says whether it is this batch's, *again that
 * it is one that an earlier batch of ours left, to be built on. False: somebody else's, or err. */
static bool sort_refusal(struct edit *e, const struct seen *next, bool *landed, bool *again,
                         struct err *err)
{
    struct seen stands;
    struct err why = {0};

    if (!edit_read_lease(e, &stands, &why)) {
        *err = why;
        return false;
    }
    *landed = edit_seen_same(&stands, next); /* an earlier copy of it did it */
    *again = !*landed && stands.kind == SEEN_LEASE && edit_seen_same(&stands, &e->loose);
    if (*again)
        e->now = stands;
    if (*landed || *again || edit_seen_same(&stands, &e->now))
        return true;
    *err = (struct err){0};
    if (stands.kind != SEEN_ABSENT)
        return edit_say_held(e, &stands, err);
    return err_set(err, ERR_BUSY, "somebody removed the lease %s: nothing was changed",
                   e->lease_name);
}

/* One batch: the lease from what is known to `next`, and the changes. *change_id gets what can be
 * polled, "" where the answer that had it was lost. *again: what an earlier one left is known now.
 */
static bool try_batch(struct edit *e, const struct seen *next, const struct router_change *changes,
                      size_t n, char change_id[ROUTER_CHANGE_ID_MAX], bool *again, struct err *err)
{
    struct router_change *all = x_calloc(n + 2, sizeof *all);
    const char *del_value, *crt_value;
    struct rrset del = edit_lease_set(e, &e->now, &del_value),
                 crt = edit_lease_set(e, next, &crt_value);
    struct router_batch b = {.zone_id = e->zone_id, .comment = "sluice", .changes = all};
    struct router_answer a = {0};
    bool loose = false, sent, landed;

    assert(e->now.kind == SEEN_LEASE);
    all[0] = (struct router_change){.action = ROUTER_DELETE, .set = &del};
    all[1] = (struct router_change){.action = ROUTER_CREATE, .set = &crt};
    if (n)
        memcpy(all + 2, changes, n * sizeof *all);
    b.n_changes = n + 2;
    sent = edit_send(e, &b, true, &a, &loose, err);
    free(all);
    if (!sent) {
        e->loose = *next;
        return false;
    }
    landed = a.outcome == ROUTER_OK;
    snprintf(change_id, ROUTER_CHANGE_ID_MAX, "%s", landed ? a.change_id : "");
    if (!landed) {
        edit_refused(&a, err);
        if ((loose || a.outcome == ROUTER_REFUSED) && sort_refusal(e, next, &landed, again, err) &&
            landed)
            *err = (struct err){0};
    }
    e->cfg.router.ops->release(e->cfg.router.self, &a);
    if (landed)
        e->now = *next;
    return landed;
}

bool edit_batch(struct edit *e, const struct seen *next, const struct router_change *changes,
                size_t n, char change_id[ROUTER_CHANGE_ID_MAX], struct err *err)
{
    bool again = false, ok = try_batch(e, next, changes, n, change_id, &again, err);

    if (!ok && again) {
        *err = (struct err){0};
        ok = try_batch(e, next, changes, n, change_id, &again, err);
    }
    if (ok)
        e->loose = (struct seen){0};
    return ok;
}

static bool wait_insync(struct edit *e, const char *change_id, struct err *err)
{
    int64_t until = e->cfg.host.boot_ms(e->cfg.host.ctx) + EDIT_PATIENCE_MS;

    for (int64_t pause = SYNC_FIRST_MS;;
         pause = 2 * pause < SYNC_CAP_MS ? 2 * pause : SYNC_CAP_MS) {
        struct router_answer a = {0};
        bool insync, gone;

        if (edit_stopping(e))
            return edit_say_stopped(err, "the change was made, and not waited for until all name "
                                         "servers have it");
        e->cfg.router.ops->sync(e->cfg.router.self, op(e), change_id);
        if (!answer(e, &a, err))
            return false;
        insync = a.outcome == ROUTER_OK && a.insync;
        gone = a.outcome == ROUTER_DENIED;
        if (gone)
            edit_refused(&a, err);
        e->cfg.router.ops->release(e->cfg.router.self, &a);
        if (insync)
            return true;
        if (gone)
            return err_prefix(err, "the change was made, but not seen to reach the name servers: ");
        if (e->cfg.host.boot_ms(e->cfg.host.ctx) > until)
            return err_set(err, ERR_TIMEOUT,
                           "the change was made, but is not INSYNC after %d minutes; give the same "
                           "command again to go on",
                           EDIT_PATIENCE_MS / 60000);
        if (!edit_wait_ms(e, pause, err))
            return false;
    }
}

bool edit_change(struct edit *e, const struct router_change *changes, size_t n, int64_t *insync_s,
                 struct err *err)
{
    char change_id[ROUTER_CHANGE_ID_MAX];
    struct seen next;

    *insync_s = 0;
    e->made = false;
    if (edit_stopping(e))
        return edit_say_stopped(err, "this change was not begun");
    edit_next_lease(e, LEASE_FORWARD, &next);
    if (!edit_batch(e, &next, changes, n, change_id, err))
        return false;
    e->made = true;
    if (!change_id[0]) { /* changes of a zone go one after another: the next one's will tell */
        edit_next_lease(e, LEASE_FORWARD, &next);
        if (!edit_batch(e, &next, NULL, 0, change_id, err))
            return false;
    }
    if (change_id[0] && !wait_insync(e, change_id, err))
        return false;
    *insync_s = edit_now_s(e);
    return true;
}

bool edit_made(const struct edit *e, bool *known)
{
    *known = e->made || e->loose.kind == SEEN_ABSENT;
    return e->made;
}
