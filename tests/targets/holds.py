# SPDX-License-Identifier: Apache-2.0
"""What the kernel tells a program that is looked at: interrupted system calls, signals lost or doubled, children.

The main thread runs Python without a pause, so that a profiler has one to hold; it counts its rounds in the first word of the file
"counter", and the SIGALRMs that it handled in the second.
SIGALRM is blocked in all other threads, as programs with threads do: the kernel gives a signal for the process to any thread that
takes it, and passes over one that is held.
  "epoll" and "nanosleep" wait in the C library: command "end" wakes the first; both then say what their only call returned.
  command "timer SECONDS": starts an interval timer that sends SIGALRM to the process; 0 stops it.
  command "forks N": forks N children in turn; answers how many ended with the status they should have.
"""
import ctypes
import os
import signal
import struct
import sys
import threading
import time

import harness

libc = ctypes.CDLL(None, use_errno=True)
results = {}


class Timespec(ctypes.Structure):
    _fields_ = [("sec", ctypes.c_long), ("nsec", ctypes.c_long)]


def spin(counter):
    rounds = handled = 0

    def on_alarm(number, frame):
        nonlocal handled
        handled += 1
        struct.pack_into("Q", counter, 8, handled)

    signal.signal(signal.SIGALRM, on_alarm)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
    harness.ready()
    while True:
        for _ in range(500):
            pass
        rounds += 1
        struct.pack_into("Q", counter, 0, rounds)


def epoll_wait(fd):
    ctypes.set_errno(0)
    results["epoll"] = libc.epoll_wait(fd, ctypes.create_string_buffer(64), 1, -1)
    results["epoll_errno"] = ctypes.get_errno()


def nanosleep(seconds):
    asked, left = Timespec(seconds, 0), Timespec(0, 0)
    ctypes.set_errno(0)
    results["nanosleep"] = libc.nanosleep(ctypes.byref(asked), ctypes.byref(left))
    results["nanosleep_errno"] = ctypes.get_errno()


def forks(n):
    good = 0
    for i in range(int(n)):
        pid = os.fork()
        if pid == 0:
            os._exit(i % 100)
        got, status = os.waitpid(pid, 0)
        good += got == pid and os.WIFEXITED(status) and os.WEXITSTATUS(status) == i % 100
        time.sleep(0.01)
    return {"good": good}


def main():
    counter = harness.counter()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    read, write = os.pipe()
    ep = libc.epoll_create1(0)
    event = struct.pack("=IQ", 1, 0)  # EPOLLIN; struct epoll_event is packed on x86-64
    if os.uname().machine != "x86_64":
        event = struct.pack("=IIQ", 1, 0, 0)
    if libc.epoll_ctl(ep, 1, read, event) != 0:
        sys.exit("epoll_ctl failed")
    sleepers = [threading.Thread(target=epoll_wait, args=(ep,), name="epoll", daemon=True),
                threading.Thread(target=nanosleep, args=(4,), name="nanosleep", daemon=True)]
    for thread in sleepers:
        thread.start()

    def end():
        os.write(write, b"x")
        for thread in sleepers:
            thread.join()
        return results

    def timer(seconds):
        signal.setitimer(signal.ITIMER_REAL, float(seconds), float(seconds))
        return {}

    harness.serve(end=end, forks=forks, timer=timer)
    spin(counter)


main()
