/* SPDX-License-Identifier: Apache-2.0 */
/* census: which processes a server looks at: those that were named and what they start, or every Python of the machine; who comes,
 * who goes, who comes back.
 *
 *   named:  4242 ── children, grandchildren ...     one that ends is waited for: a process with its command line and user takes its place
 *   all:    /proc, every two seconds
 *
 * A process may be Python from its start, become it by exec, load libpython later, or never: each that is not attached to is tried
 * again, at intervals that grow with its age, and at once when it runs another executable.  Bounded: STROBE_CENSUS_MAX processes, and so
 * many attempts a poll.  May include: attach, base.  Memory: its own.  Threads: one. */
#ifndef STROBE_TOOLS_CENSUS_H
#define STROBE_TOOLS_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { STROBE_CENSUS_MAX = 1024 }; /* processes that are attached to at once; those beyond wait until others end */

struct strobe_census_ops {
    /* Attach.  parent: the target of its parent process, if that is attached to; else NULL.  0 and a target, or an error. */
    int (*arrive)(void *ctx, pid_t pid, void *parent, void **ret_target);
    /* Is it what was attached to?  0, STROBE_ERR_GONE or _EXECED. */
    int (*check)(void *ctx, void *target);
    /* It is not: to be freed. */
    void (*leave)(void *ctx, void *target);
};

struct strobe_census;

/* pids: the processes that are named; none: all Python of the machine but this process's own children.  ops: borrowed.
 * ret: owned by the caller.  STROBE_ERR_NOMEM. */
int strobe_census_new(const int32_t *pids, size_t n, const struct strobe_census_ops *ops, void *ctx, struct strobe_census **ret);
/* Everybody leaves. */
void strobe_census_free(struct strobe_census *census);
/* Attaches to a process that was named, now; the error of arrive. */
int strobe_census_start(struct strobe_census *census, int32_t pid);
/* Who has come, who has gone?  now_ns: monotonic. */
void strobe_census_poll(struct strobe_census *census, uint64_t now_ns);
/* Is it to be polled again soon: is one that was named so young that it may become Python any moment, or was there more to attach to than
 * one poll does? */
bool strobe_census_eager(const struct strobe_census *census, uint64_t now_ns);
/* How many that were named are not there: they have ended, or neither they nor what they have started is Python. */
size_t strobe_census_missing(const struct strobe_census *census);

#endif
