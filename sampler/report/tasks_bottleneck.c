/* SPDX-License-Identifier: Apache-2.0 */
/* tasks_bottleneck: chains of saturated things.
 *
 *   190 tasks ── Semaphore, 0 of 10 free ── its 10 holders ── pool, 4 of 4 busy, 6 queued
 *
 * A chain goes on where all that hold a thing, and all of them seen, wait for one other.  Its last thing is what holds all up. */
#include "report/tasks_diagnose.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_LINKS = 4, /* things of one chain that are named */
    MIN_TASKS = 2, /* that wait for one thing alone, to be worth a word */
};

struct chains {
    struct strobe_tasks_look *look;
    const struct strobe_tasks_index *index;
    uint32_t n;         /* things */
    uint32_t *target;   /* by task: the thing that it waits for in the end; STROBE_NO_INDEX */
    uint32_t *next;     /* by thing: the saturated one that all its holders wait for; STROBE_NO_INDEX */
    uint32_t *last;     /* by thing: end of its chain; STROBE_NO_INDEX = it is not saturated, or the chain runs in a circle */
    uint32_t *before;   /* by thing: one that leads to it */
    uint32_t *n_before; /* by thing: how many lead to it */
    uint32_t *walk;     /* by thing: the walk that came by */
    uint32_t *callers;  /* by last thing: tasks that wait for one of the chain ... */
    uint32_t *tasks;    /* ... and those that hold one, too */
};

static bool is_pool(const struct chains *c, uint32_t thing)
{
    return thing >= c->index->n_waits;
}

static const struct strobe_report_pool *pool_of(const struct chains *c, uint32_t thing)
{
    return &c->index->report->pools[thing - c->index->n_waits];
}

static uint32_t n_holders(const struct chains *c, uint32_t thing)
{
    return is_pool(c, thing) ? 0 : strobe_tasks_n_holders(c->index, thing);
}

static bool all_seen(const struct chains *c, uint32_t thing)
{
    return strobe_tasks_all_seen(c->index, thing);
}

/* Not so what is in a deadlock: more of it would not help. */
static bool is_saturated(const struct chains *c, uint32_t thing)
{
    if (!strobe_tasks_used_up(c->index, thing) || c->look->needs.fate[c->look->needs.waits + thing] != STROBE_FATE_GOES_ON)
        return false;
    return is_pool(c, thing) ? pool_of(c, thing)->pool->n_queued > 0 : c->index->waiting[thing] > 0;
}

/* A task that waits for tasks waits for what all of them wait for.  Children first. */
static void find_targets(struct chains *c)
{
    const struct strobe_tasks_index *index = c->index;

    for (uint32_t i = index->n; i-- > 0;) {
        uint32_t t = index->order[i], from = index->child_at[t], to = index->child_at[t + 1];
        const struct strobe_report_task *task = &index->report->tasks[t];
        enum strobe_wait_kind kind;

        if (task->task->state != STROBE_TASK_WAITING || task->wait == STROBE_NO_INDEX)
            continue;
        kind = index->report->waits[task->wait].wait->kind;
        c->target[t] = task->wait;
        if (kind == STROBE_WAIT_EXECUTOR || kind == STROBE_WAIT_WORKER_THREAD) {
            uint32_t pool = strobe_tasks_pool(index->report, task);

            c->target[t] = pool == STROBE_NO_INDEX ? STROBE_NO_INDEX : index->n_waits + pool;
        } else if (kind == STROBE_WAIT_TASKS) {
            c->target[t] = from < to ? c->target[index->children[from]] : STROBE_NO_INDEX;
            for (uint32_t k = from; k < to && c->target[t] != STROBE_NO_INDEX; k++)
                if (c->target[index->children[k]] != c->target[t])
                    c->target[t] = STROBE_NO_INDEX;
        }
    }
}

/* What all holders wait for, when they do; STROBE_NO_INDEX. */
static uint32_t holders_target(const struct chains *c, uint32_t thing)
{
    const uint32_t *holders = c->index->holders + (is_pool(c, thing) ? 0 : c->index->holder_at[thing]);
    uint32_t n = n_holders(c, thing), target = n ? c->target[holders[0]] : STROBE_NO_INDEX;

    for (uint32_t i = 1; i < n && target != STROBE_NO_INDEX; i++)
        if (c->target[holders[i]] != target)
            target = STROBE_NO_INDEX;
    return target;
}

