# SPDX-License-Identifier: Apache-2.0
"""No task that lives: one that has ended is still referenced, and listed up to 3.13."""
import asyncio
import sys

import harness


async def main():
    task = asyncio.ensure_future(asyncio.sleep(0))
    await task
    return task


kept = asyncio.run(main())
harness.ready()
sys.stdin.read()
