# SPDX-License-Identifier: Apache-2.0
"""Executors and what tasks wait for: what is read of them is what the program's own objects say."""
import json
import os
import subprocess

import pytest

from conftest import FOUND
from lib import built, packages
from lib.target import Target

LAST_OF_ANYIO_3 = (3, 12)


@pytest.fixture(scope="module")
def driver():
    built.make("pool-facts")
    return built.path("tests/integration/pool_facts")


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


def check(driver, py, *args, **kwargs):
    with Target(py, "aio_held.py", *args, **kwargs) as target:
        truth = target.ask("facts")
        target.settle()
        with Facts(driver, target.pid) as facts:
            found = facts.ask("look")
            assert_facts(found, truth)
            assert len(found["pools"]) == len(truth["pools"]) + 2  # the default executor and that of run_in_executor
        target.assert_unharmed()
    return truth


def test_pools_and_waits(driver, py):
    check(driver, py)


@pytest.mark.parametrize("package", ["anyio", "anyio3"])
def test_anyio(driver, py, package):
    if package == "anyio3" and py.minor > LAST_OF_ANYIO_3:
        pytest.skip("anyio 3 is older than this Python")
    truth = check(driver, py, "anyio", env=packages.need(py, package))
    assert "any-lock" in truth["waits"] and "anyio" in truth["pools"]


def test_uvloop(driver, py):
    """What is in C there is not known, and nothing else is wrong."""
    check(driver, py, "uvloop", env=packages.need(py, "uvloop"))
