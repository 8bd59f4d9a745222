# SPDX-License-Identifier: Apache-2.0
"""strobe's values for prometheus_client.

    from prometheus_client import REGISTRY
    REGISTRY.register(strobe.prometheus.Collector())            # one process
    strobe.prometheus.start_multiprocess()                      # several workers, PROMETHEUS_MULTIPROC_DIR

The values are those of `strobe.metrics()`; names and labels stand in docs/python.md.
"""
from __future__ import annotations

import sys
from types import FrameType
from typing import Any, Iterator, List

from prometheus_client import REGISTRY
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

from strobe import _families, _source
from strobe._multiprocess import MultiProcess, start_multiprocess, sweep

__all__ = ["Collector", "MultiProcess", "start_multiprocess", "sweep"]


class Collector:
    """A collector for a registry of prometheus_client: one reading of the source a scrape.

    prefix: stands before all names but process_* and strobe_*.
    source: has metrics(); the module strobe unless it is given, whose meter begins here.  When it raises, that is logged and this scrape
    lacks strobe's values.
    registry: the one whose names are left alone, with one warning about those that are missing for it; by default the one that it is
    registered in.  (It does not register itself.)
    Several threads may collect at once.
    """

    def __init__(self, prefix: str = "", source: Any = None, registry: Any = None) -> None:
        self._prefix = _families.checked_prefix(prefix)
        self._source = _source.source_of(source)
        self._registry = registry
        self._clashes = _families.Clashes()
        self._trouble = _families.Trouble("no values of strobe in this scrape")
        _source.begin(self._source, _families.log)

    def describe(self) -> List[Metric]:
        """The names that it may export, as a registry asks for them when the collector joins it.  No reading is taken."""
        if self._registry is None:
            self._registry = _asking(sys._getframe(1))
        try:
            known = _families.known(self._source, self._prefix)
        except Exception as error:
            self._trouble.happened(error)
            return []
        return [_metric(family) for family in self._free(known)]

    def collect(self) -> Iterator[Metric]:
        """The values of now.  Raises nothing: the scrape is the application's, too."""
        try:
            metrics = [_metric(family) for family in self._free(_families.read(self._source, self._prefix, True))]
            self._trouble.over()
        except Exception as error:
            self._trouble.happened(error)
            return
        yield from metrics

    def _free(self, families: List[_families.Family]) -> List[_families.Family]:
        registry = self._registry if self._registry is not None else REGISTRY
        families = self._clashes.without(families, _families.taken(registry, self._is_self), self._prefix)
        if _families.has_process_collector(registry, self._is_self):
            families = [family for family in families if not family.plain.startswith("process_")]
        return families

    def _is_self(self, collector: object) -> bool:
        return collector is self


def _metric(family: _families.Family) -> Metric:
    metric = Metric(family.base, family.help, family.type)
    metric.samples = [Sample(family.name, labels, value) for labels, value in family.samples]
    return metric


def _asking(frame: FrameType) -> Any:
    """The registry that calls describe() on a collector, or None.

    It does not say who it is, and what it has already must be left out of the answer, or it refuses the collector as a whole; so it is
    taken from its own method that calls.
    """
    caller = frame.f_locals.get("self")
    return caller if hasattr(caller, "_names_to_collectors") else None
