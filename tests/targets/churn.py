# SPDX-License-Identifier: Apache-2.0
"""A pool of threads that grows to 24 and shrinks to nothing, again and again; each runs work() for a moment."""
import threading

import harness


def work():
    x = 0
    for i in range(3000):
        x += i & 3
    return x


def turn():
    threads = [threading.Thread(target=work, name="pool-%d" % i) for i in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main():
    harness.serve()
    turn()
    harness.ready()
    while True:
        turn()


main()
