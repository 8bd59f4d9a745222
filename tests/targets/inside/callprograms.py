# SPDX-License-Identifier: Apache-2.0
"""Runs programs that are given as data, one a line, without and with a profile; what they did is compared, and the profile with what they
themselves have counted.

A program is a list of threads; a thread is ["sync", body] or ["async", body]; a body is a list of steps:
  ["spin", n]            n tenths of a millisecond of CPU time
  ["call", i, body]      function i; in an async body as well
  ["generate", i, n, body]    generator i, which runs the body before each yield; n values are taken of it, then it is closed
  ["delegate", body]     a generator that yields from another one
  ["raise"]              ends everything up to the next
  ["try", body]
async bodies only:
  ["sleep", n] (milliseconds), ["await", i, body], ["gather", [body, ...]], ["cancel", body], ["iterate", n, body] (an asynchronous generator)
"""
import asyncio
import collections
import contextlib
import json
import sys
import threading
import time

import strobe


class Boom(Exception):
    pass


class Facts:
    """What functions say of themselves."""

    def __init__(self):
        self.begun, self.ended = collections.Counter(), collections.Counter()
        self.spun = collections.Counter()  # CPU time by who asked for it
        self.took = collections.Counter()  # seconds for which a task, or a thread without one, was inside of a function at least once
        self.depth = collections.Counter()
        self.trace = []
        self.lock = threading.Lock()

    @contextlib.contextmanager
    def of(self, name, begin):
        """The body of a function: it has begun (when: a perf_counter), and ended, however it does."""
        inside = whose(), name
        with self.lock:
            self.begun[name] += 1
            self.depth[inside] += 1
        try:
            yield
        finally:
            with self.lock:
                self.ended[name] += 1
                self.depth[inside] -= 1
                if not self.depth[inside]:
                    self.took[name] += time.perf_counter() - begin

    def spin(self, name, seconds):
        cpu = time.thread_time()
        spin(seconds)
        with self.lock:
            self.spun[name] += time.thread_time() - cpu


facts = Facts()


def whose():
    """The task that runs, or the thread."""
    try:
        return id(asyncio.current_task())
    except RuntimeError:
        return threading.get_ident()


