/* SPDX-License-Identifier: Apache-2.0 */
#include "report/tasks_diagnose.h"

#include <inttypes.h>

enum { MAX_BLOCKED = 3 }; /* loops that are named */

bool strobe_tasks_exclusive(const struct strobe_tasks_index *index, uint32_t wait)
{
    const struct strobe_report_wait *w = &index->report->waits[wait];

    switch (w->wait->kind) {
    case STROBE_WAIT_LOCK: return w->facts.free <= 0;
    case STROBE_WAIT_SEMAPHORE:
    case STROBE_WAIT_LIMITER: return w->facts.free == 0 && w->facts.capacity == 1;
    default: return false;
    }
}

/* Does the thread that a task is on use a CPU?  Then the loop goes on, only it has much to do. */
static bool computes(const struct strobe_report_tasks *report, const struct strobe_task *task)
{
    return task->thread < report->process->n_threads && report->process->threads[task->thread].thread->flags & STROBE_THREAD_ACTIVE;
}

/* Tasks that are ready while another of their loop runs: its stack, from the coroutine's innermost frame inward. */
static int blocked_loops(struct strobe_tasks_look *look)
{
    const struct strobe_report_tasks *report = look->index->report;
    struct strobe_htab ready = STROBE_HTAB_INIT;
    struct strobe_buf *out = look->out;
    int err = 0, found = 0;

    for (uint32_t t = 0; t < look->index->n && !err; t++) {
        const struct strobe_task *task = report->tasks[t].task;
        const uint64_t *known;

        if (task->state != STROBE_TASK_READY)
            continue;
        known = strobe_htab_get(&ready, task->loop, 0);
        err = strobe_htab_put(&ready, task->loop, 0, known ? *known + 1 : 1);
    }
    for (uint32_t t = 0; t < look->index->n && !err && ready.count && found < MAX_BLOCKED; t++) {
        const struct strobe_report_task *task = &report->tasks[t];
        const uint64_t *n = task->task->state == STROBE_TASK_RUNNING ? strobe_htab_get(&ready, task->task->loop, 0) : NULL;

        if (!n)
            continue;
        strobe_buf_puts(out, computes(report, task->task) ? "the loop is busy with " : "the loop is blocked by ");
        strobe_tasks_name(task, out);
        if (task->n_frames)
            strobe_buf_puts(out, " in ");
        strobe_tasks_frames(report->process, task->frames, task->n_sync < task->n_frames ? task->n_sync + 1 : task->n_frames, false,
                            &look->style, out);
        strobe_buf_puts(out, ": ");
        strobe_buf_grouped(out, *n);
        strobe_buf_printf(out, " task%s ready", *n == 1 ? " is" : "s are");
        strobe_buf_putc(out, 0);
        found++;
    }
    strobe_htab_release(&ready);
    look->n += found;
    return err;
}

int strobe_tasks_diagnose(const struct strobe_tasks_index *index, bool ascii, struct strobe_buf *out)
{
    struct strobe_tasks_look look = {.index = index, .style = strobe_tasks_style(false, ascii), .out = out, .arena = STROBE_ARENA_INIT};
    int err;

    if (!(err = strobe_tasks_deadlocks(&look)) && !(err = blocked_loops(&look)))
        err = strobe_tasks_bottlenecks(&look);
    strobe_arena_release(&look.arena);
    return err ? err : out->failed ? STROBE_ERR_NOMEM : look.n;
}
