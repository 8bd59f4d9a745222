# SPDX-License-Identifier: Apache-2.0
"""A process made by fork has the tasks, loops, semaphores and executors of its parent as copies: of them what it uses itself is shown
(tests/targets/copies.py says who has what)."""
import json
import os
import re
import signal

import pytest

from lib import tool
from lib.target import Target, wait_for
from test_serve import Server

pytestmark = pytest.mark.versions("3.8", "3.12", "3.14")  # a word with the process's id, the same without it, a field of the thread


def processes(*args):
    return {one["pid"]: one for one in json.loads(tool.run(*args, check=0).stdout)["processes"]}


def copied_tasks(py, target):
    """From 3.14 on a child forgets the tasks of its parent when it is forked."""
    return target.ready["forked"] if py.minor < (3, 14) else 0


def frames(answer):
    return sorted(task["stack"][-1]["name"].rpartition(".")[2] for task in answer["tasks"])


@pytest.mark.parametrize("cmd", ["ps", "pstree"])
def test_tasks(py, cmd):
    with Target(py, "copies.py") as target:
        answers = processes(cmd, "-s", "--json", target.pid)
        text = tool.run(cmd, "-s", target.pid, check=0).stdout
        target.assert_unharmed()
    workers, own, forked = target.ready["workers"], target.ready["own"], copied_tasks(py, target)
    assert sorted(answers) == sorted([target.pid, own] + workers)
    assert frames(answers[target.pid]) == ["fetch"] * 6 + ["main"] and answers[target.pid]["copies"] == 0
    for pid in workers:
        assert answers[pid]["tasks"] == answers[pid]["waits"] == answers[pid]["diagnosis"] == [], answers[pid]
        assert answers[pid]["copies"] == forked
    assert frames(answers[own]) == ["hold"] * 3 + ["live"] and answers[own]["copies"] == forked
    assert answers[own]["diagnosis"] == [] and [pool["workers"][0]["busy"] for pool in answers[own]["pools"]] == [True]
    assert "blocked" not in text and text.count("fetch") == (6 if cmd == "ps" else 2)
    line = "%d copies of its parent's, which this process does not use, are left out\n" % forked if forked else ""
    assert text.count(line or "copies of") == (3 if forked else 0) and text.count("No asyncio task.\n" + line) == 2


def test_dump(py):
    with Target(py, "copies.py") as target:
        text = tool.run("dump", "-s", target.pid, check=0).stdout
        answer = json.loads(tool.run("dump", "-s", "--json", "--asyncio", target.pid, check=0).stdout)
    by_process = {target.pid: 0, target.ready["own"]: 0}
    for task in answer["asyncio_tasks"]:
        by_process[task["pid"]] += 1
    assert by_process == {target.pid: 7, target.ready["own"]: 4}
    assert "blocked" not in text
    assert text.count("%d copies of its parent's, which this process does not use, are left out" % target.ready["forked"]) == \
        (3 if copied_tasks(py, target) else 0)


def test_pools(py):
    with Target(py, "copies.py") as target:
        answers = processes("pools", "-s", "--json", target.pid)
        text = tool.run("pools", "-s", target.pid, check=0).stdout
        target.assert_unharmed()
    workers, own = target.ready["workers"], target.ready["own"]
    named = sorted(row["name"] for row in answers[target.pid]["resources"] if row["name"])
    assert {"PriceClient._sem", "__main__.GATE", "__main__.SPARE", "__main__.POOL", "__main__.INBOX"} <= set(named)
    for pid in workers:
        assert answers[pid]["resources"] == [] and answers[pid]["copies"] == 6, answers[pid]
    rows = {row["name"] or row["thread_name_prefix"]: row for row in answers[own]["resources"]}
    rows = {re.sub(r".*own.*|.*pool", "own", name): row for name, row in rows.items()}
    assert len(rows) == len(answers[own]["resources"]) == 3, rows
    assert (rows["own"]["workers"], rows["own"]["active_workers"]) == (1, 1)
    spare, made = rows["__main__.SPARE"], [row for row in rows.values() if row.get("for") == "tasks"][0]
    assert (spare["available"], spare["waiters"]) == (0, 2) and (made["available"], made["capacity"]) == (1, 4)
    assert answers[own]["copies"] == 5
    # those of the parent alone, and the one that threads of the child wait for
    assert len(re.findall(r"^! ", text, re.M)) == 3 and text.count("copies of its parent's") == 3


def test_recording(py, tmp_path):
    with Target(py, "copies.py") as target:
        done = tool.run("record", "--asyncio", "-s", "--json", "-d", "1", "-f", "raw", "-o", tmp_path / "raw", "-p", target.pid, check=0)
    assert json.loads(done.stdout)["tasks"]["most"] == 7 + 4, done
    assert "blocked" not in done.stderr, done.stderr


def test_served(py):
    """Also when the parent was killed, and its workers, whom nobody has told, go on."""
    def wanted(own_alone):
        gate, spare = ("dependency", "__main__.GATE"), ("dependency", "__main__.SPARE")
        parent = 0 if own_alone else 1
        return {("semaphore_available", gate): 19 * parent or None,
                ("semaphore_capacity", gate, ("source", "bounded")): 20 * parent or None,
                ("semaphore_available", spare): 2 * parent or None, ("semaphore_waiters", spare): 2 * parent or None,
                ("semaphore_capacity", spare, ("source", "bounded")): 4 * parent or None,
                ("active_async_tasks",): 11 * parent, ("strobe_targets",): 2 + 2 * parent}
    with Target(py, "copies.py", "orphans") as target, Server(target.pid) as server:
        try:
            server.shows(wanted(False))
            lists = json.loads(server.heavy("/pools")[2])["processes"]
            assert {one["pid"]: len(one["resources"]) for one in lists if one["pid"] in target.ready["workers"]} == \
                dict.fromkeys(target.ready["workers"], 0)
            text = server.heavy("/tasks?format=text")[2].decode()
            assert text.count("fetch") == 2 and "blocked" not in text, text
            os.kill(target.pid, signal.SIGKILL)
            server.shows(wanted(True))
            lists = json.loads(server.heavy("/pools")[2])["processes"]
            assert [one["resources"] for one in lists] == [[], []]
        finally:
            for pid in target.ready["workers"]:
                os.kill(pid, signal.SIGKILL)


def is_scanned(server, pid):
    status, _, body = server.heavy("/pools?pid=%d" % pid)
    return status == 200 and json.loads(body)["copies"] == 5  # 404: it is not served yet


def test_a_semaphore_that_a_child_begins_to_use(py):
    """It has it from its parent; when its permits change it is its own."""
    with Target(py, "copies.py") as target, Server(target.pid) as server:
        gate = ("dependency", "__main__.GATE")
        wait_for(lambda: is_scanned(server, target.ready["own"]), "what lies idle to be found")
        server.shows({("semaphore_available", gate): 19, ("strobe_targets",): 4})
        target.ask("take_in_own")
        server.shows({("semaphore_available", gate): 19 + 18, ("semaphore_capacity", gate, ("source", "bounded")): 40})
