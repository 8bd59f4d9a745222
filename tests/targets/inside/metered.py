# SPDX-License-Identifier: Apache-2.0
"""A program that meters itself, and knows by itself how full its executors and semaphores are.  metered.py CASE"""
import asyncio
import concurrent.futures
import inspect
import json
import os
import resource
import signal
import sys
import threading
import time

from common import fds, resident, start_thread, tell
from common import until as wait_until

import strobe

PATIENCE = 30


def values():
    """{name: {labels as JSON: value}} of the metrics of now."""
    return {family["name"]: {json.dumps(sample["labels"], sort_keys=True): sample["value"] for sample in family["samples"]}
            for family in strobe.metrics()}


def value(name, **labels):
    return values().get(name, {}).get(json.dumps(labels, sort_keys=True))


def until(wanted, name, **labels):
    """Waits for a reading that shows it; what was shown last."""
    end = time.monotonic() + PATIENCE
    while value(name, **labels) != wanted and time.monotonic() < end:
        time.sleep(0.02)
    return value(name, **labels)


class Shop:
    def __init__(self):
        self.plain = threading.Semaphore(4)
        self.bounded = threading.BoundedSemaphore(2)


def gauges():
    """Each pair: what is shown, what is so."""
    strobe.meter()
    shop, pool, gate = Shop(), concurrent.futures.ThreadPoolExecutor(3), threading.Event()
    globals().update(SHOP=shop, POOL=pool)
    executor = dict(pool_type="thread", executor="__main__.POOL")
    calls = [pool.submit(gate.wait) for _ in range(5)]
    shop.plain.acquire()
    shop.bounded.acquire()
    shop.bounded.acquire()
    waiter = threading.Thread(target=shop.bounded.acquire)
    waiter.start()
    pairs = {
        "active": (until(3, "executor_active_workers", **executor), 3),
        "pending": (until(2, "executor_pending_tasks", **executor), 2),
        "max": (until(3, "executor_max_workers", **executor), 3),
        "plain": (until(3, "semaphore_available", dependency="Shop.plain"), 3),
        "capacity": (until(4, "semaphore_capacity", dependency="Shop.plain", source="construction"), 4),
        "bounded": (until(0, "semaphore_available", dependency="Shop.bounded"), 0),
        "waiters": (until(1, "semaphore_waiters", dependency="Shop.bounded"), 1),
    }
    shop.bounded.release()
    waiter.join()
    gate.set()
    concurrent.futures.wait(calls)
    pairs["idle"] = (until(0, "executor_active_workers", **executor), 0)
    tell({"pairs": pairs})


def fresh():
    """Waits for a reading that begins from now on; when that was over."""
    looks = value("strobe_looks_total")
    while value("strobe_looks_total") < looks + 2:  # one may be on its way
        time.sleep(0.01)
    return time.monotonic()


def counters():
    """A pool and a semaphore that are in use for a while: what the counters say, and between which bounds that lies by the program's own clock.

    Readings that it knows to lie within that time bound it from below, such as lie outside of it from above: what is between them is how far
    readings are apart, which is the machine's affair.
    """
    pool, gate, semaphore = concurrent.futures.ThreadPoolExecutor(2), threading.Event(), threading.BoundedSemaphore(1)
    globals().update(POOL=pool, SEMAPHORE=semaphore)
    strobe.meter()
    executor, label = dict(pool_type="thread", executor="__main__.POOL"), dict(dependency="__main__.SEMAPHORE")
    before = time.monotonic()
    fresh()
    semaphore.acquire()
    calls = [pool.submit(gate.wait) for _ in range(2)]
    until(0, "semaphore_available", **label)
    until(2, "executor_active_workers", **executor)
    first = time.monotonic()
    time.sleep(2)  # what is measured
    last = time.monotonic()
    fresh()
    gate.set()
    concurrent.futures.wait(calls)
    semaphore.release()
    until(0, "executor_active_workers", **executor)
    until(1, "semaphore_available", **label)
    after = fresh()
    tell({"least": last - first - value("strobe_gap_seconds_total"), "most": after - before,
          "busy": value("executor_busy_worker_seconds_total", **executor), "exhausted": value("semaphore_exhausted_seconds_total", **label)})


