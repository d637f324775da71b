/* sim.h: whole runs of sluice in a world of one seed, on a clock that nobody waits for.
 *
 * One world holds Route 53 in memory, two fleets, and up to three controllers: the shipped ramp and
 * fence with the shipped journal format, but with a driver, prober and disk of the simulator's.
 * Faults, crashes, a second controller and a foreign hand come from the seed. Every change of a
 * zone and every action is checked (sim_check.c); the first thing that is wrong ends the seed and
 * is named. Same seed, same trace. */
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
#include "sluice/arena.h"

#define SIM_ZONES    2
#define SIM_RECORDS  4 /* in all */
#define SIM_STRATA   8
#define SIM_CTLS     3
#define SIM_TIMERS   64
#define SIM_LINES    256
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
    uint32_t lost, reply, late, twice, throttled, prior, refused, server;
};

/* One journal line: what a restart would find. */
struct sim_line {
    uint64_t seq;
    int64_t durable_ms; /* INT64_MAX: never */
    struct ramp_core core;
    json_t *fence;
    json_t *baseline; /* NULL where this line brings none */
};

enum sim_timer_kind { TIMER_NONE, TIMER_ASK, TIMER_VERIFY, TIMER_ROUND };
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
    bool used, alive, over, ended_back;
    bool crashing;       /* died in the middle of a turn */
    int32_t points_left; /* crash at this many further points; -1: never */
    int32_t crashes_left;
    int64_t start_ms; /* when the (next) process starts; INT64_MAX: none does */
    int64_t frozen_until_ms, freeze_at_ms;

    struct ramp *ramp;
    struct fence *fence;
    struct router router;
    struct sim_line line[SIM_LINES]; /* from the last durable one on */
    uint32_t n_lines;
    uint64_t seq;
    json_t *baseline; /* newest one written */
    int64_t fsync_ms;
    bool disk_dead, disk_told;
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
    uint32_t back_landed_at[SIM_ZONES]; /* applies when a rollback batch last landed here; + 1 */
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
    uint32_t n_zones, n_records;
    uint32_t record_zone[SIM_RECORDS];
    char record_name[SIM_RECORDS][48];
    struct sim_ctl ctl[SIM_CTLS];
    enum sim_fleet fleet;
    int64_t bad_from_ms, bad_to_ms;
    uint32_t bad_ppm;
    struct sim_chances chance;
    int64_t outage_from_ms, outage_to_ms, denied_from_ms, denied_to_ms;
    int64_t quiet_ms; /* after this nothing more goes wrong with requests, and no foreign hand */
    int64_t pending_ms;
    int64_t foreign_ms, last_foreign_ms;
    uint32_t foreign_left;
    bool foreign_touched;
    int64_t lease_removed_ms[SIM_ZONES]; /* when the foreign hand last did; 0: never */
    int64_t lease_written_ms[SIM_ZONES]; /* when a batch last did */
    bool compares_weight; /* this Route 53 compares Weight in a DELETE */
    struct arena shadow_mem;
    struct rrset *shadow[SIM_ZONES];
    size_t n_shadow[SIM_ZONES];
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

/* sim_world.c */
void sim_init(struct sim *s, uint64_t seed, bool verbose);
void sim_clear(struct sim *s);
bool sim_run(struct sim *s);               /* false: s->wrong says what */
enum sim_end sim_end(const struct sim *s); /* of the first controller */
uint64_t sim_random(struct sim *s, uint64_t bound);
bool sim_chance(struct sim *s, uint32_t thousandths);
void sim_hash(struct sim *s, uint64_t word);
void sim_log(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
uint32_t sim_failing_ppm(const struct sim *s, int64_t at_ms, uint32_t stratum);

/* sim_ctl.c */
void ctl_start(struct sim_ctl *c);
void ctl_turn(struct sim_ctl *c);
void ctl_crash(struct sim_ctl *c);
void ctl_free(struct sim_ctl *c);
int64_t ctl_wake_at(const struct sim_ctl *c);
struct memory_verdict ctl_decide(void *ctx, enum router_op op, const struct router_batch *batch);

void ctl_event(struct sim_ctl *c, const struct ramp_event *ev);
void ctl_done(struct sim_ctl *c, uint32_t op, enum ramp_outcome outcome);

/* sim_person.c */
void ctl_probe(struct sim_ctl *c);
void ctl_person(struct sim_ctl *c);

/* sim_journal.c */
uint64_t line_add(struct sim_ctl *c, bool sync);
uint64_t line_synced(struct sim_ctl *c);
bool line_recover(struct sim_ctl *c, struct ramp_core *core, json_t **fence);
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
uint32_t check_percent_bit(const struct sim *s, uint32_t percent);

#endif
