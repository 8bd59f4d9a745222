/* SPDX-License-Identifier: Apache-2.0 */
#include "walk/taskreader_parts.h"

#include <string.h>

#include "runtime/pyobj.h"
#include "runtime/pyspan.h"
#include "walk/frames.h"

/* Frames of a chain of n that are not kept: between its STROBE_KEEP_INNER innermost and its STROBE_KEEP_OUTER outermost ones. */
static uint32_t n_left_out(uint32_t n)
{
    return n > STROBE_KEEP_INNER + STROBE_KEEP_OUTER ? n - STROBE_KEEP_INNER - STROBE_KEEP_OUTER : 0;
}

uint32_t strobe_taskreader_kept(const struct strobe_chain *chain, uint32_t level)
{
    uint32_t at = chain->n - 1 - level, left_out = n_left_out(chain->n);

    if (!left_out || at < STROBE_KEEP_INNER)
        return at;
    return at < STROBE_KEEP_INNER + left_out ? STROBE_NO_INDEX : at - left_out + 1; /* behind the mark */
}

/* The chain, innermost first, into the arena; of a very deep one the two ends. */
static int keep_frames(struct strobe_taskreader *reader, struct strobe_task *task)
{
    const struct strobe_chain *chain = &reader->chain;
    uint32_t n = chain->n, left_out = n_left_out(n), to = 0;
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

/* exception: 0 = none. */
static void set_done(struct strobe_task *task, bool cancelled, uint64_t exception)
{
    task->state = STROBE_TASK_DONE;
    task->exception = cancelled ? 0 : exception;
    task->outcome = cancelled ? STROBE_OUTCOME_CANCELLED : exception ? STROBE_OUTCOME_EXCEPTION : STROBE_OUTCOME_RESULT;
}

/* The words of a task made in C. */
static int read_c_task(struct strobe_taskreader *reader, struct strobe_task *task)
{
    const struct strobe_aio_layout *aio = &reader->aio;
    unsigned char span[STROBE_AIO_MAX_TASK];
    uint32_t state, cancel;
    int err = strobe_mem_read(reader->mem, task->addr, span, aio->task_size);

    if (!err)
        err = strobe_awaiters_of_span(&reader->awaiters, task->addr, span);
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
        set_done(task, state == STROBE_AIO_CANCELLED, strobe_span_u64(span, aio->fut_exception));
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
        set_done(task, strcmp(strobe_buf_str(&state), "CANCELLED") == 0, attribute(reader, task->addr, "_exception"));
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

int strobe_taskreader_one(struct strobe_taskreader *reader, size_t index, int64_t interp)
{
    const struct strobe_tasklist_item *item = &reader->list.at[index];
    struct strobe_task_draft *draft = &reader->drafts[index];
    struct strobe_task *task = &reader->tasks[index];
    int err;

    reader->chain.n = 0; /* of a task that is done none is read */
    *task = (struct strobe_task){.addr = item->addr, .interp = interp, .thread = STROBE_NO_INDEX, .wait = STROBE_NO_INDEX,
                                   .place = STROBE_NO_INDEX};
    draft->role = item->role;
    draft->outer_frame = draft->ran_on = 0;
    draft->first_awaiter = reader->awaiters.n;
    if (item->role == STROBE_ROLE_TASK && !reader->has_aio)
        return STROBE_ERR_TORN; /* where its fields lie is not known */
    err = item->role == STROBE_ROLE_TASK ? read_c_task(reader, task) : read_py_task(reader, draft, task);
    draft->copy = !err && strobe_taskreader_is_copy(reader, task->loop);
    draft->n_awaiters = draft->copy ? 0 : (reader->awaiters.n - draft->first_awaiter);
    if (draft->copy)
        return 0;
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
    return err ? err : strobe_taskreader_holds(reader, task);
}
