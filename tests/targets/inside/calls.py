# SPDX-License-Identifier: Apache-2.0
"""Programs that know what they have called, and for how long, under strobe.Profile.  calls.py CASE"""
import asyncio
import contextvars
import cProfile
import gc
import json
import marshal
import os
import pathlib
import pstats
import re
import sys
import threading
import time
import types
import warnings
import weakref

from common import main, start_thread, tell, until

import strobe

FILE = os.path.basename(__file__)


def spin(seconds):
    """So much CPU time of this thread."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def rows(profile, **which):
    """By plain name: of this file alone."""
    found = {}
    for row in profile.stats(**which):
        if os.path.basename(row["file"]) == FILE:
            found[row["name"].rpartition(".")[2]] = row
    return found


def broken(profile):
    """What must hold of any profile: what of it does not."""
    wrong = []
    before, stats, after = profile.totals()["wall"], profile.stats(), profile.totals()["wall"]
    own = sum(row["self"] for row in stats)
    if not before - 1e-6 <= own <= after + 1e-6:
        wrong.append("self times are %.6f s, threads' %.6f to %.6f" % (own, before, after))
    by_place = {(row["name"], row["file"], row["line"]): row for row in stats}
    for row in stats:
        if row["self"] < 0 or row["awaited"] < 0 or row["total"] - row["self"] < -1e-9:
            wrong.append("%s: self %r, total %r, awaited %r" % (row["name"], row["self"], row["total"], row["awaited"]))
        if not -1e-9 <= row["self_awaited"] <= row["awaited"] + 1e-9:
            wrong.append("%s: %r awaited, %r of it itself" % (row["name"], row["awaited"], row["self_awaited"]))
        if abs(sum(caller["self_awaited"] for caller in row["callers"]) - row["self_awaited"]) > 1e-6 and len(row["callers"]) > 0:
            wrong.append("%s: %r awaited itself, by callers %r" % (row["name"], row["self_awaited"], [one["self_awaited"] for one in row["callers"]]))
        for part in (row, *row["callers"]):
            if part["primitive"] > part["calls"] or not 0 <= part["unfinished"] <= row["calls"] + row["unfinished"] < 1 << 40:
                wrong.append("%s by %s: %d calls, %d primitive, %d unfinished" % (row["name"], part["name"], part["calls"], part["primitive"], part["unfinished"]))
        for caller in row["callers"]:
            above = by_place[caller["name"], caller["file"], caller["line"]]
            if caller["total"] > above["total"] + 1e-9 or caller["inclusive"] > above["inclusive"] + 2e-4:
                wrong.append("%s takes %r (%r) of %s, which takes %r (%r)" % (row["name"], caller["total"], caller["inclusive"], above["name"],
                                                                            above["total"], above["inclusive"]))
        if sum(caller["calls"] for caller in row["callers"]) > row["calls"]:
            wrong.append("%s: more calls by callers than there were" % row["name"])
    return wrong


# ---- counts, beside cProfile ----


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def even(n):
    return n == 0 or odd(n - 1)


def odd(n):
    return n != 0 and even(n - 1)


class Shape:
    def __init__(self, n):
        self.n = n

    def area(self):
        return self.n * self.side

    @property
    def side(self):
        return self.n

    def __lt__(self, other):
        return self.area() < other.area()


def fails(n):
    if n == 0:
        raise KeyError(n)
    fails(n - 1)


def walk(n):
    yield n
    if n:
        yield from walk(n - 1)


def halves(n):
    """A recursion of generators that go on with other things between two values."""
    for m in (n // 2, n - n // 2) if n > 1 else ():
        for found in halves(m):
            yield even(found % 5) + found
    yield n


def stubborn_walk(n):
    try:
        yield from walk(n)
    except KeyError:
        yield from walk(n)


def synchronous():
    fib(12)
    sum(walk(9))
    list(halves(13))
    closed, thrown, dropped = walk(5), stubborn_walk(5), walk(4)
    for one in (closed, closed, thrown, thrown, thrown, dropped):
        next(one)
    closed.close()
    thrown.throw(KeyError())
    list(thrown)
    del dropped
    even(40)
    shapes = sorted((Shape(n * 7 % 50) for n in range(50)), key=Shape.area)
    shapes.sort()
    for n in range(5):
        try:
            fails(n)
        except KeyError:
            pass
    return [(lambda n: n + 1)(n) for n in range(10)], sum(n for n in range(10)), eval("fib(5)")


def as_rows(stats):
    """{"name:line": (calls, primitive, {caller: calls})} of this file, of a dict as pstat files have it."""
    return {"%s:%d" % (key[2], key[1]): (value[1], value[0], {"%s:%d" % (by[2], by[1]): (count[0], count[1]) for by, count in value[4].items()
                                                             if os.path.basename(by[0]) == FILE and by[2] != "counts"})
            for key, value in stats.items() if os.path.basename(key[0]) == FILE and key[2] != "counts"}


def counts():
    theirs = cProfile.Profile(builtins=False)
    theirs.enable()
    synchronous()
    theirs.disable()
    theirs.create_stats()
    profile = strobe.Profile()
    profile.start()
    synchronous()
    profile.stop()
    profile.save("counts.pstat", compat="cprofile")
    tell({"cprofile": as_rows(theirs.stats), "strobe": as_rows(pstats.Stats("counts.pstat").stats), "broken": broken(profile)})


class Own(list):
    pass


def builtins():
    lived, pattern = [], re.compile("x")

    def work():
        own = Own()
        own.append(pattern.match("x").group())
        own.copy().append(1)
        lived.append(weakref.ref(own))
        for _ in range(10):
            [].append(len("x"))
        sorted([3, 1], key=abs)
        try:
            int.from_bytes(b"1", "nowhere")
        except ValueError:
            pass
        time.sleep(0.01)

    theirs = cProfile.Profile()
    theirs.enable()
    work()
    theirs.disable()
    theirs.create_stats()
    profile = strobe.Profile(builtins=True)
    with profile:
        work()
    profile.save("builtins.pstat", compat="cprofile")
    named = [{key[2]: value[:2] for key, value in stats.items() if key[0] == "~"} for stats in (theirs.stats, pstats.Stats("builtins.pstat").stats)]
    slept = [row["total"] for row in profile.stats() if row["name"] == "<built-in method time.sleep>"]
    tell({"cprofile": named[0], "strobe": named[1], "slept": slept, "alive": lived[-1]() is not None, "broken": broken(profile)})


def builtins_beside():
    """A thread has a profile function of the program's."""
    came, go = [], threading.Event()

    def mine(frame, event, argument):
        came.append(event)

    def leaf():
        return hex(9)

    def work():
        sys.setprofile(mine)
        begun.set()
        go.wait()
        leaf()
        kept.append(sys.getprofile() is mine)
        sys.setprofile(None)

    begun, kept, profile = threading.Event(), [], strobe.Profile(builtins=True)
    thread = start_thread(work)
    begun.wait()
    with profile:
        leaf()
        go.set()
        thread.join()
    seen = len(came)
    hexes = [row["calls"] for row in profile.stats() if row["name"] == "<built-in method builtins.hex>"]
    tell({"kept": kept, "hexes": hexes, "leaf": rows(profile)["leaf"]["calls"], "seen": "c_call" in came and seen, "broken": broken(profile),
          "threads": profile.totals()["lost"]["builtins_of_threads"]})


