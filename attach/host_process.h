/* SPDX-License-Identifier: Apache-2.0 */
/* host_process: the host interface over /proc and ptrace (pause.h).  mem_process: the reader of another process. */
#ifndef STROBE_ATTACH_HOST_PROCESS_H
#define STROBE_ATTACH_HOST_PROCESS_H

#include <sys/types.h>

#include "mem/host.h"
#include "mem/mem.h"

/* ret_host: owned by the caller. */
int strobe_host_process_new(pid_t pid, struct strobe_host **ret_host);
/* process_vm_readv, with /proc/PID/mem where that is refused.  ret_mem: owned by the caller. */
int strobe_mem_process_new(pid_t pid, struct strobe_mem **ret_mem);

#endif
