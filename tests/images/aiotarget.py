# SPDX-License-Identifier: Apache-2.0
"""The asyncio process of the recorded images: two loops whose tasks stand still, and what it says of itself.

aiotarget.py TRUTH: writes the truth (format: tests/lib/replay_tasks.h) and "ready", then waits for the end of stdin.
One loop is blocked by the task that made all others, so that some of them are ready and stay so; the other loop is idle.
What each task does is stated beside the code that makes it do so; chains are the interpreter's own.
"""
import _thread
import asyncio
import contextlib
import contextvars
import gc
import os
import socket
import sys
import threading
import types
from concurrent.futures import ThreadPoolExecutor

DAY = 86400
EAGER = sys.version_info >= (3, 12)
LISTED_WHEN_DONE = sys.version_info < (3, 14)
COUNTS_CANCELS = sys.version_info >= (3, 11)

gate = _thread.allocate_lock()
gate.acquire()
parked = threading.Semaphore(0)
REQUEST = contextvars.ContextVar("request")
LOCK = None
told = []   # (task, facts)
loops = {}  # thread -> loop
kept = []


def park():
    parked.release(); gate.acquire()


def wait(kind, label, source="", obj=None, how="", **facts):
    return dict(kind=kind, label=label, source=source, object=id(obj) if obj is not None else 0, how=how, facts=facts)


def tell(task, state="waiting", flags=(), wait=None, parents=(), holds=(), sync=0, **more):
    """parents: tasks.  more: context, pool, worker, place, due (True), name."""
    facts = dict(more, state=state, flags=flags, wait=wait, parents=parents, holds=holds, sync=sync)
    told.append((task, asyncio.get_running_loop(), facts))
    return task


def start(coro, name, **facts):
    return tell(asyncio.get_running_loop().create_task(coro, name=name), **facts)


async def forever():
    answer = asyncio.get_running_loop().create_future()
    kept.append(answer)
    await answer


def hand_made(**facts):
    """Of forever(): its future is the last that was made once it has begun."""
    return dict(wait=lambda future: wait("future", "Future forever.answer", "code", future), **facts)


async def hops():
    for _ in range(5):
        await asyncio.sleep(0)


class Client:
    def __init__(self):
        self._slots = asyncio.Semaphore(2)
        self._bounded = asyncio.BoundedSemaphore(1)
        self._changed = asyncio.Condition()
        self._stop = asyncio.Event()
        self._inbox = asyncio.Queue()
        self._outbox = asyncio.Queue(1)
        self._work = asyncio.Queue(5)
        self.reply = asyncio.get_running_loop().create_future()

    async def slot(self):
        async with self._slots:
            await self.hold()

    async def hold(self):
        await forever()

    async def bounded(self):
        await self._bounded.acquire()

    async def changed(self):
        async with self._changed:
            await self._changed.wait()

    async def changing(self):
        async with self._changed:
            await forever()

    async def stopped(self):
        await self._stop.wait()

    async def get(self):
        return await self._inbox.get()

    async def put(self):
        await self._outbox.put("more")

    async def join(self):
        await self._work.join()

    async def replied(self):
        return await self.reply


async def nap(holding=None):
    if holding is None:
        await asyncio.sleep(DAY)
    async with LOCK:
        await asyncio.sleep(DAY)


def sleeps(**facts):
    return dict(wait=wait("sleep", "sleep"), due=True, **facts)


async def global_lock():
    async with LOCK:
        pass


async def await_it(task):
    await task


@contextlib.asynccontextmanager
async def leased(slots):
    async with slots:
        yield


async def lessee(lease):
    async with leased(lease):
        await forever()


async def ticks():
    yield 1
    await forever()


async def through_generator():
    async for _ in ticks():
        pass


class Awaitable:
    def __await__(self):
        return (yield from old_style().__await__())


@types.coroutine
def by_generator():
    yield from asyncio.get_running_loop().create_future()


async def old_style():
    await by_generator()


async def deep(n):
    if n:
        await deep(n - 1)
    else:
        await Awaitable()


async def stubborn(event):
    try:
        await forever()
    except asyncio.CancelledError:
        await event.wait()


async def in_context(value):
    REQUEST.set(value)
    await forever()


