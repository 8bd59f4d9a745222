/* SPDX-License-Identifier: Apache-2.0 */
/* eventlog: the order in which stacks came, thread by thread, on disk.
 *
 * A run = one stack of one thread for a stretch of time.  Each thread fills a block of its own; a full block is written to
 * an unlinked temporary file, where a thread's blocks form a chain.  So memory grows with threads, not with time:
 *
 *   block, BLOCK bytes:  [ offset of the thread's next block : 8 ][ bytes used : 4 ][ runs ... ]
 *   run:                 varint(leaf) varint(start - end of the run before) varint(length)         nanoseconds
 *
 * May include: base.  Ownership: the holder releases.  Not thread-safe. */
#ifndef STROBE_AGG_EVENTLOG_H
#define STROBE_AGG_EVENTLOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/ownfile.h"

struct strobe_eventlog_thread {
    unsigned char *block; /* grows to one block's size; NULL before the first run was closed */
    uint32_t used, cap;
    uint64_t first_off, this_off; /* where the chain begins, where this block will go; both 0 before the first write */
    uint64_t closed_ns;           /* end of the last run in the block */
    uint32_t leaf;                /* the open run; start == end = there is none */
    uint64_t start_ns, end_ns;
};

struct strobe_eventlog {
    struct strobe_ownfile spool; /* none until the first block is written */
    uint64_t size;    /* bytes given out to blocks; block 0 is never used, so that an offset of 0 means none */
    int error;        /* sticky: a log with a hole is no log */
};

#define STROBE_EVENTLOG_INIT {STROBE_OWNFILE_NONE, 0, 0}

void strobe_eventlog_release(struct strobe_eventlog *log);
void strobe_eventlog_thread_release(struct strobe_eventlog_thread *thread);

/* Appends a run; a thread's runs come in order of time (an overlap with the one before is cut off).  A run that continues
 * the one before (same leaf, no gap) lengthens it.  STROBE_ERR_IO when the disk is full or the process has closed our file, and at
 * every later call. */
int strobe_eventlog_add(struct strobe_eventlog *log, struct strobe_eventlog_thread *thread, uint32_t leaf, uint64_t start_ns,
                        uint64_t end_ns);

/* Calls each for every run of a thread, in order of time; stops at non-zero and returns that. */
typedef int strobe_eventlog_fn(void *ctx, uint32_t leaf, uint64_t start_ns, uint64_t end_ns);
int strobe_eventlog_each(const struct strobe_eventlog *log, const struct strobe_eventlog_thread *thread, strobe_eventlog_fn *each,
                         void *ctx);

#endif
