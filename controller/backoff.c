/* backoff.c: see backoff.h. */
#include "backoff.h"

#include <assert.h>

uint64_t backoff_random(uint64_t *state)
{
    uint64_t z;

    *state += 0x9e3779b97f4a7c15u;
    z = *state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t backoff_below(uint64_t *state, uint64_t bound)
{
    uint64_t skip, r;

    assert(bound > 0);
    skip = (0 - bound) % bound; /* what would favour the low numbers; 2^64 mod bound */
    do
        r = backoff_random(state);
    while (r < skip);
    return r % bound;
}

/* first * 2^attempt, at most cap. */
static int64_t doubled(uint32_t attempt, int64_t first_ms, int64_t cap_ms)
{
    int64_t d = first_ms;

    for (uint32_t i = 0; i < attempt && d < cap_ms; i++)
        d *= 2;
    return d < cap_ms ? d : cap_ms;
}

int64_t backoff_full_ms(uint64_t *state, uint32_t attempt, int64_t first_ms, int64_t cap_ms)
{
    int64_t d;

    assert(first_ms >= 0 && cap_ms >= 0 && cap_ms <= INT64_MAX / 2);
    d = doubled(attempt, first_ms, cap_ms);
    return (int64_t)backoff_below(state, (uint64_t)d + 1);
}

int64_t backoff_rollback_ms(uint64_t *state, uint32_t attempt)
{
    int64_t d = doubled(attempt, BACKOFF_ROLLBACK_FIRST_MS, BACKOFF_ROLLBACK_CAP_MS);

    return d - (int64_t)backoff_below(state, (uint64_t)d / 2 + 1);
}
