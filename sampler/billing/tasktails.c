/* SPDX-License-Identifier: Apache-2.0 */
#include "billing/tasktails.h"

#include <string.h>

#include "base/err.h"
#include "billing/tasktails_parts.h"

enum {
    MAX_DEPTH = 8,        /* holders of holders */
    NO_MARKER = INT32_MAX,
};

void strobe_tails_init(struct strobe_tails *tails, struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_names *names,
                       struct strobe_codes *codes, struct strobe_taskreader *reader, bool blame)
{
    *tails = (struct strobe_tails){.mem = mem, .lay = lay, .names = names, .codes = codes, .reader = reader, .blame = blame};
    strobe_pools_init(&tails->pools, mem, lay, &reader->roles, &reader->codes);
    strobe_callnames_init(&tails->calls, mem, lay, &reader->codes);
}

void strobe_tails_release(struct strobe_tails *tails)
{
    if (tails->reader)
        strobe_pools_release(&tails->pools);
    strobe_callnames_release(&tails->calls);
    strobe_htab_release(&tails->labels);
    strobe_htab_release(&tails->labels_before);
    strobe_htab_release(&tails->counts);
    strobe_htab_release(&tails->before);
    strobe_fewmarks_release(&tails->holder_marks);
    strobe_buf_release(&tails->text);
    strobe_buf_release(&tails->name);
    strobe_arena_release(&tails->arena);
    *tails = (struct strobe_tails){.mem = NULL};
}

/* ---- frames of threads ---- */

/* The C function that a thread which is not on a CPU is in; *ret NO_MARKER = none. */
static int leaf_marker(struct strobe_tails *tails, const struct strobe_thread *thread, uint32_t *ret)
{
    const char *text;
    int err;

    *ret = NO_MARKER;
    if (!thread || thread->flags & STROBE_THREAD_ACTIVE || !thread->n_frames)
        return 0;
    err = strobe_callnames_of(&tails->calls, thread->frames, &text);
    return err || !*text ? err : strobe_names_marker(tails->names, text, ret);
}

/* The innermost n raw frames of a thread (NULL = not known), resolved, outermost first; of more than a tail has, the innermost.
 * skip_outer: without those of the machinery that makes a worker's calls. */
static int frames_tail(struct strobe_tails *tails, const struct strobe_thread *thread, const struct strobe_raw_frame *raw, uint32_t n,
                       bool skip_outer, struct strobe_tail_list *list)
{
    uint32_t ids[STROBE_TAIL_FRAMES], n_ids = 0;
    bool calls = false; /* the innermost frame is the one that makes a worker's call: of a function made in C, which is the leaf */
    int err = strobe_tail_list_init(tails, list, 1);

    for (uint32_t i = n < STROBE_TAIL_FRAMES ? n : STROBE_TAIL_FRAMES - 1; !err && i-- > 0;) {
        const struct strobe_code_entry *code = raw[i].code > STROBE_CODE_UNREADABLE
                                                   ? strobe_coderoles_get(&tails->reader->codes, raw[i].code)
                                                   : NULL;

        calls = code && code->role == STROBE_CODE_WORKER_CALL;
        if (skip_outer && code && code->role >= STROBE_CODE_WORKER && code->role <= STROBE_CODE_ANYIO_WORKER)
            n_ids = 0;
        else if (code && !strobe_codes_resolve(tails->codes, raw[i].code, (int64_t)raw[i].instr, &ids[n_ids]))
            n_ids++;
    }
    if (!err && (n_ids || calls) && !(err = leaf_marker(tails, thread, &ids[n_ids])))
        n_ids += ids[n_ids] != NO_MARKER;
    return err || !n_ids ? err : strobe_tail_list_add(tails, list, ids, n_ids, NULL, STROBE_TAIL_WHOLE);
}

