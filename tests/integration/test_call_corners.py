# SPDX-License-Identifier: Apache-2.0
"""The deterministic profiler where it meets what is rare (tests/targets/inside/callcorners.py)."""
import pytest

from lib import inside, packages

pytestmark = pytest.mark.inside


def facts(py, case, **kwargs):
    return inside.run(py, "callcorners.py", case, **kwargs)


@pytest.mark.versions_all
def test_signals(py):
    """What a signal's handler raises is the program's, also while a tag is asked."""
    for name, seen in facts(py, "signals").items():
        assert seen == ["too late"] * 20, name


def test_a_child_of_a_fork(py):
    """What is on its stack when a profile begins there is alive, on the one thread that it has."""
    told = facts(py, "forked")
    assert told["rows"] == {"<module>": [0, 0, 1], "forked": [0, 0, 1], "inner": [0, 0, 1], "leaf": [1, 1, 0]} and told["total"] > 0
    assert told["threads"] == [["MainThread", told["pid"], False]] and told["same"]


@pytest.mark.versions_all
def test_nothing_lives_longer(py):
    assert facts(py, "lifetimes")["dead"] == [1] * 6


@pytest.mark.versions_all
def test_threads_of_the_same_ident(py):
    told = facts(py, "one_after_the_other")
    each = {"worker-10": 10, "worker-100": 100, "worker-1000": 1000}
    assert {name: calls for name, calls in told["saved"].items() if name in each} == each
    assert told["objects"] == told["names"] == each
    assert told["unstarted"] == told["nobody"] == 0 and told["refused"] == 4


@pytest.mark.versions_all
def test_stop_in_the_middle(py):
    """Functions that go on have not ended, wherever their threads are when the profile stops."""
    told = facts(py, "stopped_anywhere")
    assert told["wrong"] == [] and told["n"] > 5


@pytest.mark.versions_all
def test_python_while_a_thread_ends(py):
    """Destructors of a thread's variables: their calls are counted, once, and not as another thread's."""
    told = facts(py, "destructors")
    assert told["second"] == 2 and told["all"] == [1005, 1005, 0] and told["late"] == [1, 1, 0]


def test_decorated_in_a_handler(py):
    """Neither waits for the other: the program ends, and both have called it."""
    assert facts(py, "decorated_in_a_handler") == {"called by": [False, True]}


@pytest.mark.versions_all
def test_an_exception_into_what_was_there(py):
    """The program gets it, whatever the profile has to ask of the generator's module; `-m`'s is known by its own name."""
    told = facts(py, "thrown_with_filter")
    assert told["caught"] == ["caught"] * 3 and told["leaf"] == [[1], [], []]


@pytest.mark.versions_all
def test_a_tag_that_forks(py):
    told = facts(py, "forked_by_a_tag")
    assert told["status"] == 7 and told["leaf"][0] == 1


def test_the_current_thread_is_gone(py):
    """Who has its ident now is another one."""
    assert facts(py, "current_and_gone") == {"same ident": True, "leaf": [1, 1, 0]}


@pytest.mark.alone
def test_cost_measured_in_depth(py):
    """Where events step aside, as the stack is used up, they cost nothing: that is not what they cost."""
    assert 1 / 3 < facts(py, "cost_in_depth")["overhead"] / facts(py, "cost_flat")["overhead"] < 3


@pytest.mark.versions("3.9", "3.12", "3.14t")
@pytest.mark.parametrize("case", ("destructors", "forked_by_a_tag", "thrown_with_filter", "ended_meanwhile", "foreign", "beyond"))
def test_with_sanitizers(py, case):
    """The extension built with ASan and UBSan."""
    inside.run(py, "callcorners.py", case, **inside.sanitized())


@pytest.mark.versions_all
def test_reading_while_it_begins_or_forks(py):
    told = facts(py, "read_while_it_begins")
    assert told["status"] == [5] and told["leaf"][:1] == [31]


def test_a_thread_that_ends_meanwhile(py):
    assert facts(py, "ended_meanwhile") == {"MainThread": False, "worker": True}


