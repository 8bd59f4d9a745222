# SPDX-License-Identifier: Apache-2.0
"""The deterministic profiler: exact calls, right across await and threads (docs/deterministic.md)."""
import asyncio
import atexit
import functools
import inspect
import os
import sys
import threading
import warnings

from strobe import _callrows, _strobe

_OWN = os.path.dirname(os.path.abspath(__file__)) + os.sep
_NO_CPU, _RSEQ, _REAL_CPU = 0, 1, 2  # enum strobe_ticks_cpu of ext/ticks.h
_EVENTS = ("PY_START", "PY_RESUME", "PY_THROW", "PY_YIELD", "PY_RETURN", "PY_UNWIND")
_BUILTIN_EVENTS = ("CALL",)  # C_RETURN and C_RAISE come with it
_TOOL_IDS = (4, 3)  # those that PEP 669 gives to nobody

_UNSEEN = not hasattr(sys, "monitoring")  # the hook is not told of the ends of frames that were there before it

_lock = threading.RLock()
_active = None
_begun_at = None  # file:line of who began it
_callbacks = {}


def _choice(name, value, choices):
    if value not in choices:
        raise ValueError("%s is %s, not %r" % (name, " or ".join(repr(one) for one in choices), value))
    return value


def _filters(which):
    """Module prefixes, path prefixes."""
    if isinstance(which, bytes) or not (which is None or isinstance(which, (str, os.PathLike)) or hasattr(which, "__iter__")):
        raise TypeError("filter is a module or a path, or several, not %r" % (which,))
    which = [] if which is None else [which] if isinstance(which, (str, os.PathLike)) else list(which)
    modules, paths = [], []
    for one in which:
        if not isinstance(one, (str, os.PathLike)) or not os.fspath(one):
            raise TypeError("filter is a module or a path, or several, not %r" % (one,))
        one = os.fspath(one)
        if os.sep in one or one.endswith(".py"):
            paths += [one] if os.path.isabs(one) else [one, os.path.abspath(one)]
        else:
            modules.append(one)
    return tuple(modules), tuple(paths)


# ---- hooks ----


_NAME = "strobe.Profile"
_filtered = False  # some profile before had a filter: what it left out, sys.monitoring does not tell of any more


def _hook(events, filtered=False):
    """Has the interpreter call us; what to call to undo it, which may be called again."""
    global _filtered
    if not hasattr(sys, "monitoring"):
        if _BUILTIN_EVENTS[0] in events and sys.getprofile() is not None:
            raise RuntimeError("builtins=True needs the thread's profile function, which is %r" % (sys.getprofile(),))
        _strobe.trace_frames(True)
        return lambda: _strobe.trace_frames(False)
    monitoring = sys.monitoring
    for tool in _TOOL_IDS:
        if monitoring.get_tool(tool) == _NAME:  # of a start() that was interrupted
            _unhook(tool)
    free = [tool for tool in _TOOL_IDS if monitoring.get_tool(tool) is None]
    if not free:
        raise RuntimeError("both tool ids of sys.monitoring that strobe may take are in use, by %s"
                           % " and ".join(repr(monitoring.get_tool(tool)) for tool in _TOOL_IDS))
    tool = free[0]
    if not _callbacks:
        _callbacks.update(_strobe.trace_callbacks(monitoring.DISABLE))
    monitoring.use_tool_id(tool, _NAME)
    for name, callback in _callbacks.items():
        monitoring.register_callback(tool, getattr(monitoring.events, name), callback)
    if _filtered:
        monitoring.restart_events()
    _filtered = filtered
    monitoring.set_events(tool, sum(getattr(monitoring.events, name) for name in events))
    return functools.partial(_unhook, tool)


def _unhook(tool):
    monitoring = sys.monitoring
    if monitoring.get_tool(tool) != _NAME:  # somebody has freed it
        return
    monitoring.set_events(tool, 0)
    for name in _callbacks:
        monitoring.register_callback(tool, getattr(monitoring.events, name), None)
    monitoring.free_tool_id(tool)


# ---- what runs already ----


def _is_own(code):
    return code.co_filename.startswith(_OWN)


def _awaited(thing):
    """What a coroutine, generator or asynchronous generator waits for."""
    for name in ("cr_await", "gi_yieldfrom", "ag_await"):
        if hasattr(thing, name):
            return getattr(thing, name)
    return None


def _code_of(thing):
    for name in ("cr_code", "gi_code", "ag_code"):
        if hasattr(thing, name):
            return getattr(thing, name)
    return None


def _frame_of(thing):
    for name in ("cr_frame", "gi_frame", "ag_frame"):
        if hasattr(thing, name):
            return getattr(thing, name)
    return None


def _all_tasks(loops):
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


