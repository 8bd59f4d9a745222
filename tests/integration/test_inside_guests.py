# SPDX-License-Identifier: Apache-2.0
"""strobe in programs that do what they like with what is theirs: descriptors, wrapped methods, interpreters, forks."""
import pytest

from lib import built, inside, packages

pytestmark = [pytest.mark.inside, pytest.mark.few]


@pytest.mark.versions("3.9", "3.12", "3.14t")
def test_descriptors_that_are_closed_are_the_programs(py):
    facts = inside.run(py, "guests.py", "closed")
    assert facts["mine"], "descriptors of the program were closed"
    assert facts["intact"], "files of the program were written to"
    assert "input/output error" in facts["order"], "the order in time was in a file that the program has closed"
    assert facts["seconds"] > 0.5 and facts["stacks"] > 10, "the recording itself goes on"


def test_somebody_wraps_it_too(py):
    assert inside.run(py, "guests.py", "wrapped") == {"layers": 4, "silent": True, "again": True, "quiet": 3}


def test_what_watch_refuses_is_not_kept(py):
    facts = inside.run(py, "guests.py", "refused")
    assert facts["errors"].count(None) == 0 and facts["kept"] == []


def test_metering_that_was_turned_off(py):
    assert inside.run(py, "guests.py", "turned_off") == {"before": True, "child": 0, "asked": 0, "off": True, "again": True}


@pytest.mark.versions_all
def test_other_interpreters(py):
    assert inside.run(py, "guests.py", "interpreters")["found"] == ["ImportError"] * 4 + ["label"]


def test_path_that_is_no_text(py):
    assert inside.run(py, "guests.py", "odd_path") == {"text": True}


@pytest.mark.versions("3.9", "3.12", "3.14t")
def test_last_values_of_a_worker(py):
    facts = inside.run(py, "guests.py", "last_values", env=packages.need(py, "prometheus"))
    assert facts["child"] == 0 and 0.5 < facts["known"] <= 1.6, facts  # 1.5 s, since it was found
    assert facts["written"] >= facts["known"] - 1e-9, facts  # sums of the same numbers, in whatever order


def test_manners(py):
    facts = inside.run(py, "guests.py", "manners")
    kinds = [one.partition(":")[0] for one in facts["told"]]
    assert kinds == ["TypeError", "ValueError", "OSError"] + ["TypeError"] * 6 + ["FileNotFoundError"], facts["told"]
    assert facts["told"][-1].endswith("'/nowhere/x.svg'")
    assert ["v" in facts["labels"][0], "w" in facts["labels"][1], facts["labels"][2]] == [True, True, ["None"]]


def test_importing_strobe_loads_next_to_nothing(py):
    """Of modules that the interpreter has not loaded for itself: its own alone."""
    done = py.run("-c", "import sys; sys.path.insert(0, sys.argv[1]); before = set(sys.modules); import strobe; print(*set(sys.modules) - before)",
                  inside.environment(py)["PYTHONPATH"])
    assert done.stdout.split() == ["strobe"], done


@pytest.mark.versions("3.9", "3.10", "3.11")
def test_binary_built_with_newer_headers(py):
    """They take None for immortal, and these interpreters die of it."""
    folder = inside.build([inside.newest_maker()], BUILD=built.path("newest"))
    changes = inside.run(py, "guests.py", "references", folder=folder)
    assert all(abs(change) < 60 * 2 for change in changes), changes  # of 60 rounds; what interpreters keep for reuse has some, too
