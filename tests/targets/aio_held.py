# SPDX-License-Identifier: Apache-2.0
"""Executors in every state, and everything that a task can wait for, held still.  "truth" says what the objects say of themselves."""
import asyncio
import concurrent.futures
import gc
import os
import queue
import socket
import sys
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import harness

gate = threading.Event()
tids = {}      # id of a future -> native id of the thread that runs its call
started = []
pools = {}     # name -> facts, or a function that gives them
waits = {}     # task name -> a function that gives the facts
kept = []
in_c = []      # names of waits whose facts lie in uvloop's own structs


def stay(key=None):
    if key is not None:
        tids[key] = threading.get_native_id()
    started.append(key)
    gate.wait()


def until(condition, what):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.001)


def submit(pool, n, calls):
    """n calls that stay; the futures in order."""
    return [pool.submit(stay, "%s-%d" % (calls, i)) for i in range(n)]


def facts_of(pool, futures, queued, calls):
    """Of a pool of threads: what it says, which thread runs which future, which futures wait."""
    return lambda: {
        "kind": "threads", "object": id(pool), "queue": id(pool._work_queue), "name": pool._thread_name_prefix, "max": pool._max_workers,
        "shutdown": pool._shutdown, "type": type(pool).__name__, "threads": len(pool._threads), "busy": len(futures),
        "running": {id(future): tids["%s-%d" % (calls, i)] for i, future in enumerate(futures)},
        "queued": [id(future) for future in queued], "qsize": pool._work_queue.qsize(),
    }


def thread_pools():
    busy = ThreadPoolExecutor(3, "busy")
    futures = submit(busy, 8, "busy")
    until(lambda: len(started) == 3, "three calls")
    futures[4].cancel()  # keeps its place
    pools["busy"] = facts_of(busy, futures[:3], futures[3:], "busy")

    idle = ThreadPoolExecutor(5, "idle")
    for future in [idle.submit(time.sleep, 0.05) for _ in range(2)]:
        future.result()
    until(lambda: idle._work_queue.qsize() == 0, "an empty queue")
    time.sleep(0.05)
    pools["idle"] = facts_of(idle, [], [], "idle")

    # the ring (or the list) after much use, and no Python frame in the call
    used = ThreadPoolExecutor(1, "used \u00e9")
    for future in [used.submit(int) for _ in range(700)]:
        future.result()
    sleeping = used.submit(time.sleep, 3600)
    until(sleeping.running, "a call")
    waiting = [used.submit(int) for _ in range(700)]
    tids["used-0"] = next(iter(used._threads)).native_id
    pools["used"] = facts_of(used, [sleeping], waiting, "used")

    stopped = ThreadPoolExecutor(2, "stopped")
    n = len(started)
    futures = submit(stopped, 2, "stopped")
    until(lambda: len(started) == n + 2, "two calls")
    stopped.shutdown(wait=False)
    stopped_facts = facts_of(stopped, futures, [], "stopped")
    pools["stopped"] = lambda: dict(stopped_facts(), qsize=0)  # has one None

    class Reordered(ThreadPoolExecutor):
        """Somebody else's queue in place of the C one."""
        def __init__(self, *args):
            super().__init__(*args)
            self._work_queue = queue.Queue()

    other = Reordered(1, "other")
    n = len(started)
    futures = submit(other, 3, "other")
    until(lambda: len(started) == n + 1, "a call")
    pools["other"] = facts_of(other, futures[:1], futures[1:], "other")

    gone = ThreadPoolExecutor(2, "gone")
    n = len(started)
    futures = submit(gone, 1, "gone")
    until(lambda: len(started) == n + 1, "a call")
    facts = facts_of(gone, futures, [], "gone")()
    facts.update(object=0, name=None, max=-1, shutdown=True, type=None)
    pools["gone"] = lambda: facts
    dead = weakref.ref(gone)
    del gone
    gc.collect()
    until(lambda: dead() is None, "the end of an executor")
    kept.append([busy, idle, used, stopped, other, futures])


def interpreter_pool():
    """Not beside uvloop: with other interpreters alive, the child that it forks dies of SIGSEGV before it execs (0.23.0 on 3.14, 3.15)."""
    if not hasattr(concurrent.futures, "InterpreterPoolExecutor") or "uvloop" in sys.argv:
        return
    pool = concurrent.futures.InterpreterPoolExecutor(2, "islands")
    futures = [pool.submit(time.sleep, 3600) for _ in range(3)]
    until(lambda: sum(future.running() for future in futures) == 2, "two calls")
    # which of the two threads has which call only they know
    facts = {"running": None, "kind": "interpreters", "tids": [thread.native_id for thread in pool._threads]}
    tids.update({"islands-0": 0, "islands-1": 0})
    plain = facts_of(pool, futures[:2], futures[2:], "islands")
    pools["islands"] = lambda: dict(plain(), **facts)
    kept.append(futures)


