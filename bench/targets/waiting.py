# SPDX-License-Identifier: Apache-2.0
"""N tasks of asyncio that wait for one Event, each seven awaits deep.  usage: waiting.py N [BLOCKS_FILE | awake]

With a file: writes there the blocks of 16 KiB that the tasks, their coroutines and frames and the futures lie in, an address a line in
the order of the tasks: what has to be read to see them all.  awake: one more task lets the loop wake every half millisecond.
"""
import asyncio
import sys

DEPTH = 7
BLOCK = 16384
GC_HEAD = 16


async def leaf(event):
    await event.wait()


async def level(n, event):
    if n:
        await level(n - 1, event)
    else:
        await leaf(event)


def chain(task):
    """A task's objects, from outside in."""
    yield task
    awaited = task.get_coro()
    while awaited is not None:
        yield awaited
        frame = getattr(awaited, "cr_frame", None)
        if frame is not None and sys.version_info < (3, 11):  # from 3.11 on the coroutine has its frame inside
            yield frame
        awaited = getattr(awaited, "cr_await", None)


def blocks(tasks):
    found = {}
    for task in tasks:
        for obj in chain(task):
            first, last = id(obj) - GC_HEAD, id(obj) + sys.getsizeof(obj) - 1
            for block in range(first // BLOCK, last // BLOCK + 1):
                found[block * BLOCK] = True
    return found


async def wake():
    while True:
        await asyncio.sleep(0.0005)


async def main(n, path):
    event = asyncio.Event()
    tasks = [asyncio.ensure_future(level(DEPTH - 2, event)) for _ in range(n)]
    for _ in range(3):
        await asyncio.sleep(0)
    if path == "awake":
        waker = asyncio.ensure_future(wake())  # noqa: F841 (kept)
    elif path:
        with open(path, "w") as f:
            f.writelines("%x\n" % block for block in blocks(tasks))
    print("ready", flush=True)
    await asyncio.gather(*tasks)


asyncio.run(main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
