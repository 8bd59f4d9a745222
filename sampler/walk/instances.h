/* SPDX-License-Identifier: Apache-2.0 */
/* instances: the executors, semaphores, limiters and queues of a process, wherever they are: found by the addresses of their classes.
 *
 *   sys.modules -> classes -> their subclasses -> memory scanned for their addresses -> objects
 *
 * A word is taken for an object's class pointer when the object is referred to and the collector knows it; what freed memory still
 * says, or a stack, is not.  The target runs meanwhile: what is made or freed during a scan may be missed or met, and whoever uses an
 * object reads it guarded, as always.
 * May include: runtime, walk/heapscan.h, base.  Memory: its own.  Threads: one. */
#ifndef STROBE_WALK_INSTANCES_H
#define STROBE_WALK_INSTANCES_H

#include <stdbool.h>

#include "runtime/layout.h"
#include "runtime/pyroles.h"
#include "walk/heapscan.h"

struct strobe_instance {
    uint64_t addr, type;
    enum strobe_role role;
};

struct strobe_instances {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    struct strobe_roles *roles;  /* all borrowed */
    struct strobe_heapscan scan;
    struct strobe_instance *at;  /* of the last scan that has ended, by address */
    size_t n;
    unsigned pass;               /* of the scan that ends, how often its hits were looked at; 0 = it has not begun to end */
    size_t next, left;           /* in this pass: hits that were looked at, refused ones among them */
    struct strobe_instance *found;
    size_t n_found, cap_found;
};

void strobe_instances_init(struct strobe_instances *instances, struct strobe_mem *mem, const struct strobe_layout *lay,
                           struct strobe_roles *roles);
void strobe_instances_release(struct strobe_instances *instances);
/* A scan begins: finds the classes in these interpreters (PyInterpreterState).  ret_classes: how many there are; 0: there is nothing to
 * scan for.  STROBE_ERR_NOMEM. */
int strobe_instances_begin(struct strobe_instances *instances, const uint64_t *interps, size_t n, size_t *ret_classes);
/* A part of the memory, as strobe_heapscan_run. */
int strobe_instances_scan(struct strobe_instances *instances, uint64_t addr, uint64_t bytes);
/* All memory was scanned: looks at up to `most` hits, to be called until ret_done: then at[] is filled anew.  What the scan before had
 * found and the collector still knows is in it, too, scanned or not (its page may have been passed over).  STROBE_ERR_NOMEM: the scan has
 * failed, and at[] is as it was. */
int strobe_instances_end(struct strobe_instances *instances, uint64_t most, bool *ret_done);
/* Do objects of that role count: executors, semaphores, limiters, queues? */
bool strobe_instance_counts(enum strobe_role role);
/* Is there still an object of that class? */
bool strobe_instance_lives(struct strobe_mem *mem, const struct strobe_layout *lay, const struct strobe_instance *instance);

#endif
