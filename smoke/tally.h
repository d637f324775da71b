/* tally.h: what many probes of one stratum came to. Numbers only. */
#ifndef SLUICE_SMOKE_TALLY_H
#define SLUICE_SMOKE_TALLY_H

#include "sluice/budget.h"
#include "sluice/pump.h"

struct tally { /* zeroed: nothing yet */
    uint64_t runs, passed, failed, errors;
    uint64_t requests;             /* of all of them */
    uint64_t flaky;                /* of those that passed: after a retry */
    uint32_t in_a_row;             /* failures since the last pass */
    bool passed_last;              /* the last one that was run */
    struct budget_latency latency; /* of those that passed; a bucket is a twelfth wide */
};

void tally_add(struct tally *t, const struct probe_result *r);

#endif
