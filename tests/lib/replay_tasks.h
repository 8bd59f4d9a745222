/* SPDX-License-Identifier: Apache-2.0 */
/* replay_tasks: the whole way from a reader to tasks, their waits' names and facts, and pools, as one call; and what a target said of
 * itself, in the same form.
 *
 * The truth is text, a line an item, fields separated by tabs (numbers decimal, frames innermost first):
 *   T <pthread id> <native id> <thread name> <loop that it runs; 0 = none>
 *   K <task> <name> <state> <flags> <loop> <synchronous frames>     flags: "cancelling,python,new" or some of them
 *   F <function name> <line> <first line> <file>                    of the task before, as all that follows
 *   W <kind> <how> <label> <source of the name> <object>            what it waits for
 *   H <kind> <how> <label> <source of the name> <object>            what it holds, any number
 *   N <fact> <number>                                               of the W or H before; what is not said is not compared
 *   P <task that awaits it>   C <value of the context variable "request">   D <due>
 *   X <pool> <worker's thread or nothing> <place in the queue>
 *   E <name> <most workers> <busy> <queued>                         a pool of threads
 * Memory: results are plain structs of the caller; nothing is kept. */
#ifndef STROBE_TESTS_REPLAY_TASKS_H
#define STROBE_TESTS_REPLAY_TASKS_H

#include "tasklook.h"
#include "tests/lib/replay.h"
#include "walk/pools.h"
#include "walk/waitfacts.h"

enum { REPLAY_TASKS = 80, REPLAY_CHAIN = 16, REPLAY_OTHERS = 4, REPLAY_POOLS = 4, REPLAY_WORD = 64 };

struct replay_wait {
    char kind[REPLAY_WORD], how[REPLAY_WORD], label[REPLAY_TEXT], source[REPLAY_WORD];
    uint64_t object;
    struct strobe_wait_facts facts; /* of a truth: INT64_MIN (INT32_MIN) = not said */
    int64_t waiters, holders;
};

struct replay_task {
    uint64_t addr, loop;
    char name[REPLAY_TEXT], state[REPLAY_WORD], flags[REPLAY_WORD], context[REPLAY_TEXT];
    uint32_t n_sync;
    size_t n_frames; /* all; the array holds the first REPLAY_CHAIN, as the next two their first REPLAY_OTHERS */
    struct replay_frame frames[REPLAY_CHAIN];
    bool waits;
    struct replay_wait wait;
    size_t n_holds, n_parents;
    struct replay_wait holds[REPLAY_OTHERS];
    uint64_t parents[REPLAY_OTHERS];
    char pool[REPLAY_WORD], worker[REPLAY_WORD];
    uint32_t place;
    double due; /* 0 = no timer */
};

struct replay_tasks {
    size_t n_tasks; /* all; the array holds the first REPLAY_TASKS */
    struct replay_task tasks[REPLAY_TASKS];
    size_t n_dropped;
    size_t n_threads;
    struct {
        uint64_t ident, loop;
    } threads[REPLAY_THREADS];
    size_t n_pools;
    struct {
        char name[REPLAY_WORD];
        int64_t max, busy, queued;
    } pools[REPLAY_POOLS];
};

/* What a program keeps that looks again and again. */
struct replay_task_session {
    struct replay_session base;
    struct image *image; /* borrowed: it has the fact "asyncio" */
    struct strobe_tasklook *look;
    struct strobe_pools pools;
    const struct strobe_sample *threads;     /* of the last look, borrowed */
    const struct strobe_task_sample *sample;
};

/* careful: as of struct strobe_tasklook_opts.  On failure nothing is held. */
int replay_tasks_open(struct replay_task_session *session, struct image *image, struct strobe_mem *mem,
                      const struct strobe_layout_hint *hint, enum strobe_snapshot_mode mode, bool careful);
/* One look with all names, lines and facts.  0 or the error that ended it. */
int replay_tasks_tick(struct replay_task_session *session, struct replay_tasks *ret);
void replay_tasks_close(struct replay_task_session *session);

/* The three in a row, not careful. */
int replay_tasks_walk(struct image *image, struct strobe_mem *mem, const struct strobe_layout_hint *hint, enum strobe_snapshot_mode mode,
                      struct replay_tasks *ret);

/* The image's fact "tasks".  STROBE_ERR_FORMAT when it is missing or malformed. */
int replay_tasks_truth(const struct image *image, struct replay_tasks *ret);

#endif
