/* judge.h: whether a service keeps its budget, over many probes: the ramp's own rules
 * (sluice/budget.h), for one side.
 *
 * At every probe: a clamped CUSUM for each suite; a breach ends the run at once. At the end the
 * gate: three-way Clopper-Pearson for each suite, and every required check must have passed last.
 * There is no other side to ask, so instead of the confirm rule a check that ends with
 * JUDGE_STREAK failures in a row is a breach. Errors count nowhere; no data is never a pass. */
#ifndef SLUICE_SMOKE_JUDGE_H
#define SLUICE_SMOKE_JUDGE_H

#include "sluice/budget.h"
#include "sluice/buf.h"

#define JUDGE_STREAK 4 /* at 1 % allowed, one in 10^8 by chance */

enum judge_verdict { JUDGE_KEPT, JUDGE_BREACH, JUDGE_UNDECIDED, JUDGE_NO_DATA };

struct judge_suite {
    const char *name; /* borrowed */
    bool required;    /* has a required check */
    struct budget_cusum cusum;
    struct budget_count count;
};

struct judge {
    uint32_t allowed_ppm, unacceptable_ppm;
    struct budget_rates rates;
    struct judge_suite *suites; /* the caller's */
    size_t suites_n;
};

/* Bounds as in budget_rates_of(). */
void judge_init(struct judge *j, uint32_t allowed_ppm, uint32_t unacceptable_ppm,
                struct judge_suite *suites, size_t suites_n);

/* One required probe that passed or failed. True: a breach, now. */
bool judge_add(struct judge *j, size_t suite, bool failed, int64_t now_ms);

/* The end. unsettled: name of a required check that did not pass last, or never ran; NULL: none.
 * streak: how often that failed in a row. Appends the sentence that says why. */
enum judge_verdict judge_end(const struct judge *j, const char *unsettled, uint32_t streak,
                             struct buf *why);

/* 0, 1, 10, 11. */
int judge_status(enum judge_verdict v);

#endif
