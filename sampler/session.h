/* SPDX-License-Identifier: Apache-2.0 */
/* session: the sampling loop: when to look, at which targets, what a look weighs; sample -> resolve -> aggregate.
 *
 * May include: snapshot, walk, mem/host.h, runtime/code.h, agg, base.  Threads: one; only strobe_session_stop may be called
 * from a signal handler. */
#ifndef STROBE_SESSION_H
#define STROBE_SESSION_H

#include "agg/agg.h"
#include "base/clock.h"
#include "base/names.h"
#include "billing/loopblocks.h"
#include "runtime/code.h"
#include "snapshot.h"

enum { STROBE_FLAT_OUT_PERIOD_NS = 10000 }; /* the unit of weights when there is no rate */

struct strobe_agg;

struct strobe_session_opts {
    double rate;             /* samples per second, > 0; 0 = as fast as possible */
    uint64_t duration_ns;    /* 0 = until stopped or the targets are gone */
    enum strobe_snapshot_mode mode;
    bool idle;               /* count idle threads too */
    bool gil_only;           /* only the holder of the GIL */
    bool thread_roots;       /* root frame "thread (TID): NAME" */
    bool process_roots;      /* root frame "process PID:"COMMAND"" */
    enum strobe_line_mode lines;
    uint64_t max_samples;    /* 0 = no limit (benchmarks) */
    /* Asyncio's tasks: billed to an aggregate of their own (agg/await.h); NULL = they are not looked at. */
    struct strobe_agg *task_agg; /* borrowed */
    struct strobe_loopblocks *blocks; /* with task_agg: what blocked the loops (loopblocks.h); borrowed */
    bool only_tasks;         /* threads are not counted */
    bool blame;              /* waiting is billed to what causes it */
    const char *const *labels; /* root frames "[NAME=VALUE]" by these context variables (billing/labels.h), of tasks and of threads; */
    uint32_t n_labels;         /* borrowed, as are their names */
    uint64_t max_pause_ns;   /* see tasklook.h */
    double task_rate;        /* looks at tasks per second, at most; 0 = as often as fits a seventh of the time */
    double task_share;       /* with task_rate: the part of the time that looks at tasks may take; 0 = any */
};

enum { STROBE_TASK_STATES = 4 }; /* enum strobe_task_state */
struct strobe_task_stats {
    uint64_t ticks;          /* looks at the tasks of one process */
    uint64_t looked_ns;      /* that these stand for, of each process its own: ticks / looked_ns is their rate */
    uint64_t samples;        /* tasks in them */
    uint64_t dropped;        /* tasks left out of a look because they changed under it; billed at their next */
    uint64_t unread_ns;      /* not billed: of tasks that ended, or had not been read again at the end */
    uint64_t most;           /* tasks at once, in all targets: of each its latest look */
    uint64_t task_ns;        /* billed: the sum of the tasks' lifetimes inside the recording */
    uint64_t by_state[STROBE_TASK_STATES]; /* of that */
    uint64_t cost_ns;        /* of one look, lately */
    bool slowed;             /* they were looked at less often, so that looking takes no more than its part of the time */
    uint64_t from_ns, to_ns; /* monotonic: the time that was billed lies between these; 0 = none was */
};

struct strobe_session_stats {
    uint64_t ticks;          /* looks taken: at all targets, at threads, tasks or both */
    uint64_t samples;        /* stacks of threads counted (threads x ticks, idle ones left out unless asked for) */
    uint64_t left_out;       /* non-blocking, at the end: stacks that were counted and found to be mixed (agg/edges.h); not in samples */
    uint64_t errors;         /* threads or targets that could not be read at a tick */
    uint64_t late;           /* ticks that came more than one period late */
    uint64_t gaps, gap_ns;   /* gaps of over ten periods, left out of the weights */
    uint64_t elapsed_ns;     /* real time of the recording */
    double rate_reached;     /* ticks per second */
    double own_cpu;          /* CPU seconds of the thread that samples, as of the last poll or the end */
    struct strobe_snapshot_stats snapshots; /* summed over all targets */
    uint64_t pauses;         /* times a thread was held */
    uint64_t pause_typical_ns, pause_p99_ns, pause_max_ns; /* median, 99th percentile, longest */
    struct strobe_task_stats tasks;
};

struct strobe_session;

/* names, agg and clock are borrowed. */
int strobe_session_new(const struct strobe_session_opts *opts, struct strobe_names *names, struct strobe_agg *agg,
                       struct strobe_clock *clock, struct strobe_session **ret_session);
void strobe_session_free(struct strobe_session *session);

/* Adds a target to be sampled; on success the session owns mem and host (layout is copied). */
struct strobe_session_target {
    struct strobe_mem *mem;
    struct strobe_host *host;
    const struct strobe_layout *layout;
    int32_t pid;
    int32_t forked_as; /* see place.h; 0 = it was not made by fork */
    const char *label; /* command line, for process roots; copied */
    int (*find_asyncio)(void *ctx, struct strobe_mem *mem, uint64_t *ret_table); /* see tasklook.h; ctx outlives the target; NULL = none */
    void *find_ctx;
};
int strobe_session_add(struct strobe_session *session, const struct strobe_session_target *target);
/* Takes a process's target out, between two ticks (in the poll hook): it has ended or execed. */
void strobe_session_remove(struct strobe_session *session, int32_t pid);
size_t strobe_session_targets(const struct strobe_session *session); /* still alive */

/* The loop.  Returns 0 at the end of the duration, on stop, or when no target is left (unless keep_empty says to go on);
 * otherwise the error that ended it. */
struct strobe_session_hooks {
    /* Called between ticks, every ~20 ms at most, with the stats so far: progress, new children.  NULL = none. */
    void (*poll)(void *ctx, const struct strobe_session_stats *stats);
    bool (*keep_empty)(void *ctx); /* NULL = end when no target is left */
    /* Called after a look that took very long: was the process that samples stopped (SIGSTOP, a shell's job control) since it was
     * asked last?  That time is left out.  NULL = never. */
    bool (*was_stopped)(void *ctx);
    void *ctx;
};
int strobe_session_run(struct strobe_session *session, const struct strobe_session_hooks *hooks);
/* After the loop, every few milliseconds until it says true: lets threads go that did not stop in time to be read (strobe_snapshot_settle).
 * The loop does this by itself. */
bool strobe_session_settle(struct strobe_session *session);
/* For a recording that follows another one of the same target without a gap in what is billed: when that one billed last (monotonic; of
 * threads, of tasks; 0 = never), and, before the loop, that the first bill of this one reaches back to there. */
struct strobe_session_billed {
    uint64_t threads_ns, tasks_ns;
};
struct strobe_session_billed strobe_session_billed(const struct strobe_session *session, int32_t pid);
void strobe_session_follow(struct strobe_session *session, int32_t pid, const struct strobe_session_billed *before);
/* From the poll hook: samples per second from now on, > 0.  What was counted keeps its unit: weights are times. */
void strobe_session_set_rate(struct strobe_session *session, double rate);
/* Async-signal-safe, and from any thread: ends the loop after the current tick. */
void strobe_session_stop(struct strobe_session *session);
/* Takes that back.  strobe_session_run may be called again, by another thread too: it goes on, and what passed in between is the next
 * sample's. */
void strobe_session_go(struct strobe_session *session);
void strobe_session_stats(const struct strobe_session *session, struct strobe_session_stats *ret);
/* Monotonic start and end of the recording, and wall clock of its start. */
void strobe_session_times(const struct strobe_session *session, uint64_t *ret_start_ns, uint64_t *ret_end_ns, uint64_t *ret_start_unix_ns);

#endif
