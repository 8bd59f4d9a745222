# SPDX-License-Identifier: Apache-2.0
"""Checks of the user's, run side by side and bounded: one run of each at a time, whatever hangs.

A request that comes while a check runs waits for that run's result rather than starting another; one that comes when the run has already
had its time is answered at once.  So a check that hangs costs one thread (or one task), not one a request.
"""
from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import logging
import math
import os
import threading
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

log = logging.getLogger("strobe.health")

HEALTHY, UNHEALTHY, DEGRADED, NOT_CONFIGURED = "healthy", "unhealthy", "degraded", "not_configured"
STATUSES = (HEALTHY, UNHEALTHY, DEGRADED, NOT_CONFIGURED)
BREAKER_WORDS = {"closed": HEALTHY, "open": UNHEALTHY, "half_open": DEGRADED, "half-open": DEGRADED}
DEEPEST = 8  # of nested values in a check's dict


def result_of(value: Any, words: Mapping[str, str]) -> Dict[str, Any]:
    """What a check returned, as {"status", ...}.  words: more names of statuses.  Nothing returned: it did not raise, so all is well."""
    if isinstance(value, Mapping):
        fields = {str(key): clean(item) for key, item in value.items()}
        result = result_of(fields.pop("status", ""), words)
        fields.pop("latency_ms", None)
        result.update((key, item) for key, item in fields.items() if key not in result)
        return result
    if value is None or value is True:
        return {"status": HEALTHY}
    if value is False:
        return {"status": UNHEALTHY}
    word = getattr(value, "value", value)  # a member of an enumeration
    if isinstance(word, str):
        lower = word.lower()
        if lower in STATUSES:
            return {"status": lower}
        if lower in words:
            return {"status": words[lower], "state": lower}
    return {"status": UNHEALTHY, "reason": "the check gave no status"}


