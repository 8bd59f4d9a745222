/* SPDX-License-Identifier: Apache-2.0 */
/* tasks_deadlock: cycles of tasks that each wait for the next: for a lock that it holds, or for its end. */
#include "report/tasks_diagnose.h"

#include <inttypes.h>
#include <string.h>

enum {
    MAX_DEADLOCKS = 3,
    MAX_LINKS = 6, /* tasks of one cycle that are named */
};

/* A task on the way, and the one of those that it waits for that comes next. */
struct step {
    uint32_t task, next, n;
};

enum { NEW, OPEN, CLOSED };

struct search {
    const struct strobe_tasks_index *index;
    const struct strobe_tasks_style *style;
    struct strobe_buf *out;
    struct step *path;
    uint32_t n_path;
    unsigned char *colour;
    uint32_t *place; /* in the path, of those that are open */
    int found;
};

/* Waiting by these calls goes on until every task that is waited for has ended; others have timeouts or take the first. */
static bool waits_for_all(const char *how)
{
    return !how || strcmp(how, "task") == 0 || strcmp(how, "gather") == 0 || strcmp(how, "TaskGroup") == 0 || strcmp(how, "shield") == 0;
}

/* The lock that a task waits for and one other, or the same, holds alone; STROBE_NO_INDEX. */
static uint32_t lock_of(const struct strobe_tasks_index *index, uint32_t task)
{
    const struct strobe_report_task *t = &index->report->tasks[task];

    if (t->task->state != STROBE_TASK_WAITING || t->wait == STROBE_NO_INDEX || !strobe_tasks_exclusive(index, t->wait))
        return STROBE_NO_INDEX;
    return index->holder_at[t->wait + 1] - index->holder_at[t->wait] == 1 ? t->wait : STROBE_NO_INDEX;
}

static struct step step_of(const struct strobe_tasks_index *index, uint32_t task)
{
    const struct strobe_report_task *t = &index->report->tasks[task];
    struct step step = {.task = task};

    if (t->task->state != STROBE_TASK_WAITING || t->wait == STROBE_NO_INDEX)
        return step;
    if (lock_of(index, task) != STROBE_NO_INDEX)
        step.n = 1;
    else if (index->report->waits[t->wait].wait->kind == STROBE_WAIT_TASKS && waits_for_all(index->report->waits[t->wait].wait->how))
        step.n = index->child_at[task + 1] - index->child_at[task];
    return step;
}

static uint32_t next_of(const struct strobe_tasks_index *index, const struct step *step)
{
    uint32_t lock = lock_of(index, step->task);

    return lock != STROBE_NO_INDEX ? index->holders[index->holder_at[lock]] : index->children[index->child_at[step->task] + step->next];
}

/* The cycle is path[first ...]; it is told from a task on that holds what the one before it waits for. */
static void tell(struct search *search, uint32_t first)
{
    const struct strobe_tasks_index *index = search->index;
    uint32_t n = search->n_path - first, start = 0, lock = STROBE_NO_INDEX;
    struct strobe_buf *out = search->out;

    for (uint32_t i = 0; i < n && lock == STROBE_NO_INDEX; i++) {
        lock = lock_of(index, search->path[first + (i + n - 1) % n].task);
        start = lock == STROBE_NO_INDEX ? 0 : i;
    }
    strobe_buf_puts(out, "deadlock: ");
    for (uint32_t i = 0; i < n; i++) {
        uint32_t task = search->path[first + (start + i) % n].task, wanted = lock_of(index, task);

        if (i == 0)
            strobe_tasks_name(&index->report->tasks[task], out);
        if (i == 0 && lock != STROBE_NO_INDEX) {
            strobe_buf_puts(out, " holds ");
            strobe_tasks_thing(index, lock, out);
            strobe_buf_puts(out, " and");
        }
        strobe_buf_puts(out, i == 0 ? " waits for " : ", which waits for ");
        if (i == n - 1 && lock != STROBE_NO_INDEX) {
            if (n == 1)
                strobe_buf_puts(out, "it");
            else
                strobe_tasks_thing(index, lock, out);
            break;
        }
        if (i == MAX_LINKS && n - i > 2) {
            strobe_buf_printf(out, "%s %" PRIu32 " more in a row %s", search->style->dots, n - 1 - i, search->style->dots);
            i = n - 2;
            continue;
        }
        if (wanted != STROBE_NO_INDEX) {
            strobe_tasks_thing(index, wanted, out);
            strobe_buf_puts(out, " held by ");
        }
        strobe_tasks_name(&index->report->tasks[search->path[first + (start + i + 1) % n].task], out);
    }
    strobe_buf_putc(out, 0);
    search->found++;
}

static void enter(struct search *search, uint32_t task)
{
    search->colour[task] = OPEN;
    search->place[task] = search->n_path;
    search->path[search->n_path++] = step_of(search->index, task);
}

static void search_from(struct search *search, uint32_t start)
{
    enter(search, start);
    while (search->n_path > 0 && search->found < MAX_DEADLOCKS) {
        struct step *step = &search->path[search->n_path - 1];
        uint32_t next;

        if (step->next == step->n) {
            search->colour[step->task] = CLOSED;
            search->n_path--;
            continue;
        }
        next = next_of(search->index, step);
        step->next++;
        if (search->colour[next] == OPEN)
            tell(search, search->place[next]);
        else if (search->colour[next] == NEW)
            enter(search, next);
    }
}

int strobe_tasks_deadlocks(struct strobe_tasks_look *look)
{
    const struct strobe_tasks_index *index = look->index;
    struct search search = {.index = index, .style = &look->style, .out = look->out};

    search.path = strobe_arena_alloc(&look->arena, (index->n + 1) * sizeof *search.path);
    search.place = strobe_arena_alloc(&look->arena, (index->n + 1) * sizeof *search.place);
    search.colour = strobe_arena_alloc(&look->arena, index->n + 1);
    if (!search.path || !search.place || !search.colour)
        return STROBE_ERR_NOMEM;
    memset(search.colour, NEW, index->n + 1);
    for (uint32_t t = 0; t < index->n && search.found < MAX_DEADLOCKS; t++)
        if (search.colour[t] == NEW)
            search_from(&search, t);
    look->n += search.found;
    return 0;
}
