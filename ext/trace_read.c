/* SPDX-License-Identifier: Apache-2.0 */
/* What a profile has counted, for Python. */
#include "ext/trace_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "calls/rows.h"
#include "ext/background.h"
#include "ext/convert.h"
#include "ext/trace_export.h"
#include "ext/trace_seat.h"

/* ---- reading ---- */

static PyObject *figures_of(uint32_t caller, uint32_t callee, const struct strobe_calls_figures *f)
{
    return Py_BuildValue("(IIKKKKKKKKKKKKKK)", caller, callee, f->started, f->finished, f->started + f->seeded - f->finished,
                         f->primitive, f->resumes, f->primitive_resumes, f->self.wall, f->self.cpu, f->total.wall, f->total.cpu,
                         f->awaited, f->self_awaited, f->shortest == UINT64_MAX ? 0 : f->shortest, f->longest);
}

static bool is_empty(const struct strobe_calls_figures *f)
{
    return !(f->started | f->seeded | f->finished | f->resumes | f->total.wall | f->awaited | f->self.wall);
}

static PyObject *list_of(const struct strobe_calls_row *rows, size_t n, size_t n_functions)
{
    PyObject *list = PyList_New(0);

    for (size_t i = 0; list && i < n; i++) {
        PyObject *row;

        if (is_empty(&rows[i].figures) || rows[i].callee >= n_functions || rows[i].caller >= n_functions)
            continue;
        row = figures_of(rows[i].caller, rows[i].callee, &rows[i].figures);
        if (!row || PyList_Append(list, row))
            Py_CLEAR(list);
        Py_XDECREF(row);
    }
    return list;
}

static struct strobe_calls_question question_of(struct strobe_calls_object *self, uint32_t thread, long long group)
{
    return (struct strobe_calls_question){.thread = thread, .group = group < 0 ? STROBE_CALLS_ANY : (uint32_t)group,
                                          .now = strobe_trace_time, .ctx = &self->trace, .wall = strobe_ticks_wall()};
}

/* rows(thread's number or 0, group or -1) -> functions, edges, wall, cpu: all times in ticks.  A row: caller, callee, started, finished,
 * unfinished, primitive, resumes, primitive resumes, self wall, self cpu, total wall, total cpu, awaited, self awaited, shortest,
 * longest. */
PyObject *strobe_calls_object_rows(PyObject *object, PyObject *args)
{
    struct strobe_calls_object *self = strobe_calls_object_of(object);
    struct strobe_calls_rows rows;
    struct strobe_calls_question question;
    unsigned thread;
    long long group;
    PyObject *ret;
    int err;

    if (!PyArg_ParseTuple(args, "IL:rows", &thread, &group))
        return NULL;
    strobe_trace_reap();
    question = question_of(self, thread, group);
    STROBE_APART_BEGIN
    err = strobe_calls_rows_init(self->trace.calls, &question, &rows);
    STROBE_APART_END
    if (err)
        return strobe_convert_error(err, NULL);
    ret = Py_BuildValue("(NNKK)", list_of(rows.functions, rows.n_functions, rows.n_functions),
                        list_of(rows.edges, rows.n_edges, rows.n_functions), rows.wall, rows.cpu);
    strobe_calls_rows_release(&rows);
    return ret;
}

/* A new reference: a code object, a builtin, (type, its method's name), or None. */
static PyObject *what_is(const struct strobe_trace_function *function)
{
    PyObject *what = function->what ? function->what : Py_None;

    if (function->name)
        return PyTuple_Pack(2, what, function->name);
    Py_INCREF(what);
    return what;
}

/* functions() -> [code object, builtin, (type, name) or None], by number. */
PyObject *strobe_calls_object_functions(PyObject *object, PyObject *ignored)
{
    const struct strobe_trace *trace = &strobe_calls_object_of(object)->trace;
    uint32_t n = strobe_calls_function_count(trace->calls);
    PyObject *list = PyList_New(0);

    (void)ignored;
    for (uint32_t i = 0; list && i < n; i++) {
        PyObject *what = what_is(&trace->functions[i]);

        if (!what || PyList_Append(list, what))
            Py_CLEAR(list);
        Py_XDECREF(what);
    }
    return list;
}

