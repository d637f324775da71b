/* sim.h: whole runs of sluice in a world of one seed, on a clock that nobody waits for.
 *
 * One world holds Route 53 in memory, two fleets, and up to three controllers: the shipped ramp and
 * fence with the shipped journal format, but with a driver, prober and disk of the simulator's.
 * Faults (sim_faults.h), crashes, rivals and a foreign hand come from the seed, or from a scenario
 * that is crashed at every call (sim_crash.h). Every change of a zone and every action is checked
 * (sim_check.c); the first thing that is wrong ends the run and is named. Same seed, same trace. */
#ifndef SLUICE_SIM_H
#define SLUICE_SIM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "fence.h"
#include "fence_ramp.h"
#include "plan.h"
#include "ramp.h"
#include "router_memory.h"
#include "sim_crash.h"
#include "sim_faults.h"
#include "sluice/arena.h"

#define SIM_ZONES    2
#define SIM_RECORDS  6   /* in all */
#define SIM_VALUES   100 /* of a wide set: two of its records fill a batch */
#define SIM_STRATA   8
#define SIM_CTLS     4 /* the last takes the place of one whose journal is damaged */
#define SIM_TIMERS   64
#define SIM_LINES    96
#define SIM_WAITING  8
#define SIM_STEPS    4
#define SIM_PERCENTS (SIM_STEPS + 2) /* the steps, rollback_to, the baseline */
#define SIM_WALL     1800000000000ll
#define SIM_END_MS   (12ll * 3600 * 1000) /* nobody may need longer */

/* What happens to whom, all drawn at the start. */
enum sim_fleet {
    FLEET_GOOD,
    FLEET_NEW_BAD,  /* new fails a share of everything from some time on */
    FLEET_ONE_BAD,  /* one stratum of new fails always */
    FLEET_BOTH_BAD, /* one fault for both, for a while */
    FLEET_OLD_BAD,
    FLEET_FLAPPING, /* new good and bad in turns */
    FLEET_COUNT
};

struct sim_chances { /* of a request, in thousandths */
    uint32_t lost, reply, late, twice, throttled, prior, refused, server,
        done; /* changes, readings, polls */
    uint32_t torn, cut, forgotten;
    uint32_t slow, undated; /* of an answer, beside the others */
};

struct sim_span { /* [from, to); from INT64_MAX: never */
    int64_t from_ms, to_ms;
};

/* One journal line: what a restart would find. */
struct sim_line {
    uint64_t seq, known; /* known: the last one known to be durable when this one was written */
    int64_t durable_ms;  /* INT64_MAX: never */
    bool gone, half;    /* a full disk took nothing, or half of it */
    struct ramp_core core;
    json_t *fence;
    json_t *baseline; /* NULL where this line brings none */
};

enum sim_timer_kind { TIMER_ASK, TIMER_VERIFY, TIMER_ROUND };
struct sim_timer {
    enum sim_timer_kind kind;
    int64_t at_ms;
    uint32_t op, stratum;
};

struct sim;
struct sim_ctl {
    struct sim *sim;
    uint32_t tag; /* from 1 */
    char run[24];
    enum ramp_start start;
    bool take_over; /* its TAKE is --take-over */
    bool used, alive, over, ended_back;
    bool damaged;        /* its journal is: the last controller goes back instead */
    bool crashing;       /* died in the middle of a turn */
    int32_t points_left; /* crash at this many further places; -1: never */
    int32_t crashes_left;
    bool changing;           /* the request that leaves is a change */
    struct sim_crash *crash; /* or as planned: NULL outside crash mode */
    enum sim_tail tail;      /* what becomes of unsynced lines, and of requests in the air */
    enum sim_air air;
    int64_t start_ms;          /* when the (next) process starts; INT64_MAX: none does */
    int64_t wake_ms, fence_at; /* when it has something to do; its fence: as of the last turn */
    int64_t born_ms;           /* when this process started */
    bool reborn;
    int64_t frozen_until_ms, freeze_at_ms;
    int64_t signal_ms, forced_ms; /* SIGTERM; and when the driver stops waiting for the machine */
    struct sim_span keys;         /* credentials are short */
    bool keys_told, reach_told;
    int64_t step_ms, step_by_ms; /* the wall clock steps */