static int worker_tail(struct strobe_tails *tails, const struct strobe_pool_worker *worker, struct strobe_tail_list *list)
{
    const struct strobe_thread *thread;

    if (worker->thread == STROBE_NO_INDEX)
        return strobe_tail_list_init(tails, list, 1);
    thread = &tails->threads->threads[worker->thread];
    return frames_tail(tails, thread, thread->frames, thread->n_frames, true, list);
}

/* What a pool's workers are busy with, equally. */
static int pool_tails(struct strobe_tails *tails, uint32_t index, struct strobe_tail_list **ret)
{
    const struct strobe_pool *pool = &tails->pools.at[index];
    struct strobe_tail_list *list = &tails->pool_tails[index], one;
    int err = 0;

    *ret = list;
    if (list->known)
        return 0;
    err = strobe_tail_list_init(tails, list, STROBE_TAILS_MAX);
    list->known = true;
    for (uint32_t i = 0; !err && i < pool->n_workers; i++) {
        const struct strobe_pool_worker *worker = &tails->pools.workers[pool->first_worker + i];

        if (worker->busy && !(err = worker_tail(tails, worker, &one)) && one.n)
            err = strobe_tail_list_append(tails, list, NULL, 0, &one, STROBE_TAIL_WHOLE / pool->n_workers);
    }
    return err;
}

static int executor_tails(struct strobe_tails *tails, const struct strobe_task *task, struct strobe_tail_list *list)
{
    struct strobe_tail_list one, *of_pool;
    uint32_t pool, worker = STROBE_NO_INDEX, place, id;
    int err;

    if (!task->source || !strobe_pools_find(&tails->pools, task->source, &pool, &worker, &place)) {
        if ((err = strobe_tails_mark_wait(tails, task->wait, false, &id)))
            return err;
        return strobe_tail_list_of(tails, list, id);
    }
    if ((err = strobe_tails_mark_pool(tails, pool, tails->blame, &id)))
        return err;
    if (!tails->blame)
        return strobe_tail_list_of(tails, list, id);
    if ((err = strobe_tail_list_init(tails, list, STROBE_TAILS_MAX)))
        return err;
    if (worker != STROBE_NO_INDEX) {
        if (!(err = worker_tail(tails, &tails->pools.workers[worker], &one)))
            err = strobe_tail_list_append(tails, list, &id, 1, &one, STROBE_TAIL_WHOLE);
        return err;
    }
    if (!(err = pool_tails(tails, pool, &of_pool)))
        err = strobe_tail_list_append(tails, list, &id, 1, of_pool, STROBE_TAIL_WHOLE);
    return err;
}

/* ---- blame ---- */

static int task_tails(struct strobe_tails *tails, uint32_t index, int depth, struct strobe_tail_list *list);

/* The lists of a wait: one for each depth that it may be met at, since they end at MAX_DEPTH. */
static struct strobe_tail_list *lists_of(struct strobe_tails *tails, uint32_t wait)
{
    const size_t size = MAX_DEPTH * sizeof **tails->waits;

    if (!tails->waits[wait] && (tails->waits[wait] = strobe_arena_alloc(&tails->arena, size)))
        memset(tails->waits[wait], 0, size);
    return tails->waits[wait];
}

static bool is_open(const struct strobe_tail_list *lists)
{
    for (int i = 0; i < MAX_DEPTH; i++)
        if (lists[i].open)
            return true;
    return false;
}

/* What holds a wait up: what its holders do, equally. */
static int held_tails(struct strobe_tails *tails, uint32_t wait, int depth, struct strobe_tail_list *list)
{
    struct strobe_tail_list one;
    uint32_t first = tails->first_holder[wait], n = tails->first_holder[wait + 1] - first, head[2];
    int err;

    if (list->known)
        return 0;
    if ((err = strobe_tail_list_init(tails, list, STROBE_TAILS_MAX)) || (err = strobe_tails_mark_wait(tails, wait, n > 0, &head[0])))
        return err;
    if (!n)
        err = strobe_tail_list_add(tails, list, head, 1, NULL, STROBE_TAIL_WHOLE);
    list->open = true;
    for (uint32_t i = 0; !err && i < n; i++) {
        uint32_t holder = tails->holders[first + i];

        if (!(err = strobe_tails_mark_holder(tails, &tails->sample->tasks[holder], &head[1])) && !(err = task_tails(tails, holder,
                                                                                                                    depth + 1, &one)))
            err = strobe_tail_list_append(tails, list, head, 2, &one, STROBE_TAIL_WHOLE / n);
    }
    list->open = false;
    list->known = true;
    return err;
}

