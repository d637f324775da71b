/* ramp_rig.h: a ramp with a plan, a clock and answers at hand, for tests of the machine. */
#ifndef SLUICE_TEST_RAMP_RIG_H
#define SLUICE_TEST_RAMP_RIG_H

#include "ramp.h"

#define RIG_CHECKS 3u

struct rig {
    struct plan plan;
    struct plan_stratum strata[2 * RIG_CHECKS]; /* check i: 2i on old, 2i+1 on new */
    struct ramp s;
    struct ramp_actions out; /* of the last event */
    int64_t now;
    int rollbacks, applies, releases, asks;
    struct ramp_action last_rollback;
};

/* Steps 1 10 50 100, bake 60 s, soak 10 minutes, TTL 60 s, rate 5/s, no drift readings. */
void rig_init(struct rig *r);
void rig_begin(struct rig *r, uint32_t goal,
               uint32_t options); /* after the test has changed the plan */
void rig_event(struct rig *r, const struct ramp_event *ev);
void rig_start(struct rig *r, enum ramp_start start);
void rig_tick(struct rig *r); /* moves the clock to ramp_wake_at() and ticks */
void rig_operator(struct rig *r, enum ramp_operator op);
void rig_signal(struct rig *r, enum ramp_signal signal);
void rig_probe(struct rig *r, uint32_t stratum, enum ramp_verdict verdict, uint32_t ask_op);
const struct ramp_action *rig_find(const struct rig *r,
                                   enum ramp_action_kind kind); /* in the last actions */
void rig_answer(
    struct rig *r,
    enum ramp_outcome outcome); /* the operation in flight; READ and TAKE with TTL 60 s */
void rig_answer_partly(struct rig *r, enum ramp_outcome outcome);
void rig_synced(struct rig *r);

/* Walks with every probe passing (5 a second and side) until this phase at this step; fails after a
 * day. */
void rig_walk(struct rig *r, enum ramp_phase phase, int64_t step);
/* One second of probes: new fails new_bad of 5, old old_bad of 5, spread over the checks; asks are
 * answered alike: passing. */
void rig_second(struct rig *r, int new_bad, int old_bad);
/* As after kill -9: only what the journal keeps. */
void rig_crash(struct rig *r, enum ramp_start start);

#endif
