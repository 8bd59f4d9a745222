/* SPDX-License-Identifier: Apache-2.0 */
/* loopsteps: which step of its event loop a thread is in, read with the thread's stack, while that stands still.
 *
 *   asyncio's _run_once():  end_time   when it looked at its timers: one value a turn of the loop
 *                           i          how many handles of this turn it has come to
 *
 * Read later, when the loop has gone on, they would be of another step than the stack is.  A thread that is not read again has not run: its
 * step is what it was.
 * May include: walk, runtime, mem, base.  Memory: its own; visiting allocates nothing.  Threads: one. */
#ifndef STROBE_BILLING_LOOPSTEPS_H
#define STROBE_BILLING_LOOPSTEPS_H

#include <stdbool.h>
#include <stdint.h>

#include "walk/coderoles.h"
#include "walk/sample.h"

struct strobe_loopstep {
    double end_time;  /* seconds of the loop's clock */
    int64_t handles;
};

struct strobe_loopsteps {
    const struct strobe_layout *lay;
    struct strobe_coderoles *codes;
    struct strobe_loopsteps_thread *at;
    size_t n, cap;
};

/* codes: borrowed. */
void strobe_loopsteps_init(struct strobe_loopsteps *steps, const struct strobe_layout *lay, struct strobe_coderoles *codes);
void strobe_loopsteps_release(struct strobe_loopsteps *steps);
/* A thread runs a loop: it is looked at from now on when it is visited.  At some hundred such threads, ended ones among them, all are
 * forgotten and found anew.  STROBE_ERR_NOMEM. */
int strobe_loopsteps_add(struct strobe_loopsteps *steps, const struct strobe_thread *thread);
/* Of a thread whose stack has just been read: reads its step. */
void strobe_loopsteps_visit(struct strobe_loopsteps *steps, struct strobe_mem *mem, const struct strobe_thread *thread);
/* The step of a thread of this sample in whose stack run_once is the frame of _run_once(); false: not known. */
bool strobe_loopsteps_get(struct strobe_loopsteps *steps, const struct strobe_thread *thread, const struct strobe_raw_frame *run_once,
                          struct strobe_loopstep *ret);

#endif
