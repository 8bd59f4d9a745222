# SPDX-License-Identifier: Apache-2.0
"""strobe record -- PROGRAM: the program's input, output, signals and exit status are as without strobe."""
import os
import signal
import subprocess

import pytest

from conftest import FOUND
from lib import formats, tool
from lib.target import wait_for


def launch(py, code, *args, options=(), out=None, **kwargs):
    """Records a program given as text."""
    return tool.run("record", "-f", "raw", "-o", out, *options, "--", *py.argv, "-c", code, *args, **kwargs)


@pytest.mark.parametrize("status", [0, 1, 42, 255])
@pytest.mark.versions("3.8", "3.12", "3.14", "3.14t")
def test_exit_status(py, tmp_path, status):
    done = launch(py, "import sys, time; e = time.monotonic() + 0.3\nwhile time.monotonic() < e: pass\nsys.exit(%d)" % status, out=tmp_path / "raw")
    assert done.returncode == status, done.stderr
    assert formats.total(formats.raw(tmp_path / "raw")) > 0


def test_input_output_and_arguments(py, tmp_path):
    code = ("import sys, time\nsys.stdout.write(sys.stdin.read().upper())\nsys.stderr.write('to stderr')\nprint(sys.argv[1:])\n"
            "e = time.monotonic() + 0.2\nwhile time.monotonic() < e: pass\n")
    done = launch(py, code, "-p", "--rate", "a b", out=tmp_path / "raw", input="some words", stdin=None)
    assert done.returncode == 0
    assert done.stdout == "SOME WORDS['-p', '--rate', 'a b']\n"
    assert "to stderr" in done.stderr


@pytest.mark.versions("3.8", "3.12", "3.14")
def test_killed_by_a_signal(py, tmp_path):
    code = "import os, time; e = time.monotonic() + 0.2\nwhile time.monotonic() < e: pass\nos.kill(os.getpid(), 9)"
    done = launch(py, code, out=tmp_path / "raw")
    assert done.returncode in (128 + 9, -9)
    assert formats.total(formats.raw(tmp_path / "raw")) > 0


@pytest.mark.versions("3.8", "3.13", "3.14t")
def test_signals_reach_the_program(py, tmp_path):
    """SIGTERM to strobe: the program hears of it and ends as it likes; the profile is written."""
    code = ("import signal, sys, os\ndef handler(*a):\n    print('heard', flush=True)\n    sys.exit(7)\nsignal.signal(signal.SIGTERM, handler)\n"
            "os.write(1, b'up\\n')\ndef spin():\n    while True: pass\nspin()")
    out = tmp_path / "raw"
    with tool.Running("record", "-f", "raw", "-o", out, "--", *py.argv, "-c", code) as strobe:
        assert strobe.process.stdout.readline() == "up\n"
        wait_for(lambda: cpu_ticks(strobe.pid) >= 20, "the program to have run for a while")
        status, text, err = strobe.end(signal.SIGTERM)
    assert (status, text) == (7, "heard\n"), err
    assert formats.share(formats.raw_names(out), "spin") > 0


def cpu_ticks(strobe):
    """CPU time of strobe's child, in clock ticks (10 ms)."""
    with open("/proc/%d/task/%d/children" % (strobe, strobe)) as f:
        children = f.read().split()
    if not children:
        return 0
    with open("/proc/%s/stat" % children[0]) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


@pytest.mark.alone
def test_from_the_first_bytecode(py, tmp_path):
    """A program that only imports for a moment is seen while it does; a busy loop at its start is seen almost whole."""
    code = "import time\ndef first():\n    e = time.monotonic() + 0.4\n    while time.monotonic() < e: pass\nfirst()"
    launch(py, code, out=tmp_path / "raw", options=("-r", "1000"), check=0)
    seen = sum(count for stack, count in formats.raw_names(tmp_path / "raw") if "first" in stack)
    assert seen >= 300, "of the 400 periods that the function lasted"


@pytest.mark.versions("3.12")
def test_program_that_cannot_start(py, tmp_path):
    for program in (str(tmp_path / "missing"), str(tmp_path)):
        done = tool.run("record", "-o", tmp_path / "x.svg", "--", program)
        assert done.returncode != 0 and done.stdout == ""
        assert len([line for line in done.stderr.splitlines() if program in line]) == 1, done.stderr
        assert os.listdir(tmp_path) == []


@pytest.mark.versions("3.12")
def test_program_that_is_not_python(py, tmp_path):
    done = tool.run("record", "-o", tmp_path / "x.svg", "--", "sh", "-c", "exit 3")
    assert len([line for line in done.stderr.splitlines() if "ython" in line]) >= 1, done.stderr
    assert done.returncode in (1, 3)


@pytest.mark.versions("3.8", "3.14")
def test_wrapper_that_execs_python(py, tmp_path):
    """sh -c 'exec python ...', as uv, env and others do."""
    code = "def inside():\n    for _ in range(8000000): pass\ninside()"
    tool.run("record", "-f", "raw", "-o", tmp_path / "raw", "--", "sh", "-c", 'exec "$@"', "sh", *py.argv, "-c", code, check=0)
    assert formats.share(formats.raw_names(tmp_path / "raw"), "inside") > 0


@pytest.mark.versions("3.8", "3.12", "3.14")
def test_signal_dispositions_are_the_callers(py, tmp_path):
    """Nothing of strobe's own signal handling leaks into the program."""
    code = ("import signal, time\nprint([str(signal.getsignal(s)) for s in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGUSR1)],"
            "sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))))\ne = time.monotonic() + 0.1\nwhile time.monotonic() < e: pass\n")
    done = launch(py, code, out=tmp_path / "raw", check=0)
    direct = subprocess.run(py.argv + ["-c", code], stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    assert done.stdout == direct.stdout


@pytest.mark.versions("3.12", "3.14")
def test_open_files_do_not_leak(py, tmp_path):
    code = "import os, time; print(sorted(os.listdir('/proc/self/fd'), key=int))\ne = time.monotonic() + 0.1\nwhile time.monotonic() < e: pass"
    done = launch(py, code, out=tmp_path / "raw", check=0)
    direct = subprocess.run(py.argv + ["-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    assert done.stdout == direct.stdout


def test_interpreters_are_here():
    assert FOUND
