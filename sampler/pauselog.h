/* SPDX-License-Identifier: Apache-2.0 */
/* pauselog: a histogram of how long the target was held; can be added up over targets.  Nanoseconds.  No allocation. */
#ifndef STROBE_PAUSELOG_H
#define STROBE_PAUSELOG_H

#include <stdint.h>

enum { STROBE_PAUSE_BUCKETS = 40 * 16 }; /* 16 an octave: up to hours */

struct strobe_pause_log {
    uint64_t n, max_ns, sum_ns;
    uint32_t bucket[STROBE_PAUSE_BUCKETS];
};

void strobe_pause_log_note(struct strobe_pause_log *log, uint64_t ns);
void strobe_pause_log_add(struct strobe_pause_log *log, const struct strobe_pause_log *other);
/* An upper bound (6 % at most above) of the pause that this share (0..1) of them do not exceed; 0 when there were none. */
uint64_t strobe_pause_log_quantile(const struct strobe_pause_log *log, double share);

#endif
