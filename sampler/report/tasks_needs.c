/* SPDX-License-Identifier: Apache-2.0 */
/* tasks_needs: who can go on.  Those that need nobody do; whoever needs only such ones does; what is left waits for itself in the end. */
#include "report/tasks_diagnose.h"

#include <string.h>

struct build {
    struct strobe_tasks_needs *needs;
    const struct strobe_tasks_index *index;
    bool fill; /* second pass: into their places; the first counts */
    bool *guess; /* by node: that nobody else has some of it is not known for sure */
};

uint32_t strobe_tasks_n_holders(const struct strobe_tasks_index *index, uint32_t wait)
{
    return index->holder_at[wait + 1] - index->holder_at[wait];
}

bool strobe_tasks_all_seen(const struct strobe_tasks_index *index, uint32_t wait)
{
    const struct strobe_wait_facts *facts = &index->report->waits[wait].facts;
    uint32_t n = strobe_tasks_n_holders(index, wait);

    return n > 0 && (facts->capacity_source != STROBE_CAPACITY_STORED || n >= facts->capacity);
}

bool strobe_tasks_used_up(const struct strobe_tasks_index *index, uint32_t thing)
{
    const struct strobe_report_wait *wait;

    if (thing >= index->n_waits) {
        const struct strobe_pool *pool = index->report->pools[thing - index->n_waits].pool;

        return pool->max > 0 && pool->n_busy >= pool->max;
    }
    wait = &index->report->waits[thing];
    if (wait->wait->kind == STROBE_WAIT_LOCK)
        return wait->facts.free == 0 || (wait->facts.free < 0 && strobe_tasks_n_holders(index, thing));
    return (wait->wait->kind == STROBE_WAIT_SEMAPHORE || wait->wait->kind == STROBE_WAIT_LIMITER) && wait->facts.free == 0;
}

/* Waiting by these calls goes on until every task that is waited for has ended; others have timeouts or take the first. */
static bool waits_for_all(const char *how)
{
    return !how || strcmp(how, "task") == 0 || strcmp(how, "gather") == 0 || strcmp(how, "TaskGroup") == 0 || strcmp(how, "shield") == 0;
}

static void need(struct build *b, uint32_t node, uint32_t other)
{
    if (b->fill)
        b->needs->needs[b->needs->at[node]++] = other;
    else
        b->needs->at[node + 1]++;
}

/* The thread of a worker, or nothing: a process's calls cannot be followed. */
static void need_worker(struct build *b, uint32_t node, const struct strobe_report_pool *pool, uint32_t worker)
{
    uint32_t thread = worker < pool->n_workers ? pool->workers[worker].worker->thread : STROBE_NO_INDEX;

    if (thread < b->index->report->process->n_threads)
        need(b, node, b->needs->threads + thread);
}

/* A call handed to a pool: it is in one of the workers, or in the queue. */
static void need_call(struct build *b, uint32_t node, uint32_t pool, uint32_t worker, bool queued)
{
    if (pool >= b->index->report->n_pools)
        return;
    if (worker != STROBE_NO_INDEX)
        need_worker(b, node, &b->index->report->pools[pool], worker);
    else if (queued)
        need(b, node, b->needs->pools + pool);
}

static void task_needs(struct build *b, uint32_t t)
{
    const struct strobe_tasks_index *index = b->index;
    const struct strobe_report_task *task = &index->report->tasks[t];
    uint32_t n_threads = index->report->process->n_threads;
    const struct strobe_report_wait *wait;

    if (task->task->state == STROBE_TASK_DONE)
        return;
    if (task->task->state == STROBE_TASK_RUNNING) {
        if (task->task->thread < n_threads)
            need(b, t, b->needs->threads + task->task->thread);
        return;
    }
    if (task->loop_thread < n_threads && b->needs->link[task->loop_thread] != STROBE_NO_INDEX)
        need(b, t, b->needs->threads + task->loop_thread);
    if (task->task->state != STROBE_TASK_WAITING || task->wait == STROBE_NO_INDEX)
        return;
    wait = &index->report->waits[task->wait];
    if (wait->wait->kind == STROBE_WAIT_TASKS) {
        for (uint32_t i = index->child_at[t]; waits_for_all(wait->wait->how) && i < index->child_at[t + 1]; i++)
            need(b, t, index->children[i]);
    } else if (wait->wait->kind == STROBE_WAIT_EXECUTOR || wait->wait->kind == STROBE_WAIT_WORKER_THREAD) {
        need_call(b, t, strobe_tasks_pool(index->report, task), task->worker, task->queue_place > 0);
    } else {
        need(b, t, b->needs->waits + task->wait);
    }
}