# ---- times ----


def left(n):
    spin(0.04)
    if n:
        left(n - 1)


def right():
    for _ in range(3):
        spin_of_right(0.05)


def spin_of_right(seconds):
    spin(seconds)


def parts_saved(profile, **which):
    """What files of a part of a profile have: {format: [functions, seconds]}."""
    found = {}
    for format in ("pstat", "json", "collapsed"):
        profile.save("part", format, **which)
        with open("part", "rb") as file:
            data = file.read()
        if format == "pstat":
            stats = marshal.loads(data)
            found[format] = sorted({key[2] for key in stats}), sum(row[2] for row in stats.values())
        elif format == "json":
            functions = json.loads(data)["functions"]
            found[format] = sorted({row["name"] for row in functions}), sum(row["self"] for row in functions)
        else:
            lines = [line.rpartition(" ") for line in data.decode().splitlines()]
            found[format] = sorted({frame.rpartition(" (")[0] for path, _, _ in lines for frame in path.split(";")[1:]}), \
                sum(int(count) for _, _, count in lines) / 1e6
    return found


def threads():
    """Two threads with different work: CPU time by the threads' own clocks, wall time by the program's."""
    truth = {}

    def run(name, function, *args):
        cpu, wall = time.thread_time(), time.perf_counter()
        function(*args)
        truth[name] = time.thread_time() - cpu, time.perf_counter() - wall

    profile = strobe.Profile()
    with profile:
        all_ = [threading.Thread(target=run, args=("left", left, 4), name="worker-left"),
                threading.Thread(target=run, args=("right", right), name="worker-right")]
        for thread in all_:
            thread.start()
        for thread in all_:
            thread.join()
    found = rows(profile)
    only = rows(profile, thread="worker-left")
    tell({"truth": truth, "rows": {name: found[name] for name in ("left", "right", "spin", "spin_of_right")}, "broken": broken(profile),
          "of_left": sorted(only), "spin_of_left": only["spin"]["self_cpu"], "files": parts_saved(profile, thread="worker-left"),
          "threads": {row["name"]: [row["wall"], row["cpu"]] for row in profile.threads()}, "wall": profile.totals()["wall"]})


