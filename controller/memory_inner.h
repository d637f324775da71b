/* memory_inner.h: inside router_memory: router_memory.c and memory_client.c, and nobody else.
 *
 * Requests and replies are flights: in the air until their time comes. */
#ifndef SLUICE_MEMORY_INNER_H
#define SLUICE_MEMORY_INNER_H

#include "memory_zone.h"
#include "router_memory.h"

enum memory_what { MEMORY_ARRIVE, MEMORY_REPLY };

/* One request or reply in the air. */
struct flight {
    enum memory_what what;
    int64_t at_ms;
    uint64_t order;               /* ties: first sent, first there */
    struct memory_client *client; /* NULL: nobody waits for the answer */
    uint32_t tag;
    struct memory_verdict verdict;
    uint32_t op_id;
    enum router_op op;
    struct memory_request *request; /* MEMORY_ARRIVE */
    struct router_answer answer; /* MEMORY_REPLY; of an arrival: the first half of a torn listing */
    uint64_t changes;            /* of a torn listing: how many there were at its first half */
    bool copy;                   /* a late copy: no answer */
    bool second;                 /* of a torn listing */
};

struct memory_client {
    struct memory_client *next;
    struct memory_service *service;
    uint32_t tag;
    memory_decide *decide;
    void *ctx;
    struct router_answer *ready;
    size_t n_ready, cap_ready, head_ready;
};

struct memory_service {
    struct memory_zone **zones;
    size_t n_zones;
    struct memory_client *clients;
    struct flight *air; /* unordered: few at a time */
    size_t n_air, cap_air;
    uint64_t order, changes, foreign;
    int64_t *insync_ms; /* of change id C<i + 1> */
    size_t cap_insync;
    int64_t now_ms, wall_ms, wake_ms;
    bool weights;
    memory_watch *watch;
    void *watch_ctx;
    struct memory_counts counts;
};

/* The next flight, zeroed but for its kind and time; borrowed until another is added. */
struct flight *memory_air_add(struct memory_service *m, enum memory_what what, int64_t at_ms);
size_t memory_air_first(const struct memory_service *m); /* of at least one */
/* Sends an answer (and its storage) to whoever waits for f, after so many milliseconds. */
void memory_answer(struct memory_service *m, const struct flight *f, const struct router_answer *a,
                   int64_t after);
void memory_code(struct router_answer *a, enum router_outcome outcome, const char *name,
                 const char *message);

#endif