    struct ramp *ramp;
    struct fence *fence;
    struct router router;
    struct sim_line *line; /* from the last durable one on */
    uint32_t n_lines;
    uint64_t seq, synced;
    json_t *baseline;                        /* newest one written */
    int64_t fsync_ms, slow_ms, slow_from_ms; /* of one fsync; of one from then on */
    int64_t disk_bad_ms; /* from then on fsync fails, or (disk_full) nothing fits */
    bool disk_full, disk_told;
    struct {
        struct ramp_action action;
        uint64_t seq;
        int64_t since_ms;
    } waiting[SIM_WAITING];
    uint32_t n_waiting;

    enum ramp_probes mode;
    uint32_t rate_milli, percent, turn[PLAN_SIDES];
    int64_t probe_ms[PLAN_SIDES];
    struct sim_timer timer[SIM_TIMERS];
    uint32_t n_timers;
    int64_t operator_ms;
    uint32_t operators;
    enum ramp_phase seen_phase;
    int64_t phase_ms; /* when seen_phase began, or the process did */

    /* For the checks. */
    uint32_t commanded; /* bits of the percentages this run was told to write */
    uint8_t weight[SIM_PERCENTS][SIM_RECORDS][2];
    bool known[SIM_RECORDS];
    bool may_write_forward;
    bool may_seize[SIM_ZONES], seized[SIM_ZONES];
    uint32_t applies;                   /* APPLYs performed */
    uint32_t applies_at_back;           /* of them, when a rollback was last told */
    uint32_t back_landed_at[SIM_ZONES]; /* that, + 1, of the rollback batch that last landed here; 0: none did */
    uint32_t urgent_sent, urgent_then;
    int64_t back_ms;  /* ROLLBACK performed; INT64_MAX: checked */
    bool back_again;  /* asked again: the first is what counts */
    uint32_t passed;  /* strata of new that passed since the step was in sync */
    int64_t since_ms; /* of that */
    int64_t top_step; /* highest step whose gate was passed, as the journal knows */
    bool accepted_drift;
    bool knows_leases; /* what was saved or read last says what stood in every zone: a rollback can
                          begin on it */
    bool released;     /* every lease, certainly */
};

struct sim {
    uint64_t seed, rng, hash;
    int64_t now;
    bool verbose;
    struct memory_service *service;
    struct plan plan;
    struct plan_stratum strata[SIM_STRATA];
    struct plan_record records[SIM_RECORDS];
    uint32_t n_zones, n_records, n_values;
    uint32_t record_zone[SIM_RECORDS];
    char record_name[SIM_RECORDS][48];
    uint32_t weight_old[SIM_RECORDS]; /* as it all began; new stood at 0 */
    struct sim_ctl ctl[SIM_CTLS];
    const struct sim_scenario *scenario; /* NULL: drawn */
    uint32_t asked;                      /* bits of what the scenario's person has asked once */
    enum sim_fleet fleet;
    int64_t bad_from_ms, bad_to_ms;
    uint32_t bad_ppm;
    struct sim_chances chance;
    struct sim_span outage, denied, expired, faulty; /* of requests; faulty: one record */
    struct sim_span gone, blind, hung, dns_slow, new_slow;
    uint32_t denied_zone, faulty_record; /* UINT32_MAX: all, none */
    uint32_t dns_wrong;                  /* thousandths of verifications that do not agree */
    int64_t clock_wrong_ms;              /* of this machine when a process starts */
    int64_t closes_ms;                   /* not_after; INT64_MAX: none */
    int64_t quiet_ms; /* after this nothing more goes wrong with requests, and no foreign hand */
    int64_t pending_ms;
    bool nobody; /* comes for a long time, when a person is needed */
    int64_t foreign_ms, last_foreign_ms;
    uint32_t foreign_left;
    bool foreign_touched;
    int64_t lease_removed_ms[SIM_ZONES]; /* when the foreign hand last did; 0: never */
    int64_t lease_written_ms[SIM_ZONES]; /* when a batch last did */
    bool compares_weight;                /* this Route 53 compares Weight in a DELETE */
    struct arena shadow_mem;
    struct rrset *shadow[SIM_ZONES];
    size_t n_shadow[SIM_ZONES];
    bool met[FAULT_COUNT];
    char wrong[400]; /* "": nothing is */
    uint64_t events, probes;
};

