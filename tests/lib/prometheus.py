# SPDX-License-Identifier: Apache-2.0
"""A Prometheus of the test's own (Debian's package prometheus): started on 127.0.0.1, asked by its HTTP API, ended by its pid."""
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

from lib import tool
from lib.target import PATIENCE, wait_for

RULES = os.path.join(tool.REPOSITORY, "tools", "deploy", "prometheus", "strobe.rules.yml")
SCRAPE = 1  # seconds between scrapes and between evaluations: the shortest that rate() over a few of them makes sense with


def free_port():
    """Nobody has it now; Prometheus cannot be told to find one by itself."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Taken(Exception):
    """Somebody else was quicker."""


def hurried(text):
    """The rules with minutes made seconds, and 5 s at least for windows (rate() wants two scrapes): for alerts that are waited for."""
    text = re.sub(r"\[(\d+)m\]", lambda m: "[%ds]" % max(5, int(m.group(1))), text)
    return re.sub(r"\bfor: (\d+)m", r"for: \1s", text)


class Prometheus:
    """with Prometheus(["127.0.0.1:9477"], job="shop") as prometheus: scrapes these addresses, whoever serves them.

    rules: the text of a file of rules.  prometheus.query("up") -> [{"metric": {...}, "value": [time, "1"]}, ...]
    """

    def __init__(self, addresses, job="shop", rules=None):
        self.addresses, self.job, self.rules = addresses, job, rules

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="strobe-prometheus-")
        config = {"global": {"scrape_interval": "%ds" % SCRAPE, "evaluation_interval": "%ds" % SCRAPE},
                  "scrape_configs": [{"job_name": self.job, "static_configs": [{"targets": list(self.addresses)}]}]}
        if self.rules:
            config["rule_files"] = [os.path.join(self.folder, "rules.yml")]
            with open(config["rule_files"][0], "w") as f:
                f.write(self.rules)
        with open(os.path.join(self.folder, "prometheus.yml"), "w") as f:
            json.dump(config, f)  # JSON is YAML
        self.log, self.process = open(os.path.join(self.folder, "log"), "a+"), None
        try:
            while not self._started():
                pass
        except BaseException:
            self.__exit__()
            raise
        return self

    def _started(self):
        """False: somebody else has taken the port meanwhile."""
        self.port = free_port()
        self.log.truncate(0)
        self.process = subprocess.Popen(
            ["prometheus", "--config.file=" + os.path.join(self.folder, "prometheus.yml"), "--storage.tsdb.path=" + os.path.join(self.folder, "data"),
             "--web.listen-address=127.0.0.1:%d" % self.port], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        try:
            return wait_for(self._ready, "Prometheus to start")
        except Taken:
            return False

    def __exit__(self, *_):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _ready(self):
        if self.process.poll() is not None:
            with open(self.log.name) as f:
                said = f.read()
            if "address already in use" in said:
                raise Taken
            raise AssertionError("Prometheus has ended:\n" + said)
        try:
            with urllib.request.urlopen("http://127.0.0.1:%d/-/ready" % self.port, timeout=PATIENCE) as answer:
                return answer.status == 200
        except OSError:
            return False

    def api(self, path, **params):
        """The "data" of an answer; an error of the query is an assertion that shows it."""
        url = "http://127.0.0.1:%d/api/v1/%s?%s" % (self.port, path, urllib.parse.urlencode(params, doseq=True))
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                body = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError("%s %s: %s" % (path, params, error.read().decode()))
        assert body["status"] == "success" and not body.get("warnings"), (path, params, body)
        return body["data"]

    def query(self, expr):
        return self.api("query", query=expr)["result"]

    def value(self, expr):
        """Of a query that gives one series: its value, or None while it gives none."""
        found = self.query(expr)
        assert len(found) < 2, (expr, found)
        return float(found[0]["value"][1]) if found else None

    def wait_for(self, condition, what):
        """As lib.target's, but asking at the pace at which something can happen here."""
        def asked():
            value = condition()
            if not value:
                time.sleep(SCRAPE / 10)
            return value
        return wait_for(asked, what)

    def scraped(self, times=3):
        """Waits until every address was scraped so often."""
        self.wait_for(lambda: len([one for one in self.query("count_over_time(up[1h])") if int(one["value"][1]) >= times]) == len(self.addresses), "scrapes")

    def firing(self):
        """{alert: its labels} of those that fire now."""
        return {one["labels"]["alertname"]: one["labels"] for one in self.api("alerts")["alerts"] if one["state"] == "firing"}
