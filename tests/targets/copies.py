# SPDX-License-Identifier: Apache-2.0
"""A service whose children are made by fork from inside of its running loop: its tasks, semaphores and executors are theirs, as copies.

The two workers of its ProcessPoolExecutor use none of them.  The third child, "own", runs a loop and an executor of its own, has made a
semaphore since, and two threads of it wait for one that it has from its parent.
Says {"workers": pids, "own": pid, "forked": how many tasks their parent had then}.  Children end with their parent; with the argument
"orphans" the workers do not.  "take_in_own": the child "own" takes a permit of GATE."""
import asyncio
import multiprocessing
import os
import queue
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import harness

FETCHERS, OWN_TASKS = 6, 3
fork = multiprocessing.get_context("fork")
GATE = threading.BoundedSemaphore(20)
SPARE = threading.BoundedSemaphore(2)
INBOX = queue.Queue(8)
POOL = ThreadPoolExecutor(1, "shared")
both = fork.Barrier(2)
told, tell = os.pipe()


def end_with(parent):
    def watch():
        while os.getppid() == parent:
            time.sleep(0.05)
        os._exit(0)
    threading.Thread(target=watch, name="watch", daemon=True).start()


def begin_worker(parent):
    if "orphans" not in sys.argv:
        end_with(parent)


def pid_of_worker():
    both.wait()
    return os.getpid()


class PriceClient:
    def __init__(self):
        self._sem = asyncio.Semaphore(2)

    async def fetch(self):
        async with self._sem:
            await asyncio.Event().wait()


async def hold(semaphore):
    async with semaphore:
        await asyncio.Event().wait()


async def live(up):
    live.semaphore = asyncio.BoundedSemaphore(OWN_TASKS + 1)
    tasks = [asyncio.ensure_future(hold(live.semaphore)) for _ in range(OWN_TASKS)]
    live.pool = ThreadPoolExecutor(2, "own")
    live.pool.submit(threading.Event().wait)
    for _ in range(4):
        threading.Thread(target=SPARE.acquire, daemon=True).start()
    while len(SPARE._cond._waiters) < 2:
        await asyncio.sleep(0.001)
    os.write(up, b"x")
    threading.Thread(target=take_when_told, args=(up,), daemon=True).start()
    await asyncio.gather(*tasks)


def take_when_told(up):
    os.read(told, 1)
    GATE.acquire()
    os.write(up, b"x")


def take_in_own():
    os.write(tell, b"x")
    os.read(make_children.up, 1)
    return True


def live_alone(up, parent):
    end_with(parent)
    asyncio.new_event_loop().run_until_complete(live(up))


async def make_children():
    """In a task: what it forks has its coroutine on the stack."""
    loop = asyncio.get_running_loop()
    pool = make_children.pool = ProcessPoolExecutor(2, mp_context=fork, initializer=begin_worker, initargs=(os.getpid(),))
    workers = await asyncio.gather(*(loop.run_in_executor(pool, pid_of_worker) for _ in range(2)))
    forked = len(asyncio.all_tasks())
    make_children.up, up_write = os.pipe()
    own = fork.Process(target=live_alone, args=(up_write, os.getpid()), daemon=True)
    own.start()
    os.read(make_children.up, 1)
    return {"workers": workers, "own": own.pid, "forked": forked}


async def main():
    client = PriceClient()
    tasks = [asyncio.ensure_future(client.fetch()) for _ in range(FETCHERS)]
    GATE.acquire()
    INBOX.put(1)
    for _ in range(2):
        POOL.submit(threading.Event().wait)
    await asyncio.sleep(0)
    children = await asyncio.ensure_future(make_children())
    harness.serve(take_in_own=take_in_own)
    harness.ready(**children)
    await asyncio.gather(*tasks)


asyncio.run(main())
