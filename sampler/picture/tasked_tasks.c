/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks. */
#include "picture/tasked_parts.h"

#include <inttypes.h>
#include <math.h>

#include "runtime/pycontext.h"
#include "runtime/pyobj.h"
#include "walk/loops.h"

/* ---- tasks ---- */

/* A str, or from 3.12 on the N of "Task-N" until somebody asks for the name. */
static const char *task_name(struct strobe_tasked *tasked, uint64_t obj)
{
    struct strobe_mem *mem = tasked->place->mem;
    const struct strobe_layout *lay = tasked->place->layout;
    struct strobe_buf text = STROBE_BUF_INIT;
    int64_t number;

    if (obj && strobe_py_str(mem, lay, obj, &text) == STROBE_ERR_OBJECT && !strobe_py_int(mem, lay, obj, &number))
        strobe_buf_printf(&text, "Task-%" PRId64, number);
    return strobe_tasked_keep_buf(tasked, &text);
}

static const char *context_text(struct strobe_tasked *tasked, uint64_t context)
{
    struct strobe_mem *mem = tasked->place->mem;
    const struct strobe_layout *lay = tasked->place->layout;
    struct strobe_buf text = STROBE_BUF_INIT;
    uint64_t value;

    if (!context || strobe_py_context_get(mem, lay, context, tasked->opts.context_name, &value))
        return NULL;
    strobe_py_context_text(mem, lay, value, false, &text);
    return strobe_tasked_keep_buf(tasked, &text);
}

int strobe_tasked_read_contexts(struct strobe_tasked *tasked)
{
    const struct strobe_task_sample *sample = tasked->report.sample;
    const char **texts;

    tasked->contexts = NULL;
    if (!tasked->opts.context_name)
        return 0;
    texts = strobe_arena_alloc(&tasked->arena, (sample->n_tasks + 1) * sizeof *texts);
    if (!texts)
        return STROBE_ERR_NOMEM;
    for (uint32_t i = 0; i < sample->n_tasks; i++)
        texts[i] = context_text(tasked, sample->tasks[i].context);
    strobe_mem_epoch(tasked->place->mem);
    for (uint32_t i = 0; i < sample->n_tasks; i++)
        if (!texts[i])
            texts[i] = context_text(tasked, sample->tasks[i].context);
    tasked->contexts = texts;
    return 0;
}

/* The thread that runs a loop: index in the sample's; STROBE_NO_INDEX. */
static uint32_t loop_thread(const struct strobe_sample *threads, const uint64_t *loops, uint64_t loop)
{
    for (uint32_t i = 0; i < threads->n_threads; i++)
        if (loops[i] == loop && loop)
            return i;
    return STROBE_NO_INDEX;
}

/* What is known of a loop that no thread runs.  Every thread was asked, unless some were left out. */
static int loop_state(struct strobe_tasked *tasked, const struct strobe_sample *threads, struct strobe_htab *known, uint64_t loop,
                      enum strobe_report_loop *ret)
{
    struct strobe_mem *mem = tasked->place->mem;
    const struct strobe_layout *lay = tasked->place->layout;
    const uint64_t *state = strobe_htab_get(known, loop, 0);
    uint64_t value;
    int64_t closed;

