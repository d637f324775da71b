/* store.h: the hosted zones and the changes made to them. */
#ifndef SANDBOX_STORE_H
#define SANDBOX_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "batch.h"
#include "rng.h"
#include "sluice/err.h"
#include "zone.h"

#define STORE_CHANGES_MAX 10000 /* the oldest is forgotten, as NoSuchChange */

struct store_change {
    char id[ZONE_ID_MAX + 1];
    char zone_id[ZONE_ID_MAX + 1];
    char comment[BATCH_COMMENT_MAX + 1];
    int64_t submitted_ms; /* sandbox wall clock */
    int64_t sync_us;      /* monotonic; ZONE_NEVER_US until released */
};

struct store {
    struct zone *zones; /* newest first */
    struct store_change *changes;
    size_t n_changes, next_change;
    struct rng ids;
    size_t n_servers;
    int64_t delay_us[ZONE_SERVERS_MAX];
    bool delete_compares_weight, group_ttl_fixed;
    int64_t prior_request_us; /* how long a zone is busy after a change; 0: never */
};

void store_init(struct store *s, uint64_t seed, size_t n_servers, const int64_t *delay_us);
void store_clear(struct store *s);

/* [{"name", "id"?, "comment"?, "private"?, "linked_service"?, "records"?: [...]}] */
bool store_load(struct store *s, json_t *zones, struct err *err) SL_MUST_CHECK;

struct zone *store_zone(const struct store *s, const char *id); /* NULL: none */
struct zone *store_add_zone(struct store *s, const char *id, const char *stored_name);
void store_drop_zone(struct store *s, struct zone *z);

/* Applies the batch or says why not. extra_us is added to every server's delay (ZONE_NEVER_US:
 * never). Returns the change (borrowed), or NULL with the verdict. */
const struct store_change *store_apply(struct store *s, struct zone *z, const struct batch *b,
                                       int64_t extra_us, int64_t now_us, int64_t wall_ms,
                                       struct batch_verdict *v);
/* A change that concerns a zone as a whole (its making and its end): INSYNC at once. */
const struct store_change *store_note_change(struct store *s, const char *zone_id, int64_t now_us,
                                             int64_t wall_ms);
struct store_change *store_find_change(struct store *s, const char *id); /* NULL: none */
/* Brings pending changes forward: one, or all with id NULL. Returns how many. */
size_t store_sync_now(struct store *s, const char *id, int64_t now_us);

/* 'Z' or 'C' and capitals and digits, as the service makes them. */
void store_make_id(struct store *s, char kind, char out[ZONE_ID_MAX + 1]);

/* Foreign hand: sets or deletes without any rule but the form of the set. */
void store_force(struct store *s, struct zone *z, struct rset *const *put, size_t n_put,
                 struct rset *const *drop, size_t n_drop, int64_t now_us);

#endif
