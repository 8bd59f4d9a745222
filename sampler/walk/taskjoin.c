/* SPDX-License-Identifier: Apache-2.0 */
#include "walk/taskreader.h"

#include <string.h>

#include "base/grow.h"
#include "walk/frames.h"
#include "walk/taskreader_parts.h"

static int index_frames(struct strobe_taskreader *reader, const struct strobe_sample *threads)
{
    int err = 0;

    strobe_htab_clear(&reader->frames);
    for (uint32_t t = 0; threads && t < threads->n_threads; t++)
        for (uint32_t i = 0; !err && i < threads->threads[t].n_frames; i++)
            if (threads->threads[t].frames[i].frame)
                err = strobe_htab_put(&reader->frames, threads->threads[t].frames[i].frame, 0, (uint64_t)t << 32 | i);
    return err;
}

/* It runs: what lies inside of its outermost coroutine, frames[outer] of that thread, is its stack. */
static void put_on_stack(struct strobe_taskreader *reader, const struct strobe_thread *thread, uint32_t outer, struct strobe_task *task)
{
    task->state = STROBE_TASK_RUNNING;
    task->flags &= ~(uint32_t)STROBE_TASK_NEW;
    task->frames = thread->frames;
    task->n_frames = outer + 1;
    task->wait = STROBE_NO_INDEX;
    task->future = task->source = task->timer = task->when_ns = 0;
    for (task->n_sync = 0; task->n_sync < task->n_frames; task->n_sync++) {
        const struct strobe_code_entry *code = strobe_coderoles_get(&reader->codes, task->frames[task->n_sync].code);

        if (code && code->coroutine)
            break;
    }
    strobe_frames_hash(task->frames, task->n_frames, task->hash);
}

/* A task whose outermost coroutine is on a thread's stack runs there. */
static bool place_on_stack(struct strobe_taskreader *reader, const struct strobe_sample *threads, const struct strobe_task_draft *draft,
                           struct strobe_task *task)
{
    uint64_t *found = draft->outer_frame ? strobe_htab_get(&reader->frames, draft->outer_frame, 0) : NULL;

    if (!found)
        return false;
    task->thread = (uint32_t)(*found >> 32);
    put_on_stack(reader, &threads->threads[task->thread], (uint32_t)*found, task);
    return true;
}

int strobe_taskreader_running(struct strobe_taskreader *reader, const struct strobe_thread *thread)
{
    uint64_t marks = strobe_taskreader_marks(thread);
    int err = 0;

    for (size_t i = 0; !err && i < reader->n_drafts; i++) {
        struct strobe_task_draft *draft = &reader->drafts[i];
        uint32_t outer = strobe_taskreader_place(thread, marks, draft->outer_frame);
        struct strobe_task task;

        if (outer == STROBE_NO_INDEX)
            continue;
        task = reader->tasks[i];
        put_on_stack(reader, thread, outer, &task);
        err = strobe_taskreader_running_holds(reader, &task);
        draft->ran_on = strobe_mem_is_late(reader->mem) ? 0 : thread->tstate;
        draft->first_hold = task.first_hold;
        draft->n_holds = task.n_holds;
    }
    reader->n_read_holds = reader->n_holds;
    return err;
}

/* What a task that runs holds: as it was noted while it stood still, else as it is now. */
static int find_holds(struct strobe_taskreader *reader, const struct strobe_sample *threads, const struct strobe_task_draft *draft,
                      struct strobe_task *task)
{
    if (draft->ran_on != threads->threads[task->thread].tstate)
        return strobe_taskreader_running_holds(reader, task);
    task->first_hold = draft->first_hold;
    task->n_holds = draft->n_holds;
    return 0;
}

