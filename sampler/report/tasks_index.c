/* SPDX-License-Identifier: Apache-2.0 */
/* tasks_index: who waits for whom, who holds what, from both ends; an order in which parents come first. */
#include "report/tasks_parts.h"

#include <string.h>

void *strobe_tasks_alloc(struct strobe_tasks_index *index, size_t n, size_t size)
{
    return strobe_arena_alloc(&index->arena, (n ? n : 1) * size);
}

void strobe_tasks_places(uint32_t *at, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        at[i + 1] += at[i];
}

/* A task on a walk downward, and the place in `children` of the one below it that comes next. */
struct cursor {
    uint32_t task, next;
};

static uint32_t *numbers(struct strobe_tasks_index *index, size_t n, int byte)
{
    uint32_t *found = strobe_tasks_alloc(index, n, sizeof *found);

    if (found)
        memset(found, byte, n * sizeof *found);
    return found;
}

/* A list for each of n keys: count(key) first, then strobe_tasks_places(), then add() moves at[key]; this moves all back. */
static void step_back(uint32_t *at, uint32_t n)
{
    memmove(at + 1, at, n * sizeof *at);
    at[0] = 0;
}

static int index_children(struct strobe_tasks_index *index)
{
    const struct strobe_task_sample *sample = index->report->sample;
    uint32_t *at = index->child_at = numbers(index, (size_t)index->n + 2, 0);

    index->children = strobe_tasks_alloc(index, sample->n_awaiters, sizeof *index->children);
    if (!at || !index->children)
        return STROBE_ERR_NOMEM;
    for (uint32_t i = 0; i < sample->n_awaiters; i++)
        at[sample->awaiters[i] + 1]++;
    strobe_tasks_places(at, index->n);
    for (uint32_t t = 0; t < index->n; t++)
        for (uint32_t i = 0; i < sample->tasks[t].n_awaiters; i++)
            index->children[at[sample->awaiters[sample->tasks[t].first_awaiter + i]]++] = t;
    step_back(at, index->n);
    return 0;
}

/* What an earlier reading of a task found is of nobody; so is what a task holds that was left out. */
static bool is_held(const struct strobe_tasks_index *index, const struct strobe_hold *hold)
{
    return hold->task != STROBE_NO_INDEX && index->wait_of[hold->wait] != STROBE_NO_INDEX;
}

static int index_waits(struct strobe_tasks_index *index)
{
    const struct strobe_report_tasks *report = index->report;
    const struct strobe_task_sample *sample = report->sample;
    uint32_t *at;

    index->wait_of = numbers(index, sample->n_waits, 0xff);
    index->waiting = numbers(index, index->n_waits, 0);
    at = index->holder_at = numbers(index, (size_t)index->n_waits + 2, 0);
    index->holders = strobe_tasks_alloc(index, sample->n_holds, sizeof *index->holders);
    if (!index->wait_of || !index->waiting || !at || !index->holders)
        return STROBE_ERR_NOMEM;
    for (uint32_t i = 0; i < index->n_waits; i++) {
        uintptr_t offset = (uintptr_t)report->waits[i].wait - (uintptr_t)sample->waits;
        size_t place = offset / sizeof *sample->waits;

        if (place < sample->n_waits && index->wait_of[place] == STROBE_NO_INDEX)
            index->wait_of[place] = i;
    }
    for (uint32_t t = 0; t < index->n; t++)
        if (report->tasks[t].wait != STROBE_NO_INDEX)
            index->waiting[report->tasks[t].wait]++;
    for (uint32_t i = 0; i < sample->n_holds; i++)
        if (is_held(index, &sample->holds[i]))
            at[index->wait_of[sample->holds[i].wait] + 1]++;
    strobe_tasks_places(at, index->n_waits);
    for (uint32_t i = 0; i < sample->n_holds; i++)
        if (is_held(index, &sample->holds[i]))
            index->holders[at[index->wait_of[sample->holds[i].wait]]++] = sample->holds[i].task;
    step_back(at, index->n_waits);
    return 0;
}

static int index_links(struct strobe_tasks_index *index)
{
    const struct strobe_report_tasks *report = index->report;

    index->link = numbers(index, index->n, 0xff);
    index->next_link = numbers(index, report->n_links, 0xff);
    if (!index->link || !index->next_link)
        return STROBE_ERR_NOMEM;
    for (uint32_t i = report->n_links; i-- > 0;) {
        if (report->links[i].task == STROBE_NO_INDEX)
            continue;
        index->next_link[i] = index->link[report->links[i].task];
        index->link[report->links[i].task] = i;
    }
    return 0;
}

/* Places what only waited for those that are placed already: from index->order[*head] on. */
static void place_ready(struct strobe_tasks_index *index, uint32_t *pending, uint32_t *head, uint32_t *tail)
{
    for (; *head < *tail; ++*head) {
        uint32_t task = index->order[*head];

        for (uint32_t i = index->child_at[task]; i < index->child_at[task + 1]; i++) {
            uint32_t child = index->children[i];

            if (index->rank[child] == STROBE_NO_INDEX && --pending[child] == 0) {
                index->rank[child] = *tail;
                index->order[(*tail)++] = child;
            }
        }
    }
}

/* A walk downward from a task that is not placed, depth first.  Appends each task that it comes to when it leaves it for good: who is
 * left after all others is in an outermost cycle (S. R. Kosaraju's order). */
