//  Random numbers for tests: seeded, the same everywhere. Source: splitmix64,
//  Steele, Lea and Flood (OOPSLA 2014).

#ifndef TEST_RANDOM_H_INCLUDED
#define TEST_RANDOM_H_INCLUDED

#include <stdint.h>

static inline uint64_t
test_random (uint64_t *state)
{
    uint64_t mixed = *state += 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

//  Returns a number below bound, which is at least 1.
static inline uint64_t
test_random_below (uint64_t *state, uint64_t bound)
{
    return test_random (state) % bound;
}

#endif
