/* SPDX-License-Identifier: Apache-2.0 */
/* heapscan: where in a process's memory do certain words lie?  Asked for the addresses of classes, it finds their instances: those too
 * that no stack, no task and no collector's list leads to (gc.freeze()).  A hit is only a word: whoever uses it looks whether there is
 * an object around it.
 *
 *   memory, block by block  ->  each aligned word  ->  a byte of the filter  ->  the few wanted ones  ->  its address
 *
 * May include: mem, base.  Memory: its own.  Threads: one. */
#ifndef STROBE_WALK_HEAPSCAN_H
#define STROBE_WALK_HEAPSCAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/htab.h"
#include "mem/mem.h"

enum {
    STROBE_HEAPSCAN_BLOCK = 256 * 1024, /* bytes read in one call */
    STROBE_HEAPSCAN_FILTER = 4096,
};

struct strobe_heapscan {
    struct strobe_mem *mem;   /* borrowed */
    struct strobe_htab wanted;
    uint8_t filter[STROBE_HEAPSCAN_FILTER]; /* by some bits of the word: 1 = one of the wanted has these */
    unsigned char *block;
    uint64_t *hits;           /* addresses of words, ascending within a run */
    size_t n_hits, cap_hits;
    uint64_t unread;          /* bytes that could not be read, of all runs */
};

void strobe_heapscan_init(struct strobe_heapscan *scan, struct strobe_mem *mem);
void strobe_heapscan_release(struct strobe_heapscan *scan);
/* Looks for this word, too.  STROBE_ERR_NOMEM. */
int strobe_heapscan_want(struct strobe_heapscan *scan, uint64_t word);
/* Forgets the hits. */
void strobe_heapscan_clear(struct strobe_heapscan *scan);
/* Looks at the bytes from addr on, both multiples of 8, and appends the hits.  What is not mapped is passed over and counted.
 * STROBE_ERR_NOMEM, STROBE_ERR_GONE, STROBE_ERR_PERM. */
int strobe_heapscan_run(struct strobe_heapscan *scan, uint64_t addr, uint64_t bytes);

#endif
