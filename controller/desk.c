/* desk.c: see desk.h. */
#include "desk.h"

#include <stdlib.h>
#include <string.h>

#include "sluice/clock.h"
#include "sluice/crypto.h"
#include "sluice/log.h"
#include "sluice/text.h"

/* ---- the host of the edits
 * ------------------------------------------------------------------------- */

static bool host_wait(void *ctx, int64_t timeout_ms, struct err *err)
{
    struct rig *rig = ctx;
    int64_t now = clock_boot_ms(&clock_real), wake = rig_wake_at(rig);
    struct http_done done;

    if (wake - now < timeout_ms)
        timeout_ms = wake > now ? wake - now : 0;
    if (!http_wait(rig->http, NULL, 0, (int)timeout_ms, err))
        return false;
    now = clock_boot_ms(&clock_real);
    while (http_next(rig->http, &done))
        rig_http(rig, &done, now);
    return true;
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

void desk_init(struct desk *d, struct rig *rig)
{
    *d = (struct desk){.rig = rig, .n = rig->n_zones};
    rig_new_run(d->run);
    for (size_t i = 0; i < d->n; i++) {
        char *name = lease_name_of(rig, i);
        struct edit_config config = {.router = rig->router,
                                     .host = {.wait = host_wait,
                                              .boot_ms = host_boot_ms,
                                              .wall_ms = host_wall_ms,
                                              .ctx = rig},
                                     .zone_id = rig->zones[i].id,
                                     .lease_name = name,
                                     .cutover = rig->plan.cutover,
                                     .run = d->run,
                                     .plan_hash = rig->plan_hash,
                                     .life_ms = rig->plan.lease_life_ms,
                                     .take_over = rig->opts->take_over};

        crypto_random(&config.seed, sizeof config.seed);
        d->edits[i] = edit_new(&config);
        free(name);
    }
}

void desk_free(struct desk *d)
{
    for (size_t i = 0; i < d->n; i++)
        edit_free(d->edits[i]);
    *d = (struct desk){0};
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
    for (size_t k = 0; k < d->n; k++) {
        size_t i = zone_at(d, k);
        struct err ignored = {0};

        if (edit_open(d->edits[i], err))
            continue;
        if (!close_first(d, k, &ignored))
            log_warn("%s", ignored.text);
        return err_prefix(err, "%s: ", d->rig->zones[i].name);
    }
    d->open = true;
    return true;
}

bool desk_close(struct desk *d, struct err *err)
{
    return !d->open || close_first(d, d->n, err);
}

/* ---- changes
 * --------------------------------------------------------------------------------------- */

bool desk_change(struct desk *d, const struct convert *c, int64_t *insync_s, size_t *done,
                 struct err *err)
{
    *done = 0;
    for (size_t i = 0; i < c->n_batches; i++) {
        const struct convert_batch *b = &c->batches[i];

        if (!edit_change(d->edits[b->zone], b->changes, b->n, insync_s, err))
            return err_prefix(err, "%s: ", d->rig->zones[b->zone].name);
        ++*done;
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
