/* SPDX-License-Identifier: Apache-2.0 */
/* heapmap: which parts of a process's writable anonymous memory are in RAM: what has never been touched is passed over, so that a look
 * at a reservation of gigabytes costs the target no page, and so is what is swapped out, which a look would bring back.
 * /proc/PID/maps and pagemap (the kernel's Documentation/admin-guide/mm/pagemap.rst).
 * May include: procmaps, base.  Ownership: the holder releases.  Threads: one. */
#ifndef STROBE_PROC_HEAPMAP_H
#define STROBE_PROC_HEAPMAP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "attach/proc/procmaps.h"
#include "base/ownfile.h"

enum { STROBE_HEAPMAP_PAGES = 8192 }; /* whose presence is read in one call: 32 MiB */

struct strobe_heapmap {
    struct strobe_procmaps maps;
    struct strobe_ownfile pagemap; /* none: not to be read; then every page counts as there */
    size_t at;       /* the mapping that is being passed */
    uint64_t next;   /* address in it; 0 = its start */
    uint64_t pages_from; /* address of the first page in entries */
    size_t n_pages;
    uint64_t *entries;
};

#define STROBE_HEAPMAP_INIT {.pagemap = STROBE_OWNFILE_NONE}

/* STROBE_ERR_NOPROC, STROBE_ERR_PERM, STROBE_ERR_IO, STROBE_ERR_NOMEM. */
int strobe_heapmap_open(pid_t pid, struct strobe_heapmap *ret);
void strobe_heapmap_release(struct strobe_heapmap *map);
/* The next run of pages that are there, in ascending order, at most `most` bytes of it.  False: none is left. */
bool strobe_heapmap_next(struct strobe_heapmap *map, uint64_t most, uint64_t *ret_addr, uint64_t *ret_bytes);
/* Bytes of all mappings that it passes. */
uint64_t strobe_heapmap_mapped(const struct strobe_heapmap *map);

#endif
