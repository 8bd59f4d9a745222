/* SPDX-License-Identifier: Apache-2.0 */
#include "report/tasks_words.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/utf8.h"

const char *strobe_report_wait_word(enum strobe_wait_kind kind)
{
    static const char *const words[STROBE_WAIT_KINDS] = {
        [STROBE_WAIT_FUTURE] = "future",
        [STROBE_WAIT_TASKS] = "tasks",
        [STROBE_WAIT_SLEEP] = "sleep",
        [STROBE_WAIT_LOCK] = "lock",
        [STROBE_WAIT_SEMAPHORE] = "semaphore",
        [STROBE_WAIT_EVENT] = "event",
        [STROBE_WAIT_CONDITION] = "condition",
        [STROBE_WAIT_QUEUE_GET] = "queue-get",
        [STROBE_WAIT_QUEUE_PUT] = "queue-put",
        [STROBE_WAIT_QUEUE_JOIN] = "queue-join",
        [STROBE_WAIT_BARRIER] = "barrier",
        [STROBE_WAIT_SOCKET] = "socket",
        [STROBE_WAIT_STREAM_READ] = "stream-read",
        [STROBE_WAIT_STREAM_WRITE] = "stream-write",
        [STROBE_WAIT_SERVER] = "server",
        [STROBE_WAIT_SUBPROCESS] = "subprocess",
        [STROBE_WAIT_EXECUTOR] = "executor",
        [STROBE_WAIT_WORKER_THREAD] = "worker-thread",
        [STROBE_WAIT_LIMITER] = "limiter",
    };

    return (unsigned)kind < STROBE_WAIT_KINDS ? words[kind] : "unknown";
}

const char *strobe_report_state_word(enum strobe_task_state state)
{
    switch (state) {
    case STROBE_TASK_WAITING: return "waiting";
    case STROBE_TASK_READY: return "ready";
    case STROBE_TASK_RUNNING: return "running";
    case STROBE_TASK_DONE: return "done";
    }
    return "unknown";
}

const char *strobe_report_outcome_word(enum strobe_task_outcome outcome)
{
    switch (outcome) {
    case STROBE_OUTCOME_RESULT: return "result";
    case STROBE_OUTCOME_EXCEPTION: return "exception";
    case STROBE_OUTCOME_CANCELLED: return "cancelled";
    default: return "";
    }
}

const char *strobe_report_loop_word(enum strobe_report_loop state)
{
    switch (state) {
    case STROBE_LOOP_RUNS: return "running";
    case STROBE_LOOP_IDLE: return "not running";
    case STROBE_LOOP_CLOSED: return "closed";
    }
    return "";
}

void strobe_tasks_outcome(const struct strobe_report_task *task, struct strobe_buf *out)
{
    strobe_buf_puts(out, "done");
    if (task->task->outcome == STROBE_OUTCOME_UNKNOWN)
        return;
    strobe_buf_printf(out, ": %s", strobe_report_outcome_word(task->task->outcome));
    if (task->exception && *task->exception) {
        strobe_buf_putc(out, ' ');
        strobe_report_escape(task->exception, out);
    }
}

void strobe_tasks_notes(const struct strobe_report_tasks *report, const char *indent, struct strobe_buf *out)
{
    uint32_t dropped = report->sample->n_dropped;

    if (report->sample->n_copies) {
        strobe_buf_puts(out, indent);
        strobe_report_copies(report->sample->n_copies, out);
    }
    if (dropped)
        strobe_buf_printf(out, "%s%" PRIu32 " task%s changed while %s read, and %s not shown\n", indent, dropped, dropped == 1 ? "" : "s",
                          dropped == 1 ? "it was" : "they were", dropped == 1 ? "is" : "are");
    if (report->sample->list_torn)
        strobe_buf_printf(out, "%sthe list of tasks changed each time it was read: some may be missing\n", indent);
    if (report->sample->edges_cut)
        strobe_buf_printf(out, "%smore waits for tasks than was followed: some may stand at the top that do not belong there\n", indent);
    if (report->stopped)
        strobe_buf_printf(out, "%sthe process is stopped (state T): nothing runs\n", indent);
    else if (report->moving && report->sample->n_tasks)
        strobe_buf_printf(out, "%sthe loop ran while this was read: each line is true for itself\n", indent);
}

