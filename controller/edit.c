/* edit.c: see edit.h. */
#include "edit.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backoff.h"
#include "fence.h"
#include "sluice/common.h"
#include "sluice/text.h"

#define RETRY_FIRST_MS 500
#define RETRY_CAP_MS   10000
#define SYNC_FIRST_MS  1000
#define SYNC_CAP_MS    10000
#define LONE_TRIES     5
#define STOP_PAUSE_MS  300 /* between two copies, once somebody asked to end */

enum seen_kind { SEEN_ABSENT, SEEN_LEASE, SEEN_DAMAGED, SEEN_VERSION };

struct seen { /* what stands at the lease's name */
    enum seen_kind kind;
    struct lease lease;
    char text[LEASE_VALUE_SIZE];
    uint32_t ttl;
};

struct edit {
    struct edit_config cfg;
    char *zone_id, *lease_name;
    struct lease proto; /* what all leases of this run share */
    struct seen now;    /* the last certain sight */
    struct seen loose;  /* what a batch without an answer would have left; SEEN_ABSENT: none */
    bool made;          /* by the last edit_change() */
    uint64_t random, top_gen;
    int64_t offset_ms; /* Route 53's time less boot time */
    int64_t signed_ms; /* of our newest request that changes anything, Route 53's time */
    uint32_t next_op;
};

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

static bool stopping(const struct edit *e)
{
    return e->cfg.host.stopping && e->cfg.host.stopping(e->cfg.host.ctx);
}

static bool say_stopped(struct err *err, const char *what)
{
    return err_set(err, ERR_IO, "stopped: %s", what);
}

