/* weights.c: see weights.h. */
#include "weights.h"

#include "plan.h"

#include <assert.h>
#include <string.h>

#define SCALE_FIRST 100u /* reads as percent */
#define WHOLE_PPB   1000000000
#define EVEN_WEIGHT                                                                                \
    100u /* of each set, where a side carries all and the baseline gave it nothing */

/* One side of the record: its sets' proportions. */
struct inner {
    uint32_t part[WEIGHTS_SETS_MAX]; /* of the sets of this side, at their index in the record */
    uint32_t sum;
    uint32_t n;
};

/* How far a candidate is from what was asked, in parts per billion. */
struct miss {
    int64_t share; /* of the new side */
    int64_t inner; /* the worst of a set within its side */
};

static void inner_of(const struct weights *base, uint8_t side, struct inner *in)
{
    *in = (struct inner){.n = 0};
    for (uint32_t i = 0; i < base->n; i++)
        if (base->side[i] == side) {
            in->part[i] = base->weight[i];
            in->sum += base->weight[i];
            in->n++;
        }
    if (in->sum > 0)
        return;
    for (uint32_t i = 0; i < base->n; i++)
        if (base->side[i] == side)
            in->part[i] = 1;
    in->sum = in->n;
}

/* Shares `total` over the sets of one side by largest remainder; of equal remainders the first set
 * wins. False when a set would go above 255. */
static bool share_out(const struct weights *base, uint8_t side, const struct inner *in,
                      uint32_t total, uint8_t *weight)
{
    uint32_t whole[WEIGHTS_SETS_MAX] = {0}, rest[WEIGHTS_SETS_MAX] = {0};
    uint32_t left = total;

    for (uint32_t i = 0; i < base->n; i++) {
        if (base->side[i] != side)
            continue;
        whole[i] = total * in->part[i] / in->sum;
        rest[i] = total * in->part[i] % in->sum;
        left -= whole[i];
    }
    for (; left > 0; left--) { /* fewer than there are sets */
        uint32_t best = base->n;

        for (uint32_t i = 0; i < base->n; i++)
            if (base->side[i] == side && rest[i] > 0 && (best == base->n || rest[i] > rest[best]))
                best = i;
        assert(best < base->n);
        whole[best]++;
        rest[best] = 0;
    }
    for (uint32_t i = 0; i < base->n; i++)
        if (base->side[i] == side) {
            if (whole[i] > WEIGHTS_MAX)
                return false;
            weight[i] = (uint8_t)whole[i];
        }
    return true;
}

static int64_t distance(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

static int64_t inner_miss(const struct weights *base, uint8_t side, const struct inner *in,
                          uint32_t total, const uint8_t *weight)
{
    int64_t worst = 0;

    for (uint32_t i = 0; i < base->n; i++) {
        int64_t d;

        if (base->side[i] != side)
            continue;
        d = distance((int64_t)weight[i] * WHOLE_PPB / total,
                     (int64_t)in->part[i] * WHOLE_PPB / in->sum);
        worst = d > worst ? d : worst;
    }
    return worst;
}

/* The weights whose sum is `scale`; false when they do not fit. */
static bool at_scale(const struct weights *base, const struct inner *in, uint32_t percent,
                     uint32_t scale, uint8_t *weight, struct miss *miss)
{
    uint32_t new_sum = (scale * percent + 50) / 100;
    int64_t a, b;

    if (new_sum == 0)
        new_sum = 1;
    if (new_sum >= scale)
        new_sum = scale - 1;
    if (!share_out(base, PLAN_NEW, &in[PLAN_NEW], new_sum, weight) ||
        !share_out(base, PLAN_OLD, &in[PLAN_OLD], scale - new_sum, weight))
        return false;
    miss->share =
        distance((int64_t)new_sum * WHOLE_PPB / scale, (int64_t)percent * (WHOLE_PPB / 100));
    a = inner_miss(base, PLAN_NEW, &in[PLAN_NEW], new_sum, weight);
    b = inner_miss(base, PLAN_OLD, &in[PLAN_OLD], scale - new_sum, weight);
    miss->inner = a > b ? a : b;
    return true;
}

/* Everything on one side: it keeps the weights it had. */
static void all_on(const struct weights *base, uint8_t side, struct weights *out)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < base->n; i++)
        if (base->side[i] == side)
            sum += base->weight[i];
    for (uint32_t i = 0; i < base->n; i++)
        out->weight[i] = base->side[i] != side ? 0 : sum > 0 ? base->weight[i] : EVEN_WEIGHT;
}

static bool better(const struct miss *a, const struct miss *b)
{
    return a->share < b->share || (a->share == b->share && a->inner < b->inner);
}

void weights_for_percent(const struct weights *base, uint32_t percent, struct weights *out)
{
    struct weights from = *base; /* out may be base */
    struct inner in[PLAN_SIDES];
    struct miss best, miss;
    uint8_t weight[WEIGHTS_SETS_MAX];

    assert(from.n >= 2 && from.n <= WEIGHTS_SETS_MAX);
    assert(percent <= 100);
    inner_of(&from, PLAN_OLD, &in[PLAN_OLD]);
    inner_of(&from, PLAN_NEW, &in[PLAN_NEW]);
    assert(in[PLAN_OLD].n > 0 && in[PLAN_NEW].n > 0 && in[PLAN_OLD].n + in[PLAN_NEW].n == from.n);
    *out = from;
    if (percent == 0 || percent == 100) {
        all_on(&from, percent == 0 ? PLAN_OLD : PLAN_NEW, out);
        return;
    }
    if (!at_scale(&from, in, percent, SCALE_FIRST, out->weight, &best))
        assert(0 && "a sum of 100 always fits");
    for (uint32_t scale = 2; scale <= WEIGHTS_MAX * from.n && (best.share > 0 || best.inner > 0);
         scale++)
        if (at_scale(&from, in, percent, scale, weight, &miss) && better(&miss, &best)) {
            best = miss;
            memcpy(out->weight, weight, from.n);
        }
}

uint32_t weights_new_ppm(const struct weights *w)
{
    uint64_t sum = 0, new_sum = 0;

    for (uint32_t i = 0; i < w->n; i++) {
        sum += w->weight[i];
        if (w->side[i] == PLAN_NEW)
            new_sum += w->weight[i];
    }
    return sum > 0 ? (uint32_t)(new_sum * 1000000 / sum) : 0;
}

bool weights_ok(const struct weights *w)
{
    for (uint32_t i = 0; i < w->n; i++)
        if (w->weight[i] > 0)
            return true;
    return false;
}
