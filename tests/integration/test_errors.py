# SPDX-License-Identifier: Apache-2.0
"""What cannot be done: one sentence on stderr, the right exit status, nothing half-written, nobody harmed."""
import os
import pwd
import re
import resource
import shutil
import signal
import subprocess
import sys

import pytest

from conftest import FOUND
from lib import interpreters, procfs, tool
from lib.target import Target, wait_for

OLD = [py for py in interpreters.find_all() if py.minor < (3, 8)]


def assert_refused(done, *patterns, status=1):
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    for pattern in patterns:
        assert re.search(pattern, lines[0], re.I), (pattern, lines[0])


def both(pid, tmp_path):
    """The refusals of dump, ps, pstree and record; record leaves no file behind."""
    yield tool.run("dump", "--pid", pid)
    yield tool.run("ps", pid)
    yield tool.run("pstree", "-s", "--for", "1s", "--json", pid)
    yield tool.run("record", "--pid", pid, "-d", "1", "-o", tmp_path / "profile.svg")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("args", [
    (), ("frobnicate",), ("record",), ("dump",), ("dump", "--pid", "abc"), ("dump", "--pid"), ("record", "--pid", "1", "--rate", "0"),
    ("record", "--pid", "1", "--rate", "x"), ("record", "--pid", "1", "--format", "gif"), ("record", "--pid", "1", "-d", "-1"),
    ("record", "--pid", "1", "--function", "--nolineno"), ("dump", "--pid", "1", "--frobnicate"), ("dump", "--pid", "-5"),
    ("dump", "--pid", "99999999999999999999"), ("ps", "1", "1"), ("ps",), ("pstree", "--for", "x", "1"), ("pstree", "--frobnicate", "1"),
    ("record", "1", "--for", "2"), ("record", "1", "--asyncio=threads", "--blame"), ("ps", "--asyncio", "1"), ("completions", "frobnicate"),
    ("help", "frobnicate"), ("record", "1", "--json", "-o", "-"),
])
def test_usage_errors(args):
    done = tool.run(*args)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.strip(), done


def test_help_and_version():
    assert tool.run("--version", check=0).stdout.startswith("strobe ")
    assert tool.run("-V", check=0).stdout == tool.run("--version", check=0).stdout
    for args in (("--help",), ("-h",), ("record", "--help"), ("dump", "-h")):
        done = tool.run(*args, check=0)
        assert "--pid" in done.stdout or "record" in done.stdout


@pytest.mark.parametrize("args", [("top", "--pid", "1"), ("record", "--native", "--pid", "1"), ("dump", "--native", "--pid", "1")])
def test_later_issues_end_with_a_sentence(args):
    done = tool.run(*args)
    assert done.returncode in (1, 2) and done.stdout == "" and len(done.stderr.strip().splitlines()) == 1


def test_no_such_process(tmp_path):
    gone = subprocess.Popen(["true"])
    gone.wait()
    for done in both(gone.pid, tmp_path):
        assert_refused(done, "no (such )?process", str(gone.pid))


def test_not_python(tmp_path):
    process = subprocess.Popen(["sleep", "1000"])
    try:
        wait_for(lambda: "sleep" in os.readlink("/proc/%d/exe" % process.pid), "exec")
        for done in both(process.pid, tmp_path):
            assert_refused(done, "not a python process", "sleep")
    finally:
        process.kill()
        process.wait()


