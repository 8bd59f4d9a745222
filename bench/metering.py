# SPDX-License-Identifier: Apache-2.0
"""strobe serve beside a target, and what is read of metrics in Prometheus' text format."""
import http.client
import re
import select
import subprocess
import time

import launch
from launch import Failed, Unavailable

SAMPLE = re.compile(r'^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def samples(text):
    """[(name, labels, value)]"""
    found = []
    for line in text.split("\n"):
        match = SAMPLE.match(line)
        if match:
            found.append((match.group(1), dict(LABEL.findall(match.group(2) or "")), float(match.group(3))))
    return found


def total(found, name, **labels):
    """The sum over all series of that name whose labels contain these; None when there is none."""
    values = [value for n, have, value in found if n == name and all(part in have.get(label, "") for label, part in labels.items())]
    return sum(values) if values else None


class Served:
    """strobe serve of one process.  Use as a context manager."""

    def __init__(self, strobe, pid):
        argv = [strobe, "serve", "--listen", "127.0.0.1:0", str(pid)]
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.pid, self.connection, lines = self.process.pid, None, []
        try:
            self.port = self._port(lines)
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        except BaseException:
            self.close()
            raise

    def _port(self, lines):
        end = time.perf_counter() + 30
        while True:
            ready, _, _ = select.select([self.process.stderr], [], [], max(0, end - time.perf_counter()))
            line = self.process.stderr.readline().decode("utf-8", "replace") if ready else ""
            match = re.search(r"http://[^ ]*:(\d+)/metrics", line)
            if match:
                return int(match.group(1))
            if not line:
                raise Unavailable("strobe serve: %s" % (lines[-1].strip() if lines else "does not say that it serves"))
            lines.append(line)

    def get(self):
        """(milliseconds, text) of a scrape; connections are kept open, as Prometheus does."""
        begin = time.perf_counter()
        self.connection.request("GET", "/metrics")
        answer = self.connection.getresponse()
        text = answer.read().decode()
        took = 1e3 * (time.perf_counter() - begin)
        if answer.status != 200:
            raise Failed("strobe serve answered %d" % answer.status)
        return took, text

    def samples(self):
        return samples(self.get()[1])

    def cpu(self):
        return launch.cpu_of_all(self.pid)

    def close(self):
        if self.connection:
            self.connection.close()
        launch.finish(self.process)
        self.process.stderr.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Inside:
    """The same of a target that imports strobe."""

    def __init__(self, target):
        self.target = target

    def samples(self):
        return samples(self.target.ask("text")["text"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def until(ready, seconds, what):
    """Waits for a condition that only asking can tell; Failed with what() when it does not come."""
    end = time.perf_counter() + seconds
    while not ready():
        if time.perf_counter() > end:
            raise Failed("not reached in %d s: %s" % (seconds, what()))
        time.sleep(0.2)
