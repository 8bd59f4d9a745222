/* SPDX-License-Identifier: Apache-2.0 */
/* taskwait: what a suspended task waits for, from the inner end of its chain.
 *
 *   ... user frame ── library frame ── library frame ── future        the library frames' roles (coderoles.c) say it; without any, the
 *                                                                     future's class and callbacks do */
#include "walk/taskreader_parts.h"

#include <string.h>

#include "base/clock.h"
#include "base/grow.h"
#include "runtime/pyobj.h"

enum { MAX_WAITS = 1 << 22 };

static uint64_t key_of(enum strobe_wait_kind kind, const char *how)
{
    return (uint64_t)(uintptr_t)how << 8 | (uint64_t)kind;
}

const struct strobe_wait *strobe_taskreader_known(struct strobe_taskreader *reader, enum strobe_wait_kind kind, uint64_t object)
{
    uint64_t *known = strobe_htab_get(&reader->wait_index, key_of(kind, NULL), object);

    return known ? &reader->waits[*known] : NULL;
}

int strobe_taskreader_wait(struct strobe_taskreader *reader, enum strobe_wait_kind kind, const char *how, uint64_t object, uint32_t *ret)
{
    uint64_t key = key_of(kind, how);
    uint64_t *known = strobe_htab_get(&reader->wait_index, key, object);
    struct strobe_wait *wait;

    if (known) {
        *ret = (uint32_t)*known;
        return 0;
    }
    if (reader->n_waits == MAX_WAITS)
        return STROBE_ERR_LIMIT;
    if (strobe_grow(&reader->waits, &reader->cap_waits, reader->n_waits + 1, sizeof *reader->waits) ||
        strobe_htab_put(&reader->wait_index, key, object, reader->n_waits))
        return STROBE_ERR_NOMEM;
    wait = &reader->waits[reader->n_waits];
    *wait = (struct strobe_wait){.kind = kind, .how = how, .object = object, .task = STROBE_NO_INDEX, .frame = STROBE_NO_INDEX,
                                 .in_use = -1};
    if (object && strobe_py_type(reader->mem, reader->lay, object, &wait->type))
        wait->type = 0;
    *ret = (uint32_t)reader->n_waits++;
    return 0;
}

/* What waiting in a method of this object means. */
static enum strobe_wait_kind kind_of_role(enum strobe_role role)
{
    switch (role) {
    case STROBE_ROLE_LOCK:
    case STROBE_ROLE_ANYIO_LOCK: return STROBE_WAIT_LOCK;
    case STROBE_ROLE_SEMAPHORE:
    case STROBE_ROLE_BOUNDED_SEMAPHORE:
    case STROBE_ROLE_ANYIO_SEMAPHORE: return STROBE_WAIT_SEMAPHORE;
    case STROBE_ROLE_EVENT:
    case STROBE_ROLE_ANYIO_EVENT: return STROBE_WAIT_EVENT;
    case STROBE_ROLE_CONDITION:
    case STROBE_ROLE_ANYIO_CONDITION: return STROBE_WAIT_CONDITION;
    case STROBE_ROLE_BARRIER: return STROBE_WAIT_BARRIER;
    case STROBE_ROLE_LIMITER: return STROBE_WAIT_LIMITER;
    default: return STROBE_WAIT_FUTURE;
    }
}

/* Of the library frames at the inner end the one that says what is waited for: the innermost with a role, unless one around it
 * knows better. */
static const struct strobe_chain_lib *telling_frame(const struct strobe_chain *chain)
{
    const struct strobe_chain_lib *found = NULL;

    for (uint32_t i = chain->n_libs; i-- > 0;) {
        const struct strobe_chain_lib *lib = &chain->libs[i];

        if (lib->code.role != STROBE_CODE_BY_SELF && lib->code.role != STROBE_CODE_WAITS)
            continue;
        if (!found || lib->code.outer_wins)
            found = lib;
    }
    return found;
}

/* By the future alone. */
static int by_future(struct strobe_taskreader *reader, struct strobe_task *task, uint64_t future, enum strobe_role role)
{
    struct strobe_awaiters *a = &reader->awaiters;
    int err;

    if (strobe_role_is_task(role))
        return strobe_taskreader_wait(reader, STROBE_WAIT_TASKS, "task", 0, &task->wait);
    if (role == STROBE_ROLE_GATHERING)
        return strobe_taskreader_wait(reader, STROBE_WAIT_TASKS, "gather", 0, &task->wait);
    err = strobe_awaiters_of(a, future, role);
    if (err)
        return err;
    if (a->chained && !a->chained_back) {
        task->source = a->chained;
        return strobe_taskreader_wait(reader, STROBE_WAIT_EXECUTOR, NULL, 0, &task->wait);
    }
    if (a->how)
        return strobe_taskreader_wait(reader, STROBE_WAIT_TASKS, a->how, 0, &task->wait);
    return strobe_taskreader_wait(reader, STROBE_WAIT_FUTURE, NULL, future, &task->wait);
}

