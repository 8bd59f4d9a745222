/* SPDX-License-Identifier: Apache-2.0 */
/* A profile begins, ends, and forgets. */
#include "ext/trace_parts.h"

#include "ext/background.h"
#include "ext/trace_seat.h"

static void resume(struct strobe_calls_thread *thread, struct strobe_calls_time now)
{
    strobe_calls_hold(thread);
    strobe_calls_go_on(thread, now);
    strobe_calls_let_go(thread);
}

static void begin_time(struct strobe_calls_thread *thread, struct strobe_calls_time now)
{
    strobe_calls_hold(thread);
    strobe_calls_seeded(thread, now);
    strobe_calls_let_go(thread);
}

/* begin(): what threads run is to be seeded, before go(). */
PyObject *strobe_calls_object_begin(PyObject *object, PyObject *ignored)
{
    (void)ignored;
    strobe_ticks_facts();
    strobe_trace_reap();
    strobe_calls_end_gone(strobe_calls_object_of(object)->trace.calls, strobe_background_has_ended);
    strobe_calls_each_thread(strobe_calls_object_of(object)->trace.calls, strobe_trace_time, &strobe_calls_object_of(object)->trace,
                             resume);
    Py_RETURN_NONE;
}

/* go(what each thread calls for its greenlets; is the hook told of all ends?): all threads' clocks start, and events count. */
PyObject *strobe_calls_object_go(PyObject *object, PyObject *args)
{
    struct strobe_calls_object *self = strobe_calls_object_of(object);
    PyObject *greenlet;
    int tells_ends;

    if (!PyArg_ParseTuple(args, "Op:go", &greenlet, &tells_ends))
        return NULL;
    Py_XDECREF(self->trace.greenlet);
    self->trace.greenlet = greenlet;
    Py_INCREF(greenlet);
    self->trace.tells_ends = tells_ends;
    strobe_calls_each_thread(self->trace.calls, strobe_trace_time, &self->trace, begin_time); /* what has passed was the profiler's */
    self->since = strobe_ticks_wall();
    strobe_calls_seeded_waits(self->trace.calls, self->since);
    self->is_active = true;
    strobe_trace_begin(&self->trace);
    Py_RETURN_NONE;
}

/* It was this turn's seat that guarded it. */
static void pause_thread(struct strobe_calls_thread *thread, struct strobe_calls_time now)
{
    strobe_calls_hold(thread);
    strobe_calls_pause(thread, now);
    strobe_calls_let_go(thread);
    strobe_calls_guard(thread, NULL);
}

PyObject *strobe_calls_object_stop(PyObject *object, PyObject *ignored)
{
    struct strobe_calls_object *self = strobe_calls_object_of(object);
    uint64_t now;

    (void)ignored;
    if (!self->is_active)
        Py_RETURN_NONE;
    strobe_trace_reap();
    if (strobe_trace_active == &self->trace)
        strobe_trace_end();
    now = strobe_ticks_wall();
    strobe_calls_each_thread(self->trace.calls, strobe_trace_time, &self->trace, pause_thread);
    strobe_calls_pause_waits(self->trace.calls, now);
    self->run_wall += now - self->since;
    self->is_active = false;
    PyDict_Clear(self->trace.held);
    Py_RETURN_NONE;
}

PyObject *strobe_calls_object_clear(PyObject *object, PyObject *ignored)
{
    struct strobe_calls_object *self = strobe_calls_object_of(object);

    (void)ignored;
    strobe_trace_reap();
    STROBE_APART_BEGIN
    strobe_calls_clear(self->trace.calls, self->is_active, strobe_trace_time, &self->trace, strobe_ticks_wall());
    STROBE_APART_END
    self->run_wall = 0;
    self->since = strobe_ticks_wall();
    Py_RETURN_NONE;
}
