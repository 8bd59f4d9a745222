# SPDX-License-Identifier: Apache-2.0
"""Allocations of the interpreter fail (_testcapi.set_nomemory) in the deterministic profiler's hooks, and while it begins, ends and is read:
the program does what it does, but for its own MemoryErrors, and the profile says what was called (tests/targets/inside/callfaults.py).

Each attempt fails a little later than the one before.  The same attempts without a profile show what CPython itself can stand: those in which
it cannot (generator expressions in 3.9 and 3.12, context variables) are not made."""
import pytest

from lib import inside

pytestmark = [pytest.mark.inside, pytest.mark.versions("3.9", "3.11", "3.12")]


def attempts(py, case, how="plain", where="main", most=250, **kwargs):
    if py.run("-c", "import _testcapi; _testcapi.set_nomemory").returncode:
        pytest.skip("this interpreter has no _testcapi")
    told = inside.run(py, "callfaults.py", case, how, where, most, **kwargs)
    assert told["n"] == 0, told["wrong"]
    return told["failed"]


@pytest.mark.parametrize("where", ("main", "thread", "late"))
def test_program_alone(py, where):
    """What is tried is nothing that CPython dies of."""
    assert attempts(py, "hooks", "bare", where, strobe=False) > 50


@pytest.mark.parametrize("how", ("plain", "tag", "compensate", "filter", "left_out"))
@pytest.mark.parametrize("where", ("main", "thread", "late"))
def test_hooks(py, how, where):
    """Calls are counted to the last one."""
    assert attempts(py, "hooks", how, where) > 5


def test_hooks_of_builtins(py):
    """The interpreter itself needs memory to tell of a builtin, in the program's place; in a thread that waits for a lock nobody would know
    whether it has it."""
    assert attempts(py, "hooks", "builtins") > 50


@pytest.mark.versions("3.9", "3.11")
@pytest.mark.parametrize("how", ("plain", "tag", "builtins"))
def test_begin(py, how):
    """It has begun, or nothing of it stays: the next one is right."""
    assert attempts(py, "begin", how) > 50


@pytest.mark.parametrize("how", ("plain", "tag", "builtins"))
def test_end(py, how):
    """It has ended, or does when it is asked to once more."""
    assert attempts(py, "end", how) > 2


def test_read(py):
    """What there is, or MemoryError; neither changes the profile, nor does a file stay half-written."""
    assert attempts(py, "read") > 1000
