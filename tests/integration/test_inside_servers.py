# SPDX-License-Identifier: Apache-2.0
"""Services with several workers that record themselves: served, reloaded, ended; the recording begins in the master, the worker, the app."""
import signal

import pytest

from lib import inside, packages, program
from lib.target import wait_for

pytestmark = [pytest.mark.inside, pytest.mark.few]


def served(py, where, *words):
    env = dict(packages.need(py, "web"), WHERE=where)
    return program.Server(inside.Program(py, "web.py", env=env, python_args=["-W", "ignore::DeprecationWarning"]), *words)


def assert_served(server, n):
    """Each worker records itself, and what it computed is in its own profile."""
    burnt, seen = {}, {}
    for _ in range(12):
        pid = server.get("/burn")["pid"]
        burnt[pid] = burnt.get(pid, 0) + 0.1
    for _ in range(200):
        facts = server.get("/facts")
        assert facts["running"], facts
        seen[facts["pid"]] = seen.get(facts["pid"], 0) + facts["compute"]
        if set(burnt) <= set(seen):
            break
    assert set(burnt) <= set(seen) and len(seen) <= n
    for pid, seconds in burnt.items():
        assert seen[pid] > 0.5 * seconds, (burnt, seen)


@pytest.mark.parametrize("where", ["master", "post_fork", "application"])
def test_gunicorn(py, where):
    words = ["-m", "gunicorn", "--preload", "-w", "2", "-b", "127.0.0.1:0", "-c", "python:web", "web:application"]
    with served(py, where, *words) as server:
        wait_for(lambda: len(server.workers()) == 2, "the workers")
        assert_served(server, 2)
        before = set(server.workers())
        server.process.send_signal(signal.SIGHUP)  # new workers, gracefully
        wait_for(lambda: len(server.workers()) == 2 and not before & set(server.workers()), "the new workers")
        assert_served(server, 2)
        assert server.end() == 0, server.text()
        assert "Traceback" not in server.text() and "Segmentation" not in server.text() and "signal" not in server.text().lower().replace(
            "handling signal", ""), server.text()


def test_uvicorn(py):
    with served(py, "application", "-m", "uvicorn", "--port", "0", "--workers", "2", "web:asgi") as server:
        wait_for(lambda: server.text().count("Application startup complete") == 2, "the workers")
        assert_served(server, 2)
        assert server.end() == 0, server.text()
        assert "Traceback" not in server.text(), server.text()


def test_uvicorn_alone(py):
    with served(py, "master", "-m", "uvicorn", "--port", "0", "web:asgi") as server:
        assert_served(server, 1)
        assert server.end() in (0, -signal.SIGTERM), server.text()
        assert "Traceback" not in server.text(), server.text()
