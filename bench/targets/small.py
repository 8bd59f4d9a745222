# SPDX-License-Identifier: Apache-2.0
"""A small idle process: one thread, three frames, asleep."""
import time


def wait():
    while True:
        time.sleep(3600)


def main():
    print("ready", flush=True)
    wait()


main()
