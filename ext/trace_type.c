/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/trace_type.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attach/proc/mem_process.h"
#include "base/err.h"
#include "calls/rows.h"
#include "ext/convert.h"
#include "ext/trace.h"
#include "ext/trace_export.h"
#include "ext/trace_hooks.h"

struct calls {
    PyObject_HEAD
    struct strobe_trace trace;
    bool is_active;
    uint64_t run_wall; /* ticks of the runs before this one */
    uint64_t since;    /* this one began */
};

static struct calls *of(PyObject *object)
{
    return (struct calls *)object;
}

/* ---- life ---- */

static void release(struct strobe_trace *trace)
{
    strobe_calls_free(trace->calls);
    for (size_t i = 0; i < trace->cap_functions; i++)
        Py_DecRef(trace->functions[i]);
    free(trace->functions);
    Py_XDECREF(trace->tag);
    Py_XDECREF(trace->modules);
    Py_XDECREF(trace->paths);
    Py_XDECREF(trace->own);
    Py_XDECREF(trace->left_out);
    Py_XDECREF(trace->held);
    Py_XDECREF(trace->greenlet);
    Py_XDECREF(trace->on_switch);
}

static void calls_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    if (strobe_trace_active == &of(object)->trace)
        strobe_trace_end();
    release(&of(object)->trace);
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

/* Calls(version, max_functions, cpu, only, builtins, tasks, tag or None, modules, paths, own) */
static PyObject *calls_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *(*alloc)(PyTypeObject *, Py_ssize_t) = (PyObject * (*)(PyTypeObject *, Py_ssize_t)) PyType_GetSlot(type, Py_tp_alloc);
    struct calls *self = of(alloc(type, 0));
    struct strobe_trace *trace;
    unsigned version, max_functions;
    unsigned long long only;
    int cpu, builtins, tasks, err;

    (void)kwargs;
    if (!self)
        return NULL;
    trace = &self->trace;
    if (!PyArg_ParseTuple(args, "IIiKppOO!O!O!:Calls", &version, &max_functions, &cpu, &only, &builtins, &tasks, &trace->tag, &PyTuple_Type,
                          &trace->modules, &PyTuple_Type, &trace->paths, &PyTuple_Type, &trace->own)) {
        trace->tag = trace->modules = trace->paths = trace->own = NULL;
        goto failed;
    }
    trace->tag = trace->tag == Py_None ? NULL : trace->tag;
    Py_XINCREF(trace->tag);
    Py_INCREF(trace->modules);
    Py_INCREF(trace->paths);
    Py_INCREF(trace->own);
    trace->cpu = (enum strobe_ticks_cpu)cpu;
    trace->only = only;
    trace->builtins = builtins;
    trace->tasks = tasks;
    if (!(trace->left_out = PyList_New(0)) || !(trace->held = PyDict_New()) || read_layout(trace, version))
        goto failed;
    err = strobe_calls_new(&(struct strobe_calls_opts){
        .ops = {.kind = strobe_trace_kind, .adopt = strobe_trace_adopt, .ctx = trace}, .max_functions = max_functions,
        .is_shared = trace->layout.free_threaded}, &trace->calls);
    if (!err)
        return (PyObject *)self;
    strobe_convert_error(err, NULL);
failed:
    Py_DECREF(self);
    return NULL;
}

/* ---- begin and end ---- */

/* Each thread's own time, at which it stops or starts. */
static void each_thread(struct strobe_trace *trace, void (*fn)(struct strobe_calls_thread *, struct strobe_calls_time))
{
    struct strobe_calls_thread_facts facts;

    for (size_t i = 0; strobe_calls_thread_at(trace->calls, i, &facts); i++)
        if (!facts.has_ended)
            fn((struct strobe_calls_thread *)facts.thread, strobe_trace_time(trace, facts.thread));
}

/* begin(): all threads' clocks start; what they run is to be seeded before go(). */
static PyObject *calls_begin(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    strobe_ticks_facts();
    each_thread(&of(object)->trace, strobe_calls_go_on);
    of(object)->since = strobe_ticks_wall();
    Py_RETURN_NONE;
}

