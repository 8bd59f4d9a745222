/* SPDX-License-Identifier: Apache-2.0 */
/* tasks_state: what equal tasks do and hold. */
#include "report/tasks_words.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum {
    MAX_HOLDS = 4,  /* things held that are named on a line */
    MAX_LINKS = 8,  /* threads that are named of a group */
};

/* "waiting 1.8 s (longest 2.1 s) for  ": the mean of those whose time is known. */
static void put_waiting(const struct strobe_report_tasks *report, const uint32_t *tasks, uint32_t n, struct strobe_buf *out)
{
    double sum = 0, longest = 0;
    uint32_t known = 0;

    for (uint32_t i = 0; i < n; i++) {
        double waiting = report->tasks[tasks[i]].waiting;

        if (isnan(waiting))
            continue;
        known++;
        sum += waiting;
        longest = fmax(longest, waiting);
    }
    strobe_buf_puts(out, "waiting");
    if (known) {
        strobe_buf_putc(out, ' ');
        strobe_tasks_seconds(sum / known, out);
        if (known > 1 && longest > sum / known * 1.05) {
            strobe_buf_puts(out, " (longest ");
            strobe_tasks_seconds(longest, out);
            strobe_buf_putc(out, ')');
        }
    }
}

static bool waits_for_tasks(const struct strobe_tasks_index *index, uint32_t task)
{
    uint32_t wait = index->report->tasks[task].wait;

    return wait != STROBE_NO_INDEX && index->report->waits[wait].wait->kind == STROBE_WAIT_TASKS;
}

static uint64_t count_children(const struct strobe_tasks_index *index, const uint32_t *tasks, uint32_t n)
{
    uint64_t children = 0;

    for (uint32_t i = 0; i < n; i++)
        children += index->child_at[tasks[i] + 1] - index->child_at[tasks[i]];
    return children;
}

void strobe_tasks_how(const struct strobe_tasks_index *index, const uint32_t *tasks, uint32_t n, const struct strobe_tasks_style *style,
                      struct strobe_buf *out)
{
    const char *how;

    if (!waits_for_tasks(index, tasks[0]))
        return;
    how = index->report->waits[index->report->tasks[tasks[0]].wait].wait->how;
    strobe_buf_printf(out, " %s %s", style->arrow, how ? how : "task");
}

static void put_running(const struct strobe_tasks_index *index, const uint32_t *tasks, uint32_t n, const struct strobe_tasks_style *style,
                        struct strobe_buf *out)
{
    const struct strobe_report_task *task = &index->report->tasks[tasks[0]];

    strobe_buf_puts(out, "running");
    if (n == 1 && task->loop_tid)
        strobe_buf_printf(out, " in thread %" PRId32, task->loop_tid);
    if (task->n_sync && task->n_sync <= task->n_frames) {
        strobe_buf_puts(out, ": ");
        strobe_tasks_frames(index->report->process, task->frames, task->n_sync, false, style, out);
    }
    strobe_tasks_leaf(task->leaf, task->n_sync > 0, style, out);
}

void strobe_tasks_state(const struct strobe_tasks_index *index, const uint32_t *tasks, uint32_t n, const struct strobe_tasks_style *style,
                        struct strobe_buf *out)
{
    const struct strobe_report_task *task = &index->report->tasks[tasks[0]];

    switch (task->task->state) {
    case STROBE_TASK_RUNNING: put_running(index, tasks, n, style, out); break;
    case STROBE_TASK_READY:
        strobe_buf_puts(out, task->task->flags & STROBE_TASK_NEW ? "ready: not begun, " : "ready: ");
        if (index->report->stopped)
            strobe_buf_puts(out, "the process is stopped");
        else
            strobe_buf_printf(out, "the loop is %s", task->loop_state == STROBE_LOOP_RUNS ? "busy"
                                                                                          : strobe_report_loop_word(task->loop_state));
        break;
    case STROBE_TASK_DONE: strobe_tasks_outcome(task, out); break;
    case STROBE_TASK_WAITING:
        if (waits_for_tasks(index, tasks[0]) && count_children(index, tasks, n))
            break;
        put_waiting(index->report, tasks, n, out);
        if (task->wait != STROBE_NO_INDEX) {
            strobe_buf_puts(out, " for  ");
            strobe_tasks_wait(index, tasks, n, style, out);
        }
    }
}

