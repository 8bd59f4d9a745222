# SPDX-License-Identifier: Apache-2.0
"""The deterministic profiler: exact calls, right across await and threads (docs/deterministic.md)."""
import _thread
import atexit
import contextvars
import functools
import inspect
import os
import sys
import threading
import warnings
import weakref

from strobe import _callcost, _callhooks, _callrows, _callseeds, _strobe

_NO_CPU, _RSEQ, _REAL_CPU = 0, 1, 2  # enum strobe_ticks_cpu of ext/ticks.h

_lock = threading.RLock()
_active = None
_begun_at = None  # file:line of who began it
_decorated = weakref.WeakSet()


def _refuse_nested():
    """One begins or ends at a time: not from a finalizer or a signal handler in the middle of that, either.  Looked up rather than noted down:
    an interruption may come anywhere."""
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_code in (Profile.start.__code__, Profile.stop.__code__):
            raise RuntimeError("a strobe.Profile is just beginning or ending")
        frame = frame.f_back


def _choice(name, value, choices):
    if value not in choices:
        raise ValueError("%s is %s, not %r" % (name, " or ".join(repr(one) for one in choices), value))
    return value


def _filters(which):
    """Module prefixes, path prefixes."""
    if isinstance(which, (bytes, dict)) or not (which is None or isinstance(which, (str, os.PathLike)) or hasattr(which, "__iter__")):
        raise TypeError("filter is a module or a path, or several, not %r" % (which,))
    which = [] if which is None else [which] if isinstance(which, (str, os.PathLike)) else list(which)
    modules, paths = [], []
    for one in which:
        if not isinstance(one, (str, os.PathLike)) or not os.fspath(one):
            raise TypeError("filter is a module or a path, or several, not %r" % (one,))
        is_path, one = not isinstance(one, str), os.fspath(one)
        if is_path or os.sep in one or one.endswith(".py") or one == ".":
            paths += [one] if os.path.isabs(one) else [one, os.path.abspath(one)]
        else:
            modules.append(one)
    return tuple(modules), tuple(paths)


def _tag(which):
    if which is None or isinstance(which, contextvars.ContextVar) or isinstance(which, str) and which:
        return which
    raise TypeError("tag is a ContextVar, or the name of one, not %r" % (which,))


def _main_module():
    """(the name of what `-m` runs, whose module is called "__main__", or "", its globals)"""
    space = getattr(sys.modules.get("__main__"), "__dict__", None)
    spec = space.get("__spec__") if type(space) is dict else None
    return spec.name if type(spec) is type(sys.__spec__) and type(spec.name) is str else "", space


# ---- profiles ----


