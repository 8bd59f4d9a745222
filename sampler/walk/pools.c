/* SPDX-License-Identifier: Apache-2.0 */
#include "walk/pools.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "runtime/pyobj.h"

enum {
    MAX_POOLS = 1 << 20,
    /* A value of `futures`: pool << POOL_SHIFT | what << WHAT_SHIFT | number. */
    POOL_SHIFT = 34,
    WHAT_SHIFT = 32,
    SOMEWHERE = 0, /* begun, by which worker is not known */
    WORKER = 1,    /* number: index in workers */
    QUEUED = 2,    /* number: place */
    ITEM_FUTURE = 3, /* anyio: (context, func, args, future, ...) */
};

void strobe_pools_init(struct strobe_pools *pools, struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_roles *roles,
                       struct strobe_coderoles *codes)
{
    *pools = (struct strobe_pools){.mem = mem, .lay = lay, .roles = roles, .codes = codes, .by_queue = STROBE_HTAB_INIT,
                                    .futures = STROBE_HTAB_INIT};
}

void strobe_pools_release(struct strobe_pools *pools)
{
    free(pools->at);
    free(pools->workers);
    free(pools->queued);
    free(pools->calls);
    free(pools->found);
    strobe_htab_release(&pools->by_queue);
    strobe_htab_release(&pools->futures);
    strobe_pools_init(pools, pools->mem, pools->lay, pools->roles, pools->codes);
}

/* ---- objects ---- */

static bool is_kind(const struct strobe_pools *pools, uint64_t obj, enum strobe_py_kind wanted)
{
    enum strobe_py_kind kind;

    return !strobe_py_kind(pools->mem, pools->lay, obj, &kind) && kind == wanted;
}

uint64_t strobe_pools_attr(const struct strobe_pools *pools, uint64_t obj, const char *name)
{
    uint64_t value;

    if (!obj || strobe_py_attr(pools->mem, pools->lay, obj, name, &value) || is_kind(pools, value, STROBE_PY_NONE))
        return 0;
    return value;
}

int64_t strobe_pools_int(const struct strobe_pools *pools, uint64_t obj, const char *name, int64_t fallback)
{
    uint64_t value = strobe_pools_attr(pools, obj, name);
    int64_t number;

    return !value || strobe_py_int(pools->mem, pools->lay, value, &number) ? fallback : number;
}

uint64_t strobe_pools_local(struct strobe_mem *mem, const struct strobe_layout *lay, const struct strobe_raw_frame *frame,
                            const struct strobe_code_entry *code, int which)
{
    int16_t slot = code->slot[which];
    uint64_t value;

    if (slot < 0 || (uint32_t)slot >= code->n_locals ||
        strobe_py_local_at(mem, lay, frame->frame, code->code, (uint32_t)slot, false, &value))
        return 0;
    return value;
}

/* ---- what is found ---- */

/* Which of the two kinds of an executor with threads it is, is known only later. */
static uint64_t kind_key(enum strobe_pool_kind kind)
{
    return kind == STROBE_POOL_INTERPRETERS ? STROBE_POOL_THREADS : kind;
}

int strobe_pools_add(struct strobe_pools *pools, enum strobe_pool_kind kind, uint64_t queue, uint32_t *ret)
{
    if (pools->n == MAX_POOLS || strobe_grow(&pools->at, &pools->cap, pools->n + 1, sizeof *pools->at) ||
        strobe_htab_put(&pools->by_queue, queue, kind_key(kind), pools->n))
        return STROBE_ERR_NOMEM;
    pools->at[pools->n] = (struct strobe_pool){
        .kind = kind, .queue = queue, .max = -1, .first_queued = (uint32_t)pools->n_queued, .first_call = (uint32_t)pools->n_calls};
    *ret = (uint32_t)pools->n++;
    return 0;
}

int strobe_pools_add_worker(struct strobe_pools *pools, uint32_t pool, struct strobe_pool_worker worker)
{
    if (strobe_grow(&pools->found, &pools->cap_found, pools->n_found + 1, sizeof *pools->found))
        return STROBE_ERR_NOMEM;
    pools->found[pools->n_found++] = (struct strobe_pool_found){pool, worker};
    return 0;
}

