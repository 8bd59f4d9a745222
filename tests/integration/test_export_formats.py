# SPDX-License-Identifier: Apache-2.0
"""Every output format, read back by an independent reader and compared with what went in."""
import collections
import json
import os
import re
import shutil
import xml.etree.ElementTree as ElementTree

import pytest

from lib import profiles
from lib.profiles import A, A2, B, GC, MAIN, MS, START, Profile, mixed

HERE = os.path.dirname(os.path.abspath(__file__))
FORMATS = ["flamegraph", "raw", "speedscope", "chrometrace", "pstats", "pstat", "pprof", "FlameGraph", "RAW"]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="session")
def demo():
    return profiles.build_demo()


def label(frame, line=True):
    name, file, current, _ = frame
    return name + (" (%s%s)" % (file, ":%d" % current if line and current else "") if file else "")


# ---- raw ----

def parse_raw(data):
    counts = collections.Counter()
    for line in data.decode().splitlines():
        stack, _, count = line.rpartition(" ")
        assert stack and stack not in counts
        counts[stack] = int(count)
    return counts


def test_raw_is_the_sum_of_what_was_added(demo):
    profile, expected = mixed(), collections.Counter()
    for _, _, ns, stack in profile.adds:
        expected[";".join(map(label, stack))] += ns // profile.period
    assert parse_raw(profile.write(demo, "raw")) == expected


def test_raw_without_lines_merges_the_lines(demo):
    profile, expected = mixed(), collections.Counter()
    for _, _, ns, stack in profile.adds:
        expected[";".join(label(frame, line=False) for frame in stack)] += ns // profile.period
    assert parse_raw(profile.write(demo, "raw", "nolines")) == expected


def test_raw_lines_hold_whatever_the_names_are(demo):
    data = profiles.hostile().write(demo, "raw")
    lines = data.decode("utf-8").split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(profiles.HOSTILE) + len(profiles.NOT_UTF8) and len(data.decode().splitlines()) == len(lines)
    for line in lines:
        assert re.fullmatch(r"[^;]+;[^;]+;[^;]+ 3", line) and not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", line)


def test_raw_rounds_to_whole_periods_and_leaves_out_none(demo):
    profile = Profile()
    thread = profile.thread("t")
    for _ in range(10):
        profile.add(thread, 9 * MS, MAIN, A)
        profile.add(thread, 1 * MS, MAIN, B)
    counts = parse_raw(profile.write(demo, "raw"))
    assert sum(counts.values()) == 10 and 0 not in counts.values()
    short = Profile()
    short.add(short.thread("t"), 3 * MS, MAIN, A)
    assert short.write(demo, "raw") == b"<module> (/x/t.py:20);a (/x/t.py:5) 0\n"


# ---- speedscope ----

def test_speedscope_has_the_keys_and_the_time(demo):
    profile = mixed()
    data = json.loads(profile.write(demo, "speedscope"))
    assert data["$schema"] == "https://www.speedscope.app/file-format-schema.json" and data["name"] == "python app.py"
    frames = data["shared"]["frames"]
    assert all(sorted(frame) == ["col", "file", "line", "name"] for frame in frames)
    assert [one["name"] for one in data["profiles"]] == ['Thread 100 "MainThread"', 'Thread 101 "pool"']
    for index, one in enumerate(data["profiles"]):
        assert sorted(one) == ["endValue", "name", "samples", "startValue", "type", "unit", "weights"]
        assert (one["type"], one["unit"], one["startValue"], len(one["samples"])) == ("sampled", "seconds", 0, len(one["weights"]))
        expected = [[stack, ns / 1e9] for thread, _, ns, stack in profile.adds if thread == index]
        got = [[tuple((frames[i]["name"], frames[i]["file"] or "", frames[i]["line"] or 0) for i in stack), weight]
               for stack, weight in zip(one["samples"], one["weights"])]
        if index == 0:  # the first two were one stay of 50 ms
            expected[0:2] = [[expected[0][0], 0.05]]
        assert [stack for stack, _ in got] == [tuple(frame[:3] for frame in stack) for stack, _ in expected]
        assert [weight for _, weight in got] == pytest.approx([weight for _, weight in expected], abs=1e-9)
        assert one["endValue"] == pytest.approx(sum(one["weights"]), abs=1e-9)


