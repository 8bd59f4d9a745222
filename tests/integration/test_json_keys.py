# SPDX-License-Identifier: Apache-2.0
"""docs/formats.md lists every key of every JSON that strobe writes, and no other."""
import json
import os
import re

import pytest

from lib import aio, tool
from lib.target import Target

pytestmark = pytest.mark.versions("3.12", "3.14")


def documented():
    """{heading: keys} of the tables below "## JSON"."""
    with open(os.path.join(tool.REPOSITORY, "docs", "formats.md")) as f:
        text = f.read().split("\n## JSON\n")[1].split("\n## ")[0]
    found = {}
    for part in text.split("\n### ")[1:]:
        heading, rows = part.split("\n", 1)
        keys = [key for row in re.findall(r"^\| (`.*?) \|", rows, re.M) for key in re.findall(r"`([^`]+)`", row)]
        assert len(keys) == len(set(keys)), "a key is listed twice"
        found[heading] = set(keys)
        for columns in re.findall(r"^\| `.*?` \|(.*)\|$", rows, re.M):
            assert len(columns.split("|")) == 2 and columns.split("|")[0].strip(), "no unit: " + columns
    return found


def paths(value, at=""):
    """Keys as "tasks[].stack[].name"."""
    if isinstance(value, dict):
        for key, inner in value.items():
            path = (at + "." if at else "") + key
            yield path
            yield from paths(inner, path)
    elif isinstance(value, list):
        for inner in value:
            yield from paths(inner, at + "[]")


def keys(*values):
    """Without what repeats inside of itself."""
    found = set()
    for value in values:
        for path in paths(value):
            path = re.sub(r"^(groups\[\])(\.children\[\])+", r"\1", path)
            found.add(re.sub(r"(\.process_info)(\.parent)+(?=\.)", r"\1", path))
    return found


def shown(target, *args):
    return json.loads(tool.run(*args, "--json", target.pid, check=0).stdout)


def assert_same(written, listed):
    assert written - listed == set(), "not in docs/formats.md"
    assert listed - written == set(), "in docs/formats.md, but nothing writes them"


def test_ps_and_pstree(py):
    trees, rows = [], []
    for script, args in (("primitives.py", ()), ("executors.py", ()), ("streams.py", ()), ("groups.py", ()), ("deep.py", ("tasks", "100")),
                         ("household.py", ("named20",))):
        with aio.target(py, script, *args) as target:
            trees.append(shown(target, "pstree", "--by", "contextvar:x"))
            rows.append(shown(target, "ps"))
    with aio.target(py, "household.py", "1", "1") as target:
        family = shown(target, "ps", "-s")
    listed = documented()["`ps --json`, `pstree --json`"]
    assert_same(keys(*trees), listed)
    assert_same(keys(*rows), {key for key in listed if not key.startswith("groups") and key != "tasks[].context"})
    assert set(family) == {"processes"} and keys(*family["processes"]) <= keys(*rows)


def test_pools(py):
    with Target(py, "resources.py") as target:
        one, family = shown(target, "pools"), shown(target, "pools", "-s")
    assert_same(keys(one), documented()["`pools --json`"])
    assert keys(*family["processes"]) == keys(one)


def test_dump(py):
    with aio.target(py, "household.py", "3", "2") as target:
        threads = shown(target, "dump", "-s", "-l")
        both = shown(target, "dump", "-s", "--asyncio")
    listed = documented()
    assert_same(keys(threads), listed["`dump --json`"])
    of_threads = {"threads" + key for key in listed["`dump --json`"] if "locals[]" not in key}
    of_tasks = {key.replace("threads[]", "asyncio_tasks[]") for key in of_threads if ".frames[]." in key}
    assert_same(keys(both), listed["`dump --json --asyncio`"] | of_threads | of_tasks)


def test_record(py, tmp_path):
    with Target(py, os.path.join("aio", "schedule.py"), "blocked") as target:
        def summary(*args):
            return shown(target, "record", *args, "-d", "0.7", "-f", "raw", "-o", tmp_path / "out")
        plain, tasks, both = summary(), summary("--asyncio"), summary("--asyncio=both")
    listed = documented()["`record --json`"] | {"files", "pauses"}
    assert_same(keys(tasks), listed)
    assert_same(keys(both), listed)
    assert_same(keys(plain), {key for key in listed if not re.match(r"(tasks|blocked)\b", key)})
