# SPDX-License-Identifier: Apache-2.0
"""The target must behave as if nobody watched."""
import os
import random
import shutil
import signal
import subprocess

import pytest

from lib import aio, procfs, tool
from lib.target import Target, wait_for

pytestmark = pytest.mark.alone

FAMILIES = pytest.mark.versions("3.8", "3.11", "3.12", "3.14", "3.14t")
MODES = pytest.mark.parametrize("mode", ["exact", "nonblocking"])


def watching(target, tmp_path, *args, rate=1000):
    return tool.Running("record", "--pid", target.pid, "-o", tmp_path / "raw", "-f", "raw", "-r", rate, "--idle", *args)


UNDISTURBED = {"epoll": 1, "epoll_errno": 0, "nanosleep": 0, "nanosleep_errno": 0}  # what the two calls return by themselves


def send_signals(target, n):
    """SIGALRM, n times and up to 1,000 times a second; each when the one before was handled, so that no two merge in the kernel."""
    counter = target.counter()
    for sent in range(1, n + 1):
        target.kill(signal.SIGALRM)
        wait_for(lambda: counter.value(1) >= sent, "signal %d to be handled" % sent)
        assert counter.value(1) == sent


@MODES
@FAMILIES
def test_no_system_call_is_interrupted(py, tmp_path, mode):
    """One epoll_wait and one nanosleep over a whole recording at 1 kHz, by the C library, which does not retry."""
    with Target(py, "holds.py") as target:
        with watching(target, tmp_path, *(["--nonblocking"] if mode == "nonblocking" else [])) as strobe:
            strobe.process.stderr.readline()
            send_signals(target, 300)
            results = target.ask("end")
            status, _, err = strobe.end()
        assert status == 0, err
        assert results == UNDISTURBED
        target.assert_unharmed()


@MODES
@FAMILIES
def test_every_signal_arrives_once(py, tmp_path, mode):
    """Some 500 signals a second to a thread that spins and is held 1,000 times a second."""
    with Target(py, "holds.py") as target:
        with watching(target, tmp_path, *(["--nonblocking"] if mode == "nonblocking" else [])) as strobe:
            strobe.process.stderr.readline()
            send_signals(target, 1500)
            status, _, err = strobe.end()
        assert status == 0, err
        assert target.counter().value(1) == 1500
        target.assert_unharmed()


@MODES
@FAMILIES
def test_alarm_a_thousand_times_a_second(py, tmp_path, mode):
    """An interval timer of 1 ms on a thread that is held 1,000 times a second: it goes on and on, and nothing else is disturbed."""
    with Target(py, "holds.py") as target:
        counter = target.counter()
        with watching(target, tmp_path, *(["--nonblocking"] if mode == "nonblocking" else [])) as strobe:
            strobe.process.stderr.readline()
            target.ask("timer", "0.001")
            wait_for(lambda: counter.value(1) >= 1500, "1,500 alarms")
            target.ask("timer", "0")
            results = target.ask("end")
            status, _, err = strobe.end()
        assert status == 0, err
        assert results == UNDISTURBED
        counter.assert_moves()
        target.assert_unharmed()


@FAMILIES
def test_forks_a_hundred_times_a_second(py, tmp_path):
    for options in ((), ("--subprocesses",)):
        with Target(py, "holds.py") as target:
            with watching(target, tmp_path, *options) as strobe:
                strobe.process.stderr.readline()
                counts = target.ask("forks", 100)
                status, _, err = strobe.end()
            assert status == 0, err
            assert counts == {"good": 100}
            target.assert_unharmed()


@pytest.mark.parametrize("rounds", [200])
@pytest.mark.versions("3.12")
def test_strobe_killed_at_random_moments(py, tmp_path, rounds):
    kill_strobe(py, tmp_path, rounds)


@pytest.mark.versions("3.8", "3.14", "3.14t")
def test_strobe_killed_at_random_moments_elsewhere(py, tmp_path):
    kill_strobe(py, tmp_path, 40)


def kill_strobe(py, tmp_path, rounds):
    """SIGKILL at any moment from its start on: the target runs on, is not stopped, is not traced."""
    rng = random.Random(py.id)
    with Target(py, "spin.py", 2) as target:
        counter = target.counter()
        for _ in range(rounds):
            with watching(target, tmp_path, rate=5000) as strobe:
                try:
                    strobe.process.wait(rng.uniform(0.0, 0.04))  # until then it must not end by itself
                    raise AssertionError(strobe.process.stderr.read())
                except subprocess.TimeoutExpired:
                    strobe.process.kill()
                strobe.process.wait()
            # The kernel lets tracees go before a dead tracer can be waited for.
            assert procfs.held(target.pid) == []
            counter.assert_moves()
        assert not [name for name in os.listdir(tmp_path) if name == "raw"], "nothing half-written under the output's name"


