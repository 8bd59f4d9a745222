# SPDX-License-Identifier: Apache-2.0
"""strobe record on live targets: formats, weights, options, ends."""
import os
import re
import signal
import subprocess
import time
import xml.etree.ElementTree as ElementTree

import pytest

from lib import formats, pprof, procfs, tool
from lib.target import Target, wait_for

FORMATS = ["flamegraph", "raw", "speedscope", "chrometrace", "pstats", "pstat", "pprof"]


def record(target, out, *args, **kwargs):
    """A recording to its end; (stdout + stderr).  The file is there afterwards, and nothing beside it."""
    if os.path.exists(target.counter().path):
        target.counter().assert_moves()  # it is at its work: a target that has just said "ready" may still be saying so
    done = tool.run("record", "--pid", target.pid, "-o", out, *args, check=0, **kwargs)
    assert os.path.getsize(out) > 0
    return done.stdout + done.stderr


def pstats_text(py, path, sort="cumulative"):
    done = subprocess.run(py.argv + ["-c", "import pstats, sys; s = pstats.Stats(sys.argv[1]); s.sort_stats(%r).print_stats(); "
                                           "s.print_callers(); print('TOTAL', s.total_tt)" % sort, path],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("fmt", FORMATS)
def test_every_format(py, fmt):
    with Target(py, "busy.py") as target:
        out = os.path.join(target.here, "profile")  # where the target's own Python can read it too
        record(target, out, "-d", "0.5", "-r", "200", "-f", fmt)
        if fmt == "flamegraph":
            text = ElementTree.parse(out).getroot()
            assert text.tag.endswith("svg") and "leaf" in ElementTree.tostring(text, encoding="unicode")
        elif fmt == "raw":
            assert all(stack[0].startswith("<module> (busy.py:") for stack, _ in formats.raw(out))
            assert formats.share(formats.raw_names(out), "outer") == 1.0
        elif fmt == "speedscope":
            assert {stack[0] for stack, _ in formats.speedscope_stacks(out)} == {"<module>"}
        elif fmt == "chrometrace":
            names = {event["name"] for event in formats.chrometrace(out)}
            assert {"leaf", "middle", "outer", "main"} <= {formats.name_of(name) for name in names}
        elif fmt == "pprof":
            for sample in pprof.read(out).samples:
                assert sample.stack[0][0] == "<module>" and sample.stack[0][1].endswith("busy.py") and sample.labels == {}
        else:
            text = pstats_text(py, out[len(py.root):])
            assert "(leaf)" in text and "(middle)" in text
        target.assert_unharmed()
        target.counter().assert_moves()


@pytest.mark.versions("3.8", "3.11", "3.14", "3.14t")
def test_weights_are_real_time(py, tmp_path):
    """One thread that is always busy: what is recorded of it must add up to the time that passed."""
    with Target(py, "busy.py") as target:
        for fmt, rate in (("speedscope", 50), ("raw", 100), ("pprof", 100), ("speedscope", 1000)):
            out = tmp_path / "profile"
            start = time.monotonic()
            said = record(target, out, "-d", "1", "-r", rate, "-f", fmt)
            wall = time.monotonic() - start
            if fmt == "speedscope":
                seconds = sum(weight for _, weight in formats.speedscope_stacks(out))
            elif fmt == "pprof":
                seconds = pprof.read(out).total()[1] / 1e9
            else:
                seconds = formats.total(formats.raw(out)) / rate
            # Below: the first reading may come a period after the start, and the thread may, on a loaded machine, be caught
            # preempted (still runnable: still active).  Above: no more time can have passed than between our two looks.
            assert 0.9 <= seconds <= wall + 2 / rate, (fmt, rate, said)


@pytest.mark.versions("3.8", "3.12", "3.15")
def test_subsecond_duration(py, tmp_path):
    with Target(py, "busy.py") as target:
        record(target, tmp_path / "raw", "-d", "0.25", "-f", "raw", "-r", "1000")
        # 250 periods of a millisecond; fewer only when the first reading came late
        assert 150 <= formats.total(formats.raw(tmp_path / "raw")) <= 300


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.versions("3.8", "3.13", "3.14t")
def test_signals_end_the_recording_and_write(py, tmp_path, number):
    out = tmp_path / "raw"
    with Target(py, "busy.py") as target:
        with tool.Running("record", "--pid", target.pid, "-o", out, "-f", "raw", "-r", "500") as strobe:
            assert "Sampling" in strobe.looked()
            status, _, err = strobe.end(number)
        assert status == 0, err
        assert formats.share(formats.raw_names(out), "leaf") > 0.5
        assert os.listdir(tmp_path) == ["raw"]
        target.assert_unharmed()


@pytest.mark.versions("3.8", "3.11", "3.12", "3.14", "3.14t")
def test_end_of_the_target_ends_the_recording(py, tmp_path):
    out = tmp_path / "raw"
    with Target(py, "busy.py") as target:
        with tool.Running("record", "--pid", target.pid, "-o", out, "-f", "raw", "-d", "60") as strobe:
            strobe.looked(20)
            target.kill(signal.SIGKILL)
            status, _, err = strobe.wait(20)
        assert status == 0, err
        stacks = [(names, count) for names, count in formats.raw_names(out) if "say" not in names]  # it may still be saying that it is ready
        assert formats.share(stacks, "outer") == 1.0


@pytest.mark.versions("3.8", "3.14")
def test_output_to_stdout_and_default_name(py, tmp_path):
    with Target(py, "busy.py") as target:
        done = tool.run("record", "--pid", target.pid, "-d", "0.2", "-f", "raw", "-o", "-", check=0)
        assert re.match(r"<module> \(busy\.py:\d+\);main \(busy\.py:\d+\)", done.stdout)
        tool.run("record", target.pid, "-d", "0.2", cwd=tmp_path, check=0)
        names = os.listdir(tmp_path)
        assert len(names) == 1 and re.match(r"%d-.*\.svg$" % target.pid, names[0])


@pytest.mark.versions("3.12")
def test_closing_lines(py, tmp_path):
    with Target(py, "busy.py") as target:
        text = record(target, tmp_path / "x.svg", "-d", "0.5")
        assert re.search(r"Sampling process 100 times a second for 0\.5 seconds", text)
        assert re.search(r"Wrote flamegraph data to '.*x\.svg'. Samples: \d+ Errors: 0", text), text
        assert re.search(r"typical [\d.]+ us, p99 [\d.]+ us, longest [\d.]+ us", text), text
        nonblocking = record(target, tmp_path / "x.svg", "-d", "0.5", "--nonblocking")
        assert "never paused" in nonblocking and re.search(r"Dropped: \d+", nonblocking), nonblocking


def test_idle_threads(py, tmp_path):
    """Without --idle a sleeping thread is not counted, with it the same as a busy one."""
    with Target(py, "spin.py", 1) as target:
        target.settle(but=[target.ready["native"]["spin-0"]])  # a thread that has just said "ready" still runs
        record(target, tmp_path / "busy", "-d", "0.5", "-f", "raw", "-r", "200")
        busy = formats.raw_names(tmp_path / "busy")
        assert formats.share(busy, "spin") == 1.0
        record(target, tmp_path / "idle", "-d", "0.5", "-f", "raw", "-r", "200", "--idle")
        idle = formats.raw_names(tmp_path / "idle")
        # six threads, each counted the same: main, harness, three sleepers, the spinner.  Rounding to whole periods: one each.
        for name in ("wait_lock", "wait_pipe", "wait_sleep", "spin", "_serve"):
            assert abs(formats.share(idle, name) - 1 / 6) < 0.02, name
        target.assert_unharmed()


def test_gil_only(py, tmp_path):
    with Target(py, "spin.py", 2) as target:
        target.settle(but=[target.ready["native"]["spin-0"], target.ready["native"]["spin-1"]])
        start = time.monotonic()
        tool.run("record", "--pid", target.pid, "-o", tmp_path / "raw", "-d", "0.6", "-f", "raw", "-r", "200", "--gil", check=0)
        wall = time.monotonic() - start
        if py.free_threaded:
            return  # no GIL, nobody holds it: that it ends well is all
        stacks = formats.raw_names(tmp_path / "raw")
        assert formats.share(stacks, "spin") == 1.0
        # one holder at a time: at most one stack a period, though two threads want to run
        assert formats.total(stacks) <= wall * 200 + 2
        assert formats.total(stacks) >= 0.5 * 0.6 * 200


def test_two_spinners_count_twice(py, tmp_path):
    """The one that waits for the GIL is not idle: both threads are in the profile for the whole time."""
    with Target(py, "spin.py", 2) as target:
        target.settle(but=[target.ready["native"]["spin-0"], target.ready["native"]["spin-1"]])
        start = time.monotonic()
        record(target, tmp_path / "raw", "-d", "0.6", "-f", "raw", "-r", "200", "--threads")
        wall = time.monotonic() - start
        by_thread = {}
        for stack, count in formats.raw(tmp_path / "raw"):
            match = re.match(r"thread \((\d+)\): (.*)$", stack[0])
            assert match, stack[0]
            assert target.ready["native"][match.group(2)] == int(match.group(1))
            by_thread[match.group(2)] = by_thread.get(match.group(2), 0) + count
        assert set(by_thread) == {"spin-0", "spin-1"}
        # The same for both: no look sees one without the other.  How many looks there are is the machine's load: each waits until
        # the threads to be held are scheduled.
        low, high = sorted(by_thread.values())
        assert high - low <= 2 + 0.05 * high and 20 <= high <= wall * 200 + 2, by_thread


@pytest.mark.versions("3.8", "3.12", "3.14", "3.14t")
def test_names_that_only_the_system_has(py, tmp_path):
    """A thread without a Thread object: its kernel's name, in dump and record alike."""
    with Target(py, "named.py") as target:
        found = {procfs.comm(target.pid, tid): tid for tid in procfs.tids(target.pid)}
        tid = found["by-the-system"]
        target.settle(but=[tid])
        assert tool.by_tid(tool.dump_json(target.pid))[tid][0]["thread_name"] == "by-the-system"
        record(target, tmp_path / "raw", "-d", "0.5", "-f", "raw", "--threads")
        roots = {stack[0] for stack, _ in formats.raw(tmp_path / "raw")}
        assert roots == {"thread (%d): by-the-system" % tid}


@pytest.mark.versions("3.8", "3.11", "3.14")
def test_function_and_nolineno(py, tmp_path):
    with Target(py, "busy.py") as target:
        source = open(os.path.join(target.here, "busy.py")).read().splitlines()
        first = source.index("def leaf():") + 1
        record(target, tmp_path / "f", "-d", "0.3", "-f", "raw", "--function")
        labels = {label for stack, _ in formats.raw(tmp_path / "f") for label in stack}
        assert "leaf (busy.py:%d)" % first in labels and len([label for label in labels if label.startswith("leaf")]) == 1
        record(target, tmp_path / "n", "-d", "0.3", "-f", "raw", "--nolineno")
        labels = {label for stack, _ in formats.raw(tmp_path / "n") for label in stack}
        assert "leaf (busy.py)" in labels and not any(re.search(r":\d+\)$", label) for label in labels)
        record(target, tmp_path / "l", "-d", "0.3", "-f", "raw", "--full-filenames")
        labels = {label for stack, _ in formats.raw(tmp_path / "l") for label in stack}
        assert all("(" + target.script + ":" in label for label in labels)


@pytest.mark.versions("3.8", "3.12", "3.14", "3.14t")
def test_deep_stacks(py, tmp_path):
    with Target(py, "deep.py", 100000) as target:
        target.settle()
        text = record(target, tmp_path / "raw", "-d", "0.3", "-f", "raw", "--idle", "--function")
        assert "Errors: 0" in text
        deep = [stack for stack, _ in formats.raw_names(tmp_path / "raw") if "descend" in stack]
        assert deep and all(any("left out" in name for name in stack) for stack in deep)


@pytest.mark.versions("3.11", "3.14")
def test_hostile_names(py, tmp_path):
    with Target(py, "hostile.py", "spin") as target:
        for fmt in ("flamegraph", "raw", "speedscope", "chrometrace", "pstats", "pprof"):
            record(target, tmp_path / fmt, "-d", "0.4", "-f", fmt, "--threads", "-r", "50")
        ElementTree.parse(tmp_path / "flamegraph")
        assert all(count > 0 for _, count in formats.raw(tmp_path / "raw"))
        names = {name for stack, _ in formats.speedscope_stacks(tmp_path / "speedscope") for name in stack}
        assert "<script>alert(1)</script>" in names and "\x1b[31mred\x1b[0m" in names
        formats.chrometrace(tmp_path / "chrometrace")
        names = {frame[0] for sample in pprof.read(tmp_path / "pprof").samples for frame in sample.stack}
        assert "<script>alert(1)</script>" in names and "\\x1b[31mred\\x1b[0m" in names


@pytest.mark.parametrize("fmt", ["flamegraph", "raw"])
@pytest.mark.versions("3.12")
def test_unwritable_path(py, tmp_path, fmt):
    with Target(py, "busy.py") as target:
        for out in (tmp_path / "no such folder" / "x", tmp_path):
            done = tool.run("record", "--pid", target.pid, "-d", "0.2", "-f", fmt, "-o", out)
            assert done.returncode == 1 and done.stdout == ""
            errors = [line for line in done.stderr.splitlines() if "cannot" in line.lower() or "no such" in line.lower() or "directory" in line.lower()]
            assert len(errors) == 1, done.stderr
            assert os.listdir(tmp_path) == []
        target.assert_unharmed()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount")
@pytest.mark.versions("3.12")
def test_full_disk(py, tmp_path):
    """A file system of 16 kB: one sentence, exit status 1, no file, and the target goes on."""
    with Target(py, "shapes.py") as target:
        target.settle()
        script = 'mount -t tmpfs -o size=16k none "$1" && shift && "$@"; status=$?; ls -A "%s"; exit $status' % tmp_path
        done = subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", str(tmp_path), tool.path(), "record",
                               "--pid", str(target.pid), "-d", "0.3", "--idle", "-o", str(tmp_path / "x.svg")],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
        assert done.returncode == 1, done.stderr
        assert done.stdout == "", "something was left on the disk"
        assert "space" in done.stderr.lower()
        target.assert_unharmed()


