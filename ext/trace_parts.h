/* SPDX-License-Identifier: Apache-2.0 */
/* trace_parts: the type _strobe.Calls, whose methods are in several files.  Inside of these only. */
#ifndef STROBE_EXT_TRACE_PARTS_H
#define STROBE_EXT_TRACE_PARTS_H

#include "ext/trace.h"

struct strobe_calls_object {
    PyObject_HEAD
    struct strobe_trace trace;
    bool is_active;
    uint64_t run_wall; /* ticks of the runs before this one */
    uint64_t since;    /* this one began */
};

static inline struct strobe_calls_object *strobe_calls_object_of(PyObject *object)
{
    return (struct strobe_calls_object *)object;
}

/* Methods: see the table in trace_type.c. */
PyObject *strobe_calls_object_begin(PyObject *object, PyObject *ignored);
PyObject *strobe_calls_object_go(PyObject *object, PyObject *args);
PyObject *strobe_calls_object_stop(PyObject *object, PyObject *ignored);
PyObject *strobe_calls_object_clear(PyObject *object, PyObject *ignored);
PyObject *strobe_calls_object_thread(PyObject *object, PyObject *args);
PyObject *strobe_calls_object_stack(PyObject *object, PyObject *frame);
PyObject *strobe_calls_object_place(PyObject *object, PyObject *frame);
PyObject *strobe_calls_object_seed(PyObject *object, PyObject *args);
PyObject *strobe_calls_object_settle(PyObject *object, PyObject *ignored);
PyObject *strobe_calls_object_seed_waiting(PyObject *object, PyObject *args);
PyObject *strobe_calls_object_rows(PyObject *object, PyObject *args);
PyObject *strobe_calls_object_functions(PyObject *object, PyObject *ignored);
PyObject *strobe_calls_object_threads(PyObject *object, PyObject *ignored);
PyObject *strobe_calls_object_groups(PyObject *object, PyObject *ignored);
PyObject *strobe_calls_object_facts(PyObject *object, PyObject *ignored);
PyObject *strobe_calls_object_export(PyObject *object, PyObject *args);

#endif
