/* plan.h: a decoded plan as plain data, what is wrong with it, and what can be said of it before it
 * runs.
 *
 * The loader (plan_file.c) decodes plan.yaml into struct plan; strings and arrays are borrowed from
 * its arena. Nothing here opens a file or a socket: the checks give back findings as numbers, which
 * the loader turns into file:line:col, and the figures are what `sluice plan` prints. Where a time
 * is meant, it is milliseconds; where a share is meant, whole percent on the new side; where a
 * budget is meant, parts per million of probes. */
#ifndef SLUICE_CONTROLLER_PLAN_H
#define SLUICE_CONTROLLER_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_STEPS_MAX  100u /* one a percent: more cannot differ */
#define PLAN_SUITES_MAX 8u   /* suites with a budget of their own */
#define PLAN_SIDE_SETS_MAX                                                                         \
    16u /* sets a side of one record: Route 53 allows 100 a group, people have 1 or 2 */
#define PLAN_TARGETS_MAX  16u /* addresses of the new side in one set */
#define PLAN_RECORDS_MAX  10000u /* Route 53's default quota of a zone */
#define PLAN_API_RATE_MIN 1000u   /* API calls a second, thousandths */
#define PLAN_API_RATE_MAX 100000u /* no account has as many without asking AWS */
#define PLAN_STRATA_MAX   8192u  /* check x matrix row x endpoint, both sides together */
#define PLAN_SERVERS_MAX  16u
#define PLAN_RESOLVERS_MAX 8
#define PLAN_COMMAND_MAX  32u /* words of notify.command */
#define PLAN_FINDINGS_MAX 64u

enum plan_side { PLAN_OLD, PLAN_NEW, PLAN_SIDES };

/* What to do when something happens; which of them a key may take: plan_on_allowed(). */
enum plan_policy { PLAN_HOLD, PLAN_ROLLBACK, PLAN_RESUME, PLAN_IGNORE, PLAN_POLICY_COUNT };

/* The keys of `on:`. */
enum plan_on {
    PLAN_ON_BREACH,
    PLAN_ON_INCONCLUSIVE,
    PLAN_ON_SLOW,
    PLAN_ON_INTERRUPT,
    PLAN_ON_TERMINATE,
    PLAN_ON_CRASH,
    PLAN_ON_WINDOW_END,
    PLAN_ON_HELD_TOO_LONG,
    PLAN_ON_COUNT
};

enum plan_verify { PLAN_VERIFY_DNS, PLAN_VERIFY_API, PLAN_VERIFY_WARN };

/* The SetIdentifiers of one side: n 0 means "as the plan says for every record". */
struct plan_sets {
    const char *id[PLAN_SIDE_SETS_MAX];
    uint32_t n;
};

/* Where the new side is, for `prepare` to make its sets: addresses, one host name, or an alias. */
struct plan_target {
    const char *value[PLAN_TARGETS_MAX]; /* n 0: an alias */
    uint32_t n;
    const char *alias_name, *alias_zone; /* AliasTarget; NULL: none */
    bool alias_health;
};

struct plan_record {
    const char *zone; /* name or id; NULL: the plan's */
    const char *name; /* as typed; the shell normalises it */
    const char *type; /* "A", "AAAA", "CNAME", … */
    struct plan_sets sets[PLAN_SIDES];
    const struct plan_target *target; /* of the new side, where it is not the plan's; NULL */
};

struct plan_step {
    uint32_t percent;           /* 1 to 100 on the new side */
    int64_t bake_ms;            /* the plan's `bake` unless the step says its own */
    bool approve;               /* a person must say yes after this step's gate */
    enum plan_policy on_breach; /* PLAN_ROLLBACK or PLAN_HOLD */
};

struct plan_suite {
    const char *file;              /* NULL when the suite stands inline in the plan */
    const void *inline_doc;        /* the loader's node for an inline suite; opaque here */
    uint32_t allowed_ppm;          /* 100 (0.01 %) to unacceptable/2; default 10000 (1 %) */
    uint32_t unacceptable_ppm;     /* up to 250000 (25 %); default 50000 (5 %) */
    uint32_t failure_limit;        /* failures of the new side in one run; 0: no such limit */
    uint32_t consecutive_failures; /* in a row on the new side; 0: no such limit */
};

/* One stratum: a check with one matrix row against one endpoint. The shell fills the table in once
 * the endpoints are known (after the first reading) and before the first probe; its order never
 * changes during a run. `cell` numbers check x row: strata of one cell on the other side are what a
 * stratum is compared with. */
