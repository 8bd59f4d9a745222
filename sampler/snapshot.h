/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot: one consistent reading of a target: the protocol between the GIL's words, the host and the walk.
 * May include: walk, mem/host.h, runtime/layout.h, base.  Ownership: mem and host are borrowed.  Threads: one. */
#ifndef STROBE_SNAPSHOT_H
#define STROBE_SNAPSHOT_H

#include "base/clock.h"
#include "mem/host.h"
#include "pauselog.h"
#include "runtime/layout.h"
#include "walk/sample.h"

enum strobe_snapshot_mode {
    STROBE_MODE_EXACT,       /* hold whoever could change the stacks while they are read */
    STROBE_MODE_NONBLOCKING, /* never hold; read in one go, check the structure, retry, drop */
    STROBE_MODE_INSIDE,      /* our own process: never hold; who runs Python is read on its own thread (host.h) */
};

struct strobe_snapshot_opts {
    enum strobe_snapshot_mode mode;
    uint64_t listing_ns; /* thread lists are walked again this often, unchanged heads or not; 0 = 20 ms, for takes that come fast */
};

struct strobe_snapshot_stats {
    uint64_t sweeps;
    uint64_t dropped;   /* threads left out of a sample because no reading of them was consistent */
    uint64_t retries;   /* readings thrown away and taken again */
    uint64_t fallbacks; /* sweeps that wanted to hold a thread and could not (another tracer has it): read without a pause */
    uint64_t visits;    /* threads read on themselves (STROBE_MODE_INSIDE) */
};

struct strobe_snapshot;
struct strobe_walk;

int strobe_snapshot_new(struct strobe_mem *mem, struct strobe_host *host, const struct strobe_layout *lay, struct strobe_clock *clock,
                        const struct strobe_snapshot_opts *opts, struct strobe_snapshot **ret);
void strobe_snapshot_free(struct strobe_snapshot *snap);

/* Reads all threads.  ret_sample: borrowed, valid until the next take.  0 also when single threads were dropped (counted in the
 * sample); an error only when nothing could be read (GONE, EXECED, NOTREADY, ...). */
int strobe_snapshot_take(struct strobe_snapshot *snap, const struct strobe_sample **ret_sample);

/* The next take reads every thread anew, proven or not, and calls the visitor for each. */
void strobe_snapshot_forget(struct strobe_snapshot *snap);
/* Lets threads go that did not stop in time to be held and have stopped since.  True: none is left.  Each take begins with it; who waits
 * longer than a few milliseconds for the next one, or takes no more, calls it until then. */
bool strobe_snapshot_settle(struct strobe_snapshot *snap);

/* Called for each thread right after its stack was read, before anything is let go: what must be read together with the stack
 * (locals, fingerprints of code objects) is read here.  Not called for threads that are proven unchanged.  No allocation and no
 * printing in `record`; `dump` may, for the price of a longer pause.  The sample is complete only after the take. */
typedef void strobe_snapshot_visit(void *ctx, struct strobe_mem *mem, const struct strobe_thread *thread);
void strobe_snapshot_set_visitor(struct strobe_snapshot *snap, strobe_snapshot_visit *visit, void *ctx);
/* A second visitor, called after the first, and only while the thread stands still: held, or watched in its sleep; where it turns out to
 * have run, it has an error in the sample.  Of who reads more than threads (tasklook.h). */
void strobe_snapshot_set_second_visitor(struct strobe_snapshot *snap, strobe_snapshot_visit *visit, void *ctx);

/* How often the kernel has let this thread run, if it sleeps now: who finds it unchanged later knows that it has slept all the while.
 * STROBE_ERR_MISSING: it runs, or cannot be asked. */
int strobe_snapshot_run_count(struct strobe_snapshot *snap, uint64_t tstate, uint64_t *ret);

/* A number that is another one after a take which found that any thread has run, begun or ended since the take before it. */
uint64_t strobe_snapshot_changes(const struct strobe_snapshot *snap);

/* Did the last take find that threads have begun or ended which it did not list?  The next one lists them. */
bool strobe_snapshot_missed(const struct strobe_snapshot *snap);
/* Has no thread run that the last take knew, since that take read it?  No memory is read: a thread that has begun meanwhile without one of
 * these (of another language, by PyGILState_Ensure) is not seen.  False also where it cannot be told. */
bool strobe_snapshot_rests(struct strobe_snapshot *snap);

/* What was listed last: interpreters and thread states (walk/walk.h); borrowed, valid until the next take. */
const struct strobe_walk *strobe_snapshot_walk(const struct strobe_snapshot *snap);

void strobe_snapshot_stats(const struct strobe_snapshot *snap, struct strobe_snapshot_stats *ret);
/* 3.14+: a number that changes when any code object was freed, as of the reading that goes on (in a visitor) or that was
 * taken last; 0 = this version does not count. */
uint64_t strobe_snapshot_code_generation(const struct strobe_snapshot *snap);

/* The pauses so far, borrowed. */
const struct strobe_pause_log *strobe_snapshot_pauses(const struct strobe_snapshot *snap);

/* Python's name of a thread of the last sample (threading._active), else the system's; UTF-8 or what the system has, unescaped; borrowed
 * until the next call.  "" when it has none. */
const char *strobe_snapshot_thread_name(struct strobe_snapshot *snap, const struct strobe_thread *thread);

#endif
