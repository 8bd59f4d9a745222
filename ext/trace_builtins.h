/* SPDX-License-Identifier: Apache-2.0 */
/* trace_builtins: calls of functions and methods of C, by their definition.
 * May include: trace_seat.h. */
#ifndef STROBE_EXT_TRACE_BUILTINS_H
#define STROBE_EXT_TRACE_BUILTINS_H

#include "ext/trace_seat.h"

/* The PyMethodDef of a function or method of C, which is its key; NULL: it is none of these. */
const void *strobe_trace_definition(const struct strobe_trace *trace, PyObject *callable);
/* Does it change its thread's profile function: sys.setprofile, enable() and disable() of cProfile? */
bool strobe_trace_sets_profile(PyObject *callable, const void *definition);
/* Such a one is called by the frame that runs this code; nothing if that is left out.  seat: held. */
void strobe_trace_builtin_starts(struct strobe_seat *seat, const void *caller, PyObject *callable, const void *definition);
/* It has returned, or raised. */
void strobe_trace_builtin_ends(struct strobe_seat *seat, const void *definition);
/* What is kept of a builtin: of the method of an object its type, so that the object does not live longer for it; not of one that is bound
 * to a capsule, which may have its definition (pybind11).  definition: its PyMethodDef, whose first field is its name
 * (Include/methodobject.h). */
int strobe_trace_adopt_builtin(struct strobe_trace_function *function, PyObject *builtin, const void *definition);

#endif
