# SPDX-License-Identifier: Apache-2.0
"""An application that does fixed work at depth 20, with and without a profiler inside of it.  usage: insideapp.py TASKS

Beside the thread that works there are four threads that wait, and TASKS tasks of asyncio that wait, each seven awaits deep.  Commands,
one a line, each answered by one line of JSON:
  size SECONDS   from now on the fixed work is what takes so long here; its turns
  work           does it once: seconds by the clock, and CPU seconds of this thread and of all others
  pairs {...}    does it in pairs, without a profiler and with it, in every second pair the other way round (inside.pairs)
"""
import asyncio
import json
import sys
import threading

import inside

DEPTH, AWAITS = 20, 7


def turn(turns):
    x = 0
    for _ in range(turns):
        for i in range(200):
            x += i & 7
    return x


def descend(frames, turns):
    return descend(frames - 1, turns) if frames > 1 else turn(turns)


def depth():
    n, frame = 0, sys._getframe(1)
    while frame is not None:
        n, frame = n + 1, frame.f_back
    return n


class App:
    def __init__(self):
        self.turns = 0

    def work(self):
        """turn() is frame 20, as far as this is not called from deeper than 18."""
        descend(max(1, DEPTH - 1 - depth()), self.turns)

    def size(self, seconds):
        self.turns = 200
        return inside.calibrate(self, float(seconds))

    def once(self):
        return inside.clocked(self.work)

    def pairs(self, how):
        return inside.pairs(self.work, **json.loads(how))


def serve(app):
    print("ready", flush=True)
    calls = {"size": app.size, "work": app.once, "pairs": app.pairs}
    for line in sys.stdin:
        name, _, argument = line.strip().partition(" ")
        try:
            answer = calls[name](*[argument] if argument else [])
        except inside.Missing as why:
            answer = {"missing": str(why)}
        print(json.dumps(answer), flush=True)


async def level(n, event):
    if n:
        await level(n - 1, event)
    else:
        await event.wait()


async def main(n):
    event = asyncio.Event()
    tasks = [asyncio.ensure_future(level(AWAITS - 2, event)) for _ in range(n)]
    for _ in range(3):
        await asyncio.sleep(0)
    serve(App())  # this is a step of the loop that never ends
    return tasks


for _ in range(4):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
if int(sys.argv[1]):
    asyncio.run(main(int(sys.argv[1])))
else:
    serve(App())
