/* SPDX-License-Identifier: Apache-2.0 */
/* trace_seat: a thread's place at the profile that is fed: its clock, and its part of the profile.
 *
 * One profile is fed at a time, the active one.  Each start of a profile is a turn; a seat that is of an older turn is taken anew, so that
 * what a stopped profile had is never touched.
 *
 * May include: trace.h.  Threads: with the GIL; on free-threaded builds a seat is held during each of its events, and by whoever reads its
 * thread.  State: the active profile, its turn and the list of seats, as hooks have no argument. */
#ifndef STROBE_EXT_TRACE_SEAT_H
#define STROBE_EXT_TRACE_SEAT_H

#include <stdatomic.h>

#include "ext/trace.h"

struct strobe_seat {
    uint64_t turn;
    struct strobe_calls_thread *thread; /* NULL: it is not profiled */
    struct strobe_ticks ticks;
    bool is_inside;          /* it runs Python code for us */
    bool is_ready;           /* nothing is left to ask of the thread after its next event: its name, its greenlets */
    bool is_unhooked;        /* it calls what is not noted: its profile function is taken away meanwhile (below 3.12, builtins) */
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

/* Whatever this thread runs is not profiled from now on, or is again.  ret_was: so far.  false: out of memory. */
bool strobe_seat_leave_out(bool out, bool *ret_was);

/* Makes it the active one: events that come from now on are its.  Seats are taken with the first of them. */
void strobe_trace_begin(struct strobe_trace *trace);
/* It is not any more; after it no event is under way, but for what asks the program's code just then: see strobe_seat_step_in. */
void strobe_trace_end(void);
/* Its threads that have ended are said so.  With the GIL. */
void strobe_trace_reap(void);
/* Around a fork: the list of seats is held; in the child none is fed. */
void strobe_seat_hold_all(void);
void strobe_seat_let_go_all(void);
void strobe_seat_forked(void);
/* Time of now, of any of its threads (for strobe_calls_question). */
struct strobe_calls_time strobe_trace_time(void *ctx, const struct strobe_calls_thread *thread);

/* While Python code runs for us in an event: what is put back afterwards.  An exception may be under way: a frame may begin by one. */
struct strobe_trace_away {
    PyObject *owner, *type, *value, *traceback;
    struct strobe_calls_time since;
};
/* trace_seat: held; it is not until the return.  What passes meanwhile is the profiler's time. */
void strobe_seat_step_out(struct strobe_seat *seat, struct strobe_trace_away *ret);
/* false: the profile has ended meanwhile, or is gone; the seat is not held. */
bool strobe_seat_step_in(struct strobe_seat *seat, const struct strobe_trace_away *away);

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

#endif