def _loops(stacks):
    """Loops that run: this thread's, and those whose run_forever() is on a stack."""
    loops = [frame.f_locals.get("self") for frames in stacks.values() for frame in frames if frame.f_code.co_name == "run_forever"]
    loops.append(asyncio._get_running_loop())
    return [loop for loop in loops if isinstance(loop, asyncio.AbstractEventLoop)]


def _stack(frame):
    """Frames, outermost first, without strobe's own."""
    frames = []
    while frame is not None:
        if not _is_own(frame.f_code):
            frames.append(frame)
        frame = frame.f_back
    return frames[::-1]


def _coroutine_of(task):
    try:
        return task.get_coro()
    except Exception:  # a task of somebody's own
        return None


def _seed(native, only):
    """What threads run and tasks wait for at this moment counts from now on."""
    stacks = {ident: _stack(frame) for ident, frame in sys._current_frames().items() if not only or ident == only}
    tasks = [(task, _coroutine_of(task)) for task in _all_tasks(_loops(stacks))]
    roots = {id(_frame_of(coroutine)): task for task, coroutine in tasks if coroutine is not None and _frame_of(coroutine) is not None}
    threads = {thread.ident: thread for thread in threading.enumerate()}
    for ident, frames in stacks.items():
        thread = threads.get(ident)
        native.thread(ident, getattr(thread, "native_id", None) or 0, thread.name if thread else "")
        for frame in frames:
            task = roots.get(id(frame))
            native.seed(ident, frame, frame.f_code, task.get_name() if task is not None else None, _UNSEEN)
    for task, coroutine in tasks:
        chain = _waiting(coroutine)
        if chain:
            native.seed_waiting(chain, task.get_name())


def _waiting(coroutine):
    """Those that wait, one for the next: (coroutine, code, frame), outermost first."""
    chain = []
    while coroutine is not None and _code_of(coroutine) is not None and _frame_of(coroutine) is not None and len(chain) < 1000:
        if _has_begun(coroutine):
            chain.append((coroutine, _code_of(coroutine), _frame_of(coroutine)))
        coroutine = _awaited(coroutine)
    return chain


def _has_begun(thing):
    state = {"cr_code": inspect.getcoroutinestate, "gi_code": inspect.getgeneratorstate}
    for name, ask in state.items():
        if hasattr(thing, name):
            return ask(thing).endswith("_SUSPENDED")
    return _frame_of(thing) is not None and _frame_of(thing).f_lasti >= 0


def _greenlets():
    """greenlet's settrace and our callback for it; None: the program does without greenlets."""
    greenlet = sys.modules.get("greenlet")
    settrace = getattr(greenlet, "settrace", None)
    if settrace is None:
        return None, _strobe.trace_switched
    before = greenlet.gettrace()
    if before is None or before is _strobe.trace_switched:
        return settrace, _strobe.trace_switched

    def both(event, args):
        _strobe.trace_switched(event, args)
        before(event, args)
    return settrace, both


# ---- profiles ----


