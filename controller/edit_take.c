/* edit_take.c: taking a zone, giving it back, removing its lease. See edit.h. */
#include <string.h>

#include "backoff.h"
#include "edit_inner.h"
#include "fence.h"
#include "sluice/common.h"

#define LONE_TRIES   5
#define LIFE_LEAST_S 60 /* of a lease, as plans may say it */

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

        edit_next_lease(e, LEASE_FORWARD, &next);
        set = edit_lease_set(e, &next, &value);
        if (!edit_send(e, &b, false, &a, &loose, err))
            return false;
        outcome = a.outcome;
        if (outcome == ROUTER_DENIED || outcome == ROUTER_MISSING || outcome == ROUTER_INVALID)
            edit_refused(&a, err);
        e->cfg.router.ops->release(e->cfg.router.self, &a);
        if (err->kind != ERR_NONE)
            return false;
        if (outcome == ROUTER_OK) {
            e->now = next;
            return true;
        }
        if (!edit_wait_ms(
                e, backoff_full_ms(&e->random, (uint32_t)i, EDIT_RETRY_FIRST_MS, EDIT_RETRY_CAP_MS),
                err) ||
            !edit_read_lease(e, &stands, err))
            return false;
        if (edit_seen_same(&stands, &next)) {
            e->now = stands;
            return true;
        }
        if (stands.kind != SEEN_ABSENT)
            return edit_say_held(e, &stands, err);
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

    if (edit_stopping(e))
        return edit_say_stopped(err, "nothing was changed");
    if (!edit_read_lease(e, &e->now, err))
        return false;
    if (e->now.kind == SEEN_ABSENT)
        return create_lone(e, err);
    if (e->now.kind != SEEN_LEASE || (e->now.lease.state != LEASE_RELEASED && !e->cfg.take_over &&
                                      !edit_lists_run(e->cfg.dead_runs, e->now.lease.run)))
        return edit_say_held(e, &e->now, err);
    e->proto.ttl_was = e->now.lease.ttl_was;
    e->proto.not_before_s = e->now.lease.not_before_s;
    e->proto.step = e->now.lease.step;
    edit_next_lease(e, LEASE_FORWARD, &next);
    return edit_batch(e, &next, NULL, 0, change_id, err);
}

bool edit_release(struct edit *e, struct err *err)
{
    char change_id[ROUTER_CHANGE_ID_MAX];
    struct seen next;

    edit_next_lease(e, LEASE_RELEASED, &next);
    return edit_batch(e, &next, NULL, 0, change_id, err);
}

bool edit_look(struct edit *e, struct err *err)
{
    return edit_read_lease(e, &e->now, err);
}

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

    if (e->now.kind == SEEN_ABSENT && !edit_read_lease(e, &e->now, err))
        return false;
    if (e->now.kind == SEEN_ABSENT)
        return true;
    if (e->now.kind != SEEN_LEASE ||
        (e->now.lease.state != LEASE_RELEASED && !lease_same_owner(&e->now.lease, &e->proto)))
        return edit_say_held(e, &e->now, err);
    if (edit_now_s(e) < edit_removable_s(e))
        return err_set(
            err, ERR_REFUSED,
            "the lease was written less than six minutes ago: a late request could still "
            "find its name free");
    set = edit_lease_set(e, &e->now, &value);
    if (!edit_send(e, &b, true, &a, &loose, err))
        return false;
    done = a.outcome == ROUTER_OK;
    if (!done)
        edit_refused(&a, err);
    e->cfg.router.ops->release(e->cfg.router.self, &a);
    if (!done) {
        struct seen stands;
        struct err why = {0};

        if (!edit_read_lease(e, &stands, &why))
            return false;
        if (stands.kind == SEEN_ABSENT) {
            *err = (struct err){0};
            done = true;
        } else if (!edit_seen_same(&stands, &e->now)) {
            *err = (struct err){0};
            return edit_say_held(e, &stands, err);
        }
    }
    if (done)
        e->now = (struct seen){0};
    return done;
}
