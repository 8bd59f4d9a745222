/* SPDX-License-Identifier: Apache-2.0 */
/* tasked: the asyncio tasks of one process at one moment, with everything a report of them needs.
 * May include: place.h, tasklook, waitnames, runtime, walk, report, base. */
#ifndef STROBE_PICTURE_TASKED_H
#define STROBE_PICTURE_TASKED_H

#include "base/arena.h"
#include "naming/callnames.h"
#include "place.h"
#include "report/tasks.h"
#include "runtime/code.h"
#include "snapshot.h"
#include "tasklook.h"
#include "walk/pools.h"

struct strobe_tasked_opts {
    bool nonblocking, full_filenames;
    bool watch;            /* more looks than one are to come: since when tasks wait is noted */
    uint64_t max_pause_ns; /* see tasklook.h */
    const char *context_name; /* of the context variable that is asked for; NULL = none */
};

struct strobe_tasked {
    struct strobe_place *place;    /* borrowed; all others owned */
    struct strobe_names *names;
    struct strobe_codes *codes;
    struct strobe_snapshot *snap;
    struct strobe_tasklook *look;
    struct strobe_pools pools;
    struct strobe_callnames calls;
    struct strobe_arena arena;     /* everything of the report */
    struct strobe_htab stacks;     /* hash of frames -> index in resolved */
    struct strobe_htab types;      /* type object -> its name, a struct strobe_tasked_type * */
    struct strobe_tasked_stack *resolved;
    size_t n_resolved, cap_resolved;
    struct strobe_htab waiting;    /* task and what it waits in -> since when, ns */
    const char *const *contexts;   /* by task: value of the context variable, or NULL; NULL = none is asked for */
    struct strobe_report_wait *waits;      /* the report's, while they are filled */
    struct strobe_report_worker *workers;  /* likewise, of all pools: by index in pools.workers */
    uint32_t *worker_stacks;               /* by the same: index in resolved; STROBE_NO_INDEX = none */
    struct strobe_tasked_opts opts;
    struct strobe_report_process process;
    const uint64_t *loops;         /* by thread of the last fill: the loop that it runs; 0 = none */
    const struct strobe_sample *threads;      /* of the last look, borrowed from snap and look */
    const struct strobe_task_sample *sample;
    bool stopped;                  /* the process was, at the last look */
    struct strobe_report_tasks report; /* borrows from all of the above */
};

/* place: borrowed.  ret: to be released on success. */
int strobe_tasked_open(struct strobe_place *place, const struct strobe_tasked_opts *opts, struct strobe_tasked *ret);
/* Looks: tasked->threads and sample are then valid until the next look.  Waits that go on from look to look are noted: the report says
 * since when each task waits, as far as that was seen. */
int strobe_tasked_look(struct strobe_tasked *tasked);
/* Makes tasked->report of the last look, valid until the next. */
int strobe_tasked_fill(struct strobe_tasked *tasked);
/* The looks from now on are one of many at this process: quick rather than whole, and nothing is held for its tasks (set back: as the opts
 * say). */
void strobe_tasked_set_quick(struct strobe_tasked *tasked, bool quick);
/* Of the report only the pools and what is waited for: enough for pooled.h, and for strobe_tasked_fill later. */
int strobe_tasked_fill_things(struct strobe_tasked *tasked);
/* Both: look and fill. */
int strobe_tasked_take(struct strobe_tasked *tasked);
void strobe_tasked_release(struct strobe_tasked *tasked);

#endif