enum sim_end {
    END_COMPLETED,
    END_ROLLED_BACK,
    END_REFUSED,
    END_INTERRUPTED,
    END_DEPOSED,
    END_HELD,
    END_UNSAFE,
    END_BUSY,
    END_DENIED,
    END_COUNT
};
extern const char *const sim_end_names[END_COUNT];

/* sim_world.c */
void sim_init(struct sim *s, uint64_t seed, bool verbose);
void sim_init_blank(struct sim *s, uint64_t seed, bool verbose); /* for a scenario */
void sim_begin(struct sim *s); /* all is set: the checks look on */
void sim_zones(struct sim *s, uint32_t n_zones, uint32_t n_records, uint32_t n_values);
void sim_strata(struct sim *s, uint32_t cells);
void sim_clear(struct sim *s);
bool sim_run(struct sim *s); /* false: s->wrong says what */
enum sim_end sim_end(const struct sim *s, uint32_t ctl);
uint64_t sim_random(struct sim *s, uint64_t bound);
bool sim_chance(struct sim *s, uint32_t thousandths);
bool sim_in(const struct sim_span *w, int64_t at_ms);
void sim_hash(struct sim *s, uint64_t word);
void sim_log(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
uint32_t sim_failing_ppm(const struct sim *s, int64_t at_ms, uint32_t stratum);

/* sim_foreign.c */
void foreign_act(struct sim *s);

/* sim_ctl.c */
void ctl_turn(struct sim_ctl *c);
void ctl_event(struct sim_ctl *c, const struct ramp_event *ev);
void ctl_done(struct sim_ctl *c, uint32_t op, enum ramp_outcome outcome);
bool ctl_place(struct sim_ctl *c, enum sim_call call, bool after); /* false: it is dead */
int64_t ctl_wake_at(struct sim_ctl *c);

/* sim_start.c */
void ctl_init(struct sim *s, uint32_t i);
void ctl_start(struct sim_ctl *c);
void ctl_crash(struct sim_ctl *c);
void ctl_leave(struct sim_ctl *c);
void ctl_free(struct sim_ctl *c);

/* sim_request.c */
struct memory_verdict ctl_decide(void *ctx, enum router_op op, const struct router_batch *batch);

/* sim_probe.c */
void ctl_probe(struct sim_ctl *c);
void ctl_timer(struct sim_ctl *c, enum sim_timer_kind kind, int64_t in_ms, uint32_t op,
               uint32_t stratum);

/* sim_person.c */
void ctl_person(struct sim_ctl *c);
void person_does(struct sim_ctl *c, enum ramp_operator op);
void person_waits(struct sim_ctl *c); /* while it goes back: it must come to an end */
void ctl_signals(struct sim_ctl *c);
int64_t ctl_signals_at(const struct sim_ctl *c);

/* sim_journal.c */
uint64_t line_add(struct sim_ctl *c, bool sync, bool baseline);
uint64_t line_synced(struct sim_ctl *c);
uint32_t line_unsynced(const struct sim_ctl *c);
bool line_tells(const struct sim_ctl *c, uint32_t op); /* a durable one does of this operation */
bool line_disk_bad(const struct sim_ctl *c);
void line_settle(struct sim_ctl *c); /* closed in good order: every line is on the disk */
enum line_found { LINES_NONE, LINES_GOOD, LINES_DAMAGED };
enum line_found line_recover(struct sim_ctl *c, struct ramp_core *core, json_t **fence);
void line_clear(struct sim_ctl *c);

/* sim_check.c */
void check_shadow(struct sim *s);
void check_wrong(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void check_change(void *ctx, uint32_t tag, const char *zone_id, int64_t now_ms);
void check_batch(struct sim_ctl *c, const struct router_batch *b);
void check_decided(struct sim_ctl *c, const struct ramp_action *a);
void check_perform(struct sim_ctl *c, const struct ramp_action *a);
void check_turn(struct sim_ctl *c);
void check_end(struct sim *s);
bool check_holds_all(const struct sim_ctl *c);
bool check_holds_any(const struct sim_ctl *c);
uint32_t check_percent_bit(const struct sim *s, uint32_t percent);

#endif
