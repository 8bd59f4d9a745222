/* SPDX-License-Identifier: Apache-2.0 */
/* procpath: the name of a process's file in /proc.  Our own process is "self" there, whatever its number: /proc may be that of an outer PID
 * namespace (unshare -p without a /proc of its own), where our number is another process's.  May include: nothing. */
#ifndef STROBE_PROC_PROCPATH_H
#define STROBE_PROC_PROCPATH_H

#include <stddef.h>
#include <sys/types.h>

/* "/proc/PID/" or "/proc/self/", and behind it what the format says; cut at size, always terminated. */
void strobe_procpath(char *buf, size_t size, pid_t pid, const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
