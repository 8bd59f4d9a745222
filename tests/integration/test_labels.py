# SPDX-License-Identifier: Apache-2.0
"""Labels, from inside (strobe.label, labels=) and from outside (record --by), against what the target knows: work under the label K is done in
functions of the name work_K, and its own clocks say how long."""
import collections
import json
import os
import re

import pytest

from lib import inside, packages, pprof, tool
from lib.program import Program
from lib.target import TARGETS

pytestmark = [pytest.mark.few, pytest.mark.alone]

TARGET = os.path.join(TARGETS, "labelled.py")
RATE = 500  # samples a second


def from_inside(py, scene, env=None, profile=None):
    """What the target prints that records itself; with profile: (that, the file of this name, read)."""
    with Program(py, [TARGET], [inside.environment(py), env or {}]) as program:
        here, there = program.path(profile or "")
        told = program.run(scene, "inside", *([there] if profile else []))
        return (told, pprof.read(here)) if profile else told


def outside(py, tmp_path, scene, *options, env=None):
    """(what the target prints, its stacks) under `strobe record`."""
    out = tmp_path / "x.txt"
    with Program(py, [TARGET], [env or {}]) as program:
        done = tool.run("record", "-f", "raw", "-o", out, "-r", str(RATE), *options, "--", *program.command, scene, check=0, env=program.env)
        lines = [line.rpartition(" ") for line in out.read_text().splitlines()]
        told = dict(json.loads(done.stdout), samples=int(re.search(r"Samples: (\d+)", done.stderr).group(1)))
        return told, {stack: int(count) for stack, _, count in lines}


LABEL = re.compile(r"\[([^=\]]+)=(.*)\]$")


def judged(stacks, name):
    """Of work under each label: periods by the label that they were given (None: without)."""
    found = collections.defaultdict(collections.Counter)
    for stack, count in stacks.items():
        frames = stack.split(";")
        ought = [match.group(1) for match in (re.match(r"(?:work|child)_(\S+) \(", frame) for frame in frames) if match]
        if ought:
            given = dict(match.groups() for match in map(LABEL.match, frames) if match)
            found[ought[-1]][given.get(name)] += count
    return found


def assert_right(stacks, told, name, keys):
    """Work is seen as long as it took, under its own label.

    Labels are read right after the stack: at each end of a stretch of work one sample may have those of what comes next, or none.  A sample
    stands for the time since the one before it, which is one period, or more where the machine left strobe no CPU: those periods of which no
    sample of their own was made (more) may be on the wrong side of such an end.  Whole periods are counted, by thread: two may be lost, at its beginning and end.
    """
    found = judged(stacks, name)
    more = max(0, sum(stacks.values()) - told["samples"])
    assert set(keys) <= set(told["spent"])
    for key in keys:
        seen, own = sum(found[key].values()), found[key][None if key == "none" else key]
        ends = 2 * told["stretches"][key] + 2
        shown = key, dict(found), told["spent"], told.get("whole"), told.get("stats"), told["samples"]
        assert seen >= told["spent"][key] * RATE - ends - more, shown
        assert own >= seen - ends - more, shown
    assert sum(found[key][None if key == "none" else key] for key in keys) > 0, found


def parts(told, name):
    return {value: (threads, tasks) for value, threads, tasks in told["by"][name]}


def assert_adds_up(told):
    for name in told["by"]:
        for of in (0, 1):
            assert sum(part[of] for part in parts(told, name).values()) == pytest.approx(told["whole"][of], abs=1e-6), name


# ---- from inside ----

@pytest.mark.versions("3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.14t", "3.15")
@pytest.mark.parametrize("scene, keys", [("nested", ["1", "2", "3", "none"]), ("threads", ["1", "2", "3", "outer", "none"]),
                                         ("executors", ["direct", "gather", "levels", "wrapped", "later", "none"]),
                                         ("plain_pool", ["1", "2", "3", "none"]), ("short_calls", ["1", "2", "3"])])
def test_work_has_the_label_of_who_asked_for_it(py, scene, keys):
    told = from_inside(py, scene)
    assert_right(told["stacks"], told, "request_id", keys)
    assert_adds_up(told)
    if scene == "nested":
        by_step, by_tier = parts(told, "step"), parts(told, "tier")
        assert set(by_step) == {"deep", None} and set(by_tier) == {"web", None}
        requests = [sum(part[of] for value, part in parts(told, "request_id").items() if value) for of in (0, 1)]
        assert by_tier["web"] == pytest.approx(requests, abs=1e-6)  # both labels were there at the same time
        asleep = judged({stack: count for stack, count in told["tasks"].items() if "child_" in stack}, "request_id")
        for n in "123":
            assert asleep[n][n] >= 0.95 * sum(asleep[n].values()) > 0, asleep  # the task that create_task made there
    if scene == "threads":
        assert_right(told["stacks"], told, "request_id", ["outer"])
        assert {"r1", "r2", "r3"} <= set(parts(told, "structlog_request_id"))


@pytest.mark.versions("3.14", "3.14t", "3.15")
def test_calls_in_other_interpreters(py, tmp_path):
    told = from_inside(py, "interpreters")
    assert_right(told["stacks"], told, "request_id", ["1", "2", "none"])
    told, stacks = outside(py, tmp_path, "interpreters", "--by", "label:request_id")
    assert_right(stacks, told, "request_id", ["1", "2", "none"])


