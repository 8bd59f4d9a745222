# SPDX-License-Identifier: Apache-2.0
"""What a program runs and waits for when a deterministic profile begins: it counts from then on."""
import _thread
import inspect
import os
import sys
import threading

from strobe import _strobe

_AT_ONCE = not getattr(sys, "_is_gil_enabled", lambda: True)()  # other threads run, and nobody may look at what they just do
OWN = os.path.dirname(os.path.abspath(__file__)) + os.sep


def is_own(code):
    return code.co_filename.startswith(OWN)


# Where coroutines, generators and asynchronous generators have them.
_AWAITED = "cr_await", "gi_yieldfrom", "ag_await"
_CODE = "cr_code", "gi_code", "ag_code"
_FRAME = "cr_frame", "gi_frame", "ag_frame"


def _part(thing, names):
    """None: it is no such thing, or has none now."""
    return next((getattr(thing, name) for name in names if hasattr(thing, name)), None)


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
    return [task for task in {id(task): task for task in tasks}.values() if not task.done()]


def _loops(asyncio, stacks):
    """Loops that run: this thread's, and those whose run_forever() is on a stack."""
    loops = [frame.f_locals.get("self") for frames in stacks.values() for frame in frames if frame.f_code.co_name == "run_forever"]
    loops.append(asyncio._get_running_loop())
    return [loop for loop in loops if isinstance(loop, asyncio.AbstractEventLoop)]


def _stack(frame):
    """Frames, outermost first, without strobe's own."""
    frames = []
    while frame is not None:
        if not is_own(frame.f_code):
            frames.append(frame)
        frame = frame.f_back
    return frames[::-1]


def _coroutine_of(task):
    try:
        return task.get_coro()
    except Exception:  # a task of somebody's own
        return None


def seed(native, only):
    """What threads run and tasks wait for at this moment counts from now on."""
    own = _strobe.thread_ident()
    innermost = {ident: frame for ident, frame in sys._current_frames().items() if not only or ident == only}
    running = {ident: innermost.pop(ident) for ident in list(innermost) if _AT_ONCE and ident != own}
    stacks = {ident: _stack(frame) for ident, frame in innermost.items()}
    asyncio = _asyncio()
    tasks = [(task, _coroutine_of(task)) for task in _all_tasks(asyncio, _loops(asyncio, stacks))] if asyncio is not None else []
    if _AT_ONCE:
        tasks = [(task, coroutine) for task, coroutine in tasks if _thread_of(task) == own]
    roots = {id(frame): task for task, frame in ((task, _part(coroutine, _FRAME)) for task, coroutine in tasks) if frame is not None}
    names = _names()
    for ident in (*stacks, *running):
        native.thread(ident, *names.get(ident, (0, "")))
    for ident, frames in stacks.items():
        for frame in frames:
            task, (place, held) = roots.get(id(frame)), native.place(frame)
            native.seed(ident, place, frame.f_code, frame.f_globals, held, task.get_name() if task is not None else None)
    for ident, frame in running.items():
        for code, space, place, held in native.stack(frame):
            if not is_own(code):
                native.seed(ident, place, code, space, held, None)
    for task, coroutine in tasks:
        chain = _waiting(coroutine)
        if chain:
            native.seed_waiting(chain, task.get_name(), _thread_of(task))


def _name_of(thread):
    """As the native part takes it: any str may be a thread's name."""
    return str(thread.name).encode("utf-8", "replace").decode().replace("\0", "?")


def _names():
    """{ident: (native id or 0, name)}.  Where somebody has patched threading (gevent), idents are others', and this thread is asked for."""
    names = {thread.ident: (getattr(thread, "native_id", None) or 0, _name_of(thread)) for thread in threading.enumerate()}
    own, tid = _strobe.thread_ident(), _thread.get_native_id()
    if own not in names:
        names[own] = tid, "MainThread" if tid == os.getpid() else ""
    return names


def _thread_of(task):
    """Whose loop it is in; the one that asks where that does not run."""
    return getattr(task.get_loop(), "_thread_id", None) or _strobe.thread_ident()


def _waiting(coroutine):
    """Those that wait, one for the next: (coroutine, code, globals), outermost first.  Nobody may ask one that runs what it waits for: CPython 3.12
    gives a pointer to nothing then."""
    chain = []
    while len(chain) < 1000 and not (getattr(coroutine, "cr_running", False) or getattr(coroutine, "gi_running", False)):
        code, frame = _part(coroutine, _CODE), _part(coroutine, _FRAME)
        if code is None or frame is None:
            break
        if _has_begun(coroutine):
            chain.append((coroutine, code, frame.f_globals))
        coroutine = _part(coroutine, _AWAITED)
    return chain


def _has_begun(thing):
    state = {"cr_code": inspect.getcoroutinestate, "gi_code": inspect.getgeneratorstate}
    for name, ask in state.items():
        if hasattr(thing, name):
            return ask(thing).endswith("_SUSPENDED")
    frame = _part(thing, _FRAME)
    return frame is not None and frame.f_lasti >= 0
