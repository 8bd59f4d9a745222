/* SPDX-License-Identifier: Apache-2.0 */
/* calls: exact accounting of calls: each start, end, suspension and resumption of a function, and the time on its thread that it took.
 *
 *   hook: thread, code, time ──> the thread's stack ──> node of its tree (the path of calls): calls and time of its own
 *                                                   ──> edge (caller, callee), local (callee): time for which it is on the stack
 *
 * What a frame has of its own time goes to its node alone.  A function's, or an edge's, total is the time during which it is at least once
 * on the thread's stack: from outermost start to outermost end, so that recursion counts once, a callee has never more than its caller, and
 * nothing needs to be clamped.  Generators, coroutines and asynchronous generators have an activation (activations.h), which outlives their
 * times on a stack: a suspension takes them off it and counts as no end.
 *
 * The tree has at most STROBE_CALLS_MAX_NODES nodes; further paths lie in the node that each edge has for this: then rows of tasks and
 * flame graphs are coarser, functions' rows and edges' are exact all the same.
 *
 * What an event costs can be taken out of the times on threads (strobe_calls_opts): a thread's own clock then stands still for that long
 * after each of its events, and what is longer than the time until the next one is taken out of those after it.  Waits are left as they
 * are: what the other tasks of a loop, or a timer, would have done without the profile, nobody knows.
 *
 * May include: base.  Time: ticks, of whatever unit; wall and cpu are the thread's.  Ownership: all is of the struct
 * strobe_calls, and freed with it.  Threads: a thread's events come from it alone, but what follows from other threads (a reader, an
 * absorption) holds the thread first: see strobe_calls_hold. */
#ifndef STROBE_CALLS_CALLS_H
#define STROBE_CALLS_CALLS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strobe_calls;
struct strobe_calls_thread;
struct strobe_calls_stack;

struct strobe_calls_time {
    uint64_t wall, cpu; /* ticks; cpu counts while the thread is on a CPU */
};

enum strobe_calls_kind { /* what a function's frames do */
    STROBE_CALLS_FUNCTION,
    STROBE_CALLS_GENERATOR,
    STROBE_CALLS_COROUTINE,
    STROBE_CALLS_ASYNC_GENERATOR,
    STROBE_CALLS_LEFT_OUT, /* the filter does not want it: its time is its caller's */
};

enum {
    STROBE_CALLS_OTHER = 0,              /* the function of all beyond the limit; and the caller of what nobody has called */
    STROBE_CALLS_KINDS = STROBE_CALLS_LEFT_OUT + 1,
    STROBE_CALLS_MAX_NODES = 1 << 17,    /* 20 MB */
    STROBE_CALLS_MAX_EDGES = 1 << 17,    /* per thread; further ones count as called by STROBE_CALLS_OTHER */
};

/* What the core asks whoever feeds it. */
struct strobe_calls_ops {
    enum strobe_calls_kind (*kind)(void *ctx, const void *key);
    /* The key's number from now on; what it stands for must stay what it is.  Non-zero: it cannot; it is STROBE_CALLS_OTHER then.  With a
     * lock that others wait for by turning round: it waits for nothing. */
    int (*adopt)(void *ctx, const void *key, uint32_t function);
    void *ctx;
};

struct strobe_calls_opts {
    struct strobe_calls_ops ops;
    uint32_t max_functions;
    uint64_t cost, activation_cost; /* ticks of the program's time that an event takes, of a plain function, of an activation: they are
                                     * taken out; both 0: they stay in */
    const char *other_group; /* the name of what is beyond STROBE_CALLS_MAX_GROUPS; borrowed, for good; NULL = "(other)" */
    bool is_shared; /* events of several threads come at the same time (free-threaded builds) */
};

/* ret: the caller's, who calls strobe_calls_free.  STROBE_ERR_NOMEM. */
int strobe_calls_new(const struct strobe_calls_opts *opts, struct strobe_calls **ret);
void strobe_calls_free(struct strobe_calls *calls);
/* The real time of now, of a thread that may be in the middle of something. */
typedef struct strobe_calls_time strobe_calls_clock(void *ctx, const struct strobe_calls_thread *thread);
/* Forgets what was counted; stacks and activations stay, and count from now on.  runs: time goes on.  wall: real, of those that wait. */
void strobe_calls_clear(struct strobe_calls *calls, bool runs, strobe_calls_clock *clock, void *ctx, uint64_t wall);
/* Functions that have a number: the numbers below it. */
uint32_t strobe_calls_function_count(struct strobe_calls *calls);
/* Starts of functions beyond max_functions, and paths and events that could not be noted for want of memory. */
struct strobe_calls_lost {
    uint64_t functions, events;
    bool paths;  /* the tree is full */
    bool groups; /* there are more names of groups than are told apart */
};
struct strobe_calls_lost strobe_calls_lost(struct strobe_calls *calls);

