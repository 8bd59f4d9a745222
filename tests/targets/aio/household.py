# SPDX-License-Identifier: Apache-2.0
"""A process and its children, each with so many asyncio tasks.  usage: household.py OWN [CHILD...]

Each word says what a process has: "none" (asyncio is not imported), a number of tasks, main among them; "named20": 20 whose names
differ in more than a number; or "even6", "odd6": main for good, and 6 more in every even or odd half second of the machine's clock, but for
the last tenth of it.
It answers "members": [[pid, names of its tasks or null], ...], itself first, as each process says of itself.
"""
import json
import os
import subprocess
import sys
import time

import harness


def here():
    """Is the one who started us still there?"""
    return os.getppid() == parent


async def member(asyncio):
    await asyncio.get_running_loop().create_future()


async def live(asyncio, word, up):
    loop = asyncio.get_running_loop()
    kind = word.rstrip("0123456789")
    number, wave = int(word[len(kind):]), kind in ("even", "odd")
    names = ["member-%s" % (chr(ord("a") + i) if kind == "named" else i) for i in range(0 if wave else number - 1)]
    kept = [loop.create_task(member(asyncio), name=name) for name in names]
    await asyncio.sleep(0)
    up(sorted(task.get_name() for task in asyncio.all_tasks()))
    while here():
        now = time.monotonic()
        if wave and now % 0.5 < 0.35 and int(now * 2) % 2 == (kind == "odd"):
            kept = [loop.create_task(member(asyncio)) for _ in range(number)]
            await asyncio.sleep(0.4 - now % 0.5)
            for task in kept:
                task.cancel()
            await asyncio.wait(kept)
            kept = []
        await asyncio.sleep(0.01)


def run(word, up):
    if word == "none":
        up(None)
        while here():
            time.sleep(0.05)
    else:
        import asyncio
        asyncio.run(live(asyncio, word, up))


def launch(word):
    process = subprocess.Popen([sys.executable, __file__, "child", word], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    return process, [process.pid, json.loads(process.stdout.readline())]


def end(number):
    """Ends a child, the first being 1; its process id."""
    process = children[int(number) - 1][0]
    process.kill()
    process.wait()
    return process.pid


parent = os.getppid()
if sys.argv[1] == "child":
    run(sys.argv[2], harness.say)
else:
    children = [launch(word) for word in sys.argv[2:]]
    own = []
    harness.serve(members=lambda: [[os.getpid(), own[0]]] + [facts for _, facts in children], end=end)
    run(sys.argv[1], lambda names: own.append(names) or harness.ready())
