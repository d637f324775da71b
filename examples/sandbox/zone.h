/* zone.h: a hosted zone: its table now, and what each name server still answers.
 *
 * Every applied batch is a version. A version reaches each server at a time of its own; until then
 * the server answers from an older one. The change is INSYNC once the last server has it. */
#ifndef SANDBOX_ZONE_H
#define SANDBOX_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "batch.h"
#include "rset.h"

#define ZONE_SERVERS_MAX 16
#define ZONE_ID_MAX      32
#define ZONE_NEVER_US    INT64_MAX

struct zone_version {
    struct zone_version *next; /* newer */
    struct rtable *table;
    int64_t visible_us[ZONE_SERVERS_MAX]; /* monotonic */
    char change_id[ZONE_ID_MAX + 1];      /* "": the first one */
};

struct zone {
    struct zone *next;
    char id[ZONE_ID_MAX + 1];
    char *name; /* stored form */
    char *comment;
    char *caller_reference;
    bool is_private;
    char *linked_service; /* NULL, or who owns the zone */
    size_t n_servers;
    struct zone_version *oldest, *newest;
    struct rtable *frozen[ZONE_SERVERS_MAX]; /* a stale server answers from here for ever */
    int64_t last_change_us; /* of the last change through the API; INT64_MIN: none */
};

/* name is in stored form; a SOA and four NS values are put at the apex. */
struct zone *zone_new(const char *id, const char *name, size_t n_servers);
void zone_free(struct zone *z);

struct rtable *zone_table(const struct zone *z); /* newest, borrowed */

/* What server k answers at now_us, borrowed. Drops versions that no server needs. */
struct rtable *zone_view(struct zone *z, size_t server, int64_t now_us);

/* Makes table (the caller's reference moves) the newest version; delay_us holds one delay a server.
 * Returns the moment when the last server has it. */
int64_t zone_publish(struct zone *z, struct rtable *table, const char *change_id,
                     const int64_t *delay_us, int64_t now_us);

/* Brings a change forward to every server at once. */
void zone_sync_now(struct zone *z, const char *change_id, int64_t now_us);

/* A stale server keeps what it answers now until thawed. */
void zone_freeze(struct zone *z, size_t server, int64_t now_us);
void zone_thaw(struct zone *z, size_t server);

#endif
