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

/* A task whose outermost coroutine is on a thread's stack runs there: what lies inside of that frame is its stack. */
static bool place_on_stack(struct strobe_taskreader *reader, const struct strobe_sample *threads, const struct strobe_task_draft *draft,
                           struct strobe_task *task)
{
    uint64_t *found = draft->outer_frame ? strobe_htab_get(&reader->frames, draft->outer_frame, 0) : NULL;
    const struct strobe_thread *thread;

    if (!found)
        return false;
    thread = &threads->threads[*found >> 32];
    task->thread = (uint32_t)(*found >> 32);
    task->state = STROBE_TASK_RUNNING;
    task->flags &= ~(uint32_t)STROBE_TASK_NEW;
    task->frames = thread->frames;
    task->n_frames = (uint32_t)*found + 1;
    task->wait = STROBE_NO_INDEX;
    task->future = task->source = task->timer = 0;
    for (task->n_sync = 0; task->n_sync < task->n_frames; task->n_sync++) {
        const struct strobe_code_entry *code = strobe_coderoles_get(&reader->codes, task->frames[task->n_sync].code);

        if (code && code->coroutine)
            break;
    }
    strobe_frames_hash(task->frames, task->n_frames, task->hash);
    return true;
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

int strobe_taskreader_finish(struct strobe_taskreader *reader, const struct strobe_sample *threads, struct strobe_task_sample *ret)
{
    struct strobe_task *tasks = reader->tasks;
    uint32_t n = 0, n_edges = 0;
    int err;

    if (strobe_grow(&reader->renumbered, &reader->cap_renumbered, reader->n_drafts + 1, sizeof *reader->renumbered) ||
        index_frames(reader, threads))
        return STROBE_ERR_NOMEM;
    reset_counts(reader);
    for (size_t i = 0; i < reader->n_drafts; i++) {
        bool shown = place_on_stack(reader, threads, &reader->drafts[i], &reader->tasks[i]) || !reader->drafts[i].unsettled;

        reader->renumbered[i] = shown ? n : STROBE_NO_INDEX;
        if (!shown)
            continue;
        if (reader->tasks[i].state == STROBE_TASK_RUNNING && (err = strobe_taskreader_running_holds(reader, &reader->tasks[i])))
            return err;
        count_task(reader, &reader->tasks[i], n);
        n++;
    }
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
        .n_dropped = (uint32_t)reader->n_drafts - n,
    };
    return 0;
}