@pytest.mark.versions("3.12")
def test_an_old_file_stays_until_the_new_one_is_whole(py, tmp_path):
    out = tmp_path / "raw"
    out.write_text("old")
    with Target(py, "busy.py") as target:
        with tool.Running("record", "--pid", target.pid, "-d", "60", "-f", "raw", "-o", out) as strobe:
            strobe.looked(5)
            assert out.read_text() == "old"
            strobe.process.kill()
            strobe.process.wait()
        assert out.read_text() == "old"
        record(target, out, "-d", "0.2", "-f", "raw")
        assert out.read_text() != "old"


@pytest.mark.versions("3.8", "3.12", "3.14", "3.14t")
def test_exec_in_the_middle(py, tmp_path):
    """The target becomes another Python program; what was gathered before is written."""
    out = tmp_path / "raw"
    with Target(py, "execs.py") as target:
        with tool.Running("record", "--pid", target.pid, "-o", out, "-f", "raw", "-r", "500", "-d", "1.5") as strobe:
            strobe.looked()
            target.process.stdin.write(b"go\n")
            target.process.stdin.flush()
            assert target.process.stdout.readline() == b"second\n"
            status, _, err = strobe.wait(30)
        assert status == 0, err
        stacks = [stack for stack, _ in formats.raw_names(out)]
        assert ["<module>", "main", "before_exec"] in stacks
        assert not [stack for stack in stacks if {"before_exec", "after_exec"} <= set(stack)], "nobody can be in both"
        assert procfs.held(target.pid) == []