def awaits():
    truth, spun, slept = {"inner": [], "outer": []}, [], {"request": 0, "other": 0}

    async def sleep(seconds):
        begin = time.perf_counter()
        await asyncio.sleep(seconds)
        slept["request" if asyncio.current_task().get_name().startswith("request") else "other"] += time.perf_counter() - begin

    async def inner(seconds):
        begin = time.perf_counter()
        await sleep(seconds)
        cpu = time.thread_time()
        spin(0.005)
        spun.append(time.thread_time() - cpu)
        await sleep(seconds)
        truth["inner"].append(time.perf_counter() - begin)

    async def outer(seconds):
        begin = time.perf_counter()
        await inner(seconds)
        await inner(seconds)
        truth["outer"].append(time.perf_counter() - begin)

    async def all_():
        await asyncio.gather(*(asyncio.create_task(outer(0.02 + n / 100), name="request-%d" % n) for n in range(5)), outer(0.05))

    profile = strobe.Profile()
    with profile:
        asyncio.run(all_())
    found = rows(profile)
    tell({"truth": {name: [len(times), sum(times), min(times), max(times)] for name, times in truth.items()},
          "rows": {name: found[name] for name in ("inner", "outer", "all_")}, "broken": broken(profile), "tasks": profile.tasks(), "truth_slept": slept, "wall": profile.totals()["wall"],
          "of_requests": rows(profile, task="request-*"), "slept": [row["self_awaited"] for row in profile.stats() if row["name"] == "sleep" and row["file"] == asyncio.tasks.__file__],
          "spun": found["spin"]["self_cpu"], "truth_spun": sum(spun)})


def driven():
    """A coroutine that drives another one by send(), and awaits something else meanwhile."""
    slept = []

    async def inner(future):
        await future
        spin(0.005)

    async def driver():
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        loop.call_later(0.01, future.set_result, None)
        coroutine = inner(future)
        coroutine.send(None)
        begun = time.perf_counter()
        await asyncio.sleep(0.05)
        slept.append(time.perf_counter() - begun)
        try:
            coroutine.send(None)
        except StopIteration:
            pass

    profile = strobe.Profile()
    with profile:
        asyncio.run(driver())
    found = rows(profile)
    caller, = found["inner"]["callers"]
    tell({"slept": slept[0], "driver": found["driver"], "inner": found["inner"], "by_driver": caller, "broken": broken(profile)})


# ---- every way to begin and to end ----


class Counted:
    """What functions themselves say of how often they have begun and ended."""

    def __init__(self):
        self.begun, self.ended = {}, {}

    def __call__(self, name):
        self.begun[name] = self.begun.get(name, 0) + 1
        return self

    def end(self, name):
        self.ended[name] = self.ended.get(name, 0) + 1


