# SPDX-License-Identifier: Apache-2.0
"""Targets whose files are not where their names say: other roots, namespaces, deleted, replaced, stripped, embedded.

(The interpreters that live in a root folder of their own make every other test one of a target in a chroot.)
"""
import os
import shutil
import signal
import subprocess

import pytest

from conftest import FOUND
from lib import procfs, tool
from lib.target import Target, wait_for

PLAIN = [py for py in FOUND if not py.root]
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
TARGET = "native.py"  # with no native threads: main waits in wait()
pytestmark = pytest.mark.skipif(not PLAIN, reason="no interpreter outside of a root folder was found")
every_plain = pytest.mark.parametrize("plain", PLAIN, ids=[py.id for py in PLAIN])


def assert_seen(target, embedded=False):
    """embedded: the process's first thread has a Python state but no Python frame; another one runs the program."""
    target.settle()
    threads = {thread["os_thread_id"]: thread for thread in tool.dump_json(target.pid)}
    assert sorted(threads) == procfs.tids(target.pid)
    runs = [thread for thread in threads.values() if [frame["name"] for frame in thread["frames"]] == ["wait", "<module>"]]
    assert len(runs) == 1, threads
    assert (runs[0]["os_thread_id"] == target.pid) is not embedded
    truth = [thread["frames"] for thread in target.ask("truth")]
    assert tool.frames(runs[0]) in truth
    if not embedded:
        assert runs[0]["thread_name"] == "MainThread"
    out = os.path.join(target.here, "raw")
    tool.run("record", "--pid", target.pid, "--idle", "-d", "0.2", "-f", "raw", "-o", out, check=0)
    with open(out) as f:
        assert "wait (" in f.read()
    target.assert_unharmed()


def library_of(pid):
    """The mapped libpython of a process, or None."""
    with open("/proc/%d/maps" % pid) as f:
        found = {line.split(None, 5)[5].strip() for line in f if "libpython" in line}
    found = {path for path in found if os.path.basename(path).startswith("libpython3.") and ".so" in path}
    return found.pop() if found else None


class Copy:
    """An interpreter's executable and library copied into a folder; everything else stays where it is."""

    def __init__(self, py, folder):
        self.executable = os.path.join(folder, "python3")
        shutil.copy(py.real_executable, self.executable)
        with Target(py, TARGET, 0) as target:
            library = library_of(target.pid)
        self.library = os.path.join(folder, os.path.basename(library)) if library else None
        if library:
            shutil.copy(library, self.library)
        self.files = [self.executable] + ([self.library] if library else [])
        self.env = {"PYTHONHOME": py.prefix, "LD_LIBRARY_PATH": folder}


@pytest.fixture
def copied(plain, tmp_path):
    return Copy(plain, str(tmp_path))


@every_plain
def test_executable_and_library_deleted(plain, copied):
    with Target(plain, TARGET, 0, argv=[copied.executable], env=copied.env) as target:
        for path in copied.files:
            os.unlink(path)
        assert os.readlink("/proc/%d/exe" % target.pid).endswith(" (deleted)")
        assert_seen(target)


@every_plain
def test_executable_and_library_replaced(plain, copied):
    """An upgrade: other files under the same names."""
    with Target(plain, TARGET, 0, argv=[copied.executable], env=copied.env) as target:
        for path in copied.files:
            shutil.copy("/bin/sleep", path + ".new")
            os.rename(path + ".new", path)
        assert_seen(target)


@every_plain
@pytest.mark.skipif(not shutil.which("strip"), reason="no strip here")
def test_stripped(plain, copied):
    for path in copied.files:
        subprocess.run(["strip", "--strip-all", path], check=True)
    with Target(plain, TARGET, 0, argv=[copied.executable], env=copied.env) as target:
        assert_seen(target)


@every_plain
def test_virtual_environment(plain, tmp_path):
    venv = str(tmp_path / "venv")
    made = plain.run("-m", "venv", "--without-pip", venv)
    assert made.returncode == 0, made.stderr
    with Target(plain, TARGET, 0, argv=[venv + "/bin/python"]) as target:
        assert_seen(target)


@every_plain
def test_executable_of_another_name(plain, copied, tmp_path):
    name = str(tmp_path / "my server")
    os.rename(copied.executable, name)
    with Target(plain, TARGET, 0, argv=[name], env=copied.env) as target:
        assert_seen(target)


@ROOT
@every_plain
def test_pid_namespace(plain):
    """Inside it the program is process 1, and its thread ids are others than ours."""
    with Target(plain, TARGET, 0, wrapper=["unshare", "--pid", "--fork", "--kill-child"], announces_pid=False) as target:
        target.pid = wait_for(lambda: procfs.children(target.process.pid), "the child")[0]
        assert target.ready["pid"] == 1
        assert_seen(target)


