/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tasked.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/grow.h"
#include "runtime/pycontext.h"
#include "runtime/pyobj.h"
#include "tools/childwork.h"
#include "tools/peers.h"
#include "waitnames.h"
#include "walk/frames.h"
#include "walk/loops.h"

enum {
    MAX_CONTEXT_TEXT = 128, /* characters of a context variable's value that are shown */
    MAX_TYPE_NAME = 128,
    MAX_RESULT_DEPTH = 8, /* frames inside of Future.result(): a condition's, a lock's */
};

/* A stack that was resolved: tasks with equal stacks share it. */
struct strobe_tasked_stack {
    const struct strobe_raw_frame *raw;
    uint32_t n_raw, n;
    uint32_t *ids;
    struct strobe_report_frame *frames;
};

static int shorten(void *ctx, const char *path, struct strobe_buf *ret_short)
{
    return strobe_attach_shorten(ctx, path, ret_short);
}

static int find_table(void *ctx, struct strobe_mem *mem, uint64_t *ret_table)
{
    return strobe_attach_asyncio(ctx, mem, ret_table);
}

static int open_look(struct strobe_tasked *tasked)
{
    struct strobe_mem *mem = strobe_attach_mem(tasked->attach);
    const struct strobe_layout *layout = strobe_attach_layout(tasked->attach);
    struct strobe_tasklook_opts opts = {.careful = true, .max_pause_ns = tasked->opts.nonblocking ? 0 : tasked->opts.max_pause_ns};
    struct strobe_taskreader *reader;
    int err = strobe_tasklook_new(mem, layout, tasked->snap, strobe_clock_system(), &opts, &tasked->look);

    if (err)
        return err;
    strobe_tasklook_set_finder(tasked->look, find_table, tasked->attach);
    reader = strobe_tasklook_reader(tasked->look);
    strobe_pools_init(&tasked->pools, mem, layout, &reader->roles, &reader->codes);
    strobe_callnames_init(&tasked->calls, mem, layout, &reader->codes);
    return 0;
}

int strobe_tasked_open(struct strobe_attach *attach, int32_t pid, const struct strobe_tasked_opts *opts, struct strobe_tasked *ret)
{
    struct strobe_snapshot_opts snap = {.mode = opts->nonblocking ? STROBE_MODE_NONBLOCKING : STROBE_MODE_EXACT};
    const struct strobe_layout *layout = strobe_attach_layout(attach);
    struct strobe_mem *mem = strobe_attach_mem(attach);
    int err;

    *ret = (struct strobe_tasked){.attach = attach, .opts = *opts};
    ret->process = (struct strobe_report_process){.pid = pid,
                                                  .cmdline = strobe_attach_cmdline(attach),
                                                  .exe = strobe_attach_exe(attach),
                                                  .version = strobe_attach_version(attach),
                                                  .full_filenames = opts->full_filenames,
                                                  .show_lines = true};
    err = strobe_names_new(&ret->names);
    if (!err) {
        strobe_names_set_shortener(ret->names, shorten, attach);
        err = strobe_codes_new(mem, layout, ret->names, &ret->codes);
    }
    if (!err)
        err = strobe_snapshot_new(mem, strobe_attach_host(attach), layout, strobe_clock_system(), &snap, &ret->snap);
    if (!err)
        err = open_look(ret);
    ret->process.names = ret->names;
    if (err)
        strobe_tasked_release(ret);
    return err;
}

void strobe_tasked_release(struct strobe_tasked *tasked)
{
    strobe_pools_release(&tasked->pools);
    strobe_callnames_release(&tasked->calls);
    strobe_tasklook_free(tasked->look);
    strobe_htab_release(&tasked->stacks);
    strobe_htab_release(&tasked->waiting);
    free(tasked->resolved);
    strobe_arena_release(&tasked->arena);
    strobe_snapshot_free(tasked->snap);
    strobe_codes_free(tasked->codes);
    strobe_names_free(tasked->names);
    *tasked = (struct strobe_tasked){.attach = NULL};
}

/* ---- texts and stacks ---- */

static const char *keep(struct strobe_tasked *tasked, const char *text)
{
    size_t size = strlen(text) + 1;
    char *kept = size > 1 ? strobe_arena_alloc(&tasked->arena, size) : NULL;

    return kept ? memcpy(kept, text, size) : "";
}