def shapes():
    counted = Counted()

    def generator(n):
        counted("generator")
        try:
            for i in range(n):
                yield i
        finally:
            counted.end("generator")

    def delegating(n):
        counted("delegating")
        try:
            yield from generator(n)
        finally:
            counted.end("delegating")

    async def coroutine(depth):
        counted("coroutine")
        try:
            if depth:
                await coroutine(depth - 1)
            else:
                await asyncio.sleep(0)
        finally:
            counted.end("coroutine")

    async def endless():
        counted("endless")
        try:
            await asyncio.sleep(1000)
        finally:
            counted.end("endless")

    async def stubborn():
        counted("stubborn")
        try:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                await asyncio.sleep(0)
        finally:
            counted.end("stubborn")

    async def numbers(n):
        counted("numbers")
        try:
            for i in range(n):
                yield i
                await asyncio.sleep(0)
        finally:
            counted.end("numbers")

    class Awaitable:
        def __await__(self):
            counted("__await__")
            try:
                return (yield from asyncio.sleep(0).__await__())
            finally:
                counted.end("__await__")

    @types.coroutine
    def old_style():
        counted("old_style")
        try:
            yield
        finally:
            counted.end("old_style")

    async def fails_late():
        counted("fails_late")
        try:
            await asyncio.sleep(0)
            raise KeyError("late")
        finally:
            counted.end("fails_late")

    async def all_():
        await coroutine(4)
        tasks = [asyncio.ensure_future(endless()) for _ in range(3)] + [asyncio.ensure_future(stubborn())]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert [n async for n in numbers(4)] == [0, 1, 2, 3]
        async for _ in numbers(4):
            break
        await Awaitable()
        await old_style()
        try:
            await fails_late()
        except KeyError:
            pass
        never = coroutine(0)
        never.close()
        thrown = coroutine(0)
        try:
            thrown.throw(KeyError("before it began"))
        except KeyError:
            pass

    profile = strobe.Profile()
    with profile:
        list(generator(5))
        list(delegating(3))
        half = generator(5)
        next(half)
        half.close()
        collected = generator(5)
        next(collected)
        del collected
        gc.collect()
        thrown = generator(5)
        next(thrown)
        try:
            thrown.throw(KeyError("thrown"))
        except KeyError:
            pass
        kept = generator(5)
        next(kept)
        asyncio.run(all_())
    found = rows(profile)
    tell({"begun": counted.begun, "ended": counted.ended, "broken": broken(profile),
          "rows": {name: [found[name][key] for key in ("calls", "finished", "unfinished", "resumes")] for name in counted.begun}})


def alive():
    """Threads and tasks that are there before the profile and after it."""
    gate, done = threading.Event(), threading.Event()

    def before():
        begin = None
        gate.wait()
        begin = time.thread_time()
        spin(0.02)
        during.append(time.thread_time() - begin)
        done.wait()

    during = []
    thread = threading.Thread(target=before, name="early")
    thread.start()

    async def sleeps(seconds):
        await asyncio.sleep(seconds)

    async def waits(event):
        begun.append(time.perf_counter())
        await event.wait()

    begun = []

    async def all_():
        event = asyncio.Event()
        tasks = [asyncio.ensure_future(sleeps(0.08)), asyncio.ensure_future(waits(event))]
        await asyncio.sleep(0.02)
        profile = strobe.Profile()
        begin = time.perf_counter()
        profile.start()
        started = time.perf_counter()
        gate.set()
        await tasks[0]
        slept = time.perf_counter()
        later = asyncio.ensure_future(waits(event))
        await asyncio.sleep(0.03)
        between = rows(profile)
        again = rows(profile)
        while not during:  # the thread has spun
            await asyncio.sleep(0.005)
        stops = time.perf_counter()
        profile.stop()
        stopped = time.perf_counter()
        event.set()
        await asyncio.gather(tasks[1], later)
        least = {"sleeps": slept - started, "waits": 2 * stops - started - begun[1], "before": stops - started, "all_": stops - started}
        most = {"sleeps": slept - begin, "waits": 2 * stopped - begin - begun[1], "before": stopped - begin, "all_": stopped - begin}
        return profile, least, most, between, again

    profile, least, most, between, again = asyncio.run(all_())
    done.set()
    thread.join()
    found = rows(profile)
    figures = ("calls", "finished", "unfinished", "awaited", "inclusive", "total")
    tell({"least": least, "most": most, "spun": during, "broken": broken(profile), "early": found["spin"]["self_cpu"],
          "rows": {name: {key: found[name][key] for key in figures} for name in ("sleeps", "waits", "before", "all_")},
          "between": [between["waits"]["calls"], again["waits"]["calls"], between["waits"]["awaited"] <= again["waits"]["awaited"]]})


