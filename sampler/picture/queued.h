/* SPDX-License-Identifier: Apache-2.0 */
/* queued: for how long somebody at least has waited for each semaphore of a process, from reading to reading (meter/queuewatch.h says how
 * that is known).
 *
 *   rows of a glance that have waiters ── the deque: length, state ── items, where wanted ── the same again ── a watch for each
 *
 * Nobody is paused: what has changed while it was read is read again, and left out in the end, for this time.  A future that was cancelled
 * may still stand in a queue (asyncio up to 3.10), of which nobody waits: that is asked of it.
 * May include: picture/pooled.h, meter, naming, walk, runtime, mem, base.  Memory: its own, as much as there are semaphores with waiters.
 * Threads: one. */
#ifndef STROBE_PICTURE_QUEUED_H
#define STROBE_PICTURE_QUEUED_H

#include "base/htab.h"
#include "meter/meter.h"
#include "meter/queuewatch.h"
#include "picture/pooled.h"

struct strobe_queued_one {
    uint64_t object, queue;        /* the semaphore, its deque */
    uint32_t leave;                /* see queuewatch.h */
    bool listed;                   /* among the rows of this reading */
    bool readable, settled;        /* in this reading: it was read, and was so */
    uint64_t seen_ns;              /* the reading that it was followed to last */
    struct strobe_queuewatch watch;
    struct strobe_queuewatch_reading reading;
    size_t from;                   /* where the reading's items begin */
};

/* Zeroes are an empty one. */
struct strobe_queued {
    struct strobe_queued_one *at;
    size_t n, cap;
    struct strobe_htab by_object;  /* -> index in at */
    uint64_t *items;
    size_t n_items, cap_items;
    struct strobe_meter_wait *waits; /* of the last reading: of each semaphore that has a deque and waiters */
    uint32_t n_waits;
    size_t cap_waits;
};

void strobe_queued_release(struct strobe_queued *queued);
/* Follows the queues of all semaphores among rows; waits is then valid until the next call.  still: no thread has run since the last one.
 * before_ns: CLOCK_MONOTONIC, no later than rows were read.  STROBE_ERR_NOMEM. */
int strobe_queued_read(struct strobe_queued *queued, struct strobe_pooled *pooled, const struct strobe_report_resource *rows, uint32_t n,
                       bool still, uint64_t before_ns);

#endif
