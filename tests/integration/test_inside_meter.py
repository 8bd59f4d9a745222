# SPDX-License-Identifier: Apache-2.0
"""strobe.metrics(), events(), watch() and install_signal(), by programs that know their own state."""
import pytest

from lib import inside

pytestmark = [pytest.mark.inside, pytest.mark.few]


@pytest.mark.versions_all
def test_gauges(py):
    pairs = inside.run(py, "metered.py", "gauges")["pairs"]
    assert {key: shown for key, (shown, _) in pairs.items()} == {key: true for key, (_, true) in pairs.items()}


def test_counters(py):
    facts = inside.run(py, "metered.py", "counters")
    assert facts["least"] > 0
    assert facts["least"] <= facts["exhausted"] <= facts["most"], facts
    assert 2 * facts["least"] <= facts["busy"] <= 2 * facts["most"], facts


def test_its_own_cost(py):
    """All that its thread uses is in it, and nothing else."""
    before, told, after = inside.run(py, "metered.py", "cost")["told"]
    assert 0 < before <= told <= after, (before, told, after)


def test_nobody_waits_for_a_scan(py):
    """The scan of 200 MB is the thread's; who begins the meter and asks it pays for a look, and so little does each of many children."""
    facts = inside.run(py, "metered.py", "bomb", 300)
    assert facts["shown"] == 21 and facts["bad"] == 0, facts
    assert facts["asked"] < facts["scan"] / 2, facts
    assert facts["forked"] < facts["plain"] + facts["scan"] / 4, facts
    assert facts["grown"] < 1 << 20, facts


@pytest.mark.versions_all
def test_tasks(py):
    shown, true = inside.run(py, "metered.py", "tasks")["pair"]
    assert shown == true == 21


def test_watched(py):
    assert inside.run(py, "metered.py", "watched") == {"available": 4, "capacity": 7, "gone": None}


def test_executors_are_known_when_they_are_made(py):
    facts = inside.run(py, "metered.py", "made")
    assert facts["shown"] == [3, 2, 4], "by no scan: it would take a minute"
    assert facts["others"] == [], "semaphores that executors are made of are none of the program's"
    assert facts["signatures"] and facts["put back"]


def test_watched_twice(py):
    assert inside.run(py, "metered.py", "merged") == {"available": [10, 5], "capacity": [10, 7]}


def test_events(py):
    facts = inside.run(py, "metered.py", "events")
    event, = facts["events"]
    assert event["event"] == "bulkhead_contention" and event["dependency"] == "__main__.SEMAPHORE" and event["waiters"] == 1, event
    assert event["duration_ms"] >= 300 and event["available"] == 0
    assert facts["again"] == []


def test_forked(py):
    facts = inside.run(py, "metered.py", "forked")
    assert facts["child"][0] < facts["parent"] and facts["child"][1] == 0, "counters of a child begin at nought, values are there"


def test_grown(py):
    assert inside.run(py, "metered.py", "grown") == {"seen": [5, 5, 8, 8], "then": [8]}


def test_collected(py):
    """Executors that nobody has any more, their threads at work: in each reading, and in the counters."""
    facts = inside.run(py, "metered.py", "collected")
    assert all(sum(one) == 5 for one in facts["found"]), facts
    assert facts["busy"] == pytest.approx(5 * facts["spent"], rel=0.2), facts


def test_torn(py):
    """A thread that moves too fast to be read is no reason to say nothing of executors."""
    facts = inside.run(py, "metered.py", "torn")
    assert facts["WAITING"] == [2] * 30, facts
    assert sum(busy == 2 for busy in facts["MOVING"]) >= 25 and set(facts["MOVING"]) <= {2, None}, facts


@pytest.mark.versions_all
def test_descriptors(py):
    """Three hundred threads come and go, and strobe has at most one descriptor in 16 for their files."""
    facts = inside.run(py, "metered.py", "descriptors")
    assert 0 < facts["kept"] <= facts["allowed"], facts
    assert facts["active"] == 1 and facts["own"] > 200, facts


def test_dump_signal(py):
    facts = inside.run(py, "metered.py", "dump_signal")
    assert "MainThread" in facts["first"] and "Tasks (4 in 1 loop)" in facts["first"] and "3 × Task-*" in facts["first"], facts["first"]
    assert facts["child"] == 0, "the child of a fork writes its own"
    assert facts["removed"] == [True, False] and facts["dumps"] == 2
    assert facts["visits"], "threads of strobe's own, which block all signals, leave one for visits"
    cannot, fault = facts["refused"]
    assert cannot == "signal 9 cannot be caught"
    assert fault == "signal 11 comes of a fault, and would again behind a dump: faulthandler.enable() is for these"
