# SPDX-License-Identifier: Apache-2.0
"""tools/deploy against `strobe serve` itself: a real process, scraped by a real Prometheus, asked the dashboard's questions."""
import re
import urllib.error
import urllib.request

import pytest

from integration.test_deploy_files import full_pool, of_container, of_unit, strobe_for_all  # noqa: F401 (fixtures)
from integration.test_deploy_prometheus import expressions, filled_in, read
from lib import tool
from lib.metrics_page import FAMILIES
from lib.prometheus import RULES, Prometheus, hurried
from lib.target import Target, wait_for

VERSIONS = ("3.8", "3.14")
POOL = '{executor="Shop.pool", pool_type="thread"}'


def serves():
    return re.search(r"^  serve ", tool.run("--help", check=0).stdout, re.M)


pytestmark = pytest.mark.skipif(not serves(), reason="this build has no `strobe serve`")


def address_of(strobe):
    """Where a `strobe serve --listen 127.0.0.1:0` listens: it says so first."""
    line = strobe.process.stderr.readline()
    found = re.search(r"http://([\d.]+:\d+)/metrics", line)
    assert found, line
    return found.group(1)


def page_of(address):
    """The metrics; "" to who asks too often, as who waits for something may."""
    try:
        with urllib.request.urlopen("http://%s/metrics" % address, timeout=30) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        if error.code != 429:
            raise
        return ""


@pytest.mark.versions(*VERSIONS)
def test_served_names(py):
    """Names, types and labels are those that rules and dashboard are written for."""
    with Target(py, "saturating.py") as target, tool.Running("serve", "--listen", "127.0.0.1:0", target.pid) as strobe:
        address = address_of(strobe)
        target.ask("fill")
        text = wait_for(lambda: (lambda page: "executor_saturated_seconds_total{" in page and "queue_size{" in page and page)(page_of(address)), "all families")
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    assert {name: types.get(name) for name in FAMILIES} == {name: kind for name, (kind, _, _) in FAMILIES.items()}
    for name, (_, _, samples) in FAMILIES.items():
        found = [set(re.findall(r'(\w+)="', labels)) for labels in re.findall(r"^%s(?:{(.*)})? \S+$" % name, text, re.M)]
        assert found and all(labels == set(samples[0][0]) for labels in found), (name, found)


@pytest.mark.versions(*VERSIONS)
def test_served_dashboard_and_alert(py):
    """Every query has an answer, the gauges are the program's own truth, and the alert fires while the pool is saturated and ends after."""
    with Target(py, "saturating.py") as target, tool.Running("serve", "--listen", "127.0.0.1:0", target.pid) as strobe:
        with Prometheus([address_of(strobe)], rules=hurried(read(RULES))) as prometheus:
            prometheus.scraped(5)
            assert prometheus.value("sum(executor_active_workers%s)" % POOL) == 0 and "ExecutorSaturated" not in prometheus.firing()
            truth = target.ask("fill")
            alert = prometheus.wait_for(lambda: prometheus.firing().get("ExecutorSaturated"), "the alert")
            assert (alert["executor"], alert["pool_type"], alert["severity"]) == ("Shop.pool", "thread", "page")
            assert prometheus.value("executor_active_workers%s" % POOL) == truth["active"] == prometheus.value("executor_max_workers%s" % POOL)
            assert prometheus.value("executor_pending_tasks%s" % POOL) == truth["pending"]
            for metric, expected in (("semaphore_capacity", target.ready["permits"]), ("semaphore_available", target.ready["permits"] - 1),
                                     ("queue_size", target.ready["items"]), ("queue_maxsize", target.ready["room"])):
                label = "queue" if metric.startswith("queue") else "dependency"
                assert prometheus.value('%s{%s=~"Shop.(permits|outbox)"}' % (metric, label)) == expected, metric
            for title, expr in expressions():
                assert prometheus.query(filled_in(expr)), (title, expr)
            target.ask("drain")
            prometheus.wait_for(lambda: "ExecutorSaturated" not in prometheus.firing(), "the alert to end")
            assert prometheus.value("executor_active_workers%s" % POOL) == 0
        target.assert_unharmed()


@pytest.mark.versions("3.14")
@pytest.mark.parametrize("front", [of_container("sidecar.yaml"), of_container("daemonset.yaml"), of_unit()], ids=["sidecar", "daemonset", "systemd"])
def test_served_with_these_rights(full_pool, strobe_for_all, front):  # noqa: F811
    """It starts with the user and the capabilities of the files in tools/deploy, and reads another user's process."""
    with Serving(front, strobe_for_all, full_pool.pid) as address:
        wait_for(lambda: 'executor_pending_tasks{pool_type="thread",executor="Database.pool"} 196' in page_of(address), "the pool's gauges")


class Serving(tool.Running):
    """strobe serve behind a command that sets rights; with ... as address."""

    def __init__(self, front, strobe, *pids):
        super().__init__("serve", "--listen", "127.0.0.1:0", *pids)
        self.args = front + [strobe] + self.args[1:]

    def __enter__(self):
        try:
            return address_of(super().__enter__())
        except BaseException:
            self.__exit__()
            raise
