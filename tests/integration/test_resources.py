# SPDX-License-Identifier: Apache-2.0
"""strobe pools: what it says of executors, semaphores, limiters and queues is what the program's own objects say, and there is no other."""
import json
import os
import signal

import pytest

from lib import packages, tool
from lib.target import Target

LAST_OF_ANYIO_3 = (3, 12)


def pools(pid, *args):
    return json.loads(tool.run("pools", "--json", *args, pid, check=0).stdout)


def differences(found, truth):
    """Rows compared by address; those without an object of their own by what they are."""
    wrong = []
    left = list(found)
    for said in truth:
        rows = [one for one in left if one["id"] == said["id"] and one["kind"] == said["kind"]]
        if len(rows) != 1:
            wrong.append("%d rows instead of one of %s" % (len(rows), said))
            continue
        left.remove(rows[0])
        for key, value in said.items():
            have = rows[0][key]
            if have != value:
                wrong.append("%s %s: %s is %s, not %s" % (said["kind"], said.get("type"), key, have, value) + "  " + json.dumps(said))
    return wrong + ["not there: %s" % json.dumps(one) for one in left]


def check(py, *args, **kwargs):
    with Target(py, "resources.py", *args, **kwargs) as target:
        target.settle()
        answer = pools(target.pid)
        truth = target.ask("facts")
        again = pools(target.pid)
        target.assert_unharmed()
    wrong = differences(answer["resources"], truth)
    assert not wrong, "%d differences\n%s" % (len(wrong), "\n".join(wrong[:40]))
    assert answer["consistent"] and answer["idle_looked_for"] and answer["pid"] == target.pid
    assert again["resources"] == answer["resources"]  # names too are the same at each look
    assert len(truth) > 40
    assert not [one["name"] for one in answer["resources"] if "0x" in (one["name"] or "")]
    return answer["resources"], truth


def test_values_are_those_of_the_program(py):
    check(py)


@pytest.mark.parametrize("package", ["anyio", "anyio3"])
def test_anyio(py, package):
    if package == "anyio3" and py.minor > LAST_OF_ANYIO_3:
        pytest.skip("anyio 3 is older than this Python")
    rows, _ = check(py, "anyio", env=packages.need(py, package))
    limiters = [one for one in rows if one["kind"] == "limiter"]
    assert -3 in [one["available"] for one in limiters] and "unlimited" in [one["capacity"] for one in limiters]


def test_uvloop(py):
    check(py, "uvloop", env=packages.need(py, "uvloop"))


LOOKS, ROUNDS = 6, 3


def test_what_comes_and_goes(py):
    """While objects are made and dropped all the time, each row is one that there was; at rest the rows are those that there are."""
    made = 0
    with Target(py, "fleeting.py") as target:
        for _ in range(ROUNDS):
            seen = [pools(target.pid)["resources"] for _ in range(LOOKS)]
            truth = target.ask("stop")
            at_rest = pools(target.pid)["resources"]
            target.ask("go")
            ever = {tuple(one) for one in truth["ever"] + truth["staying"]}
            staying = {tuple(one) for one in truth["staying"]}
            for rows in seen:
                shown = {(one["id"], one["type"]) for one in rows}
                assert len(shown) == len(rows)
                assert shown - ever == set(), "never was there"
                assert staying - shown == set(), "was there all the time"
            assert sorted([one["id"], one["type"]] for one in at_rest) == sorted(truth["living"] + truth["staying"])
            assert truth["made"] > made
            made = truth["made"]
        target.assert_unharmed()


def test_subinterpreters(py):
    with Target(py, "kept_apart.py", "subinterpreters") as target:
        if target.ready.get("skip"):
            pytest.skip("this Python has no module for subinterpreters")
        target.settle()
        rows = pools(target.pid)["resources"]
        target.assert_unharmed()
    assert sorted([one["id"], one["kind"], one["name"]] for one in rows) == sorted(target.ready["rows"])
    assert len(rows) == 8


def test_a_forked_child_has_no_workers(py):
    with Target(py, "kept_apart.py", "fork") as target:
        child = target.ready["child"]
        try:
            rows = {one["kind"]: one for one in pools(target.pid)["resources"]}
            inherited = {one["kind"]: one for one in pools(child)["resources"]}
        finally:
            os.kill(child, signal.SIGKILL)
    for found in rows, inherited:
        assert sorted([one["id"], one["kind"], one["name"]] for one in found.values()) == sorted(target.ready["rows"])
        assert found["semaphore"]["available"] == 4
    numbers = ("workers", "active_workers", "pending_tasks", "max_workers")
    assert [rows["thread_pool"][key] for key in numbers] == [2, 2, 3, 2]
    assert [inherited["thread_pool"][key] for key in numbers] == [0, 0, 3, 2]


@pytest.mark.versions("3.8", "3.12", "3.14t")
def test_text(py):
    """What is saturated comes first and is marked, the last line names what most wait for; of what is idle a screen is shown."""
    with Target(py, "resources.py") as target:
        target.settle()
        lines = tool.run("pools", target.pid, check=0).stdout.splitlines()
        rows = pools(target.pid)["resources"]
        family = json.loads(tool.run("pools", "-s", "--json", target.pid, check=0).stdout)["processes"]
        heading = tool.run("pools", "-s", target.pid, check=0).stdout
    assert [line for line in lines if line and line[0] not in "! "][:3] == ["Executors", "Semaphores and limiters", "Queues"]
    marked = [line.split()[1] for line in lines if line.startswith("! ")]
    saturated = [one["name"] for one in rows if one.get("pending_tasks") or (one.get("available") == 0 and one["waiters"]) or
                 (one.get("maxsize") and one["size"] >= one["maxsize"] and one["waiters"])]
    assert marked == saturated and "__main__.EXECUTOR" in marked and "__main__.TAKEN" in marked
    assert '  2 of 2 busy, 3 queued' in next(line for line in lines if "__main__.EXECUTOR " in line)
    assert lines[-1].startswith("saturated: ProcessPoolExecutor __main__.kept[]: 2 of 2 busy, 4 queued; and %d others" % (len(marked) - 1))
    assert family[0]["pid"] == target.pid and len(family) == 1 + 3  # and two workers, and multiprocessing's tracker
    workers = [one["resources"] for one in family if "spawn_main" in one["command"]]
    assert [sorted(one["name"] for one in found if one["name"].startswith("__main__.E")) for found in workers] == [["__main__.EXECUTOR"]] * 2
    assert "Process %d: " % target.pid in heading and "Parent Process %d: " % target.pid in heading


@pytest.mark.versions("3.8", "3.12", "3.14t")
def test_nothing_there(py):
    with Target(py, "shapes.py") as target:
        done = tool.run("pools", target.pid, check=0)
        assert pools(target.pid)["resources"] == []
    assert done.stdout == "" and "has no executor, semaphore, limiter or bounded queue" in done.stderr


def test_names(py):
    """As the program's text names them, idle and in use: a task's own name for a thing does not change what it is called."""
    with Target(py, "called.py") as target:
        target.settle()
        names = target.ask("names")
        idle = pools(target.pid)["resources"]
        target.ask("use")
        target.settle()
        used = pools(target.pid)["resources"]
        target.assert_unharmed()
    for found in idle, used:
        assert {one["id"]: one["name"] for one in found} == names
    assert sum(one["waiters"] for one in used) > 20 and sum(one["waiters"] for one in idle) == 0
