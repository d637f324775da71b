/* Every scenario, dying at every place, and again while it recovers (sim_crash.h). */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backoff.h"
#include "sim.h"
#include "sluice/common.h"

#define FAILURES_SHOWN 10
#define SAMPLE_DEEP    8 /* without --all: one first death in so many is followed down */
#define SAMPLE_DEEPEST 4 /* with it: one second death in so many */

static const char tails[] = "?kltr", airs[] = "?nda";
static const char *const call_names[CALL_COUNT] = {[CALL_APPEND] = "journal lines",
                                                   [CALL_SYNC] = "syncs heard",
                                                   [CALL_SUBMIT] = "requests",
                                                   [CALL_ANSWER] = "answers",
                                                   [CALL_TIMER] = "turns of the clock"};

/* ---- In the run
 * ---------------------------------------------------------------------------------------- */

/* It has its footing again: nothing of the restart is under way any more. */
static bool rested(const struct sim_ctl *c)
{
    const struct ramp_core *r = &c->ramp->core;

    switch (ramp_phase(c->ramp)) {
    case RAMP_DRAINING:
    case RAMP_BAKING:
    case RAMP_APPROVING:
    case RAMP_PAUSED:
    case RAMP_HELD:
    case RAMP_SOAKING:
        return r->op == 0 && r->reading == 0 && c->n_waiting == 0;
    default:
        return false;
    }
}

static void record(struct sim_ctl *c, enum sim_call call, bool after)
{
    struct sim_crash *k = c->crash;
    uint64_t effects = k->effects + memory_counts(c->sim->service).arrived;
    uint32_t lines = line_unsynced(c);
    struct sim_place *p;

    if (k->died && !k->recovered && rested(c)) {
        k->recovered = true;
        k->n_recovery = k->n_places;
    }
    if (k->n_places == k->cap_places) {
        k->cap_places = k->cap_places ? 2 * k->cap_places : 1024;
        k->places = x_realloc(k->places, k->cap_places, sizeof *k->places);
    }
    p = &k->places[k->n_places++];
    *p = (struct sim_place){.call = (uint8_t)call, .lines = (uint8_t)(lines < 2 ? lines : 2)};
    p->flying = memory_client_flying(c->router) || (after && call == CALL_SUBMIT && c->changing);
    p->same = k->n_places > 1 && k->seen_ms == c->sim->now && k->seen_effects == effects &&
              p[-1].lines == p->lines && p[-1].flying == p->flying;
    k->seen_ms = c->sim->now;
    k->seen_effects = effects;
    k->calls[call] += !after;
}

bool crash_place(struct sim_ctl *c, enum sim_call call, bool after)
{
    struct sim_crash *k = c->crash;
    uint32_t here = k->place++;
    const struct sim_point *at = &k->at[k->died];

    if (after && (call == CALL_APPEND || call == CALL_SUBMIT))
        k->effects++;
    if (k->died == k->n) {
        record(c, call, after);
        return false;
    }
    if (here != at->place)
        return false;
    c->tail = at->tail;
    c->air = at->air;
    k->died++;
    k->place = 0;
    sim_log(c->sim, "%s: at place %u, %s a call of %s", c->run, here, after ? "after" : "before",
            call_names[call]);
    return true;
}

/* ---- The runs
 * ------------------------------------------------------------------------------------------ */

struct job {
    const struct sim_scenario *scenario;
    uint64_t places, distinct, runs[CRASH_DEPTH + 1], failed, failed_here;
    uint64_t calls[CALL_COUNT];
    uint64_t ends[END_COUNT];
    uint64_t random;
    bool all;
};

static void print_points(const struct sim_scenario *sc, const struct sim_point *at, uint32_t n)
{
    printf("  again: tests/sim/sim --crash-point %s:", scenario_name(sc));
    for (uint32_t i = 0; i < n; i++)
        printf("%s%u%c%c", i ? "," : "", at[i].place, tails[at[i].tail], airs[at[i].air]);
    printf("\n");
}

static bool run(struct job *j, struct sim_crash *k, bool verbose)
{
    struct sim *s = x_malloc(sizeof *s);
    const char *wrong;
    bool ok;

    scenario_build(s, j->scenario, k, verbose);
    ok = sim_run(s);
    wrong = ok ? scenario_judge(s) : s->wrong;
    if (!wrong[0] && k->died < k->n)
        wrong = "it ended before it could die there";
    ok = !wrong[0];
    if (!k->recovered)
        k->n_recovery = k->n_places;
    j->runs[k->n]++;
    j->ends[sim_end(s, scenario_subject(j->scenario))]++;
    j->failed += !ok;
    if (!ok && j->failed_here++ < FAILURES_SHOWN) {
        printf("%s: %s\n", scenario_name(j->scenario), wrong);
        print_points(j->scenario, k->at, k->n);
    } else if (verbose) {
        printf("%s: %s\n", scenario_name(j->scenario),
               sim_end_names[sim_end(s, scenario_subject(j->scenario))]);
    }
    sim_clear(s);
    free(s);
    return ok;
}

/* The ways to die at one place: damage to the disk times what becomes of the air. */
static size_t ways(const struct sim_place *p, struct sim_point out[12], uint32_t place)
{
    enum sim_tail last = p->lines == 0 ? TAIL_KEPT : p->lines == 1 ? TAIL_TORN : TAIL_REORDERED;
    enum sim_air worst = p->flying ? AIR_LATE : AIR_LANDS;
    size_t n = 0;

    for (enum sim_tail t = TAIL_KEPT; t <= last; t++)
        for (enum sim_air a = AIR_LANDS; a <= worst; a++)
            out[n++] = (struct sim_point){.place = place, .tail = t, .air = a};
    return n;
}

