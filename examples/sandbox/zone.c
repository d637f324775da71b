#include "zone.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define NAME_SERVERS 4

static void put_apex(struct rtable *t, const char *name, enum rtype type, int64_t ttl,
                     char *const *values, size_t n)
{
    struct rset *s = rset_new();
    const char *why;
    bool ok = rset_set_name(s, name, &why);

    assert(ok);
    s->type = type;
    s->ttl = ttl;
    rset_set_values(s, values, n);
    rtable_put(t, s);
    rset_unref(s);
}

struct zone *zone_new(const char *id, const char *name, size_t n_servers)
{
    static char *const servers[NAME_SERVERS] = {
        (char *)"ns-1.sandbox.test.", (char *)"ns-2.sandbox.test.", (char *)"ns-3.sandbox.test.",
        (char *)"ns-4.sandbox.test."};
    static char *const soa[1] = {
        (char *)"ns-1.sandbox.test. hostmaster.sandbox.test. 1 7200 900 1209600 86400"};
    struct zone *z = x_zalloc(sizeof *z);

    assert(n_servers <= ZONE_SERVERS_MAX);
    snprintf(z->id, sizeof z->id, "%s", id);
    z->name = x_strdup(name);
    z->n_servers = n_servers;
    z->last_change_us = INT64_MIN;
    z->oldest = z->newest = x_zalloc(sizeof *z->oldest);
    z->oldest->table = rtable_new();
    put_apex(z->oldest->table, name, RTYPE_NS, 172800, servers, NAME_SERVERS);
    put_apex(z->oldest->table, name, RTYPE_SOA, 900, soa, 1);
    return z;
}

void zone_free(struct zone *z)
{
    if (!z)
        return;
    while (z->oldest) {
        struct zone_version *v = z->oldest;

        z->oldest = v->next;
        rtable_unref(v->table);
        free(v);
    }
    for (size_t i = 0; i < ZONE_SERVERS_MAX; i++)
        rtable_unref(z->frozen[i]);
    free(z->name);
    free(z->comment);
    free(z->caller_reference);
    free(z->linked_service);
    free(z);
}

struct rtable *zone_table(const struct zone *z)
{
    return z->newest->table;
}

static struct zone_version *seen_by(struct zone *z, size_t server, int64_t now_us)
{
    struct zone_version *best = z->oldest;

    for (struct zone_version *v = z->oldest->next; v; v = v->next) {
        if (v->visible_us[server] <= now_us)
            best = v;
    }
    return best;
}

static void drop_unneeded(struct zone *z, int64_t now_us)
{
    while (z->oldest->next) {
        struct zone_version *gone = z->oldest;

        for (size_t i = 0; i < z->n_servers; i++) {
            if (seen_by(z, i, now_us) == gone)
                return;
        }
        z->oldest = gone->next;
        rtable_unref(gone->table);
        free(gone);
    }
}

struct rtable *zone_view(struct zone *z, size_t server, int64_t now_us)
{
    assert(server < z->n_servers);
    drop_unneeded(z, now_us);
    return z->frozen[server] ? z->frozen[server] : seen_by(z, server, now_us)->table;
}

int64_t zone_publish(struct zone *z, struct rtable *table, const char *change_id,
                     const int64_t *delay_us, int64_t now_us)
{
    struct zone_version *v = x_zalloc(sizeof *v);
    int64_t last = now_us;

    v->table = table;
    snprintf(v->change_id, sizeof v->change_id, "%s", change_id);
    for (size_t i = 0; i < z->n_servers; i++) {
        v->visible_us[i] = delay_us[i] == ZONE_NEVER_US ? ZONE_NEVER_US : now_us + delay_us[i];
        if (v->visible_us[i] > last)
            last = v->visible_us[i];
    }
    z->newest->next = v;
    z->newest = v;
    drop_unneeded(z, now_us);
    return last;
}

void zone_sync_now(struct zone *z, const char *change_id, int64_t now_us)
{
    for (struct zone_version *v = z->oldest; v; v = v->next) {
        if (strcmp(v->change_id, change_id) != 0)
            continue;
        for (size_t i = 0; i < z->n_servers; i++) {
            if (v->visible_us[i] > now_us)
                v->visible_us[i] = now_us;
        }
    }
}

void zone_freeze(struct zone *z, size_t server, int64_t now_us)
{
    assert(server < z->n_servers);
    if (!z->frozen[server])
        z->frozen[server] = rtable_ref(seen_by(z, server, now_us)->table);
}

void zone_thaw(struct zone *z, size_t server)
{
    assert(server < z->n_servers);
    rtable_unref(z->frozen[server]);
    z->frozen[server] = NULL;
}
