# SPDX-License-Identifier: Apache-2.0
"""A program that execs itself again and again, with a moment of work between; the counter goes on from exec to exec.

usage: execs_on.py [main | thread]: which thread does the work and the exec."""
import mmap
import os
import struct
import sys
import threading
import time


def work(counter):
    end = time.monotonic() + 0.01
    while time.monotonic() < end:
        for _ in range(500):
            pass
    struct.pack_into("Q", counter, 0, struct.unpack_from("Q", counter)[0] + 1)


path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "counter")
if "again" not in sys.argv:
    import harness
    harness.counter()
    harness.ready()
with open(path, "r+b") as f:
    counter = mmap.mmap(f.fileno(), 4096)


def go():
    work(counter)
    os.execv(sys.executable, [sys.executable, __file__, who, "again"])


who = sys.argv[1] if sys.argv[1:] else "main"
if who == "thread":
    worker = threading.Thread(target=go)
    worker.start()
    worker.join()
else:
    go()
