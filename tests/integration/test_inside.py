# SPDX-License-Identifier: Apache-2.0
"""import strobe: a program's profile of itself against what the program knows by its own clock, and what a recording leaves behind."""
import json
import math
import os
import subprocess

import pytest

from lib import formats, inside, tool

pytestmark = [pytest.mark.inside, pytest.mark.few, pytest.mark.alone]
MISSED = 0.05  # seconds at a recording's begin and end that no sample stands for


def tolerance(part, n):
    """Five standard deviations of a part that is found by n samples, and the functions' own small overhead."""
    return 5 * math.sqrt(part * (1 - part) / n) + 0.01


def assert_shares(found, spent, n):
    total, whole = sum(spent.values()), sum(found.values())
    for name, seconds in spent.items():
        part = seconds / total
        assert abs(found[name] / whole - part) < tolerance(part, n), (name, found, spent)


@pytest.mark.versions_all
def test_shares_of_functions(py):
    facts = inside.run(py, "truth.py", "shares")
    stats = facts["stats"]
    assert stats["samples"] > 500
    assert_shares(facts["found"], facts["spent"], stats["samples"])
    assert abs(facts["seconds"] - sum(facts["spent"].values())) < MISSED + 0.1 * facts["seconds"], facts
    assert stats["visits"] > 0.2 * stats["samples"], "samples of a thread that has a CPU are taken on it"


def test_sleeping_and_waiting_threads(py):
    facts = inside.run(py, "truth.py", "sleepers")
    for name, seconds in facts["all"].items():
        assert abs(seconds - facts["elapsed"]) < MISSED + 0.03 * facts["elapsed"], facts
    assert facts["active"]["waiter"] == 0, "it never runs"
    assert abs(facts["active"]["worker"] - facts["elapsed"]) < MISSED + 0.03 * facts["elapsed"], facts
    assert facts["active"]["sleeper"] < 0.5 * facts["elapsed"], "it waits for the GIL after each sleep, no more"


@pytest.mark.versions_all
def test_wall_time_of_tasks(py):
    facts = inside.run(py, "truth.py", "tasks")
    period = 1 / 50
    for name, seconds in facts["lived"].items():
        assert abs(facts["found"][name] - seconds) < 4 * period, facts
    assert abs(facts["inner"] - sum(facts["lived"].values())) < 8 * period, facts


def test_a_deep_stack_is_whole(py):
    facts = inside.run(py, "truth.py", "deep")
    assert facts["deepest"] == 901
    assert facts["whole"] > 0.9 * facts["all"], "but for the way down and up"


@pytest.mark.versions_all
def test_pictures(py):
    facts = inside.run(py, "truth.py", "pictures")
    assert len(set(facts["pids"])) == 1
    assert len(facts["tasks"]) == 3, "two that wait, and the one that looks"
    frames = dict(facts["threads"])["someone who waits"]
    assert frames[0].endswith("wait") and frames[-1].endswith("_bootstrap"), frames
    assert [0, 1] == [facts["semaphores"][0][1], facts["semaphores"][0][2]], facts["semaphores"]


