# SPDX-License-Identifier: Apache-2.0
"""Call chains that can never mix: cI_J is called by cI_(J-1) alone, and cI_0 by run() alone, on a line of its own.

Eight chains, eight deep; all 64 functions are distinct and take some 40 ns a call.  The only possible stacks are
    <module> run [cI_0 cI_1 ... cI_K]
with one I and no gap, where run() and every function but the last stand on the line of their call (see bench/chains.py,
which checks that).  The source is made here so that the lines are known.
With the argument "threads": not for ever in one thread, but in one after another, each for some 2 ms.
"""
import _thread
import sys

CHAINS = 8
DEPTH = 8
TURNS = 400


def source(loop="while True:"):
    lines = []
    for i in range(CHAINS):
        for j in range(DEPTH - 1, -1, -1):
            lines.append("def c%d_%d(x):" % (i, j))
            if j == DEPTH - 1:
                lines.append("    return x")
            else:
                lines.append("    y = c%d_%d(x)" % (i, j + 1))
                lines.append("    return y")
    lines.append("def run():")
    lines.append("    n = 0")
    lines.append("    %s" % loop)
    for i in range(CHAINS):
        lines.append("        c%d_0(n)" % i)
    return "\n".join(lines) + "\n"


def body(done):
    run()  # noqa: F821 (made below)
    done.release()


def new_threads():
    done = _thread.allocate_lock()
    done.acquire()
    while True:
        _thread.start_new_thread(body, (done,))
        done.acquire()


if __name__ == "__main__":
    threads = sys.argv[1:] == ["threads"]
    exec(compile(source("for n in range(%d):" % TURNS if threads else "while True:"), "chained.py", "exec"))
    print("ready", flush=True)
    if threads:
        new_threads()
    run()  # noqa: F821 (made above)
