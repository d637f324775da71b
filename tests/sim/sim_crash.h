/* sim_crash.h: scenarios that are crashed at every call of the shell: journal, router, clock.
 *
 * A run is made once and its places are counted: one before and one after each call. Then it is
 * made again once a place and dies there; the restarted process is counted likewise until it has
 * recovered, and made to die at each of those places too, and once more after that. What was
 * written and not synced is kept, lost, torn or out of order; what was in the air lands, dies, or
 * lands late. */
#ifndef SLUICE_SIM_CRASH_H
#define SLUICE_SIM_CRASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRASH_DEPTH 3

enum sim_call {
    CALL_APPEND, /* journal: a line is written */
    CALL_SYNC,   /* journal: "synced" is heard */
    CALL_SUBMIT, /* router: a request */
    CALL_ANSWER, /* router: an answer is taken */
    CALL_TIMER,  /* clock: something is due */
    CALL_COUNT
};

enum sim_tail { TAIL_CHANCE, TAIL_KEPT, TAIL_LOST, TAIL_TORN, TAIL_REORDERED };
enum sim_air { AIR_CHANCE, AIR_LANDS, AIR_DIES, AIR_LATE };

struct sim_point {
    uint32_t place; /* from 0, since the last death */
    enum sim_tail tail;
    enum sim_air air;
};

/* One place where the run could have died: how much there was to damage. */
struct sim_place {
    uint8_t call, lines; /* enum sim_call; unsynced lines, 2 for more */
    bool flying;         /* a change in the air */
    bool same;           /* nothing happened since the place before: dying here is dying there */
};

struct sim_crash {
    struct sim_point at[CRASH_DEPTH];
    uint32_t n, died;
    uint32_t place; /* since the last death */
    /* Recorded since the last death of the plan: */
    struct sim_place *places;
    size_t n_places, cap_places;
    size_t n_recovery; /* places until it had recovered; all of them when it ended before that */
    bool recovered;
    uint64_t calls[CALL_COUNT];
    int64_t seen_ms; /* for `same` */
    uint64_t seen_effects, effects;
};

struct sim;
struct sim_ctl;
struct sim_scenario;

/* sim_scenario.c */
size_t scenario_count(void);
const struct sim_scenario *scenario_at(size_t i);
const struct sim_scenario *scenario_find(const char *name, size_t len); /* NULL */
const char *scenario_name(const struct sim_scenario *sc);
void scenario_build(struct sim *s, const struct sim_scenario *sc, struct sim_crash *crash,
                    bool verbose);
/* After the run: "" or what is wrong about its end. */
const char *scenario_judge(const struct sim *s);
uint32_t scenario_subject(const struct sim_scenario *sc);
int64_t scenario_person_at(const struct sim_ctl *c);
void scenario_person(struct sim_ctl *c);
/* The subject died, or its process ended: how and when it begins again. */
void scenario_reborn(struct sim_ctl *c);
void scenario_left(struct sim_ctl *c);

/* sim_crash.c */
bool crash_place(struct sim_ctl *c, enum sim_call call, bool after); /* true: die here */
int crash_points(const char *only, bool all, uint64_t seed);
int crash_again(const char *line);

#endif
