/* SPDX-License-Identifier: Apache-2.0 */
#include "report/tasks_diagnose.h"

#include <inttypes.h>

enum {
    MAX_SHOWN = 3,   /* texts of a kind, for people */
    MAX_TEXTS = 1000, /* ... and for programs */
};

void strobe_tasks_more(struct strobe_tasks_look *look, uint64_t n)
{
    if (!n)
        return;
    strobe_buf_puts(look->out, "and ");
    strobe_buf_grouped(look->out, n);
    strobe_buf_puts(look->out, " more like it");
    strobe_buf_putc(look->out, 0);
    look->n++;
}

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

/* Does the thread that a task is on use a CPU, or want to?  Then the loop goes on, only it has much to do. */
static bool computes(const struct strobe_report_tasks *report, const struct strobe_task *task)
{
    return task->thread < report->process->n_threads &&
           report->process->threads[task->thread].thread->flags & (STROBE_THREAD_ACTIVE | STROBE_THREAD_GIL_WAIT);
}

/* What a loop's tasks would do if it came to them. */
struct loop_tasks {
    uint32_t ready;  /* their step is due, or their sleep is over */
    uint32_t others; /* they wait */
};

static int count_tasks(const struct strobe_tasks_look *look, struct strobe_htab *index, struct loop_tasks *loops)
{
    int err = 0;

    for (uint32_t t = 0; t < look->index->n && !err; t++) {
        const struct strobe_report_task *task = &look->index->report->tasks[t];
        const uint64_t *known = strobe_htab_get(index, task->task->loop, 0);
        uint64_t at = known ? *known : index->count;

        if (task->task->state != STROBE_TASK_READY && task->task->state != STROBE_TASK_WAITING)
            continue;
        if (!known) {
            loops[at] = (struct loop_tasks){0, 0};
            err = strobe_htab_put(index, task->task->loop, 0, at);
        }
        if (task->task->state == STROBE_TASK_READY || task->due_in < 0)
            loops[at].ready++;
        else
            loops[at].others++;
    }
    return err;
}

/* Why the loop does not come to its tasks: one of them runs.  Its stack, from the coroutine's innermost frame inward. */
static void say_blocked(struct strobe_tasks_look *look, const struct strobe_report_task *task, const struct loop_tasks *tasks, bool busy)
{
    struct strobe_buf *out = look->out;
    uint32_t n = tasks->ready ? tasks->ready : tasks->others;

    strobe_buf_puts(out, busy ? "the loop is busy with " : "the loop is blocked by ");
    strobe_tasks_name(task, out);
    if (task->n_frames)
        strobe_buf_puts(out, " in ");
    strobe_tasks_frames(look->index->report->process, task->frames, task->n_sync < task->n_frames ? task->n_sync + 1 : task->n_frames,
                        false,
                        &look->style, out);
    strobe_buf_puts(out, ": ");
    strobe_buf_grouped(out, n);
    strobe_buf_printf(out, tasks->ready ? " task%s ready" : " other task%s waiting", n == 1 ? " is" : "s are");
    strobe_buf_putc(out, 0);
    look->n++;
}

/* A task that runs while others of its loop are ready; or that is in a call which waits, so that whatever the others wait for, none of
 * them would be woken now. */
static int blocked_loops(struct strobe_tasks_look *look)
{
    const struct strobe_report_tasks *report = look->index->report;
    struct strobe_htab index = STROBE_HTAB_INIT;
    struct loop_tasks *loops = strobe_arena_alloc(&look->arena, (look->index->n + 1) * sizeof *loops);
    int err = loops ? count_tasks(look, &index, loops) : STROBE_ERR_NOMEM;
    uint32_t found = 0, threads = look->needs.threads;

    for (uint32_t t = 0; t < look->index->n && !err && index.count; t++) {
        const struct strobe_report_task *task = &report->tasks[t];
        const uint64_t *at = task->task->state == STROBE_TASK_RUNNING ? strobe_htab_get(&index, task->task->loop, 0) : NULL;
        bool busy = at && computes(report, task->task), known = task->task->thread < report->process->n_threads;

        if (!at || (!loops[*at].ready && (busy || !known)) ||
            (known && look->needs.fate[threads + task->task->thread] != STROBE_FATE_GOES_ON)) /* that is a deadlock, and told */
            continue;
        if (found++ < look->most)
            say_blocked(look, task, &loops[*at], busy);
    }
    strobe_htab_release(&index);
    if (found > look->most)
        strobe_tasks_more(look, found - look->most);
    return err;
}

int strobe_tasks_diagnose(const struct strobe_tasks_index *index, bool ascii, bool all, struct strobe_buf *out)
{
    struct strobe_tasks_look look = {.index = index, .style = strobe_tasks_style(false, ascii), .out = out, .arena = STROBE_ARENA_INIT,
                                     .most = all ? MAX_TEXTS : MAX_SHOWN};
    int err;

    err = strobe_tasks_needs(&look);
    if (!err)
        err = strobe_tasks_deadlocks(&look);
    if (!err && !index->report->stopped) /* else it is not the loop that keeps them waiting */
        err = blocked_loops(&look);
    if (!err)
        err = strobe_tasks_bottlenecks(&look);
    strobe_arena_release(&look.arena);
    return err ? err : out->failed ? STROBE_ERR_NOMEM : look.n;
}
