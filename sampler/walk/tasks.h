/* SPDX-License-Identifier: Apache-2.0 */
/* tasks: the asyncio tasks of a target: what each does, what it waits for, which tasks wait for it.  Plain data, addresses only.
 *
 *   task ── coroutine ── coroutine ── ... ── future        frames: the chain of coroutines, and of a running task what its thread
 *    │                                                     has inside of it
 *    └─ awaiters: tasks that this one's end would wake
 *
 * Memory: everything hangs off the reader (walk/taskreader.h) and lives until its next reading.  May include: walk/sample.h. */
#ifndef STROBE_WALK_TASKS_H
#define STROBE_WALK_TASKS_H

#include <stdbool.h>
#include <stdint.h>

#include "walk/sample.h"

#define STROBE_NO_INDEX UINT32_MAX

enum strobe_task_state {
    STROBE_TASK_WAITING, /* for something that has not happened yet */
    STROBE_TASK_READY,   /* its next step is due: the loop has not come to it */
    STROBE_TASK_RUNNING, /* its coroutine is on a thread's stack */
    STROBE_TASK_DONE,    /* has ended and is still listed (up to 3.13) */
};

/* How a task that is done has ended. */
enum strobe_task_outcome { STROBE_OUTCOME_UNKNOWN, STROBE_OUTCOME_RESULT, STROBE_OUTCOME_EXCEPTION, STROBE_OUTCOME_CANCELLED };

enum strobe_task_flags {
    STROBE_TASK_CANCELLING = 1 << 0, /* cancel() was called and has not had its effect, or was not taken back (3.11+) */
    STROBE_TASK_PYTHON = 1 << 1,     /* implemented in Python (asyncio.tasks._PyTask, other libraries' classes) */
    STROBE_TASK_NEW = 1 << 2,        /* its coroutine has not begun */
};

enum strobe_wait_kind {
    STROBE_WAIT_FUTURE,     /* a future made by hand, or one of which nothing better is known */
    STROBE_WAIT_TASKS,      /* other tasks: `how` says by which call */
    STROBE_WAIT_SLEEP,
    STROBE_WAIT_LOCK,
    STROBE_WAIT_SEMAPHORE,
    STROBE_WAIT_EVENT,
    STROBE_WAIT_CONDITION,
    STROBE_WAIT_QUEUE_GET,
    STROBE_WAIT_QUEUE_PUT,
    STROBE_WAIT_QUEUE_JOIN,
    STROBE_WAIT_BARRIER,
    STROBE_WAIT_SOCKET,
    STROBE_WAIT_STREAM_READ,
    STROBE_WAIT_STREAM_WRITE,
    STROBE_WAIT_SERVER,
    STROBE_WAIT_SUBPROCESS,
    STROBE_WAIT_EXECUTOR,      /* a call handed to an executor (run_in_executor, to_thread) */
    STROBE_WAIT_WORKER_THREAD, /* a call handed to one of anyio's worker threads */
    STROBE_WAIT_LIMITER,       /* anyio's CapacityLimiter */
    STROBE_WAIT_KINDS
};

/* One thing that tasks wait for, or hold. */
struct strobe_wait {
    enum strobe_wait_kind kind;
    const char *how;   /* static text: "gather", "TaskGroup", "wait_for", ... of STROBE_WAIT_TASKS; else NULL */
    uint64_t object;   /* the lock, queue, socket, future ...; 0 = none in particular */
    uint64_t type;     /* its type object; 0 = unknown */
    uint32_t task;     /* a task that waits for it, whose code names it; else the first that holds it */
    uint32_t frame;    /* index in that task's frames of the one whose code names it; STROBE_NO_INDEX = none */
    bool held_there;   /* that task holds it and does not wait: the name is in a context of that frame's */
    uint32_t n_waiters; /* tasks that wait for it now */
    uint32_t n_holders; /* tasks that are inside an `async with` of it, as far as it does not say that they cannot hold it */
    int64_t in_use;     /* its permits that were taken when its holders were read; -1 = it does not say */
    uint32_t n_read;    /* the reader's: times that one was found inside of it */
};

struct strobe_hold { /* task `task` holds waits[wait] */
    uint32_t task, wait;  /* task STROBE_NO_INDEX: found in an earlier reading, or of a task that was left out */
    uint32_t frame; /* index in the task's frames of the one that took it; STROBE_NO_INDEX = that was left out */
};

struct strobe_task {
    uint64_t addr;
    uint64_t coro;   /* its outermost coroutine */
    uint64_t loop;   /* event loop object */
    uint64_t name;   /* str, or an int N for "Task-N" (3.12+); 0 = none given yet */
    uint64_t context; /* contextvars.Context; 0 = unknown */
    int64_t interp;  /* interpreter id */
    enum strobe_task_state state;
    uint32_t flags;  /* enum strobe_task_flags */
    enum strobe_task_outcome outcome; /* done: how it ended */
    uint64_t exception; /* of STROBE_OUTCOME_EXCEPTION: that */
    uint32_t thread; /* index in the sample's threads of the one whose stack it is on (running); STROBE_NO_INDEX otherwise */
    uint32_t n_frames, n_sync;
    uint32_t place;  /* waiting: index in frames of the innermost one that is no library's; STROBE_NO_INDEX = none */
    const struct strobe_raw_frame *frames; /* innermost first; the first n_sync are the thread's inside of the innermost coroutine */
    uint64_t future; /* what it awaits in the end; 0 = nothing */
    uint32_t wait;   /* index in waits; STROBE_NO_INDEX unless waiting */
    uint32_t first_awaiter, n_awaiters; /* in awaiters: tasks that wait for this one, each once */
    uint32_t first_hold, n_holds;       /* in holds */
    uint64_t source; /* waits for an executor: the concurrent.futures.Future; anyio: the worker's; 0 otherwise */
    uint64_t promise; /* a concurrent.futures.Future that its end sets: threads may wait for that; 0 = none */
    uint64_t timer;  /* sleeps: the TimerHandle; 0 otherwise */
    double when;     /* at which it is due, by the loop's clock; only where when_ns says so */
    uint64_t when_ns; /* monotonic time at which that was read, with the task; 0 = it was not */
    uint64_t hash[2]; /* of the frames' (code, instr) pairs */
};

struct strobe_task_sample {
    uint64_t time_ns;  /* monotonic time at which the reading began */
    uint32_t n_tasks, n_waits, n_holds, n_awaiters;
    const struct strobe_task *tasks;
    const struct strobe_wait *waits;
    const struct strobe_hold *holds;   /* each task's together */
    const uint32_t *awaiters;
    bool absent;        /* no interpreter has imported asyncio */
    bool blind;         /* asyncio is there, but where tasks made in C keep what is not known: they are missing */
    bool whole;         /* all of it is one moment's truth */
    bool edges_cut;     /* more tasks wait for each other than are followed: some awaiters may be missing */
    bool passed;        /* nothing was read in time: there is no task here, and the next sample has this one's time too */
    bool list_torn;     /* a list of tasks changed each time it was read: some may be missing */
    uint32_t n_dropped; /* tasks left out because no reading of them was consistent */
    uint32_t n_copies;  /* of a process made by fork: tasks of loops that none of its threads runs; left out */
};

/* Two waits of one task are the same when they end at the same future, by the same way. */
static inline uint64_t strobe_task_wait_key(const struct strobe_task *task)
{
    return task->future ^ task->hash[0];
}

#endif
