# SPDX-License-Identifier: Apache-2.0
"""N tasks (first argument), each AWAITS coroutines deep (second, 7), all waiting for one event; one that awaits them all by gather()."""
import asyncio
import threading

import aioharness
import harness
from aioharness import start


async def level(n, event):
    if n > 1:
        await level(n - 1, event)
    else:
        await event.wait()


async def all_of(tasks):
    await asyncio.gather(*tasks)


async def main(count, awaits):
    event = asyncio.Event()
    tasks = [start(level(awaits, event), "worker-%d" % n) for n in range(count)]
    start(all_of(tasks), "all")
    await aioharness.hops()
    loop = asyncio.get_running_loop()
    loop.call_soon(lambda: harness.ready(loop=type(loop).__module__.split(".")[0], tasks=count, awaits=awaits, event=hex(id(event))))
    await loop.create_future()


loop = aioharness.new_loop()
aioharness.loops.append((loop, threading.get_native_id()))
aioharness.serve()
task = loop.create_task(main(int(aioharness.WORDS[0]), int((aioharness.WORDS[1:] + ["7"])[0])))
task.set_name("main")
loop.run_until_complete(task)
