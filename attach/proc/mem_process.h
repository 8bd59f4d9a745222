/* SPDX-License-Identifier: Apache-2.0 */
/* mem_process: the reader of another process: process_vm_readv, or /proc/PID/mem where that call is refused.  May include: mem. */
#ifndef STROBE_PROC_MEM_PROCESS_H
#define STROBE_PROC_MEM_PROCESS_H

#include <sys/types.h>

#include "mem/mem.h"

/* ret_mem: owned by the caller. */
int strobe_mem_process_new(pid_t pid, struct strobe_mem **ret_mem);

#endif