def test_closed_standard_output():
    """Who closed it is told; nothing is written into whatever file has its number."""
    process = subprocess.Popen([sys.executable, "-c", "import time; print('ready', flush=True)\nwhile True: time.sleep(0.001)"], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        for command in ("dump --pid %d", "record -o - -d 0.2 -r 50 -i --pid %d"):
            done = subprocess.run(["sh", "-c", '"$0" %s >&-' % command % process.pid, tool.path()], stderr=subprocess.PIPE, text=True)
            assert done.returncode == 1 and "cannot write to standard output" in done.stderr, done
    finally:
        process.kill()
        process.wait()


def test_stopped_process(tmp_path):
    """A recording of a process that is stopped says so."""
    process = subprocess.Popen([sys.executable, "-c", "print('ready', flush=True)\nwhile True: pass"], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        wait_for(lambda: procfs.state(process.pid) == "T", "the stop")
        done = tool.run("record", "--pid", process.pid, "-d", "0.3", "-f", "raw", "-o", tmp_path / "raw", check=0)
        assert "process %d is stopped" % process.pid in done.stderr
        assert procfs.state(process.pid) == "T", "it is still as it was"
    finally:
        process.kill()
        process.wait()


def test_zombie(tmp_path):
    process = subprocess.Popen(["true"])
    try:
        wait_for(lambda: procfs.state(process.pid) == "Z", "the zombie")
        for done in both(process.pid, tmp_path):
            assert_refused(done, "zombie|ended|not a python process|no such process")
    finally:
        process.wait()


@pytest.mark.skipif(not os.path.exists("/proc/2/status") or procfs._status(2).get("Kthread", "").strip() != "1" and os.path.exists("/proc/2/exe"),
                    reason="no kernel thread is visible here")
def test_kernel_thread(tmp_path):
    for done in both(2, tmp_path):
        assert_refused(done, "kernel thread|not a python process")


def test_itself():
    done = tool.run("dump", "--pid", 1)
    assert done.returncode in (0, 1)


@pytest.mark.skipif(not OLD, reason="no Python older than 3.8 was found on this machine")
@pytest.mark.parametrize("old", OLD, ids=[py.id for py in OLD])
def test_version_outside_the_range(old, tmp_path):
    process = subprocess.Popen(old.argv + ["-c", "import sys; print('ready', flush=True); sys.stdin.read()"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        for done in both(process.pid, tmp_path):
            assert_refused(done, r"python 3\.%d" % old.minor[1], r"3\.8")
        assert procfs.held(process.pid) == []
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root, to become somebody else")
def test_another_user(tmp_path):
    nobody = pwd.getpwnam("nobody")
    folder = tmp_path / "bin"
    folder.mkdir()
    shutil.copy(tool.path(), folder / "strobe")
    for parent in [folder] + list(folder.parents)[:-1]:
        if os.stat(parent).st_uid == os.geteuid() and str(parent).startswith("/tmp/"):
            os.chmod(parent, 0o755)
    out = tmp_path / "out"
    out.mkdir()
    os.chown(out, nobody.pw_uid, nobody.pw_gid)
    become = ["setpriv", "--reuid=%d" % nobody.pw_uid, "--regid=%d" % nobody.pw_gid, "--clear-groups", "--no-new-privs"]
    with Target(FOUND[0], "spin.py", 1) as target:
        for args in (["dump", "--pid", str(target.pid)], ["record", "--pid", str(target.pid), "-d", "1", "-o", str(out / "x.svg")]):
            done = subprocess.run(become + [str(folder / "strobe")] + args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)
            assert_refused(done, "permission", "user|root|sudo")
        assert os.listdir(out) == []
        target.assert_unharmed()
        target.counter().assert_moves()


@pytest.mark.parametrize("files", [5, 6, 7, 8, 12])
@pytest.mark.versions("3.12")
def test_too_few_descriptors(py, tmp_path, files):
    """It is not said that a process has ended which lives."""
    with Target(py, "shapes.py") as target:
        for words in (["dump"], ["pstree"], ["pools"], ["record", "-o", tmp_path / "x"], ["serve", "--listen", "127.0.0.1:0"]):
            done = tool.run(*words, target.pid, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files)))
            assert_refused(done, r"too many open files: %d are allowed \(ulimit -n\)" % files)
        assert os.listdir(tmp_path) == []
        target.assert_unharmed()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount something over /proc")
@pytest.mark.parametrize("words", [["dump", "1"], ["ps", "1"], ["serve", "--all-python", "--listen", "127.0.0.1:0"]])
def test_without_proc(words):
    done = subprocess.run(["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh", tool.path()] + words,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, env=tool.environment())
    assert_refused(done, "there is no /proc")