static const char *keep_buf(struct strobe_tasked *tasked, struct strobe_buf *text)
{
    const char *kept = keep(tasked, strobe_buf_str(text));

    strobe_buf_release(text);
    return kept;
}

static const char *mark_of(struct strobe_tasked *tasked, const struct strobe_raw_frame *raw)
{
    struct strobe_buf text = STROBE_BUF_INIT;

    if (raw->code != STROBE_CODE_ELIDED)
        return "<unreadable>";
    strobe_buf_puts(&text, "... ");
    strobe_buf_grouped(&text, raw->instr);
    strobe_buf_printf(&text, " frame%s left out ...", raw->instr == 1 ? "" : "s");
    return keep_buf(tasked, &text);
}

static int resolve_stack(struct strobe_tasked *tasked, struct strobe_tasked_stack *stack)
{
    stack->ids = strobe_arena_alloc(&tasked->arena, (stack->n_raw + 1) * sizeof *stack->ids);
    stack->frames = strobe_arena_alloc(&tasked->arena, (stack->n_raw + 1) * sizeof *stack->frames);
    if (!stack->ids || !stack->frames)
        return STROBE_ERR_NOMEM;
    for (uint32_t i = 0; i < stack->n_raw; i++) {
        const struct strobe_raw_frame *raw = &stack->raw[i];
        int err = raw->code <= STROBE_CODE_UNREADABLE
                      ? STROBE_ERR_OBJECT : strobe_codes_resolve(tasked->codes, raw->code, (int64_t)raw->instr, &stack->ids[stack->n]);

        if (err == STROBE_ERR_NOMEM)
            return err;
        if (err == STROBE_ERR_MISSING)
            continue;
        stack->frames[stack->n++] = (struct strobe_report_frame){.mark = err ? mark_of(tasked, raw) : NULL};
    }
    return 0;
}

/* The index of a stack among the resolved; frames point into the table of names only after finish_stacks(). */
static int stack_of(struct strobe_tasked *tasked, const struct strobe_raw_frame *raw, uint32_t n, const uint64_t hash[2], uint32_t *ret)
{
    uint64_t *known = strobe_htab_get(&tasked->stacks, hash[0], hash[1]);
    struct strobe_tasked_stack *stack;

    if (known) {
        *ret = (uint32_t)*known;
        return 0;
    }
    if (strobe_grow(&tasked->resolved, &tasked->cap_resolved, tasked->n_resolved + 1, sizeof *tasked->resolved) ||
        strobe_htab_put(&tasked->stacks, hash[0], hash[1], tasked->n_resolved))
        return STROBE_ERR_NOMEM;
    stack = &tasked->resolved[tasked->n_resolved];
    *stack = (struct strobe_tasked_stack){.raw = raw, .n_raw = n};
    *ret = (uint32_t)tasked->n_resolved++;
    return resolve_stack(tasked, stack);
}

/* The table of frames moves while it grows: addresses into it are taken when all is in. */
static void finish_stacks(struct strobe_tasked *tasked)
{
    for (size_t s = 0; s < tasked->n_resolved; s++)
        for (uint32_t i = 0; i < tasked->resolved[s].n; i++)
            if (!tasked->resolved[s].frames[i].mark)
                tasked->resolved[s].frames[i].frame = strobe_names_get(tasked->names, tasked->resolved[s].ids[i]);
}

/* The C function that the innermost of n frames of a thread is in. */
static const char *leaf_of(struct strobe_tasked *tasked, const struct strobe_raw_frame *frames, uint32_t n)
{
    const char *text;

    return n && !strobe_callnames_of(&tasked->calls, frames, &text) ? keep(tasked, text) : "";
}

/* ---- what is waited for ---- */

static const char *last_part(const char *text)
{
    const char *dot = strrchr(text, '.');

    return dot ? dot + 1 : text;
}

