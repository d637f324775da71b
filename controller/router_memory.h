/* router_memory.h: Route 53 in memory, for tests and the simulator.
 *
 * `struct memory_zone` is the service's side of one zone: it applies batches whole or not at all,
 * compares DELETEs, knows group and TTL rules and limits, and puts changes from PENDING to INSYNC.
 * Any number of clients
 * (`router_memory_new()`) write to the same zones through it, each with faults its owner decides
 * on. No clock: memory_tick() is told the time. Source: Route 53 API reference and Developer Guide.
 */
#ifndef SLUICE_ROUTER_MEMORY_H
#define SLUICE_ROUTER_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router.h"

struct memory_service; /* all zones and requests in the air; shared by its clients */
struct memory_client;

/* What happens to one request, decided when it is sent. */
enum memory_fault {
    MEMORY_NORMAL,
    MEMORY_LOST,       /* the request never arrives; UNKNOWN */
    MEMORY_REPLY_LOST, /* applied, the reply is lost; UNKNOWN */
    MEMORY_LATE,       /* UNKNOWN at once, arrives late_ms later */
    MEMORY_TWICE,      /* arrives, is answered, and arrives once more late_ms later */
    MEMORY_THROTTLED,  /* BUSY, Throttling */
    MEMORY_PRIOR,      /* BUSY, PriorRequestNotComplete */
    MEMORY_REFUSED,    /* InvalidChangeBatch that nothing explains */
    MEMORY_DENIED,
    MEMORY_SERVER,      /* 503 without having done it; UNKNOWN */
    MEMORY_SERVER_DONE, /* 500 although it was done; UNKNOWN */
    MEMORY_EXPIRED,     /* DENIED, ExpiredToken */
    MEMORY_FORGOTTEN,   /* SYNC: NoSuchChange */
    MEMORY_TORN,        /* LIST: its second half is read page_ms later, as pages are */
    MEMORY_SHORT,       /* LIST of a range: the last record of it is not shown */
    MEMORY_FAULT_COUNT
};

struct memory_verdict {
    enum memory_fault fault;
    int64_t delay_ms; /* until the request arrives; its answer comes at the same time */
    int64_t reply_ms; /* until the answer, after arrival */
    int64_t late_ms;  /* LATE, TWICE: how much later; at most the signature's life (5 min) lands */
    int64_t pending_ms; /* PENDING to INSYNC, after it was applied */
    int64_t page_ms;    /* TORN */
    bool no_date;       /* the answer comes without a Date */
};

/* Asked once a request. batch is NULL for LIST and SYNC. */
typedef struct memory_verdict memory_decide(void *ctx, enum router_op op,
                                            const struct router_batch *batch);

/* Told of every change that was applied, by whom (the client's tag; 0 for memory_put() and
 * friends). */
typedef void memory_watch(void *ctx, uint32_t tag, const char *zone_id, int64_t now_ms);

struct memory_service *memory_new(void);
void memory_free(struct memory_service *m);
void memory_on_change(struct memory_service *m, memory_watch *watch, void *ctx);
void memory_compare_weight(struct memory_service *m,
                           bool yes); /* DELETE compares Weight; default yes */

void memory_add_zone(struct memory_service *m, const char *zone_id, const char *zone_name);

/* Unix milliseconds at boot time 0, for the Date header. */
void memory_set_wall(struct memory_service *m, int64_t wall_at_zero_ms);

/* A foreign hand: these apply at once and follow no rule. */
void memory_put(struct memory_service *m, const char *zone_id,
                const struct rrset *set); /* create or replace */
bool memory_remove(struct memory_service *m, const char *zone_id, const char *name,
                   const char *type, const char *set_id);
const struct rrset *memory_find(const struct memory_service *m, const char *zone_id,
                                const char *name, const char *type,
                                const char *set_id); /* borrowed until the next change */
/* All sets of a zone in listing order; borrowed until the next change. */
const struct rrset *const *memory_sets(const struct memory_service *m, const char *zone_id,
                                       size_t *n);

/* A client. decide may be NULL: no faults, no delays. tag is told to the watcher. */
struct router memory_client_new(struct memory_service *m, uint32_t tag, memory_decide *decide,
                                void *ctx);
/* What is in the air of this client stays there, its answers are dropped: a crash. */
void memory_client_crash(struct router r);
/* What this client has in the air and has not arrived: dies on the way, or (lose false) comes
 * later_ms later, if its signature still holds then. How many requests that were. */
uint32_t memory_client_air(struct router r, bool lose, int64_t later_ms);
uint32_t memory_client_flying(struct router r); /* changes that have not arrived yet */
bool memory_client_ready(struct router r);      /* an answer can be taken */

/* Lets everything happen that is due by now. Answers are then at router.ops->next(). */
void memory_tick(struct memory_service *m, int64_t now_ms);
/* When the next thing in the air arrives; INT64_MAX: nothing is. What has arrived is at next()
 * already. */
int64_t memory_wake_at(const struct memory_service *m);

/* How many change batches arrived (refused ones too), and how many were applied. */
struct memory_counts {
    uint64_t arrived, applied, lists, syncs;
    uint64_t torn, shortened; /* listings in whose middle the zone changed; that hid a record */
};
struct memory_counts memory_counts(const struct memory_service *m);

#endif
