/* Asking and waiting, for preflight, where nothing else goes on. */
#include <assert.h>
#include <string.h>

#include "route53.h"
#include "stop.h"
#include "sluice/text.h"

#define TRIES_MAX   6
#define RETRY_MS    250 /* doubled each time: about eight seconds in all */
#define WAIT_MS_MAX 60000
#define PATIENCE_MS 15000 /* no further try after this, where each one takes its whole deadline */

static bool wait_reply(struct route53 *r, struct http *http, const struct clock *clock,
                       struct route53_reply *reply, struct err *err)
{
    for (;;) {
        struct pollfd stop = stop_pollfd();
        struct http_done done;
        int64_t wait_ms;

        route53_tick(r);
        if (route53_next(r, reply))
            return true;
        if (stop_signal())
            return err_set(err, ERR_IO, "stopped while asking Route 53");
        wait_ms = route53_wake_at(r);
        wait_ms = wait_ms == INT64_MAX ? WAIT_MS_MAX : wait_ms - clock_boot_ms(clock);
        if (wait_ms < 0)
            wait_ms = 0;
        if (!http_wait(http, &stop, 1, (int)(wait_ms < WAIT_MS_MAX ? wait_ms : WAIT_MS_MAX), err))
            return false;
        while (http_next(http, &done)) {
            bool ours = route53_take(r, &done);

            assert(ours);
        }
    }
}

static bool fail(const struct route53_reply *reply, struct err *err)
{
    static const enum err_kind kinds[] = {
        [ROUTER_OK] = ERR_BUG,      [ROUTER_REFUSED] = ERR_REFUSED, [ROUTER_DENIED] = ERR_DENIED,
        [ROUTER_BUSY] = ERR_NET,    [ROUTER_MISSING] = ERR_REFUSED, [ROUTER_INVALID] = ERR_REFUSED,
        [ROUTER_UNKNOWN] = ERR_NET,
    };

    _Static_assert(ARRAY_LEN(kinds) == ROUTER_OUTCOME_COUNT, "a kind for every outcome");
    return err_set(err, kinds[reply->outcome], "Route 53: %s: %.800s", reply->code, reply->message);
}

bool route53_wait(struct route53 *r, const struct route53_ask *ask, struct route53_reply *reply,
                  struct err *err)
{
    struct route53_ask again = *ask;
    struct http *http;
    const struct clock *clock;
    int64_t start_ms;

    route53_borrow(r, &http, &clock);
    start_ms = clock_boot_ms(clock);
    for (int i = 0;; i++) {
        route53_start(r, &again, NULL);
        *reply = (struct route53_reply){0};
        if (!wait_reply(r, http, clock, reply, err))
            return false;
        if (reply->outcome == ROUTER_OK)
            return true;
        if ((reply->outcome != ROUTER_BUSY && reply->outcome != ROUTER_UNKNOWN) ||
            i + 1 == TRIES_MAX || clock_boot_ms(clock) - start_ms > PATIENCE_MS ||
            ask->call == ROUTE53_CHANGE_SETS)
            return fail(reply, err);
        again.delay_ms = (int64_t)RETRY_MS << i;
    }
}

bool route53_is_zone_id(const char *name_or_id)
{
    const char *s = route53_xml_bare_id(name_or_id);

    return s[0] == 'Z' && s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")] == '\0';
}

static void add_zone(struct buf *out, const struct route53_zone *z)
{
    buf_addf(out, "%s%s (%s)", out->len ? ", " : "", z->id, z->private_zone ? "private" : "public");
}

/* The zone of exactly this name; the listing starts at or after it, so all of that name come first.
 * One that is public goes before any that are private, which are named in *passed_over: only
 * resolvers inside their VPCs ask them. */
static bool id_by_name(struct route53 *r, const char *name, struct arena *mem, const char **id,
                       const char **passed_over, struct err *err)
{
    struct route53_ask ask = {.call = ROUTE53_ZONES_BY_NAME, .name = name};
    struct route53_reply reply SL_CLEANUP(route53_reply_clear) = {0};
    struct buf found SL_CLEANUP(buf_clear) = {0}, private SL_CLEANUP(buf_clear) = {0};
    struct route53_zones zones;
    size_t n = 0, n_public = 0;

    if (!route53_wait(r, &ask, &reply, err))
        return false;
    if (!route53_xml_parse_zones(mem, buf_str(&reply.body), reply.body.len, &zones, err))
        return err_prefix(err, "zones called %s: ", name);
    for (size_t i = 0; i < zones.n; i++) {
        const struct route53_zone *z = &zones.zones[i];

        if (!rrset_name_eq(z->name, name))
            continue;
        add_zone(&found, z);
        if (z->private_zone)
            add_zone(&private, z);
        if (!n || (!z->private_zone && !n_public))
            *id = z->id;
        n_public += !z->private_zone;
        n++;
    }
    if (!n)
        return err_set(err, ERR_REFUSED, "Route 53 has no hosted zone called %s in this account",
                       name);
    if (n > 1 && n_public != 1)
        return err_set(err, ERR_REFUSED,
                       "%zu hosted zones are called %s: %s; write the id of the one "
                       "that is meant",
                       n, name, buf_str(&found));
    if (n_public == 1 && private.len)
        *passed_over = arena_strdup(mem, buf_str(&private));
    return true;
}

bool route53_find_twins(struct route53 *r, const char *name, const char *id, struct arena *mem,
                        const char **twins, struct err *err)
{
    struct route53_ask ask = {.call = ROUTE53_ZONES_BY_NAME, .name = name};
    struct route53_reply reply SL_CLEANUP(route53_reply_clear) = {0};
    struct buf found SL_CLEANUP(buf_clear) = {0};
    struct route53_zones zones;

    *twins = NULL;
    if (!route53_wait(r, &ask, &reply, err))
        return false;
    if (!route53_xml_parse_zones(mem, buf_str(&reply.body), reply.body.len, &zones, err))
        return err_prefix(err, "zones called %s: ", name);
    for (size_t i = 0; i < zones.n; i++) {
        const struct route53_zone *z = &zones.zones[i];

        if (rrset_name_eq(z->name, name) && strcmp(z->id, id) != 0)
            add_zone(&found, z);
    }
    if (found.len)
        *twins = arena_strdup(mem, buf_str(&found));
    return true;
}

bool route53_find_zone(struct route53 *r, const char *name_or_id, struct arena *mem,
                       struct route53_zone *out, struct err *err)
{
    struct route53_ask ask = {.call = ROUTE53_GET_ZONE};
    struct route53_reply reply SL_CLEANUP(route53_reply_clear) = {0};
    const char *passed_over = NULL;

    ask.id = route53_xml_bare_id(name_or_id);
    if (!route53_is_zone_id(ask.id) && !id_by_name(r, name_or_id, mem, &ask.id, &passed_over, err))
        return false;
    if (!route53_wait(r, &ask, &reply, err))
        return false;
    if (!route53_xml_parse_zone(mem, buf_str(&reply.body), reply.body.len, out, err))
        return err_prefix(err, "zone %s: ", name_or_id);
    out->passed_over = passed_over;
    if (out->owner)
        return err_set(err, ERR_REFUSED,
                       "zone %s belongs to the AWS service %s, which alone may edit its "
                       "records",
                       name_or_id, out->owner);
    return true;
}
