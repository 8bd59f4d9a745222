# SPDX-License-Identifier: Apache-2.0
"""The deterministic profiler in programs that are rough with it (tests/targets/inside/callguests.py): nothing crashes or hangs, and what is
counted is right."""
import pytest

from lib import inside

pytestmark = [pytest.mark.inside, pytest.mark.few]


def test_profile_that_is_dropped_by_what_it_asks(py):
    assert inside.run(py, "callguests.py", "dropped") == {"total": 10, "running": False}


def test_profile_that_is_dropped_elsewhere(py):
    assert inside.run(py, "callguests.py", "dropped_elsewhere") == {"junk": 9500, "rows": True}


def test_profile_that_is_read_by_what_it_asks(py):
    assert inside.run(py, "callguests.py", "read_from_inside") == {"read": True, "f": [1]}


@pytest.mark.versions("3.12", "3.13", "3.14", "3.14t")
def test_callbacks_that_the_program_calls(py):
    assert inside.run(py, "callguests.py", "called_by_hand") == {"found": [None] * 4, "rows": True}


def test_waits_from_before(py):
    """In the loops of two other threads; in free-threaded builds nobody looks at what those just do."""
    told = inside.run(py, "callguests.py", "waiting")
    assert [len(awaited) for awaited in told["found"]] == [int(not py.free_threaded)] * 2
    for awaited in filter(None, told["found"]):
        assert told["least"] - 1e-4 <= awaited[0] <= told["most"] + 1e-4
    assert all(awaited < told["most"] for awaited in told["cleared"])


def test_thread_at_the_place_of_another(py):
    told = inside.run(py, "callguests.py", "same_ident")
    assert told["same"], "no thread got the place of another one in %d tries" % told["tries"]
    assert told["second"] and 0 < told["cpu"] <= told["clock"] and told["of_rows"] == pytest.approx(told["cpu"])


def test_decorated_functions_in_odd_places(py):
    assert inside.run(py, "callguests.py", "decorated_in_odd_places") == {"calls": True, "children": [0] * 10, "running": False}


@pytest.mark.parametrize("case, wanted", [("without_asyncio", {"rows": True}), ("begun_in_a_generator", {"found": [1, 2, 3, 4], "rows": [[1, 3]]})])
def test_odd_begins(py, case, wanted):
    assert inside.run(py, "callguests.py", case) == wanted


def test_threads_that_are_busy_when_it_begins(py):
    """What they were in when they were looked at, and have left before their first event, is not taken for what calls the rest."""
    assert inside.run(py, "callguests.py", "busy_when_it_begins") == {"wrong": [], "seen": True}