static void name_type(struct strobe_tasked *tasked, uint64_t type, const char **ret_name, const char **ret_module)
{
    struct strobe_mem *mem = strobe_attach_mem(tasked->attach);
    const struct strobe_layout *lay = strobe_attach_layout(tasked->attach);
    struct strobe_buf module = STROBE_BUF_INIT;
    char name[MAX_TYPE_NAME];
    uint64_t value;

    *ret_name = *ret_module = "";
    if (!type || strobe_py_type_name(mem, lay, type, name, sizeof name))
        return;
    if (!strobe_py_getattr(mem, lay, type, "__module__", &value) && strobe_py_str(mem, lay, value, &module))
        strobe_buf_clear(&module);
    if (!module.len && last_part(name) != name)
        strobe_buf_put(&module, name, (size_t)(last_part(name) - name) - 1);
    *ret_name = keep(tasked, last_part(name));
    *ret_module = keep_buf(tasked, &module);
}

static void fill_wait(struct strobe_tasked *tasked, uint32_t index, struct strobe_report_wait *ret)
{
    struct strobe_mem *mem = strobe_attach_mem(tasked->attach);
    const struct strobe_layout *lay = strobe_attach_layout(tasked->attach);
    const struct strobe_task_sample *sample = tasked->report.sample;
    struct strobe_buf name = STROBE_BUF_INIT, peer = STROBE_BUF_INIT;

    *ret = (struct strobe_report_wait){.wait = &sample->waits[index], .pool = STROBE_NO_INDEX};
    strobe_wait_facts_read(mem, lay, &strobe_tasklook_reader(tasked->look)->roles, ret->wait, &ret->facts);
    name_type(tasked, ret->wait->type, &ret->type, &ret->module);
    strobe_wait_name(mem, lay, sample, index, &name, &ret->name_source);
    ret->name = keep_buf(tasked, &name);
    if (ret->facts.fd >= 0)
        strobe_peer_of_fd(tasked->process.pid, ret->facts.fd, &peer);
    ret->peer = keep_buf(tasked, &peer);
}

/* The waits of the sample, and behind them one a pool for calls handed to it. */
static int fill_waits(struct strobe_tasked *tasked)
{
    const struct strobe_task_sample *sample = tasked->report.sample;
    size_t n_pools = tasked->pools.n;
    struct strobe_report_wait *waits = strobe_arena_alloc(&tasked->arena, (sample->n_waits + n_pools + 1) * sizeof *waits);
    struct strobe_wait *own = strobe_arena_alloc(&tasked->arena, (n_pools + 1) * sizeof *own);

    if (!waits || !own)
        return STROBE_ERR_NOMEM;
    for (uint32_t i = 0; i < sample->n_waits; i++)
        fill_wait(tasked, i, &waits[i]);
    for (uint32_t i = 0; i < n_pools; i++) {
        const struct strobe_pool *pool = &tasked->pools.at[i];
        struct strobe_report_wait *wait = &waits[sample->n_waits + i];

        own[i] = (struct strobe_wait){.kind = pool->kind == STROBE_POOL_ANYIO ? STROBE_WAIT_WORKER_THREAD : STROBE_WAIT_EXECUTOR,
                                      .object = pool->object, .type = pool->type, .task = STROBE_NO_INDEX, .frame = STROBE_NO_INDEX};
        *wait = (struct strobe_report_wait){.wait = &own[i], .name = "", .name_source = "", .peer = "", .pool = i,
                                            .facts = {-1, -1, STROBE_CAPACITY_UNKNOWN, -1, -1, -1, -1, -1, -1}};
        wait->type = tasked->report.pools[i].type;
        wait->module = "";
        wait->name = tasked->report.pools[i].name;
    }
    tasked->report.waits = waits;
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
    return stack_of(tasked, thread->frames, n, hash, ret_stack);
}

static int fill_workers(struct strobe_tasked *tasked, const struct strobe_sample *threads, const struct strobe_pool *pool,
                        struct strobe_report_worker *workers)
{
    for (uint32_t i = 0; i < pool->n_workers; i++) {
        const struct strobe_pool_worker *worker = &tasked->pools.workers[pool->first_worker + i];
        uint32_t stack;
        int err;

        workers[i] = (struct strobe_report_worker){.worker = worker, .tid = worker->pid, .name = "", .task = STROBE_NO_INDEX};
        if (worker->thread == STROBE_NO_INDEX)
            continue;
        workers[i].tid = threads->threads[worker->thread].tid;
        workers[i].name = keep(tasked, strobe_snapshot_thread_name(tasked->snap, &threads->threads[worker->thread]));
        err = call_of(tasked, &threads->threads[worker->thread], &stack);
        if (err)
            return err;
        workers[i].n_frames = stack; /* an index until finish_workers() */
        if (worker->busy)
            workers[i].leaf = leaf_of(tasked, threads->threads[worker->thread].frames, threads->threads[worker->thread].n_frames);
    }
    return 0;
}