def test_the_same_as_from_outside(py):
    """`strobe record` beside the program's own recording: both within sampling error of the program's clock."""
    with inside.Program(py, "truth.py") as program:
        process = subprocess.Popen(program.command + ["beside"], env=program.env, cwd=program.here, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   text=True)
        try:
            pid = json.loads(process.stdout.readline())["pid"]
            out = os.path.join(program.here, "outside.txt")
            process.stdin.write("go\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["recording"]
            with tool.Running("record", "--pid", pid, "-o", out, "-f", "raw", "-r", "500") as strobe:
                facts = json.loads(process.stdout.readline())
                status, _, errors = strobe.end()
            assert status == 0, errors
        finally:
            process.kill()
            process.communicate()
        assert_shares(facts["found"], facts["spent"], 500 * sum(facts["found"].values()))
        stacks = formats.raw_names(out)
        seen = {name: sum(n for stack, n in stacks if name in stack) for name in facts["spent"]}
        assert_shares(seen, facts["spent"], sum(seen.values()))


# ---- how recordings begin and end ----


def test_recordings_inside_one_another(py):
    facts = inside.run(py, "lifecycle.py", "nested")
    assert abs(facts["inner"] - 0.5) < MISSED and abs(facts["first"] - 0.5) < MISSED and abs(facts["second"] - 0.5) < MISSED, facts
    assert abs(facts["outer"] - facts["outer_elapsed"]) < MISSED + 0.05, facts
    assert facts["failed"] == "\"the program's own\"" and facts["of_failed"], facts
    assert facts["running"] == [True, False] and facts["stop_again"] is None
    begins = ["RuntimeError: strobe is not recording", "RuntimeError: strobe is not recording", "ValueError: rate is a number",
              "ValueError: max_cpu is a part", "ValueError: no format is known for 'x.unknown'", "ValueError: strobe has no format no such",
              "ValueError: of is 'threads' or 'tasks'", "ValueError: the format shows the order in time", "strobe is recording already"]
    assert [got.startswith(begin) for got, begin in zip(facts["refused"], begins)] == [True] * len(begins), facts["refused"]


def test_snapshots_lose_no_time(py):
    facts = inside.run(py, "lifecycle.py", "rotation")
    assert len(facts["parts"]) == 20 and len(facts["sums"]) == 3
    for name, seconds in facts["sums"].items():
        assert abs(seconds - facts["elapsed"]) < 0.08 * facts["elapsed"], (name, facts)


def test_what_stop_leaves_behind(py):
    facts = inside.run(py, "lifecycle.py", "left")
    during = facts["while"]
    assert during["comm"] == "strobe" and during["cloexec"] and during["signal"]
    # all but SIGKILL, SIGSTOP, which cannot be blocked, and the two that the C library keeps to itself
    assert during["blocks"] | 1 << 8 | 1 << 18 | 3 << 31 == (1 << 64) - 1
    assert facts["same"].pop("caught") is False and all(facts["same"].values()), facts
    assert facts["caught"] == [during["signal"]], "the one handler, for stragglers"


def test_200_recordings_leave_nothing(py):
    facts = inside.run(py, "lifecycle.py", "cycles", 200)
    before, after = facts["before"], facts["after"]
    assert after[1:] == before[1:], "file descriptors, threads, signals"
    assert after[0] - before[0] < 1 << 20, "memory: %s" % facts


def test_a_budget_is_kept(py):
    facts = inside.run(py, "lifecycle.py", "budget")
    assert facts["rate"] < 4000
    assert facts["part"] < 0.04, "one percent was allowed: it is about to be reached"


def test_a_tiny_budget(py):
    facts = inside.run(py, "lifecycle.py", "tiny_budget")
    assert facts["lowered"] and facts["took"], facts


def test_looks_that_are_always_late(py):
    assert inside.run(py, "lifecycle.py", "flat_out")["looks"] > 1000


def test_threads_that_come_and_go(py):
    facts = inside.run(py, "lifecycle.py", "many_threads")
    assert facts["made"] >= 20 and facts["stats"]["samples"] > 100, facts


def test_a_process_that_may_open_no_more_files(py):
    facts = inside.run(py, "lifecycle.py", "few_files")
    assert facts["limit"] == 64, "the limit is the program's"
    assert abs(facts["after"] - 0.5) < MISSED, facts
    assert facts["said"] == "recording" and abs(facts["seconds"] - 0.5) < 4 * MISSED, facts


# ---- files ----




def test_files_load_where_they_are_meant_for(py):
    with inside.Program(py, "saves.py") as program:
        facts = program.run()
        name = facts["name"]
        total = facts["seconds"]
        for kind in ("collapsed", "speedscope.json", "trace.json", "svg", "pstat"):
            assert os.path.getsize(os.path.join(program.here, "x." + kind)) > 100
        stacks = formats.raw(os.path.join(program.here, "x.collapsed"))
        assert abs(formats.total(stacks) / 400 - total) < 0.02 * total
        assert any("hostile" in label for stack, _ in stacks for label in stack), name
        speedscope = formats.speedscope_stacks(os.path.join(program.here, "x.speedscope.json"))
        assert abs(sum(seconds for _, seconds in speedscope) - total) < 0.02 * total
        assert formats.chrometrace(os.path.join(program.here, "x.trace.json"))
        assert facts["pstat"] > 3, "the program itself loaded it with pstats"
        svg = open(os.path.join(program.here, "x.svg"), encoding="utf-8").read()
        import xml.dom.minidom

        document = xml.dom.minidom.parseString(svg)
        assert len(document.getElementsByTagName("script")) <= 1 and "<hostile" not in svg, "names are escaped"
        assert facts["mode"] == 0o640 and facts["left"] == [], "whole or not at all, with the program's mask"
        assert facts["unwritable"].startswith("FileNotFoundError")
