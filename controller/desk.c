/* desk.c: see desk.h. */
#include "desk.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sluice/clock.h"
#include "sluice/crypto.h"
#include "sluice/file.h"
#include "sluice/log.h"
#include "sluice/text.h"
#include "stop.h"

#define NOTE_NAME_MAX  200
#define NOTE_BYTES_MAX ((size_t)4096)

/* ---- the host of the edits
 * ------------------------------------------------------------------------- */

static bool host_wait(void *ctx, int64_t timeout_ms, struct err *err)
{
    struct rig *rig = ctx;
    int64_t now = clock_boot_ms(&clock_real), wake = rig_wake_at(rig);
    struct pollfd stop = stop_pollfd();
    bool was_stopping = stop_signal() != 0;
    struct http_done done;

    if (stop_left_ms() == 0)
        return err_set(err, ERR_IO, "stopped, and no answer came in time");
    if (wake - now < timeout_ms)
        timeout_ms = wake > now ? wake - now : 0;
    if (stop_left_ms() < timeout_ms)
        timeout_ms = stop_left_ms();
    if (!http_wait(rig->http, &stop, 1, (int)timeout_ms, err))
        return false;
    if (stop_signal() && !was_stopping)
        log_info("%s: coming to a stop; once more leaves at once",
                 stop_signal() == SIGINT ? "interrupted" : "asked to end");
    now = clock_boot_ms(&clock_real);
    while (http_next(rig->http, &done))
        rig_http(rig, &done, now);
    return true;
}

static bool host_stopping(void *ctx)
{
    (void)ctx;
    return stop_signal() != 0;
}

static int64_t host_boot_ms(void *ctx)
{
    (void)ctx;
    return clock_boot_ms(&clock_real);
}

static int64_t host_wall_ms(void *ctx)
{
    (void)ctx;
    return clock_wall_ms(&clock_real);
}

static char *lease_name_of(const struct rig *rig, size_t zone)
{
    return rig->plan.lease_name ? x_strdup(rig->plan.lease_name)
                                : lease_record_name(rig->zones[zone].name);
}

/* ---- runs that died here
 * ---------------------------------------------------------------------------- */

static bool note_name(const struct desk *d, char out[NOTE_NAME_MAX])
{
    return snprintf(out, NOTE_NAME_MAX, "%s.converting", d->rig->plan.cutover) < NOTE_NAME_MAX;
}

/* The newest lines of the note. One that cannot be read is none: --take-over is the way then. */
static void read_note(struct desk *d)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};
    struct err ignored = {0};
    char name[NOTE_NAME_MAX];
    const char *from;

    if (d->state_fd < 0 || !note_name(d, name) ||
        !file_read_at(&text, d->state_fd, name, NOTE_BYTES_MAX, &ignored))
        return;
    from = buf_str(&text);
    while (strlen(from) > NOTE_BYTES_MAX / 2 && strchr(from, '\n'))
        from = strchr(from, '\n') + 1;
    buf_add_str(&d->dead, from);
}

/* That this run is about to take zones; or, without it, only what was known of others before. */
static bool write_note(const struct desk *d, bool with_this, struct err *err)
{
    struct buf text SL_CLEANUP(buf_clear) = {0};
    char name[NOTE_NAME_MAX];

    if (d->state_fd < 0)
        return true;
    if (!note_name(d, name))
        return err_set(err, ERR_FILE, "the name of the cutover is too long");
    buf_add_str(&text, buf_str(&d->dead));
    if (with_this)
        buf_addf(&text, "%s\n", d->run);
    if (text.len)
        return file_replace(d->state_fd, name, text.data, text.len, err);
    return unlinkat(d->state_fd, name, 0) == 0 || errno == ENOENT ||
           err_set(err, ERR_IO, "cannot remove %s: %s", name, strerror(errno));
}

