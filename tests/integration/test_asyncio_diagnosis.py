# SPDX-License-Identifier: Apache-2.0
"""The last lines of pstree against programs that know whether they are in a deadlock: tests/targets/aio/deadlocks.py."""
import pytest

from lib import aio, tool


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