static void put_hold(const struct strobe_tasks_index *index, uint32_t wait, uint32_t n, struct strobe_buf *out)
{
    const struct strobe_report_wait *w = &index->report->waits[wait];
    bool own = n > 1 && !strobe_tasks_shared(index, wait);

    if (own)
        strobe_buf_puts(out, "its own ");
    /* The class besides only where there is no name: it stands where the thing is waited for. */
    if (*w->name && own)
        strobe_report_escape(w->name, out);
    else if (*w->name)
        strobe_tasks_thing_name(index, wait, out);
    else
        strobe_tasks_thing(index, wait, out);
}

/* The first few values that differ from those before; how many tasks have another, or none, is said at the end. */
static void put_context(const struct strobe_report_tasks *report, const uint32_t *tasks, uint32_t n, struct strobe_buf *out)
{
    enum { SHOWN = 3 };
    const char *shown[SHOWN];
    uint32_t n_shown = 0, others = 0, unset = 0;

    for (uint32_t i = 0; i < n; i++) {
        const char *value = report->tasks[tasks[i]].context;
        uint32_t k = 0;

        unset += value == NULL;
        while (value && k < n_shown && strcmp(value, shown[k]) != 0)
            k++;
        if (value && k == n_shown && n_shown < SHOWN)
            shown[n_shown++] = value;
        else if (value && k == n_shown)
            others++;
    }
    if (!n_shown)
        return;
    strobe_buf_puts(out, "  [");
    strobe_report_escape(report->context_name, out);
    strobe_buf_putc(out, '=');
    for (uint32_t k = 0; k < n_shown; k++) {
        strobe_buf_puts(out, k ? ", " : "");
        strobe_report_escape(shown[k], out);
    }
    if (others) {
        strobe_buf_puts(out, " and others in ");
        strobe_buf_grouped(out, others);
    }
    if (unset) {
        strobe_buf_puts(out, ", not set in ");
        strobe_buf_grouped(out, unset);
    }
    strobe_buf_putc(out, ']');
}

void strobe_tasks_marks(const struct strobe_tasks_index *index, const uint32_t *tasks, uint32_t n, const struct strobe_tasks_style *style,
                        struct strobe_buf *out)
{
    const struct strobe_report_task *task = &index->report->tasks[tasks[0]];
    const struct strobe_hold *holds = index->report->sample->holds + task->task->first_hold;
    uint32_t shown = 0;

    for (uint32_t i = 0; i < task->task->n_holds; i++) {
        uint32_t wait = index->wait_of[holds[i].wait];

        if (wait == STROBE_NO_INDEX)
            continue;
        if (shown == MAX_HOLDS) {
            strobe_buf_printf(out, ", %s", style->dots);
            break;
        }
        if (!shown++)
            strobe_buf_printf(out, "  %s[holds ", style->thing);
        else
            strobe_buf_puts(out, ", ");
        put_hold(index, wait, n, out);
    }
    if (shown)
        strobe_buf_printf(out, "]%s", style->off);
    if (task->task->flags & STROBE_TASK_CANCELLING && task->task->state != STROBE_TASK_DONE)
        strobe_buf_printf(out, "  %s[cancelling]%s", style->alarm, style->off);
    if (task->loop_state != STROBE_LOOP_RUNS)
        strobe_buf_printf(out, "  %s[loop %s]%s", style->dim, strobe_report_loop_word(task->loop_state), style->off);
    if (index->report->context_name)
        put_context(index->report, tasks, n, out);
}

void strobe_tasks_links(const struct strobe_tasks_index *index, const uint32_t *tasks, uint32_t n, const char *prefix,
                        struct strobe_buf *out)
{
    const struct strobe_report_process *process = index->report->process;
    uint32_t shown = 0;

    for (uint32_t i = 0; i < n; i++)
        for (uint32_t l = index->link[tasks[i]]; l != STROBE_NO_INDEX; l = index->next_link[l]) {
            const struct strobe_report_thread *thread = &process->threads[index->report->links[l].thread];
            int32_t tid = thread->thread->tid ? thread->thread->tid : thread->thread->native;

            if (shown++ == MAX_LINKS) {
                strobe_buf_printf(out, "%smore threads wait for %s\n", prefix, n > 1 ? "them" : "it");
                return;
            }
            strobe_buf_printf(out, "%sthread %" PRId32, prefix, tid);
            if (thread->name && *thread->name) {
                strobe_buf_puts(out, " (");
                strobe_report_escape(thread->name, out);
                strobe_buf_putc(out, ')');
            }
            strobe_buf_printf(out, " waits for %s\n", n > 1 ? "one of them" : "it");
        }
}
