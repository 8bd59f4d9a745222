# SPDX-License-Identifier: Apache-2.0
"""bench/targets/spikes.py, which also says at how many edges its numbers changed, and how late its threads came.
usage: spiked.py, beside spikes.py.

"run SECONDS" answers {truth: as spikes.py, edges: {counter: {rhythm: [sum of squared heights, sum of heights]}}, late: seconds}."""
import threading
import time

import harness
import spikes

ONE_EDGE = 0.02  # seconds: what changes within it is one edge


class Noted(spikes.Area):
    """Remembers when it changed, and by how much."""

    def __init__(self):
        super().__init__()
        self.noted = []

    def add(self, change):
        if change:
            self.noted.append((time.perf_counter(), change))
        super().add(change)

    def edges(self):
        heights, last = [], -1
        for at, change in self.noted:
            if at - last > ONE_EDGE:
                heights.append(0)
            heights[-1] += change
            last = at
        return [sum(height * height for height in heights), sum(map(abs, heights))]


def note(area):
    area.__class__, area.noted = Noted, []


def run(seconds):
    late, ending = [], threading.Event()

    def tick():
        while not ending.is_set():
            begun = time.perf_counter()
            time.sleep(0.01)
            late.append(time.perf_counter() - begun - 0.01)
    ticker = threading.Thread(target=tick)
    ticker.start()
    for area in areas().values():
        area.noted.clear()
    truth = spikes.run(seconds)
    ending.set()
    ticker.join()
    edges = {}
    for (name, rhythm), area in areas().items():
        edges.setdefault(name, {})[rhythm] = area.edges()
    return {"truth": truth, "edges": edges, "late": sum(late) / len(late)}


def areas():
    found = {}
    for rhythm, pool, gate in (("random", spikes.RANDOM, spikes.RANDOM_GATE), ("periodic", spikes.PERIODIC, spikes.PERIODIC_GATE)):
        found["executor_busy_worker_seconds_total", rhythm] = pool.busy
        found["executor_saturated_seconds_total", rhythm] = pool.saturated
        found["semaphore_exhausted_seconds_total", rhythm] = gate.exhausted
        found["semaphore_wait_seconds_total", rhythm] = gate.waiting
    return found


for each in spikes.RANDOM, spikes.PERIODIC:
    note(each.busy), note(each.saturated)
spikes.Area = Noted
spikes.begin_loop()
spikes.begin_loop()
harness.serve(run=run)
harness.ready()
threading.Event().wait()
