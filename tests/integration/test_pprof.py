# SPDX-License-Identifier: Apache-2.0
"""The pprof format: decoded by another protobuf (lib/pprof.py), read by `go tool pprof`, compared with what went in and with `raw`."""
import collections
import json
import os
import re
import shutil
import subprocess
import time
import unicodedata

import pytest

from lib import pprof, profiles, tool
from lib.profiles import A, A2, B, GC, MAIN, MS, Profile, mixed
from lib.target import Target

PROCESS, THREAD, LABEL, WAIT = -2, -3, -4, -1  # first lines of marks: enum strobe_mark


@pytest.fixture(scope="session")
def demo():
    return profiles.build_demo()


def located(frame, line=True):
    name, file, current, first = frame
    return name, file, max(first, 0), current if line else 0


def written(demo, profile, *options):
    return pprof.Profile(profile.write(demo, "pprof", *options))


# ---- by what went in ----

@pytest.mark.parametrize("options", [(), ("nolines",), ("full",)])
def test_samples_are_what_was_added(demo, options):
    profile, expected = mixed(), collections.defaultdict(lambda: [0, 0])
    for _, _, ns, stack in profile.adds:
        both = expected[(), tuple(located(frame, line="nolines" not in options) for frame in stack)]
        both[0] += ns // profile.period
        both[1] += ns
    found = written(demo, profile, *options)
    assert found.counts() == expected and len(found.samples) == len(expected)


def test_the_head_says_what_the_values_are(demo):
    found = written(demo, mixed())
    message = found.message
    assert found.types == [("samples", "count"), ("wall", "nanoseconds")]
    assert found.strings[message.default_sample_type] == "wall"
    assert found._type(message.period_type) == ("wall", "nanoseconds") and message.period == 10 * MS
    assert message.time_nanos == 1700000000000000000 and message.duration_nanos == 680 * MS  # the longer thread's, with its gap
    mapping, = message.mapping
    assert found.strings[mapping.filename] == "python app.py"
    assert mapping.has_functions and mapping.has_filenames and mapping.has_line_numbers and mapping.has_inline_frames
    assert re.fullmatch(r"strobe \d+\.\d+\S*", found.comments[0]) and len(found.comments) == 1


def test_totals_are_those_of_raw(demo):
    """What raw rounds away is still there as time."""
    profile = profiles.service(5)
    found = written(demo, profile)
    raw = collections.Counter()
    for line in profile.write(demo, "raw").decode().splitlines():
        stack, _, count = line.rpartition(" ")
        raw[stack] += int(count)
    mine = collections.Counter()
    for sample in found.samples:
        assert sample.ns > 0
        mine[";".join("%s (%s:%d)" % (name, file, line) if file else name for name, file, _, line in sample.stack)] += sample.count
    assert +mine == raw
    assert found.total() == (sum(raw.values()), sum(ns for _, _, ns, _ in profile.adds))


def test_without_a_rate_there_is_no_period(demo):
    profile = Profile(period=0)
    thread = profile.thread("t")
    profile.add(thread, 3 * MS, MAIN)
    profile.add(thread, 5 * MS, MAIN)
    found = written(demo, profile)
    assert found.message.period == 0 and found.total() == (2, 8 * MS)


def test_large_values_stay_whole(demo):
    profile = Profile(period=1)
    profile.add(profile.thread("t"), 1 << 53, ("f", "t.py", (1 << 31) - 1, (1 << 31) - 2))
    sample, = written(demo, profile).samples
    assert (sample.count, sample.ns) == (1 << 53, 1 << 53) and sample.stack == [("f", "t.py", (1 << 31) - 2, (1 << 31) - 1)]


def test_a_deep_stack_is_whole(demo):
    profile = Profile()
    profile.add(profile.thread("t"), 10 * MS, *([MAIN] + [A, B] * 4000))
    sample, = written(demo, profile).samples
    assert sample.stack == [located(frame) for frame in [MAIN] + [A, B] * 4000]


def test_nothing_at_all_is_still_a_profile(demo):
    found = written(demo, Profile())
    assert found.total() == (0, 0) and not found.samples and not found.functions and found.types


def test_equal_recordings_are_equal_files(demo):
    data = mixed().write(demo, "pprof")
    assert data[:4] == b"\x1f\x8b\x08\x00" and data[4:8] == b"\0\0\0\0"  # gzip, neither name nor time of writing
    assert data == mixed().write(demo, "pprof")


# ---- labels ----