def task(coro, name, facts=None, hold=None):
    made = asyncio.get_running_loop().create_task(coro)
    made.set_name(name)
    kept.append(made)
    if facts:
        waits[name] = facts
    return made


async def hops(n=10):
    for _ in range(n):
        await asyncio.sleep(0)


async def forever():
    await asyncio.get_running_loop().create_future()


async def inside(context):
    async with context:
        await forever()


async def executors():
    loop = asyncio.get_running_loop()
    mine = ThreadPoolExecutor(2, "mine")
    n = len(started)

    async def call(key):
        await loop.run_in_executor(mine, stay, key)

    for i in range(5):
        task(call("mine-%d" % i), "executor-%d" % i)
    await hops()
    until(lambda: len(started) == n + 2, "two calls")
    for i in range(5):
        waits["executor-%d" % i] = lambda i=i: {"pool": id(mine), "tid": tids.get("mine-%d" % i, 0), "place": i - 1 if i > 1 else 0}
    kept.append(mine)

    if "uvloop" in sys.argv:  # which keeps its own where nobody can ask for it
        default_pool = ThreadPoolExecutor(2, "default")
        loop.set_default_executor(default_pool)

    async def default(key):
        await loop.run_in_executor(None, stay, key)

    task(default("default"), "executor-default")
    await hops()
    until(lambda: len(started) == n + 3, "a call")
    waits["executor-default"] = lambda: {
        "pool": id(default_pool if "uvloop" in sys.argv else loop._default_executor), "tid": tids["default"], "place": 0}


def waiters(obj):
    return len(obj._waiters or ())


async def locks():
    for name, semaphore, capacity, source in (("semaphore", asyncio.Semaphore(3), 3, "counted"),
                                              ("bounded", asyncio.BoundedSemaphore(2), 2, "stored")):
        for i in range(capacity + 2):
            task(inside(semaphore), "%s-%d" % (name, i), None if i < capacity else lambda s=semaphore, c=capacity, o=source: {
                "object": id(s), "free": s._value, "capacity": c, "source": o, "queued": waiters(s)})
    lock = asyncio.Lock()
    task(inside(lock), "lock-holder")
    task(inside(lock), "lock-waiter", lambda: {
        "object": id(lock), "free": int(not lock.locked()), "capacity": 1, "source": "stored", "queued": waiters(lock)})
    event = asyncio.Event()
    task(event.wait(), "event", lambda: {"object": id(event), "free": int(event.is_set()), "capacity": -1, "queued": waiters(event)})
    condition = asyncio.Condition()

    async def notified():
        async with condition:
            await condition.wait()

    task(notified(), "condition", lambda: {
        "object": id(condition), "free": int(not condition.locked()), "capacity": 1, "queued": waiters(condition)})
    if hasattr(asyncio, "Barrier"):
        barrier = asyncio.Barrier(3)
        for i in range(2):
            task(barrier.wait(), "barrier-%d" % i, lambda: {
                "object": id(barrier), "free": barrier.parties - barrier.n_waiting, "capacity": 3, "queued": waiters(barrier._cond)})


async def queues():
    def facts(one, futures):
        return lambda: {"object": id(one), "size": one.qsize(), "maxsize": one.maxsize, "unfinished": one._unfinished_tasks,
                        "queued": len(futures() if callable(futures) else futures)}

    empty, full, unfinished = asyncio.Queue(), asyncio.Queue(2), asyncio.Queue()
    stack, sorted_ones = asyncio.LifoQueue(1), asyncio.PriorityQueue(3)
    for one in (full, full, stack, sorted_ones, sorted_ones, sorted_ones, unfinished, unfinished):
        one.put_nowait(1)
    for i in range(2):
        task(empty.get(), "get-%d" % i, facts(empty, empty._getters))
    task(full.put(1), "put", facts(full, full._putters))
    task(stack.put(1), "put-lifo", facts(stack, stack._putters))
    task(sorted_ones.put(1), "put-priority", facts(sorted_ones, sorted_ones._putters))
    unfinished.get_nowait()
    task(unfinished.join(), "join", facts(unfinished, lambda: unfinished._finished._waiters))