@pytest.mark.versions("3.8", "3.12", "3.14", "3.14t")
def test_dump_killed_at_random_moments(py):
    rng = random.Random(1)
    with Target(py, "spin.py", 2) as target:
        for _ in range(40):
            with tool.Running("dump", "--pid", target.pid) as strobe:
                try:
                    strobe.process.wait(rng.uniform(0.0, 0.006))
                except subprocess.TimeoutExpired:
                    strobe.process.kill()
                strobe.process.wait()
            assert procfs.held(target.pid) == []
            target.counter().assert_moves()


@pytest.mark.versions("3.8", "3.12", "3.14", "3.14t")
def test_stopped_while_recorded(py, tmp_path):
    """SIGSTOP and SIGCONT in the middle: they work as always."""
    with Target(py, "spin.py", 1) as target:
        with watching(target, tmp_path) as strobe:
            strobe.process.stderr.readline()
            for _ in range(10):
                target.kill(signal.SIGSTOP)
                wait_for(lambda: set(procfs.state(target.pid, tid) for tid in procfs.tids(target.pid)) == {"T"}, "the stop")
                stopped = target.counter().value()
                assert strobe.process.poll() is None
                assert target.counter().value() == stopped
                target.kill(signal.SIGCONT)
                target.counter().assert_moves()
            status, _, err = strobe.end()
        assert status == 0, err
        target.assert_unharmed()


@pytest.mark.skipif(not shutil.which("strace"), reason="no strace here")
@pytest.mark.versions("3.8", "3.12", "3.14", "3.14t")
def test_another_tracer(py, tmp_path):
    """strace holds all threads: one warning, then samples without a pause."""
    with Target(py, "spin.py", 1) as target:
        log = tmp_path / "strace"
        tracer = subprocess.Popen(["strace", "-f", "-e", "trace=none", "-o", str(log), "-p", str(target.pid)], stderr=subprocess.PIPE, text=True)
        try:
            wait_for(lambda: all(procfs.tracer(target.pid, tid) == tracer.pid for tid in procfs.tids(target.pid)), "strace to attach")
            done = tool.run("record", "--pid", target.pid, "-o", tmp_path / "raw", "-f", "raw", "-d", "0.5", "-r", "200", check=0)
            warnings = [line for line in done.stderr.splitlines() if "warning" in line.lower()]
            assert len(warnings) == 1 and "tracer" in warnings[0], done.stderr
            assert "spin (" in (tmp_path / "raw").read_text()
            dumped = tool.run("dump", "--pid", target.pid, check=0)
            assert "spin (" in dumped.stdout
            assert len(dumped.stderr.strip().splitlines()) <= 1
            assert all(procfs.tracer(target.pid, tid) == tracer.pid for tid in procfs.tids(target.pid)), "strace still has it"
            target.counter().assert_moves()
        finally:
            tracer.terminate()
            tracer.wait()
            tracer.stderr.close()
        target.assert_unharmed()


@pytest.mark.skipif(not shutil.which("strace"), reason="no strace here")
@pytest.mark.versions("3.9", "3.12", "3.14", "3.14t")
@pytest.mark.parametrize("cmd", ["ps", "pstree", "dump"])
def test_nonblocking_holds_no_worker_process_either(py, tmp_path, cmd):
    """What the worker of a process pool is in is read from the worker; strace sees whom strobe holds for it."""
    with aio.target(py, "crunching.py") as target:
        def traced(*args):
            log = tmp_path / "strace"
            done = subprocess.run(["strace", "-f", "-e", "trace=ptrace", "-o", str(log), tool.path(), cmd, *args, str(target.pid)],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=tool.environment())
            assert done.returncode == 0, done.stderr
            return log.read_text()
        asyncio = ["--asyncio"] if cmd == "dump" else []
        assert "(PTRACE_SEIZE, %d" % target.ready["worker"] in traced(*asyncio)
        assert "ptrace(" not in traced(*asyncio, "--nonblocking")
        target.assert_unharmed()
