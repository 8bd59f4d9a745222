# SPDX-License-Identifier: Apache-2.0
"""What a program runs and waits for when a deterministic profile begins: it counts from then on."""
import _thread
import gc
import inspect
import os
import sys
import threading
import types

from strobe import _strobe

_AT_ONCE = not getattr(sys, "_is_gil_enabled", lambda: True)()  # other threads run, and nobody may look at what they just do
OWN = os.path.dirname(os.path.abspath(__file__)) + os.sep


def is_own(code):
    return code.co_filename.startswith(OWN)


# Where they have their code, their frame, what they wait for, and whether they run.  No other types: what a program makes may do anything when
# it is asked.
_PARTS = {types.CoroutineType: ("cr_code", "cr_frame", "cr_await", "cr_running"),
          types.GeneratorType: ("gi_code", "gi_frame", "gi_yieldfrom", "gi_running"),
          types.AsyncGeneratorType: ("ag_code", "ag_frame", "ag_await", "ag_running")}


def _frame_of(thing):
    """None: it is nothing that has one, or none now."""
    parts = _PARTS.get(type(thing))
    return getattr(thing, parts[1]) if parts else None


def _asyncio():
    """The module, when it is there as a whole."""
    module = sys.modules.get("asyncio")
    needed = ("tasks", "AbstractEventLoop", "_get_running_loop", "all_tasks")
    return module if all(hasattr(module, name) for name in needed) else None


def _all_tasks(asyncio, loops):
    """Of all loops of this process, as far as they can be found from here."""
    tasks = []
    for source in (getattr(asyncio.tasks, "_all_tasks", None), getattr(asyncio.tasks, "_scheduled_tasks", None),
                   getattr(asyncio.tasks, "_eager_tasks", None)):
        for _ in range(100):
            try:
                tasks += list(source or ())
                break
            except RuntimeError:  # another thread makes tasks meanwhile
                continue
    for loop in loops:
        tasks += asyncio.all_tasks(loop)
    return list({id(task): task for task in tasks}.values())


def _loops(asyncio, stacks):
    """Loops that run: this thread's, and those whose run_forever() is on a stack."""
    loops = [frame.f_locals.get("self") for frames in stacks.values() for frame in frames if frame.f_code.co_name == "run_forever"]
    loops.append(asyncio._get_running_loop())
    return [loop for loop in loops if issubclass(type(loop), asyncio.AbstractEventLoop)]  # isinstance() may ask the object


def _stack(frame):
    """Frames, outermost first, without strobe's own."""
    frames = []
    while frame is not None:
        if not is_own(frame.f_code):
            frames.append(frame)
        frame = frame.f_back
    return frames[::-1]


def _facts_of(task):
    """(coroutine, name, ident of its loop's thread); None: it is done, or somebody's own, which does not tell."""
    try:
        return None if task.done() else (task.get_coro(), task.get_name(), getattr(task.get_loop(), "_thread_id", None) or _strobe.thread_ident())
    except Exception:
        return None


def seed(native, only):
    """What threads run and tasks wait for at this moment counts from now on."""
    own, caller = _strobe.thread_ident(), sys._getframe(1)
    innermost = {ident: frame for ident, frame in sys._current_frames().items() if ident != own and not only}
    innermost[own] = caller  # never this one: it would keep itself, and all others by f_back, alive
    running = {ident: innermost.pop(ident) for ident in list(innermost) if _AT_ONCE and ident != own}
    stacks = {ident: _stack(frame) for ident, frame in innermost.items()}
    asyncio = _asyncio()
    tasks = list(filter(None, map(_facts_of, _all_tasks(asyncio, _loops(asyncio, stacks))))) if asyncio is not None else []
    if _AT_ONCE:
        tasks = [(coroutine, name, ident) for coroutine, name, ident in tasks if ident == own]
    roots = {id(frame): name for name, frame in ((name, _frame_of(coroutine)) for coroutine, name, _ in tasks) if frame is not None}
    names = _names()
    for ident in (*stacks, *running):
        native.thread(ident, *names.get(ident, (0, "")))
    for ident, frames in stacks.items():
        for frame in frames:
            place, held = native.place(frame)
            native.seed(ident, place, frame.f_code, frame.f_globals, held, roots.get(id(frame)))
    for ident, frame in running.items():
        for code, space, place, held in native.stack(frame):
            if not is_own(code):
                native.seed(ident, place, code, space, held, None)
    for coroutine, name, ident in tasks:
        chain = _waiting(coroutine)
        if chain:
            native.seed_waiting(chain, name, ident)


def _name_of(thread):
    """As the native part takes it: any str may be a thread's name."""
    return str(thread.name).encode("utf-8", "replace").decode().replace("\0", "?")


def _names():
    """{ident: (native id or 0, name)}.  Where somebody has patched threading (gevent), idents are others', and this thread is asked for."""
    names = {thread.ident: (getattr(thread, "native_id", None) or 0, _name_of(thread)) for thread in threading.enumerate()}
    own, tid = _strobe.thread_ident(), _thread.get_native_id()  # after a fork threading still has the parent's
    names[own] = tid, names[own][1] if own in names else "MainThread" if tid == os.getpid() else ""
    return names


def _awaited(thing):
    """What it waits for; of the steps of an asynchronous generator that generator."""
    awaited = getattr(thing, _PARTS[type(thing)][2])
    if type(awaited).__name__ in ("async_generator_asend", "async_generator_athrow") and type(awaited).__module__ == "builtins":
        return next((one for one in gc.get_referents(awaited) if type(one) is types.AsyncGeneratorType), None)
    return awaited


def _waiting(thing):
    """Those that wait, one for the next: (coroutine, code, globals), outermost first.  Nobody may ask one that runs what it waits for: CPython 3.12
    gives a pointer to nothing then."""
    chain = []
    while type(thing) in _PARTS and len(chain) < 1000:
        code, frame, _, running = _PARTS[type(thing)]
        if getattr(thing, running) and not (type(thing) is types.AsyncGeneratorType and chain) or getattr(thing, frame) is None:
            break
        if _has_begun(thing):
            chain.append((thing, getattr(thing, code), getattr(thing, frame).f_globals))
        thing = _awaited(thing)
    return chain


def _has_begun(thing):
    if type(thing) is types.CoroutineType:
        return inspect.getcoroutinestate(thing) == inspect.CORO_SUSPENDED
    if type(thing) is types.GeneratorType:
        return inspect.getgeneratorstate(thing) == inspect.GEN_SUSPENDED
    return thing.ag_frame.f_lasti >= 0
