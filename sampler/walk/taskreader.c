/* SPDX-License-Identifier: Apache-2.0 */
#include "walk/taskreader.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "runtime/pyobj.h"
#include "walk/frames.h"

enum {
    MAX_INNER = 4,          /* contexts inside of contexts (asynccontextmanager) that are looked through */
    MAX_HOLDS = 1 << 22,
    MAX_CALLBACKS = 256,    /* contexts of one AsyncExitStack */
};

int strobe_taskreader_new(struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_taskreader **ret)
{
    struct strobe_taskreader *reader = calloc(1, sizeof *reader);
    int err;

    if (!reader)
        return STROBE_ERR_NOMEM;
    reader->mem = mem;
    reader->lay = lay;
    strobe_roles_init(&reader->roles, mem, lay);
    strobe_coderoles_init(&reader->codes, mem, lay);
    strobe_tasklist_init(&reader->list, mem, lay, &reader->roles);
    strobe_awaiters_init(&reader->awaiters, mem, lay, &reader->roles, &reader->codes);
    err = strobe_chain_init(&reader->chain, mem, lay, &reader->roles, &reader->codes);
    if (!err)
        err = strobe_chain_init(&reader->inner, mem, lay, &reader->roles, &reader->codes);
    if (!err && !strobe_aio_layout_has_table(lay)) {
        err = strobe_aio_layout_init(mem, lay, 0, &reader->aio, NULL);
        reader->has_aio = !err;
    }
    if (err)
        strobe_taskreader_free(reader);
    else
        *ret = reader;
    return err;
}

void strobe_taskreader_free(struct strobe_taskreader *reader)
{
    if (!reader)
        return;
    strobe_roles_release(&reader->roles);
    strobe_coderoles_release(&reader->codes);
    strobe_tasklist_release(&reader->list);
    strobe_awaiters_release(&reader->awaiters);
    strobe_chain_release(&reader->chain);
    strobe_chain_release(&reader->inner);
    strobe_arena_release(&reader->arena);
    strobe_htab_release(&reader->wait_index);
    strobe_htab_release(&reader->frames);
    free(reader->drafts);
    free(reader->waits);
    free(reader->holds);
    free(reader->tasks);
    free(reader->shown);
    free(reader->edges);
    free(reader->renumbered);
    free(reader);
}

bool strobe_taskreader_wants_table(const struct strobe_taskreader *reader)
{
    return !reader->has_aio && strobe_aio_layout_has_table(reader->lay);
}

int strobe_taskreader_set_table(struct strobe_taskreader *reader, uint64_t table, char *why)
{
    int err = strobe_aio_layout_init(reader->mem, reader->lay, table, &reader->aio, why);

    reader->has_aio = !err;
    return err;
}

/* ---- one task ---- */

static int add_hold(struct strobe_taskreader *reader, struct strobe_task *task, uint64_t object, enum strobe_wait_kind kind, uint32_t frame)
{
    uint32_t wait;
    int err = strobe_taskreader_wait(reader, kind, NULL, object, &wait);

    if (err)
        return err;
    if (reader->n_holds == MAX_HOLDS)
        return STROBE_ERR_LIMIT;
    if (strobe_grow(&reader->holds, &reader->cap_holds, reader->n_holds + 1, sizeof *reader->holds))
        return STROBE_ERR_NOMEM;
    reader->holds[reader->n_holds++] = (struct strobe_hold){STROBE_NO_INDEX, wait, frame};
    task->n_holds++;
    return 0;
}

static bool can_be_held(enum strobe_role role, enum strobe_wait_kind *ret_kind)
{
    switch (role) {
    case STROBE_ROLE_LOCK:
    case STROBE_ROLE_ANYIO_LOCK: *ret_kind = STROBE_WAIT_LOCK; return true;
    case STROBE_ROLE_SEMAPHORE:
    case STROBE_ROLE_BOUNDED_SEMAPHORE:
    case STROBE_ROLE_ANYIO_SEMAPHORE: *ret_kind = STROBE_WAIT_SEMAPHORE; return true;
    case STROBE_ROLE_LIMITER: *ret_kind = STROBE_WAIT_LIMITER; return true;
    default: return false;
    }
}

