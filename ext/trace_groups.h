/* SPDX-License-Identifier: Apache-2.0 */
/* trace_groups: to which group the calls of what starts now belong: its task's, its tag's.
 * May include: trace_seat.h. */
#ifndef STROBE_EXT_TRACE_GROUPS_H
#define STROBE_EXT_TRACE_GROUPS_H

#include "ext/trace_seat.h"

/* The group of what starts now: its task, its tag; STROBE_CALLS_SAME where that is its caller's.  seat: held; it is not while the program's
 * code is asked.  false: the profile has ended meanwhile, or is gone, the seat is not held any more, and the event is nobody's. */
bool strobe_trace_group(struct strobe_seat *seat, const void *code, uint32_t *ret_group);
/* A generator, coroutine or asynchronous generator goes on in this frame.  seat: held.  false: as above. */
bool strobe_trace_goes_on(struct strobe_seat *seat, const char *frame, const void *code, enum strobe_calls_verdict *ret);
/* The group of a task of this name whose outermost coroutine runs this code. */
uint32_t strobe_trace_named_group(struct strobe_trace *trace, PyObject *name, const void *code);

#endif
