# SPDX-License-Identifier: Apache-2.0
"""A target program on a given interpreter: started, waited for, asked, and always ended by its pid."""
import json
import os
import shutil
import subprocess
import sys
import time

from lib import procfs

TARGETS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "targets")
BENCH_TARGETS = os.path.join(os.path.dirname(os.path.dirname(TARGETS)), "bench", "targets")
PATIENCE = 30  # seconds until an event that must come is given up; no test passes or fails by how long it took below that


def wait_for(condition, what, patience=PATIENCE):
    """Waits for an event that can only be looked at (a state in /proc).  Returns the condition's value."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("waited %d s in vain for %s" % (patience, what))
        time.sleep(0.002)


class Target:
    """with Target(py, "shapes.py") as target: target.pid, target.ready (facts it announced), target.ask("truth").

    script: a file of tests/targets (or an absolute path), copied to a neutral folder that the interpreter can see.
    wrapper: a command in front, which execs or forks the interpreter; the pid is the one the program announces, or with
    announces_pid=False the first process's.  plain: the program is ready with its first line, whatever it says.
    """

    def __init__(self, py, script, *args, wrapper=(), env=None, plain=False, announces_pid=True, argv=None, files=(), python_args=()):
        self.py = py
        self.here, self.there = py.workspace()
        self.process = None
        self.ready = None
        self.pid = None
        source = script if os.path.isabs(script) else os.path.join(TARGETS, script)
        for path in [source, os.path.join(TARGETS, "harness.py")] + list(files):
            shutil.copy(path, self.here)
        self.script = os.path.join(self.there, os.path.basename(script))
        # -B is not enough for a folder that is compared: no .pyc, no user site, nothing from this environment's Python
        full = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        full.update({"PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8", "LC_ALL": "C.UTF-8"}, **(env or {}))
        self.command = list(wrapper) + list(py.argv if argv is None else argv) + list(python_args) + [self.script] + [str(a) for a in args]
        self.plain, self.announces_pid, self.env = plain, announces_pid, full

    def __enter__(self):
        self.errors = open(os.path.join(self.here, "stderr"), "w+")
        try:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, env=self.env)
            line = self.process.stdout.readline()
            if not line:
                self.errors.seek(0)
                raise AssertionError("the target did not start: %s\n%s" % (self.command, self.errors.read()))
            self.ready = {"text": line.decode()} if self.plain else json.loads(line)
            self.pid = self.process.pid
            if self.announces_pid and not self.plain:
                self.pid = self.ready["pid"]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process is not None:
            family = procfs.family(self.process.pid)  # a pool's processes outlive who made them
            procfs.kill(pid for pid in {self.process.pid, self.pid} - {None}
                        if pid != self.process.pid or self.process.poll() is None)  # first, or it begins others
            procfs.kill(family)
            self.process.stdin.close()
            self.process.stdout.close()
            self.process.wait()
        self.errors.close()
        shutil.rmtree(self.here, ignore_errors=True)

    def ask(self, *words):
        """Sends a command to the harness inside; its answer."""
        self.process.stdin.write((" ".join(map(str, words)) + "\n").encode())
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the target ended: " + self.stderr()
        answer = json.loads(line)
        assert not (isinstance(answer, dict) and "error" in answer), answer
        return answer

    def stderr(self):
        self.errors.flush()
        with open(self.errors.name) as f:
            return f.read()

    def settle(self, but=()):
        """Returns when all its threads (but some that never rest) sleep and none of them ran between two looks."""
        def counts():
            return {tid: count for tid, count in procfs.run_counts(self.pid).items() if tid not in but}

        def quiet():
            before = counts()
            time.sleep(0.01)
            return before == counts() and all(procfs.state(self.pid, tid) == "S" for tid in before)
        wait_for(quiet, "the target to come to rest")

    def finish(self):
        """Closes stdin, waits for the end; the exit status."""
        self.process.stdin.close()
        return self.process.wait(PATIENCE)

    def kill(self, number):
        os.kill(self.pid, number)

    def assert_unharmed(self):
        """It runs, nothing of it is stopped, nobody traces it."""
        assert procfs.state(self.pid) not in ("", "Z"), "the target is gone"
        assert procfs.held(self.pid) == []

    def counter(self):
        return Counter(os.path.join(self.here, "counter"))


class Counter:
    """A file in which the target counts (one native 64-bit integer, mapped): that it goes on running can be seen."""

    def __init__(self, path):
        self.path = path

    def value(self, word=0):
        with open(self.path, "rb") as f:
            return int.from_bytes(f.read(8 * word + 8)[8 * word:], sys.byteorder)

    def assert_moves(self):
        before = self.value()
        wait_for(lambda: self.value() != before, "the target to go on counting")