/* Does the task wait in this condition's wait()?  Then it has let the lock go, or wants it back. */
static bool waits_in(const struct strobe_chain *chain, uint64_t condition)
{
    for (uint32_t i = 0; i < chain->n_libs; i++)
        if (chain->libs[i].code.role == STROBE_CODE_BY_SELF && chain->libs[i].value[0] == condition)
            return true;
    return false;
}

struct exit_stack {
    struct strobe_taskreader *reader;
    struct strobe_task *task;
    uint32_t frame, n;
    int depth;
};

static int note_hold(struct strobe_taskreader *reader, struct strobe_task *task, uint64_t object, uint32_t frame, int depth);

/* One of an AsyncExitStack's callbacks: a context that it has entered is there as its bound __aexit__. */
static int note_callback(void *ctx, uint64_t tuple)
{
    struct exit_stack *stack = ctx;
    struct strobe_taskreader *reader = stack->reader;
    const struct strobe_layout *lay = reader->lay;
    const struct strobe_code_entry *code;
    uint64_t item[2], function, address, self;
    size_t n;

    if (++stack->n > MAX_CALLBACKS)
        return STROBE_ERR_LIMIT;
    if (strobe_py_items(reader->mem, lay, tuple, item, 2, &n) || n != 2 || strobe_roles_of(&reader->roles, item[1]) != STROBE_ROLE_METHOD ||
        strobe_mem_u64(reader->mem, item[1] + lay->method_func, &function) ||
        strobe_roles_of(&reader->roles, function) != STROBE_ROLE_FUNCTION ||
        strobe_mem_u64(reader->mem, function + lay->func_code, &address) || strobe_mem_u64(reader->mem, item[1] + lay->method_self, &self))
        return 0;
    code = strobe_coderoles_get(&reader->codes, address);
    return code && code->leaves ? note_hold(reader, stack->task, self, stack->frame, stack->depth + 1) : 0;
}

static int note_exit_stack(struct strobe_taskreader *reader, struct strobe_task *task, uint64_t object, uint32_t frame, int depth)
{
    struct exit_stack stack = {reader, task, frame, 0, depth};
    uint64_t callbacks;
    int err;

    if (depth >= MAX_INNER || strobe_py_attr(reader->mem, reader->lay, object, "_exit_callbacks", &callbacks))
        return 0;
    err = strobe_py_deque_each(reader->mem, reader->lay, callbacks, note_callback, &stack);
    return err == STROBE_ERR_NOMEM ? err : 0;
}

/* One context that a frame is inside of.  An asynccontextmanager's is its generator's frame, and what that is inside of is held too;
 * an AsyncExitStack's are those that it has entered; a Condition's is its lock. */
static int note_hold(struct strobe_taskreader *reader, struct strobe_task *task, uint64_t object, uint32_t frame, int depth)
{
    enum strobe_role role = strobe_roles_of(&reader->roles, object);
    enum strobe_wait_kind kind;
    uint64_t value;
    int err = 0;

    if (can_be_held(role, &kind))
        return add_hold(reader, task, object, kind, frame);
    if (role == STROBE_ROLE_CONDITION || role == STROBE_ROLE_ANYIO_CONDITION)
        return waits_in(&reader->chain, object) || strobe_py_attr(reader->mem, reader->lay, object, "_lock", &value) || depth >= MAX_INNER
                   ? 0 : note_hold(reader, task, value, frame, depth + 1);
    if (role == STROBE_ROLE_EXIT_STACK)
        return note_exit_stack(reader, task, object, frame, depth);
    if (role != STROBE_ROLE_ASYNC_CONTEXT || depth >= MAX_INNER || strobe_py_attr(reader->mem, reader->lay, object, "gen", &value) ||
        strobe_chain_read(&reader->inner, value))
        return 0;
    for (uint32_t i = 0; !err && i < reader->inner.n_holds; i++) {
        struct strobe_chain_hold hold = reader->inner.holds[i];

        if (!hold.entering && hold.object != object) /* a deeper one overwrites reader->inner: the first level's suffices */
            err = strobe_roles_of(&reader->roles, hold.object) == STROBE_ROLE_ASYNC_CONTEXT
                      ? 0 : note_hold(reader, task, hold.object, frame, depth + 1);
    }
    return err;
}

