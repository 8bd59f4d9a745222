/* SPDX-License-Identifier: Apache-2.0 */
/* state: what a profile of calls consists of.
 *
 *   stack   entries[0]      [1]          [2] = top
 *           root, never     outermost    innermost frame
 *           ends            frame
 *
 * Inside of calls/ only.  May include: base, tables.h, activations.h. */
#ifndef STROBE_CALLS_STATE_H
#define STROBE_CALLS_STATE_H

#include <sched.h>

#include "calls/activations.h"
#include "calls/calls.h"
#include "calls/tables.h"

struct strobe_calls_entry {
    const void *key; /* of the code; not always its node's, which may stand for several */
    struct strobe_calls_node *node;
    struct strobe_calls_activation *activation; /* NULL: a plain function */
    uint64_t since; /* wall, of its start; of an activation: of this time on the stack */
};

struct strobe_calls_stack {
    struct strobe_calls_entry *entries;
    size_t n, cap;                   /* n: valid while it is not the one that the thread is on */
    uint64_t since;                  /* real wall, since when the thread is not on it */
    struct strobe_calls_stack *next; /* of the thread */
};

struct strobe_calls_thread {
    struct strobe_calls_entry *top, *end;  /* of the stack it is on; end: behind its room */
    struct strobe_calls_time last;         /* the last event, by the thread's own clock */
    struct strobe_calls_time taken, owed;  /* real time less that clock's; what is still to be taken out */
    bool is_compensated;
    struct strobe_calls_activation *suspended;  /* by the last event; NULL: that was none */
    const void *passed;                         /* while suspended: what it has yielded; NULL: not known */
    struct strobe_calls_activation *generators; /* while suspended: those that have suspended themselves in a row, outermost first */
    struct strobe_calls *calls;
    struct strobe_calls_tables tables;
    struct strobe_calls_stack *stack, *stacks;  /* the one it is on; all */
    struct strobe_calls_stack first;
    const void **unseen;                        /* frames of the first entries of the first stack: see strobe_calls_seed_unseen */
    size_t n_unseen, cap_unseen;
    struct strobe_calls_node **paused;          /* plain functions that were on stacks when the profile was stopped */
    size_t n_paused, cap_paused;
    struct strobe_calls_thread *next;           /* in the order of their making */
    uint64_t ident;
    uint32_t number; /* in the order of their making, from 1 on */
    uint64_t lost;   /* events that could not be noted */
    int32_t tid;
    const char *name; /* the arena's, as are former ones, which somebody may still be reading */
    uint64_t ended;  /* in the order of their ends, from 1 on; 0: it has not */
    bool is_past;    /* it stands for many that have ended */
    uint32_t n_alive; /* activations that are its own; with the lock of calls */
    atomic_bool busy;
    _Atomic(atomic_bool *) guard; /* what it is held by; `busy` unless another one was set */
};

struct strobe_calls {
    struct strobe_calls_opts opts;
    atomic_bool listed;          /* somebody reads or changes the list of threads: taken before a thread is held, never in an event */
    atomic_bool busy;            /* of what follows, where events come at the same time: taken last */
    struct strobe_htab functions; /* key -> number << 8 | kind */
    uint32_t n_functions, n_left_out;
    struct strobe_calls_activations activations;
    char **groups;
    size_t n_groups, cap_groups;
    struct strobe_htab group_places; /* hashes of a name -> its number */
    struct strobe_calls_thread *threads, *past;
    size_t n_ended;
    uint64_t n_ends;
    uint32_t n_made; /* threads */
    _Atomic int64_t room;        /* nodes that may still be made */
    _Atomic uint64_t beyond;     /* starts of functions beyond the limit */
};

/* The stack that a thread begins with.  STROBE_ERR_NOMEM. */
int strobe_calls_first_stack(struct strobe_calls_thread *thread);
/* Frees a thread, and what it has; nobody else has it any more. */
void strobe_calls_thread_free(struct strobe_calls_thread *thread);
/* Forgets what it has counted: what is alive counts as there from the start, and waits from then on (wall: real).  The thread is held. */
void strobe_calls_thread_clear(struct strobe_calls_thread *thread, uint64_t wall);

/* Locks that are held for some instructions only. */
static inline void strobe_calls_take(atomic_bool *busy)
{
    while (atomic_exchange_explicit(busy, true, memory_order_acquire))
        sched_yield();
}

static inline void strobe_calls_give_back(atomic_bool *busy)
{
    atomic_store_explicit(busy, false, memory_order_release);
}

/* Guards calls' own lists and tables where several threads run at once; free elsewhere. */
void strobe_calls_lock(struct strobe_calls *calls);
void strobe_calls_unlock(struct strobe_calls *calls);
/* The same for the list of threads. */
void strobe_calls_list(struct strobe_calls *calls);
void strobe_calls_unlist(struct strobe_calls *calls);

#endif
