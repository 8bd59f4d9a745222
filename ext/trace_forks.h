/* SPDX-License-Identifier: Apache-2.0 */
/* trace_forks: what fork() finds of deterministic profiles: nobody is in the middle of changing or reading one, so that the child can read
 * what its parent had counted.  In the child none is fed.
 *
 * Order of the locks: the list of profiles, the seats', then of each profile its list of threads, these, its tables.
 *
 * May include: trace.h, trace_seat.h.  Threads: any.  State: the list of profiles. */
#ifndef STROBE_EXT_TRACE_FORKS_H
#define STROBE_EXT_TRACE_FORKS_H

struct strobe_trace;

/* It is there from now on, until it is forgotten; borrowed. */
void strobe_trace_know(struct strobe_trace *trace);
void strobe_trace_forget(struct strobe_trace *trace);

/* Around a fork: see forks.h. */
void strobe_trace_hold(void);
void strobe_trace_let_go(void);
void strobe_trace_forked(void);

#endif
