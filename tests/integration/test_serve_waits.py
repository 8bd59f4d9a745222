# SPDX-License-Identifier: Apache-2.0
"""Events of strobe serve tell how long somebody has waited, not how long there was a waiter: against programs that time each wait."""
import json
import signal

import pytest

from integration.test_serve import Server
from lib.target import Target, wait_for

VERSIONS = ("3.8", "3.9", "3.11", "3.12", "3.14", "3.14t")
KINDS = ("tasks", "threads")
WAIT, EVENTS = ("semaphore_wait_seconds_total", ("dependency", "__main__.GATE")), ("strobe_events_total", ("event", "bulkhead_contention"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.versions(*VERSIONS)
def test_many_short_waits_are_no_long_one(py, kind):
    with Target(py, "contended.py", kind, "short") as target, Server(target.pid) as server:
        wait_for(lambda: server.samples().get(WAIT, 0) > 12, "four seconds in which three wait")
        have, truth = server.samples(), target.ask("waits")
        assert truth["seconds"] > 3
        assert have[EVENTS] == 0 or truth["longest"] >= 1, truth


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.versions(*VERSIONS)
def test_a_long_wait_in_a_queue_that_moves(py, kind):
    with Target(py, "contended.py", kind, "long") as target, Server(target.pid) as server:
        event = json.loads(server.running.process.stderr.readline())
        truth = target.ask("longest", repr(event["time"]))["seconds"]
        assert event["event"] == "bulkhead_contention" and event["dependency"] == "__main__.GATE" and event["duration_of"] == "wait", event
        assert 1000 <= event["duration_ms"] <= 1000 * truth + 1, (event, truth)
        assert event["waiters"] > 30
        assert server.running.end(signal.SIGTERM)[0] == 0
