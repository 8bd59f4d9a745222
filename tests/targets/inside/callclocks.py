# SPDX-License-Identifier: Apache-2.0
"""Two threads that compute and sleep under strobe.Profile, beside the clocks that they themselves read.  callclocks.py wall|cpu|unknown"""
import _thread
import io
import os
import sys
import threading
import time

from common import tell

import strobe
from strobe import _strobe

SOURCE = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
FILE = os.path.basename(__file__)
spun = []  # CPU seconds of each spin()


def spin(seconds):
    begin = time.thread_time()
    while time.thread_time() < begin + seconds:
        for _ in range(20):
            step()
    spun.append(time.thread_time() - begin)


def step():
    pass


def rest(seconds):
    time.sleep(seconds)


def left():
    for _ in range(4):
        spin(0.04)
        rest(0.02)


def right():
    for _ in range(2):
        rest(0.03)
        spin(0.06)


def measured(truth, name, function):
    wall, cpu = time.monotonic(), time.thread_time()
    function()
    truth[name] = {"total": time.monotonic() - wall, "total_cpu": time.thread_time() - cpu}


def run(clock):
    truth = {}
    profile = strobe.Profile(clock=clock)
    begin = time.monotonic()
    profile.start()
    threads = [threading.Thread(target=measured, args=(truth, function.__name__, function)) for function in (left, right)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    profile.stop()
    elapsed = time.monotonic() - begin
    table = io.StringIO()
    profile.print(file=table)
    rows = {row["name"]: row for row in profile.stats() if os.path.basename(row["file"]) == FILE}
    with open(SOURCE) as file:
        source = file.read().strip()
    tell({"source": source, "has_cheap_cpu": _strobe.has_cheap_cpu(), "tick": profile._native.facts()[0], "truth": truth, "spun": sum(spun),
          "rows": {name: rows[name] for name in ("left", "right", "spin", "rest", "step")}, "totals": profile.totals(), "elapsed": elapsed,
          "all_cpu": [row["self_cpu"] for row in profile.stats()], "table": table.getvalue()})


def unknown():
    """A thread that threading does not know is there before the profile, and has had less CPU time than the one that begins it."""
    truth, go, done = {}, _thread.allocate_lock(), _thread.allocate_lock()

    def waits():
        with go:
            measured(truth, "left", left)
        done.release()

    go.acquire()
    done.acquire()
    spin(0.3)
    del spun[:]
    _thread.start_new_thread(waits, ())
    time.sleep(0.1)
    with strobe.Profile(clock="cpu") as profile:
        go.release()
        done.acquire()
    rows = {row["name"].rpartition(".")[2]: row for row in profile.stats() if os.path.basename(row["file"]) == FILE}
    tell({"rows": rows, "truth": truth, "spun": sum(spun), "totals": profile.totals(), "all_cpu": [row["self_cpu"] for row in profile.stats()]})


unknown() if sys.argv[1] == "unknown" else run(sys.argv[1])