def met_in_the_middle():
    """Profiles that begin inside of what then goes on: in a coroutine, in a helper, in a generator, beside a thread deep inside of something."""
    def work():
        spin(0.01)

    async def other():
        for _ in range(3):
            await asyncio.sleep(0.02)
            work()

    async def begins_here():
        task = asyncio.ensure_future(other())
        await asyncio.sleep(0)
        with strobe.Profile() as profile:
            await asyncio.sleep(0.15)
        await task
        return profile

    def helper(profile):
        profile.start()

    def generator(profile):
        profile.start()
        yield 1
        spin(0.005)
        yield 2

    def second():
        spin(0.01)

    def inner(gate, ready):
        ready.set()
        gate.wait()

    def first(gate, ready):
        inner(gate, ready)
        spin(0.005)

    def body(gate, ready):
        first(gate, ready)
        second()
        second()

    in_task = asyncio.run(begins_here())
    by_helper = strobe.Profile()
    helper(by_helper)
    work()
    by_helper.stop()
    in_generator = strobe.Profile()
    iterator = generator(in_generator)
    next(iterator)
    work()
    next(iterator)
    in_generator.stop()
    gate, ready, beside = threading.Event(), threading.Event(), strobe.Profile()
    thread = threading.Thread(target=body, args=(gate, ready))
    thread.start()
    ready.wait()
    with beside:
        gate.set()
        thread.join()

    def told(profile, *names):
        found = rows(profile)
        figures = ("calls", "finished", "unfinished", "total_cpu", "awaited", "resumes")
        return {name: dict({key: found[name][key] for key in figures}, callers=[one["name"].rpartition(".")[2] for one in found[name]["callers"]])
                for name in names if name in found}

    tell({"task": told(in_task, "begins_here", "other", "work"), "helper": told(by_helper, "helper", "work"),
          "generator": told(in_generator, "generator", "work"), "thread": told(beside, "body", "first", "inner", "second"),
          "broken": broken(in_task) + broken(by_helper) + broken(in_generator) + broken(beside)})


def interrupted():
    """An exception at any place of start() and stop() leaves nothing behind that cannot be taken back."""
    import signal

    def strike(signum, frame):
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, strike)

    def leaf():
        pass

    hits = 0
    for step in range(1, 400):
        profile = strobe.Profile()
        try:
            signal.setitimer(signal.ITIMER_REAL, step * 2e-6 if step % 2 else step * 1e-5)
            profile.start()
            profile.stop()
            while True:
                pass
        except KeyboardInterrupt:
            hits += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        profile.stop()
        before = profile.totals() if profile._native is not None else None
        leaf()
        if before is not None and "leaf" in rows(profile):
            raise SystemExit("it goes on after stop()")
    with strobe.Profile() as profile:
        leaf()
    tell({"hits": hits, "calls": rows(profile)["leaf"]["calls"], "broken": broken(profile)})


def deep():
    """A recursion that runs without a profile runs with one."""
    def down(n):
        return 0 if n == 0 else 1 + down(n - 1)

    def forever(n):
        return forever(n + 1)

    def limit():
        depth = 0

        def go():
            nonlocal depth
            depth += 1
            go()
        try:
            go()
        except RecursionError:
            pass
        return depth

    sys.setrecursionlimit(9000)
    bare = [down(8000), limit()]
    profile = strobe.Profile()
    with profile:
        under = [down(8000), limit()]
    sys.setrecursionlimit(1000)
    bare.append(limit())
    with profile:
        under.append(limit())
    sys.setrecursionlimit(9000)
    with strobe.Profile(builtins=True):
        with_builtins = [down(8000), limit()]
    tell({"bare": bare, "under": under, "builtins": with_builtins, "broken": broken(profile), "calls": rows(profile)["down"]["calls"],
          "aside": profile.totals()["lost"]["stacks_too_deep"]})


def again():
    """stop, start, clear; one at a time."""
    def leaf():
        pass

    profile = strobe.Profile()
    with profile:
        leaf()
    leaf()
    with profile:
        leaf()
        try:
            strobe.Profile().start()
            refused = None
        except RuntimeError as error:
            refused = str(error)
    first = rows(profile)
    profile.clear()
    cleared = rows(profile)
    with profile:
        leaf()
    found = rows(profile)
    other = strobe.Profile(threads="current")
    with other:
        thread = threading.Thread(target=leaf)
        thread.start()
        thread.join()
    tell({"calls": first["leaf"]["calls"], "unfinished": first["again"]["unfinished"], "refused": refused, "cleared": "leaf" in cleared,
          "after": found["leaf"]["calls"], "others": "leaf" in rows(other), "broken": broken(profile) + broken(other)})


def named_oddly():
    """Threads may be called anything."""
    def leaf():
        spin(0.001)

    end = threading.Event()
    threads_ = [start_thread(end.wait, name=name) for name in ("a\0b", "\ud800", "")]
    with strobe.Profile() as profile:
        threads_ += [start_thread(leaf, name=name) for name in ("c\0d", "\udfff")]
        for thread in threads_[-2:]:
            thread.join()
    end.set()
    tell({"leaf": rows(profile)["leaf"]["calls"], "names": sorted(row["name"] for row in profile.threads()), "broken": broken(profile)})


