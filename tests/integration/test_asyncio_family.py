# SPDX-License-Identifier: Apache-2.0
"""Tasks of several processes: tests/targets/aio/household.py says what each of its processes has."""
import json

import pytest

from lib import aio, tool

VERSIONS = pytest.mark.versions("3.9", "3.12", "3.14")


# ---- record -s ----

@VERSIONS
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