/* The tasks that wait for one (number `own` of the sample), by index, each once. */
static int add_edges(struct strobe_taskreader *reader, const struct strobe_task_draft *draft, uint32_t own, struct strobe_task *task,
                     uint32_t *n_edges)
{
    task->first_awaiter = *n_edges;
    task->n_awaiters = 0;
    if (strobe_grow(&reader->edges, &reader->cap_edges, (size_t)*n_edges + draft->n_awaiters, sizeof *reader->edges))
        return STROBE_ERR_NOMEM;
    for (size_t i = draft->first_awaiter; i < draft->first_awaiter + draft->n_awaiters; i++) {
        size_t at = strobe_tasklist_find(&reader->list, reader->awaiters.tasks[i]);
        uint32_t index = at < reader->n_drafts ? reader->renumbered[at] : STROBE_NO_INDEX;

        if (index == STROBE_NO_INDEX || reader->edge_to[index] == own + 1)
            continue;
        reader->edge_to[index] = own + 1;
        reader->edges[(*n_edges)++] = index;
        task->n_awaiters++;
    }
    return 0;
}

static void count_task(struct strobe_taskreader *reader, const struct strobe_task *task, uint32_t index)
{
    struct strobe_wait *wait = task->wait == STROBE_NO_INDEX ? NULL : &reader->waits[task->wait];

    if (wait) {
        wait->n_waiters++;
        if (wait->task == STROBE_NO_INDEX || wait->held_there || wait->frame == STROBE_NO_INDEX) {
            wait->task = index;
            wait->frame = task->place;
            wait->held_there = false;
        }
    }
    for (uint32_t i = task->first_hold; i < task->first_hold + task->n_holds; i++) {
        struct strobe_wait *held = &reader->waits[reader->holds[i].wait];

        reader->holds[i].task = index;
        held->n_holders++;
        if (held->task == STROBE_NO_INDEX) {
            held->task = index;
            held->frame = reader->holds[i].frame;
            held->held_there = true;
        }
    }
}

static void reset_counts(struct strobe_taskreader *reader)
{
    for (size_t i = 0; i < reader->n_waits; i++) {
        reader->waits[i].n_waiters = reader->waits[i].n_holders = 0;
        reader->waits[i].task = reader->waits[i].frame = STROBE_NO_INDEX;
        reader->waits[i].held_there = false;
    }
    for (size_t i = 0; i < reader->n_holds; i++)
        reader->holds[i].task = STROBE_NO_INDEX;
}

/* Is an awaiter known by the future too that it waits for?  (3.14+: once by fut_awaited_by, once by its callback.) */
static bool is_told_twice(const struct strobe_awaiters *awaiters, const struct strobe_task_draft *draft, size_t i)
{
    enum { FEW = 16 };

    for (size_t k = draft->first_awaiter; k < draft->first_awaiter + draft->n_awaiters && draft->n_awaiters <= FEW; k++)
        if (awaiters->by[k] && awaiters->tasks[k] == awaiters->tasks[i])
            return true;
    return false;
}

/* Does one who waits for a task, as the task has it, wait for another, as the other has it?  Those that run are what they are now. */
static bool is_mixed(struct strobe_taskreader *reader, const struct strobe_task_draft *draft)
{
    bool fits = !draft->n_awaiters, others = false, left_out = false;

    for (size_t i = draft->first_awaiter; i < draft->first_awaiter + draft->n_awaiters; i++) {
        size_t at = strobe_tasklist_find(&reader->list, reader->awaiters.tasks[i]);
        uint64_t by = reader->awaiters.by[i];

        if (at >= reader->n_drafts || reader->tasks[at].state == STROBE_TASK_DONE || (!by && is_told_twice(&reader->awaiters, draft, i)))
            continue;
        if (reader->renumbered[at] == STROBE_NO_INDEX)
            left_out = true;
        else if (!by || reader->tasks[at].future == by)
            fits = true;
        else
            others = true;
    }
    return !fits && (others || left_out);
}

/* Leaves out those that do not fit with those that wait for them, and then those that wait for nobody else. */
static void leave_out_mixed(struct strobe_taskreader *reader)
{
    enum { LEVELS = 16 };
    bool more = true;

    for (int level = 0; level < LEVELS && more; level++) {
        more = false;
        for (size_t i = 0; i < reader->n_drafts; i++)
            if (reader->renumbered[i] != STROBE_NO_INDEX && reader->tasks[i].state != STROBE_TASK_RUNNING &&
                reader->tasks[i].state != STROBE_TASK_DONE && is_mixed(reader, &reader->drafts[i])) {
                reader->renumbered[i] = STROBE_NO_INDEX;
                reader->drafts[i].mixed = more = true;
            }
    }
}

