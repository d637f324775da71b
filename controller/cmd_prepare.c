/* cmd_prepare.c: `sluice prepare`: simple records become weighted groups, all on the old side.
 *
 *   read ─► diff, yes ─► TTLs lowered ─► the old ones waited out ─► read again ─► weighted
 *                        lease: ttl_was, not_before
 *
 * Stopped anywhere and given again it goes on where the zone stands. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "conversion.h"
#include "rrset_json.h"
#include "sluice/clock.h"
#include "sluice/file.h"
#include "sluice/log.h"

static bool look_again(struct walk *w, struct err *err)
{
    rig_forget_zones(&w->rig);
    return rig_survey(&w->rig, &w->survey, WALK_FOREVER, err);
}

/* What stood there before, as batches for the AWS CLI. */
static bool keep_before(struct walk *w, const struct convert *c, struct err *err)
{
    for (size_t i = 0; i < c->n_batches; i++) {
        const struct convert_batch back = convert_opposite(&w->rig.mem, &c->batches[i]);
        struct buf text SL_CLEANUP(buf_clear) = {0}, name SL_CLEANUP(buf_clear) = {0};

        buf_addf(&name, "prepare-undo-%s-%s-%zu.json", w->rig.plan.cutover,
                 w->rig.zones[back.zone].id, i + 1);
        rrset_batch_format(&text, "sluice: back to what stood before prepare", back.changes,
                           back.n);
        if (!file_replace(w->state_fd, buf_str(&name), text.data, text.len, err))
            return err_prefix(err, "the way back could not be kept: ");
    }
    return true;
}

/* What Route 53 says to a group's TTL changed in one batch, asked with sets that nobody needs. */
static bool try_in_zone(struct desk *d, const struct convert_try *t, struct err *err)
{
    struct edit *e = d->edits[t->make.zone];
    int64_t ignored;

    if (!edit_change(e, t->make.changes, t->make.n, &ignored, err))
        return false;
    if (t->change.n == 0)
        return true;
    if (edit_change(e, t->change.changes, t->change.n, &ignored, err))
        return edit_change(e, t->drop.changes, t->drop.n, &ignored, err);
    if (err->kind == ERR_REFUSED) {
        struct err why = {0};

        if (!edit_change(e, t->drop_unchanged.changes, t->drop_unchanged.n, &ignored, &why))
            log_warn("the sets of %s could not be removed: %s", t->name, why.text);
        return err_prefix(err,
                          "a weighted group's TTL cannot be changed in one batch, as tried on "
                          "%s; no record of the plan was changed. Let `prepare: {ttl: ...}` be "
                          "what the group has, or make it anew yourself: ",
                          t->name);
    }
    return false;
}

static bool try_first(struct walk *w, struct desk *d, const struct convert_try *tries, size_t n,
                      struct err *err)
{
    for (size_t i = 0; i < n; i++)
        if (!try_in_zone(d, &tries[i], err))
            return err_prefix(err, "%s: ", w->rig.zones[tries[i].make.zone].name);
    return true;
}

/* The lease remembers how long old answers live on, so that no machine steps before. What an
 * earlier prepare had lowered, before it was stopped, may have had the longer TTL: ttl_was,
 * *not_before_s. */
static bool lower(struct walk *w, struct desk *d, const struct convert *c, uint32_t ttl_was,
                  int64_t *not_before_s, struct err *err)
{
    int64_t insync_s = 0;
    size_t done;

    if (ttl_was < c->ttl_was)
        ttl_was = c->ttl_was;
    for (size_t i = 0; i < d->n; i++)
        edit_remember(d->edits[i], ttl_was, 0); /* until it is known when it was INSYNC */
    if (!desk_change(d, c, &insync_s, &done, err))
        return false;
    if (*not_before_s < insync_s + c->ttl_was)
        *not_before_s = insync_s + c->ttl_was;
    for (size_t i = 0; i < d->n; i++)
        edit_remember(d->edits[i], ttl_was, *not_before_s);
    log_info("%zu record%s: TTL lowered to %u s", c->lower, c->lower == 1 ? "" : "s",
             w->rig.plan.prepare_ttl_s);
    return desk_renew(d, err);
}

