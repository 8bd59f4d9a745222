/* SPDX-License-Identifier: Apache-2.0 */
/* waitfacts: what the things that tasks wait for say of themselves: permits, capacity, length, file descriptor.  Read for a look at
 * one moment; a recording does without.  May include: mem, runtime, walk/tasks.h.  No state. */
#ifndef STROBE_WALK_WAITFACTS_H
#define STROBE_WALK_WAITFACTS_H

#include "runtime/layout.h"
#include "runtime/pyroles.h"
#include "walk/tasks.h"

enum strobe_capacity_source {
    STROBE_CAPACITY_UNKNOWN,
    STROBE_CAPACITY_STORED,  /* the object keeps it: BoundedSemaphore, CapacityLimiter, a lock (1) */
    STROBE_CAPACITY_COUNTED, /* permits that are free, and tasks that were seen to hold one */
    STROBE_CAPACITY_CONSTRUCTION, /* seen when the object was made, or said by the user */
};

#define STROBE_UNLIMITED INT64_MAX /* capacity and free of a CapacityLimiter of math.inf tokens */

/* -1 = unknown or not applicable, everywhere. */
struct strobe_wait_facts {
    int64_t free;      /* permits of a semaphore or limiter; a lock: 1 = free; an event: 1 = set; a barrier: places not taken;
                        * a condition: as its lock */
    int64_t capacity;  /* of a semaphore, limiter, lock; parties of a barrier */
    enum strobe_capacity_source capacity_source;
    int64_t size, maxsize; /* of a queue: items, and at most (0 = unbounded) */
    int64_t unfinished;    /* of a queue: items taken whose task_done() is due */
    int64_t queued;    /* futures in its own queue of waiters; of a queue, those of the operation that is waited for */
    int64_t borrowed;  /* of a limiter: its borrowers, seen to hold it by an `async with` or not */
    int32_t fd;        /* of a socket, stream or server (its first); uvloop's are not to be read */
    int32_t pid;       /* of a subprocess */
};

/* ret: always filled.  Reading may race with the loop: values are then of a moment nearby. */
void strobe_wait_facts_read(struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_roles *roles,
                            const struct strobe_wait *wait, struct strobe_wait_facts *ret);

/* The deque in which those who wait for a semaphore stand, the longest first, new ones behind all others; 0 = there is none yet, or
 * object keeps another kind of list (a limiter) or is no semaphore.  ret_leave: see tasks_leave in runtime/layout.h; untouched then. */
uint64_t strobe_wait_queue(struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_roles *roles, uint64_t object,
                           uint32_t *ret_leave);

/* The capacity of a semaphore that does not keep it: permits that are free and those seen in use (wait->n_holders); nobody who took one
 * otherwise than by `async with` is seen. */
void strobe_wait_facts_count(const struct strobe_wait *wait, struct strobe_wait_facts *facts);

/* How many can hold a lock, a bounded semaphore or a limiter now: its permits in use; -1 = it does not say.  ret_owner: the task that
 * has it, where it knows (anyio's locks); else 0. */
int64_t strobe_wait_in_use(struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_roles *roles, uint64_t object,
                           uint64_t *ret_owner);

/* When a TimerHandle is due, in the loop's time (seconds of CLOCK_MONOTONIC).  Errors of the reading. */
int strobe_timer_due(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t handle, double *ret_when);
/* The same of many: what their class and a float look like is found once, and is to be forgotten ({0}) from sample to sample. */
struct strobe_timers {
    uint64_t type, offset; /* of the handles, and where in them _when lies; type 0 = not known yet */
    uint64_t float_type;
};
int strobe_timers_due(struct strobe_timers *timers, struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t handle,
                      double *ret_when);

#endif