static int waiting_tails(struct strobe_tails *tails, uint32_t index, int depth, struct strobe_tail_list *list)
{
    const struct strobe_task *task = &tails->sample->tasks[index];
    const struct strobe_wait *wait = &tails->sample->waits[task->wait];
    struct strobe_tail_list *lists;
    uint32_t id;
    int err;

    if (wait->kind == STROBE_WAIT_EXECUTOR || wait->kind == STROBE_WAIT_WORKER_THREAD)
        return executor_tails(tails, task, list);
    if (tails->blame && wait->n_holders && depth < MAX_DEPTH) {
        if (!(lists = lists_of(tails, task->wait)))
            return STROBE_ERR_NOMEM;
        if (is_open(lists)) { /* a holder waits for what it is held up by */
            if ((err = strobe_tails_mark(tails, "[deadlock]", &id)))
                return err;
            return strobe_tail_list_of(tails, list, id);
        }
        err = held_tails(tails, task->wait, depth, &lists[depth]);
        *list = lists[depth];
        return err;
    }
    err = wait->kind == STROBE_WAIT_TASKS ? strobe_tails_mark_tasks(tails, index, &id) : strobe_tails_mark_wait(tails, task->wait, false,
                                                                                                                &id);
    return err ? err : strobe_tail_list_of(tails, list, id);
}

/* A task that runs: its own stack ends in the C function that it is in; a holder is shown by what it called. */
static int running_tails(struct strobe_tails *tails, const struct strobe_task *task, int depth, struct strobe_tail_list *list)
{
    const struct strobe_thread *thread = task->thread < tails->threads->n_threads ? &tails->threads->threads[task->thread] : NULL;
    uint32_t id;
    int err;

    if (depth)
        return frames_tail(tails, thread, task->frames, task->n_sync ? task->n_sync : task->n_frames ? 1 : 0, false, list);
    err = leaf_marker(tails, thread, &id);
    if (!err && id != NO_MARKER)
        err = strobe_tail_list_of(tails, list, id);
    return err;
}

/* What a task does, below its coroutines. */
static int task_tails(struct strobe_tails *tails, uint32_t index, int depth, struct strobe_tail_list *list)
{
    const struct strobe_task *task = &tails->sample->tasks[index];

    *list = (struct strobe_tail_list){.n = 0};
    switch (task->state) {
    case STROBE_TASK_WAITING: return waiting_tails(tails, index, depth, list);
    case STROBE_TASK_READY: return strobe_tail_list_of(tails, list, tails->ready_marker);
    case STROBE_TASK_RUNNING: return running_tails(tails, task, depth, list);
    default: return 0;
    }
}

/* ---- a tick ---- */

static int count_awaited(struct strobe_tails *tails, const struct strobe_task_sample *sample)
{
    tails->awaited = strobe_arena_alloc(&tails->arena, (sample->n_tasks + 1) * sizeof *tails->awaited);
    if (!tails->awaited)
        return STROBE_ERR_NOMEM;
    memset(tails->awaited, 0, (sample->n_tasks + 1) * sizeof *tails->awaited);
    for (uint32_t i = 0; i < sample->n_awaiters; i++)
        tails->awaited[sample->awaiters[i]]++;
    return 0;
}

