# SPDX-License-Identifier: Apache-2.0
"""A program that becomes another: at the first line on stdin it execs itself anew, as the second program."""
import os
import select
import struct
import sys


def before_exec(counter):
    rounds = 0
    while not select.select([0], [], [], 0)[0]:
        for _ in range(2000):
            pass
        rounds += 1
        struct.pack_into("Q", counter, 0, rounds)
    os.read(0, 100)
    os.execv(sys.executable, [sys.executable, __file__, "second"])


def after_exec():
    os.write(1, b"second\n")
    while True:
        for _ in range(2000):
            pass


def main():
    if len(sys.argv) > 1:
        after_exec()
    import harness
    counter = harness.counter()
    harness.ready()
    before_exec(counter)


main()
