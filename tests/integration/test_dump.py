# SPDX-License-Identifier: Apache-2.0
"""strobe dump against the target's own account of itself: names, files, lines, thread ids, order."""
import os
import re

import pytest

from lib import procfs, tool
from lib.target import Target


def told(target):
    """The target's truth by thread id; asked twice, to be sure that nothing moved between the two."""
    first = {thread["native_id"]: thread for thread in target.ask("truth")}
    return first


def assert_same_stacks(truth, threads):
    seen, wrong = tool.by_tid(threads), []
    for tid, thread in truth.items():
        got = [tool.frames(one) for one in seen.get(tid, [])]
        if got != [thread["frames"]]:
            wrong.append("%s: truth %s\n    strobe %s" % (thread["name"], thread["frames"], got))
    assert not wrong, "\n".join(wrong)


def test_every_shape_of_stack(py):
    with Target(py, "shapes.py") as target:
        target.settle()
        truth = told(target)
        threads = tool.dump_json(target.pid)
        assert told(target) == truth
        assert set(target.ready["shapes"]) <= {thread["name"] for thread in truth.values()}
        assert_same_stacks(truth, threads)
        target.assert_unharmed()


def test_names_ids_and_order_of_threads(py):
    with Target(py, "shapes.py") as target:
        target.settle()
        truth = told(target)
        threads = tool.dump_json(target.pid)
        names = {thread["os_thread_id"]: thread["thread_name"] for thread in threads}
        assert {tid: thread["name"] for tid, thread in truth.items()}.items() <= names.items()
        assert {tid: thread["ident"] for tid, thread in truth.items()}.items() <= {t["os_thread_id"]: t["thread_id"] for t in threads}.items()
        assert sorted(names) == procfs.tids(target.pid)  # every thread of this program has a Python state
        assert {thread["pid"] for thread in threads} == {target.pid}
        text = tool.dump_text(target.pid)
        assert text.threads[0].name == "MainThread" and text.threads[0].tid == target.pid
        assert sorted(thread.tid for thread in text.threads) == procfs.tids(target.pid)


def test_text_says_the_same_as_json(py):
    with Target(py, "shapes.py") as target:
        target.settle()
        truth = told(target)
        text = tool.dump_text(target.pid, "--full-filenames")
        assert text.header[0].startswith("Process %d: " % target.pid) and target.script in text.header[0]
        assert re.match(r"Python v%d\.%d[.\d]* \(.*\)$" % py.minor, text.header[1])
        for thread in text.threads:
            if thread.tid in truth:
                assert thread.frames == truth[thread.tid]["frames"], thread.name
                assert thread.name == truth[thread.tid]["name"]


def test_short_file_names(py):
    """A file of a package is shown from the package on, the standard library's and scripts by their name alone."""
    with Target(py, "shapes.py") as target:
        target.settle()
        by_name = {thread.name: thread for thread in tool.dump_text(target.pid).threads}
        assert by_name["plain"].frames[0][1] == "shapes.py"
        assert by_name["plain"].frames[-1][1] == "threading.py"
        assert any(frame[1] == "asyncio/runners.py" for frame in by_name["event_loop"].frames)
        assert by_name["far_lines"].frames[0][1].endswith("away (1).py")


@pytest.mark.parametrize("depth", [1000, 100000])
def test_deep_stacks_keep_both_ends(py, depth):
    with Target(py, "deep.py", depth) as target:
        target.settle()
        full = target.ready["depth"]
        thread = tool.dump_text(target.pid, "--full-filenames").named("deep")[0]
        marks = [line for line in thread.lines if "left out" in line]
        assert thread.frames[0][0] == "descend" and thread.frames[-1][1].endswith("threading.py")
        assert [frame[0] for frame in thread.frames[-6:]][0:3] == ["descend", "descend", "start"] or len(thread.frames) < 6
        if depth == 1000:
            assert len(thread.frames) == full and not marks
        else:
            assert len(marks) == 1
            left_out = int(re.search(r"[\d,]*\d", marks[0]).group().replace(",", ""))
            assert len(thread.frames) + left_out == full, marks[0]
            assert len(thread.frames) >= 2000
            place = thread.lines.index(marks[0])
            assert 500 < place < len(thread.lines) - 500  # both ends were kept
        threads = tool.by_tid(tool.dump_json(target.pid))
        assert threads[thread.tid][0]["frames"][0]["name"] == "descend"
        target.assert_unharmed()


