# SPDX-License-Identifier: Apache-2.0
"""Await chains that can never mix, of tasks that switch all the time.  usage: aiochains.py [N [LOOPS]]

Each of N tasks (eight), in each of LOOPS threads' loops (one), runs run(), which awaits chain after chain: aC_J is awaited by aC_(J-1) alone, aC_0 by run() alone; the innermost makes
a task of bC_0 and awaits it; bC_J is awaited by bC_(J-1) alone, and the innermost yields to the loop.  So with the tasks that wait for
them in front the only possible chains are
    main run [aC_0 ... aC_K]
    main run  aC_0 ... aC_3  bC_0 ... bC_K
with one C and no gap, where every function but the last stands on the line of its await.  A bC_0 that nobody waits for yet has not
begun.  The source is made here so that the lines are known (bench/aiostacks.py checks them).
"""
import asyncio
import sys
import threading

CHAINS = 8
DEPTH = 4
TASKS = 8


def source(tasks=TASKS):
    lines = ["import asyncio"]
    for c in range(CHAINS):
        for j in range(DEPTH - 1, -1, -1):
            lines.append("async def b%d_%d(x):" % (c, j))
            lines.append("    await asyncio.sleep(0)" if j == DEPTH - 1 else "    await b%d_%d(x)" % (c, j + 1))
        for j in range(DEPTH - 1, -1, -1):
            lines.append("async def a%d_%d(x):" % (c, j))
            if j == DEPTH - 1:
                lines.append("    task = asyncio.ensure_future(b%d_0(x))" % c)
                lines.append("    await task  # b%d_0" % c)
            else:
                lines.append("    await a%d_%d(x)" % (c, j + 1))
    lines += ["async def run(n):", "    while True:"]
    for c in range(CHAINS):
        lines.append("        await a%d_0(n)" % c)
    lines += ["async def main():", "    tasks = [asyncio.ensure_future(run(n)) for n in range(%d)]" % tasks]
    lines += ["    asyncio.get_running_loop().call_later(0.05, begun)", "    await asyncio.gather(*tasks)  # run"]
    return "\n".join(lines) + "\n"


def begun():
    """Each loop calls it when its tasks are awaited; the last one tells."""
    waited_for.pop()
    if not waited_for:
        print("ready", flush=True)


if __name__ == "__main__":
    waited_for = [None] * int((sys.argv[2:] or [1])[0])
    exec(compile(source(*map(int, sys.argv[1:2])), "chained.py", "exec"))
    for _ in waited_for[1:]:
        threading.Thread(target=lambda: asyncio.run(main()), daemon=True).start()  # noqa: F821 (made above)
    asyncio.run(main())  # noqa: F821