/* What a thread waits for without end in future.result(). */
static void thread_needs(struct build *b, uint32_t thread)
{
    const struct strobe_report_link *link;
    uint32_t node = b->needs->threads + thread;

    if (b->needs->link[thread] == STROBE_NO_INDEX)
        return;
    link = &b->index->report->links[b->needs->link[thread]];
    if (link->task < b->index->n)
        need(b, node, link->task);
    else if (link->loop_thread < b->index->report->process->n_threads)
        need(b, node, b->needs->threads + link->loop_thread);
    else
        need_call(b, node, link->pool, link->worker, link->worker == STROBE_NO_INDEX);
}

static void wait_needs(struct build *b, uint32_t wait)
{
    const struct strobe_tasks_index *index = b->index;

    if (!strobe_tasks_used_up(index, wait) || !strobe_tasks_all_seen(index, wait))
        return;
    for (uint32_t i = index->holder_at[wait]; i < index->holder_at[wait + 1]; i++)
        need(b, b->needs->waits + wait, index->holders[i]);
    b->guess[b->needs->waits + wait] = !strobe_tasks_exclusive(index, wait) &&
                                       index->report->waits[wait].facts.capacity_source != STROBE_CAPACITY_STORED;
}

static void pool_needs(struct build *b, uint32_t p)
{
    const struct strobe_report_pool *pool = &b->index->report->pools[p];
    uint32_t n_threads = b->index->report->process->n_threads;
    int64_t seen = 0;

    for (uint32_t i = 0; i < pool->n_workers; i++)
        seen += pool->workers[i].worker->busy && pool->workers[i].worker->thread < n_threads;
    if (!strobe_tasks_used_up(b->index, b->index->n_waits + p) || seen < pool->pool->max)
        return;
    for (uint32_t i = 0; i < pool->n_workers; i++)
        if (pool->workers[i].worker->busy)
            need_worker(b, b->needs->pools + p, pool, i);
}

static void all_needs(struct build *b)
{
    const struct strobe_report_tasks *report = b->index->report;

    for (uint32_t t = 0; t < b->index->n; t++)
        task_needs(b, t);
    for (uint32_t i = 0; i < report->process->n_threads; i++)
        thread_needs(b, i);
    for (uint32_t i = 0; i < b->index->n_waits; i++)
        wait_needs(b, i);
    for (uint32_t i = 0; i < report->n_pools; i++)
        pool_needs(b, i);
}

struct spread {
    uint32_t *by_at, *by; /* who needs a node */
    uint32_t *left;       /* needs of it that do not go on yet */
    uint32_t *queue;
};

/* Who does not go on gets `fate`.  STUCK: whatever is guessed of goes on. */
static void spread(struct strobe_tasks_needs *needs, const struct spread *s, const bool *guess, enum strobe_tasks_fate fate)
{
    uint32_t head = 0, tail = 0;

    for (uint32_t node = 0; node < needs->n; node++) {
        s->left[node] = needs->at[node + 1] - needs->at[node];
        needs->fate[node] = (unsigned char)fate;
        if (s->left[node] && !(fate == STROBE_FATE_STUCK && guess[node]))
            continue;
        needs->fate[node] = STROBE_FATE_GOES_ON;
        s->queue[tail++] = node;
    }
    while (head < tail) {
        uint32_t node = s->queue[head++];

        for (uint32_t i = s->by_at[node]; i < s->by_at[node + 1]; i++) {
            uint32_t by = s->by[i];

            if (needs->fate[by] == STROBE_FATE_GOES_ON || (--s->left[by] && by < needs->waits))
                continue;
            needs->fate[by] = STROBE_FATE_GOES_ON;
            s->queue[tail++] = by;
        }
    }
    needs->any_stuck = tail < needs->n;
}