/* go(settrace or None, on_switch): events count from now on. */
static PyObject *calls_go(PyObject *object, PyObject *args)
{
    struct calls *self = of(object);
    PyObject *settrace, *on_switch;

    if (!PyArg_ParseTuple(args, "OO:go", &settrace, &on_switch))
        return NULL;
    Py_XDECREF(self->trace.greenlet);
    Py_XDECREF(self->trace.on_switch);
    self->trace.greenlet = settrace == Py_None ? NULL : settrace;
    self->trace.on_switch = on_switch;
    Py_XINCREF(self->trace.greenlet);
    Py_INCREF(on_switch);
    self->is_active = true;
    strobe_trace_begin(&self->trace);
    Py_RETURN_NONE;
}

/* It was this turn's seat that guarded it. */
static void halt(struct strobe_calls_thread *thread, struct strobe_calls_time now)
{
    strobe_calls_pause(thread, now);
    strobe_calls_guard(thread, NULL);
}

static PyObject *calls_stop(PyObject *object, PyObject *ignored)
{
    struct calls *self = of(object);
    uint64_t now;

    (void)ignored;
    if (!self->is_active)
        Py_RETURN_NONE;
    strobe_trace_reap();
    now = strobe_ticks_wall();
    if (strobe_trace_active == &self->trace)
        strobe_trace_end();
    each_thread(&self->trace, halt);
    strobe_calls_pause_waits(self->trace.calls, now);
    self->run_wall += now - self->since;
    self->is_active = false;
    PyDict_Clear(self->trace.held);
    Py_RETURN_NONE;
}

static void hold(struct strobe_calls_thread *thread, struct strobe_calls_time now)
{
    (void)now;
    strobe_calls_hold(thread);
}

static void let_go(struct strobe_calls_thread *thread, struct strobe_calls_time now)
{
    (void)now;
    strobe_calls_let_go(thread);
}

static PyObject *calls_clear(PyObject *object, PyObject *ignored)
{
    struct calls *self = of(object);

    (void)ignored;
    each_thread(&self->trace, hold);
    if (self->is_active)
        each_thread(&self->trace, strobe_calls_charge);
    strobe_calls_clear(self->trace.calls);
    each_thread(&self->trace, let_go);
    self->run_wall = 0;
    self->since = strobe_ticks_wall();
    Py_RETURN_NONE;
}

/* ---- seeds ---- */

static int note_error(int err)
{
    if (err)
        strobe_convert_error(err, NULL);
    return err ? -1 : 0;
}

/* thread(ident, tid, name) -> its serial, for seed(); made when it is new. */
static PyObject *calls_thread(PyObject *object, PyObject *args)
{
    struct strobe_trace *trace = &of(object)->trace;
    struct strobe_calls_thread *thread;
    unsigned long long ident;
    const char *name;
    int tid;

    if (!PyArg_ParseTuple(args, "Kis:thread", &ident, &tid, &name))
        return NULL;
    thread = strobe_calls_thread_find(trace->calls, ident);
    if (thread) {
        strobe_calls_thread_rename(thread, name);
    } else {
        if (note_error(strobe_calls_thread_new(trace->calls, ident, tid, name, &thread)))
            return NULL;
        strobe_calls_go_on(thread, strobe_trace_time(trace, thread));
    }
    Py_RETURN_NONE;
}

/* The frame's address as events have it: of a frame object. */
static const void *address_of_frame(const struct strobe_trace *trace, PyObject *frame)
{
    if (trace->layout.frames == STROBE_FRAMES_HEAP)
        return frame;
    return strobe_trace_pointer(frame, trace->layout.ob_header + sizeof(void *)); /* f_frame, behind f_back (pycore_frame.h) */
}

/* Likewise of a coroutine or generator. */
static const void *address_in_coroutine(const struct strobe_trace *trace, PyObject *coroutine)
{
    if (trace->layout.frames == STROBE_FRAMES_HEAP)
        return strobe_trace_pointer(coroutine, trace->layout.gen_frame);
    return (const char *)coroutine + trace->layout.gen_frame;
}