class Profile(_callrows.Readable):
    """A deterministic profile: every call is counted, with its time.

        with strobe.Profile() as p: ...
        p.print(); p.save("out.pstat")

    clock: "wall" or "cpu": what exports and print() show; rows have both where CPU time costs next to nothing (docs/deterministic.md), and
    with "cpu" everywhere.  builtins: functions of C are rows, too.  threads: "all", or "current", the one that calls start().
    tasks: rows can be had by asyncio task.  tag: a ContextVar, or its name, by whose value rows can be had.
    filter: modules ("package.module") and paths, by prefix; all else counts as part of what called it.
    max_functions: further ones are one row, "(other functions)".
    compensate: what the profiler itself takes, as measured when the first profile of a process begins, is taken out of times on threads.
    One profile runs at a time.
    """

    def __init__(self, clock="wall", builtins=False, threads="all", tasks=True, filter=None, max_functions=20000, tag=None, compensate=False):
        self._clock = _choice("clock", clock, ("wall", "cpu"))
        self._threads = _choice("threads", threads, ("all", "current"))
        if isinstance(max_functions, bool) or not isinstance(max_functions, int) or not 1 <= max_functions <= 1000000:
            raise ValueError("max_functions is a number from 1 to 1,000,000, not %r" % (max_functions,))
        for name, value in (("builtins", builtins), ("tasks", tasks), ("compensate", compensate)):
            if value not in (False, True):
                raise TypeError("%s is True or False, not %r" % (name, value))
        modules, paths = _filters(filter)
        self._events = _callhooks.EVENTS + (_callhooks.BUILTIN_EVENTS if builtins else ())
        self._how = (sys.hexversion, max_functions, _RSEQ, bool(builtins), bool(tasks), _tag(tag), modules, paths)
        self._compensate, self._cost = bool(compensate), None
        self._own = (_callseeds.OWN,)
        self._native = None
        self._functions = []
        self._tick = None
        self._undo = None
        self._only = 0
        self._pid = os.getpid()

    def _new(self):
        version, most, cpu, builtins, tasks, tag, modules, paths = self._how
        if cpu == _RSEQ and not _strobe.has_cheap_cpu():
            cpu = _REAL_CPU if self._clock == "cpu" else _NO_CPU
        self._has_cpu = cpu != _NO_CPU
        self._only = _strobe.thread_ident() if self._threads == "current" else 0
        self._functions = []
        self._cost = _callcost.of_events(cpu, builtins)
        taken_out = self._cost if self._compensate else (0, 0, 0)
        only = (self._only, _thread.get_native_id() if self._only else 0)
        return _strobe.Calls(version, most, cpu, only, builtins, tasks, tag, modules, paths, self._own, taken_out, _main_module())

    def start(self):
        """Begins, or goes on after stop(); returns itself.  RuntimeError when a profile runs already, or a hook is another's."""
        with _lock:
            _refuse_nested()
            if _active is not None:
                raise RuntimeError("a strobe.Profile runs already, which %s began: one runs at a time" % _begun_at)
            if self._native is None or self._pid != os.getpid():
                self._native, self._pid = self._new(), os.getpid()
            elif self._only and self._only != _strobe.thread_ident():
                raise RuntimeError("this profile is of the thread that began it")
            try:
                self._begin()
            except BaseException:  # also what interrupts it: nothing stays behind
                tries = 100
                while tries:  # where memory fails it may be there the next time; nothing here needs any but the call
                    tries -= 1
                    try:
                        self._end()
                        tries = 0
                    except MemoryError:
                        pass
                raise
        return self

    def _begin(self):
        global _active, _begun_at
        self._tick = None
        self._native.begin()
        _callseeds.seed(self._native, self._only)
        self._native.go(_callhooks.trace_greenlets, not _callhooks.UNSEEN)
        self._undo = _callhooks.hook(self._events, any(self._how[-2:]))
        caller = sys._getframe(1)
        while caller is not None and _callseeds.is_own(caller.f_code):
            caller = caller.f_back
        _begun_at = "%s:%d" % (caller.f_code.co_filename, caller.f_lineno) if caller is not None else "somebody"
        _active = self

    def _end(self):
        """May be called again, when something has interrupted it."""
        global _active
        if self._undo is not None:
            self._undo()
            _callhooks.forget_greenlets()
        self._native.stop()
        self._undo = None
        if _active is self:
            _active = None
        self._tick = self._native.facts()[0]  # which is known better and better; what has ended does not change any more

    def stop(self):
        """Ends; what is alive stays unfinished.  Harmless when it does not run; to be called again when an exception interrupts it."""
        with _lock:
            _refuse_nested()
            if self._undo is None and _active is not self:
                return
            if _callhooks.UNSEEN:
                self._native.settle()
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
    """The profile of a decorated function, which runs while at least one of its calls does; not while another profile runs."""

    def __init__(self, function, options):
        code = getattr(inspect.unwrap(function), "__code__", None)
        self.name, self.profile, self.has_warned = getattr(function, "__qualname__", repr(function)), Profile(**options), False
        self.place = (code.co_filename, code.co_firstlineno) if code is not None else ("<unknown>", 0)
        self.renew()
        _decorated.add(self)

    def renew(self):
        """Also in the child of a fork: calls that go on there are the parent's."""
        self.depth, self.changing = 0, None

    def enter(self):
        """What leave() needs.  A call may begin in one process and end in another, and from a signal handler or a finalizer while a profile
        begins: then it is not profiled.  One lock for this and for start() and stop(): either may come within the other."""
        if self.changing == _strobe.thread_ident():
            return None
        lock = _lock
        with lock:
            if not self.profile.is_running():
                self.change(self.begin)
            self.depth += 1
        return lock

    def leave(self, lock):
        if lock is not _lock:
            return
        with lock:
            self.depth -= 1
            if self.depth == 0 and self.profile.is_running():
                self.change(self.profile.stop)

    def change(self, do):
        self.changing = _strobe.thread_ident()
        try:
            do()
        finally:
            self.changing = None

    def begin(self):
        global _begun_at
        try:
            self.profile.start()
            _begun_at = "%s (%s:%d)" % (self.name, *self.place)
        except RecursionError:
            raise
        except RuntimeError as error:
            if not self.has_warned:
                self.has_warned = True
                text = "%s is not profiled: %s" % (self.name, error)
                _strobe.run_left_out(lambda: warnings.warn_explicit(text, RuntimeWarning, *self.place))  # not the other profile's


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
    if isinstance(function, (type, staticmethod, classmethod)) or not callable(function) or inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError("strobe.profile decorates functions and coroutine functions, not %r" % (function,))
    runs = _Decorated(function, options)
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None)):
        @functools.wraps(function)
        async def wrapper(*args, **kwargs):
            entered = runs.enter()
            try:
                return await function(*args, **kwargs)
            finally:
                runs.leave(entered)
    else:
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            entered = runs.enter()
            try:
                return function(*args, **kwargs)
            finally:
                runs.leave(entered)
    wrapper.profile = runs.profile
    atexit.register(_finish_decorated, runs, save)
    return wrapper


def _finish_decorated(runs, save):
    """In the process that was profiled."""
    done = runs.profile
    done.stop()
    if done._native is None or done._pid != os.getpid():
        return

    def table(out):
        out.write("calls of %s:\n" % runs.name)
        done.print(file=out)

    from strobe import _callfiles

    _callfiles.save_at_end(done, [] if save is None else [(save, None)], table)


# ---- forks, and the end ----


def _after_fork_in_child():
    """A profile is of one process: in the child none runs.  What the parent's have counted until then can be read there; to start one again
    begins it anew."""
    global _active, _lock
    _lock = threading.RLock()
    for one in _decorated:
        one.renew()
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