static int note_holds(struct strobe_taskreader *reader, struct strobe_task *task)
{
    const struct strobe_chain *chain = &reader->chain;
    int err = 0;

    task->first_hold = (uint32_t)reader->n_holds;
    task->n_holds = 0;
    for (uint32_t i = 0; !err && i < chain->n_holds; i++)
        if (!chain->holds[i].entering)
            err = note_hold(reader, task, chain->holds[i].object, chain->n - 1 - chain->holds[i].level, 0);
    return err;
}

/* The chain, innermost first, into the arena; of a very deep one the two ends. */
static int keep_frames(struct strobe_taskreader *reader, struct strobe_task *task)
{
    const struct strobe_chain *chain = &reader->chain;
    uint32_t n = chain->n, left_out = n > STROBE_KEEP_INNER + STROBE_KEEP_OUTER ? n - STROBE_KEEP_INNER - STROBE_KEEP_OUTER : 0, to = 0;
    struct strobe_raw_frame *frames = strobe_arena_alloc(&reader->arena, (n - left_out + 1) * sizeof *frames);

    if (!frames)
        return STROBE_ERR_NOMEM;
    for (uint32_t i = 0; i < n; i++) {
        if (left_out && i == STROBE_KEEP_INNER) {
            frames[to++] = (struct strobe_raw_frame){STROBE_CODE_ELIDED, left_out, 0};
            i += left_out;
        }
        frames[to++] = chain->frames[n - 1 - i];
    }
    task->frames = frames;
    task->n_frames = to;
    task->n_sync = 0;
    strobe_frames_hash(frames, to, task->hash);
    return 0;
}

/* The words of a task made in C. */
static int read_c_task(struct strobe_taskreader *reader, struct strobe_task *task)
{
    const struct strobe_aio_layout *aio = &reader->aio;
    unsigned char span[STROBE_AIO_MAX_TASK];
    uint32_t state, cancel;
    int err = strobe_mem_read(reader->mem, task->addr, span, aio->task_size);

    if (!err)
        err = strobe_awaiters_of_span(&reader->awaiters, span);
    if (err)
        return err;
    state = strobe_span_u32(span, aio->fut_state);
    if (state > STROBE_AIO_FINISHED)
        return STROBE_ERR_TORN;
    task->loop = strobe_span_u64(span, aio->fut_loop);
    task->coro = strobe_span_u64(span, aio->task_coro);
    task->future = strobe_span_u64(span, aio->task_fut_waiter);
    task->name = strobe_span_u64(span, aio->task_name);
    task->context = strobe_span_u64(span, aio->task_context);
    cancel = aio->task_must_cancel_mask == UINT32_MAX ? strobe_span_u32(span, aio->task_must_cancel)
                                                      : span[aio->task_must_cancel] & aio->task_must_cancel_mask;
    if (cancel || (aio->task_num_cancels != STROBE_NONE && strobe_span_u32(span, aio->task_num_cancels)))
        task->flags |= STROBE_TASK_CANCELLING;
    if (state != STROBE_AIO_PENDING)
        task->state = STROBE_TASK_DONE;
    return 0;
}

static uint64_t attribute(struct strobe_taskreader *reader, uint64_t obj, const char *name)
{
    enum strobe_py_kind kind;
    uint64_t value;

    if (strobe_py_attr(reader->mem, reader->lay, obj, name, &value) || strobe_py_kind(reader->mem, reader->lay, value, &kind) ||
        kind == STROBE_PY_NONE)
        return 0;
    return value;
}

/* A task implemented in Python: the same under its attributes' names (CPython: Lib/asyncio/tasks.py, Task.__init__). */
static int read_py_task(struct strobe_taskreader *reader, const struct strobe_task_draft *draft, struct strobe_task *task)
{
    struct strobe_buf state = STROBE_BUF_INIT;
    uint64_t value;
    int64_t cancels = 0;
    int err = strobe_py_getattr(reader->mem, reader->lay, task->addr, "_state", &value); /* pending: the class's */

    if (!err)
        err = strobe_py_str(reader->mem, reader->lay, value, &state);

    if (!err)
        err = strobe_awaiters_of(&reader->awaiters, task->addr, draft->role);
    if (err)
        goto done;
    if (strcmp(strobe_buf_str(&state), "PENDING") != 0)
        task->state = STROBE_TASK_DONE;
    task->flags |= STROBE_TASK_PYTHON;
    task->loop = attribute(reader, task->addr, "_loop");
    task->coro = attribute(reader, task->addr, "_coro");
    task->future = attribute(reader, task->addr, "_fut_waiter");
    task->name = attribute(reader, task->addr, "_name");
    task->context = attribute(reader, task->addr, "_context");
    value = attribute(reader, task->addr, "_num_cancels_requested");
    if (value && !strobe_py_int(reader->mem, reader->lay, value, &cancels) && cancels)
        task->flags |= STROBE_TASK_CANCELLING;
    value = attribute(reader, task->addr, "_must_cancel");
    if (value && !strobe_py_int(reader->mem, reader->lay, value, &cancels) && cancels)
        task->flags |= STROBE_TASK_CANCELLING;
done:
    strobe_buf_release(&state);
    return err;
}

