/* SPDX-License-Identifier: Apache-2.0 */
/* The threads that wait in future.result(), and for what: a task, a call of a pool, a coroutine that a loop has not begun. */
#include "picture/tasked_parts.h"

#include "runtime/pyobj.h"

enum {
    MAX_RESULT_DEPTH = 8, /* frames inside of Future.result(): a condition's, a lock's */
    MAX_HANDLES = 10000,  /* of one loop's that are due */
};

/* ---- what a thread waits for ---- */

/* The concurrent future whose result a thread waits for; 0 = none. */
static uint64_t awaited_result(struct strobe_tasked *tasked, const struct strobe_thread *thread, bool *ret_ends)
{
    struct strobe_mem *mem = tasked->place->mem;
    const struct strobe_layout *lay = tasked->place->layout;
    struct strobe_coderoles *codes = &strobe_tasklook_reader(tasked->look)->codes;

    for (uint32_t i = 0; i < thread->n_frames && i < MAX_RESULT_DEPTH; i++) {
        const struct strobe_code_entry *code = strobe_coderoles_get(codes, thread->frames[i].code);
        enum strobe_py_kind kind;

        if (!code || code->role != STROBE_CODE_RESULT)
            continue;
        *ret_ends = strobe_py_kind(mem, lay, strobe_pools_local(mem, lay, &thread->frames[i], code, 1), &kind) || kind != STROBE_PY_NONE;
        return strobe_pools_local(mem, lay, &thread->frames[i], code, 0);
    }
    return 0;
}

/* ---- what loops have not begun ---- */

struct unbegun {
    struct strobe_tasked *tasked;
    struct strobe_htab futures; /* concurrent future -> 1 + the thread whose loop is to begin it */
    uint32_t thread;
    uint32_t n;                 /* handles of this loop */
};

/* A Handle whose callback is run_coroutine_threadsafe()'s. */
static int each_handle(void *ctx, uint64_t handle)
{
    struct unbegun *u = ctx;
    struct strobe_mem *mem = u->tasked->place->mem;
    const struct strobe_layout *lay = u->tasked->place->layout;
    struct strobe_taskreader *reader = strobe_tasklook_reader(u->tasked->look);
    const struct strobe_code_entry *code;
    uint64_t callback, value;

    if (u->n++ >= MAX_HANDLES)
        return 1;
    if (strobe_py_attr(mem, lay, handle, "_callback", &callback) ||
        strobe_roles_of(&reader->roles, callback) != STROBE_ROLE_FUNCTION || strobe_mem_u64(mem, callback + lay->func_code, &value))
        return 0;
    code = strobe_coderoles_get(&reader->codes, value);
    if (!code || code->role != STROBE_CODE_BEGINS || code->slot[0] < 0 ||
        strobe_py_closure(mem, lay, callback, (size_t)code->slot[0], &value))
        return 0;
    return strobe_htab_put(&u->futures, value, 0, 1 + (uint64_t)u->thread);
}

/* Looks at the handles that are due in all loops that run; what cannot be read is passed over. */
static int list_unbegun(struct unbegun *u, const struct strobe_sample *threads)
{
    struct strobe_mem *mem = u->tasked->place->mem;
    const struct strobe_layout *lay = u->tasked->place->layout;
    const uint64_t *loops = u->tasked->loops;
    uint64_t ready;

    for (u->thread = 0; u->thread < threads->n_threads; u->thread++) {
        u->n = 0;
        if (loops[u->thread] && !strobe_py_attr(mem, lay, loops[u->thread], "_ready", &ready) &&
            strobe_py_deque_each(mem, lay, ready, each_handle, u) == STROBE_ERR_NOMEM)
            return STROBE_ERR_NOMEM;
    }
    return 0;
}

/* ---- both together ---- */

/* The task whose end sets a concurrent future; STROBE_NO_INDEX. */
static uint32_t task_of(const struct strobe_task_sample *sample, uint64_t future)
{
    for (uint32_t i = 0; i < sample->n_tasks; i++)
        if (sample->tasks[i].promise == future)
            return i;
    return STROBE_NO_INDEX;
}

