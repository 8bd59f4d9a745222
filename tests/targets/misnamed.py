# SPDX-License-Identifier: Apache-2.0
"""A service whose semaphores, executors, threads, tasks and attributes have names that attack whoever prints them.  When it is ready it says
how many there are."""
import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import harness
from hostile import NAMES

GATE = threading.Event()


class Holder:
    pass


async def keep(semaphore):
    async with semaphore:
        await asyncio.Event().wait()


async def main():
    holder, executors, tasks = Holder(), [], []
    for name in NAMES:
        semaphore = asyncio.BoundedSemaphore(1)
        setattr(holder, name, semaphore)
        for _ in range(2):  # one has it, one waits
            tasks.append(asyncio.ensure_future(keep(semaphore)))
            tasks[-1].set_name(name)
        plain = name.encode("utf-8", "replace").decode().replace("\0", "")  # what a class or a thread may be called
        executors.append(type(plain, (ThreadPoolExecutor,), {})(1, thread_name_prefix=plain))
        executors[-1].submit(GATE.wait)
        setattr(holder, "pool " + name, executors[-1])
    holder.tasks = tasks
    await asyncio.sleep(0)
    Holder.kept = holder
    harness.serve()
    harness.ready(semaphores=len(NAMES), executors=len(executors))
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
