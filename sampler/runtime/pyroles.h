/* SPDX-License-Identifier: Apache-2.0 */
/* pyroles: which part a class plays in asyncio (and anyio, concurrent.futures): coroutine, future, task, lock, executor ...
 * Found once a class and kept by its address; believed again in a later sample only when the type object's own words are the same.
 * May include: mem, layout, pyobj, base.  Memory: its own cache.  Threads: one. */
#ifndef STROBE_RUNTIME_PYROLES_H
#define STROBE_RUNTIME_PYROLES_H

#include <stdint.h>

#include "base/htab.h"
#include "runtime/layout.h"

enum strobe_role {
    STROBE_ROLE_NONE,
    /* what a coroutine may await */
    STROBE_ROLE_GENERATOR, /* generator, coroutine, asynchronous generator: one layout */
    STROBE_ROLE_WRAPPER,   /* coroutine_wrapper, async_generator_asend and _athrow: the generator comes right after the header */
    STROBE_ROLE_ANEXT,     /* anext_awaitable: what it wraps comes right after the header */
    STROBE_ROLE_FUTURE_ITER, /* iterator over a C future, which comes right after the header */
    STROBE_ROLE_FUTURE,    /* C future, subclasses too */
    STROBE_ROLE_GATHERING, /* the future of gather() */
    STROBE_ROLE_TASK,      /* C task, subclasses too */
    STROBE_ROLE_PY_FUTURE, /* implemented in Python */
    STROBE_ROLE_PY_TASK,
    STROBE_ROLE_CONCURRENT_FUTURE,
    /* what may be called back */
    STROBE_ROLE_WAKEUP,    /* TaskWakeupMethWrapper (3.8, 3.9): the task comes right after the header */
    STROBE_ROLE_BUILTIN,
    STROBE_ROLE_METHOD,
    STROBE_ROLE_FUNCTION,
    STROBE_ROLE_PARTIAL,
    /* what may be waited for */
    STROBE_ROLE_LOCK,
    STROBE_ROLE_SEMAPHORE,
    STROBE_ROLE_BOUNDED_SEMAPHORE,
    STROBE_ROLE_EVENT,
    STROBE_ROLE_CONDITION,
    STROBE_ROLE_QUEUE,
    STROBE_ROLE_BARRIER,
    STROBE_ROLE_LIMITER,
    STROBE_ROLE_ANYIO_LOCK,
    STROBE_ROLE_ANYIO_SEMAPHORE,
    STROBE_ROLE_ANYIO_EVENT,
    STROBE_ROLE_ANYIO_CONDITION,
    STROBE_ROLE_TASK_GROUP,
    STROBE_ROLE_ANYIO_TASK_GROUP,
    /* contexts that hold for somebody else */
    STROBE_ROLE_ASYNC_CONTEXT, /* made by contextlib.asynccontextmanager: attribute gen is the asynchronous generator */
    STROBE_ROLE_EXIT_STACK,    /* contextlib.AsyncExitStack: attribute _exit_callbacks is a deque of (is it synchronous, callback) */
    STROBE_ROLE_THREAD_POOL,
    STROBE_ROLE_INTERPRETER_POOL,
    STROBE_ROLE_PROCESS_POOL,
    /* what threads wait for */
    STROBE_ROLE_THREADING_SEMAPHORE,
    STROBE_ROLE_THREADING_BOUNDED_SEMAPHORE,
    STROBE_ROLE_THREADING_QUEUE, /* queue.Queue */
};

enum { STROBE_ROLES_RECENT = 64 };

struct strobe_roles {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    struct strobe_htab known; /* type address -> index in at */
    struct strobe_role_entry *at;
    size_t n, cap;
    uint64_t sample;          /* entries are checked once in each */
    /* Classes asked for in this sample, and their answers, by the type's hash: of the same few classes all the time. */
    struct {
        uint64_t type;
        enum strobe_role role;
    } recent[STROBE_ROLES_RECENT];
    uint64_t failures;        /* answers that are NONE because a class could not be read or kept: not believed for long, nor by whoever
                               * finds this changed */
};

/* mem and lay are borrowed. */
void strobe_roles_init(struct strobe_roles *roles, struct strobe_mem *mem, const struct strobe_layout *lay);
void strobe_roles_release(struct strobe_roles *roles);
/* A new sample: what is known is checked again before it is believed. */
void strobe_roles_begin(struct strobe_roles *roles);
/* The role of a class, by the first in its chain of bases that has one; NONE also when it cannot be read. */
enum strobe_role strobe_roles_of_type(struct strobe_roles *roles, uint64_t type);
/* tp_basicsize of a class whose role was asked for in this sample, bytes; 0 = unknown. */
uint64_t strobe_roles_size(const struct strobe_roles *roles, uint64_t type);
/* The role of an object's class. */
enum strobe_role strobe_roles_of(struct strobe_roles *roles, uint64_t obj);

/* The classes that are known by module and name, one after the other; NULL behind the last.  static. */
struct strobe_role_class {
    const char *module, *name; /* module NULL: a class of the interpreter itself or of an extension */
    enum strobe_role role;
};
const struct strobe_role_class *strobe_roles_class(size_t i);

static inline bool strobe_role_is_future(enum strobe_role role)
{
    return role >= STROBE_ROLE_FUTURE && role <= STROBE_ROLE_PY_TASK;
}

static inline bool strobe_role_is_task(enum strobe_role role)
{
    return role == STROBE_ROLE_TASK || role == STROBE_ROLE_PY_TASK;
}

#endif
