# SPDX-License-Identifier: Apache-2.0
"""The deterministic profiler in programs of gevent: what the workers measure of themselves (tests/targets/inside/callgevent.py)."""
import pytest

from lib import inside, packages

pytestmark = [pytest.mark.inside, pytest.mark.versions("3.9", "3.11", "3.12", "3.14")]


@pytest.fixture(params=["plain", "monkey"])
def facts(py, request):
    """What a case tells; gevent as it is, and with all of the standard library patched."""
    env = packages.need(py, "gevent")
    return lambda case: inside.run(py, "callgevent.py", case, request.param, env=env)


@pytest.mark.alone
def test_times(facts):
    """A worker that is parked takes no time of its thread; what it waits is its own, and both are what passed for it."""
    told = facts("times")
    rows, truth, rounds = told["rows"], told["truth"], told["rounds"]
    assert set(truth) == {"first", "second", "third", "fourth"}
    for name, known in truth.items():
        row = rows[name]
        assert (row["calls"], row["finished"], row["unfinished"]) == (1, 1, 0), name
        assert row["awaited"] + row["total"] == pytest.approx(known["took"], rel=0.05), name
        assert row["inclusive"] == pytest.approx(row["awaited"] + row["total"], rel=1e-6) == row["shortest"] == row["longest"], name
        # with twenty milliseconds for what else the thread was off its CPU; it was parked five times as long at the least
        assert row["total"] == pytest.approx(known["spun"], rel=0.05, abs=0.02), name
        assert row["awaited"] == pytest.approx(known["slept"], rel=0.05, abs=0.02), name
        assert row["total_cpu"] == pytest.approx(known["burnt"], rel=0.05), name
        assert row["self_cpu"] < 0.005, name
    burnt, slept, took = (sum(known[key] for known in truth.values()) for key in ("burnt", "slept", "took"))
    assert rows["spin"]["calls"] == rows["spin"]["finished"] == 4 * rounds and rows["spin"]["callers"] == {"work": 4 * rounds}
    assert rows["spin"]["self_cpu"] == pytest.approx(burnt, rel=0.05) and rows["spin"]["awaited"] == 0
    assert rows["work"]["calls"] == rows["work"]["finished"] == 4 and rows["work"]["inclusive"] == pytest.approx(took, rel=0.05)
    (sleeps, awaited), = told["sleeps"]
    assert sleeps == 4 * rounds and awaited == pytest.approx(slept, rel=0.05) and max(told["sleeping"]) < 0.02
    assert told["sum"] == pytest.approx([told["wall"], told["cpu"]], rel=1e-6)
    assert told["wall"] < took / 1.5, "four workers that wait at the same time"
    assert told["tracer"]


@pytest.mark.alone
def test_stopped_while_one_waits(facts):
    told = facts("stopped")
    assert told["seen"] == pytest.approx(told["truth"], rel=0.02, abs=0.003)
    assert told["after"] == told["stays"] and told["ended"] == 1
    assert (told["leaf"]["calls"], list(told["leaf"]["callers"])) == (1, ["stopped"])


def test_the_thread_that_begins(facts):
    told = facts("current")
    assert told["leaf"] == told["of_main"] == 1
    assert [(one["name"], one["native_id"], one["ended"]) for one in told["threads"]] == [("MainThread", told["native_id"], False)]


def test_counts(facts):
    """However greenlets end (killed, timed out, by an exception, never begun), and whoever runs them: queues, pools, a pool of threads."""
    told = facts("counts")
    for name, count in told["begun"].items():
        row, ended = told["rows"][name], told["ended"].get(name, 0)
        assert (row["calls"], row["finished"], row["unfinished"]) == (count, ended, count - ended), name
    assert told["begun"] == {"killed": 10, "timed_out": 5, "failing": 4, "produce": 1, "consume": 1, "pooled": 60, "native": 6,
                             "nested": 13, "parked": told["left"]}
    assert told["rows"]["leaf"]["calls"] == told["leaf"]
    assert told["rows"]["leaf"]["callers"] == dict(told["begun"], produce=50, consume=50)
    assert told["done"] and told["failed"] == ["KeyError"] * 4 and told["tracer"]