static uint32_t group_of(struct strobe_trace *trace, PyObject *name, PyObject *code)
{
    return name == Py_None ? STROBE_CALLS_SAME : strobe_trace_named_group(trace, name, code);
}

/* What a function is that runs already: with the globals that its frame has. */
static void learn(struct strobe_trace *trace, PyObject *frame, const void *code)
{
    PyObject *globals = PyObject_GetAttrString(frame, "f_globals");

    trace->globals = globals;
    strobe_calls_learn(trace->calls, code);
    trace->globals = NULL;
    Py_XDECREF(globals);
    PyErr_Clear();
}

/* Below 3.12: the end of what is seeded is not seen.  What must stay to be asked: a generator, or a frame object. */
static int hold_unseen(struct strobe_trace *trace, struct strobe_calls_thread *thread, PyObject *frame, const void *address)
{
    PyObject *key = PyLong_FromVoidPtr((void *)address), *held = NULL;
    int failed;

    strobe_calls_seed_unseen(thread, address);
    if (trace->layout.frames == STROBE_FRAMES_HEAP)
        held = frame;
    else if (*((const uint8_t *)address + trace->layout.fr_owner) == trace->layout.owner_generator)
        held = (PyObject *)((const char *)address - trace->layout.gen_frame);
    failed = !key || (held && PyDict_SetItem(trace->held, key, held));
    Py_XDECREF(key);
    return failed ? -1 : 0;
}

/* seed(ident, frame, code, task's name or None, unseen): frames of a thread, outermost first. */
static PyObject *calls_seed(PyObject *object, PyObject *args)
{
    struct strobe_trace *trace = &of(object)->trace;
    struct strobe_calls_thread *thread;
    PyObject *frame, *code, *name;
    unsigned long long ident;
    const void *address;
    int is_unseen;

    if (!PyArg_ParseTuple(args, "KOOOp:seed", &ident, &frame, &code, &name, &is_unseen))
        return NULL;
    thread = strobe_calls_thread_find(trace->calls, ident);
    address = address_of_frame(trace, frame);
    if (!thread)
        Py_RETURN_NONE;
    learn(trace, frame, code);
    strobe_calls_seed(thread, code, address, group_of(trace, name, code), strobe_calls_latest(thread, (struct strobe_calls_time){0, 0}));
    if (is_unseen && hold_unseen(trace, thread, frame, address))
        return NULL;
    Py_RETURN_NONE;
}

/* settle(ident, frame): where a thread is now, before stop() (below 3.12). */
static PyObject *calls_settle(PyObject *object, PyObject *args)
{
    struct strobe_trace *trace = &of(object)->trace;
    struct strobe_calls_thread *thread;
    unsigned long long ident;
    PyObject *frame;

    if (!PyArg_ParseTuple(args, "KO:settle", &ident, &frame))
        return NULL;
    thread = strobe_calls_thread_find(trace->calls, ident);
    if (thread)
        strobe_trace_settle(trace, thread, address_of_frame(trace, frame), strobe_trace_time(trace, thread));
    Py_RETURN_NONE;
}

/* seed_waiting([(coroutine, code, frame)], task's name or None): one that waits for the next, outermost first. */
static PyObject *calls_seed_waiting(PyObject *object, PyObject *args)
{
    enum { MOST = 1000 };
    struct strobe_trace *trace = &of(object)->trace;
    const void *codes[MOST], *frames[MOST];
    struct strobe_calls_thread_facts facts;
    PyObject *chain, *name;
    uint32_t group;
    Py_ssize_t n;

    if (!PyArg_ParseTuple(args, "O!O:seed_waiting", &PyList_Type, &chain, &name))
        return NULL;
    n = PyList_Size(chain) < MOST ? PyList_Size(chain) : MOST;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *pair = PyList_GetItem(chain, i);

        codes[i] = PyTuple_GetItem(pair, 1);
        frames[i] = address_in_coroutine(trace, PyTuple_GetItem(pair, 0));
        learn(trace, PyTuple_GetItem(pair, 2), codes[i]);
    }
    if (n == 0 || !strobe_calls_thread_at(trace->calls, 0, &facts))
        Py_RETURN_NONE;
    group = group_of(trace, name, (PyObject *)codes[0]);
    strobe_calls_seed_suspended((struct strobe_calls_thread *)facts.thread, codes, frames, (size_t)n,
                                group == STROBE_CALLS_SAME ? 0 : group, strobe_trace_time(trace, facts.thread));
    Py_RETURN_NONE;
}