def test_speedscope_names_processes_when_there_are_several(demo):
    profile = Profile()
    profile.add(profile.thread("", pid=7, tid=8), MS, MAIN)
    profile.add(profile.thread('q"', pid=9, tid=9), MS, MAIN)
    data = json.loads(profile.write(demo, "speedscope", "nolines"))
    assert [one["name"] for one in data["profiles"]] == ["Process 7 Thread 8", 'Process 9 Thread 9 "q""']
    assert data["shared"]["frames"] == [{"name": "<module>", "file": "/x/t.py", "line": None, "col": None}]


@pytest.mark.parametrize("fmt", ["speedscope", "chrometrace"])
def test_json_keeps_hostile_names(demo, fmt):
    data = json.loads(profiles.hostile().write(demo, fmt).decode("utf-8"))
    names = {frame["name"] for frame in (data["shared"]["frames"] if fmt == "speedscope" else data)}
    assert set(profiles.HOSTILE) <= names
    assert {"\ufffd\ufffd", "\ufffd", "\ufffd\ufffd\ufffd", "ok\ufffdok"} <= names


# ---- chrometrace ----

def stacks_of_trace(events):
    """Time spent in each stack of each thread, by running the begin and end events."""
    spent, open_frames, since = collections.Counter(), collections.defaultdict(list), {}
    for event in events:
        row = event["tid"]
        if event["ph"] == "M":
            continue
        frame = (event["name"], event["args"]["filename"], event["args"]["line"] or 0)
        if row in since and event["ts"] > since[row]:
            spent[row, tuple(open_frames[row])] += round((event["ts"] - since[row]) * 1000)
        assert event["ts"] >= since.get(row, 0)
        since[row] = event["ts"]
        if event["ph"] == "B":
            open_frames[row].append(frame)
        else:
            assert event["ph"] == "E" and open_frames[row].pop() == frame
    assert not any(open_frames.values())
    return spent


def test_chrometrace_nests_and_keeps_the_time(demo):
    profile, expected = mixed(), collections.Counter()
    events = json.loads(profile.write(demo, "chrometrace"))
    for event in events:
        assert sorted(event) == ["args", "cat", "name", "ph", "pid", "tid", "ts"] and event["pid"] == 100
    for thread, _, ns, stack in profile.adds:
        expected[100 + thread, tuple(frame[:3] for frame in stack)] += ns
    spent = stacks_of_trace(events)
    assert spent.pop((100, ())) == 500 * MS  # the gap
    assert spent == expected
    assert [event["args"]["name"] for event in events if event["ph"] == "M"] == ["100: MainThread", "101: pool"]
    assert sum(event["ph"] == "B" and event["name"] == "<module>" for event in events) == 3  # open until the gap, the end


def test_chrometrace_threads_without_an_id_do_not_mix(demo):
    profile = Profile()
    one, two = profile.thread("", tid=0), profile.thread("x", tid=0, serial=1)
    profile.add(one, MS, MAIN, A)
    profile.add(two, MS, MAIN, B)
    events = json.loads(profile.write(demo, "chrometrace", "nolines"))
    assert len(set(event["tid"] for event in events)) == 2
    stacks_of_trace(events)


# ---- flamegraph ----

def frames_of(data):
    """(depth, x, width, label, figures) of each frame, by a plain XML parser."""
    root = ElementTree.fromstring(data)
    found = []
    for node in root.find(SVG + "svg[@id='frames']"):
        text, _, figures = node.find(SVG + "title").text.rpartition("\n")
        found.append((int(node.get("data-d")), float(node.get("x").rstrip("%")), float(node.get("width").rstrip("%")), text, figures))
    return found


