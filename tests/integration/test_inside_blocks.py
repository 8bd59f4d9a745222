# SPDX-License-Identifier: Apache-2.0
"""strobe.label() and strobe.sample(): blocks, decorators, and how they end."""
import pytest

from lib import inside

pytestmark = [pytest.mark.inside, pytest.mark.few, pytest.mark.alone]


MOST = 0.2  # of the periods may be at a boundary: on a machine that is busy one sample stands for many


def assert_labelled(found, *ought):
    """What ran in in_one() was under "one", and so on; in_none() was not under any."""
    for work in ("in_one", "in_other", "in_none"):
        where = {value: periods[work] for value, periods in found.items()}
        right = {"in_none": "None"}.get(work, work[3:])
        total = sum(where.values())
        assert (total > 30) == (right in ought), (work, found)
        assert total - where.get(right, 0) <= MOST * total, (work, found)


def test_a_block_that_ends_in_another_context(py):
    assert inside.run(py, "blocks.py", "finalised") == {"said": []}


def test_one_label_for_many(py):
    facts = inside.run(py, "blocks.py", "shared")
    assert_labelled(facts["tasks"], "one", "None")
    assert_labelled(facts["nested"], "one", "None")
    assert_labelled(facts["crossed"], "other", "None")


def test_labelled_generators(py):
    facts = inside.run(py, "blocks.py", "generators")
    assert_labelled(facts["sync"], "one", "None")
    assert_labelled(facts["async"], "one", "None")
    assert facts["went"] == [1, "sent", "thrown", 3, "closed", "returned", "|", 1, "sent", "thrown", 3, "closed"], facts
    assert facts["doc"] == "Steps."


def test_figures_of_parts(py):
    facts = inside.run(py, "blocks.py", "figures")
    for name, stats in facts["parts"].items():
        assert stats["samples"] == facts["periods"][name] and set(stats) == {"elapsed", "rate", "samples", "tasks"}, facts
    assert all(text.startswith("<strobe.SampledProfile: ") and "CPU" not in text for text in facts["repr"]), facts


def test_a_profile_that_is_not_there_yet(py):
    facts = inside.run(py, "blocks.py", "early")
    assert facts["said"][0].startswith("this recording has not begun") and facts["said"][4].startswith("<strobe.sample: this recording goes on")
    assert all(said.startswith("this recording goes on") for said in facts["said"][1:4]), facts
    assert facts["child"] == 0 and facts["exits"] == [7, 7], "what a child raises in the block is its own"
    assert facts["refused"] == "labels are the names of at most 5 context variables, not 6"
    assert facts["repr"].startswith("<strobe.SampledProfile: ") and facts["q"]


def test_saving_leaves_the_mask_alone(py):
    assert inside.run(py, "blocks.py", "masks") == {"modes": [0o600], "saved": 0o600, "left": []}
