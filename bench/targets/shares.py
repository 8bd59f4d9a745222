# SPDX-License-Identifier: Apache-2.0
"""A program that knows where its time goes: four parts, fixed work each, about 50/30/15/5.

usage: shares.py TRUTH_FILE: five native doubles, kept up to date: seconds spent so far in part_a, part_b, part_c, part_d,
and outside of them, all by the program's own clock.  The work is fixed, not the time, so that a profiler's pauses are not
made up for.  Without a file: prints the shares as JSON every second.
"""
import json
import mmap
import struct
import sys
import time

clock = time.perf_counter


def work(n):
    x = 0
    for i in range(n):
        x += i & 3
    return x


def part_a():
    for _ in range(50):
        work(200)


def part_b():
    for _ in range(30):
        work(200)


def part_c():
    for _ in range(15):
        work(200)


def part_d():
    for _ in range(5):
        work(200)


def loop(truth):
    spent = [0.0] * 5
    last = clock()
    said = last
    while True:
        t0 = clock()
        part_a()
        t1 = clock()
        part_b()
        t2 = clock()
        part_c()
        t3 = clock()
        part_d()
        t4 = clock()
        spent[0] += t1 - t0
        spent[1] += t2 - t1
        spent[2] += t3 - t2
        spent[3] += t4 - t3
        spent[4] += t0 - last
        last = t4
        if truth is not None:
            struct.pack_into("5d", truth, 0, *spent)
        elif t4 - said >= 1.0:
            said = t4
            total = sum(spent)
            print(json.dumps(dict(zip(("part_a", "part_b", "part_c", "part_d", "other"), (s / total for s in spent)))), flush=True)


def truth_of(path):
    with open(path, "r+b") as f:
        return mmap.mmap(f.fileno(), 0)


if len(sys.argv) > 1:
    mapped = truth_of(sys.argv[1])
    print("ready", flush=True)
    loop(mapped)
else:
    loop(None)
