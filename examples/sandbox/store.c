#include "store.h"

#include <stdio.h>
#include <string.h>

#include "domain.h"
#include "rset_json.h"

#define ID_RANDOM 19

void store_init(struct store *s, uint64_t seed, size_t n_servers, const int64_t *delay_us)
{
    *s = (struct store){.n_servers = n_servers, .delete_compares_weight = true};
    memcpy(s->delay_us, delay_us, n_servers * sizeof *delay_us);
    rng_init(&s->ids, seed, 1);
    s->changes = x_calloc(STORE_CHANGES_MAX, sizeof *s->changes);
}

void store_clear(struct store *s)
{
    while (s->zones)
        store_drop_zone(s, s->zones);
    free(s->changes);
    s->changes = NULL;
}

void store_make_id(struct store *s, char kind, char out[ZONE_ID_MAX + 1])
{
    static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    out[0] = kind;
    for (int i = 1; i <= ID_RANDOM; i++)
        out[i] = alphabet[rng_below(&s->ids, sizeof alphabet - 1)];
    out[ID_RANDOM + 1] = '\0';
}

struct zone *store_zone(const struct store *s, const char *id)
{
    for (struct zone *z = s->zones; z; z = z->next) {
        if (strcmp(z->id, id) == 0)
            return z;
    }
    return NULL;
}

struct zone *store_add_zone(struct store *s, const char *id, const char *stored_name)
{
    char made[ZONE_ID_MAX + 1];
    struct zone *z;

    if (!id) {
        store_make_id(s, 'Z', made);
        id = made;
    }
    z = zone_new(id, stored_name, s->n_servers);
    z->next = s->zones;
    s->zones = z;
    return z;
}

void store_drop_zone(struct store *s, struct zone *z)
{
    struct zone **at = &s->zones;

    while (*at != z)
        at = &(*at)->next;
    *at = z->next;
    zone_free(z);
}

static bool load_records(struct zone *z, json_t *records, struct err *err)
{
    struct rtable *t = rtable_copy(zone_table(z));
    json_t *record;
    size_t i;

    json_array_foreach(records, i, record)
    {
        struct buf why SL_CLEANUP(buf_clear) = {0};
        struct rset *r = rset_from_json(record, err);
        bool ok = r && ((domain_in_zone(r->name, z->name) && rset_check_values(r, &why)) ||
                        err_set(err, ERR_FILE, "%s %s: %s", r->name, rtype_name(r->type),
                                why.len ? buf_str(&why) : "not in the zone"));

        if (!ok) {
            rset_unref(r);
            rtable_unref(t);
            return err_prefix(err, "zone %s, record %zu: ", z->name, i + 1);
        }
        rtable_put(t, r);
        rset_unref(r);
    }
    /* The table of the start is no change: every server has it. */
    rtable_unref(z->newest->table);
    z->newest->table = t;
    return true;
}

static bool load_zone(struct store *s, json_t *json, struct err *err)
{
    struct buf name SL_CLEANUP(buf_clear) = {0};
    const char *text, *id = NULL, *comment = NULL, *linked = NULL, *why;
    json_t *records = NULL;
    int is_private = 0;
    struct zone *z;

    if (!json_take(json, "zone", err, "{s:s, s?s, s?s, s?b, s?s, s?o}", "name", &text, "id", &id,
                   "comment", &comment, "private", &is_private, "linked_service", &linked,
                   "records", &records))
        return false;
    if (!domain_canonical(text, &name, &why))
        return err_set(err, ERR_FILE, "zone '%s': %s", text, why);
    if (id && (strlen(id) > ZONE_ID_MAX || store_zone(s, id)))
        return err_set(err, ERR_FILE, "zone '%s': the id is too long or used twice", text);
    z = store_add_zone(s, id, buf_str(&name));
    z->comment = x_strdup(comment);
    z->is_private = is_private != 0;
    z->linked_service = x_strdup(linked);
    return !records || load_records(z, records, err);
}

bool store_load(struct store *s, json_t *zones, struct err *err)
{
    json_t *zone;
    size_t i;

    json_array_foreach(zones, i, zone)
    {
        if (!load_zone(s, zone, err))
            return false;
    }
    return true;
}

static struct store_change *new_change(struct store *s, const char *zone_id, int64_t wall_ms)
{
    struct store_change *c = &s->changes[s->next_change];

    s->next_change = (s->next_change + 1) % STORE_CHANGES_MAX;
    if (s->n_changes < STORE_CHANGES_MAX)
        s->n_changes++;
    *c = (struct store_change){.submitted_ms = wall_ms};
    store_make_id(s, 'C', c->id);
    snprintf(c->zone_id, sizeof c->zone_id, "%s", zone_id);
    return c;
}

const struct store_change *store_note_change(struct store *s, const char *zone_id, int64_t now_us,
                                             int64_t wall_ms)
{
    struct store_change *c = new_change(s, zone_id, wall_ms);

    c->sync_us = now_us;
    return c;
}

const struct store_change *store_apply(struct store *s, struct zone *z, const struct batch *b,
                                       int64_t extra_us, int64_t now_us, int64_t wall_ms,
                                       struct batch_verdict *v)
{
    struct batch_rules rules = {z->name, z->id, s->delete_compares_weight, s->group_ttl_fixed};
    int64_t delay[ZONE_SERVERS_MAX];
    struct store_change *c;
    struct rtable *t = batch_apply(b, zone_table(z), &rules, v);

    if (!t)
        return NULL;
    for (size_t i = 0; i < s->n_servers; i++)
        delay[i] = extra_us == ZONE_NEVER_US ? ZONE_NEVER_US : s->delay_us[i] + extra_us;
    c = new_change(s, z->id, wall_ms);
    if (b->comment)
        snprintf(c->comment, sizeof c->comment, "%s", b->comment);
    c->sync_us = zone_publish(z, t, c->id, delay, now_us);
    z->last_change_us = now_us;
    return c;
}

struct store_change *store_find_change(struct store *s, const char *id)
{
    for (size_t i = 0; i < s->n_changes; i++) {
        if (strcmp(s->changes[i].id, id) == 0)
            return &s->changes[i];
    }
    return NULL;
}

size_t store_sync_now(struct store *s, const char *id, int64_t now_us)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_changes; i++) {
        struct store_change *c = &s->changes[i];
        struct zone *z;

        if (c->sync_us <= now_us || (id && strcmp(c->id, id) != 0))
            continue;
        c->sync_us = now_us;
        z = store_zone(s, c->zone_id);
        if (z)
            zone_sync_now(z, c->id, now_us);
        n++;
    }
    return n;
}

void store_force(struct store *s, struct zone *z, struct rset *const *put, size_t n_put,
                 struct rset *const *drop, size_t n_drop, int64_t now_us)
{
    struct rtable *t = rtable_copy(zone_table(z));

    for (size_t i = 0; i < n_drop; i++)
        rtable_drop(t, drop[i]);
    for (size_t i = 0; i < n_put; i++)
        rtable_put(t, put[i]);
    zone_publish(z, t, "", s->delay_us, now_us);
}
