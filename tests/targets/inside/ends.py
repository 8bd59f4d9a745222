# SPDX-License-Identifier: Apache-2.0
"""Ways in which a program ends while it is recorded.  What it says last is one line."""
import atexit
import os
import sys
import threading
import time

import strobe
from common import burn, looked, main, start_thread, tell


def begin():
    strobe.start(rate=2000, task_rate=100)
    for _ in range(3):  # daemon threads that compute and sleep until the end
        start_thread(lambda: [burn(0.001) or time.sleep(0.001) for _ in iter(int, 1)])
    looked(strobe)
    tell({"began": True})


def normal():
    begin()


def sys_exit():
    begin()
    sys.exit(3)


def exit_in_thread():
    begin()
    thread = threading.Thread(target=lambda: sys.exit(4))
    thread.start()
    thread.join()


def os_exit():
    begin()
    os._exit(5)


def unhandled():
    begin()
    raise LookupError("of the program")


def abandoned():
    """The with block never ends: a daemon thread is inside of it when the interpreter goes."""
    begin()
    inside = threading.Event()

    def endless():
        with strobe.sample(rate=2000):
            inside.set()
            while True:
                burn(0.01)

    start_thread(endless)
    inside.wait()
    burn(0.05)


def late():
    """Begins when the program is about to end, and in an exit handler that runs after strobe's own."""
    strobe.is_running()
    atexit.register(lambda: strobe.start(rate=1000))
    begin()
    strobe.stop()


def killed():
    begin()
    os.kill(os.getpid(), 15)
    time.sleep(60)


if __name__ == "__main__":
    main({name: function for name, function in list(globals().items()) if callable(function)})
