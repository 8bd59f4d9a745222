/* SPDX-License-Identifier: Apache-2.0 */
/* loopbusy: which event loops are in a step at a look, and in which.
 *
 *   thread:  main ── run_forever ── _run_once ── Handle._run ── handler ── render ── dumps        a step: what lies inside of _run_once
 *            main ── run_forever ── _run_once ── select                                             the loop waits: not busy
 *
 * A task that sleeps and whose time has come while its loop is in a step is due: the loop has not looked at its timers since.
 * Steps are told apart by two variables of asyncio's _run_once() (loopsteps.h).
 * uvloop has no frames and shows no timers: it is in a step when a task is on its thread's stack, or a callback that is in a C function.
 * May include: naming, walk, runtime, base.  Memory: its own.  Threads: one. */
#ifndef STROBE_BILLING_LOOPBUSY_H
#define STROBE_BILLING_LOOPBUSY_H

#include <stdbool.h>

#include "base/names.h"
#include "billing/loopblocks.h"
#include "billing/loopsteps.h"
#include "naming/callnames.h"
#include "runtime/code.h"
#include "walk/taskreader.h"

struct strobe_loopbusy_loop {
    uint64_t loop;
    uint32_t thread; /* index in the sample's threads */
    bool busy;
    bool ready;      /* a task of it is ready */
};

struct strobe_loopbusy {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    struct strobe_names *names;
    struct strobe_codes *codes;
    struct strobe_taskreader *reader;
    struct strobe_loopsteps steps;
    struct strobe_timers timers;
    struct strobe_callnames *calls;   /* of C functions */
    const struct strobe_sample *threads;
    const struct strobe_task_sample *sample;
    struct strobe_htab running;       /* (thread state, its id) -> loop: known from the looks before */
    struct strobe_loopbusy_loop *loops; /* of this look */
    size_t n, cap;
    uint64_t tick;
};

/* All borrowed. */
void strobe_loopbusy_init(struct strobe_loopbusy *busy, struct strobe_mem *mem, const struct strobe_layout *lay, struct strobe_names *names,
                          struct strobe_codes *codes, struct strobe_taskreader *reader, struct strobe_callnames *calls);
void strobe_loopbusy_release(struct strobe_loopbusy *busy);
/* Of a thread whose stack has just been read, while it stands still: see loopsteps.h. */
void strobe_loopbusy_visit(struct strobe_loopbusy *busy, struct strobe_mem *mem, const struct strobe_thread *thread);
/* A look's samples, borrowed until the next. */
int strobe_loopbusy_begin(struct strobe_loopbusy *busy, const struct strobe_sample *threads, const struct strobe_task_sample *sample);
/* Is a task that is waiting due, or one ready? */
bool strobe_loopbusy_is_ready(struct strobe_loopbusy *busy, uint32_t task);
/* When all tasks were asked: notes the steps that kept ready tasks from their turn.  A C function that a step is in stands innermost. */
int strobe_loopbusy_note(struct strobe_loopbusy *busy, struct strobe_loopblocks *blocks, int32_t pid, uint64_t ns);

#endif
