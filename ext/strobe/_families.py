# SPDX-License-Identifier: Apache-2.0
"""Metric families as both Prometheus doors need them: read from a source, named, and free of names that others export.

A source is anything with `metrics()`, as the module strobe has it: a list of {"name", "type": "gauge" | "counter", "help", "samples":
[{"labels": {str: str}, "value": float}]}, names of counters ending in _total.  Needs nothing beside the standard library.
"""
from __future__ import annotations

import logging
import math
import os
import re
import resource
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Set, Tuple

log = logging.getLogger("strobe.prometheus")

Labels = Dict[str, str]

RATIO = "semaphore_available_ratio_min"
# What strobe.metrics() does not give: what the doors add, the second where the source has none.
OWN: Dict[str, Tuple[str, str]] = {
    RATIO: ("gauge", "Least part of its permits that a semaphore has free in any one process."),
    "process_open_fds": ("gauge", "Number of open file descriptors."),
    "process_cpu_seconds_total": ("counter", "Total user and system CPU time spent in seconds."),
    "process_resident_memory_bytes": ("gauge", "Resident memory size in bytes."),
}


class Family(NamedTuple):
    """One metric.  name: with the prefix; of a counter with _total.  plain: without."""

    name: str
    plain: str
    type: str
    help: str
    samples: List[Tuple[Labels, float]]

    @property
    def base(self) -> str:
        """The name that prometheus_client files a metric under."""
        return self.name[:-6] if self.type == "counter" and self.name.endswith("_total") else self.name

    def names(self) -> Set[str]:
        """All the names that a registry reserves for it."""
        return {self.base, self.base + "_total", self.base + "_created"} if self.type == "counter" else {self.name}


def text(value: object) -> str:
    """A label's value that can be written as UTF-8, whatever the program called its things."""
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")


def clean(labels: Labels) -> Labels:
    """Labels with such values.  Those that are plain, as nearly all are, as they come: there are thousands a scrape."""
    for value in labels.values():
        if type(value) is not str or not value.isascii():
            return {str(name): text(given) for name, given in labels.items()}
    return labels


def _named(given: str, own: str, prefix: str) -> Tuple[str, str]:
    """(name, name without a prefix).  own: the source's prefix, which stays where the door has none.  Names that Prometheus' own libraries
    share, and strobe's about itself, have none."""
    plain = given
    for before in (own, prefix):
        if before and plain.startswith(before):
            plain = plain[len(before):]
            break
    shared = plain.startswith(("process_", "strobe_"))
    return plain if shared else (prefix or own) + plain, plain


def checked_prefix(prefix: Any) -> str:
    """Raises TypeError, ValueError for what no metric's name may begin with."""
    if not isinstance(prefix, str):
        raise TypeError("prefix is what metrics' names begin with, not %r" % (prefix,))
    if prefix and not re.fullmatch("[a-zA-Z_:][a-zA-Z0-9_:]*", prefix):
        raise ValueError("prefix is letters, digits, _ and :, and no digit first, not %r" % (prefix,))
    return prefix


def known(source: Any, prefix: str) -> List[Family]:
    """What may be exported, without values; no reading is taken.  What the source raises is the caller's to handle."""
    own, families = _prefix_of(source), getattr(source, "families", None)
    facts = {str(given["name"]): (str(given["type"]), str(given["help"])) for given in families()} if families is not None else {}
    facts.update((name, fact) for name, fact in OWN.items() if name not in facts)
    return [Family(*_named(name, own, prefix), kind, words, []) for name, (kind, words) in facts.items()]


def _prefix_of(source: Any) -> str:
    return str(getattr(source, "prefix", ""))


