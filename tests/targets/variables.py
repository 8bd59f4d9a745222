# SPDX-License-Identifier: Apache-2.0
"""Local variables of many kinds, some of them vast or cyclic, in a frame that waits."""
import threading

import harness

gate = threading.Lock()
gate.acquire()


class Plain:
    def __init__(self):
        self.x = 1


def inner(number, text, *rest, flag=True, **named):
    nothing = None
    negative = -(2 ** 40)
    ratio = 0.5
    raw = b"\x00bytes\xff"
    items = [1, "two", (3, 4)]
    table = {"key": 1, 2: "value"}
    cyclic = []
    cyclic.append(cyclic)
    ring = {}
    ring["ring"] = ring
    vast = list(range(1000000))
    long_text = "y" * 1000000
    escape = "\x1b[31m"
    thing = Plain()
    shared = 7
    deep = []
    for _ in range(100000):
        deep = [deep]

    def closure():
        return shared
    unbound = 1
    del unbound
    gate.acquire()
    return nothing, negative, ratio, raw, items, table, cyclic, vast, long_text, escape, thing, closure


harness.serve()
harness.ready()
inner(42, "hello", 5, 6, flag=False, extra="more")