@ROOT
@every_plain
def test_pid_namespace_entered_by_a_busy_program(plain, tmp_path):
    with Target(plain, "busy.py", wrapper=["unshare", "--pid", "--fork", "--kill-child"], announces_pid=False) as target:
        target.pid = wait_for(lambda: procfs.children(target.process.pid), "the child")[0]
        out = str(tmp_path / "raw")
        tool.run("record", "--pid", target.pid, "-d", "0.5", "-f", "raw", "-o", out, check=0)
        with open(out) as f:
            assert "leaf (" in f.read()
        assert [t["active"] for t in tool.dump_json(target.pid)] == [True]


@ROOT
@every_plain
def test_mount_namespace_with_the_files_only_there(plain, tmp_path):
    place = tmp_path / "only-there"
    place.mkdir()
    source = tmp_path / "source"
    source.mkdir()
    copy = Copy(plain, str(source))
    script = 'mount -t tmpfs none "$1" && cp "$2"/* "$1" && p=$1 && shift 2 && exec "$p/python3" "$@"'
    wrapper = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", str(place), str(source)]
    with Target(plain, TARGET, 0, wrapper=wrapper, argv=[], env=dict(copy.env, LD_LIBRARY_PATH=str(place))) as target:
        assert os.listdir(place) == []
        assert os.readlink("/proc/%d/exe" % target.pid) == str(place / "python3")
        assert_seen(target)


@ROOT
@every_plain
def test_mount_namespace_with_other_files_here(plain, tmp_path):
    """Under the names that the target's maps give there are other files on our side."""
    place = tmp_path / "both"
    place.mkdir()
    source = tmp_path / "source"
    source.mkdir()
    copy = Copy(plain, str(source))
    for path in copy.files:
        shutil.copy("/bin/sleep", str(place / os.path.basename(path)))
    script = 'mount -t tmpfs none "$1" && cp "$2"/* "$1" && p=$1 && shift 2 && exec "$p/python3" "$@"'
    wrapper = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", str(place), str(source)]
    with Target(plain, TARGET, 0, wrapper=wrapper, argv=[], env=dict(copy.env, LD_LIBRARY_PATH=str(place))) as target:
        assert_seen(target)


HOST = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "targets", "embed_host.c")


def config(plain, name):
    return plain.run("-c", "import sysconfig; print(sysconfig.get_config_var(%r) or '')" % name).stdout.strip()


@every_plain
@pytest.mark.skipif(not os.path.exists(HOST), reason="no embedding host")
def test_embedded_in_another_program(plain, tmp_path):
    include, library, version = config(plain, "INCLUDEPY"), config(plain, "LIBDIR"), config(plain, "LDVERSION")
    if not os.path.exists(os.path.join(include, "Python.h")):
        pytest.skip("%s has no headers" % plain)
    host = str(tmp_path / "embedding-host")
    static = os.path.join(config(plain, "LIBPL"), "libpython%s.a" % version)
    if plain.shared:
        link = ["-L" + library, "-Wl,-rpath," + library, "-lpython" + version]
    elif os.path.exists(static):
        link = ["-Wl,--whole-archive", static, "-Wl,--no-whole-archive", "-Wl,--export-dynamic", "-no-pie"] + config(plain, "LIBS").split()
    else:
        pytest.skip("%s has no library to link with" % plain)
    built = subprocess.run(["gcc", "-o", host, HOST, "-I" + include] + link + ["-ldl", "-lm", "-lpthread", "-lutil", "-lz", "-lexpat"],
                           stderr=subprocess.PIPE, text=True)
    if built.returncode and not plain.shared:
        pytest.skip("the static library of %s cannot be linked here: %s" % (plain, " / ".join(built.stderr.splitlines()[-4:])))
    assert built.returncode == 0, built.stderr
    target = Target(plain, TARGET, 0, argv=[host], env={"PYTHONHOME": plain.prefix})
    target.env["PYTHONPATH"] = target.there  # a script that is run from C has no folder of its own in sys.path
    with target:
        assert_seen(target, embedded=True)


@every_plain
def test_exit_of_the_target_between_two_looks(plain):
    with Target(plain, TARGET, 0) as target:
        target.settle()
        tool.dump_json(target.pid)
        target.kill(signal.SIGKILL)
        target.process.wait()
        done = tool.run("dump", "--pid", target.pid)
        assert done.returncode == 1 and len(done.stderr.strip().splitlines()) == 1
