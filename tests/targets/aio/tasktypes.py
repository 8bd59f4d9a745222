# SPDX-License-Identifier: Apache-2.0
"""Tasks of other kinds: implemented in Python, of a subclass, eager, with odd names, and coroutines of other kinds in them."""
import asyncio
import collections.abc
import sys
import types

import aioharness
from aioharness import FUTURE, UVLOOP, expect, forever, hops, kept, name_task_of, shape, start


class Task(asyncio.Task):
    """The same name as the real one, and attributes of its own."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.extra = "extra"


class SlottedTask(Task):
    __slots__ = ("a", "b")


class PythonTask(asyncio.tasks._PyTask):
    pass


async def lock_user(lock):
    async with lock:
        await forever()


async def wait_for_it(task):
    await task


def made(kind, coro, name):
    task = kind(coro, loop=asyncio.get_running_loop())
    task.set_name(name)
    kept.append(task)
    return task


@shape
async def kinds():
    """Of each kind a holder of a lock, one that waits for it, and one that awaits the waiter."""
    for kind, name, implementation in ((asyncio.tasks._PyTask, "python", "Python"), (PythonTask, "python-subclass", "Python"),
                                       (Task, "subclass", "C"), (SlottedTask, "slots", "C"), (asyncio.tasks._CTask, "c", "C")):
        lock = asyncio.Lock()
        facts = {"implementation": implementation}
        made(kind, lock_user(lock), name + "-holder")
        expect(name + "-holder", "forever lock_user", wait=FUTURE, holds=[lock], **facts)
        waiter = made(kind, lock_user(lock), name + "-waiter")
        expect(name + "-waiter", "lock_user", parents=[name + "-parent"], obj=lock, wait={
            "kind": "lock", "type": "Lock", "waiters": 1, "holders": [name + "-holder"]}, **facts)
        made(kind, wait_for_it(waiter), name + "-parent")
        expect(name + "-parent", "wait_for_it", wait={"kind": "tasks", "how": "task"}, **facts)


@shape
async def gather_of_both():
    children = [made(kind, forever(), "mixed-%d" % n) for n, kind in enumerate((asyncio.tasks._PyTask, Task, asyncio.tasks._CTask))]
    for n in range(3):
        expect("mixed-%d" % n, "forever", wait=FUTURE, parents=["mixed-parent"])

    async def parent():
        await asyncio.gather(*children)

    start(parent(), "mixed-parent", "parent", wait={"kind": "tasks", "how": "gather"})


@shape(since=(3, 12))
async def eager():
    """Started where they were made; one of them ended there too."""
    loop = asyncio.get_running_loop()

    async def short():
        return 1

    async def child(event):
        await event.wait()

    event = asyncio.Event()
    for n in range(2):
        kept.append(asyncio.Task(child(event), loop=loop, name="eager-%d" % n, eager_start=True))
        expect("eager-%d" % n, "child", obj=event, wait={"kind": "event", "waiters": 2}, parents=["eager-parent"] if n else [])
    awaited = kept[-1]
    assert asyncio.Task(short(), loop=loop, name="eager-short", eager_start=True).done()

    async def parent():
        await awaited

    kept.append(asyncio.Task(parent(), loop=loop, name="eager-parent", eager_start=True))
    expect("eager-parent", "parent", wait={"kind": "tasks", "how": "task"})


# uvloop passes on what this version's factory does not take
@shape(since=(3, 12), unless=UVLOOP and sys.version_info[:2] == (3, 13))
async def eager_factory():
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    loop.set_task_factory(asyncio.eager_task_factory)
    coroutines = [forever() for _ in range(2)]

    async def parent():
        await asyncio.gather(*coroutines)

    start(parent(), "factory-parent", "parent", wait={"kind": "tasks", "how": "gather"})
    await hops()
    loop.set_task_factory(before)
    for n, coroutine in enumerate(coroutines):
        name_task_of(coroutine, "factory-%d" % n)
        expect("factory-%d" % n, "forever", wait=FUTURE, parents=["factory-parent"])


@shape
async def names():
    for name in ("", "a b", "näme 名前 \U0001f600", 'quotes " and \\', "line\nbreak", "x" * 500):
        start(forever(), name, "forever", wait=FUTURE)


@shape
async def default_names():
    """Task-N: up to 3.11 a string from the beginning, later a number until somebody asks for it."""
    coro = forever()
    task = asyncio.get_running_loop().create_task(coro)
    kept.append(task)
    aioharness.unnamed.append((task, dict(chain=["forever"], state="waiting", parents=[], wait=FUTURE, holds=[])))


@types.coroutine
def old_style():
    yield from forever()


class Duck:
    """A coroutine by its methods only."""

    def __init__(self):
        self.inner = forever()

    def send(self, value):
        return self.inner.send(value)

    def throw(self, *args):
        return self.inner.throw(*args)

    def close(self):
        return self.inner.close()

    def __await__(self):
        return self


collections.abc.Coroutine.register(Duck)


@shape
async def coroutine_kinds():
    if sys.version_info < (3, 12):  # later a generator is no coroutine, whatever its flags
        made(asyncio.Task, old_style(), "generator-task")
        expect("generator-task", "forever old_style", wait=FUTURE)
    made(asyncio.Task, Duck(), "duck-task")
    expect("duck-task", "", wait=FUTURE)


if __name__ == "__main__":
    aioharness.run()
