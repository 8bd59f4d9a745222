/* SPDX-License-Identifier: Apache-2.0 */
/* What lies idle: found in memory, no thread works for it and no task waits for it; and what any object says of itself. */
#include "picture/pooled_parts.h"

#include "picture/tasked_parts.h"
#include "runtime/pyobj.h"

/* What an object is to the people who read of it. */
static enum strobe_resource_kind kind_of_role(enum strobe_role role)
{
    switch (role) {
    case STROBE_ROLE_THREAD_POOL: return STROBE_RESOURCE_THREAD_POOL;
    case STROBE_ROLE_INTERPRETER_POOL: return STROBE_RESOURCE_INTERPRETER_POOL;
    case STROBE_ROLE_PROCESS_POOL: return STROBE_RESOURCE_PROCESS_POOL;
    case STROBE_ROLE_LIMITER: return STROBE_RESOURCE_LIMITER;
    case STROBE_ROLE_QUEUE:
    case STROBE_ROLE_THREADING_QUEUE: return STROBE_RESOURCE_QUEUE;
    default: return STROBE_RESOURCE_SEMAPHORE;
    }
}

static bool is_executor(enum strobe_role role)
{
    return role >= STROBE_ROLE_THREAD_POOL && role <= STROBE_ROLE_PROCESS_POOL;
}

static bool is_of_threads(enum strobe_role role)
{
    return role >= STROBE_ROLE_THREADING_SEMAPHORE && role <= STROBE_ROLE_THREADING_QUEUE;
}

/* ---- what an object says ---- */

void strobe_pooled_put_facts(const struct strobe_wait_facts *facts, struct strobe_report_resource *to)
{
    to->free = facts->free;
    to->capacity = facts->capacity;
    to->capacity_source = facts->capacity_source;
    to->waiters = facts->queued;
    to->size = facts->size;
    to->maxsize = facts->maxsize;
    if (to->kind != STROBE_RESOURCE_LIMITER)
        return;
    to->holders = facts->borrowed;
    to->over = facts->capacity >= 0 && facts->borrowed > facts->capacity ? facts->borrowed - facts->capacity : 0;
}

void strobe_pooled_read_facts(struct strobe_pooled *pooled, struct strobe_report_resource *to)
{
    struct strobe_taskreader *reader = strobe_tasklook_reader(pooled->tasked.look);
    struct strobe_mem *mem = pooled->tasked.place->mem;
    const struct strobe_layout *lay = pooled->tasked.place->layout;
    bool queue = to->kind == STROBE_RESOURCE_QUEUE;
    struct strobe_wait wait = {.kind = queue ? STROBE_WAIT_QUEUE_GET : STROBE_WAIT_SEMAPHORE, .object = to->address};
    struct strobe_wait_facts facts;
    int64_t getters;

    strobe_wait_facts_read(mem, lay, &reader->roles, &wait, &facts);
    if (queue && !to->of_threads) { /* asyncio's: those who put have a list of their own */
        getters = facts.queued;
        wait.kind = STROBE_WAIT_QUEUE_PUT;
        strobe_wait_facts_read(mem, lay, &reader->roles, &wait, &facts);
        facts.queued = getters < 0 || facts.queued < 0 ? -1 : getters + facts.queued;
    }
    strobe_pooled_put_facts(&facts, to);
}

static uint64_t attribute(struct strobe_pooled *pooled, uint64_t obj, const char *name)
{
    struct strobe_mem *mem = pooled->tasked.place->mem;
    const struct strobe_layout *lay = pooled->tasked.place->layout;
    enum strobe_py_kind kind;
    uint64_t value;

    return strobe_py_attr(mem, lay, obj, name, &value) || strobe_py_kind(mem, lay, value, &kind) || kind == STROBE_PY_NONE ? 0 : value;
}

static int64_t number(struct strobe_pooled *pooled, uint64_t obj, const char *name)
{
    uint64_t value = attribute(pooled, obj, name);
    int64_t n;

    return value && !strobe_py_int(pooled->tasked.place->mem, pooled->tasked.place->layout, value, &n) && n >= 0 ? n : -1;
}

/* ---- parts of others ---- */

/* Semaphores and queues that an executor is made of, and what one of anyio's stands for once it is used. */
static const struct {
    const char *attribute;
    bool of_executor;
} parts[] = {{"_idle_semaphore", true}, {"_idle_worker_semaphore", true}, {"_work_ids", true}, {"_internal_semaphore", false},
             {"_internal_limiter", false}};

static bool may_have(enum strobe_role role, size_t part)
{
    return parts[part].of_executor ? is_executor(role) : role == STROBE_ROLE_ANYIO_SEMAPHORE || role == STROBE_ROLE_LIMITER;
}

static int find_parts_of(struct strobe_pooled *pooled, const struct strobe_instance *instance)
{
    int err = 0;

    for (size_t k = 0; k < sizeof parts / sizeof parts[0] && !err; k++) {
        uint64_t object = may_have(instance->role, k) ? attribute(pooled, instance->addr, parts[k].attribute) : 0;

        if (object)
            err = strobe_htab_put(&pooled->inner, object, 0, parts[k].of_executor ? 0 : instance->addr);
    }
    return err;
}

