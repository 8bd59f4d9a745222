/* SPDX-License-Identifier: Apache-2.0 */
/* trace_export: a deterministic profile's time on threads as stacks, in the formats of export/registry.c.  Weights are microseconds.
 * May include: compat.h, calls, selfprofile.h, base. */
#ifndef STROBE_EXT_TRACE_EXPORT_H
#define STROBE_EXT_TRACE_EXPORT_H

#include "ext/compat.h"

#include "base/buf.h"
#include "calls/rows.h"

/* questions: n of them, whose answers are added up.  names: a list of (name, file, first line) by function's number; file "": it has none.
 * STROBE_ERR_ARG: no such format, or (with a Python exception set) names that are none. */
int strobe_trace_export(struct strobe_calls *calls, const struct strobe_calls_question *questions, size_t n, PyObject *names, bool by_cpu,
                        double ns_per_tick, const char *title, const char *format, struct strobe_buf *out);

#endif