/* Reads a task whole.  STROBE_ERR_TORN: it moved; what it is by name and address is there all the same. */
static int read_task(struct strobe_taskreader *reader, size_t index, int64_t interp)
{
    const struct strobe_tasklist_item *item = &reader->list.at[index];
    struct strobe_task_draft *draft = &reader->drafts[index];
    struct strobe_task *task = &reader->tasks[index];
    int err;

    *task = (struct strobe_task){.addr = item->addr, .interp = interp, .thread = STROBE_NO_INDEX, .wait = STROBE_NO_INDEX,
                                   .place = STROBE_NO_INDEX};
    draft->role = item->role;
    draft->outer_frame = 0;
    draft->first_awaiter = reader->awaiters.n;
    if (item->role == STROBE_ROLE_TASK && !reader->has_aio)
        return STROBE_ERR_TORN; /* where its fields lie is not known */
    err = item->role == STROBE_ROLE_TASK ? read_c_task(reader, task) : read_py_task(reader, draft, task);
    draft->n_awaiters = reader->awaiters.n - draft->first_awaiter;
    if (!err && reader->awaiters.chained_back)
        task->promise = reader->awaiters.chained;
    if (err || task->state == STROBE_TASK_DONE)
        return err;
    if (!task->coro)
        return STROBE_ERR_TORN;
    err = strobe_chain_read(&reader->chain, task->coro);
    if (err == STROBE_ERR_OBJECT) { /* not Python's: Cython's, or an awaitable of a C extension */
        reader->chain.n = 0;
        reader->chain.n_libs = reader->chain.n_holds = 0;
        err = 0;
    }
    if (err)
        return err;
    if (reader->chain.n)
        draft->outer_frame = reader->chain.frames[0].frame;
    if ((err = keep_frames(reader, task)))
        return err;
    err = strobe_taskreader_classify(reader, task);
    return err ? err : note_holds(reader, task);
}

/* What was passed over as unreadable so far, or could not be kept. */
static uint64_t failures(const struct strobe_taskreader *reader)
{
    return reader->mem->faults + reader->roles.failures + reader->codes.failures;
}

static int settle(struct strobe_taskreader *reader, size_t i, int64_t interp)
{
    struct strobe_task_draft *draft = &reader->drafts[i];
    uint64_t before = failures(reader);
    int err = read_task(reader, i, interp);

    draft->unsettled = err != 0 || failures(reader) != before;
    reader->n_unsettled += draft->unsettled;
    return strobe_err_class(err) == STROBE_CLASS_FATAL ? err : 0;
}

/* ---- all tasks ---- */

/* 3.8 - 3.13: the constants hold for one size of the type; where tasks changed within a series, that of the other is taken. */
static void fit(struct strobe_taskreader *reader)
{
    for (size_t i = 0; i < reader->list.n && !reader->fitted && reader->has_aio; i++) {
        struct strobe_tasklist_item *item = &reader->list.at[i];
        char name[32];
        uint64_t size;

        if (item->role != STROBE_ROLE_TASK || strobe_py_type_name(reader->mem, reader->lay, item->type, name, sizeof name) ||
            strcmp(name, "_asyncio.Task") != 0)
            continue; /* a subclass may be larger */
        size = strobe_roles_size(&reader->roles, item->type);
        reader->fitted = size != 0;
        if (size && strobe_aio_layout_fit(reader->lay, size, &reader->aio, NULL))
            reader->has_aio = false;
    }
}

