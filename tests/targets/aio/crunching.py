# SPDX-License-Identifier: Apache-2.0
"""A task waits for a process of a pool that never sleeps."""
import asyncio
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

import harness


def crunch(up, parent):
    """In the worker process: says its pid, and ends with the program."""
    with open(up, "w") as f:
        f.write("%d\n" % os.getpid())
    n = 0
    while n % 10000 or os.getppid() == parent:
        n += 1
    os._exit(0)


async def main():
    up = os.path.join(os.path.dirname(os.path.abspath(__file__)), "up")
    os.mkfifo(up)
    # not forked: a child would find the lock of stdin taken, which the harness reads
    pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
    call = asyncio.get_running_loop().run_in_executor(pool, crunch, up, os.getpid())
    with open(up) as f:
        worker = int(f.readline())
    harness.serve()
    harness.ready(worker=worker)
    await call


if __name__ == "__main__":
    asyncio.run(main())
