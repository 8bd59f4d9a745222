# SPDX-License-Identifier: Apache-2.0
"""A parent whose children come and go.  usage: family.py [CHILDREN]

Every child runs child_work() until its time is over or its parent is gone.  Command "start": one more child, which is up when
the answer comes; answers its pid.  Command "brief SECONDS": a child that lives so long; answers its pid when it has ended.
"""
import os
import subprocess
import sys
import threading
import time

import harness

gate = threading.Lock()
gate.acquire()
children = []


def child_work(seconds):
    end, parent = time.monotonic() + seconds, os.getppid()
    while time.monotonic() < end and os.getppid() == parent:
        for _ in range(2000):
            pass


def child(seconds):
    os.write(1, b"up\n")
    child_work(seconds)


def launch(seconds=1000.0):
    process = subprocess.Popen([sys.executable, __file__, "child", str(seconds)], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    children.append(process)
    process.stdout.readline()
    return process


def start():
    return {"pid": launch().pid}


def brief(seconds):
    process = launch(float(seconds))
    process.wait()
    return {"pid": process.pid}


def stop():
    for process in children:
        process.kill()
        process.wait()
    return {"stopped": len(children)}


def parent_wait():
    gate.acquire()


if len(sys.argv) > 1 and sys.argv[1] == "child":
    child(float(sys.argv[2]))
else:
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 0):
        launch()
    harness.serve(start=start, brief=brief, stop=stop)
    harness.ready(children=[process.pid for process in children])
    parent_wait()