def read(source: Any, prefix: str, process: bool) -> List[Family]:
    """All families of this moment, in the source's order; process: those about the whole process, too, if the source has none.

    The source's names may have the prefix already, or one of its own, whose place it takes.  What the source raises is the caller's to
    handle.
    """
    families: List[Family] = []
    plain: Dict[str, Family] = {}
    metrics = source.metrics()
    own = _prefix_of(source)
    for given in metrics:
        samples = [(clean(sample.get("labels") or {}), float(sample["value"])) for sample in given["samples"]
                   if sample.get("value") is not None]
        name, short = _named(str(given["name"]), own, prefix)
        family = Family(name, short, given["type"], str(given.get("help") or name), samples)
        families.append(family)
        plain[short] = family
    if RATIO not in plain and "semaphore_available" in plain and "semaphore_capacity" in plain:
        families.append(Family(*_named(RATIO, own, prefix), *OWN[RATIO], _ratios(plain["semaphore_available"], plain["semaphore_capacity"])))
    if not process:
        return [family for family in families if not family.plain.startswith("process_")]
    return families + [family for family in _process() if family.plain not in plain]


def _ratios(available: Family, capacity: Family) -> List[Tuple[Labels, float]]:
    """available / capacity by dependency.  A capacity known in several ways counts as their sum; one that is unknown, 0 or without an
    end gives none."""
    whole: Dict[str, float] = {}
    for labels, value in capacity.samples:
        name = labels.get("dependency", "")
        whole[name] = whole.get(name, 0.0) + value
    result = []
    for labels, value in available.samples:
        total = whole.get(labels.get("dependency", ""), 0.0)
        if 0 < total < math.inf and math.isfinite(value):
            result.append((labels, value / total))
    return result


def _process() -> List[Family]:
    """The three facts about this process that nobody else may export, from the kernel; those that cannot be read are left out."""
    values: Dict[str, float] = {}
    usage = resource.getrusage(resource.RUSAGE_SELF)
    values["process_cpu_seconds_total"] = usage.ru_utime + usage.ru_stime
    try:
        values["process_open_fds"] = float(len(os.listdir("/proc/self/fd")) - 1)  # but for the one that lists them
        with open("/proc/self/statm", "rb") as f:
            values["process_resident_memory_bytes"] = float(int(f.read().split()[1]) * resource.getpagesize())
    except OSError:
        pass
    return [Family(name, name, *OWN[name], [({}, value)]) for name, value in values.items()]


def taken(registry: Any, ours: Callable[[object], bool]) -> Set[str]:
    """Names that a prometheus_client registry keeps for collectors other than ours; none where it does not tell."""
    names = getattr(registry, "_names_to_collectors", None) or {}
    # A copy first: other threads may register meanwhile, and describe() runs with the registry's lock held.
    return {name for name, collector in dict(names).items() if not ours(collector)}


def has_process_collector(registry: Any, ours: Callable[[object], bool]) -> bool:
    """Does another collector export process_*?  A registry that does not ask its collectors for their names has them all the same."""
    if any(name.startswith("process_cpu_seconds") for name in taken(registry, ours)):
        return True
    collectors = list(getattr(registry, "_collector_to_names", None) or ())
    return any(type(one).__name__ == "ProcessCollector" for one in collectors)


class Clashes:
    """Leaves out families whose names are taken, and says so once for each."""

    def __init__(self) -> None:
        self._told: Set[str] = set()

    def without(self, families: List[Family], names: Set[str], prefix: str) -> List[Family]:
        free = [family for family in families if not family.names() & names]
        # process_* of another collector is the usual case and wanted so.
        clashing = {family.name for family in families if family.names() & names and not family.plain.startswith("process_")}
        lost = sorted(clashing - self._told)
        if lost:
            self._told.update(lost)
            log.warning("not exported, because the application already registers metrics of these names: %s (the others are; a prefix "
                        "would tell them apart%s)", ", ".join(lost), ", for example prefix=\"strobe_\"" if not prefix else "")
        return free


class Trouble:
    """Logs a failure once, and again when it is another one or came back after a success."""

    def __init__(self, what: str, logger: logging.Logger = log) -> None:
        self._what, self._log = what, logger
        self._last: Optional[str] = None

    def happened(self, error: BaseException) -> None:
        told = "%s: %s" % (type(error).__name__, error)
        if told != self._last:
            self._last = told
            self._log.warning("%s: %s", self._what, told, exc_info=not isinstance(error, OSError))

    def over(self) -> None:
        self._last = None
