/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/trace_code.h"

#include <string.h>

#include "base/err.h"
#include "base/grow.h"
#include "ext/trace_seat.h"
#include "ext/trace_builtins.h"

const char *strobe_trace_frame(const struct strobe_trace *trace)
{
    const char *state = (const char *)PyThreadState_Get(), *inner = strobe_trace_pointer(state, trace->layout.ts_frame);

    return trace->layout.frames == STROBE_FRAMES_CFRAME ? strobe_trace_pointer(inner, trace->layout.cframe_current) : inner;
}

const char *strobe_trace_inner_frame(const struct strobe_trace *trace, const void *object)
{
    if (trace->layout.frames == STROBE_FRAMES_HEAP)
        return object;
    return strobe_trace_pointer(object, trace->layout.ob_header + sizeof(void *)); /* f_frame, behind f_back (pycore_frame.h) */
}

bool strobe_trace_has_begun(const struct strobe_trace *trace, const char *frame, const void *code)
{
    const struct strobe_layout *lay = &trace->layout;
    int32_t first = *(const int32_t *)((const char *)code + lay->co_firsttraceable); /* in units of two bytes */

    return (const char *)strobe_trace_pointer(frame, lay->fr_instr) >= (const char *)code + lay->co_code + (ptrdiff_t)first * 2;
}

/* Is it one of these, or inside of one?  separator: between the parts of names; one may end with it. */
static bool is_in_one(PyObject *name, PyObject *outer, Py_UCS4 separator)
{
    for (Py_ssize_t i = 0; i < PyTuple_Size(outer); i++) {
        PyObject *one = PyTuple_GetItem(outer, i);
        Py_ssize_t length = PyUnicode_GetLength(one);

        if (PyUnicode_Tailmatch(name, one, 0, PY_SSIZE_T_MAX, -1) == 1 &&
            (PyUnicode_GetLength(name) == length || PyUnicode_ReadChar(name, length) == separator ||
             PyUnicode_ReadChar(name, length - 1) == separator))
            return true;
    }
    return false;
}

/* Is the module of these globals wanted?  What `-m` runs is known by its own name, too.  Nothing of the program runs meanwhile. */
static bool is_of_module(const struct strobe_trace *trace, PyObject *globals)
{
    PyObject *name = PyDict_GetItem(globals, trace->name_key);

    if (!name || !PyUnicode_Check(name))
        return false;
    return is_in_one(name, trace->modules, '.') ||
           (globals == trace->main_globals && is_in_one(trace->main_name, trace->modules, '.'));
}

/* In the frame that runs this code now, or by the globals that are known of it. */
static bool is_wanted(const struct strobe_trace *trace, const void *code)
{
    PyObject *file = (PyObject *)strobe_trace_pointer(code, trace->layout.co_filename), *globals;
    struct strobe_seat *seat = strobe_seat_own;
    const char *frame;

    if (is_in_one(file, trace->own, '/'))
        return false;
    if ((!PyTuple_Size(trace->modules) && !PyTuple_Size(trace->paths)) || is_in_one(file, trace->paths, '/'))
        return true;
    if (!PyTuple_Size(trace->modules))
        return false;
    if (trace->globals) {
        globals = trace->globals;
    } else {
        frame = seat && seat->frame ? seat->frame : strobe_trace_frame(trace);
        globals = frame ? (PyObject *)strobe_trace_pointer(frame, trace->layout.fr_globals) : NULL;
    }
    return globals && is_of_module(trace, globals);
}

enum strobe_calls_kind strobe_trace_kind(void *ctx, const void *key)
{
    const struct strobe_trace *trace = ctx;
    int flags;

    if (strobe_seat_own && strobe_seat_own->builtin)
        return STROBE_CALLS_FUNCTION;
    if (!is_wanted(trace, key))
        return STROBE_CALLS_LEFT_OUT;
    flags = strobe_trace_flags(trace, key);
    return flags & (STROBE_CODE_COROUTINE | STROBE_CODE_ITERABLE_COROUTINE) ? STROBE_CALLS_COROUTINE :
           flags & STROBE_CODE_ASYNC_GENERATOR                              ? STROBE_CALLS_ASYNC_GENERATOR :
           flags & STROBE_CODE_GENERATOR                                    ? STROBE_CALLS_GENERATOR :
                                                                              STROBE_CALLS_FUNCTION;
}

int strobe_trace_adopt(void *ctx, const void *key, uint32_t number)
{
    struct strobe_trace *trace = ctx;
    struct strobe_trace_function *function = &trace->functions[number];

    if (number == STROBE_CALLS_OTHER) {
        if (strobe_grow(&trace->left_out, &trace->cap_left_out, trace->n_left_out + 1, sizeof *trace->left_out))
            return STROBE_ERR_NOMEM;
        trace->left_out[trace->n_left_out++] = (PyObject *)key;
        Py_INCREF((PyObject *)key);
        return 0;
    }
    if (strobe_seat_own && strobe_seat_own->builtin)
        return strobe_trace_adopt_builtin(function, strobe_seat_own->builtin, key);
    if (strobe_seat_own && !strobe_seat_own->is_traced)
        strobe_seat_own->is_ready = false; /* with a new function greenlet may have come, too */
    function->what = (PyObject *)key;
    Py_INCREF(function->what);
    return 0;
}

bool strobe_trace_is_wrapped(struct strobe_trace *trace, PyObject *value)
{
    const void *wrapper = atomic_load_explicit(&trace->wrapper, memory_order_relaxed);
    const char *name;

    if (wrapper)
        return Py_TYPE(value) == wrapper;
    name = strobe_trace_pointer(Py_TYPE(value), trace->layout.ty_name);
    if (strcmp(name, "async_generator_wrapped_value") != 0)
        return false;
    atomic_store_explicit(&trace->wrapper, Py_TYPE(value), memory_order_relaxed);
    return true;
}
