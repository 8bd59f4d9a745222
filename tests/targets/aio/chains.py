# SPDX-License-Identifier: Apache-2.0
"""Every object that can stand between a task and what it waits for."""
import asyncio
import contextlib
import functools
import sys
import types

import aioharness
from aioharness import FUTURE, forever, hops, kept, shape, start

ANSWER = {"kind": "future"}


async def deeper(n):
    if n:
        await deeper(n - 1)
    else:
        await forever()


@shape
async def coroutines():
    start(deeper(6), "coroutines", "forever" + " deeper" * 7, wait=FUTURE)


async def rows():
    yield 1
    await forever()
    yield 2


async def more_rows():
    async for row in rows():
        yield row


@shape
async def async_for():
    async def consume():
        async for _ in rows():
            pass

    start(consume(), "async-for", "forever rows consume", wait=FUTURE)


@shape
async def nested_async_for():
    async def consume():
        async for _ in more_rows():
            pass

    start(consume(), "async-for-nested", "forever rows more_rows consume", wait=FUTURE)


@shape
async def async_comprehension():
    async def consume():
        return [row async for row in rows()]

    # a frame of its own up to 3.11
    start(consume(), "async-comprehension", ("forever rows consume" if sys.version_info >= (3, 12) else "forever rows <listcomp> consume"),
          wait=FUTURE)


@shape
async def asend():
    async def echo():
        got = yield 1
        await forever()
        yield got

    async def consume():
        generator = echo()
        await generator.asend(None)
        await generator.asend("value")

    start(consume(), "asend", "forever echo consume", wait=FUTURE)


@shape
async def aclose():
    async def closing():
        try:
            yield 1
        finally:
            await forever()

    async def consume():
        generator = closing()
        await generator.asend(None)
        await generator.aclose()

    start(consume(), "aclose", "forever closing consume", wait=FUTURE)


@shape
async def athrow():
    async def catching():
        try:
            yield 1
        except KeyError:
            await forever()

    async def consume():
        generator = catching()
        await generator.asend(None)
        await generator.athrow(KeyError())

    start(consume(), "athrow", "forever catching consume", wait=FUTURE)


@shape(since=(3, 10))
async def anext_default():
    async def consume():
        await anext(rows_at_once(), None)  # noqa: F821 (3.10)

    start(consume(), "anext", "forever rows_at_once consume", wait=FUTURE)


async def rows_at_once():
    await forever()
    yield 1


@types.coroutine
def by_generator():
    yield from asyncio.get_running_loop().create_future()


@types.coroutine
def from_coroutine():
    yield from forever()


@types.coroutine
def through_generators():
    yield from by_generator()


@shape
async def generator_based():
    async def consume(function):
        await function()

    start(consume(by_generator), "generator", "by_generator consume", wait=ANSWER)
    start(consume(from_coroutine), "generator-of-coroutine", "forever from_coroutine consume", wait=FUTURE)
    start(consume(through_generators), "generators", "by_generator through_generators consume", wait=ANSWER)


class ByGenerator:
    def __await__(self):
        yield from asyncio.get_running_loop().create_future()


class ByWrapper:
    """Hands on what a coroutine's __await__ gives."""

    def __await__(self):
        return forever().__await__()


class Iterator:
    """An object that Python cannot see into: the chain ends here."""

    def __init__(self):
        self.iterator = iter(asyncio.get_running_loop().create_future())

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.iterator)


class ByIterator:
    def __await__(self):
        return Iterator()


@shape
async def own_awaitables():
    async def consume(awaitable):
        await awaitable

    start(consume(ByGenerator()), "await-generator", "__await__ consume", wait=ANSWER)
    start(consume(ByWrapper()), "await-wrapper", "forever consume", wait=FUTURE)
    start(consume(ByIterator()), "await-iterator", "consume", wait=ANSWER)