static void find_links(struct chains *c)
{
    for (uint32_t thing = 0; thing < c->n; thing++) {
        uint32_t target = is_pool(c, thing) || !is_saturated(c, thing) || !all_seen(c, thing) ? STROBE_NO_INDEX : holders_target(c, thing);

        if (target == STROBE_NO_INDEX || !is_saturated(c, target))
            continue;
        c->next[thing] = target;
        c->before[target] = thing;
        c->n_before[target]++;
    }
}

/* From each thing on, to what has no next, or has been seen. */
static void find_ends(struct chains *c)
{
    for (uint32_t start = 0; start < c->n; start++) {
        uint32_t end = start, thing;

        if (c->walk[start] != STROBE_NO_INDEX || !is_saturated(c, start))
            continue;
        while (c->walk[end] == STROBE_NO_INDEX) {
            c->walk[end] = start;
            if (c->next[end] != STROBE_NO_INDEX)
                end = c->next[end];
        }
        if (c->next[end] == STROBE_NO_INDEX)
            c->last[end] = end;
        for (thing = start; c->walk[thing] == start && c->last[thing] == STROBE_NO_INDEX && thing != end; thing = c->next[thing])
            c->last[thing] = c->last[end];
    }
}

/* "10 permits of S", "4 threads of pool", "Lock L". */
static void put_link(const struct chains *c, uint32_t thing, struct strobe_buf *out)
{
    const struct strobe_report_wait *wait;

    if (is_pool(c, thing)) {
        const struct strobe_report_pool *pool = pool_of(c, thing);

        strobe_buf_printf(out, "%" PRId64 " %s of ", pool->pool->max,
                          pool->pool->kind == STROBE_POOL_PROCESSES ? "processes" : pool->pool->max == 1 ? "thread" : "threads");
        strobe_tasks_pool_name(pool, out);
        return;
    }
    wait = &c->index->report->waits[thing];
    if (wait->wait->kind != STROBE_WAIT_LOCK) {
        if (wait->facts.capacity > 0)
            strobe_buf_printf(out, "%" PRId64 " ", wait->facts.capacity);
        strobe_buf_puts(out, wait->wait->kind == STROBE_WAIT_LIMITER ? "token" : "permit");
        strobe_buf_puts(out, wait->facts.capacity == 1 ? "" : "s");
        if (wait->wait->kind == STROBE_WAIT_LIMITER && wait->facts.borrowed >= 0)
            strobe_buf_printf(out, " (%" PRId64 " borrowed)", wait->facts.borrowed);
        strobe_buf_puts(out, " of ");
    }
    strobe_tasks_thing(c->index, thing, out);
}

/* As the code names a pool; else its class and prefix. */
static void put_code_name(const struct chains *c, uint32_t thing, struct strobe_buf *out)
{
    const struct strobe_report_tasks *report = c->index->report;

    for (uint32_t w = 0; w < c->index->n_waits; w++)
        if (report->waits[w].pool == thing - c->index->n_waits && *report->waits[w].name &&
            strcmp(report->waits[w].name, pool_of(c, thing)->name) != 0) {
            strobe_report_escape(report->waits[w].name, out);
            return;
        }
    strobe_tasks_pool_name(pool_of(c, thing), out);
}

