#include "conversion.h"

#include "sluice/clock.h"
#include "sluice/log.h"
#include "stop.h"

bool conversion_open(struct walk *w, const struct opts *opts, struct err *err)
{
    if (!rig_load(&w->rig, opts, opts->args[0], false, err) || !walk_open_state(w, err))
        return false;
    if (walk_unfinished(w))
        return err_set(err, ERR_REFUSED,
                       "a run of %s is not over (%s): `sluice resume` or `sluice rollback` first",
                       w->rig.plan.cutover, w->journal_name);
    return rig_connect(&w->rig, err) && rig_survey(&w->rig, &w->survey, 0, err);
}

bool conversion_possible(const struct convert *c, struct err *err)
{
    for (size_t i = 0; i < c->n_faults; i++)
        log_error("%s: %s; %s", c->faults[i].where, c->faults[i].what, c->faults[i].todo);
    return c->n_faults == 0 ||
           err_set(err, ERR_REFUSED, "%zu record%s in the way; nothing was changed", c->n_faults,
                   c->n_faults == 1 ? " is" : "s are");
}

bool conversion_ask(struct walk *w, const struct convert *c, const char *what, struct err *err)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};

    buf_addf(&text, "%s:\n", what);
    convert_diff(c, &w->survey, &text);
    log_block(LOG_LEVEL_INFO, &text);
    return walk_confirm(w, "Make these changes?", err);
}

/* How long resolvers go on with what is taken away, where that is longer than what comes in its place
 * lives: a ramp must not begin before. 0: no such wait. */
static uint32_t outlives(const struct convert *c)
{
    uint32_t gone = 0, comes = UINT32_MAX;

    for (size_t i = 0; i < c->n_batches; i++)
        for (size_t k = 0; k < c->batches[i].n; k++) {
            const struct router_change *ch = &c->batches[i].changes[k];

            if (!ch->set->has_ttl)
                continue;
            if (ch->action == ROUTER_DELETE)
                gone = ch->set->ttl > gone ? ch->set->ttl : gone;
            else
                comes = ch->set->ttl < comes ? ch->set->ttl : comes;
        }
    return gone > comes ? gone : 0;
}

bool conversion_leave(struct desk *d, struct err *err)
{
    struct err why = {0};

    if (stop_signal() && (d->did == DESK_A_PART || d->did == DESK_UNKNOWN))
        return true;
    if (desk_close(d, &why))
        return true;
    log_warn("%s", why.text);
    return err_set(err, ERR_NET, "the change was made, the lease was not given back");
}

bool conversion_make(struct walk *w, struct desk *d, const struct convert *c, bool ttls_restored,
                     struct err *err)
{
    struct err why = {0};
    int64_t insync_s, not_before_s;
    uint32_t ttl_was, outlive = ttls_restored ? 0 : outlives(c);
    size_t done = 0;
    bool ok;

    desk_remembered(&w->rig, clock_wall_ms(&clock_real) / 1000, &ttl_was, &not_before_s);
    if (!d->rig)
        desk_init(d, &w->rig, w->state_fd);
    if (!desk_open(d, err))
        return false;
    if (ttls_restored)
        ttl_was = 0, not_before_s = 0;
    for (size_t i = 0; i < d->n; i++) /* 0: until it is known when it was INSYNC */
        edit_remember(d->edits[i], outlive > ttl_was ? outlive : ttl_was, outlive ? 0 : not_before_s);
    ok = desk_change(d, c, &insync_s, &done, err);
    if (ok && outlive) {
        if (insync_s + outlive > not_before_s)
            not_before_s = insync_s + outlive;
        for (size_t i = 0; i < d->n; i++)
            edit_remember(d->edits[i], ttl_was, not_before_s);
    }
    if (!ok && c->n_batches > 1)
        err_prefix(err, "after %zu of %zu batches: ", done, c->n_batches);
    if (!conversion_leave(d, &why) && ok)
        *err = why;
    return ok && err->kind == ERR_NONE;
}

int conversion_end(const struct walk *w, const struct desk *d, const char *command,
                   const char *options, const char *stands, struct err *err)
{
    static const char *const did[DESK_DID_COUNT] = {
        [DESK_NOTHING] = "no record was changed",
        [DESK_A_PART] = "a part of the records is changed",
        [DESK_ALL] = "all records are changed",
        [DESK_UNKNOWN] = "whether the last change was made is not known"};

    if (!stop_signal() || err->kind == ERR_NONE)
        return 0;
    log_failure(err);
    log_info("%s%s; `sluice %s %s%s` goes on from there", stands ? stands : did[d->did],
             d->open ? ", and the lease stays as long" : "", command, w->rig.plan.path, options);
    *err = (struct err){0};
    return 128 + stop_signal();
}
