/* ramp.h: the machine that decides. State, event and time in; actions out.
 *
 * ramp_step() opens nothing, sleeps never, reads no clock and cannot fail. The shell (drive) waits
 * until ramp_wake_at() or an event, calls ramp_step(), performs what it put into struct
 * ramp_actions in that order, and writes the journal line. It works on the whole plan: which zones
 * there are, how a change is cut into batches and how each is fenced is the business of `fence`,
 * which answers each operation once.
 *
 *   preflight -> applying -> verifying -> draining -> baking -> (approving) -> applying … ->
 * soaking -> completed any of these: paused (an operator), held (see enum ramp_why), reverting ->
 * rolled_back, reverting that is not confirmed: unsafe (goes on trying); refused, interrupted,
 * deposed
 *
 * Rules of the road
 *   - Operations. Each action that has an answer carries an op_id, never 0, never used twice in a
 * run. Its answer is one RAMP_EV_DONE with that op_id; for APPLY and ROLLBACK that is when the last
 * batch has its definite answer, and then, by itself, the shell polls the change ids and says
 * RAMP_EV_SYNCED with the same op_id once all are INSYNC. (A poll that fails is polled again for
 * ever: it is the shell's business.) A ROLLBACK that had RAMP_OK may get another answer before
 * RAMP_EV_SYNCED: what had landed does not stand any more. An answer to an operation no longer in
 * flight is dropped here, in one place.
 *   - Forward writes (TAKE, APPLY with needs_sync) are performed only after their journal line is
 * fsynced. When the journal fails first: answer them RAMP_NOT_SENT and send RAMP_EV_JOURNAL_DEAD.
 *   - A ROLLBACK overtakes: it makes every forward operation not yet answered void. The shell drops
 * what still waits for the disk; the fence kills what is in the air. Its answer may be dropped or
 * sent.
 *   - Time is CLOCK_BOOTTIME in milliseconds and never goes back within a process. After a restart
 * nothing remembered as a time is used: waits start over.
 *   - Probe results are told one by one with RAMP_EV_PROBE, in the order they ended. */
#ifndef SLUICE_CONTROLLER_RAMP_H
#define SLUICE_CONTROLLER_RAMP_H

#include "sluice/budget.h"
#include "plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAMP_ASKS_MAX                                                                              \
    16u /* strata being asked again at one time; others wait for their next failure */
#define RAMP_ACTIONS_MAX 32u  /* out of one event */
#define RAMP_CHECKS_MAX  128u /* checks whose latency is compared; further ones are not */
#define RAMP_REASKS                                                                                \
    3 /* "asked again 3 times" (more where `allowed` is above 1 %: see ramp_reasks()) … */
#define RAMP_REASK_MS         5000 /* … "5 s apart" */
#define RAMP_REASKS_MAX       12 /* of one stratum in a row, counting those that could not be judged */
#define RAMP_PREFLIGHT_ASKS   2      /* a stratum failing in preflight is asked twice more … */
#define RAMP_PREFLIGHT_ASK_MS 2000   /* … this far apart */
#define RAMP_ASK_LOST_MS      120000 /* an ask without its answers is given up */
#define RAMP_EXTEND_MAX       3      /* a bake grows to at most this many of itself */
#define RAMP_SYNC_ALERT_MS    300000 /* PENDING for so long: tell somebody, go on waiting */
#define RAMP_UNSAFE_MS                                                                             \
    30000 /* a rollback not confirmed for so long is called unsafe; it goes on                     \
           */
#define RAMP_PERCENT_BASELINE 101u /* a target: every weight as it was read at the baseline */

enum ramp_phase {
    RAMP_PREFLIGHT,
    RAMP_APPLYING,
    RAMP_VERIFYING,
    RAMP_DRAINING,
    RAMP_BAKING,
    RAMP_APPROVING,
    RAMP_PAUSED,
    RAMP_HELD,
    RAMP_SOAKING,
    RAMP_REVERTING,
    RAMP_UNSAFE, /* reverting that could not be confirmed yet; an end state only when stopped */
    RAMP_COMPLETED,
    RAMP_ROLLED_BACK,
    RAMP_REFUSED,
    RAMP_INTERRUPTED,
    RAMP_DEPOSED,
    RAMP_PHASE_COUNT
};

