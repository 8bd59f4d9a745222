/* SPDX-License-Identifier: Apache-2.0 */
/* tasks_ps: a row a task, in columns. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "report/tasks_words.h"

/* The last two come as long as they are. */
enum column { TID, ID, NAME, STATE, AWAITED_BY, CONTEXT, WAITING_FOR, STACK, COLUMNS };

enum {
    MAX_PAD = 80,    /* a column gets no wider; what is longer pushes its row to the right */
    MAX_PARENTS = 2, /* tasks that are named of those that wait for one */
};

struct table {
    const struct strobe_tasks_index *index;
    struct strobe_tasks_style style;
    struct strobe_buf cells; /* each ended by NUL, row by row */
    size_t width[COLUMNS];
    bool skip[COLUMNS];
};

static void put_parents(const struct strobe_tasks_index *index, const struct strobe_task *task, struct strobe_buf *out)
{
    for (uint32_t i = 0; i < task->n_awaiters; i++) {
        if (i)
            strobe_buf_puts(out, ", ");
        if (i == MAX_PARENTS) {
            strobe_buf_printf(out, "%" PRIu32 " more", task->n_awaiters - i);
            return;
        }
        strobe_tasks_name(&index->report->tasks[index->report->sample->awaiters[task->first_awaiter + i]], out);
    }
}

static void put_state(const struct table *table, uint32_t t, struct strobe_buf *out)
{
    const struct strobe_report_task *task = &table->index->report->tasks[t];

    if (task->task->state == STROBE_TASK_DONE)
        strobe_tasks_outcome(task, out);
    else
        strobe_buf_puts(out, strobe_report_state_word(task->task->state));
    if (!isnan(task->waiting)) {
        strobe_buf_putc(out, ' ');
        strobe_tasks_seconds(task->waiting, out);
    }
    if (task->task->flags & STROBE_TASK_CANCELLING && task->task->state != STROBE_TASK_DONE)
        strobe_buf_puts(out, ", cancelling");
    if (task->loop_state != STROBE_LOOP_RUNS)
        strobe_buf_printf(out, ", loop %s", strobe_report_loop_word(task->loop_state));
}

/* Where its call is. */
static void put_call(const struct strobe_report_tasks *report, const struct strobe_report_task *task, struct strobe_buf *out)
{
    uint32_t pool = strobe_tasks_pool(report, task);
    const struct strobe_report_worker *worker;

    if (task->queue_place)
        strobe_buf_printf(out, ", place %" PRIu32 " in the queue", task->queue_place);
    if (pool == STROBE_NO_INDEX || task->worker == STROBE_NO_INDEX || task->worker >= report->pools[pool].n_workers)
        return;
    worker = &report->pools[pool].workers[task->worker];
    strobe_buf_puts(out, ", in ");
    if (*worker->name)
        strobe_report_escape(worker->name, out);
    else
        strobe_buf_printf(out, "%s %" PRId32, worker->worker->pid ? "process" : "thread", worker->tid ? worker->tid : worker->worker->pid);
}

static void put_cell(const struct table *table, enum column column, uint32_t t, struct strobe_buf *out)
{
    const struct strobe_report_tasks *report = table->index->report;
    const struct strobe_report_task *task = &report->tasks[t];

    switch (column) {
    case TID:
        if (task->loop_tid)
            strobe_buf_printf(out, "%" PRId32, task->loop_tid);
        else
            strobe_buf_putc(out, '-');
        break;
    case ID: strobe_buf_printf(out, "0x%" PRIx64, task->task->addr); break;
    case NAME: strobe_report_escape(task->name, out); break;
    case STATE: put_state(table, t, out); break;
    case AWAITED_BY: put_parents(table->index, task->task, out); break;
    case CONTEXT: strobe_report_escape(task->context ? task->context : "", out); break;
    case WAITING_FOR:
        if (task->wait != STROBE_NO_INDEX) {
            strobe_tasks_wait(table->index, &t, 1, &table->style, out);
            put_call(report, task, out);
        }
        break;
    case STACK: strobe_tasks_frames(report->process, task->frames, task->n_frames, true, &table->style, out); break;
    default: break;
    }
    if (column != STACK && (out->len == 0 || out->data[out->len - 1] == 0)) /* nothing was written */
        strobe_buf_putc(out, '-');
}

static void put_row(struct table *table, uint32_t t)
{
    for (int column = 0; column < COLUMNS && !table->cells.failed; column++) {
        size_t start = table->cells.len, width;

        if (table->skip[column])
            continue;
        put_cell(table, (enum column)column, t, &table->cells);
        strobe_buf_putc(&table->cells, 0);
        width = table->cells.failed ? 0 : strobe_tasks_width(table->cells.data + start);
        width = width < MAX_PAD ? width : MAX_PAD;
        if (width > table->width[column])
            table->width[column] = width;
    }
}

/* The row whose cells begin at `cell`; returns where the next row begins. */
static const char *print_row(const struct table *table, const char *cell, const char *colour, struct strobe_buf *out)
{
    for (int column = 0; column < COLUMNS; column++) {
        if (table->skip[column])
            continue;
        strobe_buf_printf(out, "%s%s%s", colour, cell, *colour ? table->style.off : "");
        if (column < STACK) {
            for (size_t width = strobe_tasks_width(cell); width < table->width[column]; width++)
                strobe_buf_putc(out, ' ');
            strobe_buf_puts(out, "  ");
        }
        cell += strlen(cell) + 1;
    }
    strobe_buf_putc(out, '\n');
    return cell;
}

static void fill(struct table *table)
{
    static const enum strobe_task_state states[] = {STROBE_TASK_RUNNING, STROBE_TASK_READY, STROBE_TASK_WAITING, STROBE_TASK_DONE};
    static const char *const heads[COLUMNS] = {"TID", "TASK ID", "NAME", "STATE", "AWAITED BY", "", "WAITING FOR", "COROUTINE STACK"};
    const struct strobe_report_tasks *report = table->index->report;

    table->skip[CONTEXT] = report->context_name == NULL;
    for (int column = 0; column < COLUMNS; column++) {
        size_t start = table->cells.len;

        if (table->skip[column])
            continue;
        strobe_report_escape(column == CONTEXT ? report->context_name : heads[column], &table->cells);
        strobe_buf_putc(&table->cells, 0);
        if (!table->cells.failed)
            table->width[column] = strobe_tasks_width(table->cells.data + start);
    }
    for (size_t s = 0; s < sizeof states / sizeof states[0]; s++)
        for (uint32_t t = 0; t < table->index->n && !table->cells.failed; t++)
            if (report->tasks[t].task->state == states[s])
                put_row(table, t);
}

void strobe_report_ps(const struct strobe_report_tasks *report, bool color, struct strobe_buf *out)
{
    struct table table = {.style = strobe_tasks_style(color, report->ascii), .cells = STROBE_BUF_INIT};
    struct strobe_tasks_index index;
    const char *cell;
    int err = strobe_tasks_index(&index, report);

    table.index = &index;
    if (!err)
        fill(&table);
    out->failed |= err || table.cells.failed;
    if (!out->failed) {
        cell = print_row(&table, table.cells.data, table.style.head, out);
        while (cell < table.cells.data + table.cells.len && !out->failed)
            cell = print_row(&table, cell, "", out);
        strobe_tasks_notes(report, "", out);
    }
    strobe_buf_release(&table.cells);
    strobe_tasks_index_release(&index);
}
