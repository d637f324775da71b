/* budget.c: see sluice/budget.h. */
#include "sluice/budget.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

#define SUM_MAX            (2 * (int64_t)BUDGET_LIMIT_SOAK)
#define FRACTION_TERMS_MAX 20000 /* of the continued fraction: it needs about sqrt(max(a, b)) */
#define BISECTIONS         100   /* halves 1 to below any double */
#define LATENCY_FIRST_US   125.0
#define LATENCY_OCTAVE     8.0

struct budget_rates budget_rates_of(uint32_t allowed_ppm, uint32_t unacceptable_ppm)
{
    double p0 = allowed_ppm / 1e6, p1 = 2.0 * unacceptable_ppm / 1e6;
    struct budget_rates r;

    assert(allowed_ppm >= 100 && allowed_ppm <= unacceptable_ppm / 2);
    assert(unacceptable_ppm <= 250000);
    r.fail_micro = (int64_t)llround(log(p1 / p0) * BUDGET_MICRO);
    r.pass_micro = (int64_t)llround(log((1.0 - p1) / (1.0 - p0)) * BUDGET_MICRO);
    return r;
}

int64_t budget_cusum_value(const struct budget_cusum *c)
{
    int64_t v = c->sum_micro + (c->open_micro < BUDGET_CLAMP ? c->open_micro : BUDGET_CLAMP);

    return v < 0 ? 0 : v > SUM_MAX ? SUM_MAX : v;
}

int64_t budget_cusum_add(struct budget_cusum *c, const struct budget_rates *rates, bool failed,
                         int64_t now_ms)
{
    int64_t second = now_ms / 1000;

    if (second != c->second) {
        c->sum_micro = budget_cusum_value(c);
        c->open_micro = 0;
        c->second = second;
    }
    c->open_micro += failed ? rates->fail_micro : rates->pass_micro;
    return budget_cusum_value(c);
}

void budget_cusum_drop_second(struct budget_cusum *c)
{
    c->open_micro = 0;
}

static double ln_choose(double n, double k)
{
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}

/* P(X >= x1), X hypergeometric: of n1 + n0 probes x1 + x0 failed, n1 of them are the worse side's.
 */
double budget_fisher(const struct budget_count *worse, const struct budget_count *than)
{
    double n1 = (double)worse->n, n0 = (double)than->n, fails = (double)(worse->x + than->x);
    double top = fails < n1 ? fails : n1;
    double term, sum;

    assert(worse->x >= 0 && worse->x <= worse->n);
    assert(than->x >= 0 && than->x <= than->n);
    if (worse->n == 0 || than->n == 0 || worse->x == 0)
        return 1;
    if ((double)worse->x * n0 <= (double)than->x * n1)
        return 1; /* not worse: the tail holds about half or more, and nobody asks how much */
    term = exp(ln_choose(n1, (double)worse->x) + ln_choose(n0, (double)than->x) -
               ln_choose(n1 + n0, fails));
    sum = term;
    for (double k = (double)worse->x; k < top && term > sum * 1e-17; k++) {
        term *= (n1 - k) * (fails - k) / ((k + 1) * (n0 - fails + k + 1));
        sum += term;
    }
    return sum < 1 ? sum : 1;
}

/* The fraction of DLMF 8.17.22, by the modified Lentz method; good for x < (a+1)/(a+b+2). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1), f;

    d = 1 / (fabs(d) < tiny ? tiny : d);
    f = d;
    for (int m = 1; m <= FRACTION_TERMS_MAX; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        double step;

        d = 1 + even * d;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = 1 + even / c;
        c = fabs(c) < tiny ? tiny : c;
        f *= c * d;
        d = 1 + odd * d;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = 1 + odd / c;
        c = fabs(c) < tiny ? tiny : c;
        step = c * d;
        f *= step;
        if (fabs(step - 1) < 1e-15)
            break;
    }
    return f;
}

double budget_beta_inc(double a, double b, double x)
{
    double front;

    assert(a > 0 && b > 0);
    if (x <= 0)
        return 0;
    if (x >= 1)
        return 1;
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

/* The x at which I_x(a, b) = p. I grows with x, so halving cannot miss. */
static double beta_inverse(double a, double b, double p)
{
    double low = 0, high = 1;

    for (int i = 0; i < BISECTIONS; i++) {
        double mid = (low + high) / 2;

        if (budget_beta_inc(a, b, mid) < p)
            low = mid;
        else
            high = mid;
    }
    return (low + high) / 2;
}

