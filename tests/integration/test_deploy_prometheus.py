# SPDX-License-Identifier: Apache-2.0
"""tools/deploy: the rules and the dashboard, by promtool and against a real Prometheus."""
import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from lib import tool
from lib.metrics_page import FAMILIES, THREAD_POOL, PageServer
from lib.prometheus import RULES, Prometheus, hurried

DEPLOY = os.path.join(tool.REPOSITORY, "tools", "deploy")
DASHBOARD = os.path.join(DEPLOY, "grafana", "strobe.json")
RUNBOOK = os.path.join(tool.REPOSITORY, "docs", "runbook.md")
NAME = re.compile(r"\b((?:executor|semaphore|queue|async|active_async|event_loop|process|strobe)_[a-z_]+)\b")
# What services have dashboards and alerts for already: these names are a promise.
PROMISED = """executor_active_workers executor_pending_tasks executor_max_workers semaphore_available semaphore_capacity semaphore_waiters
active_async_tasks async_tasks event_loop_lag_seconds process_open_fds process_cpu_seconds_total process_resident_memory_bytes
executor_busy_worker_seconds_total executor_saturated_seconds_total semaphore_exhausted_seconds_total semaphore_wait_seconds_total
event_loop_busy_seconds_total""".split()


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def promtool(*args, cwd=None):
    return subprocess.run(["promtool"] + list(args), cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


# --- the rules ---

def test_rules_are_valid():
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)
    assert done.returncode == 0, done.stdout
    assert "%d rules found" % len(re.findall(r"^ +- (?:alert|record):", read(RULES), re.M)) in done.stdout


def test_rules_do_what_their_tests_say():
    done = promtool("test", "rules", "strobe.rules.test.yml", cwd=os.path.dirname(RULES))
    assert done.returncode == 0 and "SUCCESS" in done.stdout, done.stdout


def test_every_alert_is_seen_firing_and_quiet():
    """In the tests of the rules each alert is expected once with and, but for those that only inform of strobe itself, once without."""
    tests = read(os.path.join(os.path.dirname(RULES), "strobe.rules.test.yml"))
    expected = re.findall(r"alertname: (\w+)[,\s]+eval_time: \w+[,\s]+exp_alerts:( \[\])?", tests)
    for alert in re.findall(r"- alert: (\w+)", read(RULES)):
        assert (alert, "") in expected, alert
        if alert not in ("StrobeBlind", "StrobeSeriesDropped"):  # their tests have a healthy instance beside the sick one
            assert (alert, " []") in expected, alert