def spin(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def step(name, body, trace):
    """What needs no await; the steps that do are given back."""
    for one in body:
        kind = one[0]
        if kind == "spin":
            facts.spin(name, one[1] / 10000)
        elif kind == "call":
            FUNCTIONS[one[1]](one[2], trace)
        elif kind == "generate":
            made = GENERATORS[one[1]](one[3], trace)
            for _ in range(one[2]):
                if next(made, None) is None:
                    break
            made.close()
        elif kind == "delegate":
            trace.append(sum(1 for _ in delegates(one[1], trace)))
        elif kind == "raise":
            trace.append("raise")
            raise Boom
        elif kind == "try":
            try:
                yield from step(name, one[1], trace)
            except Boom:
                trace.append("caught")
        else:
            yield one


def run(name, body, trace):
    for _ in step(name, body, trace):
        pass


def f0(body, trace):
    with facts.of("f0", time.perf_counter()):
        run("f0", body, trace)


def f1(body, trace):
    with facts.of("f1", time.perf_counter()):
        run("f1", body, trace)


def f2(body, trace):
    with facts.of("f2", time.perf_counter()):
        f0(body, trace)


def g0(body, trace):
    with facts.of("g0", time.perf_counter()):
        for i in range(3):
            run("g0", body, trace)
            yield i


def g1(body, trace):
    with facts.of("g1", time.perf_counter()):
        for one in g0(body, trace):
            yield one


def delegates(body, trace):
    with facts.of("delegates", time.perf_counter()):
        yield from g0(body, trace)


FUNCTIONS, GENERATORS = [f0, f1, f2], [g0, g1]


async def walk(name, body, trace):
    """Steps with an await, in order; a Boom ends them, as in step()."""
    for one in body:
        if one[0] == "try":
            try:
                await walk(name, one[1], trace)
            except Boom:
                trace.append("caught")
        elif one[0] == "sleep":
            await asyncio.sleep(one[1] / 1000)
        elif one[0] == "await":
            await COROUTINES[one[1]](one[2], trace)
        elif one[0] == "gather":
            traces = [[] for _ in one[1]]
            ends = await asyncio.gather(*(c0(part, mine) for part, mine in zip(one[1], traces)), return_exceptions=True)
            trace.append([traces, [type(end).__name__ for end in ends]])
        elif one[0] == "cancel":
            task = asyncio.ensure_future(c1(one[1], []))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        elif one[0] == "iterate":
            made, taken = a0(one[2], trace), 0
            async for _ in made:
                taken += 1
                if taken > one[1]:
                    break
            await made.aclose()
        else:
            run(name, [one], trace)


async def c0(body, trace):
    with facts.of("c0", time.perf_counter()):
        await walk("c0", body, trace)


async def c1(body, trace):
    with facts.of("c1", time.perf_counter()):
        await asyncio.sleep(0)
        await walk("c1", body, trace)


async def a0(body, trace):
    with facts.of("a0", time.perf_counter()):
        for i in range(3):
            await walk("a0", body, trace)
            yield i


COROUTINES = [c0, c1]


def thread(kind, body, trace):
    with facts.of("thread", time.perf_counter()):
        try:
            if kind == "async":
                asyncio.run(c0(body, trace))
            else:
                f0(body, trace)
        except Boom:
            trace.append("boom")


def program(threads):
    traces = [[] for _ in threads]
    running = [threading.Thread(target=thread, args=(one[0], one[1], trace), name="program-%d" % n)
               for n, (one, trace) in enumerate(zip(threads, traces))]
    for one in running:
        one.start()
    for one in running:
        one.join()
    return traces


def judge(profile, bare, under):
    """What is wrong."""
    wrong = [] if bare == under else ["it did something else: %r, without a profile %r" % (under, bare)]
    stats, totals = profile.stats(), profile.totals()
    mine = {row["name"]: row for row in stats if row["file"] == __file__}
    if abs(sum(row["self"] for row in stats) - totals["wall"]) > 1e-6:
        wrong.append("self times add up to %r of %r" % (sum(row["self"] for row in stats), totals["wall"]))
    by_place = {(row["name"], row["file"], row["line"]): row for row in stats}
    for row in stats:
        for caller in row["callers"]:
            above = by_place[caller["name"], caller["file"], caller["line"]]
            if caller["total"] > above["total"] + 1e-9 or caller["total"] > row["total"] + 1e-9:
                wrong.append("%s by %s: %r of %r and %r" % (row["name"], above["name"], caller["total"], above["total"], row["total"]))
        if row["self"] > row["total"] + 1e-9 or row["calls"] < row["primitive"]:
            wrong.append("%s: %r" % (row["name"], row))
    for name, count in facts.begun.items():
        row = mine.get(name)
        if row is None or (row["calls"], row["finished"]) != (count, facts.ended[name]):
            wrong.append("%s: %s begun, %s ended, seen %s" % (name, count, facts.ended[name], row and (row["calls"], row["finished"])))
    for row in profile.threads():
        if row["name"].startswith("program-"):
            of_thread = profile.stats(thread=row["ident"])
            own, outermost = sum(one["self"] for one in of_thread), max(one["total"] for one in of_thread)
            if abs(own - outermost) > 1e-6:
                wrong.append("%s: self times add up to %r of %r" % (row["name"], own, outermost))
    took = sum(row["self_cpu"] or 0 for row in stats if row["file"] == __file__ and row["line"] == spin.__code__.co_firstlineno)
    asked, n = sum(facts.spun.values()), sum(row["calls"] for row in stats if row["line"] == spin.__code__.co_firstlineno)
    # a millisecond: what a hypervisor takes is seen when the real clock is read, at the latest after that time
    if profile.totals()["cpu"] is not None and abs(took - asked) > 0.02 * asked + 50e-6 * n + 0.001:
        wrong.append("spin: %r s of CPU of %r" % (took, asked))
    return wrong


def judge_times(profile):
    """By the program's own clock, when no thread takes the GIL from another one between two of its readings.  On a thread, and in coroutines
    those that wait, too; generators lie parked as well."""
    wrong = []
    mine = {row["name"]: row for row in profile.stats() if row["file"] == __file__}
    for name in ("thread", "f0", "f1", "f2", "c0", "c1"):
        took, said = facts.took[name], mine[name]["inclusive"] if name in mine else 0
        if abs(said - took) > 0.02 * took + 50e-6 * facts.begun[name] + 0.001:
            wrong.append("%s: %r s of %r" % (name, said, took))
    return wrong


def profiled(threads):
    global facts
    facts = Facts()
    profile = strobe.Profile()
    with profile:
        traces = program(threads)
    return profile, traces


def main():
    global facts
    interval = sys.getswitchinterval()
    for line in sys.stdin:
        threads = json.loads(line)
        facts = Facts()
        bare = program(threads)
        profile, under = profiled(threads)
        wrong = judge(profile, bare, under)
        sys.setswitchinterval(1000)
        for _ in range(3):  # once the kernel may give the CPU to somebody else, between a reading of the program's and one of the profiler's
            profile, under = profiled(threads)
            wrong += judge(profile, bare, under)
            wrong_times = judge_times(profile)
            if not wrong_times:
                break
        wrong += wrong_times
        sys.setswitchinterval(interval)
        sys.stdout.write(json.dumps(wrong) + "\n")
        sys.stdout.flush()


main()
