/* SPDX-License-Identifier: Apache-2.0 */
/* What a function is, whether it is wanted, and to which group its calls belong. */
#include "ext/trace.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fold.h"
#include "base/grow.h"
#include "ext/trace_hooks.h"

/* ---- functions ---- */

const char *strobe_trace_frame(const struct strobe_trace *trace)
{
    const char *state = (const char *)PyThreadState_Get(), *inner = strobe_trace_pointer(state, trace->layout.ts_frame);

    return trace->layout.frames == STROBE_FRAMES_CFRAME ? strobe_trace_pointer(inner, trace->layout.cframe_current) : inner;
}

bool strobe_trace_has_begun(const struct strobe_trace *trace, const char *frame, const void *code)
{
    const struct strobe_layout *lay = &trace->layout;
    int32_t first = *(const int32_t *)((const char *)code + lay->co_firsttraceable); /* in units of two bytes */

    return (const char *)strobe_trace_pointer(frame, lay->fr_instr) >= (const char *)code + lay->co_code + (ptrdiff_t)first * 2;
}

static bool begins_with_one(PyObject *text, PyObject *prefixes)
{
    for (Py_ssize_t i = 0; i < PyTuple_Size(prefixes); i++)
        if (PyUnicode_Tailmatch(text, PyTuple_GetItem(prefixes, i), 0, PY_SSIZE_T_MAX, -1) == 1)
            return true;
    return false;
}

/* Is the module one of these, or inside of one? */
static bool is_in_one(PyObject *name, PyObject *modules)
{
    for (Py_ssize_t i = 0; i < PyTuple_Size(modules); i++) {
        PyObject *module = PyTuple_GetItem(modules, i);
        Py_ssize_t length = PyUnicode_GetLength(module);

        if (PyUnicode_Tailmatch(name, module, 0, PY_SSIZE_T_MAX, -1) == 1 &&
            (PyUnicode_GetLength(name) == length || PyUnicode_ReadChar(name, length) == '.'))
            return true;
    }
    return false;
}

