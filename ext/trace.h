/* SPDX-License-Identifier: Apache-2.0 */
/* trace: what the hooks of the deterministic profiler have in common: which profile is fed, whose event it is, what a function is.
 *
 *   interpreter ──> hook (trace_monitoring.c, trace_frames.c) ──> seat of the thread ──> calls/calls.h
 *
 * One profile is fed at a time, the active one.  A seat is a thread's own: its clock and its part of the profile.  Each start of a profile
 * is a turn; a seat that is of an older turn is taken anew, so that what a stopped profile had is never touched.
 *
 * May include: compat.h, ticks.h, calls, runtime/layout.h, base.  Threads: with the GIL; on free-threaded builds a seat is held during each
 * of its events, and by whoever reads its thread.  State: the active profile and the list of seats, as hooks have no argument. */
#ifndef STROBE_EXT_TRACE_H
#define STROBE_EXT_TRACE_H

#include "ext/compat.h"

#include <pthread.h>
#include <stdatomic.h>

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
    bool builtins, tasks;  /* are calls of builtins, the names of tasks wanted? */
    bool tells_ends;       /* the hook is told of the ends of frames that were there before it, too */
    PyObject *globals;     /* of the code that is asked for; borrowed; NULL = those of the frame that runs */
    PyObject *tag;         /* a ContextVar, or the name of one, whose value is a group, too; NULL = none */
    PyObject *_Atomic variable; /* that ContextVar; NULL = none of this name has been seen */
    PyObject *copy_context; /* contextvars.copy_context */
    PyObject *modules, *paths; /* tuples of str: what is profiled, by prefix; both empty: all */
    PyObject *name_key;    /* "__name__" */
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
    PyObject *greenlet;    /* what each thread calls for its greenlets, when greenlet is imported: is it told of their switches now? */
};

struct strobe_seat {
    uint64_t turn;
    struct strobe_calls_thread *thread; /* NULL: it is not profiled */
    struct strobe_ticks ticks;
    bool is_inside;          /* it runs Python code for us */
    bool is_ready;           /* nothing is left to ask of the thread after its next event: its name, its greenlets */
    bool is_named, is_traced; /* is_traced: we are told of its greenlets' switches */
    unsigned char tries;     /* to name it */
    atomic_bool is_over;     /* the thread has ended */
    const char *frame;       /* hooks that are given a frame: this one; else NULL */
    const char *unbegun;     /* a frame into which an exception was thrown before it began */
    PyObject *builtin;       /* what is called, while that is no code object */
    void *_Atomic pointer;   /* __builtin_thread_pointer() of its thread; NULL: that has ended */
    uint64_t ident;
    int32_t tid;
    char *stack_limit;       /* frames that lie below it are not to be followed: an eighth of the stack is used */
    struct strobe_htab stacks; /* greenlet -> stack */
    struct strobe_seat *next;
    atomic_bool busy;        /* the last one.  The active profile is looked up; free-threaded builds: an event goes on, or somebody reads */
};

extern struct strobe_trace *strobe_trace_active;
extern uint64_t strobe_trace_turn; /* 0 = none is active */
extern __thread struct strobe_seat *strobe_seat_own;
extern struct strobe_seat *strobe_seat_last; /* of the last event: where one thread at a time runs Python */

/* The seat of this thread, of this turn; NULL: no profile is active.  begins: in the event its innermost frame begins or goes on, rather
 * than leaves off. */
struct strobe_seat *strobe_seat_take(bool begins);

/* Makes it the active one: events that come from now on are its.  Seats are taken with the first of them. */
void strobe_trace_begin(struct strobe_trace *trace);
/* It is not any more; after it no event is under way, but for what asks the program's code just then: see strobe_seat_step_in. */
void strobe_trace_end(void);
/* Its threads that have ended are said so.  With the GIL. */
void strobe_trace_reap(void);
/* In the child of a fork. */
void strobe_trace_forked(void);
/* What was asked for us has raised: an Exception is nobody's; anything else (KeyboardInterrupt, SystemExit) the program raises as soon as
 * it goes on. */
void strobe_trace_forgive(void);
/* Time of now, of any of its threads (for strobe_calls_question). */
struct strobe_calls_time strobe_trace_time(void *ctx, const struct strobe_calls_thread *thread);
/* What the core asks. */
enum strobe_calls_kind strobe_trace_kind(void *ctx, const void *key);
int strobe_trace_adopt(void *ctx, const void *key, uint32_t function);
/* The group of what starts now: its task, its tag; STROBE_CALLS_SAME where that is its caller's.  seat: held; it is not while the program's
 * code is asked.  false: the profile has ended meanwhile, or is gone, the seat is not held any more, and the event is nobody's. */
bool strobe_trace_group(struct strobe_seat *seat, const void *code, uint32_t *ret_group);
/* A generator, coroutine or asynchronous generator goes on in this frame.  seat: held.  false: as above. */
bool strobe_trace_goes_on(struct strobe_seat *seat, const char *frame, const void *code, enum strobe_calls_verdict *ret);

