/* SPDX-License-Identifier: Apache-2.0 */
/* The hook of CPython 3.12 and newer: callbacks of sys.monitoring (PEP 669), objects whose call is a C function.
 *
 * What they return is not counted: None and DISABLE are immortal where these callbacks are used (PEP 683), and one binary that is built for
 * older interpreters would count them up. */
#include "ext/trace_monitoring.h"

#include <stddef.h>
#include <structmember.h>

#include "ext/trace_builtins.h"
#include "ext/trace_code.h"
#include "ext/trace_groups.h"

static PyObject *disable;       /* sys.monitoring.DISABLE; kept for good */
static PyTypeObject *code_type; /* likewise */

/* The event is over: what the interpreter is to do with further ones of its kind at this place. */
static PyObject *done(struct strobe_seat *seat, enum strobe_calls_verdict verdict)
{
    strobe_seat_let_go(seat);
    strobe_seat_make_ready(seat);
    return verdict == STROBE_CALLS_IGNORED ? disable : Py_None;
}

/* The seat of an event, held.  fewest: arguments that it has, the first of which is a code object, unless the program itself calls us. */
static struct strobe_seat *begin(PyObject *const *args, size_t n, size_t fewest, bool begins)
{
    size_t flag = (size_t)1 << (8 * sizeof n - 1); /* PY_VECTORCALL_ARGUMENTS_OFFSET */

    return (n & ~flag) >= fewest && Py_TYPE(args[0]) == code_type ? strobe_seat_begin(begins) : NULL;
}

/* ---- functions ---- */

static PyObject *on_start(PyObject *self, PyObject *const *args, size_t n, PyObject *names)
{
    struct strobe_seat *seat = begin(args, n, 2, true);
    enum strobe_calls_verdict verdict;
    struct strobe_calls_time now;
    uint32_t group = STROBE_CALLS_SAME;
    const void *code;

    (void)self, (void)names;
    if (!seat)
        return Py_None;
    code = args[0];
    if (strobe_trace_active->tag && !strobe_trace_makes_activation(strobe_trace_flags(strobe_trace_active, code)) &&
        !strobe_trace_group(seat, NULL, &group))
        return Py_None;
    now = strobe_ticks_now(&seat->ticks);
    verdict = strobe_calls_enter(seat->thread, code, group, now);
    if (verdict == STROBE_CALLS_ACTIVATES) {
        if (!strobe_trace_group(seat, code, &group))
            return Py_None;
        if (group != STROBE_CALLS_SAME)
            now = strobe_ticks_now(&seat->ticks);
        verdict = strobe_calls_activate(seat->thread, code, strobe_trace_frame(strobe_trace_active), group, now);
    }
    return done(seat, verdict);
}

/* may_end: further events of its kind at this place may be turned off. */
static PyObject *go_on(struct strobe_seat *seat, const char *frame, const void *code, bool may_end)
{
    enum strobe_calls_verdict verdict;

    if (!strobe_trace_goes_on(seat, frame, code, &verdict))
        return Py_None;
    return done(seat, may_end ? verdict : STROBE_CALLS_NOTED);
}

static PyObject *on_resume(PyObject *self, PyObject *const *args, size_t n, PyObject *names)
{
    struct strobe_seat *seat = begin(args, n, 2, true);

    (void)self, (void)names;
    return seat ? go_on(seat, strobe_trace_frame(strobe_trace_active), args[0], true) : Py_None;
}

/* This event cannot be disabled: that would raise in the program (3.12 to 3.14).  What an exception is thrown into before it has begun runs
 * nothing: it is no call. */
static PyObject *on_throw(PyObject *self, PyObject *const *args, size_t n, PyObject *names)
{
    struct strobe_seat *seat = begin(args, n, 2, true);
    const char *frame;

    (void)self, (void)names;
    if (!seat)
        return Py_None;
    frame = strobe_trace_frame(strobe_trace_active);
    if (strobe_trace_has_begun(strobe_trace_active, frame, args[0]))
        return go_on(seat, frame, args[0], false);
    seat->unbegun = frame;
    return done(seat, STROBE_CALLS_NOTED);
}

static PyObject *on_yield(PyObject *self, PyObject *const *args, size_t n, PyObject *names)
{
    struct strobe_seat *seat = begin(args, n, 3, false);

    (void)self, (void)names;
    if (!seat)
        return Py_None;
    return done(seat, strobe_calls_suspend(seat->thread, args[0], strobe_trace_is_wrapped(strobe_trace_active, args[2]), args[2],
                                           strobe_ticks_now(&seat->ticks)));
}

static PyObject *on_return(PyObject *self, PyObject *const *args, size_t n, PyObject *names)
{
    struct strobe_seat *seat = begin(args, n, 2, false);

    (void)self, (void)names;
    return seat ? done(seat, strobe_calls_leave(seat->thread, args[0], strobe_ticks_now(&seat->ticks))) : Py_None;
}