def meter_cpu():
    """CPU time of the meter's thread by the kernel; seconds."""
    for tid in os.listdir("/proc/self/task"):
        with open("/proc/self/task/%s/comm" % tid) as f:
            if f.read().strip() == "strobe-meter":
                with open("/proc/self/task/%s/schedstat" % tid) as f:
                    return int(f.read().split()[0]) / 1e9


def cost():
    """What it says that it costs, and what the kernel said before and after."""
    globals().update(("S%d" % n, threading.BoundedSemaphore(1)) for n in range(150))
    strobe.meter(max_cpu=0.5)
    until(1, "semaphore_available", dependency="__main__.S149")
    begun = value("strobe_looks_total")
    while value("strobe_looks_total") < begun + 50:  # so that what is left out of each is more than the last few
        time.sleep(0.1)
    before = meter_cpu()
    fresh()
    told = value("strobe_cpu_seconds_total")
    tell({"told": [before, told, meter_cpu() + time.thread_time()]})


class Hidden:
    """Its semaphore is found by a scan alone."""

    def __init__(self):
        self.gate = threading.BoundedSemaphore(7)


def bomb(count="300"):
    """Who begins the meter, who asks it and who forks beside it pays for no scan: CPU time of each, and of a scan.  Many short children."""
    def children(number):
        """CPU time of each."""
        before, bad = resource.getrusage(resource.RUSAGE_CHILDREN), 0
        for i in range(number):
            pid = os.fork()
            if pid == 0:
                os._exit(i % 50)
            bad += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != i % 50
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / number, bad

    hidden, ballast = [Hidden() for _ in range(3)], [os.urandom(1 << 10) * (1 << 10) for _ in range(200)]
    plain, _ = children(50)
    begun = time.thread_time()
    strobe.meter()
    strobe.metrics()
    asked = time.thread_time() - begun
    shown = until(7 * len(hidden), "semaphore_available", dependency="Hidden.gate")
    scan = meter_cpu()
    first = resident()
    forked, bad = children(int(count))
    fresh()
    tell({"shown": shown, "plain": plain, "asked": asked, "scan": scan, "forked": forked, "bad": bad, "grown": resident() - first,
          "ballast": len(ballast)})


def tasks():
    async def main():
        gate = asyncio.Event()
        waiting = [asyncio.ensure_future(gate.wait()) for _ in range(20)]
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        shown = await loop.run_in_executor(None, until, len(asyncio.all_tasks()), "active_async_tasks")
        pair = (shown, len(asyncio.all_tasks()))
        gate.set()
        await asyncio.gather(*waiting)
        return pair

    tell({"pair": asyncio.run(main())})


def watched():
    hidden = threading.Semaphore(5)
    unnamed = [strobe.watch(hidden, name="prices", capacity=7)]
    hidden.acquire()
    strobe.meter()
    shown = until(4, "semaphore_available", dependency="prices")
    capacity = value("semaphore_capacity", dependency="prices", source="construction")
    del hidden
    unnamed.clear()
    gone = until(None, "semaphore_available", dependency="prices")
    tell({"available": shown, "capacity": capacity, "gone": gone})


class Workers(concurrent.futures.ThreadPoolExecutor):
    def __init__(self, n, *, prefix=""):
        super().__init__(n, prefix)


def made():
    """Executors that are made when the first scan is over and of which nobody uses any: the next scan takes a minute."""
    classes = concurrent.futures.ThreadPoolExecutor, concurrent.futures.ProcessPoolExecutor, threading.Semaphore, asyncio.Semaphore
    own = [(cls.__init__, inspect.signature(cls)) for cls in classes]
    ballast = [os.urandom(1 << 10) * (1 << 10) for _ in range(300)]
    strobe.meter()
    globals().update(FIRST=Hidden())
    until(7, "semaphore_available", dependency="Hidden.gate")
    signatures = [inspect.signature(cls) for cls in classes]
    globals().update(THREADS=classes[0](3), PROCESSES=classes[1](max_workers=2), WORKERS=Workers(4, prefix="w"))
    shown = [until(n, "executor_max_workers", pool_type=kind, executor="__main__." + name)
             for n, kind, name in ((3, "thread", "THREADS"), (2, "process", "PROCESSES"), (4, "thread", "WORKERS"))]
    others = [labels for labels in values()["semaphore_available"] if "Hidden.gate" not in labels]
    strobe.stop_meter()
    tell({"shown": shown, "others": others, "signatures": signatures == [signature for _, signature in own], "ballast": len(ballast),
          "put back": [cls.__init__ for cls in classes] == [init for init, _ in own]})


