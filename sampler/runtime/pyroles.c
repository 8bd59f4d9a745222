/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/pyroles.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "runtime/pyspan.h"

enum { MAX_TYPES = 65536 }; /* classes that are remembered; a program has some thousands, and only those on await chains come here */

struct strobe_role_entry {
    uint64_t type, name, base, dict; /* words of the type object, by which it is known again */
    uint64_t basicsize;
    enum strobe_role role;
    uint64_t checked; /* sample */
};

/* module NULL: tp_name says it all; else a class statement's name, whose module is in its dict. */
static const struct strobe_role_class known[] = {
    {NULL, "coroutine", STROBE_ROLE_GENERATOR},
    {NULL, "generator", STROBE_ROLE_GENERATOR},
    {NULL, "async_generator", STROBE_ROLE_GENERATOR},
    {NULL, "coroutine_wrapper", STROBE_ROLE_WRAPPER},
    {NULL, "async_generator_asend", STROBE_ROLE_WRAPPER},
    {NULL, "async_generator_athrow", STROBE_ROLE_WRAPPER},
    {NULL, "anext_awaitable", STROBE_ROLE_ANEXT},
    {NULL, "FutureIter", STROBE_ROLE_FUTURE_ITER},
    {NULL, "_asyncio.FutureIter", STROBE_ROLE_FUTURE_ITER},
    {NULL, "_asyncio.Task", STROBE_ROLE_TASK},
    {NULL, "_asyncio.Future", STROBE_ROLE_FUTURE},
    {NULL, "TaskWakeupMethWrapper", STROBE_ROLE_WAKEUP},
    {NULL, "_asyncio.TaskWakeupMethWrapper", STROBE_ROLE_WAKEUP},
    {NULL, "builtin_function_or_method", STROBE_ROLE_BUILTIN},
    {NULL, "method", STROBE_ROLE_METHOD},
    {NULL, "function", STROBE_ROLE_FUNCTION},
    {NULL, "functools.partial", STROBE_ROLE_PARTIAL},
    {"asyncio.tasks", "_GatheringFuture", STROBE_ROLE_GATHERING},
    {"asyncio.tasks", "Task", STROBE_ROLE_PY_TASK},
    {"asyncio.futures", "Future", STROBE_ROLE_PY_FUTURE},
    {"concurrent.futures._base", "Future", STROBE_ROLE_CONCURRENT_FUTURE},
    {"asyncio.locks", "Lock", STROBE_ROLE_LOCK},
    {"asyncio.locks", "BoundedSemaphore", STROBE_ROLE_BOUNDED_SEMAPHORE},
    {"asyncio.locks", "Semaphore", STROBE_ROLE_SEMAPHORE},
    {"asyncio.locks", "Event", STROBE_ROLE_EVENT},
    {"asyncio.locks", "Condition", STROBE_ROLE_CONDITION},
    {"asyncio.locks", "Barrier", STROBE_ROLE_BARRIER},
    {"asyncio.queues", "Queue", STROBE_ROLE_QUEUE},
    {"asyncio.taskgroups", "TaskGroup", STROBE_ROLE_TASK_GROUP},
    {"anyio._backends._asyncio", "CapacityLimiter", STROBE_ROLE_LIMITER},
    {"anyio._backends._asyncio", "Lock", STROBE_ROLE_ANYIO_LOCK},
    {"anyio._backends._asyncio", "Semaphore", STROBE_ROLE_ANYIO_SEMAPHORE},
    {"anyio._backends._asyncio", "Event", STROBE_ROLE_ANYIO_EVENT},
    {"anyio._backends._asyncio", "TaskGroup", STROBE_ROLE_ANYIO_TASK_GROUP},
    {"anyio._core._synchronization", "CapacityLimiter", STROBE_ROLE_LIMITER},
    {"anyio._core._synchronization", "Lock", STROBE_ROLE_ANYIO_LOCK},
    {"anyio._core._synchronization", "Semaphore", STROBE_ROLE_ANYIO_SEMAPHORE},
    {"anyio._core._synchronization", "Event", STROBE_ROLE_ANYIO_EVENT},
    {"anyio._core._synchronization", "Condition", STROBE_ROLE_ANYIO_CONDITION},
    /* what anyio exports says "anyio" of itself, in some versions as soon as it is used */
    {"anyio", "CapacityLimiter", STROBE_ROLE_LIMITER},
    {"anyio", "Lock", STROBE_ROLE_ANYIO_LOCK},
    {"anyio", "Semaphore", STROBE_ROLE_ANYIO_SEMAPHORE},
    {"anyio", "Event", STROBE_ROLE_ANYIO_EVENT},
    {"anyio", "Condition", STROBE_ROLE_ANYIO_CONDITION},
    {"contextlib", "_AsyncGeneratorContextManager", STROBE_ROLE_ASYNC_CONTEXT},
    {"contextlib", "AsyncExitStack", STROBE_ROLE_EXIT_STACK},
    {"concurrent.futures.thread", "ThreadPoolExecutor", STROBE_ROLE_THREAD_POOL},
    {"concurrent.futures.interpreter", "InterpreterPoolExecutor", STROBE_ROLE_INTERPRETER_POOL},
    {"concurrent.futures.process", "ProcessPoolExecutor", STROBE_ROLE_PROCESS_POOL},
    {"threading", "BoundedSemaphore", STROBE_ROLE_THREADING_BOUNDED_SEMAPHORE},
    {"threading", "Semaphore", STROBE_ROLE_THREADING_SEMAPHORE},
    {"queue", "Queue", STROBE_ROLE_THREADING_QUEUE},
};

const struct strobe_role_class *strobe_roles_class(size_t i)
{
    return i < sizeof known / sizeof known[0] ? &known[i] : NULL;
}