/* Who holds what, by wait. */
static int index_holders(struct strobe_tails *tails, const struct strobe_task_sample *sample)
{
    uint32_t sum = 0;

    tails->first_holder = strobe_arena_alloc(&tails->arena, (sample->n_waits + 2) * sizeof *tails->first_holder);
    tails->holders = strobe_arena_alloc(&tails->arena, (sample->n_holds + 1) * sizeof *tails->holders);
    tails->waits = strobe_arena_alloc(&tails->arena, (sample->n_waits + 1) * sizeof *tails->waits);
    if (!tails->first_holder || !tails->holders || !tails->waits)
        return STROBE_ERR_NOMEM;
    memset(tails->waits, 0, (sample->n_waits + 1) * sizeof *tails->waits);
    memset(tails->first_holder, 0, (sample->n_waits + 2) * sizeof *tails->first_holder);
    for (uint32_t i = 0; i < sample->n_holds; i++)
        if (sample->holds[i].task != STROBE_NO_INDEX)
            tails->first_holder[sample->holds[i].wait + 2]++;
    for (uint32_t i = 0; i < sample->n_waits + 2; i++)
        tails->first_holder[i] = sum += tails->first_holder[i];
    for (uint32_t i = 0; i < sample->n_holds; i++)
        if (sample->holds[i].task != STROBE_NO_INDEX)
            tails->holders[tails->first_holder[sample->holds[i].wait + 1]++] = sample->holds[i].task;
    return 0;
}

static int read_pools(struct strobe_tails *tails, const struct strobe_sample *threads, const struct strobe_task_sample *sample)
{
    bool wanted = false;
    int err;

    tails->pools.n = 0;
    for (uint32_t i = 0; i < sample->n_waits && !wanted; i++)
        wanted = sample->waits[i].n_waiters && (sample->waits[i].kind == STROBE_WAIT_EXECUTOR ||
                                                sample->waits[i].kind == STROBE_WAIT_WORKER_THREAD);
    if (!wanted)
        return 0;
    if ((err = strobe_pools_read(&tails->pools, threads)))
        return err;
    tails->pool_tails = strobe_arena_alloc(&tails->arena, (tails->pools.n + 1) * sizeof *tails->pool_tails);
    if (!tails->pool_tails)
        return STROBE_ERR_NOMEM;
    memset(tails->pool_tails, 0, (tails->pools.n + 1) * sizeof *tails->pool_tails);
    return 0;
}

/* What this tick has noted becomes what the one before had. */
static void turn(struct strobe_htab *now, struct strobe_htab *before)
{
    struct strobe_htab swap = *before;

    *before = *now;
    *now = swap;
    strobe_htab_clear(now);
}

int strobe_tails_begin(struct strobe_tails *tails, const struct strobe_sample *threads, const struct strobe_task_sample *sample)
{
    int err;

    turn(&tails->counts, &tails->before);
    turn(&tails->labels, &tails->labels_before);
    strobe_arena_reset(&tails->arena);
    tails->threads = threads;
    tails->sample = sample;
    if (!tails->ready_marker && (err = strobe_tails_mark(tails, "[ready: loop busy]", &tails->ready_marker)))
        return err;
    if ((err = count_awaited(tails, sample)) || (err = read_pools(tails, threads, sample)))
        return err;
    return tails->blame ? index_holders(tails, sample) : 0;
}

int strobe_tails_of(struct strobe_tails *tails, uint32_t task, const struct strobe_await_tail **ret_tails, uint32_t *ret_n)
{
    struct strobe_tail_list list;
    int err = task_tails(tails, task, 0, &list);

    if (err)
        return err;
    *ret_tails = list.tails;
    *ret_n = list.n;
    return 0;
}

int strobe_tails_ready(struct strobe_tails *tails, const struct strobe_await_tail **ret_tails, uint32_t *ret_n)
{
    struct strobe_tail_list list;
    int err = strobe_tail_list_of(tails, &list, tails->ready_marker);

    if (err)
        return err;
    *ret_tails = list.tails;
    *ret_n = list.n;
    return 0;
}
