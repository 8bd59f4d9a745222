/* SPDX-License-Identifier: Apache-2.0 */
/* queuewatch: for how long somebody at least has waited in a queue that is looked at now and then.  Where many wait in turn there is
 * always a waiter; that says nothing of how long one waits.
 *
 * Who stands in a queue has no name that stays: it is a future or a lock, whose memory the next one gets as soon as it is freed.  But as
 * long as it stands there the queue keeps it, so that no two of one queue have one address at one moment; and new ones come behind all
 * others.  So of n that stood there at the last reading, of whom at most g have gone, at least n - g still do, before all that are new:
 *
 *   last reading   a b c d e f          n = 6, of which f was marked then
 *   this reading   c d e f | g h        if at most 2 have gone, the first 4 were there before: one of them at f's address is f
 *                  ^ n - g = 4
 *
 * and f has waited since it was marked, at least.  g is known from the deque (CPython: Modules/_collectionsmodule.c), whose state counts
 * its changes: who comes adds one to it and one to the length; who goes adds one at least, and takes one from the length.
 *
 * Marks are put on who is last, at most STROBE_QUEUEWATCH_MARKS at a time, so that one takes the other's place when that goes; what is told
 * is never more than somebody has waited, and less by little.  What it rests on: waiters come at the right end alone (asyncio, threading,
 * anyio), and an object is what it was: another that has taken its address since the last reading is seen by a state that went back, not
 * so if that has come to the same numbers with a waiter at the same address by then.
 * May include: base.  No state but the struct, of fixed size.  Threads: one at a time. */
#ifndef STROBE_METER_QUEUEWATCH_H
#define STROBE_METER_QUEUEWATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    STROBE_QUEUEWATCH_MARKS = 32,
    STROBE_QUEUEWATCH_EACH = 16, /* in a queue of so many each one is marked */
};

/* A queue at one moment.  Borrowed for the call. */
struct strobe_queuewatch_reading {
    uint64_t before_ns, after_ns; /* CLOCK_MONOTONIC: the moment lies between them */
    uint64_t len, state;          /* of the deque */
    uint32_t leave;               /* how far state and length come apart, at least, when one of three or more goes: 2 to 4 */
    const uint64_t *items;        /* the first n_items of it, the longest waiting one first; all, or as many as one cares for */
    size_t n_items;
};

struct strobe_queuewatch_mark {
    uint64_t item, at;            /* its address; its place in the queue, 0 = the first */
    uint64_t since_ns;            /* it was there then */
};

/* Zeroes: nothing is known yet. */
struct strobe_queuewatch {
    bool known;
    uint64_t len, state;          /* as they were read last */
    uint64_t slack;               /* how many may have gone between two readings lately */
    uint64_t spacing_ns;          /* of marks in a long queue */
    uint32_t n_marks;
    struct strobe_queuewatch_mark marks[STROBE_QUEUEWATCH_MARKS]; /* in the queue's order, so the oldest first */
};

/* Would the step for such a reading look at items?  False: it may be given without. */
bool strobe_queuewatch_wants(const struct strobe_queuewatch *watch, uint64_t len, uint64_t state, uint64_t now_ns);
/* Follows the queue to this reading, which is later than the one before. */
void strobe_queuewatch_step(struct strobe_queuewatch *watch, const struct strobe_queuewatch_reading *reading);
/* The first mark's waiter is known not to wait any more, though it still stands there. */
void strobe_queuewatch_drop_first(struct strobe_queuewatch *watch);
/* Seconds that somebody who stood in the queue at the last step had waited by now_ns, at least; 0 = nobody is marked. */
double strobe_queuewatch_longest(const struct strobe_queuewatch *watch, uint64_t now_ns);

#endif
