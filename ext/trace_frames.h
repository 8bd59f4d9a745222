/* SPDX-License-Identifier: Apache-2.0 */
/* trace_frames: the hook of CPython 3.9 to 3.11.
 * May include: trace.h. */
#ifndef STROBE_EXT_TRACE_FRAMES_H
#define STROBE_EXT_TRACE_FRAMES_H

#include "ext/trace.h"

/* trace_frames(on): frames are evaluated by our function, or by the interpreter's own (3.9 to 3.11).  RuntimeError where that cannot be. */
PyObject *strobe_trace_frames(PyObject *module, PyObject *args);
/* A thread has taken its seat: what hooks need on the thread itself (below 3.12, builtins). */
void strobe_trace_sat_down(struct strobe_trace *trace);

#endif
