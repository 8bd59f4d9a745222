# SPDX-License-Identifier: Apache-2.0
"""Tasks that wait for tasks, by every function that asyncio has for it."""
import asyncio
import sys

import aioharness
from aioharness import FUTURE, NO_CURRENT_TASK, expect, forever, hops, kept, name_task_of, shape, start


def tasks(how, **facts):
    return dict(facts, kind="tasks", how=how)


def leaf(name, *parents):
    """A task that waits for good, awaited by those."""
    return start(forever(), name, "forever", wait=FUTURE, parents=parents)


@shape
async def task():
    async def parent(child):
        await child

    start(parent(leaf("task-child", "task-parent")), "task-parent", "parent", wait=tasks("task"))


@shape
async def gather():
    async def parent(children):
        await asyncio.gather(*children)

    start(parent([leaf("gather-child-%d" % n, "gather-parent") for n in range(5)]), "gather-parent", "parent", wait=tasks("gather"))


@shape
async def gather_of_coroutines():
    async def parent(coroutines):
        await asyncio.gather(*coroutines, return_exceptions=True)

    coroutines = [forever() for _ in range(3)]
    start(parent(coroutines), "gather-unnamed-parent", "parent", wait=tasks("gather"))
    await hops()
    for n, coroutine in enumerate(coroutines):
        name_task_of(coroutine, "gather-unnamed-%d" % n)
        expect("gather-unnamed-%d" % n, "forever", wait=FUTURE, parents=["gather-unnamed-parent"])


@shape
async def nested_gather():
    """A gather in a gather has no task of its own: the parent of its children is the one that awaits the outer."""
    async def parent(left, right, alone):
        await asyncio.gather(asyncio.gather(*left), asyncio.gather(*right), alone)

    children = [leaf("nested-%d" % n, "nested-parent") for n in range(5)]
    start(parent(children[:2], children[2:4], children[4]), "nested-parent", "parent", wait=tasks("gather"))


@shape
async def gather_in_a_child():
    async def middle(children):
        await asyncio.gather(*children)

    async def parent(children):
        await asyncio.gather(*children)

    middles = [start(middle([leaf("tree-leaf-%d-%d" % (n, m), "tree-middle-%d" % n) for m in range(2)]), "tree-middle-%d" % n, "middle",
                     wait=tasks("gather"), parents=["tree-parent"]) for n in range(2)]
    start(parent(middles), "tree-parent", "parent", wait=tasks("gather"))


@shape
async def gather_partly_done():
    async def short():
        pass

    async def parent(children):
        await asyncio.gather(*children)

    children = [leaf("partly-left", "partly-parent"), aioharness.start(short(), "partly-done")]
    start(parent(children), "partly-parent", "parent", wait=tasks("gather"))


@shape(since=(3, 11), unless=NO_CURRENT_TASK)
async def task_group():
    async def child():
        await forever()

    async def parent():
        async with asyncio.TaskGroup() as group:
            for n in range(4):
                kept.append(group.create_task(child(), name="group-child-%d" % n))
                expect("group-child-%d" % n, "forever child", wait=FUTURE, parents=["group-parent"])

    start(parent(), "group-parent", "parent", wait=tasks("TaskGroup"))


@shape(since=(3, 11), unless=NO_CURRENT_TASK)
async def nested_task_groups():
    async def middle(name):
        async with asyncio.TaskGroup() as group:
            kept.append(group.create_task(forever(), name=name + "-leaf"))
            expect(name + "-leaf", "forever", wait=FUTURE, parents=[name])

    async def parent():
        async with asyncio.TaskGroup() as outer:
            for name in ("groups-a", "groups-b"):
                kept.append(outer.create_task(middle(name), name=name))
                expect(name, "middle", wait=tasks("TaskGroup"), parents=["groups-parent"])

    start(parent(), "groups-parent", "parent", wait=tasks("TaskGroup"))


@shape
async def wait():
    async def parent(children, **options):
        await asyncio.wait(children, **options)

    for name, options in (("wait-all", {}), ("wait-first", {"return_when": asyncio.FIRST_COMPLETED}), ("wait-timeout", {"timeout": 3600})):
        start(parent([leaf("%s-child-%d" % (name, n), name) for n in range(3)], **options), name, "parent", wait=tasks("wait"))


@shape(unless=NO_CURRENT_TASK)
async def wait_for():
    async def parent(child):
        await asyncio.wait_for(child, 3600)

    start(parent(leaf("wait-for-child", "wait-for-parent")), "wait-for-parent", "parent", wait=tasks("wait_for"))


@shape(unless=NO_CURRENT_TASK)
async def wait_for_coroutine():
    """In a task of its own up to 3.11, in line later."""
    event = asyncio.Event()

    async def inner(event):
        await event.wait()

    async def parent(coroutine):
        await asyncio.wait_for(coroutine, 3600)

    coroutine = inner(event)
    event_facts = {"kind": "event", "type": "Event", "waiters": 1}
    if sys.version_info < (3, 12):
        start(parent(coroutine), "wait-for-it", "parent", wait=tasks("wait_for"))
        await hops()
        name_task_of(coroutine, "wait-for-inner")
        expect("wait-for-inner", "inner", wait=event_facts, obj=event, parents=["wait-for-it"])
    else:
        start(parent(coroutine), "wait-for-it", "inner parent", wait=event_facts, obj=event)


