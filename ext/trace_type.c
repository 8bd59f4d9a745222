/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/trace_type.h"

#include <stdlib.h>
#include <unistd.h>

#include "attach/proc/mem_process.h"
#include "base/err.h"
#include "ext/convert.h"
#include "ext/forks.h"
#include "ext/trace_code.h"
#include "ext/trace_forks.h"
#include "ext/trace_frames.h"
#include "ext/trace_greenlets.h"
#include "ext/trace_monitoring.h"
#include "ext/trace_parts.h"
#include "ext/trace_seat.h"

/* ---- life ---- */

static void release(struct strobe_trace *trace)
{
    strobe_calls_free(trace->calls);
    for (size_t i = 0; trace->functions && i < trace->n_room; i++) {
        Py_XDECREF(trace->functions[i].what);
        Py_XDECREF(trace->functions[i].name);
    }
    free(trace->functions);
    Py_XDECREF(trace->tag);
    Py_XDECREF(atomic_load(&trace->variable));
    Py_XDECREF(trace->copy_context);
    Py_XDECREF(trace->modules);
    Py_XDECREF(trace->paths);
    Py_XDECREF(trace->own);
    Py_XDECREF(trace->name_key);
    Py_XDECREF(trace->main_name);
    Py_XDECREF(trace->get_name);
    Py_XDECREF(atomic_load(&trace->current_task));
    for (size_t i = 0; i < trace->n_left_out; i++)
        Py_DECREF(trace->left_out[i]);
    free(trace->left_out);
    Py_XDECREF(trace->root_codes);
    strobe_htab_release(&trace->roots);
    Py_XDECREF(trace->held);
    Py_XDECREF(trace->greenlet);
}

static void calls_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    if (strobe_trace_active == &strobe_calls_object_of(object)->trace)
        strobe_trace_end();
    strobe_trace_forget(&strobe_calls_object_of(object)->trace);
    release(&strobe_calls_object_of(object)->trace);
    PyObject_Free(object);
    Py_DECREF(type);
}

static int read_layout(struct strobe_trace *trace, unsigned version)
{
    struct strobe_layout_hint hint = {.runtime = (uint64_t)(uintptr_t)_PyRuntime, .version = version};
    struct strobe_buf why = STROBE_BUF_INIT;
    struct strobe_mem *mem;
    char clause[256] = "";
    int err = strobe_mem_process_new(getpid(), &mem);

    if (!err) {
        err = strobe_layout_init(mem, &hint, &trace->layout, clause);
        strobe_mem_close(mem);
    }
    if (!err)
        return 0;
    strobe_buf_puts(&why, clause);
    strobe_convert_error(err, &why);
    return -1;
}

/* Calls(version, max_functions, cpu, only, builtins, tasks, tag, modules, paths, own, costs, main).  tag: a ContextVar, the name of one, or
 * None.  only: (ident, native id) of one thread; (0, 0): all.  main: the name of what `-m` runs, or "", and its globals.
 * costs: nanoseconds that an event takes and that are taken out, of a plain function, an activation, a builtin; 0, 0, 0: they stay in. */
