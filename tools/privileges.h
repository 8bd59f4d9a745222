/* SPDX-License-Identifier: Apache-2.0 */
/* privileges: a server that was started as root keeps the one right that reading other processes takes, CAP_SYS_PTRACE, and is another
 * user from then on.
 *
 *   root  --setresuid-->  nobody  + CAP_SYS_PTRACE (permitted, effective, inheritable, ambient)  - everything else, bounding set too
 *
 * What that is enough for (proc(5), ptrace(2); Linux 6.18, tests/integration/test_serve.py): process_vm_readv and PTRACE_SEIZE of any
 * process, /proc/PID/maps, exe, stat, schedstat and children, also where /proc hides processes (hidepid).  What it is not enough for,
 * because file modes are asked first: /proc/PID/mem, pagemap, syscall, environ and the list fd, unless the target is the same user's.
 * strobe reads without them; CAP_DAC_READ_SEARCH, which would open them, opens every file of the machine too.
 * Ambient: the programs that strobe starts later (itself, for a profile) have it too.
 * May include: base.  Threads: called before any is made. */
#ifndef STROBE_TOOLS_PRIVILEGES_H
#define STROBE_TOOLS_PRIVILEGES_H

#include <stdbool.h>

#include "base/buf.h"

enum strobe_privileges {
    STROBE_PRIVILEGES_KEPT,    /* was not started as root: they are what they were, and cannot grow any more */
    STROBE_PRIVILEGES_DROPPED,
    STROBE_PRIVILEGES_NEEDED,  /* root without CAP_SYS_PTRACE (a container): being root is all that lets it read root's processes */
};

/* user: who to become when started as root; NULL = nobody.  kill: keeps CAP_KILL too, for signals to a program that was launched as root;
 * who may trace any process can do more to it than that.  An error (STROBE_ERR_ARG: no such user; STROBE_ERR_PERM) has one sentence in why,
 * and some rights may be gone: to be ended with. */
int strobe_privileges_drop(const char *user, bool kill, enum strobe_privileges *ret, struct strobe_buf *why);

#endif
