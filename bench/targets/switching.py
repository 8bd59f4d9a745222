# SPDX-License-Identifier: Apache-2.0
"""N tasks of asyncio, seven awaits deep, that take turns: each computes for some microseconds and yields.  usage: switching.py N COUNTER_FILE

The first 8 bytes of the file are the number of turns so far (native unsigned 64 bit).
"""
import asyncio
import mmap
import struct
import sys

DEPTH = 7


async def leaf(counter):
    while True:
        x = 0
        for i in range(200):
            x += i & 7
        counter[1] += 1
        struct.pack_into("Q", counter[0], 0, counter[1])
        await asyncio.sleep(0)


async def level(n, counter):
    if n:
        await level(n - 1, counter)
    else:
        await leaf(counter)


async def main(n, path):
    with open(path, "r+b") as f:
        counter = [mmap.mmap(f.fileno(), 0), 0]
    tasks = [asyncio.ensure_future(level(DEPTH - 3, counter)) for _ in range(n)]
    await asyncio.sleep(0)
    print("ready", flush=True)
    await asyncio.gather(*tasks)


asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
