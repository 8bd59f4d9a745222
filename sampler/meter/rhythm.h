/* SPDX-License-Identifier: Apache-2.0 */
/* rhythm: when to read: once in each slot of length T, at a random moment of it, so that no rhythm of the target can keep step with the
 * readings (meter.h says why that makes the counters unbiased).
 *
 *   |   .    |.       |      . |  .     |        slots; one reading in each
 *
 * A reading that comes late takes the slot it falls into; slots that were missed are not made up for.
 * May include: base.  No state but the struct.  Threads: one. */
#ifndef STROBE_METER_RHYTHM_H
#define STROBE_METER_RHYTHM_H

#include <stdint.h>

#include "base/random.h"

struct strobe_rhythm {
    uint64_t period_ns, start_ns, slot, random;
};

/* period_ns: > 0.  seed: any; the same one gives the same moments. */
static inline void strobe_rhythm_init(struct strobe_rhythm *rhythm, uint64_t period_ns, uint64_t now_ns, uint64_t seed)
{
    *rhythm = (struct strobe_rhythm){period_ns, now_ns, UINT64_MAX, seed | 1};
    for (int i = 0; i < 8; i++) /* small seeds: until their bits are spread */
        strobe_random_below(&rhythm->random, 2);
}

/* The moment of the next reading: in the slot after that of the last one, or, when now is beyond that, in the slot after now's. */
static inline uint64_t strobe_rhythm_next(struct strobe_rhythm *rhythm, uint64_t now_ns)
{
    uint64_t current = (now_ns - rhythm->start_ns) / rhythm->period_ns;

    rhythm->slot++;
    if (rhythm->slot < current)
        rhythm->slot = current + 1;
    return rhythm->start_ns + rhythm->slot * rhythm->period_ns + strobe_random_below(&rhythm->random, rhythm->period_ns);
}

#endif
