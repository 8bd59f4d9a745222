# SPDX-License-Identifier: Apache-2.0
"""Locks under every kind of name that a program can reach them by.  "names" says of each what it may be called: what one would search
the source for; None = nothing that is true of it."""
import asyncio
import collections
import contextlib
import dataclasses
import functools
import sys
import threading
import types

import aioharness
import harness
from aioharness import forever, kept, start

config = types.ModuleType("config")
state = types.SimpleNamespace()
LOCKS, REGISTRY = {}, {}
names = {}   # id of an object -> what it may be called
wrong = []   # shapes whose tasks do not wait as they should
shapes = []
app = None


def shape(function):
    if sys.version_info >= getattr(function, "since", (3, 8)):
        shapes.append(function)
    return function


def lock(*called):
    """One that is taken for good."""
    one = asyncio.Lock()
    one._locked = True
    kept.append(one)
    names[hex(id(one))] = list(called)
    return one


def run(*coros):
    for coro in coros:
        start(coro, "%s-%d" % (coro.__name__, len(kept)))


class Owner:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


# ---- attributes ----

@shape
def attribute_of_self():
    class Client(Owner):
        async def work(self):
            async with self._lock:
                pass

        async def explicit(self):
            await self._lock.acquire()
            try:
                pass
            finally:
                self._lock.release()

        async def captured(self):
            def inner():
                return self
            async with self._lock:
                return inner

    for method in Client.work, Client.explicit, Client.captured:
        run(method(Client(_lock=lock("Client._lock"))))


@shape
def attribute_of_another_object():
    class Pool(Owner):
        pass

    class Client(Owner):
        async def work(self):
            async with self.pool.slots:
                pass

    run(Client(pool=Pool(slots=lock("Pool.slots"))).work())


@shape
def attribute_of_a_class():
    class Base:
        SHARED = lock("Base.SHARED")
        OTHER = lock("Base.OTHER")
        THIRD = lock("Base.THIRD")

        async def by_self(self):
            async with self.SHARED:
                pass

        @classmethod
        async def by_class(cls):
            async with cls.OTHER:
                pass

        async def by_type(self):
            async with type(self).THIRD:
                pass

    class Derived(Base):
        pass

    run(Derived().by_self(), Derived.by_class(), Derived().by_type())


@shape
def private_attribute():
    class Client:
        def __init__(self):
            self.__lock = lock("Client.__lock")

        async def work(self):
            async with self.__lock:
                pass

        async def timed(self):
            await asyncio.wait_for(self.__lock.acquire(), 1000)

    class Derived(Client):
        pass

    run(Client().work(), Derived().work(), Client().timed(), Derived().timed())


@shape
def attribute_of_a_subclass():
    class Base(Owner):
        async def work(self):
            async with self._lock:
                pass

    class Derived(Base):
        pass

    run(Derived(_lock=lock("Derived._lock", "Base._lock")).work())


@shape
def property_of_self():
    class Client(Owner):
        @property
        def guard(self):
            return self._lock

        @property
        def hidden(self):
            return REGISTRY["property"]

        async def work(self):
            async with self.guard:
                pass

        async def other(self):
            await self.hidden.acquire()

    REGISTRY["property"] = lock("Client.hidden")
    run(Client(_lock=lock("Client._lock")).work(), Client().other())


@shape
def other_kinds_of_classes():
    @dataclasses.dataclass
    class Data:
        lock: object

        async def work(self):
            async with self.lock:
                pass

    class Slots:
        __slots__ = ("first", "lock")

        def __init__(self, lock):
            self.lock = lock

        async def work(self):
            async with self.lock:
                pass

        async def timed(self):
            await asyncio.wait_for(self.lock.acquire(), 1000)

    class Pair(collections.namedtuple("Base", "lock other")):
        async def work(self):
            async with self.lock:
                pass

    class PrivateSlots:
        __slots__ = ("__lock",)

        def __init__(self, lock):
            self.__lock = lock

        async def work(self):
            async with self.__lock:
                pass

        async def timed(self):
            await asyncio.wait_for(self.given(), 1000)

        def given(self):
            return self.__lock.acquire()

    run(PrivateSlots(lock("PrivateSlots.__lock")).work(), PrivateSlots(lock("PrivateSlots.__lock")).timed())
    run(Data(lock("Data.lock")).work(), Slots(lock("Slots.lock")).work(), Slots(lock("Slots.lock")).timed(),
        Pair(lock("Pair.lock", "Base.lock"), 1).work())


@shape
def replaced_since():
    """The name means another object by now."""
    class Client(Owner):
        async def work(self):
            async with self._lock:
                pass

    client = Client(_lock=lock(None))
    run(client.work())
    asyncio.get_running_loop().call_later(0.01, lambda: client.__dict__.update(_lock=asyncio.Lock()))


# ---- items ----

