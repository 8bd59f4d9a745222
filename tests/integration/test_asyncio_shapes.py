# SPDX-License-Identifier: Apache-2.0
"""strobe ps against programs that know what each of their tasks waits for: tests/targets/aio, plain and under uvloop."""
import json
import os
import re
import time

import pytest

from lib import aio, tool
from lib.target import Target

LOOPS = pytest.mark.parametrize("uvloop", [False, True], ids=["asyncio", "uvloop"])


def check(py, uvloop, script, *args, needs=()):
    with aio.target(py, script, *args, uvloop=uvloop, needs=needs) as target:
        if target.ready.get("skip"):
            pytest.skip("%s: %s" % (py, target.ready["skip"]))
        assert target.ready.get("loop") == ("uvloop" if uvloop else "asyncio")
        answer = aio.look(target)
        aio.assert_right(answer)
        return answer


@LOOPS
def test_the_incident(py, uvloop):
    """A semaphore of 10 and a pool of 4 before 200 requests: who waits for which, who holds it, which thread runs what."""
    answer = check(py, uvloop, "incident.py")
    pool, = answer.pools.values()
    assert sorted(worker["name"] for worker in pool["workers"]) == ["pricing_%d" % n for n in range(4)]
    assert all(worker["busy"] and worker["task"] for worker in pool["workers"])
    semaphores = [wait for wait in answer.waits.values() if wait["kind"] == "semaphore"]
    assert len(semaphores) == 1, "all of them wait for the same object"


def test_the_incident_as_a_tree(py):
    """Ten lines say it: how many wait for what, who holds it, which pool they wait for in the end."""
    with aio.target(py, "incident.py") as target:
        target.settle()
        text = tool.run("pstree", target.pid, check=0).stdout
        lines = text.splitlines()
        assert len(lines) <= 12, text
        waiting, = [n for n, line in enumerate(lines) if re.search(r"\b190\b.*request-\*", line)]
        holding, = [n for n, line in enumerate(lines) if re.search(r"\b10\b.*request-\*.*PriceClient\._price_semaphore", line)]
        assert "fetch_price" in lines[waiting] and "handle_request" in lines[waiting]
        semaphore, pool = lines[waiting + 1], lines[holding + 1]
        assert "Semaphore" in semaphore and "PriceClient._price_semaphore" in semaphore and re.search(r"\b0 of 10\b", semaphore) and "190" in semaphore
        assert "ThreadPoolExecutor" in pool and "pricing" in pool and re.search(r"\b4 of 4\b", pool) and re.search(r"\b6\b", pool)
        assert "_blocking_lookup" in text and "pricing_0..3" in text
        expanded = tool.run("pstree", "--expand", target.pid, check=0).stdout
        for n in range(200):
            assert len(re.findall(r"\brequest-%d\b" % n, expanded)) >= 1
        rows = tool.run("ps", target.pid, check=0).stdout
        assert all(len(re.findall(r"^.*\brequest-%d\b.*PriceClient\._price_semaphore" % n, rows, re.M)) == 1 for n in range(10, 200))
        target.assert_unharmed()


def test_tasks_in_a_dump(py):
    """After the threads, whose layout stays; in JSON only where it is asked for."""
    with aio.target(py, "incident.py") as target:
        target.settle()
        text = tool.run("dump", "--pid", target.pid, check=0).stdout
        assert 0 < text.index("Thread ") < text.index("PriceClient._price_semaphore")
        threads = tool.dump_json(target.pid)
        assert isinstance(threads, list)
        both = tool.dump_json(target.pid, "--asyncio")
        assert set(both) >= {"threads", "asyncio_tasks"} and len(both["threads"]) == len(threads)
        names = sorted(task["name"] for task in target.ask("tasks"))
        assert sorted(task["name"] for task in both["asyncio_tasks"]) == names
    with Target(py, "native.py", 0) as target:
        target.settle()
        assert tool.dump_json(target.pid, "--asyncio")["asyncio_tasks"] == []


@LOOPS
@pytest.mark.parametrize("script", ["primitives.py", "groups.py", "chains.py", "streams.py", "executors.py", "tasktypes.py", "loops.py", "subloop.py"])
def test_shapes(py, script, uvloop):
    check(py, uvloop, script)


