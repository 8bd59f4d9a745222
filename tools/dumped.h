/* SPDX-License-Identifier: Apache-2.0 */
/* dumped: one process read once, with everything a report of it needs.
 * May include: attach, snapshot, runtime, report, base. */
#ifndef STROBE_TOOLS_DUMPED_H
#define STROBE_TOOLS_DUMPED_H

#include "attach/attach.h"
#include "base/arena.h"
#include "report/report.h"
#include "prints.h"
#include "snapshot.h"
#include "tools/locals.h"
#include "tools/opts.h"
#include "tools/tasked.h"

struct strobe_dumped {
    struct strobe_attach *attach; /* all owned */
    struct strobe_names *names;
    struct strobe_codes *codes;
    struct strobe_snapshot *snap;
    struct strobe_prints prints;  /* of the code objects, while they stood still */
    bool with_locals;
    struct strobe_locals locals;
    struct strobe_arena arena;    /* frames and threads of the report */
    struct strobe_buf parent;     /* the parent's command line */
    bool has_tasks;               /* a loop may be there: tasked was filled */
    struct strobe_tasked tasked;
    uint32_t dropped;             /* threads that could not be read consistently */
    struct strobe_snapshot_stats stats;
    struct strobe_report_process report; /* borrows from all of the above */
};

/* Takes attach over, also on failure.  parent: process id for a child under -s, else 0.  ret: to be released on success. */
int strobe_dumped_take(struct strobe_attach *attach, int32_t pid, int32_t parent, const struct strobe_opts *opts,
                       struct strobe_dumped *ret);
void strobe_dumped_release(struct strobe_dumped *dumped);

#endif
