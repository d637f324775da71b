/* health.h: whom a weighted group answers with when health checks fail. Pure.
 *
 * Route 53 considers the sets with a weight above 0 that are healthy; when there is none, the
 * healthy ones among those of weight 0; when nothing is healthy at all, it takes everything for
 * healthy. A set without a check is always healthy. Source: Developer Guide, "How Amazon Route 53
 * chooses records when health checking is configured" and "Weighted routing". */
#ifndef SLUICE_HEALTH_H
#define SLUICE_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan.h"
#include "survey.h"

/* A HealthCheckId, or an alias that evaluates its target's health. */
bool health_checked(const struct rrset *set);

/* What the new side carries when the record stands at `percent` (by weights_for_percent) and the
 * checks of the sides in `failing` fail: parts per million. The record is usable, its sets are at
 * most WEIGHTS_SETS_MAX. */
uint32_t health_new_ppm(const struct survey_record *r, uint32_t percent,
                        const bool failing[PLAN_SIDES]);

/* True when a failing new side loses all traffic at every percentage without anybody's doing:
 * every set of the new side has a check. What makes a check unfit for that (its name, its being
 * disabled) is the caller's to know. */
bool health_armed(const struct survey_record *r);

#endif
