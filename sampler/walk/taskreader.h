/* SPDX-License-Identifier: Apache-2.0 */
/* taskreader: reads the tasks of a target into a struct strobe_task_sample.
 *
 *   read     lists the tasks, reads the chain of each, what it waits for, what it holds; threads are not looked at
 *   again    reads those once more that are unsettled
 *   finish   joins them with the threads' stacks (those that run), finds who waits for whom, counts
 *
 * A task that changes while it is read does not fit together (its chain does not end at the future it waits for, what it awaits
 * has not begun or has ended, its coroutine executes), or leads to where nothing can be read: it is "unsettled".  So is one that fits
 * but is not what it was at the reading before: of a chain that grows anew in the memory of the last one, two moments may fit.
 * May include: mem, runtime, walk, base.  Memory: its own, kept from reading to reading.  Threads: one. */
#ifndef STROBE_WALK_TASKREADER_H
#define STROBE_WALK_TASKREADER_H

#include "base/arena.h"
#include "base/htab.h"
#include "runtime/asyncio_layout.h"
#include "walk/awaiters.h"
#include "walk/chain.h"
#include "walk/coderoles.h"
#include "walk/tasklist.h"
#include "walk/tasks.h"
#include "walk/waitfacts.h"

/* An interpreter whose tasks are to be read. */
struct strobe_task_source {
    uint64_t interp;        /* address */
    int64_t id;
    const uint64_t *tstates; /* its thread states' addresses */
    size_t n_tstates;
};

/* What of a reading is believed, besides that it fits together. */
enum strobe_reading_trust {
    STROBE_TRUST_ALL,   /* nothing moves meanwhile */
    STROBE_TRUST_KNOWN, /* what is as it was when the reader finished last */
    STROBE_TRUST_TWICE, /* what is as it was at the reading before */
};

/* By which a task is known not to have moved.  Another one may be where it was: that is no matter, it has the same stack. */
struct strobe_task_print {
    uint64_t addr, stack, state;
};

/* What has been read of one task. */
struct strobe_task_draft {
    struct strobe_task_print print;
    uint64_t outer_frame;   /* address of its outermost coroutine's frame; 0 = none */
    enum strobe_role role;
    bool unsettled;
    bool executing;         /* ... because it runs: it is on a thread's stack, or will have changed when the threads are looked at */
    bool mixed;             /* it fits with itself, but not with those that wait for it */
    bool copy;              /* of a task of another process: see strobe_taskreader_set_forked */
    size_t first_awaiter, n_awaiters; /* addresses in awaiters.tasks; may be there twice */
    uint64_t ran_on;        /* thread state on whose stack it was while that stood still; 0 = none */
    uint32_t first_hold, n_holds; /* what it held then; in holds */
};

struct strobe_taskreader {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    struct strobe_aio_layout aio;
    bool has_aio, fitted;   /* fitted: its size was compared with the type's */
    struct strobe_roles roles;
    struct strobe_coderoles codes;
    struct strobe_chain chain, inner; /* inner: of a context that holds for somebody else */
    struct strobe_tasklist list;
    struct strobe_awaiters awaiters;
    struct strobe_arena arena;        /* frames */

    struct strobe_task_draft *drafts; /* by the list's index */
    struct strobe_task *tasks;        /* as read, by the same */
    size_t n_drafts, cap_drafts, cap_tasks;
    size_t n_unsettled, n_executing;  /* n_executing: of those */
    struct strobe_clock *clock;       /* sleeps' timers are read with their tasks, and when that was; NULL = they are not.  Borrowed */
    struct strobe_timers timers;
    struct strobe_task_print *memo;   /* when the reader finished last, in the order of the list then */
    size_t n_memo, cap_memo, memo_at; /* memo_at: where the next one is expected */
    struct strobe_wait *waits;
    size_t n_waits, cap_waits;
    struct strobe_htab wait_index;    /* (kind and how, object) -> index in waits */
    struct strobe_hold *holds;
    size_t n_holds, cap_holds;
    size_t n_read_holds;              /* of those, all but of tasks that are found to run when they are joined */
    struct strobe_wait_facts *facts;  /* of the first n_facts of waits, as of the moment at which all was read */
    size_t n_facts, cap_facts;
    uint32_t n_contexts;              /* of the task that is read: looked at for its holds */
    struct strobe_htab frames;        /* of the threads' stacks: frame address -> thread << 32 | index */

