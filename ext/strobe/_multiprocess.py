# SPDX-License-Identifier: Apache-2.0
"""Values of several worker processes for prometheus_client's multi-process mode; the files and who owns them: _mpfiles.py."""
from __future__ import annotations

import atexit
import json
import logging
import os
import sys
import threading
import time
import weakref
from typing import Any, Dict, List, Optional, Set, Tuple

from strobe import _families, _source
from strobe._mpfiles import Directory, FormatError, ValueFile, installed_format

log = logging.getLogger("strobe.prometheus")

LARGEST = ("event_loop_lag_seconds",)
FIRST_WAIT = 0.5  # seconds until a new process writes
KEYS = 20000  # texts of keys that are kept
_FOLDED = _families.Family("strobe_folded_series_total", "strobe_folded_series_total", "counter",
                           "Series of processes that have ended which were added to those of the label value other.", [])
NAMING = ("executor", "dependency", "queue")  # labels whose values come from the program's names
_writers: "weakref.WeakSet[MultiProcess]" = weakref.WeakSet()
_started: "Set[MultiProcess]" = set()  # kept alive, also where only forked processes will write


def directory_of(path: Optional[str]) -> str:
    """The directory, by default that of prometheus_client.  ValueError when there is none."""
    found = path or os.environ.get("PROMETHEUS_MULTIPROC_DIR") or os.environ.get("prometheus_multiproc_dir")
    if not found:
        raise ValueError("PROMETHEUS_MULTIPROC_DIR is not set, and no directory was given")
    return found