int strobe_pools_add_queued(struct strobe_pools *pools, struct strobe_pool *pool, uint64_t future)
{
    if (pool->n_queued++ >= STROBE_POOL_MAX_QUEUED)
        return 0;
    if (strobe_grow(&pools->queued, &pools->cap_queued, pools->n_queued + 1, sizeof *pools->queued))
        return STROBE_ERR_NOMEM;
    pools->queued[pools->n_queued++] = future;
    return 0;
}

const struct strobe_pool *strobe_pools_of_queue(const struct strobe_pools *pools, enum strobe_pool_kind kind, uint64_t queue)
{
    const uint64_t *index = strobe_htab_get(&pools->by_queue, queue, kind_key(kind));

    return index ? &pools->at[*index] : NULL;
}

/* The pool whose work queue this is; made when it is new. */
static int pool_of(struct strobe_pools *pools, enum strobe_pool_kind kind, uint64_t queue, uint32_t *ret)
{
    const struct strobe_pool *pool = strobe_pools_of_queue(pools, kind, queue);

    if (!pool)
        return strobe_pools_add(pools, kind, queue, ret);
    *ret = (uint32_t)(pool - pools->at);
    return 0;
}

/* Of frame i of a thread: is the frame that it called one that makes a worker's call? */
static bool calls(struct strobe_pools *pools, const struct strobe_thread *thread, uint32_t i)
{
    const struct strobe_code_entry *code = i ? strobe_coderoles_get(pools->codes, thread->frames[i - 1].code) : NULL;

    return code && code->role == STROBE_CODE_WORKER_CALL;
}

/* _worker(): executor_reference, work_queue, work_item.  The last is bound from the moment the item is taken out of the queue until its
 * call has returned, and is None only to end the thread. */
static int add_thread(struct strobe_pools *pools, uint32_t t, const struct strobe_thread *thread, uint32_t i,
                      const struct strobe_code_entry *code)
{
    const struct strobe_raw_frame *frame = &thread->frames[i];
    struct strobe_pool_worker worker = {.thread = t};
    uint64_t ref = strobe_pools_local(pools->mem, pools->lay, frame, code, 0);
    uint64_t queue = strobe_pools_local(pools->mem, pools->lay, frame, code, 1);
    uint64_t item = strobe_pools_local(pools->mem, pools->lay, frame, code, 2), executor;
    uint32_t pool;
    int err;

    if (!queue)
        return 0;
    worker.future = strobe_pools_attr(pools, item, "future");
    worker.busy = worker.future || calls(pools, thread, i);
    err = pool_of(pools, STROBE_POOL_THREADS, queue, &pool);
    if (err)
        return err;
    if (!pools->at[pool].object && !strobe_py_weakref(pools->mem, pools->lay, ref, &executor))
        pools->at[pool].object = executor;
    return strobe_pools_add_worker(pools, pool, worker);
}

static int take_first(void *ctx, uint64_t item)
{
    *(uint64_t *)ctx = item;
    return 1;
}

/* WorkerThread.run(): self, future.  Its queue.Queue counts an item until task_done(); the local may still have the call before. */
static int add_anyio(struct strobe_pools *pools, uint32_t t, const struct strobe_raw_frame *frame, const struct strobe_code_entry *code)
{
    uint64_t self = strobe_pools_local(pools->mem, pools->lay, frame, code, 0);
    uint64_t queue = strobe_pools_attr(pools, self, "queue"), items = strobe_pools_attr(pools, queue, "queue");
    uint64_t next = 0, item[ITEM_FUTURE + 1];
    struct strobe_pool_worker worker = {.thread = t};
    uint32_t pool;
    size_t got;
    int err;

    if (code->slot[1] < 0 || !queue)
        return 0;
    worker.queue = queue;
    worker.busy = strobe_pools_int(pools, queue, "unfinished_tasks", 0) > 0;
    if (worker.busy) {
        worker.future = strobe_pools_local(pools->mem, pools->lay, frame, code, 1);
        /* Given to it, and not yet taken: this is the next call. */
        if (strobe_py_deque_each(pools->mem, pools->lay, items, take_first, &next) == 1 &&
            !strobe_py_items(pools->mem, pools->lay, next, item, ITEM_FUTURE + 1, &got))
            worker.future = got > ITEM_FUTURE ? item[ITEM_FUTURE] : 0;
    }
    err = pool_of(pools, STROBE_POOL_ANYIO, 0, &pool);
    return err ? err : strobe_pools_add_worker(pools, pool, worker);
}

