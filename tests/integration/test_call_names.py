# SPDX-License-Identifier: Apache-2.0
"""The C function that a thread is in, as its code names it, in every version: tests/targets/aio/calling.py."""
import pytest

from lib import aio, tool


def leaves(answer):
    """{name of a task: what the worker that runs its call is in}"""
    return {answer.by_id[int(worker["task"], 16)]["name"]: worker["leaf"]
            for pool in answer.pools.values() for worker in pool["workers"] if worker["task"]}


def test_calls_of_workers(py):
    with aio.target(py, "calling.py") as target:
        facts = target.ask("shape")
        spinning = facts["in_python_code"]["worker"]
        target.settle(but=[spinning])
        got = leaves(aio.ps(target.pid))
        want = {name: fact["leaf"] for name, fact in facts.items() if "leaf" in fact}
        assert len(want) > 20 and got == want
        text = tool.run("pstree", target.pid, check=0).stdout
        assert any(" → %s\n" % leaf in text for leaf in want.values())  # of so many that differ only a few are shown
        target.assert_unharmed()


@pytest.mark.parametrize("who", ["task", "generator"])
def test_a_blocked_loop(py, who):
    """The loop's own thread, below a running task."""
    with aio.target(py, "states.py", who) as target:
        target.settle()
        running, = [task for task in aio.ps(target.pid).tasks if task["state"] == "running"]
        assert running["leaf"] == "waiter.acquire"
        assert " → waiter.acquire" in tool.run("pstree", target.pid, check=0).stdout
        target.assert_unharmed()


def record(target, *args):
    out = target.here + "/profile"
    tool.run("record", "--asyncio", *args, "-d", "0.3", "-f", "raw", "-o", out, "-p", target.pid, check=0)
    with open(out) as f:
        return {line.rpartition(" ")[0].rpartition(";")[2] for line in f}


@pytest.mark.versions("3.8", "3.11", "3.12", "3.14", "3.14t", "3.15")
def test_profiles(py):
    """What blame ends in, and what a running task that is blocked ends in; the thread that executes Python has no such leaf."""
    with aio.target(py, "calling.py") as target:
        facts = target.ask("shape")
        target.settle(but=[facts["in_python_code"]["worker"]])
        got = record(target, "--blame")
        want = {fact["leaf"] for fact in facts.values() if fact.get("leaf")}
        assert want <= got
        assert not [leaf for leaf in got - want if "(" not in leaf and not leaf.startswith("[")]
    with aio.target(py, "states.py", "task") as target:
        assert "waiter.acquire" in record(target)
