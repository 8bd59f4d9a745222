# SPDX-License-Identifier: Apache-2.0
"""record --subprocesses: children that are there, that come, that go, in one output."""
import re

import pytest

from lib import formats, procfs, tool
from lib.target import Target, wait_for


def by_process(path):
    """{pid: periods} from the root frames "process PID:"COMMAND""."""
    found = {}
    for stack, count in formats.raw(path):
        match = re.match(r'process (\d+):"', stack[0])
        assert match, stack[0]
        found[int(match.group(1))] = found.get(int(match.group(1)), 0) + count
    return found


@pytest.mark.versions("3.8", "3.11", "3.12", "3.14", "3.15", "3.14t")
def test_present_and_future_children(py, tmp_path):
    out, rate = tmp_path / "raw", 100
    with Target(py, "family.py", 2) as target:
        with tool.Running("record", "--pid", target.pid, "-s", "-f", "raw", "-o", out, "-r", rate) as strobe:
            strobe.process.stderr.readline()
            later = target.ask("start")["pid"]  # first: it must have been there for 50 ms when the recording ends
            brief = [target.ask("brief", "0.4")["pid"] for _ in range(3)]
            status, _, err = strobe.end()
        assert status == 0, err
        found = by_process(out)
        assert set(found) - {target.pid} == set(target.ready["children"]) | set(brief) | {later}
        for pid in brief:
            # A child works for 0.4 s = 40 periods from when it is up, by then it has been found.  On a machine with more busy
            # processes than CPUs a look has to wait for each of them to be scheduled; half of the periods are seen there too.
            assert found[pid] >= 20, (pid, found, err)
        target.ask("stop")
        target.assert_unharmed()


@pytest.mark.versions("3.12")
def test_a_child_is_found_within_50_ms(py, tmp_path):
    """Children that live for 100 ms after they are up, one after the other: every single one is in the profile."""
    out = tmp_path / "raw"
    with Target(py, "family.py", 0) as target:
        with tool.Running("record", "--pid", target.pid, "-s", "-f", "raw", "-o", out, "-r", "1000") as strobe:
            strobe.process.stderr.readline()
            pids = {target.ask("brief", "0.1")["pid"] for _ in range(20)}
            status, _, err = strobe.end()
        assert status == 0, err
        found = by_process(out)
        assert pids <= set(found)


@pytest.mark.versions("3.10", "3.12", "3.14")
def test_a_child_that_is_long_in_its_parents_memory(py, tmp_path):
    """Between vfork and exec a child's memory is its parent's: reading that, strobe would never see the exec."""
    out = tmp_path / "raw"
    with Target(py, "vforks.py") as target:
        with tool.Running("record", "--pid", target.pid, "-s", "-f", "raw", "-o", out, "-r", "100") as strobe:
            strobe.process.stderr.readline()
            answer = target.ask("start")
            assert answer["took"] > 0.1, "it was found and looked at several times before its exec"
            target.ask("wait")
            status, _, err = strobe.end()
        assert status == 0, err
        names = {name for stack, _ in formats.raw_names(out) if stack[0].startswith("process %d:" % answer["pid"]) for name in stack}
        assert "child_work" in names, (names, err)


@pytest.mark.versions("3.8", "3.12", "3.14")
def test_an_exec_is_no_error(py, tmp_path):
    """The program before the exec and the one after it are both in the profile, and nothing is counted as an error for two seconds."""
    with Target(py, "execs.py") as target:
        with tool.Running("record", "--pid", target.pid, "-s", "-f", "raw", "-o", tmp_path / "raw", "-r", "100", "-d", "3") as strobe:
            strobe.looked()
            target.process.stdin.write(b"go\n")
            target.process.stdin.flush()
            status, _, err = strobe.wait()
        assert status == 0, err
        names = {name for stack, _ in formats.raw_names(tmp_path / "raw") for name in stack}
        assert {"before_exec", "after_exec"} <= names
        # Looks between the exec and the next poll (20 ms) fail, on a busy machine some more.
        assert int(re.search(r"Errors: (\d+)", err).group(1)) < 50, err


@pytest.mark.versions("3.8", "3.14")
def test_without_the_option_children_are_left_alone(py, tmp_path):
    with Target(py, "family.py", 2) as target:
        tool.run("record", "--pid", target.pid, "-f", "raw", "-o", tmp_path / "raw", "-d", "0.3", "--idle", check=0)
        names = {name for stack, _ in formats.raw_names(tmp_path / "raw") for name in stack}
        assert "parent_wait" in names and "child_work" not in names
        assert not any(name.startswith("process ") for name in names)


@pytest.mark.versions("3.8", "3.12", "3.14")
def test_launched_program_and_its_children(py, tmp_path):
    code = ("import os, time\ndef work():\n    e = time.monotonic() + 0.3\n    while time.monotonic() < e: pass\n"
            "pid = os.fork()\nwork()\nif pid: os.waitpid(pid, 0)\n")
    tool.run("record", "-s", "-f", "raw", "-o", tmp_path / "raw", "-r", "200", "--", *py.argv, "-c", code, check=0)
    assert len(by_process(tmp_path / "raw")) == 2
