# SPDX-License-Identifier: Apache-2.0
"""More than one loop, and loops that do not run: each with two tasks.

"main" and "other" run in two threads; "stopped" ran in the main thread until one of its tasks was done; "dead" belongs to a thread that
has ended; "idle" never ran, so that its tasks are due but were never started.
"""
import asyncio
import threading

import aioharness
import harness
from aioharness import expect, kept, loops


class Service:
    def __init__(self):
        self._lock = asyncio.Lock()

    async def hold(self):
        async with self._lock:
            await aioharness.forever()


async def short():
    await aioharness.hops(3)


def make_tasks(loop, name, state="waiting"):
    """The second of two tasks waits for the first."""
    service = []

    async def one():
        if not service:  # made here: up to 3.9 a lock belongs to the loop that is running
            service.append(Service())
        await service[0].hold()

    async def two():
        await kept_tasks[0]

    kept_tasks = [loop.create_task(one()), loop.create_task(two())]
    for task, kind in zip(kept_tasks, ("one", "two")):
        task.set_name("%s-%s" % (name, kind))
    kept.extend(kept_tasks)
    kept.append(service)
    if state == "waiting":
        expect(name + "-one", "forever hold one", wait={"kind": "future"}, parents=[name + "-two"], holds=lambda: [hex(id(service[0]._lock))])
        expect(name + "-two", "two", wait={"kind": "tasks", "how": "task"})
    else:
        expect(name + "-one", "one", state="ready")
        expect(name + "-two", "two", state="ready")


def other_thread(started):
    loop = aioharness.new_loop()
    make_tasks(loop, "other")
    loops.append((loop, threading.get_native_id()))
    loop.call_soon(lambda: loop.call_soon(lambda: loop.call_soon(started.set)))
    loop.run_forever()


def dying_thread():
    loop = aioharness.new_loop()
    make_tasks(loop, "dead")
    loop.run_until_complete(short())
    loops.append((loop, None))


def run():
    dying = threading.Thread(target=dying_thread)
    dying.start()
    dying.join()
    stopped = aioharness.new_loop()
    make_tasks(stopped, "stopped")
    stopped.run_until_complete(short())
    idle = aioharness.new_loop()
    make_tasks(idle, "idle", state="ready")
    loops.extend([(stopped, None), (idle, None)])
    started = threading.Event()
    threading.Thread(target=other_thread, args=(started,), name="other loop", daemon=True).start()
    started.wait()
    loop = aioharness.new_loop()
    make_tasks(loop, "main")
    loops.append((loop, threading.get_native_id()))
    aioharness.serve()
    loop.call_soon(lambda: loop.call_soon(lambda: loop.call_soon(lambda: harness.ready(loop=type(loop).__module__.split(".")[0]))))
    loop.run_forever()


run()