def wanders():
    """Generators that begin in one place and end in another one; threads that end one after the other, the first of them last."""
    def numbers():
        yield 1
        yield 2

    def begins():
        made = numbers()
        next(made)
        return made

    def ends(made):
        list(made)

    async def inner():
        await asyncio.sleep(10)

    async def outer():
        await inner()

    async def cancels():
        task = asyncio.ensure_future(outer())
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    go = threading.Event()
    with strobe.Profile() as profile:
        ends(begins())
        asyncio.run(cancels())
        first = start_thread(go.wait, name="first")
        for n in range(70):
            start_thread(begins, name="short-%d" % n).join()
        start_thread(ends, begins(), name="elsewhere").join()
        go.set()
        first.join()
    found = rows(profile)
    parts = {name: [[one["name"].rpartition(".")[2], one["calls"], one["finished"], one["unfinished"]] for one in found[name]["callers"]]
             for name in ("numbers", "inner", "outer")}
    tell({"rows": {name: [found[name]["calls"], found[name]["finished"], found[name]["unfinished"]] for name in parts}, "parts": parts,
          "elsewhere": [[row["calls"], row["finished"], row["unfinished"]] for row in profile.stats(thread="elsewhere") if row["name"].endswith("numbers")],
          "first": any(row["name"] == "first" for row in profile.threads()),
          "broken": broken(profile)})


def forked():
    def leaf():
        spin(0.01)

    profile = strobe.Profile()
    profile.start()
    leaf()
    pid = os.fork()
    if pid == 0:
        leaf()
        running = profile.is_running()
        own = strobe.Profile()
        with own:
            leaf()
        os._exit(0 if not running and rows(own)["leaf"]["calls"] == 1 and not broken(own) else 1)
    status = os.waitpid(pid, 0)[1]
    leaf()
    profile.stop()
    tell({"status": status, "calls": rows(profile)["leaf"]["calls"], "broken": broken(profile)})


TAG = contextvars.ContextVar("TAG")


def tagged():
    def leaf():
        spin(0.0005)

    async def request(name):
        TAG.set(name)
        await asyncio.sleep(0)
        leaf()
        leaf()

    async def all_():
        await asyncio.gather(*(request("r%d" % (n % 2)) for n in range(4)))

    profile = strobe.Profile(tag=TAG)
    with profile:
        asyncio.run(all_())
    tags = [one["name"] for one in profile.tags()]
    tell({"tags": tags, "calls": [rows(profile, tag=tag)["leaf"]["calls"] for tag in tags],
          "files": {tag: parts_saved(profile, tag=tag) for tag in [*tags, "r7"]}, "broken": broken(profile)})


def filtered():
    def leaf():
        return json.dumps({"a": [1, 2]}, indent=1)

    found = {}
    for name, what in (("module", "json"), ("submodule", "json.encoder"), ("path", os.path.abspath(__file__)), ("none", "jso"),
                       ("folder", os.path.dirname(os.path.abspath(__file__)) + os.sep), ("Path", pathlib.Path(__file__)),
                       ("part of a name", os.path.abspath(__file__)[:-len("lls.py")])):
        profile = strobe.Profile(filter=what)
        with profile:
            leaf()
            leaf()
        found[name] = sorted({os.path.basename(os.path.dirname(row["file"])) + "/" + os.path.basename(row["file"]) if "json" in row["file"]
                              else os.path.basename(row["file"]) for row in profile.stats()})
        found[name + " broken"] = broken(profile)
    with strobe.Profile(filter="__main__") as profile:
        leaf()
    found["main"] = sorted(row["name"].rpartition(".")[2] for row in profile.stats())
    tell(found)


def many():
    """More functions than allowed, more threads than are told apart."""
    functions = []
    for n in range(200):
        space = {}
        exec("def f%d(): pass" % n, space)
        functions.append(space["f%d" % n])

    def call_all():
        for function in functions:
            function()

    profile = strobe.Profile(max_functions=50)
    with profile:
        for _ in range(150):
            thread = threading.Thread(target=call_all)
            thread.start()
            thread.join()
    stats = profile.stats()
    other = [row for row in stats if row["kind"] == "other"]
    tell({"rows": len(stats), "calls": sum(row["calls"] for row in stats if row["name"].startswith(("f", "(other")) and row["name"] != "forkpty"),
          "other": other[0]["calls"] if other else 0, "threads": len(profile.threads()), "lost": profile.totals()["lost"],
          "broken": broken(profile)})


