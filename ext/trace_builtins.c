/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/trace_builtins.h"

#include <string.h>

#include "base/err.h"

extern PyTypeObject PyCMethod_Type; /* 3.9; exported, but not in the headers of the stable ABI */

int strobe_trace_adopt_builtin(struct strobe_trace_function *function, PyObject *builtin, const void *definition)
{
    PyObject *self = PyObject_TypeCheck(builtin, &PyCFunction_Type) ? PyCFunction_GetSelf(builtin) : NULL;

    function->what = builtin;
    if (self && !PyModule_Check(self) && !PyType_Check(self) && !PyCapsule_CheckExact(self)) {
        if (!(function->name = PyUnicode_FromString(*(const char *const *)definition))) {
            PyErr_Clear();
            function->what = NULL;
            return STROBE_ERR_NOMEM;
        }
        function->what = (PyObject *)Py_TYPE(self);
    }
    Py_INCREF(function->what);
    return 0;
}

const void *strobe_trace_definition(const struct strobe_trace *trace, PyObject *callable)
{
    const PyTypeObject *type = Py_TYPE(callable);

    /* Of a method descriptor the field after PyDescr_COMMON (Include/cpython/descrobject.h): a type and two names. */
    if (type == &PyCFunction_Type || type == &PyCMethod_Type)
        return strobe_trace_pointer(callable, trace->layout.cfunc_def);
    if (type == &PyMethodDescr_Type)
        return strobe_trace_pointer(callable, trace->layout.ob_header + 3 * sizeof(void *));
    return NULL;
}

bool strobe_trace_sets_profile(PyObject *callable, const void *definition)
{
    PyObject *self = PyObject_TypeCheck(callable, &PyCFunction_Type) ? PyCFunction_GetSelf(callable) : NULL;
    const char *name = *(const char *const *)definition;

    if (self && PyModule_Check(self))
        return strcmp(name, "setprofile") == 0;
    return strcmp(name, "enable") == 0 || strcmp(name, "disable") == 0;
}

void strobe_trace_builtin_starts(struct strobe_seat *seat, const void *caller, PyObject *callable, const void *definition)
{
    if (strobe_calls_innermost(seat->thread) != caller)
        return;
    seat->builtin = callable;
    strobe_calls_enter(seat->thread, definition, STROBE_CALLS_SAME, strobe_ticks_now(&seat->ticks));
    seat->builtin = NULL;
    strobe_calls_owe(seat->thread, strobe_trace_active->builtin_surplus);
}

void strobe_trace_builtin_ends(struct strobe_seat *seat, const void *definition)
{
    if (strobe_calls_innermost(seat->thread) != definition)
        return;
    strobe_calls_leave(seat->thread, definition, strobe_ticks_now(&seat->ticks));
    strobe_calls_owe(seat->thread, strobe_trace_active->builtin_surplus);
}
