/* SPDX-License-Identifier: Apache-2.0 */
/* convert: the only file that makes Python objects of what strobe has read and gathered.
 * May include: compat.h, selfprofile.h, session.h, meter, base.  With the GIL. */
#ifndef STROBE_EXT_CONVERT_H
#define STROBE_EXT_CONVERT_H

#include "ext/compat.h"

#include "base/buf.h"
#include "ext/selfprofile.h"
#include "meter/metrics.h"
#include "session.h"

struct strobe_convert_state { /* of the module */
    PyObject *profile_type;
};

/* Adds the types of this file to the module: 0, or -1 with an exception set. */
int strobe_convert_add_types(PyObject *module);
/* Adds an object, which is taken over also on failure; NULL: one that could not be made.  0 or -1 with an exception set. */
int strobe_convert_add(PyObject *module, const char *name, PyObject *object);
/* The module's state, as its definition wants it. */
int strobe_convert_traverse(PyObject *module, visitproc visit, void *arg);
int strobe_convert_clear(PyObject *module);
void strobe_convert_free(void *module);
/* Raises strobe's errors: MemoryError, RuntimeError with the clause why, which is released.  Always NULL. */
PyObject *strobe_convert_error(int err, struct strobe_buf *why);
/* A Profile; takes profile over, also on failure. */
PyObject *strobe_convert_profile(PyObject *module, struct strobe_selfprofile *profile);
/* Families as a list of {"name", "type", "help", "unit", "samples": [{"labels": {}, "value"}]}; NULL with an exception set. */
PyObject *strobe_convert_metrics(const struct strobe_metrics *metrics);
/* Figures of a recording as a dict; NULL with an exception set. */
PyObject *strobe_convert_stats(const struct strobe_session_stats *stats);

#endif