async def call(pool):
    await asyncio.get_running_loop().run_in_executor(pool, park)


async def read(reader):
    await reader.read(1)


async def receive(sock):
    await asyncio.get_running_loop().sock_recv(sock, 1)


async def nothing():
    pass


# ---- what is started ----

def locks(client):
    slots = wait("semaphore", "Semaphore Client._slots", "code", client._slots, free=0, capacity=2, counted=1, queued=3, waiters=3, holders=2)
    for n in range(2):
        start(client.slot(), "slot-%d" % n, **hand_made(holds=[slots]))
    for n in range(2, 5):
        start(client.slot(), "slot-%d" % n, wait=slots)
    lock = wait("lock", "Lock __main__.LOCK", "code", LOCK, free=0, capacity=1, queued=1, waiters=1, holders=1)
    start(nap(LOCK), "lock-holder", **sleeps(holds=[lock]))
    start(global_lock(), "lock-waiter", wait=lock)
    start(client.bounded(), "bounded-taker", state="done")
    bounded = wait("semaphore", "BoundedSemaphore Client._bounded", "code", client._bounded, free=0, capacity=1, queued=1, waiters=1, holders=0)
    start(client.bounded(), "bounded-waiter", wait=bounded)
    stop = wait("event", "Event Client._stop", "code", client._stop, free=0, queued=1, waiters=1, holders=0)
    start(client.stopped(), "event", wait=stop)
    lease = asyncio.Semaphore(1)
    leased_out = wait("semaphore", "Semaphore leased.slots", "code", lease, free=0, capacity=1, counted=1, queued=1, waiters=1, holders=1)
    start(lessee(lease), "lessee", **hand_made(holds=[leased_out]))
    start(lessee(lease), "lessee-waiter", wait=leased_out)


def conditions(client):
    changing = wait("lock", "Lock Client._changed._lock", "code", client._changed._lock, free=0, capacity=1, waiters=0, holders=1)
    start(client.changed(), "condition", wait=wait("condition", "Condition Client._changed", "code", client._changed, free=0, capacity=1,
                                                   queued=1, waiters=1, holders=0))
    start(client.changing(), "condition-holder", **hand_made(holds=[changing]))


def queues(client):
    client._outbox.put_nowait("full")
    client._work.put_nowait("unfinished")
    start(client.get(), "get", wait=wait("queue-get", "Queue.get Client._inbox", "code", client._inbox, size=0, maxsize=0, queued=1, unfinished=0))
    start(client.put(), "put", wait=wait("queue-put", "Queue.put Client._outbox", "code", client._outbox, size=1, maxsize=1, queued=1, unfinished=1))
    start(client.join(), "join", wait=wait("queue-join", "Queue.join Client._work", "code", client._work, size=1, maxsize=5, unfinished=1))
    start(client.replied(), "reply", wait=wait("future", "Future Client.reply", "code", client.reply))


def child(parent, name):
    return start(forever(), name, **hand_made(parents=lambda: [parent[0]]))


def tasks(how):
    return wait("tasks", "tasks", how=how)


def groups():
    async def gather():
        await asyncio.gather(child(gathering, "gather-0"), child(gathering, "gather-1"))

    async def wait_all():
        await asyncio.wait([child(waiting, "wait-0"), child(waiting, "wait-1")])

    async def shield():
        await asyncio.shield(child(shielding, "shield-0"))

    async def wait_for():
        await asyncio.wait_for(child(limiting, "wait_for-0"), DAY)

    async def as_completed():
        for one in asyncio.as_completed([child(completing, "completed-0")]):
            await one

    async def group():
        async with asyncio.TaskGroup() as tasks:
            for n in range(2):
                task = tasks.create_task(forever(), name="group-%d" % n)
                tell(task, **hand_made(parents=lambda: [grouping[0]]))

    gathering, waiting, shielding, limiting, completing, grouping = [], [], [], [], [], []
    gathering.append(start(gather(), "gather", wait=tasks("gather")))
    waiting.append(start(wait_all(), "wait", wait=tasks("wait")))
    shielding.append(start(shield(), "shield", wait=tasks("shield")))
    limiting.append(start(wait_for(), "wait_for", wait=tasks("wait_for")))
    completing.append(start(as_completed(), "as_completed", wait=tasks("as_completed")))
    if hasattr(asyncio, "TaskGroup"):
        grouping.append(start(group(), "group", wait=tasks("TaskGroup")))