def at_once():
    """Many threads and somebody who reads all the time (free-threaded builds: truly at once)."""
    def leaf(n):
        return n + 1

    def numbers(n):
        for i in range(n):
            yield leaf(i)

    def work():
        for _ in range(rounds):
            sum(numbers(10))

    with strobe.Profile() as profile:
        profile.save(os.devnull, "collapsed")  # what it imports is not to be seen below
    rounds, n_threads = 400, 8
    profile = strobe.Profile()
    profile.start()
    threads_ = [start_thread(work) for _ in range(n_threads)]
    reads, wrong = 0, []
    while any(thread.is_alive() for thread in threads_):
        wrong += broken(profile)[:3]
        profile.save(os.devnull, "collapsed")
        reads += 1
    profile.stop()
    found = rows(profile)
    tell({"leaf": found["leaf"]["calls"], "numbers": found["numbers"]["calls"], "wanted": rounds * n_threads, "reads": reads, "wrong": wrong,
          "broken": broken(profile)})


def stopped_at_once():
    """Profiles begin and end while threads run."""
    end = threading.Event()

    def leaf():
        pass

    def work():
        while not end.is_set():
            for _ in range(50):
                leaf()

    threads_ = [start_thread(work) for _ in range(4)]
    wrong = []
    for _ in range(30):
        profile = strobe.Profile()
        with profile:
            time.sleep(0.002)
            profile.clear()
            time.sleep(0.001)
        wrong += broken(profile)
        del profile
    end.set()
    for thread in threads_:
        thread.join()
    tell({"broken": wrong})


def saved():
    async def waits():
        await asyncio.sleep(0.01)

    def hostile():
        spin(0.002)
    hostile.__code__ = hostile.__code__.replace(co_name="</script><b>\x1b[31m&\n", co_filename="/tmp/\"<x>&\n\x1b.py")
    profile = strobe.Profile()
    with profile:
        fib(10)
        hostile()
        asyncio.run(waits())
    for name in ("all.pstat", "all.callgrind", "all.json", "all.collapsed", "all.speedscope.json", "all.svg", "all.pb.gz"):
        profile.save(name)
    profile.save("yappi.pstat", compat="yappi")
    profile.print(limit=None)
    errors = []
    for path, more in (("x.unknown", {}), ("x", {"format": "nothing"}), ("x.svg", {"compat": "yappi"}), ("x.pstat", {"compat": "other"})):
        try:
            profile.save(path, **more)
        except ValueError as error:
            errors.append(str(error))
    tell({"rows": rows(profile), "files": sorted(os.listdir(".")), "errors": errors})


def greenlets():
    import greenlet

    def leaf():
        spin(0.01)

    def other():
        for _ in range(3):
            leaf()
            parent.switch()

    def driver():
        one = greenlet.greenlet(other)
        for _ in range(3):
            one.switch()
            spin_of_right(0.02)
        one.switch()
        abandoned = greenlet.greenlet(other)
        abandoned.switch()

    profile = strobe.Profile()
    with profile:
        parent = greenlet.getcurrent()
        begin = time.perf_counter()
        driver()
        took = time.perf_counter() - begin
    found = rows(profile)
    keys = ("calls", "finished", "unfinished", "self", "total", "awaited", "self_cpu", "total_cpu")
    tell({"rows": {name: {key: found[name][key] for key in keys} for name in ("leaf", "other", "driver", "spin_of_right")}, "took": took,
          "broken": broken(profile)})


def late_greenlets():
    """The profile begins before greenlet is imported, as with `python -m strobe run`."""
    def one():
        parent.switch()

    def two():
        spin(0.02)
        parent.switch()

    def driver():
        first, second = greenlet.greenlet(one), greenlet.greenlet(two)
        for each in (first, second, first, second):
            each.switch()

    with strobe.Profile() as profile:
        import greenlet
        parent = greenlet.getcurrent()
        driver()
    found = rows(profile)
    tell({name: [found[name]["calls"], found[name]["total_cpu"], found[name]["awaited"], [one["name"].rpartition(".")[2] for one in found[name]["callers"]]]
          for name in ("one", "two", "driver", "spin")})


