# SPDX-License-Identifier: Apache-2.0
"""Idle, active, holding the GIL, waiting for it, collecting garbage, stopped: what each thread is doing now."""
import json
import os
import signal

import pytest

from lib import procfs, tool
from lib.target import Target, wait_for


def test_one_spinner_holds_the_gil(py):
    """Nobody else wants the GIL, so the one that spins has it at every moment."""
    with Target(py, "spin.py", 1) as target:
        target.settle(but=[target.ready["native"]["spin-0"]])
        for _ in range(10):
            for thread in tool.dump_json(target.pid):
                spins = thread["thread_name"] == "spin-0"
                if py.free_threaded:
                    assert thread["active"] is spins, thread["thread_name"]
                else:
                    assert (thread["active"], thread["owns_gil"]) == (spins, spins), thread["thread_name"]
                if spins:
                    names = [frame["name"] for frame in thread["frames"]]
                    assert names[-1] == ("Thread._bootstrap" if py.minor >= (3, 11) else "_bootstrap") and "spin" in names
                if thread["thread_name"].startswith("wait_"):
                    assert thread["frames"][0]["name"] == thread["thread_name"]
        states = {thread.name: thread.status for thread in tool.dump_text(target.pid).threads}
        assert states["wait_lock"] == states["wait_pipe"] == states["wait_sleep"] == states["MainThread"] == "idle"
        assert states["spin-0"] == ("active" if py.free_threaded else "active+gil")
        target.assert_unharmed()
        target.counter().assert_moves()


def test_waiting_for_the_gil_is_not_idle(py):
    """Two spinners never sleep of their own will: whoever is not running waits for the GIL."""
    with Target(py, "spin.py", 2) as target:
        target.settle(but=[target.ready["native"]["spin-0"], target.ready["native"]["spin-1"]])
        waited = 0
        for _ in range(30):
            threads = {thread["thread_name"]: thread for thread in tool.dump_json(target.pid)}
            spinners = [threads["spin-0"], threads["spin-1"]]
            assert [thread["active"] for thread in spinners] == [True, True], spinners
            assert sum(thread["owns_gil"] for thread in threads.values()) <= 1
            assert not threads["wait_lock"]["active"] and not threads["MainThread"]["active"]
            text = tool.dump_text(target.pid)
            assert not [thread.status for thread in text.threads if thread.name.startswith("spin") and "idle" in thread.status]
            waited += any("wait" in thread.status for thread in text.threads)
        target.assert_unharmed()
        target.counter().assert_moves()
        # One of the two waits at nearly every moment; 30 looks in a row without one seen would mean that it is not shown at all.
        assert py.free_threaded or waited > 0


def test_garbage_collection_is_shown(py):
    """Nearly all of its time goes into collections that hold the GIL; one of ten looks at the least finds it there."""
    with Target(py, "collecting.py") as target:
        def main_thread():
            return tool.dump_text(target.pid).threads[0]
        wait_for(lambda: len(main_thread().frames) == 2, "the end of the announcement")
        shown = 0
        for _ in range(10):
            main = main_thread()
            assert [frame[0] for frame in main.frames] == ["collect", "<module>"]
            if main.lines[0].strip() == "<GC>":
                shown += 1
                assert len(main.lines) == 3
        assert shown > 0
        assert any(thread["gc"] for _ in range(10) for thread in tool.dump_json(target.pid))
        target.assert_unharmed()


def test_no_garbage_collection_is_not_shown(py):
    with Target(py, "shapes.py") as target:
        target.settle()
        assert "<GC>" not in tool.run("dump", "--pid", target.pid, check=0).stdout


def test_stopped_target_stays_stopped(py):
    with Target(py, "spin.py", 1) as target:
        target.kill(signal.SIGSTOP)
        wait_for(lambda: all(procfs.state(target.pid, tid) == "T" for tid in procfs.tids(target.pid)), "the stop")
        for args in ((), ("--nonblocking",), ("--locals",)):
            threads = {thread["thread_name"]: thread for thread in tool.dump_json(target.pid, *args)}
            assert "spin" in [frame["name"] for frame in threads["spin-0"]["frames"]]
            assert threads["wait_pipe"]["frames"][0]["name"] == "wait_pipe"
            assert {thread["stopped"] for thread in threads.values()} == {True}
        line = "the process is stopped (state T): nothing runs"
        assert line in tool.run("dump", target.pid, check=0).stdout.splitlines()
        assert json.loads(tool.run("pools", "--json", target.pid, check=0).stdout)["stopped"] is True
        assert tool.run("pools", "-s", target.pid, check=0).stdout.splitlines()[-1] == line
        assert all(procfs.state(target.pid, tid) == "T" for tid in procfs.tids(target.pid))
        assert all(procfs.tracer(target.pid, tid) == 0 for tid in procfs.tids(target.pid))
        target.kill(signal.SIGCONT)
        target.counter().assert_moves()
        assert line not in tool.run("dump", target.pid, check=0).stdout
        assert {thread["stopped"] for thread in tool.dump_json(target.pid)} == {False}
        assert json.loads(tool.run("pools", "--json", target.pid, check=0).stdout)["stopped"] is False
        target.assert_unharmed()


def test_nonblocking_dump_of_a_quiet_target_is_exact(py):
    with Target(py, "shapes.py") as target:
        target.settle()
        truth = {thread["native_id"]: thread["frames"] for thread in target.ask("truth")}
        seen = {thread["os_thread_id"]: tool.frames(thread) for thread in tool.dump_json(target.pid, "--nonblocking")}
        assert truth.items() <= seen.items()


@pytest.mark.versions("3.8", "3.12", "3.14", "3.14t")
def test_pool_that_grows_and_shrinks(py):
    """Threads begin and end while they are listed: each dump is whole, and shows only what the program can do."""
    possible = {"<module>", "main", "turn", "work", "<listcomp>", "turn.<locals>.<listcomp>"}
    with Target(py, "churn.py") as target:
        for _ in range(60):
            for thread in tool.dump_json(target.pid):
                for frame in thread["frames"]:
                    base = os.path.basename(frame["filename"])
                    assert base in ("threading.py", "harness.py", "_weakrefset.py") or (base == "churn.py" and frame["name"] in possible), frame
        target.assert_unharmed()
