# SPDX-License-Identifier: Apache-2.0
"""What things that tasks wait for are called, in every version: tests/targets/aio/naming.py.  A wrong name is worse than none."""
import pytest

from lib import aio


def check(py, *options):
    with aio.target(py, "naming.py", *options) as target:
        target.settle()
        answer = aio.ps(target.pid)
        names = target.ask("names")
        assert not answer.wrong
        got = {wait["object"]: (wait["name"], wait["name_source"]) for wait in answer.waits.values() if wait["object"]}
        wrong = ["%s is %s, by %s" % ((want,) + got.get(one, ("not waited for", None)))
                 for one, want in names.items() if got.get(one, ("not waited for",))[0] not in want]
        assert not wrong, "\n".join(wrong)
        target.assert_unharmed()


def test_names(py):
    check(py)


def test_names_under_settrace(py):
    check(py, "--settrace")


@pytest.mark.versions("3.12", "3.13", "3.14", "3.14t", "3.15")
@pytest.mark.parametrize("options", [["--lines"], ["--instructions"], ["--lines", "--instructions"]], ids="-".join)
def test_names_under_monitoring(py, options):
    """Its events hide opcodes."""
    check(py, *options)
