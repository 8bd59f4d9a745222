# SPDX-License-Identifier: Apache-2.0
"""Programs that are rough with a deterministic profile: what they do to it from inside of its own events, seeds and threads.
callguests.py CASE"""
import asyncio
import contextvars
import gc
import os
import sys
import threading
import time

from common import main, start_thread, tell

import strobe


def named(row, name):
    """Below 3.11 names of functions are not qualified."""
    return row["name"].rpartition(".")[2] == name


def dropped():
    """The profile is stopped and dropped by code that it runs itself: a tag's text, a task's name."""
    tag, kept = contextvars.ContextVar("tag"), {}

    def drop():
        profile = kept.pop("profile", None)
        if profile is not None:
            profile.stop()
            del profile
            gc.collect()
            kept["junk"] = [bytearray(200) for _ in range(1000)]

    class Tag:
        def __str__(self):
            drop()
            return "tag"

    class Task(asyncio.Task):
        def get_name(self):
            drop()
            return "name"

    async def short():
        await asyncio.sleep(0)

    async def tasks():
        loop = asyncio.get_running_loop()
        loop.set_task_factory(lambda loop, coroutine, **options: Task(coroutine, loop=loop, **options))
        kept["profile"] = strobe.Profile().start()
        await asyncio.gather(*(short() for _ in range(10)))

    def f():
        return 1

    kept["profile"] = strobe.Profile(tag=tag).start()
    tag.set(Tag())
    total = sum(f() for _ in range(10))
    asyncio.run(tasks())
    tell({"total": total, "running": "profile" in kept})


def dropped_elsewhere():
    """Another thread stops it while the text of a tag is asked for."""
    tag, asked, gone = contextvars.ContextVar("tag"), threading.Event(), threading.Event()

    class Tag:
        def __str__(self):
            asked.set()
            gone.wait()
            return "tag"

    def f():
        return 1

    def work():
        tag.set(Tag())
        for _ in range(20):
            f()

    profile = strobe.Profile(tag=tag).start()
    thread = start_thread(work)
    asked.wait()
    profile.stop()
    stopped = profile.stats()
    del profile
    gc.collect()
    junk = [bytearray(n) for n in range(100, 2000) for _ in range(5)]
    gone.set()
    thread.join()
    tell({"junk": len(junk), "rows": len(stopped) > 0})


def read_from_inside():
    tag, kept = contextvars.ContextVar("tag"), []

    class Tag:
        def __str__(self):
            kept.append(profile.totals()["wall"])
            return "tag"

    def f():
        return 1

    with strobe.Profile(tag=tag) as profile:
        tag.set(Tag())
        f()
    tell({"read": len(kept) > 0, "f": [row["calls"] for row in profile.stats(tag="tag") if named(row, "f")]})


def called_by_hand():
    """The callbacks are objects that sys.monitoring gives out."""
    with strobe.Profile() as profile:
        tool = next(tool for tool in range(6) if sys.monitoring.get_tool(tool) == "strobe.Profile")
        event = sys.monitoring.events.PY_START
        callback = sys.monitoring.register_callback(tool, event, None)
        found = [callback(), callback(1), callback(1, 2), callback(1, 2, 3)]
        sys.monitoring.register_callback(tool, event, callback)
    tell({"found": found, "rows": len(profile.stats()) > 0})


def waiting():
    """Coroutines that waited before the profile: recursive ones count once; each is its thread's."""
    here, ready = [], threading.Barrier(3)

    async def recursive(n, end):
        if n:
            await recursive(n - 1, end)
        else:
            here.append(1)
            await end.wait()

    async def wait(end):
        task = asyncio.ensure_future(recursive(9, end))
        await asyncio.sleep(0)
        while not here:
            await asyncio.sleep(0)
        await asyncio.get_running_loop().run_in_executor(None, ready.wait)
        await task

    ends, loops = [], []

    def loop():
        async def main():
            end = asyncio.Event()
            ends.append(end)
            loops.append(asyncio.get_running_loop())
            await wait(end)
        asyncio.run(main())

    names = ["left", "right"]
    threads = [start_thread(loop, name=name) for name in names]
    ready.wait()
    profile = strobe.Profile()
    begin = time.perf_counter()
    profile.start()
    began = time.perf_counter()
    time.sleep(0.1)
    ended = time.perf_counter()
    found = [[row["awaited"] for row in profile.stats(thread=name) if named(row, "recursive")] for name in names]
    end = time.perf_counter()
    profile.clear()
    cleared = profile.stats()
    profile.stop()
    for loop_, event in zip(loops, ends):
        loop_.call_soon_threadsafe(event.set)
    for thread in threads:
        thread.join()
    tell({"found": found, "least": ended - began, "most": end - begin,
          "cleared": [row["awaited"] for row in cleared if named(row, "recursive")]})


