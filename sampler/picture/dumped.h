/* SPDX-License-Identifier: Apache-2.0 */
/* dumped: the threads of one process read once, and its tasks, with everything a report of them needs.
 * May include: place.h, snapshot, runtime, report, base. */
#ifndef STROBE_PICTURE_DUMPED_H
#define STROBE_PICTURE_DUMPED_H

#include "base/arena.h"
#include "picture/locals.h"
#include "picture/tasked.h"
#include "place.h"
#include "prints.h"
#include "report/report.h"
#include "snapshot.h"

struct strobe_dumped_opts {
    bool nonblocking, full_filenames;
    bool tasks;            /* too, if the process has a loop */
    unsigned locals;       /* 0 = none; see locals.h */
    uint64_t max_pause_ns; /* see tasklook.h */
};

struct strobe_dumped {
    struct strobe_place *place;   /* borrowed; all others owned */
    struct strobe_names *names;
    struct strobe_codes *codes;
    struct strobe_snapshot *snap;
    struct strobe_prints prints;  /* of the code objects, while they stood still */
    bool with_locals;
    struct strobe_locals locals;
    struct strobe_arena arena;    /* frames and threads of the report */
    bool has_tasks;               /* a loop may be there: tasked was filled */
    struct strobe_tasked tasked;
    uint32_t dropped;             /* threads that could not be read consistently */
    struct strobe_snapshot_stats stats;
    struct strobe_report_process report; /* borrows from all of the above */
};

/* place: borrowed.  ret: to be released on success. */
int strobe_dumped_take(struct strobe_place *place, const struct strobe_dumped_opts *opts, struct strobe_dumped *ret);
void strobe_dumped_release(struct strobe_dumped *dumped);

#endif
