/* SPDX-License-Identifier: Apache-2.0 */
/* tasks_diagnose: what follows from what was read, and only that.
 *
 * A thing is one of the report's waits or, numbered behind them, one of its pools.  It is saturated when nothing of it is free and
 * somebody waits.  Private to report.  May include: report/tasks_words.h. */
#ifndef STROBE_REPORT_TASKS_DIAGNOSE_H
#define STROBE_REPORT_TASKS_DIAGNOSE_H

#include "report/tasks_words.h"

/* Of a node: can it go on? */
enum strobe_tasks_fate {
    STROBE_FATE_GOES_ON, /* or: nothing is known that speaks against it */
    STROBE_FATE_MAYBE,   /* it cannot, if all that is held of some semaphore was seen */
    STROBE_FATE_STUCK,   /* it never will */
};

/* Who needs whom, to go on: nodes are the tasks, behind them the process's threads, the report's waits, its pools.
 *
 *   task, thread    goes on when all that it needs do
 *   wait, pool      goes on when one of those who have it does
 *
 * A node of which nothing is known that it needs goes on. */
struct strobe_tasks_needs {
    uint32_t n, threads, waits, pools; /* nodes; the first thread, wait, pool */
    uint32_t *at, *needs;              /* node's: needs[at[node]] .. needs[at[node + 1]] */
    uint32_t *link;                    /* by thread: index in the report's links of the one without end; STROBE_NO_INDEX */
    unsigned char *fate;               /* by node */
    bool any_stuck;                    /* some node does not go on */
};

struct strobe_tasks_look {
    const struct strobe_tasks_index *index;
    struct strobe_tasks_style style;
    struct strobe_buf *out; /* texts, each ended by NUL */
    int n;                  /* texts */
    uint32_t most;          /* of each kind */
    struct strobe_tasks_needs needs;
    struct strobe_arena arena;
};

/* Fills look->needs.  0 or STROBE_ERR_NOMEM. */
int strobe_tasks_needs(struct strobe_tasks_look *look);
/* Each adds texts.  0 or STROBE_ERR_NOMEM. */
int strobe_tasks_deadlocks(struct strobe_tasks_look *look);
int strobe_tasks_bottlenecks(struct strobe_tasks_look *look);
/* The text for those of a kind that are too many: "and 7 more like it"; nothing for none. */
void strobe_tasks_more(struct strobe_tasks_look *look, uint64_t n);
/* A task's name, of a long one both ends: a sentence has several. */
void strobe_tasks_short_name(const struct strobe_tasks_look *look, const struct strobe_report_task *task);
/* What the workers of a pool are in that work for these n tasks: " are in anyio's worker threads: 38 in f a.py:1 -> time.sleep and 2 more".
 * False: nothing was written, for no call of theirs was seen. */
bool strobe_tasks_in_calls(const struct strobe_tasks_look *look, const uint32_t *tasks, uint32_t n, uint32_t pool);
/* A lock, or what has one permit only and that is taken. */
bool strobe_tasks_exclusive(const struct strobe_tasks_index *index, uint32_t wait);
/* Nothing of it is free; a pool's workers are all in calls. */
bool strobe_tasks_used_up(const struct strobe_tasks_index *index, uint32_t thing);
/* Every task that has some of a wait was seen.  Where the capacity was counted, all that is known of is seen by definition. */
bool strobe_tasks_all_seen(const struct strobe_tasks_index *index, uint32_t wait);
uint32_t strobe_tasks_n_holders(const struct strobe_tasks_index *index, uint32_t wait);

#endif
