/* SPDX-License-Identifier: Apache-2.0 */
/* outside: a process that is attached to, as a place to make pictures of (place.h): what its surroundings know is asked of /proc.
 * May include: attach, place.h, childwork, base. */
#ifndef STROBE_TOOLS_OUTSIDE_H
#define STROBE_TOOLS_OUTSIDE_H

#include "attach/attach.h"
#include "attach/proc/heapmap.h"
#include "attach/proc/peers.h"
#include "place.h"

struct strobe_outside {
    struct strobe_place place;
    struct strobe_attach *attach; /* borrowed */
    struct strobe_peers peers;    /* of the look that goes on */
    struct strobe_heapmap map;    /* of the scan that goes on */
    pid_t parent;                 /* that it was forked from; 0 = not as far as is known, */
    uint64_t parent_ticks;        /* and when that began; */
    bool parent_lives;            /* it did when the look that goes on began */
};

/* Never fails.  The place is valid as long as the outside, which must not move, and the attachment, whose parts it borrows. */
void strobe_outside_init(struct strobe_outside *outside, struct strobe_attach *attach, int32_t pid);
/* The process was made by fork from that one, which is looked at too, if it was (place.h, forked_as): before a picture of it is made. */
void strobe_outside_set_parent(struct strobe_outside *outside, pid_t parent);
void strobe_outside_release(struct strobe_outside *outside);

#endif
