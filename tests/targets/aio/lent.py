# SPDX-License-Identifier: Apache-2.0
"""Locks that are handed to functions: one lock is `first` to one task and `second` to the next, and those that hold it have it under
other names than those that wait.  "variables" says what every task has in the variables of its coroutines, "accounts" which locks are
attributes of one name."""
import asyncio
import threading

import aioharness
import harness
from aioharness import forever, start

tasks = {}
accounts = []


class Account:
    def __init__(self):
        self.lock = asyncio.Lock()
        accounts.append(hex(id(self.lock)))


async def step(first, second):
    async with first:
        await asyncio.sleep(0.05)
        async with second:
            await forever()


async def transfer(giver, taker):
    async with giver.lock:
        await asyncio.sleep(0.05)
        async with taker.lock:
            await forever()


async def child(lent):
    async with lent:
        await forever()


async def parent(own):
    async with own:
        await asyncio.gather(child(own))


async def only(mine):
    async with mine:
        await asyncio.gather(one(mine))


async def one(given):
    async with given:
        await forever()


def variables():
    """By task: what the frames of its await chain have, as function.variable."""
    answer = {}
    for name, task in tasks.items():
        found, coro = {}, task.get_coro()
        while coro is not None and hasattr(coro, "cr_frame"):
            for variable, value in (coro.cr_frame.f_locals if coro.cr_frame else {}).items():
                found["%s.%s" % (coro.cr_code.co_name, variable)] = hex(id(value))
            coro = coro.cr_await
        answer[name] = found
    return answer


async def main():
    a, b, c, d, e = (asyncio.Lock() for n in range(5))
    x, y = Account(), Account()
    for name, coro in (("step-ab", step(a, b)), ("step-ba", step(b, a)), ("step-cd", step(c, d)), ("step-ec", step(e, c)),
                       ("give-xy", transfer(x, y)), ("give-yx", transfer(y, x)), ("parent-1", parent(asyncio.Lock())),
                       ("parent-2", parent(asyncio.Lock())), ("only", only(asyncio.Lock()))):
        tasks[name] = start(coro, name)
    await asyncio.sleep(0.3)
    stop = asyncio.get_running_loop().create_future()
    harness.ready()
    await stop


if __name__ == "__main__":
    loop = aioharness.new_loop()
    asyncio.set_event_loop(loop)
    aioharness.loops.append((loop, threading.get_native_id()))
    aioharness.serve(variables=variables, accounts=lambda: accounts)
    loop.run_until_complete(main())
