# SPDX-License-Identifier: Apache-2.0
"""Tasks with a known schedule, which note by the monotonic clock what they do: waiting, ready, running.

Argument: mix (all that waits), blocked (a synchronous call blocks the loop), twice (the same call blocks it step after step, beside some
thousand tasks), given (it blocks when it has woken somebody), missed (a task is ready and nothing blocks), short (a thousand tasks a second),
naps (hundreds of short sleeps, again and again), context (values of a variable).
"log" answers {"intervals": [[kind, state, from, to], ...], "busy": [[function, from, to], ...]}: a kind is the function of a task, busy are
the calls that blocked the loop.  "paths" says which stacks of this file's functions there can be, outermost first.
"""
import asyncio
import contextvars
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import harness

now = time.monotonic
intervals = []
busy = []
live = set()
noting = threading.Lock()  # log() is asked on another thread: it sees what a task says of itself before a mark or after it
paths = set()
keep = []
turn = contextvars.ContextVar("turn")


class Task:
    """What a task says of itself.  until: when what it waits for is due; from then on it is ready if the loop is busy, and "due" if it is
    only late (a timer's resolution is a millisecond)."""

    def __init__(self, kind, state="ready"):
        self.kind, self.state, self.since, self.until = kind, state, now(), None
        with noting:
            live.add(self)

    def intervals(self, end):
        if self.until is not None and self.until < end:
            return [(self.kind, "waiting", self.since, self.until), (self.kind, "due", self.until, end)]
        return [(self.kind, self.state, self.since, end)]

    def mark(self, state, until=None):
        with noting:
            end = now()
            intervals.extend(self.intervals(end))
            self.state, self.since, self.until = state, end, until
            if state == "done":
                live.discard(self)

    def end(self):
        self.mark("done")


def possible(*names):
    for n in range(1, len(names) + 1):
        paths.add(names[:n])


def start(function, *args):
    """A task of a kind, which takes its account as its first argument."""
    account = Task(function.__name__)
    return asyncio.get_running_loop().create_task(function(account, *args))


# ---- mix ----

async def sleeper_short(me):
    while True:
        me.mark("waiting", now() + 0.05)
        await asyncio.sleep(0.05)
        me.mark("running")


async def sleeper_long(me):
    while True:
        me.mark("waiting", now() + 0.3)
        await asyncio.sleep(0.3)
        me.mark("running")


async def hold(me, semaphore):
    async with semaphore:
        me.mark("waiting")
        await asyncio.sleep(0.03)
    me.mark("running")


async def client(me, semaphore):
    while True:
        me.mark("waiting")
        await hold(me, semaphore)


def lookup():
    time.sleep(0.04)


async def caller(me, pool):
    while True:
        me.mark("waiting")
        await asyncio.get_running_loop().run_in_executor(pool, lookup)
        me.mark("running")


async def child(me, seconds):
    me.mark("waiting", now() + seconds)
    await asyncio.sleep(seconds)
    me.end()


async def parent(me):
    while True:
        me.mark("waiting")
        await asyncio.gather(*[start(child, seconds) for seconds in (0.08, 0.1, 0.12)])
        me.mark("running")


async def shared(me):
    me.mark("waiting", now() + 0.15)
    await asyncio.sleep(0.15)
    me.end()


async def left(me, task):
    me.mark("waiting")
    await task
    me.end()


async def right(me, task):
    me.mark("waiting")
    await task
    me.end()


async def pairs():
    while True:
        both = start(shared)
        await asyncio.wait([start(left, both), start(right, both)])


async def numbers(me):
    while True:
        me.mark("waiting", now() + 0.04)
        await asyncio.sleep(0.04)
        me.mark("running")
        yield 1


async def consumer(me):
    async for _ in numbers(me):
        pass


def mix():
    semaphore = asyncio.Semaphore(2)
    pool = ThreadPoolExecutor(2, "lookups")
    for _ in range(3):
        start(sleeper_short)
        start(sleeper_long)
        start(parent)
    for _ in range(6):
        start(client, semaphore)
    for _ in range(5):
        start(caller, pool)
    start(consumer)
    asyncio.get_running_loop().create_task(pairs())
    possible("sleeper_short")
    possible("sleeper_long")
    possible("client", "hold")
    possible("caller")
    possible("parent", "child")
    possible("shared")  # before anybody waits for it
    possible("pairs", "left", "shared")
    possible("pairs", "right", "shared")
    possible("left", "shared")
    possible("right", "shared")
    possible("consumer", "numbers")
    possible("caller", "lookup")  # who is to blame
    possible("child")  # made, and not yet given to gather(): it is ready


