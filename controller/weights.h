/* weights.h: from a share of the new side to whole weights 0 to 255.
 *
 * Route 53 sends weight/sum of the queries to a set. A record has sets of two sides; a side of
 * several sets keeps the proportions its sets had at the baseline. The sum is never 0 (Route 53
 * would then answer with every set at once). Pure integer arithmetic: the same input gives the same
 * weights on every machine. */
#ifndef SLUICE_CONTROLLER_WEIGHTS_H
#define SLUICE_CONTROLLER_WEIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#define WEIGHTS_MAX      255u
#define WEIGHTS_SETS_MAX 32u /* both sides of one record together */

struct weights {
    uint32_t n;
    uint8_t side[WEIGHTS_SETS_MAX];   /* enum plan_side of each set */
    uint8_t weight[WEIGHTS_SETS_MAX]; /* 0 to 255 */
};

/* Sets out->weight so that `percent` (0 to 100) of the record goes to the new side. `base` holds
 * the weights read at the baseline, at least one set of each side; out may be base itself.
 *   - 0 and 100 are exact: the other side is all zeros, and the side that carries everything keeps
 * its baseline weights unless they are all zero.
 *   - inner proportions of a side come from its baseline weights; a side whose weights are all zero
 * is shared evenly.
 *   - in between, the scale is the one up to 255 a set at which the two sides' shares, then the
 * sets' inner shares, are nearest to what was asked; the smallest such scale wins (1 % of two sets:
 * 99 and 1). A side with a share above 0 never ends with nothing.
 *   - a set with baseline weight 0 on a side that has others stays 0: somebody took it out.
 * Asserts n, the sides and the percentage. */
void weights_for_percent(const struct weights *base, uint32_t percent, struct weights *out);

/* What share of the record the new side carries now, in parts per million; 0 for a zero sum. */
uint32_t weights_new_ppm(const struct weights *w);

/* False when every weight is 0: such a group must not be touched or made. */
bool weights_ok(const struct weights *w);

#endif