@pytest.mark.versions("3.8", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15", "3.14t")
def test_threads_that_come_and_go(py, tmp_path):
    possible = {"<module>", "main", "turn", "work", "<listcomp>", "turn.<locals>.<listcomp>"}
    with Target(py, "churn.py") as target:
        text = record(target, tmp_path / "raw", "-d", "1.5", "-f", "raw", "-r", "1000", "--idle", "--full-filenames")
        stacks = formats.raw(tmp_path / "raw")
        for stack, _ in stacks:
            for label in stack:
                name, place = label.rsplit(" (", 1) if label.endswith(")") else (label, "")
                assert "threading.py" in place or "harness.py" in place or "_weakrefset.py" in place or name in possible, (label, text)
        assert formats.share(formats.raw_names(tmp_path / "raw"), "work") > 0
        target.assert_unharmed()


@pytest.mark.versions("3.12")
def test_progress_on_a_terminal(py, tmp_path):
    with Target(py, "busy.py") as target:
        text = tool.on_terminal("record", "--pid", target.pid, "-d", "0.6", "-o", tmp_path / "x.svg").decode()
        assert "samples" in text.lower() and "\r" in text
        assert "Wrote flamegraph data" in text
        silent = tool.run("record", "--pid", target.pid, "-d", "0.3", "-o", tmp_path / "x.svg", check=0)
        assert "\r" not in silent.stderr, "no progress bar into a file"
