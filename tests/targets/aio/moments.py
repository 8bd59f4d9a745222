# SPDX-License-Identifier: Apache-2.0
"""Programs in which some things are never true at once, and the program sees to it itself.  Argument: which.

    held      four tasks that take one lock in turns and compute while they have it: in burn() it is never free
    bursts    a thread that never rests runs its loop in short bursts, around tasks that wait: without a pause no look at them is of one
              moment
    stopped   the same tasks, but the thread sleeps for good after one burst
    cpu, sleep, protocol, ended   the loop is kept by a callback that is no task: of a timer, a transport, a future

It answers "unlocked" with how often burn() ran, and how often it found the lock free.
"""
import asyncio
import socket
import sys
import threading
import time

import harness

found = [0, 0]


def burn(seconds=0.02):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def burn_locked(lock):
    found[0] += 1
    found[1] += not lock.locked()
    burn()


async def job(lock):
    while True:
        async with lock:
            await asyncio.sleep(0)
            burn_locked(lock)


async def held():
    lock = asyncio.Lock()
    tasks = [asyncio.ensure_future(job(lock)) for _ in range(4)]
    asyncio.get_running_loop().call_later(0.3, harness.ready)
    await asyncio.gather(*tasks)


async def waiter(future):
    await future


async def pause():
    await asyncio.sleep(0)


def bursts(stops=False):
    loop = asyncio.new_event_loop()
    kept = [loop.create_task(waiter(loop.create_future())) for _ in range(5)]
    loop.run_until_complete(pause())
    harness.ready(kept=len(kept))
    if stops:
        threading.Event().wait()
    while True:
        for _ in range(20):
            loop.run_until_complete(pause())
        burn(0.001)


async def tick():
    while True:
        await asyncio.sleep(0.01)


def keep_by_cpu(*_):
    burn(0.05)  # by now all others are due
    harness.ready()
    while True:
        burn(1)


def keep_by_sleep(*_):
    time.sleep(0.05)
    harness.ready()
    time.sleep(3600)


class Protocol(asyncio.Protocol):
    def data_received(self, data):
        keep_by_sleep()


async def kept_by(which):
    loop = asyncio.get_running_loop()
    tasks = [asyncio.ensure_future(tick()) for _ in range(5)]
    await asyncio.sleep(0.05)
    if which == "protocol":
        ours, theirs = socket.socketpair()
        await loop.create_connection(Protocol, sock=ours)
        theirs.send(b"x")
    elif which == "ended":
        asyncio.ensure_future(asyncio.sleep(0.05)).add_done_callback(keep_by_sleep)
    else:
        loop.call_later(0.05, keep_by_cpu if which == "cpu" else keep_by_sleep)
    await asyncio.gather(*tasks)


harness.serve(unlocked=lambda: found)
if sys.argv[1] in ("bursts", "stopped"):
    bursts(sys.argv[1] == "stopped")
asyncio.run(held() if sys.argv[1] == "held" else kept_by(sys.argv[1]))