def test_flamegraph_is_the_tree(demo):
    profile, expected = mixed(), collections.Counter()
    total = sum(ns for _, _, ns, _ in profile.adds)
    for _, _, ns, stack in profile.adds:
        for depth in range(1, len(stack) + 1):
            expected[tuple(map(label, stack[:depth]))] += ns
    path, got, ends = [], {}, []
    right = {}  # by depth: where the next frame begins
    for depth, x, width, text, figures in frames_of(profile.write(demo, "flamegraph")):
        del path[depth:], ends[depth:]
        path.append(text)
        assert x == pytest.approx(right.get(depth, 0), abs=1e-3)  # beside its sibling, or where its caller begins
        assert not ends or x + width <= ends[-1] + 1e-3  # inside its caller
        ends.append(x + width)
        right[depth], right[depth + 1] = x + width, x
        got[tuple(path[1:])] = width
        assert figures.startswith("%.2f %%, " % width) and ("%.3f s" % (width * total / 100e9) in figures or width < 4)
    assert got.pop(()) == 100
    assert got == {path: pytest.approx(100.0 * ns / total, abs=1e-3) for path, ns in expected.items()}


def test_flamegraph_is_well_formed_whatever_the_names_are(demo):
    data = profiles.hostile().write(demo, "flamegraph")
    root = ElementTree.fromstring(data)
    tags = collections.Counter(node.tag.replace(SVG, "") for node in root.iter())
    assert tags["script"] == 1 and tags["style"] == 1 and set(tags) <= {"svg", "title", "style", "rect", "g", "text", "script"}
    for node in root.iter():
        assert not [name for name in node.attrib if name.lower().startswith("on") or "href" in name]
        if node.tag != SVG + "script" and node.text:
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e\ufffe\uffff]", node.text)
    labels = [text for _, _, _, text, _ in frames_of(data)]
    assert "<script>alert(1)</script> (app.py:10)" in labels and "]]> (app.py:12)" in labels
    long = [text for text in labels if "xxx" in text]
    assert long and all(1000 < len(text) < 1300 for text in long)


def test_flamegraph_needs_nothing_from_elsewhere(demo):
    text = mixed().write(demo, "flamegraph").decode()
    assert set(re.findall(r"[a-z]+://[^\"' ]*", text)) == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml"}
    assert "@import" not in text and "url(" not in text and "eval(" not in text and "innerHTML" not in text


def test_flamegraph_leaves_out_what_nobody_could_see(demo):
    profile = Profile()
    thread = profile.thread("t")
    profile.add(thread, 9985 * MS, MAIN, A)
    profile.add(thread, 11 * MS, MAIN, B)
    profile.add(thread, 4 * MS, MAIN, A2, GC)
    assert [text for _, _, _, text, _ in frames_of(profile.write(demo, "flamegraph"))] == \
        ["all", "<module> (/x/t.py:20)", "a (/x/t.py:5)", "b (/x/t.py:9)"]


def test_flamegraph_of_a_deep_stack_stays_usable(demo):
    profile = Profile()
    profile.add(profile.thread("t"), 10 * MS, *([MAIN] + [A] * 4095))
    data = profile.write(demo, "flamegraph")
    assert len(frames_of(data)) == 4097 and int(ElementTree.fromstring(data).get("height")) < 15000


def test_flamegraph_has_a_bounded_number_of_frames(demo):
    profile = Profile()
    thread = profile.thread("t")
    for i in range(60):  # 60 branches of 1,000 frames each
        profile.add(thread, 10 * MS, *([MAIN] + [("f%d" % i, "t.py", 1, 1)] * 1000))
    assert len(frames_of(profile.write(demo, "flamegraph"))) < 20002


# ---- pstats ----