@shape
async def context_manager_holds():
    """The lock is held by a generator that nobody awaits now: it is found through the context manager on the task's stack."""
    class Store:
        def __init__(self):
            self._lock = asyncio.Lock()

        @contextlib.asynccontextmanager
        async def transaction(self):
            async with self._lock:
                yield self

        async def work(self):
            async with self.transaction():
                await forever()

    store = Store()
    start(store.work(), "transaction-holder", "forever work", wait=FUTURE, holds=[store._lock])
    start(store.work(), "transaction-waiter", "transaction work", obj=store._lock, wait={
        "kind": "lock", "type": "Lock", "name": "Store._lock", "free": 0, "waiters": 1, "holders": ["transaction-holder"]})


@shape
async def contexts_of_contexts():
    """A context manager inside of one inside of one: what the innermost has taken is held by the task."""
    class Store:
        def __init__(self):
            self.outer, self.inner = asyncio.Lock(), asyncio.Lock()

        @contextlib.asynccontextmanager
        async def connection(self):
            async with self.inner:
                yield self

        @contextlib.asynccontextmanager
        async def session(self):
            async with self.connection():
                yield self

        @contextlib.asynccontextmanager
        async def transaction(self):
            async with self.outer, self.session():
                yield self

        async def work(self):
            async with self.transaction():
                await forever()

    store = Store()
    start(store.work(), "nested-holder", "forever work", wait=FUTURE, holds=[store.outer, store.inner])


@shape
async def exit_stack_holds():
    """What an AsyncExitStack has entered: locks, a context manager that takes one, another stack; callbacks hold nothing."""
    class Store:
        def __init__(self):
            self.first, self.second, self.third, self.given_back, self.wanted = [asyncio.Lock() for _ in range(5)]

        @contextlib.asynccontextmanager
        async def transaction(self):
            async with self.second:
                yield self

        async def work(self):
            async with contextlib.AsyncExitStack() as stack:
                await stack.enter_async_context(self.first)
                await stack.enter_async_context(self.transaction())
                inner = await stack.enter_async_context(contextlib.AsyncExitStack())
                await inner.enter_async_context(self.third)
                stack.push_async_callback(self.wanted.acquire)
                stack.callback(self.wanted.locked)
                async with contextlib.AsyncExitStack() as other:
                    await other.enter_async_context(self.given_back)
                await forever()

        async def ends(self):
            async with contextlib.AsyncExitStack() as stack:
                await stack.enter_async_context(self.wanted)
                stack.push_async_callback(forever)

        async def wants(self, lock):
            async with contextlib.AsyncExitStack() as stack:
                await stack.enter_async_context(lock)

    store = Store()
    start(store.work(), "stack-holder", "forever work", wait=FUTURE, holds=[store.first, store.second, store.third])
    start(store.ends(), "stack-ends", "forever ends", wait=FUTURE, holds=[store.wanted])
    for name in "first", "second", "third":
        lock = getattr(store, name)
        start(store.wants(lock), "stack-waiter-" + name, "wants", obj=lock, wait={
            "kind": "lock", "type": "Lock", "name": ["Store." + name], "waiters": 1, "holders": ["stack-holder"]})


@shape
async def holds_further_out():
    """The holder is not the innermost coroutine of its task."""
    lock = asyncio.Lock()

    async def outer():
        async with lock:
            await deeper(3)

    async def other():
        async with lock:
            pass

    start(outer(), "further-holder", "forever" + " deeper" * 4 + " outer", wait=FUTURE, holds=[lock])
    start(other(), "further-waiter", "other", obj=lock, wait={"kind": "lock", "waiters": 1, "holders": ["further-holder"]})


@shape
async def own_context_manager():
    """A class whose __aenter__ takes a lock: the waiter is inside it."""
    class Session:
        def __init__(self, lock):
            self._lock = lock

        async def __aenter__(self):
            await self._lock.acquire()

        async def __aexit__(self, *args):
            self._lock.release()

    lock = asyncio.Lock()

    async def use(session):
        async with session:
            await forever()

    start(use(Session(lock)), "session-holder", "forever use", wait=FUTURE)
    start(use(Session(lock)), "session-waiter", "__aenter__ use", obj=lock, wait={
        "kind": "lock", "type": "Lock", "name": "Session._lock", "waiters": 1})