/* ": 7 wait for sleep, 1 running"; where all wait for things of one kind " wait for 8 different futures". */
static void put_doings(const struct chains *c, const uint32_t *holders, uint32_t n, struct strobe_buf *out)
{
    const struct strobe_report_tasks *report = c->index->report;
    uint32_t kinds[STROBE_WAIT_KINDS] = {0}, states[STROBE_TASK_DONE + 1] = {0};
    const char *before = ": ";

    for (uint32_t i = 0; i < n; i++) {
        const struct strobe_report_task *task = &report->tasks[holders[i]];

        if (task->task->state == STROBE_TASK_WAITING && task->wait != STROBE_NO_INDEX)
            kinds[report->waits[task->wait].wait->kind]++;
        else
            states[task->task->state]++;
    }
    for (int kind = 0; kind < STROBE_WAIT_KINDS; kind++) {
        const char *word = strobe_report_wait_word((enum strobe_wait_kind)kind);
        bool all = kinds[kind] == n && kind != STROBE_WAIT_TASKS;

        if (!kinds[kind])
            continue;
        strobe_buf_puts(out, all ? " wait for " : before);
        strobe_buf_grouped(out, kinds[kind]);
        if (all && (kind == STROBE_WAIT_EXECUTOR || kind == STROBE_WAIT_WORKER_THREAD)) /* no pool has these calls any more */
            strobe_buf_printf(out, " %s that no worker is in now", kind == STROBE_WAIT_EXECUTOR ? "executor calls" : "calls");
        else if (all)
            strobe_buf_printf(out, " different %ss", word);
        else
            strobe_buf_printf(out, " wait%s for %s", kinds[kind] == 1 ? "s" : "", word);
        before = ", ";
    }
    for (int state = 0; state < STROBE_TASK_DONE; state++)
        if (states[state]) {
            strobe_buf_puts(out, before);
            strobe_buf_grouped(out, states[state]);
            strobe_buf_printf(out, " %s", strobe_report_state_word((enum strobe_task_state)state));
            before = ", ";
        }
}

/* Who holds a thing that is no pool; it: what it is called.  True when that is one task. */
static bool put_who(const struct chains *c, uint32_t thing, const char *it, struct strobe_buf *out)
{
    uint32_t n = n_holders(c, thing);
    const struct strobe_report_task *first = &c->index->report->tasks[c->index->holders[c->index->holder_at[thing]]];

    if (all_seen(c, thing) && n == 1) {
        strobe_tasks_short_name(c->look, first);
        strobe_buf_printf(out, " holds %s and", it);
    } else if (all_seen(c, thing)) {
        strobe_buf_puts(out, "the ");
        strobe_buf_grouped(out, n);
        strobe_buf_printf(out, " tasks that hold %s", it);
    } else {
        strobe_buf_printf(out, "of those that hold %s only ", it);
        if (n == 1)
            strobe_tasks_short_name(c->look, first);
        else
            strobe_buf_grouped(out, n);
        strobe_buf_printf(out, " %s seen, which", n == 1 ? "was" : "were");
    }
    return n == 1;
}

/* What its holders do. */
static void put_holders(const struct chains *c, uint32_t thing, const char *it, struct strobe_buf *out)
{
    uint32_t n = n_holders(c, thing), target = holders_target(c, thing);
    const struct strobe_report_task *first;
    bool one;

    strobe_buf_puts(out, "; ");
    if (!n) {
        strobe_buf_printf(out, "who holds %s was not seen", it);
        return;
    }
    first = &c->index->report->tasks[c->index->holders[c->index->holder_at[thing]]];
    one = put_who(c, thing, it, out);
    if (target != STROBE_NO_INDEX && is_pool(c, target) &&
        strobe_tasks_in_calls(c->look, c->index->holders + c->index->holder_at[thing], n, target - c->index->n_waits))
        return;
    if (target != STROBE_NO_INDEX) {
        strobe_buf_puts(out, one ? " waits for " : " wait for ");
        if (is_pool(c, target))
            strobe_tasks_pool_name(pool_of(c, target), out);
        else
            strobe_tasks_thing(c->index, target, out);
    } else if (one && first->wait != STROBE_NO_INDEX) {
        strobe_buf_puts(out, " waits for ");
        strobe_tasks_wait(c->index, c->index->holders + c->index->holder_at[thing], 1, &c->look->style, out);
    } else if (one) {
        strobe_buf_printf(out, " is %s", strobe_report_state_word(first->task->state));
    } else {
        put_doings(c, c->index->holders + c->index->holder_at[thing], n, out);
    }
}

/* A task counts once for each chain that it waits for or holds a part of. */
static void count_tasks(struct chains *c)
{
    const struct strobe_report_tasks *report = c->index->report;

    for (uint32_t t = 0; t < c->index->n; t++) {
        const struct strobe_report_task *task = &report->tasks[t];
        const struct strobe_hold *holds = report->sample->holds + task->task->first_hold;
        uint32_t waits = STROBE_NO_INDEX;

        if (c->target[t] != STROBE_NO_INDEX && report->waits[task->wait].wait->kind != STROBE_WAIT_TASKS)
            waits = c->last[c->target[t]];
        if (waits != STROBE_NO_INDEX) {
            c->callers[waits]++;
            c->tasks[waits]++;
        }
        for (uint32_t i = 0; i < task->task->n_holds; i++) {
            uint32_t wait = c->index->wait_of[holds[i].wait], last = wait == STROBE_NO_INDEX ? wait : c->last[wait];
            bool again = last == waits;

            for (uint32_t k = 0; k < i && !again; k++) {
                uint32_t other = c->index->wait_of[holds[k].wait];

                again = other != STROBE_NO_INDEX && c->last[other] == last;
            }
            if (last != STROBE_NO_INDEX && !again)
                c->tasks[last]++;
        }
    }
}

