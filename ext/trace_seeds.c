/* SPDX-License-Identifier: Apache-2.0 */
/* What a program runs and waits for when a profile begins (strobe/_callseeds.py finds it): it counts from then on. */
#include "ext/trace_seeds.h"

#include <dlfcn.h>
#include <stdlib.h>

#include "ext/convert.h"
#include "ext/trace_code.h"
#include "ext/trace_frames.h"
#include "ext/trace_groups.h"
#include "ext/trace_parts.h"

/* thread(ident, tid or 0, name): made when it is new. */
PyObject *strobe_calls_object_thread(PyObject *object, PyObject *args)
{
    struct strobe_trace *trace = &strobe_calls_object_of(object)->trace;
    struct strobe_calls_thread *thread;
    unsigned long long ident;
    const char *name;
    int tid, err;

    if (!PyArg_ParseTuple(args, "Kis:thread", &ident, &tid, &name))
        return NULL;
    thread = strobe_calls_thread_find(trace->calls, ident, tid);
    if (thread) {
        strobe_calls_thread_rename(thread, name);
    } else {
        if ((err = strobe_calls_thread_new(trace->calls, ident, tid, name, &thread)))
            return strobe_convert_error(err, NULL);
        strobe_calls_hold(thread);
        strobe_calls_go_on(thread, strobe_trace_time(trace, thread));
        strobe_calls_let_go(thread);
    }
    Py_RETURN_NONE;
}

/* The frame of a coroutine or generator, as events have it. */
static const void *address_in_coroutine(const struct strobe_trace *trace, PyObject *coroutine)
{
    if (trace->layout.frames == STROBE_FRAMES_HEAP)
        return strobe_trace_pointer(coroutine, trace->layout.gen_frame);
    return (const char *)coroutine + trace->layout.gen_frame;
}

static uint32_t group_by_name(struct strobe_trace *trace, PyObject *name, PyObject *code)
{
    return name == Py_None ? STROBE_CALLS_SAME : strobe_trace_named_group(trace, name, code);
}

/* What a function is that runs already: with the globals that its frame has. */
static void learn(struct strobe_trace *trace, PyObject *globals, const void *code)
{
    trace->globals = globals;
    strobe_calls_learn(trace->calls, code);
    trace->globals = NULL;
}

/* ---- frames of threads ---- */

typedef void world(void *interpreter);

/* Free-threaded builds: no other thread runs Python until it starts again.  CPython's functions are looked up by their names; false: they
 * are not there. */
static bool stop_world(world **ret_start)
{
    world *stop = (world *)(uintptr_t)dlsym(RTLD_DEFAULT, "_PyEval_StopTheWorld"); /* pycore_pystate.h; exported, as tests use it */

    *ret_start = (world *)(uintptr_t)dlsym(RTLD_DEFAULT, "_PyEval_StartTheWorld");
    if (!stop || !*ret_start)
        return false;
    stop(PyInterpreterState_Get());
    return true;
}

struct found {
    const char *address;
    PyObject *code, *globals, *generator; /* owned; generator: that the frame is in, or NULL */
};

/* The frame of a frame object; of one that has ended, that of who called it (it has a frame of its own then, and f_back is an object). */
static const char *live_frame(const struct strobe_trace *trace, const void *object)
{
    const struct strobe_layout *lay = &trace->layout;

    if (lay->frames == STROBE_FRAMES_HEAP)
        return object;
    for (; object; object = strobe_trace_pointer(object, lay->ob_header)) {
        const char *frame = strobe_trace_inner_frame(trace, object);

        if (*(const uint8_t *)(frame + lay->fr_owner) != lay->owner_object)
            return frame;
    }
    return NULL;
}

/* With the world stopped: up to `most` frames, innermost first. */
static size_t find_frames(const struct strobe_trace *trace, const void *object, struct found *ret, size_t most)
{
    const struct strobe_layout *lay = &trace->layout;
    size_t n = 0;

    for (const char *frame = live_frame(trace, object); frame && n < most; frame = strobe_trace_pointer(frame, lay->fr_previous)) {
        uint8_t owner = *(const uint8_t *)(frame + lay->fr_owner);
        uintptr_t code = (uintptr_t)strobe_trace_pointer(frame, lay->fr_code) & ~(uintptr_t)lay->pointer_mask_low;

        if (owner >= lay->owner_skip)
            continue;
        ret[n] = (struct found){frame, (PyObject *)code, (PyObject *)strobe_trace_pointer(frame, lay->fr_globals),
                                owner == lay->owner_generator ? (PyObject *)(frame - lay->gen_frame) : NULL};
        Py_INCREF(ret[n].code);
        Py_INCREF(ret[n].globals);
        Py_XINCREF(ret[n].generator);
        n++;
    }
    return n;
}

/* stack(frame object) -> [(code, globals, place, generator or None)], outermost first: of a thread that may be running meanwhile, in a
 * free-threaded build. */
