# SPDX-License-Identifier: Apache-2.0
"""Starts a child by vfork(2) (subprocess, from 3.10 on) that takes long until it execs: it tries many places first.

usage: vforks.py: command "start" starts one and says how long the way to its exec took; it works for half a second; "wait" waits for its end.
"""
import os
import subprocess
import sys
import time

import harness

PLACES = 400000
CHILD = """
import time
def child_work():
    end = time.monotonic() + 0.5
    while time.monotonic() < end: pass
child_work()
"""


def start():
    real, os.get_exec_path = os.get_exec_path, lambda env=None: ["/nowhere"] * PLACES + [os.path.dirname(sys.executable)]
    begin = time.monotonic()
    children.append(subprocess.Popen([os.path.basename(sys.executable), "-c", CHILD]))
    os.get_exec_path = real
    return {"pid": children[-1].pid, "took": time.monotonic() - begin}


def wait():
    for child in children:
        child.wait()
    return {}


children = []
harness.serve(start=start, wait=wait)
harness.ready()
time.sleep(1000)
