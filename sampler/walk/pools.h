/* SPDX-License-Identifier: Apache-2.0 */
/* pools: the executors of a target: who works for them, on what, what is queued.
 *
 *   worker thread ── frame of _worker() ── executor (weakly), work queue, work item ── future of the call
 *   manager thread ── executor (weakly), {pid: process}, {work id: work item}          a pool of processes
 *
 * Found by the threads that run their workers (concurrent.futures.thread._worker; concurrent.futures.process._ExecutorManagerThread;
 * anyio's WorkerThread.run), so a pool without a thread yet is not seen.  CPython: Lib/concurrent/futures/.
 * Memory is read after the stacks were: of a pool at full speed a worker may be in the next call already.
 * May include: mem, runtime, walk/sample.h, walk/coderoles.h, base.  Memory: its own, kept from reading to reading.  Threads: one. */
#ifndef STROBE_WALK_POOLS_H
#define STROBE_WALK_POOLS_H

#include "runtime/layout.h"
#include "runtime/pyroles.h"
#include "walk/coderoles.h"
#include "walk/sample.h"
#include "walk/tasks.h"

enum strobe_pool_kind { STROBE_POOL_THREADS, STROBE_POOL_PROCESSES, STROBE_POOL_INTERPRETERS, STROBE_POOL_ANYIO };

struct strobe_pool_worker {
    uint32_t thread;  /* index in the sample's threads; STROBE_NO_INDEX: a process.  Of interpreters: the one that runs _worker(); the
                       * call's own frames are in another thread state of the same kernel thread */
    int32_t pid;      /* of a worker process, as the target knows it; 0 = a thread */
    bool busy;        /* in a call; of a process only when it was asked (strobe_pools_assign), false before */
    uint64_t future;  /* concurrent future of the call it is in (anyio: the asyncio future); 0 = none, or not to be read */
    uint64_t queue;   /* anyio: the queue.Queue that its calls come through; else 0 */
    uint64_t work_id; /* of a busy process: key of the call in _pending_work_items */
};

/* A call that a process pool has begun; in which process only the processes know. */
struct strobe_pool_call {
    uint64_t work_id, future;
};

struct strobe_pool {
    enum strobe_pool_kind kind;
    uint64_t object;      /* the executor; 0 = already collected (its threads still finish), or anyio's threads */
    uint64_t queue;       /* its work queue object; of processes the dict _pending_work_items */
    uint64_t type;
    uint64_t name;        /* _thread_name_prefix, a str; 0 = none */
    int64_t max;          /* _max_workers; anyio: unknown; -1 = unknown */
    bool shutdown;        /* takes no more calls */
    uint32_t n_busy;      /* of processes: calls begun, at most as many as there are processes */
    uint32_t n_queued;    /* cancelled calls that still have their place included; the None that ends a worker is not */
    uint32_t first_worker, n_workers; /* in workers */
    uint32_t first_queued;            /* in queued: futures of the calls that wait, oldest first (0 = not to be read); n_queued of them, at
                                       * most STROBE_POOL_MAX_QUEUED are listed */
    uint32_t first_call, n_calls;     /* in calls, of processes: oldest first */
};
enum { STROBE_POOL_MAX_QUEUED = 100000 };

struct strobe_pools {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    struct strobe_roles *roles;
    struct strobe_coderoles *codes;
    struct strobe_pool *at;
    size_t n, cap;
    struct strobe_pool_worker *workers;
    size_t n_workers, cap_workers;
    uint64_t *queued;
    size_t n_queued, cap_queued;
    struct strobe_pool_call *calls;
    size_t n_calls, cap_calls;
    struct strobe_pool_found *found; /* private: workers as they come */
    size_t n_found, cap_found;
    struct strobe_htab by_queue; /* (work queue, kind) -> its index in at */
    struct strobe_htab futures; /* future -> where its call is */
    bool count_only;            /* of what queues in thread pools only how much it is: the owner's to set before a reading; then no call is
                                 * found by its future */
    int32_t main_tid; /* of a process made by fork, else 0: its main thread may be a copy of a parent's worker, and works for nobody */
};

