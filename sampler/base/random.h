/* SPDX-License-Identifier: Apache-2.0 */
/* random: numbers without a rhythm, for spreading looks and weights; nothing secret. */
#ifndef STROBE_BASE_RANDOM_H
#define STROBE_BASE_RANDOM_H

#include <stdint.h>

/* xorshift64 (Marsaglia, 2003).  *state: not 0; the same one gives the same numbers.  0 .. bound - 1. */
static inline uint64_t strobe_random_below(uint64_t *state, uint64_t bound)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state % bound;
}

#endif