class Profile(_callrows.Readable):
    """A deterministic profile: every call is counted, with its time.

        with strobe.Profile() as p: ...
        p.print(); p.save("out.pstat")

    clock: "wall" or "cpu": what exports and print() show; rows have both where CPU time costs next to nothing (docs/deterministic.md), and
    with "cpu" everywhere.  builtins: functions of C are rows, too.  threads: "all", or "current", the one that calls
    start().  tasks: rows can be had by asyncio task.  tag: a ContextVar by whose value rows can be had.  filter: modules ("package.module")
    and paths, by prefix; all else counts as part of what called it.  max_functions: further ones are one row, "(other functions)".
    One profile runs at a time.
    """

    def __init__(self, clock="wall", builtins=False, threads="all", tasks=True, filter=None, max_functions=20000, tag=None):
        self._clock = _choice("clock", clock, ("wall", "cpu"))
        self._threads = _choice("threads", threads, ("all", "current"))
        if isinstance(max_functions, bool) or not isinstance(max_functions, int) or not 1 <= max_functions <= 1000000:
            raise ValueError("max_functions is a number from 1 to 1,000,000, not %r" % (max_functions,))
        if tag is not None and not (hasattr(tag, "get") and hasattr(tag, "reset")):
            raise TypeError("tag is a ContextVar, not %r" % (tag,))
        modules, paths = _filters(filter)
        self._events = _EVENTS + (_BUILTIN_EVENTS if builtins else ())
        self._how = (sys.hexversion, max_functions, _RSEQ, bool(builtins), bool(tasks), tag, modules, paths)
        self._own = (_OWN,)
        self._native = None
        self._undo = None
        self._only = 0
        self._pid = os.getpid()

    def _new(self):
        version, most, cpu, builtins, tasks, tag, modules, paths = self._how
        if cpu == _RSEQ and not _strobe.has_cheap_cpu():
            cpu = _REAL_CPU if self._clock == "cpu" else _NO_CPU
        self._has_cpu = cpu != _NO_CPU
        self._only = threading.get_ident() if self._threads == "current" else 0
        return _strobe.Calls(version, most, cpu, self._only, builtins, tasks, tag, modules, paths, self._own)

    def start(self):
        """Begins, or goes on after stop(); returns itself.  RuntimeError when a profile runs already, or a hook is another's."""
        with _lock:
            if _active is not None:
                raise RuntimeError("a strobe.Profile runs already, which %s began: one runs at a time" % _begun_at)
            if self._native is None or self._pid != os.getpid():
                self._native, self._pid = self._new(), os.getpid()
            elif self._only and self._only != threading.get_ident():
                raise RuntimeError("this profile is of the thread that began it")
            try:
                self._begin()
            except BaseException:  # also what interrupts it: nothing stays behind
                self._end()
                raise
        return self

    def _begin(self):
        global _active, _begun_at
        self._native.begin()
        _seed(self._native, self._only)
        self._native.go(*_greenlets())
        self._undo = _hook(self._events, any(self._how[-2:]))
        caller = sys._getframe(1)
        while caller is not None and _is_own(caller.f_code):
            caller = caller.f_back
        _begun_at = "%s:%d" % (caller.f_code.co_filename, caller.f_lineno) if caller is not None else "somebody"
        _active = self

    def _end(self):
        """May be called again, when something has interrupted it."""
        global _active
        if self._undo is not None:
            self._undo()
        self._native.stop()
        self._undo = None
        if _active is self:
            _active = None

    def stop(self):
        """Ends; what is alive stays unfinished.  Harmless when it does not run; to be called again when an exception interrupts it."""
        with _lock:
            if self._undo is None:
                return
            if _UNSEEN:
                for ident, frame in sys._current_frames().items():
                    self._native.settle(ident, frame)
            self._end()

    def clear(self):
        """Forgets what was counted; it goes on if it runs."""
        with _lock:
            if self._native is not None:
                self._native.clear()

    def is_running(self):
        return self._undo is not None

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.stop()

    def __repr__(self):
        return "<strobe.Profile: %s>" % ("runs" if self.is_running() else "not running")


class _Decorated:
    """The profile of a decorated function, which runs while one of its calls does; not when another profile runs."""

    def __init__(self, name, options):
        self.name, self.profile, self.depth, self.lock, self.has_warned = name, Profile(**options), 0, threading.Lock(), False

    def __enter__(self):
        with self.lock:
            if self.depth == 0:
                try:
                    self.profile.start()
                except RuntimeError as error:
                    self.warn(error)
            self.depth += 1

    def __exit__(self, *exc):
        with self.lock:
            self.depth -= 1
            if self.depth == 0:
                self.profile.stop()

    def warn(self, error):
        if not self.has_warned:
            self.has_warned = True
            warnings.warn("%s is not profiled: %s" % (self.name, error), RuntimeWarning, stacklevel=4)


def profile(function=None, *, save=None, **options):
    """Decorates a function, or a coroutine function: its calls are profiled, all into one profile: function.profile.

    save: a path to which that is written when the program ends; None: it is printed to stderr then.  options: those of Profile.
    While another profile runs its calls are not profiled, with one warning.
    """
    if save is not None:
        from strobe import _callfiles

        save = os.path.abspath(os.fsdecode(save))
        _callfiles.format_of(save)
    if function is None:
        return functools.partial(profile, save=save, **options)
    if isinstance(function, type) or not callable(function) or inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError("strobe.profile decorates functions and coroutine functions, not %r" % (function,))
    runs = _Decorated(getattr(function, "__qualname__", repr(function)), options)
    if inspect.iscoroutinefunction(function):
        @functools.wraps(function)
        async def wrapper(*args, **kwargs):
            with runs:
                return await function(*args, **kwargs)
    else:
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            with runs:
                return function(*args, **kwargs)
    wrapper.profile = runs.profile
    atexit.register(_finish_decorated, runs.profile, save)
    return wrapper


def _finish_decorated(done, save):
    """In the process that was profiled."""
    done.stop()
    if done._native is None or done._pid != os.getpid():
        return
    if save is None:
        done.print(file=sys.stderr or sys.__stderr__)
    else:
        done.save(save)


# ---- forks, and the end ----


def _after_fork_in_child():
    """A profile is of one process: in the child none runs, and those of the parent are empty."""
    global _active, _lock
    _lock = threading.RLock()
    _strobe.trace_forked()
    running, _active = _active, None
    if running is not None and running._undo is not None:
        undo, running._undo = running._undo, None
        undo()
        running._native.stop()


def _at_exit():
    if _active is not None and _active._pid == os.getpid():
        _active.stop()


os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(_at_exit)
