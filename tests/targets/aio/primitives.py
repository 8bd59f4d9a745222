# SPDX-License-Identifier: Apache-2.0
"""Each thing to wait on that asyncio has, under each kind of name that a program can give it."""
import asyncio
import time

import aioharness
from aioharness import FUTURE, UVLOOP, expect, forever, hops, kept, shape, start

GLOBAL_LOCK = None
GLOBAL_SEMAPHORE = None
GLOBAL_EVENT = None
LOCK = {"kind": "lock", "type": "Lock", "module": "asyncio.locks", "free": 0}


class Owner:
    shared = None

    def __init__(self):
        self._lock = asyncio.Lock()
        self._slots = asyncio.Semaphore(2)
        self._bounded = asyncio.BoundedSemaphore(3)
        self._stop = asyncio.Event()
        self._changed = asyncio.Condition()
        self._inbox = asyncio.Queue()
        self._outbox = asyncio.Queue(1)
        self._work = asyncio.Queue(5)
        self._last = asyncio.LifoQueue()
        self._first = asyncio.PriorityQueue()
        self._locks = {"a": asyncio.Lock()}
        self._reply = asyncio.get_running_loop().create_future()
        self.inner = None

    async def lock(self):
        async with self._lock:
            await forever()

    async def slots(self):
        async with self._slots:
            await forever()

    async def bounded(self):
        async with self._bounded:
            await forever()

    async def stop(self):
        await self._stop.wait()

    async def changed(self):
        async with self._changed:
            await self._changed.wait()

    async def changed_for(self):
        async with self._changed:
            await self._changed.wait_for(lambda: False)

    async def changing(self):
        async with self._changed:
            await forever()

    async def inbox(self):
        await self._inbox.get()

    async def outbox(self):
        await self._outbox.put("more")

    async def join(self):
        await self._work.join()

    async def last(self):
        await self._last.get()

    async def first(self):
        await self._first.get()

    async def by_key(self, key):
        async with self._locks[key]:
            await forever()

    async def through(self):
        async with self.inner._lock:
            await forever()

    async def of_class(self):
        async with self.shared:
            await forever()

    async def explicit(self):
        await self._lock.acquire()
        await forever()

    async def reply(self):
        await self._reply


def named(name, **facts):
    return dict(facts, name=name)


@shape
async def lock_of_self():
    owner = Owner()
    start(owner.lock(), "lock-holder", "forever lock", wait=FUTURE, holds=[owner._lock])
    for n in range(2):
        start(owner.lock(), "lock-waiter-%d" % n, "lock", obj=owner._lock, wait=named(
            "Owner._lock", name_source="code", waiters=2, holders=["lock-holder"], **LOCK))


@shape
async def semaphore_of_self():
    owner = Owner()
    for n in range(2):
        start(owner.slots(), "slots-holder-%d" % n, "forever slots", wait=FUTURE, holds=[owner._slots])
    for n in range(3):
        start(owner.slots(), "slots-waiter-%d" % n, "slots", obj=owner._slots, wait=named(
            "Owner._slots", name_source="code", kind="semaphore", type="Semaphore", module="asyncio.locks", free=0, capacity=2,
            capacity_source="counted", waiters=3, holders=["slots-holder-0", "slots-holder-1"]))


async def give_back(thing):
    """Inside of its context, without it."""
    async with thing:
        thing.release()
        await forever()


async def keep(thing):
    async with thing:
        await forever()


@shape
async def given_back_inside():
    """A lock that is free has no holder; of two that are inside of one lock, asyncio does not know which one has it."""
    free, taken = asyncio.Lock(), asyncio.Lock()
    slots = asyncio.BoundedSemaphore(2)
    start(give_back(free), "given-back", "forever give_back", wait=FUTURE)
    for thing, kind, name, n in (taken, "lock", "taken", 1), (slots, "semaphore", "slots", 2):
        start(give_back(thing), "given-back-" + name, "forever give_back", wait=FUTURE)
        await hops()
        for i in range(n):
            start(keep(thing), "kept-%s-%d" % (name, i), "forever keep", wait=FUTURE)
        start(keep(thing), "wants-" + name, "keep", obj=thing, wait={"kind": kind, "free": 0, "waiters": 1, "holders": []})
        await hops()
    assert not free.locked() and taken.locked() and slots.locked()


@shape
async def bounded_semaphore_of_self():
    owner = Owner()
    for n in range(3):
        start(owner.bounded(), "bounded-holder-%d" % n, "forever bounded", wait=FUTURE, holds=[owner._bounded])
    start(owner.bounded(), "bounded-waiter", "bounded", obj=owner._bounded, wait=named(
        "Owner._bounded", name_source="code", kind="semaphore", type="BoundedSemaphore", module="asyncio.locks", free=0, capacity=3,
        capacity_source="stored", waiters=1, holders=["bounded-holder-%d" % n for n in range(3)]))


@shape
async def event_of_self():
    owner = Owner()
    for n in range(3):
        start(owner.stop(), "event-%d" % n, "stop", obj=owner._stop, wait=named(
            "Owner._stop", kind="event", type="Event", module="asyncio.locks", waiters=3, holders=[]))


