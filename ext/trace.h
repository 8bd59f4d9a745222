/* SPDX-License-Identifier: Apache-2.0 */
/* trace: a profile of the deterministic profiler, as its hooks need it.
 *
 *   interpreter ──> hook (trace_monitoring.c, trace_frames.c) ──> seat of the thread (trace_seat.h) ──> calls/calls.h
 *                     what is it?      trace_code.h, trace_builtins.h
 *                     whose is it?     trace_groups.h, trace_greenlets.h
 *                     was it there?    trace_seeds.h
 *
 * May include: compat.h, ticks.h, calls, runtime/layout.h, base. */
#ifndef STROBE_EXT_TRACE_H
#define STROBE_EXT_TRACE_H

#include "ext/compat.h"

#include <pthread.h>

#include "base/htab.h"
#include "calls/calls.h"
#include "ext/ticks.h"
#include "runtime/layout.h"

struct strobe_trace_function {
    PyObject *what; /* a code object, or a builtin; with a name: the type whose method is meant; owned */
    PyObject *name; /* str; NULL = none; owned */
};

struct strobe_trace { /* a profile; what hooks need of it */
    PyObject *owner;       /* the _strobe.Calls it is part of; borrowed: who runs Python code meanwhile keeps it */
    struct strobe_calls *calls;
    struct strobe_layout layout;
    enum strobe_ticks_cpu cpu;
    uint64_t only;         /* ident (pthread_self) of the one thread that is profiled; 0 = all are */
    int32_t only_tid;      /* its kernel id: another thread may have its ident when it has ended */
    bool builtins, tasks;  /* are calls of builtins, the names of tasks wanted? */
    bool tells_ends;       /* the hook is told of the ends of frames that were there before it, too */
    PyObject *globals;     /* of the code that is asked for; borrowed; NULL = those of the frame that runs */
    PyObject *tag;         /* a ContextVar, or the name of one, whose value is a group, too; NULL = none */
    PyObject *_Atomic variable; /* that ContextVar; NULL = none of this name has been seen */
    PyObject *copy_context; /* contextvars.copy_context */
    PyObject *modules, *paths; /* tuples of str: what is profiled, by prefix; both empty: all */
    PyObject *name_key;    /* "__name__" */
    PyObject *main_name;   /* str: what `-m` runs; "": it does not; owned */
    const void *main_globals; /* that module's; only compared */
    PyObject *get_name;    /* "get_name" */
    PyObject *_Atomic current_task; /* asyncio's function (3.12 on); NULL = not asked for yet */
    const void *_Atomic wrapper;    /* the type of what asynchronous generators yield, the interpreter's; NULL = not met yet */
    PyObject *own;         /* likewise: paths of strobe's own files */
    uint64_t too_deep;     /* how often a hook stepped aside, as an eighth of the C stack was used */
    uint64_t without_builtins; /* threads whose profile function is the program's */
    struct strobe_trace_function *functions; /* by number; the array never moves: who knows that a number is given may read it */
    size_t n_room;
    PyObject *held;        /* dict, frame's address -> generator or frame object that stays until strobe_calls_settle */
    PyObject **left_out;   /* the code objects that are known to be left out; owned */
    size_t n_left_out, cap_left_out;
    PyObject *root_codes;  /* list of those that are in roots */
    struct strobe_htab roots; /* code object of an outermost coroutine -> group of its tasks that asyncio has named */
    pthread_mutex_t roots_lock; /* nothing of Python's is called with it */
    struct strobe_calls_time builtin_surplus; /* ticks that an event of a builtin costs more than one of a function */
    struct strobe_trace *next; /* of all profiles: trace_forks.c */
    PyObject *greenlet;    /* what each thread calls for its greenlets, when greenlet is imported: is it told of their switches now? */
};

static inline const void *strobe_trace_pointer(const void *base, uint32_t offset)
{
    return *(const void *const *)((const char *)base + offset);
}

#endif