static bool weigh(struct walk *w, struct desk *d, struct err *err)
{
    struct convert *c = arena_alloc(&w->rig.mem, sizeof *c);
    int64_t insync_s = 0;
    size_t done;

    if (!look_again(w, err))
        return false;
    convert_weigh(c, &w->rig.mem, &w->survey, &w->rig.plan, CONVERT_PREPARE, 0);
    if (!conversion_possible(c, err) || !keep_before(w, c, err))
        return false;
    if (desk_change(d, c, &insync_s, &done, err))
        return true;
    return err_prefix(err, "after %zu of %zu batches: ", done, c->n_batches);
}

/* *stands: what to say of the zones should a signal end it. */
static bool do_it(struct walk *w, struct desk *d, const struct convert *lowering,
                  const struct convert *weighing, const struct convert_try *tries, size_t n_tries,
                  uint32_t ttl_was, int64_t not_before_s, const char **stands, struct err *err)
{
    *stands = n_tries ? "no record of the plan was changed" : NULL;
    if (!try_first(w, d, tries, n_tries, err))
        return false;
    if (lowering->n_batches) {
        bool ok = lower(w, d, lowering, ttl_was, &not_before_s, err);

        /* Low TTLs do no harm, and the lease remembers the wait: it can be given back at any time.
         */
        if (d->did == DESK_A_PART)
            d->did = DESK_ALL;
        *stands = d->did == DESK_ALL ? "TTLs are lowered, and no record is weighted yet" : NULL;
        if (!ok)
            return false;
    }
    if (weighing->n_batches == 0)
        return true;
    if (w->rig.opts->no_wait && edit_now_s(d->edits[0]) < not_before_s)
        return err_set(err, ERR_BUSY,
                       "the TTLs are lowered, and the old ones not over yet; give "
                       "`sluice prepare` again later");
    if (!desk_wait(d, not_before_s, "resolvers may still hold answers with the old TTL", err))
        return false;
    if (!weigh(w, d, err)) {
        *stands = d->did == DESK_A_PART    ? "some records are weighted, the others are not yet"
                  : d->did == DESK_ALL     ? "all records are weighted"
                  : d->did == DESK_UNKNOWN ? NULL
                                           : *stands;
        return false;
    }
    return true;
}

