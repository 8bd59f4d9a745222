# SPDX-License-Identifier: Apache-2.0
"""One thread that works, until it is killed or for some seconds: usage: busy.py [SECONDS [STATUS]].

Counts its rounds.  It has no thread but the main one.
"""
import struct
import sys
import time

import harness


def leaf():
    x = 0
    for i in range(1000):
        x += i & 3
    return x


def middle():
    for _ in range(10):
        leaf()


def outer(end, counter):
    rounds = 0
    while end is None or time.monotonic() < end:
        middle()
        rounds += 1
        struct.pack_into("Q", counter, 0, rounds)


def main():
    end = time.monotonic() + float(sys.argv[1]) if len(sys.argv) > 1 else None
    counter = harness.counter()
    harness.ready()
    outer(end, counter)
    sys.exit(int(sys.argv[2]) if len(sys.argv) > 2 else 0)


main()
