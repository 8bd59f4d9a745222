# SPDX-License-Identifier: Apache-2.0
"""What anyio has to wait on, on its asyncio back end."""

import anyio
import anyio.to_thread

import aioharness
from aioharness import FUTURE, Latch, block, expect, forever, hops, kept, shape, start


class Service:
    def __init__(self):
        self._limiter = anyio.CapacityLimiter(2)
        self._lock = anyio.Lock()
        self._slots = anyio.Semaphore(2)
        self._bounded = anyio.Semaphore(1, max_value=3)
        self._stop = anyio.Event()
        self._changed = anyio.Condition()

    async def limited(self):
        async with self._limiter:
            await forever()

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


async def start_in_turn(*made):
    """One after the other: anyio lets a task go round once even where it gets what it wants at once."""
    for coro, name, chain, facts in made:
        start(coro, name, chain, **facts)
        await hops()


@shape
async def lock_given_back_inside():
    """anyio knows who has it."""
    lock = anyio.Lock()

    async def give_back():
        async with lock:
            lock.release()
            await forever()

    async def keep():
        async with lock:
            await forever()

    wait = {"kind": "lock", "free": 0, "waiters": 1, "holders": ["anyio-keeps"]}
    await start_in_turn((give_back(), "anyio-gave-back", "forever give_back", dict(wait=FUTURE)),
                        (keep(), "anyio-keeps", "forever keep", dict(wait=FUTURE, holds=[lock])),
                        (keep(), "anyio-wants", "keep", dict(obj=lock, wait=wait)))


@shape
async def limiter():
    service = Service()
    holding = dict(wait=FUTURE, holds=[service._limiter])
    await start_in_turn(*[(service.limited(), "limiter-holder-%d" % n, "forever limited", dict(holding)) for n in range(2)])
    wait = {"kind": "limiter", "type": "CapacityLimiter", "name": "Service._limiter", "free": 0, "capacity": 2, "capacity_source": "stored",
            "waiters": 3, "holders": ["limiter-holder-0", "limiter-holder-1"]}
    await start_in_turn(*[(service.limited(), "limiter-waiter-%d" % n, "limited", dict(wait=dict(wait), obj=service._limiter)) for n in range(3)])


@shape
async def lock():
    service = Service()
    await start_in_turn((service.lock(), "anyio-lock-holder", "forever lock", dict(wait=FUTURE, holds=[service._lock])))
    wait = {"kind": "lock", "type": "Lock", "name": "Service._lock", "free": 0, "waiters": 2, "holders": ["anyio-lock-holder"]}
    await start_in_turn(*[(service.lock(), "anyio-lock-waiter-%d" % n, "lock", dict(wait=dict(wait), obj=service._lock)) for n in range(2)])


@shape
async def semaphore():
    service = Service()
    holding = dict(wait=FUTURE, holds=[service._slots])
    await start_in_turn(*[(service.slots(), "anyio-slots-holder-%d" % n, "forever slots", dict(holding)) for n in range(2)])
    wait = {"kind": "semaphore", "type": "Semaphore", "name": "Service._slots", "free": 0, "capacity": 2, "waiters": 1,
            "holders": ["anyio-slots-holder-0", "anyio-slots-holder-1"]}
    await start_in_turn((service.slots(), "anyio-slots-waiter", "slots", dict(wait=wait, obj=service._slots)))
    await start_in_turn((service.bounded(), "anyio-bounded-holder", "forever bounded", dict(wait=FUTURE, holds=[service._bounded])))
    await start_in_turn((service.bounded(), "anyio-bounded-waiter", "bounded", dict(obj=service._bounded, wait={
        "kind": "semaphore", "name": "Service._bounded", "free": 0, "waiters": 1, "holders": ["anyio-bounded-holder"]})))


@shape
async def event():
    service = Service()
    # anyio's Event wraps asyncio's: either may be shown, under the name that the code gives it
    await start_in_turn((service.stop(), "anyio-event", "stop", dict(wait={"kind": "event", "type": "Event", "name": "Service._stop"})))


@shape
async def condition():
    service = Service()
    await start_in_turn((service.changed(), "anyio-condition", "changed", dict(wait={
        "kind": ["condition", "event", "future"]})))
    kept.append(service)


@shape
async def task_group():
    async def child():
        await forever()

    async def parent():
        async with anyio.create_task_group() as group:
            for n in range(3):
                group.start_soon(child, name="anyio-child-%d" % n)
                expect("anyio-child-%d" % n, "forever child", wait=FUTURE, parents=["anyio-parent"])

    start(parent(), "anyio-parent", "parent", wait={"kind": "tasks", "how": ["TaskGroup", "wait"]})


@shape
async def sleeping():
    async def nap():
        await anyio.sleep(3600)

    start(nap(), "anyio-sleep", "nap", wait={"kind": "sleep"})


@shape
async def memory_stream():
    send, receive = anyio.create_memory_object_stream(0)
    kept.append(send)

    async def want():
        await receive.receive()

    start(want(), "anyio-stream", "want", wait={})


@shape
async def threads_of_an_own_limiter():
    """Two threads that block, two calls that wait for the limiter."""
    own_limiter, latch = anyio.CapacityLimiter(2), Latch(2)

    async def call(task):
        await anyio.to_thread.run_sync(block, task, latch, limiter=own_limiter)

    for n in range(2):
        start(call("own-call-%d" % n), "own-call-%d" % n, "call", wait={"kind": "worker-thread"}, holds=[own_limiter])
    await latch.done
    for n in range(2, 4):
        start(call("own-call-%d" % n), "own-call-%d" % n, "call", obj=own_limiter, wait={
            "kind": "limiter", "type": "CapacityLimiter", "free": 0, "capacity": 2, "waiters": 2, "holders": ["own-call-0", "own-call-1"]})
        await hops()


@shape
async def default_limiter():
    """Forty of fifty synchronous calls run, ten wait for the limiter that nobody asked for."""
    latch, default = Latch(40), anyio.to_thread.current_default_thread_limiter()
    assert default.total_tokens == 40

    async def endpoint(task):
        await anyio.to_thread.run_sync(block, task, latch)

    for n in range(40):
        start(endpoint("endpoint-%d" % n), "endpoint-%d" % n, "endpoint", wait={"kind": "worker-thread"}, holds=[default])
    await latch.done
    for n in range(40, 50):
        start(endpoint("endpoint-%d" % n), "endpoint-%d" % n, "endpoint", obj=default, wait={
            "kind": "limiter", "type": "CapacityLimiter", "free": 0, "capacity": 40, "capacity_source": "stored", "waiters": 10,
            "holders": ["endpoint-%d" % n for n in range(40)]})
        await hops()


if __name__ == "__main__":
    aioharness.run()
