# SPDX-License-Identifier: Apache-2.0
"""The signal by which a running thread is read on itself: what programs do with signals, and without rights, goes on as it was."""
import os

import pytest

from lib import inside

pytestmark = [pytest.mark.inside, pytest.mark.few]
PART = (0.4, 1.6)  # of a thread's time that is recorded; the rest is how long a look may be late on a machine that is busy


def assert_recorded(facts, on_the_thread=None):
    assert PART[0] < facts["part"] < PART[1], facts
    if on_the_thread is not None:
        assert (facts["visits"] > 0) == on_the_thread, facts


def test_every_free_signal_is_the_programs(py):
    facts = inside.run(py, "signals.py", "all_taken")
    assert facts["signal"] == 0 and facts["came"], facts
    assert_recorded(facts, on_the_thread=False)


def test_all_signals_are_blocked_and_waited_for(py):
    facts = inside.run(py, "signals.py", "all_blocked")
    assert facts["got"] == [10], "SIGUSR1, and nothing of strobe's"
    assert_recorded(facts, on_the_thread=False)


def test_a_thread_blocks_all_signals(py):
    assert_recorded(inside.run(py, "signals.py", "one_blocks"))


def test_threads_of_the_program_that_are_called_strobe(py):
    facts = inside.run(py, "signals.py", "named_like_ours")
    assert facts["signal"] == 0 and facts["after"], facts


def test_the_program_takes_the_number_for_itself(py):
    facts = inside.run(py, "signals.py", "takes_ours")
    assert facts["second"] and facts["second"] != facts["number"] and facts["handler"], facts
    assert facts["before"] == [] and facts["came"] == [facts["number"]], "it gets what it sent itself, and nothing else"
    assert facts["visits"] > 0


def test_the_program_sets_all_signals_to_their_defaults(py):
    assert inside.run(py, "signals.py", "resets_ours")["alive"]


def test_handlers_timers_and_faulthandler(py):
    facts = inside.run(py, "signals.py", "handlers")
    assert facts["counts"]["usr1"] == facts["sent"] and facts["counts"]["alarm"] > 100 and facts["counts"]["prof"] > 10, facts
    assert facts["woken"] == [10, 14, 27], "only the program's signals wake it"
    assert facts["visits"] > 100 and facts["traced"], facts


def test_a_thread_with_a_small_stack(py):
    assert_recorded(inside.run(py, "signals.py", "alternate_stack"), on_the_thread=True)


def test_a_second_interpreter(py):
    facts = inside.run(py, "signals.py", "second_interpreter")
    assert facts["said"] in ("recording", "ImportError"), facts
    assert facts["seen"] > 0.3, "its threads are seen from the first one"


# ---- system calls ----


def test_no_thread_that_sleeps_is_woken(py):
    """Some 10,000 looks at threads in calls that a signal would end, the Python code around them retries nothing."""
    facts = inside.run(py, "eintr.py", "sleepers", 10000, 5000)
    assert facts["stats"]["looks"] >= 10000 and facts["stats"]["visits"] > 1000, facts
    for name, (calls, interrupted) in facts["counts"].items():
        assert calls >= 1 and interrupted == 0, (name, facts)


def test_no_thread_that_sleeps_with_the_gil_is_woken(py):
    facts = inside.run(py, "eintr.py", "keeps_gil", 2000)
    assert facts["calls"] > 100 and (facts["interrupted"] == 0 or facts["interrupted"] < 0.02 * facts["calls"]), facts


def test_waits_that_a_signal_may_meet(py):
    """A thread that is about to sleep when it is visited: the wait is made again, where the C library lets that be done."""
    facts = inside.run(py, "eintr.py", "alternates", 4, 100)
    assert facts["calls"] > 500
    assert facts["interrupted"] <= (0 if facts["made_again"] else facts["stats"]["visits"]), facts


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="calls are made again on x86-64 only")
@pytest.mark.versions_all
def test_every_kind_of_wait_goes_on(py):
    facts = inside.run(py, "eintr.py", "met")
    assert len(facts) == 8 and not any(facts.values()), facts


# ---- rights ----


@pytest.mark.parametrize("calls, on_the_thread", [
    (("process_vm_readv",), True), (("process_vm_readv", "later"), True), (("tgkill",), False),
    (("process_vm_readv", "tgkill"), False)])
def test_calls_that_a_filter_forbids(py, calls, on_the_thread):
    facts = inside.run(py, "signals.py", "seccomp", *calls)
    assert_recorded(facts, on_the_thread)
    assert not isinstance(facts.get("first"), str), facts


def test_a_snapshot_that_no_recording_follows(py):
    facts = inside.run(py, "signals.py", "no_more_threads")
    assert facts["first"] > 0.1 and not facts["running"] and facts["said"].startswith("strobe: "), facts


def test_a_process_that_nobody_may_look_into(py):
    facts = inside.run(py, "signals.py", "undumpable")
    assert_recorded(facts, on_the_thread=True)
    assert facts["tasks"] == [] and facts["threads"] == 1, facts


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_rights_that_are_dropped(py):
    assert_recorded(inside.run(py, "signals.py", "drops_rights"))