# A rule that is wrong in one word: its tests must notice.
BROKEN = {
    "a full pool without a queue": ("and on (job, process, pool_type, executor) job_executor:executor_pending_tasks:avg2m > 0", ""),
    "a queue is enough": ("job_executor:executor_utilization:ratio_rate2m > 0.9\n          and on", "job_executor:executor_utilization:ratio_rate2m > 0\n          and on"),
    "at once": ("for: 5m", "for: 0m"),
    "permits in use without waiters": ("and on (job, process, dependency) job_dependency:semaphore_waiting:rate2m > 0", ""),
    "any contention": ("job_dependency:semaphore_available:ratio_avg2m < 0.1\n            or", "job_dependency:semaphore_available:ratio_avg2m < 1.1\n            or"),
    "the capacity over a window": ("(semaphore_capacity)", "(avg_over_time(semaphore_capacity[2m]))"),
    "available as the minimum": ("sum by (job, process, dependency) (avg_over_time(semaphore_available[2m]))\n",
                                 "min by (job, process, dependency) (10 * semaphore_available_ratio_min or semaphore_available)\n"),
    "one block is enough": ("for: 2m", "for: 15s"),
    "the best loop": ("max by (job, process, instance) (event_loop_lag_seconds)", "min by (job, process) (event_loop_lag_seconds)"),
    "programs as one": ("sum by (job, process, pool_type, executor) (executor_max_workers)", "sum by (job, pool_type, executor) (executor_max_workers)"),
    "everybody's targets": (" and on (job, instance) last_over_time(strobe_cpu_seconds_total[1h])", ""),
    "one instance": ("max by (job, process, pool_type, executor, instance)", "max by (job, process, pool_type, executor)"),
    "a ratio of instances": ("sum by (job, process, pool_type, executor) (executor_max_workers)", "max by (job, process, pool_type, executor) (executor_max_workers)"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_rules_are_noticed(name, tmp_path):
    old, new = BROKEN[name]
    text = read(RULES)
    assert old in text
    (tmp_path / "strobe.rules.yml").write_text(text.replace(old, new), encoding="utf-8")
    shutil.copy(os.path.join(os.path.dirname(RULES), "strobe.rules.test.yml"), tmp_path)
    assert promtool("check", "rules", "strobe.rules.yml", cwd=tmp_path).returncode == 0
    done = promtool("test", "rules", "strobe.rules.test.yml", cwd=tmp_path)
    assert done.returncode != 0 and "FAILED" in done.stdout, done.stdout


def anchors(text):
    """Of the headings of a page, as GitHub makes them."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", text, re.M)}


def test_alerts_lead_to_the_runbook():
    known = anchors(read(RUNBOOK))
    rules = read(RULES)
    links = re.findall(r"runbook: docs/runbook.md#(\S+)", rules)
    assert len(links) == rules.count("- alert:") and set(links) <= known, (links, known)


# --- the dashboard ---

def expressions():
    """[(panel, query), ...] of the dashboard."""
    return [(panel["title"], target["expr"]) for panel in json.loads(read(DASHBOARD))["panels"] for target in panel.get("targets", [])]


def test_dashboard_is_what_its_script_writes():
    done = subprocess.run([sys.executable, os.path.join(DEPLOY, "grafana", "make_dashboard.py")], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == read(DASHBOARD)


def test_dashboard_is_sound():
    board = json.loads(read(DASHBOARD))
    variables = {one["name"] for one in board["templating"]["list"]}
    assert {"datasource", "job", "instance"} <= variables
    assert board["uid"] and board["title"] and board["schemaVersion"] >= 36 and "id" not in board and "__inputs" not in board
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    cells = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        mine = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not mine & cells and place["x"] + place["w"] <= 24, panel["title"]
        cells |= mine
        if panel["type"] == "row":
            continue
        assert panel["targets"] and len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]), panel["title"]
        assert all(target["datasource"] == panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"} for target in panel["targets"])
        for target in panel["targets"]:
            used = set(re.findall(r"\$\{?(\w+)", target["expr"])) - {"__rate_interval"}
            assert used == {"job", "instance"} | (set() if "strobe_" in target["expr"] else {"process"}), (panel["title"], used)
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", target["expr"])))), panel["title"]


def test_names_are_those_that_strobe_exports():
    board, rules = " ".join(query for _, query in expressions()), read(RULES)
    code = "\n".join(text.split("#")[0] for text in rules.splitlines() if "summary:" not in text)
    recorded = set(re.findall(r"record: (\S+)", rules))
    for name in recorded:
        code = code.replace(name, "")
    used = set(NAME.findall(board)) | set(NAME.findall(code))
    assert used <= set(FAMILIES), used - set(FAMILIES)
    assert set(PROMISED) <= set(NAME.findall(board)), set(PROMISED) - set(NAME.findall(board))
    # counters are asked for by their rate, gauges never
    for name in FAMILIES:
        asked = re.findall(r"(\w+\(|)\b%s\{" % name, board)
        assert set(asked) <= {"rate(", "increase("} if FAMILIES[name][0] == "counter" else not set(asked) & {"rate(", "increase("}, name


# --- both against Prometheus ---

@pytest.fixture(scope="module")
def scraped():
    """A healthy service's page, scraped some times: (prometheus, page)."""
    with PageServer() as page, Prometheus([page.address], rules=hurried(read(RULES))) as prometheus:
        page.grow("executor_busy_worker_seconds_total", THREAD_POOL, 1)
        prometheus.scraped(4)
        yield prometheus, page


def filled_in(expr):
    for name, value in (("$__rate_interval", "5s"), ("$job", "shop"), ("$instance", ".+"), ("$process", ".*")):
        expr = expr.replace(name, value)
    assert "$" not in expr, expr
    return expr


@pytest.mark.parametrize("title, expr", expressions(), ids=lambda text: None if "(" in text else text)
def test_dashboard_queries(scraped, title, expr):
    found = scraped[0].query(filled_in(expr))
    assert found and all(one["value"][1] not in ("NaN", "+Inf", "-Inf") for one in found), (title, expr, found)


def test_dashboard_variables(scraped):
    prometheus, page = scraped
    board = json.loads(read(DASHBOARD))
    queries = {one["name"]: one["query"]["query"] for one in board["templating"]["list"] if one["type"] == "query"}
    for name, expected in (("job", ["shop"]), ("instance", [page.address]), ("process", [])):
        selector, label = re.match(r"label_values\((.+), (\w+)\)$", queries[name]).groups()
        assert prometheus.api("label/%s/values" % label, **{"match[]": filled_in(selector)}) == expected


def test_dashboard_shows_what_is_served(scraped):
    """Two panels by their numbers: the instances are summed, the ratio is that of the page."""
    prometheus, _ = scraped
    by_title = dict(expressions())
    assert prometheus.value(filled_in(by_title["Free permits by name"])) == 0.9
    found = {one["metric"]["executor"]: one["value"][1] for one in prometheus.query(filled_in(by_title["Calls that wait for a worker"]))}
    assert found == {"shop.POOL": "0", "Reports._pool": "0"}


def test_recording_rules_have_values(scraped):
    prometheus, _ = scraped
    for name in re.findall(r"record: (\S+)", read(RULES)):
        assert prometheus.wait_for(lambda: prometheus.query(name), "the rule " + name), name
    groups = prometheus.api("rules")["groups"]
    bad = [(rule["name"], rule["lastError"]) for group in groups for rule in group["rules"] if rule["health"] == "err"]
    assert groups and not bad, bad


def test_alert_fires_and_stops():
    """ExecutorSaturated through a real Prometheus, minutes made seconds: a pool fills up, alerts, drains, and is quiet again."""
    with PageServer() as page, Prometheus([page.address], rules=hurried(read(RULES))) as prometheus:
        prometheus.scraped(8)
        assert prometheus.firing() == {}
        page.set("executor_active_workers", THREAD_POOL, 4)
        page.set("executor_pending_tasks", THREAD_POOL, 25)
        page.grow("executor_busy_worker_seconds_total", THREAD_POOL, 8)  # twice as much as four workers can: a late scrape is no gap
        page.grow("executor_saturated_seconds_total", THREAD_POOL, 1)
        fired = prometheus.wait_for(lambda: prometheus.firing().get("ExecutorSaturated"), "the alert")
        assert (fired["job"], fired["executor"], fired["pool_type"], fired["severity"]) == ("shop", "shop.POOL", "thread", "page")
        assert set(prometheus.firing()) == {"ExecutorSaturated"}
        page.set("executor_active_workers", THREAD_POOL, 0)
        page.set("executor_pending_tasks", THREAD_POOL, 0)
        page.grow("executor_busy_worker_seconds_total", THREAD_POOL, 0)
        page.grow("executor_saturated_seconds_total", THREAD_POOL, 0)
        prometheus.wait_for(lambda: not prometheus.firing(), "the alert to end")
