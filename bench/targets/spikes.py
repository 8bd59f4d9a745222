# SPDX-License-Identifier: Apache-2.0
"""Executors that fill and semaphores that empty in spikes of less than three seconds, and a loop that is blocked; the program integrates by
its own clock, at every change, what is true of each.  usage: spikes.py

Commands (a line of JSON each):
  run SECONDS   spikes for so long; answers when all is quiet again: {counter: {rhythm: seconds}} of this run
  text          what strobe shows from inside, in Prometheus' format
Rhythms: "random" (each spike and each pause 0.3 to 2.5 s) and "periodic" (0.5 s full, 0.5 s quiet).
"""
import asyncio
import concurrent.futures
import json
import random
import selectors
import sys
import threading
import time

WORKERS, PERMITS, EXTRA = 3, 4, 2  # and how many more want one in a spike
RHYTHMS = ("random", "periodic")


class Area:
    """The integral of a number over time, exact at every change.  Of any thread."""

    def __init__(self):
        self.lock, self.value, self.area, self.since = threading.Lock(), 0, 0.0, time.perf_counter()

    def add(self, change):
        with self.lock:
            self._go_on()
            self.value += change

    def _go_on(self):
        now = time.perf_counter()
        self.area += self.value * (now - self.since)
        self.since = now

    def read(self):
        with self.lock:
            self._go_on()
            return self.area


class Pool:
    """An executor, and what is true of it."""

    def __init__(self, name):
        self.executor = concurrent.futures.ThreadPoolExecutor(WORKERS, name)
        self.lock, self.running, self.queued = threading.Lock(), 0, 0
        self.busy, self.saturated = Area(), Area()

    def change(self, running, queued):
        with self.lock:
            was = self.running >= WORKERS and self.queued > 0
            self.running, self.queued = self.running + running, self.queued + queued
            self.busy.add(running)
            self.saturated.add((self.running >= WORKERS and self.queued > 0) - was)

    def call(self, end):
        self.change(1, -1)
        end.wait()
        self.change(-1, 0)

    def spike(self, seconds):
        """All workers busy and some calls queued; at its end the queued ones begin and end at once."""
        end, calls = threading.Event(), []
        for _ in range(WORKERS + EXTRA):
            self.change(0, 1)
            calls.append(self.executor.submit(self.call, end))
        time.sleep(seconds)
        end.set()
        concurrent.futures.wait(calls)


class Gate:
    """A semaphore, and what is true of it.  Of the loop's thread.  Its number of permits changes in acquire() and release() alone."""

    def __init__(self):
        self.semaphore, self.empty = asyncio.BoundedSemaphore(PERMITS), False
        self.exhausted, self.waiting = Area(), Area()

    def look(self):
        empty = self.semaphore._value == 0
        self.exhausted.add(empty - self.empty)
        self.empty = empty

    async def user(self, seconds):
        waits = self.semaphore.locked()
        self.waiting.add(waits)
        await self.semaphore.acquire()
        self.waiting.add(-waits)
        self.look()
        await asyncio.sleep(seconds)
        self.semaphore.release()
        self.look()

    async def spike(self, seconds):
        """All permits taken and some more wanted for half of the time; then some have one, and some are free, for the other half."""
        await asyncio.gather(*[self.user(seconds / 2) for _ in range(PERMITS + EXTRA)])


class Selector(selectors.DefaultSelector):
    """Clocks how long its loop waits for events: the rest of the time it is busy."""

    def __init__(self):
        super().__init__()
        self.waited, self.since = 0.0, None

    def select(self, timeout=None):
        self.since = time.perf_counter()
        try:
            return super().select(timeout)
        finally:
            self.waited, self.since = self.waited + time.perf_counter() - self.since, None

    def busy(self):
        """Seconds, but for a constant.  Asked from another thread, when the loop is quiet."""
        since, now = self.since, time.perf_counter()
        return now - self.waited - (now - since if since is not None else 0.0)


def lengths(rhythm, end):
    """(spike, pause) for as long as the run is to last."""
    while time.perf_counter() < end:
        yield (random.uniform(0.3, 2.5), random.uniform(0.3, 2.5)) if rhythm == "random" else (0.5, 0.5)