void desk_init(struct desk *d, struct rig *rig, int state_fd)
{
    *d = (struct desk){.rig = rig, .n = rig->n_zones, .state_fd = state_fd};
    stop_watch("sluice: left at once: what was under way is not known; the same command again goes "
               "on from what stands\n");
    rig_new_run(d->run);
    read_note(d);
    for (size_t i = 0; i < d->n; i++) {
        char *name = lease_name_of(rig, i);
        struct edit_config config = {.router = rig->router,
                                     .host = {.wait = host_wait,
                                              .stopping = host_stopping,
                                              .boot_ms = host_boot_ms,
                                              .wall_ms = host_wall_ms,
                                              .ctx = rig},
                                     .zone_id = rig->zones[i].id,
                                     .lease_name = name,
                                     .cutover = rig->plan.cutover,
                                     .run = d->run,
                                     .plan_hash = rig->plan_hash,
                                     .life_ms = rig->plan.lease_life_ms,
                                     .first_op = (uint32_t)(i + 1) * RIG_OPS_MAX,
                                     .take_over = rig->opts->take_over,
                                     .dead_runs = buf_str(&d->dead)};

        crypto_random(&config.seed, sizeof config.seed);
        d->edits[i] = edit_new(&config);
        free(name);
    }
}

void desk_free(struct desk *d)
{
    if (!d->rig)
        return;
    for (size_t i = 0; i < d->n; i++)
        edit_free(d->edits[i]);
    buf_clear(&d->dead);
    stop_unwatch();
    *d = (struct desk){0};
}

bool desk_left(const struct desk *d)
{
    for (size_t i = 0; i < d->n; i++) {
        struct lease l;

        if (desk_lease_of(d->rig, i, &l) && l.state != LEASE_RELEASED &&
            edit_lists_run(buf_str(&d->dead), l.run))
            return true;
    }
    return false;
}

/* ---- open and close
 * -------------------------------------------------------------------------------- */

/* The zone that comes k-th by its id. */
static size_t zone_at(const struct desk *d, size_t k)
{
    for (size_t i = 0; i < d->n; i++) {
        size_t before = 0;

        for (size_t j = 0; j < d->n; j++)
            before += strcmp(d->rig->zones[j].id, d->rig->zones[i].id) < 0;
        if (before == k)
            return i;
    }
    return 0;
}

static bool close_first(struct desk *d, size_t n, struct err *err)
{
    bool ok = true;

    for (size_t k = 0; k < n; k++) {
        size_t i = zone_at(d, k);
        struct err why = {0};

        if (edit_release(d->edits[i], &why))
            continue;
        log_warn("%s: the lease was not given back: %s", d->rig->zones[i].name, why.text);
        if (ok)
            *err = why;
        ok = false;
    }
    d->open = false;
    return ok;
}

bool desk_open(struct desk *d, struct err *err)
{
    if (d->rig->plan.lease_off)
        return err_set(err, ERR_REFUSED,
                       "the plan says 'lease: off', and without one nothing fences these changes: "
                       "make them by hand, or let the plan have a lease");
    if (!write_note(d, true, err))
        return err_prefix(err, "nothing was changed: ");
    for (size_t k = 0; k < d->n; k++) {
        size_t i = zone_at(d, k);
        struct err ignored = {0};
        bool none;

        if (edit_open(d->edits[i], err))
            continue;
        /* Refused is not taken; without an answer it may have been. */
        none = err->kind == ERR_BUSY || err->kind == ERR_REFUSED || err->kind == ERR_DENIED;
        if (!close_first(d, k, &ignored))
            log_warn("%s", ignored.text);
        else if (none && !write_note(d, false, &ignored))
            log_warn("%s", ignored.text);
        return err_prefix(err, "%s: ", d->rig->zones[i].name);
    }
    d->open = true;
    return true;
}

