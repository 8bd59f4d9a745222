# SPDX-License-Identifier: Apache-2.0
"""Recordings and pictures of this process: what `strobe` shows of the C extension."""
import atexit
import errno
import json
import os
import platform
import signal
import sys
import threading

from strobe import _files, _registry, _strobe
from strobe._labels import label  # noqa: F401 (strobe.label)
from strobe._registry import watch  # noqa: F401 (strobe.watch)

_PYTHON = (sys.hexversion, platform.python_version())
_FORMATS = {name: needs_order for name, _, needs_order in _strobe.FORMATS}
# What follows the last dots of a file's name -> format; the longest one that fits counts.
_ENDINGS = {
    ".svg": "flamegraph",
    ".collapsed": "raw",
    ".folded": "raw",
    ".txt": "raw",
    ".pstat": "pstats",
    ".pstats": "pstats",
    ".prof": "pstats",
    ".speedscope.json": "speedscope",
    ".speedscope": "speedscope",
    ".trace.json": "chrometrace",
    ".pb.gz": "pprof",
    ".pprof": "pprof",
}


_MAX_LABELS = 8  # STROBE_LABELS_MAX of sampler/billing/labels.h


def _labels(names):
    """What a recording looks at: the variables that were asked for, label()'s, and OpenTelemetry's."""
    if names is None or isinstance(names, (bytes, int)):
        raise TypeError("labels are names of context variables, not %r" % (names,))
    names = [names] if isinstance(names, str) else list(names)
    for name in names:
        if not isinstance(name, str):
            raise TypeError("labels are names of context variables, not %r" % (name,))
    if len(names) > _MAX_LABELS - 3:
        raise ValueError("labels are the names of at most %d context variables, not %d" % (_MAX_LABELS - 3, len(names)))
    names = names + ["strobe:labels", "otel:trace_id", "otel:span_id"]
    return tuple(name.encode("utf-8", "replace") for name in names)


def _is_of_tasks(of):
    if of not in ("threads", "tasks"):
        raise ValueError("of is 'threads' or 'tasks', not %r" % (of,))
    return of == "tasks"