/* Around a fork: nobody changes or reads anything meanwhile. */
void strobe_calls_hold_all(struct strobe_calls *calls);
void strobe_calls_let_go_all(struct strobe_calls *calls);
/* In the child: nobody holds anything any more; the threads of events are the parent's. */
void strobe_calls_forked(struct strobe_calls *calls);

/* ---- threads ---- */

/* ret: borrowed.  ident: pthread_self of it; tid: the kernel's id; name: copied.  STROBE_ERR_NOMEM. */
int strobe_calls_thread_new(struct strobe_calls *calls, uint64_t ident, int32_t tid, const char *name, struct strobe_calls_thread **ret);
/* The one of this ident that has not ended; NULL: there is none.  tid: 0 = unknown; another one has ended, and this is a new one in its
 * place. */
struct strobe_calls_thread *strobe_calls_thread_find(struct strobe_calls *calls, uint64_t ident, int32_t tid);
/* Calls fn for each that has not ended, with its time. */
void strobe_calls_each_thread(struct strobe_calls *calls, strobe_calls_clock *clock, void *ctx,
                              void (*fn)(struct strobe_calls_thread *thread, struct strobe_calls_time now));
int32_t strobe_calls_tid(const struct strobe_calls_thread *thread);
/* The thread runs, of which only the ident was known: its CPU time counts from now on. */
void strobe_calls_meet(struct strobe_calls_thread *thread, int32_t tid, uint64_t cpu);
/* The later one, each clock for itself, of a real time and that of its last event. */
struct strobe_calls_time strobe_calls_latest(const struct strobe_calls_thread *thread, struct strobe_calls_time now);
/* The name is known now; copied.  STROBE_ERR_NOMEM: the old one stays. */
int strobe_calls_thread_rename(struct strobe_calls_thread *thread, const char *name);
/* An event of it could not be noted. */
void strobe_calls_lose(struct strobe_calls_thread *thread);
/* What an event has cost beyond what the opts say, in ticks: it is taken out where these are. */
void strobe_calls_owe(struct strobe_calls_thread *thread, struct strobe_calls_time cost);
/* Those end of which is_gone says so, by the kernel's id: they ended while no profile ran. */
void strobe_calls_end_gone(struct strobe_calls *calls, bool (*is_gone)(int32_t tid));
/* It has ended: what is on its stacks ends with it.  Many ended ones become one. */
void strobe_calls_thread_end(struct strobe_calls_thread *thread);
/* Another thread reads or changes what it has: while somebody holds it no event of it may come.  Where only one thread at a time runs
 * Python nobody needs it. */
void strobe_calls_hold(struct strobe_calls_thread *thread);
void strobe_calls_let_go(struct strobe_calls_thread *thread);
/* What it is held by from now on: borrowed, and never freed; NULL = its own.  Not by who holds it. */
void strobe_calls_guard(struct strobe_calls_thread *thread, atomic_bool *guard);

/* ---- events, all of the thread that runs; now: real, not before that of its last event ---- */

enum strobe_calls_verdict {
    STROBE_CALLS_NOTED,
    STROBE_CALLS_IGNORED,   /* left out */
    STROBE_CALLS_ACTIVATES, /* nothing was done: it has an activation; call strobe_calls_activate */
    STROBE_CALLS_UNKNOWN,   /* nothing was done: it was alive when the profile began; call again with its group */
};

/* A function starts.  group: that it and what it calls belong to (strobe_calls_group), or STROBE_CALLS_SAME: the caller's. */
enum strobe_calls_verdict strobe_calls_enter(struct strobe_calls_thread *thread, const void *key, uint32_t group,
                                             struct strobe_calls_time now);
/* A generator, coroutine or asynchronous generator starts, in this frame (any address that stays its own while it lives). */
enum strobe_calls_verdict strobe_calls_activate(struct strobe_calls_thread *thread, const void *key, const void *frame, uint32_t group,
                                                struct strobe_calls_time now);
/* It goes on.  group: STROBE_CALLS_TELL, or of one that was alive when the profile began. */
enum strobe_calls_verdict strobe_calls_resume(struct strobe_calls_thread *thread, const void *key, const void *frame, uint32_t group,
                                              struct strobe_calls_time now);
/* It suspends itself.  parked: a value for whoever iterates over it (yield), not an await.  value: what it yields; who suspends itself with
 * it, as it awaits it, passes the same one on; who has driven it by send() and awaits something else does not. */
enum strobe_calls_verdict strobe_calls_suspend(struct strobe_calls_thread *thread, const void *key, bool parked, const void *value,
                                               struct strobe_calls_time now);
