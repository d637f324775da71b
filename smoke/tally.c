/* tally.c: see tally.h. */
#include "tally.h"

void tally_add(struct tally *t, const struct probe_result *r)
{
    t->runs++;
    t->requests += r->requests;
    t->passed_last = r->verdict == RUN_PASS;
    if (r->verdict == RUN_PASS) {
        t->passed++;
        t->flaky += r->attempts > 1;
        t->in_a_row = 0;
        budget_latency_add(&t->latency, r->latency_us);
    } else if (r->verdict == RUN_FAIL) {
        t->failed++;
        t->in_a_row++;
    } else {
        t->errors++;
    }
}
