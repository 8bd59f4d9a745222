# SPDX-License-Identifier: Apache-2.0
"""Code of a program that lies in folders named as the libraries are, in files named as theirs, and in a file whose name ends as one."""
import asyncio
import threading

import aioharness
import harness
from aioharness import kept, start

FILES = {"/srv/anyio/app.py": "work", "/srv/asyncio/locks.py": "acquire", "/srv/asyncio/tasks.py": "sleep", "/srv/xcontextlib.py": "enter",
         "/srv/anyio/_backends/_asyncio.py": "wait", "/srv/app/contextlib.py": "run"}
SOURCE = """
async def %s(self):
    async with self:
        pass
"""
locks = {}


async def main():
    for file, name in FILES.items():
        variables = {}
        exec(compile(SOURCE % name, file, "exec"), variables)
        lock = asyncio.Lock()
        await lock.acquire()
        locks[file] = {"lock": hex(id(lock)), "function": name, "task": "task of " + file}
        kept.append(lock)
        start(variables[name](lock), locks[file]["task"])
    await asyncio.sleep(0.05)
    stop = asyncio.get_running_loop().create_future()
    harness.ready()
    await stop


if __name__ == "__main__":
    try:
        import anyio  # noqa: F401, where it can be had
    except ImportError:
        pass
    loop = aioharness.new_loop()
    asyncio.set_event_loop(loop)
    aioharness.loops.append((loop, threading.get_native_id()))
    aioharness.serve(locks=lambda: locks)
    loop.run_until_complete(main())