static int look_at_thread(struct strobe_pools *pools, uint32_t t, const struct strobe_thread *thread)
{
    int err = 0;

    for (uint32_t i = thread->n_frames; !err && i-- > 0;) {
        const struct strobe_raw_frame *frame = &thread->frames[i];
        const struct strobe_code_entry *code = strobe_coderoles_get(pools->codes, frame->code);

        if (!code)
            continue;
        switch (code->role) {
        case STROBE_CODE_WORKER: err = add_thread(pools, t, thread, i, code); break;
        case STROBE_CODE_ANYIO_WORKER: err = add_anyio(pools, t, frame, code); break;
        case STROBE_CODE_MANAGER: err = strobe_pools_add_manager(pools, frame, code); break;
        default: break;
        }
    }
    return err;
}

/* ---- what the pools say of themselves ---- */

struct queue {
    struct strobe_pools *pools;
    struct strobe_pool *pool;
};

static int each_queued(void *ctx, uint64_t item)
{
    struct queue *q = ctx;
    uint64_t future;

    if (q->pools->count_only) {
        q->pool->n_queued += !is_kind(q->pools, item, STROBE_PY_NONE);
        return 0;
    }
    future = strobe_pools_attr(q->pools, item, "future");
    if (!future && is_kind(q->pools, item, STROBE_PY_NONE))
        return 0;
    return strobe_pools_add_queued(q->pools, q->pool, future);
}

/* A SimpleQueue; its Python twin, or a queue.Queue that somebody has put in its place: the items lie in a deque or a list. */
static int read_queue(struct strobe_pools *pools, struct strobe_pool *pool)
{
    struct queue q = {pools, pool};
    uint64_t inner, items[1], *all, all_there;
    size_t n;
    int err;

    pool->first_queued = (uint32_t)pools->n_queued;
    /* The None that ends a worker is put when no more calls are taken: before that all that is there are calls. */
    if (pools->count_only && !pool->shutdown && !strobe_py_simplequeue_len(pools->mem, pools->lay, pool->queue, &all_there)) {
        pool->n_queued = all_there < UINT32_MAX ? (uint32_t)all_there : UINT32_MAX;
        return 0;
    }
    err = strobe_py_simplequeue_each(pools->mem, pools->lay, pool->queue, each_queued, &q);
    if (err != STROBE_ERR_OBJECT || pool->n_queued)
        return err;
    inner = strobe_pools_attr(pools, pool->queue, "queue");
    inner = inner ? inner : strobe_pools_attr(pools, pool->queue, "_queue");
    err = inner ? strobe_py_deque_each(pools->mem, pools->lay, inner, each_queued, &q) : STROBE_ERR_MISSING;
    if (err != STROBE_ERR_OBJECT || pool->n_queued || strobe_py_items(pools->mem, pools->lay, inner, items, 1, &n) || !n)
        return err;
    n = n < STROBE_PY_MAX_ITEMS ? n : STROBE_PY_MAX_ITEMS;
    all = malloc(n * sizeof *all);
    if (!all)
        return STROBE_ERR_NOMEM;
    err = strobe_py_items(pools->mem, pools->lay, inner, all, n, &(size_t){0});
    for (size_t i = 0; !err && i < n; i++)
        err = each_queued(&q, all[i]);
    free(all);
    return err;
}

static int read_thread_pool(struct strobe_pools *pools, struct strobe_pool *pool)
{
    uint64_t name = strobe_pools_attr(pools, pool->object, "_thread_name_prefix");
    int err;

    if (strobe_roles_of(pools->roles, pool->object) == STROBE_ROLE_INTERPRETER_POOL)
        pool->kind = STROBE_POOL_INTERPRETERS;
    pool->name = name && is_kind(pools, name, STROBE_PY_STR) ? name : 0;
    pool->max = strobe_pools_int(pools, pool->object, "_max_workers", -1);
    pool->shutdown = !pool->object || strobe_pools_int(pools, pool->object, "_shutdown", 0);
    err = read_queue(pools, pool);
    return err == STROBE_ERR_NOMEM ? err : 0;
}

