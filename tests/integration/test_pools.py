# SPDX-License-Identifier: Apache-2.0
"""Executors and what tasks wait for: what is read of them is what the program's own objects say."""
import json
import os
import subprocess

import pytest

from conftest import FOUND
from lib import tool
from lib.target import Target

TARGETS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "targets")


@pytest.fixture(scope="module")
def driver():
    env = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    done = subprocess.run(["make", "-C", tool.REPOSITORY, "pool-facts"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
    assert done.returncode == 0, done.stdout
    return os.path.join(tool.REPOSITORY, os.environ.get("BUILD", "build"), "tests/integration/pool_facts")


class Facts:
    """The driver, attached to a process."""

    def __init__(self, driver, pid):
        self.process = subprocess.Popen([driver, str(pid)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def ask(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def assert_pool(pool, said):
    """busy: the calls that run, by thread; queued: the futures that wait, in order."""
    for key in ("kind", "name", "max", "shutdown", "type"):
        assert pool[key] == said[key], (key, pool, said)
    assert int(pool["object"], 16) == said["object"]
    assert len(pool["workers"]) == said["threads"] and pool["busy"] == said["busy"] == sum(one["busy"] for one in pool["workers"])
    assert [int(one, 16) for one in pool["queued"]] == said["queued"] and pool["n_queued"] == said["qsize"]
    if said.get("running"):
        running = {int(one["future"], 16): one["tid"] for one in pool["workers"] if one["busy"]}
        assert running == {int(key): tid for key, tid in said["running"].items()}
    if "tids" in said:
        assert set(said["tids"]) <= {one["tid"] for one in pool["workers"] if one["busy"]}


def find_pool(found, said):
    pools = [one for one in found["pools"] if int(one["queue"], 16) == said["queue"] and (said["queue"] or one["kind"] == said["kind"])]
    assert len(pools) == 1, said
    return pools[0]


def assert_wait(found, task, said):
    wait = task["wait"]
    for key, value in said.items():
        if key == "object":
            assert int(wait["object"], 16) == value, (task, said)
        elif key == "due":
            assert abs(task["due"] - value) < 1, (task, said)
        elif key == "tid":
            assert task.get("worker", {}).get("tid", 0) == value, (task, said)
        elif key == "place":
            assert task["place"] == value, (task, said)
        elif key == "pool":
            assert int(found["pools"][task["pool"]]["object"], 16) == value, (task, said)
        else:
            assert wait[key] == value, (key, task, said)


def assert_facts(found, truth):
    for said in truth["pools"].values():
        assert_pool(find_pool(found, said), said)
    for name, said in truth["waits"].items():
        try:
            assert_wait(found, found["tasks"][name], said)
        except KeyError as error:
            raise AssertionError((name, error, found["tasks"].get(name), said))


def test_pools_and_waits(driver, py):
    with Target(py, "aio_held.py") as target:
        truth = target.ask("facts")
        target.settle(but=[int(tid) for tid in target.ready.get("harness", [])])
        with Facts(driver, target.pid) as facts:
            found = facts.ask("look")
            assert_facts(found, truth)
            assert len(found["pools"]) == len(truth["pools"]) + 2  # the default executor and that of run_in_executor
            for name in ("object", "fd"):
                assert truth["waits"]["sock-recv"][name]
        target.assert_unharmed()
