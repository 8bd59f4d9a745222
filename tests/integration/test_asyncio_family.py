# SPDX-License-Identifier: Apache-2.0
"""Tasks of several processes: tests/targets/aio/household.py says what each of its processes has."""
import json
import re

import pytest

from lib import aio, procfs, tool
from lib.target import wait_for

VERSIONS = pytest.mark.versions("3.9", "3.12", "3.14")


# ---- record -s ----

@VERSIONS
@pytest.mark.alone
@pytest.mark.parametrize("rate", [(), ("--task-rate", "40")], ids=["each-tick", "task-rate"])
def test_most_tasks_at_once_are_those_of_all_processes(py, rate, tmp_path):
    """Two children have theirs in turns; never all at once."""
    with aio.target(py, "household.py", "3", "5", "even6", "odd6") as target:
        done = tool.run("record", "--asyncio", "-s", "--json", "-p", target.pid, "-d", "2.2", "-r", "100", *rate, "-f", "raw", "-o",
                        tmp_path / "raw", check=0)
        target.assert_unharmed()
    tasks = json.loads(done.stdout)["tasks"]
    assert tasks["most"] == 3 + 5 + (1 + 6) + 1, (tasks, done.stderr)
    assert "at most 16 at once" in done.stderr
    # of each process, not of all together
    assert 15 <= tasks["rate"] <= (45 if rate else 105), tasks


# ---- what the summary's keys mean ----

@VERSIONS
def test_each_key_of_the_summary_means_one_thing(py, tmp_path):
    with aio.target(py, "household.py", "6") as target:
        runs = {}
        for what in ("tasks", "threads", "both"):
            done = tool.run("record", "--asyncio=" + what, "--json", "-i" if what != "tasks" else "--json", "-p", target.pid, "-d", "1",
                            "-f", "raw", "-o", tmp_path / what, check=0)
            runs[what] = json.loads(done.stdout), done.stderr
        slow = tool.run("record", "--asyncio", "--task-rate", "20", "--json", "-p", target.pid, "-d", "1.5", "-f", "raw", "-o",
                        tmp_path / "slow", check=0)
    only_tasks, threads, both = (runs[what][0] for what in ("tasks", "threads", "both"))
    assert only_tasks["samples"] is None and only_tasks["tasks"]["samples"] == 6 * only_tasks["tasks"]["looks"]
    assert only_tasks["looks"] == only_tasks["tasks"]["looks"]
    assert "Samples: %d " % only_tasks["tasks"]["samples"] in runs["tasks"][1]
    assert "tasks" not in threads and threads["samples"] >= threads["looks"] > 0
    assert both["samples"] > 0 and both["looks"] >= both["tasks"]["looks"] > 0
    # a rate that was asked for is no lowered one
    summary = json.loads(slow.stdout)
    assert summary["looks"] == summary["tasks"]["looks"] and 12 <= summary["tasks"]["rate"] <= 22, summary
    assert "looks a second" not in slow.stderr and "instead of" not in slow.stderr, slow.stderr


# ---- ps -s, pstree -s ----

def names(answer):
    return sorted(task["name"] for task in answer["tasks"])