def test_subinterpreters(py):
    with Target(py, "subinterpreters.py") as target:
        if target.ready.get("skip"):
            pytest.skip("%s has no module for subinterpreters" % py)
        target.settle()
        threads = tool.dump_json(target.pid)
        inside = [thread for thread in threads if thread["frames"] and thread["frames"][0]["name"] == "sub_leaf"]
        assert [[(f["name"], f["line"]) for f in thread["frames"]][:3] for thread in inside] == \
            [[("sub_leaf", 4), ("sub_root", 9), ("<module>", 10)]] * 3
        # the same OS threads run them, below their states in the main interpreter
        assert sorted(thread["os_thread_id"] for thread in inside) == sorted(target.ready["native"])
        truth = {tid: thread for tid, thread in told(target).items() if thread["main"]}
        assert_same_stacks(truth, threads)


@pytest.mark.versions("3.8", "3.11", "3.12", "3.13", "3.14", "3.15", "3.14t")
def test_native_threads_are_no_python_threads(py):
    with Target(py, "native.py", 300) as target:
        target.settle()
        assert len(procfs.tids(target.pid)) == 302
        threads = tool.dump_json(target.pid)
        assert sorted(thread["thread_name"] for thread in threads) == ["MainThread", "harness"]
        assert_same_stacks(told(target), threads)
        target.assert_unharmed()


def test_json_has_the_fields_of_the_field(py):
    with Target(py, "shapes.py") as target:
        target.settle()
        threads = tool.dump_json(target.pid)
        for thread in threads:
            assert {"pid", "thread_id", "thread_name", "os_thread_id", "active", "owns_gil", "frames", "process_info"} <= set(thread)
            assert isinstance(thread["active"], bool) and isinstance(thread["owns_gil"], bool)
            for frame in thread["frames"]:
                assert {"name", "filename", "module", "short_filename", "line", "locals"} <= set(frame)
                assert frame["locals"] is None
        assert threads[-1]["os_thread_id"] == target.pid, "the thread made last comes first, as in py-spy"


def test_locals(py):
    with Target(py, "variables.py") as target:
        target.settle()
        done = tool.run("dump", "--pid", target.pid, "--json", "--locals", check=0)
        assert len(done.stdout) < 200000, "what is printed of a target's values is bounded"
        main = [t for t in tool.dump_json(target.pid, "--locals") if t["os_thread_id"] == target.pid][0]
        frame = main["frames"][0]
        assert frame["name"] == "inner"
        values = {local["name"]: local for local in frame["locals"]}
        assert values["number"]["repr"] == "42" and values["number"]["arg"] is True
        assert values["text"]["repr"].strip("'\"") == "hello" and values["text"]["arg"] is True
        assert values["nothing"]["repr"] == "None" and values["nothing"]["arg"] is False
        assert values["flag"]["repr"] == "False" and values["flag"]["arg"] is True
        assert values["negative"]["repr"] == "-1099511627776"
        assert values["ratio"]["repr"] == "0.5"
        assert values["items"]["repr"].replace("'", '"') == '[1, "two", (3, 4)]'
        assert values["table"]["repr"].replace("'", '"') == '{"key": 1, 2: "value"}'
        assert values["thing"]["repr"].startswith("<Plain at 0x")
        assert values["shared"]["repr"] == "7"  # lives in a cell
        assert "unbound" not in values
        assert values["rest"]["arg"] is True and values["rest"]["repr"] == "(5, 6)"
        for name in ("cyclic", "ring", "vast", "long_text", "deep"):
            assert 0 < len(values[name]["repr"]) < 1000
        text = tool.run("dump", "--pid", target.pid, "--locals", check=0).stdout
        assert "        Arguments:\n            number: 42\n" in text and "        Locals:\n" in text and "\x1b" not in text
        assert "Arguments" not in tool.run("dump", "--pid", target.pid, check=0).stdout, "secrets are the user's: off by default"
        target.assert_unharmed()