/* While Python code runs for us in an event: what is put back afterwards.  An exception may be under way: a frame may begin by one. */
struct strobe_trace_away {
    PyObject *owner, *type, *value, *traceback;
    struct strobe_calls_time since;
};
/* seat: held; it is not until the return.  What passes meanwhile is the profiler's time. */
void strobe_seat_step_out(struct strobe_seat *seat, struct strobe_trace_away *ret);
/* false: the profile has ended meanwhile, or is gone; the seat is not held. */
bool strobe_seat_step_in(struct strobe_seat *seat, const struct strobe_trace_away *away);
/* The group of a task of this name whose outermost coroutine runs this code. */
uint32_t strobe_trace_named_group(struct strobe_trace *trace, PyObject *name, const void *code);
/* greenlet has switched: objects, only compared. */
int strobe_trace_switched(const void *origin, bool origin_is_dead, const void *target);

/* The seat of this event, if it counts.  begins: see strobe_seat_take. */
static inline struct strobe_seat *strobe_seat_of_event(bool begins)
{
#ifdef Py_GIL_DISABLED
    struct strobe_seat *seat = strobe_seat_own;
#else
    struct strobe_seat *seat = strobe_seat_last; /* a variable of the thread costs a call in a library that was loaded late */

    if (__builtin_expect(!seat || atomic_load_explicit(&seat->pointer, memory_order_relaxed) != __builtin_thread_pointer(), 0))
        seat = strobe_seat_last = strobe_seat_own;
#endif
    if (__builtin_expect(!seat || seat->turn != strobe_trace_turn, 0))
        seat = strobe_seat_take(begins);
    return seat && seat->thread && !seat->is_inside ? seat : NULL;
}

/* After an event: of what it has met that is new, its name or greenlet, the next one should know. */
static inline void strobe_seat_make_ready(struct strobe_seat *seat)
{
    if (__builtin_expect(!seat->is_ready, 0))
        strobe_seat_take(false);
}

/* Until it is let go nobody reads the thread, and the profile goes on.  false: that has ended. */
static inline bool strobe_seat_hold(struct strobe_seat *seat)
{
#ifdef Py_GIL_DISABLED
    while (atomic_exchange_explicit(&seat->busy, true, memory_order_acquire))
        ;
    if (seat->turn == __atomic_load_n(&strobe_trace_turn, __ATOMIC_ACQUIRE))
        return true;
    atomic_store_explicit(&seat->busy, false, memory_order_release);
    return false;
#else
    return seat->turn == strobe_trace_turn;
#endif
}

/* The seat of this event, held. */
static inline struct strobe_seat *strobe_seat_begin(bool begins)
{
    struct strobe_seat *seat = strobe_seat_of_event(begins);

#ifdef Py_GIL_DISABLED
    return seat && strobe_seat_hold(seat) ? seat : NULL;
#else
    return seat;
#endif
}

static inline void strobe_seat_let_go(struct strobe_seat *seat)
{
#ifdef Py_GIL_DISABLED
    atomic_store_explicit(&seat->busy, false, memory_order_release);
#else
    (void)seat;
#endif
}

static inline const void *strobe_trace_pointer(const void *base, uint32_t offset)
{
    return *(const void *const *)((const char *)base + offset);
}

/* Flags of a code object (Include/code.h). */
static inline int strobe_trace_flags(const struct strobe_trace *trace, const void *code)
{
    return *(const int *)((const char *)code + trace->layout.co_flags);
}

enum {
    STROBE_CODE_GENERATOR = 0x20,
    STROBE_CODE_COROUTINE = 0x80,
    STROBE_CODE_ITERABLE_COROUTINE = 0x100, /* types.coroutine */
    STROBE_CODE_ASYNC_GENERATOR = 0x200,
};

/* Do calls of it make something that suspends itself and goes on?  flags: co_flags. */
static inline bool strobe_trace_makes_activation(int flags)
{
    return flags & (STROBE_CODE_GENERATOR | STROBE_CODE_COROUTINE | STROBE_CODE_ASYNC_GENERATOR | STROBE_CODE_ITERABLE_COROUTINE);
}

/* The frame behind a frame object: as events have it. */
const char *strobe_trace_inner_frame(const struct strobe_trace *trace, const void *object);
/* The frame that runs on this thread: of _PyInterpreterFrame (3.11 and newer). */
const char *strobe_trace_frame(const struct strobe_trace *trace);
/* Has that frame, a generator's, come to the first instruction that is traced?  (co_firsttraceable, 3.11 and newer) */
bool strobe_trace_has_begun(const struct strobe_trace *trace, const char *frame, const void *code);
/* Is it a value that an asynchronous generator yields, rather than one that it awaits?  (Objects/genobject.c wraps it.) */
bool strobe_trace_is_wrapped(const struct strobe_trace *trace, PyObject *value);

#endif
