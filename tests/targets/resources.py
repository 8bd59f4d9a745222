# SPDX-License-Identifier: Apache-2.0
"""Executors, semaphores, limiters and bounded queues of every kind in every state, and what is true of each.

"facts" answers with one row for each, under the keys of `strobe pools --json`: numbers by what the objects say through their public
interface, where they say it, else by how the program made them so.  A name is what one would search the source for.
Arguments: anyio, uvloop.  At the end the collector's lists are frozen: nothing is in them any more.
"""
import asyncio
import collections
import concurrent.futures as futures
import gc
import math
import multiprocessing
import queue
import re
import sys
import threading
import time

import harness

rows, tasks, kept = [], [], []
never = threading.Event()
DEFAULT = "_default_executor"


def row(obj, kind, name, **facts):
    """name: None = any.  A fact may be a function."""
    rows.append((id(obj), dict(facts, kind=kind, name="__main__.kept[]" if name is None else name)))
    if name is None or "[" not in name and "(" not in name:  # a place of one's own is a better name than one in a list of all
        kept.append(obj)
    return obj


def facts():
    return [dict({key: value() if callable(value) else value for key, value in one.items()}, id=address and hex(address))
            for address, one in rows]


# ---- executors ----

def pool(executor, kind, name, most, **facts):
    truth = {"max_workers": most, "workers": 0, "active_workers": 0, "pending_tasks": 0, "shutdown": False}
    return row(executor, kind, name, type=type(executor).__name__, **dict(truth, **facts))


def occupy(executor, calls, running):
    """Calls that never return; waits until so many of them run."""
    begun = queue.SimpleQueue()

    def call():
        begun.put(1)
        never.wait()
    for _ in range(calls):
        executor.submit(call)
    for _ in range(running):
        begun.get()


class OwnPool(futures.ThreadPoolExecutor):
    pass


class Service:
    """What other classes do, too: an attribute, a private one, one of a class."""
    shared = asyncio.BoundedSemaphore(3) if sys.version_info >= (3, 10) else threading.BoundedSemaphore(3)

    def __init__(self):
        self._pool = futures.ThreadPoolExecutor(4, thread_name_prefix="unstarted")
        self._limit = threading.BoundedSemaphore(6)
        self.__hidden = threading.Semaphore(4)
        self._by_kind = {"read": queue.Queue(7), ("any", 1): queue.Queue(8)}
        self._many = [threading.BoundedSemaphore(9) for _ in range(3)]

    def tell(self):
        pool(self._pool, "thread_pool", "Service._pool", 4, thread_name_prefix="unstarted")
        semaphore(self._limit, "Service._limit", 6, 6)
        semaphore(self.__hidden, "Service.__hidden", 4, None)
        bounded_queue(self._by_kind["read"], "Service._by_kind['read']", 7)
        bounded_queue(self._by_kind["any", 1], "Service._by_kind[]", 8)
        for one in self._many:
            semaphore(one, "Service._many[]", 9, 9)


class Slotted:
    __slots__ = ("limit",)


EXECUTOR = futures.ThreadPoolExecutor(2, thread_name_prefix="saturated")
SET_AS_DEFAULT = futures.ThreadPoolExecutor(3)


def thread_pools():
    pool(EXECUTOR, "thread_pool", "__main__.EXECUTOR", 2, workers=2, active_workers=2, pending_tasks=3, thread_name_prefix="saturated")
    occupy(EXECUTOR, 5, 2)

    roomy = futures.ThreadPoolExecutor(5)
    barrier = threading.Barrier(3)
    for one in [roomy.submit(barrier.wait) for _ in range(3)]:
        one.result()
    occupy(roomy, 1, 1)
    pool(roomy, "thread_pool", None, 5, workers=lambda: sum(thread.is_alive() for thread in roomy._threads), active_workers=1)

    ended = OwnPool(2)
    ended.submit(int).result()
    ended.shutdown()
    pool(ended, "thread_pool", None, 2, shutdown=True)

    ending = futures.ThreadPoolExecutor(2)
    occupy(ending, 2, 2)
    ending.shutdown(wait=False)
    pool(ending, "thread_pool", None, 2, shutdown=True, workers=2, active_workers=2)

    forgotten = futures.ThreadPoolExecutor(1)
    occupy(forgotten, 1, 1)
    rows.append((None, {"kind": "thread_pool", "name": None, "workers": 1, "active_workers": 1, "pending_tasks": 0, "shutdown": True}))
    del forgotten


