/* SPDX-License-Identifier: Apache-2.0 */
/* procfacts: what /proc says of a process as a whole: CPU time, memory, open files (proc(5)).  May include: base. */
#ifndef STROBE_PROC_PROCFACTS_H
#define STROBE_PROC_PROCFACTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct strobe_procfacts {      /* -1 = not to be read */
    double cpu_s;              /* user and system, of all its threads, ended ones too */
    int64_t resident_bytes, open_fds;
};

/* A small file of /proc/PID, cut at size, with a final NUL.  How many bytes; below 0: not to be read. */
ssize_t strobe_procfacts_text(int32_t pid, const char *name, char *text, size_t size);
void strobe_procfacts_read(int32_t pid, struct strobe_procfacts *ret);

#endif
