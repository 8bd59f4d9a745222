# SPDX-License-Identifier: Apache-2.0
"""Values and health routes of services with four workers, under gunicorn and uvicorn, whose workers are killed."""
import concurrent.futures
import json
import os
import signal
import threading

import pytest

from lib import doors, packages, program
from lib.doors import FIRST
from lib.target import wait_for

pytestmark = pytest.mark.few

SERVERS = {
    "gunicorn": ["gunicorn", "-w", "4", "--worker-class", "gthread", "--threads", "4", "--bind", "127.0.0.1:0", "service:wsgi()"],
    "gunicorn-preload": ["gunicorn", "-w", "4", "--preload", "--bind", "127.0.0.1:0", "service:wsgi()"],
    "uvicorn": ["uvicorn", "--workers", "4", "--timeout-worker-healthcheck", "20", "--port", "0", "--factory", "service:asgi"],
    "uvicorn-proxied": ["uvicorn", "--workers", "4", "--timeout-worker-healthcheck", "20", "--port", "0", "--root-path", "/behind", "--factory", "service:asgi"],
}
KILLS = 6
CAPACITY = 'semaphore_capacity{dependency="Prices._gate",source="bounded"}'
GATE = '{dependency="Prices._gate"}'


class Service(program.Server):
    def __init__(self, py, server, env):
        one = doors.program(py, env)
        for name, variable in (("metrics", "PROMETHEUS_MULTIPROC_DIR"), ("workers", "WORKERS")):
            here, one.env[variable] = one.path(name)
            os.mkdir(here)
        one.env["HOME"] = one.env["TMPDIR"]  # gunicorn keeps a socket there
        super().__init__(one, "-m", *SERVERS[server])

    def pid_of(self, number):
        """As the target sees it; there is no other pid namespace."""
        with open(os.path.join(self.program.here, "workers", str(number))) as f:
            return int(f.read())

    def numbers(self):
        return len([name for name in os.listdir(os.path.join(self.program.here, "workers")) if name.isdigit()])


@pytest.fixture(params=sorted(SERVERS))
def service(request, py):
    if py.minor < FIRST:
        pytest.skip("from 3.9 on")
    with Service(py, request.param, packages.need(py, "servers")) as service:
        wait_for(lambda: service.process.poll() is not None or service.metrics().get(CAPACITY) == 40, "four workers' values", 60)
        assert service.process.poll() is None, service.text()
        yield service


def scraped(service, over, readings):
    while not over.is_set():
        values = service.metrics()
        if values:
            readings.append(values.get("semaphore_wait_seconds_total" + GATE))


@pytest.mark.timeout(300)
@pytest.mark.versions("3.9", "3.11", "3.14", "3.14t")
def test_four_workers(service):
    assert_health_routes(service)
    values = service.metrics()
    assert values["semaphore_available" + GATE] == 32
    assert values["semaphore_available_ratio_min" + GATE] == 0.3
    assert values["semaphore_wait_seconds_total" + GATE] == 4
    assert values['executor_max_workers{executor="reports",pool_type="thread"}'] == 16
    files = set(os.listdir(os.path.join(service.program.here, "metrics")))
    over, readings = threading.Event(), []
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        scraper = pool.submit(scraped, service, over, readings)
        try:
            for number in range(KILLS):
                os.kill(service.pid_of(number), signal.SIGKILL)
                wait_for(lambda: service.metrics().get("semaphore_wait_seconds_total" + GATE) == 5 + number, "the next worker", 60)
        finally:
            over.set()
        scraper.result()
    assert None not in readings and readings == sorted(readings) and set(readings) <= set(range(4, 5 + KILLS))
    wait_for(lambda: service.metrics().get("semaphore_available" + GATE) == 40, "the last worker", 60)
    values = service.metrics()
    assert values["semaphore_available_ratio_min" + GATE] == 1
    assert values[CAPACITY] == 40
    assert service.numbers() == 4 + KILLS, "every worker wrote, and the arbiter of --preload did not"
    assert set(os.listdir(os.path.join(service.program.here, "metrics"))) == files, "no files are left behind"


def assert_health_routes(service):
    assert service.ask("/internal/health") == (200, '{"status": "healthy"}')
    assert service.ask("/internal/health", method="HEAD") == (200, "")
    assert service.ask("/internal/health/ready") == (200, '{"status": "healthy"}')
    assert service.ask("/internal/health/detailed")[0] == 403
    assert service.ask("/internal/nothing")[0] == 404
    code, text = service.ask("/internal/health/detailed", headers={"X-Key": "secret"})
    body = json.loads(text)
    assert code == 200 and body["status"] == "healthy" and body["checks"]["db"]["status"] == "healthy"
    assert body["application"] == {"name": "prices", "env": None, "version": "1"}
    assert body["pools"]["semaphores"] == {"Prices._gate": {"capacity": 10, "available": 7}}
