/* SPDX-License-Identifier: Apache-2.0 */
/* forks: what fork() finds of strobe, in a process that has it inside.
 *
 *   before     every thread's work, then onthread's lock, then the registry's, then the profiles' (trace_forks.h): in the order in
 *              which they are taken everywhere, so that nobody who has a later one waits for an earlier one
 *   parent     all are given back
 *   child      the threads are not there; locks are made anew, and what the threads had is dropped
 *
 * By pthread_atfork(3), so that forks of native code count too.
 * May include: background.h, onthread.h, registry.h, trace_forks.h, dumpsignal.h.
 * Threads: any.  State: none of its own. */
#ifndef STROBE_EXT_FORKS_H
#define STROBE_EXT_FORKS_H

/* Before any of them is used; what is done already is not done again.  STROBE_ERR_NOMEM. */
int strobe_forks_listen(void);

#endif
