# SPDX-License-Identifier: Apache-2.0
"""Illness: high latency, high CPU.  Requests rank their results in Python on the loop's thread, and a thread with reports wants the same GIL.
    busy_loop.py [TURNS]            how long a ranking takes, 2000 if not said: some tenths of a second
Run it, read its process id, look at it as docs/runbook.md says."""
import asyncio
import json
import os
import sys
import threading

REQUESTS = 20
TURNS = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
ranking = threading.Event()


def score(text):
    """Pure Python: it keeps the loop, and the GIL but for what other threads wrest from it."""
    ranking.set()
    total = 0
    for turn in range(TURNS):
        for position, letter in enumerate(text):
            total += (turn * position * ord(letter)) % 101
    return total


async def search(text):
    while True:
        await asyncio.sleep(0)  # what a request awaits
        score(text)


def monthly_report():
    total = 0
    while True:
        for day in range(31):
            total += day * day


def announce():
    """When the illness is there, the loop has no time to say so."""
    ranking.wait()
    print(json.dumps({"ready": True, "pid": os.getpid(), "requests": REQUESTS}), flush=True)


async def main():
    threading.Thread(target=announce, name="announce").start()
    threading.Thread(target=monthly_report, name="reports", daemon=True).start()
    await asyncio.wait([asyncio.ensure_future(search("the quick brown fox jumps over the lazy dog " * 2)) for _ in range(REQUESTS)])


asyncio.run(main())