@shape(since=(3, 11), unless=NO_CURRENT_TASK)
async def timeout():
    stop = asyncio.Event()

    async def limited():
        async with asyncio.timeout(3600):
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + 7200):
                await stop.wait()

    start(limited(), "timeout", "limited", obj=stop, wait={"kind": "event", "type": "Event", "waiters": 1})


@shape
async def shield():
    async def parent(child):
        await asyncio.shield(child)

    start(parent(leaf("shield-child", "shield-parent")), "shield-parent", "parent", wait=tasks("shield"))


@shape(unless=NO_CURRENT_TASK)
async def shield_in_wait_for():
    async def parent(child):
        await asyncio.wait_for(asyncio.shield(child), 3600)

    start(parent(leaf("both-child", "both-parent")), "both-parent", "parent", wait={"kind": "tasks", "how": ["wait_for", "shield"]})


@shape
async def as_completed():
    async def parent(children):
        for one in asyncio.as_completed(children):
            await one

    start(parent([leaf("completed-child-%d" % n, "completed-parent") for n in range(3)]), "completed-parent", "parent", wait=tasks("as_completed"))


@shape(since=(3, 13))
async def async_for_as_completed():
    async def parent(children):
        async for one in asyncio.as_completed(children):
            await one

    start(parent([leaf("completed-for-child-%d" % n, "completed-for-parent") for n in range(3)]), "completed-for-parent", "parent",
          wait=tasks("as_completed"))


@shape
async def awaited_by_several():
    async def direct(child):
        await child

    async def gathering(child):
        await asyncio.gather(child)

    async def shielding(child):
        await asyncio.shield(child)

    async def waiting(child):
        await asyncio.wait([child])

    child = leaf("several-child", "several-direct-0", "several-direct-1", "several-gather", "several-shield", "several-wait")
    for n in range(2):
        start(direct(child), "several-direct-%d" % n, "direct", wait=tasks("task"))
    start(gathering(child), "several-gather", "gathering", wait=tasks("gather"))
    start(shielding(child), "several-shield", "shielding", wait=tasks("shield"))
    start(waiting(child), "several-wait", "waiting", wait=tasks("wait"))


@shape
async def gathered_elsewhere():
    """One task calls gather() and goes on, another awaits what it returned; or nobody does."""
    async def calls(prefix, awaited):
        future = asyncio.gather(*[leaf("%s-child-%d" % (prefix, n), *["%s-waiter" % prefix] * awaited) for n in range(3)])
        if awaited:
            start(waits(future), "%s-waiter" % prefix, "waits", wait=tasks("gather"))
        kept.append(future)
        await asyncio.get_running_loop().create_future()

    async def waits(future):
        await future

    start(calls("elsewhere", True), "elsewhere-caller", "calls", wait=FUTURE)
    start(calls("nowhere", False), "nowhere-caller", "calls", wait=FUTURE)


@shape
async def awaited_by_many():
    async def one(child):
        await child

    async def shielded(child):
        await asyncio.shield(child)

    names = ["many-%s-%d" % (kind, n) for kind in ("await", "shield") for n in range(25)]
    child = leaf("many-child", *names)
    for name in names:
        function = one if "await" in name else shielded
        start(function(child), name, function.__name__, wait=tasks("task" if function is one else "shield"))


@shape
async def future_of_several():
    reply = asyncio.get_running_loop().create_future()

    async def one():
        await reply

    for n in range(3):
        start(one(), "same-future-%d" % n, "one", obj=reply, wait={"kind": "future", "name": [
            "reply", "one.reply", "future_of_several.reply", "future_of_several.<locals>.one.reply"]})


@shape
async def cycle():
    """Two tasks that await each other, three that do so in a ring, one that awaits itself through a shield."""
    async def await_of(tasks, other):
        await tasks[other]

    async def shield_of(tasks, other):
        await asyncio.shield(tasks[other])

    def ring(prefix, function, how, size):
        made = []
        for n in range(size):
            made.append(start(function(made, (n + 1) % size), "%s-%d" % (prefix, n), function.__name__, wait=tasks(how),
                              parents=["%s-%d" % (prefix, (n - 1) % size)]))

    ring("pair", await_of, "task", 2)
    ring("ring", await_of, "task", 3)
    ring("shields", shield_of, "shield", 2)
    ring("self", shield_of, "shield", 1)


@shape
async def chain_of_tasks():
    async def link(inner):
        await inner

    inner = leaf("link-0", "link-1")
    for n in range(1, 20):
        parents = ["link-%d" % (n + 1)] if n < 19 else []
        inner = start(link(inner), "link-%d" % n, "link", wait=tasks("task"), parents=parents)


if __name__ == "__main__":
    aioharness.run()