# ---- blocked ----

def spin():
    start = now()
    while now() < start + 0.02:
        pass
    busy.append(("spin", start, now()))


def render():
    start = now()
    time.sleep(0.03)
    busy.append(("render", start, now()))


async def blocker(me):
    while True:
        render()
        me.mark("waiting", now() + 0.04)
        await asyncio.sleep(0.04)
        me.mark("running")
        spin()
        me.mark("waiting", now() + 0.04)
        await asyncio.sleep(0.04)
        me.mark("running")


async def victim(me):
    while True:
        me.mark("waiting", now() + 0.01)
        await asyncio.sleep(0.01)
        me.mark("running")


def callback(loop):
    render()
    loop.call_later(0.2, callback, loop)


def blocked():
    for _ in range(5):
        start(victim)
    start(blocker)
    loop = asyncio.get_running_loop()
    loop.call_later(0.1, callback, loop)
    possible("victim")
    possible("blocker", "render")
    possible("blocker", "spin")


# ---- given: who is woken right before the loop is blocked is ready, on a loop of any kind; with --uvloop on that ----

async def taker(me, given):
    while True:
        me.mark("waiting")
        await given.wait()
        given.clear()


async def giver(me, given):
    while True:
        given.set()
        render()
        me.mark("waiting", now() + 0.05)
        await asyncio.sleep(0.05)
        me.mark("running")


def giving(loop, given):
    given.set()
    render()
    loop.call_later(0.2, giving, loop, given)


def given():
    event, loop = asyncio.Event(), asyncio.get_running_loop()
    start(taker, event)
    start(giver, event)
    loop.call_later(0.1, giving, loop, event)
    possible("taker")
    possible("giver", "render")


# ---- missed: a thread sets a future without waking the loop, which goes on waiting ----

async def forgotten(me, future):
    me.mark("waiting")
    await future


def missed():
    future = asyncio.get_running_loop().create_future()
    start(forgotten, future)
    threading.Timer(0.8, future.set_result, [None]).start()
    possible("forgotten")


async def steady(me):
    """Blocks in the same function again and again: each call is a step of its own."""
    while True:
        spin()
        me.mark("ready")
        await asyncio.sleep(0)
        me.mark("running")


async def parked(me):
    me.mark("waiting")
    await asyncio.get_running_loop().create_future()


def twice():
    start(victim)
    start(steady)
    keep.extend(start(parked) for _ in range(3000))
    possible("victim")
    possible("steady", "spin")
    possible("parked")


# ---- short ----

async def request(me):
    me.mark("waiting", now() + 0.005)
    await asyncio.sleep(0.005)
    me.end()


async def spawner(me):
    due = now()
    while True:
        while due <= now():
            due += 0.001
            start(request)
        me.mark("waiting", due)
        await asyncio.sleep(due - now())
        me.mark("running")


def short():
    start(spawner)
    possible("spawner")
    possible("request")


# ---- naps ----

async def napper(me):
    while True:
        me.mark("waiting", now() + 0.02)
        await asyncio.sleep(0.02)
        me.mark("running")


def naps():
    for _ in range(600):
        start(napper)
    possible("napper")


# ---- by a context variable ----

async def work(me):
    me.mark("waiting")
    await asyncio.sleep(1000)


async def handler(me, number):
    turn.set(number % 3 if number != 7 else "seven")
    me.mark("waiting")
    await start(work)


def context():
    for number in range(8):
        start(handler, number)
    start(work)
    possible("handler", "work")
    possible("work")


def log():
    with noting:
        end = now()
        found = list(intervals)
        for task in live:
            found += task.intervals(end)
    return {"intervals": found, "busy": list(busy)}


async def main():
    {"mix": mix, "blocked": blocked, "twice": twice, "short": short, "naps": naps, "given": given, "missed": missed,
     "context": context}[sys.argv[1]]()
    possible("main")
    await asyncio.sleep(0.3)
    harness.ready()
    await asyncio.get_running_loop().create_future()


harness.serve(log=log, paths=lambda: sorted(paths))
if "--uvloop" in sys.argv:
    import uvloop
    uvloop.install()
asyncio.run(main())
