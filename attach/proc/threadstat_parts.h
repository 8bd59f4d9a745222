/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of threadstat, private to threadstat.c (states, files kept open) and threadids.c (which thread is which).
 * May include: what threadstat.h may. */
#ifndef STROBE_PROC_THREADSTAT_PARTS_H
#define STROBE_PROC_THREADSTAT_PARTS_H

#include <stdbool.h>

#include "attach/proc/threadstat.h"
#include "base/htab.h"

struct strobe_threadstat {
    pid_t pid;
    bool self;                 /* our own process: a tid is what we call a thread, its number in /proc may be another */
    bool same_namespace;       /* the process's own tids are those of /proc */
    struct strobe_mem *mem;
    struct strobe_htab index;  /* tid -> position in entries */
    struct threadstat_entry *entries;
    size_t n, cap;
    size_t n_open, allowed;    /* files that are kept open, of all entries; at most so many are */
    struct strobe_htab inner;  /* inner tid -> outer tid; empty when the namespaces are the same */
    uint32_t pthread_offset;   /* of the tid inside struct pthread; 0 = not found yet */
    uint64_t stamp;            /* stands in for run counts where the kernel keeps none */
};

/* The number in /proc of a thread whose id inside of the process is this.  STROBE_ERR_MISSING. */
int threadstat_outer(struct strobe_threadstat *stat, int32_t inner, int32_t *ret_tid);

#endif
