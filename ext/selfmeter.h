/* SPDX-License-Identifier: Apache-2.0 */
/* selfmeter: executors, semaphores, tasks and loops of our own process, metered all the time by a native thread: the same looks, glances
 * and scans as `strobe serve` makes (picture/metered.h), over inside.h.
 *
 *   thread: first look -> readings, and slices of scans between them -> meter       scrape: numbers of the last reading
 *
 * Who asks makes no scan and waits for none: what lies idle is there once the thread's first scan has found it.
 * May include: inside.h, registry.h, background.h, picture/metered.h, meter, base.  Threads: any. */
#ifndef STROBE_EXT_SELFMETER_H
#define STROBE_EXT_SELFMETER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "meter/meter.h"
#include "meter/metrics.h"

struct strobe_selfmeter_opts {
    double max_cpu;              /* of one CPU; the first scan is quicker than that, see selfmeter.c */
    const char *prefix;          /* of metrics' names; "" = none; copied */
    double wait_threshold_s, saturated_threshold_s, event_every_s; /* of events; 0 = meter.h's */
    bool later;                  /* nothing is read in the first tenth of a second, unless somebody asks: for children of forks */
    /* Of the interpreter: see inside.h.  The text is copied. */
    uint64_t runtime;
    uint32_t version;
    const char *version_text;
};

struct strobe_selfmeter;

/* Begins: the thread looks and scans, the caller does neither.  On failure why gets one clause.  STROBE_ERR_ARG for the prefix.
 * Not with the GIL, nor are the others. */
int strobe_selfmeter_start(const struct strobe_selfmeter_opts *opts, struct strobe_selfmeter **ret, struct strobe_buf *why);
/* Ends the thread and frees all.  NULL is allowed. */
void strobe_selfmeter_free(struct strobe_selfmeter *meter);
/* Its thread is in the parent process: it meters nothing any more. */
bool strobe_selfmeter_forked(const struct strobe_selfmeter *meter);

/* The families of now, numbers as of the last reading; while the thread is at one, what was so after its last look.  Waits for the first
 * look, for a second at most; with none there are no families.  ret: initialised; the caller's.  STROBE_ERR_NOMEM, STROBE_ERR_GONE: not
 * our process. */
int strobe_selfmeter_metrics(struct strobe_selfmeter *meter, struct strobe_metrics *ret);
/* The events that were not given yet, oldest first, as JSON, a line each.  Waits for a reading that goes on.  STROBE_ERR_NOMEM. */
int strobe_selfmeter_events(struct strobe_selfmeter *meter, struct strobe_buf *out);
/* A reading now; JSON of the resources as `strobe pools --json` prints it.  Waits for the first look, as above, and for a
 * reading that goes on.  STROBE_ERR_GONE; STROBE_ERR_NOTREADY: it has not begun; errors of strobe_metered_look. */
int strobe_selfmeter_pools(struct strobe_selfmeter *meter, struct strobe_buf *out);
/* What a process may export, without samples.  ret: initialised; the caller's.  STROBE_ERR_NOMEM. */
int strobe_selfmeter_families(struct strobe_metrics *ret);

#endif