static void walk_down(const struct strobe_tasks_index *index, uint32_t start, struct cursor *path, bool *seen, uint32_t *finished,
                      uint32_t *n_finished)
{
    uint32_t n_path = 1;

    path[0] = (struct cursor){start, index->child_at[start]};
    seen[start] = true;
    while (n_path > 0) {
        struct cursor *at = &path[n_path - 1];
        uint32_t child;

        if (at->next == index->child_at[at->task + 1]) {
            finished[(*n_finished)++] = at->task;
            n_path--;
            continue;
        }
        child = index->children[at->next++];
        if (seen[child] || index->rank[child] != STROBE_NO_INDEX)
            continue;
        seen[child] = true;
        path[n_path++] = (struct cursor){child, index->child_at[child]};
    }
}

/* What is left waits in cycles, or below of some.  One member of each outermost cycle is placed as if nobody waited for it. */
static int break_cycles(struct strobe_tasks_index *index, uint32_t *pending, uint32_t head, uint32_t tail)
{
    uint32_t *finished, n_finished = 0;
    struct cursor *path;
    bool *seen;

    if (tail == index->n)
        return 0;
    path = strobe_tasks_alloc(index, index->n, sizeof *path);
    finished = strobe_tasks_alloc(index, index->n, sizeof *finished);
    seen = strobe_tasks_alloc(index, index->n, sizeof *seen);
    if (!path || !finished || !seen)
        return STROBE_ERR_NOMEM;
    memset(seen, 0, index->n * sizeof *seen);
    for (uint32_t t = 0; t < index->n; t++)
        if (!seen[t] && index->rank[t] == STROBE_NO_INDEX)
            walk_down(index, t, path, seen, finished, &n_finished);
    while (n_finished-- > 0) {
        uint32_t task = finished[n_finished];

        if (index->rank[task] != STROBE_NO_INDEX)
            continue;
        index->rank[task] = tail;
        index->order[tail++] = task;
        place_ready(index, pending, &head, &tail);
    }
    return 0;
}

static int index_order(struct strobe_tasks_index *index)
{
    uint32_t *pending = strobe_tasks_alloc(index, index->n, sizeof *pending), head = 0, tail = 0;

    index->order = strobe_tasks_alloc(index, index->n, sizeof *index->order);
    index->rank = numbers(index, index->n, 0xff);
    if (!pending || !index->order || !index->rank)
        return STROBE_ERR_NOMEM;
    for (uint32_t t = 0; t < index->n; t++) {
        pending[t] = index->report->sample->tasks[t].n_awaiters;
        if (pending[t])
            continue;
        index->rank[t] = tail;
        index->order[tail++] = t;
    }
    place_ready(index, pending, &head, &tail);
    return break_cycles(index, pending, head, tail);
}

/* What is shown of a stack, in one number: two places of one line look the same. */
static uint64_t looks_of(const struct strobe_report_task *task, uint64_t seed)
{
    uint64_t hash = seed ^ task->n_sync;

    for (uint32_t i = 0; i < task->n_frames; i++) {
        const struct strobe_frame *f = task->frames[i].frame;
        const char *mark = task->frames[i].mark ? task->frames[i].mark : "";
        uint32_t words[3] = {0};

        if (!f) {
            hash = strobe_hash_bytes(mark, strlen(mark), hash);
            continue;
        }
        words[0] = f->name;
        words[1] = f->file;
        words[2] = (uint32_t)f->line;
        hash = strobe_hash_bytes(words, sizeof words, hash);
    }
    return hash;
}

static int index_stacks(struct strobe_tasks_index *index)
{
    struct strobe_htab by_hash = STROBE_HTAB_INIT, by_looks = STROBE_HTAB_INIT;
    int err = 0;

    index->stack = strobe_tasks_alloc(index, index->n, sizeof *index->stack);
    if (!index->stack)
        return STROBE_ERR_NOMEM;
    for (uint32_t t = 0; !err && t < index->n; t++) {
        const struct strobe_report_task *task = &index->report->tasks[t];
        /* n_sync besides: the hash does not know where a coroutine ends. */
        uint64_t key = task->task->hash[0] ^ (uint64_t)task->n_sync << 32 ^ task->n_frames;
        const uint64_t *known = strobe_htab_get(&by_hash, key, task->task->hash[1]);

        if (!known) {
            uint64_t looks[2] = {looks_of(task, 1), looks_of(task, 2)};
            const uint64_t *alike = strobe_htab_get(&by_looks, looks[0], looks[1]);
            uint64_t class = alike ? *alike : t;

            err = strobe_htab_put(&by_hash, key, task->task->hash[1], class);
            if (!err && !alike)
                err = strobe_htab_put(&by_looks, looks[0], looks[1], class);
            index->stack[t] = (uint32_t)class;
        } else {
            index->stack[t] = (uint32_t)*known;
        }
    }
    strobe_htab_release(&by_hash);
    strobe_htab_release(&by_looks);
    return err;
}

int strobe_tasks_index(struct strobe_tasks_index *index, const struct strobe_report_tasks *report)
{
    int err;

    *index = (struct strobe_tasks_index){.report = report, .n = report->sample->n_tasks, .n_waits = report->n_waits};
    if ((err = index_children(index)) || (err = index_waits(index)) || (err = index_links(index)) || (err = index_order(index)))
        return err;
    return index_stacks(index);
}

void strobe_tasks_index_release(struct strobe_tasks_index *index)
{
    strobe_arena_release(&index->arena);
}
