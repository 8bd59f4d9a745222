# SPDX-License-Identifier: Apache-2.0
"""A loop that a synchronous call blocks: one task is running, what is due is ready, the others go on waiting.

Argument: who blocks it: "task", "holder" (a task that is inside of locks), "generator" (an async generator in the task), "eager" (3.12+:
a task in its first step, inside the step of the one that made it), "callback" (no task at all).
"""
import asyncio
import contextlib
import sys
import threading

import aioharness
import harness
from aioharness import FUTURE, forever, hops, start

running = threading.Event()
due = []  # what the blocking call makes due before it blocks
SYNCHRONOUS = "blocks synchronous"


def synchronous():
    blocks()


def blocks():
    for make_due in due:
        make_due()
    running.set()
    threading.Event().wait()


async def runs():
    await asyncio.sleep(0)
    await runs_inside()


async def runs_inside():
    synchronous()


class Holder:
    def __init__(self):
        self.gate, self.permits, self.nested = asyncio.Lock(), asyncio.Semaphore(2), asyncio.Lock()

    @contextlib.asynccontextmanager
    async def session(self):
        async with self.nested:
            yield

    async def runs(self):
        async with self.gate, self.session():
            await self.takes_permit()

    async def takes_permit(self):
        async with self.permits:
            await asyncio.sleep(0)
            synchronous()

    async def wants(self):
        async with self.gate:
            pass


async def generates():
    yield 1
    synchronous()
    yield 2


async def runs_generator():
    async for _ in generates():
        pass


async def runs_eagerly():
    synchronous()


async def makes_eager_task():
    aioharness.expect("running", SYNCHRONOUS + " runs_eagerly", state="running")
    aioharness.kept.append(asyncio.Task(runs_eagerly(), loop=asyncio.get_running_loop(), name="running", eager_start=True))


async def wait_for_event(event):
    await event.wait()


async def wait_for_future(future):
    await future


async def turn():
    while True:
        await asyncio.sleep(0)


async def stubborn():
    """Catches its cancellation and waits again."""
    try:
        await forever()
    except asyncio.CancelledError:
        await forever()


async def ends():
    return "result"


def who_blocks(who):
    loop = asyncio.get_running_loop()
    if who == "task":
        start(runs(), "running", SYNCHRONOUS + " runs_inside runs", state="running")
    elif who == "holder":
        holder = Holder()
        start(holder.runs(), "running", SYNCHRONOUS + " takes_permit runs", state="running", holds=[holder.gate, holder.nested, holder.permits])
        start(holder.wants(), "wants", "wants", obj=holder.gate, wait={
            "kind": "lock", "type": "Lock", "name": "Holder.gate", "free": 0, "waiters": 1, "holders": ["running"]})
    elif who == "generator":
        start(runs_generator(), "running", SYNCHRONOUS + " generates runs_generator", state="running")
    elif who == "eager":
        # the one that made it stands on the thread's stack too, but is not the loop's current task
        start(makes_eager_task(), "maker", SYNCHRONOUS + " runs_eagerly makes_eager_task", state=["running", "ready", "waiting"], stack_is=None)
    elif who == "callback":
        loop.call_soon(synchronous)


async def main(who):
    loop = asyncio.get_running_loop()
    event, other, future = asyncio.Event(), asyncio.Event(), loop.create_future()
    start(wait_for_event(event), "ready-event", "wait_for_event", state="ready")
    start(wait_for_future(future), "ready-future", "wait_for_future", state="ready")
    start(wait_for_event(other), "waiting-event", "wait_for_event", obj=other, wait={"kind": "event", "waiters": 1})
    start(forever(), "waiting-future", "forever", wait=FUTURE, cancelling=False)
    # how often it was asked to end is counted since 3.11
    counted = {"cancelling": True} if sys.version_info >= (3, 11) else {}
    cancelled = [start(stubborn(), "cancelled-before", "forever stubborn", wait=FUTURE, **counted),
                 start(forever(), "cancelled-now", "forever", state="ready", **counted)]
    done = start(ends(), "done")
    await hops()
    cancelled[0].cancel()
    await hops()
    assert done.done() and not cancelled[0].done()
    start(turn(), "ready-turn", "turn", state="ready")

    def make_due():
        event.set()
        future.set_result(None)
        cancelled[1].cancel()
        start(forever(), "ready-new", "forever", state="ready", cancelling=False)
        start(forever(), "cancelled-new", "forever", state="ready", cancelling=True).cancel()

    due.append(make_due)
    who_blocks(who)
    aioharness.expect("main", "main", wait={"kind": "future"})
    await loop.create_future()


def announce(loop, who):
    running.wait()
    harness.ready(loop=type(loop).__module__.split(".")[0], who=who)


def run():
    who = (aioharness.WORDS or ["task"])[0]
    if who == "eager" and sys.version_info < (3, 12):
        harness.say({"ready": True, "pid": aioharness.os.getpid(), "skip": "no eager tasks"})
        sys.stdin.read()
        return
    loop = aioharness.new_loop()
    asyncio.set_event_loop(loop)
    aioharness.loops.append((loop, threading.get_native_id()))
    aioharness.serve()
    threading.Thread(target=announce, args=(loop, who), daemon=True).start()
    task = loop.create_task(main(who))
    task.set_name("main")
    loop.run_until_complete(task)


run()
