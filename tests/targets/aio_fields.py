# SPDX-License-Identifier: Apache-2.0
"""Waits without asyncio; "go" imports it, makes tasks of every kind and answers with their fields (addresses and numbers); from then
on the loop stands still inside the task "main"."""
import gc
import sys
import threading

import harness

gate, answer = threading.Lock(), threading.Event()
gate.acquire()
facts, kept = {}, []


def address(obj):
    kept.append(obj)
    return 0 if obj is None else id(obj)


def fields(fut):
    """What a future says of itself; absent keys are not compared."""
    import asyncio
    is_task = isinstance(fut, asyncio.Task)
    callbacks = fut._callbacks or []
    said = {"id": address(fut), "loop": address(fut.get_loop()), "is_task": int(is_task)}
    said["state"] = 0 if not fut.done() else 1 if fut.cancelled() else 2
    said["callback0"], said["context0"] = map(address, callbacks[0]) if callbacks else (0, 0)
    lists = [id(obj) for obj in gc.get_referents(fut) if type(obj) is list]
    said["callbacks"] = lists[0] if len(callbacks) > 1 and lists else 0
    if said["state"] == 2:
        said["exception"] = address(fut.exception())
        if not said["exception"]:
            said["result"] = address(fut.result())
    else:
        said["exception"] = said["result"] = 0
    if hasattr(fut, "_asyncio_awaited_by"):
        parents = fut._asyncio_awaited_by or ()
        said["awaited_by_is_set"] = int(len(parents) > 1)
        if len(parents) < 2:
            said["awaited_by"] = address(next(iter(parents), None))
    if is_task:
        said["coro"], said["name"] = address(fut.get_coro()), address(fut.get_name())
        said["fut_waiter"], said["must_cancel"] = address(fut._fut_waiter), int(fut._must_cancel)
        if hasattr(fut, "cancelling"):
            said["num_cancels"] = fut.cancelling()
        if hasattr(fut, "get_context"):
            said["context"] = address(fut.get_context())
    return said


async def forever(fut):
    await fut


async def failing():
    raise ValueError("expected")


async def returning(value):
    return value


async def parent(child):
    await child


def abandon(made):
    """In a thread that ends: its task is left behind."""
    import asyncio
    loop = asyncio.new_event_loop()
    fut = loop.create_future()
    made["abandoned"] = loop.create_task(forever(fut), name="abandoned")
    loop.run_until_complete(asyncio.sleep(0))
    kept.append((loop, fut))


async def make():
    import asyncio
    loop, made = asyncio.get_running_loop(), {"main": asyncio.current_task()}
    made["future"] = loop.create_future()
    made["future"].add_done_callback(print)
    made["future"].add_done_callback(repr)
    made["waiting"] = loop.create_task(forever(made["future"]), name="waiting for a future")
    made["default name"] = loop.create_task(forever(loop.create_future()))
    made["failed"] = loop.create_task(failing(), name="failed")
    made["returned"] = loop.create_task(returning(["a value"]), name="returned")
    made["cancelled"] = loop.create_task(forever(loop.create_future()), name="cancelled")
    made["parent"] = loop.create_task(parent(made["waiting"]), name="parent")
    made["shared"] = loop.create_task(forever(loop.create_future()), name="shared")
    made["one of two"] = loop.create_task(parent(made["shared"]), name="one of two")
    made["two of two"] = loop.create_task(parent(made["shared"]), name="two of two")
    await asyncio.sleep(0)
    made["cancelled"].cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    made["must cancel"] = loop.create_task(forever(loop.create_future()), name="must cancel")
    made["must cancel"].cancel()
    thread = threading.Thread(target=abandon, args=(made,))
    thread.start()
    thread.join()
    return made


async def main():
    import asyncio
    made = await make()
    facts["version"] = list(sys.version_info[:3])
    facts["loop"], facts["task_basicsize"], facts["future_basicsize"] = id(made["main"].get_loop()), asyncio.Task.__basicsize__, asyncio.Future.__basicsize__
    facts["objects"] = {name: fields(fut) for name, fut in made.items()}
    facts["all_tasks"] = sorted(map(id, asyncio.all_tasks()))
    kept.append(made)
    answer.set()
    gate.acquire()


def go():
    begin.set()
    answer.wait()
    return facts


begin = threading.Event()
harness.serve(go=go)
harness.ready()
begin.wait()
import asyncio  # noqa: E402
asyncio.run(main())
