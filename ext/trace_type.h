/* SPDX-License-Identifier: Apache-2.0 */
/* trace_type: _strobe.Calls, a deterministic profile as Python sees it: plain data in and out.  What users call is in strobe/_calls.py.
 * May include: compat.h, trace*.h, convert.h, calls, export, agg, base. */
#ifndef STROBE_EXT_TRACE_TYPE_H
#define STROBE_EXT_TRACE_TYPE_H

#include "ext/compat.h"

/* Adds the type and the functions of the hooks: 0, or -1 with an exception set. */
int strobe_trace_add_types(PyObject *module);

#endif