def wait_for_parent():
    multiprocessing.parent_process().join()


def process_pools():
    context = multiprocessing.get_context("spawn")
    pool(futures.ProcessPoolExecutor(3, mp_context=context), "process_pool", None, 3)
    busy = futures.ProcessPoolExecutor(2, mp_context=context)
    calls = [busy.submit(wait_for_parent) for _ in range(6)]
    while sum(one.running() for one in calls) < 3:  # two in the processes, one in the queue between: for that there is no event
        time.sleep(0.001)
    pool(busy, "process_pool", None, 2, workers=2, active_workers=2, pending_tasks=4)


def interpreter_pools():
    if not hasattr(futures, "InterpreterPoolExecutor"):
        return
    pool(futures.InterpreterPoolExecutor(4), "interpreter_pool", None, 4)
    busy = futures.InterpreterPoolExecutor(2)
    calls = [busy.submit(time.sleep, 100000) for _ in range(3)]
    while sum(one.running() for one in calls) < 2:
        time.sleep(0.001)
    pool(busy, "interpreter_pool", None, 2, workers=2, active_workers=2, pending_tasks=1)


# ---- for threads ----

def semaphore(one, name, available, capacity, waiters=0):
    return row(one, "semaphore", name, type=type(one).__name__, available=available, capacity=capacity, waiters=waiters, holders=None,
               capacity_source="bounded" if capacity is not None else None, **{"for": "threads"})


def bounded_queue(one, name, maxsize, waiters=0, kind="threads"):
    return row(one, "queue", name, type=type(one).__name__, size=one.qsize, maxsize=maxsize, waiters=waiters, **{"for": kind})


class OwnSemaphore(threading.Semaphore):
    pass


TAKEN = threading.Semaphore(2)
FULL = queue.Queue(2)


def counter_of(limit):
    def call():
        return limit
    return call


TAKER = counter_of(threading.BoundedSemaphore(11))


def in_threads(count, function, *args):
    for _ in range(count):
        threading.Thread(target=function, args=args, daemon=True).start()


def primitives_of_threads():
    semaphore(TAKEN, "__main__.TAKEN", 0, None, waiters=3)
    TAKEN.acquire(), TAKEN.acquire()
    in_threads(3, TAKEN.acquire)
    semaphore(threading.BoundedSemaphore(5), None, 5, 5)
    held = threading.BoundedSemaphore(5)
    held.acquire()
    semaphore(held, None, 4, 5)
    semaphore(OwnSemaphore(8), None, 8, None)
    semaphore(TAKER.__closure__[0].cell_contents, "counter_of.limit", 11, 11)
    slotted = Slotted()
    slotted.limit = semaphore(threading.Semaphore(1), "Slotted.limit", 1, None)
    kept.append(slotted)
    for one, many in ((FULL, 2), (queue.LifoQueue(3), 3), (queue.PriorityQueue(4), 4)):
        for n in range(2):
            one.put(n)
    bounded_queue(FULL, "__main__.FULL", 2, waiters=1)
    in_threads(1, FULL.put, 3)
    for kind in queue.LifoQueue, queue.PriorityQueue:
        one = kind(4)
        one.put(1)
        bounded_queue(one, None, 4)
    empty = bounded_queue(queue.Queue(6), None, 6, waiters=2)
    in_threads(2, empty.get)
    kept.extend([queue.Queue(), queue.SimpleQueue(), queue.LifoQueue(0)])  # of these there is nothing to say
    last = collections.deque([threading.Semaphore(n + 100) for n in range(5)], maxlen=2)
    for n, one in zip((103, 104), last):
        semaphore(one, None, n, None)
    kept.append(last)


# ---- for tasks ----

def said(one):
    """(value, waiters) as repr() has them: asyncio's semaphores say it nowhere else."""
    text = repr(one)
    value, waiters = re.search(r"value:(\d+)", text), re.search(r"waiters:(\d+)", text)
    return int(value.group(1)) if value else 0, int(waiters.group(1)) if waiters else 0


