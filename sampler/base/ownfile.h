/* SPDX-License-Identifier: Apache-2.0 */
/* ownfile: a descriptor that we keep open in a process that is not ours alone.  A program may close all descriptors that it does not know
 * (as daemons do), and open files of its own under their numbers: what is kept is looked at again before it is used or closed.
 * May include: nothing.  Threads: as the descriptor. */
#ifndef STROBE_BASE_OWNFILE_H
#define STROBE_BASE_OWNFILE_H

#include <stdbool.h>
#include <stdint.h>

struct strobe_ownfile {
    int fd; /* -1 = none */
    uint64_t device, inode;
};

#define STROBE_OWNFILE_NONE {-1, 0, 0}

/* Takes fd over; -1 = none.  One that fstat(2) refuses is closed, and none is kept. */
struct strobe_ownfile strobe_ownfile_keep(int fd);
/* Is it still that file?  False also when there is none.  A system call. */
bool strobe_ownfile_is(const struct strobe_ownfile *file);
/* Closes it, unless its number is somebody else's by now; then there is none. */
void strobe_ownfile_close(struct strobe_ownfile *file);

#endif