def decorated():
    @strobe.profile(save="decorated.pstat")
    def outer(n):
        return fib(n)

    @strobe.profile
    async def waits():
        await asyncio.sleep(0)
        return fib(3)

    assert outer(5) == 5 and outer(6) == 8 and outer.__name__ == "outer"
    assert asyncio.run(waits()) == 2
    caught = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with strobe.Profile() as around:
            assert outer(4) == 3 and outer(4) == 3
    errors = []
    for use in (lambda: strobe.profile(save="x.unknown"), lambda: strobe.profile(save=3), lambda: strobe.profile(int),
                lambda: strobe.profile(lambda: (yield)), lambda: strobe.Profile(filter=3), lambda: strobe.Profile(filter=b"x"),
                lambda: around.print(limit=-1)):
        try:
            use()
            errors.append(None)
        except (ValueError, TypeError) as error:
            errors.append(type(error).__name__)
    refused, errors = errors, []
    for options in ({"clock": "sun"}, {"threads": 3}, {"max_functions": 0}, {"tag": 3}, {"filter": [3]}, {"filter": {"name": "x"}}, {"compensate": "no"}):
        try:
            strobe.Profile(**options)
        except (ValueError, TypeError) as error:
            errors.append(type(error).__name__)
    try:
        strobe.Profile().stats()
    except RuntimeError as error:
        errors.append(str(error))
    tell({"warned": [str(one.message) for one in caught], "around": rows(around)["outer"]["calls"], "refused": refused,
          "calls": [rows(outer.profile)["outer"]["calls"], rows(waits.profile)["waits"]["calls"]], "errors": errors})


def traced_greenlets():
    """The program has a tracer of its own; profiles begin and end, and threads with them."""
    import greenlet

    events, of_thread = [], []

    def mine(event, args):
        events.append(event)

    def leaf():
        pass

    def other():
        leaf()
        parent.switch()
        leaf()

    def driver():
        one, two = greenlet.greenlet(other), greenlet.greenlet(other)
        for each in (one, two, one, two):
            each.switch()

    def work():
        nonlocal parent
        parent = greenlet.getcurrent()
        driver()
        go_on.wait()
        driver()
        of_thread.append(greenlet.gettrace() is mine)

    def in_thread():
        greenlet.settrace(mine)
        work()

    parent, go_on = None, threading.Event()
    go_on.set()
    greenlet.settrace(mine)
    profile, found = strobe.Profile(), []
    for _ in range(3):
        profile.clear()
        with profile:
            work()
        found.append([greenlet.gettrace() is mine, [(row["calls"], row["finished"], [caller["name"].rpartition(".")[2] for caller in row["callers"]])
                                                    for row in (rows(profile)["leaf"], rows(profile)["other"])]])
    per_run = len(events)
    del of_thread[:]
    go_on.clear()
    profile.start()
    thread = start_thread(in_thread)
    until(lambda: len(events) > per_run, "switches in the thread")
    profile.stop()
    go_on.set()
    thread.join()
    tell({"found": found, "of_thread": of_thread, "per_run": per_run})


def compensated(kind):
    """CPU time of a loop that calls: without a profile by the thread's clock, and as rows have it with what events cost, and without."""
    TAG.set("some")
    options = {"plain": {}, "builtins": {"builtins": True}, "tag": {"tag": TAG}, "named_tag": {"tag": TAG.name}}[kind]

    def leaf():
        return 1

    def work(one=len, text=""):
        for _ in range(50000):
            leaf()
            if kind == "builtins":
                one(text)

    def bare():
        begin = time.thread_time()
        work()
        return time.thread_time() - begin

    found = {"bare": min(bare() for _ in range(5))}
    for name, compensate in (("in", False), ("out", True)):
        profiles = []
        for _ in range(5):
            with strobe.Profile(clock="cpu", compensate=compensate, **options) as profile:
                work()
            profiles.append(profile)
        best = min(profiles, key=lambda one: rows(one)["work"]["total_cpu"])
        found[name] = rows(best)["work"]["total_cpu"]
        found["overhead_" + name] = best.totals()["overhead"]
        found["said_" + name] = best.totals()["compensated"]
        found.setdefault("broken", []).extend(broken(best))
    tell(found)


main({case.__name__: case for case in (counts, builtins, builtins_beside, threads, awaits, driven, shapes, alive, met_in_the_middle, interrupted, deep, again, named_oddly, wanders, forked, tagged, filtered, many, at_once,
                                        stopped_at_once, saved, greenlets, late_greenlets, traced_greenlets, decorated, compensated)})