static void deeper(struct job *j, const struct sim_crash *above);

/* Dies as above, and once more at `at`. */
static void die_at(struct job *j, const struct sim_crash *above, struct sim_point at)
{
    struct sim_crash k = {.n = above->n + 1};

    memcpy(k.at, above->at, sizeof k.at);
    k.at[above->n] = at;
    if (run(j, &k, false) && k.n < CRASH_DEPTH)
        deeper(j, &k);
    free(k.places);
}

/* One place and one way of the recovery, drawn. */
static void sample(struct job *j, const struct sim_crash *k)
{
    uint32_t place;
    struct sim_point way[12];

    if (k->n_recovery == 0)
        return;
    place = (uint32_t)backoff_below(&j->random, k->n_recovery);
    die_at(j, k, way[backoff_below(&j->random, ways(&k->places[place], way, place))]);
}

static void everywhere(struct job *j, const struct sim_crash *k, size_t n)
{
    struct sim_point way[12];

    for (uint32_t p = 0; p < n; p++) {
        size_t m = k->places[p].same ? 0 : ways(&k->places[p], way, p);

        for (size_t i = 0; i < m; i++)
            die_at(j, k, way[i]);
    }
}

/* The second death: everywhere in the recovery, or at a place drawn. The third: at a place drawn,
 * for everywhere would be some thirty million runs. */
static void deeper(struct job *j, const struct sim_crash *k)
{
    uint64_t of = k->n == 1 ? SAMPLE_DEEP : j->all ? SAMPLE_DEEPEST : 1;

    if (k->n == 1 && j->all)
        everywhere(j, k, k->n_recovery);
    else if (backoff_below(&j->random, of) == 0)
        sample(j, k);
}

static void scenario_run(struct job *j)
{
    struct sim_crash k = {0};
    uint64_t before = j->runs[1], deep = j->runs[2], deepest = j->runs[3];
    uint64_t distinct = 0;

    j->failed_here = 0;
    if (run(j, &k, false)) {
        for (size_t i = 0; i < k.n_places; i++)
            distinct += !k.places[i].same;
        for (int c = 0; c < CALL_COUNT; c++)
            j->calls[c] += k.calls[c];
        j->places += k.n_places;
        j->distinct += distinct;
        everywhere(j, &k, k.n_places);
    }
    printf("  %-22s %5zu places, %5llu distinct; %8llu runs died once, %8llu twice, %8llu three "
           "times; %llu failed\n",
           scenario_name(j->scenario), k.n_places, (unsigned long long)distinct,
           (unsigned long long)(j->runs[1] - before), (unsigned long long)(j->runs[2] - deep),
           (unsigned long long)(j->runs[3] - deepest), (unsigned long long)j->failed_here);
    fflush(stdout);
    free(k.places);
}

static void print_totals(const struct job *j, double seconds)
{
    printf("crash points: %llu scenarios", (unsigned long long)j->runs[0]);
    for (int c = 0; c < CALL_COUNT; c++)
        printf(", %llu %s", (unsigned long long)j->calls[c], call_names[c]);
    printf(
        "\n  %llu places before or after a call, %llu of them distinct; runs that died once %llu "
        "(all), twice %llu (%s), three times %llu (drawn)\n",
        (unsigned long long)j->places, (unsigned long long)j->distinct,
        (unsigned long long)j->runs[1], (unsigned long long)j->runs[2],
        j->all ? "all of every recovery" : "drawn", (unsigned long long)j->runs[3]);
    printf("  %llu failed; %.0f runs a second\n", (unsigned long long)j->failed,
           (double)(j->runs[0] + j->runs[1] + j->runs[2] + j->runs[3]) /
               (seconds > 0 ? seconds : 1));
    for (int e = 0; e < END_COUNT; e++)
        if (j->ends[e])
            printf("  %-12s %8llu\n", sim_end_names[e], (unsigned long long)j->ends[e]);
}

/* only: one scenario's name; NULL: all. */
int crash_points(const char *only, bool all, uint64_t seed)
{
    struct job j = {.all = all, .random = seed};
    clock_t start = clock();

    if (only && !scenario_find(only, strlen(only))) {
        fprintf(stderr, "sim: no scenario %s\n", only);
        return 64;
    }
    for (size_t i = 0; i < scenario_count(); i++) {
        j.scenario = scenario_at(i);
        if (!only || strcmp(only, scenario_name(j.scenario)) == 0)
            scenario_run(&j);
    }
    print_totals(&j, (double)(clock() - start) / CLOCKS_PER_SEC);
    return j.failed ? 1 : 0;
}

/* NAME:PLACE TAIL AIR[,...], as print_points() writes it. */
int crash_again(const char *line)
{
    const char *p = strchr(line, ':');
    struct sim_crash k = {0};
    struct job j = {0};

    j.scenario = scenario_find(line, p ? (size_t)(p - line) : strlen(line));
    while (j.scenario && p && p[1] && k.n < CRASH_DEPTH) {
        char *end, tail, air;
        unsigned long place = strtoul(p + 1, &end, 10);
        const char *t, *a;

        tail = *end ? *end++ : '?';
        air = *end ? *end++ : '?';
        t = strchr(tails, tail);
        a = strchr(airs, air);
        if (!t || !a || t == tails || a == airs)
            break;
        k.at[k.n++] = (struct sim_point){.place = (uint32_t)place,
                                         .tail = (enum sim_tail)(t - tails),
                                         .air = (enum sim_air)(a - airs)};
        p = *end == ',' ? end : NULL;
    }
    if (!j.scenario || (p && p[1])) {
        fprintf(stderr, "sim: no such crash point: %s\n", line);
        return 64;
    }
    (void)run(&j, &k, true);
    free(k.places);
    return j.failed ? 1 : 0;
}
