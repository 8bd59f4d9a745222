# SPDX-License-Identifier: Apache-2.0
"""A 10 ms rhythm on an absolute grid: in every period part_a until 5 ms, part_b until 8, part_c until 9.5, part_d until 10.

usage: rhythm10ms.py TRUTH_FILE: as in shares.py.  A profiler that samples on a 10 ms grid of its own always meets the same
part and shows it with 100 %.
"""
import mmap
import struct
import sys
import time

clock = time.perf_counter
PERIOD = 0.010


def spin(until):
    t = clock()
    while t < until:
        t = clock()
    return t


def part_a(until):
    return spin(until)


def part_b(until):
    return spin(until)


def part_c(until):
    return spin(until)


def part_d(until):
    return spin(until)


def loop(truth):
    spent = [0.0] * 5
    last = clock()
    start = last
    n = 0
    while True:
        t0 = clock()
        t1 = part_a(start + 0.0050)
        t2 = part_b(start + 0.0080)
        t3 = part_c(start + 0.0095)
        t4 = part_d(start + PERIOD)
        spent[0] += t1 - t0
        spent[1] += t2 - t1
        spent[2] += t3 - t2
        spent[3] += t4 - t3
        spent[4] += t0 - last
        last = t4
        n += 1
        start += PERIOD
        if t4 > start + PERIOD:  # the machine took the CPU away for over a period: skip the missed ones, stay on the grid
            start += int((t4 - start) / PERIOD) * PERIOD
        struct.pack_into("5d", truth, 0, *spent)


def truth_of(path):
    with open(path, "r+b") as f:
        return mmap.mmap(f.fileno(), 0)


mapped = truth_of(sys.argv[1])
print("ready", flush=True)
loop(mapped)