void strobe_roles_init(struct strobe_roles *roles, struct strobe_mem *mem, const struct strobe_layout *lay)
{
    *roles = (struct strobe_roles){.mem = mem, .lay = lay, .known = STROBE_HTAB_INIT, .sample = 1};
}

void strobe_roles_release(struct strobe_roles *roles)
{
    strobe_htab_release(&roles->known);
    free(roles->at);
    roles->at = NULL;
    roles->n = roles->cap = 0;
}

void strobe_roles_begin(struct strobe_roles *roles)
{
    roles->sample++;
    memset(roles->recent, 0, sizeof roles->recent);
}

/* Does this error mean that nothing is known, rather than that something is not there? */
static int lost(int err)
{
    return strobe_err_class(err) == STROBE_CLASS_FRAME ? 0 : err;
}

/* __module__ of a class statement. */
static int module_is(struct strobe_roles *roles, const struct strobe_pytype *type, const char *module, bool *ret_same)
{
    struct strobe_buf text = STROBE_BUF_INIT;
    uint64_t value;
    int err = strobe_py_dict_get(roles->mem, roles->lay, type->dict, "__module__", &value);

    if (!err)
        err = strobe_py_str(roles->mem, roles->lay, value, &text);
    *ret_same = !err && strcmp(strobe_buf_str(&text), module) == 0;
    strobe_buf_release(&text);
    return lost(err);
}

static int role_of_class(struct strobe_roles *roles, const struct strobe_pytype *type, enum strobe_role *ret_role)
{
    char name[64];
    bool same = true;
    int err = strobe_py_type_name(roles->mem, roles->lay, type->addr, name, sizeof name);

    for (size_t i = 0; !err && i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(name, known[i].name) != 0)
            continue;
        /* Those of the interpreter itself are static; a class statement may use the same name: class generator. */
        if (!known[i].module && !strchr(name, '.') && strobe_pytype_has(type, STROBE_TPFLAG_HEAPTYPE))
            continue;
        if (known[i].module)
            err = module_is(roles, type, known[i].module, &same);
        if (!err && same) {
            *ret_role = known[i].role;
            break;
        }
    }
    return lost(err);
}

static int role_of_chain(struct strobe_roles *roles, const struct strobe_pytype *type, enum strobe_role *ret_role)
{
    struct strobe_pytype t = *type;
    int err = 0;

    *ret_role = STROBE_ROLE_NONE;
    for (int i = 0; !err && i < STROBE_PY_MAX_MRO; i++) {
        err = role_of_class(roles, &t, ret_role);
        if (err || *ret_role != STROBE_ROLE_NONE || !t.base)
            break;
        err = strobe_pytype_read(roles->mem, roles->lay, t.base, &t);
    }
    return lost(err);
}

static bool same_type(const struct strobe_role_entry *entry, const struct strobe_pytype *type)
{
    return entry->name == type->name && entry->base == type->base && entry->dict == type->dict &&
           entry->basicsize == (uint64_t)type->basicsize;
}

/* The entry of a class, checked in this sample; NULL when it cannot be read or kept. */
static struct strobe_role_entry *entry_of(struct strobe_roles *roles, uint64_t type)
{
    uint64_t *index = strobe_htab_get(&roles->known, type, 0);
    struct strobe_role_entry *entry = index ? &roles->at[*index] : NULL;
    struct strobe_pytype words;
    int err;

    if (entry && entry->checked == roles->sample)
        return entry;
    err = strobe_pytype_read(roles->mem, roles->lay, type, &words);
    if (err) {
        roles->failures += lost(err) != 0;
        return NULL;
    }
    if (!entry) {
        if (roles->n == MAX_TYPES)
            return NULL;
        if (strobe_grow(&roles->at, &roles->cap, roles->n + 1, sizeof *roles->at) || strobe_htab_put(&roles->known, type, 0, roles->n)) {
            roles->failures++;
            return NULL;
        }
        entry = &roles->at[roles->n++];
        *entry = (struct strobe_role_entry){.type = type};
    }
    if (!entry->checked || !same_type(entry, &words)) {
        entry->checked = 0;
        if (role_of_chain(roles, &words, &entry->role)) {
            roles->failures++;
            return NULL;
        }
        entry->name = words.name;
        entry->base = words.base;
        entry->dict = words.dict;
        entry->basicsize = (uint64_t)words.basicsize;
    }
    entry->checked = roles->sample;
    return entry;
}

enum strobe_role strobe_roles_of_type(struct strobe_roles *roles, uint64_t type)
{
    size_t i = type * 0x9e3779b97f4a7c15ull >> (64 - 6); /* STROBE_ROLES_RECENT = 1 << 6 */
    struct strobe_role_entry *entry;

    if (type && type == roles->recent[i].type)
        return roles->recent[i].role;
    if (!strobe_py_plausible(type))
        return STROBE_ROLE_NONE;
    entry = entry_of(roles, type);
    if (!entry)
        return STROBE_ROLE_NONE;
    roles->recent[i].type = type;
    roles->recent[i].role = entry->role;
    return entry->role;
}

uint64_t strobe_roles_size(const struct strobe_roles *roles, uint64_t type)
{
    const uint64_t *index = strobe_htab_get(&roles->known, type, 0);

    return index ? roles->at[*index].basicsize : 0;
}

enum strobe_role strobe_roles_of(struct strobe_roles *roles, uint64_t obj)
{
    uint64_t type;
    int err = strobe_py_type(roles->mem, roles->lay, obj, &type);

    roles->failures += lost(err) != 0;
    return err ? STROBE_ROLE_NONE : strobe_roles_of_type(roles, type);
}
