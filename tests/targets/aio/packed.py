# SPDX-License-Identifier: Apache-2.0
"""A program that was packed into one file: its libraries' code objects have paths without a home ("asyncio/locks.py"), and the modules
have no source file.  Tasks wait for a lock, a sleep and a thread."""
import importlib.machinery
import importlib.util
import os
import sys
import threading

HOME = os.path.dirname(os.__file__)
PACKED = ("asyncio", "concurrent", "contextlib")


class Loader(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname):
        with open(self.path, encoding="utf-8") as f:
            return compile(f.read(), os.path.relpath(self.path, HOME), "exec", dont_inherit=True)

    def exec_module(self, module):
        module.__file__ += "c"
        super().exec_module(module)


class Finder:
    @staticmethod
    def find_spec(fullname, path=None, target=None):
        if fullname.split(".")[0] not in PACKED:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is None or not spec.origin.endswith(".py"):
            return spec
        return importlib.util.spec_from_file_location(fullname, spec.origin, loader=Loader(fullname, spec.origin),
                                                      submodule_search_locations=spec.submodule_search_locations)


for name in [name for name in sys.modules if name.split(".")[0] in PACKED]:
    del sys.modules[name]
sys.meta_path.insert(0, Finder)

import asyncio  # noqa: E402
import harness  # noqa: E402


async def holder(lock):
    async with lock:
        await asyncio.sleep(1000)


async def main():
    lock, loop = asyncio.Lock(), asyncio.get_running_loop()
    tasks = [asyncio.ensure_future(holder(lock)) for _ in range(2)]
    begun = threading.Event()
    call = loop.run_in_executor(None, lambda: begun.set() or threading.Event().wait())
    begun.wait()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    loop.call_soon(harness.ready)
    await asyncio.gather(call, *tasks)


harness.serve()
asyncio.run(main())
