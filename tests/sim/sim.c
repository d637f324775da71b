/* sim: seeds of simulated runs (sim.h).
 *
 *   sim --seeds A-B   every seed from A to B; a failing one prints how to see it again; a table at
 * the end sim --seed N      one seed, told event by event sim --twice A-B   each seed twice: the
 * traces must be equal */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim.h"
#include "sluice/common.h"
#include "sluice/text.h"

#define FAILURES_SHOWN 10

static const char *const end_names[] = {
    [END_COMPLETED] = "completed", [END_ROLLED_BACK] = "rolled back",
    [END_REFUSED] = "refused",     [END_INTERRUPTED] = "interrupted",
    [END_DEPOSED] = "deposed",     [END_HELD] = "held",
    [END_UNSAFE] = "unsafe",       [END_BUSY] = "busy",
    [END_DENIED] = "denied"};
_Static_assert(ARRAY_LEN(end_names) == END_COUNT, "a name for every end");

struct totals {
    uint64_t seeds, failed, ends[END_COUNT], events, probes, changes;
    int64_t virtual_ms;
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
    t->ends[sim_end(s)]++;
    t->events += s->events;
    t->probes += s->probes;
    t->virtual_ms += s->now;
    t->changes += memory_counts(s->service).applied;
    if (!ok && t->failed <= FAILURES_SHOWN)
        printf("seed %llu: %s\n  again: tests/sim/sim --seed %llu\n", (unsigned long long)seed,
               s->wrong, (unsigned long long)seed);
    else if (verbose)
        printf("seed %llu: %s, trace %016llx\n", (unsigned long long)seed, end_names[sim_end(s)],
               (unsigned long long)hash);
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
        printf("  %-12s %8llu\n", end_names[i], (unsigned long long)t->ends[i]);
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
    fprintf(stderr, "usage: sim --seeds A-B | --seed N | --twice A-B\n");
    return 64;
}

int main(int argc, char **argv)
{
    struct totals t = {0}, again = {0};
    uint64_t from = 0, to = 0;
    double start = cpu_seconds();
    bool twice, verbose;
    int status = 0;

    if (argc != 3 || !range(argv[2], &from, &to))
        return usage();
    twice = strcmp(argv[1], "--twice") == 0;
    verbose = strcmp(argv[1], "--seed") == 0;
    if (!twice && !verbose && strcmp(argv[1], "--seeds") != 0)
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
    return t.failed ? 1 : status;
}
