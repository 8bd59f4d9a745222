# SPDX-License-Identifier: Apache-2.0
"""asyncio's own table of offsets is found wherever it lies, and what is read of tasks with it is what they say of themselves."""
import json
import os
import shutil
import struct
import subprocess

import pytest

from conftest import FOUND
from lib import built
from lib.target import Target

TARGET = "aio_fields.py"
FIRST_TABLE = (3, 14)
WITH_TABLE = [py for py in FOUND if py.minor >= FIRST_TABLE]
WITH_MODULE = [py for py in WITH_TABLE if py.run("-c", "import _asyncio; print(_asyncio.__file__)").returncode == 0]
every_table = pytest.mark.parametrize("wide", WITH_TABLE, ids=[py.id for py in WITH_TABLE])


@pytest.fixture(scope="module")
def driver():
    built.make("asyncio-facts")
    return built.path("tests/integration/asyncio_facts")


class Facts:
    """The driver, attached to a process."""

    def __init__(self, driver, pid):
        command = [driver] if isinstance(driver, str) else driver
        self.process = subprocess.Popen(command + [str(pid)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def assert_fields(facts, truth):
    layout = facts.ask("layout")
    assert "error" not in layout, layout
    assert layout["task_size"] == truth["task_basicsize"] and layout["fut_size"] == truth["future_basicsize"]
    for name, said in truth["objects"].items():
        read = facts.ask("task %d" % said["id"])
        for key, value in said.items():
            if key in read:
                assert read[key] == value, (name, key, read, said)
        if said["is_task"]:
            assert {"coro", "name", "fut_waiter", "context", "must_cancel"} <= set(read)
            assert read["context_type"] == "%s" % ("_contextvars.Context" if "." in read["context_type"] else "Context")
    return layout


def assert_lists(facts, truth):
    """3.14+: the lists of tasks, the running task.  3.13: the running loop."""
    lists = facts.ask("threads")
    loops = [thread for thread in lists["threads"] if thread.get("running_loop")]
    if truth["version"] >= [3, 13]:
        assert [thread["running_loop"] for thread in loops] == [truth["loop"]]
    if tuple(truth["version"]) >= FIRST_TABLE:
        assert loops[0]["running_task"] == truth["objects"]["main"]["id"]
        assert sorted(loops[0]["tasks"]) == truth["all_tasks"]
        assert lists["tasks"] == [truth["objects"]["abandoned"]["id"]]


def check(driver, target):
    """asyncio is imported only after the first look; later looks work without a reader of the attachment's own."""
    with Facts(driver, target.pid) as facts:
        with_table = target.py.minor >= FIRST_TABLE
        before = facts.ask("look")["table"]
        if target.py in WITH_MODULE or not with_table:
            assert before == 0 and facts.ask("look")["table"] == 0
        truth = target.ask("go")
        assert bool(facts.ask("look")["table"]) is with_table
        assert_fields(facts, truth)
        assert_lists(facts, truth)
    with Facts(driver, target.pid) as facts:
        assert bool(facts.ask("detached")["table"]) is with_table
        assert_fields(facts, truth)
    target.assert_unharmed()


def test_fields(driver, py):
    with Target(py, TARGET) as target:
        check(driver, target)


def library(py):
    """The file that holds asyncio's table, as seen from here."""
    return py.root + py.run("-c", "import _asyncio; print(_asyncio.__file__)").stdout.strip() if py in WITH_MODULE else None


def headless(path):
    """Without section headers, as some packers leave it."""
    with open(path, "r+b") as f:
        f.seek(40)
        f.write(struct.pack("<Q", 0))
        f.seek(60)
        f.write(struct.pack("<HH", 0, 0))


def strip(path):
    subprocess.run(["strip", "--strip-all", path], check=True)


def moved(py, target, change):
    """A copy of the file that holds the table, changed, in the place from which the target will load it: its script's folder comes
    first in sys.path.  Returns the copy's path and how to start the target."""
    source = library(py)
    if source:
        copy = os.path.join(target.here, os.path.basename(source))
        argv, env = None, {}
    else:
        source = py.root + py.real_executable
        copy = os.path.join(target.here, "python3")
        argv = (["chroot", py.root] if py.root else []) + [os.path.join(target.there, "python3")]
        env = {"PYTHONHOME": py.prefix}
    shutil.copy(source, copy)
    change(copy)
    if argv:
        target.command = argv + target.command[len(py.argv):]
        target.env.update(env)
    return copy


@pytest.mark.parametrize("change", [strip, headless], ids=["stripped", "no section headers"])
@pytest.mark.skipif(not shutil.which("strip"), reason="no strip here")
@every_table
def test_changed_file(driver, wide, change):
    target = Target(wide, TARGET)
    copy = moved(wide, target, change)
    with target:
        check(driver, target)
        with open("/proc/%d/maps" % target.pid) as maps:
            assert copy in maps.read().replace(wide.root + target.there, target.here)


@every_table
def test_deleted_file(driver, wide):
    target = Target(wide, TARGET)
    copy = moved(wide, target, lambda path: None)
    with target:
        truth = target.ask("go")
        os.unlink(copy)
        with Facts(driver, target.pid) as facts:
            assert facts.ask("look")["table"]
            assert_fields(facts, truth)
            assert_lists(facts, truth)


@every_table
def test_replaced_file(driver, wide):
    """An upgrade under a running program: the name leads to another file, which must not be believed."""
    target = Target(wide, TARGET)
    copy = moved(wide, target, lambda path: None)
    with target:
        truth = target.ask("go")
        shutil.copy("/bin/sleep", copy + ".new")
        os.rename(copy + ".new", copy)
        with Facts(driver, target.pid) as facts:
            assert_fields(facts, truth)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("wide", [py for py in WITH_TABLE if not py.root], ids=lambda py: py.id)
def test_file_in_another_mount_namespace(driver, wide, tmp_path):
    source = library(wide) or pytest.skip("its asyncio is not a module")
    place, script = tmp_path / "only-there", 'mount -t tmpfs none "$1" && cp "$2" "$1" && shift 2 && exec "$@"'
    place.mkdir()
    wrapper = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", str(place), source]
    with Target(wide, TARGET, wrapper=wrapper, env={"PYTHONPATH": str(place)}) as target:
        check(driver, target)
        with open("/proc/%d/maps" % target.pid) as maps:
            assert str(place) in maps.read()
        assert os.listdir(place) == []


NOBODY = 65534


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root to become somebody else")
@pytest.mark.parametrize("deleted", [False, True], ids=["there", "deleted"])
@every_table
def test_without_rights(driver, wide, deleted):
    """Who has no right to map_files opens the file by its name; where that is gone the mapped data tell."""
    become = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
    if wide.root:
        target = Target(wide, TARGET, argv=["chroot", "--userspec", "%d:%d" % (NOBODY, NOBODY)] + wide.argv[1:])
    else:
        target = Target(wide, TARGET, wrapper=become)
    copy = None
    if library(wide):
        copy = moved(wide, target, lambda path: None)
    elif deleted:
        pytest.skip("its asyncio is in the executable")
    shutil.copy(driver, target.here)
    with target:
        truth = target.ask("go")
        if deleted:
            os.unlink(copy)
        with Facts(become + [os.path.join(target.here, os.path.basename(driver))], target.pid) as facts:
            found = facts.ask("look")
            if "error" in found:
                pytest.skip("this machine allows no attaching: %s" % found)
            assert found["table"]
            assert_fields(facts, truth)
            assert_lists(facts, truth)
