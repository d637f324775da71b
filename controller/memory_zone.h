/* memory_zone.h: one hosted zone in memory, with Route 53's documented rules (see router_memory.h).
 *
 * Sets are kept in listing order and owned by the zone. A batch is tried on a copy of the few
 * groups it names and applied only when all of it holds. */
#ifndef SLUICE_MEMORY_ZONE_H
#define SLUICE_MEMORY_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router.h"
#include "sluice/arena.h"

struct memory_zone;

/* A request as its bytes would carry it: everything copied, weights as sent. */
struct memory_request {
    struct arena mem;
    const char *zone_id, *change_id;
    struct router_list list;
    struct {
        enum router_change_action action;
        struct rrset set;
    } * changes;
    size_t n_changes;
    int64_t signed_ms, sent_us;
};

struct memory_request *memory_request_change(const struct router_batch *batch);
struct memory_request *memory_request_list(const struct router_list *list);
struct memory_request *memory_request_sync(const char *change_id);
void memory_request_free(struct memory_request *r); /* NULL is fine */

struct memory_zone *memory_zone_new(const char *id, const char *name);
void memory_zone_free(struct memory_zone *z);
const char *memory_zone_id(const struct memory_zone *z);
void memory_zone_put(struct memory_zone *z, const struct rrset *set);
bool memory_zone_remove(struct memory_zone *z, const char *name, const char *type,
                        const char *set_id);
const struct rrset *memory_zone_find(const struct memory_zone *z, const char *name,
                                     const char *type, const char *set_id);
const struct rrset *const *memory_zone_sets(const struct memory_zone *z, size_t *n);

/* All or nothing. False: refused, why in words. */
bool memory_zone_apply(struct memory_zone *z, const struct memory_request *r, bool compare_weight,
                       char *why, size_t why_size);

/* memory_list.c: fills sets, n_sets and owner of an answer. first, or NULL: a page read before,
 * which this one goes on from. */
void memory_zone_list(const struct memory_zone *z, const struct memory_request *r,
                      const struct router_answer *first, struct router_answer *a);
/* Hides the last record of a range (a listing of one name is left whole). True when it did. */
bool memory_zone_shorten(const struct memory_request *r, struct router_answer *a);
void memory_listing_free(void *owner);

#endif
