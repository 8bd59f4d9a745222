# SPDX-License-Identifier: Apache-2.0
"""Recordings that begin, are asked, end, and what is left of them."""
import gc
import os
import resource
import sys
import threading
import time

import strobe
from common import burn, fds, looked, main, resident, signals, start_thread, status, tell, tids, until


def nested():
    """A recording of its own inside the one of the process, an exception through it, and the same object twice."""
    strobe.start(rate=400)
    with strobe.sample(rate=400) as p:
        burn(0.5)
    failed = None
    try:
        with strobe.sample() as q:
            raise KeyError("the program's own")
    except KeyError as error:
        failed = str(error)
    with strobe.sample(rate=400) as first, strobe.sample(rate=200) as second:
        burn(0.5)
    outer = strobe.stop()
    refused = []
    for what in (strobe.snapshot, strobe.stats, lambda: strobe.sample(rate=0), lambda: strobe.sample(max_cpu=2), lambda: p.save("x.unknown"),
                 lambda: p.export("no such"), lambda: p.export("raw", of="nobody"), lambda: outer.export("chrometrace")):
        try:
            what()
            refused.append("nothing was raised")
        except (RuntimeError, ValueError) as error:
            refused.append("%s: %s" % (type(error).__name__, error))
    strobe.start(rate=100)
    try:
        strobe.start()
        refused.append("nothing was raised")
    except RuntimeError as error:
        refused.append(str(error))
    running = strobe.is_running()
    strobe.stop()
    tell({"inner": p.seconds(), "failed": failed, "of_failed": q.stats()["elapsed"] >= 0, "first": first.seconds(), "second": second.seconds(),
          "outer": outer.seconds(), "outer_elapsed": outer.stats()["elapsed"], "refused": refused, "running": [running, strobe.is_running()],
          "stop_again": strobe.stop()})


def rotation(times="20"):
    """Snapshots one after the other: each moment of each thread is in one of them."""
    over = threading.Event()

    def sleeps():
        while not over.wait(0.01):
            pass

    threads = [start_thread(sleeps, name="other %d" % i) for i in range(2)]
    begun = time.monotonic()
    strobe.start(rate=400, idle=True)
    sums, parts = {}, []
    for i in range(int(times)):
        burn(0.1)
        profile = strobe.snapshot() if i < int(times) - 1 else strobe.stop()
        parts.append(profile.stats()["elapsed"])
        for stack, n in profile.collapsed().items():
            root = stack.split(";")[0].split(": ", 1)[1]
            sums[root] = sums.get(root, 0) + n / 400
    elapsed = time.monotonic() - begun
    over.set()
    for thread in threads:
        thread.join()
    tell({"elapsed": elapsed, "sums": sums, "parts": parts})


def left():
    """What a process is before, while, and after.  (A process that has had a thread catches the C library's own signal for it.)"""
    start_thread(int).join()
    strobe.is_running()
    before = {"tids": tids(), "fds": fds(), "caught": signals(), "blocked": signals("SigBlk"), "ignored": signals("SigIgn"),
              "files": resource.getrlimit(resource.RLIMIT_NOFILE), "switch": sys.getswitchinterval(), "trace": [sys.gettrace(), sys.getprofile()]}
    strobe.start(rate=1000)
    looked(strobe)
    number = strobe.stats()["signal"]
    new, = tids() - before["tids"]
    while_on = {"comm": open("/proc/self/task/%d/comm" % new).read().strip(), "blocks": int(status("SigBlk", new), 16), "signal": number,
                "cloexec": all(not os.get_inheritable(fd) for fd in set(fds()) - set(before["fds"])), "switch": sys.getswitchinterval()}
    strobe.stop()
    until(lambda: tids() == before["tids"], "its thread's directory in /proc to go: the kernel removes it a moment after the thread")
    after = {"tids": tids(), "fds": fds(), "caught": signals(), "blocked": signals("SigBlk"), "ignored": signals("SigIgn"),
             "files": resource.getrlimit(resource.RLIMIT_NOFILE), "switch": sys.getswitchinterval(), "trace": [sys.gettrace(), sys.getprofile()]}
    tell({"while": while_on, "same": {key: before[key] == after[key] for key in before}, "caught": sorted(after["caught"] - before["caught"]),
          "fds": [str(before["fds"]), str(after["fds"])]})


def cycles(times="200"):
    """Begins and ends many times; nothing grows once it has been done a few times."""
    def once():
        strobe.start(rate=1000, task_rate=100)
        looked(strobe, 3)
        strobe.stop()
        with strobe.sample(rate=1000) as p:
            burn(0.002)
        p.collapsed()

    for _ in range(int(times) // 4):
        once()
    gc.collect()
    before = resident(), len(fds()), len(tids()), sorted(signals())
    for _ in range(int(times)):
        once()
    gc.collect()
    tell({"before": before, "after": [resident(), len(fds()), len(tids()), sorted(signals())]})


def budget():
    """A rate that does not fit into what it may cost."""
    strobe.start(rate=20000, max_cpu=0.01)
    begun = time.monotonic()
    until(lambda: burn(0.05) and strobe.stats()["lowered"] and strobe.stats()["rate"] < 4000, "a lower rate")
    seen = strobe.stats()
    took = time.monotonic() - begun
    first = strobe.stats()["stats"]
    burn(3)
    second = strobe.stats()["stats"]
    strobe.stop()
    tell({"rate": seen["rate"], "took": took, "part": (second["cpu"] - first["cpu"]) / (second["elapsed"] - first["elapsed"])})


def tiny_budget():
    """Where less than one look a second fits, less is made."""
    strobe.start(rate=100, max_cpu=1e-5)
    until(lambda: burn(0.05) and strobe.stats()["rate"] < 1, "a rate below one a second")
    state = strobe.stats()
    tell({"lowered": state["lowered"], "exceeded": state["exceeded"], "took": strobe.stop().seconds() > 0})


def flat_out():
    """So fast that each look is late: who asks, forks or stops is let in all the same."""
    strobe.start(rate=1000000, task_rate=1000)
    looked(strobe, 1000)
    for _ in range(20):
        pid = os.fork()
        if pid == 0:
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
        strobe.stats()
        burn(0.01)
    tell({"looks": strobe.stop().stats()["looks"]})


def many_threads():
    """Threads come and go while they are sampled."""
    strobe.start(rate=1000, idle=True)
    made = 0
    end = time.monotonic() + 2
    while time.monotonic() < end:
        threads = [start_thread(burn, 0.001) for _ in range(20)]
        for thread in threads:
            thread.join()
        made += len(threads)
    stats = strobe.stop().stats()
    tell({"made": made, "stats": stats})


def few_files():
    """A process that may open no more files."""
    strobe.is_running()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    held = []
    try:
        while True:
            held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    try:
        strobe.start(rate=500)
        said = "recording"
        burn(0.5)
    except RuntimeError as error:
        said = str(error)
    seconds = strobe.stop()
    for fd in held:
        os.close(fd)
    with strobe.sample(rate=500) as p:
        burn(0.5)
    tell({"said": said, "seconds": seconds and seconds.seconds(), "after": p.seconds(), "limit": resource.getrlimit(resource.RLIMIT_NOFILE)[0]})


if __name__ == "__main__":
    main({"nested": nested, "rotation": rotation, "left": left, "cycles": cycles, "budget": budget, "flat_out": flat_out, "tiny_budget": tiny_budget,
          "many_threads": many_threads, "few_files": few_files})