def async_semaphore(one, name, capacity, source, holders=0):
    return row(one, "semaphore", name, type=type(one).__name__, available=lambda: said(one)[0], waiters=lambda: said(one)[1], capacity=capacity,
               capacity_source=source, holders=holders, **{"for": "tasks"})


async def hold(one):
    async with one:
        await asyncio.get_running_loop().create_future()


async def take(one, then_end=False):
    await one.acquire()
    if not then_end:
        await asyncio.get_running_loop().create_future()


async def started(*coros):
    tasks.extend(asyncio.ensure_future(coro) for coro in coros)
    for _ in range(10):
        await asyncio.sleep(0)


class OwnAsync(asyncio.Semaphore):
    pass


class OwnBelow(OwnAsync):
    __slots__ = ("label",)


class Client:
    def __init__(self):
        self._limit = asyncio.Semaphore(2)

    async def call(self):
        async with self._limit:
            await asyncio.get_running_loop().create_future()


async def primitives_of_tasks():
    async_semaphore(asyncio.Semaphore(10), None, None, None)
    for kind in OwnAsync, OwnBelow:
        async_semaphore(kind(6), None, None, None)
    one = async_semaphore(asyncio.Semaphore(5), None, 5, "counted", holders=3)
    await started(*[hold(one) for _ in range(3)])
    clients = [Client(), Client()]
    kept.extend(clients)
    await started(*[clients[0].call() for _ in range(6)])
    async_semaphore(clients[0]._limit, "Client._limit", 2, "counted", holders=2)
    async_semaphore(clients[1]._limit, "Client._limit", None, None)
    one = async_semaphore(asyncio.BoundedSemaphore(3), None, 3, "bounded", holders=1)
    await started(hold(one))
    # permits that nobody is seen to hold
    one = async_semaphore(asyncio.Semaphore(4), None, None, None)
    await started(take(one), take(one))
    one = async_semaphore(asyncio.Semaphore(3), None, None, None)
    await started(take(one, then_end=True))
    one = async_semaphore(asyncio.Semaphore(2), None, None, None, holders=1)
    await started(take(one), hold(one), take(one))
    one = async_semaphore(asyncio.BoundedSemaphore(3), None, 3, "bounded")
    await started(take(one, then_end=True))
    if sys.version_info >= (3, 10):
        async_semaphore(Service.shared, "Service.shared", 3, "bounded")
    else:
        semaphore(Service.shared, "Service.shared", 3, 3)
    for kind in asyncio.Queue, asyncio.LifoQueue, asyncio.PriorityQueue:
        full, empty = kind(2), kind(3)
        bounded_queue(full, None, 2, waiters=2, kind="tasks")
        bounded_queue(empty, None, 3, waiters=1, kind="tasks")
        await started(*[full.put(n) for n in range(4)])
        await started(empty.get())
    half = bounded_queue(asyncio.Queue(4), None, 4, kind="tasks")
    half.put_nowait(1)
    await started(half.join())
    kept.append(asyncio.Queue())


async def default_executors():
    loop = asyncio.get_running_loop()
    begun = queue.SimpleQueue()

    def call():
        begun.put(1)
        never.wait()
    calls = [loop.run_in_executor(None, call)]
    if sys.version_info >= (3, 9):
        calls.append(asyncio.ensure_future(asyncio.to_thread(call)))
    tasks.extend(calls)
    await asyncio.sleep(0)
    for _ in calls:
        begun.get()
    found = [one for one in gc.get_objects() if type(one) is futures.ThreadPoolExecutor and id(one) not in [address for address, _ in rows]
             and one is not SET_AS_DEFAULT]
    assert len(found) == 1, found
    pool(found[0], "thread_pool", "%s.%s" % (type(loop).__name__, DEFAULT), found[0]._max_workers, workers=len(calls),
         active_workers=len(calls))


def another_loop():
    """A thread with a loop of its own, whose default executor was made before."""
    begun = threading.Event()

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_default_executor(SET_AS_DEFAULT)

        def call():
            loop.call_soon_threadsafe(begun.set)
            never.wait()
        await loop.run_in_executor(None, call)
    threading.Thread(target=asyncio.run, args=(main(),), daemon=True).start()
    begun.wait()
    pool(SET_AS_DEFAULT, "thread_pool", "__main__.SET_AS_DEFAULT", 3, workers=1, active_workers=1)


