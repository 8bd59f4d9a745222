/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks, and the threads that wait for them. */
#include "tools/tasked_parts.h"

#include <inttypes.h>
#include <math.h>

#include "runtime/pycontext.h"
#include "runtime/pyobj.h"
#include "walk/loops.h"

enum {
    MAX_CONTEXT_TEXT = 128, /* characters of a context variable's value that are shown */
    MAX_RESULT_DEPTH = 8,   /* frames inside of Future.result(): a condition's, a lock's */
};

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
    return strobe_tasked_keep_buf(tasked, &text);
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
    return strobe_tasked_keep_buf(tasked, &text);
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
uint64_t strobe_tasked_wait_key(const struct strobe_task *task)
{
    return task->future ^ task->hash[0];
}

/* At the moment of the look, or when the task was read, if that was later: it may have begun to sleep in between.  What was over by the
 * moment of the look, and not when the task was read, is not called overdue: its loop may have gone on. */
static double due_in(const struct strobe_task_sample *sample, const struct strobe_task *task)
{
    uint64_t now = task->when_ns > sample->time_ns ? task->when_ns : sample->time_ns;
    double left = task->when - (double)now / 1e9;

    if (!task->when_ns)
        return NAN;
    return left < 0 && !sample->whole && task->when >= (double)task->when_ns / 1e9 ? 0 : left;
}

static int fill_task(struct strobe_tasked *tasked, const struct strobe_sample *threads, const uint64_t *loops, uint32_t index,
                     struct strobe_report_task *ret)
{
    const struct strobe_task *task = &tasked->report.sample->tasks[index];
    uint64_t *since;
    uint32_t stack;
    int err = strobe_tasked_stack(tasked, task->frames, task->n_frames, task->hash, &stack);

    if (err)
        return err;
    *ret = (struct strobe_report_task){.task = task, .name = task_name(tasked, task->name), .n_frames = stack, .n_sync = task->n_sync,
                                       .wait = task->wait, .due_in = NAN, .waiting = NAN, .pool = STROBE_NO_INDEX,
                                       .worker = STROBE_NO_INDEX, .loop_tid = loop_tid(tasked, threads, loops, task->loop)};
    if (task->state == STROBE_TASK_WAITING && (since = strobe_htab_get(&tasked->waiting, task->addr, strobe_tasked_wait_key(task))))
        ret->waiting = (double)(tasked->report.sample->time_ns - *since) / 1e9;
    ret->due_in = due_in(tasked->report.sample, task);
    if (task->source && strobe_pools_find(&tasked->pools, task->source, &ret->pool, &ret->worker, &ret->queue_place)) {
        ret->wait = tasked->report.sample->n_waits + ret->pool;
        if (ret->worker != STROBE_NO_INDEX)
            ret->worker -= tasked->pools.at[ret->pool].first_worker;
    }
    if (ret->worker != STROBE_NO_INDEX)
        ((struct strobe_report_worker *)tasked->report.pools[ret->pool].workers)[ret->worker].task = index;
    if (task->state == STROBE_TASK_RUNNING)
        ret->leaf = strobe_tasked_leaf(tasked, task->frames, task->n_frames);
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
        if (strobe_loop_of_thread(strobe_attach_mem(tasked->attach), strobe_attach_layout(tasked->attach),
                                  reader->has_aio ? &reader->aio : NULL,
                                  &threads->threads[i], &loops[i]))
            loops[i] = 0;
    return loops;
}

int strobe_tasked_fill_tasks(struct strobe_tasked *tasked, const struct strobe_sample *threads)
{
    uint32_t n = tasked->report.sample->n_tasks;
    struct strobe_report_task *tasks = strobe_arena_alloc(&tasked->arena, (n + 1) * sizeof *tasks);
    uint64_t *loops = read_loops(tasked, threads);
    int err = tasks && loops ? 0 : STROBE_ERR_NOMEM;

    for (uint32_t i = 0; !err && i < n; i++)
        err = fill_task(tasked, threads, loops, i, &tasks[i]);
    if (err)
        return err;
    strobe_tasked_finish_stacks(tasked);
    strobe_tasked_finish_workers(tasked);
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

int strobe_tasked_fill_links(struct strobe_tasked *tasked, const struct strobe_sample *threads)
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
                named[t].name = strobe_tasked_keep(tasked, strobe_snapshot_thread_name(tasked->snap, &threads->threads[t]));
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