def test_roots_are_labels(demo):
    profile = Profile()
    thread = profile.thread("t")
    process = ('process 42:"python: -c \'a:b\'"', "", 0, PROCESS)
    profile.add(thread, 10 * MS, process, ("thread (17): pool): 3", "", 0, THREAD), MAIN, A)
    profile.add(thread, 20 * MS, process, ("thread (18)", "", 0, THREAD), MAIN)
    profile.add(thread, 30 * MS, ("thread (0x7f00): main", "", 0, THREAD), MAIN)
    profile.add(thread, 40 * MS, MAIN)
    found = written(demo, profile)
    assert {labels: ns for (labels, _), (_, ns) in found.counts().items()} == {
        (("process", "42"), ("thread", "pool): 3"), ("thread_id", "17")): 10 * MS,
        (("process", "42"), ("thread", "18"), ("thread_id", "18")): 20 * MS,
        (("thread", "main"), ("thread_id", "0x7f00")): 30 * MS,
        (): 40 * MS,
    }
    assert {name for sample in found.samples for name, _, _, _ in sample.stack} == {"<module>", "a"}
    assert found.comments[1:] == [process[0]]


def test_of_several_values_the_innermost_counts(demo):
    profile = Profile()
    thread = profile.thread("t")

    def label(text):
        return "[%s]" % text, "", 0, LABEL

    profile.add(thread, 10 * MS, label("turn=1"), A, label("turn=2"), B, label("trace=ab=c]"))
    profile.add(thread, 20 * MS, A, label("turn="), B)
    profile.add(thread, 30 * MS, label("turn=1"), A, ("[waiting: Lock [x=1]]", "", 0, WAIT))
    profile.add(thread, 40 * MS, label("turn"), A, B)
    profile.add(thread, 50 * MS, label("=3"), A)
    assert written(demo, profile).counts() == {
        ((("trace", "ab=c]"), ("turn", "2")), (located(A), located(B))): [1, 10 * MS],
        ((("turn", ""),), (located(A), located(B))): [6, 60 * MS],  # no value at all is an empty one, too
        ((("label", "3"),), (located(A),)): [5, 50 * MS],
        ((("turn", "1"),), (located(A), ("[waiting: Lock [x=1]]", "", 0, 0))): [3, 30 * MS],
    }


def test_a_function_cannot_pass_for_a_root(demo):
    """A code object may have any name, and no file; its first line is never below 0."""
    profile, names = Profile(), ['process 1:"x"', "thread (1): x", "[request=1]"]
    profile.add(profile.thread("t"), 10 * MS, *[(name, "", 0, first) for first in (0, 7) for name in names])
    sample, = written(demo, profile).samples
    assert sample.labels == {} and sample.stack == [(name, "", first, 0) for first in (0, 7) for name in names]


@pytest.mark.parametrize("text", ["", "p", "[", "[]", "]", "=", "[=]", "thread (", "thread (1", "thread ()", "process ", "thread (): "])
def test_roots_of_any_text_are_read(demo, text):
    profile = Profile()
    thread = profile.thread("t")
    for kind in (PROCESS, THREAD, LABEL):
        profile.add(thread, 10 * MS, (text, "", 0, kind), MAIN)
    assert written(demo, profile).total() == (3, 30 * MS)


# ---- hostile names ----

def test_hostile_names_are_text_that_can_be_seen(demo):
    """Readers print names to terminals as they are."""
    profile = profiles.hostile()
    found = written(demo, profile)
    assert found.total() == (3 * len(profile.adds), 30 * MS * len(profile.adds))
    for text in found.strings:
        assert not {unicodedata.category(char) for char in text} & {"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"}, ascii(text)
    names = {name for sample in found.samples for name, _, _, _ in sample.stack}
    assert {"<script>alert(1)</script>", "\U0001f600 emoji", "日本語 名前", "semi;colon;", "", "%s%n{{7*7}}${1}", "x" * 10000} <= names
    assert {"\\x00\\x01\\x08\\x0b\\x1b[31m\\x7f\\x85", "line\\x0abreak\\x0d\\x0a\\x09tab", "u2028\\u2028u2029\\u2029", "\\u202eevil\\u202c",
            "\\ufffe\\uffff", "\\xff\\xfe", "\\xc3", "\\xed\\xa0\\x80", "\\xf4\\x90\\x80\\x80", "\\xc0\\xaf", "ok\\x80ok"} <= names
    assert found.strings[found.message.mapping[0].filename] == "python -c '<script>alert(0)</script>' \\x1b[0m"