/* All borrowed; main_tid of a process made by fork is the caller's to set behind it. */
void strobe_pools_init(struct strobe_pools *pools, struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_roles *roles,
                       struct strobe_coderoles *codes);
void strobe_pools_release(struct strobe_pools *pools);
/* Reads the pools that the threads of a sample work for.  What cannot be read is left out.  0 or STROBE_ERR_NOMEM.
 * Roles and code roles are believed as of their last begin(), which is the caller's to call once a sample. */
int strobe_pools_read(struct strobe_pools *pools, const struct strobe_sample *threads);
/* The pool of a work queue (struct strobe_pool's, 0 for anyio's threads), as of the last reading; NULL = no thread works for it. */
const struct strobe_pool *strobe_pools_of_queue(const struct strobe_pools *pools, enum strobe_pool_kind kind, uint64_t queue);
/* Where the call of a future is: its pool (index in at), and the worker that is in it (index in workers), or its place in the queue
 * (1 = next); neither: begun by some process of the pool.  False: not found. */
bool strobe_pools_find(const struct strobe_pools *pools, uint64_t future, uint32_t *ret_pool, uint32_t *ret_worker /* STROBE_NO_INDEX */,
                       uint32_t *ret_place /* 0 */);

/* The key of the call that a worker process is in, from the threads of that CHILD and with a reader, layout and code roles of it.
 * STROBE_ERR_MISSING: it is in none, or is no worker. */
int strobe_pool_child_work(struct strobe_mem *mem, const struct strobe_layout *lay, const struct strobe_sample *threads,
                           struct strobe_coderoles *codes, uint64_t *ret_work_id);
/* In the process that has the pool, by the frame of the thread that manages it: the future of the call of that key, if the pool has a
 * worker process of that id (as the target knows it).  STROBE_ERR_MISSING. */
int strobe_pool_process_call(struct strobe_mem *mem, const struct strobe_layout *lay, const struct strobe_raw_frame *frame,
                             const struct strobe_code_entry *code, int32_t pid, uint64_t work_id, uint64_t *ret_future);
/* Tells what the worker process at `worker` (index in workers) of that pool is in: it is busy, its future is found by the key (0 when the
 * pool has no such call any more), and strobe_pools_find answers with it. */
void strobe_pools_assign(struct strobe_pools *pools, uint32_t pool, uint32_t worker, uint64_t work_id);

/* --- private to walk/pool*.c --- */

struct strobe_pool_found {
    uint32_t pool;
    struct strobe_pool_worker worker;
};
/* A new pool, all unknown. */
int strobe_pools_add(struct strobe_pools *pools, enum strobe_pool_kind kind, uint64_t queue, uint32_t *ret);
int strobe_pools_add_worker(struct strobe_pools *pools, uint32_t pool, struct strobe_pool_worker worker);
/* Appends a waiting call to the pool that was added last. */
int strobe_pools_add_queued(struct strobe_pools *pools, struct strobe_pool *pool, uint64_t future);
/* An object's attribute, int attribute; 0, fallback when it cannot be read or is None. */
uint64_t strobe_pools_attr(const struct strobe_pools *pools, uint64_t obj, const char *name);
int64_t strobe_pools_int(const struct strobe_pools *pools, uint64_t obj, const char *name, int64_t fallback);
/* Local number `which` of a code's role in a frame; 0 when it is not bound or the frame is another's by now. */
uint64_t strobe_pools_local(struct strobe_mem *mem, const struct strobe_layout *lay, const struct strobe_raw_frame *frame,
                            const struct strobe_code_entry *code, int which);
/* The pool of a manager thread, by its frame (walk/poolprocs.c). */
int strobe_pools_add_manager(struct strobe_pools *pools, const struct strobe_raw_frame *frame, const struct strobe_code_entry *code);

#endif