@VERSIONS
def test_every_process_has_its_tasks_and_a_heading(py):
    with aio.target(py, "household.py", "4", "3", "none", "5") as target:
        members = target.ask("members")
        ps = json.loads(tool.run("ps", "-s", "--json", target.pid, check=0).stdout)["processes"]
        tree = json.loads(tool.run("pstree", "--subprocesses", "--json", "--for", "300ms", target.pid, check=0).stdout)["processes"]
        texts = [tool.run(cmd, "-s", target.pid, check=0) for cmd in ("ps", "pstree")]
        alone = json.loads(tool.run("ps", "--json", target.pid, check=0).stdout)
        target.assert_unharmed()
    assert [[answer["pid"], names(answer)] for answer in ps] == [[pid, own or []] for pid, own in members]
    assert [[answer["pid"], names(answer)] for answer in tree] == [[pid, own or []] for pid, own in members]
    assert [answer["parent_pid"] for answer in ps] == [None] + 3 * [target.pid]
    assert "household.py child none" in ps[2]["command"]
    for answer in tree:  # all were watched for the whole time
        assert all(0.2 < task["waiting_s"] for task in answer["tasks"] if task["name"].startswith("member")), answer["tasks"]
    for done in texts:
        parts = done.stdout.split("Process ")[1:]
        for pid, own in members:
            part = [part for part in done.stdout.split("\nProcess ") if part.startswith(("%d: " % pid, "Process %d: " % pid))]
            assert len(part) == 1, done.stdout
            assert ("No asyncio task.\n" in part[0]) == (own is None) and ("Task-1" in part[0]) == (own is not None)
        assert len([part for part in parts if "Python v" in part]) == 4 and done.stderr == ""
    assert names(alone) == members[0][1] and alone["pid"] == target.pid


@VERSIONS
def test_a_parent_without_tasks_says_that_its_children_have_some(py):
    with aio.target(py, "household.py", "none", "none", "3") as target:
        done = tool.run("pstree", target.pid, check=0)
        assert done.stdout == ""
        assert "has no asyncio task: asyncio is not imported there; processes that it started have some (strobe pstree -s %d)" % target.pid \
            in done.stderr
        target.assert_unharmed()
    with aio.target(py, "household.py", "none", "none") as target:
        assert "started" not in tool.run("ps", target.pid, check=0).stderr


# ---- processes that end while they are watched ----

def wait_for_a_look(strobe):
    """Nothing is printed while strobe watches; but between two looks it sleeps until the next, and nowhere else does it sleep like that."""
    wait_for(lambda: procfs.sleeps_until(strobe.pid), "the first look")


@VERSIONS
def test_a_process_that_ends_meanwhile(py):
    """What was seen of it is shown, and that it has ended; whoever asked for it gets the exit status of a failure."""
    with aio.target(py, "household.py", "3") as target:
        with tool.Running("pstree", "--for", "20s", "--json", target.pid) as strobe:
            wait_for_a_look(strobe)
            target.process.kill()
            status, out, err = strobe.wait()
    assert status == 1 and re.search(r"process %d has ended meanwhile: this is how it was \d+\.\d seconds ago" % target.pid, err), err
    assert names(json.loads(out)) == ["Task-1", "member-0", "member-1"]


@VERSIONS
def test_a_child_that_ends_meanwhile(py):
    with aio.target(py, "household.py", "2", "3") as target:
        members = target.ask("members")
        with tool.Running("ps", "-s", "--for", "3s", "--json", target.pid) as strobe:
            wait_for_a_look(strobe)
            child = target.ask("end", 1)
            status, out, err = strobe.wait()
        target.assert_unharmed()
    assert status == 0 and "process %d has ended meanwhile" % child in err, err
    assert [[answer["pid"], names(answer)] for answer in json.loads(out)["processes"]] == members


# ---- options that have nothing to do with tasks ----

@pytest.mark.versions("3.12")
def test_what_has_no_effect_is_said(py, tmp_path):
    with aio.target(py, "household.py", "3") as target:
        def said(*args):
            return tool.run("record", *args, "-p", target.pid, "-d", "0.2", "-f", "raw", "-o", tmp_path / "x", check=0).stderr
        both = said("--asyncio=both", "-t", "-i", "-g")
        tasks = said("--asyncio", "-t", "-i")
        threads = said("--asyncio=threads", "-t", "-i", "-g")
    for option in ("--threads", "--idle", "--gil"):
        assert (option + " has no effect on tasks" in tasks) == (option != "--gil")
        assert option + " has no effect on tasks" in both and option + " has no effect" not in threads
    assert "it applies to the profile of threads" in both and "it applies" not in tasks
