/* SPDX-License-Identifier: Apache-2.0 */
/* locate: where is the Python runtime in a process?  maps -> ELF files (or their mapped images) -> _PyRuntime, version.
 * May include: procmaps, elf, mem, runtime/layout.h, base. */
#ifndef STROBE_ATTACH_LOCATE_H
#define STROBE_ATTACH_LOCATE_H

#include <sys/types.h>

#include "base/buf.h"
#include "mem/mem.h"
#include "runtime/layout.h"

/* One file or image that holds a Python runtime. */
struct strobe_location {
    struct strobe_layout_hint hint; /* address of _PyRuntime; version as far as symbols, the runtime itself or file names tell */
    char path[4096];                /* the mapped file, as the target's maps name it */
};

/* Candidates, best first: files named python3x and libpython3x, the executable, any mapped ELF exporting _PyRuntime.
 * Fills at most max; returns their number, or STROBE_ERR_NOTPYTHON, _PERM, _NOPROC, with one clear sentence in why ("not a Python
 * process: it runs /usr/bin/sleep"). */
int strobe_locate(pid_t pid, struct strobe_mem *mem, struct strobe_location *ret, int max, struct strobe_buf *why);

#endif