def _number(name, value, what, fits):
    """value as a float.  TypeError if it is no number, ValueError if it does not fit."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError("%s is %s, not %r" % (name, what, value))
    if not fits(value):
        raise ValueError("%s is %s, not %r" % (name, what, value))
    return float(value)


class SampledProfile:
    """What a recording has gathered; it changes no more."""

    def __init__(self, native):
        self._native = native

    def save(self, path, format=None, of="threads", lines=True, full_filenames=False):
        """Writes the profile to a file, whole or not at all.

        path: its ending chooses the format, unless format names one ("flamegraph", "raw", "pstats", "speedscope", "chrometrace",
        "pprof").  of: "threads", or "tasks": the wall time of asyncio tasks, await by await.
        A symbolic link is followed; what is there and no regular file (a FIFO, a device) is written into.
        Raises ValueError for a format that is not known, or that wants the order in time of a recording that did not keep it.
        """
        path = os.fsdecode(path)
        data = self.export(format or _files.format_of(path, _ENDINGS, _FORMATS), of, lines, full_filenames)
        _files.write_whole(path, data)

    def export(self, format, of="threads", lines=True, full_filenames=False):
        """The profile in a format, as bytes.  Arguments and errors: see save()."""
        return self._native.write(format, _is_of_tasks(of), lines, full_filenames)

    def stats(self):
        """Figures of the recording: seconds, looks, samples, rate reached, its own CPU seconds, and the same of tasks.

        Of a part that by() has made: the recording's seconds and rate, and the samples (periods) of the part; looks and CPU are the whole's.
        """
        return self._native.stats()

    def seconds(self, of="threads"):
        """What was recorded: seconds of threads (times threads), or of tasks."""
        return self._native.seconds(_is_of_tasks(of))

    def by(self, label):
        """Splits the profile by a label: a dict of its values and the part of the profile under each; None: what had no such label."""
        if not isinstance(label, str):
            raise TypeError("label is the name of a label, not %r" % (label,))
        name = label.encode("utf-8", "replace")
        parts = self._native.by(name.decode())
        if len(name) > 64 and set(parts) == {None}:  # strobe.label()'s names are cut (sampler/billing/labels.c)
            parts = self._native.by(name[:64].decode("utf-8", "ignore"))
        return {value: SampledProfile(native) for value, native in parts.items()}

    def collapsed(self, of="threads"):
        """The stacks: a dict of "outermost;...;innermost" and its number of sampling periods."""
        rows = (line.rpartition(" ") for line in self.export("raw", of).decode("utf-8", "replace").splitlines())
        return {stack: int(count) for stack, _, count in rows if count != "0"}

    def __repr__(self):
        stats = self.stats()
        cost = ", %.3f s of CPU" % stats["cpu"] if "cpu" in stats else ""
        return "<strobe.SampledProfile: %.1f s, %d samples%s>" % (stats["elapsed"], stats["samples"], cost)


def _max_cpu(part):
    return _number("max_cpu", part, "a part of one core, above 0 and at most 1", lambda n: 0 < n <= 1)


class Recording:
    """A recording of this process, made by a native thread that does not take the GIL.

    rate: samples of the threads per second.  task_rate: looks at the asyncio tasks per second, 0 = none.  max_cpu: of one core, to stay
    below which the rates are lowered (state() says so); None = they are not.  idle: threads that sleep count too.  threads: each
    stack begins with its thread.  order: the order in time is kept, for the formats that show it, in an unlinked file.  labels: names of
    ContextVars whose values the profile can be split by, beside those of strobe.label() and OpenTelemetry's current trace_id and span_id.
    """

    def __init__(self, rate=100.0, task_rate=10.0, max_cpu=None, idle=False, threads=True, order=False, labels=()):
        rate = _number("rate", rate, "a number of samples per second, above 0 and at most 1,000,000", lambda n: 0 < n <= 1e6)
        task_rate = _number("task_rate", task_rate, "a number of looks per second, from 0 to 1,000,000", lambda n: 0 <= n <= 1e6)
        self._how = (rate, task_rate, 0.0 if max_cpu is None else _max_cpu(max_cpu), bool(idle), bool(threads), bool(order), _labels(labels))
        self._lock = threading.RLock()  # a signal's handler may ask in the middle
        self._native = None

    def start(self):
        """Begins; returns itself.  Raises RuntimeError when it goes on already, or when this interpreter cannot be read."""
        with self._lock:
            if self._native is not None:
                raise RuntimeError("this recording goes on already")
            self._native = _strobe.Sampler(*_PYTHON, *self._how)
        return self

    def snapshot(self):
        """The SampledProfile of what was gathered since the start or the last snapshot; the recording goes on."""
        with self._lock:
            return SampledProfile(self._going().take(True))

    def stop(self):
        """Ends the recording; the SampledProfile of what was gathered since the start or the last snapshot."""
        with self._lock:
            native = self._going()
            try:
                return SampledProfile(native.take(False))
            finally:
                self._native = None

    def is_running(self):
        native = self._native
        return native is not None and native.state()["running"]

    def state(self):
        """How it goes: a dict with the rate of now, whether that was lowered to keep to max_cpu, whether max_cpu is exceeded all the same
        ("exceeded": one look a minute is too much), and figures so far."""
        with self._lock:
            return self._going().state()

    def _going(self):
        if self._native is None:
            raise RuntimeError("strobe is not recording")
        if self._native.state()["forked"]:
            self._native = None
            raise RuntimeError("this recording is the parent process's: start one here")
        return self._native

    def _forget(self):
        """In the child of a fork."""
        self._lock = threading.RLock()
        self._native = None


class sample(SampledProfile):
    """A recording of its own, for a with block: `with strobe.sample() as p: ...; p.save("x.svg")`.  Arguments: see Recording."""

    def __init__(self, rate=100.0, task_rate=10.0, max_cpu=None, idle=False, threads=True, order=True, labels=()):
        self._recording = Recording(rate, task_rate, max_cpu, idle, threads, order, labels)
        self._taken, self._why = None, "this recording has not begun: it is for a with block"

    def __enter__(self):
        self._recording.start()
        self._taken, self._why = None, "this recording goes on: its profile is there when the with block has ended"
        return self

    def __exit__(self, *exc):
        """Never raises: what the block raised is the program's.  Why there is no profile, who asks for it is told."""
        try:
            self._taken = self._recording.stop()._native
        except RuntimeError as error:
            self._why = str(error)

    @property
    def _native(self):
        if self._taken is None:
            raise RuntimeError(self._why)
        return self._taken

    def __repr__(self):
        return "<strobe.sample: %s>" % self._why if self._taken is None else super().__repr__()


# ---- the recording of this process ----

_running = None
_restart = None  # how to start again in the child of a fork
_lock = threading.RLock()
_pid = os.getpid()


