/* pump_internal.h: what pump.c (flows) and pump_strata.c (tables) share. */
#ifndef SLUICE_SMOKE_PUMP_INTERNAL_H
#define SLUICE_SMOKE_PUMP_INTERNAL_H

#include "answer.h"
#include "cookie.h"
#include "finding.h"
#include "request.h"
#include "scope.h"
#include "sluice/pump.h"
#include "talk.h"

struct pump_place { /* one endpoint, copied */
    enum suite_side side;
    char *host, *address;
    char *connect_to; /* "address:port"; with port 0 the url's is added when sent */
    uint16_t port;
};

/* The endpoints of one record name, by side; indices into pump->places. */
struct pump_record {
    const char *host;
    uint32_t *places[SUITE_SIDES];
    uint32_t n[SUITE_SIDES];
};

struct pump_flow { /* one probe under way */
    bool used, dropped;
    bool decided; /* result is what it came to; what is under way are steps of `finally:` */
    bool final;   /* and no retry may change it */
    struct probe_result result; /* owned */
    bool slow;                  /* no first byte came in time; cancelled */
    int64_t begun_by_ms;        /* when it is to have come; INT64_MAX: no such deadline */
    bool waiting;               /* nothing is in flight: the talk goes on at talk.wake_ms */
    struct run_order order;
    uint64_t http_id;
    uint32_t step, requests;
    int64_t started_ms, latency_us;
    struct scope scope;
    struct cookie_jar jar;
    struct talk talk;                 /* of the step under way */
    struct request request;           /* the one in flight, or the last */
    struct buf connect_to;            /* of the one in flight; empty: as the url says */
    struct buf previous;              /* url of the last request of the step before */
    struct buf warnings;              /* of the steps so far, "; " between them */
    const struct doc_node *warned_at; /* the first */
    struct probe_exchange *exchanges;
    uint32_t exchanges_n, exchanges_cap;
    int64_t first_us; /* clock_boot_us() when the first request was started */
    char uuid[CRYPTO_UUID_CHARS + 1];
    char now[24];
};

/* The last TLS handshake with a pinned host failed: for a while its other probes make none. */
struct pump_tls {
    int64_t until_ms, ask_until_ms; /* for turns; for asks and sweeps. 0: it did not fail */
    char *reason;                   /* owned */
};

struct pump_lend { /* what the last pass of one check, row and side left */
    bool set;
    struct scope_value *values; /* as the lender's slots */
    uint32_t values_n;
    struct cookie_jar jar;
};

struct pump_hold { /* of a stratum */
    bool held;     /* what it needs has not passed yet */
    bool pending;  /* held, and wanted by a sweep */
    bool switched; /* off, by pump_switch() */
};

struct pump {
    struct suite *const *suites;
    size_t suites_n;
    struct http *http;
    struct pump_options options; /* strings copied where kept */
    const struct clock *clock;
    char run_id[CRYPTO_UUID_CHARS + 1];

    struct pump_place *places;
    size_t places_n;
    struct pump_record *records;
    size_t records_n;
    struct pump_connect_to *connect_to; /* copied */
    size_t connect_to_n;

    struct pump_stratum *strata;
    uint32_t *ordinals; /* of each stratum: which endpoint of its record and side */
    uint32_t *host_of;  /* of each stratum: its queue; until run_init() has it */
    uint32_t strata_n, strata_cap;
    uint32_t cells_n;

    struct run_stratum *run_strata;
    struct run_group *groups;
    struct run_host *hosts;
    int64_t *fresh_ms;    /* per host: when it last got a new connection */
    struct pump_tls *tls; /* per host */
    uint32_t hosts_n;
    struct run run;

    uint32_t **first_cell;   /* by suite and check; RUN_NONE: not chosen */
    struct pump_lend *lends; /* by cell and side */
    struct pump_hold *holds; /* by stratum */
    uint32_t pending;
    bool any_needs;

    struct pump_flow *flows;
    uint32_t jobs;
    size_t body_keep;
    struct oauth oauth; /* tokens, shared by all flows */
    int64_t now_ms;     /* of the last tick or answer */

    struct probe_result *results; /* a queue */
    size_t results_head, results_n, results_cap;
};

/* Fills the tables. */
bool pump_enumerate(struct pump *pump, struct err *err) SL_MUST_CHECK;
void pump_free_strata(struct pump *pump);

/* Where a request of this stratum goes: fills connect_to ("": as the url says). other: to the other
 * side than the stratum's. False (ERR_REFUSED) when its host belongs to no record: a captured url
 * led out of the plan. */
bool pump_target(const struct pump *pump, uint32_t stratum, bool other, const struct http_url *url,
                 struct buf *connect_to, struct err *err) SL_MUST_CHECK;

/* False: the stratum is pinned, and no record of the plan covers the url's host. */
bool pump_covers(const struct pump *pump, uint32_t stratum, const struct http_url *url);

/* pump_lend.c */
void pump_lend_init(struct pump *pump);
void pump_lend_free(struct pump *pump);
/* Gives a new flow what it needs. False: *missing has not passed. */
bool pump_lend_give(struct pump *pump, struct pump_flow *flow, const char **missing);
/* After a final result: lends, releases, gives up. */
void pump_lend_result(struct pump *pump, struct pump_flow *flow, bool passed, int64_t now_ms);
/* Makes what is held and wanted pending. Returns how many. */
uint32_t pump_lend_sweep(struct pump *pump, run_filter *filter, void *ctx);
void pump_lend_stop(struct pump *pump);

/* pump_result.c */
void pump_push_result(struct pump *pump, const struct probe_result *result);
/* Request, answer and curl line; r: the last response, NULL when the request could not be built. */
void pump_result_add_exchange(const struct pump *pump, struct pump_flow *flow,
                              const struct http_response *r, struct probe_result *out);
void pump_result_add_transfer(const struct http_response *r, struct probe_result *out);
char *pump_result_taken(struct buf *b); /* NULL when it is empty */

/* Gives every captured value some text: to see where a url leads before anything is captured. */
void pump_assume_captures(struct scope *scope);
/* A scope for a cell; values are allocated. */
void pump_scope(const struct pump *pump, const struct pump_stratum *s, struct scope *scope);

#endif
