/* budget.h: when failures are too many to be chance.
 *
 * Five questions, each a formula with a name:
 *   - Is the fleet failing now? A clamped CUSUM (Page 1954) over all probes of a suite on one side,
 * asked after every probe and never reset by a step. Sums are whole micro-nats, so that a journal
 * gives them back exactly.
 *   - Is only the new fleet failing? Fisher's exact test, one-sided, new against old.
 *   - Has a step earned the next one? Clopper-Pearson bounds, three ways: breach, promote, extend.
 *   - Has it become slower? Mann-Whitney on what both sides answered, and the ratio of the medians.
 *   - The opt-in limits: so many failures at all, so many in a row.
 * Probes that end in `error` (nobody's fault: a 429, no route from here) are not counted anywhere
 * here. */
#ifndef SLUICE_BUDGET_H
#define SLUICE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#define BUDGET_MICRO 1000000 /* micro-nats in a nat, and parts in a part per million */

#define BUDGET_CLAMP      2350000  /* U: what one monotonic second can add */
#define BUDGET_LIMIT      11500000 /* h: ln 10^5; Wald's bound of 1e-5 a start */
#define BUDGET_LIMIT_SOAK 15000000 /* h in the soak, which lasts so much longer */
#define BUDGET_P_CONTROL  0.001    /* Fisher: new is worse than old */
#define BUDGET_P_CONTROL_HELD                                                                      \
    1e-5 /* the same once held as "both fleets": then it is asked thousands of times */
#define BUDGET_P_OLD_TOO                                                                           \
    0.05 /* old fails more than `allowed` explains: it is part of the trouble */
#define BUDGET_P_GATE_BREACH      0.0005 /* 99.95 % one-sided lower bound above `allowed` */
#define BUDGET_P_GATE_PROMOTE     0.05   /* 95 % one-sided upper bound not above `unacceptable` */
#define BUDGET_P_SLOW             0.01
#define BUDGET_SLOW_RATIO_PERCENT 125

/* ---- The fast rule
 * --------------------------------------------------------------------------------- */

/* What one probe adds: L = x ln(p1/p0) + (1-x) ln((1-p1)/(1-p0)), p0 = allowed, p1 = 2 x
 * unacceptable. */
struct budget_rates {
    int64_t fail_micro; /* above 0 */
    int64_t pass_micro; /* below 0 */
};

/* 100 <= allowed_ppm <= unacceptable_ppm/2, unacceptable_ppm <= 250000: asserted. */
struct budget_rates budget_rates_of(uint32_t allowed_ppm, uint32_t unacceptable_ppm);

/* All whole numbers, for the journal. Zeroed is a fresh one. */
struct budget_cusum {
    int64_t sum_micro;  /* S at the end of the last whole second; 0 to twice the limit */
    int64_t open_micro; /* what the running second has added, before the clamp */
    int64_t second;     /* the running second, now_ms / 1000 */
};

/* Counts one probe and gives back S as it stands with it: max(0, S + min(U, the running second's
 * sum)). S is capped at twice BUDGET_LIMIT_SOAK, which changes no first decision and lets a fleet
 * that recovered be believed in bounded time. now_ms must not go back. */
int64_t budget_cusum_add(struct budget_cusum *c, const struct budget_rates *rates, bool failed,
                         int64_t now_ms);

/* S now, without a probe. */
int64_t budget_cusum_value(const struct budget_cusum *c);

/* Forgets the running second: nobody could be reached in it, so it says nothing of the fleet. */
void budget_cusum_drop_second(struct budget_cusum *c);

/* ---- Counts
 * ---------------------------------------------------------------------------------------- */

struct budget_count {
    int64_t n; /* probes that passed or failed */
    int64_t x; /* that failed */
};

/* One-sided Fisher p: the chance of at least this many failures on the new side, given both
 * margins, if the two sides fail alike. 1 when either side has no probes, and when the first does
 * not fail more than the second. */
double budget_fisher(const struct budget_count *worse, const struct budget_count *than);

/* Regularised incomplete beta I_x(a, b), a, b > 0 (continued fraction, DLMF 8.17.22). */
double budget_beta_inc(double a, double b, double x);

/* Clopper-Pearson one-sided bounds at level alpha, as rates 0 … 1; n 0 gives 0 and 1. */
double budget_lower(const struct budget_count *c, double alpha);
double budget_upper(const struct budget_count *c, double alpha);

/* Whether so many failures are more than `allowed` explains, at level alpha (one-sided, exact). */
bool budget_exceeds(const struct budget_count *c, uint32_t allowed_ppm, double alpha);

enum budget_gate { BUDGET_EXTEND, BUDGET_PROMOTE, BUDGET_BREACH };

/* Breach when the lower bound is above `allowed`, else promote when the upper bound is not above
 * `unacceptable`, else extend. No data extends. */
enum budget_gate budget_gate_eval(const struct budget_count *c, uint32_t allowed_ppm,
                                  uint32_t unacceptable_ppm);

/* ---- Latency
 * --------------------------------------------------------------------------------------- */

/* Eight buckets an octave from 125 microseconds up: 16 octaves, to 8 seconds; what is outside goes
 * to the ends. Within a bucket the median is interpolated. */
#define BUDGET_LATENCY_BUCKETS 128u

struct budget_latency {
    uint16_t count[BUDGET_LATENCY_BUCKETS]; /* saturate at 65535 */
};

void budget_latency_add(struct budget_latency *h, int64_t latency_us);
uint64_t budget_latency_n(const struct budget_latency *h);

/* The value below which this share (percent, 1 to 99) lies, in microseconds; 0 for no data. */
int64_t budget_latency_quantile_us(const struct budget_latency *h, uint32_t percent);

/* One-sided p that the first is not slower than the second: Mann-Whitney U, normal approximation
 * with corrections for ties and continuity. 1 when either is empty. */
double budget_mann_whitney(const struct budget_latency *slower, const struct budget_latency *than);

/* p < 0.01 and the medians' ratio above 1.25: significance alone reports harmless shifts. */
bool budget_slower(const struct budget_latency *new_side, const struct budget_latency *old_side);

#endif
