# SPDX-License-Identifier: Apache-2.0
"""Two event loops in two threads: one ticks, the other computes 0.7 s of each second.  A line on stdin is answered with the seconds that it has
computed so far, by its own clock, and those by which sleeps of both were too long: so long they may have been in a step without a processor."""
import asyncio
import sys
import threading
import time

computed = 0.0
late = {}


async def sleep(name, seconds):
    begun = time.perf_counter()
    await asyncio.sleep(seconds)
    late[name] = late.get(name, 0) + time.perf_counter() - begun - seconds


async def ticks():
    while True:
        await sleep("ticks", 0.25)


async def computes():
    global computed
    while True:
        begun = last = time.perf_counter()
        while last < begun + 0.7:
            now = time.perf_counter()
            computed, last = computed + now - last, now
        await sleep("computes", 0.3)


for coroutine in (ticks, computes):
    threading.Thread(target=lambda run=coroutine: asyncio.new_event_loop().run_until_complete(run()), daemon=True).start()
print("ready", flush=True)
for line in sys.stdin:
    print(computed, sum(late.values()), flush=True)
