/* SPDX-License-Identifier: Apache-2.0 */
/* crowd: do others take our CPU?  The kernel counts how long a thread has waited, runnable, for a CPU: second field of its schedstat
 * (Linux: Documentation/scheduler/sched-stats.rst, "/proc/<pid>/schedstat").  May include: base. */
#ifndef STROBE_PROC_CROWD_H
#define STROBE_PROC_CROWD_H

#include <stdbool.h>
#include <stdint.h>

/* Of the thread that opened it, and for that thread alone. */
struct strobe_crowd {
    int fd; /* -1 = the kernel does not count */
    uint64_t queued_ns, runs, looked_ns;  /* at the last look */
    uint32_t looks, waited[2];            /* number of looks; of the last two that found a wait */
};

void strobe_crowd_open(struct strobe_crowd *crowd);
void strobe_crowd_close(struct strobe_crowd *crowd);
/* Time that this thread has waited for a CPU so far, ns; 0 where the kernel does not count it. */
uint64_t strobe_crowd_queued(const struct strobe_crowd *crowd);
/* Did two of the last 50 looks find that this thread had to wait for a CPU?  (One is a hiccup that any machine has.)  Asked before each
 * pause, looks at most every 20 ms; says yes until it has looked 50 times. */
bool strobe_crowd_is_here(struct strobe_crowd *crowd);

#endif
