/* judge.c: see judge.h. */
#include "judge.h"

#include <math.h>
#include <string.h>

#include "sluice/text.h"

void judge_init(struct judge *j, uint32_t allowed_ppm, uint32_t unacceptable_ppm,
                struct judge_suite *suites, size_t suites_n)
{
    *j = (struct judge){.allowed_ppm = allowed_ppm,
                        .unacceptable_ppm = unacceptable_ppm,
                        .rates = budget_rates_of(allowed_ppm, unacceptable_ppm),
                        .suites = suites,
                        .suites_n = suites_n};
}

bool judge_add(struct judge *j, size_t suite, bool failed, int64_t now_ms)
{
    struct judge_suite *s = &j->suites[suite];

    s->count.n++;
    s->count.x += failed;
    return budget_cusum_add(&s->cusum, &j->rates, failed, now_ms) >= BUDGET_LIMIT;
}

int judge_status(enum judge_verdict v)
{
    static const int statuses[] = {
        [JUDGE_KEPT] = 0, [JUDGE_BREACH] = 1, [JUDGE_UNDECIDED] = 10, [JUDGE_NO_DATA] = 11};

    return statuses[v];
}

static enum judge_verdict suite_verdict(const struct judge *j, const struct judge_suite *s)
{
    if (budget_cusum_value(&s->cusum) >= BUDGET_LIMIT)
        return JUDGE_BREACH;
    if (s->count.n == 0)
        return JUDGE_NO_DATA;
    switch (budget_gate_eval(&s->count, j->allowed_ppm, j->unacceptable_ppm)) {
    case BUDGET_BREACH:
        return JUDGE_BREACH;
    case BUDGET_PROMOTE:
        return JUDGE_KEPT;
    case BUDGET_EXTEND:
        break;
    }
    return JUDGE_UNDECIDED;
}

static void add_percent(struct buf *out, uint32_t ppm)
{
    text_format_ppm(out, ppm);
}

static void add_suite(const struct judge *j, const struct judge_suite *s, enum judge_verdict v,
                      struct buf *why)
{
    double upper = 100 * budget_upper(&s->count, BUDGET_P_GATE_PROMOTE);
    bool cusum = budget_cusum_value(&s->cusum) >= BUDGET_LIMIT;

    text_add_safe(why, s->name, strlen(s->name), 300);
    if (v == JUDGE_NO_DATA) {
        buf_add_str(why, ": no probe could be judged, and no data is never a pass");
        return;
    }
    buf_addf(why, ": %lld of %lld probes failed, ", (long long)s->count.x, (long long)s->count.n);
    if (v == JUDGE_BREACH && cusum) {
        buf_addf(why, "too many in too short a time (CUSUM %.1f, limit %.1f; ",
                 (double)budget_cusum_value(&s->cusum) / BUDGET_MICRO,
                 (double)BUDGET_LIMIT / BUDGET_MICRO);
        add_percent(why, j->allowed_ppm);
        buf_add_str(why, " allowed)");
    } else if (v == JUDGE_BREACH) {
        buf_addf(why, "so %.2f %% or more fail (99.95 %% sure), and ",
                 100 * budget_lower(&s->count, BUDGET_P_GATE_BREACH));
        add_percent(why, j->allowed_ppm);
        buf_add_str(why, " is allowed");
    } else {
        buf_addf(why, "so at most %.2f %% fail (95 %% sure), %s ", upper,
                 v == JUDGE_KEPT ? "not above the unacceptable"
                                 : "which does not rule out the unacceptable");
        add_percent(why, j->unacceptable_ppm);
        if (v == JUDGE_UNDECIDED)
            buf_addf(why, "; without a failure it takes %.0f probes",
                     ceil(log(BUDGET_P_GATE_PROMOTE) / log1p(-(double)j->unacceptable_ppm / 1e6)));
    }
}

/* Which of two verdicts is told: a breach before no data before undecided. */
static bool worse(enum judge_verdict a, enum judge_verdict b)
{
    static const int rank[] = {
        [JUDGE_KEPT] = 0, [JUDGE_UNDECIDED] = 1, [JUDGE_NO_DATA] = 2, [JUDGE_BREACH] = 3};

    return rank[a] > rank[b];
}

enum judge_verdict judge_end(const struct judge *j, const char *unsettled, uint32_t streak,
                             struct buf *why)
{
    static const char *const words[] = {[JUDGE_KEPT] = "the budget is kept",
                                        [JUDGE_BREACH] = "the budget is broken",
                                        [JUDGE_UNDECIDED] = "undecided",
                                        [JUDGE_NO_DATA] = "could not judge"};
    enum judge_verdict v = JUDGE_KEPT;
    const struct judge_suite *told = NULL;

    for (size_t i = 0; i < j->suites_n; i++) {
        const struct judge_suite *s = &j->suites[i];
        enum judge_verdict one;

        if (!s->required)
            continue;
        one = suite_verdict(j, s);
        if (!told || worse(one, v)) {
            v = one;
            told = s;
        }
    }
    if (!told)
        v = JUDGE_NO_DATA;
    if (unsettled && v != JUDGE_BREACH && (v != JUDGE_NO_DATA || streak >= JUDGE_STREAK)) {
        v = streak >= JUDGE_STREAK ? JUDGE_BREACH : JUDGE_UNDECIDED;
        buf_addf(why, "%s: '", words[v]);
        text_add_safe(why, unsettled, strlen(unsettled), 300);
        if (streak >= JUDGE_STREAK)
            buf_addf(why, "' failed its last %u probes", streak);
        else
            buf_add_str(why, streak ? "' did not pass last"
                                    : "' did not run, or could not be judged last");
        return v;
    }
    buf_addf(why, "%s: ", words[v]);
    if (told)
        add_suite(j, told, v, why);
    else
        buf_add_str(why, "no required check is selected, and no data is never a pass");
    return v;
}
