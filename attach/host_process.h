/* SPDX-License-Identifier: Apache-2.0 */
/* host_process: the host interface over /proc and ptrace (pause.h).  May include: mem. */
#ifndef STROBE_ATTACH_HOST_PROCESS_H
#define STROBE_ATTACH_HOST_PROCESS_H

#include <sys/types.h>

#include "mem/host.h"

/* ret_host: owned by the caller. */
int strobe_host_process_new(pid_t pid, struct strobe_host **ret_host);

#endif
