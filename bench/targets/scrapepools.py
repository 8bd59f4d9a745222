# SPDX-License-Identifier: Apache-2.0
"""A service with 50 executors, 500 semaphores and 10,000 tasks that works a little all the time.  usage: scrapepools.py

Ten of the executors have a call in each of their two workers and one that waits; of the semaphores, which are attributes of 100 classes,
50 have none free and 20 tasks that wait; all other tasks wait for an Event, each seven awaits deep.  A hundred times a second a task wakes,
takes a semaphore and has an executor do something.  Commands (a line of JSON each):
  render NAME COUNT SECONDS   milliseconds of generate_latest(), COUNT times, SECONDS apart: of "strobe"'s collector, or of one that
                              has the same samples ready ("constant")
  text                        what strobe's collector shows
  idle SECONDS                CPU seconds of all threads that are not the program's own, in so many seconds, and these
"""
import asyncio
import concurrent.futures
import json
import os
import sys
import threading
import time

POOLS, BUSY_POOLS, WORKERS = 50, 10, 2
CLASSES, EACH, EMPTY, WAITERS = 100, 5, 50, 20
TASKS, AWAITS = 10000, 7
never = threading.Event()
clients = []


class Missing(Exception):
    pass


def make_pools():
    for n in range(POOLS):
        pool = concurrent.futures.ThreadPoolExecutor(WORKERS, "pool-%d" % n)
        globals()["POOL_%d" % n] = pool  # a name of its own, as an application's have
        for _ in range(WORKERS + 1 if n < BUSY_POOLS else 0):
            pool.submit(never.wait)
    return [globals()["POOL_%d" % n] for n in range(POOLS)]


def make_semaphores():
    for n in range(CLASSES):
        kind = type("Client%d" % n, (), {})
        for _ in range(EACH):
            client = kind()
            client._gate = asyncio.BoundedSemaphore(4)
            clients.append(client)
    return [client._gate for client in clients]


async def hold(semaphore, event):
    async with semaphore:
        await event.wait()


async def level(n, event):
    if n:
        await level(n - 1, event)
    else:
        await event.wait()


async def work(semaphore, pool):
    loop = asyncio.get_running_loop()
    while True:
        async with semaphore:
            await loop.run_in_executor(pool, sum, range(1000))
        await asyncio.sleep(0.01)


# ---- strobe from inside ----

def registry(name):
    try:
        import prometheus_client
        if name == "strobe":
            from strobe.prometheus import Collector
            import strobe
            strobe.metrics
        else:
            Collector = None
    except (ImportError, AttributeError) as why:
        raise Missing("not in this build: %s" % why)
    if name not in registries:
        one = registries[name] = prometheus_client.CollectorRegistry()
        one.register(Collector() if Collector else Constant(list(registry("strobe").collect())))
    return registries[name]


registries = {}


class Constant:
    """The floor: what it costs to write down what is known."""

    def __init__(self, families):
        self.families = families

    def collect(self):
        return self.families


def generate(name):
    from prometheus_client import generate_latest
    return generate_latest(registry(name))


def render(name, count, seconds):
    times = []
    for _ in range(int(count)):
        time.sleep(float(seconds))
        begin = time.perf_counter()
        generate(name)
        times.append(1e3 * (time.perf_counter() - begin))
    return {"ms": times}


def text():
    return {"text": generate("strobe").decode()}


def cpu_of(tid):
    try:
        with open("/proc/self/task/%d/schedstat" % tid) as f:
            return int(f.read().split()[0]) / 1e9
    except OSError:
        return 0.0


def idle(seconds):
    """Threads that Python did not start are the extension's; beside them this program has none."""
    def cpu():
        own = {thread.native_id for thread in threading.enumerate()}
        return sum(cpu_of(int(tid)) for tid in os.listdir("/proc/self/task") if int(tid) not in own)
    before, begin = cpu(), time.perf_counter()
    time.sleep(float(seconds))
    return {"cpu": cpu() - before, "seconds": time.perf_counter() - begin}


def answer():
    print("ready", flush=True)
    for line in sys.stdin:
        words = line.split()
        try:
            found = {"render": render, "text": text, "idle": idle}[words[0]](*words[1:])
        except Missing as why:
            found = {"missing": str(why)}
        print(json.dumps(found), flush=True)


async def main():
    pools, semaphores, event = make_pools(), make_semaphores(), asyncio.Event()
    jobs = [hold(s, event) for s in semaphores[:EMPTY] for _ in range(4 + WAITERS)]
    jobs.append(work(semaphores[-1], pools[-1]))
    jobs += [level(AWAITS - 2, event) for _ in range(TASKS - len(jobs) - 1)]  # and this task
    tasks = [asyncio.ensure_future(job) for job in jobs]
    for _ in range(4):
        await asyncio.sleep(0)
    threading.Thread(target=answer, daemon=True).start()
    await asyncio.gather(*tasks)


asyncio.run(main())
