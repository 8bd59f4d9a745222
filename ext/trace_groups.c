/* SPDX-License-Identifier: Apache-2.0 */
/* This is asked once for each task, and there are many. */
#include "ext/trace_groups.h"

#include <string.h>

#include "base/buf.h"
#include "base/fold.h"
#include "calls/rows.h"
#include "ext/trace_forgive.h"
#include "ext/trace_code.h"

enum { ROOTS_MAX = 1000 }; /* outermost coroutines whose groups are remembered */

/* ---- names ---- */

/* An object's text, in one line of a table and without what separates a task from a tag; appended.  A str is taken as it is: str() handles
 * signals, which are the program's. */
static void append_text(struct strobe_buf *out, PyObject *text)
{
    PyObject *str = !text || PyUnicode_CheckExact(text) ? text : PyObject_Str(text);
    PyObject *encoded = str ? PyUnicode_AsEncodedString(str, "utf-8", "replace") : NULL;
    size_t begin = out->len;

    if (encoded)
        strobe_buf_put(out, PyBytes_AsString(encoded), (size_t)PyBytes_Size(encoded));
    else
        strobe_buf_puts(out, "?");
    for (size_t i = begin; i < out->len; i++)
        if (out->data[i] == '\0' || out->data[i] == '\x1f')
            out->data[i] = '?';
    Py_XDECREF(encoded);
    if (str != text)
        Py_XDECREF(str);
    strobe_trace_forgive();
}

static void append_function(struct strobe_buf *out, const void *code)
{
    PyObject *name = PyObject_GetAttrString((PyObject *)code, "co_qualname");

    if (!name) {
        PyErr_Clear();
        name = PyObject_GetAttrString((PyObject *)code, "co_name");
    }
    append_text(out, name);
    Py_XDECREF(name);
}

/* Is it "Task-" and a number: asyncio's, not the program's? */
static bool is_default(PyObject *name)
{
    static const char start[] = "Task-";
    Py_ssize_t length = PyUnicode_Check(name) ? PyUnicode_GetLength(name) : 0, i;

    for (i = 0; i < length; i++) {
        Py_UCS4 c = PyUnicode_ReadChar(name, i);

        if (i < (Py_ssize_t)sizeof start - 1 ? c != (Py_UCS4)start[i] : c < '0' || c > '9')
            return false;
    }
    return length >= (Py_ssize_t)sizeof start;
}

/* Names that the program gave, without their numbers; of those that asyncio gave, the coroutine's. */
static void append_task(struct strobe_buf *out, PyObject *name, const void *code)
{
    struct strobe_buf text = STROBE_BUF_INIT;

    if (is_default(name)) {
        append_function(out, code);
        return;
    }
    append_text(&text, name);
    strobe_fold(strobe_buf_str(&text), out);
    strobe_buf_release(&text);
}

static uint32_t group_of(struct strobe_trace *trace, struct strobe_buf *text)
{
    uint32_t group = 0;

    if (text->failed || strobe_calls_group(trace->calls, strobe_buf_str(text), &group))
        group = 0;
    strobe_buf_release(text);
    return group;
}

/* ---- tasks ---- */

/* asyncio.current_task, kept; borrowed.  NULL, without an exception: below 3.12 it is no function of C. */
static PyObject *ask_for_task(struct strobe_trace *trace, PyObject *asyncio)
{
    PyObject *ask = PyObject_GetAttrString(asyncio, "current_task"), *none = NULL;

    if (!ask)
        PyErr_Clear();
    if (!ask || atomic_compare_exchange_strong(&trace->current_task, &none, ask))
        return ask;
    Py_DECREF(ask); /* another thread has found it, too */
    return none;
}

/* The task that runs on this thread, or NULL. */
static PyObject *current_task(struct strobe_trace *trace)
{
    PyObject *asyncio, *task = NULL, *tasks, *loop, *ask = atomic_load(&trace->current_task);

    if (ask)
        return PyObject_CallObject(ask, NULL);
    asyncio = PyDict_GetItemString(PyImport_GetModuleDict(), "_asyncio");
    if (!asyncio)
        return NULL;
    ask = ask_for_task(trace, asyncio);
    if (ask)
        return PyObject_CallObject(ask, NULL);
    tasks = PyObject_GetAttrString(asyncio, "_current_tasks");
    loop = tasks ? PyObject_CallMethod(asyncio, "_get_running_loop", NULL) : NULL;
    if (loop)
        task = PyDict_GetItemWithError(tasks, loop);
    Py_XINCREF(task);
    Py_XDECREF(loop);
    Py_XDECREF(tasks);
    return task;
}

/* The name of the task that runs; NULL: none does. */
static PyObject *current_name(struct strobe_trace *trace)
{
    PyObject *task = current_task(trace), *name = NULL;

    if (task && task != Py_None)
        name = PyObject_CallMethodObjArgs(task, trace->get_name, NULL);
    Py_XDECREF(task);
    strobe_trace_forgive();
    return name;
}