def merged():
    """What is told of a semaphore later is added to what was known; what was told before stays."""
    strobe.meter()
    made = [threading.Semaphore(10), threading.Semaphore(5)]
    strobe.watch(made[0], name="one")
    strobe.watch(made[1], name="two")
    strobe.watch(made[1], capacity=7)
    shown = [until(n, "semaphore_available", dependency=name) for n, name in ((10, "one"), (5, "two"))]
    tell({"available": shown, "capacity": [until(10, "semaphore_capacity", dependency="one", source="construction"),
                                           until(7, "semaphore_capacity", dependency="two", source="construction")]})


def events():
    semaphore = threading.Semaphore(1)
    globals().update(SEMAPHORE=semaphore)
    strobe.meter(wait_threshold=0.3)
    semaphore.acquire()
    waiter = threading.Thread(target=semaphore.acquire)
    waiter.start()
    found, end = [], time.monotonic() + PATIENCE
    while not found and time.monotonic() < end:
        found = strobe.events()
        time.sleep(0.02)
    semaphore.release()
    waiter.join()
    tell({"events": found, "again": strobe.events()})


def forked():
    """A child meters itself from nought; one that was told not to does not."""
    semaphore = threading.BoundedSemaphore(1)
    globals().update(SEMAPHORE=semaphore)
    strobe.meter()
    semaphore.acquire()
    label = dict(dependency="__main__.SEMAPHORE")
    end = time.monotonic() + PATIENCE
    while not value("semaphore_exhausted_seconds_total", **label) and time.monotonic() < end:
        time.sleep(0.02)
    told, tells = os.pipe()
    child = os.fork()
    if not child:
        shown = until(0, "semaphore_available", **label)  # when its own scan has found it
        os.write(tells, json.dumps([value("semaphore_exhausted_seconds_total", **label), shown]).encode())
        os._exit(0)
    os.waitpid(child, 0)
    mine = value("semaphore_exhausted_seconds_total", **label)
    tell({"child": json.loads(os.read(told, 4096)), "parent": mine})


def readings(more, name, key="executor"):
    """So many readings, each another one, and in each the values of a metric by one of its labels."""
    found, seen = [], None
    while len(found) < more:
        now = values()
        looks = now["strobe_looks_total"]
        if looks != seen:
            found.append({json.loads(labels)[key]: value for labels, value in now.get(name, {}).items()})
        seen = looks
        time.sleep(0.01)
    return found


def grown():
    """A semaphore with more permits than it was made with: there they are, in use or not."""
    semaphore = threading.Semaphore(5)
    globals().update(SEMAPHORE=strobe.watch(semaphore, capacity=5))
    strobe.meter()
    label = dict(dependency="__main__.SEMAPHORE")
    seen = [until(5, "semaphore_available", **label), value("semaphore_capacity", source="construction", **label)]
    for _ in range(3):
        semaphore.release()
    seen += [until(8, "semaphore_available", **label), value("semaphore_capacity", source="construction", **label)]
    for _ in range(5):
        semaphore.acquire()
    until(3, "semaphore_available", **label)
    tell({"seen": seen, "then": sorted({one for found in readings(20, "semaphore_capacity", "dependency") for one in found.values()})})


def collected():
    """Nobody has the executors any more, but their threads still work."""
    gate, threads = threading.Event(), set()

    def call():
        threads.add(threading.get_ident())
        gate.wait()

    strobe.meter()
    for prefix, calls in ("alpha", 3), ("beta", 2):
        pool = concurrent.futures.ThreadPoolExecutor(calls, thread_name_prefix=prefix)
        for _ in range(calls):
            pool.submit(call)
    del pool
    wait_until(lambda: len(threads) == 5 and sum(values().get("executor_active_workers", {}).values()) == 5, "calls")
    time.sleep(1.5)  # a look, too, finds them without their executors
    before = values()["executor_busy_worker_seconds_total"]
    begun = time.monotonic()
    found = readings(15, "executor_active_workers")
    after, spent = values()["executor_busy_worker_seconds_total"], time.monotonic() - begun
    gate.set()
    tell({"found": [sorted(one.values()) for one in found], "spent": spent,
          "busy": sum(after.values()) - sum(before.values())})


