# SPDX-License-Identifier: Apache-2.0
"""Tasks and threads that wait for each other in a circle, through a pool, a loop, a semaphore; and some that only look so.

Argument: which.  When all is parked the program answers "circle": who is in it, as asked of the objects themselves; empty = nobody.
"""
import asyncio
import concurrent.futures
import sys
import threading
import time

import aioharness
import harness
from aioharness import hops, start

SIZE = 3
pool = concurrent.futures.ThreadPoolExecutor(SIZE, thread_name_prefix="handlers")
circle = lambda: []
parked = threading.Event()


def threads_in(function):
    """Names of the threads that have a frame of this name."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return sorted(names.get(ident, "") for ident, frame in sys._current_frames().items()
                  if any(name.split(".")[-1] == function for name, _, _ in harness.frames_of(frame)))


def wait_until(true):
    while not true():
        time.sleep(0.01)


def lookup():
    return 1


async def cached_lookup():
    return await asyncio.get_running_loop().run_in_executor(pool, lookup)


def handler(loop, timeout):
    return asyncio.run_coroutine_threadsafe(cached_lookup(), loop).result(timeout)


async def request(loop, timeout):
    return await loop.run_in_executor(pool, handler, loop, timeout)


def of_pool():
    return threads_in("handler") if len(threads_in("result")) == SIZE and pool._work_queue.qsize() else []


async def in_pool(timeout=None, requests=SIZE + 2):
    """Handlers in the threads of a pool wait for coroutines that need the pool."""
    loop = asyncio.get_running_loop()
    for n in range(requests):
        start(request(loop, timeout), "request-%d" % n)
    threading.Thread(target=lambda: (wait_until(lambda: len(threads_in("result")) == min(SIZE, requests)), parked.set()), daemon=True).start()
    return of_pool if timeout is None else list


async def in_pool_that_ends():
    return await in_pool(timeout=100000)


async def in_pool_with_one_busy():
    start(busy(asyncio.get_running_loop()), "busy")
    await hops()
    await in_pool(requests=SIZE - 1)
    return list


async def busy(loop):
    await loop.run_in_executor(pool, threading.Event().wait)


all_in = threading.Barrier(SIZE)


def submits():
    all_in.wait()
    return pool.submit(lookup).result()


async def in_pool_by_submit():
    """Calls that wait for calls queued behind them."""
    loop = asyncio.get_running_loop()
    for n in range(SIZE):
        start(waits_for(loop.run_in_executor(pool, submits)), "request-%d" % n)
    threading.Thread(target=lambda: (wait_until(lambda: len(threads_in("result")) == SIZE), parked.set()), daemon=True).start()
    return lambda: threads_in("submits")


async def waits_for(future):
    return await future


async def inner(event):
    await event.wait()


def main_thread():
    return threads_in("blocks_its_loop")


async def blocks_its_loop(future, timeout):
    future = future or asyncio.run_coroutine_threadsafe(inner(asyncio.Event()), asyncio.get_running_loop())
    parked.set()
    future.result(timeout)


async def on_loop(begun=False, timeout=None):
    """future.result() on the loop's own thread."""
    future = None
    if begun:
        future = asyncio.run_coroutine_threadsafe(inner(asyncio.Event()), asyncio.get_running_loop())
        await hops()
        task, = [task for task in asyncio.all_tasks() if "inner" in str(task.get_coro())]
        if hasattr(task, "set_name"):
            task.set_name("inner")
    start(blocks_its_loop(future, timeout), "blocker")
    return main_thread if timeout is None else list


async def on_loop_for_a_task():
    return await on_loop(begun=True)


async def on_loop_that_ends():
    return await on_loop(timeout=100000)


class Client:
    def __init__(self, kind):
        self.permits, self.taken = kind(SIZE), 0

    async def fetch(self, last):
        async with self.permits:
            self.taken += 1
            while self.taken < SIZE:
                await asyncio.sleep(0)
            if not last:
                async with self.permits:
                    pass
            await asyncio.get_running_loop().create_future()


async def in_semaphore(kind=asyncio.BoundedSemaphore, goes_on=0):
    """All that have a permit wait for another one; the last goes_on do not."""
    client = Client(kind)
    for n in range(SIZE):
        start(client.fetch(n >= SIZE - goes_on), "fetch-%d" % n)
    start(client.fetch(True), "late")
    await hops()
    assert client.permits.locked() and client.taken == SIZE
    parked.set()
    return list if goes_on else lambda: ["fetch-%d" % n for n in range(SIZE)]


async def in_plain_semaphore():
    return await in_semaphore(kind=asyncio.Semaphore)


async def in_semaphore_with_one_that_goes_on():
    return await in_semaphore(goes_on=1)


async def main():
    global circle
    circle = await globals()[aioharness.WORDS[0]]()
    await asyncio.get_running_loop().create_future()


def announce(loop):
    parked.wait()
    harness.ready(loop=type(loop).__module__.split(".")[0])


def run():
    loop = aioharness.new_loop()
    asyncio.set_event_loop(loop)
    aioharness.serve(circle=lambda: circle())
    threading.Thread(target=announce, args=(loop,), daemon=True).start()
    task = loop.create_task(main())
    task.set_name("main")
    loop.run_until_complete(task)


run()
