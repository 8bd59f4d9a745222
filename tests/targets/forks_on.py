# SPDX-License-Identifier: Apache-2.0
"""A program that forks all the time; its children work for a moment and end."""
import os
import struct

import harness


def child_work():
    for _ in range(20000):
        pass
    os._exit(0)


def main():
    counter = harness.counter()
    harness.ready()
    rounds = 0
    while True:
        pid = os.fork()
        if pid == 0:
            child_work()
        os.waitpid(pid, 0)
        rounds += 1
        struct.pack_into("Q", counter, 0, rounds)


main()
