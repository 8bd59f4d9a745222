/* SPDX-License-Identifier: Apache-2.0 */
#include "walk/taskreader_parts.h"

#include <string.h>

#include "base/grow.h"
#include "runtime/callsite.h"
#include "runtime/pyobj.h"
#include "walk/waitfacts.h"

enum {
    MAX_INNER = 4,          /* contexts inside of contexts (asynccontextmanager) that are looked through */
    MAX_HOLDS = 1 << 22,
    MAX_CALLBACKS = 256,    /* contexts of one AsyncExitStack */
    MAX_CONTEXTS = 1024,    /* looked at for one task: exit stacks that hold each other would be many */
};

/* Being inside of its context is one half; the other is what the thing says: a lock that is free, or that another task has, was given
 * back by hand.  Semaphores and limiters that do not say who holds them are judged when all of their holders are known. */
static int add_hold(struct strobe_taskreader *reader, struct strobe_task *task, uint64_t object, enum strobe_wait_kind kind, uint32_t frame)
{
    const struct strobe_wait *known = strobe_taskreader_known(reader, kind, object);
    int64_t in_use = -1;
    uint64_t owner;
    uint32_t wait;
    int err;

    if (!known || known->n_read >= known->in_use) { /* else there is room for one more */
        in_use = strobe_wait_in_use(reader->mem, reader->lay, &reader->roles, object, &owner);
        if (in_use == 0 || (owner && owner != task->addr))
            return 0;
    }
    if ((err = strobe_taskreader_wait(reader, kind, NULL, object, &wait)))
        return err;
    if (in_use > reader->waits[wait].in_use)
        reader->waits[wait].in_use = in_use;
    reader->waits[wait].n_read++;
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
    struct strobe_chain_hold holds[STROBE_CHAIN_HOLDS];
    enum strobe_wait_kind kind;
    uint64_t value;
    uint32_t n;
    int err = 0;

    if (++reader->n_contexts > MAX_CONTEXTS)
        return 0;
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
    n = reader->inner.n_holds; /* what follows reads other generators into reader->inner */
    memcpy(holds, reader->inner.holds, n * sizeof *holds);
    for (uint32_t i = 0; !err && i < n; i++)
        if (!holds[i].entering && holds[i].object != object)
            err = note_hold(reader, task, holds[i].object, frame, depth + 1);
    return err;
}

int strobe_taskreader_holds(struct strobe_taskreader *reader, struct strobe_task *task)
{
    const struct strobe_chain *chain = &reader->chain;
    int err = 0;

    task->first_hold = (uint32_t)reader->n_holds;
    task->n_holds = reader->n_contexts = 0;
    for (uint32_t i = 0; !err && i < chain->n_holds; i++)
        if (!chain->holds[i].entering)
            err = note_hold(reader, task, chain->holds[i].object, strobe_taskreader_kept(chain, chain->holds[i].level), 0);
    return err;
}

static bool is_contradicted(const struct strobe_wait *wait)
{
    return wait->in_use >= 0 && wait->n_holders > wait->in_use;
}

void strobe_taskreader_drop_holds(struct strobe_taskreader *reader)
{
    bool any = false;

    for (size_t i = 0; i < reader->n_waits && !any; i++)
        any = is_contradicted(&reader->waits[i]);
    for (size_t i = 0; any && i < reader->n_drafts; i++) {
        struct strobe_task *task = &reader->tasks[i];
        uint32_t n = task->n_holds;

        task->n_holds = 0;
        for (uint32_t k = task->first_hold; k < task->first_hold + n; k++) {
            struct strobe_hold hold = reader->holds[k];

            reader->holds[k].task = STROBE_NO_INDEX;
            if (!is_contradicted(&reader->waits[hold.wait]))
                reader->holds[task->first_hold + task->n_holds++] = hold;
        }
    }
    for (size_t i = 0; any && i < reader->n_waits; i++)
        if (is_contradicted(&reader->waits[i]))
            reader->waits[i].n_holders = 0;
}

/* ---- tasks that run ---- */

static int note_running(struct strobe_taskreader *reader, struct strobe_task *task, uint32_t at)
{
    const struct strobe_raw_frame *frame = &task->frames[at];
    struct strobe_site sites[STROBE_SITE_MAX_HELD];
    uint64_t slot[2], object;
    size_t n = 0;
    int err = strobe_site_enclosing(reader->mem, reader->lay, frame->code, (int64_t)frame->instr, sites, STROBE_SITE_MAX_HELD, &n);

    if (err == STROBE_ERR_NOMEM)
        return err;
    if (err)
        return 0;
    while (!err && n-- > 0) { /* outermost first, as in the frames that are suspended */
        if (sites[n].role == STROBE_SITE_ENTER ||
            strobe_py_stack_pair(reader->mem, reader->lay, frame->frame, frame->code, sites[n].stack, slot))
            continue;
        object = strobe_chain_context(&reader->chain, slot[0], slot[1]);
        if (object)
            err = note_hold(reader, task, object, at, 0);
    }
    return err;
}

int strobe_taskreader_running_holds(struct strobe_taskreader *reader, struct strobe_task *task)
{
    int err = 0;

    reader->chain.n_libs = 0; /* it waits in nothing */
    task->first_hold = (uint32_t)reader->n_holds;
    task->n_holds = reader->n_contexts = 0;
    for (uint32_t i = task->n_frames; !err && i-- > task->n_sync;) {
        const struct strobe_code_entry *code = task->frames[i].code > STROBE_CODE_UNREADABLE && task->frames[i].frame
                                                   ? strobe_coderoles_get(&reader->codes, task->frames[i].code)
                                                   : NULL;

        if (code && code->coroutine)
            err = note_running(reader, task, i);
    }
    return err;
}
