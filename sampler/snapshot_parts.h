/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a snapshot, private to snapshot.c (a sample from begin to end), reading.c (single threads: held, asked, read) and
 * exact.c (the protocol that makes a reading the truth of one moment).  May include: what snapshot.h may. */
#ifndef STROBE_SNAPSHOT_PARTS_H
#define STROBE_SNAPSHOT_PARTS_H

#include "snapshot.h"

#include "base/arena.h"
#include "base/err.h"
#include "walk/threadnames.h"
#include "walk/walk.h"

enum {
    MAX_RETRIES = 8,         /* readings of a GIL's threads before they are dropped from this sample */
    FEW = 4,                 /* threads whose states are asked for in a moment */
    LISTING_NS = 20000000,   /* thread lists are walked again this often, where nobody says how often */
    PULSE_NS = 100000,       /* non-blocking: how old the small words and the kernel's view may be */
};

struct strobe_snapshot {
    struct strobe_mem *mem;
    struct strobe_host *host;
    const struct strobe_layout *lay;
    struct strobe_clock *clock;
    struct strobe_snapshot_opts opts;
    struct strobe_walk walk;
    struct strobe_threadnames names;
    char system_name[64];    /* of the thread that was asked for last */
    struct strobe_arena arena;
    struct strobe_sample sample;
    struct strobe_snapshot_stats stats;
    struct strobe_pause_log pauses;
    uint64_t n_read; /* stacks so far: each of a thread that has run since it was read before, or may have */
    strobe_snapshot_visit *visit, *second_visit;
    void *visit_ctx, *second_ctx;
    uint64_t pulse_ns;       /* when threads' states were last asked for */
    uint64_t listed_ns;      /* when the lists were last walked */
    bool relist;
    bool cramped;            /* a stack lacked room in this reading */
    bool unheld;             /* a thread is being read without a pause: it stands still only if it is found asleep before and after */
    struct strobe_slot *held; /* NULL = nobody */
};

/* ---- reading.c ---- */

/* Holds a thread that runs, in place of the one that was held.  Nobody is held on failure; the host's errors. */
int strobe_reading_hold(struct strobe_snapshot *snap, struct strobe_slot *slot);
/* Lets the held thread go.  The pause is counted from the last moment at which it was seen not to stand still yet until after the
 * detach: an upper bound of what the target felt. */
void strobe_reading_let_go(struct strobe_snapshot *snap);
/* By tid: one thread may have several thread states under one GIL (subinterpreters before 3.12). */
bool strobe_reading_is_held(const struct strobe_snapshot *snap, const struct strobe_slot *slot);
/* Finds a new thread's tid here, and asks how it fares.  A thread whose tid is unknown is in an unknown state. */
int strobe_reading_ask_state(struct strobe_snapshot *snap, struct strobe_slot *slot);
/* By the state asked for last: it sleeps, and has not run since its stack was read whole. */
bool strobe_reading_has_not_run(const struct strobe_slot *slot);
/* The same for every thread under a GIL (0 = for all), but the one that is held: it ran when it was stopped. */
void strobe_reading_ask_states(struct strobe_snapshot *snap, uint64_t gil);
/* Blocked in the kernel or stopped, as of its last asking: its run count tells whether it has run since. */
bool strobe_reading_asleep(const struct strobe_slot *slot);
/* A slot as the sample shows it; flags are left out. */
void strobe_reading_describe(const struct strobe_snapshot *snap, const struct strobe_slot *slot, struct strobe_thread *ret);
/* Reads one thread's stack, unless it is proven to be as it was. */
int strobe_reading_slot(struct strobe_snapshot *snap, struct strobe_slot *slot, bool strict);
/* Does the thread run under this GIL? */
bool strobe_reading_on_gil(const struct strobe_snapshot *snap, const struct strobe_slot *slot, uint64_t gil);
/* Keeps a GIL's words with every interpreter that uses it. */
void strobe_reading_note_words(struct strobe_snapshot *snap, uint64_t gil, const struct strobe_gil_words *words);
/* Forgets what was read under a GIL in this sample: it was not one moment's truth. */
void strobe_reading_discard(struct strobe_snapshot *snap, uint64_t gil);
/* No reading of this GIL's threads was one moment's truth: those that have not run keep the stack they had, the others have none. */
void strobe_reading_give_up(struct strobe_snapshot *snap, uint64_t gil);
/* What was read since the last sample that was handed out is not what that one showed: nothing is "the same" as it. */
void strobe_reading_forget_proofs(struct strobe_snapshot *snap);
/* Lists again when a list's head has moved, or when it is time. */
int strobe_reading_list(struct strobe_snapshot *snap);
/* Without a pause: each thread for itself.  One that runs is checked by the structure of its stack, one that sleeps by its run count. */
int strobe_reading_slot_unheld(struct strobe_snapshot *snap, struct strobe_slot *slot);
/* One GIL's threads without a pause. */
int strobe_reading_gil_unheld(struct strobe_snapshot *snap, uint64_t gil);

/* ---- exact.c ---- */

/* One GIL's threads, exactly; without a pause where another tracer is there. */
int strobe_exact_gil(struct strobe_snapshot *snap, uint64_t gil);
/* A free-threaded build's threads, each for itself; exact: those that run are held. */
int strobe_exact_free_threads(struct strobe_snapshot *snap, bool exact);

#endif
