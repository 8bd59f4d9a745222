# SPDX-License-Identifier: Apache-2.0
"""Semaphores, a queue and an executor in interpreters of their own, and an executor and a semaphore that a forked child has inherited.

"subinterpreters": says {"rows": ...}, of two interpreters and of the main one, or "skip"; "fork": says the pid of the child and its rows.
A row is [address, kind, name]."""
import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import harness

SOURCE = """
import json, os, queue, sys, threading
sys.modules["__main__"].LIMIT = LIMIT = threading.BoundedSemaphore(3)
class Own:
    inbox = queue.Queue(4)
    limit = threading.Semaphore(2)
rows = [[hex(id(LIMIT)), "semaphore", "__main__.LIMIT"], [hex(id(Own.inbox)), "queue", "Own.inbox"],
        [hex(id(Own.limit)), "semaphore", "Own.limit"]]
os.write({up}, (json.dumps(rows) + "\\n").encode())
os.read({never}, 1)
"""

LIMIT = threading.BoundedSemaphore(5)
POOL = ThreadPoolExecutor(2)
blocked = threading.Event()


def runner():
    try:
        import _interpreters as module
    except ImportError:
        try:
            import _xxsubinterpreters as module
        except ImportError:
            return None

    def run(source):
        made = module.create()
        (module.exec if hasattr(module, "exec") else module.run_string)(made, source)
    return run


def own_rows():
    return [[hex(id(LIMIT)), "semaphore", "__main__.LIMIT"], [hex(id(POOL)), "thread_pool", "__main__.POOL"]]


def in_subinterpreters():
    run = runner()
    if run is None:
        return {"skip": True}
    rows, (never, _), (up, up_write) = own_rows(), os.pipe(), os.pipe()
    reader = os.fdopen(up)
    for _ in range(2):
        threading.Thread(target=run, args=(SOURCE.format(up=up_write, never=never),), daemon=True).start()
        rows += json.loads(reader.readline())
    return {"rows": rows}


def in_a_fork():
    """Two calls run and three wait when the process forks: in the child there are neither threads nor anybody who will run them."""
    for _ in range(5):
        POOL.submit(blocked.wait)
    LIMIT.acquire()
    up, up_write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(up)
        os.write(up_write, b"x")
        sys.stdin.close()
        while os.getppid() != 1:
            threading.Event().wait(0.1)
        os._exit(0)
    os.read(up, 1)
    return {"child": child, "rows": own_rows()}


def main():
    facts = in_subinterpreters() if "subinterpreters" in sys.argv else in_a_fork()
    harness.serve()
    harness.ready(**facts)
    blocked.wait()


main()
