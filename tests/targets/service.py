# SPDX-License-Identifier: Apache-2.0
"""A small service whose pools and semaphores are as full as it is told, and which says what they are.

  "submit N"   N calls for the executor PRICING, which stay; answers when as many as can have begun
  "take N"     N tasks that each want a permit of PriceClient._price_semaphore and keep it; answers when all have it or wait for it
  "release"    all calls and tasks end; answers when they have
  "block S"    the loop is kept from its work for S seconds; answers when that has begun
  "blocked"    for how long it really was, once it goes on
  "fork"       a child made by os.fork that sleeps; its pid
  "bomb N"     N children made by os.fork that end at once; answers when all have ended
  "exec"       the process runs the same program anew; no answer but its being ready
  "state"      what the objects say of themselves
"""
import asyncio
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import harness

PRICING = ThreadPoolExecutor(3, "pricing")
gate = threading.Event()
futures, tasks, children = [], [], []
begun, blocked = [], []


class PriceClient:
    def __init__(self, permits):
        self._price_semaphore = asyncio.BoundedSemaphore(permits)
        self.idle = asyncio.Semaphore(7)


def until(condition, what):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.001)


def stay(mine):
    begun.append(1)
    mine.wait()


def submit(n):
    futures.extend(PRICING.submit(stay, gate) for _ in range(int(n)))
    until(lambda: len(begun) == min(len(futures), 3), "calls that have begun")
    return state()


async def keep(done):
    async with CLIENT._price_semaphore:
        await done.wait()


async def start(n):
    tasks.extend(asyncio.ensure_future(keep(DONE)) for _ in range(n))


def take(n):
    asyncio.run_coroutine_threadsafe(start(int(n)), LOOP).result(30)

    def have_come():
        now = state()
        return now["capacity"] - now["available"] + now["waiters"] == len(tasks)
    until(have_come, "tasks at the semaphore")
    return state()


def release():
    global gate
    gate.set()
    for future in futures:
        future.result(30)
    del futures[:], begun[:]
    gate = threading.Event()

    async def end():
        DONE.set()
        if tasks:
            await asyncio.wait(tasks)
        DONE.clear()
        del tasks[:]
    asyncio.run_coroutine_threadsafe(end(), LOOP).result(30)
    return state()


def block(seconds):
    there = threading.Event()

    def hold():
        begun = time.perf_counter()
        there.set()
        time.sleep(float(seconds))
        blocked.append(time.perf_counter() - begun)
    LOOP.call_soon_threadsafe(hold)
    assert there.wait(30)
    return True


def was_blocked():
    until(lambda: blocked, "the loop to go on")
    return blocked.pop()


def fork():
    pid = os.fork()
    if pid == 0:
        parent = os.getppid()
        while os.getppid() == parent:
            time.sleep(0.05)
        os._exit(0)
    children.append(pid)
    return {"pid": pid}


def bomb(n):
    for _ in range(int(n)):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
    return state()


def again():
    os.execv(sys.executable, [sys.executable] + sys.argv)


def state():
    semaphore = CLIENT._price_semaphore
    waiters = [w for w in semaphore._waiters or () if not w.done()]
    return {"active": min(len(futures), 3), "pending": PRICING._work_queue.qsize(), "max": PRICING._max_workers,
            "available": semaphore._value, "capacity": semaphore._bound_value, "waiters": len(waiters),
            "tasks": len(asyncio.all_tasks(LOOP)), "idle": CLIENT.idle._value}


async def main():
    global CLIENT, LOOP, DONE
    LOOP, CLIENT, DONE = asyncio.get_running_loop(), PriceClient(4), asyncio.Event()
    harness.serve(submit=submit, take=take, release=release, block=block, blocked=was_blocked, fork=fork, bomb=bomb, state=state, exec=again)
    harness.ready()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