static bool wait_ms(struct edit *e, int64_t ms, struct err *err)
{
    int64_t start = e->cfg.host.boot_ms(e->cfg.host.ctx);

    for (;;) {
        int64_t left = start + ms - e->cfg.host.boot_ms(e->cfg.host.ctx);

        if (stopping(e) && ms > STOP_PAUSE_MS)
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
            if (!e->cfg.host.wait(e->cfg.host.ctx, RETRY_CAP_MS, err))
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
static bool refused(const struct router_answer *a, struct err *err)
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
        if (is_definite(a->outcome) || stopping(e) ||
            e->cfg.host.boot_ms(e->cfg.host.ctx) > until) {
            refused(a, err);
            e->cfg.router.ops->release(e->cfg.router.self, a);
            return err_prefix(err, "the records cannot be read: ");
        }
        e->cfg.router.ops->release(e->cfg.router.self, a);
        if (!wait_ms(e, backoff_full_ms(&e->random, i, RETRY_FIRST_MS, RETRY_CAP_MS), err))
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

static bool read_lease(struct edit *e, struct seen *out, struct err *err)
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
static void next_lease(struct edit *e, enum lease_state state, struct seen *out)
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

static bool same(const struct seen *a, const struct seen *b)
{
    return a->kind == b->kind && strcmp(a->text, b->text) == 0;
}

static bool say_held(const struct edit *e, const struct seen *by, struct err *err)
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

static struct rrset lease_set(const struct edit *e, const struct seen *s, const char **value)
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
static bool send_batch(struct edit *e, const struct router_batch *batch, bool again,
                       struct router_answer *a, bool *loose, struct err *err)
{
    int64_t until = e->cfg.host.boot_ms(e->cfg.host.ctx) + EDIT_PATIENCE_MS;

    *loose = false;
    for (uint32_t i = 0;; i++) {
        e->cfg.router.ops->change(e->cfg.router.self, op(e), batch);
        if (!answer(e, a, err))
            return false;
        *loose |= a->outcome == ROUTER_UNKNOWN;
        if (is_definite(a->outcome) || !again || (stopping(e) && !*loose))
            return true;
        if (e->cfg.host.boot_ms(e->cfg.host.ctx) > until) {
            refused(a, err);
            err->kind = ERR_TIMEOUT;
            return err_prefix(err, "it is not known whether the change was made; look at the zone, "
                                   "or give the same command again: ");
        }
        e->cfg.router.ops->release(e->cfg.router.self, a);
        if (!wait_ms(e, 100 + backoff_full_ms(&e->random, i, RETRY_FIRST_MS, RETRY_CAP_MS), err))
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

    if (!read_lease(e, &stands, &why)) {
        *err = why;
        return false;
    }
    *landed = same(&stands, next); /* an earlier copy of it did it */
    *again = !*landed && stands.kind == SEEN_LEASE && same(&stands, &e->loose);
    if (*again)
        e->now = stands;
    if (*landed || *again || same(&stands, &e->now))
        return true;
    *err = (struct err){0};
    if (stands.kind != SEEN_ABSENT)
        return say_held(e, &stands, err);
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
    struct rrset del = lease_set(e, &e->now, &del_value), crt = lease_set(e, next, &crt_value);
    struct router_batch b = {.zone_id = e->zone_id, .comment = "sluice", .changes = all};
    struct router_answer a = {0};
    bool loose = false, sent, landed;

    assert(e->now.kind == SEEN_LEASE);
    all[0] = (struct router_change){.action = ROUTER_DELETE, .set = &del};
    all[1] = (struct router_change){.action = ROUTER_CREATE, .set = &crt};
    if (n)
        memcpy(all + 2, changes, n * sizeof *all);
    b.n_changes = n + 2;
    sent = send_batch(e, &b, true, &a, &loose, err);
    free(all);
    if (!sent) {
        e->loose = *next;
        return false;
    }
    landed = a.outcome == ROUTER_OK;
    snprintf(change_id, ROUTER_CHANGE_ID_MAX, "%s", landed ? a.change_id : "");
    if (!landed) {
        refused(&a, err);
        if ((loose || a.outcome == ROUTER_REFUSED) && sort_refusal(e, next, &landed, again, err) &&
            landed)
            *err = (struct err){0};
    }
    e->cfg.router.ops->release(e->cfg.router.self, &a);
    if (landed)
        e->now = *next;
    return landed;
}

static bool batch(struct edit *e, const struct seen *next, const struct router_change *changes,
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

        if (stopping(e))
            return say_stopped(err, "the change was made, and not waited for until all name "
                                    "servers have it");
        e->cfg.router.ops->sync(e->cfg.router.self, op(e), change_id);
        if (!answer(e, &a, err))
            return false;
        insync = a.outcome == ROUTER_OK && a.insync;
        gone = a.outcome == ROUTER_DENIED;
        if (gone)
            refused(&a, err);
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
        if (!wait_ms(e, pause, err))
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
    if (stopping(e))
        return say_stopped(err, "this change was not begun");
    next_lease(e, LEASE_FORWARD, &next);
    if (!batch(e, &next, changes, n, change_id, err))
        return false;
    e->made = true;
    if (!change_id[0]) { /* changes of a zone go one after another: the next one's will tell */
        next_lease(e, LEASE_FORWARD, &next);
        if (!batch(e, &next, NULL, 0, change_id, err))
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

/* ---- taking and leaving
 * ---------------------------------------------------------------------------- */

/* Nothing DELETEs where nothing is, so nothing fences a late copy: it is sent once, and never again
 * without having looked. */
static bool create_lone(struct edit *e, struct err *err)
{
    for (int i = 0; i < LONE_TRIES; i++) {
        struct seen next, stands;
        const char *value;
        struct rrset set;
        struct router_change create = {.action = ROUTER_CREATE, .set = &set};
        struct router_batch b = {
            .zone_id = e->zone_id, .comment = "sluice lease", .changes = &create, .n_changes = 1};
        struct router_answer a = {0};
        enum router_outcome outcome;
        bool loose;

        next_lease(e, LEASE_FORWARD, &next);
        set = lease_set(e, &next, &value);
        if (!send_batch(e, &b, false, &a, &loose, err))
            return false;
        outcome = a.outcome;
        if (outcome == ROUTER_DENIED || outcome == ROUTER_MISSING || outcome == ROUTER_INVALID)
            refused(&a, err);
        e->cfg.router.ops->release(e->cfg.router.self, &a);
        if (err->kind != ERR_NONE)
            return false;
        if (outcome == ROUTER_OK) {
            e->now = next;
            return true;
        }
        if (!wait_ms(e, backoff_full_ms(&e->random, (uint32_t)i, RETRY_FIRST_MS, RETRY_CAP_MS),
                     err) ||
            !read_lease(e, &stands, err))
            return false;
        if (same(&stands, &next)) {
            e->now = stands;
            return true;
        }
        if (stands.kind != SEEN_ABSENT)
            return say_held(e, &stands, err);
    }
    return err_set(err, ERR_NET, "the lease could not be written: Route 53 gives no answer");
}

bool edit_lists_run(const char *runs, const char *run)
{
    size_t n = strlen(run);

    for (const char *line = runs; n && line && *line; line += *line == '\n') {
        size_t len = strcspn(line, "\n");

        if (len == n && memcmp(line, run, n) == 0)
            return true;
        line += len;
    }
    return false;
}

bool edit_open(struct edit *e, struct err *err)
{
    char change_id[ROUTER_CHANGE_ID_MAX];
    struct seen next;

    if (stopping(e))
        return say_stopped(err, "nothing was changed");
    if (!read_lease(e, &e->now, err))
        return false;
    if (e->now.kind == SEEN_ABSENT)
        return create_lone(e, err);
    if (e->now.kind != SEEN_LEASE || (e->now.lease.state != LEASE_RELEASED && !e->cfg.take_over &&
                                      !edit_lists_run(e->cfg.dead_runs, e->now.lease.run)))
        return say_held(e, &e->now, err);
    e->proto.ttl_was = e->now.lease.ttl_was;
    e->proto.not_before_s = e->now.lease.not_before_s;
    e->proto.step = e->now.lease.step;
    next_lease(e, LEASE_FORWARD, &next);
    return batch(e, &next, NULL, 0, change_id, err);
}

bool edit_release(struct edit *e, struct err *err)
{
    char change_id[ROUTER_CHANGE_ID_MAX];
    struct seen next;

    next_lease(e, LEASE_RELEASED, &next);
    return batch(e, &next, NULL, 0, change_id, err);
}

bool edit_look(struct edit *e, struct err *err)
{
    return read_lease(e, &e->now, err);
}

#define LIFE_LEAST_S 60 /* of a lease, as plans may say it */

/* A lease does not say when it was written, but until when it holds: it was written a life before.
 * How long that is this very plan says; of another plan's it is at least a minute. What this
 * process wrote it knows. */
int64_t edit_removable_s(const struct edit *e)
{
    int64_t late_s = FENCE_LATE_MS / 1000, ours_s = e->signed_ms / 1000 + late_s;
    bool own = e->now.kind != SEEN_LEASE || strcmp(e->now.lease.run, e->proto.run) == 0;
    bool same_plan = strcmp(e->now.lease.plan_hash, e->proto.plan_hash) == 0;
    int64_t written_s = e->now.lease.expires_s - (same_plan ? e->cfg.life_ms / 1000 : LIFE_LEAST_S);

    return own || written_s + late_s < ours_s ? ours_s : written_s + late_s;
}

bool edit_remove(struct edit *e, struct err *err)
{
    const char *value;
    struct rrset set;
    struct router_change del = {.action = ROUTER_DELETE, .set = &set};
    struct router_batch b = {
        .zone_id = e->zone_id, .comment = "sluice lease removed", .changes = &del, .n_changes = 1};
    struct router_answer a = {0};
    bool loose, done;

    if (e->now.kind == SEEN_ABSENT && !read_lease(e, &e->now, err))
        return false;
    if (e->now.kind == SEEN_ABSENT)
        return true;
    if (e->now.kind != SEEN_LEASE ||
        (e->now.lease.state != LEASE_RELEASED && !lease_same_owner(&e->now.lease, &e->proto)))
        return say_held(e, &e->now, err);
    if (edit_now_s(e) < edit_removable_s(e))
        return err_set(
            err, ERR_REFUSED,
            "the lease was written less than six minutes ago: a late request could still "
            "find its name free");
    set = lease_set(e, &e->now, &value);
    if (!send_batch(e, &b, true, &a, &loose, err))
        return false;
    done = a.outcome == ROUTER_OK;
    if (!done)
        refused(&a, err);
    e->cfg.router.ops->release(e->cfg.router.self, &a);
    if (!done) {
        struct seen stands;
        struct err why = {0};

        if (!read_lease(e, &stands, &why))
            return false;
        if (stands.kind == SEEN_ABSENT) {
            *err = (struct err){0};
            done = true;
        } else if (!same(&stands, &e->now)) {
            *err = (struct err){0};
            return say_held(e, &stands, err);
        }
    }
    if (done)
        e->now = (struct seen){0};
    return done;
}