double budget_lower(const struct budget_count *c, double alpha)
{
    if (c->x == 0)
        return 0;
    return beta_inverse((double)c->x, (double)(c->n - c->x) + 1, alpha);
}

double budget_upper(const struct budget_count *c, double alpha)
{
    if (c->x >= c->n)
        return 1;
    return beta_inverse((double)c->x + 1, (double)(c->n - c->x), 1 - alpha);
}

bool budget_exceeds(const struct budget_count *c, uint32_t allowed_ppm, double alpha)
{
    assert(c->x >= 0 && c->x <= c->n);
    return c->x > 0 &&
           budget_beta_inc((double)c->x, (double)(c->n - c->x) + 1, allowed_ppm / 1e6) < alpha;
}

/* The bounds need no inverse to be compared: lower > p says P(X >= x | p) < alpha, upper <= p says
 * P(X <= x | p) <= alpha, and both tails are incomplete betas. */
enum budget_gate budget_gate_eval(const struct budget_count *c, uint32_t allowed_ppm,
                                  uint32_t unacceptable_ppm)
{
    double n = (double)c->n, x = (double)c->x;

    assert(c->x >= 0 && c->x <= c->n);
    if (c->n == 0)
        return BUDGET_EXTEND;
    if (budget_exceeds(c, allowed_ppm, BUDGET_P_GATE_BREACH))
        return BUDGET_BREACH;
    if (c->x < c->n &&
        1 - budget_beta_inc(x + 1, n - x, unacceptable_ppm / 1e6) <= BUDGET_P_GATE_PROMOTE)
        return BUDGET_PROMOTE;
    return BUDGET_EXTEND;
}

void budget_latency_add(struct budget_latency *h, int64_t latency_us)
{
    double at = latency_us > 0 ? log2((double)latency_us / LATENCY_FIRST_US) * LATENCY_OCTAVE : 0;
    uint32_t i = at <= 0                        ? 0
                 : at >= BUDGET_LATENCY_BUCKETS ? BUDGET_LATENCY_BUCKETS - 1
                                                : (uint32_t)at;

    if (h->count[i] < UINT16_MAX)
        h->count[i]++;
}

uint64_t budget_latency_n(const struct budget_latency *h)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < BUDGET_LATENCY_BUCKETS; i++)
        n += h->count[i];
    return n;
}

static double quantile_us(const struct budget_latency *h, double share)
{
    double want = (double)budget_latency_n(h) * share, below = 0;

    for (uint32_t i = 0; i < BUDGET_LATENCY_BUCKETS; i++) {
        if (h->count[i] > 0 && below + h->count[i] >= want)
            return LATENCY_FIRST_US * exp2((i + (want - below) / h->count[i]) / LATENCY_OCTAVE);
        below += h->count[i];
    }
    return 0;
}

int64_t budget_latency_quantile_us(const struct budget_latency *h, uint32_t percent)
{
    assert(percent >= 1 && percent <= 99);
    return (int64_t)llround(quantile_us(h, percent / 100.0));
}

double budget_mann_whitney(const struct budget_latency *slower, const struct budget_latency *than)
{
    double n1 = 0, n2 = 0, u = 0, ties = 0, n, spread;

    for (uint32_t i = 0; i < BUDGET_LATENCY_BUCKETS; i++) {
        double a = slower->count[i], b = than->count[i], t = a + b;

        u += a * (n2 + b / 2);
        n1 += a;
        n2 += b;
        ties += t * t * t - t;
    }
    if (n1 == 0 || n2 == 0)
        return 1;
    n = n1 + n2;
    spread = n1 * n2 / 12 * (n + 1 - ties / (n * (n - 1)));
    if (spread <= 0)
        return 1;
    return erfc((u - n1 * n2 / 2 - 0.5) / sqrt(2 * spread)) / 2;
}

bool budget_slower(const struct budget_latency *new_side, const struct budget_latency *old_side)
{
    double old_median = quantile_us(old_side, 0.5);

    return old_median > 0 &&
           quantile_us(new_side, 0.5) * 100 > old_median * BUDGET_SLOW_RATIO_PERCENT &&
           budget_mann_whitney(new_side, old_side) < BUDGET_P_SLOW;
}