def torn():
    """Threads that are never to be read, beside executors; and workers that are not."""
    ending, gate = threading.Event(), threading.Event()

    def down(n):
        return n and down(n - 1)

    def move():
        while not ending.is_set():
            down(40)

    strobe.meter()
    waiting, moving = concurrent.futures.ThreadPoolExecutor(2), concurrent.futures.ThreadPoolExecutor(2)
    globals().update(WAITING=waiting, MOVING=moving)
    for _ in range(2):
        waiting.submit(gate.wait)
        moving.submit(move)
    others = [start_thread(move) for _ in range(2)]
    until(2, "executor_active_workers", pool_type="thread", executor="__main__.WAITING")
    until(2, "executor_active_workers", pool_type="thread", executor="__main__.MOVING")
    found = readings(30, "executor_active_workers")
    ending.set()
    gate.set()
    for one in others:
        one.join()
    tell({name: [one.get("__main__." + name) for one in found] for name in ("WAITING", "MOVING")})


def descriptors():
    """A thread per connection under a low limit: descriptors are the program's.  Generations of threads are all seen by readings."""
    limit, crowd, most = 256, 60, 0
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    strobe.meter()
    for _ in range(5):
        gate = threading.Event()
        threads = [start_thread(gate.wait) for _ in range(crowd)]
        looks = value("strobe_looks_total")
        wait_until(lambda: value("strobe_looks_total") >= looks + 3, "readings")
        most = max(most, sum("/task/" in where for where in fds().values()))
        gate.set()
        for thread in threads:
            thread.join()
    pool = concurrent.futures.ThreadPoolExecutor(2)
    globals().update(POOL=pool)
    own = [os.open("/dev/null", os.O_RDONLY) for _ in range(limit - len(fds()) - limit // 12)]  # nearly all that there are
    gate = threading.Event()
    pool.submit(gate.wait)
    active = until(1, "executor_active_workers", pool_type="thread", executor="__main__.POOL")
    gate.set()
    tell({"kept": most, "allowed": limit // 16, "active": active, "own": len(own)})


def dump_signal():
    """Two dumps of different moments, one of them while a thread keeps the GIL to itself in C code."""
    path = os.path.abspath("dumps.txt")
    strobe.install_signal(signal.SIGUSR2, path)

    def dumps():
        try:
            with open(path) as f:
                return f.read().split("strobe: ")[1:]
        except FileNotFoundError:
            return []

    def wait_for(n):
        end = time.monotonic() + PATIENCE
        while (len(dumps()) < n or not dumps()[n - 1].endswith("\n\n")) and time.monotonic() < end:
            time.sleep(0.02)
        return dumps()[n - 1]

    async def main():
        lock = asyncio.Lock()
        async with lock:
            waiting = [asyncio.ensure_future(lock.acquire()) for _ in range(3)]
            await asyncio.sleep(0)
            os.kill(os.getpid(), signal.SIGUSR2)
            text = wait_for(1)
        for one in waiting:
            one.cancel()
        return text

    first = asyncio.run(main())
    pid = os.fork()
    if not pid:
        os.kill(os.getpid(), signal.SIGUSR2)
        os._exit(0 if str(os.getpid()) in wait_for(2) else 1)
    child = os.waitpid(pid, 0)[1]
    with strobe.sample(rate=100) as sample:  # beside a thread that blocks all signals, and metering, another one
        strobe.meter()
        number = sample._recording.state()["signal"]
    before = strobe.uninstall_signal(signal.SIGUSR2), strobe.uninstall_signal(signal.SIGUSR2)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    os.kill(os.getpid(), signal.SIGUSR2)
    refused = []
    for signum in (signal.SIGKILL, signal.SIGSEGV):
        try:
            strobe.install_signal(signum)
        except ValueError as error:
            refused.append(str(error))
    tell({"first": first, "child": child, "removed": before, "refused": refused, "dumps": len(dumps()), "visits": number})


if __name__ == "__main__":
    {case.__name__: case for case in (gauges, counters, cost, bomb, tasks, watched, made, merged, events, forked, grown, collected, torn,
                                      descriptors, dump_signal)}[sys.argv[1]]()
