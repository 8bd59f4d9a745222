# SPDX-License-Identifier: Apache-2.0
"""Runs functions that live for 10 ms each: part_0 to part_49 in turn, made by exec and freed, so that code objects follow each other at
the same addresses."""
import time

import harness

PARTS = 50


def make(i):
    source = "def part_%d(clock, end):\n    x = 0\n    while clock() < end:\n        x += 1\n" % i
    names = {}
    exec(source, names)
    return names["part_%d" % i]


def main():
    harness.ready()
    i = 0
    while True:
        make(i % PARTS)(time.perf_counter, time.perf_counter() + 0.01)
        i += 1


main()
