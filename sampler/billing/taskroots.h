/* SPDX-License-Identifier: Apache-2.0 */
/* taskroots: the frame "[NAME=VALUE]" by which a profile tells tasks apart: a context variable's value in each task's own context.
 * Strings and ints as they are, of others the type's name: "[NAME=<Request>]".  At most STROBE_FEWMARKS_MAX distinct values; tasks
 * with further ones are "[NAME=other]".  A task in whose context the variable is not set has no such frame.
 * May include: walk/tasks.h, runtime, base.  Memory: its own, bounded.  Threads: one. */
#ifndef STROBE_BILLING_TASKROOTS_H
#define STROBE_BILLING_TASKROOTS_H

#include "base/buf.h"
#include "base/htab.h"
#include "base/names.h"
#include "billing/fewmarks.h"
#include "runtime/layout.h"
#include "walk/tasks.h"

struct strobe_mem;

struct strobe_taskroots {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    struct strobe_names *names;
    const char *name;
    struct strobe_htab contexts; /* of this tick -> marker */
    struct strobe_htab waits, waits_before; /* task and context, what it waits in -> marker: of this tick, of the one before */
    struct strobe_fewmarks values;
    struct strobe_buf text;      /* scratch */
    struct strobe_buf other;     /* "[NAME=other]" */
};

/* All borrowed; name: of the context variable, UTF-8. */
void strobe_taskroots_init(struct strobe_taskroots *roots, struct strobe_mem *mem, const struct strobe_layout *lay,
                           struct strobe_names *names, const char *name);
void strobe_taskroots_release(struct strobe_taskroots *roots);
/* A new tick: contexts may have changed. */
void strobe_taskroots_begin(struct strobe_taskroots *roots);
/* The marker of a task with this context; 0 = none (a session's frame 0 is "<GC>"). */
int strobe_taskroots_of(struct strobe_taskroots *roots, uint64_t context, uint32_t *ret_marker);
/* The same of a task that was read a moment ago.  It may have ended since, and its context be gone or another's: then, when it waits as it
 * did at the tick before, it has the marker that it had there. */
int strobe_taskroots_of_task(struct strobe_taskroots *roots, const struct strobe_task *task, uint32_t *ret_marker);

#endif