const char *strobe_tasks_pool_word(enum strobe_pool_kind kind)
{
    switch (kind) {
    case STROBE_POOL_THREADS: return "ThreadPoolExecutor";
    case STROBE_POOL_PROCESSES: return "ProcessPoolExecutor";
    case STROBE_POOL_INTERPRETERS: return "InterpreterPoolExecutor";
    case STROBE_POOL_ANYIO: return "anyio";
    }
    return "unknown";
}

struct strobe_tasks_style strobe_tasks_style(bool color, bool ascii)
{
    struct strobe_tasks_style style = {.head = "", .name = "", .file = "", .thing = "", .alarm = "", .dim = "", .off = ""};

    if (color) {
        style.head = "\x1b[1;33m";
        style.name = "\x1b[32m";
        style.file = "\x1b[36m";
        style.thing = "\x1b[1m";
        style.alarm = "\x1b[1;31m";
        style.dim = "\x1b[2m";
        style.off = "\x1b[0m";
    }
    style.arrow = ascii ? "->" : "\xe2\x86\x92";
    style.times = ascii ? "x" : "\xc3\x97";
    style.dots = ascii ? "..." : "\xe2\x80\xa6";
    style.branch = ascii ? "|- " : "\xe2\x94\x9c\xe2\x94\x80 ";
    style.end = ascii ? "`- " : "\xe2\x94\x94\xe2\x94\x80 ";
    style.bar = ascii ? "|" : "\xe2\x94\x82";
    return style;
}

void strobe_tasks_seconds(double seconds, struct strobe_buf *out)
{
    if (seconds < 0.0995)
        strobe_buf_printf(out, "%.0f ms", seconds * 1e3);
    else if (seconds < 59.95)
        strobe_buf_printf(out, "%.1f s", seconds);
    else if (seconds < 3599.5)
        strobe_buf_printf(out, "%d min %d s", (int)(seconds + 0.5) / 60, (int)(seconds + 0.5) % 60);
    else if (seconds < 1e9)
        strobe_buf_printf(out, "%.0f h %d min", floor((seconds + 0.5) / 3600), (int)(fmod(seconds + 0.5, 3600) / 60));
    else
        strobe_buf_puts(out, "over 30 years"); /* a timer may be set to any float */
}

void strobe_tasks_name(const struct strobe_report_task *task, struct strobe_buf *out)
{
    if (*task->name)
        strobe_report_escape(task->name, out);
    else
        strobe_buf_printf(out, "task at 0x%" PRIx64, task->task->addr);
}

void strobe_tasks_group_name(const struct strobe_tasks_index *index, uint32_t group, struct strobe_buf *out)
{
    const struct strobe_tasks_group *g = &index->groups[group];
    const struct strobe_report_task *first = &index->report->tasks[index->members[g->member_at]];
    struct strobe_buf folded = STROBE_BUF_INIT;

    if (g->n > 1 && !*first->name) {
        strobe_buf_puts(out, "tasks without a name");
    } else if (g->one_name) {
        strobe_tasks_name(first, out);
    } else {
        strobe_fold(first->name, &folded);
        out->failed |= folded.failed;
        strobe_report_escape(strobe_buf_str(&folded), out);
    }
    strobe_buf_release(&folded);
}

void strobe_tasks_group_label(const struct strobe_tasks_index *index, uint32_t group, const struct strobe_tasks_style *style,
                              struct strobe_buf *out)
{
    if (index->groups[group].n > 1) {
        strobe_buf_grouped(out, index->groups[group].n);
        strobe_buf_printf(out, " %s ", style->times);
    }
    strobe_tasks_group_name(index, group, out);
}

size_t strobe_tasks_width(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        if (*text == '\x1b')
            text += strcspn(text, "m") - (strchr(text, 'm') == NULL); /* a name has no escape character any more */
        else
            n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}
