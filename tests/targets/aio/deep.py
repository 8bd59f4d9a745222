# SPDX-License-Identifier: Apache-2.0
"""A task whose chain is DEPTH awaits deep (10,000), and a chain of as many tasks, each awaiting the next.

The first step of such a task goes down all of it at once: on the C stack up to 3.11, so it gets a thread with a stack of its own; later
the interpreter goes from coroutine to coroutine without a C call once the code has warmed up.
Arguments: what ("coroutines" or "tasks"), DEPTH.
"""
import asyncio
import sys
import threading

import aioharness
import harness
from aioharness import expect, kept


async def level(n, end):
    if n:
        await level(n - 1, end)
    else:
        await end


async def link(inner):
    await inner


async def main(what, depth):
    loop = asyncio.get_running_loop()
    end = loop.create_future()
    if what == "coroutines":
        for _ in range(50):
            done = loop.create_future()
            done.set_result(None)
            await level(100, done)
        aioharness.start(level(depth, end), "deep", " ".join(["level"] * (depth + 1)), wait={"kind": "future"})
    else:
        inner = aioharness.start(link(end), "link-0", "link", wait={"kind": "future"}, parents=["link-1"])
        for n in range(1, depth):
            inner = aioharness.start(link(inner), "link-%d" % n, "link", wait={"kind": "tasks", "how": "task"},
                                     parents=["link-%d" % (n + 1)] if n < depth - 1 else [])
    kept.append(end)
    expect("main", "main", wait={"kind": "future"})
    await aioharness.hops()
    loop.call_soon(lambda: harness.ready(loop=type(loop).__module__.split(".")[0]))
    await loop.create_future()


def run():
    what = (aioharness.WORDS + ["coroutines"])[0]
    depth = int((aioharness.WORDS[1:] + ["10000"])[0])
    loop = aioharness.new_loop()
    aioharness.loops.append((loop, threading.get_native_id()))
    aioharness.serve()
    task = loop.create_task(main(what, depth))
    task.set_name("main")
    loop.run_until_complete(task)


sys.setrecursionlimit(1000000)
threading.stack_size(1 << 30)
thread = threading.Thread(target=run, name="deep loop", daemon=True)
thread.start()
threading.stack_size(0)
thread.join()