bool desk_close(struct desk *d, struct err *err)
{
    if (!d->open)
        return true;
    if (!close_first(d, d->n, err))
        return false;
    buf_reset(&d->dead); /* their zones were taken with the others */
    return write_note(d, false, err);
}

/* ---- changes
 * --------------------------------------------------------------------------------------- */

bool desk_change(struct desk *d, const struct convert *c, int64_t *insync_s, size_t *done,
                 struct err *err)
{
    *done = 0;
    d->did = DESK_NOTHING;
    for (size_t i = 0; i < c->n_batches; i++) {
        const struct convert_batch *b = &c->batches[i];
        struct edit *e = d->edits[b->zone];
        bool ok = edit_change(e, b->changes, b->n, insync_s, err), known;

        *done += edit_made(e, &known);
        d->did = !known                  ? DESK_UNKNOWN
                 : *done == c->n_batches ? DESK_ALL
                 : *done                 ? DESK_A_PART
                                         : DESK_NOTHING;
        if (!ok)
            return err_prefix(err, "%s: ", d->rig->zones[b->zone].name);
    }
    return true;
}

bool desk_renew(struct desk *d, struct err *err)
{
    for (size_t i = 0; i < d->n; i++) {
        int64_t ignored;

        if (!edit_change(d->edits[i], NULL, 0, &ignored, err))
            return err_prefix(err, "%s: ", d->rig->zones[i].name);
    }
    return true;
}

bool desk_wait(struct desk *d, int64_t at_s, const char *what, struct err *err)
{
    int64_t renew_at_ms = clock_boot_ms(&clock_real) + d->rig->plan.lease_life_ms / 3;
    struct buf at SL_CLEANUP(buf_clear) = {0};

    if (d->n == 0 || edit_now_s(d->edits[0]) >= at_s)
        return true;
    text_format_time(&at, at_s * 1000, false);
    log_info("waiting until %s: %s", buf_str(&at), what);
    while (edit_now_s(d->edits[0]) < at_s) {
        int64_t left_ms = (at_s - edit_now_s(d->edits[0])) * 1000;
        int64_t now = clock_boot_ms(&clock_real);

        if (stop_signal())
            return err_set(err, ERR_IO, "stopped while waiting until %s: %s", buf_str(&at), what);
        if (d->open && now >= renew_at_ms) {
            if (!desk_renew(d, err))
                return false;
            renew_at_ms = clock_boot_ms(&clock_real) + d->rig->plan.lease_life_ms / 3;
            continue;
        }
        if (d->open && renew_at_ms - now < left_ms)
            left_ms = renew_at_ms - now;
        if (!host_wait(d->rig, left_ms < 60000 ? left_ms : 60000, err))
            return false;
    }
    return true;
}

/* ---- what leases remember
 * -------------------------------------------------------------------------- */

bool desk_lease_of(const struct rig *rig, size_t zone, struct lease *out)
{
    char *name = lease_name_of(rig, zone);
    bool found = false;

    for (size_t i = 0; i < rig->zones[zone].n_sets; i++) {
        const struct rrset *s = &rig->zones[zone].sets[i];

        if (strcmp(s->type, "TXT") == 0 && !s->set_id && s->n_values == 1 &&
            rrset_name_eq(s->name, name))
            found = lease_parse(s->values[0], out) == LEASE_READ;
    }
    free(name);
    return found;
}

void desk_remembered(const struct rig *rig, int64_t now_s, uint32_t *ttl_was, int64_t *not_before_s)
{
    *ttl_was = 0;
    *not_before_s = 0;
    for (size_t i = 0; i < rig->n_zones; i++) {
        struct lease l;

        if (!desk_lease_of(rig, i, &l))
            continue;
        if (l.ttl_was > *ttl_was)
            *ttl_was = l.ttl_was;
        if (l.ttl_was && !l.not_before_s)
            l.not_before_s = now_s + l.ttl_was;
        if (l.not_before_s > *not_before_s)
            *not_before_s = l.not_before_s;
    }
}
