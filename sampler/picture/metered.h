/* SPDX-License-Identifier: Apache-2.0 */
/* metered: one process that is looked at again and again to feed a meter: looks (all of it, tasks too), glances (glanced.h), a scan of its
 * memory for what lies idle, in slices; what each of them costs.  Who has it decides when, within a budget.
 *
 *   glance  up to 50 times a second   threads and known objects, no pause -> a reading of the meter
 *   look    every second if that fits, and when somebody asks            -> which objects there are, their names; tasks by state
 *   scan    every 10 seconds, a slice a turn, never while somebody waits  -> objects that lie idle
 *
 * May include: place.h, pooled.h, glanced.h, queued.h, meter, report, base.  Memory: its own.  Threads: one. */
#ifndef STROBE_PICTURE_METERED_H
#define STROBE_PICTURE_METERED_H

#include "meter/meter.h"
#include "picture/glanced.h"
#include "picture/pooled.h"
#include "picture/queued.h"

struct strobe_metered_opts {
    bool nonblocking, full_filenames;
    uint64_t max_pause_ns;
    bool own_thread;              /* costs are CPU time of the thread that looks, not of the process: inside of a program */
    struct strobe_meter *meter;   /* borrowed */
    void (*read_process)(int32_t pid, struct strobe_meter_process *ret); /* CPU, memory, files of the process; NULL = not asked for */
};

struct strobe_metered {
    struct strobe_place *place;   /* borrowed; all others owned */
    struct strobe_metered_opts opts;
    struct strobe_pooled pooled;
    struct strobe_glanced glanced;
    struct strobe_queued queued;  /* for how long is waited for each semaphore */
    bool looked, has_glanced;     /* pooled, glanced can be used */
    struct strobe_meter_target *target; /* the meter's */
    uint64_t since_ns;            /* when it was opened */
    uint64_t look_ns, scan_ns;    /* when it was looked at, when its last scan ended; 0 = never */
    uint64_t careful_ns, careful_cost_ns; /* of the last look that was whole rather than quick */
    bool unsure;                  /* a semaphore's capacity is to be counted yet */
    bool wants_look;              /* something is there that no look has seen */
    bool scan_unseen;             /* no look has seen what its first scan has found */
    uint64_t look_cost_ns;        /* CPU time of the last one, which the next one waits for; they differ: new things are named */
    uint64_t glance_cost_ns, slice_cost_ns; /* CPU time, a moving average */
    uint64_t n_looks;
    uint64_t looks, errors;       /* looks: of both kinds */
    struct strobe_report_resources report; /* of the last reading; its rows are those of glanced */
};

/* place: borrowed.  label: see strobe_meter_target_add.  ret: to be released on success, before the meter.  STROBE_ERR_NOMEM, errors of
 * strobe_pooled_open. */
int strobe_metered_open(struct strobe_place *place, const char *label, const struct strobe_metered_opts *opts, struct strobe_metered *ret);
void strobe_metered_release(struct strobe_metered *metered);

/* Is it to be looked at now, rather than glanced at?  spacing_ns: how far apart looks are to be (turns.h).  The first ones, and what its
 * first scan has found, do not wait for that: people would see no idle executor, for minutes where looks are dear. */
bool strobe_metered_is_look(const struct strobe_metered *metered, uint64_t spacing_ns, uint64_t now_ns);
/* Each gives the meter a reading, or an error, which is counted. */
int strobe_metered_look(struct strobe_metered *metered);
int strobe_metered_glance(struct strobe_metered *metered);
/* A slice of a scan; ret_done: it was the last one. */
int strobe_metered_scan(struct strobe_metered *metered, bool *ret_done);

/* How long threads of it were held so far, seconds. */
double strobe_metered_paused(const struct strobe_metered *metered);

#endif
