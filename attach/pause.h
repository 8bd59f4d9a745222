/* SPDX-License-Identifier: Apache-2.0 */
/* pause: stopping single threads with ptrace: seize, interrupt, wait, later detach.  Nothing stays traced between two
 * pauses, so a target takes its signals, execs and forks untraced.  A signal that is reported first is passed on in the
 * detach.  If this process dies, the kernel lets the threads go.  May include: base, attach/crowd.h. */
#ifndef STROBE_ATTACH_PAUSE_H
#define STROBE_ATTACH_PAUSE_H

#include <stdint.h>

#include "attach/proc/crowd.h"

/* A thread that is held, or still on its way to a stop. */
struct strobe_pause {
    int32_t tid;
    int signal; /* to be delivered at resume; 0 = none */
    uint64_t since_ns; /* monotonic time at which it was last seen not to have stopped yet */
};

/* crowd: this thread's, to tell its own wait for a CPU from the target's pause.
 * 0, or STROBE_ERR_BUSY (another tracer), _PERM, _GONE; or STROBE_ERR_STUCK: it did not stop within half a second (it sleeps
 * uninterruptibly, or the machine is so busy that it was not put on a CPU).  Then it is still seized and must be given to
 * strobe_pause_abandon until that says it is free. */
int strobe_pause_stop(int32_t tid, const struct strobe_crowd *crowd, struct strobe_pause *ret_pause);
void strobe_pause_resume(const struct strobe_pause *pause);
/* Non-blocking: lets a stuck thread go if it has stopped meanwhile.  1 = free (or gone), 0 = ask again later. */
int strobe_pause_abandon(int32_t tid);

#endif
