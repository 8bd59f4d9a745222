/* SPDX-License-Identifier: Apache-2.0 */
/* locate_asyncio: where is asyncio's own table of offsets in a process (3.14+)?  It is an ELF section of its own, up to 3.14 in the
 * extension module _asyncio, which is mapped only when the program imports it, later in what holds the runtime.
 * May include: objects, elf, mem, runtime/layout.h, runtime/asyncio_layout.h, base. */
#ifndef STROBE_PROC_LOCATE_ASYNCIO_H
#define STROBE_PROC_LOCATE_ASYNCIO_H

#include <stdint.h>
#include <sys/types.h>

#include "mem/mem.h"
#include "runtime/layout.h"

/* STROBE_ERR_MISSING: not (yet) there, or this version has none; or an error of strobe_procmaps_read.  A section that holds no
 * valid table is returned when there is no better one: strobe_aio_layout_init says what is wrong with it.
 * seen (or NULL): what is remembered between calls for one process, 0 at first: after a look in vain the next one ends with
 * reading /proc/PID/maps as long as no object was loaded or unloaded. */
int strobe_locate_asyncio(pid_t pid, struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t *seen, uint64_t *ret_addr);

#endif