PyObject *strobe_calls_object_stack(PyObject *object, PyObject *frame)
{
    enum { MOST = 10000 };
    const struct strobe_trace *trace = &strobe_calls_object_of(object)->trace;
    struct found *found = malloc(MOST * sizeof *found);
    PyObject *list = PyList_New(0);
    world *start;
    size_t n = 0;

    if (found && list && stop_world(&start)) {
        n = find_frames(trace, frame, found, MOST);
        start(PyInterpreterState_Get());
    }
    while (n-- > 0) {
        PyObject *item = Py_BuildValue("(NNKN)", found[n].code, found[n].globals, (unsigned long long)(uintptr_t)found[n].address,
                                       found[n].generator ? found[n].generator : (Py_INCREF(Py_None), Py_None));

        if (!item || (list && PyList_Append(list, item)))
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    free(found);
    return list;
}

/* seed(ident, place, code, globals, what must stay to be asked or None, task's name or None): frames of a thread, outermost first.  Until
 * the thread's next event, and below 3.12 always, their ends are not seen: then a generator, or a frame object, is asked. */
PyObject *strobe_calls_object_seed(PyObject *object, PyObject *args)
{
    struct strobe_trace *trace = &strobe_calls_object_of(object)->trace;
    struct strobe_calls_thread *thread;
    PyObject *code, *globals, *held, *name, *key;
    unsigned long long ident, place;
    const void *address;
    int failed = 0;

    if (!PyArg_ParseTuple(args, "KKOOOO:seed", &ident, &place, &code, &globals, &held, &name))
        return NULL;
    if (!(thread = strobe_calls_thread_find(trace->calls, ident, 0)))
        Py_RETURN_NONE;
    address = (const void *)(uintptr_t)place;
    learn(trace, globals, code);
    strobe_calls_seed(thread, code, address, group_by_name(trace, name, code),
                      strobe_calls_latest(thread, (struct strobe_calls_time){0, 0}));
    strobe_calls_seed_unseen(thread, address);
    if (held != Py_None) {
        key = PyLong_FromVoidPtr((void *)address);
        failed = !key || PyDict_SetItem(trace->held, key, held);
        Py_XDECREF(key);
    }
    if (failed)
        return NULL;
    Py_RETURN_NONE;
}

/* place(frame object) -> (place, what must stay to be asked or None): of a frame of this thread, or where one thread runs at a time. */
PyObject *strobe_calls_object_place(PyObject *object, PyObject *frame)
{
    const struct strobe_trace *trace = &strobe_calls_object_of(object)->trace;
    const char *address = strobe_trace_inner_frame(trace, frame);
    PyObject *held = Py_None;

    if (trace->layout.frames == STROBE_FRAMES_HEAP)
        held = frame;
    else if (*(const uint8_t *)(address + trace->layout.fr_owner) == trace->layout.owner_generator)
        held = (PyObject *)(address - trace->layout.gen_frame);
    return Py_BuildValue("(KO)", (unsigned long long)(uintptr_t)address, held);
}

/* settle(): where threads are now, before stop() (below 3.12).  Nothing of what this lets go of ends before all of them are looked at: that
 * could run Python code, and they with it. */
PyObject *strobe_calls_object_settle(PyObject *object, PyObject *ignored)
{
    struct strobe_trace *trace = &strobe_calls_object_of(object)->trace;
    PyObject *ask = PySys_GetObject("_current_frames"), *kept = PyDict_Copy(trace->held), *frames, *ident, *frame;
    Py_ssize_t at = 0;

    (void)ignored;
    frames = kept && ask ? PyObject_CallObject(ask, NULL) : NULL;
    while (frames && PyDict_Next(frames, &at, &ident, &frame)) {
        struct strobe_calls_thread *thread = strobe_calls_thread_find(trace->calls, PyLong_AsUnsignedLongLong(ident), 0);
        const char *innermost = live_frame(trace, frame);

        if (thread && innermost)
            strobe_trace_settle(trace, thread, innermost, NULL, strobe_trace_turn, strobe_trace_time(trace, thread));
    }
    Py_XDECREF(frames);
    Py_XDECREF(kept);
    if (!frames)
        return PyErr_Occurred() ? NULL : PyErr_NoMemory(); /* 3.9 does not always say why */
    Py_RETURN_NONE;
}

/* seed_waiting([(coroutine, code, globals)], task's name or None, ident): one that waits for the next, outermost first, in the loop of a
 * thread; nothing if that is not profiled. */
PyObject *strobe_calls_object_seed_waiting(PyObject *object, PyObject *args)
{
    enum { MOST = 1000 };
    struct strobe_trace *trace = &strobe_calls_object_of(object)->trace;
    const void *codes[MOST], *frames[MOST];
    struct strobe_calls_thread *thread;
    unsigned long long ident;
    PyObject *chain, *name;
    uint32_t group;
    Py_ssize_t n;

    if (!PyArg_ParseTuple(args, "O!OK:seed_waiting", &PyList_Type, &chain, &name, &ident))
        return NULL;
    n = PyList_Size(chain) < MOST ? PyList_Size(chain) : MOST;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *pair = PyList_GetItem(chain, i);

        codes[i] = PyTuple_GetItem(pair, 1);
        frames[i] = address_in_coroutine(trace, PyTuple_GetItem(pair, 0));
        learn(trace, PyTuple_GetItem(pair, 2), codes[i]);
    }
    if (n == 0 || !(thread = strobe_calls_thread_find(trace->calls, ident, 0)))
        Py_RETURN_NONE;
    group = group_by_name(trace, name, (PyObject *)codes[0]);
    strobe_calls_seed_suspended(thread, codes, frames, (size_t)n,
                                group == STROBE_CALLS_SAME ? 0 : group, strobe_trace_time(trace, thread));
    Py_RETURN_NONE;
}

