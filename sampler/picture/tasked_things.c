/* SPDX-License-Identifier: Apache-2.0 */
/* What tasks wait for, and the pools that run their calls. */
#include "picture/tasked_parts.h"

#include <string.h>

#include "naming/waitnames.h"
#include "runtime/pyobj.h"
#include "walk/frames.h"

enum { MAX_TYPE_NAME = 128 };

/* ---- what is waited for ---- */

struct strobe_tasked_type {
    const char *name, *module;
};

static void read_type(struct strobe_tasked *tasked, uint64_t type, const char **ret_name, const char **ret_module)
{
    struct strobe_mem *mem = tasked->place->mem;
    const struct strobe_layout *lay = tasked->place->layout;
    struct strobe_buf module = STROBE_BUF_INIT;
    char name[MAX_TYPE_NAME];
    uint64_t value;

    *ret_name = *ret_module = "";
    if (!type || strobe_py_type_name(mem, lay, type, name, sizeof name))
        return;
    if (!strobe_py_getattr(mem, lay, type, "__module__", &value) && strobe_py_str(mem, lay, value, &module))
        strobe_buf_clear(&module);
    if (!module.len && strobe_py_last_name(name) != name)
        strobe_buf_put(&module, name, (size_t)(strobe_py_last_name(name) - name) - 1);
    *ret_name = strobe_tasked_keep(tasked, strobe_py_last_name(name));
    *ret_module = strobe_tasked_keep_buf(tasked, &module);
}

/* Each type once a look: there may be ten thousand things of one. */
void strobe_tasked_type_name(struct strobe_tasked *tasked, uint64_t type, const char **ret_name, const char **ret_module)
{
    const uint64_t *known = strobe_htab_get(&tasked->types, type, 0);
    struct strobe_tasked_type *kept = known ? (struct strobe_tasked_type *)(uintptr_t)*known : NULL;

    if (!kept) {
        read_type(tasked, type, ret_name, ret_module);
        kept = strobe_arena_alloc(&tasked->arena, sizeof *kept);
        if (!kept)
            return;
        *kept = (struct strobe_tasked_type){*ret_name, *ret_module};
        strobe_htab_put(&tasked->types, type, 0, (uintptr_t)kept); /* without memory: read again */
    }
    *ret_name = kept->name;
    *ret_module = kept->module;
}

static void fill_wait(struct strobe_tasked *tasked, uint32_t index, struct strobe_report_wait *ret,
                      struct strobe_wait_variable *ret_variable)
{
    struct strobe_mem *mem = tasked->place->mem;
    const struct strobe_layout *lay = tasked->place->layout;
    const struct strobe_task_sample *sample = tasked->report.sample;
    struct strobe_buf name = STROBE_BUF_INIT, peer = STROBE_BUF_INIT;

    *ret = (struct strobe_report_wait){.wait = &sample->waits[index], .pool = STROBE_NO_INDEX};
    strobe_taskreader_facts(strobe_tasklook_reader(tasked->look), index, &ret->facts);
    if (ret->facts.capacity_source == STROBE_CAPACITY_COUNTED && (!sample->whole || sample->n_dropped)) {
        ret->facts.capacity = -1; /* who was left out, or has let go meanwhile, would be missing */
        ret->facts.capacity_source = STROBE_CAPACITY_UNKNOWN;
    }
    strobe_tasked_type_name(tasked, ret->wait->type, &ret->type, &ret->module);
    strobe_wait_name(mem, lay, sample, index, &name, &ret->name_source, ret_variable);
    ret->name = strobe_tasked_keep_buf(tasked, &name);
    if (ret->facts.fd >= 0 && tasked->place->ops->peer)
        tasked->place->ops->peer(tasked->place, ret->facts.fd, &peer);
    ret->peer = strobe_tasked_keep_buf(tasked, &peer);
}

/* What the code of a task that waits for it calls each pool. */
static void name_pools(struct strobe_tasked *tasked, struct strobe_wait *own, struct strobe_report_wait *waits)
{
    const struct strobe_task_sample *sample = tasked->report.sample;
    size_t left = tasked->pools.n;

    for (uint32_t i = 0; i < sample->n_tasks && left; i++) {
        const struct strobe_task *task = &sample->tasks[i];
        struct strobe_buf name = STROBE_BUF_INIT;
        uint32_t pool, worker, place;

        if (!task->source || !strobe_pools_find(&tasked->pools, task->source, &pool, &worker, &place) ||
            own[pool].task != STROBE_NO_INDEX)
            continue;
        own[pool].task = i; /* one is asked */
        left--;
        strobe_thing_name(tasked->place->mem, tasked->place->layout, task, tasked->pools.at[pool].object,
                          &name,
                          &waits[pool].name_source);
        waits[pool].name = strobe_tasked_keep_buf(tasked, &name);
    }
}

