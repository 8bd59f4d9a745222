# SPDX-License-Identifier: Apache-2.0
"""What things that tasks wait for are called, in every version: tests/targets/aio/naming.py.  A wrong name is worse than none."""
import re

import pytest

from lib import aio, tool


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


def test_a_variable_names_what_it_has_in_every_task(py):
    """A lock that one task has as `first` and another as `second` is called neither; where two have one name, their addresses say
    which."""
    with aio.target(py, "lent.py") as target:
        target.settle()
        answer = aio.ps(target.pid)
        tree = tool.run("pstree", target.pid, check=0).stdout
        variables, accounts = target.ask("variables"), target.ask("accounts")
        assert not answer.wrong
        wrong, shared = [], {}
        for wait in answer.waits.values():
            if wait["name"]:
                shared.setdefault(wait["name"], set()).add(wait["object"])
        for task in answer.tasks:
            own = variables.get(task["name"], {})
            for one in [task["waits_for"]] + list(task["holds"] or []):
                wait = answer.waits.get(one)
                if not wait or not wait["name"]:
                    continue
                name = wait["name"]
                if name in own and own[name] != wait["object"]:
                    wrong.append("%s: %s is %s there" % (task["name"], name, own[name]))
                elif name.startswith("child.") and len(shared[name]) > 1 and name not in own and task["name"].startswith("parent"):
                    wrong.append("%s: %s is another's name of one of two" % (task["name"], name))
        assert not wrong, "\n".join(wrong)
        names = {wait["object"]: wait["name"] for wait in answer.waits.values()}
        assert [names[one] for one in accounts] == ["Account.lock"] * 2
        assert names[variables["only"]["only.mine"]] == "one.given"
        assert set(re.findall(r"Account\.lock( at 0x[0-9a-f]+)?", tree)) == {" at " + one for one in accounts}
        assert not re.search(r"one\.given at", tree)
        target.assert_unharmed()


@pytest.mark.parametrize("needs", [(), ("anyio",)], ids=["without", "with"])
def test_a_program_in_a_folder_named_as_a_library(py, needs):
    """Its frames are shown, name what is waited for, and are not taken for the library's functions of these names."""
    with aio.target(py, "folders.py", needs=needs) as target:
        target.settle()
        answer = aio.ps(target.pid)
        tree = tool.run("pstree", target.pid, check=0).stdout
        tasks = {task["name"]: task for task in answer.tasks}
        for file, said in target.ask("locks").items():
            wait = answer.wait_of(tasks[said["task"]])
            if needs == () and file.startswith("/srv/anyio/_backends"):
                continue  # where anyio lies is not known, and it has such a file
            assert (wait["kind"], wait["object"], wait["name"]) == ("lock", said["lock"], said["function"] + ".self"), file
            line = [line for line in tree.splitlines() if said["task"] + " " in line]
            assert ["%s %s:" % (said["function"], file.split("/")[-1]) in one for one in line] == [True], tree
        target.assert_unharmed()