def clean(value: Any, depth: int = 0) -> Any:
    """The value as JSON can say it: text for what is no JSON type, null for numbers that are none."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, float)):
        return value if math.isfinite(value) else None
    if depth < DEEPEST and isinstance(value, Mapping):
        return {str(key): clean(item, depth + 1) for key, item in value.items()}
    if depth < DEEPEST and isinstance(value, (list, tuple, set, frozenset)):
        return [clean(item, depth + 1) for item in value]
    return str(value)


class _Run:
    """One run of a check, under way or over."""

    def __init__(self, loop: Optional[asyncio.AbstractEventLoop]) -> None:
        self.began = time.monotonic()
        self.ended = self.began
        self.loop = loop
        # (value, error): as the future's own exception it would be reported as not looked at, once for each who waited
        self.future: "concurrent.futures.Future[Tuple[Any, Optional[BaseException]]]" = concurrent.futures.Future()
        self.future.set_running_or_notify_cancel()  # so that nobody who waits for it can cancel it
        self.task: Optional["asyncio.Task[None]"] = None

    def finish(self, value: Any, error: Optional[BaseException]) -> None:
        self.ended = time.monotonic()
        self.future.set_result((value, error))

    def is_lost(self) -> bool:
        """Its loop was closed under it: it will not end."""
        return not self.future.done() and self.loop is not None and self.loop.is_closed()


class Check:
    """One callable with a name.  Several threads and loops may ask it.

    call: takes nothing; a function, or a coroutine function, or gives something to await; None = not_configured.
    words: names of statuses beside the four.  timeout: seconds after which a coroutine that has a loop of its own is cancelled.
    """

    def __init__(self, name: str, call: Optional[Callable[[], Any]], timeout: float, words: Optional[Mapping[str, str]] = None) -> None:
        if call is not None and not callable(call):
            raise TypeError("check %r is not callable" % name)
        self.name, self._call, self._timeout, self._words = name, call, timeout, words or {}
        self._is_async = inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(getattr(call, "__call__", None))
        self._told: Optional[str] = None
        self.forget()

    def forget(self) -> None:
        """After a fork: the thread that ran it is not in this process."""
        self._lock = threading.Lock()
        self._run: Optional[_Run] = None
        self._pid = os.getpid()

    def start(self, loop: Optional[asyncio.AbstractEventLoop]) -> Optional[_Run]:
        """The run under way, else a new one; loop: the one that is running in this thread.  None = there is nothing to run."""
        if self._call is None:
            return None
        with self._lock:
            run = self._run
            if run is not None and not run.future.done() and not run.is_lost():
                return run
            run = self._run = _Run(loop if self._is_async else None)
        try:
            if run.loop is not None:
                run.task = run.loop.create_task(self._on_loop(run, self._call()))
            else:
                threading.Thread(target=self._on_thread, args=(run, loop), name="strobe-health-" + self.name, daemon=True).start()
        except BaseException as error:
            run.finish(None, error)
            if not isinstance(error, Exception):
                raise
        return run

    async def _on_loop(self, run: _Run, awaitable: Any) -> None:
        try:
            run.finish(await awaitable, None)
        except asyncio.CancelledError as error:
            run.finish(None, error)
            raise
        except Exception as error:
            run.finish(None, error)

    def _on_thread(self, run: _Run, loop: Optional[asyncio.AbstractEventLoop]) -> None:
        try:
            assert self._call is not None
            value = self._call()
            if not inspect.isawaitable(value):
                run.finish(value, None)
            elif loop is not None:  # a function that gives a coroutine: it belongs to the server's loop
                run.loop = loop
                run.task = asyncio.run_coroutine_threadsafe(self._on_loop(run, value), loop)
            else:
                asyncio.run(self._on_loop(run, asyncio.wait_for(value, self._timeout)))
        except BaseException as error:
            if not run.future.done():
                run.finish(None, error)

    def result(self, run: Optional[_Run]) -> Dict[str, Any]:
        """{"status", "latency_ms", ...} of a run as it is now."""
        if run is None:
            return {"status": NOT_CONFIGURED, "latency_ms": 0.0}
        if not run.future.done():
            elapsed = time.monotonic() - run.began
            reason = "no answer for %.1f s" % elapsed
            return self._said({"status": UNHEALTHY, "latency_ms": round(elapsed * 1000, 3), "reason": reason}, None)
        latency = {"latency_ms": round((run.ended - run.began) * 1000, 3)}
        value, error = run.future.result()
        if error is not None:
            # The class only: texts of errors name hosts and passwords.  The log has the whole.
            return self._said(dict({"status": UNHEALTHY, "reason": type(error).__name__}, **latency), error)
        try:
            return self._said(dict(result_of(value, self._words), **latency), None)
        except Exception as failed:  # of a mapping of the user's
            return self._said(dict({"status": UNHEALTHY, "reason": type(failed).__name__}, **latency), failed)

    def _said(self, result: Dict[str, Any], error: Optional[BaseException]) -> Dict[str, Any]:
        """Logs a change for the worse or back, once."""
        status = result["status"]
        if status != self._told:
            if status == UNHEALTHY:
                log.warning("check %r: unhealthy (%s)", self.name, result.get("reason", "it says so"), exc_info=error)
            elif self._told == UNHEALTHY:
                log.info("check %r: %s again", self.name, status)
            self._told = status
        return result


def run_blocking(checks: List[Check], timeout: float, left: Optional[float] = None) -> List[Tuple[Check, Optional[_Run]]]:
    """Starts all and waits until they have ended or the time is over: timeout seconds from the start of each run, and no longer than left
    from now on (None = timeout)."""
    runs = [(check, check.start(None)) for check in checks]
    end = time.monotonic() + (timeout if left is None else left)
    for _, run in runs:
        if run is not None:
            concurrent.futures.wait([run.future], timeout=max(0.0, min(end, run.began + timeout) - time.monotonic()))
    return runs


async def run_async(checks: List[Check], timeout: float, left: Optional[float] = None) -> List[Tuple[Check, Optional[_Run]]]:
    """The same in a running asyncio loop.  A coroutine whose own time is over is cancelled; others may wait for it until then."""
    loop = asyncio.get_running_loop()
    runs = [(check, check.start(loop)) for check in checks]
    end = time.monotonic() + (timeout if left is None else left)
    waiting = []
    for _, run in runs:
        if run is not None and not run.future.done():
            rest = min(end, run.began + timeout) - time.monotonic()
            if rest > 0:
                waiting.append(asyncio.wait([asyncio.wrap_future(run.future)], timeout=rest))
    if waiting:
        await asyncio.gather(*waiting)
    for _, run in runs:
        if run is not None and run.task is not None and not run.future.done() and run.loop is loop:
            rest = run.began + timeout - time.monotonic()
            if left is not None and left < timeout and rest > 0:
                loop.call_later(rest, run.task.cancel)
            else:
                run.task.cancel()
    return runs