/* threads() -> [(ident, tid, name, has it ended?, number)], groups() -> [name] */
PyObject *strobe_calls_object_threads(PyObject *object, PyObject *ignored)
{
    struct strobe_calls_thread_facts *threads;
    PyObject *list;
    size_t n;
    int err;

    (void)ignored;
    strobe_trace_reap();
    STROBE_APART_BEGIN
    err = strobe_calls_threads(strobe_calls_object_of(object)->trace.calls, &threads, &n);
    STROBE_APART_END
    if (err)
        return strobe_convert_error(err, NULL);
    list = PyList_New(0);
    for (size_t i = 0; list && i < n; i++) {
        const struct strobe_calls_thread_facts *one = &threads[i];
        bool has_ended = one->has_ended || (one->tid && strobe_background_has_ended(one->tid)); /* while no profile ran */
        PyObject *name = PyUnicode_DecodeUTF8(one->name, (Py_ssize_t)strlen(one->name), "replace");
        PyObject *row = name ? Py_BuildValue("(KiNOI)", (unsigned long long)one->ident, (int)one->tid, name,
                                             has_ended ? Py_True : Py_False, (unsigned)one->number) : NULL;

        if (!row || PyList_Append(list, row))
            Py_CLEAR(list);
        Py_XDECREF(row);
    }
    strobe_calls_threads_free(threads, n);
    return list;
}

PyObject *strobe_calls_object_groups(PyObject *object, PyObject *ignored)
{
    struct strobe_calls *calls = strobe_calls_object_of(object)->trace.calls;
    PyObject *list = PyList_New(0);
    const char *text;

    (void)ignored;
    for (uint32_t i = 0; list && (text = strobe_calls_group_name(calls, i)); i++) {
        PyObject *name = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");

        if (!name || PyList_Append(list, name))
            Py_CLEAR(list);
        Py_XDECREF(name);
    }
    return list;
}

/* facts() -> seconds a tick, ticks of all runs so far, starts beyond max_functions, events not noted, stacks that were too deep,
 * threads without builtins, is the tree full? */
PyObject *strobe_calls_object_facts(PyObject *object, PyObject *ignored)
{
    const struct strobe_calls_object *self = strobe_calls_object_of(object);
    struct strobe_calls_lost lost = strobe_calls_lost(self->trace.calls);
    uint64_t wall = self->run_wall + (self->is_active ? strobe_ticks_wall() - self->since : 0);

    (void)ignored;
    return Py_BuildValue("(dKKKKKOO)", strobe_ticks_ns_per_tick() / 1e9, (unsigned long long)wall, (unsigned long long)lost.functions,
                         (unsigned long long)lost.events, (unsigned long long)self->trace.too_deep,
                         (unsigned long long)self->trace.without_builtins, lost.paths ? Py_True : Py_False,
                         lost.groups ? Py_True : Py_False);
}

/* Numbers of threads and of groups, each with each.  Freed by the caller; NULL with a Python exception. */
static struct strobe_calls_question *questions_of(struct strobe_calls_object *self, PyObject *threads, PyObject *groups, size_t *ret_n)
{
    Py_ssize_t n_threads = PyList_Size(threads), n_groups = PyList_Size(groups);
    struct strobe_calls_question *all = calloc((size_t)(n_threads * n_groups) + 1, sizeof *all);

    *ret_n = 0;
    if (!all)
        return (void)PyErr_NoMemory(), NULL;
    for (Py_ssize_t i = 0; i < n_threads; i++)
        for (Py_ssize_t k = 0; k < n_groups; k++)
            all[(*ret_n)++] = question_of(self, (uint32_t)PyLong_AsUnsignedLong(PyList_GetItem(threads, i)),
                                          PyLong_AsLongLong(PyList_GetItem(groups, k)));
    if (!PyErr_Occurred())
        return all;
    free(all);
    return NULL;
}

/* export(format, [(name, file, line)] by function, by CPU time?, title, [thread's number, or 0], [group, or -1]) -> bytes, of time on
 * threads. */
PyObject *strobe_calls_object_export(PyObject *object, PyObject *args)
{
    struct strobe_calls_object *self = strobe_calls_object_of(object);
    struct strobe_calls_question *questions;
    struct strobe_buf out = STROBE_BUF_INIT;
    const char *format, *title;
    PyObject *names, *threads, *groups, *ret;
    size_t n;
    int by_cpu, err;

    if (!PyArg_ParseTuple(args, "sO!psO!O!:export", &format, &PyList_Type, &names, &by_cpu, &title, &PyList_Type, &threads, &PyList_Type,
                          &groups) ||
        !(questions = questions_of(self, threads, groups, &n)))
        return NULL;
    err = strobe_trace_export(self->trace.calls, questions, n, names, by_cpu, strobe_ticks_ns_per_tick(), title, format, &out);
    ret = err ? NULL : PyBytes_FromStringAndSize(strobe_buf_str(&out), (Py_ssize_t)out.len);
    strobe_buf_release(&out);
    free(questions);
    return err && !PyErr_Occurred() ? strobe_convert_error(err, NULL) : ret;
}