class MultiProcess:
    """Writes this process's values where prometheus_client's MultiProcessCollector adds those of all workers up.

    Gauges are summed over the processes that live (livesum); semaphore_available_ratio_min is the least of them, event_loop_lag_seconds the
    largest.  Counters continue over the end of a process.  Nothing of the application's own files is touched.

    prefix, source, registry: as for Collector; registry says which names the application has.
    directory: PROMETHEUS_MULTIPROC_DIR unless it is given.
    interval: seconds between two writes; they come less often where they would cost more than max_cpu of a core.
    this_process: False = only processes forked from this one write.  By default this one does, unless it is gunicorn's arbiter, which
    loads the application (--preload) but serves nothing.
    children: forked processes write, too, each for itself, but for those that multiprocessing starts (they may still start their own).
    process: write process_open_fds and so on, which prometheus_client does not in this mode.
    max_series: of a counter that earlier owners of a slot left behind; beyond it the smallest are one series, "other", and
    strobe_folded_series_total{metric} says how many.
    """

    def __init__(self, prefix: str = "", source: Any = None, directory: Optional[str] = None, interval: float = 5.0, registry: Any = None,
                 this_process: Optional[bool] = None, children: bool = True, process: bool = True, max_cpu: float = 0.005,
                 max_series: int = 400) -> None:
        if interval <= 0 or max_cpu <= 0:
            raise ValueError("interval and max_cpu are more than 0")
        self.interval, self.max_cpu, self.max_series = interval, max_cpu, max_series
        self._prefix, self._process, self._children = _families.checked_prefix(prefix), process, children
        self._source = _source.source_of(source)
        self._path = directory_of(directory)
        self._registry = registry
        self._this_process = this_process if this_process is not None else not _in_arbiter()
        self._form = installed_format()
        self._clashes = _families.Clashes()
        self._trouble = _families.Trouble("strobe's values were not written for Prometheus")
        self._started = False
        self._begin()
        _writers.add(self)

    def _begin(self) -> None:
        """What belongs to one process."""
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: Optional[threading.Thread] = None
        self._directory: Optional[Directory] = None
        self._files: Dict[str, ValueFile] = {}
        self._counters: Dict[str, float] = {}  # of the slot, by key
        self._last: Dict[str, float] = {}      # of this process, as the source gave them last
        self._keys: Dict[Tuple[object, ...], str] = {}
        self._parent: object = None

    def start(self) -> "MultiProcess":
        """Begins to write, in a thread of its own.  Again: does nothing.  ValueError when another one writes to this directory.

        This process, if it is one that writes, is metered from here on, and each one that is forked from it from its beginning on.
        """
        with self._lock:
            if self._this_process and self._thread is None:
                self._claim_directory()
                _source.begin(self._source, log)
                self._run_thread()
            elif not self._this_process:
                _source.begin(self._source, log, beforehand=True)
            self._started = True
            _started.add(self)
        return self

    def stop(self) -> None:
        """Writes the counters' last values, takes the gauges back and stops; also for processes forked later."""
        self._started = False
        _started.discard(self)
        thread, self._thread = self._thread, None
        self._stop.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        with self._lock:
            self._leave()
        self._stop.clear()

    def write(self) -> None:
        """Takes one reading and writes it now; instead of start(), or between.  What the source raises, OSError, FormatError."""
        with self._lock:
            self._claim_directory()
            families = self._read()
            self._own()
            self._write(families)
            assert self._directory is not None
            self._directory.sweep()

    # --- the thread ---

    def _run_thread(self) -> None:
        self._parent = _multiprocessing_parent()
        self._thread = threading.Thread(target=self._run, args=(self._stop,), name="strobe-prometheus", daemon=True)
        self._thread.start()
        atexit.unregister(self.stop)
        atexit.register(self.stop)

    def _run(self, stop: threading.Event) -> None:
        _source.begin(self._source, log)  # in a forked process; else it was done
        wait = min(self.interval, FIRST_WAIT)
        while not stop.wait(wait):
            if self._parent is not _multiprocessing_parent():
                return  # a child of multiprocessing: its copies of executors and semaphores serve nobody
            began = time.thread_time()
            try:
                self.write()
                self._trouble.over()
            except Exception as error:
                self._trouble.happened(error)
            wait = max(self.interval, (time.thread_time() - began) / self.max_cpu)

    def _after_fork(self) -> None:
        """In the child: nothing of the parent's is kept, not even its counters, which it goes on to count itself."""
        started = self._started
        self._begin()
        if started and self._children:
            self._this_process = True
            self._run_thread()
        else:
            self._started = False
            _started.discard(self)

    # --- one write; the lock is held ---

    def _claim_directory(self) -> None:
        if self._directory is None:
            real = os.path.realpath(self._path)
            if any(one is not self and one._directory is not None and one._directory.path == real for one in list(_writers)):
                raise ValueError("this process writes to %s already" % self._path)
            self._directory = Directory.at(self._path)

    def _own(self) -> None:
        """Has a slot, and its counters if it is a new one."""
        assert self._directory is not None
        while True:
            try:
                same = self._directory.own()
                break
            except BlockingIOError:
                if self._stop.wait(0.01):
                    raise
        if not same:
            self._files = {}
            self._counters = {}
            try:
                self._counters = self._folded(self._file("counter").read())
            except FormatError as error:
                log.warning("counters that another process left are lost: %s", error)
            except OSError:
                self._directory.release()  # or the next write would take them for none
                raise

    def _file(self, kind: str) -> ValueFile:
        assert self._directory is not None
        if kind not in self._files:
            self._files[kind] = self._directory.file(kind, self._form)
        return self._files[kind]

    def _read(self) -> List[_families.Family]:
        registry = self._registry
        if registry is None:
            from prometheus_client import REGISTRY as registry
        # process_* of the default registry are not exported in this mode, and neither is a Collector of strobe's.
        names = {name for name in _families.taken(registry, _is_strobes) if not name.startswith("process_")}
        return self._clashes.without(_families.read(self._source, self._prefix, self._process), names, self._prefix)

    def _write(self, families: List[_families.Family]) -> None:
        gauges: Dict[str, Dict[str, float]] = {"gauge_" + self._form.mode(mode): {} for mode in ("livesum", "livemin", "livemax")}
        for family in families:
            if family.type == "counter":
                self._count(family)
                continue
            values = gauges["gauge_" + self._form.mode(_mode(family.plain))]
            for labels, value in family.samples:
                values[self._key(family, labels)] = value
        self._file("counter").write(self._counters)
        for kind, values in gauges.items():
            self._file(kind).write(values)

    def _key(self, family: _families.Family, labels: _families.Labels) -> str:
        parts = family.name, *labels.items()
        key = self._keys.get(parts)
        if key is None:
            if len(self._keys) >= KEYS:
                self._keys.clear()
            key = self._keys[parts] = self._form.key(family.base, family.name, labels, family.help)
        return key

    def _count(self, family: _families.Family) -> None:
        """Adds what a counter has gained; one that is less than it was began anew."""
        for labels, value in family.samples:
            if not value >= 0:
                continue  # not a number: it would stay one for ever
            key = self._key(family, labels)
            last = self._last.get(key, 0.0)
            self._counters[key] = self._counters.get(key, 0.0) + (value - last if value >= last else value)
            self._last[key] = value

    def _folded(self, counters: Dict[str, float]) -> Dict[str, float]:
        """Those of earlier owners, at most max_series of a metric: names that come and go would else pile up over restarts."""
        by_metric: Dict[str, List[Tuple[float, str]]] = {}
        for key, value in counters.items():
            by_metric.setdefault(_parts(key)[1], []).append((value, key))
        for group in by_metric.values():
            for value, key in sorted(group)[:max(0, len(group) - self.max_series)]:
                parts = _parts(key)
                other = {name: "other" if name in NAMING else given for name, given in parts[2].items()}
                joined = self._form.key(parts[0], parts[1], other, parts[3] if self._form.helped else "")
                if joined != key:
                    del counters[key]
                    counters[joined] = counters.get(joined, 0.0) + value
                    told = self._key(_FOLDED, {"metric": parts[1]})
                    counters[told] = counters.get(told, 0.0) + 1
        return counters

    def _leave(self) -> None:
        if self._directory is None or self._directory.slot is None:
            self._directory = None
            return
        families: List[_families.Family] = []
        try:
            families = [family for family in self._read() if family.type == "counter"]
        except Exception as error:  # what is there already stays; the gauges go in any case
            self._trouble.happened(error)
        try:
            self._own()
            self._write(families)
        except Exception as error:  # others empty the gauges then
            self._trouble.happened(error)
        self._directory.release()
        self._directory = None
        self._files = {}