def start(rate=None, task_rate=10.0, max_cpu=None, idle=False, threads=True, order=False, labels=(), follow_fork=False):
    """Begins to record this process, until stop() or its end.

    Without rate: 100 samples a second, or as many as fit 1 % of a core.  follow_fork: children of os.fork() begin to record, too.
    Other arguments: see Recording.  Raises RuntimeError when it goes on already.
    """
    global _running, _restart
    if rate is None:
        rate, max_cpu = 100.0, 0.01 if max_cpu is None else max_cpu
    recording = Recording(rate, task_rate, max_cpu, idle, threads, order, labels)
    with _lock:
        if _running is not None:
            raise RuntimeError("strobe is recording already: stop() first")
        _running = recording.start()
        how = dict(rate=rate, task_rate=task_rate, max_cpu=max_cpu, idle=idle, threads=threads, order=order, labels=labels, follow_fork=True)
        _restart = how if follow_fork else None


def stop():
    """Ends the recording that start() began; its SampledProfile, or None when there is none."""
    global _running, _restart
    with _lock:
        recording, _running, _restart = _running, None, None
    return recording.stop() if recording is not None else None


def snapshot():
    """The SampledProfile of what was recorded since start() or the last snapshot.  Raises RuntimeError when strobe is not recording."""
    recording = _running
    if recording is None:
        raise RuntimeError("strobe is not recording: start() first")
    return recording.snapshot()


def is_running():
    """Does the recording that start() began go on in this process?"""
    recording = _running
    return recording is not None and recording.is_running()


def stats():
    """How the recording goes that start() began: see Recording.state().  Raises RuntimeError when there is none."""
    recording = _running
    if recording is None:
        raise RuntimeError("strobe is not recording: start() first")
    return recording.state()


def _at_exit():
    global _meter, _ended
    try:
        stop()
    except RuntimeError:
        pass
    _meter, _ended = None, True


def _after_fork_in_child():
    """May be called again: the doors have it done before what they do there themselves, as their hooks may come first."""
    global _running, _lock, _restart, _meter, _meter_lock, _meter_off, _pid
    if _pid == os.getpid():
        return
    _pid = os.getpid()
    _strobe.forked()
    _registry.after_fork()
    _lock, _meter_lock = threading.RLock(), threading.RLock()
    metered, _meter = _meter is not None, None
    if _running is not None:
        _running._forget()
    _running = None
    how, _restart = _restart, None
    if how is not None:
        start(**how)
    if metered and _meter_how["follow_fork"]:
        _new_meter(_meter_how, later=True)
    elif metered:
        _meter_off = True


atexit.register(_at_exit)
os.register_at_fork(before=_strobe.rest, after_in_parent=_strobe.wake, after_in_child=_after_fork_in_child)


# ---- metrics ----

_meter = None
_meter_how = {}
_meter_off = False  # stop_meter() was called, or this is a child that meter(follow_fork=False) left out
_ended = False  # the interpreter ends
_meter_lock = threading.RLock()  # held by who begins one where there is none


def meter(max_cpu=0.01, prefix="", wait_threshold=1.0, saturated_threshold=1.0, event_every=60.0, follow_fork=True):
    """Begins to meter executors, semaphores, queues, tasks and event loops, by a native thread that uses at most max_cpu of a core.

    It looks at once, and then scans the memory for what lies idle: the first time at up to a quarter of a core, later within max_cpu.
    metrics(), events() and pools() begin it by themselves, with these defaults or as it was before, and so do the doors, but not after
    stop_meter(): prometheus.Collector(), prometheus.start_multiprocess() and eventlog.start().  prefix: before the metrics' names.
    Seconds: a semaphore that is waited for longer than wait_threshold, or an executor that is saturated for longer than saturated_threshold,
    is an event, of which there is at most one in event_every for the same name.  follow_fork: children of os.fork() are metered, too, from
    their first tenth of a second on.
    Called again, it begins anew, and counters with it.
    Raises ValueError for what cannot be so, RuntimeError when this interpreter cannot be read.
    """
    _max_cpu(max_cpu)
    for name, seconds in (("wait_threshold", wait_threshold), ("saturated_threshold", saturated_threshold), ("event_every", event_every)):
        _number(name, seconds, "a number of seconds above 0", lambda n: n > 0)
    _new_meter(dict(max_cpu=max_cpu, prefix=prefix, wait_threshold=wait_threshold, saturated_threshold=saturated_threshold,
                    event_every=event_every, follow_fork=follow_fork))


def _new_meter(how, later=False):
    global _meter, _meter_how, _meter_off
    if _ended:
        raise RuntimeError("this process is not metered any more: the interpreter ends")
    _registry.hook()
    seconds = [float(how[name]) for name in ("wait_threshold", "saturated_threshold", "event_every")]
    new = _strobe.Meter(*_PYTHON, float(how["max_cpu"]), how["prefix"], *seconds, later)
    with _lock:
        _meter, _meter_how, _meter_off = new, how, False


