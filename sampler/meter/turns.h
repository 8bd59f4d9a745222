/* SPDX-License-Identifier: Apache-2.0 */
/* turns: when to glance, to look and to scan, so that all of it stays within a part of a CPU.
 *
 *   6/10 of the budget   glances, up to fifty a second, each at a random moment of its slot (rhythm.h): the slots grow until glances fit
 *   15/100               looks: every second, or as seldom as fits; earlier when there is news
 *   15/100               slices of scans, of which one begins every 10 seconds, of a process that is new every second
 *   the rest             what is not asked here: who is there, what is answered
 *
 * Costs are CPU time in nanoseconds, of all targets together.
 * May include: meter/rhythm.h, base.  No state but the struct.  Threads: one. */
#ifndef STROBE_METER_TURNS_H
#define STROBE_METER_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#include "meter/rhythm.h"

struct strobe_turns {
    double max_cpu;      /* of one CPU */
    struct strobe_rhythm rhythm;
    uint64_t period_ns;  /* of a slot */
    uint64_t glance_due, slice_due; /* CLOCK_MONOTONIC */
};

void strobe_turns_init(struct strobe_turns *turns, double max_cpu, uint64_t now);
/* All targets were glanced or looked at, which costs so much a time: when it is due again. */
void strobe_turns_glanced(struct strobe_turns *turns, uint64_t glance_cost_ns, uint64_t now);
/* How long after the last look another one may come at the earliest, if looks cost so much. */
uint64_t strobe_turns_look_spacing(const struct strobe_turns *turns, uint64_t look_cost_ns);
/* Is a target to be looked at rather than glanced at?  age_ns: of its last look; news: something is there that no look has seen. */
bool strobe_turns_is_look(uint64_t spacing_ns, uint64_t age_ns, bool news);
/* Is it time for a target's next scan?  age_ns: since the last one ended; known_ns: since it was looked at first: a process that has just
 * begun makes its pools by and by. */
bool strobe_turns_is_scan(uint64_t age_ns, uint64_t known_ns);
/* A slice was read, or there was none to read (cost 0): when the next one is due. */
void strobe_turns_sliced(struct strobe_turns *turns, uint64_t slice_cost_ns, uint64_t now);
/* How far apart things that cost this much must lie for a part of the budget. */
uint64_t strobe_turns_spacing(const struct strobe_turns *turns, uint64_t cost_ns, double part);

#endif
