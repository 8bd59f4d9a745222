/* SPDX-License-Identifier: Apache-2.0 */
/* The hook of CPython 3.12 and newer: callbacks of sys.monitoring (PEP 669), C functions that sys.monitoring.register_callback is given.
 *
 * What they return is not counted: None and DISABLE are immortal where these callbacks are used (PEP 683), and one binary that is built for
 * older interpreters would count them up. */
#include "ext/trace_hooks.h"

#include <string.h>

#ifndef METH_FASTCALL
#define METH_FASTCALL 0x0080 /* in the stable ABI from 3.10 on */
#endif

static PyObject *disable; /* sys.monitoring.DISABLE; kept for good */

/* ---- functions ---- */

static PyObject *on_start(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    struct strobe_seat *seat = strobe_seat_of_event();
    const void *code = args[0];
    enum strobe_calls_verdict verdict;
    uint32_t group;

    (void)self, (void)n;
    if (!seat || !strobe_seat_hold(seat))
        return Py_None;
    group = strobe_trace_active->tag ? strobe_trace_group(strobe_trace_active, seat, NULL) : STROBE_CALLS_SAME;
    verdict = strobe_calls_enter(seat->thread, code, group, strobe_ticks_now(&seat->ticks));
    if (verdict == STROBE_CALLS_ACTIVATES)
        verdict = strobe_calls_activate(seat->thread, code, strobe_trace_frame(strobe_trace_active),
                                        strobe_trace_group(strobe_trace_active, seat, code), strobe_ticks_now(&seat->ticks));
    strobe_seat_let_go(seat);
    return verdict == STROBE_CALLS_IGNORED ? disable : Py_None;
}

static enum strobe_calls_verdict go_on(PyObject *code)
{
    struct strobe_seat *seat = strobe_seat_of_event();
    struct strobe_trace *trace = strobe_trace_active;
    enum strobe_calls_verdict verdict;
    const void *frame;
    uint32_t group = STROBE_CALLS_SAME;

    if (!seat || !strobe_seat_hold(seat))
        return STROBE_CALLS_NOTED;
    frame = strobe_trace_frame(trace);
    if (!strobe_calls_knows(trace->calls, code, frame))
        group = strobe_trace_group(trace, seat, code);
    verdict = strobe_calls_resume(seat->thread, code, frame, group, strobe_ticks_now(&seat->ticks));
    strobe_seat_let_go(seat);
    return verdict;
}

static PyObject *on_resume(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    (void)self, (void)n;
    return go_on(args[0]) == STROBE_CALLS_IGNORED ? disable : Py_None;
}

/* This event cannot be disabled: that would raise in the program (3.12 to 3.14).  What an exception is thrown into before it has begun runs
 * nothing: it is no call. */
static PyObject *on_throw(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    struct strobe_seat *seat = strobe_seat_of_event();
    const char *frame;

    (void)self, (void)n;
    if (!seat)
        return Py_None;
    frame = strobe_trace_frame(strobe_trace_active);
    if (strobe_trace_has_begun(strobe_trace_active, frame, args[0]))
        go_on(args[0]);
    else
        seat->unbegun = frame;
    return Py_None;
}

static PyObject *on_yield(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    struct strobe_seat *seat = strobe_seat_of_event();
    enum strobe_calls_verdict verdict;

    (void)self;
    if (!seat || n < 3 || !strobe_seat_hold(seat))
        return Py_None;
    verdict = strobe_calls_suspend(seat->thread, args[0], strobe_trace_is_wrapped(strobe_trace_active, args[2]),
                                   strobe_ticks_now(&seat->ticks));
    strobe_seat_let_go(seat);
    return verdict == STROBE_CALLS_IGNORED ? disable : Py_None;
}

static enum strobe_calls_verdict end(const void *key)
{
    struct strobe_seat *seat = strobe_seat_of_event();
    enum strobe_calls_verdict verdict;

    if (!seat || !strobe_seat_hold(seat))
        return STROBE_CALLS_NOTED;
    verdict = strobe_calls_leave(seat->thread, key, strobe_ticks_now(&seat->ticks));
    strobe_seat_let_go(seat);
    return verdict;
}

static PyObject *on_return(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    (void)self, (void)n;
    return end(args[0]) == STROBE_CALLS_IGNORED ? disable : Py_None;
}

static PyObject *on_unwind(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    struct strobe_seat *seat = strobe_seat_of_event();
    bool has_begun = true;

    (void)self, (void)n;
    if (seat && seat->unbegun) {
        has_begun = strobe_trace_frame(strobe_trace_active) != seat->unbegun;
        seat->unbegun = NULL;
    }
    if (has_begun)
        end(args[0]);
    return Py_None;
}

/* ---- builtins ---- */

static PyObject *on_call(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    struct strobe_trace *trace = strobe_trace_active;
    struct strobe_seat *seat = strobe_seat_of_event();
    const void *definition;

    (void)self;
    if (!seat || n < 3 || !(definition = strobe_trace_definition(trace, args[2])) || !strobe_seat_hold(seat))
        return Py_None;
    if (strobe_calls_innermost(seat->thread) == (const void *)args[0]) { /* else its caller is left out */
        seat->builtin = args[2];
        strobe_calls_enter(seat->thread, definition, STROBE_CALLS_SAME, strobe_ticks_now(&seat->ticks));
        seat->builtin = NULL;
    }
    strobe_seat_let_go(seat);
    return Py_None;
}

static PyObject *on_builtin_end(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    struct strobe_trace *trace = strobe_trace_active;
    struct strobe_seat *seat = strobe_seat_of_event();
    const void *definition;

    (void)self;
    if (!seat || n < 3 || !(definition = strobe_trace_definition(trace, args[2])) || !strobe_seat_hold(seat))
        return Py_None;
    if (strobe_calls_innermost(seat->thread) == definition)
        strobe_calls_leave(seat->thread, definition, strobe_ticks_now(&seat->ticks));
    strobe_seat_let_go(seat);
    return Py_None;
}

#define CALLBACK(name, function) {name, (PyCFunction)(void (*)(void))function, METH_FASTCALL, NULL}
static PyMethodDef callbacks[] = {
    CALLBACK("PY_START", on_start),   CALLBACK("PY_RESUME", on_resume),    CALLBACK("PY_THROW", on_throw),
    CALLBACK("PY_YIELD", on_yield),   CALLBACK("PY_RETURN", on_return),    CALLBACK("PY_UNWIND", on_unwind),
    CALLBACK("CALL", on_call),        CALLBACK("C_RETURN", on_builtin_end), CALLBACK("C_RAISE", on_builtin_end),
};

PyObject *strobe_trace_callbacks(PyObject *module, PyObject *args)
{
    PyObject *ret = PyDict_New();

    (void)module;
    if (!ret || !PyArg_ParseTuple(args, "O:trace_callbacks", &disable))
        return NULL;
    Py_IncRef(disable);
    for (size_t i = 0; i < sizeof callbacks / sizeof callbacks[0]; i++) {
        PyObject *function = PyCFunction_NewEx(&callbacks[i], NULL, NULL);

        if (!function || PyDict_SetItemString(ret, callbacks[i].ml_name, function)) {
            Py_XDECREF(function);
            Py_DECREF(ret);
            return NULL;
        }
        Py_DECREF(function);
    }
    return ret;
}
