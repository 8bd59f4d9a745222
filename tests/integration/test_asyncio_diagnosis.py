# SPDX-License-Identifier: Apache-2.0
"""The last lines of pstree against programs that know whether they are in a deadlock: tests/targets/aio/deadlocks.py;
loops that nobody runs, tasks that have ended, processes that are stopped."""
import re
import signal

import pytest

from lib import aio, procfs, tool


def diagnosis(py, shape):
    """What is said, and who is in the circle by the program's own account."""
    with aio.target(py, "deadlocks.py", shape) as target:
        target.settle()
        texts = aio.ps(target.pid).raw["diagnosis"]
        lines = [line[2:] for line in tool.run("pstree", target.pid, check=0).stdout.splitlines() if line.startswith("→ ")]
        circle = target.ask("circle")
        target.assert_unharmed()
    assert lines == texts, "there are few enough to be shown all"
    return texts, circle


def assert_deadlock(texts, circle, *words):
    assert circle, "the program is not what it is meant to be"
    text, = texts
    assert text.startswith("deadlock: "), text
    for word in words:
        assert word in text, text
    assert len(text) <= 200, text


@pytest.mark.parametrize("shape", ["in_pool", "in_pool_by_submit"])
def test_pool_whose_threads_wait_for_it(py, shape):
    texts, circle = diagnosis(py, shape)
    assert_deadlock(texts, circle, 'ThreadPoolExecutor "handlers"', "whose 3 threads all wait", "and 2 more")
    assert any(name in texts[0] for name in circle), texts


@pytest.mark.parametrize("shape", ["in_pool_that_ends", "in_pool_with_one_busy", "on_loop_that_ends", "in_semaphore_with_one_that_goes_on"])
def test_no_deadlock(py, shape):
    """A wait that has an end, a thread or a permit that will be free."""
    texts, circle = diagnosis(py, shape)
    assert not circle and not any(text.startswith(("deadlock", "likely")) for text in texts), texts


def test_loop_that_waits_for_itself(py):
    texts, circle = diagnosis(py, "on_loop")
    assert circle == ["MainThread"]
    assert_deadlock(texts, circle, "MainThread", "blocker in blocks_its_loop deadlocks.py:", "its own loop")
    texts, circle = diagnosis(py, "on_loop_for_a_task")
    assert circle == ["MainThread"]
    assert_deadlock(texts, circle, "MainThread", "waits in result() for inner,", "its loop")


def test_semaphore_whose_holders_want_more(py):
    texts, circle = diagnosis(py, "in_semaphore")
    assert_deadlock(texts, circle, circle[0] + " and 2 more hold all of BoundedSemaphore Client.permits")
    texts, circle = diagnosis(py, "in_plain_semaphore")  # it does not keep how many permits it has
    assert circle and len(texts) == 1
    assert texts[0].startswith("likely deadlock: %s and 2 more are all that were seen to hold Semaphore Client.permits" % circle[0])


@pytest.mark.parametrize("implementation", ["C", "Python"])
def test_how_tasks_ended_and_loops_that_do_not_run(py, implementation):
    with aio.target(py, "endings.py", *["--pytask"] * (implementation == "Python")) as target:
        target.settle()
        answer = aio.ps(target.pid)
        rows = tool.run("ps", target.pid, check=0).stdout
        tree = tool.run("pstree", target.pid, check=0).stdout
        told = target.ask("told")
        target.assert_unharmed()
    listed = {task["name"]: task for task in answer.raw["tasks"]}
    for name, (outcome, exception, loop) in told.items():
        if outcome and name not in listed:
            continue  # asyncio's own list has it no more, from 3.14 on
        task = listed[name]
        assert (task["outcome"], task["exception"]) == (outcome, exception), task
        row, = re.findall(r"^.*\b%s\b.*$" % name, rows, re.M)
        if outcome:
            assert ("done: " + outcome + (" " + exception if exception else "")) in row
        else:
            assert task["loop_state"] == loop and "loop " + loop in row
    assert "[loop closed]" in tree and "[loop not running]" in tree
    assert all(told[name][0] is None or name in listed for name in told) or answer.raw["python"] >= "3.14"
    assert "raised-0" not in listed or "done: exception Mismatch" in tree


def test_stopped_process(py):
    """It is said, and that it is no loop that keeps its tasks waiting."""
    line = "the process is stopped (state T): nothing runs"
    with aio.target(py, "incident.py") as target:
        target.settle()
        running = [tool.run(*words, target.pid, check=0).stdout for words in (["ps"], ["pstree"], ["pstree", "--expand"], ["dump", "--pid"])]
        assert not any(line in text for text in running)
        target.kill(signal.SIGSTOP)
        while procfs.state(target.pid) != "T":
            pass
        try:
            for words in (["ps"], ["pstree"], ["pstree", "--expand"], ["dump", "--pid"]):
                text = tool.run(*words, target.pid, check=0).stdout
                assert text.splitlines()[-1].strip() == line
                assert "the loop is" not in text
            assert aio.ps(target.pid).raw["stopped"] is True
            assert procfs.state(target.pid) == "T", "it stays stopped"
        finally:
            target.kill(signal.SIGCONT)
        target.assert_unharmed()
