# SPDX-License-Identifier: Apache-2.0
"""A service that is healthy until it is told "fill": then its four threads are in calls and more wait; "drain" ends them all.  Beside the
pool a semaphore with one of ten permits taken and a queue with three of a hundred items."""
import asyncio
import concurrent.futures
import threading

import harness

WORKERS, WAITING, PERMITS, ROOM, ITEMS = 4, 25, 10, 100, 3


class Shop:
    def __init__(self):
        self.pool = concurrent.futures.ThreadPoolExecutor(WORKERS, thread_name_prefix="shop")
        self.permits, self.outbox = asyncio.BoundedSemaphore(PERMITS), asyncio.Queue(ROOM)
        self.release, self.calls = threading.Event(), []

    def call(self, entered):
        entered.release()
        self.release.wait()

    def fill(self):
        """Returns when all threads are in a call."""
        self.release.clear()
        entered = threading.Semaphore(0)
        self.calls = [self.pool.submit(self.call, entered) for _ in range(WORKERS + WAITING)]
        for _ in range(WORKERS):
            entered.acquire()
        return {"active": WORKERS, "pending": self.pool._work_queue.qsize()}

    def drain(self):
        """Returns when none is."""
        self.release.set()
        concurrent.futures.wait(self.calls)
        return {"active": 0, "pending": self.pool._work_queue.qsize()}

    async def hold(self):
        async with self.permits:
            await asyncio.get_running_loop().create_future()


async def main():
    shop = Shop()
    for item in range(ITEMS):
        shop.outbox.put_nowait(item)
    holder = asyncio.ensure_future(shop.hold())
    while shop.permits._value == PERMITS:
        await asyncio.sleep(0)
    harness.serve(fill=shop.fill, drain=shop.drain)
    harness.ready(workers=WORKERS, permits=PERMITS, room=ROOM, items=ITEMS)
    await holder


asyncio.run(main())