@shape
def items():
    class Client(Owner):
        async def by_key(self, key):
            async with self.by_name[key]:
                pass

        async def by_index(self):
            async with self.shards[0]["a"]:
                pass

        async def item_of_item(self):
            await self.pools["a"].lock.acquire()

        async def timed(self, key):
            await asyncio.wait_for(self.by_name[key].acquire(), 1000)

    class Inner(Owner):
        pass

    client = Client(by_name={"a": lock("Client.by_name[...]"), "b": lock("Client.by_name[...]")}, shards=[{"a": lock("Client.shards[...][...]")}],
                    pools={"a": Inner(lock=lock("Client.pools[...].lock"))})
    run(client.by_key("a"), client.timed("b"), client.by_index(), client.item_of_item())


async def by_global_key():
    async with LOCKS["a"]:
        pass


async def by_local_key(locks):
    async with locks["a"]:
        pass


@shape
def items_of_variables():
    LOCKS["a"] = lock("__main__.LOCKS[...]")
    run(by_global_key(), by_local_key({"a": lock("by_local_key.locks[...]")}))


# ---- globals ----

async def of_module():
    async with config.LOCK:
        pass


async def of_global():
    async with GLOBAL:
        pass


async def of_app():
    async with app.semaphore:
        pass


async def of_namespace():
    async with state.inner.lock:
        pass


async def of_computed():
    async with app.state.semaphore:
        pass


class State:
    def __init__(self, **values):
        self._values = values

    def __getattr__(self, name):
        if name == "_values":
            raise AttributeError(name)
        return self._values[name]


class App(Owner):
    pass


@shape
def global_variables():
    global GLOBAL, app
    config.LOCK, GLOBAL = lock("config.LOCK"), lock("__main__.GLOBAL")
    app = App(semaphore=lock("App.semaphore"), state=State(semaphore=lock("State.semaphore", "App.state.semaphore")))
    state.inner = types.SimpleNamespace(lock=lock("__main__.state.inner.lock"))
    run(of_module(), of_global(), of_app(), of_namespace(), of_computed())


# ---- local variables ----

@shape
def local_variables():
    class Client(Owner):
        async def alias(self):
            mine = self._lock
            async with mine:
                pass

        async def lends(self):
            await given(self._lock)

    async def given(lent):
        async with lent:
            pass

    async def own():
        mine = lock("own.mine")
        async with mine:
            pass

    def closure():
        outer = lock("inside.outer")

        async def inside():
            async with outer:
                pass
        return inside()

    # those that one task waits for are called as its code has them; those of several as all of them may know them
    run(own(), closure(), given(lock("given.lent")), Client(_lock=lock("alias.mine")).alias())
    both, lent = Client(_lock=lock("Client._lock")), Client(_lock=lock("Client._lock"))
    run(both.alias(), both.alias(), lent.lends(), lent.lends())
    shared = lock("given.lent")
    run(given(shared), given(shared))


DEFAULT = None


@shape
def default_arguments():
    global DEFAULT
    DEFAULT = lock("__main__.DEFAULT")

    async def one(mine=lock("one.mine")):
        async with mine:
            pass

    async def several(mine=DEFAULT):
        async with mine:
            pass

    run(one(), several(), several())


# ---- what functions give ----

def get_global():
    return GIVEN


def get_hidden(key="hidden"):
    return REGISTRY[key]


async def by_function():
    async with get_global():
        pass


async def by_hidden():
    async with get_hidden():
        pass


@shape
def functions():
    global GIVEN
    GIVEN, REGISTRY["hidden"], REGISTRY["of"] = lock("__main__.GIVEN"), lock("__main__.get_hidden()"), lock("Client.lock_for()")

    class Client(Owner):
        def lock_for(self, key):
            return get_hidden(key)

        async def work(self):
            async with self.lock_for("of"):
                pass

        async def partial(self):
            acquire = functools.partial(self._lock.acquire)
            await acquire()

        async def method(self):
            acquire = self._lock.acquire
            await acquire()

    async def alone(take):
        await take()

    run(by_function(), by_hidden(), Client().work(), Client(_lock=lock("Client._lock")).partial(),
        Client(_lock=lock("Client._lock")).method(), alone(functools.partial(lock("alone.take()", None).acquire)))


# ---- contexts of contexts ----

@shape
def context_managers():
    @contextlib.asynccontextmanager
    async def limited(one):
        async with one:
            yield

    class Client(Owner):
        @contextlib.asynccontextmanager
        async def session(self):
            async with self._lock:
                yield

        async def work(self):
            async with self.session():
                pass

        async def lends(self):
            async with limited(self._lock):
                pass

        async def stacked(self):
            async with contextlib.AsyncExitStack() as stack:
                await stack.enter_async_context(self._lock)

        async def stacked_item(self):
            async with contextlib.AsyncExitStack() as stack:
                await stack.enter_async_context(self.locks["a"])

    async def stacked_local(mine):
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(mine)

    run(Client(_lock=lock("Client._lock")).work(), Client(_lock=lock("limited.one")).lends(), Client(_lock=lock("Client._lock")).stacked(),
        stacked_local(lock("stacked_local.mine")), Client(locks={"a": lock("Client.locks[...]")}).stacked_item())
    client = Client(_lock=lock("Client._lock"))
    run(client.lends(), client.lends())


