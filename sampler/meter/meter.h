/* SPDX-License-Identifier: Apache-2.0 */
/* meter: what a process's executors, semaphores, tasks and event loops do, as numbers over time.  It is fed with readings (what is so at
 * one moment), again and again, and gives gauges, counters integrated between the readings, and events.
 *
 *   readings of a target ── strobe_meter_add ──┬── objects of the target: what each was at the last reading   (gauges)
 *   readings of another ──  (another target)  ─┴── series: label sets, shared by all targets                  (counters)
 *                                                    └── strobe_meter_metrics, strobe_meter_next_event, strobe_meter_health (health.h)
 *
 * How a counter is integrated.  A reading at t[i] finds the value f[i]; between two readings lies the area of the trapezoid,
 *
 *   (f[i-1] + f[i]) / 2 * (t[i] - t[i-1])      so that a reading's weight is  w[i] = (t[i+1] - t[i-1]) / 2
 *
 * That is unbiased when the moments of the readings do not depend on f.  With one reading at a random moment of each slot of length T
 * (rhythm.h), t[i] = i*T + u[i], w[i] = T + (u[i+1] - u[i-1]) / 2 does not depend on u[i], so E(w[i] * f(t[i])) = E(w[i]) * E(f(t[i])) is
 * the area of f over that slot for ANY f: spikes shorter than T, and such as come with the period T itself.  The rule "a value holds
 * until the next reading" has the weight t[i+1] - t[i], which depends on u[i], and is off by up to half for spikes that keep step with the
 * slots; readings without jitter are off without a limit there.  (What is not independent: readings that come late because the target
 * leaves strobe no CPU.)
 * How far from the truth a minute may be: each edge of f adds an error of mean 0 and standard deviation 0.35 * T * (height of the edge),
 * K edges sqrt(K) of it.  Busy half of the time, in spikes of 0.5 s, read at 20 Hz: 0.65 %, so that 2 % are three standard deviations.
 * At 50 Hz, the most that turns.h has, it is 0.26 %; at 10 Hz, where that is what the budget allows, 1.3 %.
 * Spikes shorter than T are hit or missed: f that is 1 for a part p of the time, read n times, has a relative error of
 * sqrt((1-p)/(p*n)); no rule makes that smaller, only more readings do.  tests/unit/test_meter_truth.c has all of this.
 *
 * An object that is not in a reading was at 0 then: one that lives for a moment counts from half the gap before it to half the gap after.
 * A gap longer than max_gap_s (the target was stopped, strobe was) is counted and not integrated over.
 * A number that is unknown in a reading (-1) is left out of the gauges; its area goes from where it was known last, within max_gap_s.
 * Memory is bounded: series by max_series, objects by what one reading has, events by STROBE_METER_EVENTS.
 *
 * May include: base, report/resources.h, report/report.h (escaping), walk/tasks.h (words of states), jansson by report/json.h.
 * Memory: its own.  Threads: one at a time. */
#ifndef STROBE_METER_METER_H
#define STROBE_METER_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "meter/metrics.h"
#include "report/resources.h"

enum {
    STROBE_METER_LABEL = 128,     /* bytes of a label's value with its final 0; a longer one is cut and ends in "..." */
    STROBE_METER_STATES = 4,      /* of enum strobe_task_state */
    STROBE_METER_EVENTS = 256,    /* events that wait to be fetched; the oldest go first */
};

/* 0 = what stands behind it. */
struct strobe_meter_opts {
    const char *prefix;           /* before every name but process_* and strobe_*; copied.  "" */
    uint32_t max_series;          /* label sets of the executors, of the semaphores, of the queues each, and `other`.  200 */
    uint32_t max_processes;       /* labels of processes, and `other`.  As max_series */
    double max_gap_s;             /* 2 */
    double wait_threshold_s;      /* an event bulkhead_contention from here on.  1 */
    double saturated_threshold_s; /* executor_saturated.  1 */
    double event_every_s;         /* of one series, at most one event of a kind in this time.  60 */
    double lag_window_s;          /* event_loop_lag_seconds is the largest of this time: longer than the scrapes lie apart.  60 */
    double keep_s;                /* counters of what is gone are kept so long, and on until the room is wanted.  600 */
    bool process;                 /* process_* families too: nobody else exports them */
};

/* An event loop at the moment of a reading. */
struct strobe_meter_loop {
    bool busy;      /* in a step; false: it waits for events */
    double step_s;  /* for how long it has not looked at its timers and sockets; < 0 = unknown.  Of one that waits: 0 */
};

/* A semaphore or limiter that is waited for: somebody who waits now has done so for that long at least; 0 = nothing is known of any. */
struct strobe_meter_wait {
    uint64_t address;
    double seconds;
};

