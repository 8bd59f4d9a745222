# SPDX-License-Identifier: Apache-2.0
"""Targets that are killed, end, exec or fork while they are looked at, at random moments, many times."""
import os
import random
import signal
import subprocess

import pytest

from lib import formats, procfs, tool
from lib.target import Target, wait_for

POSSIBLE = {"<module>", "main", "outer", "middle", "leaf", "ready", "say", "counter", "dumps", "_get_sep", "JSONEncoder.encode", "encode"}


def one_sentence(err):
    lines = [line for line in err.splitlines() if line.strip()]
    assert len(lines) <= 3 and "Traceback" not in err and "rror: " not in err.replace("strobe: ", ""), err


def end_of_recording(strobe, out, names=None):
    """The recording ends by itself: with what was gathered, or with a sentence and no file."""
    status, _, err = strobe.wait(20)
    if status == 0:
        stacks = formats.raw_names(out)
        if names is not None:
            assert {name for stack, _ in stacks for name in stack} <= names, err
        os.unlink(out)
    else:
        assert status == 1, (status, err)
        one_sentence(err)
        assert not os.path.exists(out)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("rounds", [200])
@pytest.mark.versions("3.13")
def test_target_killed_while_recorded(py, tmp_path, rounds):
    kill_target(py, tmp_path, rounds)


@pytest.mark.versions("3.8", "3.11", "3.14", "3.14t")
def test_target_killed_while_recorded_elsewhere(py, tmp_path):
    kill_target(py, tmp_path, 30)


def kill_target(py, tmp_path, rounds):
    rng, out = random.Random(py.id), tmp_path / "raw"
    for _ in range(rounds):
        with Target(py, "busy.py") as target:
            with tool.Running("record", "--pid", target.pid, "-o", out, "-f", "raw", "-r", "2000", "-d", "30") as strobe:
                try:
                    strobe.process.wait(rng.uniform(0, 0.05))
                    raise AssertionError(strobe.process.stderr.read())
                except subprocess.TimeoutExpired:
                    target.kill(signal.SIGKILL)
                end_of_recording(strobe, out)
    assert os.listdir(tmp_path) == [], "a temporary file was left"


@pytest.mark.versions("3.8", "3.11", "3.12", "3.14", "3.14t")
def test_target_that_ends_by_itself_while_dumped(py):
    """Interpreters in the middle of being finalised: a dump or one sentence, never a hang or garbage."""
    rng = random.Random(2)
    for _ in range(25):
        with Target(py, "busy.py", "0.03", "5") as target:
            while target.process.poll() is None:
                done = tool.run("dump", "--pid", target.pid)
                assert done.returncode in (0, 1), done.stderr
                one_sentence(done.stderr)
                assert done.returncode == 0 or done.stdout == ""
            assert target.process.returncode == 5, "it ends as if nobody had looked"
        rng.random()


@pytest.mark.versions("3.8", "3.11", "3.12", "3.14", "3.14t")
def test_target_that_ends_by_itself_while_recorded(py, tmp_path):
    rng, out = random.Random(3), tmp_path / "raw"
    for _ in range(25):
        with Target(py, "busy.py", "%.3f" % rng.uniform(0.01, 0.06), "5") as target:
            with tool.Running("record", "--pid", target.pid, "-o", out, "-f", "raw", "-r", "2000", "-d", "30") as strobe:
                assert target.process.wait(30) == 5
                end_of_recording(strobe, out)


@pytest.mark.versions("3.8", "3.12", "3.14")
def test_target_that_execs_while_looked_at(py, tmp_path):
    """It becomes another program over and over: dump and record take it as it is at that moment."""
    out = tmp_path / "raw"
    with Target(py, "execs_on.py") as target:
        for _ in range(30):
            done = tool.run("dump", "--pid", target.pid)
            assert done.returncode in (0, 1)
            one_sentence(done.stderr)
            with tool.Running("record", "--pid", target.pid, "-o", out, "-f", "raw", "-r", "2000", "-d", "0.1") as strobe:
                end_of_recording(strobe, out)
        assert procfs.state(target.pid) in ("R", "S", "D")
        assert procfs.held(target.pid) == []
        target.counter().assert_moves()


@pytest.mark.versions("3.8", "3.12", "3.14", "3.14t")
def test_target_whose_threads_exec(py, tmp_path):
    """The thread that execs becomes its process's first while strobe stops it: it is let go under its new id too."""
    with Target(py, "execs_on.py", "thread") as target:
        for _ in range(50):
            before = target.counter().value()
            done = tool.run("record", "--pid", target.pid, "-s", "-o", tmp_path / "raw", "-f", "raw", "-r", "5000", "-d", "3")
            if done.returncode == 0:
                break
            assert "just starting" in done.stderr or "another program" in done.stderr, done.stderr  # it is, 30 times a second
        assert done.returncode == 0, done.stderr
        # Some 100 execs in this time, on a slow machine 10; one that is not let go would be the last until strobe ends.
        assert target.counter().value() - before > 2
        target.counter().assert_moves()
        wait_for(lambda: procfs.held(target.pid) == [] and procfs.state(target.pid) in ("R", "S", "D"), "the target to run free")


@pytest.mark.versions("3.8", "3.12", "3.14", "3.14t")
def test_target_that_forks_while_looked_at(py, tmp_path):
    out = tmp_path / "raw"
    with Target(py, "forks_on.py") as target:
        for _ in range(15):
            done = tool.run("dump", "--pid", target.pid, "-s")
            assert done.returncode == 0, done.stderr
            with tool.Running("record", "--pid", target.pid, "-s", "-o", out, "-f", "raw", "-r", "2000", "-d", "0.1") as strobe:
                end_of_recording(strobe, out)
        target.counter().assert_moves()
        target.assert_unharmed()


@pytest.mark.versions("3.8", "3.11", "3.12", "3.13", "3.14", "3.15", "3.14t")
def test_dump_while_the_interpreter_starts(py, tmp_path):
    """From the moment of exec on: not a Python process yet, not initialised yet, or a dump."""
    for _ in range(12):
        process = subprocess.Popen(py.argv + ["-c", "import threading, json; input()"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            def look():
                done = tool.run("dump", "--pid", process.pid)
                assert done.returncode in (0, 1), done.stderr
                one_sentence(done.stderr)
                return "<module> (<string>:1)" in done.stdout
            wait_for(look, "the program to be up and dumped")
        finally:
            process.kill()
            process.wait()
            process.stdin.close()
