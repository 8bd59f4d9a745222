/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/convert.h"

#include <string.h>

#include "base/err.h"
#include "export/exporter.h"

PyObject *strobe_convert_error(int err, struct strobe_buf *why)
{
    if (err == STROBE_ERR_NOMEM)
        PyErr_NoMemory();
    else
        PyErr_Format(PyExc_RuntimeError, "strobe: %s", why && why->len ? strobe_buf_str(why) : strobe_err_text(err));
    if (why)
        strobe_buf_release(why);
    return NULL;
}

PyObject *strobe_convert_stats(const struct strobe_session_stats *stats)
{
    const struct strobe_task_stats *tasks = &stats->tasks;

    return Py_BuildValue("{s:d,s:K,s:K,s:K,s:K,s:K,s:K,s:d,s:d,s:{s:K,s:K,s:K,s:d,s:d}}", "elapsed", (double)stats->elapsed_ns / 1e9,
                         "looks", (unsigned long long)stats->ticks, "samples", (unsigned long long)stats->samples, "visits",
                         (unsigned long long)stats->snapshots.visits, "unvisited", (unsigned long long)stats->snapshots.fallbacks,
                         "dropped", (unsigned long long)stats->snapshots.dropped, "errors", (unsigned long long)stats->errors, "rate",
                         stats->rate_reached, "cpu", stats->own_cpu, "tasks", "looks", (unsigned long long)tasks->ticks, "samples",
                         (unsigned long long)tasks->samples, "most", (unsigned long long)tasks->most, "seconds",
                         (double)tasks->task_ns / 1e9, "look_seconds", (double)tasks->cost_ns / 1e9);
}

/* ---- metrics ---- */

static PyObject *text(const char *utf8)
{
    return PyUnicode_DecodeUTF8(utf8, (Py_ssize_t)strlen(utf8), "replace");
}

static PyObject *sample_of(const struct strobe_metric_sample *sample)
{
    PyObject *labels = PyDict_New();

    for (uint32_t i = 0; labels && i < sample->n_labels; i++) {
        PyObject *value = text(sample->labels[i].value);

        if (!value || PyDict_SetItemString(labels, sample->labels[i].name, value))
            Py_CLEAR(labels);
        Py_XDECREF(value);
    }
    return labels ? Py_BuildValue("{s:N,s:d}", "labels", labels, "value", sample->value) : NULL;
}

static PyObject *family_of(const struct strobe_metrics *metrics, const struct strobe_metric_family *family)
{
    PyObject *samples = PyList_New(0);

    for (uint32_t i = 0; samples && i < family->n_samples; i++) {
        PyObject *one = sample_of(&metrics->samples[family->first + i]);

        if (!one || PyList_Append(samples, one))
            Py_CLEAR(samples);
        Py_XDECREF(one);
    }
    if (!samples)
        return NULL;
    return Py_BuildValue("{s:s,s:s,s:s,s:s,s:N}", "name", family->name, "type",
                         family->type == STROBE_METRIC_COUNTER ? "counter" : "gauge", "help", family->help, "unit", family->unit,
                         "samples", samples);
}

PyObject *strobe_convert_metrics(const struct strobe_metrics *metrics)
{
    PyObject *ret = PyList_New(0);

    for (size_t i = 0; ret && i < metrics->n_families; i++) {
        PyObject *family = family_of(metrics, &metrics->families[i]);

        if (!family || PyList_Append(ret, family))
            Py_CLEAR(ret);
        Py_XDECREF(family);
    }
    return ret;
}

/* ---- Profile ---- */

struct profile {
    PyObject_HEAD
    struct strobe_selfprofile *profile;
};

static void profile_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    strobe_selfprofile_free(((struct profile *)object)->profile);
    PyObject_Free(object);
    Py_DECREF(type);
}

PyObject *strobe_convert_profile(PyObject *module, struct strobe_selfprofile *profile)
{
    struct strobe_convert_state *state = module ? PyModule_GetState(module) : NULL;
    PyObject *(*alloc)(PyTypeObject *, Py_ssize_t);
    struct profile *self = NULL;

    if (state) {
        PyTypeObject *type = (PyTypeObject *)state->profile_type;

        alloc = (PyObject * (*)(PyTypeObject *, Py_ssize_t)) PyType_GetSlot(type, Py_tp_alloc);
        self = (struct profile *)alloc(type, 0);
    }
    if (self)
        self->profile = profile;
    else
        strobe_selfprofile_free(profile);
    return (PyObject *)self;
}

/* write(format, tasks, lines, full_filenames) -> bytes */
static PyObject *profile_write(PyObject *object, PyObject *args)
{
    const struct strobe_selfprofile *profile = ((struct profile *)object)->profile;
    struct strobe_buf out = STROBE_BUF_INIT;
    int tasks, lines, full, err;
    const char *format;
    PyObject *ret;

    if (!PyArg_ParseTuple(args, "sppp:write", &format, &tasks, &lines, &full))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    err = strobe_selfprofile_write(profile, tasks ? STROBE_OF_TASKS : STROBE_OF_THREADS, format, lines, full, &out);
    Py_END_ALLOW_THREADS
    if (err == STROBE_ERR_ARG)
        ret = PyErr_Format(PyExc_ValueError, "strobe has no format %s", format);
    else if (err == STROBE_ERR_MISSING)
        ret = PyErr_Format(PyExc_ValueError,
                           tasks && !profile->agg[STROBE_OF_TASKS]
                               ? "this profile has no tasks: task_rate was 0"
                               : "the format shows the order in time, which this profile did not keep (order=True keeps it)");
    else
        ret = err ? strobe_convert_error(err, NULL) : PyBytes_FromStringAndSize(strobe_buf_str(&out), (Py_ssize_t)out.len);
    strobe_buf_release(&out);
    return ret;
}

