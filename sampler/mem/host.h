/* SPDX-License-Identifier: Apache-2.0 */
/* host: THE interface to the machine beside the memory: who is on CPU, hold these threads still, let them go.
 * attach/host_process.c implements it with ptrace and /proc; images and cores with nothing.
 * Thread ids (tid) are those of the host's own PID namespace.  May include: base. */
#ifndef STROBE_MEM_HOST_H
#define STROBE_MEM_HOST_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum strobe_run {
    STROBE_RUN_UNKNOWN,
    STROBE_RUN_RUNNING,  /* on a CPU, or runnable and waiting for one */
    STROBE_RUN_FAULTING, /* blocked outside of any system call, until a page is there: does not run, but did not ask to wait */
    STROBE_RUN_SLEEPING, /* blocked in a system call */
    STROBE_RUN_STOPPED,  /* by a signal or a tracer */
};

struct strobe_thread_state {
    enum strobe_run run;
    uint64_t run_count; /* how often the thread was put on a CPU (schedstat, third field): not running now and this unchanged since
                         * = has not run in between.  0 when it runs: not asked */
    uint64_t futex;     /* first argument of the futex call it sleeps in; 0 = another call or not sleeping */
};

struct strobe_host;
struct strobe_mem;

struct strobe_host_ops {
    /* Stops a thread and returns when it stands still; whichever was held before is let go first.  Only a thread that runs may be
     * named: one that sleeps in the kernel would see EINTR.  On error nothing is held.
     * STROBE_ERR_BUSY, _STUCK, _GONE (thread ended), _PERM. */
    int (*hold)(struct strobe_host *host, int32_t tid);
    /* Lets the held thread go, a pending signal passed on, and those that stopped too late to be held.  Harmless when there are none. */
    void (*release)(struct strobe_host *host);
    int (*thread_state)(struct strobe_host *host, int32_t tid, struct strobe_thread_state *ret);
    /* The tid here of a thread by its id inside the target (native_thread_id: the innermost PID namespace's), or where that is 0 by its
     * pthread_self() (before 3.11 the runtime keeps no native id). */
    int (*thread_id)(struct strobe_host *host, int32_t native, uint64_t pthread, int32_t *ret_tid);
    /* The name that the system has for a thread, into buf (always terminated, cut at size); "" when it was given none: threads begin
     * with the name of their process.  STROBE_ERR_GONE. */
    int (*thread_name)(struct strobe_host *host, int32_t tid, char *buf, size_t size);
    void (*close)(struct strobe_host *host);
};

/* Of the process that we are in ourselves there is another way than to hold: to read on the thread. */
struct strobe_host_inside {
    /* Runs read(ctx) on a thread that runs, as if that had called it between two of its instructions, and returns when it has; nothing of
     * that is awaited for longer than some milliseconds.  read allocates nothing, locks nothing, and is done in microseconds.
     * STROBE_ERR_BUSY: the thread did not come by; then read is not called. */
    int (*visit)(struct strobe_host *host, int32_t tid, void (*read)(void *ctx), void *ctx);
    struct strobe_mem *mem; /* that read may use; borrowed */
};

/* Hosts embed this as their first member. */
struct strobe_host {
    const struct strobe_host_ops *ops;
    const struct strobe_host_inside *inside; /* NULL: another process */
    uint64_t held_since_ns; /* monotonic; set by a successful hold: the thread did not stand still before this */
    uint64_t released_ns;   /* set by release: it ran again by then */
    uint32_t n_stuck;       /* threads that did not stop in time and still may: release is to be called until this is 0 */
};

/* A host that holds nothing and knows nothing (images, cores): static, borrowed; close is a no-op. */
struct strobe_host *strobe_host_null(void);

#endif
