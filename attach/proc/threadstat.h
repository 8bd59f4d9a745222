/* SPDX-License-Identifier: Apache-2.0 */
/* threadstat: the state of single threads from /proc/PID/task/TID, with open files kept, and the ways from what CPython
 * knows of a thread (native id, pthread id) to its tid here.  Of our own process a tid is what gettid() gives, whatever /proc calls it.
 *
 * Files: two of each thread that is asked for again and again; of our own process, whose descriptors are the program's, at most one in
 * 16 of the limit (RLIMIT_NOFILE), and the others are opened each time.  Those of threads that are not asked for any more are closed.
 * May include: mem/host.h, mem/mem.h, base.  Threads: one. */
#ifndef STROBE_PROC_THREADSTAT_H
#define STROBE_PROC_THREADSTAT_H

#include <sys/types.h>

#include "mem/host.h"

struct strobe_threadstat;

int strobe_threadstat_new(pid_t pid, struct strobe_threadstat **ret_stat);
void strobe_threadstat_free(struct strobe_threadstat *stat);

/* One pread when the thread runs (syscall) or sleeps since the last call (schedstat), more otherwise.  STROBE_ERR_GONE when it ended. */
int strobe_threadstat_read(struct strobe_threadstat *stat, int32_t tid, struct strobe_thread_state *ret);
/* Inner PID namespace's id -> id here.  STROBE_ERR_MISSING when no such thread is there. */
int strobe_threadstat_outer(struct strobe_threadstat *stat, int32_t inner, int32_t *ret_tid);
/* pthread_self() -> id here, by the tid that the C library keeps inside struct pthread. */
int strobe_threadstat_pthread(struct strobe_threadstat *stat, uint64_t pthread, int32_t *ret_tid);
/* The kernel's name of a thread (comm) where it differs from its process's, else "".  STROBE_ERR_GONE. */
int strobe_threadstat_name(struct strobe_threadstat *stat, int32_t tid, char *buf, size_t size);

#endif
