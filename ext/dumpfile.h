/* SPDX-License-Identifier: Apache-2.0 */
/* dumpfile: text written to where the program wants it, by a thread that may be told at any moment to stop waiting: a full pipe, whose
 * reader may be the very thread that tells it, holds nobody up.
 *
 * May include: base.  Threads: any; no state. */
#ifndef STROBE_EXT_DUMPFILE_H
#define STROBE_EXT_DUMPFILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { STROBE_DUMPFILE_STANDARD = 3 }; /* descriptors below are what the process has there at the moment: a redirection counts */

struct strobe_dumpfile { /* a descriptor of the program's, as it was when we were given it */
    int fd;              /* own duplicate, or a standard one; -1 = none */
    dev_t device;
    ino_t inode;
};
#define STROBE_DUMPFILE_INIT {-1, 0, 0}

/* Keeps a duplicate, so that the program may close its own, and its number may become another file's.  STROBE_ERR_IO: not open. */
int strobe_dumpfile_keep(int fd, struct strobe_dumpfile *ret);
void strobe_dumpfile_release(struct strobe_dumpfile *file);

/* One dump's own descriptor, the caller's to close; -1 = there is none.  Neither waits for a reader: a FIFO that nobody reads cannot be
 * opened.  Of a kept one that the program has closed behind our back (as daemons close all) none is given. */
int strobe_dumpfile_open(const char *path);
int strobe_dumpfile_again(const struct strobe_dumpfile *file);
/* The same file without waits where the system lets that be: a new descriptor, or fd itself. */
int strobe_dumpfile_without_waits(int fd);

/* Writes; waits for room unless or until *stop.  Returns the bytes that are done with: fewer than len only after *stop; what cannot be
 * written (a disk that is full, a pipe without readers) is done with. */
size_t strobe_dumpfile_write(int fd, const char *text, size_t len, const _Atomic bool *stop);

#endif
