/* SPDX-License-Identifier: Apache-2.0 */
/* functions: what a key means: its function's number and kind, and the node in which it counts.
 *
 *   key (code object, definition of a builtin) --kind, adopt--> number, kind --child--> node below its caller's
 *
 * Inside of calls/ only.  May include: tables.h.  Threads: any; the table of functions is guarded by strobe_calls_lock. */
#ifndef STROBE_CALLS_FUNCTIONS_H
#define STROBE_CALLS_FUNCTIONS_H

#include "calls/calls.h"
#include "calls/tables.h"

/* Asks for it (strobe_calls_ops) when it is not known. */
struct strobe_calls_function strobe_calls_function_of(struct strobe_calls *calls, const void *key);
/* Is it known, and not wanted? */
bool strobe_calls_is_left_out(struct strobe_calls *calls, const void *key);
/* A node's key.  Functions beyond the limit share their nodes by kind: nobody keeps their keys, which may stand for others soon. */
const void *strobe_calls_key_of_node(const void *key, struct strobe_calls_function function);
/* The child of the innermost frame's node, and what it is; made when it is new and of a kind that may be.  NULL: it may not be, or there
 * is no memory. */
struct strobe_calls_node *strobe_calls_child_of(struct strobe_calls_thread *thread, const void *key, uint32_t group, bool may_activate,
                                                enum strobe_calls_kind *ret_kind);

#endif
