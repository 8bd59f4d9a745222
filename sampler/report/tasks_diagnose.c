/* SPDX-License-Identifier: Apache-2.0 */
#include "report/tasks_diagnose.h"

#include <inttypes.h>

enum {
    NAME_WIDTH = 48,  /* of a task's name in a sentence */
    MAX_FRAMES = 4,   /* of a stack in a sentence */
    MAX_SHOWN = 3,   /* texts of a kind, for people */
    MAX_TEXTS = 1000, /* ... and for programs */
};

/* A byte of a character after its first. */
static bool is_inside(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

void strobe_tasks_short_name(const struct strobe_tasks_look *look, const struct strobe_report_task *task)
{
    struct strobe_buf name = STROBE_BUF_INIT;
    const char *text, *end;

    strobe_tasks_name(task, &name);
    text = strobe_buf_str(&name);
    end = text + name.len;
    if (strobe_tasks_width(text) > NAME_WIDTH) {
        const char *cut = text;

        for (size_t n = 0; *cut && (n < NAME_WIDTH / 2 || is_inside(*cut)); cut++)
            n += !is_inside(cut[1]);
        for (size_t n = 0; end > cut && n < NAME_WIDTH / 2;)
            n += !is_inside(*--end);
        strobe_buf_put(look->out, text, (size_t)(cut - text));
        strobe_buf_puts(look->out, look->style.dots);
        strobe_buf_puts(look->out, end);
    } else {
        strobe_buf_puts(look->out, text);
    }
    look->out->failed |= name.failed;
    strobe_buf_release(&name);
}

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

/* Does a loop's thread use a CPU, or want to?  Then the loop goes on, only it has much to do. */
static bool computes(const struct strobe_report_tasks *report, uint32_t thread)
{
    return thread < report->process->n_threads &&
           report->process->threads[thread].thread->flags & (STROBE_THREAD_ACTIVE | STROBE_THREAD_GIL_WAIT);
}

/* What a loop's tasks would do if it came to them. */
struct loop_tasks {
    uint32_t ready;  /* their step is due, or their sleep is over */
    uint32_t others; /* they wait */
    uint32_t thread; /* that runs it; STROBE_NO_INDEX: unknown */
    bool runs;       /* one of them runs */
};

static int count_tasks(const struct strobe_tasks_look *look, struct strobe_htab *index, struct loop_tasks *loops)
{
    int err = 0;

    for (uint32_t t = 0; t < look->index->n && !err; t++) {
        const struct strobe_report_task *task = &look->index->report->tasks[t];
        const uint64_t *known = strobe_htab_get(index, task->task->loop, 0);
        uint64_t at = known ? *known : index->count;

        if (task->task->state == STROBE_TASK_DONE)
            continue;
        if (!known) {
            loops[at] = (struct loop_tasks){.thread = task->loop_thread};
            err = strobe_htab_put(index, task->task->loop, 0, at);
        }
        if (task->task->state == STROBE_TASK_RUNNING)
            loops[at].runs = true;
        else if (task->task->state == STROBE_TASK_READY || task->due_in < 0)
            loops[at].ready++;
        else
            loops[at].others++;
    }
    return err;
}

/* The outermost frame and the last few, outermost first. */
static void put_stack(const struct strobe_tasks_look *look, const struct strobe_report_frame *frames, uint32_t n)
{
    const struct strobe_report_process *process = look->index->report->process;
    uint32_t inner = n <= MAX_FRAMES ? n : MAX_FRAMES - 1;

    if (inner < n) {
        strobe_tasks_frame(process, &frames[n - 1], &look->style, look->out);
        strobe_buf_printf(look->out, " %s %s ", look->style.arrow, look->style.dots);
        strobe_buf_grouped(look->out, n - 1 - inner);
        strobe_buf_printf(look->out, " frames %s %s ", look->style.dots, look->style.arrow);
    }
    strobe_tasks_frames(process, frames, inner, false, &look->style, look->out);
}

static void say_waiting(struct strobe_tasks_look *look, const struct loop_tasks *tasks)
{
    struct strobe_buf *out = look->out;
    uint32_t n = tasks->ready ? tasks->ready : tasks->others;

    strobe_buf_puts(out, ": ");
    strobe_buf_grouped(out, n);
    strobe_buf_printf(out, tasks->ready ? " task%s ready" : " other task%s waiting", n == 1 ? " is" : "s are");
    strobe_buf_putc(out, 0);
    look->n++;
}

/* Why the loop does not come to its tasks: one of them runs.  Its stack, from the coroutine's innermost frame inward. */
static void say_blocked(struct strobe_tasks_look *look, const struct strobe_report_task *task, const struct loop_tasks *tasks, bool busy)
{
    strobe_buf_puts(look->out, busy ? "the loop is busy with " : "the loop is blocked by ");
    strobe_tasks_short_name(look, task);
    if (task->n_frames)
        strobe_buf_puts(look->out, " in ");
    put_stack(look, task->frames, task->n_sync < task->n_frames ? task->n_sync + 1 : task->n_frames);
    say_waiting(look, tasks);
}

static bool is_function(const struct strobe_names *names, const struct strobe_report_frame *frame, const char *name, const char *file)
{
    return frame->frame && strobe_code_frame_is(names, frame->frame, name, file);
}

/* How many of a loop's thread's frames belong to a callback that it runs: those inside of asyncio's Handle._run(), which the innermost turn
 * of a loop has called.  Further out there may be those of another loop, in which the process was forked. */
static uint32_t frames_of_callback(const struct strobe_report_process *process, uint32_t thread)
{
    const struct strobe_report_thread *t = &process->threads[thread];

    for (uint32_t i = 0; i < t->n_frames; i++)
        if (is_function(process->names, &t->frames[i], "_run_once", "asyncio/base_events.py"))
            return i > 1 && is_function(process->names, &t->frames[i - 1], "_run", "asyncio/events.py") ? i - 1 : 0;
    return 0;
}

/* A loop that runs none of its tasks, but something else that it was to call: of a transport, a timer, a signal, a future. */
static bool say_callback(struct strobe_tasks_look *look, const struct loop_tasks *loop)
{
    const struct strobe_report_tasks *report = look->index->report;
    bool busy = computes(report, loop->thread);
    uint32_t n;

    if (loop->runs || loop->thread >= report->process->n_threads || (!loop->ready && (busy || !loop->others)) ||
        look->needs.fate[look->needs.threads + loop->thread] != STROBE_FATE_GOES_ON)
        return false;
    n = frames_of_callback(report->process, loop->thread);
    if (!n)
        return false;
    strobe_buf_puts(look->out, busy ? "the loop is busy with a callback: " : "the loop is blocked by a callback: ");
    put_stack(look, report->process->threads[loop->thread].frames, n);
    say_waiting(look, loop);
    return true;
}

/* A task that runs while others of its loop are ready; or that is in a call which waits, so that whatever the others wait for, none of
 * them would be woken now.  Or the same of a callback that is no task's. */
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
        bool busy = at && computes(report, task->task->thread), known = task->task->thread < report->process->n_threads;

        if (!at || (!loops[*at].ready && (busy || !known || !loops[*at].others)) ||
            (known && look->needs.fate[threads + task->task->thread] != STROBE_FATE_GOES_ON)) /* that is a deadlock, and told */
            continue;
        if (found++ < look->most)
            say_blocked(look, task, &loops[*at], busy);
    }
    for (size_t i = 0; i < index.count && !err && found < look->most; i++)
        found += say_callback(look, &loops[i]);
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
