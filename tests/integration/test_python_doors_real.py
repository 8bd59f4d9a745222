# SPDX-License-Identifier: Apache-2.0
"""The doors over the extension, in services that are asked all the while: a Prometheus scrapes Collector and MultiProcess, EventLog writes,
Health answers; against what the service (tests/targets/shopfront.py) says of itself."""
import contextlib
import os
import threading

import pytest

from lib import inside, packages
from lib.program import Program, Server
from lib.prometheus import Prometheus
from lib.target import TARGETS, wait_for

pytestmark = [pytest.mark.inside, pytest.mark.few, pytest.mark.timeout(300)]

COMMANDS = {
    "gunicorn": ["gunicorn", "-w", "4", "--worker-class", "gthread", "--threads", "4", "--bind", "127.0.0.1:0", "shopfront:wsgi()"],
    "gunicorn-preload": ["gunicorn", "-w", "4", "--preload", "--worker-class", "gthread", "--threads", "4", "--bind", "127.0.0.1:0", "shopfront:wsgi()"],
    "uvicorn": ["uvicorn", "--workers", "4", "--timeout-worker-healthcheck", "120", "--port", "0", "--no-access-log", "--factory", "shopfront:asgi"],
    "gunicorn-one": ["gunicorn", "-w", "1", "--worker-class", "gthread", "--threads", "4", "--bind", "127.0.0.1:0", "shopfront:wsgi()"],
    "uvicorn-one": ["uvicorn", "--port", "0", "--no-access-log", "--factory", "shopfront:asgi"],
}
CLIENTS = 4
GATE, POOL = '{dependency="Prices._gate"}', '{executor="shopfront.POOL",pool_type="thread"}'
FULL = {  # the first one's use of its things
    "semaphore_available" + GATE: 0, "semaphore_waiters" + GATE: 1, "semaphore_available_ratio_min" + GATE: 0,
    'semaphore_capacity{dependency="Prices._gate",source="bounded"}': 10,
    'semaphore_capacity{dependency="Prices._plain",source="construction"}': 5,
    "executor_active_workers" + POOL: 4, "executor_pending_tasks" + POOL: 2, "executor_max_workers" + POOL: 4,
}
AT_REST = dict(FULL, **{"semaphore_available" + GATE: 10, "semaphore_waiters" + GATE: 0, "semaphore_available_ratio_min" + GATE: 1,
                        "executor_active_workers" + POOL: 0, "executor_pending_tasks" + POOL: 0})
OF_FOUR = {
    "semaphore_available" + GATE: 0 + 9 + 10 + 10, "semaphore_waiters" + GATE: 1, "semaphore_available_ratio_min" + GATE: 0,
    'semaphore_capacity{dependency="Prices._gate",source="bounded"}': 40,
    'semaphore_capacity{dependency="Prices._plain",source="construction"}': 20,
    "executor_active_workers" + POOL: 4 + 1 + 2, "executor_pending_tasks" + POOL: 2, "executor_max_workers" + POOL: 16,
}


class Shopfront(Server):
    def __init__(self, py, name, door):
        env = dict(packages.need(py, "servers"), DOOR=door, **({"PRELOAD": "1"} if "preload" in name else {}))
        program = Program(py, [os.path.join(TARGETS, "shopfront.py")], [inside.environment(py), env], ["-W", "ignore::DeprecationWarning"])
        for folder, variable in (("numbers", "NUMBERS"), ("metrics", "PROMETHEUS_MULTIPROC_DIR"), ("tmp", "TMPDIR")):
            here, program.env[variable] = program.path(folder)
            os.mkdir(here)
        program.env["HOME"] = program.env["TMPDIR"]  # gunicorn keeps a socket there
        if door == "collector":
            del program.env["PROMETHEUS_MULTIPROC_DIR"]
        super().__init__(program, "-m", *COMMANDS[name])


@contextlib.contextmanager
def load(server):
    """Clients that ask all the while, and are all answered."""
    over, codes = threading.Event(), []
    wait_for(lambda: server.ask("/work")[0] == 200, "a worker to answer: uvicorn's parent names the port before any of them listens", 60)

    def client():
        while not over.is_set():
            codes.append(server.ask("/work")[0])

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert codes and set(codes) == {200}, server.text()
    assert "Traceback" not in server.text(), server.text()


