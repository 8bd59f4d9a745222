/* SPDX-License-Identifier: Apache-2.0 */
/* onthread: a function is run on a thread of our own process that runs, by a signal to that thread alone.
 *
 *   sampler                      the thread
 *   POSTED, tgkill  ---------->  handler: POSTED -> RUNNING, the function, -> DONE
 *   waits for DONE  <----------
 *   not in time: POSTED -> NONE  (who comes later finds nothing and goes on; the handler stays installed for them)
 *
 * The signal is one that does nothing by default and that the program leaves alone: default action, blocked by no thread.  Both are looked
 * at before the first signal, the action before each: if the program takes it for itself, another one is looked for.
 *
 * What a thread may see of it: a system call that it has entered after it was last seen running, and that neither the kernel restarts
 * (SA_RESTART, signal(7)) nor interrupted.h, ends with EINTR.  Who uses this asks for threads that run and hold the GIL.
 *
 * May include: base, interrupted.h, background.h.  Threads: any; one visit at a time goes on, others wait.  State: the signal's action is
 * the process's, so what it needs is too: static, never freed. */
#ifndef STROBE_EXT_ONTHREAD_H
#define STROBE_EXT_ONTHREAD_H

#include <stdbool.h>
#include <stdint.h>

/* Chooses a signal and installs the handler, unless that was done.  STROBE_ERR_MISSING: none is free. */
int strobe_onthread_open(void);
/* Runs fn(ctx) on a thread of this process (kernel's id), as strobe_host_inside.visit says.  STROBE_ERR_BUSY: it did not come by;
 * STROBE_ERR_GONE: there is no such thread; STROBE_ERR_MISSING: no signal is free any more. */
int strobe_onthread_run(int32_t tid, void (*fn)(void *ctx), void *ctx);
/* Around a fork (forks.h): no visit goes on.  In the child none of the signals is on its way. */
void strobe_onthread_hold(void);
void strobe_onthread_let_go(void);
void strobe_onthread_forked(void);
/* The signal that is used now; 0 = none. */
int strobe_onthread_signal(void);

#endif
