/* drive_inner.h: what the files of drive share: drive.c the loop, drive_act.c the actions,
 * drive_probe.c the evidence, drive_keys.c the
 * credentials, drive_say.c the words. */
#ifndef SLUICE_DRIVE_INNER_H
#define SLUICE_DRIVE_INNER_H

#include "drive.h"

#define DRIVE_WAITING_MAX   64
#define DRIVE_PENDING_MAX   256
#define DRIVE_FINDINGS_SAID 5

/* A forward write that waits for its journal line. */
struct drive_waiting {
    struct ramp_action action;
    uint64_t seq;
    int64_t since_ms;
};

struct drive_counts {
    uint64_t n, fails, errors;
};

/* A stratum as the words know it. */
struct drive_stratum {
    uint8_t last;   /* enum ramp_verdict + 1 */
    char *sentence; /* of its last failure; owned */
};

struct drive {
    struct drive_setup s;
    const struct plan *plan;
    int64_t now_ms, wall_ms, turn_ms;
    int64_t said_opens_s; /* until when nothing is written, as a person was told */
    int64_t wall_minus_boot_ms;

    struct drive_waiting waiting[DRIVE_WAITING_MAX];
    size_t n_waiting;
    struct ramp_event
        pending[DRIVE_PENDING_MAX]; /* events of our own making, for the next moment */
    size_t n_pending;
    bool journal_dead;
    bool keys_short;
    char *keys_said; /* why they could not be renewed, as last told; NULL: they could; owned */

    /* probes */
    uint32_t round_op, round_left;
    int64_t drop_before_ms; /* results that began earlier span a gap */
    struct drive_counts second[PLAN_SIDES], total[PLAN_SIDES];
    int64_t second_at_ms;
    int64_t reached_ms[PLAN_SIDES], aws_ms;
    bool unreachable;
    uint32_t rate_milli;
    struct drive_stratum *strata;
    uint32_t strata_n;

    struct verify *verify; /* asking DNS */
    uint32_t verify_op;

    /* leaving */
    int signal_fd;
    unsigned signals;
    int last_signal;
    int64_t stop_by_ms;
    bool forced;
    bool over;

    enum ramp_phase phase; /* as last said */
    uint32_t step_said;
    uint32_t back_said; /* op_id of the rollback whose leaving was said */
};

/* Steps the machine with one event, performs and journals. */
void drive_event(struct drive *d, const struct ramp_event *ev);
/* For code that runs inside drive_event(): the event is taken in the next moment. */
void drive_later(struct drive *d, const struct ramp_event *ev);
/* Appends a line of our own (stolen event) with the present state. */
uint64_t drive_journal(struct drive *d, json_t *event, const struct ramp_actions *acts, bool sync);

void drive_perform(struct drive *d, const struct ramp_action *a);
void drive_release_waiting(struct drive *d);
void drive_fail_waiting(struct drive *d, const char *why);
void drive_fence_event(struct drive *d, const struct fence_event *fe);

void drive_verify_start(struct drive *d, const struct ramp_action *a);
void drive_verify_step(struct drive *d);

/* Renews the credentials ahead of their end and tells the machine when they end too soon. */
void drive_keys_step(struct drive *d);

void drive_probes_init(struct drive *d);
void drive_probes_clear(struct drive *d);
void drive_probes_act(struct drive *d, const struct ramp_action *a);
void drive_ask(struct drive *d, const struct ramp_action *a);
void drive_result(struct drive *d, const struct probe_result *r);
void drive_summary(struct drive *d);

void drive_say_phase(struct drive *d);
void drive_say_notice(struct drive *d, const struct ramp_action *a);
void drive_say_fence(struct drive *d, const struct fence_event *fe);
void drive_say_result(struct drive *d, const struct probe_result *r, enum ramp_verdict verdict);
void drive_tell(struct drive *d, const char *kind, const char *text, json_t *detail);
/* What `why` and its index mean here, in words; appends. */
void drive_why_text(const struct drive *d, enum ramp_why why, uint32_t index, struct buf *out);

#endif
