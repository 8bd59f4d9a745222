# SPDX-License-Identifier: Apache-2.0
"""strobe.install_signal(): what it writes to, whose action the signal has, forks, and locks, by programs that do to it what programs do."""
import pytest

from lib import inside

pytestmark = [pytest.mark.inside, pytest.mark.few]


def test_a_pipe_of_the_process_itself(py):
    facts = inside.run(py, "dumps.py", "own_pipe")
    assert facts["bytes"] > 128 << 10 and facts["deep"] == 300 and facts["dumps"] == 1, facts
    assert facts["removed"] and not facts["thread"], "with the last signal the thread ends, whatever it writes"


def test_forks_while_a_dump_is_written(py):
    facts = inside.run(py, "dumps.py", "forks_meanwhile")
    assert facts["deep"] == 300 and facts["dumps"] == 1, "it goes on behind each fork: whole, and once"
    assert facts["left"] == [1, 1], "children close what the dump is written to"


@pytest.mark.versions_all
def test_python_does_not_warn_of_the_thread(py):
    facts = inside.run(py, "dumps.py", "warned")
    if not (3, 13) <= py.version < (3, 13, 10) and py.version != (3, 14, 0):  # these count after the hooks (CPython's issue 137109)
        assert facts["told"] == []


def test_a_fifo_without_reader_and_a_socket(py):
    assert inside.run(py, "dumps.py", "fifo") == {"socket": True, "fifo": True}


def test_files_that_the_program_closes(py):
    facts = inside.run(py, "dumps.py", "closed")
    assert facts["same"] and facts["other"] == "", "no other file gets the dump"
    assert facts["left"] == [] and facts["more"] == "" and facts["open"], facts


def test_no_dump_comes_late(py):
    assert inside.run(py, "dumps.py", "late") == {"dumps": "", "stranger": ""}


def test_actions_that_the_program_sets(py):
    facts = inside.run(py, "dumps.py", "reset")
    assert facts == {"removed": True, "dumps": 2, "came": 3, "thread": False}


def test_what_is_refused(py):
    facts = inside.run(py, "dumps.py", "refused")
    assert facts["said"] == ["ValueError"] * 10 + ["OSError", "RuntimeError", "at 8"] and not facts["thread"], facts


def test_children_find_no_lock_taken(py):
    assert inside.run(py, "dumps.py", "first_dumps") == {"bad": 0}


def test_all_at_once(py):
    facts = inside.run(py, "dumps.py", "at_once")
    assert facts["bad"] == 0 and not facts["thread"], facts