def begin_meter():
    """The meter of this process; if there is none a new one, as the one before it was, or with meter()'s defaults."""
    current = _meter
    while current is None or current.forked():  # the second of a child that C code has forked, which no hook of Python's has seen
        with _meter_lock:
            if _meter is current:
                meter(**_meter_how)
        current = _meter
    _registry.hook()  # what was imported since
    return current


def meter_is_off():
    """Was it said that this process is not to be metered?  Then the doors give nothing."""
    return _meter_off and _meter is None


def meter_prefix():
    """What stands before the metrics' names."""
    return _meter_how.get("prefix", "")


def stop_meter():
    """Ends what meter() began: its thread, and the wrapping of semaphores' and executors' __init__.  The doors give nothing until meter(),
    metrics(), events() or pools() is called."""
    global _meter, _meter_off
    with _lock:
        ended, _meter, _meter_off = _meter, None, True
    del ended
    _registry.unhook()


def metrics():
    """The metrics of docs/metrics.md: a list of dicts with "name", "type" ("gauge" or "counter"), "help", "unit" and "samples", a list of
    dicts with "labels" and "value".

    Their numbers are those of the last reading: there are up to fifty a second, as max_cpu allows.  Nothing is read for it.  Until the meter has
    looked for the first time, which takes some milliseconds, it waits, for a second at most; what lies idle is there after the first scan.
    """
    return begin_meter().metrics()


def events():
    """What happened since events() was asked last: a list of dicts, "event" being "bulkhead_contention" or "executor_saturated"."""
    return [json.loads(line) for line in begin_meter().events().splitlines()]


def pools():
    """Executors, semaphores, limiters and bounded queues of this moment: what `strobe pools --json` prints (docs/formats.md).

    It waits as metrics() does, and for no scan: what lies idle is there after the meter's first one.
    """
    return json.loads(begin_meter().pools())


# ---- pictures ----


def _look(which):
    return json.loads(_strobe.look(which, *_PYTHON))


def dump():
    """The threads and tasks of this moment: what `strobe dump --json --asyncio` prints (docs/formats.md)."""
    return _look(_strobe.LOOK_DUMP)


def tasks():
    """The asyncio tasks of this moment: what `strobe ps --json` prints (docs/formats.md)."""
    return _look(_strobe.LOOK_TASKS)


def install_signal(signum, file=None, chain=False):
    """Has this process write a dump of its threads and tasks when it gets the signal, as faulthandler.register() does, but with tasks.

    A native thread writes it, so it works in deadlocks and while C code keeps the GIL.  file: a path, which is opened for each dump and
    appended to; a file object or descriptor, which may be closed afterwards (of the descriptors 0 to 2 it is what they lead to at the time);
    None: sys.stderr.  A FIFO that nobody reads gets none.  chain: the handler that was there before is called, too.
    Raises ValueError for a signal that cannot be caught or that comes of a fault, OSError for a descriptor that is not open and for a path that
    cannot be written (it is made), RuntimeError for too many signals, and without sys.stderr.
    """
    path, descriptor = None, -1
    if isinstance(signum, bool) or not isinstance(signum, int):
        raise TypeError("signum is a signal, as signal.SIGUSR2, not %r" % (signum,))
    if not 0 < signum < signal.NSIG:
        raise ValueError("there is no signal %d" % signum)
    if file is None:
        file = sys.stderr
    if file is None:
        raise RuntimeError("sys.stderr is None: install_signal() needs a file")
    if isinstance(file, (str, bytes, os.PathLike)):
        path = os.fsencode(os.path.abspath(file))
        _check_writable(file)
    else:
        if isinstance(file, bool):
            raise TypeError("file is a path, a file object or a descriptor, not %r" % (file,))
        descriptor = file if isinstance(file, int) else file.fileno()
        if not 0 <= descriptor < 1 << 31:
            raise OSError(errno.EBADF, "file descriptor %d is not open" % descriptor)
    _strobe.install_signal(int(signum), path, descriptor, chain, *_PYTHON)


def _check_writable(path):
    """Raises OSError now rather than saying nothing later."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC, 0o666))
    except OSError as error:
        if error.errno != errno.ENXIO:  # a FIFO that nobody reads now
            raise


def uninstall_signal(signum):
    """Puts back what was there before install_signal(); was it installed?"""
    if isinstance(signum, bool) or not isinstance(signum, int):
        raise TypeError("signum is a signal, as signal.SIGUSR2, not %r" % (signum,))
    if not 0 < signum < signal.NSIG:
        return False
    return _strobe.remove_signal(int(signum))