async def files():
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    task(loop.sock_recv(ours, 1), "sock-recv", lambda: {"object": id(ours), "fd": ours.fileno()})
    kept.append(theirs)

    streams = []

    async def connected(reader, writer):
        streams.append((reader, writer))
        await forever()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
    plain = {"fd": writer.get_extra_info("socket").fileno()}
    task(reader.read(1), "stream-read", lambda: dict(plain, object=id(reader)))
    _, filled = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
    filled.write(bytes(64 << 20))
    task(filled.drain(), "stream-write", lambda: {"fd": filled.get_extra_info("socket").fileno()})
    task(server.serve_forever(), "server", lambda: {"object": id(server), "fd": server.sockets[0].fileno()})
    kept.extend([streams, writer, server])


async def subprocesses():
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "import time; time.sleep(3600)", stdin=-1, stdout=-1)
    task(process.wait(), "process-wait", lambda: {"pid": process.pid})
    task(process.stdout.read(1), "process-read", lambda: {"fd": process._transport.get_pipe_transport(1)._fileno})
    process.stdin.write(bytes(8 << 20))
    task(process.stdin.drain(), "process-write", lambda: {"fd": getattr(process.stdin.transport, "_fileno", -1)})
    kept.append(process)


async def timers():
    due = time.monotonic() + 3600
    task(asyncio.sleep(3600), "sleep", lambda: {"due": due})


async def with_anyio():
    if "anyio" not in sys.argv:
        return
    import anyio
    import anyio.to_thread
    calls = []

    def blocking(key):
        calls.append(key)
        tids[key] = threading.get_native_id()
        gate.wait()

    limiter = anyio.CapacityLimiter(2)
    endless = anyio.CapacityLimiter(float("inf"))

    async def call(key, limit, function=blocking, *args):
        await anyio.to_thread.run_sync(function, *(args or (key,)), limiter=limit)

    for i in range(2):
        task(call("any-%d" % i, limiter), "any-call-%d" % i)
    await hops(20)
    until(lambda: len(calls) == 2, "two calls")
    for i in range(2):
        waits["any-call-%d" % i] = lambda i=i: {"tid": tids["any-%d" % i], "place": 0, "pool": 0}
    for i in range(3):
        task(call("late-%d" % i, limiter), "limiter-%d" % i, lambda: {
            "object": id(limiter), "free": 0, "capacity": 2, "source": "stored", "borrowed": 2, "queued": len(limiter._wait_queue)})
    await call(None, endless, int, 0)
    task(call(None, endless, time.sleep, 3600), "any-sleep")
    lock, semaphore, bounded, event, condition = anyio.Lock(), anyio.Semaphore(1), anyio.Semaphore(1, max_value=4), anyio.Event(), anyio.Condition()
    for name, one, capacity, source in (("any-lock", lock, 1, "stored"), ("any-semaphore", semaphore, 1, "counted"), ("any-bounded", bounded, 4, "stored")):
        task(inside(one), name + "-holder")
        await hops()
        task(inside(one), name, lambda one=one, c=capacity, s=source: {
            "object": id(one), "free": 0, "capacity": c, "source": s, "queued": one.statistics().tasks_waiting})
    task(event.wait(), "any-event", lambda: {"free": 0, "queued": event.statistics().tasks_waiting})

    async def notified():
        async with condition:
            await condition.wait()

    task(notified(), "any-condition", lambda: {"free": 1, "capacity": 1, "queued": condition.statistics().tasks_waiting})
    await hops(20)
    pools["anyio"] = lambda: {
        "kind": "anyio", "object": 0, "queue": 0, "name": None, "max": -1, "shutdown": False, "type": None, "threads": 3, "busy": 3,
        "tids": [tids["any-0"], tids["any-1"]], "queued": [], "qsize": 0}


def new_loop():
    if "uvloop" not in sys.argv:
        return asyncio.new_event_loop()
    import uvloop
    for name in ("sock-recv", "stream-read", "stream-write", "process-read", "process-write", "sleep", "server"):
        in_c.append(name)
    return uvloop.new_event_loop()


def truth():
    answer = {"pools": {name: facts() for name, facts in pools.items()}, "waits": {}}
    for name, facts in waits.items():
        answer["waits"][name] = {"fd": -1, "pid": -1} if name in in_c else facts()
    return answer


async def main():
    for start in (locks, queues, files, subprocesses, timers, executors, with_anyio):
        await start()
    await hops(50)
    await asyncio.sleep(0.2)
    harness.ready()
    await forever()


if __name__ == "__main__":
    thread_pools()
    interpreter_pool()
    harness.serve(facts=truth)
    new_loop().run_until_complete(main())
