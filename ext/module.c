/* SPDX-License-Identifier: Apache-2.0 */
/* module: strobe._strobe, the C side of `import strobe`: arguments in, plain data out.  What Python users call is in strobe/.
 * May include: compat.h, convert.h, selfsampler.h, pictures.h. */
#include "ext/compat.h"

#include "base/err.h"
#include "billing/labels.h"
#include "ext/background.h"
#include "ext/convert.h"
#include "ext/dumpsignal.h"
#include "ext/forks.h"
#include "ext/onthread.h"
#include "ext/pictures.h"
#include "ext/registry.h"
#include "ext/selfmeter.h"
#include "ext/selfsampler.h"
#include "ext/trace_type.h"

/* ---- Sampler ---- */

struct sampler {
    PyObject_HEAD
    struct strobe_selfsampler *sampler; /* NULL once stopped */
};

static void sampler_dealloc(PyObject *object)
{
    struct sampler *self = (struct sampler *)object;
    struct strobe_selfsampler *sampler = self->sampler;
    PyTypeObject *type = Py_TYPE(object);

    self->sampler = NULL;
    Py_BEGIN_ALLOW_THREADS
    strobe_selfsampler_free(sampler);
    Py_END_ALLOW_THREADS
    PyObject_Free(object);
    Py_DECREF(type);
}