# ---- anyio ----

def limiter(one, name):
    def infinite(value):
        return "unlimited" if value == math.inf else value
    return row(one, "limiter", name, available=lambda: infinite(one.available_tokens), capacity=lambda: infinite(one.total_tokens),
               capacity_source="bounded", waiters=lambda: one.statistics().tasks_waiting,
               holders=lambda: one.statistics().borrowed_tokens, **{"for": "tasks"})


def anyio_semaphore(one, name, capacity, source, holders=0):
    return row(one, "semaphore", name, available=lambda: one.value, capacity=capacity, capacity_source=source, holders=holders,
               waiters=lambda: one.statistics().tasks_waiting, **{"for": "tasks"})


async def of_anyio():
    import anyio
    import anyio.to_thread

    begun = queue.SimpleQueue()

    def call():
        begun.put(1)
        never.wait()
    await anyio.to_thread.run_sync(int)
    default = anyio.to_thread.current_default_thread_limiter()
    await started(*[anyio.to_thread.run_sync(call) for _ in range(2)])
    begun.get(), begun.get()
    assert default.total_tokens == 40
    limiter(default, "anyio.to_thread.current_default_thread_limiter()")
    rows.append((None, {"kind": "anyio_pool", "name": None, "workers": 2, "active_workers": 2, "pending_tasks": 0}))
    limiter(anyio.CapacityLimiter(7), None)
    limiter(anyio.CapacityLimiter(math.inf), None)
    full = limiter(anyio.CapacityLimiter(2), None)
    await started(*[hold(full) for _ in range(5)])
    lowered = limiter(anyio.CapacityLimiter(4), None)
    await started(*[hold(lowered) for _ in range(4)])
    lowered.total_tokens = 1
    assert lowered.available_tokens == -3
    anyio_semaphore(anyio.Semaphore(4), None, None, None)
    anyio_semaphore(anyio.Semaphore(4, max_value=6), None, 6, "bounded")
    one = anyio_semaphore(anyio.Semaphore(2), None, 2, "counted", holders=2)
    await started(*[hold(one) for _ in range(3)])


def before_the_loop():
    """Made where no event loop runs: they stand for others, from anyio 4.5 on."""
    import anyio
    try:
        made = [anyio.CapacityLimiter(5), anyio.Semaphore(3), anyio.CapacityLimiter(1), anyio.Semaphore(1, max_value=1)]
    except BaseException:  # before that an event loop must run
        return None

    async def use():
        limiter(made[0], None)
        row(made[1], "semaphore", None, available=3, capacity=None, holders=0, waiters=0)
        limiter(made[2], None)
        anyio_semaphore(made[3], None, 1, "bounded", holders=1)
        await started(hold(made[2]), hold(made[2]), hold(made[3]), hold(made[3]))
    return use


# ---- what is no more ----

def gone():
    made = [asyncio.BoundedSemaphore(3) if sys.version_info >= (3, 10) else threading.Semaphore(3) for _ in range(500)]
    made += [threading.Semaphore(3) for _ in range(500)] + [queue.Queue(3) for _ in range(100)]
    made += [futures.ThreadPoolExecutor(3) for _ in range(10)]
    del made
    for _ in range(100):  # in cycles, which only the collector ends
        one = threading.Semaphore(3)
        one.self = one
    del one


async def main(prepared):
    loop = asyncio.get_running_loop()
    if "anyio" in sys.argv:
        await of_anyio()
        if prepared:
            await prepared()
    await primitives_of_tasks()
    another_loop()
    await default_executors()
    gone()
    gc.collect()
    gc.freeze()
    harness.serve(facts=facts)
    harness.ready()
    await loop.create_future()


if __name__ == "__main__":
    service = Service()
    service.tell()
    process_pools()
    thread_pools()
    interpreter_pools()
    primitives_of_threads()
    first = before_the_loop() if "anyio" in sys.argv else None
    if "uvloop" in sys.argv:
        import uvloop
        uvloop.install() if hasattr(uvloop, "install") else asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    event_loop = asyncio.new_event_loop()
    asyncio.set_event_loop(event_loop)
    event_loop.run_until_complete(main(first))