static int prepare(struct walk *w, struct err *err)
{
    struct convert *lowering = arena_alloc(&w->rig.mem, sizeof *lowering);
    struct convert *weighing = arena_alloc(&w->rig.mem, sizeof *weighing);
    struct convert_try *tries = arena_array(&w->rig.mem, w->survey.n_zones + 1, sizeof *tries);
    size_t n_tries;
    struct buf text SL_CLEANUP(buf_clear) = {0};
    struct desk d SL_CLEANUP(desk_free) = {0};
    const char *stands = NULL;
    struct err why = {0};
    int64_t not_before_s;
    uint32_t ttl_was;

    convert_lower(lowering, &w->rig.mem, &w->survey, &w->rig.plan);
    convert_weigh(weighing, &w->rig.mem, &w->survey, &w->rig.plan, CONVERT_PREPARE, 0);
    n_tries = convert_try(tries, &w->rig.mem, &w->survey, &w->rig.plan);
    if (!conversion_possible(weighing, err))
        return 0;
    desk_remembered(&w->rig, clock_wall_ms(&clock_real) / 1000, &ttl_was, &not_before_s);
    if (!lowering->n_batches && !weighing->n_batches && !n_tries) {
        desk_init(&d, &w->rig, w->state_fd);
        if (desk_left(&d) && (!desk_open(&d, err) || !desk_close(&d, err)))
            return conversion_end(w, &d, "prepare", "", "all records are weighted", err);
        printf("%s: prepared: %zu record%s weighted\n", w->rig.plan.cutover, weighing->done,
               weighing->done == 1 ? " is" : "s are");
        return 0;
    }
    for (size_t i = 0; i < n_tries; i++)
        buf_addf(&text,
                 tries[i].change.n
                     ? "a change of TTL is tried first on %zu sets of %s, removed again:\n"
                     : "%zu sets of %s that an earlier prepare left are removed\n",
                 tries[i].change.n ? tries[i].drop.n : tries[i].make.n, tries[i].name);
    if (lowering->n_batches) {
        buf_addf(&text, "first the TTLs, then %u s for the old ones to run out:\n",
                 lowering->ttl_was);
        convert_diff(lowering, &w->survey, &text);
    }
    if (weighing->n_batches) {
        buf_add_str(&text, "made weighted, everything on the old side:\n");
        convert_diff(weighing, &w->survey, &text);
    }
    log_block(LOG_LEVEL_INFO, &text);
    if (!walk_confirm(w, "Make these changes?", err))
        return 0;
    desk_init(&d, &w->rig, w->state_fd);
    if (!desk_open(&d, err))
        return conversion_end(w, &d, "prepare", "", NULL, err);
    for (size_t i = 0; i < d.n; i++)
        edit_remember(d.edits[i], ttl_was, not_before_s);
    if (do_it(w, &d, lowering, weighing, tries, n_tries, ttl_was, not_before_s, &stands, err))
        printf("%s: prepared; next: `sluice ramp %s`\n", w->rig.plan.cutover, w->rig.plan.path);
    if (!conversion_leave(&d, &why))
        log_warn("`sluice prepare` again gives it back");
    return conversion_end(w, &d, "prepare", "", stands, err);
}

/* The longest TTL from before, as the zone's lease remembers it, for every record; without one they
 * stay. */
static void restore_ttls(struct walk *w, struct convert *c)
{
    for (size_t i = 0; i < c->n_batches; i++)
        for (size_t k = 0; k < c->batches[i].n; k++) {
            struct router_change *ch = &c->batches[i].changes[k];
            struct rrset *set;
            struct lease l;

            if (ch->action != ROUTER_CREATE || !ch->set->has_ttl ||
                !desk_lease_of(&w->rig, c->batches[i].zone, &l) || l.ttl_was == 0)
                continue;
            set = arena_alloc(&w->rig.mem, sizeof *set);
            *set = *ch->set;
            set->ttl = l.ttl_was;
            ch->set = set;
        }
}

static int undo(struct walk *w, struct err *err)
{
    struct convert *c = arena_alloc(&w->rig.mem, sizeof *c);
    struct desk d SL_CLEANUP(desk_free) = {0};

    convert_weigh(c, &w->rig.mem, &w->survey, &w->rig.plan, CONVERT_UNDO, 0);
    if (!conversion_possible(c, err))
        return 0;
    if (c->n_batches == 0) {
        desk_init(&d, &w->rig, w->state_fd);
        if (desk_left(&d) && !conversion_make(w, &d, c, true, err))
            return conversion_end(w, &d, "prepare", " --undo", NULL, err);
        printf("%s: nothing to undo: no record is weighted\n", w->rig.plan.cutover);
        return 0;
    }
    restore_ttls(w, c);
    if (!conversion_ask(w, c, "back to simple records of the old side", err))
        return 0;
    if (!conversion_make(w, &d, c, true, err))
        return conversion_end(w, &d, "prepare", " --undo", NULL, err);
    printf("%s: simple records again; `sluice release %s` removes the lease\n", w->rig.plan.cutover,
           w->rig.plan.path);
    return 0;
}

int cmd_prepare(const struct opts *opts, struct err *err)
{
    struct walk *w = walk_new();
    int status = 0;

    if (conversion_open(w, opts, err))
        status = opts->undo ? undo(w, err) : prepare(w, err);
    walk_free(w, err);
    return status;
}