@shape
async def condition_of_self():
    owner = Owner()
    facts = dict(kind="condition", type="Condition", module="asyncio.locks", waiters=2)
    start(owner.changed(), "condition-wait", "changed", obj=owner._changed, wait=named("Owner._changed", **facts))
    start(owner.changed_for(), "condition-wait-for", "changed_for", obj=owner._changed, wait=named("Owner._changed", **facts))
    await hops()
    start(owner.changing(), "condition-holder", "forever changing", wait=FUTURE, holds=[owner._changed._lock])
    start(owner.changing(), "condition-entering", "changing", obj=owner._changed._lock,
          wait=dict(LOCK, waiters=1, holders=["condition-holder"]))


@shape
async def queues_of_self():
    owner = Owner()
    owner._outbox.put_nowait("full")
    owner._work.put_nowait("unfinished")
    facts = dict(module="asyncio.queues", holders=[])
    start(owner.inbox(), "queue-get", "inbox", obj=owner._inbox, wait=named(
        "Owner._inbox", kind="queue-get", type="Queue", size=0, maxsize=0, waiters=1, **facts))
    for n in range(2):
        start(owner.outbox(), "queue-put-%d" % n, "outbox", obj=owner._outbox, wait=named(
            "Owner._outbox", kind="queue-put", type="Queue", size=1, maxsize=1, waiters=2, **facts))
    start(owner.join(), "queue-join", "join", obj=owner._work, wait=named(
        "Owner._work", kind="queue-join", type="Queue", size=1, maxsize=5, **facts))
    start(owner.last(), "queue-lifo", "last", obj=owner._last, wait=named(
        "Owner._last", kind="queue-get", type="LifoQueue", size=0, maxsize=0, waiters=1, **facts))
    start(owner.first(), "queue-priority", "first", obj=owner._first, wait=named(
        "Owner._first", kind="queue-get", type="PriorityQueue", size=0, maxsize=0, waiters=1, **facts))


@shape(since=(3, 11))
async def barrier_of_self():
    class Party:
        def __init__(self):
            self._start = asyncio.Barrier(3)

        async def meet(self):
            await self._start.wait()

    party = Party()
    for n in range(2):
        start(party.meet(), "barrier-%d" % n, "meet", obj=party._start, wait=named(
            "Party._start", kind="barrier", type="Barrier", module="asyncio.locks"))


@shape
async def sleeping():
    async def nap():
        await asyncio.sleep(3600)

    before = time.monotonic()
    start(nap(), "sleep")
    await hops()  # it sleeps
    expect("sleep", "nap", wait={"kind": "sleep"}, due=before + 3600, due_at_most=time.monotonic() + 3600, due_may_be_unknown=UVLOOP)


@shape
async def module_globals():
    global GLOBAL_LOCK, GLOBAL_SEMAPHORE, GLOBAL_EVENT
    GLOBAL_LOCK, GLOBAL_SEMAPHORE, GLOBAL_EVENT = asyncio.Lock(), asyncio.Semaphore(1), asyncio.Event()

    async def lock():
        async with GLOBAL_LOCK:
            await forever()

    async def semaphore():
        async with GLOBAL_SEMAPHORE:
            await forever()

    async def event():
        await GLOBAL_EVENT.wait()

    def names(name):
        return [name, "__main__." + name, "primitives." + name]

    start(lock(), "global-lock-holder", "forever lock", wait=FUTURE, holds=[GLOBAL_LOCK])
    start(lock(), "global-lock-waiter", "lock", obj=GLOBAL_LOCK, wait=named(
        names("GLOBAL_LOCK"), waiters=1, holders=["global-lock-holder"], **LOCK))
    start(semaphore(), "global-semaphore-holder", "forever semaphore", wait=FUTURE, holds=[GLOBAL_SEMAPHORE])
    start(semaphore(), "global-semaphore-waiter", "semaphore", obj=GLOBAL_SEMAPHORE, wait=named(
        names("GLOBAL_SEMAPHORE"), kind="semaphore", type="Semaphore", free=0, capacity=1, capacity_source="counted", waiters=1,
        holders=["global-semaphore-holder"]))
    start(event(), "global-event", "event", obj=GLOBAL_EVENT, wait=named(names("GLOBAL_EVENT"), kind="event", type="Event", waiters=1))


@shape
async def closure_variable():
    shared_lock = asyncio.Lock()

    async def want():
        async with shared_lock:
            await forever()

    start(want(), "closure-holder", "forever want", wait=FUTURE, holds=[shared_lock])
    start(want(), "closure-waiter", "want", obj=shared_lock, wait=named(
        ["shared_lock", "closure_variable.shared_lock", "want.shared_lock", "closure_variable.<locals>.want.shared_lock"],
        waiters=1, holders=["closure-holder"], **LOCK))


