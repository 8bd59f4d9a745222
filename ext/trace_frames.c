/* SPDX-License-Identifier: Apache-2.0 */
/* The hook of CPython 3.9 to 3.11: the function that evaluates frames (PEP 523), which is ours while a profile is active.
 *
 *   caller ──> evaluate ──> _PyEval_EvalFrameDefault ──> evaluate ──> ...
 *
 * It must not change the program, and it takes room of the C stack: a recursion that runs without it could end in a crash.  So where an
 * eighth of the thread's stack is used it steps aside: what is called there is its caller's time.  In 3.11 calls of Python functions by
 * Python functions take no room at all while frames are evaluated by the interpreter's own function, and only then: there it steps aside as
 * a whole, for all threads, until that frame has ended.
 *
 * The functions of CPython are looked up by their names: newer ones, which this binary serves too, have them no more. */
#include "ext/trace_frames.h"

#include <dlfcn.h>

#include "ext/trace_builtins.h"
#include "ext/trace_code.h"
#include "ext/trace_forgive.h"
#include "ext/trace_groups.h"
#include "ext/trace_seeds.h"

typedef PyObject *evaluator(void *state, const char *frame, int throws);
typedef void installer(void *interpreter, evaluator *function);
typedef evaluator *current_evaluator(void *interpreter);

typedef int c_hook(PyObject *object, const char *frame, int what, PyObject *callable);
typedef void c_installer(c_hook *hook, PyObject *object);

static evaluator *evaluate_default;
static installer *set_evaluator;
static current_evaluator *get_evaluator;
static c_installer *set_c_hook; /* PyEval_SetProfile: of the thread that calls */

/* What a frame is about to do. */
enum step { IS_CALL, GOES_ON, MAKES_GENERATOR };

/* 3.9, 3.10: a frame's f_lasti is -1 before its first instruction.  3.11: a call of a generator function runs to the instruction that makes
 * the generator, in a frame of its own; the generator's own frame, a copy, begins behind it, before what is first traced. */
static enum step step_of(const struct strobe_trace *trace, const char *frame, const void *code, int flags)
{
    const struct strobe_layout *lay = &trace->layout;

    if (!strobe_trace_makes_activation(flags))
        return IS_CALL;
    if (lay->frames == STROBE_FRAMES_HEAP)
        return *(const int32_t *)(frame + lay->fr_instr) < 0 ? IS_CALL : GOES_ON;
    if (*(const uint8_t *)(frame + lay->fr_owner) != lay->owner_generator)
        return MAKES_GENERATOR;
    return strobe_trace_has_begun(trace, frame, code) ? GOES_ON : IS_CALL;
}

/* false: see strobe_seat_step_in. */
static bool settle_now(struct strobe_seat *seat, const char *begins)
{
    struct strobe_trace *trace = strobe_trace_active;
    struct strobe_trace_away away;

    strobe_seat_step_out(seat, &away);
    strobe_trace_settle(trace, seat->thread, strobe_trace_frame(trace), begins, seat->turn, strobe_ticks_now(&seat->ticks));
    return strobe_seat_step_in(seat, &away);
}

static void start(struct strobe_seat *seat, const char *frame, const void *code, bool activates)
{
    uint32_t group = STROBE_CALLS_SAME;

    if ((activates || strobe_trace_active->tag) && !strobe_trace_group(seat, activates ? code : NULL, &group))
        return;
    if (activates)
        strobe_calls_activate(seat->thread, code, frame, group, strobe_ticks_now(&seat->ticks));
    else
        strobe_calls_enter(seat->thread, code, group, strobe_ticks_now(&seat->ticks));
}

static void begin(struct strobe_seat *seat, const char *frame, const void *code, int flags, enum step step)
{
    enum strobe_calls_verdict ignored;

    if (strobe_calls_unseen(seat->thread) && !settle_now(seat, frame))
        return;
    seat->frame = frame;
    if (step == GOES_ON)
        strobe_trace_goes_on(seat, frame, code, &ignored);
    else
        start(seat, frame, code, strobe_trace_makes_activation(flags));
    seat->frame = NULL;
    strobe_seat_make_ready(seat);
}

/* result: borrowed. */
static void end(const char *frame, const void *code, int flags, PyObject *result)
{
    struct strobe_seat *seat = strobe_seat_of_event(false);
    struct strobe_trace *trace = strobe_trace_active;

    if (!seat)
        return;
    if (result && strobe_trace_makes_activation(flags) && strobe_trace_is_suspended(trace, frame))
        strobe_calls_suspend(seat->thread, code, strobe_trace_is_wrapped(trace, result), result, strobe_ticks_now(&seat->ticks));
    else
        strobe_calls_leave(seat->thread, code, strobe_ticks_now(&seat->ticks));
}

static c_hook on_c_event;

/* Has the program a function of its own in this thread (sys.setprofile)?  One that C code has set for itself is not seen. */
static bool has_function(void)
{
    PyObject *ask = PySys_GetObject("getprofile"), *found = ask ? PyObject_CallObject(ask, NULL) : NULL;
    bool has = found && found != Py_None;

    Py_XDECREF(found);
    strobe_trace_forgive();
    return has;
}

static PyObject *evaluate(void *state, const char *frame, int throws);

/* Of each of these there may be many on the stack, which is nearly used: it takes little of it. */
static __attribute__((noinline)) PyObject *step_aside(void *state, const char *frame, int throws)
{
    void *interpreter = PyInterpreterState_Get();
    PyObject *result;

    strobe_trace_active->too_deep++;
    if (strobe_trace_active->layout.frames == STROBE_FRAMES_HEAP || get_evaluator(interpreter) != evaluate)
        return evaluate_default(state, frame, throws);
    set_evaluator(interpreter, evaluate_default);
    result = evaluate_default(state, frame, throws);
    if (strobe_trace_turn && get_evaluator(interpreter) == evaluate_default) /* and not somebody's who came meanwhile */
        set_evaluator(interpreter, evaluate);
    return result;
}