def chains():
    start(through_generator(), "generator", **hand_made())
    start(deep(6), "deep", wait=lambda future: wait("future", "Future", "", future))
    parents = []
    shared = start(forever(), "shared", **hand_made(parents=lambda: parents))
    parents.extend(start(await_it(shared), "sharer-%d" % n, wait=tasks("task")) for n in range(2))
    middle = []
    inner = start(forever(), "inner", **hand_made(parents=lambda: middle))
    outer = []
    middle.append(start(await_it(inner), "middle", wait=tasks("task"), parents=lambda: outer))
    outer.append(start(await_it(middle[0]), "outer", wait=tasks("task")))


class Task(asyncio.Task):
    """The same name as the real one, and attributes of its own."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.extra = "extra"


def kinds(client):
    loop = asyncio.get_running_loop()
    parents = []
    python = tell(asyncio.tasks._PyTask(forever(), loop=loop, name="python"), flags=["python"], **hand_made(parents=lambda: parents))
    parents.append(start(await_it(python), "python-parent", wait=tasks("task")))
    tell(Task(forever(), loop=loop, name="subclass"), **hand_made())
    if EAGER:
        tell(asyncio.Task(forever(), loop=loop, name="eager", eager_start=True), **hand_made())
    start(forever(), "n\u00e4me \u540d\u524d", **hand_made())
    start(in_context("request 7"), "context", context="request 7", **hand_made())
    asked = loop.create_task(nothing())
    number = int(asked.get_name()[len("Task-"):])
    tell(loop.create_task(forever()), name="Task-%d" % (number + 1), **hand_made())
    tell(asked, state="done", name="Task-%d" % number)


def files():
    pairs = [socket.socketpair() for _ in range(2)]
    kept.append(pairs)
    for pair in pairs:
        pair[0].setblocking(False)
    start(receive(pairs[0][0]), "receive", wait=wait("socket", "socket receive.sock", "code", pairs[0][0], fd=pairs[0][0].fileno()))
    return pairs[1][0]


async def streams(sock):
    reader, writer = await asyncio.open_connection(sock=sock)
    kept.append(writer)
    start(read(reader), "stream", wait=wait("stream-read", "stream read read.reader", "code", reader, fd=sock.fileno()))


def executors():
    pool = ThreadPoolExecutor(1, "pricing")
    kept.append(pool)
    start(call(pool), "call-0", wait=wait("executor", "executor"), pool="pricing", worker="pricing_0")
    start(call(pool), "call-1", wait=wait("executor", "executor"), pool="pricing", place=1)
    return pool


def block():
    loops[threading.current_thread()] = asyncio.get_running_loop()
    park()


async def main():
    global LOCK
    me = asyncio.current_task()
    me.set_name("main")
    LOCK = asyncio.Lock()
    client = Client()
    tell(me, state="running", sync=2)
    locks(client)
    await hops()
    conditions(client)
    queues(client)
    groups()
    chains()
    kinds(client)
    await streams(files())
    executors()
    event, ready = asyncio.Event(), asyncio.Event()
    stubborn_task = start(stubborn(event), "stubborn", flags=["cancelling"] * COUNTS_CANCELS,
                          wait=wait("event", "Event stubborn.event", "code", event, free=0, queued=1, waiters=1, holders=0))
    start(await_event(ready), "ready", state="ready")
    cancelled = start(forever(), "cancelled", state="ready", flags=["cancelling"] * COUNTS_CANCELS)
    await hops()
    stubborn_task.cancel()
    await hops()
    name_futures()
    cancelled.cancel()
    ready.set()
    start(forever(), "new", state="ready", flags=["new"])
    block()


async def await_event(event):
    await event.wait()


def name_futures():
    """What is awaited and has no owner: known once the tasks have begun."""
    for task, _, facts in told:
        if callable(facts["wait"]):
            facts["wait"] = facts["wait"](future_of(task))


def future_of(task):
    return awaited_by(task.get_coro())[1]


async def second():
    me = asyncio.current_task()
    me.set_name("second")
    loop = asyncio.get_running_loop()
    tell(me, **sleeps())
    loops[threading.current_thread()] = loop
    loop.call_soon(parked.release)
    await nap()


# ---- the truth ----

WRAPPERS = ("async_generator_asend", "async_generator_athrow", "coroutine_wrapper", "anext_awaitable")


def awaited_by(awaited):
    """Frames, outermost first, and what the last of them awaits."""
    frames = []
    while True:
        if isinstance(awaited, types.CoroutineType):
            frame, awaited = awaited.cr_frame, awaited.cr_await
        elif isinstance(awaited, types.GeneratorType):
            frame, awaited = awaited.gi_frame, awaited.gi_yieldfrom
        elif isinstance(awaited, types.AsyncGeneratorType):
            frame, awaited = awaited.ag_frame, awaited.ag_await
        elif type(awaited).__name__ in WRAPPERS:
            awaited = gc.get_referents(awaited)[0]
            continue
        elif type(awaited).__name__ == "FutureIter":
            return frames, [one for one in gc.get_referents(awaited) if asyncio.isfuture(one)][0]
        else:
            return frames, awaited
        if frame is not None:
            frames.append(frame)


def frames_of(task, state):
    """Innermost first; of the running one its thread's."""
    if state == "done":
        return []
    if state != "running":
        return awaited_by(task.get_coro())[0][::-1]
    found, outermost = [], task.get_coro().cr_frame
    frame = [frame for frame in sys._current_frames().values() if has(frame, outermost)][0]
    while frame is not outermost:
        found.append(frame)
        frame = frame.f_back
    return found + [outermost]