struct plan_stratum {
    uint32_t cell;
    uint32_t every_ms;    /* least time between two runs of this very stratum: the check's `every`,
                             times the    endpoints its row takes turns over */
    uint16_t check;       /* for latency: strata of one check are compared together */
    uint8_t suite;        /* index into suites[] */
    uint8_t side;         /* enum plan_side */
    uint8_t from_percent; /* `from:`; not asked for below this step */
    bool required;        /* false: severity warn, known_bad, via dns: no evidence */
};

struct plan {
    const char *cutover; /* its name */
    const char *path;    /* plan.yaml as named by the user */

    struct {
        const char *zone; /* name or id; NULL when every record names its own */
        const char *profile, *role_arn, *endpoint_url, *resolver;
        const char *server[PLAN_SERVERS_MAX]; /* host:port instead of the delegation set */
        uint32_t servers_n;
        uint32_t rate_milli; /* API calls a second, thousandths; default 2000; a rollback waits for none */
    } route53;

    struct {
        const char *resolver[PLAN_RESOLVERS_MAX]; /* addresses, with or without a port */
        uint32_t resolvers_n;
    } observe;

    struct plan_sets sides[PLAN_SIDES];
    const struct plan_target *target; /* of the new side; NULL: the plan does not say */
    uint32_t prepare_ttl_s;    /* what prepare lowers TTLs to; default 60 */
    bool records_all; /* `records: all` */
    const struct plan_record
        *records; /* with `all`: what preflight froze, filled in by the shell */
    uint32_t records_n;

    struct plan_step steps[PLAN_STEPS_MAX];
    uint32_t steps_n;
    uint32_t rollback_to; /* percent on the new side */

    struct {
        int64_t for_ms;             /* default 30 minutes */
        uint32_t rate_milli;        /* probes a second and side, thousandths; default 1000 */
        enum plan_policy on_breach; /* PLAN_ROLLBACK or PLAN_HOLD */
    } soak;

    struct plan_suite suites[PLAN_SUITES_MAX];
    uint32_t suites_n;
    uint32_t rate_milli; /* probes a second and side, thousandths; default 5000 */

    enum plan_policy on[PLAN_ON_COUNT];
    int64_t max_hold_ms;

    /* Seconds since 1970; INT64_MIN and INT64_MAX where the plan names none. */
    int64_t not_before_s, not_after_s;

    const char *notify_command[PLAN_COMMAND_MAX];
    uint32_t notify_command_n;

    enum plan_verify verify;
    uint32_t drain_factor_milli; /* default 1000 */
    bool lease_off;
    const char *lease_name; /* NULL: _sluice.<zone> */
    int64_t lease_life_ms;  /* default 10 minutes */
    int64_t read_every_ms; /* drift reading of all records; default 30 s, longer for many records */

    /* Filled in by the shell, see struct plan_stratum. Borrowed. */
    const struct plan_stratum *strata;
    uint32_t strata_n;
};

/* Everything at its default, nothing of the required parts there. */
void plan_init(struct plan *plan);

const char *plan_policy_name(enum plan_policy policy); /* "hold", … */
const char *plan_on_name(enum plan_on on);             /* "breach", …: the key under `on:` */
bool plan_on_allowed(enum plan_on on, enum plan_policy policy);

/* ---- Semantic checks
 * ------------------------------------------------------------------------------- */

