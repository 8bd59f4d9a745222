# SPDX-License-Identifier: Apache-2.0
"""Tasks that have ended, each in another way, and tasks of loops that nobody runs: one of those is closed.  No loop runs at the end."""
import asyncio
import threading

import aioharness
import harness

kept = []


class Mismatch(ValueError):
    pass


async def returns():
    return 1


async def raises():
    raise Mismatch("no")


async def stays():
    await asyncio.sleep(100000)


def make(coro, name):
    task = aioharness.python_task(asyncio.get_running_loop(), coro) if aioharness.PYTASK else asyncio.get_running_loop().create_task(coro)
    task.set_name(name)
    kept.append(task)
    return task


async def main():
    for n in range(2):
        make(returns(), "returned-%d" % n)
        make(raises(), "raised-%d" % n)
    cancelled = make(stays(), "cancelled")
    make(stays(), "left")
    await aioharness.hops()
    cancelled.cancel()
    await aioharness.hops()


async def orphaned():
    make(stays(), "orphan")
    await aioharness.hops()
    make(returns(), "unborn")


def outcome(task):
    if not task.done():
        return None
    return "cancelled" if task.cancelled() else "exception" if task.exception() else "result"


def told():
    """By name: how it ended, what it raised, what became of its loop."""
    return {task.get_name(): [outcome(task), type(task.exception()).__name__ if outcome(task) == "exception" else None,
                              "closed" if task.get_loop().is_closed() else "not running"] for task in kept}


idle, closed = asyncio.new_event_loop(), asyncio.new_event_loop()
idle.run_until_complete(main())
step = closed.create_task(orphaned())
closed.run_until_complete(step)
closed.close()
harness.serve(told=told)
harness.ready(loop="asyncio")
threading.Event().wait()