/* Of the threads that wait for nothing that is known yet: is it with a loop? */
static int find_unbegun(struct strobe_tasked *tasked, const struct strobe_sample *threads, struct strobe_report_link *links,
                        const uint64_t *results, uint32_t n)
{
    struct unbegun u = {.tasked = tasked, .futures = STROBE_HTAB_INIT};
    int err = list_unbegun(&u, threads);

    for (uint32_t i = 0; !err && i < n; i++) {
        const uint64_t *thread = strobe_htab_get(&u.futures, results[i], 0);

        if (thread && links[i].task == STROBE_NO_INDEX && links[i].pool == STROBE_NO_INDEX)
            links[i].loop_thread = (uint32_t)(*thread - 1);
    }
    strobe_htab_release(&u.futures);
    return err;
}

static bool is_known(const struct strobe_report_link *link)
{
    return link->task != STROBE_NO_INDEX || link->pool != STROBE_NO_INDEX || link->loop_thread != STROBE_NO_INDEX;
}

/* The stacks of the threads that run loops: what keeps a loop from its tasks may be none of them. */
static int fill_stacks(struct strobe_tasked *tasked, const struct strobe_sample *threads, struct strobe_report_thread *named)
{
    const uint64_t *loops = tasked->loops;
    uint32_t *stacks = strobe_arena_alloc(&tasked->arena, (threads->n_threads + 1) * sizeof *stacks);
    int err = stacks ? 0 : STROBE_ERR_NOMEM;

    for (uint32_t t = 0; t < threads->n_threads && !err; t++) {
        const struct strobe_thread *thread = &threads->threads[t];

        if (loops[t])
            err = strobe_tasked_stack(tasked, thread->frames, thread->n_frames, thread->hash, &stacks[t]);
    }
    if (err)
        return err;
    strobe_tasked_finish_stacks(tasked);
    for (uint32_t t = 0; t < threads->n_threads; t++)
        if (loops[t]) {
            named[t].frames = tasked->resolved[stacks[t]].frames;
            named[t].n_frames = tasked->resolved[stacks[t]].n;
        }
    return 0;
}

int strobe_tasked_fill_links(struct strobe_tasked *tasked, const struct strobe_sample *threads)
{
    struct strobe_report_link *links = strobe_arena_alloc(&tasked->arena, (threads->n_threads + 1) * sizeof *links);
    struct strobe_report_thread *named = strobe_arena_alloc(&tasked->arena, (threads->n_threads + 1) * sizeof *named);
    uint64_t *results = strobe_arena_alloc(&tasked->arena, (threads->n_threads + 1) * sizeof *results);
    uint32_t n = 0, kept = 0, place;
    bool asks = false;
    int err = 0;

    if (!links || !named || !results)
        return STROBE_ERR_NOMEM;
    for (uint32_t t = 0; t < threads->n_threads; t++) {
        struct strobe_report_link *link = &links[n];
        bool ends = false;
        uint64_t result = awaited_result(tasked, &threads->threads[t], &ends);

        named[t] = (struct strobe_report_thread){.thread = &threads->threads[t], .name = ""};
        if (!result)
            continue;
        *link = (struct strobe_report_link){.thread = t, .task = task_of(tasked->report.sample, result), .ends = ends,
                                            .pool = STROBE_NO_INDEX, .worker = STROBE_NO_INDEX, .loop_thread = STROBE_NO_INDEX};
        if (link->task == STROBE_NO_INDEX && strobe_pools_find(&tasked->pools, result, &link->pool, &link->worker, &place) &&
            link->worker != STROBE_NO_INDEX)
            link->worker -= tasked->pools.at[link->pool].first_worker;
        asks |= !is_known(link);
        results[n++] = result;
    }
    err = fill_stacks(tasked, threads, named);
    if (!err && asks)
        err = find_unbegun(tasked, threads, links, results, n);
    for (uint32_t i = 0; i < n; i++) {
        struct strobe_report_thread *thread = &named[links[i].thread];

        if (!is_known(&links[i]))
            continue;
        thread->name = strobe_tasked_keep(tasked, strobe_snapshot_thread_name(tasked->snap, thread->thread));
        links[kept++] = links[i];
    }
    tasked->process.threads = named;
    tasked->process.n_threads = threads->n_threads;
    tasked->report.links = links;
    tasked->report.n_links = kept;
    return err;
}