def test_hostile_labels_too(demo):
    profile = Profile()
    for kind, text in ((THREAD, "thread (7): \x1b[31m\u202e"), (LABEL, "[a\x00=\xff\x07]"), (PROCESS, 'process 1:"\x1b"')):
        profile.add(profile.thread("t"), 10 * MS, (text, "", 0, kind), MAIN)
    found = written(demo, profile)
    assert [sample.labels for sample in found.samples] == [{"thread": "\\x1b[31m\\u202e", "thread_id": "7"}, {"a\\x00": "\xff\\x07"},
                                                           {"process": "1"}]
    assert found.comments[1:] == ['process 1:"\\x1b"']


# ---- pprof itself ----

needs_go = pytest.mark.skipif(not shutil.which("go"), reason="no go, whose pprof reads these files")


def go_pprof(folder, data, *args):
    path = os.path.join(str(folder), "profile.pb.gz")
    if data is not None:
        with open(path, "wb") as f:
            f.write(data)
    env = dict(os.environ, PPROF_TMPDIR=str(folder), PPROF_BINARY_PATH=str(folder), TZ="UTC")
    env.setdefault("HOME", str(folder))
    done = subprocess.run(["go", "tool", "pprof", *args, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300, env=env)
    assert done.returncode == 0, done.stderr
    assert "not available" not in done.stderr and "rror" not in done.stderr, done.stderr
    return done.stdout


def top(folder, data, *args):
    """{function: (flat, cumulative)} of pprof's own report."""
    text = go_pprof(folder, data, "-top", "-nodecount=100000", "-nodefraction=0", "-edgefraction=0", *args)
    rows = re.findall(r"^ *(\S+) +\S+% +\S+% +(\S+) +\S+%  (.*)$", text, re.M)
    return {name.removesuffix(" (inline)"): (flat, cumulative) for flat, cumulative, name in rows}


def by_function(profile):
    """The same by brute force over the samples, in ns."""
    flat, cumulative = collections.Counter(), collections.Counter()
    for _, _, ns, stack in profile.adds:
        flat[stack[-1][0]] += ns
        for name in {frame[0] for frame in stack}:
            cumulative[name] += ns
    return {name: (flat[name], ns) for name, ns in cumulative.items()}


@needs_go
@pytest.mark.timeout(600)  # the first call of a newer Go builds its pprof
def test_pprof_computes_the_same(demo, tmp_path):
    profile = mixed()
    data, expected = profile.write(demo, "pprof"), by_function(profile)
    found = top(tmp_path, data, "-unit=ms")
    assert found == {name: tuple("%dms" % (ns / MS) if ns else "0" for ns in both) for name, both in expected.items()}
    found = top(tmp_path, data, "-sample_index=samples")
    assert found == {name: tuple(str(ns // profile.period) for ns in both) for name, both in expected.items()}
    text = go_pprof(tmp_path, data, "-top")
    assert "File: python app.py" in text and "Type: wall" in text and "Time: 2023-11-14 22:13:20 UTC" in text
    assert re.search(r"Duration: 680ms, Total samples = (260ms|0\.26s) ", text)


@needs_go
@pytest.mark.timeout(600)
def test_pprof_knows_the_labels(demo, tmp_path):
    profile = Profile()
    thread = profile.thread("t")
    profile.add(thread, 10 * MS, ("thread (17): io", "", 0, THREAD), MAIN, ("[request=7]", "", 0, LABEL), A)
    profile.add(thread, 30 * MS, ("thread (18): cpu", "", 0, THREAD), MAIN, A2)
    data = profile.write(demo, "pprof")
    text = go_pprof(tmp_path, data, "-tags", "-unit=ms")
    assert re.search(r"thread: Total 40\.?0?ms", text) and re.search(r"30ms .*: cpu\n", text) and re.search(r"10ms .*: io\n", text), text
    assert top(tmp_path, data, "-unit=ms", "-tagfocus=request=^7$") == {"a": ("10ms", "10ms"), "<module>": ("0", "10ms")}
    assert top(tmp_path, data, "-unit=ms", "-tagroot=thread") == {
        "a": ("40ms", "40ms"), "<module>": ("0", "40ms"), "io": ("0", "10ms"), "cpu": ("0", "30ms")}


@needs_go
@pytest.mark.timeout(600)
def test_pprof_reads_names_of_any_kind(demo, tmp_path):
    profile = profiles.hostile()
    data = profile.write(demo, "pprof")
    raw = go_pprof(tmp_path, data, "-raw")
    rows = re.findall(r"^ +(\d+) +(\d+): ", raw, re.M)
    assert rows == [("3", str(30 * MS))] * len(profile.adds)
    assert "<script>alert(1)</script> app.py:10" in raw and "\x1b" not in raw and "\u202e" not in raw
    assert "Samples" in go_pprof(tmp_path, Profile().write(demo, "pprof"), "-raw")


# ---- live ----

def record(target, out, *args):
    return tool.run("record", "-p", target.pid, "-f", "pprof", "-o", out, *args, check=0)


def test_a_recording_of_a_live_program(py, tmp_path):
    """One thread, always busy: its time is the clock's, its counts those of the periods."""
    out = tmp_path / "x.pb.gz"
    with Target(py, "busy.py") as target:
        target.counter().assert_moves()
        before = time.time()
        done = record(target, out, "-d", "1", "-r", "200", "-t")
        after = time.time()
        target.assert_unharmed()
    found = pprof.read(out)
    count, ns = found.total()
    assert before <= found.message.time_nanos / 1e9 <= after and 0.9e9 < found.message.duration_nanos < (after - before) * 1e9
    assert abs(ns / 1e9 - count / 200) <= 1 / 200  # whole periods, the rest carried on
    assert abs(ns - found.message.duration_nanos) < 0.1e9  # it never slept
    assert found.message.period == 5 * MS and ("Wrote pprof data to '%s'" % out) in done.stderr
    for sample in found.samples:
        assert sample.labels == {"thread": "MainThread", "thread_id": str(target.pid)}
        assert sample.stack[0][0] == "<module>" and sample.stack[0][1].endswith("busy.py") and "outer" in [frame[0] for frame in sample.stack]
        assert all(0 < first <= line for _, _, first, line in sample.stack)


@pytest.mark.versions("3.8", "3.12", "3.14t")
def test_processes_and_threads_of_a_family(py, tmp_path):
    """Two processes of two threads each, told apart by labels; each thread is in its own function."""
    code = ("import os, threading, time\n"
            "end = time.monotonic() + 0.6\n"
            "def one():\n    while time.monotonic() < end: pass\n"
            "def two():\n    while time.monotonic() < end: pass\n"
            "pid = os.fork()\n"
            "thread = threading.Thread(target=two, name='second')\nthread.start()\none()\nthread.join()\n"
            "if pid: os.waitpid(pid, 0)\n")
    tool.run("record", "-s", "-t", "-f", "pprof", "-o", tmp_path / "x.pb.gz", "-r", "200", "--", *py.argv, "-c", code, check=0)
    found = pprof.read(tmp_path / "x.pb.gz")
    assert len({sample.labels["process"] for sample in found.samples}) == 2
    assert len([text for text in found.comments if text.startswith("process ")]) == 2
    working = {}
    for sample in found.samples:
        for name in {frame[0] for frame in sample.stack} & {"one", "two"}:
            working.setdefault((sample.labels["process"], sample.labels["thread_id"]), set()).add(name)
    assert sorted(map(sorted, working.values())) == [["one"], ["one"], ["two"], ["two"]]
    assert all(not re.match(r"process|thread \(", name) for sample in found.samples for name, _, _, _ in sample.stack)


@pytest.mark.versions("3.8", "3.12", "3.14")
def test_tasks_by_a_context_variable(py, tmp_path):
    """Values of the variable are labels; the sums are those of the recording's own summary."""
    with Target(py, os.path.join("aio", "schedule.py"), "context") as target:
        done = record(target, tmp_path / "x.pb.gz", "--asyncio", "--by", "contextvar:turn", "--json", "-d", "1", "-r", "200")
        target.assert_unharmed()
    found, tasks = pprof.read(tmp_path / "x.pb.gz"), json.loads(done.stdout)["tasks"]
    count, ns = found.total()
    assert ns / 1e9 == pytest.approx(tasks["total_s"], abs=1e-6) and abs(count / 200 - tasks["total_s"]) <= 1 / 200
    seconds, spent = tasks["to_monotonic"] - tasks["from_monotonic"], collections.Counter()
    for sample in found.samples:
        names = [frame[0] for frame in sample.stack]
        assert not any(name.startswith("[turn") for name in names)
        if "handler" in names:
            spent[sample.labels["turn"]] += sample.ns / 1e9
    # Handlers 0 to 7 set n % 3, but the last a word; each awaits a task of its own.
    assert spent == {value: pytest.approx(2 * handlers * seconds, abs=0.05) for value, handlers in
                     (("0", 3), ("1", 2), ("2", 2), ("seven", 1))}


@pytest.mark.versions("3.12")
def test_both_profiles_have_the_whole_extension(py, tmp_path):
    with Target(py, os.path.join("aio", "schedule.py"), "blocked") as target:
        record(target, tmp_path / "p.pb.gz", "--asyncio=both", "-d", "0.3")
    assert sorted(os.listdir(tmp_path)) == ["p-tasks.pb.gz", "p.pb.gz"]
    assert pprof.read(tmp_path / "p-tasks.pb.gz").samples and pprof.read(tmp_path / "p.pb.gz").samples
