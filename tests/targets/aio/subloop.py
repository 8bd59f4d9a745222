# SPDX-License-Identifier: Apache-2.0
"""An event loop in a subinterpreter, in a thread of its own, beside one in the main interpreter.  Says "skip" where that cannot be made.

What the subinterpreter sees of its tasks, it tells through a pipe when all of them wait; "tasks" answers with both interpreters'.
Up to 3.11 the main interpreter has no running loop: _asyncio keeps its running loop in one place for all interpreters, by a thread
state's number within its interpreter, and would take the one for the other.
"""
import asyncio
import json
import os
import sys
import threading

import aioharness
import harness
from aioharness import expect

SOURCE = """
import sys
sys.path.insert(0, {here!r})
sys.argv = {argv!r}
import subloop
subloop.run_inside({up})
"""
BESIDE = sys.version_info >= (3, 12)


async def inside(event):
    await event.wait()


async def awaits(task):
    await task


async def main_inside(up):
    first = aioharness.start(inside(asyncio.Event()), "sub-inside")
    aioharness.start(awaits(first), "sub-awaits")
    loop = asyncio.get_running_loop()
    # Up to 3.12 the thread state of a subinterpreter carries the id of the thread that made it, and nothing else tells.
    aioharness.loops.append((loop, threading.get_native_id() if sys.version_info >= (3, 13) else "unknown"))
    await aioharness.hops()
    loop.call_soon(lambda: os.write(up, (json.dumps(aioharness.tasks()) + "\n").encode()))
    await loop.create_future()


def run_inside(up):
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    task = loop.create_task(main_inside(up))
    task.set_name("sub-main")
    loop.run_until_complete(task)


def skip(why):
    harness.say({"ready": True, "pid": os.getpid(), "skip": why})
    sys.stdin.read()
    sys.exit()


def runner():
    """(create, function that runs source in one) by whatever this version calls it."""
    try:
        import _interpreters as module
    except ImportError:
        try:
            import _xxsubinterpreters as module
        except ImportError:
            skip("no module for subinterpreters")
    return module.create, module.exec if hasattr(module, "exec") else module.run_string


def run():
    create, execute = runner()
    up, up_write = os.pipe()
    made = create()
    failed = []

    def thread():
        try:
            found = execute(made, SOURCE.format(here=aioharness.HERE, argv=[word for word in sys.argv if word != "--uvloop"], up=up_write))
        except Exception as error:
            found = error
        failed.append(str(found))
        os.write(up_write, b"\n")

    threading.Thread(target=thread, name="subinterpreter", daemon=True).start()
    with os.fdopen(up) as f:
        line = f.readline()
    if failed:
        skip("no event loop in a subinterpreter: " + failed[0])
    told = json.loads(line)
    where = {"main_interpreter": False} if BESIDE else {}
    expect("sub-inside", "inside", wait={"kind": "event", "type": "Event", "waiters": 1}, parents=["sub-awaits"], **where)
    expect("sub-awaits", "awaits", wait={"kind": "tasks", "how": "task"}, **where)
    expect("sub-main", "main_inside", wait={"kind": "future"}, **where)
    loop = aioharness.new_loop()
    harness.serve(tasks=lambda: aioharness.tasks() + told, shape=aioharness.stated)
    kind = type(loop).__module__.split(".")[0]
    if BESIDE:
        expect("main", "forever", wait={"kind": "future"}, main_interpreter=True)
        aioharness.loops.append((loop, threading.get_native_id()))
        task = loop.create_task(aioharness.forever())
        task.set_name("main")
        loop.call_soon(lambda: loop.call_soon(lambda: harness.ready(loop=kind)))
        loop.run_until_complete(task)
    harness.ready(loop=kind)
    threading.Event().wait()


if __name__ == "__main__":
    run()
