# SPDX-License-Identifier: Apache-2.0
"""Children, new programs and ends of a process that records itself."""
import json

import pytest

from lib import inside

pytestmark = [pytest.mark.inside, pytest.mark.few]
MOST = 0.4  # of the time that a child computes; the rest is how long its new thread may wait for a CPU on a machine that is busy
CLEAN = {"running": False, "tids": 1, "is_me": True, "proc": []}


@pytest.mark.alone
def test_children_begin_clean(py):
    facts = inside.run(py, "forks.py", "plain")
    assert facts["child"] == CLEAN and facts["thread"] == CLEAN, facts
    assert facts["own"]["below"] == CLEAN and facts["own"]["mine"] and MOST < facts["own"]["part"] < 1.3, facts
    assert facts["refused"].startswith("this recording is the parent process's"), facts
    assert facts["stop"] == "None" and facts["fds"][0] == facts["fds"][1], facts
    assert facts["looks"] > 100, "the parent's goes on"


@pytest.mark.alone
def test_children_that_are_to_record_do(py):
    facts = inside.run(py, "forks.py", "follow")
    assert facts["running"] and facts["below"] == {"running": True, "rate": 500.0} and facts["tids"] == 1, facts
    assert MOST < facts["part"] < 1.3 and facts["after_stop"] is False, facts


@pytest.mark.alone
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(py, method):
    facts = inside.run(py, "forks.py", "processes", method)
    assert facts["squares"] == [n * n for n in range(30)]
    assert len(facts["parts"]) == 6 and all(MOST < part < 1.3 and not running for _, part, running, _ in facts["parts"]), facts


@pytest.mark.versions_all
def test_python_does_not_warn_of_our_threads(py):
    facts = inside.run(py, "forks.py", "quiet")
    if not (3, 13) <= py.version < (3, 13, 10) and py.version != (3, 14, 0):  # these count after the hooks (CPython's issue 137109)
        assert facts["told"] == []
    assert facts["stats"]["elapsed"] >= facts["elapsed"] and facts["stats"]["looks"] >= 60, "one recording, from its start"


def test_a_thousand_short_children(py):
    facts = inside.run(py, "forks.py", "bomb", 1000)
    assert facts["bad"] == 0 and facts["looks"] > 100
    assert facts["stopped"] == 0, "its threads rest while it forks: that is no end of the recording"
    assert facts["grown"] < 1 << 20, facts


def test_forks_while_recordings_begin_and_end(py):
    assert inside.run(py, "forks.py", "at_once", 100)["bad"] == []


def test_forks_by_native_code(py):
    assert inside.run(py, "forks.py", "native") == {"bad": 0, "running": True}


def test_500_subprocesses(py):
    facts = inside.run(py, "forks.py", "subprocesses", 500)
    assert facts["bad"] == 0 and facts["looks"] > 100
    assert facts["sampled"] == facts["plain"], "a new program finds no file and no signal changed"


def test_exec(py):
    with inside.Program(py, "forks.py") as program:
        for _ in range(20):  # a signal may be on its way to the very thread that becomes another program
            assert program.run("execs") == {"tids": 1, "proc": []}


@pytest.mark.parametrize("how, status, last", [
    ("normal", 0, None), ("sys_exit", 3, None), ("exit_in_thread", 0, None), ("os_exit", 5, None), ("unhandled", 1, "LookupError: of the program"),
    ("abandoned", 0, None), ("late", 0, None), ("killed", -15, None)])
def test_ends(py, how, status, last):
    with inside.Program(py, "ends.py") as program:
        for _ in range(5):  # it is a race in the program: not the same every time
            done = program.finish(how)
            assert done.returncode == status, (how, done.returncode, done.stderr[-4000:])
            assert json.loads(done.stdout.splitlines()[-1]) == {"began": True}
            assert (done.stderr.strip().splitlines() or [None])[-1] == last, done.stderr[-2000:]
