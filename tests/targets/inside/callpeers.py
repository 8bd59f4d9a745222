# SPDX-License-Identifier: Apache-2.0
"""The same program under strobe.Profile and under its peers, one after the other.  callpeers.py cprofile | yappi

Tells of each function of this file what either says: calls, primitive calls, own time, cumulative time; of those that measure themselves the
times are parts of that."""
import asyncio
import cProfile
import os
import pstats
import statistics
import time

from common import main, tell

import strobe

FILE = os.path.basename(__file__)
took = {}  # seconds that the functions themselves have measured


def add(name, begin):
    took[name] = took.get(name, 0) + time.perf_counter() - begin


def spin(seconds):
    begin = time.perf_counter()
    while time.perf_counter() < begin + seconds:
        pass
    add("spin", begin)


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def even(n):
    return n == 0 or odd(n - 1)


def odd(n):
    return n != 0 and even(n - 1)


def recursive(n):
    begin = time.perf_counter()
    spin(0.02)
    if n:
        recursive(n - 1)
    if n == 4:
        add("recursive", begin)


def numbers(n):
    for i in range(n):
        spin(0.004)
        yield i


def consume():
    begin = time.perf_counter()
    for _ in numbers(5):
        spin(0.006)
    add("consume", begin)


def adds(n):
    """Time of its own, without a builtin: from 3.14 on cProfile leaves the time of those out, with builtins=False."""
    begin, total = time.perf_counter(), 0
    for i in range(n):
        total += i
    add("adds", begin)
    return total


def sleeps():
    begin = time.perf_counter()
    time.sleep(0.03)
    add("sleeps", begin)


def fails(n):
    try:
        even(n)
        raise KeyError(n)
    finally:
        odd(n)


def synchronous():
    fib(14)
    even(30)
    recursive(4)
    consume()
    sleeps()
    adds(500000)
    for n in range(4):
        try:
            fails(n)
        except KeyError:
            pass


async def leaf(seconds):
    begin = time.perf_counter()
    await asyncio.sleep(seconds)
    spin(0.004)
    await asyncio.sleep(seconds)
    add("leaf", begin)


async def request(seconds):
    begin = time.perf_counter()
    await leaf(seconds)
    await leaf(seconds)
    add("request", begin)


async def requests():
    await asyncio.gather(*(request(0.01 * n) for n in range(1, 5)))


def figures(stats):
    """{name: (calls, primitive calls, own, cumulative)} of a pstat file's dict."""
    return {key[2]: (value[1], value[0], value[2], value[3]) for key, value in stats.items() if os.path.basename(key[0]) == FILE}


def middle(run):
    """Of five runs the figures in the middle; times as parts of what the functions themselves have measured in that run."""
    found = []
    for _ in range(5):
        took.clear()
        found.append({name: (calls, primitive, own / took.get(name, 1), cumulative / took.get(name, 1))
                      for name, (calls, primitive, own, cumulative) in run().items()})
    return {name: [statistics.median(one[name][i] for one in found) for i in range(4)] for name in found[0]}


def ours(function, compat):
    def run():
        with strobe.Profile() as profile:
            function()
        profile.save("ours.pstat", compat=compat)
        return figures(pstats.Stats("ours.pstat").stats)
    return middle(run)


def cprofile():
    def run():
        theirs = cProfile.Profile(builtins=False)
        theirs.enable()
        synchronous()
        theirs.disable()
        theirs.create_stats()
        return figures(theirs.stats)
    tell({"theirs": middle(run), "ours": ours(synchronous, "cprofile")})


def everything():
    synchronous()
    asyncio.run(requests())


def yappi():
    import yappi

    def run():
        yappi.clear_stats()
        yappi.start(builtins=False)
        everything()
        yappi.stop()
        return {one.name: (one.ncall, one.nactualcall, one.tsub, one.ttot) for one in yappi.get_func_stats() if os.path.basename(one.module) == FILE}
    everything()  # what is made once, is made now
    yappi.set_clock_type("wall")
    tell({"theirs": middle(run), "ours": ours(everything, "yappi")})


main({"cprofile": cprofile, "yappi": yappi})
