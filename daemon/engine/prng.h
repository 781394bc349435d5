/*
 * prng.h - the engine's randomness: xoshiro256** by Blackman and Vigna, seeded by splitmix64 (both public domain).
 *
 * Used for one thing: the fair choice among the ready arms of a select. The state is part of the engine, so the same seed
 * and the same operations choose the same arms.
 */
#ifndef ENGINE_PRNG_H
#define ENGINE_PRNG_H

#include <assert.h>
#include <stdint.h>

struct prng {
    uint64_t s[4];
};

static inline void prng_seed(struct prng *p, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        uint64_t z = (seed += UINT64_C(0x9e3779b97f4a7c15));
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        p->s[i] = z ^ (z >> 31);
    }
}

static inline uint64_t prng_rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

static inline uint64_t prng_next(struct prng *p)
{
    uint64_t *s = p->s, result = prng_rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = prng_rotl(s[3], 45);
    return result;
}

/* Uniform in 0..n-1, n > 0, without bias: draws again what falls into the incomplete last round. */
static inline uint64_t prng_below(struct prng *p, uint64_t n)
{
    assert(n > 0);
    uint64_t reject_below = (0 - n) % n, x;
    do
        x = prng_next(p);
    while (x < reject_below);
    return x % n;
}

#endif
