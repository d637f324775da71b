/* rng.h: the sandbox's own dice. splitmix64: small, seedable, the same everywhere.
 *
 * Every part that rolls (ids, each DNS server, each fault) has a generator of its own, so that one
 * more request to one part does not change what another part does. */
#ifndef SANDBOX_RNG_H
#define SANDBOX_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state;
};

static inline void rng_init(struct rng *r, uint64_t seed, uint64_t stream)
{
    r->state = seed * 0x9e3779b97f4a7c15U + stream * 0xd1b54a32d192ed03U + 1;
}

static inline uint64_t rng_next(struct rng *r)
{
    uint64_t z = (r->state += 0x9e3779b97f4a7c15U);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

/* 0 <= result < n, n > 0. The bias of the remainder is below n / 2^64. */
static inline uint64_t rng_below(struct rng *r, uint64_t n)
{
    return rng_next(r) % n;
}

/* 0 <= result < 1 */
static inline double rng_unit(struct rng *r)
{
    return (double)(rng_next(r) >> 11) / 9007199254740992.0;
}

#endif