@shape
async def in_finally():
    async def cleanup():
        try:
            raise ValueError
        except ValueError:
            try:
                pass
            finally:
                await forever()

    start(cleanup(), "in-finally", "forever cleanup", wait=FUTURE)


@shape
async def on_several_lines():
    async def spread(a, b, c):
        pass

    async def lines():
        await spread(
            1,
            await deeper(
                0,
            ),
            3,
        )

    start(lines(), "lines", "forever deeper lines", wait=FUTURE)


@shape
async def many_on_the_stack():
    """What it awaits lies above much else on the value stack."""
    async def crowded(a, b):
        return [a, b, {a: (b, [a, a, a, await forever()])}]

    start(crowded(1, 2), "crowded", "forever crowded", wait=FUTURE)


@shape
async def cells_and_locals():
    """Locals, cells and free variables below the value stack."""
    a, b = 1, 2

    async def outer(c, *d, e=5, **f):
        g = h = c

        async def inner():
            nonlocal g, h
            g = h = a + b + c + e
            await forever()
        for one in range(3):
            with contextlib.ExitStack():
                await inner()
        return d, f, g, h, one

    start(outer(1, 2, 3, x=4), "cells", "forever inner outer", wait=FUTURE)


@shape
async def loops_and_handlers():
    async def turns():
        n = 0
        while True:
            try:
                for _ in range(2):
                    await asyncio.sleep(0)
                n += 1
                if n == 2:
                    await forever()
            finally:
                n += 0

    start(turns(), "turns", "forever turns", wait=FUTURE)
    await hops()


@shape
async def async_generator_alone():
    """A generator that is suspended between two values belongs to no task's chain."""
    generator = rows()
    kept.append(generator)

    async def consume():
        await generator.asend(None)
        await forever()

    start(consume(), "between-values", "forever consume", wait=FUTURE)


@shape
async def async_exit_stack():
    lock = asyncio.Lock()

    async def use():
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(lock)
            await forever()

    async def other():
        async with lock:
            pass

    start(use(), "exit-stack-holder", "forever use", wait=FUTURE, holds=[lock])
    start(other(), "exit-stack-waiter", "other", obj=lock, wait={"kind": "lock", "waiters": 1, "holders": ["exit-stack-holder"]})


@shape
async def a_future_of_its_own_class():
    class Reply(asyncio.Future):
        pass

    reply = Reply()

    async def want():
        await reply

    expect_type = {"kind": "future", "type": "Reply", "module": "__main__"}
    start(want(), "own-future", "want", obj=reply, wait=expect_type)
    python = asyncio.futures._PyFuture()

    async def want_python():
        await python

    start(want_python(), "python-future", "want_python", obj=python, wait={"kind": "future", "type": "Future", "module": "asyncio.futures"})


@shape
async def classes_that_are_called_like_the_interpreters_own():
    class generator:
        __slots__ = ()

        def __await__(self):
            return self

        def __iter__(self):
            return self

        def __next__(self):
            future = asyncio.get_running_loop().create_future()
            future._asyncio_future_blocking = True
            aioharness.kept.append(future)
            return future

    async def want():
        await generator()

    start(want(), "class-generator", "want", wait=FUTURE)


@shape
async def callbacks_that_lead_to_their_own_future():
    future = asyncio.get_running_loop().create_future()
    for _ in range(300):  # 300 ** 8 ways
        future.add_done_callback(functools.partial(print, future))

    async def want():
        await future

    start(want(), "own-callbacks", "want", obj=future, wait={"kind": "future"})


if __name__ == "__main__":
    aioharness.run()
