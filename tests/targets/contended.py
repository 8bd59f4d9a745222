# SPDX-License-Identifier: Apache-2.0
"""A semaphore that somebody always waits for, of tasks or of threads, and by the program's own clock for how long each did.
usage: contended.py tasks|threads short|long

short: three wait, each some 20 ms.  long: forty wait, each some two seconds, and every 50 ms one of them gets its turn.
Commands: "waits" (seconds that it has gone on, the longest wait that has ended), "longest UNIX_TIME" (of those that went on then)."""
import asyncio
import sys
import threading
import time

import harness

USERS, HOLD = {"short": (4, 0.007), "long": (41, 0.05)}[sys.argv[2]]
begun = time.time()
going = {}  # who -> when it began to wait
ended = []  # (from, until)


def wait_of(who):
    going[who] = time.time()


def end_of(who):
    ended.append((going.pop(who), time.time()))


def waits():
    return {"seconds": time.time() - begun, "longest": max([end - start for start, end in list(ended)], default=0)}


def longest(at):
    """A reading takes a moment: what ended in the half second before counts."""
    at = float(at)
    all_waits = list(ended) + [(start, at) for start in list(going.values())]
    return {"seconds": max([min(end, at) - start for start, end in all_waits if start <= at and end >= at - 0.5], default=0)}


async def task(who):
    while True:
        wait_of(who)
        await GATE.acquire()
        end_of(who)
        await asyncio.sleep(HOLD)
        GATE.release()
        await asyncio.sleep(0)  # the next one's turn: else this one would have it again


def thread(who):
    while True:
        wait_of(who)
        GATE.acquire()
        end_of(who)
        time.sleep(HOLD)
        GATE.release()
        time.sleep(0.001)


async def tasks():
    global GATE
    GATE = asyncio.Semaphore(1)  # here: in 3.9 it belongs to the loop that it is made in
    users = [asyncio.ensure_future(task(who)) for who in range(USERS)]
    await asyncio.sleep(0)
    harness.serve(waits=waits, longest=longest)
    harness.ready()
    await asyncio.gather(*users)


if sys.argv[1] == "tasks":
    asyncio.run(tasks())
else:
    GATE = threading.Semaphore(1)
    for number in range(USERS):
        threading.Thread(target=thread, args=(number,), daemon=True).start()
    harness.serve(waits=waits, longest=longest)
    harness.ready()
    threading.Event().wait()
