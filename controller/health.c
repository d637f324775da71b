#include "health.h"

#include <assert.h>

#include "weights.h"

#define WHOLE_PPM 1000000u

bool health_checked(const struct rrset *set)
{
    return set->health_check || set->alias_health;
}

static bool healthy(const struct survey_record *r, size_t i, const bool failing[PLAN_SIDES])
{
    return !health_checked(&r->sets[i]) || !failing[r->side[i]];
}

/* The new side's part of what counts, each set counting for its weight, or for 1 where all are 0.
 */
static bool share(const struct survey_record *r, const struct weights *w, const bool *counts,
                  bool zeros, uint32_t *ppm)
{
    uint64_t of_new = 0, sum = 0;

    for (size_t i = 0; i < r->n_sets; i++) {
        uint64_t part = zeros ? w->weight[i] == 0 : w->weight[i];

        if (!counts[i])
            continue;
        sum += part;
        of_new += r->side[i] == PLAN_NEW ? part : 0;
    }
    if (sum)
        *ppm = (uint32_t)(of_new * WHOLE_PPM / sum);
    return sum > 0;
}

uint32_t health_new_ppm(const struct survey_record *r, uint32_t percent,
                        const bool failing[PLAN_SIDES])
{
    struct weights w = {.n = (uint32_t)r->n_sets};
    bool well[WEIGHTS_SETS_MAX], all[WEIGHTS_SETS_MAX];
    uint32_t ppm = 0;

    assert(r->usable && r->n_sets <= WEIGHTS_SETS_MAX);
    for (size_t i = 0; i < r->n_sets; i++) {
        w.side[i] = r->side[i];
        w.weight[i] = (uint8_t)r->sets[i].weight;
        well[i] = healthy(r, i, failing);
        all[i] = true;
    }
    weights_for_percent(&w, percent, &w);
    if (!share(r, &w, well, false, &ppm) && !share(r, &w, well, true, &ppm))
        share(r, &w, all, false, &ppm);
    return ppm;
}

bool health_armed(const struct survey_record *r)
{
    for (size_t i = 0; i < r->n_sets; i++)
        if (r->side[i] == PLAN_NEW && !health_checked(&r->sets[i]))
            return false;
    return r->n_sets > 0;
}