static int read_list(struct strobe_taskreader *reader, const struct strobe_task_source *source, bool *any)
{
    int err = strobe_tasklist_add(&reader->list, reader->has_aio ? &reader->aio : NULL, source->interp, source->tstates, source->n_tstates);

    *any = *any || err != STROBE_ERR_MISSING;
    return err == STROBE_ERR_MISSING ? 0 : err;
}

int strobe_taskreader_read(struct strobe_taskreader *reader, const struct strobe_task_source *sources, size_t n)
{
    bool any = false;
    int err = 0, ret_err = 0;

    strobe_roles_begin(&reader->roles);
    strobe_coderoles_begin(&reader->codes);
    strobe_awaiters_begin(&reader->awaiters, reader->has_aio ? &reader->aio : NULL);
    strobe_tasklist_clear(&reader->list);
    strobe_htab_clear(&reader->wait_index);
    strobe_arena_reset(&reader->arena);
    reader->n_drafts = reader->n_waits = reader->n_holds = reader->n_unsettled = 0;
    for (size_t i = 0; i < n; i++) {
        err = read_list(reader, &sources[i], &any);
        if (strobe_err_class(err) == STROBE_CLASS_FATAL)
            return err;
        ret_err = ret_err ? ret_err : err;
        fit(reader);
        if (strobe_grow(&reader->drafts, &reader->cap_drafts, reader->list.n + 1, sizeof *reader->drafts) ||
            strobe_grow(&reader->tasks, &reader->cap_tasks, reader->list.n + 1, sizeof *reader->tasks))
            return STROBE_ERR_NOMEM;
        for (; reader->n_drafts < reader->list.n; reader->n_drafts++) {
            reader->drafts[reader->n_drafts] = (struct strobe_task_draft){.unsettled = false};
            if ((err = settle(reader, reader->n_drafts, sources[i].id)))
                return err;
        }
    }
    return any ? ret_err : STROBE_ERR_MISSING;
}

int strobe_taskreader_again(struct strobe_taskreader *reader, bool (*late)(void *ctx), void *ctx)
{
    size_t left = reader->n_unsettled;
    int err = 0;

    strobe_roles_begin(&reader->roles);
    strobe_coderoles_begin(&reader->codes);
    for (size_t i = 0; !err && left && i < reader->n_drafts; i++) {
        if (!reader->drafts[i].unsettled)
            continue;
        if (late && late(ctx))
            break;
        left--;
        reader->n_unsettled--;
        err = settle(reader, i, reader->tasks[i].interp);
    }
    return err;
}

/* ---- joining ---- */

static int index_frames(struct strobe_taskreader *reader, const struct strobe_sample *threads)
{
    int err = 0;

    strobe_htab_clear(&reader->frames);
    for (uint32_t t = 0; threads && t < threads->n_threads; t++)
        for (uint32_t i = 0; !err && i < threads->threads[t].n_frames; i++)
            if (threads->threads[t].frames[i].frame)
                err = strobe_htab_put(&reader->frames, threads->threads[t].frames[i].frame, 0, (uint64_t)t << 32 | i);
    return err;
}

/* A task whose outermost coroutine is on a thread's stack runs there: what lies inside of that frame is its stack. */
static bool place_on_stack(struct strobe_taskreader *reader, const struct strobe_sample *threads, const struct strobe_task_draft *draft,
                           struct strobe_task *task)
{
    uint64_t *found = draft->outer_frame ? strobe_htab_get(&reader->frames, draft->outer_frame, 0) : NULL;
    const struct strobe_thread *thread;

    if (!found)
        return false;
    thread = &threads->threads[*found >> 32];
    task->thread = (uint32_t)(*found >> 32);
    task->state = STROBE_TASK_RUNNING;
    task->flags &= ~(uint32_t)STROBE_TASK_NEW;
    task->frames = thread->frames;
    task->n_frames = (uint32_t)*found + 1;
    task->wait = STROBE_NO_INDEX;
    task->future = task->source = task->timer = 0;
    for (task->n_sync = 0; task->n_sync < task->n_frames; task->n_sync++) {
        const struct strobe_code_entry *code = strobe_coderoles_get(&reader->codes, task->frames[task->n_sync].code);

        if (code && code->coroutine)
            break;
    }
    strobe_frames_hash(task->frames, task->n_frames, task->hash);
    return true;
}

