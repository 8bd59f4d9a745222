# SPDX-License-Identifier: Apache-2.0
"""What the programs that record themselves share.  Runs on every CPython from 3.9 on, with nothing but the standard library."""
import json
import os
import sys
import threading
import time


os.chdir(os.path.dirname(os.path.abspath(__file__)))  # chroot begins elsewhere


def tell(facts):
    """The last line that the test reads."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def status(name, tid=None):
    """A line of proc_pid_status(5), of this process or one of its threads."""
    with open("/proc/self/task/%d/status" % tid if tid else "/proc/self/status") as f:
        for line in f:
            key, _, value = line.partition(":")
            if key == name:
                return value.strip()
    raise KeyError(name)


def signals(name="SigCgt"):
    """The numbers in a set of signals of the main thread."""
    bits = int(status(name, os.getpid()), 16)
    return {number + 1 for number in range(64) if bits >> number & 1}


def tids():
    return {int(name) for name in os.listdir("/proc/self/task")}


def fds():
    """{fd: where it leads}; not the one of the listing."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[int(name)] = os.readlink("/proc/self/fd/" + name)
        except OSError:
            pass
    return found


def resident():
    """Bytes of private memory: what shared libraries bring in by being touched is not meant."""
    return int(status("RssAnon").split()[0]) * 1024


def burn(seconds):
    """Computes for so long, by the clock that the profile has."""
    end = time.monotonic() + seconds
    n = 0
    while time.monotonic() < end:
        for i in range(200):
            n += i * i
    return n


def until(condition, what, patience=60):
    """Waits for an event that can only be looked at."""
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            raise SystemExit("waited in vain for " + what)
        time.sleep(0.001)


def looked(strobe, more=50):
    """Waits until the recording that goes on has looked so many times more."""
    first = strobe.stats()["stats"]["looks"]
    until(lambda: strobe.stats()["stats"]["looks"] >= first + more, "looks")


def start_thread(function, *args, name=None):
    thread = threading.Thread(target=function, args=args, name=name, daemon=True)
    thread.start()
    return thread


def main(cases):
    """The case that the command line names, with the rest of it."""
    cases[sys.argv[1]](*sys.argv[2:])