static int fill_pools(struct strobe_tasked *tasked, const struct strobe_sample *threads)
{
    struct strobe_report_pool *pools = strobe_arena_alloc(&tasked->arena, (tasked->pools.n + 1) * sizeof *pools);
    int err = 0;

    if (!pools)
        return STROBE_ERR_NOMEM;
    for (size_t i = 0; !err && i < tasked->pools.n; i++) {
        const struct strobe_pool *pool = &tasked->pools.at[i];
        struct strobe_report_worker *workers = strobe_arena_alloc(&tasked->arena, (pool->n_workers + 1) * sizeof *workers);
        struct strobe_buf name = STROBE_BUF_INIT;
        const char *module;

        if (!workers)
            return STROBE_ERR_NOMEM;
        if (pool->name)
            strobe_py_str(strobe_attach_mem(tasked->attach), strobe_attach_layout(tasked->attach), pool->name, &name);
        pools[i] = (struct strobe_report_pool){.pool = pool, .name = keep_buf(tasked, &name), .workers = workers, .n_workers = pool->n_workers};
        name_type(tasked, pool->type, &pools[i].type, &module);
        err = fill_workers(tasked, threads, pool, workers);
    }
    tasked->report.pools = pools;
    tasked->report.n_pools = (uint32_t)tasked->pools.n;
    return err;
}

static void finish_workers(struct strobe_tasked *tasked)
{
    for (uint32_t p = 0; p < tasked->report.n_pools; p++)
        for (uint32_t i = 0; i < tasked->report.pools[p].n_workers; i++) {
            struct strobe_report_worker *worker = (struct strobe_report_worker *)&tasked->report.pools[p].workers[i];

            if (worker->worker->thread == STROBE_NO_INDEX)
                continue;
            worker->frames = tasked->resolved[worker->n_frames].frames;
            worker->n_frames = tasked->resolved[worker->n_frames].n;
        }
}

/* ---- tasks ---- */

/* A str, or from 3.12 on the N of "Task-N" until somebody asks for the name. */
static const char *task_name(struct strobe_tasked *tasked, uint64_t obj)
{
    struct strobe_mem *mem = strobe_attach_mem(tasked->attach);
    const struct strobe_layout *lay = strobe_attach_layout(tasked->attach);
    struct strobe_buf text = STROBE_BUF_INIT;
    int64_t number;

    if (obj && strobe_py_str(mem, lay, obj, &text) == STROBE_ERR_OBJECT && !strobe_py_int(mem, lay, obj, &number))
        strobe_buf_printf(&text, "Task-%" PRId64, number);
    return keep_buf(tasked, &text);
}

static const char *context_text(struct strobe_tasked *tasked, uint64_t context)
{
    struct strobe_mem *mem = strobe_attach_mem(tasked->attach);
    const struct strobe_layout *lay = strobe_attach_layout(tasked->attach);
    struct strobe_buf text = STROBE_BUF_INIT;
    enum strobe_py_kind kind;
    uint64_t value;

    if (!context || strobe_py_context_get(mem, lay, context, tasked->opts.context_name, &value) || strobe_py_kind(mem, lay, value, &kind))
        return NULL;
    if (kind == STROBE_PY_STR)
        strobe_py_str(mem, lay, value, &text);
    else
        strobe_py_repr(mem, lay, value, MAX_CONTEXT_TEXT, &text);
    if (text.len > MAX_CONTEXT_TEXT && text.data)
        text.data[MAX_CONTEXT_TEXT] = '\0';
    return keep_buf(tasked, &text);
}

static int32_t loop_tid(struct strobe_tasked *tasked, const struct strobe_sample *threads, const uint64_t *loops, uint64_t loop)
{
    (void)tasked;
    for (uint32_t i = 0; i < threads->n_threads; i++)
        if (loops[i] == loop && loop)
            return threads->threads[i].tid;
    return 0;
}

