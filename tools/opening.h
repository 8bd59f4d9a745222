/* SPDX-License-Identifier: Apache-2.0 */
/* opening: attaching to a process that the user named, with patience for one that has only just been started
 * (`python app.py & strobe dump $!`).  May include: attach, base. */
#ifndef STROBE_TOOLS_OPENING_H
#define STROBE_TOOLS_OPENING_H

#include <stdbool.h>
#include <sys/types.h>

#include "attach/attach.h"
#include "base/buf.h"

/* As strobe_attach_open; a process younger than a second that is not Python yet, or whose runtime is not ready, is tried again
 * until it is a second old. */
int strobe_open_target(pid_t pid, struct strobe_attach **ret_attach, struct strobe_buf *why);

/* The descendants of a process, or none when they are not wanted.  ret: to be freed.  0 or STROBE_ERR_NOMEM. */
int strobe_open_list(pid_t pid, bool subprocesses, pid_t **ret, size_t *ret_n);
/* Opens one process: an error has a sentence in why.  parent: 0 = it is the one that the user named. */
typedef int strobe_open_fn(void *ctx, pid_t pid, pid_t parent, struct strobe_buf *why);
/* Calls open for the process that the user named and, even where that is no Python (a starter that is not may have children that are), for
 * its descendants.  Of those that are not Python, or ended meanwhile, nothing is said.  Returns what open said of the first. */
int strobe_open_family(pid_t pid, const pid_t *children, size_t n, strobe_open_fn *open, void *ctx, struct strobe_buf *why);

#endif
