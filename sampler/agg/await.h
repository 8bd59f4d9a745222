/* SPDX-License-Identifier: Apache-2.0 */
/* await: the policy of `record --asyncio`: to which stack a task's time belongs.
 *
 *   main ── supervisor ── TaskGroup.__aexit__ ── handle_request ── fetch_price ── Semaphore.acquire ── [waiting: Semaphore ...]
 *   └──────── its awaiter's frames ─────────┘    └──────────── its own ───────────┘                   └── what it waits for ──┘
 *
 * Each task's time is billed once, below the frames of the tasks that wait for it.  With k awaiters each path gets 1/k of it (and of
 * an awaiter's own paths each its share); of more than STROBE_AWAIT_PATHS paths the first so many get equal parts.  In a circle of
 * tasks that wait for each other the path begins at the mark "[cycle]".  A task's time is never added to its awaiter's own: the
 * awaiter bills its waiting itself, so the sum over all stacks is the sum of the tasks' lifetimes.
 *
 * May include: base, agg.  Memory: its own, kept from tick to tick.  Threads: one. */
#ifndef STROBE_AGG_AWAIT_H
#define STROBE_AGG_AWAIT_H

#include <stddef.h>
#include <stdint.h>

#include "agg/agg.h"
#include "base/htab.h"

enum {
    STROBE_AWAIT_PATHS = 16,
    STROBE_AWAIT_DEPTH = 4000, /* frames of a path; what lies further in is billed to the mark "[...]" */
};

/* What follows a task's frames inward: markers of what it waits for, and whose fault that is; frame ids, outermost first. */
struct strobe_await_tail {
    const uint32_t *frames;
    uint32_t n, parts; /* parts of the task's time, of the sum over its tails */
};

/* A task of one tick; ids are those of struct strobe_names. */
struct strobe_await_task {
    const uint32_t *frames;    /* its own stack, OUTERMOST first */
    uint32_t n_frames;
    const struct strobe_await_tail *tails; /* none: it runs */
    uint32_t n_tails;
    uint32_t root;             /* a mark that holds for it and those below: put before its frames where its path has not that one already;
                                * 0 = none */
    const uint32_t *root_frames; /* what is put, n_root_frames of them, outermost first; none: the mark is a frame itself */
    uint32_t n_root_frames;
    const uint32_t *awaiters;  /* indices of tasks of this tick */
    uint32_t n_awaiters;
    uint32_t row;              /* of the aggregate (strobe_agg_thread) that its time is counted in */
    uint64_t ns;               /* to be billed */
};

struct strobe_await_share {
    uint32_t node;  /* of the tree of stacks */
    uint32_t parts; /* of the task's whole */
    uint32_t depth; /* of the node */
    uint32_t root;  /* the innermost root mark on the path; 0 = none */
};

struct strobe_await {
    struct strobe_agg *agg;
    uint32_t cycle_marker, deep_marker;
    struct strobe_await_place *places; /* by task of this tick */
    size_t cap_places;
    struct strobe_await_share *shares;
    size_t n_shares, cap_shares;
    uint32_t *stack;           /* tasks whose awaiters are being placed */
    size_t cap_stack;
};

/* agg: borrowed.  Markers: ids of names. */
void strobe_await_init(struct strobe_await *await, struct strobe_agg *agg, uint32_t cycle_marker, uint32_t deep_marker);
void strobe_await_release(struct strobe_await *await);

/* Bills a tick.  0, STROBE_ERR_NOMEM, or what strobe_agg_add says. */
int strobe_await_bill(struct strobe_await *await, const struct strobe_await_task *tasks, uint32_t n, uint64_t time_ns);
/* Where a task of the last billed tick was put: shares of parts, before its tails; ret_total: parts of the whole.  Borrowed. */
const struct strobe_await_share *strobe_await_shares(const struct strobe_await *await, uint32_t task, uint32_t *ret_n, uint64_t *ret_total);

#endif
