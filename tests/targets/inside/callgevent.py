# SPDX-License-Identifier: Apache-2.0
"""Programs of gevent that profile themselves: what the workers know of themselves, and what the profile says.
callgevent.py CASE plain|monkey"""
import sys

if sys.argv[2] == "monkey":  # before all else, as gevent asks for
    from gevent import monkey

    monkey.patch_all()

import collections
import functools
import threading
import time

import gevent
import gevent.event
import gevent.pool
import gevent.queue
import greenlet
from common import main, tell

import strobe

ROUNDS = 5
truth = {}  # worker -> what it has measured
begun, ended = collections.Counter(), collections.Counter()


def spin(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def counted(function):
    """The program counts what begins and what ends, however that is."""
    @functools.wraps(function)
    def wrapper(*args):
        begun[function.__name__] += 1
        try:
            return function(*args)
        finally:
            ended[function.__name__] += 1
    return wrapper


def told(profile, *names):
    """By function: its row, and who has called it how often."""
    found = {}
    for row in profile.stats():
        name = row["name"].rpartition(".")[2]
        if name in names:
            assert name not in found, name
            found[name] = {key: row[key] for key in ("calls", "finished", "unfinished", "total", "awaited", "inclusive", "self_cpu",
                                                     "total_cpu", "shortest", "longest")}
            found[name]["callers"] = {caller["name"].rpartition(".")[2]: caller["calls"] for caller in row["callers"]}
    return found


# ---- times ----


def work(name, cpu, pause):
    """Spins and sleeps in turn, by gevent's sleep or by the patched one."""
    sleep = time.sleep if sys.argv[2] == "monkey" else gevent.sleep
    spun = burnt = slept = 0.0
    begin = time.perf_counter()
    for _ in range(ROUNDS):
        before, cpu_before = time.perf_counter(), time.thread_time()
        spin(cpu)
        between, cpu_between = time.perf_counter(), time.thread_time()
        sleep(pause)
        slept += time.perf_counter() - between
        spun += between - before
        burnt += cpu_between - cpu_before
    truth[name] = {"took": time.perf_counter() - begin, "spun": spun, "burnt": burnt, "slept": slept}


def first():
    work("first", 0.020, 0.02)


def second():
    work("second", 0.025, 0.05)


def third():
    work("third", 0.030, 0.10)


def fourth():
    work("fourth", 0.015, 0.20)


def times():
    workers = (first, second, third, fourth)
    with strobe.Profile() as profile:
        begin = time.perf_counter()
        if sys.argv[2] == "monkey":
            threads = [threading.Thread(target=worker) for worker in workers]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        else:
            gevent.joinall([gevent.spawn(worker) for worker in workers], raise_error=True)
        took = time.perf_counter() - begin
    rows = profile.stats()
    sleeps = [row for row in rows if row["name"].rpartition(".")[2] == "sleep" and "gevent" in row["file"]]
    totals = profile.totals()
    tell({"truth": truth, "rows": told(profile, "first", "second", "third", "fourth", "work", "spin"), "took": took, "rounds": ROUNDS,
          "sleeps": [[caller["calls"], caller["awaited"]] for row in sleeps for caller in row["callers"] if caller["name"] == "work"],
          "sleeping": [row["self_cpu"] for row in sleeps], "wall": totals["wall"], "cpu": totals["cpu"],
          "sum": [sum(row[key] for row in rows) for key in ("self", "self_cpu")], "tracer": greenlet.gettrace() is None})


# ---- counts ----


def leaf():
    pass


@counted
def killed():
    leaf()
    gevent.sleep(1000)


@counted
def timed_out():
    with gevent.Timeout(0.01, False):
        gevent.sleep(1000)
    leaf()


@counted
def failing():
    gevent.sleep(0)
    leaf()
    raise KeyError("wanted")


@counted
def produce(queue, n):
    for i in range(n):
        queue.put(i)
        leaf()
    queue.put(None)


@counted
def consume(queue):
    while queue.get() is not None:
        leaf()


@counted
def pooled(n):
    leaf()
    gevent.sleep(0.001 * (n % 3))
    return n


@counted
def native():
    leaf()
    return threading.get_ident()


@counted
def nested(depth):
    """Each in a greenlet of its own that the one above waits for."""
    leaf()
    if depth:
        gevent.spawn(nested, depth - 1).get()


@counted
def parked():
    leaf()
    gevent.sleep(1000)


def counts():
    gevent.get_hub().print_exception = lambda *_: None  # of greenlets that fail, as some are meant to
    with strobe.Profile() as profile:
        victims = [gevent.spawn(killed) for _ in range(10)]
        never = [gevent.spawn(killed) for _ in range(3)]
        gevent.killall(never)  # they have not begun
        gevent.sleep(0)
        gevent.killall(victims)
        gevent.joinall([gevent.spawn(timed_out) for _ in range(5)])
        errors = [gevent.spawn(failing) for _ in range(4)]
        gevent.joinall(errors)
        queue = gevent.queue.Queue(3)
        gevent.joinall([gevent.spawn(produce, queue, 50), gevent.spawn(consume, queue)], raise_error=True)
        done = gevent.pool.Pool(7).map(pooled, range(60))
        pool = gevent.get_hub().threadpool
        for _ in range(6):
            pool.apply(native)
        gevent.spawn(nested, 12).get()
        left = [gevent.spawn(parked) for _ in range(2)]
        gevent.sleep(0.01)
    tell({"begun": begun, "ended": ended, "rows": told(profile, "leaf", *sorted(begun)), "done": done == list(range(60)),
          "tracer": greenlet.gettrace() is None, "leaf": sum(begun.values()) + 2 * 50 - 2,
          "failed": [type(one.exception).__name__ for one in errors], "left": len(left)})


def stopped():
    """One that waits while the profile is stopped, or cleared: its waiting until then, and from then on, and what it measures of it."""
    def waits():
        begin.append(time.perf_counter())
        event.get()
        end.append(time.perf_counter())

    def of_waits():
        row, = (row for row in profile.stats() if row["name"].rpartition(".")[2] == "waits")
        return {key: row[key] for key in ("awaited", "calls", "finished", "unfinished", "callers")}

    event, begin, end = gevent.event.AsyncResult(), [], []
    profile = strobe.Profile().start()
    worker = gevent.spawn(waits)
    gevent.sleep(0.05)
    profile.clear()
    cleared = time.perf_counter()
    gevent.sleep(0.1)
    seen, before = time.perf_counter() - cleared, of_waits()
    waited = time.perf_counter() - cleared
    profile.stop()
    after = of_waits()
    time.sleep(0.05)
    stays = of_waits()
    profile.start()
    leaf()
    gevent.sleep(0.01)
    event.set(1)
    worker.join()
    profile.stop()
    tell({"truth": [seen, waited], "seen": [before["awaited"], after["awaited"]], "after": after, "stays": stays, "leaf": told(profile, "leaf")["leaf"],
          "ended": len(end)})


def current():
    """Of this thread alone, whose ident gevent replaces by a greenlet's."""
    with strobe.Profile(threads="current") as profile:
        leaf()
    tell({"leaf": told(profile, "leaf")["leaf"]["calls"], "threads": profile.threads(), "native_id": threading.get_native_id(),
          "of_main": sum(row["calls"] for row in profile.stats(thread="MainThread") if row["name"] == "leaf")})


main({"times": lambda _: times(), "counts": lambda _: counts(), "stopped": lambda _: stopped(), "current": lambda _: current()})