@pytest.mark.versions("3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.14t", "3.15")
def test_structlog_needs_no_change(py):
    told = from_inside(py, "structlog", packages.need(py, "structlog"))
    assert_right(told["stacks"], told, "structlog_request_id", ["req-1", "req-2", "req-3", "none"])
    assert_adds_up(told)


@pytest.mark.versions("3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.14t", "3.15")
def test_opentelemetry_trace_and_span(py):
    told = from_inside(py, "otel", packages.need(py, "otel"))
    spans = told["facts"]["spans"]
    assert_right(told["stacks"], told, "trace_id", sorted(set(spans.values())) + ["none"])
    assert set(parts(told, "trace_id")) - {None} == set(spans.values()) and len(set(spans.values())) == 3
    assert set(parts(told, "span_id")) - {None} == set(spans)
    for stack in told["stacks"]:
        given = dict(match.groups() for match in map(LABEL.match, stack.split(";")) if match)
        assert spans.get(given.get("span_id")) == given.get("trace_id")
    assert_adds_up(told)


@pytest.mark.versions("3.9", "3.12", "3.14t", "3.15")
def test_hostile_values(py):
    told = from_inside(py, "hostile")
    values = set(parts(told, "structlog_request_id"))
    assert {"x" * 128 + "...", "line\nbreak\r\t", "]", "a]b=c;d [e", "\u00e9\u20ac\U0001f600", "\ufffd lone", "", "?nul", "7", "<int>", "<float>",
            "None", "True", "<bytes>", "<list>", "<Strange>"} == values - {None}
    assert "c" in parts(told, "a?b") and "[" in parts(told, "]")
    assert set(parts(told, "k1")) == {"line\nbreak\r\t", None} and set(parts(told, "k5")) == {"\ufffd lone", None}
    assert set(parts(told, "a=b")) == {None}
    assert_adds_up(told)


@pytest.mark.versions("3.9", "3.14")
def test_the_number_of_values_is_bounded(py):
    told = from_inside(py, "many")
    found = parts(told, "request_id")
    assert len(set(found) - {None}) == 1001 and found["other"][0] > 0
    assert set(parts(told, "other_label")) <= {"still", None}  # a name of its own, with values of its own
    assert_adds_up(told)


@pytest.mark.versions("3.9", "3.13", "3.14t")
def test_labels_of_a_pprof_file(py):
    told, found = from_inside(py, "threads", profile="p.pb.gz")
    spent = collections.Counter()
    for sample in found.samples:
        assert not any(frame[0].startswith("[") for frame in sample.stack)
        spent[sample.labels.get("request_id")] += sample.ns / 1e9
    assert spent == {value: pytest.approx(part[0], abs=1e-6) for value, part in parts(told, "request_id").items()}


# ---- from outside ----

@pytest.mark.parametrize("scene, keys", [("threads", ["1", "2", "3", "outer", "none"]), ("executors", ["direct", "gather", "levels", "wrapped", "later", "none"]),
                                         ("short_calls", ["1", "2", "3"])])
def test_threads_by_a_label_without_asyncio(py, tmp_path, scene, keys):
    told, stacks = outside(py, tmp_path, scene, "--by", "label:request_id", "--by", "contextvar:structlog_request_id")
    assert_right(stacks, told, "request_id", keys)
    if scene == "threads":
        for stack in stacks:
            given = dict(match.groups() for match in map(LABEL.match, stack.split(";")) if match)
            assert given.get("structlog_request_id", "r" + str(given.get("request_id"))) in ("r1", "r2", "r3", "router", "rNone")
            assert set(given) <= {"request_id", "structlog_request_id"}


def test_calls_of_worker_processes(py, tmp_path):
    told, stacks = outside(py, tmp_path, "processes", "-s", "--by", "label:request_id")
    assert_right(stacks, told, "request_id", ["1", "2", "none"])


@pytest.mark.versions("3.9", "3.13", "3.14t", "3.15")
def test_opentelemetry_from_outside(py, tmp_path):
    told, stacks = outside(py, tmp_path, "otel", "--by", "otel:trace_id", "--by", "otel:span_id", env=packages.need(py, "otel"))
    spans = told["facts"]["spans"]
    assert_right(stacks, told, "trace_id", sorted(set(spans.values())) + ["none"])
    for stack in stacks:
        given = dict(match.groups() for match in map(LABEL.match, stack.split(";")) if match)
        assert spans.get(given.get("span_id")) == given.get("trace_id")


@pytest.mark.versions("3.8", "3.12")
def test_structlog_from_outside(py, tmp_path):
    told, stacks = outside(py, tmp_path, "structlog", "--by", "contextvar:structlog_request_id", env=packages.need(py, "structlog"))
    assert_right(stacks, told, "structlog_request_id", ["req-1", "req-2", "req-3", "none"])


@pytest.mark.parametrize("value", ["turn", "label:", "contextvar:", "otel:trace", "otel:", ""])
def test_what_by_does_not_take(value):
    done = tool.run("record", "--by", value, "-p", str(os.getpid()), check=2)
    assert "is no value for --by" in done.stderr
