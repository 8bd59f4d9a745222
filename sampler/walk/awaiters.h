/* SPDX-License-Identifier: Apache-2.0 */
/* awaiters: which tasks the end of a future would wake: what its callbacks lead to.
 *
 *   await task            task_wakeup of the awaiting task
 *   gather, shield        a function whose closure has the outer future, whose callbacks lead on
 *   wait, as_completed    likewise, by the waiter or the queue of results
 *   wait_for (to 3.11)    functools.partial(_release_waiter, waiter)
 *   TaskGroup             a method of the group, which knows its parent task
 * (CPython: Lib/asyncio/tasks.py, taskgroups.py, futures.py.)  From 3.14 on tasks say it themselves (fut_awaited_by), but not in
 * every case, and of gather() they name
 * the task that called it: where a callback leads to a future, that decides.
 * May include: mem, runtime, walk/coderoles.h, base.  Memory: its own.  Threads: one. */
#ifndef STROBE_WALK_AWAITERS_H
#define STROBE_WALK_AWAITERS_H

#include "base/htab.h"
#include "runtime/asyncio_layout.h"
#include "runtime/pyroles.h"
#include "walk/coderoles.h"

struct strobe_awaiters {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    const struct strobe_aio_layout *aio;
    struct strobe_roles *roles;
    struct strobe_coderoles *codes;
    struct strobe_htab known;  /* callback -> (first << 32 | n) in tasks, of this sample: gather() has one for all its children.
                                * (group, 1) -> its parent task, or 0.  (future, question) -> it was looked at for this question */
    uint64_t question;         /* above 1 */
    uint64_t skipped;          /* futures that were not looked at once more */
    uint64_t *tasks;           /* addresses */
    uint64_t *by;              /* by index in tasks: the future whose end would wake it, which it waits for then; 0 = unknown */
    size_t n, cap, cap_by;
    uint64_t future;           /* whose callbacks are being looked at; 0 = who waits there waits for another */
    bool answered;             /* a callback of that future leads to another one, which is asked who waits for it */
    size_t n_looked;           /* callbacks of this sample, and what is none in lists of them */
    bool cut;                  /* bounds were met in this sample: not all was followed */
    uint64_t chained;          /* of the future asked for last: the concurrent future on its other side; 0 = none */
    bool chained_back;         /* ... which waits for this one, rather than the other way round */
    const char *how;           /* likewise: "shield" (static) when it is the outer future of one; else NULL */
};

/* All borrowed. */
void strobe_awaiters_init(struct strobe_awaiters *a, struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_roles *roles,
                          struct strobe_coderoles *codes);
void strobe_awaiters_release(struct strobe_awaiters *a);
/* A new sample.  aio: borrowed until the next; NULL = not known: futures made in C are not looked into. */
void strobe_awaiters_begin(struct strobe_awaiters *a, const struct strobe_aio_layout *aio);

/* Appends to a->tasks the addresses of the tasks that a future's end would wake; some may appear twice.  future may be a task.
 * STROBE_ERR_NOMEM, or 0: what cannot be read is passed over. */
int strobe_awaiters_of(struct strobe_awaiters *a, uint64_t future, enum strobe_role role);
/* The same for a future or task made in C whose bytes were read: fut_size of them. */
int strobe_awaiters_of_span(struct strobe_awaiters *a, uint64_t future, const unsigned char *span);

#endif