/* For the next reading: what is settled now. */
static int keep_memo(struct strobe_taskreader *reader)
{
    reader->n_memo = 0;
    if (strobe_grow(&reader->memo, &reader->cap_memo, reader->n_drafts + 1, sizeof *reader->memo))
        return STROBE_ERR_NOMEM;
    for (size_t i = 0; i < reader->n_drafts; i++) {
        reader->memo[reader->n_memo] = reader->drafts[i].print;
        if (reader->drafts[i].unsettled || reader->drafts[i].mixed)
            reader->memo[reader->n_memo].stack = reader->memo[reader->n_memo].state = UINT64_MAX;
        reader->n_memo++;
    }
    return 0;
}

int strobe_taskreader_finish(struct strobe_taskreader *reader, const struct strobe_sample *threads, bool still,
                             struct strobe_task_sample *ret)
{
    struct strobe_task *tasks = reader->tasks;
    uint32_t n = 0, n_edges = 0, n_copies = 0;
    int err;

    if (strobe_grow(&reader->renumbered, &reader->cap_renumbered, reader->n_drafts + 1, sizeof *reader->renumbered) ||
        index_frames(reader, threads))
        return STROBE_ERR_NOMEM;
    reader->n_holds = reader->n_read_holds;
    reset_counts(reader);
    for (size_t i = 0; i < reader->n_drafts; i++) {
        const struct strobe_task_draft *draft = &reader->drafts[i];
        bool shown = !draft->copy && (place_on_stack(reader, threads, draft, &reader->tasks[i]) || !draft->unsettled);

        n_copies += draft->copy;
        reader->drafts[i].mixed = false;
        reader->renumbered[i] = shown ? 0 : STROBE_NO_INDEX;
    }
    if (!still)
        leave_out_mixed(reader);
    if ((err = keep_memo(reader)))
        return err;
    for (size_t i = 0; i < reader->n_drafts; i++) {
        if (reader->renumbered[i] == STROBE_NO_INDEX)
            continue;
        reader->renumbered[i] = n;
        if (reader->tasks[i].state == STROBE_TASK_RUNNING && (err = find_holds(reader, threads, &reader->drafts[i], &reader->tasks[i])))
            return err;
        count_task(reader, &reader->tasks[i], n);
        n++;
    }
    strobe_taskreader_drop_holds(reader);
    if (strobe_grow(&reader->edge_to, &reader->cap_edge_to, (size_t)n + 1, sizeof *reader->edge_to))
        return STROBE_ERR_NOMEM;
    memset(reader->edge_to, 0, n * sizeof *reader->edge_to);
    if (n < reader->n_drafts) {
        if (strobe_grow(&reader->shown, &reader->cap_shown, n + 1, sizeof *reader->shown))
            return STROBE_ERR_NOMEM;
        tasks = reader->shown;
    }
    for (size_t i = 0; i < reader->n_drafts; i++) {
        uint32_t to = reader->renumbered[i];

        if (to == STROBE_NO_INDEX)
            continue;
        if (tasks != reader->tasks)
            tasks[to] = reader->tasks[i];
        if ((err = add_edges(reader, &reader->drafts[i], to, &tasks[to], &n_edges)))
            return err;
    }
    *ret = (struct strobe_task_sample){
        .n_tasks = n, .tasks = tasks, .n_waits = (uint32_t)reader->n_waits, .waits = reader->waits,
        .n_holds = (uint32_t)reader->n_holds, .holds = reader->holds, .n_awaiters = n_edges, .awaiters = reader->edges,
        .n_dropped = (uint32_t)reader->n_drafts - n - n_copies, .n_copies = n_copies, .edges_cut = reader->awaiters.cut,
    };
    return 0;
}