/* The role of a local, which is looked for in a cell where inner functions use it: Barrier's methods have a lambda. */
static enum strobe_role role_of_local(struct strobe_taskreader *reader, uint64_t *object)
{
    enum strobe_role role = strobe_roles_of(&reader->roles, *object);
    enum strobe_py_kind kind;
    uint64_t inner;

    if (role != STROBE_ROLE_NONE || strobe_py_kind(reader->mem, reader->lay, *object, &kind) || kind != STROBE_PY_CELL ||
        strobe_mem_u64(reader->mem, *object + reader->lay->cell_ref, &inner))
        return role;
    *object = inner;
    return strobe_roles_of(&reader->roles, inner);
}

static int by_frame(struct strobe_taskreader *reader, struct strobe_task *task, const struct strobe_chain_lib *lib, uint64_t future,
                    enum strobe_role role)
{
    enum strobe_wait_kind kind = (enum strobe_wait_kind)lib->code.kind;
    uint64_t object = lib->value[0];

    if (lib->code.role == STROBE_CODE_BY_SELF) {
        kind = kind_of_role(role_of_local(reader, &object));
        return strobe_taskreader_wait(reader, kind, NULL, object, &task->wait);
    }
    switch (kind) {
    case STROBE_WAIT_TASKS:
        /* A wait_for() that has its waiter in a local waits for another task; else for whatever it was given. */
        if (lib->code.how && strcmp(lib->code.how, "wait_for") == 0 && lib->value[0] != future) {
            if (!strobe_role_is_task(role))
                return by_future(reader, task, future, role);
        }
        object = 0;
        break;
    case STROBE_WAIT_SLEEP:
        task->timer = object;
        if (reader->clock && !strobe_timers_due(&reader->timers, reader->mem, reader->lay, object, &task->when))
            task->when_ns = reader->clock->now(reader->clock);
        object = 0;
        break;
    case STROBE_WAIT_WORKER_THREAD:
        task->source = object;
        object = 0;
        break;
    default:
        break;
    }
    return strobe_taskreader_wait(reader, kind, lib->code.how, object, &task->wait);
}

static int is_pending(struct strobe_taskreader *reader, uint64_t future, enum strobe_role role, bool *ret)
{
    struct strobe_buf text = STROBE_BUF_INIT;
    uint32_t state;
    uint64_t value;
    int err;

    if (role == STROBE_ROLE_PY_FUTURE || role == STROBE_ROLE_PY_TASK) {
        if (!(err = strobe_py_getattr(reader->mem, reader->lay, future, "_state", &value)) &&
            !(err = strobe_py_str(reader->mem, reader->lay, value, &text)))
            *ret = strcmp(strobe_buf_str(&text), "PENDING") == 0;
        strobe_buf_release(&text);
        return err;
    }
    if (!strobe_role_is_future(role) || !reader->has_aio) {
        *ret = true; /* a class of its own: taken at its word */
        return 0;
    }
    if ((err = strobe_mem_u32(reader->mem, future + reader->aio.fut_state, &state)))
        return err;
    if (state > STROBE_AIO_FINISHED)
        return STROBE_ERR_TORN;
    *ret = state == STROBE_AIO_PENDING;
    return 0;
}

int strobe_taskreader_classify(struct strobe_taskreader *reader, struct strobe_task *task)
{
    const struct strobe_chain *chain = &reader->chain;
    const struct strobe_chain_lib *lib;
    enum strobe_role role;
    bool pending;
    int err;

    task->wait = STROBE_NO_INDEX;
    if (chain->state == STROBE_CHAIN_EXECUTING || chain->state == STROBE_CHAIN_FINISHED)
        return STROBE_ERR_TORN; /* on a stack, or about to end: not this reading's to say */
    task->state = STROBE_TASK_READY;
    if (chain->state == STROBE_CHAIN_CREATED)
        task->flags |= STROBE_TASK_NEW;
    if (!task->future)
        return 0;
    if (chain->end_future && chain->end_future != task->future)
        return STROBE_ERR_TORN;
    role = strobe_roles_of(&reader->roles, task->future);
    if ((err = is_pending(reader, task->future, role, &pending)))
        return strobe_err_class(err) == STROBE_CLASS_FATAL ? err : STROBE_ERR_TORN;
    if (!pending)
        return 0;
    task->state = STROBE_TASK_WAITING;
    lib = telling_frame(chain);
    task->place = chain->user == STROBE_NO_INDEX ? STROBE_NO_INDEX : strobe_taskreader_kept(chain, chain->user);
    return lib ? by_frame(reader, task, lib, task->future, role) : by_future(reader, task, task->future, role);
}
