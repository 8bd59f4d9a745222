/* SPDX-License-Identifier: Apache-2.0 */
/* tasks_deadlock: circles of tasks and threads that each need the next: for a lock or a permit that it has, for its end, for a free worker
 * of a pool, for the thread that runs the loop. */
#include "report/tasks_diagnose.h"

#include <inttypes.h>
#include <string.h>

enum {
    MAX_LINKS = 6, /* tasks and threads of one circle that are named */
    WIDE = 120,    /* characters after which no more are */
};

/* A node on the way, and which of those that it needs comes next. */
struct step {
    uint32_t node, next, end;
};

/* A task or thread of a circle, and what it needs that the next one has: a wait or a pool; STROBE_NO_INDEX = the next one itself. */
struct leg {
    uint32_t who, thing;
};

enum { NEW, OPEN, CLOSED };

struct search {
    struct strobe_tasks_look *look;
    const struct strobe_tasks_index *index;
    const struct strobe_tasks_needs *needs;
    struct strobe_buf *out;
    struct step *path;
    uint32_t n_path;
    unsigned char *colour;
    uint32_t *place;    /* in the path, of those that are open */
    struct leg *legs;   /* of the circle that is told */
    uint32_t n_legs;
    uint64_t found;
};

static bool is_task(const struct search *s, uint32_t node)
{
    return node < s->needs->threads;
}

static bool is_pool(const struct search *s, uint32_t node)
{
    return node != STROBE_NO_INDEX && node >= s->needs->pools;
}

static bool is_wait(const struct search *s, uint32_t node)
{
    return node != STROBE_NO_INDEX && node >= s->needs->waits && node < s->needs->pools;
}

/* ---- words ---- */

static void put_wait(const struct search *s, uint32_t node)
{
    strobe_tasks_thing(s->index, node - s->needs->waits, s->out);
}

/* The task that runs on a thread; NULL. */
static const struct strobe_report_task *runs_on(const struct search *s, uint32_t thread)
{
    for (uint32_t t = 0; t < s->index->n; t++)
        if (s->index->report->tasks[t].task->state == STROBE_TASK_RUNNING && s->index->report->tasks[t].task->thread == thread)
            return &s->index->report->tasks[t];
    return NULL;
}

static void put_thread(const struct search *s, uint32_t thread)
{
    const struct strobe_report_thread *t = &s->index->report->process->threads[thread];

    strobe_buf_puts(s->out, "thread ");
    if (t->name && *t->name)
        strobe_report_escape(t->name, s->out);
    else
        strobe_buf_printf(s->out, "%" PRId32, t->thread->tid ? t->thread->tid : t->thread->native);
}

/* first: a thread with the task that it is in, and where. */
static void put_who(const struct search *s, uint32_t node, bool first)
{
    const struct strobe_report_task *task;

    if (is_task(s, node)) {
        strobe_tasks_short_name(s->look, &s->index->report->tasks[node]);
        return;
    }
    put_thread(s, node - s->needs->threads);
    task = first ? runs_on(s, node - s->needs->threads) : NULL;
    if (!task)
        return;
    strobe_buf_puts(s->out, " (");
    strobe_tasks_short_name(s->look, task);
    if (task->n_sync < task->n_frames) {
        strobe_buf_puts(s->out, " in ");
        strobe_tasks_frame(s->index->report->process, &task->frames[task->n_sync], &s->look->style, s->out);
    }
    strobe_buf_putc(s->out, ')');
}

static void put_others(const struct search *s, uint32_t n)
{
    if (n > 1) {
        strobe_buf_puts(s->out, " and ");
        strobe_buf_grouped(s->out, n - 1);
        strobe_buf_puts(s->out, " more");
    }
}

static uint32_t n_needs(const struct search *s, uint32_t node)
{
    return s->needs->at[node + 1] - s->needs->at[node];
}

/* "waits for ", as the one goes on only when the other does. */
static void put_verb(const struct search *s, const struct leg *leg, uint32_t next)
{
    const struct strobe_report_task *task = is_task(s, leg->who) ? &s->index->report->tasks[leg->who] : NULL;

    if (!task) {
        strobe_buf_puts(s->out, " waits in result() for ");
    } else if (leg->thing != STROBE_NO_INDEX || is_task(s, next)) {
        strobe_buf_puts(s->out, " waits for ");
    } else if (task->task->state == STROBE_TASK_RUNNING) {
        strobe_buf_puts(s->out, " runs in ");
    } else if (task->loop_thread == next - s->needs->threads) {
        strobe_buf_puts(s->out, " waits for its loop, which is in ");
    } else {
        strobe_buf_puts(s->out, " waits for its call in ");
    }
}

/* What leg `at` needs; last: the next one is where the telling began. */
static void put_need(const struct search *s, uint32_t at, bool last)
{
    const struct leg *leg = &s->legs[at];
    uint32_t next = s->legs[(at + 1) % s->n_legs].who;

    put_verb(s, leg, next);
    if (is_pool(s, leg->thing)) {
        uint32_t n = n_needs(s, leg->thing);

        strobe_tasks_pool_name(&s->index->report->pools[leg->thing - s->needs->pools], s->out);
        strobe_buf_printf(s->out, n == 1 ? ", whose %" PRIu32 " thread waits: " : ", whose %" PRIu32 " threads all wait: ", n);
        put_who(s, next, false);
        put_others(s, n);
    } else if (is_wait(s, leg->thing) && last) {
        if (s->n_legs == 1)
            strobe_buf_puts(s->out, "it");
        else
            put_wait(s, leg->thing);
    } else if (is_wait(s, leg->thing)) {
        put_wait(s, leg->thing);
        strobe_buf_puts(s->out, " held by ");
        put_who(s, next, false);
        put_others(s, n_needs(s, leg->thing));
    } else if (next == leg->who) {
        strobe_buf_puts(s->out, is_task(s, next) ? "itself" : "a coroutine that its own loop was handed and cannot begin");
    } else if (!is_task(s, leg->who) && !is_task(s, next)) {
        strobe_buf_puts(s->out, "what is to be done in ");
        put_who(s, next, false);
    } else {
        put_who(s, next, false);
    }
}

