# SPDX-License-Identifier: Apache-2.0
"""Threads with deep stacks: 8 threads, 200 Python frames each, all but the main one asleep.
usage: threads8x200.py [THREADS [DEPTH]]; threads64x200.py is the same with 64."""
import sys
import threading

THREADS = int(sys.argv[1]) if len(sys.argv) > 1 else 8
DEPTH = int(sys.argv[2]) if len(sys.argv) > 2 else 200


def busy(_):
    x = 0
    while True:
        for i in range(1000):
            x ^= i


def asleep(deep):
    deep.release()
    threading.Event().wait()  # Condition.wait and Event.wait are two frames of the depth


def descend(depth, leaf, arg):
    if depth > 1:
        descend(depth - 1, leaf, arg)
    else:
        leaf(arg)


def worker(deep):
    # Thread._bootstrap, _bootstrap_inner, run, worker, asleep, Event.wait, Condition.wait: seven frames around the descent
    descend(DEPTH - 7, asleep, deep)


sys.setrecursionlimit(DEPTH + 1000)
deep_enough = threading.Semaphore(0)
for _ in range(THREADS - 1):
    threading.Thread(target=worker, args=(deep_enough,), daemon=True).start()
for _ in range(THREADS - 1):
    deep_enough.acquire()
print("ready", flush=True)
descend(DEPTH - 2, busy, None)  # <module> and busy
