# SPDX-License-Identifier: Apache-2.0
"""Programs that know what they did: what their own clocks say beside what their own profile says."""
import asyncio
import os
import subprocess
import sys
import threading
import time

import strobe
from common import burn, main, start_thread, tell, until

RATE = 500


def seconds(collapsed, rate, word):
    return sum(n for stack, n in collapsed.items() if any(frame.split(" (")[0].endswith(word) for frame in stack.split(";"))) / rate


# Each has the length of its part; a lambda or a loop over one function would make one frame of them.
def alpha():
    burn(0.005)


def beta():
    burn(0.003)


def gamma():
    burn(0.002)


def _shares(spent, total):
    end = time.monotonic() + total
    while time.monotonic() < end:
        for function in (alpha, beta, gamma):
            begun = time.monotonic()
            function()
            spent[function.__name__] = spent.get(function.__name__, 0) + time.monotonic() - begun


def shares():
    spent = {}
    with strobe.sample(rate=RATE) as p:
        _shares(spent, 2.5)
    found = p.collapsed()
    tell({"spent": spent, "found": {name: seconds(found, RATE, name) for name in spent}, "stats": p.stats(), "seconds": p.seconds()})


def sleepers():
    """A thread that sleeps, one that waits for a lock, one that computes."""
    lock, over = threading.Lock(), threading.Event()

    def sleeper():
        while not over.is_set():
            time.sleep(0.05)

    def waiter():
        lock.acquire()

    def worker():
        burn(1.2)

    lock.acquire()
    others = [start_thread(sleeper, name="sleeper"), start_thread(waiter, name="waiter")]
    with strobe.sample(rate=RATE, idle=True) as p, strobe.sample(rate=RATE) as active:
        computing = start_thread(worker, name="worker")
        computing.join()
    stats = p.stats()
    over.set()
    lock.release()
    for thread in others:
        thread.join()

    def of_thread(profile, tid):  # by its id: it has no name yet when it begins
        return sum(n for stack, n in profile.collapsed().items() if stack.startswith("thread (%d)" % tid)) / RATE

    ids = {thread.name: thread.native_id for thread in others + [computing]}
    tell({"elapsed": stats["elapsed"], "all": {name: of_thread(p, tid) for name, tid in ids.items()},
          "active": {name: of_thread(active, tid) for name, tid in ids.items()}})


def tasks():
    """Wall time of tasks across await: two coroutines that sleep, one of them below another."""

    async def inner(length):
        await asyncio.sleep(length)

    async def short():
        await inner(0.4)

    async def long():
        await inner(1.2)

    async def run():
        begun = time.monotonic()
        jobs = [asyncio.ensure_future(short()), asyncio.ensure_future(long())]
        lived = {}
        for job, name in zip(jobs, ("short", "long")):
            await job
            lived[name] = time.monotonic() - begun
        return lived

    with strobe.sample(rate=100, task_rate=50) as p:
        lived = asyncio.new_event_loop().run_until_complete(run())
    found = p.collapsed(of="tasks")
    tell({"lived": lived, "found": {name: seconds(found, 100, name) for name in lived}, "inner": seconds(found, 100, "inner"),
          "total": p.seconds(of="tasks"), "stats": p.stats()["tasks"]})


def beside():
    """The same work, while a process beside this one records it as well: the test starts that one when we say so."""
    spent = {}
    tell({"pid": os.getpid()})
    sys.stdin.readline()
    with strobe.sample(rate=RATE) as p:
        tell({"recording": True})
        _shares(spent, 3)
    found = p.collapsed()
    tell({"spent": spent, "found": {name: seconds(found, RATE, name) for name in spent}})
    sys.stdin.readline()


def deep():
    """A stack of a thousand frames, each counted."""

    def down(n):
        if n:
            down(n - 1)
        else:
            burn(0.5)

    sys.setrecursionlimit(5000)
    with strobe.sample(rate=RATE) as p:
        down(900)
    found = p.collapsed()
    tell({"deepest": max(sum("down" in frame for frame in stack.split(";")) for stack in found),
          "whole": sum(n for stack, n in found.items() if sum("down" in f for f in stack.split(";")) == 901), "all": sum(found.values())})


def pictures():
    """What is seen of this moment, and what is true."""
    over = threading.Event()
    thread = start_thread(over.wait, name="someone who waits")
    until(lambda: any(f.f_code.co_name == "wait" for f in [sys._current_frames().get(thread.ident)] if f), "the thread")

    async def waits():
        await asyncio.sleep(60)

    async def run():
        job = asyncio.ensure_future(waits())
        gate = asyncio.Semaphore(1)
        await gate.acquire()
        more = asyncio.ensure_future(gate.acquire())
        await asyncio.sleep(0)
        seen = strobe.tasks(), strobe.dump(), strobe.pools()
        job.cancel()
        more.cancel()
        return seen

    tasks, dump, pools = asyncio.new_event_loop().run_until_complete(run())
    over.set()
    tell({"tasks": [task["name"] for task in tasks["tasks"]],
          "threads": [[t["thread_name"], [f["name"] for f in t["frames"]]] for t in dump["threads"]],
          "semaphores": [[r["name"], r["available"], r["waiters"]] for r in pools["resources"] if r["kind"] == "semaphore"],
          "pids": [tasks["pid"], pools["pid"], os.getpid()]})


if __name__ == "__main__":
    main({"shares": shares, "sleepers": sleepers, "tasks": tasks, "beside": beside, "deep": deep, "pictures": pictures})