/* The innermost frame of the function ends; those that are still above it, too. */
enum strobe_calls_verdict strobe_calls_leave(struct strobe_calls_thread *thread, const void *key, struct strobe_calls_time now);
/* Its group. */
uint32_t strobe_calls_innermost_group(const struct strobe_calls_thread *thread);
/* The innermost function's key; NULL: there is none. */
const void *strobe_calls_innermost(const struct strobe_calls_thread *thread);
/* Is this function known, and left out?  Then its builtins are not told, either. */
bool strobe_calls_leaves_out(const struct strobe_calls_thread *thread, const void *key);
/* Does the innermost function wait for what it calls to suspend itself, as a coroutine does?  Then what it starts is of its task. */
bool strobe_calls_in_await(const struct strobe_calls_thread *thread);
/* Time passes for the innermost function. */
void strobe_calls_charge(struct strobe_calls_thread *thread, struct strobe_calls_time now);

/* ---- what was there before the profile ---- */

/* Asks for what a key is now, where the caller knows more of it than at its next event. */
void strobe_calls_learn(struct strobe_calls *calls, const void *key);
/* As enter and activate, outermost first, but they count as alive at the start, not as calls.  frame: of an activation, else NULL.  These
 * hold the thread themselves. */
void strobe_calls_seed(struct strobe_calls_thread *thread, const void *key, const void *frame, uint32_t group,
                       struct strobe_calls_time now);
/* The frame was seeded, and nobody may tell when it ends: whoever sees the next event looks whether it is still there. */
void strobe_calls_seed_unseen(struct strobe_calls_thread *thread, const void *frame);
/* The frame that is innermost, if it is such a one; NULL: it is none. */
const void *strobe_calls_unseen(struct strobe_calls_thread *thread);
/* Ends are seen from now on: the next frame, innermost first, that need not be looked for any more; NULL: that was all. */
const void *strobe_calls_seen(struct strobe_calls_thread *thread);
/* The innermost one has left the stack: it has ended, or is suspended. */
void strobe_calls_settle(struct strobe_calls_thread *thread, bool is_suspended, struct strobe_calls_time now);
/* Coroutines that wait one for the other, outermost first: they are on no stack.  Those that run already are left as they are. */
void strobe_calls_seed_suspended(struct strobe_calls_thread *thread, const void *const *keys, const void *const *frames, size_t n,
                                 uint32_t group, struct strobe_calls_time now);
/* All of a thread is seeded, and its time begins only now: what has passed meanwhile was the profiler's.  And the waiting of all. */
void strobe_calls_seeded(struct strobe_calls_thread *thread, struct strobe_calls_time now);
void strobe_calls_seeded_waits(struct strobe_calls *calls, uint64_t wall);
/* The profile stops: all that is on the thread's stacks is taken off, and stays unfinished; the stacks of greenlets are freed. */
void strobe_calls_pause(struct strobe_calls_thread *thread, struct strobe_calls_time now);
/* After all threads: activations stop to wait. */
void strobe_calls_pause_waits(struct strobe_calls *calls, uint64_t wall);
/* It starts again, for this thread; what is on its stack is to be seeded.  Also before the first event of a new one. */
void strobe_calls_go_on(struct strobe_calls_thread *thread, struct strobe_calls_time now);

/* ---- stacks of greenlets ---- */

/* The thread goes on, on another stack (NULL: its own first one); the one it leaves is suspended, and all its frames with it. */
void strobe_calls_switch(struct strobe_calls_thread *thread, struct strobe_calls_stack *stack, struct strobe_calls_time now);
int strobe_calls_stack_new(struct strobe_calls_thread *thread, struct strobe_calls_stack **ret);
/* The one it is on. */
struct strobe_calls_stack *strobe_calls_stack_of(const struct strobe_calls_thread *thread);
/* Its frames end, having waited until the thread's last event, and it is freed: true.  false: it is the one the thread is on, of which
 * nothing ends, or its first one, which stays. */
bool strobe_calls_stack_end(struct strobe_calls_thread *thread, struct strobe_calls_stack *stack);

/* ---- groups: tasks, and other tags ---- */

#define STROBE_CALLS_SAME UINT32_MAX
#define STROBE_CALLS_TELL (UINT32_MAX - 1) /* strobe_calls_resume is to say when it needs one */
/* The number of a name; 0 = "": none.  Beyond STROBE_CALLS_MAX_GROUPS names it is that of all others.  STROBE_ERR_NOMEM. */
enum { STROBE_CALLS_MAX_GROUPS = 1000 };
int strobe_calls_group(struct strobe_calls *calls, const char *name, uint32_t *ret_group);
/* "" for 0; NULL: there is no such group, nor one behind it.  Borrowed, while the profile is there. */
const char *strobe_calls_group_name(struct strobe_calls *calls, uint32_t group);

#endif
