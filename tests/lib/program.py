# SPDX-License-Identifier: Apache-2.0
"""A program on a given interpreter that is run to its end, and a server of HTTP: in a folder that the interpreter sees, with what it needs."""
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import urllib.error
import urllib.request

from lib import procfs
from lib.target import wait_for

PATIENCE = 120  # seconds until a program that must end is given up


class Program:
    """files: copied into the folder; the first one is the program, unless run() and others are told words to put in its place.

    environments: dicts of variables over each other; their PYTHONPATHs are all searched, after the folder itself.
    wrapper: a command that becomes the program.  python_args: of the interpreter.
    """

    def __init__(self, py, files, environments=(), python_args=(), wrapper=()):
        self.py = py
        self.here, self.there = py.workspace()
        for path in files:
            shutil.copy(path, self.here)
        self.env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON") and key.lower() != "prometheus_multiproc_dir"}
        self.env.update({"PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8", "LC_ALL": "C.UTF-8", "PYTHONFAULTHANDLER": "1"})
        for one in environments:
            self.env.update(one)
        self.env["PYTHONPATH"] = ":".join([self.there] + [one["PYTHONPATH"] for one in environments if one.get("PYTHONPATH")])
        self.python = list(wrapper) + list(py.argv) + list(python_args)
        self.command = self.python + [os.path.join(self.there, os.path.basename(path)) for path in files[:1]]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.here, ignore_errors=True)

    def path(self, name):
        """(path here, path as the program sees it) of a file in the program's folder."""
        return os.path.join(self.here, name), os.path.join(self.there, name)

    def finish(self, *args, timeout=PATIENCE, wrapper=(), words=None, input=None):
        """Runs it to its end, however that is.  words: instead of the first file; input: what it may read; None: nothing."""
        command = self.command if words is None else self.python + list(words)
        given = {"stdin": subprocess.DEVNULL} if input is None else {"input": input}
        return subprocess.run(list(wrapper) + command + [str(a) for a in args], **given, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, errors="replace", timeout=timeout, env=self.env, cwd=self.here)

    def run(self, *args, timeout=PATIENCE, status=0):
        """Runs it to a good end: its facts, the last line on stdout, which is JSON."""
        done = self.finish(*args, timeout=timeout)
        assert done.returncode == status, "%s ended with %d\n%s\n%s" % (args, done.returncode, done.stdout[-4000:], done.stderr[-6000:])
        return json.loads(done.stdout.splitlines()[-1])


class Server:
    """with Server(program, "-m", "gunicorn", "-b", "127.0.0.1:0", ...) as server: server.get("/facts"), server.workers(), server.end()

    The server takes a port that is free and says so, as gunicorn and uvicorn do.  It has the program, too, and ends with it.
    """

    def __init__(self, program, *words):
        self.program, self.argv = program, program.python + [str(word) for word in words]
        self.log = os.path.join(program.here, "log")
        self.process = None

    def __enter__(self):
        self.file = open(self.log, "w")
        try:
            self.process = subprocess.Popen(self.argv, env=self.program.env, cwd=self.program.here, stdin=subprocess.DEVNULL, stdout=self.file,
                                            stderr=self.file)
            self.address = wait_for(self._address, "the server to listen")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            family = procfs.family(self.process.pid)
            self.process.kill()  # first, or it begins others
            self.process.wait()
            procfs.kill(family)
        self.file.close()
        self.program.__exit__()

    def _address(self):
        assert self.process.poll() is None, self.text()
        found = re.search(r"http://(127\.0\.0\.1:\d+)\D", self.text())
        return found and found.group(1)

    def text(self):
        """What it has said."""
        with open(self.log, errors="replace") as f:
            return f.read()

    def ask(self, path, headers=None, method="GET"):
        """(code, text); (0, "") when there is nobody to answer, as while the worker that had the connection is killed."""
        request = urllib.request.Request("http://" + self.address + path, headers=headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""

    def get(self, path):
        """JSON."""
        code, text = self.ask(path)
        assert code == 200, (path, code, text, self.text())
        return json.loads(text)

    def metrics(self):
        """{'name{label="value"}': number} of /metrics; {} when there is nobody to answer."""
        code, text = self.ask("/metrics")
        assert code in (0, 200), text + self.text()
        return {name: float(value) for name, value in re.findall(r"^([^# ][^ ]*(?:\{.*\})?) (\S+)$", text, re.M)}

    def workers(self):
        return procfs.children(self.process.pid)

    def end(self, number=signal.SIGTERM):
        """Asks it to end: its status; nothing of it is left."""
        children = self.workers()
        self.process.send_signal(number)
        status = self.process.wait(timeout=60)
        wait_for(lambda: not any(procfs.tids(child) for child in children), "its workers to go")
        return status