/* Why it is held, rolls back, refused or ended. One list, so that a notice and a report say the
 * same. */
enum ramp_why {
    RAMP_WHY_NONE,
    RAMP_WHY_CUSUM,         /* breach: the fast rule; index: suite */
    RAMP_WHY_CONFIRMED,     /* breach: one stratum failed 4 of 4 with old passing; index: stratum */
    RAMP_WHY_GATE,          /* breach: at the gate; index: suite */
    RAMP_WHY_FAILURE_LIMIT, /* breach: index: suite */
    RAMP_WHY_CONSECUTIVE,   /* breach: index: suite */
    RAMP_WHY_BOTH_FLEETS,   /* held: new and old fail alike; index: suite or stratum */
    RAMP_WHY_NO_WAY_BACK,   /* held: old alone is bad; index: suite or stratum */
    RAMP_WHY_NO_CONTROL, /* held: new fails where old has no probes to compare with; index: suite or
                            stratum */
    RAMP_WHY_INCONCLUSIVE, /* held: the gate could not speak in 3 x bake; index: suite or PLAN_WHOLE
                            */
    RAMP_WHY_VERIFY,       /* held: DNS does not answer as written */
    RAMP_WHY_SLOW,         /* held: latency; index: check */
    RAMP_WHY_DRIFT, /* held: somebody else changed our records; index: bits of enum ramp_drift */
    RAMP_WHY_HALF_APPLIED,  /* held: a step could not be applied whole; went back to the last full
                               one; index: the  enum ramp_why that made it so */
    RAMP_WHY_WRITE_REFUSED, /* held: a step could not be applied, nothing of it was */
    RAMP_WHY_JOURNAL,       /* held: the journal is dead, no forward step */
    RAMP_WHY_CREDENTIALS,   /* held: they end too soon */
    RAMP_WHY_WINDOW,        /* held: the next step would end after not_after */
    RAMP_WHY_HELD_TOO_LONG,
    RAMP_WHY_OPERATOR, /* pause, rollback or quit by a person */
    RAMP_WHY_SIGINT,
    RAMP_WHY_SIGTERM,
    RAMP_WHY_CRASH,        /* on.crash */
    RAMP_WHY_LEASE_ABSENT, /* unsafe: somebody deleted the TXT; a person must decide */
    RAMP_WHY_RECORD_FAULT, /* unsafe for some records: Route 53 refuses them, the others are
                              confirmed */
    RAMP_WHY_UNCONFIRMED,  /* unsafe: no definite answer */
    RAMP_WHY_DENIED,       /* refused or held: AWS does not allow it */
    RAMP_WHY_BUSY,         /* refused: another run holds the lease */
    RAMP_WHY_DEPOSED,
    RAMP_WHY_FINDING,      /* refused: preflight found something (the shell said what) */
    RAMP_WHY_NEW_FAILS,    /* refused: a stratum fails on new in preflight; index: stratum */
    RAMP_WHY_BOTH_FAIL,    /* refused: on both; index: stratum */
    RAMP_WHY_OLD_FAILS,    /* refused: on old alone: there would be no way back; index: stratum */
    RAMP_WHY_NO_EVIDENCE,  /* refused: a required stratum could not be judged, or there is none */
    RAMP_WHY_ABOVE_TARGET, /* refused: new is above rollback_to already, and nobody said
                              --from-current */
    RAMP_WHY_READ_FAILED,  /* refused or held: the records could not be read */
    RAMP_WHY_GOAL,         /* completed: the percentage of --to reached, or the soak over */
    RAMP_WHY_COUNT
};

/* ---- Events
 * ---------------------------------------------------------------------------------------- */