@LOOPS
@pytest.mark.parametrize("who", ["task", "holder", "generator", "eager", "callback"])
def test_states(py, who, uvloop):
    check(py, uvloop, "states.py", who)


@LOOPS
def test_anyio(py, uvloop):
    check(py, uvloop, "anyioshapes.py", needs=["anyio"])


@pytest.mark.parametrize("script", ["primitives.py", "groups.py", "chains.py"])
def test_shapes_with_tasks_implemented_in_python(py, script):
    check(py, False, script, "--pytask")


@pytest.mark.versions("3.8", "3.11", "3.13", "3.14", "3.14t", "3.15")
def test_each_shape_alone(py):
    """Nothing is found only because another shape is there.  One program after the other, of a kind that names are found in."""
    wrong = []
    with aio.target(py, "primitives.py") as target:
        shapes = target.ready["all"]
    for shape in shapes:
        with aio.target(py, "primitives.py", shape) as target:
            wrong += ["%s: %s" % (shape, difference) for difference in aio.look(target).wrong]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("what", ["coroutines", "tasks"])
def test_ten_thousand_deep(py, what):
    """Both ends of the stack and how much is between them, and every link between tasks."""
    check(py, False, "deep.py", what, 10000)


@pytest.mark.timeout(400)
@pytest.mark.versions("3.9", "3.11", "3.12", "3.14", "3.14t", "3.15")
def test_a_hundred_thousand_tasks(py):
    count, awaits = 100000, 7
    with aio.target(py, "many.py", count, awaits) as target:
        target.settle()
        answer = aio.ps(target.pid, timeout=300)
        assert not answer.wrong, answer.wrong[:20]
        truth = {int(task["id"], 16): task["name"] for task in target.ask("tasks")}
        assert {int(task["id"], 16): task["name"] for task in answer.tasks} == truth and len(truth) == count + 2
        everyone, = [task["id"] for task in answer.tasks if task["name"] == "all"]
        for task in answer.tasks:
            if task["name"].startswith("worker-"):
                names = [frame["name"].split(".")[-1] for frame in task["stack"]]
                assert (names, task["state"], task["awaited_by"]) == (["wait"] + ["level"] * awaits, "waiting", [everyone])
                wait = answer.wait_of(task)
                assert (wait["kind"], int(wait["object"], 16)) == ("event", int(target.ready["event"], 16))
        assert wait["waiters"] == count
        target.assert_unharmed()


def test_a_look_leaves_no_trace(py):
    def traces(pid):
        with open("/proc/%d/maps" % pid) as f:
            return sorted(os.listdir("/proc/%d/task" % pid)), sorted(os.listdir("/proc/%d/fd" % pid)), [line.split()[0:2] for line in f]
    with aio.target(py, "primitives.py") as target:
        target.settle()
        before = traces(target.pid)
        aio.ps(target.pid)
        tool.run("pstree", target.pid, check=0)
        tool.run("dump", "--pid", target.pid, check=0)
        assert traces(target.pid) == before
        target.assert_unharmed()


def test_no_loop_no_tasks(py):
    with Target(py, "native.py", 0) as target:
        target.settle()
        assert json.loads(tool.run("ps", "--json", target.pid, check=0).stdout)["tasks"] == []


@pytest.mark.versions("3.8", "3.9", "3.12", "3.14", "3.14t")
def test_no_sleep_is_due_later_than_it_lasts(py):
    """600 tasks sleep 20 ms again and again: what is told of one sleep is never computed from the next."""
    nap, found = 0.02, []
    with Target(py, os.path.join("aio", "schedule.py"), "naps") as target:
        for args in [(), ("--nonblocking",), ("--max-pause", "0")] * 6:
            before = time.monotonic()
            answer = json.loads(tool.run("ps", "--json", *args, target.pid, check=0).stdout)
            took = time.monotonic() - before
            found += [(task["due_in"], took) for task in answer["tasks"] if task["due_in"] is not None]
        log = target.ask("log")
        target.assert_unharmed()
    late = max(end - start for _, state, start, end in log["intervals"] if state == "due")
    assert len(found) > 600
    assert max(due for due, _ in found) <= nap + 1e-6
    assert all(due >= -late - took for due, took in found), (min(found), late)