int strobe_pooled_find_parts(struct strobe_pooled *pooled)
{
    struct strobe_instance instance;
    int err = 0;

    strobe_htab_clear(&pooled->inner);
    for (size_t i = 0; i < pooled->instances.n && !err; i++)
        err = find_parts_of(pooled, &pooled->instances.at[i]);
    for (size_t i = 0; i < pooled->hints.n && !err; i++)
        if (strobe_pooled_hinted(pooled, i, &instance))
            err = find_parts_of(pooled, &instance);
    for (size_t i = 0; i < pooled->tasked.pools.n_workers && !err; i++)
        if (pooled->tasked.pools.workers[i].queue)
            err = strobe_htab_put(&pooled->inner, pooled->tasked.pools.workers[i].queue, 0, 0);
    return err;
}

uint64_t strobe_pooled_outer(const struct strobe_pooled *pooled, uint64_t object)
{
    const uint64_t *known = strobe_htab_get(&pooled->inner, object, 0);

    return known ? *known : object;
}

/* ---- idle ones ---- */

struct counting {
    struct strobe_pooled *pooled;
    int64_t n;
};

/* The None that ends a thread is no call. */
static int count_call(void *ctx, uint64_t item)
{
    struct counting *c = ctx;
    enum strobe_py_kind kind;

    c->n += strobe_py_kind(c->pooled->tasked.place->mem, c->pooled->tasked.place->layout, item, &kind) || kind != STROBE_PY_NONE;
    return 0;
}

/* An executor that no thread works for: not begun, shut down, or of a process that this one was forked from.  False: one that was collected
 * and whose memory still looks like it (free-threaded builds), as its threads know while they work on. */
static bool fill_executor(struct strobe_pooled *pooled, uint64_t obj, struct strobe_report_resource *to)
{
    struct strobe_mem *mem = pooled->tasked.place->mem;
    const struct strobe_layout *lay = pooled->tasked.place->layout;
    struct strobe_buf prefix = STROBE_BUF_INIT;
    struct counting calls = {pooled, 0};
    uint64_t text = attribute(pooled, obj, "_thread_name_prefix"), pending = attribute(pooled, obj, "_pending_work_items"), n;
    uint64_t queue = attribute(pooled, obj, "_work_queue");

    to->queue = pending ? pending : queue;
    if (strobe_pools_of_queue(&pooled->tasked.pools, pending ? STROBE_POOL_PROCESSES : STROBE_POOL_THREADS, to->queue))
        return false;
    to->max = number(pooled, obj, "_max_workers");
    to->workers = to->busy = 0;
    if (pending && !strobe_py_len(mem, lay, pending, &n))
        calls.n = (int64_t)n;
    else if (queue)
        strobe_py_simplequeue_each(mem, lay, queue, count_call, &calls);
    to->queued = calls.n;
    to->shutdown = number(pooled, obj, "_shutdown") > 0 || number(pooled, obj, "_shutdown_thread") > 0;
    if (text && strobe_py_str(mem, lay, text, &prefix))
        strobe_buf_clear(&prefix);
    to->prefix = strobe_tasked_keep_buf(&pooled->tasked, &prefix);
    return to->max >= 0;
}

/* False: what looks like one is none. */
static bool fill_idle(struct strobe_pooled *pooled, const struct strobe_instance *instance, struct strobe_report_resource *to)
{
    to->kind = kind_of_role(instance->role);
    to->of_threads = is_of_threads(instance->role) || is_executor(instance->role);
    to->class_address = instance->type;
    strobe_tasked_type_name(&pooled->tasked, instance->type, &to->type, &to->module);
    if (is_executor(instance->role))
        return fill_executor(pooled, instance->addr, to);
    strobe_pooled_read_facts(pooled, to);
    if (to->kind == STROBE_RESOURCE_SEMAPHORE && !to->of_threads && pooled->tasked.report.sample->whole)
        to->holders = 0; /* no task was seen to hold it */
    return to->kind == STROBE_RESOURCE_QUEUE ? to->size >= 0 && to->maxsize > 0 : to->free >= 0;
}

int strobe_pooled_add_instance(struct strobe_pooled *pooled, const struct strobe_instance *instance)
{
    struct strobe_report_resource *to;
    bool is_new;

    if (strobe_htab_get(&pooled->inner, instance->addr, 0) || strobe_pooled_has(pooled, instance->addr) ||
        !strobe_instance_lives(pooled->tasked.place->mem, pooled->tasked.place->layout, instance))
        return 0;
    if (!(to = strobe_pooled_row(pooled, instance->addr, &is_new)))
        return STROBE_ERR_NOMEM;
    if (!fill_idle(pooled, instance, to))
        strobe_pooled_unrow(pooled);
    return 0;
}

static int add_living(struct strobe_pooled *pooled)
{
    int err = 0;

    for (size_t i = 0; i < pooled->instances.n && !err; i++)
        err = strobe_pooled_add_instance(pooled, &pooled->instances.at[i]);
    return err;
}

/* Twice: what was read while the collector's list was changed is read again. */
int strobe_pooled_add_idle(struct strobe_pooled *pooled)
{
    int err = add_living(pooled);

    strobe_mem_epoch(pooled->tasked.place->mem);
    return err ? err : add_living(pooled);
}
