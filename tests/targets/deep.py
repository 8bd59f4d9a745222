# SPDX-License-Identifier: Apache-2.0
"""A stack of very many frames: usage: deep.py DEPTH.  Says how deep it is by its own count of frames."""
import sys
import threading

import harness

gate = threading.Lock()
gate.acquire()


def descend(n):
    if n:
        return descend(n - 1)
    depth, frame = 0, sys._getframe()
    while frame is not None:
        depth += 1
        frame = frame.f_back
    harness.ready(depth=depth)
    gate.acquire()


def start():
    descend(int(sys.argv[1]))


harness.serve()
sys.setrecursionlimit(10 ** 7)
threading.stack_size(1 << 30)  # up to 3.10 a Python call takes half a kilobyte of C stack and more; pages unused cost nothing
threading.Thread(target=start, name="deep", daemon=True).start()
gate.acquire()
