/* SPDX-License-Identifier: Apache-2.0 */
/* pyotel: the current trace and span of OpenTelemetry, as its API keeps them in a context variable: "current_context" has a dict, which has
 * the current span under a key that begins with "current-span-"; its span context is a tuple that begins with trace id and span id
 * (opentelemetry-api: context/contextvars_context.py, trace/propagation/__init__.py, trace/span.py).
 * Everything is hostile, as in pyobj.h.  May include: mem, layout, pyobj.h, base.  Nothing is kept, nothing allocated. */
#ifndef STROBE_RUNTIME_PYOTEL_H
#define STROBE_RUNTIME_PYOTEL_H

#include "runtime/pyobj.h"

#define STROBE_OTEL_VARIABLE "current_context"

enum strobe_otel_id { STROBE_OTEL_TRACE, STROBE_OTEL_SPAN };

/* Appends the id as OpenTelemetry writes it: 32 or 16 hexadecimal digits.  value: of the variable.  STROBE_ERR_MISSING: no span is current,
 * or none that is valid (an id of 0); STROBE_ERR_OBJECT. */
int strobe_py_otel(struct strobe_mem *mem, const struct strobe_layout *lay, uint64_t value, enum strobe_otel_id which,
                   struct strobe_buf *out);

#endif
