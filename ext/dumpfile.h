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

#include "base/ownfile.h"

enum { STROBE_DUMPFILE_STANDARD = 3 }; /* descriptors below are what the process has there at the moment: a redirection counts */

/* Keeps a descriptor of the program's: a standard one itself, of others a duplicate, so that the program may close its own.
 * STROBE_ERR_IO: not open. */
int strobe_dumpfile_keep(int fd, struct strobe_ownfile *ret);
void strobe_dumpfile_release(struct strobe_ownfile *file);

/* One dump's own descriptor, the caller's to close; -1 = there is none.  Neither waits for a reader: a FIFO that nobody reads cannot be
 * opened.  Of a kept one that the program has closed behind our back (as daemons close all) none is given. */
int strobe_dumpfile_open(const char *path);
int strobe_dumpfile_again(const struct strobe_ownfile *file);
/* The same file without waits where the system lets that be: a new descriptor, or fd itself. */
int strobe_dumpfile_without_waits(int fd);

/* Writes; waits for room unless or until *stop.  Returns the bytes that are done with: fewer than len only after *stop; what cannot be
 * written (a disk that is full, a pipe without readers) is done with. */
size_t strobe_dumpfile_write(int fd, const char *text, size_t len, const _Atomic bool *stop);

#endif
