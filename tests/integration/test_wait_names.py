# SPDX-License-Identifier: Apache-2.0
"""What things that tasks wait for are called, in every version: tests/targets/aio/naming.py.  A wrong name is worse than none."""
from lib import aio


def test_names(py):
    with aio.target(py, "naming.py") as target:
        target.settle()
        answer = aio.ps(target.pid)
        names = target.ask("names")
        assert not answer.wrong
        got = {wait["object"]: (wait["name"], wait["name_source"]) for wait in answer.waits.values() if wait["object"]}
        wrong = ["%s is %s, by %s" % ((want,) + got.get(one, ("not waited for", None)))
                 for one, want in names.items() if got.get(one, ("not waited for",))[0] not in want]
        assert not wrong, "\n".join(wrong)
        target.assert_unharmed()
