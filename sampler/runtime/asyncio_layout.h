/* SPDX-License-Identifier: Apache-2.0 */
/* asyncio_layout: where the fields of asyncio's futures and tasks lie, for one target.  Filled once, const afterwards.
 *
 * Up to 3.13 by constants (layout_tables_aio.c: one row a field, one column a version).  From 3.14 on asyncio has a table of
 * offsets of its own, 13 little-endian words in an ELF section (CPython: Modules/_asynciomodule.c, Py_AsyncioModuleDebugOffsets);
 * what it lacks follows from its neighbours, and every such relation is checked.  The table is hostile input.
 * May include: mem, layout. */
#ifndef STROBE_RUNTIME_ASYNCIO_LAYOUT_H
#define STROBE_RUNTIME_ASYNCIO_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/layout.h"

enum {
    STROBE_AIO_TABLE_SIZE = 104, /* bytes: 13 words */
    STROBE_AIO_MAX_TASK = 512,   /* task_size and fut_size are at most this: who reads a task whole may use such a buffer; 192 in 3.14t */
};

/* FutureObj.fut_state */
enum { STROBE_AIO_PENDING, STROBE_AIO_CANCELLED, STROBE_AIO_FINISHED };

/* Offsets in bytes; STROBE_NONE = absent.  A task begins with a future: the fut_ offsets hold for both.
 * fut_loop .. fut_result, fut_awaited_by, task_fut_waiter .. task_context: pointers; fut_state, task_num_cancels: 32-bit int;
 * fut_is_task, fut_awaited_by_is_set: bytes; task_node, interp_tasks_head, thread_tasks_head: {next, prev} of a circular list. */
struct strobe_aio_layout {
    uint32_t fut_loop, fut_callback0, fut_context0, fut_callbacks, fut_exception, fut_result, fut_state, fut_awaited_by, fut_is_task,
        fut_awaited_by_is_set, fut_size;
    uint32_t task_must_cancel, task_must_cancel_mask /* 0xffffffff: an int at task_must_cancel; else a bit of the byte there */;
    uint32_t task_num_cancels, task_fut_waiter, task_coro, task_name, task_context, task_node, task_size;
    uint32_t interp_tasks_head /* in PyInterpreterState */;
    uint32_t thread_running_loop, thread_running_task, thread_tasks_head /* in PyThreadState (_PyThreadStateImpl) */;
    uint32_t rows_end[0]; /* no storage; stays last, so that a test finds members without a row */
};

/* table: the address of the target's own table (strobe_attach_asyncio), which versions before 3.14 do not need.
 * STROBE_ERR_MISSING: this version needs one and table is 0; STROBE_ERR_LAYOUT; an error of the reading.  ret: untouched on
 * failure; then why (160 bytes, or NULL) gets one clause. */
int strobe_aio_layout_init(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t table, struct strobe_aio_layout *ret,
                           char *why);

/* Pure part of the above: the table as bytes. */
int strobe_aio_layout_from_table(const void *table, size_t len, const struct strobe_layout *lay, struct strobe_aio_layout *ret,
                                 char *why);

/* Does this target have such a table at all (3.14+)? */
bool strobe_aio_layout_has_table(const struct strobe_layout *lay);

/* Compares with tp_basicsize of the target's type _asyncio.Task (itself: a subclass may be larger).  Where tasks changed within a
 * minor series (3.10) the layout of that size takes the place of *aio.  STROBE_ERR_LAYOUT: no known layout has this size. */
int strobe_aio_layout_fit(const struct strobe_layout *lay, uint64_t basicsize, struct strobe_aio_layout *aio, char *why);

#endif
