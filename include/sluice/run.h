/* run.h: which probe next. Pure: numbers in, numbers out; libc only, no clock, no socket, no
 * allocation.
 *
 * A stratum is check × matrix row × endpoint. The caller fills in the tables (strata, groups,
 * hosts), the scheduler keeps its own state in them. Three sources of work share one bound on
 * probes in flight:
 *
 *   asks   out of turn (the confirm rule, an operator), each at its time
 *   sweep  every chosen stratum once, as fast as the bound allows; retries are taken here
 *   turns  rate probes a second and side, the longest waiting stratum first, honouring `every`
 *
 * Sweeps keep a queue for each host and go round the hosts, idle ones first: with many tenants each
 * host needs one connection, and no request's clock runs while it waits for one.
 *
 *     while (run_next(&run, now_ms, &order))
 *         ... start a probe of order.stratum ...
 *     ... sleep until run_wake_at(&run, now_ms) or an answer ...
 *     run_result(&run, &order, verdict, now_ms);     true: final, false: it will be asked again */
#ifndef SLUICE_RUN_H
#define SLUICE_RUN_H

#include <stdbool.h>
#include <stdint.h>

#define RUN_SIDES        2
#define RUN_ASKS_MAX     1024 /* waiting at once; more are refused */
#define RUN_NONE         UINT32_MAX
#define RUN_SLOW_MS_MAX  600000 /* slowing a check by half stops here */
#define RUN_RETRY_MS_MAX 600000

enum run_verdict { RUN_PASS, RUN_FAIL, RUN_ERROR, RUN_VERDICT_COUNT };

enum run_source { RUN_TURN, RUN_SWEEP, RUN_ASK };

struct run_stratum {
    /* the caller's, before run_init() */
    uint32_t host;        /* index into hosts */
    uint32_t group;       /* index into groups */
    uint8_t side;         /* 0 .. RUN_SIDES-1 */
    uint8_t from_percent; /* no turn below this step */
    bool off;             /* never chosen by sweep or turn (an endpoint without a route) */
    bool reads_only;      /* GET and HEAD: an ask need not wait for `every` */
    uint8_t retries;
    uint32_t retry_ms;
    uint16_t retry_growth_percent; /* each delay is so much of the one before; 0: as 100 */
    uint8_t retry_jitter_percent;  /* a delay is shorter by up to this */

    /* the scheduler's */
    uint8_t attempts; /* of the sweep now running */
    uint8_t state;
    uint32_t flying; /* probes in flight */
    uint32_t next;   /* in a host's queue or among the delayed */
    int64_t last_ms; /* last start; INT64_MIN never */
    int64_t due_ms;  /* delayed only */
};

/* One row of a check on one side: what `every` is counted over. */
struct run_group {
    int64_t every_ms; /* the caller's; doubled when the check is throttled */
    int64_t next_ms;  /* the scheduler's */
};

struct run_host {
    /* the scheduler's */
    uint32_t head, tail; /* queued strata */
    uint32_t flying;
    uint32_t prev, next; /* among the hosts with work */
    uint8_t listed;
};

struct run_ring { /* hosts with work */
    uint32_t head, tail;
};

struct run_order {
    uint32_t stratum;
    enum run_source source;
    uint32_t tag;     /* of run_ask() */
    uint32_t attempt; /* from 1 */
};

struct run_ask {
    uint32_t stratum;
    uint32_t tag;
    int64_t at_ms;
};

struct run {
    struct run_stratum *strata; /* borrowed, as are the next two */
    struct run_group *groups;
    struct run_host *hosts;
    uint32_t strata_n, groups_n, hosts_n;
    uint64_t seed;       /* of jitter; set after run_init() */
    uint32_t jobs;       /* probes in flight at most */
    uint32_t host_jobs;  /* sweeps and turns: in flight at most for one host; 0: no bound */
    uint32_t pace_milli; /* sweeps: starts a second in thousandths; 0: no bound */
    int64_t pace_ms, pace_credit; /* when the next may start, and what rounding left */
    uint32_t flying;
    uint32_t percent;           /* of the step, for from_percent */
    uint32_t rate_milli;        /* turns a second and side in thousandths; 0: no turns */
    int64_t slot_ms[RUN_SIDES]; /* when the side's next turn may start */
    int64_t credit[RUN_SIDES];  /* what rounding left, see use_slot() */
    struct run_ring idle, busy;
    uint32_t delayed; /* list of strata waiting for a retry */
    int64_t delayed_min_ms;
    uint32_t sweeping; /* strata of the sweep without a final answer */
    uint32_t asks_n;
    struct run_ask asks[RUN_ASKS_MAX];
};

/* Checks the tables' indices (a wrong one is a bug) and starts with nothing to do. jobs >= 1. */
void run_init(struct run *run, struct run_stratum *strata, uint32_t strata_n,
              struct run_group *groups, uint32_t groups_n, struct run_host *hosts, uint32_t hosts_n,
              uint32_t jobs);

/* One more pass: queues each stratum that is not off, has no place in a queue and passes the filter
 * (NULL: all). Returns how many. `every` is not waited for; it counts on from there. */
typedef bool run_filter(void *ctx, uint32_t stratum);
uint32_t run_sweep(struct run *run, run_filter *filter, void *ctx);

/* The same, but a stratum whose `every` is not over waits for it. */
uint32_t run_sweep_due(struct run *run, run_filter *filter, void *ctx, int64_t now_ms);

/* Bounds for sweeps: see host_jobs and pace_milli. Before the first probe starts. */
void run_bounds(struct run *run, uint32_t host_jobs, uint32_t pace_milli);

/* True while a stratum is queued, waits for a retry, or is in flight. */
bool run_busy(const struct run *run, uint32_t stratum);

/* Turns from now on; 0 stops them. Probes in flight are not touched. */
void run_rate(struct run *run, uint32_t rate_milli, int64_t now_ms);
void run_percent(struct run *run, uint32_t percent);

/* Asks for one probe of a stratum, not before at_ms. tag comes back in the order. False when
 * RUN_ASKS_MAX wait already. */
bool run_ask(struct run *run, uint32_t stratum, int64_t at_ms, uint32_t tag);

/* Drops what waits (asks, sweep); what flies is answered through run_result() as ever. */
void run_stop(struct run *run);

/* True with the next probe to start now. */
bool run_next(struct run *run, int64_t now_ms, struct run_order *out);

struct run_answer {
    enum run_verdict verdict;
    bool throttled; /* the server said "too many" and nobody expected it: the check's `every`
                       doubles */
    bool final;     /* not to be asked again, whatever retries are left */
};

/* The answer to an order. False when the same stratum will be asked again by itself (a retry of a
 * sweep): the answer is not final. The n-th delay is retry_ms * growth^(n-1), at most
 * RUN_RETRY_MS_MAX, less a part of up to retry_jitter_percent that `seed`, stratum and attempt
 * decide. */
bool run_result(struct run *run, const struct run_order *order, const struct run_answer *answer,
                int64_t now_ms);

/* The next time run_next() may have something, given no answer comes; INT64_MAX when only an answer
 * (or nothing) can change that. */
int64_t run_wake_at(const struct run *run, int64_t now_ms);

/* Nothing in flight, no sweep, no ask, no turns. */
bool run_idle(const struct run *run);

#endif
