# SPDX-License-Identifier: Apache-2.0
"""Children of a process that is recorded: they begin clean, begin anew when they are to, and the parent's recording goes on."""
import contextlib
import ctypes
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import warnings

import strobe
from common import burn, fds, looked, main, resident, start_thread, tell, tids

sys.stdout.reconfigure(line_buffering=True)


def in_child(function):
    """What function() says in a child of fork()."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(read)
            os.write(write, json.dumps(function()).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    with open(read, "rb") as f:
        text = f.read()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return json.loads(text) if code == 0 else {"ended": code}


def looks_like():
    """Of a child: is anything of the parent's recording there?"""
    return {"running": strobe.is_running(), "tids": len(tids()), "is_me": tids() == {os.getpid()} or sorted(tids())[0] == os.getpid(),
            "proc": [path for path in fds().values() if path.startswith("/proc/")]}


def again():
    """A child that records itself, and its own child."""
    begun = time.monotonic()
    strobe.start(rate=500)
    burn(0.2)
    below = in_child(looks_like)
    profile = strobe.stop()
    return {"part": profile.seconds() / (time.monotonic() - begun), "below": below, "mine": [s for s in profile.collapsed() if "again" in s] != []}


def plain():
    before = len(fds())
    strobe.start(rate=1000)
    looked(strobe)
    child = in_child(looks_like)
    own = in_child(again)
    from_thread = []
    thread = threading.Thread(target=lambda: from_thread.append(in_child(looks_like)))
    thread.start()
    thread.join()
    looked(strobe)
    sample = strobe.sample(rate=500)
    with sample:
        refused = in_child(lambda: attempt(lambda: sample._recording.snapshot()))
    stop_in_child = in_child(lambda: repr(strobe.stop()))
    stats = strobe.stop().stats()
    tell({"child": child, "own": own, "thread": from_thread[0], "refused": refused, "stop": stop_in_child, "looks": stats["looks"],
          "fds": [before, len(fds())]})


def attempt(function):
    try:
        return repr(function())
    except RuntimeError as error:
        return str(error)


def follow():
    """follow_fork: the child records itself, and so does its child."""
    def child():
        begun = time.monotonic()
        burn(0.2)
        below = in_child(lambda: {"running": strobe.is_running(), "rate": strobe.stats()["rate"]})
        return {"running": strobe.is_running(), "below": below, "part": strobe.stop().seconds() / (time.monotonic() - begun),
                "tids": len(tids())}

    strobe.start(rate=500, follow_fork=True)
    facts = in_child(child)
    strobe.stop()
    facts["after_stop"] = in_child(strobe.is_running)
    tell(facts)


def work(n):
    """Of a pool's process."""
    burn(0.01)
    return n * n


def recorded(n):
    """The same, by a process that records itself."""
    begun = time.monotonic()
    with strobe.sample(rate=500) as p:
        burn(0.3)
    return [n, p.seconds() / (time.monotonic() - begun), strobe.is_running(), p.stats()]


def processes(method):
    context = multiprocessing.get_context(method)
    strobe.start(rate=1000)
    with context.Pool(3) as pool:
        squares = pool.map(work, range(30))
        parts = pool.map(recorded, range(6))
        pool.close()
        pool.join()
    tell({"squares": squares, "parts": parts, "looks": strobe.stop().stats()["looks"]})


def bomb(count="1000", rate="1000"):
    """Many short children."""
    strobe.start(rate=float(rate))
    looked(strobe)
    first, bad, stopped = resident(), 0, 0
    begun = strobe.stats()["stats"]["looks"]
    for i in range(int(count)):
        pid = os.fork()
        if pid == 0:
            os._exit(i % 50)
        bad += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != i % 50
        stopped += not strobe.is_running()
    looked(strobe)
    grown = resident() - first
    tell({"bad": bad, "stopped": stopped, "grown": grown, "looks": strobe.stop().stats()["looks"] - begun})


