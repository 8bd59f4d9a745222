# SPDX-License-Identifier: Apache-2.0
"""One busy thread, 20 Python frames deep.  usage: busy20.py [COUNTER_FILE]

With a file: its first 8 bytes are the number of iterations done so far (native unsigned 64 bit), so that an observer can
tell how fast the program runs over any window without talking to it.  Without: prints iterations per second.
"""
import mmap
import struct
import sys
import time

DEPTH = 18  # + <module> + leaf = 20 frames


def leaf(counter):
    n = 0
    second = time.perf_counter() + 1.0
    before = 0
    while True:
        x = 0
        for i in range(200):
            x += i & 7
        n += 1
        if counter is not None:
            struct.pack_into("Q", counter, 0, n)
        elif time.perf_counter() >= second:
            print(n - before, flush=True)
            before = n
            second += 1.0


def descend(depth, counter):
    if depth > 1:
        descend(depth - 1, counter)
    else:
        leaf(counter)


def counter_of(path):
    with open(path, "r+b") as f:
        return mmap.mmap(f.fileno(), 0)


if len(sys.argv) > 1:
    mapped = counter_of(sys.argv[1])
    print("ready", flush=True)
    descend(DEPTH, mapped)
else:
    descend(DEPTH, None)
