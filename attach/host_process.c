/* SPDX-License-Identifier: Apache-2.0 */
/* The host of a live process: thread states from /proc (threadstat), stops from ptrace (pause). */
#include "attach/host_process.h"

#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "attach/proc/crowd.h"
#include "attach/pause.h"
#include "attach/target.h"
#include "attach/proc/threadstat.h"
#include "base/clock.h"

enum { LAST_TRIES = 2000 }; /* milliseconds that closing waits for a stuck thread; what is stuck then is let go when strobe ends */
enum { MAX_STUCK = 64 };

struct host_process {
    struct strobe_host host;
    struct strobe_threadstat *stat;
    pid_t pid;
    struct strobe_pause held;
    bool is_held;
    int32_t stuck[MAX_STUCK]; /* seized, not stopped yet: let go as soon as they stop; host.n_stuck of them */
    struct strobe_crowd crowd;
    bool may_boost; /* until the kernel says no */
    bool boosted;
};

/* While a thread is held, nothing may keep us from letting it go: on a busy machine another process would otherwise take our CPU
 * for milliseconds, and the target would stand still for as long.  So we are a real-time process exactly then, where we may be, and
 * not where nobody is about to take it: becoming one and back costs a tenth of a sample. */
static void boost(struct host_process *self)
{
    static const struct sched_param lowest = {.sched_priority = 1};

    if (!self->may_boost || self->boosted || !strobe_crowd_is_here(&self->crowd))
        return;
    self->boosted = !sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &lowest);
    self->may_boost = self->boosted;
}

static void unboost(struct host_process *self)
{
    static const struct sched_param none = {.sched_priority = 0};

    /* With the flag again: who may be real-time by RLIMIT_RTPRIO alone may not clear it, and would stay real-time (sched(7)). */
    if (self->boosted)
        sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &none);
    self->boosted = false;
}

static void free_stuck(struct host_process *self)
{
    for (uint32_t i = self->host.n_stuck; i-- > 0;)
        if (strobe_pause_abandon(self->stuck[i]))
            self->stuck[i] = self->stuck[--self->host.n_stuck];
}

static bool is_stuck(const struct host_process *self, int32_t tid)
{
    for (uint32_t i = 0; i < self->host.n_stuck; i++)
        if (self->stuck[i] == tid)
            return true;
    return false;
}

static void add_stuck(struct host_process *self, int32_t tid)
{
    if (!is_stuck(self, tid) && self->host.n_stuck < MAX_STUCK)
        self->stuck[self->host.n_stuck++] = tid;
}

static void process_release(struct strobe_host *host)
{
    struct host_process *self = (struct host_process *)host;

    if (self->is_held)
        strobe_pause_resume(&self->held);
    self->is_held = false;
    host->released_ns = strobe_clock_system()->now(strobe_clock_system());
    unboost(self);
    if (host->n_stuck)
        free_stuck(self);
}

static int process_hold(struct strobe_host *host, int32_t tid)
{
    struct host_process *self = (struct host_process *)host;
    int err;

    if (self->is_held || host->n_stuck)
        process_release(host);
    if (is_stuck(self, tid) || host->n_stuck == MAX_STUCK)
        return STROBE_ERR_STUCK;
    boost(self);
    err = strobe_pause_stop(tid, &self->crowd, &self->held);
    self->is_held = !err;
    host->held_since_ns = self->held.since_ns;
    if (err == STROBE_ERR_STUCK)
        add_stuck(self, tid);
    /* A thread that execs becomes its process's first, in id too, and stays ours to let go (ptrace(2), "execve(2) under ptrace"). */
    if (err == STROBE_ERR_GONE && tid != self->pid && strobe_target_tracer(self->pid) == getpid())
        add_stuck(self, self->pid);
    if (err)
        process_release(host);
    return err;
}

static int process_thread_state(struct strobe_host *host, int32_t tid, struct strobe_thread_state *ret)
{
    return strobe_threadstat_read(((struct host_process *)host)->stat, tid, ret);
}

static int process_thread_id(struct strobe_host *host, int32_t native, uint64_t pthread, int32_t *ret_tid)
{
    struct host_process *self = (struct host_process *)host;

    return native ? strobe_threadstat_outer(self->stat, native, ret_tid) : strobe_threadstat_pthread(self->stat, pthread, ret_tid);
}

static int process_thread_name(struct strobe_host *host, int32_t tid, char *buf, size_t size)
{
    return strobe_threadstat_name(((struct host_process *)host)->stat, tid, buf, size);
}

static void process_close(struct strobe_host *host)
{
    struct host_process *self = (struct host_process *)host;

    process_release(host);
    for (int tries = 0; host->n_stuck && tries < LAST_TRIES; tries++) {
        nanosleep(&(struct timespec){0, 1000 * 1000}, NULL);
        free_stuck(self);
    }
    strobe_threadstat_free(self->stat);
    strobe_crowd_close(&self->crowd);
    free(self);
}

int strobe_host_process_new(pid_t pid, struct strobe_host **ret_host)
{
    static const struct strobe_host_ops ops = {
        process_hold, process_release, process_thread_state, process_thread_id, process_thread_name, process_close,
    };
    struct host_process *self = calloc(1, sizeof *self);
    int err;

    if (!self)
        return STROBE_ERR_NOMEM;
    err = strobe_threadstat_new(pid, &self->stat);
    if (err) {
        free(self);
        return err;
    }
    self->host.ops = &ops;
    self->pid = pid;
    strobe_crowd_open(&self->crowd);
    self->may_boost = (sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) == SCHED_OTHER;
    *ret_host = &self->host;
    return 0;
}
