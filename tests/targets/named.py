# SPDX-License-Identifier: Apache-2.0
"""A busy thread without a Thread object, to which the C library gave a name (prctl(2), PR_SET_NAME)."""
import _thread
import ctypes
import threading

import harness

PR_SET_NAME = 15
named = threading.Event()


def burn():
    ctypes.CDLL(None).prctl(PR_SET_NAME, b"by-the-system", 0, 0, 0)
    named.set()
    while True:
        sum(range(100))


_thread.start_new_thread(burn, ())
named.wait()
harness.serve()
harness.ready()
threading.Event().wait()