def has(frame, wanted):
    while frame is not None and frame is not wanted:
        frame = frame.f_back
    return frame is not None


def wait_lines(kind, one):
    yield kind, one["kind"], one["how"], one["label"], one["source"], one["object"]
    for fact in sorted(one["facts"]):
        yield "N", fact, one["facts"][fact]


def lines_of(task, loop, facts):
    name = facts["name"] if "name" in facts else task.get_name()
    yield "K", id(task), name, facts["state"], ",".join(facts["flags"]), id(loop), facts["sync"]
    for frame in frames_of(task, facts["state"]):
        code = frame.f_code
        line = code.co_firstlineno if "new" in facts["flags"] else frame.f_lineno
        yield "F", getattr(code, "co_qualname", code.co_name), line, code.co_firstlineno, code.co_filename
    if facts["wait"]:
        yield from wait_lines("W", facts["wait"])
    for held in facts["holds"]:
        yield from wait_lines("H", held)
    for parent in facts["parents"]() if callable(facts["parents"]) else facts["parents"]:
        yield "P", id(parent)
    if "context" in facts:
        yield "C", facts["context"]
    if "pool" in facts:
        yield "X", facts["pool"], facts.get("worker", ""), facts.get("place", 0)
    if "due" in facts:
        yield "D", repr(frames_of(task, facts["state"])[0].f_locals["h"].when())


def write_truth(path):
    with open(path, "w", encoding="utf-8") as out:
        def put(*fields):
            out.write("\t".join(map(str, fields)) + "\n")

        for thread in threading.enumerate():
            put("T", thread.ident, getattr(thread, "native_id", 0) or 0, thread.name, id(loops[thread]) if thread in loops else 0)
        for task, loop, facts in told:
            if facts["state"] == "done" and not LISTED_WHEN_DONE:
                continue
            for fields in lines_of(task, loop, facts):
                put(*fields)
        put("E", "pricing", 1, 1, 1)


def run(coroutine):
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(coroutine())


for function, thread_name in ((second, "idle loop"), (main, "blocked loop")):
    threading.Thread(target=run, args=(function,), name=thread_name, daemon=True).start()
for _ in range(3):
    parked.acquire()
gc.disable()
write_truth(sys.argv[1])
for size in range(16, 512, 16):  # what freed memory still says of this machine is overwritten
    [bytes(size - 16) for _ in range(20000)]
print("ready", flush=True)
sys.stdin.buffer.raw.read(1)
os._exit(0)