enum ramp_event_kind {
    RAMP_EV_START,    /* start: how. The first event of every process, once */
    RAMP_EV_TICK,     /* nothing happened, ramp_wake_at() has come */
    RAMP_EV_DONE,     /* op_id, outcome, and reading for READ and TAKE */
    RAMP_EV_SYNCED,   /* op_id: every change id of this APPLY or ROLLBACK is INSYNC */
    RAMP_EV_PROBE,    /* probe */
    RAMP_EV_ROUND,    /* op_id of PROBES(once): every stratum has run once and been told */
    RAMP_EV_OPERATOR, /* operator */
    RAMP_EV_SIGNAL,   /* signal: RAMP_SIGINT or RAMP_SIGTERM */
    RAMP_EV_GAP,   /* gap_ms: the loop slept more than 2 s; results that span it were dropped by the
                      shell */
    RAMP_EV_DRIFT, /* drift: bits of enum ramp_drift, seen by a heartbeat or another reading */
    RAMP_EV_DEPOSED, /* another run holds the lease: seen by a heartbeat; final, as fence decides */
    RAMP_EV_JOURNAL_DEAD, /* the journal failed or hangs: no forward step from now on */
    RAMP_EV_REACH, /* reachable: false while neither side nor the AWS endpoint answers; probes are
                      not counted */
    RAMP_EV_CREDENTIALS, /* credentials_short: those in hand end before drain + 15 minutes */
    RAMP_EV_WINDOW, /* opens_at_ms, closes_at_ms: the schedule in this clock; sent before START and
                       when wall time steps */
    RAMP_EV_COUNT
};

enum ramp_start {
    RAMP_START_FRESH,
    RAMP_START_RESUME,   /* struct ramp was restored from the journal */
    RAMP_START_RECOVER,  /* the same, but by the policy on.crash */
    RAMP_START_ROLLBACK, /* `sluice rollback`: takes the lease over and goes back; journal or none
                          */
    RAMP_START_COUNT
};

enum ramp_outcome {
    RAMP_OK, /* done; for READ: as we last wrote it (before the first write: lint is clean; while
                a change was in flight at a crash: each record as before it or as after it) */
    RAMP_NOT_SENT,       /* nothing left this machine: journal dead, dropped */
    RAMP_DENIED,         /* AWS refuses us: 77 */
    RAMP_BUSY,           /* TAKE: another run's live lease: 75 */
    RAMP_REFUSED_RECORD, /* a definite refusal of a record, or a finding of preflight; nothing
                            (more) written */
    RAMP_DRIFTED,        /* our records are not as we left them: drift */
    RAMP_IS_DEPOSED,     /* another run's lease; final, as fence decides */
    RAMP_IS_LEASE_ABSENT,
    RAMP_UNCONFIRMED,  /* no definite answer; it may have happened */
    RAMP_FAILED,       /* definite: it did not happen (network down, inconclusive VERIFY, …) */
    RAMP_IS_REVERTING, /* READ after a restart: our own lease says `reverting` */
    RAMP_OUTCOME_COUNT
};

/* What somebody else changed, as bits. */
enum ramp_drift {
    RAMP_DRIFT_WEIGHT = 1,
    RAMP_DRIFT_TTL = 2,
    RAMP_DRIFT_VALUE = 4,
    RAMP_DRIFT_HEALTH_CHECK = 8,
    RAMP_DRIFT_SET_GONE = 16,
    RAMP_DRIFT_SET_ADDED = 32,
    RAMP_DRIFT_LEASE = 64,
    RAMP_DRIFT_OTHER = 128
};

enum ramp_verdict { RAMP_PASS, RAMP_FAIL, RAMP_ERROR, RAMP_VERDICT_COUNT };
enum ramp_operator {
    RAMP_DO_PAUSE,
    RAMP_DO_RESUME,
    RAMP_DO_APPROVE,
    RAMP_DO_ROLLBACK,
    RAMP_DO_QUIT,
    RAMP_DO_COUNT
};
enum ramp_signal { RAMP_SIGINT, RAMP_SIGTERM };

struct ramp_reading {
    int64_t ttl_max_ms; /* the longest TTL of our records before or after (60 s for AWS aliases) */
    uint32_t new_percent; /* share of the new side now, rounded up; the highest of all records */
};

struct ramp_probe {
    uint32_t stratum;          /* index into plan->strata */
    enum ramp_verdict verdict; /* RAMP_ERROR: could not be judged, and is no evidence */
    int64_t latency_us;        /* of a pass; below 0: none */
    uint32_t ask_op;           /* the ASK this answers, 0 for a scheduled probe */
};