/* ---- reading ---- */

static PyObject *figures_of(uint32_t caller, uint32_t callee, const struct strobe_calls_figures *f)
{
    return Py_BuildValue("(IIKKKKKKKKKKKK)", caller, callee, f->started, f->finished, f->started + f->seeded - f->finished, f->primitive,
                         f->resumes, f->self.wall, f->self.cpu, f->total.wall, f->total.cpu, f->awaited,
                         f->shortest == UINT64_MAX ? 0 : f->shortest, f->longest);
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

static struct strobe_calls_question question_of(struct calls *self, long long place, long long group)
{
    struct strobe_calls_question question = {.group = group < 0 ? STROBE_CALLS_ANY : (uint32_t)group, .now = strobe_trace_time,
                                             .ctx = &self->trace, .wall = strobe_ticks_wall()};
    struct strobe_calls_thread_facts facts;

    if (place >= 0 && strobe_calls_thread_at(self->trace.calls, (size_t)place, &facts))
        question.thread = facts.thread;
    return question;
}

/* rows(thread's place or -1, group or -1) -> functions, edges, wall, cpu: all times in ticks.  A row: caller, callee, started, finished,
 * unfinished, primitive, resumes, self wall, self cpu, total wall, total cpu, awaited, shortest, longest. */
static PyObject *calls_rows(PyObject *object, PyObject *args)
{
    struct calls *self = of(object);
    struct strobe_calls_rows rows;
    struct strobe_calls_question question;
    long long place, group;
    PyObject *ret;
    int err;

    if (!PyArg_ParseTuple(args, "LL:rows", &place, &group))
        return NULL;
    strobe_trace_reap();
    question = question_of(self, place, group);
#ifdef Py_GIL_DISABLED
    Py_BEGIN_ALLOW_THREADS
#endif
    err = strobe_calls_rows_init(self->trace.calls, &question, &rows);
#ifdef Py_GIL_DISABLED
    Py_END_ALLOW_THREADS
#endif
    if (err)
        return strobe_convert_error(err, NULL);
    ret = Py_BuildValue("(NNKK)", list_of(rows.functions, rows.n_functions, rows.n_functions),
                        list_of(rows.edges, rows.n_edges, rows.n_functions), rows.wall, rows.cpu);
    strobe_calls_rows_release(&rows);
    return ret;
}

/* functions() -> [code object or builtin, or None], by number. */
static PyObject *calls_functions(PyObject *object, PyObject *ignored)
{
    const struct strobe_trace *trace = &of(object)->trace;
    uint32_t n = strobe_calls_function_count(trace->calls);
    PyObject *list = PyList_New(0);

    (void)ignored;
    for (uint32_t i = 0; list && i < n; i++)
        if (PyList_Append(list, i < trace->cap_functions && trace->functions[i] ? trace->functions[i] : Py_None))
            Py_CLEAR(list);
    return list;
}

/* threads() -> [(ident, tid, name, has it ended?)], groups() -> [name] */
static PyObject *calls_threads(PyObject *object, PyObject *ignored)
{
    struct strobe_calls_thread_facts facts;
    PyObject *list = PyList_New(0);

    (void)ignored;
    strobe_trace_reap();
    for (size_t i = 0; list && strobe_calls_thread_at(of(object)->trace.calls, i, &facts); i++) {
        PyObject *name = PyUnicode_DecodeUTF8(facts.name, (Py_ssize_t)strlen(facts.name), "replace");
        PyObject *row = name ? Py_BuildValue("(KiNO)", (unsigned long long)facts.serial, (int)facts.tid, name,
                                             facts.has_ended ? Py_True : Py_False) : NULL;

        if (!row || PyList_Append(list, row))
            Py_CLEAR(list);
        Py_XDECREF(row);
    }
    return list;
}

static PyObject *calls_groups(PyObject *object, PyObject *ignored)
{
    const struct strobe_calls *calls = of(object)->trace.calls;
    PyObject *list = PyList_New(0);

    (void)ignored;
    for (size_t i = 0; list && i < strobe_calls_group_count(calls); i++) {
        const char *text = strobe_calls_group_name(calls, (uint32_t)i);
        PyObject *name = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");

        if (!name || PyList_Append(list, name))
            Py_CLEAR(list);
        Py_XDECREF(name);
    }
    return list;
}

/* facts() -> seconds a tick, ticks of all runs so far, starts beyond max_functions, events not noted, stacks that were too deep, is the
 * tree full? */
static PyObject *calls_facts(PyObject *object, PyObject *ignored)
{
    const struct calls *self = of(object);
    struct strobe_calls_lost lost = strobe_calls_lost(self->trace.calls);
    uint64_t wall = self->run_wall + (self->is_active ? strobe_ticks_wall() - self->since : 0);

    (void)ignored;
    return Py_BuildValue("(dKKKKO)", strobe_ticks_ns_per_tick() / 1e9, (unsigned long long)wall, (unsigned long long)lost.functions,
                         (unsigned long long)lost.events, (unsigned long long)self->trace.too_deep, lost.paths ? Py_True : Py_False);
}

struct path_list {
    PyObject *list;
    uint64_t serial;
    size_t place;
    const struct strobe_calls_thread *thread;
};

static int add_path(void *ctx, const struct strobe_calls_thread_facts *thread, uint32_t group, const uint32_t *functions, size_t n,
                    struct strobe_calls_time self)
{
    struct path_list *paths = ctx;
    PyObject *path = PyTuple_New((Py_ssize_t)n), *row;

    if (paths->thread != thread->thread) {
        paths->place += paths->thread != NULL;
        paths->thread = thread->thread;
    }
    for (size_t i = 0; path && i < n; i++) {
        PyObject *number = PyLong_FromUnsignedLong(functions[i]);

        if (!number || PyTuple_SetItem(path, (Py_ssize_t)i, number))
            Py_CLEAR(path);
    }
    row = path ? Py_BuildValue("(nINKK)", (Py_ssize_t)paths->place, group, path, self.wall, self.cpu) : NULL;
    if (!row || PyList_Append(paths->list, row)) {
        Py_XDECREF(row);
        return STROBE_ERR_NOMEM;
    }
    Py_DECREF(row);
    return 0;
}

/* paths() -> [(serial of thread, group, (function, ...) outermost first, wall, cpu)], of time on the thread, in ticks. */
static PyObject *calls_paths(PyObject *object, PyObject *ignored)
{
    struct strobe_calls_question question = question_of(of(object), -1, -1);
    struct path_list paths = {.list = PyList_New(0)};
    int err;

    (void)ignored;
    if (!paths.list)
        return NULL;
    err = strobe_calls_paths(of(object)->trace.calls, &question, add_path, &paths);
    if (!err)
        return paths.list;
    Py_DECREF(paths.list);
    return PyErr_Occurred() ? NULL : strobe_convert_error(err, NULL);
}

/* export(format, [(name, file, line)] by function, by CPU time?, title) -> bytes, of time on threads. */
static PyObject *calls_export(PyObject *object, PyObject *args)
{
    struct calls *self = of(object);
    struct strobe_calls_question question = question_of(self, -1, -1);
    struct strobe_buf out = STROBE_BUF_INIT;
    const char *format, *title;
    PyObject *names, *ret;
    int by_cpu, err;

    if (!PyArg_ParseTuple(args, "sO!ps:export", &format, &PyList_Type, &names, &by_cpu, &title))
        return NULL;
    err = strobe_trace_export(self->trace.calls, &question, names, by_cpu, strobe_ticks_ns_per_tick(), title, format, &out);
    ret = err ? NULL : PyBytes_FromStringAndSize(strobe_buf_str(&out), (Py_ssize_t)out.len);
    strobe_buf_release(&out);
    return err && !PyErr_Occurred() ? strobe_convert_error(err, NULL) : ret;
}

/* ---- functions of the module ---- */

/* trace_switched(event, (origin, target)): for greenlet.settrace. */
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
    if (strobe_trace_switched(origin, is_dead, target))
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyObject *trace_forked(PyObject *module, PyObject *ignored)
{
    (void)module, (void)ignored;
    strobe_trace_forked();
    Py_RETURN_NONE;
}

/* Is CPU time to be had without a system call for each event? */
static PyObject *has_cheap_cpu(PyObject *module, PyObject *ignored)
{
    (void)module, (void)ignored;
    return PyBool_FromLong(strobe_ticks_facts()->has_rseq);
}

static PyMethodDef methods[] = {
    {"begin", calls_begin, METH_NOARGS, "begin(): clocks start; then thread() and seed(), then go()."},
    {"go", calls_go, METH_VARARGS, "go(settrace, on_switch): events count from now on."},
    {"stop", calls_stop, METH_NOARGS, "stop(): no event counts any more."},
    {"clear", calls_clear, METH_NOARGS, "clear(): forgets what was counted."},
    {"thread", calls_thread, METH_VARARGS, "thread(ident, tid, name): a thread that is there at the start."},
    {"seed", calls_seed, METH_VARARGS, "seed(ident, frame, code, task, unseen): frames it is in, outermost first."},
    {"settle", calls_settle, METH_VARARGS, "settle(ident, frame): where a thread is before stop() (below 3.12)."},
    {"seed_waiting", calls_seed_waiting, METH_VARARGS, "seed_waiting([(coroutine, code, frame)], task): one waits for the next."},
    {"rows", calls_rows, METH_VARARGS, "rows(thread, group): functions, edges, ticks of wall and CPU time."},
    {"functions", calls_functions, METH_NOARGS, "functions(): what they are, by number."},
    {"threads", calls_threads, METH_NOARGS, "threads(): ident, tid, name, has it ended."},
    {"groups", calls_groups, METH_NOARGS, "groups(): names, by number."},
    {"facts", calls_facts, METH_NOARGS, "facts(): seconds a tick, ticks of all runs, what was lost."},
    {"export", calls_export, METH_VARARGS, "export(format, names, by_cpu, title): the profile in a format, as bytes."},
    {"paths", calls_paths, METH_NOARGS, "paths(): time on threads by path."},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot slots[] = {
    {Py_tp_doc, "What a program's calls have cost."},
    {Py_tp_new, calls_new},
    {Py_tp_dealloc, calls_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};
static PyType_Spec spec = {"strobe._strobe.Calls", sizeof(struct calls), 0, Py_TPFLAGS_DEFAULT, slots};

static PyMethodDef functions[] = {
    {"trace_callbacks", strobe_trace_callbacks, METH_VARARGS, "trace_callbacks(DISABLE): callbacks for sys.monitoring."},
    {"trace_frames", strobe_trace_frames, METH_VARARGS, "trace_frames(on): frames are evaluated by our function."},
    {"trace_switched", trace_switched, METH_VARARGS, "trace_switched(event, (origin, target)): for greenlet.settrace."},
    {"has_cheap_cpu", has_cheap_cpu, METH_NOARGS, "Is CPU time to be had without a system call for each event?"},
    {"trace_forked", trace_forked, METH_NOARGS, "In the child of a fork: no profile goes on."},
};

int strobe_trace_add_types(PyObject *module)
{
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (strobe_convert_add(module, functions[i].ml_name, PyCFunction_NewEx(&functions[i], NULL, NULL)))
            return -1;
    return strobe_convert_add(module, "Calls", PyType_FromModuleAndSpec(module, &spec, NULL));
}
