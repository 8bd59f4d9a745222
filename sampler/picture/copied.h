/* SPDX-License-Identifier: Apache-2.0 */
/* copied: of a process made by fork (place.h, forked_as), which of its semaphores, executors and queues are copies of its parent's that
 * nothing of it uses.  The tasks are walk/taskreader.h's: those of loops that none of its threads runs.
 *
 *   executor             used: it has workers here
 *   for tasks            used: a thread runs a loop here, and not another one is what it belongs to
 *   for threads          used: a thread waits in it; or its numbers have changed while it was looked at again and again
 *   what is not used     is a copy where somebody waits in it by its own account, who is not here; or where the parent has such an
 *                        object at that address, or may have had one: else it was made since
 *
 * May include: what pooled.h may.  Memory: its own.  Threads: one. */
#ifndef STROBE_PICTURE_COPIED_H
#define STROBE_PICTURE_COPIED_H

#include "base/htab.h"
#include "report/resources.h"

struct strobe_pooled;

struct strobe_copied {
    struct strobe_htab numbers; /* (object, class) of one for threads -> what it said when it was seen first, or that it has changed */
    uint64_t *waited;           /* objects that threads wait in, at the last look */
    size_t n_waited, cap_waited;
};

/* Zeroes are an empty one. */
void strobe_copied_release(struct strobe_copied *copied);
/* Takes the copies out of pooled->found, whose indices change; how many.  Of a process that was not made by fork there are none.
 * STROBE_ERR_NOMEM. */
int strobe_copied_take_out(struct strobe_copied *copied, struct strobe_pooled *pooled, uint32_t *ret_n);

#endif
