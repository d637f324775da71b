/* ramp_inside.h: what the parts of the ramp share; nobody else includes it.
 *
 *   ramp.c           the event table, deadlines
 *   ramp_start.c     init, restore, picking up a run after a restart
 *   ramp_walk.c      forward: preflight, the steps, the gate, the soak
 *   ramp_rest.c      held, paused, judgements and policies
 *   ramp_back.c      back: reverting, and every end
 *   ramp_evidence.c  probes: counts, asking again, control, gate
 *   ramp_names.c     names and the journal's table */
#ifndef SLUICE_CONTROLLER_RAMP_INSIDE_H
#define SLUICE_CONTROLLER_RAMP_INSIDE_H

#include "ramp.h"

#define RAMP_RETRY_MS    5000 /* a reading that failed is tried again */
#define RAMP_COVERAGE_MS 1000 /* a gate that only waits for a stratum looks again */

/* One call of ramp_step(). */
struct ramp_turn {
    struct ramp *s;
    const struct plan *plan;
    int64_t now;
    struct ramp_actions *out;
};

/* What a reading that must come first is followed by. */
enum ramp_reading_for {
    RAMP_READING_NO,
    RAMP_READING_THEN_WAIT,  /* the step's wait, from the start */
    RAMP_READING_THEN_SOAK,  /* the soak, from the start */
    RAMP_READING_THEN_STAY,  /* held or paused, as before a restart */
    RAMP_READING_THEN_APPLY, /* the step again: a restart found it under way */
};

enum ramp_judged { RAMP_JUDGED_NONE, RAMP_JUDGED_HOLD, RAMP_JUDGED_BREACH };

struct ramp_judgement {
    enum ramp_judged kind;
    enum ramp_why why;
    uint32_t index;
};

enum ramp_gate { RAMP_GATE_EXTEND, RAMP_GATE_WAIT, RAMP_GATE_PROMOTE, RAMP_GATE_JUDGED };

/* ---- ramp.c ---- */
struct ramp_action *ramp_push(struct ramp_turn *t, enum ramp_action_kind kind);
uint32_t ramp_op_next(struct ramp_turn *t); /* a number never used before */
struct ramp_action *ramp_op(struct ramp_turn *t,
                            enum ramp_action_kind kind); /* becomes the one in flight */
void ramp_notify(struct ramp_turn *t, enum ramp_notice notice);
void ramp_enter(struct ramp_turn *t, enum ramp_phase phase, enum ramp_why why, uint32_t index);
void ramp_probes(struct ramp_turn *t, enum ramp_probes mode, uint32_t percent, uint32_t rate_milli);
void ramp_read_later(struct ramp_turn *t); /* all was read just now: drift is looked for a period on */
bool ramp_op_flies(const struct ramp *s, enum ramp_action_kind kind); /* sent, without its answer */

/* ---- ramp_start.c ---- */
void ramp_pick_up(struct ramp_turn *t); /* a process found a run under way */

/* ---- ramp_walk.c ---- */
void ramp_walk_preflight(struct ramp_turn *t);
void ramp_walk_review(struct ramp_turn *t); /* preflight: is every stratum judged? */
void ramp_walk_done(struct ramp_turn *t, const struct ramp_event *ev);
void ramp_walk_synced(struct ramp_turn *t);
void ramp_walk_deadline(struct ramp_turn *t);
void ramp_walk_wait(struct ramp_turn *t); /* the step's wait, from the start */
void ramp_walk_advance(
    struct ramp_turn *t); /* the step is done: the next one, the soak or the end */
void ramp_walk_read(struct ramp_turn *t, enum ramp_reading_for then);
enum ramp_reading_for
ramp_walk_next(const struct ramp_core *c);   /* how a rest or a restart goes on */
void ramp_walk_probing(struct ramp_turn *t); /* says how to probe in this phase */

/* ---- ramp_rest.c ---- */
void ramp_rest_held_too_long(struct ramp_turn *t);
void ramp_rest_judge(struct ramp_turn *t, const struct ramp_judgement *j);

/* To held or paused; once the APPLY in flight is answered, if one is. */
void ramp_rest_in(struct ramp_turn *t, enum ramp_phase phase, enum ramp_why why, uint32_t index);
/* An automatic policy: goes back if it says so, something was written and old is not bad; else
 * rests, held. */
void ramp_rest_policy(struct ramp_turn *t, enum plan_policy policy, enum ramp_why why,
                      uint32_t index);

/* ---- ramp_back.c ---- */
/* A person who knows that the lease is gone says "go back", for the first time or once more. */
void ramp_back_anew(struct ramp_turn *t);
void ramp_back_begin(struct ramp_turn *t, uint32_t target, enum ramp_phase after, enum ramp_why why,
                     uint32_t index);
void ramp_back_rollback(struct ramp_turn *t, enum ramp_why why,
                        uint32_t index); /* to rollback_to */
void ramp_back_half(struct ramp_turn *t,
                    enum ramp_why why);   /* a step half applied: to the last full one */
void ramp_back_take(struct ramp_turn *t); /* `sluice rollback` */
void ramp_back_done(struct ramp_turn *t, const struct ramp_event *ev);
void ramp_back_synced(struct ramp_turn *t);
void ramp_back_deadline(struct ramp_turn *t);
void ramp_back_unsafe(struct ramp_turn *t, enum ramp_why why);
void ramp_back_stop(struct ramp_turn *t,
                    enum ramp_why why); /* a signal or a person wants the run to end here */
void ramp_back_end(struct ramp_turn *t, enum ramp_phase phase, enum ramp_why why, uint32_t index,
                   int exit_status);
void ramp_back_refuse(struct ramp_turn *t, enum ramp_why why, uint32_t index);
void ramp_back_over(struct ramp_turn *t);

/* ---- ramp_evidence.c ---- */
struct ramp_judgement ramp_evidence_probe(struct ramp_turn *t, const struct ramp_probe *probe);
enum ramp_gate ramp_evidence_gate(struct ramp_turn *t, bool look, struct ramp_judgement *j);
void ramp_evidence_begin(struct ramp *s);     /* a drain ended: the step's counts start */
void ramp_evidence_asks(struct ramp_turn *t); /* asks what is due */
void ramp_evidence_drop_asks(struct ramp *s);
bool ramp_evidence_ask(struct ramp_turn *t, uint32_t stratum,
                       int64_t at_ms); /* false: no slot free */
bool ramp_evidence_asking(const struct ramp *s, uint32_t stratum);
bool ramp_evidence_new_is_suspect(
    const struct ramp *s); /* some S of the new side is above its limit */

#endif
