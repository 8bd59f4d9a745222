/* SPDX-License-Identifier: Apache-2.0 */
/* tasklist: the addresses of all tasks of an interpreter, of every loop and thread, each once.
 *
 *   3.8 - 3.11   asyncio.tasks._all_tasks, a WeakSet
 *   3.12, 3.13   asyncio.tasks._scheduled_tasks, a WeakSet, and _eager_tasks, a set
 *   3.14+        linked lists of the tasks made in C: one a thread state, one in the interpreter (of threads that have ended);
 *                the sets of 3.12 hold the others
 * (CPython: Lib/asyncio/tasks.py, Modules/_asynciomodule.c.)  They may hold tasks that have ended.
 * May include: mem, runtime, base.  Memory: its own, kept from reading to reading.  Threads: one. */
#ifndef STROBE_WALK_TASKLIST_H
#define STROBE_WALK_TASKLIST_H

#include "runtime/asyncio_layout.h"
#include "runtime/layout.h"
#include "runtime/pyroles.h"

struct strobe_tasklist_item {
    uint64_t addr, type;
    enum strobe_role role; /* STROBE_ROLE_TASK, _PY_TASK, or NONE: of a class that strobe does not know */
};

struct strobe_tasklist {
    struct strobe_mem *mem;
    const struct strobe_layout *lay;
    struct strobe_roles *roles;
    struct strobe_tasklist_item *at;
    size_t n, cap;
    uint32_t *seen;          /* by address: index in at, + 1; 0 = free; open addressing, at most half full */
    unsigned seen_bits;      /* log2 of its entries; 0 = none yet */
    uint64_t module; /* the name by which it was found, see strobe_py_dict_get_again */
    struct strobe_tasklist_name {
        uint64_t known;  /* the same for a set */
        uint64_t dict, n; /* the globals of so many names that have it not; 0 = none */
    } names[3];
    uint64_t *keys;          /* of a set, in the order of their addresses */
    size_t n_keys, cap_keys;
};

void strobe_tasklist_init(struct strobe_tasklist *list, struct strobe_mem *mem, const struct strobe_layout *lay,
                          struct strobe_roles *roles);
void strobe_tasklist_release(struct strobe_tasklist *list);
void strobe_tasklist_clear(struct strobe_tasklist *list);
/* Index of a task in `at`, or SIZE_MAX. */
size_t strobe_tasklist_find(const struct strobe_tasklist *list, uint64_t addr);

/* Appends the tasks of one interpreter.  tstates: its thread states' addresses.  aio: NULL = its layout is not known (yet): then only the
 * sets are read.  STROBE_ERR_MISSING: asyncio is not imported there; STROBE_ERR_TORN: a list changed while it was read;
 * STROBE_ERR_OBJECT: what should be a set is none; STROBE_ERR_LIMIT: more tasks than are kept, of all interpreters; a read error or
 * STROBE_ERR_NOMEM.  What was appended before an error stays. */
int strobe_tasklist_add(struct strobe_tasklist *list, const struct strobe_aio_layout *aio, uint64_t interp, const uint64_t *tstates,
                        size_t n_tstates);

#endif
