# SPDX-License-Identifier: Apache-2.0
"""What is said to be of one moment was true at one: programs that know what never is (tests/targets/aio/moments.py)."""
import json

import pytest

from lib import aio, formats, tool

VERSIONS = pytest.mark.versions("3.8", "3.9", "3.11", "3.12", "3.14", "3.15", "3.14t")


def look(target, *args):
    return json.loads(tool.run("ps", "--json", *args, target.pid, check=0).stdout)


def runs(task, function):
    return task["state"] == "running" and any(frame["name"].split(".")[-1] == function for frame in task["stack"])


@VERSIONS
def test_a_lock_is_not_free_while_its_holder_runs(py):
    """The stack of the task that runs, what it holds and what the lock says are of one moment.  60 looks: one in thirty was not."""
    with aio.target(py, "moments.py", "held") as target:
        seen = 0
        for _ in range(60):
            answer = look(target)
            burning = [task for task in answer["tasks"] if runs(task, "burn")]
            if not answer["consistent"] or not burning:
                continue
            seen += 1
            lock, = [wait for wait in answer["waits"] if wait["kind"] == "lock"]
            assert (lock["free"], lock["holders"], lock["waiters"]) == (0, [burning[0]["id"]], 3), answer
        burns, free = target.ask("unlocked")
        assert seen > 10 and burns > 10 and free == 0, "the program is what it says"
        target.assert_unharmed()


@VERSIONS
@pytest.mark.alone
def test_blame_knows_who_holds_what_a_task_that_runs_has(py, tmp_path):
    with aio.target(py, "moments.py", "held") as target:
        tool.run("record", "--asyncio", "--blame", "-p", target.pid, "-d", "3", "-r", "100", "-f", "raw", "-o", tmp_path / "raw", check=0)
        target.assert_unharmed()
    stacks = formats.raw_names(tmp_path / "raw")
    unknown = sum(count for stack, count in stacks if stack[-1] == "[waiting: Lock job.lock]")
    known = sum(count for stack, count in stacks if "[Lock job.lock]" in stack and "burn" in stack)
    assert known > 100 and unknown < 0.05 * (known + unknown), stacks


@VERSIONS
def test_a_loop_that_comes_and_goes_is_no_moment(py):
    with aio.target(py, "moments.py", "bursts") as target:
        for _ in range(20):
            assert not look(target, "--nonblocking")["consistent"]
        target.assert_unharmed()


@VERSIONS
@pytest.mark.parametrize("how", [(), ("--nonblocking",)], ids=["exact", "nonblocking"])
def test_where_nothing_runs_there_is_one_moment(py, how):
    with aio.target(py, "moments.py", "stopped") as target:
        target.settle()
        answer = look(target, *how)
        assert answer["consistent"] and len(answer["tasks"]) == target.ready["kept"], answer
        target.assert_unharmed()


@VERSIONS
@pytest.mark.parametrize("which, words, function", [("cpu", "busy with", "keep_by_cpu"), ("sleep", "blocked by", "keep_by_sleep"),
                                                    ("protocol", "blocked by", "data_received"), ("ended", "blocked by", "keep_by_sleep")])
def test_a_callback_that_keeps_the_loop_is_told(py, which, words, function):
    with aio.target(py, "moments.py", which) as target:
        text, = look(target)["diagnosis"]
        assert text.startswith("the loop is %s a callback: " % words) and function in text and text.endswith("5 tasks are ready"), text
        last = tool.run("pstree", target.pid, check=0).stdout.splitlines()[-1]
        assert last.startswith("→ the loop is %s a callback: " % words), last
        target.assert_unharmed()
