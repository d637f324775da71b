/* sim: simulated runs (sim.h).
 *
 *   sim --seeds A-B       every seed from A to B; a failing one prints how to see it again
 *   sim --catalogue A-B   the same, and the table of faults: how often met, how those runs ended;
 *                         fails when a kind was never met
 *   sim --seed N          one seed, told event by event
 *   sim --twice A-B       each seed twice: the traces must be equal
 *   sim --faults          the kinds of the catalogue
 *   sim --crash-points [--all] [SCENARIO]   dies at every call, and again in every recovery
 *   sim --crash-point SCENARIO:POINTS       one of them, told event by event
 *   sim --scenarios       their names */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim.h"
#include "sluice/common.h"
#include "sluice/text.h"

#define FAILURES_SHOWN 10
#define CRASH_SEED     20270203

struct totals {
    uint64_t seeds, failed, ends[END_COUNT], events, probes, changes;
    int64_t virtual_ms;
    struct sim_catalogue catalogue;
};

static uint64_t one(uint64_t seed, bool verbose, struct totals *t)
{
    struct sim *s = x_malloc(sizeof *s);
    uint64_t hash;
    bool ok;

    sim_init(s, seed, verbose);
    ok = sim_run(s);
    hash = s->hash;
    t->seeds++;
    t->failed += !ok;
    t->ends[sim_end(s, 0)]++;
    t->events += s->events;
    t->probes += s->probes;
    t->virtual_ms += s->now;
    t->changes += memory_counts(s->service).applied;
    catalogue_add(&t->catalogue, s);
    if (!ok && t->failed <= FAILURES_SHOWN)
        printf("seed %llu: %s\n  again: tests/sim/sim --seed %llu\n", (unsigned long long)seed,
               s->wrong, (unsigned long long)seed);
    else if (verbose)
        printf("seed %llu: %s, trace %016llx\n", (unsigned long long)seed,
               sim_end_names[sim_end(s, 0)], (unsigned long long)hash);
    sim_clear(s);
    free(s);
    return hash;
}

static void table(const struct totals *t, double seconds)
{
    printf("%llu seeds, %llu failed; %.0f seeds a second; %.1f virtual hours, %llu zone changes, "
           "%llu probes, "
           "%llu events\n",
           (unsigned long long)t->seeds, (unsigned long long)t->failed,
           (double)t->seeds / (seconds > 0 ? seconds : 1), (double)t->virtual_ms / 3600000,
           (unsigned long long)t->changes, (unsigned long long)t->probes,
           (unsigned long long)t->events);
    for (int i = 0; i < END_COUNT; i++)
        printf("  %-12s %8llu\n", sim_end_names[i], (unsigned long long)t->ends[i]);
}

static double cpu_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static bool range(const char *text, uint64_t *from, uint64_t *to)
{
    struct err err = {0};
    const char *dash = strchr(text, '-');
    char *first = dash ? x_strndup(text, (size_t)(dash - text)) : x_strdup(text);
    int64_t a, b;
    bool ok = text_parse_i64(first, 0, INT64_MAX - 1, &a, &err) &&
              text_parse_i64(dash ? dash + 1 : first, a, INT64_MAX - 1, &b, &err);

    free(first);
    if (!ok)
        return false;
    *from = (uint64_t)a;
    *to = (uint64_t)b;
    return true;
}

static int usage(void)
{
    fprintf(stderr,
            "usage: sim --seeds A-B | --catalogue A-B | --seed N | --twice A-B | --faults |\n"
            "           --crash-points [--all] [SCENARIO] | --crash-point SCENARIO:POINTS |\n"
            "           --scenarios\n");
    return 64;
}

static int seeds(const char *how, const char *which)
{
    static struct totals t, again;
    uint64_t from = 0, to = 0;
    double start = cpu_seconds();
    bool twice = strcmp(how, "--twice") == 0, verbose = strcmp(how, "--seed") == 0;
    bool all = strcmp(how, "--catalogue") == 0;
    int status = 0;

    if (!range(which, &from, &to) || (!twice && !verbose && !all && strcmp(how, "--seeds") != 0))
        return usage();
    for (uint64_t seed = from; seed <= to; seed++) {
        uint64_t hash = one(seed, verbose, &t);

        if (twice && one(seed, false, &again) != hash) {
            printf("seed %llu: two runs, two traces\n", (unsigned long long)seed);
            status = 1;
        }
    }
    if (!verbose)
        table(&t, cpu_seconds() - start);
    if (all && !catalogue_print(&t.catalogue))
        status = 1;
    return t.failed ? 1 : status;
}

static int points(int argc, char **argv)
{
    bool all = argc > 2 && strcmp(argv[2], "--all") == 0;
    const char *only = argc > 2 + all ? argv[2 + all] : NULL;

    return argc > 3 + all ? usage() : crash_points(only, all, CRASH_SEED);
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";

#ifdef M_TRIM_THRESHOLD /* a world is built and thrown away a thousand times a second */
    (void)mallopt(M_TRIM_THRESHOLD, 64 << 20);
    (void)mallopt(M_MMAP_THRESHOLD, 32 << 20);
#endif
    if (strcmp(how, "--crash-points") == 0)
        return points(argc, argv);
    if (argc == 2 && strcmp(how, "--faults") == 0) {
        catalogue_names();
        return 0;
    }
    if (argc == 2 && strcmp(how, "--scenarios") == 0) {
        for (size_t i = 0; i < scenario_count(); i++)
            printf("%s\n", scenario_name(scenario_at(i)));
        return 0;
    }
    if (argc != 3)
        return usage();
    return strcmp(how, "--crash-point") == 0 ? crash_again(argv[2]) : seeds(how, argv[2]);
}