@pytest.mark.versions("3.8", "3.10", "3.11", "3.12", "3.14", "3.14t")
def test_hostile_names(py):
    with Target(py, "hostile.py", "block") as target:
        target.settle()
        threads = tool.by_tid(tool.dump_json(target.pid))  # parses, so the quoting holds
        for tid, name in zip(target.ready["native"], target.ready["names"]):
            frame, thread = threads[tid][0]["frames"][0], threads[tid][0]
            if "lone" in name:  # cannot be had in UTF-8; whatever stands for it, the rest is there
                assert frame["name"].startswith("lone")
            elif len(name) < 4096:
                name = name.split("\0")[0]  # strobe is a C program: a name ends at its first NUL
                assert frame["name"] == name
                assert thread["thread_name"] == "T" + name
            else:
                assert frame["name"][:200] == name[:200]
        shown = tool.on_terminal("dump", "--pid", target.pid)
        text = re.sub(rb"\x1b\[[0-9;]*m", b"", shown)  # our own colours; the hostile ones are known by their text
        assert b"\x1b[31mred" not in shown and b"\x1b" not in text
        controls = {chr(b) for b in range(0x20)} | {chr(b) for b in range(0x7f, 0xa0)} | set("\u202e\u2066\u2028\u2029")
        found = controls & set(text.decode("utf-8", "surrogateescape").replace("\r\n", "\n").replace("\n", ""))
        assert not found
        assert len(tool.dump_text(target.pid).threads) == len(procfs.tids(target.pid)), "no name makes lines of its own"


@pytest.mark.versions("3.8", "3.12", "3.15")
def test_bare_pid_hexadecimal_and_prefix(py):
    with Target(py, "native.py", 0) as target:
        target.settle()
        wanted = tool.run("dump", "--pid", target.pid, check=0).stdout
        for args in (["dump", target.pid], ["dump", hex(target.pid)], ["dump", "-p", target.pid], ["d", target.pid], ["dump", "--pid=%d" % target.pid]):
            assert tool.run(*args, check=0).stdout == wanted


@pytest.mark.versions("3.8", "3.11", "3.13", "3.14", "3.14t")
def test_children_in_a_dump(py):
    with Target(py, "family.py", 2) as target:
        threads = tool.dump_json(target.pid, "--subprocesses")
        assert {thread["pid"] for thread in threads} == {target.pid} | set(target.ready["children"])
        for thread in threads:
            if thread["pid"] != target.pid:
                assert "child_work" in [frame["name"] for frame in thread["frames"]]
                assert thread["process_info"]["pid"] == thread["pid"]
        text = tool.run("dump", "--pid", target.pid, "-s", check=0).stdout
        assert text.count("Process ") >= 3 and text.count("Parent Process %d: " % target.pid) == 2
        assert re.search(r"^-{10,}$", text, re.M)


def test_python_may_not_see_it(py):
    """What was read left no trace: no thread, no open file, no change of memory protection in the target."""
    def traces(pid):
        with open("/proc/%d/maps" % pid) as f:
            return procfs.tids(pid), sorted(os.listdir("/proc/%d/fd" % pid)), [line.split()[0:2] for line in f]
    with Target(py, "native.py", 0) as target:
        target.settle()
        before = traces(target.pid)
        tool.dump_json(target.pid)
        assert traces(target.pid) == before
