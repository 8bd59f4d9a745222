# SPDX-License-Identifier: Apache-2.0
"""Work that calls much, with and without a deterministic profiler.  usage: callwork.py

Commands, one a line, each answered by one line of JSON:
  pairs {"tool": T, "work": W, "count": N}    N pairs of runs, seconds without and with it, in every second pair the other way round
  memory {"calls": N}     strobe alone: N calls of 5,000 functions; KiB of private memory before, after a tenth, and at the end
"""
import asyncio
import json
import sys
import time


class Missing(Exception):
    """Something that is needed is not here."""


# ---- work ----


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


class Point:
    def __init__(self, x):
        self.x = x

    def get(self):
        return self.x

    def add(self, other):
        return Point(self.get() + other.get())


def negative(n):
    return -n


def call_heavy():
    """Recursive Fibonacci, small methods, a sort with a key."""
    fib(22)
    point, one = Point(0), Point(1)
    for _ in range(15000):
        point = point.add(one)
    sorted(range(60000), key=negative)


async def small(semaphore, n):
    async with semaphore:
        await asyncio.sleep(0)
        return await inner(n)


async def inner(n):
    return n + 1


async def many():
    semaphore = asyncio.Semaphore(100)
    await asyncio.gather(*(small(semaphore, n) for n in range(4000)))


def await_heavy():
    """Thousands of small coroutines under gather and a semaphore."""
    asyncio.run(many())


WORK = {"call-heavy": call_heavy, "await-heavy": await_heavy}


# ---- tools: begin() -> end() ----


def nothing():
    return lambda: None


def with_strobe():
    import strobe

    profile = strobe.Profile()
    profile.start()
    return profile.stop


def with_hooks():
    """strobe's hooks, with nothing behind them: what the interpreter takes for being asked."""
    from strobe import _callhooks

    return _callhooks.hook(_callhooks.EVENTS)


def with_cprofile():
    import cProfile

    profile = cProfile.Profile(builtins=False)
    profile.enable()
    return profile.disable


def with_yappi(clock):
    def begin():
        import yappi

        yappi.clear_stats()
        yappi.set_clock_type(clock)
        yappi.start(builtins=False)
        return yappi.stop
    return begin


def with_viztracer():
    import viztracer

    tracer = viztracer.VizTracer(verbose=0, ignore_c_function=True)
    tracer.start()

    def end():
        tracer.stop()
        tracer.clear()
    return end


TOOLS = {"nothing": nothing, "strobe": with_strobe, "hooks": with_hooks, "cProfile": with_cprofile, "yappi wall": with_yappi("wall"),
         "yappi cpu": with_yappi("cpu"), "viztracer": with_viztracer}


def clocked(tool, work):
    end = TOOLS[tool]()
    begin = time.perf_counter()
    work()
    took = time.perf_counter() - begin
    end()
    return took


def pairs(tool, work, count):
    found, work = [], WORK[work]
    try:
        clocked(tool, work)
    except ImportError as why:
        raise Missing(str(why))
    for n in range(count):
        if n % 2:
            under = clocked(tool, work)
            found.append([clocked("nothing", work), under])
        else:
            found.append([clocked("nothing", work), clocked(tool, work)])
    return found


def private():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon"))


def memory(calls):
    """5,000 functions that call each other: the number of a call decides which."""
    import strobe

    space = {}
    for n in range(5000):
        exec("def f%d(depth, n): return depth and fs[(n * 7919 + depth) %% 5000](depth - 1, n + 1)" % n, space)
    space["fs"] = functions = [space["f%d" % n] for n in range(5000)]
    functions[0](3, 0)
    found = [private()]
    with strobe.Profile():
        for part in (calls // 10, calls - calls // 10):
            for n in range(part // 10):
                functions[n % 5000](9, n)
            found.append(private())
    return found


def main():
    print("ready", flush=True)
    commands = {"pairs": pairs, "memory": memory}
    for line in sys.stdin:
        name, _, argument = line.strip().partition(" ")
        try:
            answer = commands[name](**json.loads(argument))
        except Missing as why:
            answer = {"missing": str(why)}
        print(json.dumps(answer), flush=True)


main()
