# SPDX-License-Identifier: Apache-2.0
"""Calls in other threads and processes: who runs them, who queues for a thread."""
import asyncio
import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import aioharness
from aioharness import Latch, block, expect, kept, shape, start, workers

DEFAULT_MAX = min(32, (getattr(os, "process_cpu_count", os.cpu_count)() or 1) + 4)


def pool_facts(name, most, threads, busy, queued):
    return {"kind": "ThreadPoolExecutor", "name": name, "max": most, "threads": threads, "busy": busy, "queued": queued}


async def in_pool(pool, *args):
    await asyncio.get_running_loop().run_in_executor(pool, *args)


async def fill(pool, name, most, calls):
    """calls tasks wait for a pool of most threads."""
    latch = Latch(min(most, calls))
    for n in range(calls):
        task = "%s-call-%d" % (name, n)
        start(in_pool(pool, block, task, latch), task, "in_pool", queue_place=n - most + 1 if n >= most else None,
              wait={"kind": "executor", "pool": pool_facts(name, most, min(most, calls), min(most, calls), max(0, calls - most))})
    kept.append(pool)
    await latch.done


@shape
async def named_pool():
    await fill(ThreadPoolExecutor(2, "named"), "named", 2, 5)


@shape
async def idle_threads():
    """A pool with more threads than calls: three have run, one is running."""
    pool = ThreadPoolExecutor(4, "roomy")
    barrier = threading.Barrier(3)
    loop = asyncio.get_running_loop()
    await asyncio.gather(*[loop.run_in_executor(pool, barrier.wait) for _ in range(3)])
    latch = Latch(1)
    start(in_pool(pool, block, "roomy-call", latch), "roomy-call", "in_pool", queue_place=None,
          wait={"kind": "executor", "pool": dict(pool_facts("roomy", 4, [3, 4], 1, 0))})
    kept.append(pool)
    await latch.done


@shape
async def two_pools():
    await fill(ThreadPoolExecutor(1, "alpha"), "alpha", 1, 2)
    await fill(ThreadPoolExecutor(3, "beta"), "beta", 3, 3)


def default_facts():
    return {"kind": "executor", "pool": {"kind": "ThreadPoolExecutor", "max": DEFAULT_MAX, "queued": 0}}


@shape
async def default_executor():
    latch = Latch(2)
    for n in range(2):
        start(in_pool(None, block, "default-%d" % n, latch), "default-%d" % n, "in_pool", queue_place=None, wait=default_facts())
    await latch.done


@shape(since=(3, 9))
async def to_thread():
    latch = Latch(1)

    async def call():
        await asyncio.to_thread(block, "to-thread", latch)

    start(call(), "to-thread", "call", queue_place=None, wait=default_facts())
    await latch.done


@shape
async def shared_call():
    """One call that two tasks wait for, and a future that wraps a pool's."""
    pool, latch = ThreadPoolExecutor(1, "shared"), Latch(1)
    call = asyncio.get_running_loop().run_in_executor(pool, block, "shared-0", latch)
    wrapped = asyncio.wrap_future(pool.submit(block, "shared-wrapped"))
    kept.append(pool)

    async def wait_for_it(future):
        await future

    wait = {"kind": "executor", "pool": pool_facts("shared", 1, 1, 1, 1)}
    for n in range(2):
        start(wait_for_it(call), "shared-%d" % n, "wait_for_it", wait=dict(wait), queue_place=None)
    start(wait_for_it(wrapped), "shared-wrapped", "wait_for_it", wait=dict(wait), queue_place=1)
    await latch.done
    workers["shared-1"] = workers["shared-0"]


@shape
async def gathered_calls():
    """gather() over executor calls, which are no tasks."""
    pool, latch = ThreadPoolExecutor(2, "gathered"), Latch(2)
    kept.append(pool)

    async def both():
        loop = asyncio.get_running_loop()
        await asyncio.gather(*[loop.run_in_executor(pool, block, "gathered-worker-%d" % n, latch) for n in range(2)])

    start(both(), "gathered", "both", wait={})
    await latch.done


@shape
async def call_under_a_lock():
    """The holder of the lock is in a pool: what all others wait for in the end."""
    class Cache:
        def __init__(self):
            self._lock = asyncio.Lock()
            self._pool = ThreadPoolExecutor(1, "cache")

        async def fill(self, task, latch):
            async with self._lock:
                await in_pool(self._pool, block, task, latch)

    cache, latch = Cache(), Latch(1)
    start(cache.fill("cache-holder", latch), "cache-holder", "in_pool fill", holds=[cache._lock], queue_place=None,
          wait={"kind": "executor", "pool": pool_facts("cache", 1, 1, 1, 0)})
    for n in range(3):
        name = "cache-waiter-%d" % n
        start(cache.fill(name, latch), name, "fill", obj=cache._lock, wait={
            "kind": "lock", "type": "Lock", "name": "Cache._lock", "waiters": 3, "holders": ["cache-holder"]})
    await latch.done


@shape
async def called_from_threads():
    """run_coroutine_threadsafe(...).result(): a thread waits for a task."""
    loop, latch = asyncio.get_running_loop(), Latch(1)
    never = loop.create_future()
    kept.append(never)

    async def work(never):
        asyncio.current_task().set_name("for-a-thread")
        kept.append(asyncio.current_task())
        latch.count_down()
        await never

    def caller():
        asyncio.run_coroutine_threadsafe(work(never), loop).result()

    thread = threading.Thread(target=caller, name="caller", daemon=True)
    thread.start()
    expect("for-a-thread", "work", wait={"kind": "future", "name": ["never", "work.never", "called_from_threads.<locals>.work.never"]},
           obj=never, waiting_thread=lambda: thread.native_id)
    await latch.done


def in_child(up, down):
    """In the worker process: says its pid, stays until the program is gone, and goes with it."""
    with open(up, "w") as f:
        f.write("%d\n" % os.getpid())
    with open(down) as f:
        f.read()
    os._exit(0)


@shape
async def process_pool():
    up, down = os.path.join(aioharness.HERE, "up"), os.path.join(aioharness.HERE, "down")
    os.mkfifo(up)
    os.mkfifo(down)
    os_down = os.open(down, os.O_RDWR)
    # not forked: a child would find the lock of stdin taken, which the harness reads
    pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
    kept.extend((pool, os_down))
    facts = {"kind": "executor", "pool": {"kind": "ProcessPoolExecutor", "max": 1, "busy": 1}}
    start(in_pool(pool, in_child, up, down), "process-call", "in_pool", wait=facts, queue_place=None)
    # one more than there are processes goes into the pipe to them, which counts as running up to the pool's own books
    start(in_pool(pool, in_child, up, down), "process-next", "in_pool", wait=dict(facts))
    await aioharness.hops()
    with open(up) as f:
        workers["process-call"] = int(f.readline())


@shape(since=(3, 14))
async def interpreter_pool():
    from concurrent.futures import InterpreterPoolExecutor
    never, ours = os.pipe()
    pool = InterpreterPoolExecutor(1, thread_name_prefix="isolated")
    kept.extend((pool, never, ours))

    async def call():
        await asyncio.get_running_loop().run_in_executor(pool, os.read, never, 1)

    start(call(), "interpreter-call", "call", queue_place=None, wait={
        "kind": "executor", "pool": {"kind": "InterpreterPoolExecutor", "name": "isolated", "max": 1, "threads": 1, "busy": 1, "queued": 0}})
    await aioharness.hops()
    workers["interpreter-call"] = [thread.native_id for thread in pool._threads][0]


if __name__ == "__main__":
    aioharness.run()
