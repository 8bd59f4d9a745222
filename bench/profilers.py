# SPDX-License-Identifier: Apache-2.0
"""The profilers side by side: how each is started, and what it says of its own run.

record() runs one of them on a target and returns a Recording.  What is called a tick here is one look at all threads.
"""
import collections
import os
import re
import shutil
import subprocess
import sys

import launch
import mojo
import stacks
from launch import Failed, Unavailable

PEERS = ["py-spy==0.4.3", "austin-dist==4.0.0"]
EXACT, NONBLOCKING, TASKS = "exact", "nonblocking", "tasks"  # tasks: asyncio's, exact
START_UP = 60.0  # seconds that a tool may take beyond its recording before it counts as hung


class Recording:
    def __init__(self, used, samples, dropped=0):
        self.used = used
        self.samples = samples  # stacks shown
        self.dropped = dropped  # samples that failed and are not shown
        self.ticks = 0  # looks at the process
        self.seconds = 0.0  # that the recording lasted
        self.stacks = None  # Counter of stacks, if asked for


def install(folder, log):
    """A venv with the peers in it; says on log what failed."""
    python = os.path.join(folder, "bin", "python")
    if not os.path.exists(python) and subprocess.call([sys.executable, "-m", "venv", folder], stdout=subprocess.DEVNULL):
        log("no venv for the peers: python3-venv is missing")
        return
    for peer in PEERS:
        have = subprocess.run([python, "-m", "pip", "show", "-q", peer.split("==")[0]], stderr=subprocess.DEVNULL)
        if have.returncode and subprocess.call([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", peer]):
            log("%s could not be installed" % peer)


def say(used, argv):
    lines = [x for x in (used.err + "\n" + used.out).split("\n") if x.strip()]
    return "%s ended with %d: %s" % (os.path.basename(argv[0]), used.status, lines[-1] if lines else "nothing said")


def find(pattern, text, kind=float):
    m = re.search(pattern, text)
    return kind(m.group(1).replace(",", "")) if m else None


class Tool:
    name = ""
    good = (0,)  # exit statuses of a recording that went well

    def version(self):
        return ""

    def command(self, target, seconds, rate, mode, output, idle):
        raise NotImplementedError

    def parse(self, used, path, threads, keep):
        raise NotImplementedError

    def dump(self, target):
        """(root, argv) that prints the stacks of a target once."""
        raise Unavailable("has no such command")

    def tree(self, target):
        """(root, argv) that prints the asyncio tasks of a target once, as a tree."""
        raise Unavailable("has no such command")

    def check(self, python):
        """Raises Unavailable when it cannot read such a target."""

    def root(self, python):
        return "/"

    def start(self, target, shelf, seconds, rate, mode, idle=False):
        """For slow-down: (argv, root) of a recording."""
        self.check(target.python)
        root = self.root(target.python)
        output = shelf.name("out") if root != "/" else shelf.outside("out")
        return self.command(target, seconds, rate, mode, output, idle), root

    def record(self, target, shelf, seconds, rate, mode=EXACT, threads=1, keep=False, memory=False):
        """threads > 1: all of the target's threads, idle ones too, or (mode TASKS) its tasks.  rate 0: as fast as it goes.  keep: with
        the stacks."""
        argv, root = self.start(target, shelf, seconds, rate, mode, idle=threads > 1 and mode != TASKS)
        used = launch.run(argv, root, limit=seconds + START_UP, memory_of=seconds if memory else 0.0)
        if used.status not in self.good:
            raise Failed(say(used, argv))
        recording = self.parse(used, shelf.outside("out"), threads, keep)
        recording.seconds = recording.seconds or seconds
        recording.ticks = recording.ticks or recording.samples // threads
        if not recording.samples:
            raise Failed(say(used, argv))
        os.remove(shelf.outside("out"))
        return recording


class PySpy(Tool):
    name = "py-spy"

    def __init__(self, folder):
        self.path = os.path.join(folder, "bin", "py-spy")

    def version(self):
        return launch.run([self.path, "--version"]).out.split()[-1]

    def check(self, python):
        if not os.access(self.path, os.X_OK):
            raise Unavailable("is not installed")

    def command(self, target, seconds, rate, mode, output, idle):
        if not rate:
            raise Unavailable("has no flat-out mode")
        argv = [self.path, "record", "--hideprogress", "-p", str(target.pid), "-r", str(int(rate)), "-d", str(max(1, int(round(seconds))))]
        argv += ["-f", "raw", "-o", output]
        return argv + ["--nonblocking"] * (mode == NONBLOCKING) + ["--idle"] * idle

    def parse(self, used, path, threads, keep):
        said = used.err + used.out
        recording = Recording(used, find(r"Samples: (\d+)", said, int) or 0, find(r"Errors: (\d+)", said, int) or 0)
        recording.stacks = stacks.read_raw(path) if keep else None
        return recording

    def dump(self, target):
        self.check(target.python)
        return "/", [self.path, "dump", "--pid", str(target.pid)]


class AsyncioPstree(Tool):
    """python -m asyncio pstree of the target's own version, 3.14 and later: does not pause."""

    name = "asyncio pstree"

    def check(self, python):
        if python.minor < (3, 14) or not python.plain:
            raise Unavailable("comes with Python 3.14 and later")

    def tree(self, target):
        self.check(target.python)
        return target.python.root, [target.python.path, "-m", "asyncio", "pstree", str(target.pid)]


class Austin(Tool):
    """Never pauses.  Its wheel needs glibc 2.38: where the machine's is older it may still start in a root folder."""

    name = "Austin"
    good = (0, 254)  # 254: the exposure time is over

    def __init__(self, folder):
        self.path = os.path.join(folder, "bin", "austin")
        self.copies, self.works = {}, {}

    def version(self):
        for root in self.copies or {"/": self.path}:
            return launch.run([self.copies.get(root, self.path), "--version"], root).out.split()[-1]

    def root(self, python):
        return python.root

    def check(self, python):
        if not os.access(self.path, os.X_OK):
            raise Unavailable("is not installed")
        if python.root not in self.works:
            if python.root != "/":
                self.copies[python.root] = "/tmp/strobe-bench-austin"
                shutil.copy2(self.path, os.path.join(python.root, "tmp", "strobe-bench-austin"))
            used = launch.run([self.copies.get(python.root, self.path), "--version"], python.root)
            self.works[python.root] = used.status == 0
        if not self.works[python.root]:
            raise Unavailable("does not start here (its wheel needs a newer glibc)")
        if not (3, 9) <= python.minor <= (3, 14) or not python.plain:
            raise Unavailable("does not read Python %s" % python)

    def command(self, target, seconds, rate, mode, output, idle):
        interval = "%dus" % (1e6 / rate if rate else 1)
        argv = [self.copies.get(target.python.root, self.path), "-i", interval, "-x", str(max(1, int(round(seconds))))]
        return argv + ["-o", output, "-p", str(target.pid)]

    def parse(self, used, path, threads, keep):
        said = re.sub("\x1b\\[[0-9;]*m", "", used.err + used.out)
        errors = find(r"(\d+)/\d+", said, int) or 0
        recording = Recording(used, (find(r"\d+/(\d+)", said, int) or 0) - errors, errors)
        if not keep:
            return recording
        with open(path, "rb") as f:
            data = f.read()
        found, invalid = collections.Counter(), 0
        for stack in mojo.stacks(data):
            if any(function is None for function, _ in stack):
                invalid += 1  # it marks these itself
            else:
                found[tuple(stack)] += 1
        recording.stacks, recording.samples, recording.dropped = found, sum(found.values()), errors + invalid
        return recording

    def dump(self, target):
        raise Unavailable("waits before it samples")

    def close(self):
        for root, path in self.copies.items():
            os.remove(os.path.join(root, path.lstrip("/")))


class Sampling(Tool):
    """profiling.sampling of CPython 3.15: does not pause unless asked to (--blocking), and then it stops all threads."""

    name = "profiling.sampling"

    def __init__(self, python):
        self.python = python

    def version(self):
        return str(self.python)

    def root(self, python):
        return python.root

    def check(self, python):
        if self.python is None or python is None or python.minor != self.python.minor:
            raise Unavailable("no CPython 3.15 here")

    def command(self, target, seconds, rate, mode, output, idle):
        argv = [self.python.path, "-m", "profiling.sampling", "attach", "-r", str(int(rate or 1000000)), "-d", str(int(round(seconds)))]
        argv += ["--async-aware", "--async-mode", "all"] * (mode == TASKS)
        return argv + ["--collapsed", "-o", output] + ["-a"] * idle + [str(target.pid)]

    def parse(self, used, path, threads, keep):
        ticks = find(r"Captured ([\d,]+) samples", used.out, int) or 0
        found = stacks.read_collapsed(path)
        shown = sum(found.values())
        recording = Recording(used, shown)
        recording.dropped = max(0, ticks * threads - shown)
        recording.ticks, recording.stacks = ticks, found
        recording.seconds = find(r"samples in ([\d.]+) seconds", used.out)
        return recording

    def dump(self, target):
        self.check(target.python)
        return self.root(target.python), [self.python.path, "-m", "profiling.sampling", "dump", str(target.pid)]


class Strobe(Tool):
    name = "strobe"

    def __init__(self, path):
        self.path = path

    def version(self):
        return launch.run([self.path, "--version"]).out.split()[-1]

    def check(self, python):
        if not os.access(self.path, os.X_OK):
            raise Unavailable("is not built")

    def command(self, target, seconds, rate, mode, output, idle):
        argv = [self.path, "record", "--hideprogress", "-p", str(target.pid), "-d", str(seconds), "-f", "raw", "-o", output]
        argv += ["-r", str(int(rate))] if rate else ["--flat-out"]
        argv += ["--asyncio", "--task-rate", "1000000"] * (mode == TASKS)  # at every tick, whatever it takes
        return argv + ["--nonblocking"] * (mode == NONBLOCKING) + ["--idle"] * idle

    def parse(self, used, path, threads, keep):
        dropped = find(r"(\d+) of \d+ task readings", used.err, int) or find(r"Dropped: (\d+)", used.err, int) or find(r"Errors: (\d+)", used.err, int) or 0
        recording = Recording(used, find(r"Samples: (\d+)", used.err, int) or 0, dropped)
        rate = find(r"Rate: ([\d.]+)", used.err)
        recording.ticks = (recording.samples + dropped) // threads
        recording.seconds = recording.ticks / rate if rate else 0.0
        recording.stacks = stacks.read_raw(path) if keep else None
        return recording

    def dump(self, target):
        self.check(target.python)
        return "/", [self.path, "dump", "--pid", str(target.pid)]

    def tree(self, target):
        self.check(target.python)
        return "/", [self.path, "pstree", str(target.pid)]
