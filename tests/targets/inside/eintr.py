# SPDX-License-Identifier: Apache-2.0
"""System calls that a signal would end with EINTR, made without the retries that Python makes: how often that is seen while sampled."""
import ctypes
import errno
import os
import signal
import threading
import time

import strobe
from common import burn, looked, main, start_thread, tell, until

libc = ctypes.CDLL(None, use_errno=True)
with_gil = ctypes.PyDLL(None, use_errno=True)  # calls that keep the GIL


class timespec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


def interrupted(result):
    if result >= 0:
        return 0
    assert ctypes.get_errno() == errno.EINTR, ctypes.get_errno()
    return 1


def poll(ms, library=libc):
    return interrupted(library.poll(None, 0, ms))


def nanosleep(ms):
    return interrupted(libc.nanosleep(ctypes.byref(timespec(ms // 1000, ms % 1000 * 1000000)), None))


def pselect(ms):
    return interrupted(libc.pselect(0, None, None, None, ctypes.byref(timespec(ms // 1000, ms % 1000 * 1000000)), None))


def ppoll(ms):
    return interrupted(libc.ppoll(None, 0, ctypes.byref(timespec(ms // 1000, ms % 1000 * 1000000)), None))


def select(ms):
    return interrupted(libc.select(0, None, None, None, (ctypes.c_long * 2)(ms // 1000, ms % 1000 * 1000)))


def clock_nanosleep(ms):
    return 1 if libc.clock_nanosleep(1, 0, ctypes.byref(timespec(ms // 1000, ms % 1000 * 1000000)), None) else 0


def epoll_wait(ms):
    fd = libc.epoll_create1(0)
    ended = interrupted(libc.epoll_wait(fd, ctypes.create_string_buffer(16), 1, ms))
    os.close(fd)
    return ended


def sigtimedwait(ms):
    nothing = ctypes.create_string_buffer(128)
    if libc.sigtimedwait(nothing, None, ctypes.byref(timespec(ms // 1000, ms % 1000 * 1000000))) == -1 and ctypes.get_errno() == errno.EAGAIN:
        return 0
    return 1


CALLS = {"poll": poll, "nanosleep": nanosleep, "pselect": pselect}
ALL_CALLS = dict(CALLS, ppoll=ppoll, select=select, clock_nanosleep=clock_nanosleep, epoll_wait=epoll_wait, sigtimedwait=sigtimedwait)


def sleepers(looks="10000", rate="1000"):
    """Threads that sleep all the time in calls that end once a second, beside one that computes."""
    over = threading.Event()
    counts = {}

    def sleeper(name):
        counts[name] = [0, 0]
        while not over.is_set():
            counts[name][1] += CALLS[name](1000)
            counts[name][0] += 1

    threads = [start_thread(sleeper, name) for name in CALLS]
    strobe.start(rate=float(rate), idle=True)
    while strobe.stats()["stats"]["looks"] < int(looks):
        burn(0.05)
    stats = strobe.stop().stats()
    over.set()
    for thread in threads:
        thread.join()
    tell({"counts": counts, "stats": stats})


def keeps_gil(looks="2000"):
    """A call that sleeps and keeps the GIL: it holds it, but it does not run."""
    strobe.start(rate=1000)
    n = calls = 0
    while strobe.stats()["stats"]["looks"] < int(looks):
        n += poll(5, with_gil)
        calls += 1
    tell({"calls": calls, "interrupted": n, "stats": strobe.stop().stats()})


def alternates(seconds="5", work_us="100", rate="1000"):
    """Runs with the GIL, then blocks, by turns: what a signal that was sent to a thread that ran may still meet."""
    strobe.start(rate=float(rate))
    n = calls = 0
    end = time.monotonic() + float(seconds)
    work = float(work_us) / 1e6
    while time.monotonic() < end:
        begun = time.perf_counter()
        while time.perf_counter() - begun < work:
            pass
        n += poll(1)
        calls += 1
    made_again = os.uname().machine == "x86_64"  # ext/interrupted.h
    tell({"calls": calls, "interrupted": n, "made_again": made_again, "stats": strobe.stop().stats()})


def met():
    """A visit's signal meets a thread in each kind of wait, surely: it is sent by us."""
    strobe.start(rate=10)
    looked(strobe, 3)
    number = strobe.stats()["signal"]
    ended = {}
    for name, call in ALL_CALLS.items():
        begun = threading.Event()

        def waits():
            begun.tid = threading.get_native_id()
            begun.set()
            ended[name] = call(500)

        thread = start_thread(waits)
        begun.wait()
        until(lambda: asleep(begun.tid), name)
        signal.pthread_kill(thread.ident, number)
        thread.join()
    strobe.stop()
    tell(ended)


def asleep(tid):
    """In a call that sleeps, not on its way back from our wake-up: two looks apart it has not run."""
    def times():
        with open("/proc/self/task/%d/schedstat" % tid) as f:
            return f.read()
    with open("/proc/self/task/%d/stat" % tid) as f:
        state = f.read().rpartition(")")[2].split()[0]
    before = times()
    time.sleep(0.01)
    return state == "S" and times() == before


if __name__ == "__main__":
    main({"met": met, "sleepers": sleepers, "keeps_gil": keeps_gil, "alternates": alternates})