struct ramp_event {
    enum ramp_event_kind kind;
    union {
        enum ramp_start start;
        struct {
            uint32_t op_id;
            enum ramp_outcome outcome;
            bool partly;    /* APPLY that is not RAMP_OK: some batch of it landed or may have */
            uint32_t drift; /* bits of enum ramp_drift with RAMP_DRIFTED */
            struct ramp_reading reading; /* READ, TAKE */
        } done;
        uint32_t op_id; /* SYNCED, ROUND */
        struct ramp_probe probe;
        enum ramp_operator op;
        enum ramp_signal signal;
        uint32_t drift;
        bool reachable;
        bool credentials_short;
        int64_t gap_ms;
        struct {
            int64_t opens_at_ms, closes_at_ms; /* INT64_MIN, INT64_MAX: no such bound */
        } window;
    };
};

/* ---- Actions
 * --------------------------------------------------------------------------------------- */

enum ramp_action_kind {
    RAMP_ACT_READ,  /* op: read lease and all records, lint or compare with what was last written */
    RAMP_ACT_TAKE,  /* op, needs_sync unless take_over: take the lease, prove both ways, read the
                       baseline,  write rollback-<zone>-<k>.json */
    RAMP_ACT_APPLY, /* op, needs_sync: percent, step; forward. Idempotent: after a restart it is
                       sent again */
    RAMP_ACT_VERIFY, /* op: ask DNS for percent */
    RAMP_ACT_PROBES, /* mode, rate_milli a side, percent (for `from:`); op only for RAMP_PROBES_ONCE
                      */
    RAMP_ACT_ASK,    /* op: probe this stratum and one stratum of its cell on the other side, out of
                        turn; each    is told with RAMP_EV_PROBE and ask_op; both always, RAMP_ERROR if
                        need be. A cell with    no stratum on the other side has one answer. No
                        RAMP_EV_DONE. */
    RAMP_ACT_ROLLBACK, /* op: percent (or RAMP_PERCENT_BASELINE); at once, not waiting for the
                          journal */
    RAMP_ACT_RELEASE,  /* op: leave the lease as released */
    RAMP_ACT_NOTIFY,   /* notice, why, index: tell people */
    RAMP_ACT_EXIT,     /* the run is over: ramp_over() is true */
    RAMP_ACT_COUNT
};

enum ramp_probes { RAMP_PROBES_OFF, RAMP_PROBES_ONCE, RAMP_PROBES_RUN };

enum ramp_notice {
    RAMP_NOTICE_PHASE, /* a new phase began */
    RAMP_NOTICE_HELD,  /* a person is needed; repeated every max_hold */
    RAMP_NOTICE_BREACH,
    RAMP_NOTICE_UNSAFE,
    RAMP_NOTICE_PENDING, /* INSYNC does not come */
    RAMP_NOTICE_JOURNAL,
    RAMP_NOTICE_RELEASE_FAILED, /* the end is what it says, the lease is left as it was */
    RAMP_NOTICE_SIGNAL_AGAIN,   /* a rollback is under way: another signal stops it, and the end is
                                   unsafe */
    RAMP_NOTICE_COUNT
};

struct ramp_action {
    enum ramp_action_kind kind;
    uint32_t op_id;   /* 0 where there is no answer */
    bool needs_sync;  /* perform only after the journal line is fsynced */
    bool take_over;   /* TAKE: at once, for `sluice rollback`. ROLLBACK: a lease that somebody removed
                         is made anew, for a person asked again */
    uint32_t percent; /* target, or for PROBES the share the step means */
    uint32_t step;    /* APPLY, VERIFY: index into plan->steps */
    uint32_t stratum; /* ASK */
    uint32_t rate_milli;
    enum ramp_probes mode;
    enum ramp_notice notice;
    enum ramp_why why;
    uint32_t index; /* with why, as said beside enum ramp_why */
};

struct ramp_actions {
    uint32_t n;
    struct ramp_action item[RAMP_ACTIONS_MAX];
};

