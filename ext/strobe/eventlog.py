# SPDX-License-Identifier: Apache-2.0
"""Saturation as structured log lines.

    strobe.eventlog.start()

A semaphore that was waited for longer than a second, and an executor that had no worker free for calls that waited, are each a line:

    resilience_event="bulkhead_contention" dependency="PriceClient._price_semaphore" duration_ms=1530 duration_of="contention" waiters=4
        available=0 capacity=10                                                                        (all of it one line)
    resilience_event="executor_saturated" executor="pdf" pool_type="thread" duration_ms=2010 active_workers=4 max_workers=4 pending_tasks=9

and the same as fields of the log record (`extra=`).  The events are those of `strobe.events()`, which measures them.
"""
from __future__ import annotations

import atexit
import json
import logging
import os
import sys
import threading
import time
from typing import Any, Callable, Dict, Mapping, Optional, Set, Tuple

from strobe import _families, _source

__all__ = ["EventLog", "start", "line"]

# The order of fields in a line; what an event has beside them is not written.
FIELDS = ("dependency", "executor", "pool_type", "duration_ms", "duration_of", "waiters", "available", "capacity", "active_workers",
          "max_workers", "pending_tasks")
OBJECTS = 1000  # of which the last line's time is kept
log = logging.getLogger("strobe.eventlog")
_running: "Set[EventLog]" = set()


def line(event: Mapping[str, Any]) -> str:
    """The event as text: key=value with strings quoted and escaped as in JSON, so that no name of the program's can break out of it."""
    parts = ["resilience_event=" + json.dumps(str(event["event"]))]
    for name in FIELDS:
        value = event.get(name)
        if value is not None:
            parts.append("%s=%s" % (name, json.dumps(value) if isinstance(value, (int, float)) else json.dumps(_families.text(value))))
    return " ".join(parts)


class EventLog:
    """Writes the events of a source to a logger, in a thread of its own.

    logger: a name, or a logging.Logger, or a structlog logger.
    wait_seconds, saturated_seconds: events that lasted less are not logged (the thresholds of strobe.meter() come first, a second each).
    every_seconds: at most one line per name in that time.
    level: of the lines.
    interval: seconds between two looks at the source, which keeps what happened meanwhile.
    use_structlog: True, False, or None: where the program has imported structlog and configured it.  A structlog logger gets the fields as
    its own key-value pairs and `saturation` as its event; else it is the logging module.
    source: has events(); the module strobe unless it is given, whose meter start() begins.
    """

    def __init__(self, logger: Any = "strobe", *, wait_seconds: float = 1.0, saturated_seconds: float = 0.0, every_seconds: float = 60.0,
                 level: int = logging.WARNING, interval: float = 1.0, use_structlog: Optional[bool] = None, source: Any = None,
                 clock: Callable[[], float] = time.monotonic) -> None:
        if interval <= 0:
            raise ValueError("interval is more than 0")
        self._least = {"bulkhead_contention": wait_seconds * 1000, "executor_saturated": saturated_seconds * 1000}
        self._every, self._level, self._interval, self._clock = every_seconds, level, interval, clock
        self._source = _source.source_of(source)
        self._logger, self._structlog = _logger(logger, use_structlog)
        self._trouble = _families.Trouble("events of strobe were not logged", log)
        self._told: Dict[Tuple[str, str, str], float] = {}
        self._begin()

    def _begin(self) -> None:
        self._stop = threading.Event()
        self._thread: Optional[threading.Thread] = None

    def start(self) -> "EventLog":
        """Begins; again: does nothing.  A forked process goes on with a thread of its own."""
        if self._thread is None:
            _source.begin(self._source, log)
            self._run_thread()
            _running.add(self)
            atexit.register(self.stop)
        return self

    def _run_thread(self) -> None:
        self._thread = threading.Thread(target=self._run, args=(self._stop,), name="strobe-events", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Logs what is left and ends the thread."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        atexit.unregister(self.stop)
        _running.discard(self)
        self._stop.set()
        if thread is not threading.current_thread():
            thread.join()
        self._begin()

    def poll(self) -> int:
        """Logs what has happened since the last time; gives the number of lines.  What the source or the logger raises."""
        lines = 0
        for event in self._source.events():
            if self._is_due(event):
                self._write(event)
                lines += 1
        return lines

    def _is_due(self, event: Mapping[str, Any]) -> bool:
        if float(event.get("duration_ms") or 0) < self._least.get(str(event["event"]), 0):
            return False
        thing = (str(event["event"]), str(event.get("dependency") or event.get("executor")), str(event.get("pool_type")))
        now = self._clock()
        last = self._told.get(thing)
        if last is not None and now - last < self._every:
            return False
        if len(self._told) >= OBJECTS:
            self._told = {key: at for key, at in self._told.items() if now - at < self._every}
        if len(self._told) < OBJECTS:
            self._told[thing] = now
        return True

    def _write(self, event: Mapping[str, Any]) -> None:
        fields = {name: event[name] for name in FIELDS if event.get(name) is not None}
        fields["resilience_event"] = event["event"]
        if self._structlog:
            self._logger.log(self._level, "saturation", **fields)
        else:
            self._logger.log(self._level, "%s", line(event), extra=fields)

    def _run(self, stop: threading.Event) -> None:
        over = False
        while not over:
            over = stop.wait(self._interval)  # once more at the end
            try:
                self.poll()
                self._trouble.over()
            except Exception as error:
                self._trouble.happened(error)

    def _after_fork(self) -> None:
        self._begin()
        self._run_thread()


def _logger(logger: Any, use_structlog: Optional[bool]) -> Tuple[Any, bool]:
    """(what to log to, is it structlog's?)"""
    if not isinstance(logger, str):
        return logger, use_structlog if use_structlog is not None else type(logger).__module__.split(".")[0] == "structlog"
    structlog = sys.modules.get("structlog")
    if use_structlog or (use_structlog is None and structlog is not None and structlog.is_configured()):
        import structlog as imported

        return imported.get_logger(logger), True
    return logging.getLogger(logger), False


def start(logger: Any = "strobe", **options: Any) -> EventLog:
    """An EventLog with these options, started; `stop()` ends it."""
    return EventLog(logger, **options).start()


def _after_fork_in_child() -> None:
    _source.after_fork()
    for one in list(_running):
        one._after_fork()


os.register_at_fork(after_in_child=_after_fork_in_child)
