/* backoff.h: how long to wait before trying again, and the small generator the waits are drawn
 * from.
 *
 * Two shapes: full jitter (uniform between 0 and a doubling cap) for ordinary API calls, where many
 * clients must not come back together; and the rollback's, which starts at a quarter of a second,
 * doubles to five and never falls below half of that, because a rollback is urgent and alone. The
 * generator's state is the caller's, so the same seed gives the same waits. Not for secrets. */
#ifndef SLUICE_CONTROLLER_BACKOFF_H
#define SLUICE_CONTROLLER_BACKOFF_H

#include <stdint.h>

#define BACKOFF_ROLLBACK_FIRST_MS 250
#define BACKOFF_ROLLBACK_CAP_MS   5000

/* The next 64 bits of splitmix64 (Steele, Lea, Flood 2014); any state is a good seed. */
uint64_t backoff_random(uint64_t *state);

/* Uniform in 0 … bound-1; bound > 0. */
uint64_t backoff_below(uint64_t *state, uint64_t bound);

/* Full jitter: uniform in 0 … min(cap_ms, first_ms * 2^attempt). attempt counts from 0. */
int64_t backoff_full_ms(uint64_t *state, uint32_t attempt, int64_t first_ms, int64_t cap_ms);

/* The rollback's: uniform in d/2 … d with d = 250 ms * 2^attempt, at most 5 s. */
int64_t backoff_rollback_ms(uint64_t *state, uint32_t attempt);

#endif
