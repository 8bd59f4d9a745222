/* SPDX-License-Identifier: Apache-2.0 */
#include "ext/trace_greenlets.h"

#include "ext/trace_forgive.h"

void strobe_trace_greenlets(struct strobe_seat *seat, const struct strobe_trace *trace)
{
    PyObject *is_traced;

    if (!PyDict_GetItemString(PyImport_GetModuleDict(), "greenlet"))
        return;
    is_traced = PyObject_CallObject(trace->greenlet, NULL);
    seat->is_traced = is_traced == Py_True;
    Py_XDECREF(is_traced);
    strobe_trace_forgive();
}

void strobe_trace_switched(const void *origin, bool origin_is_dead, const void *target)
{
    struct strobe_seat *seat = strobe_seat_begin(false);
    struct strobe_calls_stack *left, *stack;
    uint64_t *known;
    int err = 0;

    if (!seat)
        return;
    left = strobe_calls_stack_of(seat->thread);
    known = strobe_htab_get(&seat->stacks, (uintptr_t)target, 0);
    stack = known ? (struct strobe_calls_stack *)(uintptr_t)*known : NULL;
    if (stack == left)
        goto done;
    if ((!stack && (err = strobe_calls_stack_new(seat->thread, &stack))) ||
        (err = strobe_htab_put(&seat->stacks, (uintptr_t)target, 0, (uintptr_t)stack)))
        goto done;
    strobe_calls_switch(seat->thread, stack, strobe_ticks_now(&seat->ticks));
    if (origin_is_dead)
        err = strobe_htab_put(&seat->stacks, (uintptr_t)origin, 0, strobe_calls_stack_end(seat->thread, left) ? 0 : (uintptr_t)left);
    else
        err = strobe_htab_put(&seat->stacks, (uintptr_t)origin, 0, (uintptr_t)left);
done:
    if (err)
        strobe_calls_lose(seat->thread);
    strobe_seat_let_go(seat);
}