/* ---- State
 * ----------------------------------------------------------------------------------------- */

/* Evidence of one suite that outlives a step. */
struct ramp_suite {
    struct budget_cusum cusum[PLAN_SIDES];
    struct budget_count
        since_zero[PLAN_SIDES];           /* since S of the new side was last 0: for the control */
    struct budget_count gate[PLAN_SIDES]; /* since the drain of this step ended */
    int64_t failures;                     /* of the new side, in this run */
    int64_t in_a_row;                     /* failures of the new side without a pass between */
};

/* What the journal keeps: whole numbers only. Every member is an int64_t or an array of them, and
 * ramp_fields[] names each, so that saving and loading are one loop. Enumerations are stored by
 * number in memory; the journal writes phases and reasons by name as well, for people. */
struct ramp_core {
    int64_t phase; /* enum ramp_phase */
    int64_t why;   /* enum ramp_why of the phase */
    int64_t why_index;
    int64_t step;      /* the step being walked; -1 before the first */
    int64_t full_step; /* the last step applied whole; -1: the baseline */
    int64_t last_step; /* the step the goal names */
    int64_t goal_percent;
    int64_t start_percent; /* share of new at the baseline */
    int64_t ttl_ms;        /* longest TTL seen, at the baseline or later */
    int64_t written;       /* 1 once a forward write may have left */
    int64_t taken;         /* 1 while the lease is ours, or may be */
    int64_t target;        /* percent a rollback goes to, or RAMP_PERCENT_BASELINE */
    int64_t
        after_revert; /* enum ramp_phase that follows reverting: rolled_back, held or interrupted */
    int64_t back_why, back_index; /* why it goes back; `why` says more while unsafe */
    int64_t asked;      /* 1: the rollback was asked for by a person: exit 0 when confirmed */
    int64_t breached;   /* 1: judged bad by evidence at some time */
    int64_t pend_phase; /* paused, held or interrupted as soon as the operation in flight is
                           answered; 0: no */
    int64_t pend_why, pend_index;
    int64_t reading; /* enum ramp_reading_for (ramp_inside.h): what comes after the reading awaited,
                        or 0 */
    int64_t listing; /* reverting: 1 once INSYNC, the listing is to confirm it */
    int64_t in_soak; /* 1 from the soak's beginning, also while paused or held in it */
    int64_t old_stratum; /* 1 + a stratum confirmed to fail on old alone; 0: none */
    int64_t start;       /* enum ramp_start of this process */
    int64_t signals;     /* that came while reverting */
    int64_t over;        /* 1: EXIT was said */
    int64_t exit_status; /* set with the end state */
    int64_t next_op;
    int64_t op, op_kind, op_done; /* the operation in flight, and whether only SYNCED is missing */
    int64_t read_op;              /* the drift reading in flight beside it, 0: none */
    int64_t attempts;             /* of the rollback */
    int64_t phase_at_ms;          /* when this phase began; the journal keeps it for people only */
    int64_t wait_until_ms;        /* the phase's deadline; INT64_MAX: none */
    int64_t in_sync;       /* 1 once the step being walked was INSYNC; 0: its wait has not begun */
    int64_t synced_at_ms;  /* INSYNC of the step: draining counts from here */
    int64_t unsafe_at_ms;  /* when an unconfirmed rollback is called unsafe */
    int64_t hold_until_ms; /* max_hold */
    int64_t read_at_ms;    /* next drift reading */
    int64_t opens_at_ms, closes_at_ms;
    int64_t looks; /* of the gate in this bake */
    int64_t journal_dead, unreachable, credentials_short;
    int64_t options; /* bits of enum ramp_option */
    int64_t seed;    /* of the backoff's jitter */
    int64_t suites_n;
    struct ramp_suite suite[PLAN_SUITES_MAX];
};

enum ramp_option {
    RAMP_OPT_FROM_CURRENT = 1, /* new may stand above rollback_to already: begin after it */
    RAMP_OPT_ATTENDED = 2,     /* a person sits at a terminal: max_hold does not act */
};

/* A stratum's part in this step; not kept over a restart, which starts the step's wait over anyway.
 */
