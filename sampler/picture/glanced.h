/* SPDX-License-Identifier: Apache-2.0 */
/* glanced: what changes often of what a look at a process's resources (pooled.h) found: how many workers are busy, what queues, how many
 * permits are free, which event loops are in a step.  Threads and known objects are read again, tasks are not, and nobody is paused.
 *
 *   pooled: a look   ──>  rows, names, capacities, which threads run loops        seldom: it walks all tasks
 *   glanced: a glance ──> the same rows with the numbers of now                   up to fifty times a second
 *
 * A worker that could not be read consistently is busy if it runs; else, and where a thread that was never read may be a worker, the busy
 * workers of its executor are unknown (-1), never fewer (glanced_workers.h).
 * May include: picture/pooled.h, billing/loopsteps.h, naming, snapshot, walk, runtime, base.  Memory: its own, kept from glance to glance;
 * rows borrow their texts from the look.  Threads: one. */
#ifndef STROBE_PICTURE_GLANCED_H
#define STROBE_PICTURE_GLANCED_H

#include "billing/loopsteps.h"
#include "naming/callnames.h"
#include "picture/glanced_workers.h"
#include "picture/pooled.h"

enum { STROBE_GLANCED_LOOPS = 64 }; /* that are looked at; a program has one or two, a test suite some dozens */

struct strobe_glanced_loop {
    uint64_t tstate, tstate_id; /* of the thread that runs it */
    bool busy;                  /* in a step; false: it waits for events */
    double step_s;              /* for how long it has not looked at its timers and sockets; -1 = unknown; 0: it waits */
};

struct strobe_glanced {
    struct strobe_pooled *pooled;      /* borrowed; all others owned */
    struct strobe_snapshot *snap;      /* of threads alone, without pauses */
    struct strobe_pools pools;
    struct strobe_glanced_workers workers;
    struct strobe_htab places;         /* (work queue, kind) and (executor, any) of the look's rows -> index of the row */
    bool placed;                       /* they are those of the last look */
    struct strobe_loopsteps steps;
    struct strobe_glanced_loop running[STROBE_GLANCED_LOOPS]; /* as of the last look */
    uint32_t n_running;
    bool known;                        /* the last glance stands as long as no thread has run: */
    uint64_t changes, time_ns;         /* of strobe_snapshot_changes then; and when that was */
    uint64_t taken_ns;                 /* when threads were listed last */
    struct strobe_report_resource *rows;
    size_t cap_rows;
    /* of the last glance */
    struct strobe_report_resources report;
    struct strobe_glanced_loop loops[STROBE_GLANCED_LOOPS];
    uint32_t n_loops, n_torn;          /* n_torn: threads that were not read */
    bool still;                        /* no thread had run since the glance before: rows are the same */
    bool news;                         /* there is an executor that the look did not see: time for another */
};

/* pooled: borrowed; it must have been taken once.  ret: to be released on success, before pooled.  STROBE_ERR_NOMEM. */
int strobe_glanced_open(struct strobe_pooled *pooled, struct strobe_glanced *ret);
void strobe_glanced_release(struct strobe_glanced *glanced);
/* After each strobe_pooled_take: which threads run loops. */
void strobe_glanced_renew(struct strobe_glanced *glanced);
/* Glances: report, loops and news are then valid until the next glance or take.  Errors of strobe_snapshot_take, STROBE_ERR_NOMEM. */
int strobe_glanced_take(struct strobe_glanced *glanced);

#endif
