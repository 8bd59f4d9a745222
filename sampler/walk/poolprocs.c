/* SPDX-License-Identifier: Apache-2.0 */
/* poolprocs: pools of processes, by the thread that manages one (CPython: Lib/concurrent/futures/process.py).
 *
 *   _pending_work_items   {work id: item}, in the order of submission; its futures:
 *                         RUNNING  given to the call queue, from which the processes take in order
 *                         PENDING  not given yet
 * so of the RUNNING ones the oldest are in the processes, at most one in each, and the rest still in the call queue. */
#include "walk/pools.h"

#include <string.h>

#include "base/grow.h"
#include "runtime/pyobj.h"

struct manager {
    uint64_t executor_reference, processes, pending;
};

/* 3.8: a function; its locals, some of them in cells.  The same under other names than the manager's attributes. */
static int each_local(void *ctx, const struct strobe_local *local)
{
    struct manager *m = ctx;

    if (strcmp(local->name, "executor_reference") == 0)
        m->executor_reference = local->value;
    else if (strcmp(local->name, "processes") == 0)
        m->processes = local->value;
    else if (strcmp(local->name, "pending_work_items") == 0)
        m->pending = local->value;
    return 0;
}

struct reading {
    struct strobe_pools *pools;
    uint32_t pool, n_processes;
};

static int each_process(void *ctx, uint64_t key, uint64_t value)
{
    struct reading *r = ctx;
    int64_t pid;

    if (strobe_py_int(r->pools->mem, r->pools->lay, key, &pid) || pid <= 0 || pid > INT32_MAX)
        return 0;
    r->n_processes++;
    return strobe_pools_add_worker(r->pools, r->pool, (struct strobe_pool_worker){.thread = STROBE_NO_INDEX, .pid = (int32_t)pid});
}

static int add_call(struct strobe_pools *pools, struct strobe_pool *pool, uint64_t work_id, uint64_t future)
{
    if (strobe_grow(&pools->calls, &pools->cap_calls, pools->n_calls + 1, sizeof *pools->calls))
        return STROBE_ERR_NOMEM;
    pools->calls[pools->n_calls++] = (struct strobe_pool_call){work_id, future};
    pool->n_calls++;
    pool->n_busy++;
    return 0;
}

static int each_pending(void *ctx, uint64_t key, uint64_t value)
{
    struct reading *r = ctx;
    struct strobe_pools *pools = r->pools;
    struct strobe_pool *pool = &pools->at[r->pool];
    uint64_t future = strobe_pools_attr(pools, value, "future"), state = strobe_pools_attr(pools, future, "_state");
    struct strobe_buf text = STROBE_BUF_INIT;
    int64_t work_id;
    int err = 0;

    if (!state || strobe_py_int(pools->mem, pools->lay, key, &work_id) || strobe_py_str(pools->mem, pools->lay, state, &text))
        goto done;
    if (strcmp(strobe_buf_str(&text), "RUNNING") == 0 && pool->n_calls < r->n_processes)
        err = add_call(pools, pool, (uint64_t)work_id, future);
    else if (strcmp(strobe_buf_str(&text), "RUNNING") == 0 || strcmp(strobe_buf_str(&text), "PENDING") == 0)
        err = strobe_pools_add_queued(pools, pool, future);
done:
    strobe_buf_release(&text);
    return err;
}

/* From 3.9 on the manager is an object, and it has them as attributes. */
static void read_manager(struct strobe_mem *mem, const struct strobe_layout *lay, const struct strobe_raw_frame *frame,
                         const struct strobe_code_entry *code, struct manager *ret)
{
    uint64_t self = strobe_pools_local(mem, lay, frame, code, 0);
    enum strobe_py_kind kind;

    *ret = (struct manager){0, 0, 0};
    if (!self) {
        strobe_py_locals(mem, lay, frame->frame, frame->code, each_local, ret);
        return;
    }
    if (strobe_py_attr(mem, lay, self, "executor_reference", &ret->executor_reference))
        ret->executor_reference = 0;
    if (strobe_py_attr(mem, lay, self, "processes", &ret->processes))
        ret->processes = 0;
    if (strobe_py_attr(mem, lay, self, "pending_work_items", &ret->pending) || strobe_py_kind(mem, lay, ret->pending, &kind) ||
        kind != STROBE_PY_DICT)
        ret->pending = 0;
}

