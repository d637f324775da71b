/* router.h: the door to a zone, as a table of functions with two implementations: Route 53 itself
 * (router_route53.c) and memory (router_memory.c, for the simulator and tests).
 *
 * Every operation is one attempt and is answered exactly once, by router_next(), with what is known of
 * its outcome; retries, resending byte for byte, leases and generations are the fence's business
 * (fence.h). A router keeps no opinion: it does not merge, reorder or hold back urgent operations.
 * Operations are told apart by the caller's op_id, which must be unique among those in flight. */
#ifndef SLUICE_ROUTER_H
#define SLUICE_ROUTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rrset.h"

#define ROUTER_BATCH_ELEMENTS_MAX   1000  /* ResourceRecords in a batch; UPSERT counts twice */
#define ROUTER_BATCH_CHARACTERS_MAX 32000 /* characters of all values; UPSERT counts twice */
#define ROUTER_PAGE_SETS_MAX        300   /* in one answer to a listing */
#define ROUTER_ZONE_SETS_MAX        20000 /* one listing; a zone holds 10,000 by default */
#define ROUTER_CODE_MAX             64
#define ROUTER_MESSAGE_MAX          2048
#define ROUTER_CHANGE_ID_MAX        64

enum router_change_action { ROUTER_CREATE, ROUTER_DELETE, ROUTER_UPSERT };

struct router_change {
    enum router_change_action action;
    const struct rrset *set; /* borrowed until the operation is answered */
    uint32_t weight;         /* sent instead of set->weight where set->weighted */
};

struct router_batch {
    const char *zone_id;
    const char *comment; /* up to 256 characters, or NULL */
    const struct router_change *changes; /* in this order; borrowed until answered */
    size_t n_changes;
    bool urgent; /* a rollback: outside the token bucket, last credentials if none fresher */
};

/* Sets of one zone, in listing order, from (name, type) on. With name NULL: the whole zone. With
 * only_name: stops when the name changes; with only_type as well: when the type changes. With until_name and until_type: it may stop after that
 * record's sets (listing order, rrset_compare()); listing more is allowed, only slower. */
struct router_list {
    const char *zone_id;
    const char *name;
    const char *type;
    bool only_name, only_type;
    const char *until_name;
    const char *until_type;
    bool urgent;
};

enum router_outcome {
    ROUTER_OK,       /* 200 */
    ROUTER_REFUSED,  /* 400 InvalidChangeBatch: validation or comparison failed, nothing changed */
    ROUTER_DENIED,   /* 403: credentials or policy; nothing changed */
    ROUTER_BUSY,     /* 400 Throttling or PriorRequestNotComplete: nothing changed by this copy */
    ROUTER_MISSING,  /* 404: no such zone or change */
    ROUTER_INVALID,  /* another definite 4xx: nothing changed */
    ROUTER_UNKNOWN,  /* no definite answer: it may have landed, may land later, may never */
    ROUTER_OUTCOME_COUNT
};

enum router_op { ROUTER_OP_CHANGE, ROUTER_OP_LIST, ROUTER_OP_SYNC };

struct router_answer {
    uint32_t op_id;
    enum router_op op;
    enum router_outcome outcome;
    char code[ROUTER_CODE_MAX];       /* AWS error code, or a transport word; "" when OK */
    char message[ROUTER_MESSAGE_MAX]; /* the service's own words, not yet safe for a terminal */
    char change_id[ROUTER_CHANGE_ID_MAX]; /* CHANGE: to be polled */
    bool insync;                      /* SYNC: INSYNC seen */
    const struct rrset *sets;         /* LIST: borrowed until router_release() of this answer */
    size_t n_sets;
    void *owner;                      /* storage of sets; router_release() frees it */
    int64_t date_ms;                  /* the Date header, Unix ms; 0 when absent */
    int64_t signed_ms;                /* wall time (skew-corrected) the last copy was signed at; 0 = never sent */
    int64_t sent_boot_us;             /* first byte sent, boottime µs; 0 = never sent */
    int64_t done_boot_ms;
};

struct router_ops {
    void (*change)(void *self, uint32_t op_id, const struct router_batch *batch);
    void (*list)(void *self, uint32_t op_id, const struct router_list *list);
    void (*sync)(void *self, uint32_t op_id, const char *change_id);
    /* Hands over one answer; false when there is none yet. */
    bool (*next)(void *self, struct router_answer *out);
    void (*release)(void *self, struct router_answer *answer);
    void (*free)(void *self);
};

/* An implementation and its data; copied by value. */
struct router {
    const struct router_ops *ops;
    void *self;
};

#endif
