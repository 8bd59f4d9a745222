/* SPDX-License-Identifier: Apache-2.0 */
/* trace_monitoring: the hook of CPython 3.12 and newer.
 * May include: trace_seat.h. */
#ifndef STROBE_EXT_TRACE_MONITORING_H
#define STROBE_EXT_TRACE_MONITORING_H

#include "ext/compat.h"

/* trace_callbacks(sys.monitoring.DISABLE, types.CodeType) -> {event's name: callback} (3.12 and newer). */
PyObject *strobe_trace_callbacks(PyObject *module, PyObject *args);

#endif
