# SPDX-License-Identifier: Apache-2.0
"""The variables of contexts in live processes: every one of them, with its name and value, whatever the shape of the tree."""
import subprocess

import pytest

from lib import built
from lib.target import Target


@pytest.fixture(scope="module")
def demo():
    built.make("context-demo")
    return built.path("tests/integration/context_demo")


def read(demo, pid, addresses):
    """{address: (count or error, error of a name that is not there, {address of a variable: fields})}"""
    done = subprocess.run([demo, str(pid)] + [str(at) for at in addresses], stdout=subprocess.PIPE, check=True, timeout=60)
    found = {}
    for line in done.stdout.decode().splitlines():
        kind, address, *fields = line.split("\t")
        if kind == "C":
            variables = {}
            found[int(address)] = (fields[0], fields[1], variables)
        else:
            assert address not in variables
            variables[address] = fields
    return found


def test_contexts(py, demo):
    with Target(py, "contexts.py") as target:
        contexts = target.ready["contexts"]
        found = read(demo, target.pid, [facts["at"] for facts in contexts.values()])
        for what, facts in contexts.items():
            count, none, variables = found[facts["at"]]
            assert (what, count, none) == (what, str(len(facts["vars"])), "not found")
            assert {at: fields[:2] for at, fields in variables.items()} == facts["vars"], what
            # By name: that variable's value, or, where others have its name, always the same one's.
            by_name = {name: value for name, _, value in variables.values()}
            for name, value, got in variables.values():
                assert got == (value if what != "one name" else by_name[name]), what
        target.assert_unharmed()


def test_what_is_no_context(py, demo):
    with Target(py, "contexts.py") as target:
        facts = target.ready["contexts"]["2 variables"]
        for at in [int(var) for var in facts["vars"]] + [0, 8, 2 ** 64 - 8, facts["at"] + 8]:
            count, none, variables = read(demo, target.pid, [at])[at]
            assert not count.isdigit() and not none.isdigit() and variables == {}
        target.assert_unharmed()
