/* SPDX-License-Identifier: Apache-2.0 */
/* serving: what `strobe serve` does all the time: processes come and go (census.h), each is looked at (served.h), within a budget of CPU
 * time, and the meter keeps count.
 *
 *   budget: --max-cpu of one processor between scrapes (meter/turns.h)
 *   A scrape has a look too, unless the last one was so short a time ago that asking all the time would break the budget.
 *
 * May include: census.h, served.h, meter, base.  Memory: its own.  Threads: one. */
#ifndef STROBE_TOOLS_SERVING_H
#define STROBE_TOOLS_SERVING_H

#include "meter/meter.h"
#include "meter/turns.h"
#include "tools/census.h"
#include "tools/opts.h"
#include "tools/served.h"

enum { STROBE_SERVING_LABELS = 64 }; /* names of services with --all-python; further ones are "other": whoever starts
                                      * processes could else make any number of series */

struct strobe_serving {
    const struct strobe_opts *opts;   /* borrowed */
    struct strobe_served_opts how;
    struct strobe_meter *meter;       /* owned, as all that follows */
    struct strobe_census *census;
    struct strobe_served *targets;    /* in the order in which they came, the newest first */
    size_t n_targets;
    struct strobe_buf why;            /* of the last attempt to attach */
    struct strobe_turns turns;
    uint64_t census_due;
    uint64_t heavy_due;               /* when something that costs much may be asked for again */
    double gone_paused_s;             /* of processes that are gone */
    uint64_t gone_looks, gone_errors;
};

/* pids: with n 0 all Python of the machine.  STROBE_ERR_ARG: the prefix is no beginning of a metric's name; STROBE_ERR_NOMEM; with a
 * sentence in why.  To be released in any case. */
int strobe_serving_init(struct strobe_serving *serving, const struct strobe_opts *opts, const int32_t *pids, size_t n,
                        struct strobe_buf *why);
void strobe_serving_release(struct strobe_serving *serving);
/* Attaches to one that was named; one that is no Python but has started others is none's fault.  An error has a sentence in why. */
int strobe_serving_start(struct strobe_serving *serving, int32_t pid, struct strobe_buf *why);
/* Does what is due; returns in how many milliseconds there is more. */
int strobe_serving_turn(struct strobe_serving *serving);

/* Somebody asks: looks at all, as far as the budget lets it. */
void strobe_serving_refresh(struct strobe_serving *serving);
/* May something be asked for that costs much?  strobe_serving_heavy_done tells when it began: it may be asked for again after nine times as
 * long. */
bool strobe_serving_heavy(const struct strobe_serving *serving);
void strobe_serving_heavy_done(struct strobe_serving *serving, uint64_t began_ns);
/* The process of that id, or NULL. */
struct strobe_served *strobe_serving_find(const struct strobe_serving *serving, int32_t pid);
/* Families of the meter, and those of the server's own rhythm.  STROBE_ERR_NOMEM. */
int strobe_serving_metrics(struct strobe_serving *serving, struct strobe_metrics *metrics);

#endif