    if (!state) {
        *ret = threads->n_dropped ? STROBE_LOOP_RUNS : STROBE_LOOP_IDLE;
        if (!strobe_py_getattr(mem, lay, loop, "_closed", &value) && !strobe_py_int(mem, lay, value, &closed) && closed)
            *ret = STROBE_LOOP_CLOSED;
        return strobe_htab_put(known, loop, 0, *ret);
    }
    *ret = (enum strobe_report_loop)*state;
    return 0;
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

struct filling {
    const struct strobe_sample *threads;
    struct strobe_htab states; /* of loops that no thread runs */
    uint32_t *stacks;          /* by task: index in tasked->resolved */
};

static int fill_task(struct strobe_tasked *tasked, struct filling *filling, uint32_t index, struct strobe_report_task *ret)
{
    const struct strobe_task *task = &tasked->report.sample->tasks[index];
    const struct strobe_sample *threads = filling->threads;
    const char *module;
    uint64_t *since, type;
    int err = strobe_tasked_stack(tasked, task->frames, task->n_frames, task->hash, &filling->stacks[index]);

    if (err)
        return err;
    *ret = (struct strobe_report_task){.task = task, .name = task_name(tasked, task->name), .n_sync = task->n_sync,
                                       .wait = task->wait, .due_in = NAN, .waiting = NAN, .pool = STROBE_NO_INDEX,
                                       .worker = STROBE_NO_INDEX, .exception = "",
                                       .loop_thread = loop_thread(threads, tasked->loops, task->loop)};
    if (ret->loop_thread != STROBE_NO_INDEX)
        ret->loop_tid = threads->threads[ret->loop_thread].tid;
    else if (task->loop && task->state != STROBE_TASK_RUNNING && task->state != STROBE_TASK_DONE)
        err = loop_state(tasked, threads, &filling->states, task->loop, &ret->loop_state);
    if (task->exception && !strobe_py_type(tasked->place->mem, tasked->place->layout, task->exception, &type))
        strobe_tasked_type_name(tasked, type, &ret->exception, &module);
    if (task->state == STROBE_TASK_WAITING && (since = strobe_htab_get(&tasked->waiting, task->addr, strobe_task_wait_key(task))))
        ret->waiting = (double)(tasked->report.sample->time_ns - *since) / 1e9;
    ret->due_in = due_in(tasked->report.sample, task);
    if (task->source && strobe_pools_find(&tasked->pools, task->source, &ret->pool, &ret->worker, &ret->queue_place)) {
        ret->wait = tasked->report.sample->n_waits + ret->pool;
        if (ret->worker != STROBE_NO_INDEX) {
            tasked->workers[ret->worker].task = index;
            ret->worker -= tasked->pools.at[ret->pool].first_worker;
        }
    }
    if (tasked->contexts)
        ret->context = tasked->contexts[index];
    if (task->state == STROBE_TASK_RUNNING)
        ret->leaf = strobe_tasked_leaf(tasked, task->frames, task->n_frames);
    return err;
}

int strobe_tasked_list_loops(struct strobe_tasked *tasked, const struct strobe_sample *threads)
{
    const struct strobe_taskreader *reader = strobe_tasklook_reader(tasked->look);
    uint64_t *loops = strobe_arena_alloc(&tasked->arena, (threads->n_threads + 1) * sizeof *loops);

    for (uint32_t i = 0; loops && i < threads->n_threads; i++)
        if (strobe_loop_of_thread(tasked->place->mem, tasked->place->layout,
                                  reader->has_aio ? &reader->aio : NULL,
                                  &threads->threads[i], reader->own_pid, &loops[i]))
            loops[i] = 0;
    tasked->loops = loops;
    return loops ? 0 : STROBE_ERR_NOMEM;
}

int strobe_tasked_fill_tasks(struct strobe_tasked *tasked, const struct strobe_sample *threads)
{
    uint32_t n = tasked->report.sample->n_tasks;
    struct strobe_report_task *tasks = strobe_arena_alloc(&tasked->arena, (n + 1) * sizeof *tasks);
    struct filling filling = {.threads = threads, .states = STROBE_HTAB_INIT,
                              .stacks = strobe_arena_alloc(&tasked->arena, (n + 1) * sizeof *filling.stacks)};
    int err = tasks && filling.stacks ? 0 : STROBE_ERR_NOMEM;

    for (uint32_t i = 0; !err && i < n; i++)
        err = fill_task(tasked, &filling, i, &tasks[i]);
    strobe_htab_release(&filling.states);
    if (err)
        return err;
    strobe_tasked_finish_stacks(tasked);
    strobe_tasked_finish_workers(tasked);
    for (uint32_t i = 0; i < n; i++) {
        const struct strobe_tasked_stack *stack = &tasked->resolved[filling.stacks[i]];

        tasks[i].frames = stack->frames;
        tasks[i].n_frames = stack->n;
    }
    tasked->report.tasks = tasks;
    return 0;
}
