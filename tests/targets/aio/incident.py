# SPDX-License-Identifier: Apache-2.0
"""200 requests, a semaphore of 10, a pool of 4 threads: a slow service whose CPU is idle."""
import asyncio
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import aioharness
from aioharness import Latch, expect, kept, shape, workers

REQUESTS, PERMITS, THREADS = 200, 10, 4
gate = threading.Event()


class PriceClient:
    def __init__(self):
        self._price_semaphore = asyncio.Semaphore(PERMITS)
        self._pool = ThreadPoolExecutor(THREADS, "pricing")

    def _blocking_lookup(self, task, latch):
        workers[task] = threading.get_native_id()
        latch.count_down()
        gate.wait()

    async def fetch_price(self, task, latch):
        async with self._price_semaphore:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._blocking_lookup, task, latch)


async def handle_request(client, task, latch):
    await client.fetch_price(task, latch)


async def supervisor(client, latch):
    names = ["request-%d" % n for n in range(REQUESTS)]
    if hasattr(asyncio, "TaskGroup"):
        async with asyncio.TaskGroup() as group:
            for name in names:
                kept.append(group.create_task(handle_request(client, name, latch), name=name))
    else:
        await asyncio.gather(*[aioharness.start(handle_request(client, name, latch), name) for name in names])


async def consumer(queue):
    while True:
        await queue.get()


@shape
async def incident():
    client, latch, queue = PriceClient(), Latch(THREADS), asyncio.Queue()
    how = "TaskGroup" if sys.version_info >= (3, 11) else "gather"
    aioharness.start(supervisor(client, latch), "supervisor", "supervisor", wait={"kind": "tasks", "how": how})
    aioharness.start(consumer(queue), "consumer", "consumer", obj=queue, wait={
        "kind": "queue-get", "type": "Queue", "module": "asyncio.queues", "size": 0, "maxsize": 0, "waiters": 1, "holders": []})
    semaphore = {
        "kind": "semaphore", "type": "Semaphore", "module": "asyncio.locks", "name": "PriceClient._price_semaphore", "name_source": "code",
        "free": 0, "capacity": PERMITS, "capacity_source": "counted", "waiters": REQUESTS - PERMITS,
        "holders": ["request-%d" % n for n in range(PERMITS)]}
    pool = {"kind": "ThreadPoolExecutor", "name": "pricing", "max": THREADS, "threads": THREADS, "busy": THREADS, "queued": PERMITS - THREADS}
    for n in range(REQUESTS):
        name = "request-%d" % n
        if n >= PERMITS:
            expect(name, "fetch_price handle_request", parents=["supervisor"], wait=dict(semaphore), obj=client._price_semaphore)
        else:
            # the worker threads are asked for their names when they are known
            expect(name, "fetch_price handle_request", parents=["supervisor"], wait={"kind": "executor", "pool": pool},
                   holds=[client._price_semaphore], queue_place=n - THREADS + 1 if n >= THREADS else None)
    await latch.done


if __name__ == "__main__":
    aioharness.run()
