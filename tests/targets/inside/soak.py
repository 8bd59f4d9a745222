# SPDX-License-Identifier: Apache-2.0
"""A busy program that records itself as fast as it goes: threads, tasks, C code that allocates, forks, deep stacks, generators,
exceptions, the collector, greenlets where they are installed.  It ends after so many samples, or so many seconds, and tells what it
counted and how much memory it had.
"""
import asyncio
import gc
import json
import os
import random
import re
import sqlite3
import sys
import threading
import time
import zlib

import strobe
from common import burn, resident, start_thread, status, tell, until

over = threading.Event()
counts = {}
rounds = {}


def work(name):
    """Registers a worker: it is called again and again by a thread of its own."""
    def register(function):
        def loop():
            while not over.is_set():
                function()
                rounds[name] = rounds.get(name, 0) + 1
                time.sleep(0.001)  # nobody keeps the others from their turn
        counts[name] = loop
        return function
    return register


@work("allocates")
def allocates():
    text = json.dumps([{"n": i, "text": "x" * (i % 50)} for i in range(200)])
    assert zlib.decompress(zlib.compress(text.encode())) == text.encode()
    assert len(json.loads(text)) == 200
    re.findall(r'"n": (\d+)', text)
    sorted(range(2000), key=lambda n: -n)


@work("sqlite")
def uses_sqlite():
    with sqlite3.connect(":memory:") as db:
        db.execute("create table t (n integer, s text)")
        db.create_function("twice", 1, lambda n: n * 2)
        db.executemany("insert into t values (?, ?)", ((i, str(i)) for i in range(200)))
        assert db.execute("select sum(twice(n)) from t").fetchone() == (39800,)
    db.close()


def down(n):
    return n if not n else down(n - 1) + 1


@work("deep")
def deep():
    down(random.randrange(50, 800))


@work("generators")
def generators():
    def numbers(n):
        if n:
            yield n
            yield from numbers(n - 1)

    assert sum(numbers(60)) == 1830


@work("exceptions")
def exceptions():
    def fails(n):
        if n:
            fails(n - 1)
        raise ValueError(n)

    for _ in range(30):
        try:
            fails(20)
        except ValueError as error:
            assert error.__traceback__


@work("code")
def makes_code():
    """Code objects and classes that come and go: names are read at addresses that are used again."""
    space = {}
    name = "f%d" % random.randrange(1 << 30)
    exec("def %s(n):\n return [%s(n - 1) if n else 0 for _ in range(1)]\nclass C:\n m = %s" % (name, name, name), space)
    space[name](20)


@work("collects")
def collects():
    for _ in range(500):
        cycle = []
        cycle.append(cycle)
    gc.collect()


@work("threads")
def threads_come_and_go():
    threads = [threading.Thread(target=down, args=(30,)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@work("forks")
def forks():
    pid = os.fork()
    if pid == 0:
        os._exit(11)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 11
    time.sleep(0.1)


@work("tasks")
def tasks():
    async def leaf(n):
        await asyncio.sleep(0.0005 * n)

    async def parent(n):
        if n % 7 == 0:
            await asyncio.get_running_loop().run_in_executor(None, down, 20)
        await asyncio.gather(*(leaf(n) for _ in range(5)))

    async def run():
        jobs = [asyncio.ensure_future(parent(n)) for n in range(20)]
        jobs[0].cancel()
        await asyncio.gather(*jobs, return_exceptions=True)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(run())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


try:
    import greenlet

    @work("greenlets")
    def greenlets():
        def other():
            down(30)
            main.switch()
            down(10)

        main = greenlet.getcurrent()
        one = greenlet.greenlet(other)
        one.switch()
        one.switch()
except ImportError:
    pass


def soak(samples, seconds, rate, pools=True):
    """Snapshots all along; memory is compared between the first fifth and the end."""
    totals = {"samples": 0, "visits": 0, "looks": 0, "errors": 0, "task_samples": 0, "snapshots": 0, "pictures": 0}
    sys.setrecursionlimit(4000)
    threads = [start_thread(loop, name=name) for name, loop in counts.items()]
    strobe.start(rate=rate, task_rate=100)
    begun, warm = time.monotonic(), None
    while True:
        elapsed = time.monotonic() - begun
        done = max(totals["samples"] / samples if samples else 0, elapsed / seconds if seconds else 0)
        if done >= 0.2 and warm is None:
            gc.collect()
            warm = resident()
        if done >= 1 and warm is not None:
            break
        until(lambda: strobe.stats()["stats"]["elapsed"] >= 0.5, "half a second of recording")
        profile = strobe.snapshot()
        stats = profile.stats()
        for key in ("samples", "visits", "looks", "errors"):
            totals[key] += stats[key]
        totals["task_samples"] += stats["tasks"]["samples"]
        totals["snapshots"] += 1
        if totals["snapshots"] % 4 == 0:
            profile.export("pstats")
            profile.export("flamegraph")
            strobe.dump()
            strobe.tasks()
            if pools:
                strobe.pools()
            totals["pictures"] += 3
    over.set()
    for thread in threads:
        thread.join()
    strobe.stop()
    strobe.stop_meter()
    gc.collect()
    tell({"totals": totals, "rounds": rounds, "workers": sorted(counts), "warm": warm, "end": resident(), "seconds": time.monotonic() - begun,
          "threads": int(status("Threads")), "greenlets": "greenlets" in counts})


if __name__ == "__main__":
    soak(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), "without-pools" not in sys.argv)