/* Is the function that this thread's calls of C are told to none of the program's?  Then ours is there again, or is taken away. */
static bool hook_c(bool on)
{
    PyObject *type, *value, *traceback;
    bool is_ours;

    PyErr_Fetch(&type, &value, &traceback);
    is_ours = !has_function();
    if (is_ours)
        set_c_hook(on ? on_c_event : NULL, NULL);
    PyErr_Restore(type, value, traceback);
    return is_ours;
}

/* The outermost call that is not noted, while builtins are: with a profile function frames take more room of the stack. */
static __attribute__((noinline)) PyObject *step_aside_unhooked(struct strobe_seat *seat, void *state, const char *frame, int throws)
{
    bool was_ours = hook_c(false);
    PyObject *result;

    seat->is_unhooked = true;
    result = step_aside(state, frame, throws);
    seat->is_unhooked = false;
    if (was_ours && strobe_trace_turn && strobe_trace_active->builtins)
        hook_c(true);
    return result;
}

static __attribute__((noinline)) PyObject *evaluate_noted(struct strobe_seat *seat, void *state, const char *frame, int throws)
{
    struct strobe_trace *trace = strobe_trace_active;
    const void *code = strobe_trace_pointer(frame, trace->layout.fr_code);
    int flags = strobe_trace_flags(trace, code);
    enum step step = step_of(trace, frame, code, flags);
    PyObject *result;

    /* What is closed before it began runs nothing: that is no call. */
    if (step == MAKES_GENERATOR || (throws && step == IS_CALL && strobe_trace_makes_activation(flags)))
        return evaluate_default(state, frame, throws);
    begin(seat, frame, code, flags, step);
    result = evaluate_default(state, frame, throws);
    if (strobe_trace_turn)
        end(frame, code, flags, result);
    return result;
}

static PyObject *evaluate(void *state, const char *frame, int throws)
{
    struct strobe_seat *seat = strobe_trace_turn ? strobe_seat_of_event(false) : NULL;

    if (!seat)
        return evaluate_default(state, frame, throws);
    if ((char *)__builtin_frame_address(0) < seat->stack_limit)
        return strobe_trace_active->builtins && set_c_hook && !seat->is_unhooked ? step_aside_unhooked(seat, state, frame, throws) :
                                                                                   step_aside(state, frame, throws);
    return evaluate_noted(seat, state, frame, throws);
}

/* ---- builtins ---- */

/* Of each thread that has a seat, while builtins are wanted; takes itself away afterwards.  Calls of Python functions come here, too, and
 * are the evaluator's to note. */
static int on_c_event(PyObject *object, const char *frame, int what, PyObject *callable)
{
    enum { C_CALL = 4, C_EXCEPTION, C_RETURN }; /* Include/cpython/pystate.h */
    struct strobe_trace *trace = strobe_trace_active;
    struct strobe_seat *seat = strobe_trace_turn ? strobe_seat_of_event(false) : NULL;
    const void *definition;

    (void)object;
    if (!strobe_trace_turn || !trace->builtins) {
        set_c_hook(NULL, NULL);
        return 0;
    }
    if (!seat || what < C_CALL || !(definition = strobe_trace_definition(trace, callable)))
        return 0;
    if (what == C_CALL && strobe_trace_sets_profile(callable, definition))
        trace->without_builtins++; /* its return is not told, nor may be anything after it */
    else if (what == C_CALL)
        strobe_trace_builtin_starts(seat, strobe_trace_pointer(strobe_trace_inner_frame(trace, frame), trace->layout.fr_code), callable,
                                    definition);
    else
        strobe_trace_builtin_ends(seat, definition);
    return 0;
}

void strobe_trace_sat_down(struct strobe_trace *trace)
{
    if (!trace->builtins || !set_c_hook)
        return;
    if (has_function())
        trace->without_builtins++;
    else
        set_c_hook(on_c_event, NULL);
}

/* ---- on and off ---- */

PyObject *strobe_trace_frames(PyObject *module, PyObject *args)
{
    evaluator *now;
    int on;

    (void)module;
    if (!PyArg_ParseTuple(args, "p:trace_frames", &on))
        return NULL;
    if (!evaluate_default) {
        evaluate_default = (evaluator *)(uintptr_t)dlsym(RTLD_DEFAULT, "_PyEval_EvalFrameDefault");
        set_evaluator = (installer *)(uintptr_t)dlsym(RTLD_DEFAULT, "_PyInterpreterState_SetEvalFrameFunc");
        get_evaluator = (current_evaluator *)(uintptr_t)dlsym(RTLD_DEFAULT, "_PyInterpreterState_GetEvalFrameFunc");
    }
    if (!evaluate_default || !set_evaluator || !get_evaluator)
        return PyErr_Format(PyExc_RuntimeError, "this interpreter does not let frames be evaluated by others");
    if (!set_c_hook)
        set_c_hook = (c_installer *)(uintptr_t)dlsym(RTLD_DEFAULT, "PyEval_SetProfile");
    now = get_evaluator(PyInterpreterState_Get());
    if (now != evaluate_default && now != evaluate) {
        if (on)
            return PyErr_Format(PyExc_RuntimeError, "a debugger, a compiler or another profiler evaluates frames (PEP 523)");
        Py_RETURN_NONE; /* who came after us has it */
    }
    set_evaluator(PyInterpreterState_Get(), on ? evaluate : evaluate_default);
    Py_RETURN_NONE;
}
