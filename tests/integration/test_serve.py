# SPDX-License-Identifier: Apache-2.0
"""strobe serve: its values are what the program says of itself; it survives its targets, its clients and its own end."""
import contextlib
import http.client
import importlib.util
import json
import os
import random
import re
import signal
import socket
import subprocess
import time
import unicodedata
import urllib.error
import urllib.request

import pytest

from lib import procfs, tool
from lib.target import TARGETS, Target, wait_for

prometheus = pytest.importorskip("prometheus_client.parser", reason="needs prometheus-client (tests/requirements.txt)")
NAMES = ("3.8", "3.12", "3.14", "3.14t")  # where one version shows what all do
EXECUTOR, DEPENDENCY = "__main__.PRICING", "PriceClient._price_semaphore"


class Server:
    """with Server(pid, "--nonblocking") as server: started, listening on a free port, and in any case ended."""

    def __init__(self, *args, wrapper=(), **kwargs):
        self.running = tool.Running("serve", "--listen", "127.0.0.1:0", *args, **kwargs)
        self.running.args = list(wrapper) + self.running.args

    def __enter__(self):
        self.running.__enter__()
        try:
            self.pid, self.lines = self.running.pid, []
            while True:
                line = self.running.process.stderr.readline()
                assert line, "strobe serve did not start: %s" % self.lines
                self.lines.append(line)
                match = re.match(r"strobe> Serving (http://127\.0\.0\.1:(\d+))/metrics\.", line)
                if match:
                    break
            self.url, self.port = match.group(1), int(match.group(2))
        except BaseException:
            self.running.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.running.__exit__()

    def get(self, path, **headers):
        """(status, headers, body).  Who asks too often is told to come back: it is asked again until it answers."""
        while True:
            status, answered, body = self._get_once(path, headers)
            if status != 429:
                return status, answered, body
            assert answered["Retry-After"] == "1"
            time.sleep(0.1)

    def _get_once(self, path, headers):
        request = urllib.request.Request(self.url + path, headers=headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def heavy(self, path):
        """What costs much may be refused for a moment."""
        return wait_for(lambda: (lambda got: got if got[0] != 503 else None)(self.get(path)), path)

    def samples(self):
        """{(name, labels...): value}, through Prometheus' own parser."""
        status, headers, body = self.get("/metrics")
        assert status == 200 and headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8", body
        found = {}
        for family in prometheus.text_string_to_metric_families(body.decode()):
            for sample in family.samples:
                key = (sample.name,) + tuple(sorted(sample.labels.items()))
                assert key not in found, "%s is there twice" % (key,)
                found[key] = sample.value
        return found

    def shows(self, wanted):
        """Waits until the gauges are these: {(name, (label, value)...): number}."""
        def same():
            have = self.samples()
            last.clear()
            last.update({key: have.get(key) for key in wanted})
            return last == wanted
        last = {}
        try:
            wait_for(same, "the values")
        except AssertionError:
            raise AssertionError("shown %s, not %s" % (last, wanted))


def gauges(state):
    executor = (("executor", EXECUTOR), ("pool_type", "thread"))
    dependency = ("dependency", DEPENDENCY)
    return {
        ("executor_active_workers",) + executor: state["active"], ("executor_pending_tasks",) + executor: state["pending"],
        ("executor_max_workers",) + executor: state["max"],
        ("semaphore_available", dependency): state["available"], ("semaphore_waiters", dependency): state["waiters"],
        ("semaphore_capacity", dependency, ("source", "bounded")): state["capacity"],
        ("active_async_tasks",): state["tasks"],
    }


def assert_no_tracer(pid):
    assert procfs.held(pid) == []


# ---- values ----

def test_values_are_the_truth(py):
    """Idle, half full, full with a queue, empty again."""
    with Target(py, "service.py") as target:
        with Server(target.pid) as server:
            for command in ("state", "submit 2", "take 3", "submit 4", "take 3", "release"):
                state = target.ask(*command.split())
                target.settle()
                server.shows(gauges(state))
            assert server.samples()[("semaphore_available", ("dependency", "PriceClient.idle"))] == state["idle"]
        target.assert_unharmed()


@pytest.mark.versions(*NAMES)
def test_counters_grow_while_it_is_full(py):
    key = (("executor", EXECUTOR), ("pool_type", "thread"))
    semaphore = ("dependency", DEPENDENCY)
    with Target(py, "service.py") as target, Server(target.pid) as server:
        target.ask("submit", 5)
        server.shows(gauges(target.ask("take", 6)))
        busy, first = ("executor_busy_worker_seconds_total",) + key, server.samples()

        def grown(name):
            return server.samples()[name] - first.get(name, 0)
        wait_for(lambda: grown(busy) > 1, "a busy second")
        have = {name: value - first.get(name, 0) for name, value in server.samples().items()}
        saturated = have[("executor_saturated_seconds_total",) + key]
        assert saturated > 0 and abs(have[busy] - 3 * saturated) <= 0.05 * have[busy] + 0.5
        exhausted = have[("semaphore_exhausted_seconds_total", semaphore)]
        assert exhausted > 0 and abs(have[("semaphore_wait_seconds_total", semaphore)] - 2 * exhausted) <= 0.5


@pytest.mark.versions(*NAMES)
def test_a_blocked_loop_lags(py):
    with Target(py, "service.py") as target, Server(target.pid) as server:
        target.ask("block", "1.5")
        wait_for(lambda: server.samples()[("event_loop_lag_seconds",)] > 0.5, "the lag")
        blocked = target.ask("blocked")  # by the program's own clock; what the loop does before and after it takes no time
        assert 0.5 < server.samples()[("event_loop_lag_seconds",)] <= blocked + 0.1
        assert server.samples()[("event_loop_busy_seconds_total",)] > 0


@pytest.mark.versions("3.9", "3.12", "3.14t")
def test_busy_loops_of_two_threads(py):
    """A loop that computes is busy, also where its stack moves too fast to be read without a pause; one that ticks beside it is not."""
    with Target(py, "twoloops.py", plain=True) as target, Server(target.process.pid) as server:
        def reading():
            target.process.stdin.write(b"\n")
            target.process.stdin.flush()
            return [float(word) for word in target.process.stdout.readline().split()]

        def bracketed():
            """What it had computed before and after the counter was read; the counter, and the time that it leaves out."""
            before, have = reading(), server.samples()
            return before, reading(), have.get(("event_loop_busy_seconds_total",), 0), have[("strobe_gap_seconds_total",)]

        wait_for(lambda: bracketed()[2] > 0, "a busy loop")
        before, after, busy, gaps = bracketed()
        wait_for(lambda: reading()[0] > before[0] + 4, "four seconds of work")
        now_before, now_after, now_busy, now_gaps = bracketed()
        assert 0.75 * (now_before[0] - after[0]) - (now_gaps - gaps) < now_busy - busy < 1.25 * (sum(now_after) - sum(before))


@pytest.mark.skipif(os.geteuid() != 0, reason="who may read pagemap passes over memory that was never touched")
@pytest.mark.versions("3.12")
def test_a_first_scan_keeps_nobody_waiting(py):
    """A process with much memory arrives: it is looked at, and others are answered, before all of that has been read; then what lies idle
    in it is there, too."""
    code = ("import asyncio, mmap, sys\nGATE = asyncio.Semaphore(7)\n"
            "much = mmap.mmap(-1, 3 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)\n"  # MAP_NORESERVE
            "print('up', flush=True)\nsys.stdin.read()")
    gate = ("semaphore_available", ("dependency", "__main__.GATE"))
    with subprocess.Popen(list(py.argv) + ["-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"up\n"
        with Server(process.pid) as server:
            have = server.samples()
            assert have[("strobe_targets",)] == 1 and gate not in have
            server.shows({gate: 7})
            assert server.samples()[("strobe_gaps_total",)] == 0
        process.stdin.close()
        assert process.wait(30) == 0


@pytest.mark.versions(*NAMES)
def test_events(py):
    """One line for each kind, and no second one within the minute."""
    with Target(py, "service.py") as target, Server("--wait-threshold", "300ms", target.pid) as server:
        target.ask("submit", 4)
        target.ask("take", 6)
        events = {}
        while len(events) < 2:
            event = json.loads(server.running.process.stderr.readline())
            assert event["event"] not in events and event["resilience_event"] == event["event"]
            events[event["event"]] = event
        assert events["bulkhead_contention"]["dependency"] == DEPENDENCY and events["bulkhead_contention"]["waiters"] == 2
        assert events["bulkhead_contention"]["duration_ms"] >= 300
        assert events["executor_saturated"]["executor"] == EXECUTOR and events["executor_saturated"]["pending_tasks"] == 1
        name = ("strobe_events_total", ("event", "bulkhead_contention"))
        assert server.samples()[name] == 1
        assert server.running.end(signal.SIGTERM)[0] == 0


# ---- what is served ----

def form(pools):
    """The keys of the pools of a health route, and of all that is in them."""
    return ({key: sorted(row) for key, row in pools.items() if key.endswith("_pool")}, {tuple(sorted(row)) for row in pools["semaphores"].values()},
            {tuple(sorted(row)) for row in pools["executors"]})


def assert_the_form_of_python(pools):
    """The route of the Python package, for a process with an executor and a semaphore, has the same keys at the same places."""
    spec = importlib.util.spec_from_file_location("pools_of_python", os.path.join(tool.REPOSITORY, "ext", "strobe", "_pools.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    given = {"resources": [{"kind": "thread_pool", "name": "a", "max_workers": 1, "active_workers": 0, "pending_tasks": 0},
                           {"kind": "semaphore", "name": "b", "capacity": 1, "available": 1, "waiters": 0}]}
    of_python, _ = module.pools_of(given)
    assert form(pools) == form(of_python) and set(pools) == set(of_python)


@pytest.mark.versions("3.12")
def test_what_is_no_python_is_said(py):
    shell = ["sh", "-c", '"$@"; :', "sh"]
    with Target(py, "service.py", wrapper=shell) as target:
        with Server(target.process.pid) as server:
            said = "".join(server.lines)
            assert "process %d is not a Python process: it runs " % target.process.pid in said
            assert "What it has started and starts is looked at." in said
            server.shows({("strobe_targets",): 1})
        with Server(target.pid) as server:
            assert "not a Python process" not in "".join(server.lines)
    if procfs.comm(2, 2) == "kthreadd":  # not in a PID namespace
        assert "it is the kernel thread [kthreadd]" in tool.run("serve", "--listen", "127.0.0.1:0", 2, check=1).stderr


@pytest.mark.versions("3.12")
def test_a_process_that_is_stopped_is_not_ready(py):
    with Target(py, "service.py") as target, Server(target.pid) as server:
        target.kill(signal.SIGSTOP)
        try:
            wait_for(lambda: procfs.state(target.pid) == "T", "the stop")
            status, _, body = server.get("/health/ready")
            assert (status, json.loads(body)) == (503, {"status": "unhealthy", "processes": 1, "missing": 0, "stopped": 1})
            assert server.get("/health")[0] == 200
        finally:
            target.kill(signal.SIGCONT)
        wait_for(lambda: server.get("/health/ready")[0] == 200, "its going on")


@pytest.mark.versions("3.11", "3.14")
def test_routes(py):
    with Target(py, "service.py") as target, Server(target.pid) as server:
        target.ask("submit", 4)
        target.ask("take", 5)
        server.shows(gauges(target.ask("state")))
        assert json.loads(server.get("/health")[2]) == {"status": "healthy"}
        assert json.loads(server.get("/health/ready")[2]) == {"status": "healthy", "processes": 1, "missing": 0, "stopped": 0}
        detailed = json.loads(server.get("/health/detailed")[2])
        assert detailed["status"] == "degraded"
        assert set(detailed) == {"status", "application", "checks", "circuit_breakers", "pools", "timestamp"}
        assert detailed["application"] == {"name": None, "env": None, "version": None} and detailed["checks"] == detailed["circuit_breakers"] == {}
        assert_the_form_of_python(detailed["pools"])
        assert {"name": EXECUTOR, "pool_type": "thread", "max_workers": 3, "active_workers": 3, "pending_tasks": 1} in detailed["pools"]["executors"]
        assert detailed["pools"]["thread_pool"] == {"max_workers": 3, "active_workers": 3, "pending_tasks": 1}
        assert detailed["pools"]["semaphores"][DEPENDENCY] == {"capacity": 4, "available": 0}
        pools = json.loads(server.heavy("/pools")[2])["processes"]
        assert [one["pid"] for one in pools] == [target.pid]
        assert {row["name"]: row.get("active_workers") for row in pools[0]["resources"]}[EXECUTOR] == 3
        one = json.loads(server.heavy("/tasks?pid=%d" % target.pid)[2])
        assert one["pid"] == target.pid and len(one["tasks"]) == target.ask("state")["tasks"]
        dump = json.loads(server.heavy("/dump?pid=%d" % target.pid)[2])
        tids = {thread["os_thread_id"] for thread in dump["threads"]}
        assert tids == set(procfs.tids(target.pid))
        assert b"keep" in server.heavy("/tasks?format=text")[2] and b"_WorkItem.run" in server.heavy("/dump?format=text")[2]
        for path, status in (("/", 404), ("/pools?pid=1x", 400), ("/pools?pid=1", 404), ("/pools?format=xml", 400),
                             ("/debug/pprof/profile?seconds=0", 400), ("/debug/pprof/profile?asyncio=2", 400),
                             ("/debug/pprof/profile?seconds=301", 400),
                             ("/debug/pprof/profile?seconds=1&format=nothing", 400)):
            assert server.get(path)[0] == status, path


@pytest.mark.versions("3.11")
def test_openmetrics(py):
    with Target(py, "service.py") as target, Server(target.pid) as server:
        server.shows(gauges(target.ask("submit", 1)))
        status, headers, body = server.get("/metrics", Accept="application/openmetrics-text; version=1.0.0,text/plain;q=0.5")
        assert status == 200 and headers["Content-Type"].startswith("application/openmetrics-text")
        assert headers["Cache-Control"] == "no-store" and body.endswith(b"# EOF\n")
        from prometheus_client.openmetrics import parser
        names = {family.name for family in parser.text_string_to_metric_families(body.decode())}
        assert {"executor_active_workers", "executor_busy_worker_seconds", "process_open_fds"} <= names


@pytest.mark.versions("3.11")
def test_prefix(py):
    with Target(py, "service.py") as target, Server("--prefix", "shop_", target.pid) as server:
        wait_for(lambda: ("shop_executor_max_workers", ("executor", EXECUTOR), ("pool_type", "thread")) in server.samples(), "the first scan")
        names = {key[0] for key in server.samples()}
        bare = {name for name in names if name.startswith(("process_", "strobe_"))}
        assert {"process_open_fds", "strobe_targets", "strobe_missing_targets", "strobe_http_requests_total"} <= bare
        assert "shop_executor_max_workers" in names and all(name.startswith("shop_") for name in names - bare)
        assert tool.run("serve", "--prefix", "no-name", target.pid).returncode == 2


@pytest.mark.versions("3.12", "3.14")
def test_profile(py):
    with Target(py, "spin.py", 1) as target:
        with Server(target.pid) as server:
            status, headers, body = server.get("/debug/pprof/profile?seconds=1")
            assert status == 200 and headers["Content-Disposition"] == 'attachment; filename="profile.pb.gz"' and body[:2] == b"\x1f\x8b"
            status, _, body = server.get("/debug/pprof/profile?seconds=1&format=raw")
            assert status == 200 and b"spin" in body
        target.assert_unharmed()


@pytest.mark.versions("3.12")
def test_profiles_at_once_are_bounded(py):
    with Target(py, "spin.py", 1) as target, Server(target.pid) as server:
        with contextlib.ExitStack() as stack:
            waiting = []
            for _ in range(2):
                client = stack.enter_context(contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)))
                client.request("GET", "/debug/pprof/profile?seconds=3&format=raw")
                waiting.append(client)
            wait_for(lambda: len(procfs.children(server.pid)) == 2, "two profiles")
            assert server.get("/debug/pprof/profile?seconds=1&format=raw")[0] == 503
            assert server.get("/health")[0] == 200
            assert [client.getresponse().status for client in waiting] == [200, 200]
        wait_for(lambda: procfs.children(server.pid) == [], "no child left")


@pytest.mark.versions("3.12")
def test_a_profile_ends_with_the_server(py):
    with Target(py, "spin.py", 1) as target:
        with Server(target.pid) as server:
            client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            client.request("GET", "/debug/pprof/profile?seconds=300&format=raw")
            wait_for(lambda: procfs.children(server.pid), "the profile")
            child = procfs.children(server.pid)[0]
            assert server.running.end(signal.SIGTERM)[0] == 0
            assert procfs.state(child) == ""
            client.close()
        target.assert_unharmed()


@pytest.mark.versions("3.12")
def test_a_profile_ends_with_its_client(py):
    with Target(py, "spin.py", 1) as target:
        with Server(target.pid) as server:
            client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            client.request("HEAD", "/debug/pprof/profile?seconds=300")
            assert client.getresponse().status == 200 and procfs.children(server.pid) == []
            client.close()
            client.request("GET", "/debug/pprof/profile?seconds=300&format=raw")
            wait_for(lambda: procfs.children(server.pid), "the profile")
            client.close()
            wait_for(lambda: procfs.children(server.pid) == [], "its end")
            assert server.get("/debug/pprof/profile?seconds=1&format=raw")[0] == 200
        target.assert_unharmed()


# ---- targets that come and go ----

def start_service(py, folder, *wrapper):
    """A service in a folder of its own, not through Target: it is ended and started again under one command line."""
    process = subprocess.Popen(list(wrapper) + list(py.argv) + [os.path.join(folder, "service.py")], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    assert json.loads(process.stdout.readline())["ready"]
    return process


def end_service(process):
    process.kill()
    process.stdin.close()
    process.stdout.close()
    process.wait()


@pytest.mark.versions(*NAMES)
def test_a_target_that_is_started_again(py):
    with Target(py, "service.py") as target:
        folder = target.there
        first = start_service(py, folder)
        try:
            with Server(first.pid) as server:
                key = ("executor_max_workers", ("executor", EXECUTOR), ("pool_type", "thread"))
                server.shows({("strobe_targets",): 1, ("strobe_missing_targets",): 0, ("active_async_tasks",): 1})
                end_service(first)
                server.shows({("strobe_targets",): 0, ("strobe_missing_targets",): 1, ("active_async_tasks",): None, key: None})
                assert server.get("/health/ready")[0] == 503 and server.get("/health")[0] == 200
                second = start_service(py, folder)
                try:
                    server.shows({("strobe_targets",): 1, ("strobe_missing_targets",): 0, ("active_async_tasks",): 1})
                    pools = json.loads(server.heavy("/pools")[2])["processes"]
                    assert [one["pid"] for one in pools] == [second.pid]
                    assert_no_tracer(second.pid)
                finally:
                    end_service(second)
        finally:
            if first.poll() is None:
                end_service(first)


@pytest.mark.versions(*NAMES)
def test_a_target_that_becomes_itself_again(py):
    """exec of the same program: the process id, the command line and the executable are what they were; nothing else is."""
    # without a free-threaded build's pagemap, which only its own user may read, what lies idle in its gigabyte is found after minutes
    user = ["--user", "root"] if py.free_threaded else []
    with Target(py, "service.py") as target:
        with Server(*user, target.pid) as server:
            target.ask("submit", 2)
            server.shows(gauges(target.ask("state")))
            assert target.ask("exec")["ready"]
            server.shows(gauges(target.ask("state")))
            server.shows(gauges(target.ask("submit", 1)))
        target.assert_unharmed()


@pytest.mark.versions(*NAMES)
def test_children(py):
    """A forked copy of the service has its objects, which nothing of it uses: they are not counted twice."""
    with Target(py, "service.py") as target:
        with Server(target.pid) as server:
            target.ask("submit", 1)
            state = target.ask("take", 1)
            server.shows(gauges(state))
            child = target.ask("fork")["pid"]
            server.shows({**gauges(state), ("strobe_targets",): 2})
            os.kill(child, signal.SIGKILL)
            server.shows({**gauges(state), ("strobe_targets",): 1})
        target.assert_unharmed()


@pytest.mark.versions("3.12", "3.14")
def test_a_thousand_short_children(py):
    """They are over before anything is known of them: nothing is counted, nothing stays open, nothing is left of them."""
    with Target(py, "service.py") as target:
        with Server("--user", "root", target.pid) as server:
            state = target.ask("submit", 2)
            server.shows(gauges(state))
            files = open_files(server.pid)
            state = target.ask("bomb", 1000)
            server.shows({**gauges(state), ("strobe_targets",): 1})
            wait_for(lambda: open_files(server.pid) <= files, "files of children to be closed")
            assert procfs.children(target.pid) == []
        target.assert_unharmed()


@pytest.mark.versions("3.12")
def test_two_services_are_one_sum(py):
    with Target(py, "service.py") as one, Target(py, "service.py") as other, Server(one.pid, other.pid) as server:
        a, b = one.ask("submit", 4), other.ask("take", 2)
        wanted = {key: value + gauges(b)[key] for key, value in gauges(a).items()}
        server.shows(wanted)
        assert {process["pid"] for process in json.loads(server.heavy("/pools")[2])["processes"]} == {one.pid, other.pid}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a machine of its own")
@pytest.mark.versions("3.11", "3.13")
def test_all_python(py):
    """Every Python of a PID namespace, which is a machine with a known number of processes; one more comes, and goes."""
    alone = ["unshare", "--pid", "--fork", "--mount-proc"]
    with Target(py, "service.py", wrapper=alone, announces_pid=False) as target:
        inside = wait_for(lambda: procfs.children(target.pid), "the first process of the namespace")[0]
        enter = ["nsenter", "--target", str(inside), "--pid", "--mount"]
        key = ("executor_active_workers", ("executor", EXECUTOR), ("pool_type", "thread"), ("process", "service"))
        with Server("--all-python", wrapper=enter) as server:
            target.ask("submit", 2)
            server.shows({key: 2, ("strobe_targets",): 1})
            more = subprocess.Popen(enter + py.argv + ["-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
            try:
                server.shows({key: 2, ("strobe_targets",): 2, ("active_async_tasks", ("process", "service")): 1})
            finally:
                more.stdin.close()
                more.wait()
            server.shows({key: 2, ("strobe_targets",): 1})
            assert [one["pid"] for one in json.loads(server.heavy("/pools")[2])["processes"]] == [1]
        os.kill(inside, signal.SIGKILL)


@pytest.mark.versions("3.12", "3.14")
def test_launch(py, tmp_path):
    code = "import sys, time\nprint('up', flush=True)\nsys.stdin.read()\nsys.exit(7)"
    with Server("--", *py.argv, "-c", code, stdin=subprocess.PIPE) as server:
        assert server.running.process.stdout.readline() == "up\n"
        server.shows({("strobe_targets",): 1})
        child = procfs.children(server.pid)[0]
        for key in ("Uid", "CapEff", "CapBnd", "NoNewPrivs"):  # the program's rights are those that strobe was started with
            assert procfs._status(child)[key] == procfs._status(os.getpid())[key], key
        assert server.get("/health/ready")[0] == 200
        server.running.process.stdin.close()
        server.running.process.stdin = None
        assert server.running.wait()[0] == 7


@pytest.mark.versions("3.12")
def test_signals_reach_a_launched_program(py):
    code = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *a: sys.exit(5))\nprint('up', flush=True)\nsignal.pause()"
    with Server("--", *py.argv, "-c", code) as server:
        assert server.running.process.stdout.readline() == "up\n"
        assert server.running.end(signal.SIGTERM)[0] == 5


# ---- its own rights, files and end ----

@pytest.mark.versions("3.8", "3.12", "3.14t")
def test_nonblocking_holds_nobody(py):
    """A thread that runs Python all the time is held for a look; with --nonblocking none ever is."""
    for option, pauses in (("--nonblocking", False), ("--full-filenames", True)):
        with Target(py, "spin.py", 1) as target, Server("--user", "root", option, target.pid) as server:
            def paused():
                return server.samples()[("strobe_paused_seconds_total",)]
            if pauses:
                wait_for(lambda: paused() > 0, "a pause")
            wait_for(lambda: server.samples()[("strobe_looks_total",)] > 20, "some looks")
            assert pauses or paused() == 0
            target.assert_unharmed()


def test_ipv6(tmp_path):
    with tool.Running("serve", "--listen", "[::1]:0", os.getpid()) as strobe:
        match = re.match(r"strobe> Serving http://\[::1\]:(\d+)/metrics\.", strobe.process.stderr.readline())
        client = http.client.HTTPConnection("::1", int(match.group(1)), timeout=30)
        client.request("GET", "/health")
        assert client.getresponse().status == 200
        client.close()

@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")
@pytest.mark.versions("3.12")
def test_rights_are_given_up(py):
    with Target(py, "service.py") as target, Server(target.pid) as server:
        status = procfs._status(server.pid)
        sets = {key: int(status[key], 16) for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
        assert set(sets.values()) == {1 << 19}, sets  # CAP_SYS_PTRACE
        assert status["Uid"].split() == status["Gid"].split() == ["65534"] * 4 and status["Groups"].split() == []
        assert status["NoNewPrivs"].strip() == "1"
        target.ask("submit", 2)
        server.shows(gauges(target.ask("state")))  # which is another user's process by now
        assert json.loads(server.heavy("/dump?pid=%d" % target.pid)[2])["threads"]
    with Server("--user", "root", os.getpid()) as server:
        status = procfs._status(server.pid)
        assert status["Uid"].split() == ["0"] * 4 and int(status["CapEff"], 16) == 1 << 19
    done = tool.run("serve", "--user", "nobody-of-that-name", os.getpid(), check=1)
    assert "there is no user 'nobody-of-that-name'" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
@pytest.mark.versions("3.12")
def test_where_proc_hides_processes(py):
    """A /proc with hidepid=2: who has CAP_SYS_PTRACE sees them."""
    hidden = ["unshare", "--mount", "sh", "-c", 'mount -t proc -o hidepid=2 proc /proc && exec "$@"', "sh"]
    with Target(py, "service.py") as target:
        check = subprocess.run(hidden + ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "ls", "/proc/%d" % target.pid],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if "No such file" not in check.stderr:
            pytest.skip("this kernel hides no processes here: " + check.stderr)
        with Server(target.pid, wrapper=hidden) as server:
            server.shows(gauges(target.ask("submit", 2)))
            assert server.running.end(signal.SIGTERM)[0] == 0
        target.assert_unharmed()


@pytest.mark.versions(*NAMES)
def test_end_leaves_nothing_behind(py):
    with Target(py, "service.py") as target:
        with Server(target.pid) as server:
            server.shows({("strobe_targets",): 1})
            assert server.running.end(signal.SIGTERM)[0] == 0
        target.assert_unharmed()


@pytest.mark.versions("3.12")
def test_port_taken(py):
    with Target(py, "service.py") as target, Server(target.pid) as server:
        done = tool.run("serve", "--listen", "127.0.0.1:%d" % server.port, target.pid, check=1)
        assert "port %d of 127.0.0.1 is taken by another program" % server.port in done.stderr


def test_what_cannot_be_served():
    assert "no process 999999999" in tool.run("serve", "999999999", check=1).stderr
    assert "serve PID..., --all-python, or -- PROGRAM" in tool.run("serve", check=2).stderr
    assert "cannot be used together" in tool.run("serve", "--all-python", "1", check=2).stderr
    assert "'x:y' is no value for --listen" in tool.run("serve", "--listen", "x:y", "1", check=2).stderr
    assert "for port 9477 of an IPv6 address write [::1]:9477" in tool.run("serve", "--listen", "::1:9477", "1", check=1).stderr


@pytest.mark.versions("3.12")
def test_textfile(py, tmp_path):
    """The file is whole whenever it is there, and gone when nobody keeps it true.  Its directory is its owner's alone: who gives up root's
    rights could write nothing there."""
    path = tmp_path / "strobe.prom"
    assert tmp_path.stat().st_mode & 0o077 == 0
    with Target(py, "service.py") as target:
        target.ask("submit", 2)
        with tool.Running("serve", "--textfile", path, target.pid) as strobe:
            wait_for(path.exists, "the file")
            text = path.read_text()
            assert 'executor_active_workers{pool_type="thread",executor="%s"} 2\n' % EXECUTOR in text and text.endswith("\n")
            assert [entry.name for entry in tmp_path.iterdir()] == ["strobe.prom"]
            assert strobe.end(signal.SIGTERM)[0] == 0
        assert list(tmp_path.iterdir()) == []
        done = tool.run("serve", "--textfile", tmp_path / "none" / "x.prom", target.pid, check=1)
        assert "none/x.prom" in done.stderr


@pytest.mark.timeout(120)
@pytest.mark.versions("3.12")
def test_a_textfile_that_cannot_be_written_for_a_while(py, tmp_path):
    """It is said, the rest goes on, and the file comes back; a program that was launched is not touched by it."""
    folder, away = tmp_path / "here", tmp_path / "away"
    folder.mkdir()
    code = "import sys\nprint('up', flush=True)\nsys.stdin.read()"
    with Server("--textfile", folder / "strobe.prom", "--", *py.argv, "-c", code, stdin=subprocess.PIPE) as server:
        wait_for((folder / "strobe.prom").exists, "the file")
        os.rename(folder, away)
        said = ""
        while "cannot write" not in said:  # at the next turn, in 15 seconds at most
            said = server.running.process.stderr.readline()
            assert said, "the server has ended"
        assert "it is tried again" in said
        assert server.get("/health/ready")[0] == 200
        (away / "strobe.prom").unlink()
        os.rename(away, folder)
        wait_for((folder / "strobe.prom").exists, "the file again", patience=40)
        server.running.process.stdin.close()
        server.running.process.stdin = None
        assert server.running.wait()[0] == 0
        assert list(folder.iterdir()) == []


# ---- hostile clients ----

def resident(pid):
    return int(procfs._status(pid)["VmRSS"].split()[0])


def open_files(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def throw(port, data, then_close=True):
    """Sends bytes, takes at most a little of what comes; a refusal of any kind is fine."""
    with contextlib.suppress(OSError):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            client.sendall(data)
            if then_close:
                return
            client.shutdown(socket.SHUT_WR)
            client.recv(1024)


def rubbish(rng):
    """A request, or what is none: methods, paths, versions, headers, bodies, each perhaps broken."""
    methods = [b"GET", b"HEAD", b"POST", b"", b"\x00", b"GET" * 100, bytes(rng.randrange(256) for _ in range(8))]
    paths = [b"/metrics", b"/pools?pid=%d" % rng.randrange(-5, 1 << 40), b"/debug/pprof/profile?seconds=%s" % (b"9" * rng.randrange(30)),
             b"/" + b"%00%ff%2e" * rng.randrange(50), b"/" + b"a" * rng.randrange(5000), b"http://x/metrics", b"*", b"/tasks?" + b"&=" * 200]
    versions = [b"HTTP/1.1", b"HTTP/1.0", b"HTTP/9.9", b"", b"HTTP/1.1\x00"]
    lines = [rng.choice(methods) + b" " + rng.choice(paths) + b" " + rng.choice(versions), b"Host: localhost"]
    for _ in range(rng.randrange(4)):
        lines.append(rng.choice([b"Content-Length: -1", b"Content-Length: 99999999999999999999", b"Transfer-Encoding: chunked", b": x",
                                 b"X: " + b"y" * rng.randrange(20000), b"Accept: " + b"a/b," * 500, b"\xff\xfe: \x00"]))
    ending = rng.choice([b"\r\n\r\n", b"\n\n", b"\r\n", b"", b"\r\n\r\n" + bytes(rng.randrange(256) for _ in range(rng.randrange(2000)))])
    return b"\r\n".join(lines) + ending


def answers(server):
    """Does it answer?  Not so while other connections take all places that one address has."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        return server.get("/health")[0] == 200


@pytest.mark.timeout(300)
@pytest.mark.versions("3.12")
def test_hostile_clients(py):
    """10,000 requests of a generator with a fixed seed; then it answers as before, with no more files and hardly more memory."""
    rng = random.Random(20260)
    with Target(py, "service.py") as target:
        with Server("--user", "root", target.pid) as server:
            for i in range(1000):
                throw(server.port, rubbish(rng), then_close=i % 50 != 0)
            wait_for(lambda: answers(server), "an answer")
            files, memory = open_files(server.pid), resident(server.pid)
            for i in range(9000):
                throw(server.port, rubbish(rng), then_close=i % 50 != 0)
            wait_for(lambda: answers(server), "an answer")
            wait_for(lambda: procfs.children(server.pid) == [], "profiles that were asked for to end", patience=60)
            wait_for(lambda: open_files(server.pid) <= files, "connections to be closed")
            assert resident(server.pid) <= memory + 4096 or "san" in tool.path()  # KiB; AddressSanitizer keeps what is freed
            state = target.ask("submit", 2)
            server.shows(gauges(state))
        target.assert_unharmed()


@pytest.mark.timeout(120)
@pytest.mark.versions("3.12")
def test_slow_clients(py):
    """As many slow connections as one address may have: they are closed, and then it answers."""
    with Target(py, "service.py") as target, Server(target.pid) as server:
        slow = []
        try:
            for _ in range(60):
                client = socket.create_connection(("127.0.0.1", server.port))
                with contextlib.suppress(OSError):
                    client.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
                slow.append(client)

            def drip():
                for client in slow:
                    with contextlib.suppress(OSError):
                        client.send(b"y")
                return answers(server)
            wait_for(drip, "an answer beside slow clients", patience=60)
            assert server.samples()[("strobe_http_slow_connections_total",)] > 0
        finally:
            for client in slow:
                client.close()


def harmful(text, for_people):
    """Characters that end a line, move a cursor, or turn the direction of what follows; programs may get the last."""
    return {c for c in text if c != "\n" and (unicodedata.category(c) in ("Cc", "Zl", "Zp") or for_people and unicodedata.bidirectional(c) in
                                              ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"))}


@pytest.mark.versions("3.8", "3.12", "3.14")
def test_names_are_escaped(py):
    """Whatever a process calls its things: one line a sample, nothing that a terminal would obey, and JSON that is JSON."""
    with Target(py, "misnamed.py", files=[os.path.join(TARGETS, "hostile.py")]) as target:
        with Server("--wait-threshold", "100ms", target.pid) as server:
            def of(family):
                return {dict(key[1:])["dependency"]: value for key, value in server.samples().items() if key[0] == family}
            wait_for(lambda: sum(of("semaphore_waiters").values()) == target.ready["semaphores"], "all semaphores")
            assert "Holder.\\x1b[31mred\\x1b[0m" in of("semaphore_waiters") and "Holder.a\\x0ab\\x0d\\x09c" in of("semaphore_waiters")
            executors = [key for key in server.samples() if key[0] == "executor_max_workers"]
            assert len(executors) == target.ready["executors"]
            for path in ("/metrics", "/pools?format=text", "/tasks?format=text", "/dump?format=text"):
                body = server.heavy(path)[2].decode()
                assert harmful(body, for_people=True) == set() and "[31mred" in body, path
            for path in ("/health/detailed", "/pools", "/tasks", "/dump"):
                body = server.heavy(path)[2].decode()
                assert harmful(body, for_people=False) == set() and "[31mred" in body and json.loads(body), path
            said = set()
            while len(said) < 4:
                line = server.running.process.stderr.readline()
                assert harmful(line, for_people=False) == set()
                said.add(json.loads(line)["dependency"])
            assert said <= set(of("semaphore_waiters"))
        target.assert_unharmed()