/* In the frame that runs this code now, or by the globals that are known of it. */
static bool is_wanted(const struct strobe_trace *trace, const void *code)
{
    PyObject *file = (PyObject *)strobe_trace_pointer(code, trace->layout.co_filename), *globals, *name;
    struct strobe_seat *seat = strobe_seat_own;
    const char *frame;

    if (begins_with_one(file, trace->own))
        return false;
    if ((!PyTuple_Size(trace->modules) && !PyTuple_Size(trace->paths)) || begins_with_one(file, trace->paths))
        return true;
    if (!PyTuple_Size(trace->modules))
        return false;
    if (trace->globals) {
        globals = trace->globals;
    } else {
        frame = seat && seat->frame ? seat->frame : strobe_trace_frame(trace);
        globals = frame ? (PyObject *)strobe_trace_pointer(frame, trace->layout.fr_globals) : NULL;
    }
    if (!globals)
        return false;
    name = PyDict_GetItemString(globals, "__name__");
    return name && PyUnicode_Check(name) && is_in_one(name, trace->modules);
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

int strobe_trace_adopt(void *ctx, const void *key, uint32_t function)
{
    struct strobe_trace *trace = ctx;
    PyObject *object = strobe_seat_own && strobe_seat_own->builtin ? strobe_seat_own->builtin : (PyObject *)key;
    size_t before = trace->cap_functions;

    if (function == STROBE_CALLS_OTHER)
        return PyList_Append(trace->left_out, object) ? STROBE_ERR_NOMEM : 0;
    if (strobe_grow(&trace->functions, &trace->cap_functions, (size_t)function + 1, sizeof *trace->functions))
        return STROBE_ERR_NOMEM;
    memset(trace->functions + before, 0, (trace->cap_functions - before) * sizeof *trace->functions);
    Py_IncRef(object);
    trace->functions[function] = object;
    return 0;
}

const void *strobe_trace_definition(const struct strobe_trace *trace, PyObject *callable)
{
    /* Of a method descriptor the field after PyDescr_COMMON (Include/cpython/descrobject.h): a type and two names. */
    if (Py_TYPE(callable) == &PyCFunction_Type)
        return strobe_trace_pointer(callable, trace->layout.cfunc_def);
    if (Py_TYPE(callable) == &PyMethodDescr_Type)
        return strobe_trace_pointer(callable, trace->layout.ob_header + 3 * sizeof(void *));
    return NULL;
}

bool strobe_trace_is_wrapped(const struct strobe_trace *trace, PyObject *value)
{
    static PyTypeObject *wrapper; /* the interpreter's: there is one, and it stays */
    const char *name;

    if (Py_TYPE(value) == wrapper)
        return true;
    if (wrapper)
        return false;
    name = strobe_trace_pointer(Py_TYPE(value), trace->layout.ty_name);
    if (strcmp(name, "async_generator_wrapped_value") != 0)
        return false;
    wrapper = Py_TYPE(value);
    return true;
}

/* ---- groups ---- */

/* The task that runs on this thread, or NULL. */
static PyObject *current_task(void)
{
    PyObject *asyncio = PyDict_GetItemString(PyImport_GetModuleDict(), "_asyncio"), *task = NULL, *tasks, *loop;

    if (!asyncio)
        return NULL;
    if (PyObject_HasAttrString(asyncio, "current_task")) /* 3.12 and newer */
        return PyObject_CallMethod(asyncio, "current_task", NULL);
    tasks = PyObject_GetAttrString(asyncio, "_current_tasks");
    loop = tasks ? PyObject_CallMethod(asyncio, "_get_running_loop", NULL) : NULL;
    if (loop)
        task = PyDict_GetItemWithError(tasks, loop);
    Py_XINCREF(task);
    Py_XDECREF(loop);
    Py_XDECREF(tasks);
    return task;
}

/* A str's text, "" for NULL; appended. */
static void append_text(struct strobe_buf *out, PyObject *text)
{
    PyObject *bytes = text ? PyObject_Str(text) : NULL, *encoded = bytes ? PyUnicode_AsEncodedString(bytes, "utf-8", "replace") : NULL;

    if (encoded)
        strobe_buf_puts(out, PyBytes_AsString(encoded));
    Py_XDECREF(encoded);
    Py_XDECREF(bytes);
    PyErr_Clear();
}

/* Names that the program gave, without their numbers; of those that asyncio gave, the coroutine's. */
static void append_task(struct strobe_buf *out, PyObject *name, const void *code)
{
    struct strobe_buf text = STROBE_BUF_INIT;
    size_t start = out->len;
    PyObject *function;

    append_text(&text, name);
    for (size_t i = 0; i < text.len; i++) /* which stands before a tag */
        text.data[i] = text.data[i] == '\x1f' ? '?' : text.data[i];
    strobe_fold(strobe_buf_str(&text), out);
    strobe_buf_release(&text);
    if (out->failed || strcmp(strobe_buf_str(out) + start, "Task-*") != 0)
        return;
    out->len = start;
    function = PyObject_GetAttrString((PyObject *)code, "co_qualname");
    if (!function) {
        PyErr_Clear();
        function = PyObject_GetAttrString((PyObject *)code, "co_name");
    }
    append_text(out, function);
    Py_XDECREF(function);
}

static uint32_t group_of(struct strobe_trace *trace, struct strobe_buf *text)
{
    uint32_t group = 0;

    if (text->failed || strobe_calls_group(trace->calls, strobe_buf_str(text), &group))
        group = 0;
    strobe_buf_release(text);
    return group;
}

uint32_t strobe_trace_named_group(struct strobe_trace *trace, PyObject *name, const void *code)
{
    struct strobe_buf text = STROBE_BUF_INIT;

    if (!trace->tasks)
        return 0;
    append_task(&text, name, code);
    return group_of(trace, &text);
}

/* Of tags it is "TASK\x1fTAG". */
uint32_t strobe_trace_group(struct strobe_trace *trace, struct strobe_seat *seat, const void *code)
{
    bool is_root = trace->tasks && code && strobe_trace_flags(trace, code) & STROBE_CODE_COROUTINE && !strobe_calls_in_await(seat->thread);
    struct strobe_buf text = STROBE_BUF_INIT;
    PyObject *task = NULL, *name = NULL, *tag = NULL, *type, *value, *traceback;

    if (!is_root && !trace->tag)
        return STROBE_CALLS_SAME;
    PyErr_Fetch(&type, &value, &traceback);
    seat->is_inside = true;
    if (is_root && (task = current_task()) && task != Py_None && (name = PyObject_CallMethod(task, "get_name", NULL)))
        append_task(&text, name, code);
    PyErr_Clear();
    if (!is_root)
        strobe_buf_put(&text, strobe_calls_innermost_group(seat->thread), strcspn(strobe_calls_innermost_group(seat->thread), "\x1f"));
    if (trace->tag && (tag = PyObject_CallMethod(trace->tag, "get", "O", Py_None)) && tag != Py_None) {
        strobe_buf_puts(&text, "\x1f");
        append_text(&text, tag);
    }
    Py_XDECREF(tag);
    Py_XDECREF(name);
    Py_XDECREF(task);
    seat->is_inside = false;
    PyErr_Restore(type, value, traceback);
    return group_of(trace, &text);
}