/* The waits of the sample, and behind them one a pool for calls handed to it. */
int strobe_tasked_fill_waits(struct strobe_tasked *tasked)
{
    const struct strobe_task_sample *sample = tasked->report.sample;
    size_t n_pools = tasked->pools.n;
    struct strobe_report_wait *waits = strobe_arena_alloc(&tasked->arena, (sample->n_waits + n_pools + 1) * sizeof *waits);
    struct strobe_wait *own = strobe_arena_alloc(&tasked->arena, (n_pools + 1) * sizeof *own);
    struct strobe_wait_variable *variables = strobe_arena_alloc(&tasked->arena, (sample->n_waits + 1) * sizeof *variables);
    int err;

    if (!waits || !own || !variables)
        return STROBE_ERR_NOMEM;
    for (uint32_t i = 0; i < sample->n_waits; i++)
        fill_wait(tasked, i, &waits[i], &variables[i]);
    err = strobe_tasked_check_names(tasked, waits, variables);
    if (err)
        return err;
    for (uint32_t i = 0; i < n_pools; i++) {
        const struct strobe_pool *pool = &tasked->pools.at[i];

        own[i] = (struct strobe_wait){.kind = pool->kind == STROBE_POOL_ANYIO ? STROBE_WAIT_WORKER_THREAD : STROBE_WAIT_EXECUTOR,
                                      .object = pool->object, .type = pool->type, .task = STROBE_NO_INDEX, .frame = STROBE_NO_INDEX};
        waits[sample->n_waits + i] = (struct strobe_report_wait){
            .wait = &own[i], .type = tasked->report.pools[i].type, .module = "", .name = "", .name_source = "", .peer = "", .pool = i,
            .facts = {-1, -1, STROBE_CAPACITY_UNKNOWN, -1, -1, -1, -1, -1, -1, -1}};
    }
    name_pools(tasked, own, waits + sample->n_waits);
    tasked->report.waits = tasked->waits = waits;
    tasked->report.n_waits = (uint32_t)(sample->n_waits + n_pools);
    return 0;
}

/* ---- pools ---- */

/* A worker's call: its frames inside of the machinery that makes calls. */
static int call_of(struct strobe_tasked *tasked, const struct strobe_thread *thread, uint32_t *ret_stack)
{
    struct strobe_coderoles *codes = &strobe_tasklook_reader(tasked->look)->codes;
    uint64_t hash[2];
    uint32_t n = 0;

    for (; n < thread->n_frames; n++) {
        const struct strobe_code_entry *code = strobe_coderoles_get(codes, thread->frames[n].code);

        if (code && code->role >= STROBE_CODE_WORKER && code->role <= STROBE_CODE_ANYIO_WORKER)
            break;
    }
    strobe_frames_hash(thread->frames, n, hash);
    return strobe_tasked_stack(tasked, thread->frames, n, hash, ret_stack);
}

static int fill_workers(struct strobe_tasked *tasked, const struct strobe_sample *threads)
{
    struct strobe_report_worker *workers = strobe_arena_alloc(&tasked->arena, (tasked->pools.n_workers + 1) * sizeof *workers);

    tasked->workers = workers;
    tasked->worker_stacks = strobe_arena_alloc(&tasked->arena, (tasked->pools.n_workers + 1) * sizeof *tasked->worker_stacks);
    if (!workers || !tasked->worker_stacks)
        return STROBE_ERR_NOMEM;
    for (size_t i = 0; i < tasked->pools.n_workers; i++) {
        const struct strobe_pool_worker *worker = &tasked->pools.workers[i];
        int err;

        tasked->worker_stacks[i] = STROBE_NO_INDEX;
        workers[i] = (struct strobe_report_worker){.worker = worker, .tid = worker->pid, .name = "", .task = STROBE_NO_INDEX};
        if (worker->thread == STROBE_NO_INDEX)
            continue;
        workers[i].tid = threads->threads[worker->thread].tid;
        workers[i].name = strobe_tasked_keep(tasked, strobe_snapshot_thread_name(tasked->snap, &threads->threads[worker->thread]));
        err = call_of(tasked, &threads->threads[worker->thread], &tasked->worker_stacks[i]);
        if (err)
            return err;
        if (worker->busy)
            workers[i].leaf = strobe_tasked_leaf(tasked, threads->threads[worker->thread].frames,
                                                 threads->threads[worker->thread].n_frames);
    }
    return 0;
}

int strobe_tasked_fill_pools(struct strobe_tasked *tasked, const struct strobe_sample *threads)
{
    struct strobe_report_pool *pools = strobe_arena_alloc(&tasked->arena, (tasked->pools.n + 1) * sizeof *pools);
    int err = pools ? fill_workers(tasked, threads) : STROBE_ERR_NOMEM;

    if (err)
        return err;
    for (size_t i = 0; i < tasked->pools.n; i++) {
        const struct strobe_pool *pool = &tasked->pools.at[i];
        struct strobe_buf name = STROBE_BUF_INIT;
        const char *module;

        if (pool->name)
            strobe_py_str(tasked->place->mem, tasked->place->layout, pool->name, &name);
        pools[i] = (struct strobe_report_pool){.pool = pool, .name = strobe_tasked_keep_buf(tasked, &name),
                                               .workers = tasked->workers + pool->first_worker, .n_workers = pool->n_workers};
        strobe_tasked_type_name(tasked, pool->type, &pools[i].type, &module);
    }
    tasked->report.pools = pools;
    tasked->report.n_pools = (uint32_t)tasked->pools.n;
    return 0;
}

void strobe_tasked_finish_workers(struct strobe_tasked *tasked)
{
    for (size_t i = 0; i < tasked->pools.n_workers; i++) {
        const struct strobe_tasked_stack *stack;

        if (tasked->worker_stacks[i] == STROBE_NO_INDEX)
            continue;
        stack = &tasked->resolved[tasked->worker_stacks[i]];
        tasked->workers[i].frames = stack->frames;
        tasked->workers[i].n_frames = stack->n;
    }
}
