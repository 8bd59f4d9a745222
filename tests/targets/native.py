# SPDX-License-Identifier: Apache-2.0
"""usage: native.py N: N threads made by the C library, which never see Python."""
import ctypes
import sys
import threading

import harness

gate = threading.Lock()
gate.acquire()
libc = ctypes.CDLL(None)
attr = ctypes.create_string_buffer(64)
libc.pthread_attr_init(attr)
libc.pthread_attr_setstacksize(attr, ctypes.c_size_t(65536))
handle = ctypes.c_ulong()
for _ in range(int(sys.argv[1])):
    if libc.pthread_create(ctypes.byref(handle), attr, libc.pause, None) != 0:
        sys.exit("pthread_create failed")


def wait():
    gate.acquire()


harness.serve()
harness.ready()
wait()