/* ---- what has left the stack unseen ---- */

bool strobe_trace_is_suspended(const struct strobe_trace *trace, const char *frame)
{
    const struct strobe_layout *lay = &trace->layout;
    uint8_t state;

    if (lay->frames == STROBE_FRAMES_HEAP)
        return lay->stack_kind == STROBE_STACK_POINTER ? strobe_trace_pointer(frame, lay->fr_stacktop) != NULL :
                                                         *(const uint8_t *)(frame + lay->fr_executing) == lay->gen_heap_suspended;
    state = *(const uint8_t *)(frame - lay->gen_frame + lay->gen_state);
    return state == lay->gen_yielded || state == lay->gen_awaiting || state == lay->gen_awaiting_locked;
}

/* Is the frame on the stack of which this is the innermost one, and still of this function?  Places of frames are used again. */
static bool is_there(const struct strobe_trace *trace, const char *innermost, const char *frame, const void *code)
{
    uintptr_t tags = trace->layout.pointer_mask_low;

    while (innermost && innermost != frame)
        innermost = strobe_trace_pointer(innermost, trace->layout.fr_previous);
    return innermost && ((uintptr_t)strobe_trace_pointer(frame, trace->layout.fr_code) & ~tags) == (uintptr_t)code;
}

/* What was kept for a frame to be asked is the caller's: its end may run Python code.  NULL: nothing was. */
static PyObject *take_held(struct strobe_trace *trace, const char *frame)
{
    PyObject *key = PyLong_FromVoidPtr((void *)frame), *held = key ? PyDict_GetItemWithError(trace->held, key) : NULL;

    Py_XINCREF(held);
    if (held)
        PyDict_DelItem(trace->held, key);
    Py_XDECREF(key);
    PyErr_Clear();
    return held;
}

/* One frame less that is unseen; false: somebody else has done it, or the turn is over. */
static bool settle_one(struct strobe_calls_thread *thread, const char *unseen, bool is_suspended, uint64_t turn,
                       struct strobe_calls_time now)
{
    bool is;

    strobe_calls_hold(thread);
    is = turn == __atomic_load_n(&strobe_trace_turn, __ATOMIC_ACQUIRE) && strobe_calls_unseen(thread) == unseen;
    if (is)
        strobe_calls_settle(thread, is_suspended, now);
    strobe_calls_let_go(thread);
    return is;
}

void strobe_trace_settle(struct strobe_trace *trace, struct strobe_calls_thread *thread, const void *innermost, const void *begins,
                         uint64_t turn, struct strobe_calls_time now)
{
    const char *unseen;
    bool goes_on = true;

    while (goes_on && turn == strobe_trace_turn && (unseen = strobe_calls_unseen(thread)) &&
           !is_there(trace, innermost, unseen, strobe_calls_innermost(thread))) {
        PyObject *held = take_held(trace, unseen);

        goes_on = settle_one(thread, unseen, held && (unseen == begins || strobe_trace_is_suspended(trace, unseen)), turn, now);
        Py_XDECREF(held); /* last */
    }
}

/* The next frame that is known to be there; NULL: all are, or the turn is over. */
static const char *see(struct strobe_calls_thread *thread, uint64_t turn)
{
    const char *frame = NULL;

    strobe_calls_hold(thread);
    if (turn == __atomic_load_n(&strobe_trace_turn, __ATOMIC_ACQUIRE))
        frame = strobe_calls_seen(thread);
    strobe_calls_let_go(thread);
    return frame;
}

void strobe_trace_settle_once(struct strobe_trace *trace, struct strobe_calls_thread *thread, bool begins, uint64_t turn,
                              struct strobe_calls_time now)
{
    const char *innermost = strobe_trace_frame(trace), *frame;

    strobe_trace_settle(trace, thread, begins ? strobe_trace_pointer(innermost, trace->layout.fr_previous) : innermost,
                        begins ? innermost : NULL, turn, now);
    while ((frame = see(thread, turn)))
        Py_XDECREF(take_held(trace, frame));
}
