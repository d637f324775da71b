/* cmd_finish.c: `sluice finish`: weighted groups become simple records on the new side, the lease
 * goes. `finish --undo` brings the groups back as they were; `sluice release` removes a lease
 * alone. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "conversion.h"
#include "rrset_json.h"
#include "sluice/clock.h"
#include "sluice/file.h"
#include "sluice/log.h"

#define UNDO_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define UNDO_FILES_MAX 1000

/* ---- whether it may */

/* The journal here says so, or, from another machine, the leases: released at the last step. */
static bool completed(const struct walk *w)
{
    const char *phase =
        w->have_last ? json_string_value(json_object_get(w->last.last.state, "phase")) : NULL;

    if (phase && strcmp(phase, "completed") == 0)
        return true;
    for (size_t i = 0; i < w->rig.n_zones; i++) {
        struct lease l;

        if (!desk_lease_of(&w->rig, i, &l) || l.state != LEASE_RELEASED || l.step != 100)
            return false;
    }
    return w->rig.n_zones > 0;
}

/* ---- the way back */

static void undo_name(const struct walk *w, uint32_t zone, size_t i, struct buf *out)
{
    buf_addf(out, "finish-undo-%s-%s-%zu.json", w->rig.plan.cutover, w->rig.zones[zone].id, i + 1);
}

/* Files of before stay: a finish that was cut short and is given again converts only the rest. */
static bool free_undo_name(const struct walk *w, uint32_t zone, struct buf *name, struct err *err)
{
    for (size_t i = 0; i < UNDO_FILES_MAX; i++) {
        buf_reset(name);
        undo_name(w, zone, i, name);
        if (faccessat(w->state_fd, buf_str(name), F_OK, 0) < 0 && errno == ENOENT)
            return true;
    }
    return err_set(err, ERR_LIMIT, "%s and %d more: remove the old ones of them", buf_str(name),
                   UNDO_FILES_MAX - 1);
}

static bool keep_undo(struct walk *w, const struct convert *c, struct err *err)
{
    for (size_t i = 0; i < c->n_batches; i++) {
        const struct convert_batch back = convert_opposite(&w->rig.mem, &c->batches[i]);
        struct buf text SL_CLEANUP(buf_clear) = {0}, name SL_CLEANUP(buf_clear) = {0};

        if (!free_undo_name(w, back.zone, &name, err))
            return err_prefix(err, "the way back could not be kept, so nothing was changed: ");
        rrset_batch_format(&text, "sluice: the weighted groups that finish replaced", back.changes,
                           back.n);
        if (!file_replace(w->state_fd, buf_str(&name), text.data, text.len, err))
            return err_prefix(err, "the way back could not be kept, so nothing was changed: ");
    }
    return true;
}

/* The batches that were kept, newest first as they must go back; those still to be made. */
static bool read_undo(struct walk *w, struct convert *c, struct err *err)
{
    size_t n = 0;
    struct convert_batch *kept =
        arena_array(&w->rig.mem, UNDO_FILES_MAX * w->rig.n_zones, sizeof *kept);

    for (size_t i = UNDO_FILES_MAX; i-- > 0;)
        for (uint32_t z = 0; z < w->rig.n_zones; z++) {
            struct buf name SL_CLEANUP(buf_clear) = {0}, text SL_CLEANUP(buf_clear) = {0};
            struct err none = {0};
            struct convert_batch *b = &kept[n];

            undo_name(w, z, i, &name);
            if (!file_read_at(&text, w->state_fd, buf_str(&name), UNDO_BYTES_MAX, &none))
                continue;
            if (!rrset_batch_parse(buf_str(&text), text.len, &w->rig.mem, &b->changes, &b->n, err))
                return err_prefix(err, "%s: ", buf_str(&name));
            b->zone = z;
            n++;
        }
    convert_kept(c, &w->rig.mem, &w->survey, kept, n);
    return n > 0 || err_set(err, ERR_REFUSED,
                            "no `sluice finish` of %s is known here: its undo files lie in "
                            "the state directory of the machine it ran on",
                            w->rig.plan.cutover);
}

/* ---- the lease */

/* Removes every zone's lease once no late request can find its name free. */
static bool remove_leases(struct walk *w, struct desk *d, struct err *err)
{
    int64_t at_s = 0;

    for (size_t i = 0; i < d->n; i++) {
        const struct lease *l = edit_lease(d->edits[i]);

        if (l->generation && l->state != LEASE_RELEASED)
            return err_set(err, ERR_BUSY,
                           "%s: run %s of %s has not given the zone back; `sluice release %s "
                           "--take-over` takes it from a run that is dead",
                           w->rig.zones[i].name, l->run, l->cutover, w->rig.plan.path);
        if (edit_removable_s(d->edits[i]) > at_s)
            at_s = edit_removable_s(d->edits[i]);
    }
    if (w->rig.opts->no_wait && edit_now_s(d->edits[0]) < at_s) {
        log_info("the lease stays, released; `sluice release %s` removes it", w->rig.plan.path);
        return true;
    }
    if (!desk_wait(d, at_s, "a late request must not find the lease's name free", err))
        return false;
    for (size_t i = 0; i < d->n; i++)
        if (!edit_remove(d->edits[i], err))
            return err_prefix(err, "%s: ", w->rig.zones[i].name);
    return true;
}

