/* SPDX-License-Identifier: Apache-2.0 */
/* clock: time behind a pointer, so that tests own it.  Nanoseconds everywhere. */
#ifndef STROBE_BASE_CLOCK_H
#define STROBE_BASE_CLOCK_H

#include <stdint.h>

struct strobe_clock {
    /* CLOCK_MONOTONIC in ns. */
    uint64_t (*now)(struct strobe_clock *clock);
    /* Sleeps until the monotonic time; returns early when a signal came. */
    void (*sleep_until)(struct strobe_clock *clock, uint64_t when_ns);
};

/* The system's clock (static, borrowed). */
struct strobe_clock *strobe_clock_system(void);

#endif