def same_ident():
    """A thread begins at the place of one that ended while the profile was stopped."""
    def first():
        end = time.thread_time() + 0.05
        while time.thread_time() < end:
            pass

    def second():
        pass

    profile, tries, same = strobe.Profile(), 0, False
    while not same and tries < 50:
        tries += 1
        profile.start()
        hold, ran = threading.Event(), threading.Event()

        def work():
            first()
            ran.set()
            hold.wait()

        one = start_thread(work, name="first")
        ran.wait()
        profile.stop()
        hold.set()
        one.join()
        profile.start()
        other = start_thread(second, name="second")
        other.join()
        profile.stop()
        same = one.ident == other.ident
    rows, totals = profile.stats(), profile.totals()
    tell({"same": same, "cpu": totals["cpu"], "clock": time.process_time(), "of_rows": sum(row["self_cpu"] or 0 for row in rows),
          "second": [row["calls"] for row in profile.stats(thread="second") if named(row, "second")], "tries": tries})


def decorated_in_odd_places():
    """Finalizers that call a decorated function while its profile begins or ends; forks of threads that are in one."""
    @strobe.profile
    def f():
        return 1

    class Thing:
        def __init__(self):
            self.me = self

        def __del__(self):
            f()

    gc.set_threshold(20)
    for _ in range(500):
        Thing()
        f()
    gc.set_threshold(700)
    end = threading.Event()

    def work():
        while not end.is_set():
            f()

    threads = [start_thread(work) for _ in range(2)]
    children = []
    for _ in range(10):
        child = os.fork()
        if not child:
            f()
            os._exit(f.profile.is_running())
        children.append(os.waitpid(child, 0)[1])
    end.set()
    for thread in threads:
        thread.join()
    tell({"calls": sum(row["calls"] for row in f.profile.stats() if named(row, "f")) >= 500, "children": children,
          "running": f.profile.is_running()})


def without_asyncio():
    sys.modules["asyncio"] = None
    with strobe.Profile() as profile:
        pass
    tell({"rows": len(profile.stats()) > 0})


def begun_in_a_generator():
    profile = strobe.Profile()

    def numbers():
        yield 1
        profile.start()
        yield 2
        yield 3
        yield 4

    found = list(numbers())
    profile.stop()
    tell({"found": found, "rows": [(row["finished"], row["resumes"]) for row in profile.stats() if named(row, "numbers")]})


def busy_when_it_begins():
    """A thread calls all the time while profiles begin: which edges there are that cannot be."""
    end = threading.Event()

    def a():
        pass

    def b():
        pass

    def loop():
        while not end.is_set():
            a()
            b()

    threads = [start_thread(loop) for _ in range(3)]
    wrong, seen = [], 0
    for _ in range(20):
        with strobe.Profile() as profile:
            time.sleep(0.01)
        for row in profile.stats():
            if named(row, "a") or named(row, "b"):
                seen += row["calls"]
                wrong += ["%s by %s" % (row["name"], caller["name"]) for caller in row["callers"] if not named(caller, "loop")]
    end.set()
    for thread in threads:
        thread.join()
    tell({"wrong": wrong, "seen": seen > 0})


main({case.__name__: case for case in (dropped, dropped_elsewhere, read_from_inside, called_by_hand, waiting, same_ident,
                                       decorated_in_odd_places, without_asyncio, begun_in_a_generator, busy_when_it_begins)})
