/* edit_inner.h: what edit.c (operations, batches, changes) and edit_take.c (taking a zone and
 * leaving it) share. */
#ifndef SLUICE_EDIT_INNER_H
#define SLUICE_EDIT_INNER_H

#include "edit.h"

#define EDIT_RETRY_FIRST_MS 500
#define EDIT_RETRY_CAP_MS   10000

enum seen_kind { SEEN_ABSENT, SEEN_LEASE, SEEN_DAMAGED, SEEN_VERSION };

struct seen { /* what stands at the lease's name */
    enum seen_kind kind;
    struct lease lease;
    char text[LEASE_VALUE_SIZE];
    uint32_t ttl;
};

struct edit {
    struct edit_config cfg;
    char *zone_id, *lease_name;
    struct lease proto; /* what all leases of this run share */
    struct seen now;    /* the last certain sight */
    struct seen loose;  /* what a batch without an answer would have left; SEEN_ABSENT: none */
    bool made;          /* by the last edit_change() */
    uint64_t random, top_gen;
    int64_t offset_ms; /* Route 53's time less boot time */
    int64_t signed_ms; /* of our newest request that changes anything, Route 53's time */
    uint32_t next_op;
};

/* Somebody asked to end. */
bool edit_stopping(const struct edit *e);
bool edit_say_stopped(struct err *err, const char *what); /* false */

/* Also shorter, once somebody asked to end. */
bool edit_wait_ms(struct edit *e, int64_t ms, struct err *err);

/* Why Route 53 did not do it, its own words made safe: false. */
bool edit_refused(const struct router_answer *a, struct err *err);

/* What stands at the lease's name. */
bool edit_read_lease(struct edit *e, struct seen *out, struct err *err);
/* The next lease of this run: a generation and a nonce that no batch had before. */
void edit_next_lease(struct edit *e, enum lease_state state, struct seen *out);
bool edit_seen_same(const struct seen *a, const struct seen *b);
bool edit_say_held(const struct edit *e, const struct seen *by, struct err *err); /* false */
/* The record; *value is what its one value points to. */
struct rrset edit_lease_set(const struct edit *e, const struct seen *s, const char **value);

/* Sends the same bytes until there is a definite answer; without `again`, once. *loose: a copy got
 * none and may have landed. The caller releases a. False: err, and nothing is known. */
bool edit_send(struct edit *e, const struct router_batch *batch, bool again,
               struct router_answer *a, bool *loose, struct err *err);

/* One batch: the lease from what is known to `next`, and the changes. *change_id gets what can be
 * polled, "" where the answer that had it was lost. */
bool edit_batch(struct edit *e, const struct seen *next, const struct router_change *changes,
                size_t n, char change_id[ROUTER_CHANGE_ID_MAX], struct err *err);

#endif