/* Nor can this one. */
static PyObject *on_unwind(PyObject *self, PyObject *const *args, size_t n, PyObject *names)
{
    struct strobe_seat *seat = begin(args, n, 2, false);

    (void)self, (void)names;
    if (!seat)
        return Py_None;
    if (!seat->unbegun || strobe_trace_frame(strobe_trace_active) != seat->unbegun)
        strobe_calls_leave(seat->thread, args[0], strobe_ticks_now(&seat->ticks));
    seat->unbegun = NULL;
    return done(seat, STROBE_CALLS_NOTED);
}

/* ---- builtins: the arguments are code, offset, what is called, its first argument ---- */

static PyObject *on_call(PyObject *self, PyObject *const *args, size_t n, PyObject *names)
{
    struct strobe_seat *seat = begin(args, n, 3, false);
    const void *definition = seat ? strobe_trace_definition(strobe_trace_active, args[2]) : NULL;

    (void)self, (void)names;
    if (!seat)
        return Py_None;
    if (strobe_calls_innermost(seat->thread) != args[0] && strobe_calls_leaves_out(seat->thread, args[0]))
        return done(seat, STROBE_CALLS_IGNORED); /* its C_RETURN and C_RAISE with it (3.12: Python/instrumentation.c) */
    if (definition)
        strobe_trace_builtin_starts(seat, args[0], args[2], definition);
    return done(seat, STROBE_CALLS_NOTED);
}

static PyObject *on_builtin_end(PyObject *self, PyObject *const *args, size_t n, PyObject *names)
{
    struct strobe_seat *seat = begin(args, n, 3, false);
    const void *definition = seat ? strobe_trace_definition(strobe_trace_active, args[2]) : NULL;

    (void)self, (void)names;
    if (definition)
        strobe_trace_builtin_ends(seat, definition);
    return seat ? done(seat, STROBE_CALLS_NOTED) : Py_None;
}

/* ---- callbacks as objects ---- */

typedef PyObject *vectorcall(PyObject *self, PyObject *const *args, size_t n, PyObject *names);

/* What sys.monitoring is given: called at once (PEP 590), without what a function of a module has around it. */
struct callback {
    PyObject_HEAD
    vectorcall *call;
};

/* tp_call, which a type with a vectorcall has to have; a call goes to that one. */
static PyObject *refuse(PyObject *self, PyObject *args, PyObject *names)
{
    (void)self, (void)args, (void)names;
    return PyErr_Format(PyExc_TypeError, "only sys.monitoring calls it");
}

static void dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *new_type(void)
{
    enum { HAS_VECTORCALL = 1 << 11, NOT_FROM_PYTHON = 1 << 7 }; /* Include/object.h; the latter from 3.10 on */
    static PyMemberDef members[] = {{"__vectorcalloffset__", T_PYSSIZET, offsetof(struct callback, call), READONLY, NULL}, {0}};
    static PyType_Slot slots[] = {
        {Py_tp_members, members}, {Py_tp_call, (void *)(uintptr_t)refuse}, {Py_tp_dealloc, (void *)(uintptr_t)dealloc}, {0, NULL}};
    static PyType_Spec spec = {"strobe._strobe.Callback", sizeof(struct callback), 0, Py_TPFLAGS_DEFAULT | HAS_VECTORCALL | NOT_FROM_PYTHON,
                               slots};

    return PyType_FromSpec(&spec);
}

static int add_callback(PyObject *dict, PyObject *type, const char *name, vectorcall *call)
{
    struct callback *callback = PyObject_New(struct callback, (PyTypeObject *)type);
    int err;

    if (!callback)
        return -1;
    callback->call = call;
    err = PyDict_SetItemString(dict, name, (PyObject *)callback);
    Py_DECREF(callback);
    return err;
}

PyObject *strobe_trace_callbacks(PyObject *module, PyObject *args)
{
    static const struct {
        const char *event;
        vectorcall *call;
    } all[] = {
        {"PY_START", on_start}, {"PY_RESUME", on_resume}, {"PY_THROW", on_throw}, {"PY_YIELD", on_yield}, {"PY_RETURN", on_return},
        {"PY_UNWIND", on_unwind}, {"CALL", on_call}, {"C_RETURN", on_builtin_end}, {"C_RAISE", on_builtin_end},
    };
    PyObject *dict = NULL, *type;

    (void)module;
    if (!PyArg_ParseTuple(args, "OO:trace_callbacks", &disable, &code_type))
        return NULL;
    Py_IncRef(disable);
    Py_IncRef((PyObject *)code_type);
    type = new_type();
    if (type)
        dict = PyDict_New();
    for (size_t i = 0; dict && i < sizeof all / sizeof all[0]; i++)
        if (add_callback(dict, type, all[i].event, all[i].call))
            Py_CLEAR(dict);
    Py_XDECREF(type);
    return dict;
}