def shown(wanted, values):
    return {name: values.get(name) for name in wanted}


def assert_comes_to(server, prometheus, wanted):
    """At the service, and then in the answers of Prometheus' query API."""
    try:
        wait_for(lambda: shown(wanted, server.metrics()) == wanted, "the values", 60)
    except AssertionError:
        assert shown(wanted, server.metrics()) == wanted, server.text()
    prometheus.wait_for(lambda: all(prometheus.value(name) == value for name, value in wanted.items()), "Prometheus to have them")


def assert_told(server):
    """Events as lines on standard error, where logging puts what no handler wants."""
    wait_for(lambda: 'resilience_event="bulkhead_contention" dependency="Prices._gate"' in server.text(), "an event of the semaphore")
    wait_for(lambda: 'resilience_event="executor_saturated" executor="shopfront.POOL" pool_type="thread"' in server.text(), "an event of the pool")
    line = next(line for line in server.text().splitlines() if 'dependency="Prices._gate"' in line)  # another one each minute
    assert " duration_of=" in line and " waiters=1 available=0 capacity=10" in line, line


def assert_counts(prometheus):
    """Counters go on while the first one's things are in use."""
    for name in ("semaphore_exhausted_seconds_total" + GATE, "semaphore_wait_seconds_total" + GATE, "executor_saturated_seconds_total" + POOL,
                 "executor_busy_worker_seconds_total" + POOL):
        before = prometheus.value(name) or 0
        prometheus.wait_for(lambda: prometheus.value(name) > before, name + " to grow")
    assert prometheus.value("process_open_fds") > 0 and prometheus.value("strobe_looks_total") > 0


def detailed(server):
    return server.get("/internal/health/detailed")


def of_gate(server):
    return detailed(server)["pools"]["semaphores"].get("Prices._gate")


def assert_degraded(server):
    """By the things of the application, which the first one uses up."""
    body = detailed(server)
    assert body["status"] == "degraded" and body["checks"]["db"]["status"] == "healthy", body
    pool, = (one for one in body["pools"]["executors"] if one["name"] == "shopfront.POOL")
    assert pool["pending_tasks"] == 2 and body["pools"]["semaphores"]["Prices._gate"] == {"capacity": 10, "available": 0}
    # The server may have executors of its own (gunicorn's is ThreadWorker.tpool), with requests in them.
    assert {one["name"] for one in body["pools"]["executors"]} <= {"shopfront.POOL", "ThreadWorker.tpool", "anyio"}, body
    assert body["pools"]["thread_pool"]["pending_tasks"] == sum(one["pending_tasks"] or 0 for one in body["pools"]["executors"]), body


@pytest.mark.versions("3.9", "3.14t")
@pytest.mark.parametrize("name", ["gunicorn-one", "uvicorn-one"])
def test_collector(py, name):
    with Shopfront(py, name, "collector") as server, Prometheus([server.address]) as prometheus:
        with load(server):
            assert_comes_to(server, prometheus, FULL)
            assert_counts(prometheus)
            assert_told(server)
            assert_degraded(server)
            server.get("/rest")
            assert_comes_to(server, prometheus, AT_REST)
            wait_for(lambda: of_gate(server) == {"capacity": 10, "available": 10}, "the semaphore to be free")
        # Not under the load: gunicorn's own executor has as many requests as threads then, and may have more.
        wait_for(lambda: detailed(server)["status"] == "healthy", "a server that nobody asks to be healthy")


@pytest.mark.versions("3.12", "3.14t")
@pytest.mark.parametrize("name", ["gunicorn", "gunicorn-preload", "uvicorn"])
def test_four_workers(py, name):
    with Shopfront(py, name, "multiprocess") as server, Prometheus([server.address]) as prometheus, load(server):
        assert_comes_to(server, prometheus, OF_FOUR)
        assert_counts(prometheus)
        assert_told(server)
        wait_for(lambda: (of_gate(server) or {}).get("capacity") == 10, "a worker to have found its semaphore")
        assert len(os.listdir(os.path.join(server.program.here, "numbers"))) == 4
