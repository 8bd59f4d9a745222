/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/turns.h"

static const uint64_t glance_ns = 20 * 1000 * 1000; /* fifty a second */
static const uint64_t idle_slice_ns = 250 * 1000 * 1000; /* nothing to scan: until it is asked again */
static const uint64_t look_ns = 1000 * 1000 * 1000, scan_ns = 10ull * 1000 * 1000 * 1000;
static const uint64_t young_scan_ns = 1000 * 1000 * 1000;
static const double glance_part = 0.6, look_part = 0.15, slice_part = 0.15;

uint64_t strobe_turns_spacing(const struct strobe_turns *turns, uint64_t cost_ns, double part)
{
    return (uint64_t)((double)cost_ns / (turns->max_cpu * part));
}

void strobe_turns_init(struct strobe_turns *turns, double max_cpu, uint64_t now)
{
    *turns = (struct strobe_turns){.max_cpu = max_cpu, .period_ns = glance_ns};
    strobe_rhythm_init(&turns->rhythm, turns->period_ns, now, now);
    turns->glance_due = strobe_rhythm_next(&turns->rhythm, now);
}

/* The interval follows what glances cost, in steps: a rhythm that changes all the time is none. */
void strobe_turns_glanced(struct strobe_turns *turns, uint64_t glance_cost_ns, uint64_t now)
{
    uint64_t wanted = strobe_turns_spacing(turns, glance_cost_ns, glance_part);

    wanted = wanted > glance_ns ? wanted : glance_ns;
    if (wanted > turns->period_ns || wanted < turns->period_ns - turns->period_ns / 4) {
        turns->period_ns = wanted > glance_ns ? wanted + wanted / 8 : glance_ns;
        strobe_rhythm_init(&turns->rhythm, turns->period_ns, now, now);
    }
    turns->glance_due = strobe_rhythm_next(&turns->rhythm, now);
}

uint64_t strobe_turns_look_spacing(const struct strobe_turns *turns, uint64_t look_cost_ns)
{
    return strobe_turns_spacing(turns, look_cost_ns, look_part);
}

bool strobe_turns_is_look(uint64_t spacing_ns, uint64_t age_ns, bool news)
{
    return age_ns >= (spacing_ns > look_ns ? spacing_ns : look_ns) || (news && age_ns >= spacing_ns);
}

bool strobe_turns_is_scan(uint64_t age_ns, uint64_t known_ns)
{
    uint64_t half = known_ns / 2;

    return age_ns >= (half < young_scan_ns ? young_scan_ns : half < scan_ns ? half : scan_ns);
}

void strobe_turns_sliced(struct strobe_turns *turns, uint64_t slice_cost_ns, uint64_t now)
{
    turns->slice_due = now + (slice_cost_ns ? strobe_turns_spacing(turns, slice_cost_ns, slice_part) : idle_slice_ns);
}