/* Of the target; -1 = unknown. */
struct strobe_meter_process {
    double cpu_s;                 /* user and system, since it began: an exec leaves it as it is */
    int64_t resident_bytes, open_fds;
    uint64_t identity;            /* of this process alone: what was counted of it as another target is not counted again; 0 = none */
};

/* One moment of one target.  What was not looked at is NULL and stays what it was: a glance has resources alone.  All borrowed for the
 * call. */
struct strobe_meter_reading {
    uint64_t ns;                  /* CLOCK_MONOTONIC, when it was read; the middle of a reading that took long */
    double unix_s;                /* the same moment as seconds since 1970: time of events */
    const struct strobe_report_resources *resources; /* all that are known at this moment, idle ones too */
    const uint64_t *tasks;        /* STROBE_METER_STATES numbers, by enum strobe_task_state */
    const struct strobe_meter_loop *loops; /* all whose state is known; with n_loops 0 not NULL: there is none */
    uint32_t n_loops;
    const struct strobe_meter_wait *waits; /* of those resources whose single waits are timed, see strobe_meter_event; may be NULL */
    uint32_t n_waits;
    const struct strobe_meter_process *process;
};

/* What strobe itself has cost so far, all targets together. */
struct strobe_meter_cost {
    double cpu_s;                 /* user and system time of strobe */
    double paused_s;              /* a thread of a target was held */
    uint64_t looks, errors;       /* readings made, and such as failed */
};

enum strobe_meter_event_kind { STROBE_METER_BULKHEAD_CONTENTION, STROBE_METER_EXECUTOR_SATURATED, STROBE_METER_EVENT_KINDS };

/* bulkhead_contention: a semaphore or limiter was waited for longer than wait_threshold_s: by the longest wait that the reading knows
 * (of_wait), which has lasted at least so long.  Where a reading times no waits for it: for as long as every reading found a waiter; that
 * may have been several in turn.
 * executor_saturated: every reading found all workers busy and a call queued for longer than saturated_threshold_s. */
struct strobe_meter_event {
    enum strobe_meter_event_kind kind;
    bool of_wait;                 /* duration_ms is that of one wait */
    double unix_s, duration_ms;
    char name[STROBE_METER_LABEL]; /* dependency or executor: the value of that label */
    char process[STROBE_METER_LABEL]; /* the target's label; "" */
    const char *pool_type;        /* "thread", ... (static); NULL = a semaphore */
    int64_t waiters, available, capacity;       /* of that object; -1 = unknown, STROBE_UNLIMITED */
    int64_t active_workers, max_workers, pending_tasks;
};

struct strobe_meter;
struct strobe_meter_target;

/* opts: NULL = all as by default.  ret: owned by the caller (strobe_meter_free).  STROBE_ERR_ARG for a prefix that no metric's name can
 * begin with, STROBE_ERR_NOMEM. */
int strobe_meter_new(const struct strobe_meter_opts *opts, struct strobe_meter **ret);
void strobe_meter_free(struct strobe_meter *meter);

/* A process that readings come from.  label: the value of a label `process` on all that is its; NULL or "" = no such label, as the names
 * that dashboards expect have none.  Series of equal labels are sums over all targets.  ret: the meter's.  STROBE_ERR_NOMEM. */
int strobe_meter_target_add(struct strobe_meter *meter, const char *label, struct strobe_meter_target **ret);
/* It has ended: its gauges go, its counters stay.  Frees the target.  A process that takes its place is a new target. */
void strobe_meter_target_remove(struct strobe_meter *meter, struct strobe_meter_target *target);

/* One reading, later than the one before it (one that is not counts as a gap).  STROBE_ERR_NOMEM: as if it had not been made. */
int strobe_meter_add(struct strobe_meter *meter, struct strobe_meter_target *target, const struct strobe_meter_reading *reading);
/* Both counted from strobe's start: they replace what was said before. */
void strobe_meter_set_cost(struct strobe_meter *meter, const struct strobe_meter_cost *cost);

/* All families into metrics, which is cleared before.  now_ns: CLOCK_MONOTONIC.  Does not change the meter: any number of readers may
 * ask at any time, none takes anything from another.  STROBE_ERR_NOMEM. */
int strobe_meter_metrics(const struct strobe_meter *meter, uint64_t now_ns, struct strobe_metrics *metrics);

/* The oldest event that was not given yet. */
bool strobe_meter_next_event(struct strobe_meter *meter, struct strobe_meter_event *ret);
/* "bulkhead_contention", "executor_saturated" (static). */
const char *strobe_meter_event_word(enum strobe_meter_event_kind kind);
/* Appends one line of JSON: {"event": ..., "resilience_event": the same, "time": ..., ...}.  STROBE_ERR_NOMEM. */
int strobe_meter_event_json(const struct strobe_meter_event *event, struct strobe_buf *out);

#endif
