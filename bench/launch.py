# SPDX-License-Identifier: Apache-2.0
"""Starts target programs and profilers, and measures what a process used."""
import json
import mmap
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import time

from pythons import in_root

HERE = os.path.dirname(os.path.abspath(__file__))
TRUTH_SIZE = 64  # bytes of the file through which a target tells its own truth


class Failed(Exception):
    """A tool did not do what it was asked: the text says what it said."""


class Unavailable(Exception):
    """This figure cannot be taken here with this tool: the text says why."""


class Shelf:
    """A temporary folder that exists in a root: where targets, truth files and a profiler's output lie."""

    def __init__(self, root):
        self.root = root
        self.path = tempfile.mkdtemp(prefix="strobe-bench-", dir=os.path.join(root, "tmp"))
        os.chmod(self.path, 0o755)
        self.inside = self.path if root == "/" else self.path[len(root.rstrip("/")):]

    def put(self, path):
        """Copies a file there; returns its name as seen from inside."""
        copy = os.path.join(self.path, os.path.basename(path))
        if not os.path.exists(copy):
            shutil.copy2(path, copy)
        return self.name(os.path.basename(path))

    def name(self, base):
        return os.path.join(self.inside, base)

    def outside(self, base):
        return os.path.join(self.path, base)

    def close(self):
        shutil.rmtree(self.path, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Target:
    """A target program that runs and has said that it is ready.  Use as a context manager."""

    commands = subprocess.DEVNULL  # what it reads from

    def __init__(self, shelf, python, script, truth=False, args=(), env=None):
        self.python, self.truth_map = python, None
        folder = os.path.join(HERE, "targets")
        for other in os.listdir(folder):
            if other.endswith(".py"):
                shelf.put(os.path.join(folder, other))
        argv = [python.path, shelf.name(script)] + list(args)
        if truth:
            with open(shelf.outside("truth"), "wb") as f:
                f.write(bytes(TRUTH_SIZE))
            with open(shelf.outside("truth"), "r+b") as f:
                self.truth_map = mmap.mmap(f.fileno(), 0)
            argv.append(shelf.name("truth"))
        self.process = subprocess.Popen(in_root(python.root) + argv, stdin=self.commands, stdout=subprocess.PIPE, cwd="/",
                                        env=dict(os.environ, **env) if env else None)
        self.pid = self.process.pid
        if self.process.stdout.readline() != b"ready\n":
            self.close()
            raise Failed("%s did not start on Python %s" % (script, python))

    def count(self):
        """Iterations done so far (busy20.py)."""
        return struct.unpack_from("Q", self.truth_map, 0)[0]

    def spent(self):
        """Seconds spent in part_a, part_b, part_c, part_d and elsewhere (shares.py, rhythm10ms.py)."""
        return struct.unpack_from("5d", self.truth_map, 0)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Talker(Target):
    """A target program that answers each command, a line, by a line of JSON."""

    commands = subprocess.PIPE

    def ask(self, *words):
        """Its answer.  Raises Unavailable when it says that something is missing, and Failed when it does not answer."""
        try:
            self.process.stdin.write((" ".join(str(word) for word in words) + "\n").encode())
            self.process.stdin.flush()
        except OSError:
            pass  # then it does not answer either
        line = self.process.stdout.readline()
        if not line:
            raise Failed("the target ended with %s at %s" % (self.process.wait(), words[0]))
        answer = json.loads(line)
        if "missing" in answer:
            raise Unavailable(answer["missing"])
        return answer

    def close(self):
        super().close()
        self.process.stdin.close()


def start(argv, root="/"):
    """Starts a tool in the background."""
    return subprocess.Popen(in_root(root) + argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def finish(process):
    """Asks it to end as Ctrl-C does, and then makes it."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


class Used:
    """What a process used: CPU seconds, wall seconds, and the largest and half-way memory in KiB (if asked for)."""

    def __init__(self):
        self.cpu = self.wall = 0.0
        self.peak_kib = self.half_kib = 0
        self.status, self.out, self.err = 0, "", ""


def high_water(pid):
    """VmHWM.  Not ru_maxrss: that keeps the size of the process that forked the tool, from before the exec."""
    try:
        with open("/proc/%d/status" % pid) as f:
            for line in f:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def pause(seconds):
    """Sleeps; the seconds that it took."""
    begin = time.perf_counter()
    time.sleep(seconds)
    return time.perf_counter() - begin


def cpu_of(pid):
    """CPU seconds that a process has used."""
    with open("/proc/%d/schedstat" % pid) as f:
        return int(f.read().split()[0]) / 1e9


def cpu_of_all(pid):
    """CPU seconds of the threads that a process has now."""
    total = 0
    for tid in os.listdir("/proc/%d/task" % pid):
        try:
            with open("/proc/%d/task/%s/schedstat" % (pid, tid)) as f:
                total += int(f.read().split()[0])
        except OSError:
            pass
    return total / 1e9


def run(argv, root="/", limit=120.0, memory_of=0.0):
    """Runs a command to its end.  memory_of: the seconds it is expected to run, if its memory shall be watched."""
    used = Used()
    out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
    start = time.perf_counter()
    process = subprocess.Popen(in_root(root) + argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
    while True:
        pid, status, ru = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        passed = time.perf_counter() - start
        if passed > limit:
            os.kill(process.pid, signal.SIGKILL)
            os.wait4(process.pid, 0)
            process.returncode = -signal.SIGKILL
            raise Failed("%s took over %d s" % (os.path.basename(argv[0]), limit))
        if memory_of:
            used.peak_kib = high_water(process.pid) or used.peak_kib
            if passed < memory_of / 2:
                used.half_kib = used.peak_kib
        time.sleep(0.05)
    used.wall = time.perf_counter() - start
    used.cpu = ru.ru_utime + ru.ru_stime
    used.status = process.returncode = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
    for name, f in (("out", out), ("err", err)):
        f.seek(0)
        setattr(used, name, f.read().decode("utf-8", "replace"))
        f.close()
    return used
