/* SPDX-License-Identifier: Apache-2.0 */
/* tasklook: one look at the threads and the asyncio tasks of a target.
 *
 *   no thread has run since the last look: the tasks are what they were
 *   a few tasks:    with the stack of a loop's thread, while that stands still: held, or watched in its sleep
 *   many:           as the loop goes on, twice where they are not what they were at the last look; then the threads, and, while a
 *                   loop's thread stands still, for max_pause at most, those that changed each time they were read
 *
 * One that runs is what its thread's stack says.  What was read while no loop's thread ran is one moment's truth (`whole`); else each task
 * is for itself what it was at a moment of the look.
 * May include: snapshot.h, walk, mem/host.h, runtime/layout.h, base.  Threads: one. */
#ifndef STROBE_TASKLOOK_H
#define STROBE_TASKLOOK_H

#include "snapshot.h"
#include "walk/taskreader.h"
#include "walk/tasks.h"

struct strobe_tasklook;

struct strobe_tasklook_opts {
    bool careful;          /* a look is for itself: it is taken again while loops run meanwhile.  Else looks follow each other */
    uint64_t max_pause_ns; /* how long a loop's thread may be held for its tasks, besides for its stack; 0 = not at all */
    uint64_t still_ns;     /* all tasks are read while it stands still when that is expected to take no longer */
};

/* All borrowed; the snapshot is used for every reading of the threads, its second visitor is taken.  ret: owned by the caller. */
int strobe_tasklook_new(struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_snapshot *snap, struct strobe_clock *clock,
                        const struct strobe_tasklook_opts *opts, struct strobe_tasklook **ret);
void strobe_tasklook_free(struct strobe_tasklook *look);

/* See strobe_taskreader_set_table; asked for by find(ctx, mem) at each look until it is found.  find returns 0 and an
 * address, or an error.  NULL = none. */
void strobe_tasklook_set_finder(struct strobe_tasklook *look, int (*find)(void *ctx, struct strobe_mem *mem, uint64_t *ret_table),
                                void *ctx);

/* The target was made by fork (place.h, forked_as): of tasks only those of loops are there that one of its threads runs. */
void strobe_tasklook_set_forked(struct strobe_tasklook *look, int32_t own_pid);

/* For the looks from now on; as in the opts. */
void strobe_tasklook_set_careful(struct strobe_tasklook *look, bool careful, uint64_t max_pause_ns);

/* What the walk over tasks knows of classes and code objects, for others who look at the same target. */
struct strobe_taskreader *strobe_tasklook_reader(struct strobe_tasklook *look);

/* Reads threads and tasks.  ret_threads, ret_tasks: borrowed, valid until the next take.  A target without asyncio has no tasks;
 * errors are those of strobe_snapshot_take. */
int strobe_tasklook_take(struct strobe_tasklook *look, const struct strobe_sample **ret_threads,
                         const struct strobe_task_sample **ret_tasks);

#endif