/* ---- finish */

#define SIMPLE "all records are simple"

static int finish(struct walk *w, struct err *err)
{
    struct convert *c = arena_alloc(&w->rig.mem, sizeof *c);
    struct desk d SL_CLEANUP(desk_free) = {0};
    int64_t not_before_s;
    uint32_t ttl_was;

    convert_weigh(c, &w->rig.mem, &w->survey, &w->rig.plan, CONVERT_FINISH,
                  (uint32_t)(w->rig.opts->ttl_ms / 1000));
    if (!conversion_possible(c, err))
        return 0;
    if (c->n_batches && !w->rig.opts->without_soak && !completed(w)) {
        err_set(err, ERR_REFUSED,
                "no completed soak of %s is known, neither here nor from its leases; "
                "--without-soak goes on without",
                w->rig.plan.cutover);
        return 0;
    }
    desk_remembered(&w->rig, clock_wall_ms(&clock_real) / 1000, &ttl_was, &not_before_s);
    if (c->n_batches) {
        if (!conversion_ask(w, c, "simple records of the new side", err) || !keep_undo(w, c, err))
            return 0;
    }
    desk_init(&d, &w->rig, w->state_fd);
    if (c->n_batches || desk_left(&d)) {
        if (!desk_wait(&d, not_before_s, "resolvers may still hold answers with the old TTL",
                       err) ||
            !conversion_make(w, &d, c, false, err))
            return conversion_end(w, &d, "finish", "", NULL, err);
    } else {
        for (size_t i = 0; i < d.n; i++)
            if (!edit_look(d.edits[i], err))
                return conversion_end(w, &d, "finish", "", SIMPLE, err);
    }
    if (!remove_leases(w, &d, err)) {
        err_prefix(err, "the records are simple, but the lease stays: ");
        return conversion_end(w, &d, "release", "", SIMPLE, err);
    }
    printf("%s: finished; `sluice finish %s --undo` brings the weighted records back\n",
           w->rig.plan.cutover, w->rig.plan.path);
    return 0;
}

static int undo(struct walk *w, struct err *err)
{
    struct convert *c = arena_alloc(&w->rig.mem, sizeof *c);
    struct desk d SL_CLEANUP(desk_free) = {0};

    if (!read_undo(w, c, err))
        return 0;
    if (c->n_batches == 0) {
        desk_init(&d, &w->rig, w->state_fd);
        if (desk_left(&d) && !conversion_make(w, &d, c, false, err))
            return conversion_end(w, &d, "finish", " --undo", NULL, err);
        printf("%s: nothing to undo: the weighted groups stand as before finish\n",
               w->rig.plan.cutover);
        return 0;
    }
    if (!conversion_ask(w, c, "the weighted groups that finish replaced", err))
        return 0;
    if (!conversion_make(w, &d, c, false, err))
        return conversion_end(w, &d, "finish", " --undo", NULL, err);
    printf("%s: weighted again, as before finish\n", w->rig.plan.cutover);
    return 0;
}

int cmd_finish(const struct opts *opts, struct err *err)
{
    struct walk *w = walk_new();
    int status = 0;

    if (conversion_open(w, opts, err))
        status = opts->undo ? undo(w, err) : finish(w, err);
    walk_free(w, err);
    return status;
}

/* ---- release */

#define STAYS "a lease stays"

static int release(struct walk *w, struct err *err)
{
    struct desk d SL_CLEANUP(desk_free) = {0};
    struct err why = {0};
    size_t held = 0;
    bool taken = false;

    desk_init(&d, &w->rig, w->state_fd);
    for (size_t i = 0; i < d.n; i++) {
        struct lease l;

        if (!desk_lease_of(&w->rig, i, &l))
            continue;
        held++;
        if (l.state != LEASE_RELEASED && !w->rig.opts->take_over &&
            !edit_lists_run(buf_str(&d.dead), l.run)) {
            err_set(err, ERR_BUSY,
                    "%s: run %s of %s has not given the zone back; `sluice rollback` or `sluice "
                    "resume` ends it, --take-over takes it",
                    w->rig.zones[i].name, l.run, l.cutover);
            return 0;
        }
        taken |= l.state != LEASE_RELEASED;
    }
    if (held == 0) {
        printf("%s: no lease stands in its zones\n", w->rig.plan.cutover);
        return 0;
    }
    if (!walk_confirm(w, "Remove the lease records?", err))
        return conversion_end(w, &d, "release", "", STAYS, err);
    if (taken && (!desk_open(&d, err) || !desk_close(&d, &why))) {
        if (err->kind == ERR_NONE)
            *err = why;
        return conversion_end(w, &d, "release", "", STAYS, err);
    }
    for (size_t i = 0; !taken && i < d.n; i++)
        if (!edit_look(d.edits[i], err))
            return conversion_end(w, &d, "release", "", STAYS, err);
    if (remove_leases(w, &d, err))
        printf("%s: released\n", w->rig.plan.cutover);
    return conversion_end(w, &d, "release", "", STAYS, err);
}

int cmd_release(const struct opts *opts, struct err *err)
{
    struct walk *w = walk_new();
    int status = 0;

    if (conversion_open(w, opts, err))
        status = release(w, err);
    walk_free(w, err);
    return status;
}
