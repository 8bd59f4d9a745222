/* SPDX-License-Identifier: Apache-2.0 */
/* pools: the executors of a target: who works for them, on what, what is queued.
 *
 *   worker thread ── frame of _worker() ── executor (weakly), work queue, work item ── future of the call
 *
 * Found by the threads that run their workers (concurrent.futures.thread._worker; concurrent.futures.process._ExecutorManagerThread;
 * anyio's WorkerThread.run), so a pool without a thread yet is not seen.  CPython: Lib/concurrent/futures/.
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
    uint32_t thread;  /* index in the sample's threads; STROBE_NO_INDEX: a process */
    int32_t pid;      /* of a worker process, as the target knows it; 0 = a thread */
    bool busy;        /* in a call (of a process: unknown, false) */
    uint64_t future;  /* concurrent future of the call it is in (anyio: the asyncio future); 0 = none */
    uint64_t work_id; /* process pools: key of the call in _pending_work_items */
};

struct strobe_pool {
    enum strobe_pool_kind kind;
    uint64_t object;      /* the executor; 0 = already collected (its threads still finish), or anyio's threads */
    uint64_t queue;       /* its work queue object */
    uint64_t type;
    uint64_t name;        /* _thread_name_prefix, a str; 0 = none */
    int64_t max;          /* _max_workers; anyio: unknown; -1 = unknown */
    bool shutdown;
    uint32_t n_busy, n_queued;
    uint32_t first_worker, n_workers; /* in workers */
    uint32_t first_queued;            /* in queued: futures of the calls that wait, oldest first; n_queued of them, at most
                                       * STROBE_POOL_MAX_QUEUED are listed */
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
};

/* All borrowed. */
void strobe_pools_init(struct strobe_pools *pools, struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_roles *roles,
                       struct strobe_coderoles *codes);
void strobe_pools_release(struct strobe_pools *pools);
/* Reads the pools that the threads of a sample work for.  What cannot be read is left out.  0 or STROBE_ERR_NOMEM. */
int strobe_pools_read(struct strobe_pools *pools, const struct strobe_sample *threads);
/* Where the call of a future is: its pool, and the worker that is in it, or its place in the queue (1 = next).  False: not found. */
bool strobe_pools_find(const struct strobe_pools *pools, uint64_t future, uint32_t *ret_pool, uint32_t *ret_worker /* STROBE_NO_INDEX */,
                       uint32_t *ret_place /* 0 */);

#endif