/* The one whom the telling begins with has what the one before needs. */
static void put_begin(const struct search *s, uint32_t start)
{
    uint32_t thing = s->legs[(start + s->n_legs - 1) % s->n_legs].thing, who = s->legs[start].who, n;
    bool sure = true;

    for (uint32_t i = 0; i < s->n_legs; i++)
        sure &= s->needs->fate[s->legs[i].who] == STROBE_FATE_STUCK;
    strobe_buf_puts(s->out, sure ? "deadlock: " : "likely deadlock: ");
    put_who(s, who, true);
    if (!is_wait(s, thing))
        return;
    n = n_needs(s, thing);
    put_others(s, n);
    if (n == 1 && sure)
        strobe_buf_puts(s->out, " holds ");
    else if (sure)
        strobe_buf_puts(s->out, " hold all of ");
    else
        strobe_buf_puts(s->out, n == 1 ? " alone was seen to hold " : " are all that were seen to hold ");
    put_wait(s, thing);
    strobe_buf_puts(s->out, n == 1 ? " and" : "; ");
    if (n > 1)
        put_who(s, who, false);
}

/* ---- circles ---- */

/* path[first ...] as legs, from a task or thread on. */
static void make_legs(struct search *s, uint32_t first)
{
    uint32_t n = s->n_path - first, turn = s->path[first].node >= s->needs->waits;

    s->n_legs = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t node = s->path[first + (i + turn) % n].node;

        if (node < s->needs->waits)
            s->legs[s->n_legs++] = (struct leg){node, STROBE_NO_INDEX};
        else
            s->legs[s->n_legs - 1].thing = node;
    }
}

/* The circle is told from one on that has what the one before it needs: a lock, else a thread of a pool, else a thread. */
static uint32_t start_of(const struct search *s)
{
    uint32_t best = 0, best_rank = 0;

    for (uint32_t i = 0; i < s->n_legs; i++) {
        uint32_t before = s->legs[(i + s->n_legs - 1) % s->n_legs].thing;
        uint32_t rank = is_wait(s, before) ? 3 : is_pool(s, before) ? 2 : !is_task(s, s->legs[i].who);

        if (rank > best_rank) {
            best_rank = rank;
            best = i;
        }
    }
    return best;
}

static void tell(struct search *s, uint32_t first)
{
    size_t begin = s->out->len;
    uint32_t start;

    if (s->found++ >= s->look->most)
        return;
    make_legs(s, first);
    start = start_of(s);
    put_begin(s, start);
    for (uint32_t i = 0; i < s->n_legs; i++) {
        if (i > 0)
            strobe_buf_puts(s->out, ", which");
        if (i > 0 && (i == MAX_LINKS || s->out->len - begin > WIDE) && s->n_legs - i > 2) {
            strobe_buf_printf(s->out, " waits for %s %" PRIu32 " more in a row %s", s->look->style.dots, s->n_legs - 1 - i,
                              s->look->style.dots);
            i = s->n_legs - 2;
            continue;
        }
        put_need(s, (start + i) % s->n_legs, i == s->n_legs - 1);
    }
    strobe_buf_putc(s->out, 0);
    s->look->n++;
}

static void enter(struct search *s, uint32_t node)
{
    uint32_t at = s->needs->at[node], end = s->needs->at[node + 1];

    s->colour[node] = OPEN;
    s->place[node] = s->n_path;
    /* Of those who have a thing none goes on: one of them stands for all. */
    s->path[s->n_path++] = (struct step){node, at, node >= s->needs->waits && end > at ? at + 1 : end};
}

static void search_from(struct search *s, uint32_t start)
{
    enter(s, start);
    while (s->n_path > 0) {
        struct step *step = &s->path[s->n_path - 1];
        uint32_t next;

        if (step->next == step->end) {
            s->colour[step->node] = CLOSED;
            s->n_path--;
            continue;
        }
        next = s->needs->needs[step->next++];
        if (s->needs->fate[next] == STROBE_FATE_GOES_ON)
            continue;
        if (s->colour[next] == OPEN)
            tell(s, s->place[next]);
        else if (s->colour[next] == NEW)
            enter(s, next);
    }
}

int strobe_tasks_deadlocks(struct strobe_tasks_look *look)
{
    const struct strobe_tasks_needs *needs = &look->needs;
    struct search s = {.look = look, .index = look->index, .needs = needs, .out = look->out};

    if (!needs->any_stuck)
        return 0;
    s.path = strobe_arena_alloc(&look->arena, (needs->n + 1) * sizeof *s.path);
    s.place = strobe_arena_alloc(&look->arena, (needs->n + 1) * sizeof *s.place);
    s.legs = strobe_arena_alloc(&look->arena, (needs->n + 1) * sizeof *s.legs);
    s.colour = strobe_arena_alloc(&look->arena, needs->n + 1);
    if (!s.path || !s.place || !s.legs || !s.colour)
        return STROBE_ERR_NOMEM;
    memset(s.colour, NEW, needs->n + 1);
    for (uint32_t node = 0; node < needs->n; node++)
        if (s.colour[node] == NEW && needs->fate[node] != STROBE_FATE_GOES_ON)
            search_from(&s, node);
    if (s.found > look->most)
        strobe_tasks_more(look, s.found - look->most);
    return 0;
}