/* Sampler(version, version_text, rate, task_rate, max_cpu, idle, threads, order, labels: a tuple of bytes) */
static PyObject *sampler_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"version", "version_text", "rate", "task_rate", "max_cpu", "idle", "threads", "order", "labels", NULL};
    struct strobe_selfsampler_opts opts = {.runtime = (uint64_t)(uintptr_t)_PyRuntime};
    struct strobe_buf why = STROBE_BUF_INIT;
    const char *variables[STROBE_LABELS_MAX];
    PyObject *labels = NULL;
    int idle = 0, threads = 1, order = 0, err;
    struct sampler *self;
    PyObject *(*alloc)(PyTypeObject *, Py_ssize_t) = (PyObject * (*)(PyTypeObject *, Py_ssize_t)) PyType_GetSlot(type, Py_tp_alloc);

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "Isddd|pppO!:Sampler", names, &opts.version, &opts.version_text, &opts.rate,
                                     &opts.task_rate, &opts.max_cpu, &idle, &threads, &order, &PyTuple_Type, &labels))
        return NULL;
    opts.labels = variables;
    for (Py_ssize_t i = 0; labels && i < PyTuple_Size(labels) && opts.n_labels < STROBE_LABELS_MAX; i++)
        if (!(variables[opts.n_labels++] = PyBytes_AsString(PyTuple_GetItem(labels, i))))
            return NULL;
    opts.idle = idle;
    opts.threads = threads;
    opts.order = order;
    self = (struct sampler *)alloc(type, 0);
    if (!self)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    err = strobe_selfsampler_start(&opts, &self->sampler, &why);
    Py_END_ALLOW_THREADS
    if (err) {
        strobe_convert_error(err, &why);
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static bool is_running(const struct sampler *self)
{
    if (!self->sampler)
        PyErr_SetString(PyExc_RuntimeError, "strobe is not recording");
    return self->sampler;
}

/* take(again) -> Profile */
static PyObject *sampler_take(PyObject *object, PyObject *args)
{
    struct sampler *self = (struct sampler *)object;
    struct strobe_selfprofile *profile = NULL;
    struct strobe_buf why = STROBE_BUF_INIT;
    int again, err;

    if (!PyArg_ParseTuple(args, "p:take", &again) || !is_running(self))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    err = strobe_selfsampler_take(self->sampler, again, &profile, &why);
    Py_END_ALLOW_THREADS
    if (err)
        return strobe_convert_error(err, &why);
    return strobe_convert_profile(PyType_GetModule(Py_TYPE(object)), profile);
}

static PyObject *sampler_state(PyObject *object, PyObject *ignored)
{
    struct sampler *self = (struct sampler *)object;
    struct strobe_selfsampler_state state;

    (void)ignored;
    if (!is_running(self))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    strobe_selfsampler_state(self->sampler, &state);
    Py_END_ALLOW_THREADS
    return Py_BuildValue("{s:O,s:O,s:d,s:O,s:O,s:i,s:N}", "running", state.running ? Py_True : Py_False, "forked",
                         state.forked ? Py_True : Py_False, "rate", state.rate, "lowered", state.lowered ? Py_True : Py_False, "exceeded",
                         state.exceeded ? Py_True : Py_False, "signal", state.signal, "stats", strobe_convert_stats(&state.stats));
}

static PyMethodDef sampler_methods[] = {
    {"take", sampler_take, METH_VARARGS, "take(again): ends the recording and gives its Profile; again: another one begins at once."},
    {"state", sampler_state, METH_NOARGS, "How the recording goes: a dict."},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot sampler_slots[] = {
    {Py_tp_doc, "A recording of this process that goes on, made by a native thread."},
    {Py_tp_new, sampler_new},
    {Py_tp_dealloc, sampler_dealloc},
    {Py_tp_methods, sampler_methods},
    {0, NULL},
};
static PyType_Spec sampler_spec = {"strobe._strobe.Sampler", sizeof(struct sampler), 0, Py_TPFLAGS_DEFAULT, sampler_slots};

/* ---- Meter ---- */

struct meter {
    PyObject_HEAD
    struct strobe_selfmeter *meter;
};

static void meter_dealloc(PyObject *object)
{
    struct strobe_selfmeter *meter = ((struct meter *)object)->meter;
    PyTypeObject *type = Py_TYPE(object);

    Py_BEGIN_ALLOW_THREADS
    strobe_selfmeter_free(meter);
    Py_END_ALLOW_THREADS
    PyObject_Free(object);
    Py_DECREF(type);
}

/* Meter(version, version_text, max_cpu, prefix, wait_threshold, saturated_threshold, event_every, later): seconds */
static PyObject *meter_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    struct strobe_selfmeter_opts opts = {.runtime = (uint64_t)(uintptr_t)_PyRuntime};
    struct strobe_buf why = STROBE_BUF_INIT;
    PyObject *(*alloc)(PyTypeObject *, Py_ssize_t) = (PyObject * (*)(PyTypeObject *, Py_ssize_t)) PyType_GetSlot(type, Py_tp_alloc);
    struct meter *self;
    int later, err;

    (void)kwargs;
    if (!PyArg_ParseTuple(args, "Isdsdddp:Meter", &opts.version, &opts.version_text, &opts.max_cpu, &opts.prefix, &opts.wait_threshold_s,
                          &opts.saturated_threshold_s, &opts.event_every_s, &later) ||
        !(self = (struct meter *)alloc(type, 0)))
        return NULL;
    opts.later = later;
    Py_BEGIN_ALLOW_THREADS
    err = strobe_selfmeter_start(&opts, &self->meter, &why);
    Py_END_ALLOW_THREADS
    if (!err)
        return (PyObject *)self;
    if (err == STROBE_ERR_ARG) {
        PyErr_Format(PyExc_ValueError, "strobe: %s", strobe_buf_str(&why));
        strobe_buf_release(&why);
    } else {
        strobe_convert_error(err, &why);
    }
    Py_DECREF(self);
    return NULL;
}

static PyObject *metrics_of(int err, struct strobe_metrics *metrics)
{
    PyObject *ret = err ? strobe_convert_error(err, NULL) : strobe_convert_metrics(metrics);

    strobe_metrics_release(metrics);
    return ret;
}

static PyObject *meter_metrics(PyObject *object, PyObject *ignored)
{
    struct strobe_metrics metrics = STROBE_METRICS_INIT;
    int err;

    (void)ignored;
    Py_BEGIN_ALLOW_THREADS
    err = strobe_selfmeter_metrics(((struct meter *)object)->meter, &metrics);
    Py_END_ALLOW_THREADS
    return metrics_of(err, &metrics);
}

static PyObject *bytes_of(int err, struct strobe_buf *out)
{
    PyObject *ret = err ? strobe_convert_error(err, NULL) : PyBytes_FromStringAndSize(strobe_buf_str(out), (Py_ssize_t)out->len);

    strobe_buf_release(out);
    return ret;
}

static PyObject *meter_events(PyObject *object, PyObject *ignored)
{
    struct strobe_buf out = STROBE_BUF_INIT;
    int err;

    (void)ignored;
    Py_BEGIN_ALLOW_THREADS
    err = strobe_selfmeter_events(((struct meter *)object)->meter, &out);
    Py_END_ALLOW_THREADS
    return bytes_of(err, &out);
}

static PyObject *meter_pools(PyObject *object, PyObject *ignored)
{
    struct strobe_buf out = STROBE_BUF_INIT;
    int err;

    (void)ignored;
    Py_BEGIN_ALLOW_THREADS
    err = strobe_selfmeter_pools(((struct meter *)object)->meter, &out);
    Py_END_ALLOW_THREADS
    return bytes_of(err, &out);
}

static PyObject *meter_forked(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    return PyBool_FromLong(strobe_selfmeter_forked(((struct meter *)object)->meter));
}

static PyMethodDef meter_methods[] = {
    {"metrics", meter_metrics, METH_NOARGS, "metrics(): families as of the last reading: a list of dicts."},
    {"events", meter_events, METH_NOARGS, "events(): what happened since it was asked last: lines of JSON."},
    {"pools", meter_pools, METH_NOARGS, "pools(): JSON of the resources, read now."},
    {"forked", meter_forked, METH_NOARGS, "forked(): is it the parent process's?"},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot meter_slots[] = {
    {Py_tp_doc, "Meters this process by a native thread until it is freed."},
    {Py_tp_new, meter_new},
    {Py_tp_dealloc, meter_dealloc},
    {Py_tp_methods, meter_methods},
    {0, NULL},
};
static PyType_Spec meter_spec = {"strobe._strobe.Meter", sizeof(struct meter), 0, Py_TPFLAGS_DEFAULT, meter_slots};

/* ---- functions ---- */

/* look(which, version, version_text) -> bytes */
static PyObject *look(PyObject *module, PyObject *args)
{
    struct strobe_buf out = STROBE_BUF_INIT, why = STROBE_BUF_INIT;
    PyObject *ret = NULL;
    const char *text;
    unsigned version;
    int which, err;

    (void)module;
    if (!PyArg_ParseTuple(args, "iIs:look", &which, &version, &text))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    err = strobe_pictures_take((enum strobe_picture)which, (uint64_t)(uintptr_t)_PyRuntime, version, text, &out, &why);
    Py_END_ALLOW_THREADS
    ret = err ? strobe_convert_error(err, &why) : PyBytes_FromStringAndSize(strobe_buf_str(&out), (Py_ssize_t)out.len);
    if (!err)
        strobe_buf_release(&why);
    strobe_buf_release(&out);
    return ret;
}

/* install_signal(signum, path as bytes or None, fd, chain, version, version_text) */
static PyObject *install_signal(PyObject *module, PyObject *args)
{
    struct strobe_dumpsignal_opts opts = {.runtime = (uint64_t)(uintptr_t)_PyRuntime};
    PyObject *path;
    unsigned version;
    int signum, chain, err;

    (void)module;
    if (!PyArg_ParseTuple(args, "iOipIs:install_signal", &signum, &path, &opts.fd, &chain, &version, &opts.version_text) ||
        (path != Py_None && PyBytes_AsStringAndSize(path, (char **)&opts.path, NULL)))
        return NULL;
    opts.chain = chain;
    opts.version = version;
    Py_BEGIN_ALLOW_THREADS
    err = strobe_dumpsignal_install(signum, &opts);
    Py_END_ALLOW_THREADS
    if (err == STROBE_ERR_ARG && strobe_dumpsignal_of_fault(signum))
        return PyErr_Format(PyExc_ValueError, "signal %d comes of a fault, and would again behind a dump: faulthandler.enable() is for "
                            "these", signum);
    if (err == STROBE_ERR_ARG)
        return PyErr_Format(PyExc_ValueError, "signal %d cannot be caught", signum);
    if (err == STROBE_ERR_IO)
        return PyErr_Format(PyExc_OSError, "file descriptor %d is not open", opts.fd);
    if (err)
        return strobe_convert_error(err, NULL);
    Py_RETURN_NONE;
}

/* remove_signal(signum) -> was it installed? */
static PyObject *remove_signal(PyObject *module, PyObject *args)
{
    bool was_installed;
    int signum;

    (void)module;
    if (!PyArg_ParseTuple(args, "i:remove_signal", &signum))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    was_installed = strobe_dumpsignal_remove(signum);
    Py_END_ALLOW_THREADS
    return PyBool_FromLong(was_installed);
}

/* hint(address, name or None, capacity or -1): what is known of a resource beforehand. */
static PyObject *hint(PyObject *module, PyObject *args)
{
    unsigned long long address;
    const char *name;
    long long capacity;
    int err;

    (void)module;
    if (!PyArg_ParseTuple(args, "KzL:hint", &address, &name, &capacity))
        return NULL;
    err = strobe_registry_put(address, name, capacity);
    if (err)
        return strobe_convert_error(err, NULL);
    Py_RETURN_NONE;
}

/* unhint(address): it is gone. */
static PyObject *unhint(PyObject *module, PyObject *args)
{
    unsigned long long address;

    (void)module;
    if (!PyArg_ParseTuple(args, "K:unhint", &address))
        return NULL;
    strobe_registry_remove(address);
    Py_RETURN_NONE;
}

static PyObject *rest(PyObject *module, PyObject *ignored)
{
    Py_BEGIN_ALLOW_THREADS
    strobe_background_rest_all();
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *wake(PyObject *module, PyObject *ignored)
{
    Py_BEGIN_ALLOW_THREADS
    strobe_background_wake_all();
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

/* families() -> what a meter may export: as its metrics(), without samples. */
static PyObject *families(PyObject *module, PyObject *ignored)
{
    struct strobe_metrics metrics = STROBE_METRICS_INIT;
    int err = strobe_selfmeter_families(&metrics);

    (void)module, (void)ignored;
    return metrics_of(err, &metrics);
}

static PyObject *forked(PyObject *module, PyObject *ignored)
{
    Py_BEGIN_ALLOW_THREADS
    strobe_dumpsignal_resume();
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"look", look, METH_VARARGS, "look(which, version, version_text): a picture of this process, as bytes of JSON (LOOK_...)."},
    {"install_signal", install_signal, METH_VARARGS, "install_signal(signum, path, fd, chain, version, version_text)"},
    {"remove_signal", remove_signal, METH_VARARGS, "remove_signal(signum): puts back what was there before; was it installed?"},
    {"hint", hint, METH_VARARGS, "hint(address, name, capacity): what is known of a resource beforehand; None, -1: not that."},
    {"unhint", unhint, METH_VARARGS, "unhint(address): it is gone."},
    {"rest", rest, METH_NOARGS, "rest(): before os.fork: the native threads end."},
    {"wake", wake, METH_NOARGS, "wake(): after it, in the parent: they go on."},
    {"families", families, METH_NOARGS, "families(): what a meter may export: a list of dicts."},
    {"forked", forked, METH_NOARGS, "In the child of a fork: what needs a thread gets one."},
    {NULL, NULL, 0, NULL},
};

/* What is kept of a process is kept once. */
static int refuse_others(void)
{
    if (PyInterpreterState_GetID(PyInterpreterState_Get()) == 0)
        return 0;
    PyErr_SetString(PyExc_ImportError, "strobe reads a process from its main interpreter; in this one only strobe.label() works");
    return -1;
}

static int add_types(PyObject *module)
{
    PyObject *sampler, *meter;

    if (refuse_others())
        return -1;
    sampler = PyType_FromModuleAndSpec(module, &sampler_spec, NULL);
    meter = PyType_FromModuleAndSpec(module, &meter_spec, NULL);
    if (strobe_forks_listen()) {
        PyErr_NoMemory();
        return -1;
    }
    if (strobe_convert_add(module, "Sampler", sampler) | strobe_convert_add(module, "Meter", meter) || strobe_convert_add_types(module) ||
        strobe_trace_add_types(module))
        return -1;
    return PyModule_AddIntConstant(module, "LOOK_DUMP", STROBE_PICTURE_DUMP) |
           PyModule_AddIntConstant(module, "LOOK_TASKS", STROBE_PICTURE_TASKS) |
           PyModule_AddStringConstant(module, "__version__", STROBE_VERSION);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, add_types},
    STROBE_MODULE_SLOTS {0, NULL},
};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "strobe._strobe", "The C side of strobe.", sizeof(struct strobe_convert_state), functions, slots,
    strobe_convert_traverse, strobe_convert_clear, strobe_convert_free,
};

PyMODINIT_FUNC PyInit__strobe(void)
{
    return PyModuleDef_Init(&definition);
}