def at_once(count="200", apart=""):
    """Children that fork in turn, threads that fork at the same time, while threads and recordings begin and end.

    apart: not while another thread of the program is in strobe itself.  What it does there without the GIL allocates, and an allocator that
    does not know of forks (gcc 12's AddressSanitizer) leaves its locks to the child as they are.  The recordings' own threads go on; they are
    to be where they allocate nothing."""
    over = threading.Event()
    alone = threading.Lock() if apart else contextlib.nullcontext()
    bad = []

    def forks():
        for i in range(int(count)):
            with alone:
                pid = os.fork()
            if pid == 0:
                below = os.fork()
                if below == 0:
                    os._exit(3)
                os._exit(os.waitstatus_to_exitcode(os.waitpid(below, 0)[1]))
            if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 3:
                bad.append(i)

    def samples():
        while not over.is_set():
            p = strobe.sample(rate=2000)
            with alone:
                p.__enter__()
            burn(0.005)
            with alone:
                p.__exit__(None, None, None)
                p.collapsed()

    def asks():
        while not over.is_set():
            with alone:
                strobe.stats()
                strobe.snapshot()
            burn(0.001)

    strobe.start(rate=1000)
    others = [start_thread(samples), start_thread(asks)]
    forking = [start_thread(forks) for _ in range(2)]
    for thread in forking:
        thread.join()
    over.set()
    for thread in others:
        thread.join()
    strobe.stop()
    tell({"bad": bad})


def subprocesses(count="500"):
    """vfork() and exec, and what the new program finds."""
    strobe.start(rate=1000)
    see = [sys.executable, "-c", "import os, signal; print(len(os.listdir('/proc/self/fd')), [s for s in range(1, 65) "
           "if s not in (9, 19, 32, 33) and signal.getsignal(s) not in (signal.SIG_DFL, signal.default_int_handler)], signal.pthread_sigmask(signal.SIG_BLOCK, []))"]
    sampled = subprocess.run(see, stdout=subprocess.PIPE, text=True).stdout
    bad = sum(subprocess.run(["/bin/true"]).returncode for _ in range(int(count)))
    looks = strobe.stop().stats()["looks"]
    tell({"bad": bad, "looks": looks, "sampled": sampled, "plain": subprocess.run(see, stdout=subprocess.PIPE, text=True).stdout})


def execs():
    """exec while it is recorded: the same process, another program."""
    strobe.start(rate=1000)
    looked(strobe)
    os.execv(sys.executable, [sys.executable, "-c", "import os, json; print(json.dumps({'tids': len(os.listdir('/proc/self/task')), "
                              "'proc': [f for f in os.listdir('/proc/self/fd') if int(f) > 3]}))"])


def native():
    """fork() by C code, which runs nothing that Python does around its own."""
    libc = ctypes.PyDLL(None)
    strobe.start(rate=1000)
    looked(strobe)
    bad = 0
    for i in range(100):
        pid = libc.fork()
        if pid == 0:
            os._exit(9)
        bad += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 9
    looked(strobe)
    tell({"bad": bad, "running": strobe.is_running()})


def quiet(n="20"):
    """What CPython says of forks (3.12 and newer: of threads that the child will not have), and whether the recording goes on after each."""
    strobe.start(rate=1000)
    looked(strobe, 1)  # it has begun
    strobe.pools()
    told = []
    begun = time.monotonic()
    for _ in range(int(n)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            pid = os.fork()
            if pid == 0:
                os._exit(0)
        told += [str(each.message) for each in caught]
        os.waitpid(pid, 0)
        looked(strobe, 3)
    elapsed = time.monotonic() - begun
    tell({"told": told, "elapsed": elapsed, "stats": strobe.stop().stats()})


if __name__ == "__main__":
    main({"plain": plain, "follow": follow, "processes": processes, "bomb": bomb, "at_once": at_once, "subprocesses": subprocesses,
          "execs": execs, "native": native, "quiet": quiet})