struct ramp_stratum {
    uint8_t last; /* enum ramp_verdict + 1 of its last judged run since the drain ended; 0: has not
                     run */
    uint8_t asks; /* preflight: how often asked again */
};

/* One stratum being asked again. */
struct ramp_ask {
    uint32_t stratum;  /* the one that failed */
    uint32_t op_id;    /* of the ask in flight, 0: waiting for `at_ms` */
    uint8_t round;     /* asks finished */
    uint8_t used;      /* 1: this slot is taken */
    uint8_t waiting;   /* answers of the ask in flight still to come: bit of each enum plan_side */
    uint8_t alone;     /* 1: its cell has no stratum on the other side */
    uint8_t own_fails; /* of the stratum itself, in the asks */
    uint8_t other_passes, other_fails;
    int64_t at_ms; /* when to ask next, or when an ask in flight is given up */
};

struct ramp {
    struct ramp_core core;
    struct budget_rates rates[PLAN_SUITES_MAX]; /* from the plan, worked out once */
    struct ramp_stratum stratum[PLAN_STRATA_MAX];
    struct ramp_ask ask[RAMP_ASKS_MAX];
    struct budget_latency latency[PLAN_SIDES][RAMP_CHECKS_MAX];
};

struct ramp_field {
    const char *name;
    size_t offset;  /* in struct ramp_core */
    uint32_t count; /* int64_t in a row; 1 for a scalar */
};
extern const struct ramp_field ramp_fields[];
extern const uint32_t ramp_fields_n;

/* ---- Functions
 * ------------------------------------------------------------------------------------- */

struct ramp_options {
    uint32_t goal_percent; /* `--to`; 100 without. Must be a step's: see plan_step_find() */
    uint32_t options;      /* bits of enum ramp_option */
    uint64_t seed;
};

/* A run that has not begun. Next: RAMP_EV_START. */
void ramp_init(struct ramp *s, const struct plan *plan, const struct ramp_options *options);

/* A run as its journal left it: evidence of a step and asks in flight are gone, the CUSUMs are not.
 * False, and *s untouched, when the numbers cannot be a state of this plan. Next: RAMP_EV_START
 * with RESUME, RECOVER or ROLLBACK. */
bool ramp_restore(struct ramp *s, const struct plan *plan, const struct ramp_core *core);

void ramp_step(struct ramp *s, const struct plan *plan, const struct ramp_event *ev, int64_t now_ms,
               struct ramp_actions *out);

/* When a TICK is due at the latest; INT64_MAX: never. In the past means now. */
int64_t ramp_wake_at(const struct ramp *s);

bool ramp_over(const struct ramp *s);

/* Of a finished run: 0, 1, 10, 11, 12, 75, 77, 130, 143 (design of exit statuses: the worst wins).
 */
int ramp_exit_status(const struct ramp *s);

enum ramp_phase ramp_phase(const struct ramp *s);
enum ramp_why ramp_why(const struct ramp *s, uint32_t *index); /* index may be NULL */
bool ramp_old_is_bad(const struct ramp *s);

/* How often a failing stratum is asked again: so often that at independent flake of `allowed` fewer
 * than one failing probe in a million is confirmed by chance; 3 up to 1 %. */
uint32_t ramp_reasks(uint32_t allowed_ppm);

/* The percent this state means to be live: of the last full step, or of the rollback's target. */
uint32_t ramp_percent(const struct ramp *s, const struct plan *plan);

/* Names, never NULL; "unknown" for a number that is none. ramp_phase_find() gives RAMP_PHASE_COUNT
 * for none. */
const char *ramp_phase_name(enum ramp_phase phase);
enum ramp_phase ramp_phase_find(const char *name);
const char *ramp_why_name(enum ramp_why why); /* "both_fleets" */
const char *ramp_why_text(enum ramp_why why); /* "both fleets fail" */
const char *ramp_event_name(enum ramp_event_kind kind);
const char *ramp_action_name(enum ramp_action_kind kind);
const char *ramp_outcome_name(enum ramp_outcome outcome);
const char *ramp_notice_name(enum ramp_notice notice);
const char *ramp_operator_name(enum ramp_operator op);

#endif
