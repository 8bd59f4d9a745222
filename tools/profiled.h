/* SPDX-License-Identifier: Apache-2.0 */
/* profiled: profiles that are made while a server goes on serving: each by a strobe record of its own, a child process, so that what it
 * takes in memory, tracing and signals is its own and ends with it.
 *
 *   server ── spawn ──> strobe record -p PID -s -d N -f pprof -o -   stdout -> pipe -> bytes     stderr -> pipe -> why it failed
 *
 * May include: base.  Memory: bounded by STROBE_PROFILED_BYTES each.  Threads: one. */
#ifndef STROBE_TOOLS_PROFILED_H
#define STROBE_TOOLS_PROFILED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

enum {
    STROBE_PROFILED_AT_ONCE = 2,          /* more would be felt by the processes that are profiled */
    STROBE_PROFILED_SECONDS = 300,        /* at most */
    STROBE_PROFILED_BYTES = 256 << 20,    /* of one profile */
};

struct strobe_profiled {
    pid_t child;             /* 0 = this place is free */
    int out, err;            /* pipes, non-blocking; -1 = has ended */
    struct strobe_buf bytes, said;
    void *tag;               /* who asked */
};

struct strobe_profiled_opts {
    int32_t pid;
    unsigned seconds;
    const char *format;      /* of the exporters; of the caller's choosing, not a client's words */
    bool nonblocking, tasks; /* tasks: wall time of tasks rather than threads */
};

/* Starts one.  STROBE_ERR_LIMIT: as many run as may; STROBE_ERR_IO. */
int strobe_profiled_start(struct strobe_profiled all[STROBE_PROFILED_AT_ONCE], const struct strobe_profiled_opts *opts, void *tag);
/* Takes what has come.  True: it has ended; ret_ok: well, and bytes is the profile, else said tells why.  The place is to be freed. */
bool strobe_profiled_read(struct strobe_profiled *profiled, bool *ret_ok);
/* Ends it if it runs, and frees the place. */
void strobe_profiled_end(struct strobe_profiled *profiled);

#endif