def fill(pool, rhythm, end):
    for spike, pause in lengths(rhythm, end):
        pool.spike(spike)
        time.sleep(pause)


async def empty(gate, rhythm, end):
    for spike, pause in lengths(rhythm, end):
        await gate.spike(spike)
        await asyncio.sleep(pause)


async def block(end):
    """Steps of the loop of 0.3 to 1.5 s: some compute, some call what blocks."""
    while time.perf_counter() < end:
        seconds = random.uniform(0.3, 1.5)
        if random.random() < 0.5:
            time.sleep(seconds)
            seconds = 0
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            pass
        await asyncio.sleep(random.uniform(0.3, 1.5))


# each has a name of its own, by which strobe shows it
RANDOM, PERIODIC = Pool("random"), Pool("periodic")
RANDOM_EXECUTOR, PERIODIC_EXECUTOR = RANDOM.executor, PERIODIC.executor


def truth():
    found = {"executor_busy_worker_seconds_total": {}, "executor_saturated_seconds_total": {}, "semaphore_exhausted_seconds_total": {},
             "semaphore_wait_seconds_total": {}}
    for rhythm, pool, gate in (("random", RANDOM, RANDOM_GATE), ("periodic", PERIODIC, PERIODIC_GATE)):
        found["executor_busy_worker_seconds_total"][rhythm] = pool.busy.read()
        found["executor_saturated_seconds_total"][rhythm] = pool.saturated.read()
        found["semaphore_exhausted_seconds_total"][rhythm] = gate.exhausted.read()
        found["semaphore_wait_seconds_total"][rhythm] = gate.waiting.read()
    found["event_loop_busy_seconds_total"] = {"random": sum(selector.busy() for selector, _ in loops)}
    return found


def run(seconds):
    before, end = truth(), time.perf_counter() + float(seconds)
    threads = [threading.Thread(target=fill, args=(pool, rhythm, end)) for pool, rhythm in ((RANDOM, "random"), (PERIODIC, "periodic"))]
    for thread in threads:
        thread.start()

    async def spikes():
        await asyncio.gather(empty(RANDOM_GATE, "random", end), empty(PERIODIC_GATE, "periodic", end))
    jobs = [asyncio.run_coroutine_threadsafe(job, loop) for job, (_, loop) in zip((spikes(), block(end)), loops)]
    for job in jobs:
        job.result()
    for thread in threads:
        thread.join()
    time.sleep(0.01)  # the loops have come back to their waits
    after = truth()
    return {name: {rhythm: after[name][rhythm] - before[name][rhythm] for rhythm in after[name]} for name in after}


def text():
    try:
        from prometheus_client import CollectorRegistry, generate_latest
        import strobe
        from strobe.prometheus import Collector
        strobe.metrics
    except (ImportError, AttributeError) as why:
        return {"missing": "not in this build: %s" % why}
    if not registries:
        registries.append(CollectorRegistry())
        registries[0].register(Collector())
    return {"text": generate_latest(registries[0]).decode()}


registries = []


async def stay(ready):
    """What a loop does; the first one makes the semaphores, which in Python 3.9 belong to the loop that they are made in."""
    global RANDOM_GATE, PERIODIC_GATE, RANDOM_SEMAPHORE, PERIODIC_SEMAPHORE
    if RANDOM_GATE is None:
        RANDOM_GATE, PERIODIC_GATE = Gate(), Gate()
        RANDOM_SEMAPHORE, PERIODIC_SEMAPHORE = RANDOM_GATE.semaphore, PERIODIC_GATE.semaphore
    ready.set()
    await asyncio.Event().wait()


def begin_loop():
    selector, ready = Selector(), threading.Event()
    loop = asyncio.SelectorEventLoop(selector)
    threading.Thread(target=loop.run_until_complete, args=(stay(ready),), daemon=True).start()
    ready.wait()
    loops.append((selector, loop))


RANDOM_GATE = PERIODIC_GATE = None
loops = []  # of the semaphores, and the one that is blocked
if __name__ == "__main__":
    begin_loop()
    begin_loop()
    print("ready", flush=True)
    for line in sys.stdin:
        words = line.split()
        print(json.dumps(run(words[1]) if words[0] == "run" else text()), flush=True)