static void tell(struct chains *c, uint32_t last)
{
    struct strobe_buf *out = c->look->out, it = STROBE_BUF_INIT;
    uint32_t links[MAX_LINKS], n = 0;

    for (uint32_t thing = last; n < MAX_LINKS; thing = c->before[thing]) {
        links[n++] = thing;
        if (c->n_before[thing] != 1)
            break;
    }
    strobe_buf_puts(out, "bottleneck: ");
    for (uint32_t i = n; i-- > 0;) {
        put_link(c, links[i], out);
        strobe_buf_puts(out, i == 0 ? (n == 1 && !is_pool(c, last) ? " for " : " serve ") : i == 1 ? " and " : ", ");
    }
    strobe_buf_grouped(out, c->tasks[last]);
    strobe_buf_puts(out, c->tasks[last] == 1 ? " task" : " tasks");
    if (is_pool(c, last)) {
        strobe_buf_puts(out, ": raise ");
        put_code_name(c, last, out);
        strobe_buf_puts(out, " max_workers first");
    } else {
        strobe_buf_puts(&it, n == 1 ? "it" : "");
        if (n > 1)
            strobe_tasks_thing(c->index, last, &it);
        put_holders(c, last, strobe_buf_str(&it), out);
    }
    strobe_buf_putc(out, 0);
    out->failed |= it.failed;
    strobe_buf_release(&it);
    c->look->n++;
}

struct found {
    uint32_t thing, tasks;
};

/* Those with most tasks first. */
static int by_tasks(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    if (x->tasks != y->tasks)
        return x->tasks > y->tasks ? -1 : 1;
    return x->thing < y->thing ? -1 : x->thing > y->thing;
}

static int tell_all(struct chains *c)
{
    struct found *found = strobe_arena_alloc(&c->look->arena, (c->n + 1) * sizeof *found);
    uint32_t n = 0;

    if (!found)
        return STROBE_ERR_NOMEM;
    for (uint32_t thing = 0; thing < c->n; thing++)
        if (c->last[thing] == thing && (c->callers[thing] >= MIN_TASKS || (c->n_before[thing] && c->callers[thing])))
            found[n++] = (struct found){thing, c->tasks[thing]};
    qsort(found, n, sizeof *found, by_tasks);
    for (uint32_t i = 0; i < n && i < c->look->most; i++)
        tell(c, found[i].thing);
    if (n > c->look->most)
        strobe_tasks_more(c->look, n - c->look->most);
    return 0;
}

static uint32_t *numbers(struct strobe_tasks_look *look, size_t n, int byte)
{
    uint32_t *found = strobe_arena_alloc(&look->arena, (n + 1) * sizeof *found);

    return found ? memset(found, byte, n * sizeof *found) : NULL;
}

int strobe_tasks_bottlenecks(struct strobe_tasks_look *look)
{
    struct chains c = {.look = look, .index = look->index, .n = look->index->n_waits + look->index->report->n_pools};

    c.target = numbers(look, look->index->n, 0xff);
    c.next = numbers(look, c.n, 0xff);
    c.last = numbers(look, c.n, 0xff);
    c.before = numbers(look, c.n, 0xff);
    c.n_before = numbers(look, c.n, 0);
    c.walk = numbers(look, c.n, 0xff);
    c.callers = numbers(look, c.n, 0);
    c.tasks = numbers(look, c.n, 0);
    if (!c.target || !c.next || !c.last || !c.before || !c.n_before || !c.walk || !c.callers || !c.tasks)
        return STROBE_ERR_NOMEM;
    find_targets(&c);
    find_links(&c);
    find_ends(&c);
    count_tasks(&c);
    return tell_all(&c);
}