static PyObject *calls_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *(*alloc)(PyTypeObject *, Py_ssize_t) = (PyObject * (*)(PyTypeObject *, Py_ssize_t)) PyType_GetSlot(type, Py_tp_alloc);
    struct strobe_calls_object *self = strobe_calls_object_of(alloc(type, 0));
    struct strobe_trace *trace;
    PyObject *contextvars, *main;
    unsigned version, max_functions;
    unsigned long long only;
    int only_tid;
    double cost, activation_cost, builtin_cost, tick;
    int cpu, builtins, tasks, err;

    (void)kwargs;
    if (!self)
        return NULL;
    trace = &self->trace;
    trace->owner = (PyObject *)self;
    if (!PyArg_ParseTuple(args, "IIi(Ki)ppOO!O!O!(ddd)(UO):Calls", &version, &max_functions, &cpu, &only, &only_tid, &builtins, &tasks,
                          &trace->tag, &PyTuple_Type, &trace->modules, &PyTuple_Type, &trace->paths, &PyTuple_Type, &trace->own, &cost,
                          &activation_cost, &builtin_cost, &trace->main_name, &main)) {
        trace->tag = trace->modules = trace->paths = trace->own = trace->main_name = NULL;
        goto failed;
    }
    pthread_mutex_init(&trace->roots_lock, NULL);
    trace->tag = trace->tag == Py_None ? NULL : trace->tag;
    Py_XINCREF(trace->tag);
    if (trace->tag && !PyUnicode_Check(trace->tag)) {
        Py_INCREF(trace->tag);
        atomic_store(&trace->variable, trace->tag);
    }
    Py_INCREF(trace->modules);
    Py_INCREF(trace->paths);
    Py_INCREF(trace->own);
    Py_INCREF(trace->main_name);
    trace->main_globals = main;
    trace->n_room = (size_t)max_functions + 1;
    if (!(trace->functions = calloc(trace->n_room, sizeof *trace->functions))) {
        PyErr_NoMemory();
        goto failed;
    }
    trace->cpu = (enum strobe_ticks_cpu)cpu;
    trace->only = only;
    trace->only_tid = only_tid;
    trace->builtins = builtins;
    trace->tasks = tasks;
    contextvars = PyImport_ImportModule("_contextvars");
    trace->copy_context = contextvars ? PyObject_GetAttrString(contextvars, "copy_context") : NULL;
    Py_XDECREF(contextvars);
    if (!trace->copy_context || !(trace->name_key = PyUnicode_InternFromString("__name__")) ||
        !(trace->get_name = PyUnicode_InternFromString("get_name")) || !(trace->root_codes = PyList_New(0)) ||
        !(trace->held = PyDict_New()) || read_layout(trace, version))
        goto failed;
    tick = strobe_ticks_facts()->ns_per_tick;
    trace->builtin_surplus.wall = trace->builtin_surplus.cpu = builtin_cost > cost ? (uint64_t)((builtin_cost - cost) / tick) : 0;
    err = strobe_calls_new(&(struct strobe_calls_opts){
        .ops = {.kind = strobe_trace_kind, .adopt = strobe_trace_adopt, .ctx = trace}, .max_functions = max_functions,
        .cost = (uint64_t)(cost / tick), .activation_cost = (uint64_t)(activation_cost / tick), .is_shared = trace->layout.free_threaded,
        .other_group = trace->tag ? "(other)\x1f(other)" : NULL},
        &trace->calls);
    if (!err)
        err = strobe_forks_listen();
    if (!err) {
        strobe_trace_know(trace);
        return (PyObject *)self;
    }
    strobe_convert_error(err, NULL);
failed:
    Py_DECREF(self);
    return NULL;
}

/* ---- functions of the module ---- */

/* trace_switched(event, (origin, target)) -> is there a profile that runs? for greenlet.settrace. */
static PyObject *trace_switched(PyObject *module, PyObject *args)
{
    PyObject *event, *origin, *target, *dead;
    bool is_dead;

    (void)module;
    if (!PyArg_ParseTuple(args, "O(OO):trace_switched", &event, &origin, &target))
        return NULL;
    dead = PyObject_GetAttrString(origin, "dead");
    is_dead = dead == Py_True;
    Py_XDECREF(dead);
    PyErr_Clear();
    strobe_trace_switched(origin, is_dead, target);
    return PyBool_FromLong(strobe_trace_turn != 0);
}

/* Is CPU time to be had without a system call for each event? */
static PyObject *has_cheap_cpu(PyObject *module, PyObject *ignored)
{
    (void)module, (void)ignored;
    return PyBool_FromLong(strobe_ticks_facts()->has_rseq);
}

/* Of this thread, as the interpreter gives it (pthread_self): threading.get_ident() may be another's, who has patched it (gevent). */
static PyObject *thread_ident(PyObject *module, PyObject *ignored)
{
    (void)module, (void)ignored;
    return PyLong_FromUnsignedLong(PyThread_get_thread_ident());
}

