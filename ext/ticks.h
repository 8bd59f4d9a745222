/* SPDX-License-Identifier: Apache-2.0 */
/* ticks: wall time and the thread's CPU time, at each event of a program, at the price of reading a counter.
 *
 * Wall: the CPU's time stamp counter where the kernel keeps time by it itself (clocksource tsc: invariant, the same on all cores), else
 * CLOCK_MONOTONIC.  CPU: its system call costs half a microsecond, but while a thread is not taken off its CPU both clocks go on alike.
 * Whether it was, the kernel says by restartable sequences (rseq(2), Linux 4.18; registered by glibc from 2.35 on): it clears the pointer
 * rseq_cs of a thread that it preempts, moves, or sends a signal.
 *
 *      event            event                 event
 *   ────┬────────────────┬─────────(off)───────┬─────>
 *   rseq_cs = ours    still ours: CPU       cleared: CPU time by the
 *                     += counter's          real clock; = ours
 *
 * The sequence that we point to has no instruction that is ever executed, so that nothing is ever restarted.  Who else uses rseq sets its
 * own pointer before each of its sequences and has no use for it afterwards; ours is not set while one of theirs goes on, as we run then.
 *
 * May include: base, calls/calls.h (its times).  Threads: each has a struct of its own.  State: what the machine is, found out once. */
#ifndef STROBE_EXT_TICKS_H
#define STROBE_EXT_TICKS_H

#include <stdbool.h>
#include <stdint.h>

#include "calls/calls.h"

enum strobe_ticks_cpu {
    STROBE_TICKS_NO_CPU,    /* no CPU times: they stay 0 */
    STROBE_TICKS_RSEQ,
    STROBE_TICKS_REAL_CPU,  /* a system call each time */
};

struct strobe_ticks_facts {
    bool by_counter;    /* wall time by the CPU's counter */
    bool has_rseq;      /* and what the kernel does with rseq was seen to be what is said above */
    double ns_per_tick; /* measured at the first call; strobe_ticks_ns_per_tick knows better later on */
};

struct strobe_ticks {
    struct strobe_calls_time last;
    uint64_t base;          /* CPU less wall, while nothing has come in between */
    uint64_t until;         /* wall: the real clock is read again, for what a hypervisor steals and the kernel takes off of CPU time */
    uint64_t *sequence;     /* its rseq_cs; NULL = it has none */
    enum strobe_ticks_cpu how;
};

/* Takes some milliseconds the first time. */
const struct strobe_ticks_facts *strobe_ticks_facts(void);
/* Of the thread that calls, which alone uses it from now on.  how: RSEQ becomes REAL_CPU where there is none. */
void strobe_ticks_init(struct strobe_ticks *ticks, enum strobe_ticks_cpu how);
/* The wall clock alone, in ticks. */
uint64_t strobe_ticks_wall(void);
/* CPU time of another thread of this process (kernel's id), in ticks; 0: there is none. */
uint64_t strobe_ticks_cpu_of(int32_t tid);
/* Over all the time since the first call: the longer, the more exact. */
double strobe_ticks_ns_per_tick(void);

/* The rest of strobe_ticks_now: the real clock. */
uint64_t strobe_ticks_real_cpu(struct strobe_ticks *ticks, uint64_t wall);

#if defined(__x86_64__)
static inline uint64_t strobe_ticks_counter(void)
{
    return __builtin_ia32_rdtsc();
}
#elif defined(__aarch64__)
static inline uint64_t strobe_ticks_counter(void)
{
    uint64_t count;

    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(count));
    return count;
}
#else
static inline uint64_t strobe_ticks_counter(void)
{
    return 0;
}
#endif

extern bool strobe_ticks_by_counter;       /* as in the facts */
extern const uint64_t *strobe_ticks_ours;  /* the sequence */
uint64_t strobe_ticks_monotonic(void);

/* The time of this event; never before that of the last one. */
static inline struct strobe_calls_time strobe_ticks_now(struct strobe_ticks *ticks)
{
    uint64_t wall = __builtin_expect(strobe_ticks_by_counter, 1) ? strobe_ticks_counter() : strobe_ticks_monotonic();

    if (__builtin_expect(wall < ticks->last.wall, 0))
        wall = ticks->last.wall;
    ticks->last.wall = wall;
    if (__builtin_expect(wall < ticks->until &&
                         *(volatile uint64_t *)ticks->sequence == (uint64_t)(uintptr_t)strobe_ticks_ours, 1))
        ticks->last.cpu = wall + ticks->base > ticks->last.cpu ? wall + ticks->base : ticks->last.cpu;
    else if (ticks->how != STROBE_TICKS_NO_CPU)
        ticks->last.cpu = strobe_ticks_real_cpu(ticks, wall);
    return ticks->last;
}

#endif
