# SPDX-License-Identifier: Apache-2.0
"""A program that execs itself again and again, with a moment of work between; the counter goes on from exec to exec."""
import mmap
import os
import struct
import sys
import time


def work(counter):
    end = time.monotonic() + 0.01
    while time.monotonic() < end:
        for _ in range(500):
            pass
    struct.pack_into("Q", counter, 0, struct.unpack_from("Q", counter)[0] + 1)


path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "counter")
if len(sys.argv) == 1:
    import harness
    harness.counter()
    harness.ready()
with open(path, "r+b") as f:
    counter = mmap.mmap(f.fileno(), 4096)
work(counter)
os.execv(sys.executable, [sys.executable, __file__, "again"])