/* run_left_out(function): what it returns; this thread is not profiled meanwhile, whatever it runs. */
static PyObject *run_left_out(PyObject *module, PyObject *function)
{
    PyObject *result;
    bool was;

    (void)module;
    if (!strobe_seat_leave_out(true, &was))
        return PyErr_NoMemory();
    result = PyObject_CallObject(function, NULL);
    strobe_seat_leave_out(was, &was);
    return result;
}

static PyMethodDef methods[] = {
    {"begin", strobe_calls_object_begin, METH_NOARGS, "begin(): clocks start; then thread() and seed(), then go()."},
    {"go", strobe_calls_object_go, METH_VARARGS, "go(greenlet, tells_ends): events count from now on."},
    {"stop", strobe_calls_object_stop, METH_NOARGS, "stop(): no event counts any more."},
    {"clear", strobe_calls_object_clear, METH_NOARGS, "clear(): forgets what was counted."},
    {"thread", strobe_calls_object_thread, METH_VARARGS, "thread(ident, tid, name): a thread that is there at the start."},
    {"stack", strobe_calls_object_stack, METH_O, "stack(frame): of a thread that may be running (free-threaded builds), outermost first."},
    {"place", strobe_calls_object_place, METH_O, "place(frame): where it is, and what must stay to be asked of its end."},
    {"seed", strobe_calls_object_seed, METH_VARARGS, "seed(ident, place, code, globals, held, task): a frame it is in, outermost first."},
    {"settle", strobe_calls_object_settle, METH_NOARGS, "settle(): where threads are before stop() (below 3.12)."},
    {"seed_waiting", strobe_calls_object_seed_waiting, METH_VARARGS,
     "seed_waiting([(coroutine, code, globals)], task, ident): one waits for the next, in the loop of a thread."},
    {"rows", strobe_calls_object_rows, METH_VARARGS, "rows(thread, group): functions, edges, ticks of wall and CPU time."},
    {"functions", strobe_calls_object_functions, METH_NOARGS, "functions(): what they are, by number."},
    {"threads", strobe_calls_object_threads, METH_NOARGS, "threads(): ident, tid, name, has it ended, number."},
    {"groups", strobe_calls_object_groups, METH_NOARGS, "groups(): names, by number."},
    {"facts", strobe_calls_object_facts, METH_NOARGS, "facts(): seconds a tick, ticks of all runs, what was lost."},
    {"export", strobe_calls_object_export, METH_VARARGS, "export(format, names, by_cpu, title, threads, groups) -> bytes: time of threads"},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot slots[] = {
    {Py_tp_doc, "What a program's calls have cost."},
    {Py_tp_new, calls_new},
    {Py_tp_dealloc, calls_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};
static PyType_Spec spec = {"strobe._strobe.Calls", sizeof(struct strobe_calls_object), 0, Py_TPFLAGS_DEFAULT, slots};

static PyMethodDef functions[] = {
    {"trace_callbacks", strobe_trace_callbacks, METH_VARARGS, "trace_callbacks(DISABLE, CodeType): callbacks for sys.monitoring."},
    {"trace_frames", strobe_trace_frames, METH_VARARGS, "trace_frames(on): frames are evaluated by our function."},
    {"trace_switched", trace_switched, METH_VARARGS, "trace_switched(event, (origin, target)): for greenlet.settrace."},
    {"has_cheap_cpu", has_cheap_cpu, METH_NOARGS, "Is CPU time to be had without a system call for each event?"},
    {"thread_ident", thread_ident, METH_NOARGS, "This thread's own."},
    {"run_left_out", run_left_out, METH_O, "run_left_out(function): on a thread that is not profiled, whatever it runs."},
};

int strobe_trace_add_types(PyObject *module)
{
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (strobe_convert_add(module, functions[i].ml_name, PyCFunction_NewEx(&functions[i], NULL, NULL)))
            return -1;
    return strobe_convert_add(module, "Calls", PyType_FromModuleAndSpec(module, &spec, NULL));
}
