# SPDX-License-Identifier: Apache-2.0
"""Threads that run code in interpreters of their own.  Says "skip" when this Python has no module for that."""
import os
import sys
import threading

import harness

SOURCE = """
import os
def sub_leaf():
    os.read({fd}, 1)


def sub_root():
    os.write({up}, b"x")
    sub_leaf()
sub_root()
"""


def runner():
    """A function that runs source in a new interpreter, by whatever this version calls it."""
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


def main():
    run = runner()
    if run is None:
        harness.say({"ready": True, "pid": os.getpid(), "skip": True})
        sys.stdin.read()
        return
    never, _ = os.pipe()
    up, up_write = os.pipe()
    threads = [threading.Thread(target=run, args=(SOURCE.format(fd=never, up=up_write),), name="runs-%d" % i, daemon=True) for i in range(3)]
    for thread in threads:
        thread.start()
        os.read(up, 1)
    harness.serve()
    harness.ready(native=[thread.native_id for thread in threads])
    os.read(never, 1)


main()