    int32_t own_pid;                  /* of a process made by fork: its id as it knows it itself; 0 = of another */
    const uint64_t *own_loops;        /* of such a one: those that its threads run; borrowed */
    size_t n_own_loops;

    struct strobe_task *shown;        /* the finished sample's tasks where some are left out; else it has `tasks` itself */
    uint32_t *edges;
    uint32_t *renumbered;             /* by draft: its index in the sample */
    uint32_t *edge_to;                /* by index in the sample: 1 + the last task that it was found to await */
    size_t cap_shown, cap_edges, cap_renumbered, cap_edge_to;
};

/* mem and lay are borrowed.  ret: owned by the caller. */
int strobe_taskreader_new(struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_taskreader **ret);
void strobe_taskreader_free(struct strobe_taskreader *reader);

/* table: address of asyncio's own table of offsets, where the version has one (3.14+); 0 elsewhere.  Until it was given and found good,
 * versions that need it show no tasks made in C.  why: as for strobe_aio_layout_init. */
int strobe_taskreader_set_table(struct strobe_taskreader *reader, uint64_t table, char *why);
/* From now on the timers of sleeps are read with their tasks: read later, they may be those of other sleeps.  clock: borrowed. */
void strobe_taskreader_want_timers(struct strobe_taskreader *reader, struct strobe_clock *clock);
/* Does it need a table and have none yet? */
bool strobe_taskreader_wants_table(const struct strobe_taskreader *reader);

/* The process was made by fork: the tasks of its parent are there as copies, of loops that do not run here.  From now on tasks of other
 * loops than `loops`, those that its threads run, are left out and counted (n_copies).  own_pid: its id as it knows it itself.  loops:
 * borrowed, until the next call. */
void strobe_taskreader_set_forked(struct strobe_taskreader *reader, int32_t own_pid, const uint64_t *loops, size_t n);

/* STROBE_ERR_MISSING: no interpreter has imported asyncio.  STROBE_ERR_TORN: a list of tasks could not be read whole. */
int strobe_taskreader_read(struct strobe_taskreader *reader, const struct strobe_task_source *sources, size_t n,
                           enum strobe_reading_trust trust);
/* Reads the unsettled ones again, until the memory's deadline if it has one; those that executed only where all is trusted, because nothing
 * moves.  reader->n_unsettled says how many are left. */
int strobe_taskreader_again(struct strobe_taskreader *reader, enum strobe_reading_trust trust);
/* A thread stands still: reads anew the tasks on its stack, those that wait for them, and so on. */
int strobe_taskreader_on_stack(struct strobe_taskreader *reader, const struct strobe_thread *thread);
/* The same thread, after that: notes what the tasks on its stack hold.  Later they may have let it go. */
int strobe_taskreader_running(struct strobe_taskreader *reader, const struct strobe_thread *thread);
/* All stands still, as far as is known: reads what the things that tasks wait for or hold say of themselves, until the memory's
 * deadline. */
int strobe_taskreader_note_facts(struct strobe_taskreader *reader);
/* That of waits[index] as of then, else as of now.  ret: always filled. */
void strobe_taskreader_facts(struct strobe_taskreader *reader, uint32_t index, struct strobe_wait_facts *ret);
/* threads: NULL = none are known.  Unsettled tasks that are on no stack are left out and counted; unless all was read `still`, so are
 * those that are awaited by a task which, when it was read, awaited another, and those below.  May be called again, with the threads of
 * later, where the tasks are known to be what they were.
 * ret: borrowed, valid until the next read. */
int strobe_taskreader_finish(struct strobe_taskreader *reader, const struct strobe_sample *threads, bool still,
                             struct strobe_task_sample *ret);

#endif