@shape
async def local_variable():
    async def want(given_lock):
        async with given_lock:
            await forever()

    async def alias(given_lock):
        mine = given_lock
        async with mine as entered:
            await forever()
        return entered

    lock = asyncio.Lock()
    facts = dict(LOCK, waiters=2, holders=["local-holder"])
    # one object, and so one of the names that the two functions know it by
    names = ["want.given_lock", "alias.mine", "given_lock", "mine", "local_variable.<locals>.want.given_lock", "local_variable.<locals>.alias.mine"]
    start(want(lock), "local-holder", "forever want", wait=FUTURE, holds=[lock])
    start(want(lock), "local-waiter", "want", obj=lock, wait=named(names, **facts))
    start(alias(lock), "local-alias", "alias", obj=lock, wait=named(names, **facts))


@shape
async def in_a_dict():
    owner = Owner()
    lock = owner._locks["a"]
    start(owner.by_key("a"), "key-holder", "forever by_key", wait=FUTURE, holds=[lock])
    start(owner.by_key("a"), "key-waiter", "by_key", obj=lock, wait=named(
        ["Owner._locks[...]", "Owner._locks['a']", "Owner._locks[\"a\"]", "Owner._locks[key]", "Owner._locks"], waiters=1, holders=["key-holder"], **LOCK))


@shape
async def of_another_object():
    class Inner:
        def __init__(self):
            self._lock = asyncio.Lock()

    owner = Owner()
    owner.inner = Inner()
    start(owner.through(), "inner-holder", "forever through", wait=FUTURE, holds=[owner.inner._lock])
    start(owner.through(), "inner-waiter", "through", obj=owner.inner._lock, wait=named(
        ["Owner.inner._lock", "Inner._lock"], waiters=1, holders=["inner-holder"], **LOCK))


@shape
async def of_a_class():
    Owner.shared = asyncio.Lock()
    owner = Owner()
    start(owner.of_class(), "class-holder", "forever of_class", wait=FUTURE, holds=[Owner.shared])
    start(owner.of_class(), "class-waiter", "of_class", obj=Owner.shared, wait=named("Owner.shared", waiters=1, holders=["class-holder"], **LOCK))


@shape
async def of_a_subclass():
    class Derived(Owner):
        pass

    owner = Derived()
    start(owner.lock(), "subclass-holder", "forever lock", wait=FUTURE, holds=[owner._lock])
    start(owner.lock(), "subclass-waiter", "lock", obj=owner._lock, wait=named(
        ["Derived._lock", "Owner._lock"], waiters=1, holders=["subclass-holder"], **LOCK))


@shape
async def own_type():
    class Gate(asyncio.Semaphore):
        pass

    gate = Gate(1)

    async def want():
        async with gate:
            await forever()

    start(want(), "own-type-holder", "forever want", wait=FUTURE, holds=[gate])
    start(want(), "own-type-waiter", "want", obj=gate, wait=dict(
        kind="semaphore", type="Gate", module="__main__", free=0, capacity=1, capacity_source="counted", waiters=1, holders=["own-type-holder"]))


@shape
async def explicit_acquire():
    """Who took it by acquire() is written nowhere; what it is and its name are."""
    owner = Owner()
    start(owner.explicit(), "explicit-holder", "forever explicit", wait=FUTURE)
    start(owner.explicit(), "explicit-waiter", "explicit", obj=owner._lock, wait=named("Owner._lock", waiters=1, **LOCK))


@shape
async def several_held():
    owner = Owner()

    async def both():
        async with owner._lock:
            async with owner._slots, owner._bounded:
                await forever()

    async def last():
        async with owner._lock:
            pass

    start(both(), "several-holder", "forever both", wait=FUTURE, holds=[owner._lock, owner._slots, owner._bounded])
    start(last(), "several-waiter", "last", obj=owner._lock, wait=named(
        ["owner._lock", "Owner._lock"], waiters=1, holders=["several-holder"], **LOCK))


@shape
async def waits_while_it_holds():
    """Two tasks, two locks, each wants the other's: a deadlock.  Each lock is `mine` to one and `other` to the other: no name."""
    left, right = asyncio.Lock(), asyncio.Lock()
    gate = asyncio.Event()

    async def take(mine, other):
        async with mine:
            await gate.wait()
            async with other:
                pass

    for task, other, mine, wanted in (("deadlock-a", "deadlock-b", left, right), ("deadlock-b", "deadlock-a", right, left)):
        start(take(mine, wanted), task, "take", obj=wanted, holds=[mine], wait=dict(LOCK, waiters=1, holders=[other], name=None))
    await hops()
    gate.set()


@shape
async def future_by_hand():
    owner = Owner()

    async def local():
        answer = asyncio.get_running_loop().create_future()
        await answer

    future = dict(kind="future", type="Future")
    start(owner.reply(), "future-of-self", "reply", obj=owner._reply, wait=named("Owner._reply", **future))
    start(local(), "future-local", "local", wait=named(["answer", "local.answer", "future_by_hand.<locals>.local.answer"], **future))
    kept.append(owner)


if __name__ == "__main__":
    aioharness.run()
