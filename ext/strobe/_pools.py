# SPDX-License-Identifier: Apache-2.0
"""`strobe.pools()` as /health/detailed tells it, and whether any of them is full."""
from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Tuple

EXECUTORS = {"thread_pool": "thread", "process_pool": "process", "interpreter_pool": "interpreter", "anyio_pool": "thread"}
SEMAPHORES = ("semaphore", "limiter")
COUNTED = re.compile(r"(Thread|Interpreter)PoolExecutor-[0-9]+")  # what CPython calls threads where nobody does: another one in each run
COUNTS = ("max_workers", "active_workers", "pending_tasks")
BUSY = 0.9   # of its workers are active and calls wait: degraded
FREE = 0.1   # less than this of its permits are free and somebody waits: degraded
NAMES = 200  # of semaphores; the rest are one entry, "other"


def pools_of(found: Optional[Mapping[str, Any]]) -> Tuple[Dict[str, Any], bool]:
    """(the object of /health/detailed, is one of them full?).  found: None when they could not be read: the numbers are null then."""
    if found is None:
        unknown: Dict[str, Any] = dict.fromkeys(COUNTS)
        return {"thread_pool": dict(unknown), "process_pool": dict(unknown), "semaphores": {}, "executors": []}, False
    executors: List[Dict[str, Any]] = []
    semaphores: Dict[str, Dict[str, Any]] = {}
    full = False
    for one in found.get("resources") or ():
        kind = one.get("kind")
        if kind in EXECUTORS and (not one.get("shutdown") or one.get("active_workers") or one.get("pending_tasks")):
            executors.append(dict({"name": _executor_name(one), "pool_type": EXECUTORS[kind]}, **{key: one.get(key) for key in COUNTS}))
            full = full or (not one.get("shutdown") and _is_busy(one))  # one that ends its last calls gets no more
        elif kind in SEMAPHORES:
            _add(semaphores, one)
            full = full or _is_exhausted(one)
    pools = {"thread_pool": _sum(executors, "thread"), "process_pool": _sum(executors, "process"), "semaphores": semaphores}
    return dict(pools, executors=executors), full


def _executor_name(one: Mapping[str, Any]) -> str:
    """The label that its metrics have (docs/metrics.md)."""
    name, prefix = str(one.get("name") or ""), str(one.get("thread_name_prefix") or "")
    if one["kind"] == "anyio_pool":
        return "anyio"
    if name.endswith("._default_executor") or (not name and prefix == "asyncio"):
        return "default"
    if not name and COUNTED.fullmatch(prefix):
        prefix = ""
    return name or prefix or str(one.get("type") or one["kind"])


def _sum(executors: List[Dict[str, Any]], pool_type: str) -> Dict[str, Any]:
    """Of what is known; null when none of it is; 0 when there is no such pool."""
    total: Dict[str, Any] = {}
    for key in COUNTS:
        values = [one[key] for one in executors if one["pool_type"] == pool_type]
        numbers = [value for value in values if _is_number(value)]
        total[key] = sum(numbers) if numbers or not values else None
    return total


def _add(semaphores: Dict[str, Dict[str, Any]], one: Mapping[str, Any]) -> None:
    """Equal names are one entry, summed.  Without a name it goes by its class, never by an address."""
    name = str(one.get("name") or one.get("type") or one["kind"])
    if name not in semaphores and len(semaphores) >= NAMES:
        name = "other"
    numbers = {key: one.get(key) for key in ("capacity", "available")}
    before = semaphores.get(name)
    if before is None:
        semaphores[name] = numbers
        return
    for key, value in numbers.items():
        # A part that is not known, or without an end, makes the sum so.
        if _is_number(before[key]):
            before[key] = before[key] + value if _is_number(value) else value


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_busy(one: Mapping[str, Any]) -> bool:
    most, active, pending = (one.get(key) for key in COUNTS)
    if not (_is_number(most) and _is_number(active) and _is_number(pending)):
        return False
    return bool(most > 0 and active / most > BUSY and pending > 0)  # type: ignore[operator]


def _is_exhausted(one: Mapping[str, Any]) -> bool:
    available, capacity, waiters = one.get("available"), one.get("capacity"), one.get("waiters")
    if not (_is_number(available) and _is_number(waiters)) or waiters <= 0:  # type: ignore[operator]
        return False
    if available <= 0:  # type: ignore[operator]
        return True  # however many there are in all
    return bool(_is_number(capacity) and capacity > 0 and available / capacity < FREE)  # type: ignore[operator]
