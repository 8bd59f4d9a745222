# SPDX-License-Identifier: Apache-2.0
"""Counters of strobe serve against a program that integrates by its own clock, over spikes that are shorter than scrapes lie apart."""
import math
import os
import time

import pytest

from integration.test_serve import Server
from lib.target import BENCH_TARGETS, Target, wait_for

pytestmark = pytest.mark.alone

SECONDS = 20
LABELS = {"executor": "executor", "semaphore": "dependency"}


def shown(samples, name, rhythm):
    """The counter of the executor or semaphore whose name has the rhythm in it; None: not there yet."""
    label = LABELS[name.split("_")[0]]
    values = [value for key, value in samples.items() if key[0] == name and rhythm in dict(key[1:])[label].lower()]
    assert len(values) <= 1, values
    return values[0] if values else None


@pytest.mark.versions("3.8", "3.11", "3.12", "3.14", "3.14t")
def test_spikes_are_counted(py):
    """meter.h: each edge of height h adds an error of standard deviation 0.35 * T * h, in either direction; four of those are allowed, and
    for each edge what a thread of the target was late on average: by that the program does not know its own edges better."""
    with Target(py, "spiked.py", files=[os.path.join(BENCH_TARGETS, "spikes.py")]) as target, Server(target.pid) as server:
        names = wait_for(lambda: (lambda have: have if all(shown(have, "semaphore_exhausted_seconds_total", rhythm) is not None and
                                                           shown(have, "executor_busy_worker_seconds_total", rhythm) is not None
                                                           for rhythm in ("random", "periodic")) else None)(server.samples()), "the names")
        before, begun = names, time.monotonic()
        said = target.ask("run", SECONDS)
        after, spent = server.samples(), time.monotonic() - begun
        readings = after[("strobe_looks_total",)] - before[("strobe_looks_total",)]
        gaps = after[("strobe_gap_seconds_total",)] - before[("strobe_gap_seconds_total",)]
        period, errors = max(after[("strobe_glance_interval_seconds",)], spent / readings), {}
        for name, by_rhythm in said["edges"].items():
            for rhythm, (squares, heights) in by_rhythm.items():
                truth = said["truth"][name][rhythm]
                error = shown(after, name, rhythm) - (shown(before, name, rhythm) or 0) - truth
                bound = 4 * 0.35 * period * math.sqrt(squares) + heights * (said["late"] + gaps)
                errors[name, rhythm] = (error, bound, truth)
        print("%s: %.1f readings a second, late %.2f ms" % (py.label, readings / spent, 1e3 * said["late"]))
        for (name, rhythm), (error, bound, truth) in errors.items():
            print("  %-36s %-8s %7.3f s, error %+.3f s (%+.2f %%), bound %.3f s" % (name, rhythm, truth, error, 100 * error / truth, bound))
        assert all(truth > 1 for _, _, truth in errors.values()), errors
        assert {key: found for key, found in errors.items() if abs(found[0]) > found[1]} == {}