static PyObject *profile_stats(PyObject *object, PyObject *ignored)
{
    const struct strobe_selfprofile *profile = ((struct profile *)object)->profile;
    const struct strobe_session_stats *stats = &profile->stats;

    (void)ignored;
    if (!profile->is_part)
        return strobe_convert_stats(stats);
    return Py_BuildValue("{s:d,s:K,s:d,s:{s:K,s:d}}", "elapsed", (double)stats->elapsed_ns / 1e9, "samples",
                         (unsigned long long)stats->samples, "rate", stats->rate_reached, "tasks", "samples",
                         (unsigned long long)stats->tasks.samples, "seconds", (double)stats->tasks.task_ns / 1e9);
}

static PyObject *profile_seconds(PyObject *object, PyObject *args)
{
    int tasks;

    if (!PyArg_ParseTuple(args, "p:seconds", &tasks))
        return NULL;
    return PyFloat_FromDouble(strobe_selfprofile_seconds(((struct profile *)object)->profile, tasks ? STROBE_OF_TASKS : STROBE_OF_THREADS));
}

struct split {
    PyObject *module, *ret;
};

static int add_part(void *ctx, const char *value, struct strobe_selfprofile *part)
{
    struct split *split = ctx;
    PyObject *key = value ? PyUnicode_DecodeUTF8(value, (Py_ssize_t)strlen(value), "replace") : Py_BuildValue("");
    PyObject *object = strobe_convert_profile(split->module, part);
    int failed = !key || !object || PyDict_SetItem(split->ret, key, object);

    Py_XDECREF(key);
    Py_XDECREF(object);
    return failed ? STROBE_ERR_NOMEM : 0;
}

/* by(name) -> {value or None: Profile} */
static PyObject *profile_by(PyObject *object, PyObject *args)
{
    struct split split = {.module = PyType_GetModule(Py_TYPE(object))};
    const char *name;
    int err;

    if (!PyArg_ParseTuple(args, "s:by", &name) || !split.module || !(split.ret = PyDict_New()))
        return NULL;
    err = strobe_selfprofile_by(((struct profile *)object)->profile, name, add_part, &split);
    if (!err)
        return split.ret;
    Py_DECREF(split.ret);
    return PyErr_Occurred() ? NULL : strobe_convert_error(err, NULL);
}

static PyMethodDef profile_methods[] = {
    {"write", profile_write, METH_VARARGS, "write(format, tasks, lines, full_filenames): the profile in a format, as bytes."},
    {"stats", profile_stats, METH_NOARGS, "Figures of the recording: a dict."},
    {"seconds", profile_seconds, METH_VARARGS, "seconds(tasks): what was recorded of threads, or of tasks."},
    {"by", profile_by, METH_VARARGS, "by(name): a dict of a label's values, None for without, and the part of the profile under each."},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot profile_slots[] = {
    {Py_tp_doc, "What a recording has gathered."},
    {Py_tp_dealloc, profile_dealloc},
    {Py_tp_methods, profile_methods},
    {0, NULL},
};
static PyType_Spec profile_spec = {"strobe._strobe.Profile", sizeof(struct profile), 0, Py_TPFLAGS_DEFAULT, profile_slots};

/* name, extension, needs_log of every format */
static PyObject *list_formats(void)
{
    PyObject *ret = PyList_New(0);
    const struct strobe_exporter *exporter;

    for (size_t i = 0; ret && (exporter = strobe_exporter_at(i)); i++) {
        PyObject *row = Py_BuildValue("ssi", exporter->name, exporter->extension, exporter->needs_log);

        if (!row || PyList_Append(ret, row))
            Py_CLEAR(ret);
        Py_XDECREF(row);
    }
    return ret;
}

int strobe_convert_add_types(PyObject *module)
{
    struct strobe_convert_state *state = PyModule_GetState(module);

    state->profile_type = PyType_FromModuleAndSpec(module, &profile_spec, NULL);
    if (!state->profile_type)
        return -1;
    Py_INCREF(state->profile_type);
    return strobe_convert_add(module, "Profile", state->profile_type) | strobe_convert_add(module, "FORMATS", list_formats());
}

int strobe_convert_add(PyObject *module, const char *name, PyObject *object)
{
    if (!object || !PyModule_AddObject(module, name, object)) /* which takes it over when it succeeds */
        return object ? 0 : -1;
    Py_DECREF(object);
    return -1;
}

int strobe_convert_traverse(PyObject *module, visitproc visit, void *arg)
{
    struct strobe_convert_state *state = PyModule_GetState(module);

    if (state)
        Py_VISIT(state->profile_type);
    return 0;
}

int strobe_convert_clear(PyObject *module)
{
    struct strobe_convert_state *state = PyModule_GetState(module);

    if (state)
        Py_CLEAR(state->profile_type);
    return 0;
}

void strobe_convert_free(void *module)
{
    strobe_convert_clear(module);
}
