# SPDX-License-Identifier: Apache-2.0
"""Writes pstat files of a program that has a bit of everything, and reads them as viewers do.
callviewers.py write | snakeviz FILE | tuna FILE"""
import asyncio
import cProfile
import collections
import json
import marshal
import pstats
import threading
import time

from common import main, start_thread, tell

import strobe

calls = collections.Counter()  # "caller > callee": what the program has done


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def leaf(caller):
    calls[caller + " > leaf"] += 1


def even(n):
    return n == 0 or odd(n - 1)


def odd(n):
    return n != 0 and even(n - 1)


def numbers():
    for n in range(5):
        leaf("numbers")
        yield n


def left():
    for _ in range(7):
        leaf("left")


def right():
    for _ in range(5):
        leaf("right")
    left()


def root():
    """What has no waits: cProfile can count it, too."""
    calls["root > fib"] += 1
    fib(10)
    even(10)
    sorted(numbers(), key=lambda n: -n)
    left()
    right()


# Names that a format could trip over.
strange = {}
exec(compile("def strange():\n    return 'a'\n", '<strange "file" & {braces} \\ |pipe|>', "exec"), strange)


async def child(n):
    leaf("child")
    await asyncio.sleep(0.01)
    return await child(n - 1) if n else 0


async def parent():
    calls["parent > child"] += 3
    await asyncio.gather(child(2), child(1))
    for _ in range(3):
        await child(0)


async def stays():
    """Alive when the profile ends."""
    await asyncio.sleep(1000)


async def all_():
    task = asyncio.ensure_future(stays())
    await parent()
    return task


def worker():
    for _ in range(4):
        leaf("worker")


def waits(until, ready):
    """Alive when the profile begins."""
    ready.set()
    until.wait()
    leaf("waits")


def file_of(profile, name, **options):
    profile.save(name, **options)
    with open(name, "rb") as file:
        return marshal.load(file)


def write():
    """x.pstat of all; cprofile.pstat and compat.pstat of what cProfile can count."""
    until, ready = threading.Event(), threading.Event()
    before = start_thread(waits, until, ready)
    ready.wait()
    with strobe.Profile(builtins=True) as profile:
        root()
        strange["strange"]()
        asyncio.run(all_())
        thread = start_thread(worker)
        thread.join()
        until.set()
        before.join()
        time.sleep(0.01)
    stats = file_of(profile, "x.pstat")
    known = dict(calls)
    other = cProfile.Profile()
    other.enable()
    root()
    other.disable()
    other.dump_stats("cprofile.pstat")
    with strobe.Profile(builtins=True) as again:
        root()
    again.save("compat.pstat", compat="cprofile")
    tell({"known": known, "functions": len(stats),
          "rows": [[row["file"], row["line"], row["name"], row["primitive"], row["calls"], row["self"], row["inclusive"]]
                   for row in profile.stats()]})


def snakeviz(path):
    from snakeviz import stats

    loaded = pstats.Stats(path)
    rows = [[calls, float(own), float(cumulative), name] for (_, calls), own, _, cumulative, _, _, name in stats.table_rows(loaded)]
    tell({"rows": rows, "json": json.loads(json.dumps(stats.json_stats(loaded)))})


def tuna(path):
    from tuna import main

    tree = main.read(path)
    tell({"tree": tree, "page": main.render(tree, path)})


main({"write": write, "snakeviz": snakeviz, "tuna": tuna})
