/* SPDX-License-Identifier: Apache-2.0 */
/* tasks_diagnose: what follows from what was read, and only that.
 *
 * A thing is one of the report's waits or, numbered behind them, one of its pools.  It is saturated when nothing of it is free and
 * somebody waits.  Private to report.  May include: report/tasks_words.h. */
#ifndef STROBE_REPORT_TASKS_DIAGNOSE_H
#define STROBE_REPORT_TASKS_DIAGNOSE_H

#include "report/tasks_words.h"

struct strobe_tasks_look {
    const struct strobe_tasks_index *index;
    struct strobe_tasks_style style;
    struct strobe_buf *out; /* texts, each ended by NUL */
    int n;                  /* texts */
    struct strobe_arena arena;
};

/* Each adds texts.  0 or STROBE_ERR_NOMEM. */
int strobe_tasks_deadlocks(struct strobe_tasks_look *look);
int strobe_tasks_bottlenecks(struct strobe_tasks_look *look);
/* A lock, or what has one permit only and that is taken. */
bool strobe_tasks_exclusive(const struct strobe_tasks_index *index, uint32_t wait);

#endif
