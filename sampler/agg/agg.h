/* SPDX-License-Identifier: Apache-2.0 */
/* agg: weights of stacks, and (on request) the order in which they came.
 *
 *   stack = leaf node of a tree of frame ids (outermost frame = child of the root); one tree for everything
 *   per (thread, leaf): nanoseconds of real time, and whole periods ("samples")
 *
 * How whole periods are made of time: of threads, which are in one place at a time, by marks at random places of each period of the
 * thread's time.  Of tasks, many of which are billed in one row at each tick, marks would add their chance to every entry; there they
 * follow from the entries' times alone, once all are known (STROBE_AGG_EVEN, spread.h).
 *
 * A recording that paused nobody is judged once as a whole (edges.h) before it is read.
 *
 * May include: base, walk/sample.h.  Threads: one.  Memory: grows with distinct stacks, not with time; the log, when
 * asked for, lies in an unlinked temporary file. */
#ifndef STROBE_AGG_AGG_H
#define STROBE_AGG_AGG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/names.h"

struct strobe_agg;

enum strobe_agg_flags {
    STROBE_AGG_LOG = 1 << 0,  /* keep the sequence (speedscope, chrometrace) */
    STROBE_AGG_LOG_LOSABLE = 1 << 2, /* a sequence that cannot be kept on disk is lost alone: its events are an error, adding is not */
    STROBE_AGG_EVEN = 1 << 1, /* periods by the entries' times, not by marks */
};

/* period_ns: nominal time between two samples; 0 = none (flat out), then every addition is one sample. */
int strobe_agg_new(uint64_t period_ns, unsigned flags, struct strobe_agg **ret_agg);
void strobe_agg_free(struct strobe_agg *agg);

enum { STROBE_AGG_NO_THREAD = INT32_MIN }; /* tid of a row that is no thread: it goes by its name alone */

/* A thread to which stacks can be added (a row of the time-ordered formats).  name borrowed, copied.  Equal (pid, tid,
 * serial) gives the same index, the newest non-empty name wins. */
int strobe_agg_thread(struct strobe_agg *agg, int32_t pid, int32_t tid, uint64_t serial, const char *name, uint32_t *ret_thread);

/* The tree node of a stack given as frame ids (struct strobe_names), OUTERMOST first.  Allocation-free when known. */
int strobe_agg_stack(struct strobe_agg *agg, const uint32_t *frames, size_t n, uint32_t *ret_leaf);

/* The child of a node (0 = the root) by one more frame inward, made when it is new. */
int strobe_agg_child(struct strobe_agg *agg, uint32_t node, uint32_t frame, uint32_t *ret_node);

/* The thread was in this stack for ns nanoseconds up to time_ns (monotonic).  STROBE_ERR_IO, and again at every later call,
 * when the log could not be written (disk full): the weights still count, the time-ordered formats are lost. */
int strobe_agg_add(struct strobe_agg *agg, uint32_t thread, uint32_t leaf, uint64_t time_ns, uint64_t ns);

/* At the end of a recording that paused nobody: finds the stacks that were put together from two moments (edges.h) and leaves them
 * out of all that is read below: their entries, their events, their weight.  ret_samples: additions left out.  Exact recordings
 * have no such stacks and are not judged.  0 or STROBE_ERR_NOMEM, and then nothing is left out. */
int strobe_agg_leave_out_mixed(struct strobe_agg *agg, const struct strobe_names *names, uint64_t *ret_samples);

/* ---- reading ---- */
struct strobe_agg_thread_info {
    int32_t pid, tid;
    const char *name; /* "" when unknown */
};
struct strobe_agg_entry { /* one (thread, stack) */
    uint32_t thread, leaf;
    uint64_t ns;      /* real time */
    uint64_t samples; /* whole periods */
};
struct strobe_agg_event { /* a run of equal stacks of one thread, in order of time */
    uint32_t thread, leaf;
    uint64_t start_ns, end_ns; /* monotonic */
};
uint64_t strobe_agg_period(const struct strobe_agg *agg);
bool strobe_agg_has_log(const struct strobe_agg *agg);
size_t strobe_agg_thread_count(const struct strobe_agg *agg);
struct strobe_agg_thread_info strobe_agg_thread_info(const struct strobe_agg *agg, uint32_t thread);
/* Parent of a node and its frame id; the root is node 0 and has no frame. */
uint32_t strobe_agg_parent(const struct strobe_agg *agg, uint32_t node);
uint32_t strobe_agg_frame(const struct strobe_agg *agg, uint32_t node);
size_t strobe_agg_node_count(const struct strobe_agg *agg);
/* Were this node and all below it left out?  Nothing that is read ends there. */
bool strobe_agg_is_left_out(const struct strobe_agg *agg, uint32_t node);
/* Fills frames outermost first, at most max; returns the stack's real depth. */
size_t strobe_agg_frames(const struct strobe_agg *agg, uint32_t leaf, uint32_t *frames, size_t max);
/* All entries, in a stable order (thread, then first seen). */
int strobe_agg_each(const struct strobe_agg *agg, int (*each)(void *ctx, const struct strobe_agg_entry *entry), void *ctx);
/* All events of the log, thread by thread or in order of start; STROBE_ERR_MISSING without a log. */
int strobe_agg_each_event(struct strobe_agg *agg, int (*each)(void *ctx, const struct strobe_agg_event *event), void *ctx);
/* The events of one thread, in order of time. */
int strobe_agg_each_event_of(struct strobe_agg *agg, uint32_t thread, int (*each)(void *ctx, const struct strobe_agg_event *event),
                             void *ctx);

#endif