# ---- waiting through others ----

@shape
def through_library_functions():
    class Inner(Owner):
        pass

    class Client(Owner):
        async def timed(self):
            await asyncio.wait_for(self._lock.acquire(), 1000)

        async def deep(self):
            await asyncio.wait_for(self.inner.lock.acquire(), timeout=1000)

        async def shielded(self):
            await asyncio.wait_for(asyncio.shield(self._lock.acquire()), 1000)

        async def gathered(self):
            await asyncio.gather(self.first.acquire(), self.second.acquire())

        async def task(self):
            await asyncio.get_running_loop().create_task(self._lock.acquire())

    async def timed_local(mine):
        await asyncio.wait_for(mine.acquire(), 1000)

    run(Client(_lock=lock("Client._lock")).timed(), Client(inner=Inner(lock=lock("Inner.lock"))).deep(),
        Client(_lock=lock("Client._lock")).shielded(), Client(first=lock("Client.first"), second=lock("Client.second")).gathered(),
        Client(_lock=lock("Client._lock")).task(), timed_local(lock("timed_local.mine")))


@shape
def own_classes():
    """A lock of the program's own class, whose code calls it self; a wrapper around one."""
    class Gate(asyncio.Lock):
        async def acquire(self):
            return await super().acquire()

    class Wrapper(Owner):
        async def __aenter__(self):
            await self._lock.acquire()

        async def __aexit__(self, *args):
            self._lock.release()

    class Client(Owner):
        async def work(self):
            async with self.gate:
                pass

        async def explicit(self):
            await self.gate.acquire()

    for method in Client.work, Client.explicit:
        gate = Gate()
        gate._locked = True
        names[hex(id(gate))] = ["Client.gate"]
        kept.append(gate)
        run(method(Client(gate=gate)))
    run(Client(gate=Wrapper(_lock=lock("Wrapper._lock"))).work())


@shape
def lock_of_a_condition():
    class Client(Owner):
        async def work(self):
            async with self._changed:
                pass

    one = lock("Client._changed._lock", "Condition._lock")
    run(Client(_changed=asyncio.Condition(one)).work())


@shape
def wrapped_coroutines():
    """As test runners and frameworks have it."""
    def decorated(function):
        @functools.wraps(function)
        async def wrapper(*args, **kwargs):
            return await function(*args, **kwargs)
        return wrapper

    class Client(Owner):
        @decorated
        async def work(self):
            async with self._lock:
                pass

    run(Client(_lock=lock("Client._lock")).work())


@shape
def other_things():
    class Client(Owner):
        async def queue(self):
            await self.queues["a"].get()

        async def timed_queue(self):
            await asyncio.wait_for(self._queue.get(), 1000)

        async def event(self):
            await asyncio.wait_for(self._stop.wait(), 1000)

        async def future(self):
            await self.replies["a"]

    queues, stop, reply = [asyncio.Queue(), asyncio.Queue()], asyncio.Event(), asyncio.get_running_loop().create_future()
    for one, name in (queues[0], "Client.queues[...]"), (queues[1], "Client._queue"), (stop, "Client._stop"), (reply, "Client.replies[...]"):
        names[hex(id(one))] = [name]
    run(Client(queues={"a": queues[0]}).queue(), Client(_queue=queues[1]).timed_queue(), Client(_stop=stop).event(),
        Client(replies={"a": reply}).future())
    kept.extend(queues + [stop, reply])


# ---- held, and waited for by nobody who could name it ----

@shape
def held():
    """The waiter has no name for it; the holder would."""
    class Client(Owner):
        async def holds(self):
            async with self.one[0]:
                async with self._lock:
                    await forever()

    class Free(asyncio.Lock):
        pass

    client = Client(_lock=Free(), one=[Free()])
    kept.extend((client, client._lock, client.one[0]))
    run(client.holds())


async def main():
    for function in shapes:
        function()
    await asyncio.sleep(0.1)
    stop = asyncio.get_running_loop().create_future()
    harness.ready(names=len(names))
    await stop


def trace():
    """As coverage and debuggers do it: --settrace, --lines, --instructions."""
    if "--settrace" in sys.argv:
        sys.settrace(lambda frame, event, argument: lambda *rest: None)
    events = 0
    for option in "lines", "instructions":
        if "--" + option in sys.argv:
            events |= getattr(sys.monitoring.events, option[:-1].upper())
    if events:
        sys.monitoring.use_tool_id(sys.monitoring.DEBUGGER_ID, "test")
        for event in sys.monitoring.events.LINE, sys.monitoring.events.INSTRUCTION:
            sys.monitoring.register_callback(sys.monitoring.DEBUGGER_ID, event, lambda *rest: None)
        sys.monitoring.set_events(sys.monitoring.DEBUGGER_ID, events)


if __name__ == "__main__":
    trace()
    loop = aioharness.new_loop()
    asyncio.set_event_loop(loop)
    aioharness.loops.append((loop, threading.get_native_id()))
    aioharness.serve(names=lambda: names)
    loop.run_until_complete(main())
