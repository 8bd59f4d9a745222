# SPDX-License-Identifier: Apache-2.0
"""N threads that never let go of the CPU by themselves, one that waits for a lock, one that reads a pipe, one that sleeps.

usage: spin.py N.  The first spinner counts its rounds.
"""
import os
import struct
import sys
import threading
import time

import harness

gate = threading.Lock()
gate.acquire()
never, _keep = os.pipe()


def burn():
    x = 0
    for i in range(2000):
        x += i & 3
    return x


def spin(counter):
    rounds = 0
    while True:
        burn()
        rounds += 1
        if counter is not None:
            struct.pack_into("Q", counter, 0, rounds)


def wait_lock():
    gate.acquire()


def wait_pipe():
    os.read(never, 1)


def wait_sleep():
    time.sleep(100000)


def main():
    counter = harness.counter()
    plan = [("wait_lock", wait_lock, ()), ("wait_pipe", wait_pipe, ()), ("wait_sleep", wait_sleep, ())]
    plan += [("spin-%d" % i, spin, (None if i else counter,)) for i in range(int(sys.argv[1]))]
    threads = [threading.Thread(target=function, name=name, args=args, daemon=True) for name, function, args in plan]
    for thread in threads:
        thread.start()
    harness_tid = harness.serve()
    harness.ready(native={thread.name: thread.native_id for thread in threads}, harness=harness_tid, main=threading.get_native_id())
    gate.acquire()


main()
