/* SPDX-License-Identifier: Apache-2.0 */
/* trace_hooks: how interpreters are made to tell of calls; each kind of hook is a file.  May include: trace.h. */
#ifndef STROBE_EXT_TRACE_HOOKS_H
#define STROBE_EXT_TRACE_HOOKS_H

#include "ext/trace.h"

/* trace_callbacks(sys.monitoring.DISABLE, types.CodeType) -> {event's name: callback} (3.12 and newer). */
PyObject *strobe_trace_callbacks(PyObject *module, PyObject *args);
/* trace_frames(on): frames are evaluated by our function, or by the interpreter's own (3.9 to 3.11).  RuntimeError where that cannot be. */
PyObject *strobe_trace_frames(PyObject *module, PyObject *args);
/* A thread has taken its seat: what hooks need on the thread itself (below 3.12, builtins). */
void strobe_trace_sat_down(struct strobe_trace *trace);
/* Has a generator's frame suspended itself?  It is not the one that runs. */
bool strobe_trace_is_suspended(const struct strobe_trace *trace, const char *frame);
/* What was on a thread's stack before the profile, and is not on the one of which this is the innermost frame, has left it.  begins: the
 * frame that is about to begin, or go on; NULL: none. */
void strobe_trace_settle(struct strobe_trace *trace, struct strobe_calls_thread *thread, const void *innermost, const void *begins,
                         uint64_t turn, struct strobe_calls_time now);
/* The same with the first event of this thread, for good: from then on ends are seen (3.12 and newer).  begins: as for strobe_seat_take. */
void strobe_trace_settle_once(struct strobe_trace *trace, struct strobe_calls_thread *thread, bool begins, uint64_t turn,
                              struct strobe_calls_time now);
/* The PyMethodDef of a function or method of C, which is its key; NULL: it is none of these. */
const void *strobe_trace_definition(const struct strobe_trace *trace, PyObject *callable);
/* Such a one is called by the frame that runs this code; nothing if that is left out.  seat: held. */
void strobe_trace_builtin_starts(struct strobe_seat *seat, const void *caller, PyObject *callable, const void *definition);
/* It has returned, or raised. */
void strobe_trace_builtin_ends(struct strobe_seat *seat, const void *definition);

#endif