/* The tasks that wait for one, by index, each once. */
static int add_edges(struct strobe_taskreader *reader, const struct strobe_task_draft *draft, struct strobe_task *task, uint32_t *n_edges)
{
    task->first_awaiter = *n_edges;
    task->n_awaiters = 0;
    if (strobe_grow(&reader->edges, &reader->cap_edges, (size_t)*n_edges + draft->n_awaiters, sizeof *reader->edges))
        return STROBE_ERR_NOMEM;
    for (size_t i = draft->first_awaiter; i < draft->first_awaiter + draft->n_awaiters; i++) {
        size_t at = strobe_tasklist_find(&reader->list, reader->awaiters.tasks[i]);
        uint32_t index = at < reader->n_drafts ? reader->renumbered[at] : STROBE_NO_INDEX, k = task->first_awaiter;

        while (k < *n_edges && reader->edges[k] != index)
            k++;
        if (index == STROBE_NO_INDEX || k < *n_edges)
            continue;
        reader->edges[(*n_edges)++] = index;
        task->n_awaiters++;
    }
    return 0;
}

static void count_task(struct strobe_taskreader *reader, const struct strobe_task *task, uint32_t index)
{
    struct strobe_wait *wait = task->wait == STROBE_NO_INDEX ? NULL : &reader->waits[task->wait];

    if (wait) {
        wait->n_waiters++;
        if (wait->task == STROBE_NO_INDEX || wait->held_there || wait->frame == STROBE_NO_INDEX) {
            wait->task = index;
            wait->frame = task->place;
            wait->held_there = false;
        }
    }
    for (uint32_t i = task->first_hold; i < task->first_hold + task->n_holds; i++) {
        struct strobe_wait *held = &reader->waits[reader->holds[i].wait];

        reader->holds[i].task = index;
        held->n_holders++;
        if (held->task == STROBE_NO_INDEX) {
            held->task = index;
            held->frame = reader->holds[i].frame;
            held->held_there = true;
        }
    }
}

static void reset_counts(struct strobe_taskreader *reader)
{
    for (size_t i = 0; i < reader->n_waits; i++) {
        reader->waits[i].n_waiters = reader->waits[i].n_holders = 0;
        reader->waits[i].task = reader->waits[i].frame = STROBE_NO_INDEX;
        reader->waits[i].held_there = false;
    }
    for (size_t i = 0; i < reader->n_holds; i++)
        reader->holds[i].task = STROBE_NO_INDEX;
}

int strobe_taskreader_finish(struct strobe_taskreader *reader, const struct strobe_sample *threads, struct strobe_task_sample *ret)
{
    struct strobe_task *tasks = reader->tasks;
    uint32_t n = 0, n_edges = 0;
    int err;

    if (strobe_grow(&reader->renumbered, &reader->cap_renumbered, reader->n_drafts + 1, sizeof *reader->renumbered) ||
        index_frames(reader, threads))
        return STROBE_ERR_NOMEM;
    reset_counts(reader);
    for (size_t i = 0; i < reader->n_drafts; i++) {
        bool shown = place_on_stack(reader, threads, &reader->drafts[i], &reader->tasks[i]) || !reader->drafts[i].unsettled;

        reader->renumbered[i] = shown ? n : STROBE_NO_INDEX;
        if (!shown)
            continue;
        count_task(reader, &reader->tasks[i], n);
        n++;
    }
    if (n < reader->n_drafts) {
        if (strobe_grow(&reader->shown, &reader->cap_shown, n + 1, sizeof *reader->shown))
            return STROBE_ERR_NOMEM;
        tasks = reader->shown;
    }
    for (size_t i = 0; i < reader->n_drafts; i++) {
        uint32_t to = reader->renumbered[i];

        if (to == STROBE_NO_INDEX)
            continue;
        if (tasks != reader->tasks)
            tasks[to] = reader->tasks[i];
        if ((err = add_edges(reader, &reader->drafts[i], &tasks[to], &n_edges)))
            return err;
    }
    *ret = (struct strobe_task_sample){
        .n_tasks = n, .tasks = tasks, .n_waits = (uint32_t)reader->n_waits, .waits = reader->waits,
        .n_holds = (uint32_t)reader->n_holds, .holds = reader->holds, .n_awaiters = n_edges, .awaiters = reader->edges,
        .n_dropped = (uint32_t)reader->n_drafts - n,
    };
    return 0;
}
