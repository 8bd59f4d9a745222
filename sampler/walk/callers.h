/* SPDX-License-Identifier: Apache-2.0 */
/* callers: in whose contexts the call of a pool's worker was handed over, for workers that know no context of their own.
 *
 *   frame of _worker() ── work item ── concurrent future ── its callbacks ── asyncio future ── its callbacks: (callback, context)
 *                                           │
 *                                           └── a thread that waits in result()
 *
 * run_in_executor() and wrap_future() put a callback on the asyncio future, whose context is a copy of that in which they were called; a
 * task that awaits it puts another one, with the task's own (CPython: Lib/asyncio/futures.py, Modules/_asynciomodule.c).  So the link is
 * there as soon as these have returned, whoever awaits the call and however far up, and no task has to be looked for.  (A new worker may
 * begin before: submit() waits for its thread to start.)
 * Memory is read after the stacks were: a worker may be in the next call by then, and has that one's contexts.
 * May include: mem, runtime, walk, base.  Memory: its own, bounded.  Threads: one. */
#ifndef STROBE_WALK_CALLERS_H
#define STROBE_WALK_CALLERS_H

#include "runtime/asyncio_layout.h"
#include "runtime/pyroles.h"
#include "walk/coderoles.h"
#include "walk/sample.h"

enum {
    STROBE_CALLERS_MAX = 8,      /* contexts of one call: the first ones */
    STROBE_CALLERS_WAITING = 64, /* threads in result() that are known at once */
    STROBE_CALLERS_MANAGERS = 16, /* pools of processes */
};

/* What the outer end of a thread's stack is, by its slot: as long as the same frames are there they run the same code. */
struct strobe_callers_memo {
    uint64_t key;       /* hash of the frames; 0 = nothing known */
    uint16_t role;      /* enum strobe_code_role: a thread pool's worker, a manager, or plain */
    uint16_t at;        /* of that frame, counted from the outermost */
};

struct strobe_callers {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    struct strobe_roles roles;
    struct strobe_coderoles codes;
    struct strobe_aio_layout aio;
    bool has_aio;
    int (*find)(void *ctx, struct strobe_mem *mem, uint64_t *ret_table);
    void *find_ctx;
    bool inherits, asked;                /* threads begin with a copy of the context they are begun in; it is known whether */
    const struct strobe_sample *threads; /* of this moment */
    bool listed;                         /* what follows is, of this moment */
    struct {
        uint64_t future, context;        /* the concurrent future that a thread waits for, and the thread's context */
    } waiting[STROBE_CALLERS_WAITING];
    uint32_t n_waiting;
    struct strobe_raw_frame managers[STROBE_CALLERS_MANAGERS]; /* of the threads that manage pools of processes */
    uint32_t n_managers;
    struct strobe_callers_memo *memos;
    size_t n_memos;
};

/* All borrowed; find: see strobe_tasklook_set_finder, may be NULL. */
void strobe_callers_init(struct strobe_callers *c, struct strobe_mem *mem, const struct strobe_layout *lay,
                         int (*find)(void *ctx, struct strobe_mem *mem, uint64_t *ret_table), void *find_ctx);
void strobe_callers_release(struct strobe_callers *c);
/* A new sample; threads: borrowed until the next one.  interp: address of the main interpreter; 0 = unknown. */
void strobe_callers_begin(struct strobe_callers *c, const struct strobe_sample *threads, uint64_t interp);
/* Is the thread a pool's worker in the context that it was begun with, a copy of that of whoever began it (sys.flags.
 * thread_inherit_context: 3.14+, by default where there is no GIL)?  What is set there is of the pool's first call, not of the one that it
 * is in. */
bool strobe_callers_inherited(struct strobe_callers *c, const struct strobe_thread *thread);

/* The contexts of the call that a thread is in, as a worker of a thread pool or of one of interpreters, that in which the call was handed
 * over first; how many, at most STROBE_CALLERS_MAX.  0: it is in none, or nobody waits for it. */
size_t strobe_callers_of_thread(struct strobe_callers *c, const struct strobe_thread *thread, uint64_t ret[STROBE_CALLERS_MAX]);
/* Is the thread a worker process's, in a call?  Then the key by which its pool knows the call, the same for all of the call. */
bool strobe_callers_work_id(struct strobe_callers *c, const struct strobe_thread *thread, uint64_t *ret_work_id);
/* In the process that has the pool: the same as for threads, for the call of that key that its worker process pid is in.  Contexts are to
 * be read with this one's memory, which is read anew. */
size_t strobe_callers_of_process(struct strobe_callers *c, int32_t pid, uint64_t work_id, uint64_t ret[STROBE_CALLERS_MAX]);

#endif