enum plan_fault {
    PLAN_FAULT_NO_CUTOVER,
    PLAN_FAULT_NO_ZONE, /* index: the record without one */
    PLAN_FAULT_NO_RECORDS,
    PLAN_FAULT_TOO_MANY_RECORDS,
    PLAN_FAULT_RECORD_TWICE,    /* index: the second one */
    PLAN_FAULT_RECORD_TYPE,     /* index: cannot be weighted (NS, SOA, …) */
    PLAN_FAULT_NO_SETS,         /* index: side; the plan names none and some record neither */
    PLAN_FAULT_SIDES_SHARE_SET, /* index: record, or PLAN_WHOLE: one id on both sides, or twice */
    PLAN_FAULT_NO_STEPS,
    PLAN_FAULT_STEP_RANGE,  /* index: step; 1 to 100 */
    PLAN_FAULT_STEP_ORDER,  /* index: step; must grow */
    PLAN_FAULT_STEP_BAKE,   /* index: step; bake of 0 */
    PLAN_FAULT_STEP_POLICY, /* index: step; on_breach */
    PLAN_FAULT_ROLLBACK_TO, /* not below the first step */
    PLAN_FAULT_NO_SUITES,
    PLAN_FAULT_ALLOWED_RANGE,      /* index: suite; below 0.01 % */
    PLAN_FAULT_ALLOWED_HALF,       /* index: suite; above half of unacceptable */
    PLAN_FAULT_UNACCEPTABLE_RANGE, /* index: suite; above 25 % */
    PLAN_FAULT_RATE,               /* 0, or above 1000 a second */
    PLAN_FAULT_SOAK_RATE,
    PLAN_FAULT_SOAK_POLICY,
    PLAN_FAULT_POLICY,          /* index: enum plan_on; not one of this key's */
    PLAN_FAULT_SCHEDULE_ORDER,  /* not_after is not after not_before */
    PLAN_FAULT_SCHEDULE_SHORT,  /* not even the first step's bake fits */
    PLAN_FAULT_DRAIN_FACTOR,    /* outside 1 to 100: a wait may only get longer */
    PLAN_FAULT_LEASE_LIFE,      /* outside 1 minute to 24 hours */
    PLAN_FAULT_MAX_HOLD,        /* 0 */
    PLAN_FAULT_TOO_MANY_STRATA, /* needs strata */
    PLAN_FAULT_STRATUM_SIDE,    /* index: suite without a required stratum on the new side; needs
                                   strata */
    PLAN_FAULT_BAKE_SHORT,      /* index: step; too short to run every stratum once; needs strata */
    PLAN_FAULT_GATE_BLIND, /* index: step; even without a failure 3 x bake cannot promote; needs
                              strata */
    PLAN_FAULT_COUNT
};

#define PLAN_WHOLE UINT32_MAX /* the finding is of the plan, not of one element */

struct plan_finding {
    enum plan_fault fault;
    uint32_t index; /* as said beside the fault; PLAN_WHOLE where nothing is said */
};

struct plan_findings {
    struct plan_finding item[PLAN_FINDINGS_MAX];
    uint32_t n; /* never above PLAN_FINDINGS_MAX: what is more is not kept */
};

/* Every fault of the plan, in the order of the enum. Those marked "needs strata" are only looked
 * for when plan->strata is there. True when there is none. */
bool plan_check(const struct plan *plan, struct plan_findings *out);

/* A short name for tests and JSON ("step_order"), and the sentence for people, without the place:
 * "steps must grow". Never NULL. */
const char *plan_fault_name(enum plan_fault fault);
const char *plan_fault_text(enum plan_fault fault);

/* The index of the step with exactly this percentage; PLAN_WHOLE when none has (`--to`). */
uint32_t plan_step_find(const struct plan *plan, uint32_t percent);

/* ---- Figures for `sluice plan`
 * --------------------------------------------------------------------- */

struct plan_gate_figures {
    uint32_t suite, step;
    uint32_t strata;   /* required strata of the suite on the new side at this step */
    uint32_t n;        /* probes of the suite on the new side in one bake */
    uint32_t n_needed; /* probes without a failure it takes to promote */
    uint32_t
        failures_max;   /* with n probes, this many failures still promote; UINT32_MAX: none does */
    uint32_t shown_ppm; /* with n probes and no failure, a rate above this is ruled out at 95 % */
};

/* n and what it can show, for one suite at one step. Probes are shared over the strata of a side in
 * turn. */
void plan_gate_figures(const struct plan *plan, uint32_t suite, uint32_t step,
                       struct plan_gate_figures *out);

/* Mean milliseconds until the CUSUM of this suite decides, when the new side fails this share of
 * probes (parts per million) from now on; INT64_MAX when it does not lean towards a decision. */
int64_t plan_detect_ms(const struct plan *plan, uint32_t suite, uint32_t failing_ppm);

/* Least time one side's strata take to be asked once each at this rate (thousandths a second). */
int64_t plan_round_ms(uint32_t strata, uint32_t rate_milli);

/* Least time from the first write to `completed`, given the drain a step needs: every drain, bake
 * and the soak; what INSYNC, verification and approvals take comes on top. */
int64_t plan_earliest_ms(const struct plan *plan, int64_t drain_ms, uint32_t first_step,
                         uint32_t goal_percent);

/* TTL (already the longest before or after) times drain_factor. */
int64_t plan_drain_ms(const struct plan *plan, int64_t ttl_ms);

#endif