/* Two waits of one task are the same when they end at the same future, by the same way. */
static uint64_t wait_key(const struct strobe_task *task)
{
    return task->future ^ task->hash[0];
}

static int fill_task(struct strobe_tasked *tasked, const struct strobe_sample *threads, const uint64_t *loops, uint32_t index,
                     struct strobe_report_task *ret)
{
    const struct strobe_task *task = &tasked->report.sample->tasks[index];
    uint64_t *since;
    uint32_t stack;
    double when;
    int err = stack_of(tasked, task->frames, task->n_frames, task->hash, &stack);

    if (err)
        return err;
    *ret = (struct strobe_report_task){.task = task, .name = task_name(tasked, task->name), .n_frames = stack, .n_sync = task->n_sync,
                                       .wait = task->wait, .due_in = NAN, .waiting = NAN, .pool = STROBE_NO_INDEX,
                                       .worker = STROBE_NO_INDEX, .loop_tid = loop_tid(tasked, threads, loops, task->loop)};
    if (task->state == STROBE_TASK_WAITING && (since = strobe_htab_get(&tasked->waiting, task->addr, wait_key(task))))
        ret->waiting = (double)(tasked->report.sample->time_ns - *since) / 1e9;
    if (task->timer && !strobe_timer_due(strobe_attach_mem(tasked->attach), strobe_attach_layout(tasked->attach), task->timer, &when))
        ret->due_in = when - (double)tasked->report.sample->time_ns / 1e9;
    if (task->source && strobe_pools_find(&tasked->pools, task->source, &ret->pool, &ret->worker, &ret->queue_place)) {
        ret->wait = tasked->report.sample->n_waits + ret->pool;
        if (ret->worker != STROBE_NO_INDEX)
            ret->worker -= tasked->pools.at[ret->pool].first_worker;
    }
    if (ret->worker != STROBE_NO_INDEX)
        ((struct strobe_report_worker *)tasked->report.pools[ret->pool].workers)[ret->worker].task = index;
    if (task->state == STROBE_TASK_RUNNING)
        ret->leaf = leaf_of(tasked, task->frames, task->n_frames);
    if (tasked->opts.context_name)
        ret->context = context_text(tasked, task->context);
    return 0;
}

/* The loop that each thread runs, by the sample's index; 0 = none. */
static uint64_t *read_loops(struct strobe_tasked *tasked, const struct strobe_sample *threads)
{
    const struct strobe_taskreader *reader = strobe_tasklook_reader(tasked->look);
    uint64_t *loops = strobe_arena_alloc(&tasked->arena, (threads->n_threads + 1) * sizeof *loops);

    for (uint32_t i = 0; loops && i < threads->n_threads; i++)
        if (strobe_loop_of_thread(strobe_attach_mem(tasked->attach), strobe_attach_layout(tasked->attach), reader->has_aio ? &reader->aio : NULL,
                                  &threads->threads[i], &loops[i]))
            loops[i] = 0;
    return loops;
}

static int fill_tasks(struct strobe_tasked *tasked, const struct strobe_sample *threads)
{
    uint32_t n = tasked->report.sample->n_tasks;
    struct strobe_report_task *tasks = strobe_arena_alloc(&tasked->arena, (n + 1) * sizeof *tasks);
    uint64_t *loops = read_loops(tasked, threads);
    int err = tasks && loops ? 0 : STROBE_ERR_NOMEM;

    for (uint32_t i = 0; !err && i < n; i++)
        err = fill_task(tasked, threads, loops, i, &tasks[i]);
    if (err)
        return err;
    finish_stacks(tasked);
    finish_workers(tasked);
    for (uint32_t i = 0; i < n; i++) {
        const struct strobe_tasked_stack *stack = &tasked->resolved[tasks[i].n_frames];

        tasks[i].frames = stack->frames;
        tasks[i].n_frames = stack->n;
    }
    tasked->report.tasks = tasks;
    return 0;
}

/* ---- threads that wait for tasks ---- */

