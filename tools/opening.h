/* SPDX-License-Identifier: Apache-2.0 */
/* opening: attaching to a process that the user named, with patience for one that has only just been started
 * (`python app.py & strobe dump $!`).  May include: attach, base. */
#ifndef STROBE_TOOLS_OPENING_H
#define STROBE_TOOLS_OPENING_H

#include <sys/types.h>

#include "attach/attach.h"
#include "base/buf.h"

/* As strobe_attach_open; a process younger than a second that is not Python yet, or whose runtime is not ready, is tried again
 * until it is a second old. */
int strobe_open_target(pid_t pid, struct strobe_attach **ret_attach, struct strobe_buf *why);

#endif