/* Workers into place, each pool's together, in the order in which they were found. */
static int place_workers(struct strobe_pools *pools)
{
    uint32_t first = 0;

    if (strobe_grow(&pools->workers, &pools->cap_workers, pools->n_found, sizeof *pools->workers))
        return STROBE_ERR_NOMEM;
    for (size_t i = 0; i < pools->n_found; i++)
        pools->at[pools->found[i].pool].n_workers++;
    for (size_t i = 0; i < pools->n; i++) {
        pools->at[i].first_worker = first;
        first += pools->at[i].n_workers;
        pools->at[i].n_workers = 0;
    }
    for (size_t i = 0; i < pools->n_found; i++) {
        struct strobe_pool *pool = &pools->at[pools->found[i].pool];

        pools->workers[pool->first_worker + pool->n_workers++] = pools->found[i].worker;
        pool->n_busy += pools->found[i].worker.busy;
    }
    pools->n_workers = pools->n_found;
    return 0;
}

/* ---- where a future's call is ---- */

static int put(struct strobe_pools *pools, uint64_t future, uint32_t pool, uint64_t what, uint64_t number)
{
    if (!future)
        return 0;
    return strobe_htab_put(&pools->futures, future, 0, (uint64_t)pool << POOL_SHIFT | what << WHAT_SHIFT | number);
}

/* Queued calls first: one that a worker took meanwhile is the worker's. */
static int index_futures(struct strobe_pools *pools)
{
    int err = 0;

    strobe_htab_clear(&pools->futures);
    for (uint32_t p = 0; p < pools->n; p++) {
        const struct strobe_pool *pool = &pools->at[p];
        uint32_t listed = pool->n_queued < STROBE_POOL_MAX_QUEUED ? pool->n_queued : STROBE_POOL_MAX_QUEUED;

        for (uint32_t i = 0; !err && i < listed; i++)
            err = put(pools, pools->queued[pool->first_queued + i], p, QUEUED, i + 1);
        for (uint32_t i = 0; !err && i < pool->n_calls; i++)
            err = put(pools, pools->calls[pool->first_call + i].future, p, SOMEWHERE, 0);
        for (uint32_t i = pool->first_worker; !err && i < pool->first_worker + pool->n_workers; i++)
            err = put(pools, pools->workers[i].future, p, WORKER, i);
    }
    return err;
}

bool strobe_pools_find(const struct strobe_pools *pools, uint64_t future, uint32_t *ret_pool, uint32_t *ret_worker, uint32_t *ret_place)
{
    const uint64_t *where = future ? strobe_htab_get(&pools->futures, future, 0) : NULL;
    uint64_t what;

    if (!where)
        return false;
    what = *where >> WHAT_SHIFT & 3;
    *ret_pool = (uint32_t)(*where >> POOL_SHIFT);
    *ret_worker = what == WORKER ? (uint32_t)*where : STROBE_NO_INDEX;
    *ret_place = what == QUEUED ? (uint32_t)*where : 0;
    return true;
}

void strobe_pools_assign(struct strobe_pools *pools, uint32_t pool, uint32_t worker, uint64_t work_id)
{
    struct strobe_pool_worker *w = &pools->workers[worker];
    uint64_t *where;

    w->busy = true;
    w->work_id = work_id;
    w->future = 0;
    for (uint32_t i = 0; i < pools->at[pool].n_calls && !w->future; i++)
        if (pools->calls[pools->at[pool].first_call + i].work_id == work_id)
            w->future = pools->calls[pools->at[pool].first_call + i].future;
    where = w->future ? strobe_htab_get(&pools->futures, w->future, 0) : NULL;
    if (where)
        *where = (uint64_t)pool << POOL_SHIFT | (uint64_t)WORKER << WHAT_SHIFT | worker;
}

/* ---- all of them ---- */

int strobe_pools_read(struct strobe_pools *pools, const struct strobe_sample *threads)
{
    int err = 0;

    pools->n = pools->n_workers = pools->n_queued = pools->n_calls = pools->n_found = 0;
    strobe_htab_clear(&pools->by_queue);
    for (uint32_t t = 0; !err && t < threads->n_threads; t++)
        err = pools->main_tid && threads->threads[t].tid == pools->main_tid ? 0 : look_at_thread(pools, t, &threads->threads[t]);
    if (!err)
        err = place_workers(pools);
    for (size_t i = 0; !err && i < pools->n; i++) {
        struct strobe_pool *pool = &pools->at[i];

        if (pool->object && strobe_py_type(pools->mem, pools->lay, pool->object, &pool->type))
            pool->type = 0;
        if (pool->kind == STROBE_POOL_THREADS)
            err = read_thread_pool(pools, pool);
    }
    return err ? err : pools->count_only ? 0 : index_futures(pools);
}