/* The concurrent future whose result a thread waits for; 0 = none. */
static uint64_t awaited_result(struct strobe_tasked *tasked, const struct strobe_thread *thread)
{
    struct strobe_coderoles *codes = &strobe_tasklook_reader(tasked->look)->codes;

    for (uint32_t i = 0; i < thread->n_frames && i < MAX_RESULT_DEPTH; i++) {
        const struct strobe_code_entry *code = strobe_coderoles_get(codes, thread->frames[i].code);

        if (code && code->role == STROBE_CODE_RESULT)
            return strobe_pools_local(strobe_attach_mem(tasked->attach), strobe_attach_layout(tasked->attach), &thread->frames[i], code, 0);
    }
    return 0;
}

static int fill_links(struct strobe_tasked *tasked, const struct strobe_sample *threads)
{
    struct strobe_report_link *links = strobe_arena_alloc(&tasked->arena, (threads->n_threads + 1) * sizeof *links);
    struct strobe_report_thread *named = strobe_arena_alloc(&tasked->arena, (threads->n_threads + 1) * sizeof *named);
    const struct strobe_task_sample *sample = tasked->report.sample;
    uint32_t n = 0;

    if (!links || !named)
        return STROBE_ERR_NOMEM;
    for (uint32_t t = 0; t < threads->n_threads; t++) {
        uint64_t result = awaited_result(tasked, &threads->threads[t]);

        named[t] = (struct strobe_report_thread){.thread = &threads->threads[t], .name = ""};
        for (uint32_t i = 0; result && i < sample->n_tasks; i++)
            if (sample->tasks[i].promise == result) {
                named[t].name = keep(tasked, strobe_snapshot_thread_name(tasked->snap, &threads->threads[t]));
                links[n++] = (struct strobe_report_link){t, i};
                break;
            }
    }
    tasked->process.threads = named;
    tasked->process.n_threads = threads->n_threads;
    tasked->report.links = links;
    tasked->report.n_links = n;
    return 0;
}

int strobe_tasked_take(struct strobe_tasked *tasked)
{
    const struct strobe_sample *threads;
    const struct strobe_task_sample *sample;
    int err = strobe_tasklook_take(tasked->look, &threads, &sample);

    if (err)
        return err;
    strobe_arena_reset(&tasked->arena);
    strobe_htab_clear(&tasked->stacks);
    tasked->n_resolved = 0;
    tasked->report = (struct strobe_report_tasks){.process = &tasked->process, .sample = sample, .context_name = tasked->opts.context_name,
                                                 .moving = !sample->whole};
    err = strobe_pools_read(&tasked->pools, threads);
    if (!err)
        strobe_childwork_ask(tasked->process.pid, &tasked->pools);
    if (!err)
        err = fill_pools(tasked, threads);
    if (!err)
        err = fill_waits(tasked);
    if (!err)
        err = fill_tasks(tasked, threads);
    if (!err)
        err = fill_links(tasked, threads);
    return err;
}

/* Keeps what still waits as it did, from the table before. */
static int note_waits(struct strobe_tasked *tasked, const struct strobe_task_sample *sample)
{
    struct strobe_htab now = STROBE_HTAB_INIT;
    int err = 0;

    for (uint32_t i = 0; !err && i < sample->n_tasks; i++) {
        const struct strobe_task *task = &sample->tasks[i];
        uint64_t *since = strobe_htab_get(&tasked->waiting, task->addr, wait_key(task));

        if (task->state == STROBE_TASK_WAITING)
            err = strobe_htab_put(&now, task->addr, wait_key(task), since ? *since : sample->time_ns);
    }
    strobe_htab_release(&tasked->waiting);
    tasked->waiting = now;
    return err;
}

int strobe_tasked_watch(struct strobe_tasked *tasked, uint64_t ns)
{
    static const uint64_t least_ns = 20 * 1000 * 1000;
    struct strobe_clock *clock = strobe_clock_system();
    uint64_t end = clock->now(clock) + ns, start, next;
    const struct strobe_task_sample *sample;
    const struct strobe_sample *threads;
    int err = 0;

    while (!err && (start = clock->now(clock)) < end) {
        err = strobe_tasklook_take(tasked->look, &threads, &sample);
        if (!err)
            err = note_waits(tasked, sample);
        next = clock->now(clock);
        next += next - start > least_ns ? next - start : least_ns; /* at most half of the time is spent in looking */
        clock->sleep_until(clock, next < end ? next : end);
    }
    return err ? err : strobe_tasked_take(tasked);
}