def test_a_thread_that_ends_afterwards(py):
    assert facts(py, "ended_afterwards") == {"before": {"MainThread": False, "worker": False}, "after": {"MainThread": False, "worker": True}}


@pytest.mark.versions_all
def test_profile_functions_of_the_program(py):
    told = facts(py, "profile_functions")
    assert told["busy"] == [5, 5, 0] and told["by"] == {"calls_it": 5} and (told["lost"] > 0) == (py.minor < (3, 12))


@pytest.mark.versions_all
def test_names_of_builtins(py):
    assert facts(py, "names_of_builtins") == {"<method 'get' of 'dict' objects>": 11}


def test_no_tag_and_many(py):
    told = facts(py, "no_tag")
    assert told["empty"] == [1, 1, 0] and told["lost"] and (told["tags"], told["all"]) == (1000, 1500)
    assert told["others"] == 1500 - (1000 - 2)  # the empty one, which was there at first, and the others' own


def test_functions_of_one_place(py):
    told = facts(py, "equal_keys")
    assert told["self"] < told["inner"] <= told["caller"] + 1e-9 and told["inner"] >= 0.01


def test_a_warning_is_not_the_programs(py):
    told = facts(py, "warned")
    assert told["warned"] == 1 and set(told["files"]) <= {"callcorners.py", "common.py", "warnings.py", "_py_warnings.py"}


@pytest.mark.versions_all
def test_foreign_awaitables(py):
    """Objects of the program's own in a chain of awaits are not asked: what is behind them is not known, what is before them is right."""
    for kind, (waits, awaited) in facts(py, "foreign").items():
        assert waits == [0, 1, 0] and awaited < 0.045, kind


@pytest.mark.alone
@pytest.mark.versions_all
def test_asynchronous_generators_that_wait(py):
    told = facts(py, "generators_that_wait")
    for name, (awaited, own, *counted) in told["rows"].items():
        assert awaited == pytest.approx(told["took"], abs=0.005) and counted == [0, 1, 0], name
        assert own == (awaited if name == "sleep" else 0), name


@pytest.mark.alone
def test_beyond_the_limits(py):
    """Functions beyond max_functions are counted as such, each call; what is within it has its time, also where the tree is full."""
    told = facts(py, "beyond")
    assert told["full"]["lost"]["paths"] and not told["room"]["lost"]["paths"]
    for name, found in told.items():
        assert found["lost"]["calls_of_other_functions"] == found["others"] == 8, name
        assert found["works"] < 0.02 and found["leaf"], "spin() is another function: its time is not that of works()"


def test_averages(py):
    for name, (average, inclusive, calls, unfinished) in facts(py, "averages").items():
        assert average == pytest.approx(inclusive / (calls + unfinished)), name


@pytest.mark.alone
def test_compensate_beside_other_threads(py):
    """The time of others' turns is the function's, as it is without a profile."""
    told = facts(py, "turns")
    for others, (wall, cpu, total) in told.items():
        assert wall - 1.2 * cpu <= total <= wall, others


@pytest.mark.versions("3.9", "3.10", "3.11")
def test_another_tool_that_evaluates_frames(py):
    told = facts(py, "another_tool")
    assert told["stays"] and told["aside"] > 0


def test_interrupted_files(py):
    """Ctrl-C is Ctrl-C, and a file is there as a whole or not at all; what has stopped reads the same each time."""
    assert facts(py, "interrupted_files") == {"after": "KeyboardInterrupt", "before": "KeyboardInterrupt", "files": ["after.pstat"], "same": True}


@pytest.mark.versions("3.9", "3.11", "3.12", "3.14")
def test_a_greenlet_that_is_left(py):
    """Its thread has ended, and so has it: it has waited until then."""
    told = facts(py, "greenlet_left", env=packages.need(py, "greenlet"))
    assert told["counted"] == [1, 1, 0] and told["awaited"] > 0.015
    assert told["shortest"] == told["longest"] == pytest.approx(told["inclusive"])