/* Turns the lists around. */
static void turn(const struct strobe_tasks_needs *needs, struct spread *s)
{
    memset(s->by_at, 0, (needs->n + 2) * sizeof *s->by_at);
    for (uint32_t i = 0; i < needs->at[needs->n]; i++)
        s->by_at[needs->needs[i] + 1]++;
    strobe_tasks_places(s->by_at, needs->n);
    for (uint32_t node = 0; node < needs->n; node++)
        for (uint32_t i = needs->at[node]; i < needs->at[node + 1]; i++)
            s->by[s->by_at[needs->needs[i]]++] = node;
    memmove(s->by_at + 1, s->by_at, needs->n * sizeof *s->by_at);
    s->by_at[0] = 0;
}

static uint32_t *numbers(struct strobe_tasks_look *look, size_t n, int byte)
{
    uint32_t *found = strobe_arena_alloc(&look->arena, (n + 2) * sizeof *found);

    return found ? memset(found, byte, (n + 2) * sizeof *found) : NULL;
}

static int decide(struct strobe_tasks_look *look, const bool *guess)
{
    struct strobe_tasks_needs *needs = &look->needs;
    struct spread s = {.by_at = numbers(look, needs->n, 0), .by = numbers(look, needs->at[needs->n], 0),
                       .left = numbers(look, needs->n, 0), .queue = numbers(look, needs->n, 0)};
    unsigned char *loose = needs->fate, *strict;

    if (!s.by_at || !s.by || !s.left || !s.queue)
        return STROBE_ERR_NOMEM;
    turn(needs, &s);
    spread(needs, &s, guess, STROBE_FATE_MAYBE);
    if (!needs->any_stuck)
        return 0;
    strict = strobe_arena_alloc(&look->arena, needs->n + 1);
    if (!strict)
        return STROBE_ERR_NOMEM;
    needs->fate = strict;
    spread(needs, &s, guess, STROBE_FATE_STUCK);
    for (uint32_t node = 0; node < needs->n; node++)
        if (strict[node] == STROBE_FATE_GOES_ON)
            strict[node] = loose[node];
    needs->any_stuck = true;
    return 0;
}

int strobe_tasks_needs(struct strobe_tasks_look *look)
{
    const struct strobe_report_tasks *report = look->index->report;
    struct strobe_tasks_needs *needs = &look->needs;
    struct build b = {.needs = needs, .index = look->index};

    needs->threads = look->index->n;
    needs->waits = needs->threads + report->process->n_threads;
    needs->pools = needs->waits + look->index->n_waits;
    needs->n = needs->pools + report->n_pools;
    needs->at = numbers(look, needs->n, 0);
    needs->link = numbers(look, report->process->n_threads, 0xff);
    needs->fate = strobe_arena_alloc(&look->arena, needs->n + 1);
    b.guess = strobe_arena_alloc(&look->arena, (needs->n + 1) * sizeof *b.guess);
    if (!needs->at || !needs->link || !needs->fate || !b.guess)
        return STROBE_ERR_NOMEM;
    memset(b.guess, 0, (needs->n + 1) * sizeof *b.guess);
    for (uint32_t i = 0; i < report->n_links; i++)
        if (!report->links[i].ends && report->links[i].thread < report->process->n_threads)
            needs->link[report->links[i].thread] = i;
    all_needs(&b);
    strobe_tasks_places(needs->at, needs->n);
    needs->needs = numbers(look, needs->at[needs->n], 0);
    if (!needs->needs)
        return STROBE_ERR_NOMEM;
    b.fill = true;
    all_needs(&b);
    memmove(needs->at + 1, needs->at, needs->n * sizeof *needs->at);
    needs->at[0] = 0;
    return decide(look, b.guess);
}
