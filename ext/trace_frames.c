/* SPDX-License-Identifier: Apache-2.0 */
/* The hook of CPython 3.9 to 3.11: the function that evaluates frames (PEP 523), which is ours while a profile is active.
 *
 *   caller ──> evaluate ──> _PyEval_EvalFrameDefault ──> evaluate ──> ...
 *
 * It must not change the program.  In 3.11 calls of Python functions by Python functions take no room of the C stack, but under a function
 * of another one they do: a recursion that runs without it could end in a crash.  So where half of the thread's stack is used it steps
 * aside, until that frame has ended: what is called meanwhile is its time.
 *
 * The functions of CPython are looked up by their names: newer ones, which this binary serves too, have them no more. */
#include "ext/trace_hooks.h"

#include <dlfcn.h>

typedef PyObject *evaluator(void *state, const char *frame, int throws);
typedef void installer(void *interpreter, evaluator *function);

static evaluator *evaluate_default;
static installer *set_evaluator;

/* What a frame is about to do. */
enum step { IS_CALL, GOES_ON, MAKES_GENERATOR };

static bool makes_activation(int flags)
{
    return flags & (STROBE_CODE_GENERATOR | STROBE_CODE_COROUTINE | STROBE_CODE_ASYNC_GENERATOR | STROBE_CODE_ITERABLE_COROUTINE);
}

/* 3.9, 3.10: a frame's f_lasti is -1 before its first instruction.  3.11: a call of a generator function runs to the instruction that makes
 * the generator, in a frame of its own; the generator's own frame, a copy, begins behind it, before what is first traced. */
static enum step step_of(const struct strobe_trace *trace, const char *frame, const void *code, int flags)
{
    const struct strobe_layout *lay = &trace->layout;

    if (!makes_activation(flags))
        return IS_CALL;
    if (lay->frames == STROBE_FRAMES_HEAP)
        return *(const int32_t *)(frame + lay->fr_instr) < 0 ? IS_CALL : GOES_ON;
    if (*(const uint8_t *)(frame + lay->fr_owner) != lay->owner_generator)
        return MAKES_GENERATOR;
    return strobe_trace_has_begun(trace, frame, code) ? GOES_ON : IS_CALL;
}

/* After it was evaluated: has it suspended itself, rather than ended? */
static bool is_suspended(const struct strobe_trace *trace, const char *frame)
{
    const struct strobe_layout *lay = &trace->layout;

    if (lay->frames != STROBE_FRAMES_HEAP)
        return *(const uint8_t *)(frame - lay->gen_frame + lay->gen_state) == lay->gen_yielded;
    if (lay->stack_kind == STROBE_STACK_POINTER)
        return strobe_trace_pointer(frame, lay->fr_stacktop);
    return *(const uint8_t *)(frame + lay->fr_executing) == lay->gen_heap_suspended;
}

static void begin(struct strobe_seat *seat, const char *frame, const void *code, int flags, enum step step)
{
    struct strobe_trace *trace = strobe_trace_active;
    uint32_t group = STROBE_CALLS_SAME;

    seat->frame = frame;
    if (trace->tag || (makes_activation(flags) && !strobe_calls_knows(trace->calls, code, frame)))
        group = strobe_trace_group(trace, seat, makes_activation(flags) ? code : NULL);
    if (step == GOES_ON)
        strobe_calls_resume(seat->thread, code, frame, group, strobe_ticks_now(&seat->ticks));
    else if (makes_activation(flags))
        strobe_calls_activate(seat->thread, code, frame, group, strobe_ticks_now(&seat->ticks));
    else
        strobe_calls_enter(seat->thread, code, group, strobe_ticks_now(&seat->ticks));
    seat->frame = NULL;
}

/* result: borrowed. */
static void end(const char *frame, const void *code, int flags, PyObject *result)
{
    struct strobe_seat *seat = strobe_seat_of_event();
    struct strobe_trace *trace = strobe_trace_active;

    if (!seat)
        return;
    if (result && makes_activation(flags) && is_suspended(trace, frame))
        strobe_calls_suspend(seat->thread, code, strobe_trace_is_wrapped(trace, result), strobe_ticks_now(&seat->ticks));
    else
        strobe_calls_leave(seat->thread, code, strobe_ticks_now(&seat->ticks));
}

static PyObject *evaluate(void *state, const char *frame, int throws);

static __attribute__((noinline)) PyObject *step_aside(void *state, const char *frame, int throws)
{
    void *interpreter = PyInterpreterState_Get();
    PyObject *result;

    set_evaluator(interpreter, evaluate_default);
    result = evaluate_default(state, frame, throws);
    if (strobe_trace_turn)
        set_evaluator(interpreter, evaluate);
    return result;
}

static __attribute__((noinline)) PyObject *evaluate_noted(struct strobe_seat *seat, void *state, const char *frame, int throws)
{
    struct strobe_trace *trace = strobe_trace_active;
    const void *code = strobe_trace_pointer(frame, trace->layout.fr_code);
    int flags = strobe_trace_flags(trace, code);
    enum step step = step_of(trace, frame, code, flags);
    PyObject *result;

    if (step == MAKES_GENERATOR)
        return evaluate_default(state, frame, throws);
    begin(seat, frame, code, flags, step);
    result = evaluate_default(state, frame, throws);
    if (strobe_trace_turn)
        end(frame, code, flags, result);
    return result;
}

static PyObject *evaluate(void *state, const char *frame, int throws)
{
    struct strobe_seat *seat = strobe_trace_turn ? strobe_seat_of_event() : NULL;

    if (!seat)
        return evaluate_default(state, frame, throws);
    if ((char *)__builtin_frame_address(0) < seat->stack_limit)
        return step_aside(state, frame, throws);
    return evaluate_noted(seat, state, frame, throws);
}

PyObject *strobe_trace_frames(PyObject *module, PyObject *args)
{
    int on;

    (void)module;
    if (!PyArg_ParseTuple(args, "p:trace_frames", &on))
        return NULL;
    if (!evaluate_default) {
        evaluate_default = (evaluator *)(uintptr_t)dlsym(RTLD_DEFAULT, "_PyEval_EvalFrameDefault");
        set_evaluator = (installer *)(uintptr_t)dlsym(RTLD_DEFAULT, "_PyInterpreterState_SetEvalFrameFunc");
    }
    if (!evaluate_default || !set_evaluator)
        return PyErr_Format(PyExc_RuntimeError, "this interpreter does not let frames be evaluated by others");
    set_evaluator(PyInterpreterState_Get(), on ? evaluate : evaluate_default);
    Py_RETURN_NONE;
}
