/* SPDX-License-Identifier: Apache-2.0 */
/* tasklanes: rows for tasks in formats with an order in time.  A row holds one stack at a time, and tasks are many at once: each task
 * that lives has a lane for itself; when it has ended, the next new task takes the lowest free one.
 *
 *   lane 1   request ............ | other .......
 *   lane 2   request ..... |  | request .........
 *
 * May include: agg, base.  Memory: its own; STROBE_TASKLANES_MAX lanes, beyond which tasks share the last (of
 * what overlaps there the log keeps the first).  Threads: one. */
#ifndef STROBE_BILLING_TASKLANES_H
#define STROBE_BILLING_TASKLANES_H

#include "agg/agg.h"
#include "base/htab.h"

enum { STROBE_TASKLANES_MAX = 10000 }; /* a lane takes up to a page of memory (agg/eventlog.h) */

struct strobe_tasklanes {
    struct strobe_agg *agg;
    int32_t pid;
    struct strobe_tasklane *at;
    size_t n, cap;
    struct strobe_htab lanes, before; /* task -> lane, of this tick and of the one before */
    uint64_t tick;
    size_t next; /* lanes below are taken */
};

/* agg: borrowed. */
void strobe_tasklanes_init(struct strobe_tasklanes *lanes, struct strobe_agg *agg, int32_t pid);
void strobe_tasklanes_release(struct strobe_tasklanes *lanes);

void strobe_tasklanes_begin(struct strobe_tasklanes *lanes);
/* First, of every task of the tick: keeps the lane that it has.  0 also when it has none. */
int strobe_tasklanes_keep(struct strobe_tasklanes *lanes, uint64_t task);
/* Then: its row of the aggregate, new or kept. */
int strobe_tasklanes_row(struct strobe_tasklanes *lanes, uint64_t task, uint32_t *ret_row);

#endif