int strobe_pools_add_manager(struct strobe_pools *pools, const struct strobe_raw_frame *frame, const struct strobe_code_entry *code)
{
    struct reading r = {pools, 0, 0};
    uint64_t executor = 0;
    struct strobe_pool *pool;
    struct manager m;
    int err;

    read_manager(pools->mem, pools->lay, frame, code, &m);
    if (!m.pending)
        return 0;
    if (m.executor_reference && strobe_py_weakref(pools->mem, pools->lay, m.executor_reference, &executor))
        executor = 0;
    err = strobe_pools_add(pools, STROBE_POOL_PROCESSES, m.pending, &r.pool);
    if (err)
        return err;
    pool = &pools->at[r.pool];
    pool->object = executor;
    pool->max = strobe_pools_int(pools, executor, "_max_workers", -1);
    pool->shutdown = !executor || strobe_pools_int(pools, executor, "_shutdown_thread", 0);
    err = strobe_py_dict_each(pools->mem, pools->lay, m.processes, each_process, &r);
    if (err != STROBE_ERR_NOMEM)
        err = strobe_py_dict_each(pools->mem, pools->lay, m.pending, each_pending, &r);
    return err == STROBE_ERR_NOMEM ? err : 0;
}

/* The value under an int key. */
struct search {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    int64_t key;
    uint64_t value;
    unsigned looked_at;
};

static int is_key(void *ctx, uint64_t key, uint64_t value)
{
    enum { MAX_LOOKED_AT = 4096 }; /* calls that processes are in are the oldest ones, in front */
    struct search *s = ctx;
    int64_t number;

    if (++s->looked_at > MAX_LOOKED_AT)
        return STROBE_ERR_LIMIT;
    if (strobe_py_int(s->mem, s->lay, key, &number) || number != s->key)
        return 0;
    s->value = value;
    return 1;
}

static uint64_t under_key(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t dict, int64_t key)
{
    struct search s = {.mem = mem, .lay = lay, .key = key};

    return dict && strobe_py_dict_each(mem, lay, dict, is_key, &s) == 1 ? s.value : 0;
}

int strobe_pool_process_call(struct strobe_mem *mem, const struct strobe_layout *lay, const struct strobe_raw_frame *frame,
                             const struct strobe_code_entry *code, int32_t pid, uint64_t work_id, uint64_t *ret_future)
{
    struct manager m;
    uint64_t item;

    read_manager(mem, lay, frame, code, &m);
    if (!under_key(mem, lay, m.processes, pid) || !(item = under_key(mem, lay, m.pending, (int64_t)work_id)))
        return STROBE_ERR_MISSING;
    return strobe_py_attr(mem, lay, item, "future", ret_future);
}

int strobe_pool_child_work(struct strobe_mem *mem, const struct strobe_layout *lay, const struct strobe_sample *threads,
                           struct strobe_coderoles *codes, uint64_t *ret_work_id)
{
    for (uint32_t t = 0; t < threads->n_threads; t++) {
        const struct strobe_thread *thread = &threads->threads[t];

        for (uint32_t i = 0; i < thread->n_frames; i++) { /* the innermost: a forked child has its parent's frames, too */
            const struct strobe_code_entry *code = strobe_coderoles_get(codes, thread->frames[i].code);
            uint64_t item, value;
            int64_t work_id;
            int err;

            if (!code || code->role != STROBE_CODE_PROCESS_WORKER)
                continue;
            item = strobe_pools_local(mem, lay, &thread->frames[i], code, 0);
            if (!item)
                return STROBE_ERR_MISSING;
            err = strobe_py_attr(mem, lay, item, "work_id", &value);
            if (!err)
                err = strobe_py_int(mem, lay, value, &work_id);
            if (!err)
                *ret_work_id = (uint64_t)work_id;
            return err;
        }
    }
    return STROBE_ERR_MISSING;
}
