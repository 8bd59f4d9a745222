/* SPDX-License-Identifier: Apache-2.0 */
/* loops: which thread runs which event loop.
 *
 *   3.8 - 3.11   the thread state's dict: "__asyncio_running_event_loop__" -> {loop, pid}
 *   3.12         likewise, the loop itself
 *   3.13+        a word of the thread state
 * (CPython: Modules/_asynciomodule.c, set_running_loop.)  A loop that nobody runs has no thread.
 * May include: mem, runtime, walk/sample.h.  No state. */
#ifndef STROBE_WALK_LOOPS_H
#define STROBE_WALK_LOOPS_H

#include "runtime/asyncio_layout.h"
#include "runtime/layout.h"
#include "walk/sample.h"

/* The loop that a thread runs; STROBE_ERR_MISSING: none.  own_pid: the process's id as it knows it itself, where it was made by fork: a
 * loop that ran in its parent when it was forked does not run here (3.8 - 3.11; later versions forget it then); 0 = it was not. */
int strobe_loop_of_thread(struct strobe_mem *mem, const struct strobe_layout *lay, const struct strobe_aio_layout *aio,
                          const struct strobe_thread *thread, int32_t own_pid, uint64_t *ret_loop);

#endif