def expected_pstats(profile):
    """Brute force over the samples: {key: [cc, nc, tt, ct, {caller: [nc, cc, tt, ct]}]}."""
    functions = collections.defaultdict(lambda: [0, 0, 0.0, 0.0, collections.defaultdict(lambda: [0, 0, 0.0, 0.0])])
    for _, _, ns, stack in profile.adds:
        keys = [(file, first, name) if file else ("~", 0, name) for name, file, _, first in stack]
        pairs = list(zip(keys, keys[1:]))
        for key in keys:
            functions[key][1] += ns // profile.period
        for key in set(keys):
            functions[key][0] += ns // profile.period
            functions[key][3] += ns / 1e9
        functions[keys[-1]][2] += ns / 1e9
        for caller, callee in pairs:
            functions[callee][4][caller][0] += ns // profile.period
        for caller, callee in set(pairs):
            functions[callee][4][caller][1] += ns // profile.period
            functions[callee][4][caller][3] += ns / 1e9
        if pairs:
            functions[pairs[-1][1]][4][pairs[-1][0]][2] += ns / 1e9
    return functions


def load_pstats(py, data):
    here, there = py.workspace()
    try:
        with open(os.path.join(here, "p.pstats"), "wb") as file:
            file.write(data)
        shutil.copy(os.path.join(HERE, "pstats_facts.py"), here)
        done = py.run(os.path.join(there, "pstats_facts.py"), os.path.join(there, "p.pstats"))
    finally:
        shutil.rmtree(here)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.versions_all
def test_pstats_loads_and_is_true(demo, py):
    profile = mixed()
    facts, expected = load_pstats(py, profile.write(demo, "pstats")), expected_pstats(profile)
    assert sorted(tuple(key) for key, _, _ in facts["functions"]) == sorted(expected)
    for key, (cc, nc, tt, ct), callers in facts["functions"]:
        want = expected[tuple(key)]
        assert [cc, nc, tt, ct] == pytest.approx(want[:4], abs=1e-9)
        assert tt <= ct + 1e-9 and cc <= nc
        assert {tuple(caller): four for caller, four in callers} == \
            {caller: pytest.approx(four, abs=1e-9) for caller, four in want[4].items()}
        if callers and key[2] != "<module>":  # every activation but a root's has one caller
            assert sum(four[0] for _, four in callers) == nc and sum(four[2] for _, four in callers) == pytest.approx(tt)
    seconds = sum(ns for _, _, ns, _ in profile.adds) / 1e9
    assert facts["total_tt"] == pytest.approx(seconds) and facts["thrice_tt"] == pytest.approx(3 * seconds)
    assert facts["stripped_tt"] == pytest.approx(3 * seconds)
    assert "in %.3f seconds" % seconds in facts["text"] and "t.py:4(a)" in facts["text"] and "was called by" in facts["text"]


@pytest.mark.versions_all
def test_pstats_keeps_hostile_names(demo, py):
    facts = load_pstats(py, profiles.hostile().write(demo, "pstats"))
    names = {key[2] for key, _, _ in facts["functions"]}
    assert set(profiles.HOSTILE) <= names and "ok\ufffdok" in names


@pytest.mark.versions("3.8", "3.14")
def test_pstats_counts_beyond_31_bits(demo, py):
    profile = Profile(period=1)
    profile.add(profile.thread("t"), 3000000000, MAIN, *[A] * 3)
    facts = load_pstats(py, profile.write(demo, "pstats"))
    assert {key[2]: four[:2] for key, four, _ in facts["functions"]} == {"<module>": [3000000000] * 2, "a": [3000000000, 9000000000]}


# ---- all of them ----

@pytest.mark.versions("3.12")
def test_nothing_at_all_is_still_a_file(demo, py):
    empty = Profile()
    assert empty.write(demo, "raw") == b""
    assert json.loads(empty.write(demo, "chrometrace")) == [] and json.loads(empty.write(demo, "speedscope"))["profiles"] == []
    assert [text for _, _, _, text, _ in frames_of(empty.write(demo, "flamegraph"))] == ["all"]
    assert load_pstats(py, empty.write(demo, "pstats"))["total_tt"] == 0


@pytest.mark.parametrize("fmt", FORMATS)
def test_output_is_deterministic(demo, fmt):
    assert profiles.service(2).write(demo, fmt) == profiles.service(2).write(demo, fmt)


def test_start_is_the_origin_of_time(demo):
    events = json.loads(mixed().write(demo, "chrometrace"))
    assert START > 0 and min(event["ts"] for event in events) == 0
