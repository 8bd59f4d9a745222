# SPDX-License-Identifier: Apache-2.0
"""The profilers that run inside of a process, each begun and ended again and again, and the pairs of runs without and with one."""
import ctypes
import gc
import importlib
import os
import signal
import statistics
import sys
import threading
import time


class Missing(Exception):
    """This profiler cannot be had here: the text says why."""


def module(name):
    """Imported only when it is wanted, as each brings its own threads and signal handlers."""
    try:
        found = importlib.import_module(name)
    except ImportError as why:
        raise Missing("cannot be imported: %s" % why)
    if getattr(sys, "_is_gil_enabled", bool)() and "t" in sys.abiflags:
        raise Missing("turns the GIL on")
    return found


class Nothing:
    """No profiler: what two equal runs differ by."""

    def __init__(self, rate, task_rate, **_):
        self.rate, self.task_rate = rate, task_rate

    def begin(self):
        pass

    def end(self):
        pass

    def used(self):
        """Figures that only grow: visits of threads by signals, and the profiler's own CPU seconds where it tells them."""
        return {}

    def more(self):
        """Other figures of the run that ends."""
        return {}


SIGNAL = signal.SIGRTMIN + 5 if hasattr(signal, "SIGRTMIN") else None


def load_ping(library):
    ping = ctypes.CDLL(library)
    ping.ping_visits.restype = ctypes.c_ulonglong
    ping.ping_cpu.restype = ctypes.c_double
    ping.ping_start.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_double]
    return ping


def median_us(function, *args):
    """Of the nanoseconds that ping.c has kept."""
    times = ctypes.POINTER(ctypes.c_uint32)()
    n = function(*args, ctypes.byref(times))
    if not n:
        raise Missing("no visit was clocked")
    return statistics.median(times[:n]) / 1e3


class Strobe(Nothing):
    def __init__(self, rate, task_rate, **_):
        super().__init__(rate, task_rate)
        self.strobe = module("strobe._inside")  # strobe loads it later, by itself

    def begin(self):
        self.strobe.start(rate=self.rate, task_rate=self.task_rate)

    def end(self):
        self.strobe.stop()

    def used(self):
        stats = self.strobe.stats()["stats"]
        return {"visits": stats["visits"], "unvisited": stats["unvisited"], "looks": stats["looks"], "own": stats["cpu"]}


class Pyinstrument(Nothing):
    """Looks at the one thread that began it, in that thread; of tasks it knows the one that runs."""

    def __init__(self, rate, task_rate, **_):
        super().__init__(rate, task_rate)
        self.pyinstrument = module("pyinstrument")

    def begin(self):
        self.profiler = self.pyinstrument.Profiler(interval=1 / self.rate)
        self.profiler.start()

    def end(self):
        self.profiler.stop()


class Ddtrace(Nothing):
    """Its stack profiler alone, at a fixed rate; profiles go to a file, and nothing over the network.  Looks at tasks as often as at threads."""

    SWITCHES = {
        "DD_PROFILING_MEMORY_ENABLED": "0", "DD_PROFILING_LOCK_ENABLED": "0", "DD_PROFILING_EXCEPTION_ENABLED": "0",
        "DD_PROFILING_ENABLE_CODE_PROVENANCE": "0", "DD_PROFILING_UPLOAD_INTERVAL": "3600", "DD_TRACE_ENABLED": "0",
        "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "0", "DD_REMOTE_CONFIGURATION_ENABLED": "0", "DD_CRASHTRACKING_ENABLED": "0",
    }

    def __init__(self, rate, task_rate, **_):
        super().__init__(rate, task_rate)
        os.environ.update(self.SWITCHES)
        os.environ["DD_PROFILING_OUTPUT_PPROF"] = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ddtrace")  # removed with the target
        self.profiling = module("ddtrace.profiling")
        self.stack = module("ddtrace.internal.datadog.profiling.stack")

    def begin(self):
        self.profiler = self.profiling.Profiler()
        self.profiler.start()
        self.stack.set_adaptive_sampling(False)  # else it takes its own rate
        self.stack.set_interval(1 / self.rate)

    def end(self):
        self.profiler.stop(flush=False)


class Empty(Nothing):
    """Signals whose handler does nothing but count (bench/ping.c): the floor of a visit."""

    def __init__(self, rate, task_rate, library, **_):
        super().__init__(rate, task_rate)
        self.ping = load_ping(library)

    def begin(self):
        if self.ping.ping_start(SIGNAL, threading.get_native_id(), self.rate):
            raise Missing("the thread that sends signals could not be started")

    def end(self):
        self.ping.ping_stop()

    def used(self):
        return {"visits": self.ping.ping_visits(), "own": self.ping.ping_cpu()}

    def more(self):
        return {"undisturbed": median_us(self.ping.ping_self, SIGNAL, 1000)}


TOOLS = {"nothing": Nothing, "strobe": Strobe, "pyinstrument": Pyinstrument, "ddtrace": Ddtrace, "empty": Empty}


def clocked(work):
    """What a run of the work takes, by three clocks; others: CPU time of the process that is not this thread's."""
    wall, cpu, everyone = time.perf_counter(), time.thread_time(), time.process_time()
    work()
    everyone, cpu, wall = time.process_time() - everyone, time.thread_time() - cpu, time.perf_counter() - wall
    return {"wall": wall, "cpu": cpu, "others": max(0.0, everyone - cpu)}


def calibrate(app, seconds):
    """Makes the work as long as is wanted, by the thread's CPU time: others that use the machine do not make it shorter."""
    for _ in range(3):
        took = min(clocked(app.work)["cpu"] for _ in range(3))
        app.turns = max(1, round(app.turns * min(20.0, seconds / max(took, 1e-6))))
    return {"turns": app.turns}


def run(work, settle, tool=None):
    """One half of a pair.  The profiler is begun, works for a while that is not clocked, is clocked, and is ended."""
    gc.collect()
    if tool:
        tool.begin()
    try:
        end = time.perf_counter() + settle
        while time.perf_counter() < end:
            sum(range(2000))
        before = tool.used() if tool else {}
        found = clocked(work)
        found.update({name: number - before[name] for name, number in (tool.used() if tool else {}).items()})
        found.update(tool.more() if tool else {})
    finally:
        if tool:
            tool.end()
    return found


def pairs(work, tool, rate, task_rate, count, settle, **how):
    """[[without, with]]; the very first pair, in which modules are still loaded and caches filled, is left out."""
    profiler = TOOLS[tool](rate, task_rate, **how)
    found = []
    for n in range(count + 1):
        if n % 2:
            with_it = run(work, settle, profiler)
            found.append([run(work, settle), with_it])
        else:
            without = run(work, settle)
            found.append([without, run(work, settle, profiler)])
    return found[1:]
