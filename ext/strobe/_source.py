# SPDX-License-Identifier: Apache-2.0
"""Where the doors (prometheus, eventlog, health) have their values from: this process, unless they are given another source.

A source is anything with `metrics()`, `pools()` or `events()` as the module strobe has them.  It may have more:

    begin()      called where a door is opened: reads from then on
    prepare()    called where only processes forked later will read: what is done at exit and at forks comes before what they do there
    families()   what metrics() may give, without samples: names to be known beforehand
    prefix       what stands before its names
"""
from __future__ import annotations

import logging
import sys
from typing import Any, Dict, List


class ThisProcess:
    """The module strobe.  The C extension is loaded with the first thing that is asked."""

    @property
    def prefix(self) -> str:
        from strobe import _inside

        return str(_inside.meter_prefix())

    def begin(self) -> None:
        from strobe import _inside

        if not _inside.meter_is_off():
            _inside.begin_meter()

    def prepare(self) -> None:
        from strobe import _inside, _registry  # noqa: F401

        _registry.hook()

    def families(self) -> List[Dict[str, Any]]:
        from strobe import _strobe  # type: ignore[attr-defined]

        found: List[Dict[str, Any]] = _strobe.families()
        return found

    def metrics(self) -> Any:
        from strobe import _inside

        return [] if _inside.meter_is_off() else _inside.metrics()

    def pools(self) -> Any:
        from strobe import _inside

        return {"resources": []} if _inside.meter_is_off() else _inside.pools()

    def events(self) -> Any:
        from strobe import _inside

        return [] if _inside.meter_is_off() else _inside.events()


def source_of(given: Any) -> Any:
    """given: None, and the module itself, are this process."""
    return ThisProcess() if given is None or given is sys.modules.get("strobe") else given


def begin(source: Any, log: logging.Logger, beforehand: bool = False) -> None:
    """Has a source read from now on.  beforehand: only processes forked later will.  A program does not fail because it cannot be read:
    that is logged."""
    call = getattr(source, "prepare" if beforehand else "begin", None)
    try:
        if call is not None:
            call()
    except Exception as error:
        log.warning("this process is not metered: %s: %s", type(error).__name__, error)


def after_fork() -> None:
    """In the child: strobe itself is ready here, whoever's hook comes first."""
    inside = sys.modules.get("strobe._inside")
    if inside is not None:
        inside._after_fork_in_child()