static uint32_t group_of_task(struct strobe_trace *trace, PyObject *name, const void *code)
{
    struct strobe_buf text = STROBE_BUF_INIT;

    append_task(&text, name, code);
    return group_of(trace, &text);
}

/* The same; those of asyncio's names by their coroutines. */
static uint32_t remembered_group(struct strobe_trace *trace, PyObject *name, const void *code)
{
    uint64_t *known;
    uint32_t group;
    bool is_full;

    if (!is_default(name))
        return group_of_task(trace, name, code);
    pthread_mutex_lock(&trace->roots_lock);
    known = strobe_htab_get(&trace->roots, (uintptr_t)code, 0);
    group = known ? (uint32_t)*known : STROBE_CALLS_SAME;
    is_full = trace->roots.count >= ROOTS_MAX;
    pthread_mutex_unlock(&trace->roots_lock);
    if (group != STROBE_CALLS_SAME)
        return group;
    group = group_of_task(trace, name, code);
    if (!is_full && !PyList_Append(trace->root_codes, (PyObject *)code)) { /* not with the lock: it may wait for all other threads */
        pthread_mutex_lock(&trace->roots_lock);
        strobe_htab_put(&trace->roots, (uintptr_t)code, 0, group);
        pthread_mutex_unlock(&trace->roots_lock);
    }
    return group;
}

uint32_t strobe_trace_named_group(struct strobe_trace *trace, PyObject *name, const void *code)
{
    return trace->tasks ? group_of_task(trace, name, code) : 0;
}

/* ---- tasks and tags ---- */

/* The variable of the tag's name that somebody has set; borrowed.  NULL: none is set here.  Nothing of this runs Python code. */
static PyObject *find_variable(struct strobe_trace *trace)
{
    PyObject *context = PyObject_CallObject(trace->copy_context, NULL), *each = context ? PyObject_GetIter(context) : NULL;
    PyObject *found = NULL, *none = NULL, *variable;

    while (!found && each && (variable = PyIter_Next(each))) {
        PyObject *name = PyObject_GetAttrString(variable, "name");

        if (name && PyUnicode_Check(name) && PyUnicode_Compare(name, trace->tag) == 0)
            found = variable;
        else
            Py_DECREF(variable);
        Py_XDECREF(name);
    }
    Py_XDECREF(each);
    Py_XDECREF(context);
    if (!found || atomic_compare_exchange_strong(&trace->variable, &none, found))
        return found;
    Py_DECREF(found); /* another thread has found it, too */
    return none;
}

/* A new reference; NULL: it has none. */
static PyObject *value_of_tag(struct strobe_trace *trace)
{
    PyObject *variable = atomic_load(&trace->variable);

    if (!variable)
        variable = find_variable(trace);
    return variable ? PyObject_CallMethod(variable, "get", "O", Py_None) : NULL;
}

/* "TASK\x1fTAG".  outer: the name of its caller's group; NULL: it is a root. */
static uint32_t tagged_group(struct strobe_trace *trace, PyObject *name, const char *outer, const void *code)
{
    struct strobe_buf text = STROBE_BUF_INIT;
    PyObject *tag;

    if (name)
        append_task(&text, name, code);
    if (outer)
        strobe_buf_put(&text, outer, strcspn(outer, "\x1f"));
    tag = value_of_tag(trace);
    if (tag && tag != Py_None) {
        strobe_buf_puts(&text, "\x1f");
        append_text(&text, tag);
    }
    Py_XDECREF(tag);
    return group_of(trace, &text);
}

bool strobe_trace_group(struct strobe_seat *seat, const void *code, uint32_t *ret_group)
{
    struct strobe_trace *trace = strobe_trace_active;
    bool is_root = trace->tasks && code && strobe_trace_flags(trace, code) & STROBE_CODE_COROUTINE && !strobe_calls_in_await(seat->thread);
    const char *outer = NULL;
    struct strobe_trace_away away;
    PyObject *name;

    *ret_group = STROBE_CALLS_SAME;
    if (!is_root && !trace->tag)
        return true;
    if (!is_root)
        outer = strobe_calls_group_name(trace->calls, strobe_calls_innermost_group(seat->thread));
    strobe_seat_step_out(seat, &away);
    name = is_root ? current_name(trace) : NULL;
    *ret_group = trace->tag ? tagged_group(trace, name, outer, code) : name ? remembered_group(trace, name, code) : 0;
    Py_XDECREF(name);
    return strobe_seat_step_in(seat, &away);
}

bool strobe_trace_goes_on(struct strobe_seat *seat, const char *frame, const void *code, enum strobe_calls_verdict *ret)
{
    uint32_t group;

    *ret = strobe_calls_resume(seat->thread, code, frame, STROBE_CALLS_TELL, strobe_ticks_now(&seat->ticks));
    if (*ret != STROBE_CALLS_UNKNOWN)
        return true;
    if (!strobe_trace_group(seat, code, &group))
        return false;
    *ret = strobe_calls_resume(seat->thread, code, frame, group, strobe_ticks_now(&seat->ticks));
    return true;
}
