/* SPDX-License-Identifier: Apache-2.0 */
/* place: a process as every picture of it needs it (picture/): its memory, its threads, its layout, and what only its surroundings know.
 * From outside that is an attachment (tools/outside.h), from inside the process itself (ext/inside.h), in a test whatever the test says.
 *
 * May include: mem, runtime/layout.h, base.  Ownership: who makes a place frees it, after the pictures.  Threads: one at a time. */
#ifndef STROBE_PLACE_H
#define STROBE_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "mem/host.h"
#include "mem/mem.h"
#include "runtime/layout.h"

struct strobe_place;
struct strobe_pools;

/* Any call may be NULL: that is not known then. */
struct strobe_place_ops {
    /* A look begins: what was kept of the surroundings as of the one before is forgotten.  ret_stopped: has a signal stopped the process
     * (SIGSTOP, a debugger)?  To be asked before anything is held. */
    void (*begin)(struct strobe_place *place, bool *ret_stopped);
    /* Where asyncio's own table of offsets lies (3.14+); mem: a reader to look with.  STROBE_ERR_MISSING: not (yet) there. */
    int (*find_asyncio)(struct strobe_place *place, struct strobe_mem *mem, uint64_t *ret_table);
    /* Appends the part of a source file's path that lies inside its package.  0 or STROBE_ERR_NOMEM. */
    int (*shorten)(struct strobe_place *place, const char *path, struct strobe_buf *ret_short);
    /* Appends what a file descriptor is connected to ("127.0.0.1:80"); nothing when that cannot be told. */
    void (*peer)(struct strobe_place *place, int32_t fd, struct strobe_buf *out);
    /* Asks the worker processes of process pools what they are in and tells the pools (strobe_pools_assign).  nonblocking: they may not be
     * paused for it.  STROBE_ERR_NOMEM; who cannot be asked is passed over. */
    int (*ask_workers)(struct strobe_place *place, bool nonblocking, struct strobe_pools *pools);
    /* The next run of writable memory that is there, in ascending order, at most `most` bytes; anew: from the lowest on, by the map of
     * now.  STROBE_ERR_MISSING: none is left; or why the map cannot be read. */
    int (*area)(struct strobe_place *place, bool anew, uint64_t most, uint64_t *ret_addr, uint64_t *ret_bytes);
    /* Of a process made by fork (forked_as): has the one that it was made from a word of this value at this address?  True too when that
     * can no longer be told. */
    bool (*parent_has)(struct strobe_place *place, uint64_t address, uint64_t word);
};

struct strobe_place {
    const struct strobe_place_ops *ops;
    struct strobe_mem *mem;             /* all borrowed */
    struct strobe_host *host;
    const struct strobe_layout *layout;
    int32_t pid;
    /* Made by fork, from a process that is looked at too or has ended: its memory began as a copy, most of which nothing of it uses
     * (picture/copied.h).  Its pid as it knows it itself; 0 = it was not, as far as is known.  The owner's to set before the pictures. */
    int32_t forked_as;
    const char *cmdline, *exe, *version; /* for people: argv joined by blanks, path, "3.12.1" */
};

/* The calls in the form that tables of names and looks at tasks take them (strobe_names_set_shortener, strobe_tasklook_set_finder);
 * ctx is the place. */
int strobe_place_shorten(void *place, const char *path, struct strobe_buf *ret_short);
int strobe_place_find_asyncio(void *place, struct strobe_mem *mem, uint64_t *ret_table);

#endif
