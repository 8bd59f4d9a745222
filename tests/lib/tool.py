# SPDX-License-Identifier: Apache-2.0
"""The executable under test, and readers of what it prints."""
import json
import os
import pty
import re
import select
import signal
import subprocess

from lib import procfs
from lib.target import wait_for

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_THREAD = re.compile(r'^Thread (0x[0-9A-Fa-f]+|\d+) \(([^()]+)\)(?:: "(.*)")?$')
_FRAME = re.compile(r"^    (\S+|.+?) \((.*?)(?::(\d+))?\)$")  # a name without blanks, as all but hostile ones are, or any


def path():
    return os.environ.get("STROBE") or os.path.join(REPOSITORY, os.environ.get("BUILD", "build"), "strobe")


def environment():
    """Plain output, whatever the caller's terminal."""
    return dict({k: v for k, v in os.environ.items() if k not in ("CLICOLOR_FORCE", "CLICOLOR")}, LC_ALL="C.UTF-8")


def run(*args, timeout=60, check=None, **kwargs):
    """Runs strobe to its end.  check: the exit status it must have."""
    kwargs.setdefault("stdin", subprocess.DEVNULL)
    kwargs.setdefault("env", environment())
    done = subprocess.run([path()] + [str(a) for a in args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout,
                          encoding="utf-8", errors="surrogateescape", **kwargs)
    if check is not None:
        assert done.returncode == check, "strobe %s ended with %d\n%s%s" % (" ".join(map(str, args)), done.returncode, done.stdout, done.stderr)
    return done


class Running:
    """with Running("record", ...) as strobe: started, and in any case ended, by pid."""

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        kwargs.setdefault("stdout", subprocess.PIPE)
        kwargs.setdefault("stderr", subprocess.PIPE)
        kwargs.setdefault("env", environment())
        self.args, self.kwargs = [path()] + [str(a) for a in args], kwargs

    def __enter__(self):
        self.process = subprocess.Popen(self.args, text=True, encoding="utf-8", errors="surrogateescape", **self.kwargs)
        self.pid = self.process.pid
        return self

    def __exit__(self, *_):
        left = []
        if self.process.poll() is None:
            left = procfs.children(self.pid)  # a program that was launched; it would hold our pipes open
            self.process.kill()
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.communicate()

    def looked(self, times=50):
        """Waits for its first line, and then for some looks: it sleeps before each, and the kernel counts how often it was woken."""
        line = self.process.stderr.readline()
        begun = sum(procfs.run_counts(self.pid).values())
        wait_for(lambda: sum(procfs.run_counts(self.pid).values()) > begun + times or self.process.poll() is not None, "looks of strobe")
        return line

    def end(self, number=signal.SIGINT, timeout=30):
        """Sends a signal; (exit status, stdout, stderr)."""
        self.process.send_signal(number)
        return self.wait(timeout)

    def wait(self, timeout=60):
        out, err = self.process.communicate(timeout=timeout)
        return self.process.returncode, out, err


def on_terminal(*args, timeout=60):
    """What strobe prints when its output is a terminal, as bytes."""
    pid, fd = pty.fork()
    if pid == 0:
        try:
            os.execve(path(), [path()] + [str(a) for a in args], environment())
        finally:
            os._exit(127)
    text = b""
    try:
        while select.select([fd], [], [], timeout)[0]:
            try:
                got = os.read(fd, 65536)
            except OSError:  # the other side is closed
                break
            if not got:
                break
            text += got
        else:
            os.kill(pid, signal.SIGKILL)
            raise AssertionError("strobe hangs on a terminal")
    finally:
        os.close(fd)
        os.waitpid(pid, 0)
    return text


def dump_json(pid, *args):
    done = run("dump", "--pid", pid, "--json", *args, check=0)
    return json.loads(done.stdout)


def by_tid(threads):
    """A dump's threads by OS thread id; a thread with several Python states keeps its list order."""
    found = {}
    for thread in threads:
        found.setdefault(thread["os_thread_id"], []).append(thread)
    return found


def frames(thread):
    """[[name, file, line], ...] of a thread of dump --json."""
    return [[f["name"], f["filename"], f["line"]] for f in thread["frames"]]


class TextThread:
    def __init__(self, tid, status, name):
        self.tid, self.status, self.name, self.frames, self.lines = tid, status, name, [], []


class TextDump:
    """The text of one process in `strobe dump`."""

    def __init__(self, text):
        self.threads, self.header = [], []
        for line in text.splitlines():
            thread, frame = _THREAD.match(line), _FRAME.match(line)
            if thread:
                self.threads.append(TextThread(int(thread.group(1), 0), thread.group(2), thread.group(3)))
            elif self.threads and line:
                self.threads[-1].lines.append(line)
                if frame and not line.startswith("     "):
                    self.threads[-1].frames.append([frame.group(1), frame.group(2), int(frame.group(3) or 0)])
            elif line:
                self.header.append(line)

    def named(self, name):
        return [thread for thread in self.threads if thread.name == name]


def dump_text(pid, *args):
    return TextDump(run("dump", "--pid", pid, *args, check=0).stdout)
