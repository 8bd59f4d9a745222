/* SPDX-License-Identifier: Apache-2.0 */
/* rows: what a profile has counted so far, as plain figures: by function and by (caller, callee).  Reading changes nothing: what is open
 * now is added to the figures that are given out, not to those that are kept.
 *
 * May include: base, state.h, stack.h.  Ownership: the caller releases.  Threads: any. */
#ifndef STROBE_CALLS_ROWS_H
#define STROBE_CALLS_ROWS_H

#include "base/htab.h"
#include "calls/calls.h"

struct strobe_calls_figures {
    uint64_t started, finished; /* calls */
    uint64_t seeded;            /* alive when the profile began: unfinished ones are started + seeded - finished */
    uint64_t primitive;         /* calls while no other one was on the stack */
    uint64_t resumes, primitive_resumes; /* the latter: while no other one was on the stack */
    struct strobe_calls_time self, total; /* on the thread; total: at least one is on the stack */
    uint64_t awaited;                     /* ticks for which it was suspended by an await, or its greenlet was */
    uint64_t self_awaited;                /* the part of that in which it waited itself, and not for what it has called */
    uint64_t shortest, longest;           /* ticks of finished calls, awaiting included; NEVER and 0: none has finished */
};

struct strobe_calls_row {
    uint32_t caller, callee; /* caller: of edges; STROBE_CALLS_OTHER = none, or one beyond the limit */
    struct strobe_calls_figures figures;
};

struct strobe_calls_rows {
    struct strobe_calls_row *functions; /* by function's number: callee == index */
    struct strobe_calls_row *edges;
    size_t n_functions, n_edges, cap_edges; /* an edge's function may be n_functions or above, when it came in the meantime */
    struct strobe_calls_figures later; /* of functions that came while it was read */
    struct strobe_htab places; /* caller, callee -> place in edges */
    uint64_t wall, cpu;        /* ticks for which frames were on the stacks: the sum of all that is self */
};

#define STROBE_CALLS_ANY UINT32_MAX

struct strobe_calls_question {
    uint32_t thread;                          /* its number; 0: of all */
    uint32_t group;                           /* STROBE_CALLS_ANY: of all; otherwise from the tree alone (calls.h says what that lacks) */
    strobe_calls_clock *now;
    void *ctx;
    uint64_t wall; /* real, now, of those that wait */
};

/* ret: released by the caller.  STROBE_ERR_NOMEM. */
int strobe_calls_rows_init(struct strobe_calls *calls, const struct strobe_calls_question *question, struct strobe_calls_rows *ret);
void strobe_calls_rows_release(struct strobe_calls_rows *rows);

struct strobe_calls_thread_facts {
    uint32_t number; /* its own, never another one's; from 1 on */
    uint64_t ident;
    int32_t tid;
    const char *name; /* borrowed, while the thread is known; strobe_calls_threads: its own copy */
    bool has_ended;
};
/* All threads of the profile.  ret: freed by strobe_calls_threads_free.  STROBE_ERR_NOMEM. */
int strobe_calls_threads(struct strobe_calls *calls, struct strobe_calls_thread_facts **ret, size_t *ret_n);
void strobe_calls_threads_free(struct strobe_calls_thread_facts *threads, size_t n);

/* Calls each for every path on which time was spent, with the functions outermost first. */
typedef int strobe_calls_each_path(void *ctx, const struct strobe_calls_thread_facts *thread, uint32_t group, const uint32_t *functions,
                                   size_t n, struct strobe_calls_time self);
int strobe_calls_paths(struct strobe_calls *calls, const struct strobe_calls_question *question, strobe_calls_each_path *each, void *ctx);

#endif