def _mode(plain: str) -> str:
    return "livemin" if plain == _families.RATIO else "livemax" if plain in LARGEST else "livesum"


def _parts(key: str) -> List[Any]:
    parts: List[Any] = json.loads(key)
    return parts


def _is_strobes(collector: object) -> bool:
    return type(collector).__module__ == "strobe.prometheus"


def _multiprocessing_parent() -> object:
    """Changes in a process that multiprocessing has forked, once it has come so far."""
    module = sys.modules.get("multiprocessing.process")
    return module.parent_process() if module is not None else None


def _in_arbiter() -> bool:
    """Is the application being loaded by gunicorn's arbiter (--preload) rather than by one of its workers?"""
    if "gunicorn.arbiter" not in sys.modules:
        return False
    frame, arbiter = sys._getframe(), False
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith("gunicorn.workers"):
            return False
        arbiter = arbiter or module == "gunicorn.arbiter"
        frame = frame.f_back  # type: ignore[assignment]
    return arbiter


def start_multiprocess(**options: Any) -> MultiProcess:
    """A MultiProcess with these options, started."""
    return MultiProcess(**options).start()


def sweep(directory: Optional[str] = None) -> None:
    """Takes back the gauges of processes that ended without doing so; for one that only serves /metrics, before each scrape.

    Workers do it by themselves at each write.  OSError; FormatError where .strobe.lock is no plain file.
    """
    Directory.at(directory_of(directory)).sweep()


def _after_fork_in_child() -> None:
    _source.after_fork()
    for writer in list(_writers):
        writer._after_fork()


os.register_at_fork(after_in_child=_after_fork_in_child)
