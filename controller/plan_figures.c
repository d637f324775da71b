/* plan_figures.c: what a plan's numbers can show, before it runs. See plan.h. */
#include "sluice/budget.h"
#include "plan.h"

#include <assert.h>
#include <math.h>

#define SEARCH_MAX   4000000u /* more probes than any bake holds: 1000/s for an hour */
#define ROUND_SEARCH 40       /* halvings of the time a round takes */

int64_t plan_round_ms(uint32_t strata, uint32_t rate_milli)
{
    assert(rate_milli > 0);
    return ((int64_t)strata * 1000000 + rate_milli - 1) / rate_milli;
}

int64_t plan_drain_ms(const struct plan *plan, int64_t ttl_ms)
{
    return (ttl_ms * plan->drain_factor_milli + 999) / 1000;
}

int64_t plan_earliest_ms(const struct plan *plan, int64_t drain_ms, uint32_t first_step,
                         uint32_t goal_percent)
{
    int64_t sum = 0;
    bool whole = false;

    for (uint32_t i = first_step; i < plan->steps_n && plan->steps[i].percent <= goal_percent;
         i++) {
        sum += drain_ms + plan->steps[i].bake_ms;
        whole = plan->steps[i].percent == 100;
    }
    return sum + (whole ? plan->soak.for_ms : 0);
}

/* Probes a second of all strata of the new side when each is asked every `round_ms`, or every
 * `every` of its own if that is longer. */
static double rate_at(const struct plan *plan, uint32_t percent, double round_ms)
{
    double sum = 0;

    for (uint32_t i = 0; i < plan->strata_n; i++) {
        const struct plan_stratum *d = &plan->strata[i];

        if (d->side == PLAN_NEW && d->from_percent <= percent)
            sum += 1000 / (d->every_ms > round_ms ? d->every_ms : round_ms);
    }
    return sum;
}

/* How often a stratum without a limit of its own is asked: the rate is shared in turn, and what
 * `every` keeps some from using goes to the others. */
static double round_of(const struct plan *plan, uint32_t percent)
{
    double low = 1e-3, high = 1e3 * PLAN_STRATA_MAX * 1000, rate = plan->rate_milli / 1e3;

    for (int i = 0; i < ROUND_SEARCH; i++) {
        double mid = sqrt(low * high);

        if (rate_at(plan, percent, mid) > rate)
            low = mid;
        else
            high = mid;
    }
    return high;
}

static uint32_t probes_of(const struct plan *plan, uint32_t suite, const struct plan_step *step,
                          uint32_t *strata)
{
    double round_ms = round_of(plan, step->percent), n = 0;

    *strata = 0;
    for (uint32_t i = 0; i < plan->strata_n; i++) {
        const struct plan_stratum *d = &plan->strata[i];

        if (d->suite != suite || d->side != PLAN_NEW || !d->required ||
            d->from_percent > step->percent)
            continue;
        n += (double)step->bake_ms / (d->every_ms > round_ms ? d->every_ms : round_ms);
        (*strata)++;
    }
    return (uint32_t)(n + 1e-6);
}

/* The least n without a failure whose 95 % bound is not above `unacceptable`: (1 - p)^n <= 0.05. */
static uint32_t needed(uint32_t unacceptable_ppm)
{
    return (uint32_t)ceil(log(BUDGET_P_GATE_PROMOTE) / log1p(-(unacceptable_ppm / 1e6)) - 1e-9);
}

static uint32_t failures_max(uint32_t n, const struct plan_suite *s)
{
    struct budget_count c = {.n = n};

    if (n > SEARCH_MAX ||
        budget_gate_eval(&c, s->allowed_ppm, s->unacceptable_ppm) != BUDGET_PROMOTE)
        return UINT32_MAX;
    while (c.x < c.n) {
        c.x++;
        if (budget_gate_eval(&c, s->allowed_ppm, s->unacceptable_ppm) != BUDGET_PROMOTE)
            break;
    }
    return (uint32_t)c.x - 1;
}

void plan_gate_figures(const struct plan *plan, uint32_t suite, uint32_t step,
                       struct plan_gate_figures *out)
{
    const struct plan_suite *s = &plan->suites[suite];

    assert(suite < plan->suites_n && step < plan->steps_n);
    *out = (struct plan_gate_figures){.suite = suite, .step = step};
    out->n = probes_of(plan, suite, &plan->steps[step], &out->strata);
    out->n_needed = needed(s->unacceptable_ppm);
    out->failures_max = failures_max(out->n, s);
    out->shown_ppm =
        out->n > 0 ? (uint32_t)ceil((1 - pow(BUDGET_P_GATE_PROMOTE, 1.0 / out->n)) * 1e6) : 1000000;
}

/* Mean of what one second adds after the clamp, in nats, when k probes fail with chance q. */
static double drift_a_second(const struct budget_rates *r, uint32_t k, double q)
{
    double mean = 0, chance = pow(1 - q, k);

    for (uint32_t x = 0; x <= k; x++) {
        double sum = (double)(x * r->fail_micro + (int64_t)(k - x) * r->pass_micro);

        mean += chance * (sum < BUDGET_CLAMP ? sum : BUDGET_CLAMP);
        chance = q < 1 ? chance * (k - x) / (x + 1) * q / (1 - q) : x + 1 == k ? 1 : 0;
    }
    return mean / BUDGET_MICRO;
}

int64_t plan_detect_ms(const struct plan *plan, uint32_t suite, uint32_t failing_ppm)
{
    const struct plan_suite *s = &plan->suites[suite];
    struct budget_rates r = budget_rates_of(s->allowed_ppm, s->unacceptable_ppm);
    uint32_t mine = 0, all = 0, k;
    double q = failing_ppm / 1e6, rate = plan->rate_milli / 1e3, drift;

    for (uint32_t i = 0; i < plan->strata_n; i++)
        if (plan->strata[i].side == PLAN_NEW) {
            all++;
            mine += plan->strata[i].suite == suite;
        }
    rate = all > 0 ? rate * mine / all : rate / plan->suites_n;
    k = (uint32_t)rate;
    if (k >= 1)
        drift = drift_a_second(&r, k, q) * rate / k;
    else
        drift = drift_a_second(&r, 1, q) * rate;
    if (drift <= 1e-9)
        return INT64_MAX;
    return (int64_t)((double)BUDGET_LIMIT / BUDGET_MICRO / drift * 1000);
}
